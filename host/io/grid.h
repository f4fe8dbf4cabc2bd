/* A batch of pictures as one sheet: row by row, `columns` a row, without gaps; places that are left
 * over in the last row stay black.
 *
 *     gcl_grid_write_png("samples/000500.png", batch, 36, 128, 128, 3, 6, &err);    768 x 768 */
#ifndef GCL_IO_GRID_H
#define GCL_IO_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/image.h"

/* bytes[i] = round(clamp((x[i] + 1) / 2, 0, 1) * 255): from a generator's [-1, 1] to bytes. NaN
 * gives 0. The way back is x = byte / 127.5 - 1. */
void gcl_grid_bytes_from_floats(uint8_t *bytes, const float *x, size_t n);

/* Writes the batch [n, h, w, c] as a PNG of ceil(n / columns) rows, atomically. c is 1 or 3.
 * Errors: GCL_DISK, GCL_MEMORY. */
int gcl_grid_write_png(const char *path, const uint8_t *batch, int n, int h, int w, int c,
                       int columns, gcl_error *err);

/* The same of n > 0 pictures of one size. */
int gcl_grid_write_pictures(const char *path, const gcl_image *pictures, int n, int columns,
                            gcl_error *err);

#endif
