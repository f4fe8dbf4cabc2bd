/* The decoders behind io/image.h; each reads the bytes of one format. They give pictures as they are
 * stored, and headers with the stored width and height; turning them is for the caller. */
#ifndef GCL_IO_CODEC_H
#define GCL_IO_CODEC_H

#include "io/image.h"

int gcl_jpeg_read_header(const uint8_t *bytes, size_t n, const char *name, gcl_image_header *header,
                         gcl_error *err);
int gcl_jpeg_decode(const uint8_t *bytes, size_t n, const char *name, double *scale,
                    gcl_image *image, gcl_error *err);

int gcl_png_read_header(const uint8_t *bytes, size_t n, const char *name, gcl_image_header *header,
                        gcl_error *err);
int gcl_png_decode(const uint8_t *bytes, size_t n, const char *name, gcl_image *image,
                   gcl_error *err);

#endif
