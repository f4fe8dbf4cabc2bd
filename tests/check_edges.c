/* Line drawings and blurred copies: where lines are, how thick, and what changes nothing. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/edges.h"
#include "suite_test.h"

enum { SIDE = 64 };

static gcl_error err;
static gcl_image picture, drawing;

static void setup(void)
{
    err = (gcl_error){0};
    picture = drawing = (gcl_image){0};
}

static void teardown(void)
{
    gcl_image_free(&picture);
    gcl_image_free(&drawing);
}

static void new_picture(int channels)
{
    gcl_image_free(&picture);
    ck_assert_int_eq(gcl_image_new(&picture, SIDE, SIDE, channels, &err), 0);
}

static void draw(void)
{
    gcl_image_free(&drawing);
    ck_assert_int_eq(gcl_edges(&drawing, &picture, &err), 0);
    ck_assert(drawing.width == SIDE && drawing.height == SIDE && drawing.channels == 1);
}

static void fill(int x0, int y0, int x1, int y1, const uint8_t *colour)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            memcpy(picture.pixels + (y * SIDE + x) * picture.channels, colour,
                   (size_t)picture.channels);
}

static bool is_line(int x, int y) { return drawing.pixels[y * SIDE + x] < 255; }

static int count_lines(void)
{
    int n = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        n += drawing.pixels[i] < 255;
    return n;
}

/* A line all round the square from 20 to 44, at most 2 pixels from its border, about 1 thick. */
static void assert_outline(void)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int dx = abs(2 * x + 1 - 64), dy = abs(2 * y + 1 - 64); /* twice the distance */
            int away = abs((dx > dy ? dx : dy) - 24);
            ck_assert_msg(!is_line(x, y) || away <= 4, "a line at %d, %d", x, y);
        }
    for (int at = 24; at < 40; at++) {
        int across = 0, down = 0;
        for (int i = 0; i < 32; i++)
            across += is_line(i, at), down += is_line(at, i);
        ck_assert(across >= 1 && across <= 2);
        ck_assert(down >= 1 && down <= 2);
    }
    ck_assert_int_lt(count_lines(), 2 * 4 * 26);
}

START_TEST(flat_is_white)
{
    new_picture(3);
    memset(picture.pixels, 130, SIDE * SIDE * 3);
    draw();
    ck_assert_int_eq(count_lines(), 0);
    for (int i = 0; i < SIDE * SIDE * 3; i++) /* faint grain is no edge */
        picture.pixels[i] = (uint8_t)(130 + (unsigned)i * 2654435761u % 7);
    draw();
    ck_assert_int_eq(count_lines(), 0);
}
END_TEST

/* On black, on white, faint, and between colours of one brightness. */
START_TEST(square_is_outlined)
{
    static const uint8_t grounds[][3] = {{0, 0, 0}, {255, 255, 255}, {100, 100, 100}, {76, 76, 76}};
    static const uint8_t squares[][3] = {{255, 255, 255}, {0, 0, 0}, {130, 130, 130}, {255, 0, 0}};
    for (int i = 0; i < 4; i++) {
        new_picture(3);
        fill(0, 0, SIDE, SIDE, grounds[i]);
        fill(20, 20, 44, 44, squares[i]);
        draw();
        assert_outline();
    }
    new_picture(1);
    fill(20, 20, 44, 44, (const uint8_t[]){200});
    draw();
    assert_outline();
}
END_TEST

START_TEST(specks_are_left_out)
{
    new_picture(1);
    fill(10, 10, 11, 11, (const uint8_t[]){90});
    fill(20, 20, 44, 44, (const uint8_t[]){200});
    draw();
    assert_outline();
}
END_TEST

START_TEST(blur_spreads)
{
    gcl_image blurred;
    new_picture(1);
    picture.pixels[32 * SIDE + 32] = 255;
    ck_assert_int_eq(gcl_blur(&blurred, &picture, 1.0, &err), 0);
    const uint8_t *at = blurred.pixels + 32 * SIDE + 32;
    ck_assert_int_eq(at[0], 41); /* 255 * 0.3991^2: 1 / sum over k of exp(-k^2 / 2), |k| <= 3 */
    ck_assert_int_eq(at[1], 25); /* times exp(-1/2) */
    ck_assert_int_eq(at[-SIDE], 25);
    ck_assert_int_eq(at[4], 0);
    gcl_image_free(&blurred);
    memset(picture.pixels, 77, SIDE * SIDE);
    ck_assert_int_eq(gcl_blur(&blurred, &picture, 9.5, &err), 0); /* wider than the picture */
    for (int i = 0; i < SIDE * SIDE; i++)
        ck_assert_int_eq(blurred.pixels[i], 77);
    gcl_image_free(&blurred);
}
END_TEST

START_TEST(small_pictures)
{
    for (int side = 1; side < 4; side++) {
        gcl_image tiny, result;
        ck_assert_int_eq(gcl_image_new(&tiny, side, side, 3, &err), 0);
        tiny.pixels[0] = 255;
        ck_assert_int_eq(gcl_edges(&result, &tiny, &err), 0);
        gcl_image_free(&result);
        ck_assert_int_eq(gcl_blur(&result, &tiny, 2, &err), 0);
        gcl_image_free(&result);
        gcl_image_free(&tiny);
    }
}
END_TEST

START_TEST(cut_and_join)
{
    gcl_image left, right, both, colour;
    new_picture(1);
    for (int i = 0; i < SIDE * SIDE; i++)
        picture.pixels[i] = (uint8_t)(i % 251);
    ck_assert_int_eq(gcl_image_cut(&left, &picture, 0, 0, 24, SIDE, &err), 0);
    ck_assert_int_eq(gcl_image_cut(&right, &picture, 24, 0, SIDE - 24, SIDE, &err), 0);
    ck_assert_int_eq(gcl_image_join(&both, &left, &right, &err), 0);
    ck_assert(both.width == SIDE && both.height == SIDE && both.channels == 1);
    ck_assert_mem_eq(both.pixels, picture.pixels, SIDE * SIDE);
    gcl_image_free(&both);
    ck_assert_int_eq(gcl_image_set_channels(&right, 3, &err), 0);
    ck_assert_int_eq(gcl_image_join(&colour, &left, &right, &err), 0);
    ck_assert_int_eq(colour.channels, 3);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        ck_assert_int_eq(colour.pixels[i], picture.pixels[i / 3]);
    gcl_image_free(&colour);
    gcl_image_free(&left);
    gcl_image_free(&right);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("edges");
    TCase *tests = add_case(suite, "edges", setup, teardown);
    tcase_add_test(tests, flat_is_white);
    tcase_add_test(tests, square_is_outlined);
    tcase_add_test(tests, specks_are_left_out);
    tcase_add_test(tests, blur_spreads);
    tcase_add_test(tests, small_pictures);
    tcase_add_test(tests, cut_and_join);
    return run_suite(suite);
}
