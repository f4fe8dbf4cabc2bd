#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/trained.h"
#include "io/atomic.h"
#include "io/grid.h"

enum { BATCH = 4 };

static int write_batch(gcl_trained *t, const char *out, const uint8_t *made, const size_t *indices,
                       int n, gcl_error *err)
{
    gcl_shape shape = gcl_use_shape(t->use);
    size_t bytes = (size_t)(gcl_shape_count(shape) / shape.d[0]);
    int result = 0;
    for (int i = 0; i < n && result == 0; i++) {
        char *path = gcl_trained_png(t, out, indices[i]);
        result = gcl_grid_write_png(path, made + (size_t)i * bytes, 1, shape.d[1], shape.d[2],
                                    shape.d[3], 1, err);
        free(path);
    }
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Where input and output are one folder, results would replace pictures; and of two pictures whose
 * names differ only behind the dot, the second one's would replace the first one's. */
static int check_folder(gcl_trained *t, const char *out, gcl_error *err)
{
    struct stat from, to;
    if (stat(t->options->in, &from) == 0 && stat(out, &to) == 0 && from.st_dev == to.st_dev &&
        from.st_ino == to.st_ino)
        return gcl_fail(err, GCL_USAGE, "--out %s: is the folder of the pictures; choose another",
                        out);
    size_t count = gcl_trained_count(t);
    char **names = gcl_alloc((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = gcl_trained_png(t, out, i);
    qsort(names, count, sizeof *names, by_name);
    int result = 0;
    for (size_t i = 1; i < count && result == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            result = gcl_fail(err, GCL_DATA, "%s: two pictures would become %s; rename one",
                              t->options->in, names[i]);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return result;
}

static int translate(gcl_trained *t, const char *out, gcl_error *err)
{
    size_t indices[BATCH], next = 0, count = gcl_trained_count(t), written = 0;
    uint8_t *made = gcl_alloc((size_t)gcl_shape_count(gcl_use_shape(t->use)));
    int result = check_folder(t, out, err), n;
    if (result == 0)
        result = gcl_folder_make(out, err);
    while (result == 0 && (n = gcl_trained_read(t, &next, count, indices)) > 0) {
        result = gcl_use_run(t->use, t->batch[0], t->options->seed, (int64_t)written, err);
        if (result == 0)
            result = gcl_use_pictures(t->use, made, err);
        if (result == 0)
            result = write_batch(t, out, made, indices, n, err);
        written += (size_t)n;
    }
    free(made);
    if (result == 0 && written == 0)
        return gcl_fail(err, GCL_DATA, "%s: no picture in it can be read", t->options->in);
    if (result == 0)
        printf("%s: %zu pictures\n", out, written);
    return result;
}

/* Of pairs (A/ and B/, or A|B pictures) the A, as in training; else pictures as they are. */
static int open_pictures(gcl_trained *t, gcl_error *err)
{
    gcl_error no_pairs = {0};
    const char *in = t->options->in;
    if (gcl_trained_data(t, in, GCL_WANT_PAIRS, &no_pairs) != 0)
        return gcl_trained_data(t, in, GCL_WANT_PICTURES, err);
    gcl_say("%s: holds pairs, of which A is translated (--set data.format=folder: each picture as "
            "a whole)",
            in);
    return 0;
}

int gcl_command_translate(const gcl_options *options, gcl_error *err)
{
    gcl_trained t;
    if (options->in == NULL || options->out == NULL)
        return gcl_fail(err, GCL_USAGE, "translate: --%s is missing",
                        options->in == NULL ? "in" : "out");
    int result = gcl_trained_open(&t, options->arguments[0], options, err);
    if (result == 0)
        result = gcl_trained_use(&t, GCL_TASK_TRANSLATE, 0, BATCH, err);
    if (result == 0)
        result = open_pictures(&t, err);
    if (result == 0)
        result = translate(&t, options->out, err);
    gcl_trained_close(&t);
    return result;
}
