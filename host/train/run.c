#include "train/run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "train/lock.h"

static const char runs_folder[] = "runs";

static char *join(const char *folder, const char *name)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s", folder, name);
    return path.text;
}

char *gcl_run_path(const gcl_run *run, const char *name) { return join(run->folder, name); }

static int has(const char *folder, const char *name)
{
    char *path = join(folder, name);
    int kind = gcl_path_kind(path);
    free(path);
    return kind != 0;
}

static int lock_folder(gcl_run *run, gcl_error *err)
{
    run->lock = gcl_lock_take(run->folder, err);
    return run->lock >= 0 ? 0 : -1;
}

void gcl_run_close(gcl_run *run)
{
    if (run->folder != NULL)
        gcl_lock_release(run->folder, run->lock);
    free(run->folder);
    run->folder = NULL;
    run->lock = -1;
}

/* ---- folders -------------------------------------------------------------------------------------- */

/* The number at the start of "00012-dcgan-small-faces", or -1. */
static long run_number(const char *name)
{
    char *end;
    if (name[0] < '0' || name[0] > '9')
        return -1;
    long number = strtol(name, &end, 10);
    return *end == '-' ? number : -1;
}

/* The run of the largest number under runs/; malloc'ed name, or NULL. */
static char *newest_run(long *number)
{
    char *newest = NULL;
    DIR *dir = opendir(runs_folder);
    *number = 0;
    if (dir == NULL)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        long n = run_number(entry->d_name);
        if (n < 0 || (n <= *number && newest != NULL))
            continue;
        free(newest);
        newest = gcl_strdup(entry->d_name);
        *number = n;
    }
    closedir(dir);
    return newest;
}

static int make_numbered(gcl_run *run, const char *name, gcl_error *err)
{
    long number;
    if (gcl_folder_make(runs_folder, err) != 0)
        return -1;
    free(newest_run(&number));
    for (;;) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%05ld-%s", runs_folder, ++number, name);
        if (mkdir(path.text, 0777) == 0) {
            run->folder = path.text;
            return 0;
        }
        int reason = errno;
        if (reason != EEXIST)
            gcl_fail(err, GCL_DISK, "%s: the folder cannot be made: %s; choose another with --out",
                     path.text, strerror(reason));
        gcl_text_free(&path);
        if (reason != EEXIST)
            return -1;
    }
}

static int make_parts(gcl_run *run, gcl_error *err)
{
    static const char *const parts[] = {"samples", "checkpoints"};
    for (int i = 0; i < 2; i++) {
        char *path = gcl_run_path(run, parts[i]);
        int result = gcl_folder_make(path, err);
        if (result == 0)
            gcl_atomic_sweep(path);
        free(path);
        if (result != 0)
            return -1;
    }
    gcl_atomic_sweep(run->folder);
    return 0;
}

int gcl_run_check_new(const char *out, gcl_error *err)
{
    gcl_run there;
    gcl_error busy = {0};
    if (!has(out, "options.json") && !has(out, "log.jsonl"))
        return 0;
    if (gcl_run_open(&there, out, &busy) == 0)
        gcl_run_close(&there);
    else if (busy.code == GCL_USAGE) /* somebody trains there: the message says who */
        return gcl_fail(err, GCL_USAGE, "%s", busy.text);
    return gcl_fail(err, GCL_USAGE,
                    "%s: already holds a run; go on with it: --resume %s, or choose another --out",
                    out, out);
}

int gcl_run_create(gcl_run *run, const char *out, const char *name, gcl_error *err)
{
    *run = (gcl_run){.lock = -1};
    int result = 0;
    if (out == NULL) {
        result = make_numbered(run, name, err);
    } else {
        run->folder = gcl_strdup(out);
        result = gcl_folder_make(out, err);
    }
    if (result == 0)
        result = lock_folder(run, err);
    if (result == 0)
        result = gcl_run_check_new(run->folder, err);
    if (result == 0)
        result = make_parts(run, err);
    if (result != 0)
        gcl_run_close(run);
    return result;
}

int gcl_run_open(gcl_run *run, const char *folder, gcl_error *err)
{
    *run = (gcl_run){.lock = -1};
    if (!has(folder, "options.json"))
        return gcl_fail(err, GCL_DATA, "%s: is not a run folder (it has no options.json)", folder);
    run->folder = gcl_strdup(folder);
    if (lock_folder(run, err) == 0 && make_parts(run, err) == 0)
        return 0;
    gcl_run_close(run);
    return -1;
}

/* ---- what RUN means ------------------------------------------------------------------------------- */

static char *find_newest(gcl_error *err)
{
    long number;
    char *name = newest_run(&number), *path = NULL;
    if (name == NULL)
        gcl_fail(err, GCL_DATA, "there is no run under %s/ to go on with; name one: --resume RUN",
                 runs_folder);
    else
        path = join(runs_folder, name);
    free(name);
    return path;
}

/* "RUN/checkpoints/step-0000500.safetensors" -> "RUN", if that is how the path looks. */
static char *folder_of_checkpoint(const char *path)
{
    char *folder = gcl_strdup(path);
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL) {
            free(folder);
            return gcl_strdup(up == 0 ? ".." : ".");
        }
        *slash = 0;
    }
    return folder;
}

char *gcl_run_find(const char *text, gcl_error *err)
{
    if (text[0] == 0)
        return find_newest(err);
    int kind = gcl_path_kind(text);
    if (kind == 0) {
        gcl_fail(err, GCL_DATA, "%s: there is no such run", text);
        return NULL;
    }
    return kind == 2 ? gcl_strdup(text) : folder_of_checkpoint(text);
}

/* That of a step, if it is there. */
static char *numbered(const char *folder, const char *run, const char *which, gcl_error *err)
{
    char *end, *path;
    long long step = strtoll(which, &end, 10);
    if (which[0] < '0' || which[0] > '9' || *end != 0) {
        gcl_fail(err, GCL_USAGE, "--checkpoint %s: is none of latest, best, and a step's number",
                 which);
        return NULL;
    }
    path = gcl_checkpoint_path(folder, step);
    if (gcl_path_kind(path) == 1)
        return path;
    gcl_fail(err, GCL_DATA, "%s: has no checkpoint of step %lld (they lie in %s)", run, step,
             folder);
    free(path);
    return NULL;
}

static char *newest_checkpoint(const char *folder, const char *run, gcl_error *err)
{
    gcl_error why = {0};
    char *path = gcl_checkpoint_latest(folder, &why);
    if (path == NULL && why.code == GCL_OK)
        gcl_fail(err, GCL_DATA, "%s: has no checkpoint yet", run);
    else if (path == NULL)
        gcl_fail(err, why.code, "%s", why.text);
    return path;
}

static char *best_checkpoint(const char *folder, const char *run, gcl_error *err)
{
    gcl_error why = {0};
    int64_t step = gcl_checkpoint_best(folder, &why);
    if (step >= 0)
        return gcl_checkpoint_path(folder, step);
    if (why.code == GCL_OK)
        gcl_fail(err, GCL_DATA,
                 "%s: has no best checkpoint: training finds it with --set eval.every=N", run);
    else
        gcl_fail(err, why.code, "%s", why.text);
    return NULL;
}

char *gcl_run_checkpoint(const char *text, const char *which, gcl_error *err)
{
    int kind = gcl_path_kind(text);
    if (kind == 0) {
        gcl_fail(err, GCL_DATA, "%s: there is no such run folder or checkpoint", text);
        return NULL;
    }
    if (kind == 1 && which == NULL)
        return gcl_strdup(text);
    if (kind == 1) {
        gcl_fail(err, GCL_USAGE, "--checkpoint %s: %s is a checkpoint itself, no run folder", which,
                 text);
        return NULL;
    }
    char *folder = join(text, "checkpoints");
    char *path = which == NULL || strcmp(which, "latest") == 0
                     ? newest_checkpoint(folder, text, err)
                 : strcmp(which, "best") == 0 ? best_checkpoint(folder, text, err)
                                              : numbered(folder, text, which, err);
    free(folder);
    return path;
}
