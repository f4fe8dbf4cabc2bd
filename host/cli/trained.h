/* A trained model for a command: the checkpoint of a run, its settings, a device, a data set.
 *
 *     gcl_trained t;
 *     if (gcl_trained_open(&t, "runs/00007-pix2pix", options, &err) == 0 &&
 *         gcl_trained_use(&t, GCL_TASK_TRANSLATE, 0, 16, &err) == 0 &&
 *         gcl_trained_data(&t, "photos", GCL_WANT_PICTURES, &err) == 0) ...
 *     gcl_trained_close(&t);                                  also after a failure */
#ifndef GCL_CLI_TRAINED_H
#define GCL_CLI_TRAINED_H

#include "base/live.h"
#include "cli/options.h"
#include "datasets/dataset.h"
#include "device/device.h"
#include "io/safetensors.h"
#include "train/config.h"
#include "train/use.h"

typedef struct gcl_trained {
    const gcl_options *options;
    gcl_safetensors *file; /* the checkpoint */
    gcl_config config;     /* its model, with the command's --set */
    gcl_device *dev;
    gcl_store *store;
    gcl_use *use;
    gcl_dataset *dataset;
    int64_t step;      /* updates that it has had */
    uint8_t *batch[2]; /* the last items read: both fields, [use's batch] */
    size_t field_bytes[2];
    gcl_activity activity; /* the reading, as it is shown */
    int reads;             /* 1: it is going on */
} gcl_trained;

/* RUN is a run folder or a checkpoint file. Errors: GCL_DATA, GCL_USAGE, GCL_DEVICE. */
int gcl_trained_open(gcl_trained *t, const char *run, const gcl_options *options, gcl_error *err);
void gcl_trained_close(gcl_trained *t);
/* Builds the task (or its bounds) for batches of at most `batch` items and loads the weights. */
int gcl_trained_use(gcl_trained *t, gcl_task task, int bounds, int batch, gcl_error *err);
/* Opens a data set as the model wants it, but of `kind`. */
int gcl_trained_data(gcl_trained *t, const char *path, gcl_wanted_kind kind, gcl_error *err);

/* Reads the next readable items from position *next on into t->batch, remembers their numbers and
 * advances *next. Returns how many: up to the use's batch, 0 at the end of `count`. */
int gcl_trained_read(gcl_trained *t, size_t *next, size_t count, size_t *indices);
/* The reading is over before its end; otherwise this happens by itself. */
void gcl_trained_stop_reading(gcl_trained *t);
/* What --count N leaves of the data set. */
size_t gcl_trained_count(const gcl_trained *t);
/* "FOLDER/NAME.png" for an item "sub/NAME.jpg": its path below the data set with '/' as '_'.
 * malloc'ed. */
char *gcl_trained_png(const gcl_trained *t, const char *folder, size_t index);

#endif
