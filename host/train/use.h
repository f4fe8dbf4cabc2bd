/* A trained model put to use on pictures: translating, classifying, reconstructing, judging them,
 * bounding their likelihood. A plan of its own over the variables of a store, which training may own.
 *
 *     gcl_use *use = gcl_use_new(dev, store, &model, GCL_TASK_TRANSLATE, 8, &err);
 *     gcl_use_run(use, sources, seed, 0, &err);            bytes [8, size, size, channels]
 *     gcl_use_pictures(use, bytes, &err);                  [8, H, W, C]
 *     gcl_use_free(use);
 *
 * Bytes are those of a data set that was opened for what the model wants. What is drawn (dropout, a
 * posterior's noise) is a function of the seed and the number of the draw. */
#ifndef GCL_TRAIN_USE_H
#define GCL_TRAIN_USE_H

#include <stdint.h>

#include "models/model.h"
#include "plan/plan.h"

typedef struct gcl_use gcl_use;

/* For batches of `batch`, or of 1 where the model translates with batch statistics: what becomes of a
 * picture never depends on its neighbours. But a discriminator judges with the statistics of the batch,
 * as it is trained to: give it full batches, all real or all generated. Errors: GCL_USAGE (the model cannot be used so),
 * GCL_DEVICE, GCL_MEMORY. */
gcl_use *gcl_use_new(gcl_device *dev, gcl_store *store, const gcl_model *model, gcl_task task,
                     int batch, gcl_error *err);
/* The bounds of RECONSTRUCT's pictures instead of the pictures. */
gcl_use *gcl_use_new_bound(gcl_device *dev, gcl_store *store, const gcl_model *model, int batch,
                           gcl_error *err);
void gcl_use_free(gcl_use *use);              /* NULL is fine */
const gcl_nn *gcl_use_nn(const gcl_use *use); /* its tensors, to load weights */
int gcl_use_batch(const gcl_use *use);

/* One batch. Errors: GCL_DEVICE. */
int gcl_use_run(gcl_use *use, const uint8_t *bytes, uint64_t seed, int64_t draw, gcl_error *err);

/* The shape [batch,H,W,C] of the pictures or scores that the last run made. */
gcl_shape gcl_use_shape(const gcl_use *use);
int gcl_use_pictures(gcl_use *use, uint8_t *bytes, gcl_error *err); /* of translate, reconstruct */
int gcl_use_scores(gcl_use *use, float *scores,
                   gcl_error *err); /* of classify [batch, classes], judge [batch] */
/* Of a bound, [batch] each, in nats: see gcl_bound. */
int gcl_use_bounds(gcl_use *use, float *reconstruction, float *kl, float *log_weight,
                   gcl_error *err);
/* Of a bound: the KL divergence of each latent unit, as mean over the batch, in nats. Fills at most
 * `most` and returns how many units there are; -1 on failure. */
int gcl_use_units(gcl_use *use, float *kl, int most, gcl_error *err);

#endif
