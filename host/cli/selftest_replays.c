/* Recorded runs, done again. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/selftest.h"
#include "io/atomic.h"
#include "train/conform.h"

static const char *find_recordings(void)
{
    static const char *const folders[] = {"tests/golden", "../tests/golden", GCL_GOLDEN_FOLDER};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (gcl_path_kind(folders[i]) == 2)
            return folders[i];
    return NULL;
}

static json_t *losses_json(const gcl_conform *report)
{
    json_t *losses = json_object();
    for (int i = 0; i < report->n_losses; i++) {
        json_t *values = json_array();
        for (int64_t step = 0; step < report->n_steps; step++)
            json_array_append_new(values,
                                  gcl_selftest_number((double)report->losses[i].values[step]));
        json_object_set_new(losses, report->losses[i].name, values);
    }
    return losses;
}

static json_t *parts_json(const gcl_conform *report)
{
    json_t *parts = json_array();
    for (int i = 0; i < GCL_CONFORM_KINDS; i++) {
        const gcl_conform_part *part = &report->part[i];
        json_array_append_new(
            parts,
            json_pack("{s:s, s:i, s:o, s:o, s:s}", "part", gcl_conform_name((gcl_conform_kind)i),
                      "compared", part->compared, "share", gcl_selftest_number(part->worst),
                      "deviation", gcl_selftest_number(part->deviation), "what", part->what));
    }
    return parts;
}

/* `name` is shown. */
static void report_recording(gcl_selftest *s, const char *name, const gcl_conform *report,
                             double seconds)
{
    char what[120], detail[300], digest[GCL_SHA256_HEX];
    for (int i = 0; i < GCL_CONFORM_KINDS; i++) {
        const gcl_conform_part *part = &report->part[i];
        snprintf(what, sizeof what, "%.80s %s", name, gcl_conform_name((gcl_conform_kind)i));
        snprintf(detail, sizeof detail,
                 "%d compared, nearest to its limit: %s, %.1e (%.0f %% of it)", part->compared,
                 part->what, part->deviation, 100 * part->worst);
        gcl_selftest_say(s, part->compared > 0 && part->worst <= 1, what, detail);
    }
    gcl_sha256_hex(report->digest, digest);
    json_array_append_new(s->replays, json_pack("{s:s, s:f, s:s, s:o, s:o}", "name", name,
                                                "seconds", seconds, "digest", digest, "parts",
                                                parts_json(report), "losses", losses_json(report)));
}

static int try_recording(gcl_selftest *s, const char *folder, const char *name, gcl_error *err)
{
    gcl_conform report;
    gcl_text path = {0};
    double start = gcl_seconds();
    gcl_text_add(&path, "%s%s%s", folder, folder[0] != 0 ? "/" : "", name);
    gcl_say("replaying %s", name);
    int result = gcl_conform_run(s->dev, path.text, &report, err);
    if (result == 0)
        report_recording(s, name, &report, gcl_seconds() - start);
    gcl_conform_free(&report);
    gcl_text_free(&path);
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the folders that hold a recording, sorted; the caller frees all. */
static char **list_recordings(const char *folder, int *n)
{
    char **names = NULL;
    int cap = 0;
    DIR *dir = opendir(folder);
    *n = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%s/meta.json", folder, entry->d_name);
        if (gcl_path_kind(path.text) == 1) {
            GCL_GROW(names, *n, cap);
            names[(*n)++] = gcl_strdup(entry->d_name);
        }
        gcl_text_free(&path);
    }
    if (dir != NULL)
        closedir(dir);
    if (*n > 0)
        qsort(names, (size_t)*n, sizeof *names, compare_names);
    return names;
}

/* "dcgan-tiny-bn" and "dcgan-tiny-drop" are of one system. */
static int same_system(const char *a, const char *b)
{
    size_t n = strcspn(a, "-");
    return strcspn(b, "-") == n && strncmp(a, b, n) == 0;
}

static int try_recordings_in(gcl_selftest *s, const char *folder, gcl_error *err)
{
    int n = 0, result = 0, last = -1;
    char **names = list_recordings(folder, &n);
    for (int i = 0; i < n && result == 0; i++) {
        if (!gcl_selftest_wants(s, "replays", names[i]) ||
            (s->quick && last >= 0 && same_system(names[i], names[last])))
            continue;
        last = i;
        result = try_recording(s, folder, names[i], err);
    }
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    if (n == 0)
        return gcl_fail(err, GCL_DATA, "%s: holds no recorded run (a folder with meta.json)",
                        folder);
    return result;
}

static int is_recording(const char *folder)
{
    gcl_text meta = {0};
    gcl_text_add(&meta, "%s/meta.json", folder);
    int is = gcl_path_kind(meta.text) == 1;
    gcl_text_free(&meta);
    return is;
}

int gcl_selftest_has_replay(const char *name)
{
    const char *folder = find_recordings();
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s", folder != NULL ? folder : "", name);
    int has = folder != NULL && is_recording(path.text);
    gcl_text_free(&path);
    return has;
}

int gcl_selftest_replays(gcl_selftest *s, const char *folder, gcl_error *err)
{
    if (folder != NULL && is_recording(folder))
        return try_recording(s, "", folder, err);
    if (folder == NULL && (folder = find_recordings()) == NULL) {
        if (!gcl_selftest_wants(s, "replays", "replays"))
            return 0;
        gcl_warn("no recorded runs (tests/golden, %s): only kernels were tested",
                 GCL_GOLDEN_FOLDER);
        return 0;
    }
    return try_recordings_in(s, folder, err);
}
