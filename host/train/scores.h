/* How alike pictures are, one by one: what `evaluate` reports for models that translate. And the sliced
 * Wasserstein distance between two sets of pictures, for those that generate.
 *
 * Pictures are bytes [H,W,C], taken as numbers u / 255 in [0, 1]. In double precision. */
#ifndef GCL_TRAIN_SCORES_H
#define GCL_TRAIN_SCORES_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_scores {
    double l1;   /* mean |a - b| */
    double psnr; /* -10 log10 of mean (a - b)^2, in dB; 100 for equal pictures */
    double ssim; /* mean over 11x11 Gaussian windows (deviation 1.5) and channels: nn/losses.h */
    double gmsd; /* deviation of the gradient magnitudes' similarity; 0 for equal pictures */
} gcl_scores;

/* h, w >= 11. Errors: GCL_MEMORY. */
int gcl_scores_of(const uint8_t *a, const uint8_t *b, int h, int w, int c, gcl_scores *scores,
                  gcl_error *err);

void gcl_scores_add(gcl_scores *sum, const gcl_scores *one);

/* Says that the caller has heard enough: asked now and then by what takes seconds. May be NULL. */
typedef int (*gcl_stop)(void);

/* How alike the n pictures [n,h,w,c] of a set are: the mean ssim of the pairs (0,1), (1,2) ... (n-1,0).
 * 1 where all are the same; the lower, the more diverse they are. n >= 1. Returns 1 when it was
 * stopped. Errors: as above. */
int gcl_pairwise_ssim(const uint8_t *pictures, int n, int h, int w, int c, double *mean,
                      gcl_stop stop, gcl_error *err);

/* Sliced Wasserstein distance after Karras et al. (arXiv:1710.10196): Laplacian pyramids down to 16
 * pixels; at each level 128 random 7x7 patches of every picture, whitened by channel; mean over 512
 * random directions of the mean distance of sorted projections, times 1000. `a` and `b` are n pictures
 * each [n,side,side,c]; side 16 or more, halved while it is even and above 16. Fills levels[0..], the
 * finest first, and returns how many, at most most_levels; 0 when it was stopped, -1 on failure
 * (GCL_MEMORY). Two sets of 128 pictures of 128 x 128 take some 3 s of a core. */
int gcl_sliced_wasserstein(const uint8_t *a, const uint8_t *b, int n, int side, int c,
                           uint64_t seed, double *levels, int most_levels, gcl_stop stop,
                           gcl_error *err);

#endif
