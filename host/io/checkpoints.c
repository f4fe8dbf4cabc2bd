/* The folder of checkpoints: names, `latest`, which ones are kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/file.h"

char *gcl_checkpoint_path(const char *folder, int64_t step)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/step-%07lld.safetensors", folder, (long long)step);
    return path.text;
}

/* The step in "step-0000500.safetensors", or -1. */
static int64_t step_of(const char *name)
{
    long long step;
    int end = 0;
    if (sscanf(name, "step-%lld.safetensors%n", &step, &end) != 1 || end == 0 || name[end] != 0)
        return -1;
    return step;
}

static void remove_step(const char *folder, int64_t step)
{
    char *path = gcl_checkpoint_path(folder, step);
    unlink(path);
    free(path);
}

/* The step that the text file `name` names, -1 if it is not there or says something else. */
static int64_t named_step(const char *folder, const char *name, gcl_error *err)
{
    gcl_text path = {0};
    uint8_t *text = NULL;
    size_t n = 0;
    int64_t step = -1;
    gcl_text_add(&path, "%s/%s", folder, name);
    if (gcl_path_kind(path.text) != 0 && gcl_file_read(path.text, 4096, &text, &n, err) == 0) {
        text[n] = 0;
        text[strcspn((char *)text, "\r\n")] = 0;
        step = step_of((char *)text);
    }
    gcl_text_free(&path);
    free(text);
    return step;
}

static int write_name(const char *folder, const char *name, int64_t step, gcl_error *err)
{
    gcl_text path = {0}, line = {0};
    gcl_text_add(&path, "%s/%s", folder, name);
    gcl_text_add(&line, "step-%07lld.safetensors\n", (long long)step);
    int result = gcl_file_replace(path.text, line.text, line.length, err);
    gcl_text_free(&path);
    gcl_text_free(&line);
    return result;
}

static void remove_old(const char *folder, int keep)
{
    int n;
    gcl_error unread = {0};
    int64_t *steps = gcl_file_steps(folder, step_of, &n), doubled = 0;
    int64_t best = named_step(folder, "best", &unread);
    for (int i = 0; i < n - keep && unread.code == GCL_OK; i++) {
        if (steps[i] >= doubled)
            doubled = steps[i] > 0 ? 2 * steps[i] : 1;
        else if (steps[i] != best)
            remove_step(folder, steps[i]);
    }
    free(steps);
}

int gcl_checkpoint_publish(const char *folder, int64_t step, int keep, gcl_error *err)
{
    int result = write_name(folder, "latest", step, err);
    if (result == 0 && keep > 0)
        remove_old(folder, keep);
    return result;
}

static char *newest_by_step(const char *folder)
{
    int n;
    int64_t *steps = gcl_file_steps(folder, step_of, &n);
    char *path = n > 0 ? gcl_checkpoint_path(folder, steps[n - 1]) : NULL;
    free(steps);
    return path;
}

/* The step that the text file names, -1 if its checkpoint is not there. */
static int64_t present_step(const char *folder, const char *name, gcl_error *err)
{
    int64_t step = named_step(folder, name, err);
    char *path = gcl_checkpoint_path(folder, step);
    int is_there = step >= 0 && gcl_path_kind(path) == 1;
    free(path);
    return is_there ? step : -1;
}

char *gcl_checkpoint_latest(const char *folder, gcl_error *err)
{
    gcl_error why = {0};
    int64_t step = present_step(folder, "latest", &why);
    if (why.code == GCL_OK)
        return step >= 0 ? gcl_checkpoint_path(folder, step) : newest_by_step(folder);
    gcl_fail(err, why.code, "%s", why.text);
    return NULL;
}

int64_t gcl_checkpoint_best(const char *folder, gcl_error *err)
{
    return present_step(folder, "best", err);
}

int gcl_checkpoint_mark_best(const char *folder, int64_t step, gcl_error *err)
{
    gcl_text path = {0};
    if (step >= 0)
        return write_name(folder, "best", step, err);
    gcl_text_add(&path, "%s/best", folder);
    int result =
        unlink(path.text) == 0 || errno == ENOENT
            ? 0
            : gcl_fail(err, GCL_DISK, "%s: cannot be removed: %s", path.text, strerror(errno));
    gcl_text_free(&path);
    return result;
}

void gcl_checkpoint_forget_after(const char *folder, int64_t step)
{
    int n;
    gcl_error ignored = {0};
    int64_t *steps = gcl_file_steps(folder, step_of, &n);
    if (named_step(folder, "best", &ignored) > step)
        gcl_checkpoint_mark_best(folder, -1, &ignored);
    for (int i = 0; i < n; i++)
        if (steps[i] > step)
            remove_step(folder, steps[i]);
    free(steps);
}
