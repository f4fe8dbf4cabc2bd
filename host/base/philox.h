/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011; Random123's header, the same one that the kernels are built from).
 *
 * Number `index` of a stream is a pure function of (seed, step, stream, index), on the host and on
 * every device, so nothing hidden has to be saved and a resumed run draws what it would have drawn.
 * counter = (index low, index high, stream, step), key = (seed low, seed high); the first word is
 * used, and the second too for normals. */
#ifndef GCL_BASE_PHILOX_H
#define GCL_BASE_PHILOX_H

#include <stdint.h>

uint32_t gcl_philox_bits(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index);
/* (bits >> 8) * 2^-24: 24 bits, in [0, 1), the same value in float and double. */
double gcl_philox_uniform(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index);
/* Standard normal by Box-Muller from words 0 and 1: sqrt(-2 ln u1) cos(2 pi u2), where
 * u1 = (w0 >> 8) * 2^-24 + 2^-25 and u2 = (w1 >> 8) * 2^-24. */
double gcl_philox_normal(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index);
/* Uniform integer in [0, n) (multiply-shift of 32 bits). */
uint32_t gcl_philox_below(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index,
                          uint32_t n);

#endif
