/* The evaluations of a run while it trains: on pictures that are held out where there are such, else on
 * those that it is trained on; the same ones, and the same latents, all run long.
 *
 *     gcl_evaluation *evaluation = gcl_evaluation_new(dev, store, &config, dataset, &err);
 *     gcl_measured values;
 *     gcl_evaluation_run(evaluation, &values, &err);
 *     gcl_evaluation_free(evaluation);
 *
 * The values are a function of weights, seed and settings, and training goes on as if there had been
 * none. Device memory is taken during gcl_evaluation_run only. */
#ifndef GCL_TRAIN_EVALUATION_H
#define GCL_TRAIN_EVALUATION_H

#include "plan/plan.h"
#include "train/config.h"
#include "train/measures.h"

typedef struct gcl_evaluation gcl_evaluation;

/* Keeps dev, store, config and the data set that is trained with; opens its test part where training
 * leaves that alone (data.split=train). Pictures are read by the first run. Errors: GCL_DATA, GCL_USAGE. */
gcl_evaluation *gcl_evaluation_new(gcl_device *dev, gcl_store *store, const gcl_config *config,
                                   gcl_dataset *training, gcl_error *err);
void gcl_evaluation_free(gcl_evaluation *evaluation); /* NULL is fine */
/* 1: on pictures that training does not see. */
int gcl_evaluation_is_held_out(const gcl_evaluation *evaluation);

/* Measures (metrics.h), each value rounded to the nine digits that log.jsonl has. Returns 0, or 1 when
 * SIGINT or SIGTERM came: then nothing was measured. Errors: GCL_DATA (no picture can be read),
 * GCL_DEVICE, GCL_MEMORY, GCL_USAGE. */
int gcl_evaluation_run(gcl_evaluation *evaluation, gcl_measured *values, gcl_error *err);

#endif
