/* Colours that a profile describes, converted to sRGB (IEC 61966-2-1), by Little CMS.
 *
 *     gcl_colour_layout layout = {.colours = 3, .depth = 8};
 *     gcl_colour *colour = gcl_colour_take(profile, n, layout);
 *     if (colour != NULL)                       NULL: the numbers are sRGB already
 *         gcl_colour_apply(colour, rgb, rgb, n_pixels);
 *     gcl_colour_release(colour);
 *
 * Conversions are made with the perceptual intent, kept by what their profile holds, and shared
 * between threads. A grey picture stays grey, with the curve of sRGB. */
#ifndef GCL_IO_COLOUR_H
#define GCL_IO_COLOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gcl_colour_layout {
    int colours;   /* in a pixel: 1 grey, 3 RGB, 4 CMYK */
    bool alpha;    /* one more, which is kept; not with CMYK */
    int depth;     /* bits of each: 8, or 16 (big-endian), which become 8 */
    bool inverted; /* CMYK: the largest value is no ink, as Adobe's programs write it */
} gcl_colour_layout;

typedef struct gcl_colour gcl_colour;

/* The conversion from the n bytes of an ICC profile. NULL when there is nothing to do: there is no
 * profile (n = 0), it is damaged or not for such pixels, or it is sRGB to within 1 of 255. */
gcl_colour *gcl_colour_take(const uint8_t *profile, size_t n, gcl_colour_layout layout);
void gcl_colour_release(gcl_colour *colour); /* NULL is fine */

/* Converts pixels to [n_pixels, grey or RGB, and alpha if there was one], 8 bits each. `out` may be
 * `in` where a pixel becomes no larger. */
void gcl_colour_apply(const gcl_colour *colour, const void *in, uint8_t *out, size_t n_pixels);

/* An ICC profile of the colours that PNG's chunks gAMA and cHRM describe: value = light^gamma, and the
 * chromaticities x, y of white, red, green, blue (NULL: those of sRGB); colours 1 or 3. The caller
 * free()s it; NULL and *n = 0 where the numbers make no sense. */
uint8_t *gcl_colour_profile(double gamma, const double chromaticities[8], int colours, size_t *n);

#endif
