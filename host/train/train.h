/* Training: from a configuration to a run folder full of results.
 *
 *     gcl_train_request request = {.device = "1", .threads = 1};
 *     int status = gcl_train(&config, &request, &err);
 *
 * Whatever happens, what lies on the disk is whole: files are replaced atomically, and a run that is
 * killed at any moment goes on from its newest checkpoint to the same bytes as one that was not. */
#ifndef GCL_TRAIN_TRAIN_H
#define GCL_TRAIN_TRAIN_H

#include "datasets/dataset.h"
#include "train/config.h"
#include "train/preview.h"

typedef struct gcl_train_request {
    const char *device;     /* as --device */
    int threads;            /* that read pictures; 0: cores - 1 */
    const char *out;        /* run folder; NULL: numbered */
    const char *resume;     /* folder of the run that goes on, or NULL */
    const char *checkpoint; /* from where; NULL: its newest */
    gcl_preview_mode preview;
} gcl_train_request;

/* Trains until a limit of the configuration, a signal or an error. Returns 0, 128 + signal, or -1.
 * Errors: GCL_DATA, GCL_DEVICE, GCL_MEMORY, GCL_DIVERGED, GCL_DISK. Changes config->batch and
 * config->data where they were left open. */
int gcl_train(gcl_config *config, const gcl_train_request *request, gcl_error *err);

/* The data set of a configuration, in the size and colours that its model wants. */
gcl_dataset *gcl_train_dataset(const gcl_config *config, gcl_error *err);
int gcl_train_threads(int wanted); /* wanted, or if 0 cores - 1, at least 1 */

#endif
