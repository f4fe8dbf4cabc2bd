/* Differentiable augmentation for GANs on few pictures (Zhao et al. 2020, "Differentiable Augmentation
 * for Data-Efficient GAN Training", arXiv:2006.10738): D sees reals and fakes through the same kinds of
 * random transforms, and G's gradient comes back through them, so that D cannot learn few pictures by
 * heart and G does not learn to make transformed ones.
 *
 *     gcl_augment what = {.shift = 1, .colour = 1, .low = -1, .high = 1};
 *     gcl_augment_draws draws = gcl_augment_draw(nn, &what, "augment_real", 16);
 *     x = gcl_augmented(x, &draws, 0);                     pictures 0 .. N-1 of these 16
 *
 * Strengths are the published ones. Every draw is a noise of the step (gcl_nn_noise), uniform in [0,1)
 * by picture, so runs are repeatable; with nothing chosen nothing is drawn and x is returned. */
#ifndef GCL_NN_AUGMENT_H
#define GCL_NN_AUGMENT_H

#include "nn/nn.h"

typedef struct gcl_augment {
    int flip, shift, colour, cutout; /* which */
    double low, high;                /* range of the pictures' values */
} gcl_augment;

/* Uniform draws u. With mid = (low + high) / 2, x in [N,H,W,C], in this order:
 *   flip    u_flip >= 1/2: mirrored, left to right
 *   colour  x + (u_brightness - 1/2) (high - low) / 2;
 *           then away from the mean of its channels by the factor 2 u_saturation;
 *           then away from the picture's mean by the factor u_contrast + 1/2
 *   shift   by t = floor(u (2m + 1)) - m pixels, m = H/8 rounded, down and across; mid comes in
 *   cutout  a square of side c = H/2 rounded becomes mid; it starts at floor(u (H + 1 - c mod 2)) -
 *           floor(c/2), so that its middle lies in the picture */
typedef enum gcl_augment_number {
    GCL_AUGMENT_FLIP,
    GCL_AUGMENT_BRIGHTNESS,
    GCL_AUGMENT_SATURATION,
    GCL_AUGMENT_CONTRAST,
    GCL_AUGMENT_SHIFT_H,
    GCL_AUGMENT_SHIFT_W,
    GCL_AUGMENT_CUT_H,
    GCL_AUGMENT_CUT_W,
    GCL_AUGMENT_NUMBERS
} gcl_augment_number;

typedef struct gcl_augment_draws {
    gcl_augment what;
    gcl_node *of[GCL_AUGMENT_NUMBERS]; /* [n,1,1,1] each; NULL: not wanted */
} gcl_augment_draws;

/* What n pictures draw, as the noises NAME.flip, NAME.brightness, NAME.saturation, NAME.contrast,
 * NAME.shift_h, NAME.shift_w, NAME.cut_h, NAME.cut_w. */
gcl_augment_draws gcl_augment_draw(gcl_nn *nn, const gcl_augment *what, const char *name, int n);

/* The pictures x [N,H,W,C], which take the draws first .. first+N-1. Saturation of one channel is as it
 * was. Costs some ten passes over x where all is chosen. */
gcl_node *gcl_augmented(gcl_node *x, const gcl_augment_draws *draws, int first);

#endif
