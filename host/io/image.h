/* Pictures in host memory: JPEG and PNG to bytes, and bytes to PNG.
 *
 *     gcl_image picture = {0};
 *     if (gcl_image_read_file("cat.jpg", &picture, &err) == 0) {
 *         ... picture.pixels[(y * picture.width + x) * picture.channels + c] ...
 *         gcl_image_free(&picture);
 *     }
 *
 * The first bytes of a file, never its name, say what it is. What comes out is 8 bits a channel,
 * grey (1 channel) or RGB (3): palettes are looked up, 16 bits are scaled to 8, alpha is composited
 * on black, CMYK and YCCK become RGB. Where a file holds a colour profile (ICC, or PNG's gAMA and cHRM)
 * its colours are converted to sRGB (io/colour.h); where it says which way up it is, it is turned so
 * (io/exif.h). A picture that is cut short or damaged is an error, not a guess.
 * Every function may be called from several threads at once. */
#ifndef GCL_IO_IMAGE_H
#define GCL_IO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Pixels that a picture may have at most; it is refused before anything is decoded. */
#define GCL_IMAGE_MAX_PIXELS (128L * 1024 * 1024)
/* Bytes that a picture's file may have at most. */
#define GCL_IMAGE_MAX_BYTES ((size_t)1 << 30)

typedef struct gcl_image {
    int width, height, channels;
    uint8_t *pixels; /* [height, width, channels], no padding; owned: gcl_image_free */
} gcl_image;

enum gcl_image_format { GCL_IMAGE_UNKNOWN, GCL_IMAGE_JPEG, GCL_IMAGE_PNG };

/* What a file says of itself before its pixels are decoded. */
typedef struct gcl_image_header {
    enum gcl_image_format format;
    int width, height, channels; /* as decoding at full size would give them */
    int orientation;             /* EXIF's, 1 to 8: how it is turned for that */
} gcl_image_header;

/* Allocates pixels [height, width, channels], all zero. Errors: GCL_MEMORY. */
int gcl_image_new(gcl_image *image, int width, int height, int channels, gcl_error *err);
void gcl_image_free(gcl_image *image); /* and clears it; an empty one is fine */

/* Reads the header of the n bytes of a JPEG or PNG file; `name` stands in error messages.
 * Errors: GCL_DATA for what is neither, is damaged, or is larger than GCL_IMAGE_MAX_PIXELS. */
int gcl_image_read_header(const uint8_t *bytes, size_t n, const char *name,
                          gcl_image_header *header, gcl_error *err);

/* Decodes the n bytes of a JPEG or PNG file. *scale in (0, 1] is the least scale that will do: JPEG
 * is decoded at the smallest m/8 of its size that is not below it, which saves most of the work
 * when a large picture is wanted small; *scale then says which, and sample i of the picture covers
 * i / *scale to (i + 1) / *scale of the whole one. NULL is full size, and PNG is always full size.
 * Errors: GCL_DATA, GCL_MEMORY; `image` is then empty. */
int gcl_image_decode(const uint8_t *bytes, size_t n, const char *name, double *scale,
                     gcl_image *image, gcl_error *err);

/* Reads a whole file and decodes it at full size. Errors: GCL_DATA, GCL_MEMORY. */
int gcl_image_read_file(const char *path, gcl_image *image, gcl_error *err);

/* Makes the picture grey or RGB in place (1 or 3 channels). Grey is ITU-R BT.601 luma,
 * 0.299 R + 0.587 G + 0.114 B, as Pillow's mode L. Errors: GCL_MEMORY. */
int gcl_image_set_channels(gcl_image *image, int channels, gcl_error *err);

/* Copies the part of width x height pixels at x, y, which must lie in `in`. Errors: GCL_MEMORY. */
int gcl_image_cut(gcl_image *out, const gcl_image *in, int x, int y, int width, int height,
                  gcl_error *err);

/* Two pictures of one height side by side; RGB if one of them is. Errors: GCL_MEMORY; `out` is then
 * empty. */
int gcl_image_join(gcl_image *out, const gcl_image *left, const gcl_image *right, gcl_error *err);

/* Encodes a grey or RGB picture as PNG into *bytes, which the caller free()s.
 * Errors: GCL_MEMORY. */
int gcl_image_encode_png(const gcl_image *image, uint8_t **bytes, size_t *n, gcl_error *err);

/* Writes a PNG file atomically (temporary, fsync, rename): under `path` lies the old file or the
 * whole new one, whatever happens. Errors: GCL_DISK (full, no such folder, no permission),
 * GCL_MEMORY. */
int gcl_image_write_png(const char *path, const gcl_image *image, gcl_error *err);

#endif
