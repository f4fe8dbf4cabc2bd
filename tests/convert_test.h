/* What the tests of packed data sets share: pictures to pack, and `ganocl dataset convert`. */
#ifndef TESTS_CONVERT_TEST_H
#define TESTS_CONVERT_TEST_H

#include "command_test.h"
#include "dataset_test.h"

/* Something to see in every pixel, different for each number. */
static inline uint8_t *texture(int width, int height, int channels, int number)
{
    uint8_t *pixels = gcl_alloc((size_t)(width * height * channels));
    for (int i = 0; i < width * height * channels; i++)
        pixels[i] = (uint8_t)(i % width * 5 + i / width * (number + 3) + i % channels * 60 +
                              (i / (width * channels) / 4 % 2) * 70);
    return pixels;
}

static inline void write_texture(const char *name, int width, int height, int number)
{
    const char *path = below_folder(name);
    bool jpeg = strstr(name, ".jpg") != NULL;
    uint8_t *pixels = texture(width, height, jpeg || number % 3 > 0 ? 3 : 1, number);
    if (jpeg)
        write_jpeg(path, pixels, width, height);
    else
        write_png(path,
                  (png_kind){width, height, 8,
                             number % 3 > 0 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, 0},
                  NULL, 0, NULL, pixels);
    free(pixels);
}

/* Packs %/in to %/NAME.pack with these arguments. */
static inline void convert(const char *in, const char *name, const char *more)
{
    char line[256];
    snprintf(line, sizeof line, "convert --in %%/%s --out %%/%s.pack %s 2>&1", in, name, more);
    ck_assert_msg(run_on(line) == 0, "%s", output);
}

#endif
