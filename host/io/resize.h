/* Antialiased resize, crop and flip of pictures.
 *
 *     gcl_box all = {0, 0, picture.width, picture.height};
 *     gcl_resize(out, 128, 128, &picture, all, GCL_FILTER_LANCZOS, &err);
 *
 * Separable, as Pillow's Image.resize(box=...): output sample i of an axis that maps `length`
 * source samples from `start` to `m` output samples has its centre at
 *     u = start + (i + 1/2) length / m   and is
 *     sum_j w((j + 1/2 - u) / s) x[j] / sum_j w((j + 1/2 - u) / s),   s = max(length / m, 1),
 * over the source samples j that exist: the filter is widened when the picture shrinks, so nothing
 * aliases, and the weights sum to one at the borders too, so nothing darkens there. */
#ifndef GCL_IO_RESIZE_H
#define GCL_IO_RESIZE_H

#include <stdint.h>

#include "base/error.h"
#include "io/image.h"

enum gcl_filter {
    GCL_FILTER_LANCZOS, /* sinc(x) sinc(x / 3), |x| < 3: the sharpest; the default */
    GCL_FILTER_TRIANGLE /* 1 - |x|, |x| < 1: bilinear; never rings */
};

/* A rectangle of a picture in pixels; x, y is its upper left corner. May be fractional. */
typedef struct gcl_box {
    double x, y, width, height;
} gcl_box;

/* Resamples `box` of the picture `in` to out [out_height, out_width, in->channels]. The box must
 * not be empty and must lie in the picture. Errors: GCL_DATA for such a box, GCL_MEMORY. */
int gcl_resize(uint8_t *out, int out_width, int out_height, const gcl_image *in, gcl_box box,
               enum gcl_filter filter, gcl_error *err);

/* Mirrors pixels [height, width, channels] left to right, in place. */
void gcl_flip_horizontal(uint8_t *pixels, int width, int height, int channels);

#endif
