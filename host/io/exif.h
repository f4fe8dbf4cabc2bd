/* Which way up a picture is: EXIF's orientation, and the turning of pictures.
 *
 * Cameras store what the sensor saw and note how it is to be shown. The note is the tag 0x0112 of the
 * first directory of a TIFF block (EXIF 2.32, 4.6.4), which lies in a JPEG's APP1 segment behind
 * "Exif\0\0" or in a PNG's chunk eXIf. It says where the stored row 0 and column 0 belong:
 *
 *     1 top, left       2 top, right       3 bottom, right    4 bottom, left
 *     5 left, top       6 right, top       7 right, bottom    8 left, bottom */
#ifndef GCL_IO_EXIF_H
#define GCL_IO_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/image.h"

/* The orientation, 1 to 8, in the n bytes of a TIFF block; 1 where it is not told or damaged. */
int gcl_exif_orientation(const uint8_t *tiff, size_t n);

/* What an orientation does to the stored picture: its axes change places (after ...) and the stored
 * columns or rows run backwards. */
bool gcl_exif_swaps(int orientation);
bool gcl_exif_mirrors_columns(int orientation);
bool gcl_exif_mirrors_rows(int orientation);

/* Turns and mirrors a stored picture to how it is to be seen. Errors: GCL_MEMORY. */
int gcl_exif_turn(gcl_image *image, int orientation, gcl_error *err);

#endif
