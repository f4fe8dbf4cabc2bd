/* Pictures as sixel graphics, which some terminals show (DEC STD 070; the manual of the VT330/VT340).
 *
 *     gcl_text text = {0};
 *     gcl_sixel_encode(&text, &picture);
 *
 * A picture is the device control string
 *
 *     ESC P 0;1;0 q  "1;1;WIDTH;HEIGHT  #I;2;R;G;B ...  bands  ESC \
 *
 * with a palette of at most 256 colours in percent, found by median cut (Heckbert, 1982), and bands of six
 * rows: for each colour #I in a band a character '?' + bits for every column, the lowest bit the upper row,
 * "!N" before one that stands N times; '$' goes back to the band's begin, '-' to the next band. */
#ifndef GCL_IO_SIXEL_H
#define GCL_IO_SIXEL_H

#include "base/memory.h"
#include "io/image.h"

enum { GCL_SIXEL_COLOURS = 256 };

/* Appends the whole string. */
void gcl_sixel_encode(gcl_text *text, const gcl_image *picture);

/* At most GCL_SIXEL_COLOURS colours for a picture, and for each pixel the number of its own. Pictures of
 * few colours keep them all, to five bits a channel. Returns how many there are. */
int gcl_sixel_palette(const gcl_image *picture, uint8_t (*palette)[3], uint8_t *indices);

#endif
