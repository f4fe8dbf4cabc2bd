/* Pictures in the characters of a terminal.
 *
 *     gcl_text text = {0};
 *     gcl_blocks_encode(&text, &picture, 1 << 24);      two pixels a character, upper and lower
 *
 * With colours each character is the upper half block, its foreground the upper pixel and its background
 * the lower one, set by the sequences SGR 38;2;R;G;B and 48;2;R;G;B, or 38;5;N and 48;5;N where there are
 * 256 colours. Without, it is the character out of " .:-=+*#%@" whose ink is nearest to the brightness of
 * the two. */
#ifndef GCL_IO_BLOCKS_H
#define GCL_IO_BLOCKS_H

#include "base/memory.h"
#include "io/image.h"

/* Appends ceil(height / 2) lines of `width` characters; below the last row of an odd height it is black.
 * colours: 2^24, 256, or 0 for characters alone. */
void gcl_blocks_encode(gcl_text *text, const gcl_image *picture, int colours);

/* The one of the 256 colours that is nearest to a colour: 16 + 36 r + 6 g + b of a cube whose levels are
 * 0, 95, 135, 175, 215, 255, or 232 + i, the grey 8 + 10 i. */
int gcl_blocks_colour(const uint8_t rgb[3]);

#endif
