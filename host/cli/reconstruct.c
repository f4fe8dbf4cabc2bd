#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/trained.h"
#include "io/grid.h"
#include "io/image.h"

enum { BATCH = 6, USUAL_COUNT = 18, COLUMNS = 3, MOST = 10000 };

/* A batch of pairs: the picture as the model was given it, and its reconstruction. */
static int add_pairs(gcl_trained *t, const uint8_t *made, const size_t *indices, int n,
                     gcl_image *pairs, gcl_error *err)
{
    gcl_shape shape = gcl_use_shape(t->use);
    size_t bytes = (size_t)(gcl_shape_count(shape) / shape.d[0]);
    int result = 0;
    for (int i = 0; i < n && result == 0; i++) {
        gcl_image shown = {0}, back = {0};
        result = gcl_dataset_show(t->dataset, indices[i], &shown, err);
        if (result == 0)
            result = gcl_image_new(&back, shape.d[2], shape.d[1], shape.d[3], err);
        if (result == 0) {
            memcpy(back.pixels, made + (size_t)i * bytes, bytes);
            result = gcl_image_join(&pairs[i], &shown, &back, err);
        }
        gcl_image_free(&shown);
        gcl_image_free(&back);
    }
    return result;
}

static int reconstruct(gcl_trained *t, const char *out, gcl_error *err)
{
    size_t indices[BATCH], next = 0, wanted = (size_t)t->options->count;
    size_t count = gcl_dataset_count(t->dataset), done = 0;
    if (wanted == 0)
        wanted = USUAL_COUNT;
    gcl_image *pairs = gcl_alloc((wanted + BATCH) * sizeof *pairs);
    uint8_t *made = gcl_alloc((size_t)gcl_shape_count(gcl_use_shape(t->use)));
    int result = 0, n;
    while (result == 0 && done < wanted && (n = gcl_trained_read(t, &next, count, indices)) > 0) {
        result = gcl_use_run(t->use, t->batch[0], t->options->seed, (int64_t)done, err);
        if (result == 0)
            result = gcl_use_pictures(t->use, made, err);
        if (result == 0)
            result = add_pairs(t, made, indices, n, pairs + done, err);
        done += (size_t)n;
    }
    gcl_trained_stop_reading(t);
    size_t shown = done < wanted ? done : wanted;
    if (result == 0 && shown == 0)
        result = gcl_fail(err, GCL_DATA, "%s: no picture in it can be read", t->options->data);
    if (result == 0)
        result = gcl_grid_write_pictures(out, pairs, (int)shown, COLUMNS, err);
    if (result == 0)
        printf("%s: %zu pairs of a picture and its reconstruction\n", out, shown);
    for (size_t i = 0; i < done; i++)
        gcl_image_free(&pairs[i]);
    free(pairs);
    free(made);
    return result;
}

int gcl_command_reconstruct(const gcl_options *options, gcl_error *err)
{
    gcl_trained t;
    if (options->data == NULL)
        return gcl_fail(err, GCL_USAGE, "reconstruct: --data is missing");
    if (options->count > MOST)
        return gcl_fail(err, GCL_USAGE, "--count %lld is out of range (1 to %d)",
                        (long long)options->count, MOST);
    int result = gcl_trained_open(&t, options->arguments[0], options, err);
    if (result == 0)
        result = gcl_trained_use(&t, GCL_TASK_RECONSTRUCT, 0, BATCH, err);
    if (result == 0)
        result = gcl_trained_data(&t, options->data, GCL_WANT_PICTURES, err);
    if (result == 0)
        result = reconstruct(&t, options->out != NULL ? options->out : "reconstructed.png", err);
    gcl_trained_close(&t);
    return result;
}
