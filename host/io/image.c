#include "io/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/codec.h"
#include "io/file.h"

int gcl_image_new(gcl_image *image, int width, int height, int channels, gcl_error *err)
{
    *image = (gcl_image){0};
    size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
    uint8_t *pixels = calloc(bytes ? bytes : 1, 1);
    if (pixels == NULL)
        return gcl_fail(err, GCL_MEMORY,
                        "a picture of %d x %d x %d: out of host memory (%zu bytes wanted)", width,
                        height, channels, bytes);
    *image = (gcl_image){width, height, channels, pixels};
    return 0;
}

void gcl_image_free(gcl_image *image)
{
    free(image->pixels);
    *image = (gcl_image){0};
}

static enum gcl_image_format recognise(const uint8_t *bytes, size_t n)
{
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF};
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (n >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return GCL_IMAGE_JPEG;
    if (n >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return GCL_IMAGE_PNG;
    return GCL_IMAGE_UNKNOWN;
}

int gcl_image_read_header(const uint8_t *bytes, size_t n, const char *name,
                          gcl_image_header *header, gcl_error *err)
{
    int result = -1;
    *header = (gcl_image_header){0};
    switch (recognise(bytes, n)) {
    case GCL_IMAGE_JPEG: result = gcl_jpeg_read_header(bytes, n, name, header, err); break;
    case GCL_IMAGE_PNG: result = gcl_png_read_header(bytes, n, name, header, err); break;
    case GCL_IMAGE_UNKNOWN:
        gcl_fail(err, GCL_DATA, "%s: %s", name, n == 0 ? "is empty" : "is neither JPEG nor PNG");
    }
    if (result != 0)
        return -1;
    if (header->width > GCL_IMAGE_MAX_PIXELS / header->height)
        return gcl_fail(err, GCL_DATA, "%s: %d x %d pixels are too many (the limit is %ld million)",
                        name, header->width, header->height, GCL_IMAGE_MAX_PIXELS / 1000000);
    return 0;
}

int gcl_image_decode(const uint8_t *bytes, size_t n, const char *name, double *scale,
                     gcl_image *image, gcl_error *err)
{
    gcl_image_header header;
    *image = (gcl_image){0};
    if (gcl_image_read_header(bytes, n, name, &header, err) != 0)
        return -1;
    double full = 1;
    if (header.format == GCL_IMAGE_JPEG)
        return gcl_jpeg_decode(bytes, n, name, scale != NULL ? scale : &full, image, err);
    if (scale != NULL)
        *scale = 1;
    return gcl_png_decode(bytes, n, name, image, err);
}

int gcl_image_read_file(const char *path, gcl_image *image, gcl_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    *image = (gcl_image){0};
    if (gcl_file_read(path, GCL_IMAGE_MAX_BYTES, &bytes, &n, err) != 0)
        return -1;
    int result = gcl_image_decode(bytes, n, path, NULL, image, err);
    free(bytes);
    return result;
}

static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

int gcl_image_set_channels(gcl_image *image, int channels, gcl_error *err)
{
    if (image->channels == channels)
        return 0;
    gcl_image other;
    if (gcl_image_new(&other, image->width, image->height, channels, err) != 0)
        return -1;
    size_t n_pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < n_pixels; i++)
        if (channels == 1)
            other.pixels[i] = luma(image->pixels + 3 * i);
        else
            memset(other.pixels + 3 * i, image->pixels[i], 3);
    gcl_image_free(image);
    *image = other;
    return 0;
}

int gcl_image_write_png(const char *path, const gcl_image *image, gcl_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (gcl_image_encode_png(image, &bytes, &n, err) != 0)
        return -1;
    int result = gcl_file_replace(path, bytes, n, err);
    free(bytes);
    return result;
}
