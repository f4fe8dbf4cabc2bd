/* Latent vectors: each a function of the model and a seed, [1,1,1,L] as one stretch of floats.
 *
 *     int64_t n = gcl_sampler_latent_count(&model);
 *     gcl_sampler_latent(&model, 7, 1, a);                 the vector of seed 7
 *     gcl_sampler_truncated(&model, 8, 1, 0.5, b);         that of seed 8, elements within +-0.5
 *     gcl_sampler_between(&model, a, b, 0.25, out);        a quarter of the way from one to the other
 *
 * All systems draw theirs from N(0,1). */
#ifndef GCL_TRAIN_LATENTS_H
#define GCL_TRAIN_LATENTS_H

#include <stdint.h>

#include "models/model.h"

/* Elements of one picture's latent. */
int64_t gcl_sampler_latent_count(const gcl_model *model);
/* The control vectors of a run: `count` latents, N(0,1) times the system's control_scale; a function
 * of the seed alone, so that a run's grids show the same latents all along. */
void gcl_sampler_control(const gcl_model *model, uint64_t seed, int count, float *latents);
/* The temperature to sample at where `given` is 0: what the system calls usual, else 1. */
double gcl_sampler_temperature(const gcl_model *model, double given);
/* The latent that belongs to one seed: N(0,1) times `temperature`. */
void gcl_sampler_latent(const gcl_model *model, uint64_t seed, double temperature, float *latent);
/* The same with N(0,1) cut off at +-bound before the temperature: elements that lie outside are drawn
 * again until they do not (arXiv:1809.11096, "truncation trick"), the others are those of
 * gcl_sampler_latent. 0: not cut off. */
void gcl_sampler_truncated(const gcl_model *model, uint64_t seed, double temperature, double bound,
                           float *latent);
/* From a (t = 0) to b (t = 1) along the sphere, for each of the model's groups of latents by itself:
 *     sin((1-t) w) / sin w a + sin(t w) / sin w b,   w the angle between a and b,
 * so that what lies between is as far from 0 as the ends are, as normal vectors are (Shoemake 1985;
 * arXiv:1609.04468). Where there is no such way (w is 0 or half a circle) the straight one. */
void gcl_sampler_between(const gcl_model *model, const float *a, const float *b, double t,
                         float *out);

/* n numbers, N(0,1) within +-bound (0: any) times `scale`; of streams that training does not use. */
void gcl_latents_draw(float *values, int64_t n, uint64_t seed, uint32_t stream, double scale,
                      double bound);

#endif
