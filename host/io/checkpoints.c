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

static void remove_old(const char *folder, int keep)
{
    int n;
    int64_t *steps = gcl_file_steps(folder, step_of, &n), doubled = 0;
    for (int i = 0; i < n - keep; i++) {
        if (steps[i] >= doubled)
            doubled = steps[i] > 0 ? 2 * steps[i] : 1;
        else
            remove_step(folder, steps[i]);
    }
    free(steps);
}

int gcl_checkpoint_publish(const char *folder, int64_t step, int keep, gcl_error *err)
{
    gcl_text path = {0}, line = {0};
    gcl_text_add(&path, "%s/latest", folder);
    gcl_text_add(&line, "step-%07lld.safetensors\n", (long long)step);
    int result = gcl_file_replace(path.text, line.text, line.length, err);
    if (result == 0 && keep > 0)
        remove_old(folder, keep);
    gcl_text_free(&path);
    gcl_text_free(&line);
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

char *gcl_checkpoint_latest(const char *folder, gcl_error *err)
{
    gcl_text path = {0};
    uint8_t *text = NULL;
    size_t n = 0;
    gcl_text_add(&path, "%s/latest", folder);
    if (gcl_path_kind(path.text) == 0) {
        gcl_text_free(&path);
        return newest_by_step(folder);
    }
    int result = gcl_file_read(path.text, 4096, &text, &n, err);
    gcl_text_free(&path);
    if (result != 0)
        return NULL;
    text[n] = 0;
    text[strcspn((char *)text, "\r\n")] = 0;
    int64_t step = step_of((char *)text);
    char *found = step >= 0 ? gcl_checkpoint_path(folder, step) : NULL;
    free(text);
    if (found != NULL && gcl_path_kind(found) == 1)
        return found;
    free(found);
    return newest_by_step(folder);
}

void gcl_checkpoint_forget_after(const char *folder, int64_t step)
{
    int n;
    int64_t *steps = gcl_file_steps(folder, step_of, &n);
    for (int i = 0; i < n; i++)
        if (steps[i] > step)
            remove_step(folder, steps[i]);
    free(steps);
}
