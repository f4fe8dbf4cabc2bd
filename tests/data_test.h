/* What the tests of pictures and data sets share: a folder of their own, and files made in it. */
#ifndef GCL_TESTS_DATA_TEST_H
#define GCL_TESTS_DATA_TEST_H

#include <errno.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "base/error.h"
#include "io/atomic.h"
#include "io/image.h"
#include "suite_test.h"

static char folder[64]; /* made anew for each test */

static inline void make_folder(void)
{
    strcpy(folder, "/tmp/ganocl-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void remove_folder(void) { remove_tree(folder); }

/* The path of `name` in the folder; good until the fourth call after this one. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

/* The same after making the folders above it. */
static inline const char *below_folder(const char *name)
{
    const char *path = in_folder(name);
    gcl_error reason = {0};
    char *above = gcl_strdup(path);
    *strrchr(above, '/') = 0;
    ck_assert_msg(gcl_folder_make(above, &reason) == 0, "%s", reason.text);
    free(above);
    return path;
}

/* A PNG of any kind; `rows` holds packed rows as the file has them. */
typedef struct png_kind {
    int width, height, depth, colour, interlace;
} png_kind;

static inline void write_png(const char *path, png_kind kind, const png_color *palette,
                             int n_palette, const uint8_t *alphas, const uint8_t *rows)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)kind.width, (png_uint_32)kind.height, kind.depth,
                 kind.colour, kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (palette != NULL)
        png_set_PLTE(png, info, palette, n_palette);
    if (alphas != NULL)
        png_set_tRNS(png, info, alphas, n_palette, NULL);
    png_write_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    png_bytep pointers[256];
    for (int y = 0; y < kind.height; y++)
        pointers[y] = (png_bytep)(uintptr_t)(rows + (size_t)y * stride);
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

/* A PNG of one colour: for telling pictures of a data set apart. */
static inline void write_flat(const char *path, int width, int height, uint8_t level)
{
    gcl_image image;
    gcl_error err = {0};
    ck_assert_int_eq(gcl_image_new(&image, width, height, 3, &err), 0);
    memset(image.pixels, level, (size_t)width * (size_t)height * 3);
    ck_assert_int_eq(gcl_image_write_png(path, &image, &err), 0);
    gcl_image_free(&image);
}

/* A JPEG from pixels of a TJPF format; the caller tjFree()s it. */
static inline uint8_t *make_jpeg(const uint8_t *pixels, int width, int height, int format,
                                 int sampling, int flags, unsigned long *n)
{
    tjhandle encoder = tjInitCompress();
    uint8_t *bytes = NULL;
    *n = 0;
    ck_assert_int_eq(
        tjCompress2(encoder, pixels, width, 0, height, format, &bytes, n, sampling, 95, flags), 0);
    tjDestroy(encoder);
    return bytes;
}

static inline void write_jpeg(const char *path, const uint8_t *pixels, int width, int height)
{
    unsigned long n;
    uint8_t *bytes = make_jpeg(pixels, width, height, TJPF_RGB, TJSAMP_444, 0, &n);
    write_bytes(path, bytes, n);
    tjFree(bytes);
}

#endif
