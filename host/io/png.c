/* PNG through libpng: every colour type and depth, interlaced or not; and the writer. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/codec.h"

/* libpng leaves an error by longjmp to the point set with setjmp(png_jmpbuf(...)); no function here
 * that lies in between owns anything. */
typedef struct source {
    const uint8_t *bytes;
    size_t n, at;
    char message[200];
} source;

static void on_error(png_structp png, png_const_charp message)
{
    source *from = png_get_error_ptr(png);
    snprintf(from->message, sizeof from->message, "%s", message);
    png_longjmp(png, 1);
}

/* Warnings are about colour profiles, dates and texts, never about pixels. */
static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    source *from = png_get_io_ptr(png);
    if (from->n - from->at < n)
        png_error(png, "the file ends too early");
    memcpy(out, from->bytes + from->at, n);
    from->at += n;
}

typedef struct reader {
    source from;
    png_structp png;
    png_infop info;
} reader;

static int reader_open(reader *r, const uint8_t *bytes, size_t n, const char *name, gcl_error *err)
{
    *r = (reader){.from = {.bytes = bytes, .n = n}};
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r->from, on_error, on_warning);
    if (r->png != NULL)
        r->info = png_create_info_struct(r->png);
    if (r->info == NULL) {
        png_destroy_read_struct(&r->png, NULL, NULL);
        return gcl_fail(err, GCL_MEMORY, "%s: out of host memory for a PNG decoder", name);
    }
    png_set_read_fn(r->png, &r->from, on_read);
    png_set_user_limits(r->png, (png_uint_32)GCL_IMAGE_MAX_PIXELS,
                        (png_uint_32)GCL_IMAGE_MAX_PIXELS);
    return 0;
}

static void reader_close(reader *r) { png_destroy_read_struct(&r->png, &r->info, NULL); }

static int read_info(reader *r, const char *name, gcl_image_header *header, gcl_error *err)
{
    if (setjmp(png_jmpbuf(r->png)))
        return gcl_fail(err, GCL_DATA, "%s: damaged PNG: %s", name, r->from.message);
    png_read_info(r->png, r->info);
    header->format = GCL_IMAGE_PNG;
    header->width = (int)png_get_image_width(r->png, r->info);
    header->height = (int)png_get_image_height(r->png, r->info);
    header->channels = png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR ? 3 : 1;
    return 0;
}

int gcl_png_read_header(const uint8_t *bytes, size_t n, const char *name, gcl_image_header *header,
                        gcl_error *err)
{
    reader r;
    if (reader_open(&r, bytes, n, name, err) != 0)
        return -1;
    int result = read_info(&r, name, header, err);
    reader_close(&r);
    return result;
}

/* Asks for 8 bits a channel, with alpha if the file has transparency of any kind. Returns channels:
 * 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha. */
static int set_conversions(reader *r, int *passes, const char *name, gcl_error *err)
{
    if (setjmp(png_jmpbuf(r->png)))
        return gcl_fail(err, GCL_DATA, "%s: damaged PNG: %s", name, r->from.message);
    png_set_expand(r->png); /* palette to RGB, 1, 2, 4 bits to 8, transparent colour to alpha */
    png_set_scale_16(r->png);
    *passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    return png_get_channels(r->png, r->info);
}

/* Reads all rows and the end of the file, whose checksums cover every byte of the picture. */
static int read_rows(reader *r, int passes, const gcl_image *image, const char *name,
                     gcl_error *err)
{
    if (setjmp(png_jmpbuf(r->png)))
        return gcl_fail(err, GCL_DATA, "%s: damaged PNG: %s", name, r->from.message);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < image->height; y++)
            png_read_row(r->png, image->pixels + (size_t)y * stride, NULL);
    png_read_end(r->png, NULL);
    return 0;
}

/* Multiplies colour by alpha, which is the picture before black, and drops alpha. In place. */
static void composite_on_black(gcl_image *image)
{
    size_t stored = (size_t)image->channels, colours = stored - 1;
    size_t n_pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *pixels = image->pixels;
    for (size_t i = 0; i < n_pixels; i++) {
        unsigned alpha = pixels[stored * i + colours];
        for (size_t c = 0; c < colours; c++)
            pixels[colours * i + c] = (uint8_t)((pixels[stored * i + c] * alpha + 127) / 255);
    }
    image->channels = (int)colours;
}

static int decode(reader *r, const char *name, gcl_image *image, gcl_error *err)
{
    gcl_image_header header;
    int passes = 1;
    if (read_info(r, name, &header, err) != 0)
        return -1;
    int channels = set_conversions(r, &passes, name, err);
    if (channels < 0 || gcl_image_new(image, header.width, header.height, channels, err) != 0 ||
        read_rows(r, passes, image, name, err) != 0)
        return -1;
    if (channels % 2 == 0)
        composite_on_black(image);
    return 0;
}

int gcl_png_decode(const uint8_t *bytes, size_t n, const char *name, gcl_image *image,
                   gcl_error *err)
{
    reader r;
    if (reader_open(&r, bytes, n, name, err) != 0)
        return -1;
    int result = decode(&r, name, image, err);
    reader_close(&r);
    if (result != 0)
        gcl_image_free(image);
    return result;
}

typedef struct sink {
    uint8_t *bytes;
    size_t n, capacity;
} sink;

static void on_write(png_structp png, png_bytep bytes, size_t n)
{
    sink *to = png_get_io_ptr(png);
    if (to->n + n > to->capacity) {
        size_t capacity = 2 * (to->n + n);
        uint8_t *grown = realloc(to->bytes, capacity);
        if (grown == NULL)
            png_error(png, "out of memory");
        to->bytes = grown;
        to->capacity = capacity;
    }
    memcpy(to->bytes + to->n, bytes, n);
    to->n += n;
}

static void on_flush(png_structp png) { (void)png; }

static void on_write_error(png_structp png, png_const_charp message)
{
    (void)message; /* into memory nothing else can go wrong */
    png_longjmp(png, 1);
}

static int write_rows(png_structp png, png_infop info, const gcl_image *image)
{
    if (setjmp(png_jmpbuf(png)))
        return -1;
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 6);
    png_write_info(png, info);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->pixels + (size_t)y * stride);
    png_write_end(png, info);
    return 0;
}

int gcl_image_encode_png(const gcl_image *image, uint8_t **bytes, size_t *n, gcl_error *err)
{
    sink to = {0};
    png_infop info = NULL;
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_write_error, on_warning);
    if (png != NULL)
        info = png_create_info_struct(png);
    if (info != NULL)
        png_set_write_fn(png, &to, on_write, on_flush);
    int result = info != NULL ? write_rows(png, info, image) : -1;
    png_destroy_write_struct(&png, &info);
    if (result != 0) {
        free(to.bytes);
        return gcl_fail(err, GCL_MEMORY, "PNG of %d x %d pixels: out of host memory", image->width,
                        image->height);
    }
    *bytes = to.bytes;
    *n = to.n;
    return 0;
}
