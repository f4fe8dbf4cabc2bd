/* Pictures from the generator as it is now: a second plan, in evaluation mode, over the variables
 * that training updates.
 *
 *     gcl_sampler *sampler = gcl_sampler_new(dev, store, &model, 16, &err);
 *     gcl_sampler_readjust(sampler, GCL_USUAL_PASSES, 1, &err);
 *     gcl_sampler_control(&model, seed, 36, latents);
 *     gcl_sampler_run(sampler, latents, 36, bytes, &err);     [36, H, W, C]
 *     gcl_sampler_restore(sampler, &err);                     before training goes on
 */
#ifndef GCL_TRAIN_SAMPLER_H
#define GCL_TRAIN_SAMPLER_H

#include <stdint.h>

#include "models/model.h"
#include "plan/plan.h"
#include "train/latents.h"

typedef struct gcl_sampler gcl_sampler;

/* Sheets of training and `ganocl sample` make so many at a time, always: a picture is then the same
 * to the bit whatever is asked for beside it. (Kernels are chosen by shape, and another one may round
 * otherwise.) */
enum { GCL_SAMPLER_BATCH = 4 };

/* Pictures are made `batch` at a time, the last batch being filled up; one at a time where a picture is
 * drawn from what the generator makes of its latent (that draw is a function of the latent). Keeps dev,
 * store and model. Errors: GCL_USAGE (the model has no generator), GCL_DEVICE, GCL_MEMORY. */
gcl_sampler *gcl_sampler_new(gcl_device *dev, gcl_store *store, const gcl_model *model, int batch,
                             gcl_error *err);
void gcl_sampler_free(gcl_sampler *sampler);              /* NULL is fine */
const gcl_nn *gcl_sampler_nn(const gcl_sampler *sampler); /* its tensors, to load weights */
int gcl_sampler_run(gcl_sampler *sampler, const float *latents, int count, uint8_t *pictures,
                    gcl_error *err);
void gcl_sampler_picture(const gcl_sampler *sampler, int *height, int *width, int *channels);

enum { GCL_USUAL_PASSES = -1 };
/* For weights after `step` updates: averages that are still the fresh weights have statistics that fit. */
static inline int gcl_sampler_passes(int64_t step) { return step > 0 ? GCL_USUAL_PASSES : 0; }
/* Readjusts the running statistics of batch norm to the weights and the temperature that are sampled
 * with (elsewhere "standing statistics"): `passes` batches of latents, N(0,1) times `temperature`, go
 * through the generator with batch statistics, whose mean over the passes the running ones become.
 * GCL_USUAL_PASSES: 16 for averaged weights, whose statistics training does not know, and 0 for others.
 * The latents are the same each time. Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_sampler_readjust(gcl_sampler *sampler, int passes, double temperature, gcl_error *err);
/* The same for latents that are cut off at +-bound (gcl_sampler_truncated). */
int gcl_sampler_readjust_truncated(gcl_sampler *sampler, int passes, double temperature,
                                   double bound, gcl_error *err);
/* How many batches readjusted them; 0: they are as training left them. */
int gcl_sampler_readjusted(const gcl_sampler *sampler);
/* Gives the statistics back as they were before. Does nothing where they were not readjusted. */
int gcl_sampler_restore(gcl_sampler *sampler, gcl_error *err);

#endif
