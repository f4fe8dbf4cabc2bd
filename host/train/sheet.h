/* The pictures of a run that are made now and then while it trains: the same latents or the same
 * items of the data set all run long, so that sheets can be compared.
 *
 *     gcl_sheet *sheet = gcl_sheet_new(dev, store, &model, dataset, seed, 16, &err);
 *     gcl_sheet_write(sheet, "runs/x/samples/000500", 500, &err);
 *     gcl_sheet_free(sheet);
 *
 * A model that generates gets PATH.png: 6 x 6 pictures. One that translates gets PATH.png: rows of
 * source, target and what it makes of the source. One that reconstructs gets PATH-reconstructed.png:
 * pairs of a picture and its reconstruction. */
#ifndef GCL_TRAIN_SHEET_H
#define GCL_TRAIN_SHEET_H

#include <stdint.h>

#include "datasets/dataset.h"
#include "models/model.h"
#include "plan/plan.h"

typedef struct gcl_sheet gcl_sheet;

/* A sheet has GCL_GRID_SIDE rows, one of pairs GCL_PAIR_ROWS. */
enum { GCL_GRID_SIDE = 6, GCL_GRID_PICTURES = GCL_GRID_SIDE * GCL_GRID_SIDE, GCL_PAIR_ROWS = 4 };

/* Keeps all but `seed`; `dataset` may be NULL (then nothing of it is shown). Of its items at most `batch` are
 * used at a time, and fewer if device memory is short. Errors: GCL_DEVICE, GCL_MEMORY. */
gcl_sheet *gcl_sheet_new(gcl_device *dev, gcl_store *store, const gcl_model *model,
                         gcl_dataset *dataset, uint64_t seed, int batch, gcl_error *err);
void gcl_sheet_free(gcl_sheet *sheet); /* NULL is fine */
/* PATH.png, PATH-reconstructed.png: what the model makes after `step` updates. Errors: GCL_DEVICE,
 * GCL_DISK, GCL_MEMORY. */
int gcl_sheet_write(gcl_sheet *sheet, const char *path, int64_t step, gcl_error *err);

#endif
