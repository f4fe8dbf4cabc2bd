#include "train/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datasets/loader.h"
#include "io/grid.h"
#include "train/sampler.h"
#include "train/use.h"

/* Items of the data set that are shown, so many to a row. */
enum { ITEMS = 12, ROW_OF_TRIPLES = ITEMS / GCL_GRID_SIDE, ROW_OF_PAIRS = ITEMS / GCL_PAIR_ROWS };

struct gcl_sheet {
    gcl_device *dev;
    gcl_store *store;
    const gcl_model *model;
    gcl_dataset *dataset;
    uint64_t seed;
    int batch;            /* of items */
    int latents_at_once;  /* GCL_SAMPLER_BATCH, or fewer where memory is short */
    gcl_sampler *sampler; /* made when first needed, like all that follows */
    float *latents;
    uint8_t *pictures;
    gcl_use *use;
    int n_items;
    gcl_image shown[ITEMS]; /* an item as people see it */
    uint8_t *fields;        /* [ITEMS + batch - 1] first fields: what the model is given */
    size_t field_bytes;
};

gcl_sheet *gcl_sheet_new(gcl_device *dev, gcl_store *store, const gcl_model *model,
                         gcl_dataset *dataset, uint64_t seed, int batch, gcl_error *err)
{
    gcl_sheet *sheet = gcl_try_alloc(sizeof *sheet, "sample sheet", err);
    if (sheet != NULL)
        *sheet = (gcl_sheet){.dev = dev,
                             .store = store,
                             .model = model,
                             .dataset = dataset,
                             .seed = seed,
                             .batch = batch < ITEMS ? batch : ITEMS,
                             .latents_at_once = GCL_SAMPLER_BATCH};
    return sheet;
}

void gcl_sheet_free(gcl_sheet *sheet)
{
    if (sheet == NULL)
        return;
    gcl_sampler_free(sheet->sampler);
    gcl_use_free(sheet->use);
    for (int i = 0; i < sheet->n_items; i++)
        gcl_image_free(&sheet->shown[i]);
    free(sheet->latents);
    free(sheet->pictures);
    free(sheet->fields);
    free(sheet);
}

/* Training has the memory; samples make do with what is left, if need be one at a time. Returns 1 to
 * try again with half the batch. */
static int smaller(int *batch, const gcl_error *why, gcl_error *err)
{
    if (why->code == GCL_MEMORY && *batch > 1) {
        *batch /= 2;
        return 1;
    }
    gcl_fail(err, why->code, "samples: %s", why->text);
    return 0;
}

/* ---- from latents --------------------------------------------------------------------------------- */

static int prepare_sampler(gcl_sheet *sheet, gcl_error *err)
{
    int height, width, channels;
    int64_t latent = gcl_sampler_latent_count(sheet->model);
    gcl_error why = {0};
    do {
        why = (gcl_error){0};
        sheet->sampler =
            gcl_sampler_new(sheet->dev, sheet->store, sheet->model, sheet->latents_at_once, &why);
    } while (sheet->sampler == NULL && smaller(&sheet->latents_at_once, &why, err));
    if (sheet->sampler == NULL)
        return -1;
    gcl_sampler_picture(sheet->sampler, &height, &width, &channels);
    sheet->latents = gcl_alloc((size_t)(GCL_GRID_PICTURES * latent) * sizeof(float));
    gcl_sampler_control(sheet->model, sheet->seed, GCL_GRID_PICTURES, sheet->latents);
    sheet->pictures =
        gcl_try_alloc((size_t)GCL_GRID_PICTURES * (size_t)height * (size_t)width * (size_t)channels,
                      "sample grid", err);
    return sheet->pictures != NULL ? 0 : -1;
}

static int write_generated(gcl_sheet *sheet, const char *path, int64_t step, gcl_error *err)
{
    int height, width, channels;
    if (sheet->pictures == NULL && prepare_sampler(sheet, err) != 0)
        return -1;
    gcl_error ignored = {0};
    if (gcl_sampler_readjust(sheet->sampler, gcl_sampler_passes(step), 1, err) != 0 ||
        gcl_sampler_run(sheet->sampler, sheet->latents, GCL_GRID_PICTURES, sheet->pictures, err) !=
            0) {
        gcl_sampler_restore(sheet->sampler, &ignored);
        return -1;
    }
    if (gcl_sampler_restore(sheet->sampler, err) != 0)
        return -1;
    gcl_sampler_picture(sheet->sampler, &height, &width, &channels);
    return gcl_grid_write_png(path, sheet->pictures, GCL_GRID_PICTURES, height, width, channels,
                              GCL_GRID_SIDE, err);
}

/* ---- from pictures -------------------------------------------------------------------------------- */

/* The items that stand first in the first epoch; unreadable ones are left out. */
static void read_items(gcl_sheet *sheet)
{
    size_t count = gcl_dataset_count(sheet->dataset);
    void *second = gcl_alloc(gcl_dataset_field_bytes(sheet->dataset, 1) + 1);
    sheet->field_bytes = gcl_dataset_field_bytes(sheet->dataset, 0);
    sheet->fields = gcl_alloc((size_t)(ITEMS + sheet->batch - 1) * sheet->field_bytes);
    for (size_t p = 0; p < count && p < 2 * ITEMS && sheet->n_items < ITEMS; p++) {
        size_t index = gcl_loader_shuffle(sheet->seed, 0, count, p);
        void *const fields[2] = {sheet->fields + (size_t)sheet->n_items * sheet->field_bytes,
                                 second};
        if (gcl_dataset_read(sheet->dataset, index, NULL, fields, NULL) == 0 &&
            gcl_dataset_show(sheet->dataset, index, &sheet->shown[sheet->n_items], NULL) == 0)
            sheet->n_items++;
    }
    free(second);
}

static int prepare_use(gcl_sheet *sheet, gcl_task task, gcl_error *err)
{
    gcl_error why = {0};
    do {
        why = (gcl_error){0};
        sheet->use = gcl_use_new(sheet->dev, sheet->store, sheet->model, task, sheet->batch, &why);
    } while (sheet->use == NULL && smaller(&sheet->batch, &why, err));
    if (sheet->use == NULL)
        return -1;
    read_items(sheet);
    return 0;
}

/* The shown item with what was made of it on its right, in the middle of a place of its height. */
static int add_made(gcl_image *row, const gcl_image *shown, const uint8_t *made, gcl_shape shape,
                    gcl_error *err)
{
    gcl_image place = {0};
    int side = shown->height, h = shape.d[1], w = shape.d[2], c = shape.d[3];
    if (gcl_image_new(&place, side > w ? side : w, side, c, err) != 0)
        return -1;
    int top = (side - h) / 2, left = (place.width - w) / 2;
    for (int y = 0; y < h && top >= 0; y++)
        memcpy(place.pixels + ((size_t)(top + y) * (size_t)place.width + (size_t)left) * (size_t)c,
               made + (size_t)y * (size_t)w * (size_t)c, (size_t)w * (size_t)c);
    int result = gcl_image_join(row, shown, &place, err);
    gcl_image_free(&place);
    return result;
}

static int write_used(gcl_sheet *sheet, gcl_task task, const char *path, int columns,
                      gcl_error *err)
{
    gcl_image rows[ITEMS] = {{0}};
    int n = 0, result = 0;
    if (sheet->use == NULL && prepare_use(sheet, task, err) != 0)
        return -1;
    gcl_shape shape = gcl_use_shape(sheet->use);
    size_t bytes = (size_t)(gcl_shape_count(shape) / shape.d[0]);
    uint8_t *made = gcl_try_alloc((size_t)shape.d[0] * bytes, "sample sheet", err);
    if (made == NULL)
        return -1;
    while (n < sheet->n_items && result == 0) {
        result = gcl_use_run(sheet->use, sheet->fields + (size_t)n * sheet->field_bytes,
                             sheet->seed, n, err);
        if (result == 0)
            result = gcl_use_pictures(sheet->use, made, err);
        for (int i = 0; i < shape.d[0] && n < sheet->n_items && result == 0; i++, n++)
            result = add_made(&rows[n], &sheet->shown[n], made + (size_t)i * bytes, shape, err);
    }
    if (result == 0 && n > 0)
        result = gcl_grid_write_pictures(path, rows, n, columns, err);
    for (int i = 0; i < n; i++)
        gcl_image_free(&rows[i]);
    free(made);
    return result;
}

int gcl_sheet_write(gcl_sheet *sheet, const char *path, int64_t step, gcl_error *err)
{
    gcl_text file = {0};
    int result = 0;
    gcl_text_add(&file, "%s.png", path);
    if (gcl_model_lacks(sheet->model, GCL_TASK_GENERATE) == NULL)
        result = write_generated(sheet, file.text, step, err);
    gcl_text_free(&file);
    if (result != 0 || sheet->dataset == NULL)
        return result;
    int translates = gcl_model_lacks(sheet->model, GCL_TASK_TRANSLATE) == NULL;
    gcl_text_add(&file, "%s%s.png", path, translates ? "" : "-reconstructed");
    if (translates)
        result = write_used(sheet, GCL_TASK_TRANSLATE, file.text, ROW_OF_TRIPLES, err);
    else if (gcl_model_lacks(sheet->model, GCL_TASK_RECONSTRUCT) == NULL)
        result = write_used(sheet, GCL_TASK_RECONSTRUCT, file.text, ROW_OF_PAIRS, err);
    gcl_text_free(&file);
    return result;
}
