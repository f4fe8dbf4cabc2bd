/* What the tests of picture files share that are made in memory, part by part. */
#ifndef TESTS_IMAGE_FILES_TEST_H
#define TESTS_IMAGE_FILES_TEST_H

#include <zlib.h>

#include "image_test.h"
#include "io/file.h"

/* A file in memory; forget() it. */
typedef struct bytes {
    uint8_t *at;
    size_t n;
} bytes;

static inline bytes copy_of(const void *from, size_t n)
{
    bytes file = {gcl_alloc(n), n};
    memcpy(file.at, from, n);
    return file;
}

static inline void insert(bytes *file, size_t where, const void *what, size_t n)
{
    file->at = gcl_realloc(file->at, file->n + n);
    memmove(file->at + where + n, file->at + where, file->n - where);
    memcpy(file->at + where, what, n);
    file->n += n;
}

static inline void decode(const bytes *file, double *scale)
{
    gcl_image_free(&image);
    ck_assert_msg(gcl_image_decode(file->at, file->n, "test", scale, &image, &err) == 0, "%s",
                  err.text);
}

enum { FIRST = 33, LAST = 12 }; /* behind a PNG's IHDR; the bytes of its IEND */

static inline bytes jpeg_of(const uint8_t *pixels, int width, int height, int format)
{
    unsigned long n;
    uint8_t *made = make_jpeg(pixels, width, height, format, TJSAMP_444, 0, &n);
    bytes file = copy_of(made, n);
    tjFree(made);
    return file;
}

static inline void add_segment(bytes *file, uint8_t marker, const void *content, size_t n)
{
    uint8_t head[] = {0xFF, marker, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2)};
    insert(file, 2, content, n);
    insert(file, 2, head, 4);
}

static inline void put_u32(uint8_t *to, unsigned long value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void add_chunk(bytes *png, size_t where, const char *name, const void *content,
                             size_t n)
{
    uint8_t *chunk = gcl_alloc(n + 12);
    put_u32(chunk, (unsigned long)n);
    memcpy(chunk + 4, name, 4);
    memcpy(chunk + 8, content, n);
    put_u32(chunk + 8 + n, crc32(0, chunk + 4, (uInt)n + 4));
    insert(png, where, chunk, n + 12);
    free(chunk);
}

static inline bytes png_of(png_kind kind, const uint8_t *rows)
{
    size_t n;
    uint8_t *read = NULL;
    write_png(in_folder("x.png"), kind, NULL, 0, NULL, rows);
    ck_assert_int_eq(gcl_file_read(in_folder("x.png"), 1 << 20, &read, &n, &err), 0);
    return (bytes){read, n};
}

#endif
