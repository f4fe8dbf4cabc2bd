/* The built-in faces, and the canvas that they are painted on. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datasets/canvas.h"
#include "datasets/dataset.h"
#include "suite_test.h"

static gcl_error err;
static gcl_dataset *dataset;

static void setup(void)
{
    err = (gcl_error){0};
    dataset = NULL;
}

static void teardown(void) { gcl_dataset_close(dataset); }

static void open_faces(int size, int channels)
{
    gcl_dataset_close(dataset);
    gcl_dataset_options options = {.wanted = {.size = size, .channels = channels}};
    dataset = gcl_dataset_open("builtin:faces", &options, &err);
    ck_assert_msg(dataset != NULL, "%s", err.text);
}

static int read_face(size_t index, uint8_t *bytes)
{
    void *const fields[2] = {bytes, NULL};
    return gcl_dataset_read(dataset, index, NULL, fields, &err);
}

/* --- faces ----------------------------------------------------------------------------------- */

static double difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += abs(a[i] - b[i]);
    return sum / (double)n;
}

START_TEST(faces_are_different)
{
    enum { N = 120, BYTES = 32 * 32 * 3 };
    uint8_t *faces = gcl_alloc(N * BYTES);
    open_faces(32, 3);
    ck_assert_str_eq(gcl_dataset_name(dataset), "faces");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 100000);
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(read_face(i * 829, faces + i * BYTES), 0);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_double_gt(difference(faces + i * BYTES, faces + j * BYTES, BYTES), 4);
    free(faces);
}
END_TEST

START_TEST(faces_are_functions_of_their_number)
{
    enum { BYTES = 128 * 128 * 3 };
    uint8_t *first = gcl_alloc(BYTES), *again = gcl_alloc(BYTES);
    for (size_t i = 0; i < 40; i++) {
        open_faces(128, 3);
        ck_assert_int_eq(read_face(i, first), 0);
        ck_assert_int_eq(read_face(99999 - i, again), 0);
        ck_assert_int_eq(read_face(i, again), 0);
        ck_assert_mem_eq(first, again, BYTES);
    }
    free(first);
    free(again);
}
END_TEST

/* The same face at any size: 64 reduced to 16 is close to 16, and grey is the luma of colour. */
START_TEST(faces_at_any_size)
{
    static const int sizes[] = {1, 2, 17, 64, 200};
    uint8_t *bytes = gcl_alloc(200 * 200 * 3);
    for (int i = 0; i < 5; i++) {
        open_faces(sizes[i], 3);
        for (size_t k = 0; k < 12; k++)
            ck_assert_int_eq(read_face(k, bytes), 0);
    }
    gcl_image large;
    uint8_t small[16 * 16 * 3], reduced[16 * 16 * 3], grey[16 * 16];
    gcl_image_new(&large, 64, 64, 3, &err);
    open_faces(64, 3);
    ck_assert_int_eq(read_face(5, large.pixels), 0);
    gcl_resize(reduced, 16, 16, &large, (gcl_box){0, 0, 64, 64}, GCL_FILTER_TRIANGLE, &err);
    open_faces(16, 3);
    ck_assert_int_eq(read_face(5, small), 0);
    ck_assert_double_lt(difference(small, reduced, sizeof small), 8);
    open_faces(16, 1);
    ck_assert_int_eq(read_face(5, grey), 0);
    for (int i = 0; i < 256; i++)
        ck_assert_int_le(
            abs(grey[i] -
                (299 * small[3 * i] + 587 * small[3 * i + 1] + 114 * small[3 * i + 2]) / 1000),
            1);
    gcl_image_free(&large);
    free(bytes);
}
END_TEST

/* --- canvas ---------------------------------------------------------------------------------- */

static const gcl_colour white = {1, 1, 1};

/* The sum of what a canvas shows, as a share of its area. */
static double area(gcl_canvas *canvas, int size)
{
    uint8_t *bytes = gcl_alloc((size_t)(size * size * 3));
    double sum = 0;
    gcl_canvas_bytes(canvas, bytes);
    for (int i = 0; i < size * size; i++)
        sum += bytes[3 * i] / 255.0;
    free(bytes);
    return sum / (size * size);
}

static void assert_area(int size, double wanted, void (*shape)(gcl_canvas *))
{
    gcl_canvas *canvas = gcl_canvas_new(size, &err);
    shape(canvas);
    gcl_canvas_fill(canvas, gcl_paint_flat(white, 1));
    ck_assert_double_eq_tol(area(canvas, size), wanted, 0.004);
    gcl_canvas_free(canvas);
}

static void triangle(gcl_canvas *canvas)
{
    gcl_canvas_polygon(canvas, (gcl_point[]){{-0.81f, -0.33f}, {0.77f, -0.62f}, {0.11f, 0.93f}}, 3);
}

static void turned_square(gcl_canvas *canvas)
{
    gcl_canvas_place(canvas, 0.1f, -0.05f, 0.5f, 0.4f);
    gcl_canvas_polygon(canvas, (gcl_point[]){{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}, 4);
}

static void half_outside(gcl_canvas *canvas)
{
    gcl_canvas_polygon(canvas, (gcl_point[]){{-9, -5}, {0.3f, -5}, {0.3f, 7}, {-9, 7}}, 4);
}

static void ellipse(gcl_canvas *canvas) { gcl_canvas_ellipse(canvas, 0, 0.1f, 0.7f, 0.4f, 0.6f); }

static void bar(gcl_canvas *canvas)
{
    gcl_canvas_line(canvas, (gcl_point[]){{-0.5f, 0}, {0.5f, 0.2f}}, 2, 0.3f, 0.3f);
}

START_TEST(canvas_covers_areas)
{
    /* |a x b| / 2 of the triangle's sides, over the canvas' area of 4 */
    assert_area(64, 0.5 * fabs(1.58 * 1.26 - -0.29 * 0.92) / 4, triangle);
    assert_area(64, 0.25, turned_square);
    assert_area(33, 0.65, half_outside);
    assert_area(128, 3.14159265 * 0.7 * 0.4 / 4, ellipse);
    assert_area(128, (0.3 * hypot(1, 0.2) + 3.14159265 * 0.15 * 0.15) / 4, bar);
}
END_TEST

START_TEST(canvas_clips_and_blends)
{
    uint8_t bytes[8 * 8 * 3];
    gcl_canvas *canvas = gcl_canvas_new(8, &err);
    gcl_canvas_polygon(canvas, (gcl_point[]){{-1, -1}, {0, -1}, {0, 1}, {-1, 1}}, 4);
    gcl_canvas_clip(canvas);
    gcl_canvas_all(canvas);
    gcl_canvas_fill(canvas, gcl_paint_flat((gcl_colour){1, 0.5f, 0}, 0.5f));
    gcl_canvas_unclip(canvas);
    gcl_canvas_bytes(canvas, bytes);
    for (int i = 0; i < 64; i++)
        ck_assert_mem_eq(bytes + 3 * i, i % 8 < 4 ? "\x80\x40\0" : "\0\0\0", 3);
    gcl_canvas_all(canvas);
    gcl_canvas_fill(canvas, gcl_paint_linear(-1, 0, (gcl_colour){0, 0, 0}, 1, 0, white));
    gcl_canvas_bytes(canvas, bytes);
    for (int x = 0; x < 8; x++) /* pixel centres at (x + 1/2) / 8 of the way */
        ck_assert_int_le(abs(bytes[3 * x] - (int)(255 * (x + 0.5) / 8)), 1);
    gcl_canvas_free(canvas);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faces");
    TCase *tests = add_case(suite, "faces", setup, teardown);
    tcase_add_test(tests, faces_are_different);
    tcase_add_test(tests, faces_are_functions_of_their_number);
    tcase_add_test(tests, faces_at_any_size);
    tcase_add_test(tests, canvas_covers_areas);
    tcase_add_test(tests, canvas_clips_and_blends);
    return run_suite(suite);
}
