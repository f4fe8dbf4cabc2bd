/* Resize, boxes and flips: exact small cases, and what every filter must keep. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/resize.h"
#include "suite_test.h"

static gcl_error err;
static gcl_image image;

static void setup(void)
{
    err = (gcl_error){0};
    image = (gcl_image){0};
}

static void teardown(void) { gcl_image_free(&image); }

static void set_image(int width, int height, int channels, const uint8_t *pixels)
{
    gcl_image_free(&image);
    ck_assert_int_eq(gcl_image_new(&image, width, height, channels, &err), 0);
    memcpy(image.pixels, pixels, (size_t)(width * height * channels));
}

static void resize(uint8_t *out, int width, int height, gcl_box box, enum gcl_filter filter)
{
    ck_assert_msg(gcl_resize(out, width, height, &image, box, filter, &err) == 0, "%s", err.text);
}

START_TEST(resize_exact)
{
    uint8_t out[16];
    set_image(4, 1, 1, (const uint8_t[]){0, 100, 200, 40});
    resize(out, 2, 1, (gcl_box){0, 0, 4, 1}, GCL_FILTER_TRIANGLE);
    /* (3/4 * 0 + 3/4 * 100 + 1/4 * 200) / (7/4), (1/4 * 100 + 3/4 * 200 + 3/4 * 40) / (7/4) */
    ck_assert_mem_eq(out, ((uint8_t[]){71, 117}), 2);
    resize(out, 2, 1, (gcl_box){1, 0, 2, 1}, GCL_FILTER_TRIANGLE);
    ck_assert_mem_eq(out, ((uint8_t[]){100, 200}), 2);
    resize(out, 1, 1, (gcl_box){1.5, 0, 1, 1}, GCL_FILTER_TRIANGLE); /* halfway between two */
    ck_assert_int_eq(out[0], 150);
    set_image(1, 2, 1, (const uint8_t[]){0, 100});
    resize(out, 1, 4, (gcl_box){0, 0, 1, 2}, GCL_FILTER_TRIANGLE);
    ck_assert_mem_eq(out, ((uint8_t[]){0, 25, 75, 100}), 4);
    /* Lanczos at 3/4 and 1/4 from a sample: w = sinc(x) sinc(x / 3), normalised over two. */
    resize(out, 1, 4, (gcl_box){0, 0, 1, 2}, GCL_FILTER_LANCZOS);
    double q = 0.78539816339744831; /* pi / 4 */
    double near = sin(q) / q * (sin(q / 3) / (q / 3)), far = sin(3 * q) / (3 * q) * (sin(q) / q);
    ck_assert_int_eq(out[1], (int)(100 * far / (near + far) + 0.5));
}
END_TEST

START_TEST(resize_keeps_what_fits)
{
    uint8_t out[24 * 17 * 3], pixels[24 * 17 * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    for (int filter = 0; filter < 2; filter++) {
        set_image(24, 17, 3, pixels);
        resize(out, 24, 17, (gcl_box){0, 0, 24, 17}, (enum gcl_filter)filter);
        ck_assert_mem_eq(out, pixels, sizeof pixels);
        resize(out, 5, 4, (gcl_box){3, 2, 5, 4}, (enum gcl_filter)filter); /* a crop */
        for (int y = 0; y < 4; y++)
            ck_assert_mem_eq(out + y * 15, pixels + ((y + 2) * 24 + 3) * 3, 15);
    }
}
END_TEST

START_TEST(resize_constant_stays)
{
    static const int sizes[] = {1, 2, 3, 7, 16, 33, 100};
    static uint8_t out[100 * 100 * 3], pixels[61 * 47 * 3];
    memset(pixels, 203, sizeof pixels);
    set_image(61, 47, 3, pixels);
    for (int filter = 0; filter < 2; filter++)
        for (int i = 0; i < 7; i++)
            for (int j = 0; j < 7; j++) {
                size_t n = (size_t)(sizes[i] * sizes[j] * 3);
                resize(out, sizes[i], sizes[j], (gcl_box){0, 0, 61, 47}, (enum gcl_filter)filter);
                for (size_t k = 0; k < n; k++)
                    ck_assert_int_eq(out[k], 203);
            }
}
END_TEST

START_TEST(resize_does_not_alias)
{
    static uint8_t pixels[64 * 64], out[13 * 13];
    for (int i = 0; i < 64 * 64; i++)
        pixels[i] = (i % 64 + i / 64) % 2 ? 255 : 0;
    set_image(64, 64, 1, pixels);
    for (int filter = 0; filter < 2; filter++) {
        resize(out, 13, 13, (gcl_box){0, 0, 64, 64}, (enum gcl_filter)filter);
        for (int y = 1; y < 12; y++)
            for (int x = 1; x < 12; x++)
                ck_assert_int_lt(abs(out[y * 13 + x] - 127), 4);
    }
}
END_TEST

START_TEST(resize_boxes)
{
    uint8_t out[3] = {0}, pixels[12] = {0};
    set_image(2, 2, 3, pixels);
    const gcl_box wrong[] = {
        {0, 0, 0, 2}, {0, 0, 3, 2}, {-1, 0, 2, 2}, {0, 1, 2, 2}, {0, 0, NAN, 1}};
    for (int i = 0; i < 5; i++) {
        gcl_error reason = {0};
        ck_assert_int_eq(gcl_resize(out, 1, 1, &image, wrong[i], GCL_FILTER_LANCZOS, &reason), -1);
        ck_assert_int_eq(reason.code, GCL_DATA);
    }
}
END_TEST

START_TEST(flip)
{
    uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    const uint8_t wanted[] = {7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13};
    gcl_flip_horizontal(pixels, 3, 2, 3);
    ck_assert_mem_eq(pixels, wanted, sizeof wanted);
    gcl_flip_horizontal(pixels, 1, 6, 3);
    ck_assert_mem_eq(pixels, wanted, sizeof wanted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resize");
    TCase *tests = add_case(suite, "resize", setup, teardown);
    tcase_add_test(tests, resize_exact);
    tcase_add_test(tests, resize_keeps_what_fits);
    tcase_add_test(tests, resize_constant_stays);
    tcase_add_test(tests, resize_does_not_alias);
    tcase_add_test(tests, resize_boxes);
    tcase_add_test(tests, flip);
    return run_suite(suite);
}
