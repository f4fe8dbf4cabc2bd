/* Animated WebP: pictures one after the other into one file that browsers show (libwebp's encoder).
 *
 *     gcl_animation *animation = gcl_animation_begin("morph.webp", 128, 128, &options, &err);
 *     for (...) gcl_animation_add(animation, pixels, 3, &err);        [128, 128, 3]
 *     if (gcl_animation_finish(animation, &err) != 0) ...             the file is there, or is not
 *
 * Frame i is shown from the millisecond that is nearest to 1000 i / fps on, so that rounding does not
 * add up; the whole repeats for ever. What is kept in memory is the compressed part. */
#ifndef GCL_IO_ANIMATION_H
#define GCL_IO_ANIMATION_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_animation gcl_animation;

typedef struct gcl_animation_options {
    double fps;  /* GCL_ANIMATION_SLOWEST to GCL_ANIMATION_FASTEST */
    int quality; /* 0: lossless; 1 to 100: lossy, larger is better */
} gcl_animation_options;

#define GCL_ANIMATION_SLOWEST 0.01
#define GCL_ANIMATION_FASTEST 1000.0
enum { GCL_ANIMATION_MOST_PIXELS = 16383 }; /* a side, by the format */

/* The file appears when it is finished. Errors: GCL_USAGE (pictures too large for the format),
 * GCL_DISK, GCL_MEMORY. */
gcl_animation *gcl_animation_begin(const char *path, int width, int height,
                                   const gcl_animation_options *options, gcl_error *err);
/* Appends a picture [height, width, channels], channels 1 or 3. Errors: GCL_MEMORY. */
int gcl_animation_add(gcl_animation *animation, const uint8_t *pixels, int channels,
                      gcl_error *err);
/* Writes the file atomically. Frees `animation` either way. Errors: GCL_DISK, GCL_MEMORY; GCL_USAGE
 * without any picture. */
int gcl_animation_finish(gcl_animation *animation, gcl_error *err);
void gcl_animation_abandon(gcl_animation *animation); /* writes nothing; NULL is fine */

#endif
