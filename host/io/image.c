#include "io/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/codec.h"
#include "io/exif.h"
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
    *header = (gcl_image_header){.orientation = 1};
    switch (recognise(bytes, n)) {
    case GCL_IMAGE_JPEG: result = gcl_jpeg_read_header(bytes, n, name, header, err); break;
    case GCL_IMAGE_PNG: result = gcl_png_read_header(bytes, n, name, header, err); break;
    case GCL_IMAGE_UNKNOWN:
        gcl_fail(err, GCL_DATA, "%s: %s", name, n == 0 ? "is empty" : "is neither JPEG nor PNG");
    }
    if (result != 0)
        return -1;
    if (gcl_exif_swaps(header->orientation)) {
        int width = header->width;
        header->width = header->height;
        header->height = width;
    }
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
    int result;
    if (scale == NULL)
        scale = &full;
    if (header.format == GCL_IMAGE_JPEG) {
        result = gcl_jpeg_decode(bytes, n, name, scale, image, err);
    } else {
        *scale = 1;
        result = gcl_png_decode(bytes, n, name, image, err);
    }
    if (result == 0)
        result = gcl_exif_turn(image, header.orientation, err);
    if (result != 0)
        gcl_image_free(image);
    return result;
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

/* Pixel i of a picture in `channels` channels. */
static void convert_pixel(uint8_t *to, const gcl_image *image, size_t i, int channels)
{
    const uint8_t *from = image->pixels + i * (size_t)image->channels;
    if (channels == image->channels)
        memcpy(to, from, (size_t)channels);
    else if (channels == 1)
        *to = luma(from);
    else
        memset(to, *from, 3);
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
        convert_pixel(other.pixels + i * (size_t)channels, image, i, channels);
    gcl_image_free(image);
    *image = other;
    return 0;
}

int gcl_image_cut(gcl_image *out, const gcl_image *in, int x, int y, int width, int height,
                  gcl_error *err)
{
    if (gcl_image_new(out, width, height, in->channels, err) != 0)
        return -1;
    size_t pixel = (size_t)in->channels, row = (size_t)width * pixel;
    const uint8_t *from = in->pixels + ((size_t)y * (size_t)in->width + (size_t)x) * pixel;
    for (int i = 0; i < height; i++)
        memcpy(out->pixels + (size_t)i * row, from + (size_t)i * (size_t)in->width * pixel, row);
    return 0;
}

int gcl_image_join(gcl_image *out, const gcl_image *left, const gcl_image *right, gcl_error *err)
{
    int channels = left->channels > right->channels ? left->channels : right->channels;
    const gcl_image *const parts[] = {left, right};
    if (gcl_image_new(out, left->width + right->width, left->height, channels, err) != 0)
        return -1;
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++)
        for (int k = 0; k < 2; k++)
            for (int x = 0; x < parts[k]->width; x++, to += channels)
                convert_pixel(to, parts[k], (size_t)y * (size_t)parts[k]->width + (size_t)x,
                              channels);
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
