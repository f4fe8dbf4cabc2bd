/* Scores of pictures against known values, plain loops, and the losses of the same names in the double
 * oracle; the sliced Wasserstein distance by what a distance has to do. Without a device. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "nn/losses.h"
#include "suite_test.h"
#include "train/scores.h"

#define ck_near(got, wanted, tolerance)                                                            \
    ck_assert_msg(fabs((got) - (wanted)) <= (tolerance), "%.10g is not %.10g", (double)(got),      \
                  (double)(wanted))

enum { MOST_LEVELS = 8 };

static gcl_error err;

static void start_test(void) { err = (gcl_error){0}; }

/* Bytes low .. high, a function of the seed; malloc'ed. */
static uint8_t *random_bytes(size_t n, unsigned seed, int low, int high)
{
    uint8_t *bytes = gcl_alloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(low + (int)(gcl_philox_uniform(seed, 0, 0, i) * (high - low + 1)));
    return bytes;
}

/* ---- pair by pair ---------------------------------------------------------------------------------- */

static const struct {
    int h, w, c;
} shapes[] = {{11, 11, 1}, {11, 16, 3}, {24, 17, 3}, {20, 20, 1}, {13, 30, 3}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static gcl_scores scores_of(const uint8_t *a, const uint8_t *b, int h, int w, int c)
{
    gcl_scores scores = {-1, -1, -1, -1};
    ck_assert_msg(gcl_scores_of(a, b, h, w, c, &scores, &err) == 0, "%s", err.text);
    return scores;
}

START_TEST(equal_pictures_score_best)
{
    int h = shapes[_i].h, w = shapes[_i].w, c = shapes[_i].c;
    uint8_t *a = random_bytes((size_t)(h * w * c), 1, 0, 255);
    gcl_scores s = scores_of(a, a, h, w, c);
    ck_assert(s.l1 == 0 && s.psnr == 100);
    ck_near(s.ssim, 1, 1e-12);
    ck_near(s.gmsd, 0, 1e-7); /* the root of a variance's rounding */
    free(a);
}
END_TEST

/* Of b = a + d everywhere: l1 d/255, psnr 20 log10(255/d), gradients but for the border as they were.
 * Of flat pictures of x and y: ssim (2 x y + C1) / (x^2 + y^2 + C1). */
START_TEST(a_constant_offset_has_known_scores)
{
    int h = 16, w = 20, c = 3, n = h * w * c;
    uint8_t *a = random_bytes((size_t)n, 2, 0, 200), *b = gcl_alloc((size_t)n);
    for (int i = 0; i < n; i++)
        b[i] = (uint8_t)(a[i] + 51);
    gcl_scores s = scores_of(a, b, h, w, c);
    ck_near(s.l1, 0.2, 1e-12);
    ck_near(s.psnr, 20 * log10(5), 1e-9);
    memset(a, 51, (size_t)n);
    memset(b, 204, (size_t)n);
    s = scores_of(a, b, h, w, c);
    ck_near(s.l1, 0.6, 1e-12);
    ck_near(s.ssim, (2 * 0.2 * 0.8 + 1e-4) / (0.04 + 0.64 + 1e-4), 1e-9);
    memset(b, 51, (size_t)n);
    b[7] = 52; /* one value of 960 by one level: better than 70 dB, and not the 100 of equal ones */
    ck_near(scores_of(a, b, h, w, c).psnr, 20 * log10(255) + 10 * log10(n), 1e-9);
    free(a);
    free(b);
}
END_TEST

/* The loss on the bytes as numbers u / 255, in double precision. */
static double loss_of(gcl_node *(*loss)(gcl_node *, gcl_node *), const uint8_t *a, const uint8_t *b,
                      gcl_shape shape)
{
    gcl_graph *graph = gcl_graph_new();
    gcl_node *x = gcl_input(graph, "x", GCL_F32, shape), *y = gcl_input(graph, "y", GCL_F32, shape);
    gcl_node *value = loss(x, y);
    gcl_values *values = gcl_values_new(graph);
    double *x_values = gcl_values_set(values, x), *y_values = gcl_values_set(values, y);
    for (int64_t i = 0; i < gcl_shape_count(shape); i++) {
        x_values[i] = a[i] / 255.0;
        y_values[i] = b[i] / 255.0;
    }
    ck_assert_msg(gcl_graph_error(graph) == NULL, "%s", gcl_graph_error(graph));
    ck_assert_msg(gcl_values_compute(values, &value, 1, &err) == 0, "%s", err.text);
    double result = gcl_values_of(values, value)[0];
    gcl_values_free(values);
    gcl_graph_free(graph);
    return result;
}

/* b is a with noise, so that no score is near its end. */
START_TEST(scores_are_those_of_the_losses)
{
    int h = shapes[_i].h, w = shapes[_i].w, c = shapes[_i].c, n = h * w * c;
    gcl_shape shape = gcl_shape_of(1, h, w, c);
    uint8_t *a = random_bytes((size_t)n, 3, 30, 200), *b = random_bytes((size_t)n, 4, 0, 60);
    double absolute = 0, square = 0;
    for (int i = 0; i < n; i++) {
        b[i] = (uint8_t)(a[i] + b[i] - 30);
        absolute += fabs(a[i] / 255.0 - b[i] / 255.0) / n;
        square += (a[i] / 255.0 - b[i] / 255.0) * (a[i] / 255.0 - b[i] / 255.0) / n;
    }
    gcl_scores s = scores_of(a, b, h, w, c);
    ck_near(s.l1, absolute, 1e-12);
    ck_near(s.psnr, 10 * log10(1 / square), 1e-9);
    ck_near(s.ssim, 1 - loss_of(gcl_loss_ssim, a, b, shape), 1e-6);
    if (h % 2 == 0 && w % 2 == 0) /* the loss halves pictures of even sides only */
        ck_near(s.gmsd, loss_of(gcl_loss_gmsd, a, b, shape), 1e-6);
    ck_assert(s.ssim > 0.1 && s.ssim < 0.99 && s.gmsd > 0.01 && s.gmsd < 0.5);
    gcl_scores other_way = scores_of(b, a, h, w, c);
    ck_near(other_way.ssim, s.ssim, 1e-12);
    ck_near(other_way.gmsd, s.gmsd, 1e-12);
    free(a);
    free(b);
}
END_TEST

START_TEST(pictures_too_small_for_a_window_are_refused)
{
    uint8_t a[10 * 30] = {0};
    gcl_scores scores;
    ck_assert_int_eq(gcl_scores_of(a, a, 10, 30, 1, &scores, &err), -1);
    ck_assert_int_eq(err.code, GCL_USAGE);
    ck_assert_msg(strstr(err.text, "30 x 10") != NULL, "%s", err.text);
}
END_TEST

/* ---- set by set ------------------------------------------------------------------------------------ */

/* Smooth pictures, so that patches differ: waves whose phases are the picture's own, and noise. */
static uint8_t *waves(int n, int side, int c, unsigned seed, int noise)
{
    size_t all = (size_t)(n * side * side * c);
    uint8_t *bytes = gcl_alloc(all);
    for (size_t i = 0; i < all; i++) {
        int pixel = (int)(i / (size_t)c) % (side * side), k = (int)(i % (size_t)c);
        unsigned picture = (unsigned)(i / (size_t)(side * side * c));
        double phase = 6.283 * gcl_philox_uniform(seed, 1, 0, picture);
        double x = 0.3 * (pixel % side) + phase, y = 0.2 * (pixel / side) + k;
        double u = gcl_philox_uniform(seed, 2, 0, i) - 0.5;
        bytes[i] = (uint8_t)(128 + 40 * sin(x) + 30 * cos(y + phase) + noise * u);
    }
    return bytes;
}

static int measure(const uint8_t *a, const uint8_t *b, int n, int side, int c, uint64_t seed,
                   double *levels)
{
    int n_levels = gcl_sliced_wasserstein(a, b, n, side, c, seed, levels, MOST_LEVELS, NULL, &err);
    ck_assert_msg(n_levels > 0, "%s", err.text);
    return n_levels;
}

static const struct {
    int side, levels;
} pyramids[] = {{16, 1}, {18, 2}, {31, 1}, {32, 2}, {48, 3}, {128, 4}};

START_TEST(pyramids_end_at_16_pixels)
{
    int side = pyramids[_i].side;
    double levels[MOST_LEVELS];
    uint8_t *a = waves(1, side, 1, 1, 20), *b = waves(1, side, 1, 2, 20);
    ck_assert_int_eq(measure(a, b, 1, side, 1, 0, levels), pyramids[_i].levels);
    for (int i = 0; i < pyramids[_i].levels; i++)
        ck_assert_msg(levels[i] > 0 && levels[i] < 1e4, "%g", levels[i]);
    ck_assert_int_eq(gcl_sliced_wasserstein(a, b, 1, side, 1, 0, levels, 1, NULL, &err), 1);
    free(a);
    free(b);
}
END_TEST

START_TEST(it_is_a_distance)
{
    int n = 3, side = 32, c = 3;
    double ab[MOST_LEVELS], ba[MOST_LEVELS], aa[MOST_LEVELS], again[MOST_LEVELS],
        by_seed[MOST_LEVELS];
    uint8_t *a = waves(n, side, c, 1, 20), *b = waves(n, side, c, 2, 90);
    int levels = measure(a, b, n, side, c, 5, ab);
    measure(b, a, n, side, c, 5, ba);
    measure(a, a, n, side, c, 5, aa);
    measure(a, b, n, side, c, 5, again);
    measure(a, b, n, side, c, 6, by_seed);
    for (int i = 0; i < levels; i++) {
        ck_assert(ab[i] > 0 && aa[i] == 0);
        ck_near(ba[i], ab[i], 1e-9 * ab[i]);
        ck_assert(again[i] == ab[i] && by_seed[i] != ab[i]);
        ck_near(by_seed[i], ab[i], 0.5 * ab[i]); /* other patches and directions, the same sets */
    }
    free(a);
    free(b);
}
END_TEST

/* Noise shows at the finest level first, where whitening leaves it least hidden. */
START_TEST(it_grows_with_noise)
{
    static const int noise[] = {0, 10, 40, 120};
    int n = 4, side = 32, c = 1;
    double last = -1;
    uint8_t *a = waves(n, side, c, 1, 0);
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
        double levels[MOST_LEVELS];
        uint8_t *b = waves(n, side, c, 1, noise[i]);
        measure(a, b, n, side, c, 0, levels);
        ck_assert_msg(levels[0] > last, "%d: %g after %g", noise[i], levels[0], last);
        last = levels[0];
        free(b);
    }
    free(a);
}
END_TEST

/* Whitened by channel: a change of all pictures that a line describes is no distance. */
START_TEST(it_is_blind_to_level_and_contrast_of_the_whole_set)
{
    int n = 3, side = 16, all = n * side * side;
    double near[MOST_LEVELS], far[MOST_LEVELS];
    uint8_t *a = waves(n, side, 1, 1, 20), *b = gcl_alloc((size_t)all);
    for (int i = 0; i < all; i++) {
        a[i] = (uint8_t)(a[i] / 2);
        b[i] = (uint8_t)(2 * a[i] + 3);
    }
    measure(a, b, n, side, 1, 0, near);
    for (int i = 0; i < all; i++)
        b[i] = (uint8_t)(255 - b[i]);
    measure(a, b, n, side, 1, 0, far);
    ck_assert_msg(near[0] < 0.01 && far[0] > 1, "%g, %g", near[0], far[0]);
    free(a);
    free(b);
}
END_TEST

/* Known from sorting with the C library, direction by direction. */
START_TEST(it_is_what_it_always_was)
{
    enum { SIDE = 32, N = 5, BYTES = N * SIDE * SIDE * 3 };
    double levels[MOST_LEVELS];
    uint8_t *a = random_bytes(BYTES, 11, 0, 255), *b = random_bytes(BYTES, 12, 40, 90);
    for (int i = 0; i < BYTES; i++)
        b[i] = (uint8_t)(b[i] + a[i] / 4 + (i / 96 % 32) * 3);
    ck_assert_int_eq(measure(a, b, N, SIDE, 3, 5, levels), 2);
    ck_near(levels[0], 53.82104007, 1e-4);
    ck_near(levels[1], 598.1400234, 1e-4);
    free(a);
    free(b);
}
END_TEST

static int at_once(void) { return 1; }

START_TEST(what_takes_long_can_be_stopped)
{
    double levels[MOST_LEVELS], mean;
    uint8_t *a = random_bytes(2 * 32 * 32, 1, 0, 255);
    ck_assert_int_eq(gcl_sliced_wasserstein(a, a, 2, 32, 1, 0, levels, MOST_LEVELS, at_once, &err),
                     0);
    ck_assert_int_eq(gcl_pairwise_ssim(a, 2, 32, 32, 1, &mean, at_once, &err), 1);
    ck_assert_int_eq(err.code, GCL_OK);
    free(a);
}
END_TEST

/* ---- one set --------------------------------------------------------------------------------------- */

/* Of three pictures: the mean of their three pairs. Of equal ones 1. */
START_TEST(pairwise_ssim_is_the_mean_over_pairs)
{
    enum { H = 13, W = 17, C = 3, BYTES = H * W * C };
    double mean, sum = 0;
    uint8_t *a = random_bytes(3 * BYTES, 3, 0, 255);
    for (int i = 0; i < 2 * BYTES; i++)
        a[BYTES + i] = (uint8_t)((a[BYTES + i] + a[i]) / 2);
    for (int i = 0; i < 3; i++)
        sum += scores_of(a + i * BYTES, a + (i + 1) % 3 * BYTES, H, W, C).ssim;
    ck_assert_int_eq(gcl_pairwise_ssim(a, 3, H, W, C, &mean, NULL, &err), 0);
    ck_near(mean, sum / 3, 1e-12);
    ck_assert(mean > 0.05 && mean < 0.95);
    memcpy(a + BYTES, a, BYTES);
    ck_assert_int_eq(gcl_pairwise_ssim(a, 2, H, W, C, &mean, NULL, &err), 0);
    ck_near(mean, 1, 1e-12);
    ck_assert_int_eq(gcl_pairwise_ssim(a, 2, 10, W, C, &mean, NULL, &err), -1);
    ck_assert_int_eq(err.code, GCL_USAGE);
    free(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scores");
    TCase *tests = add_case(suite, "scores", start_test, NULL);
    tcase_add_loop_test(tests, equal_pictures_score_best, 0, SHAPES);
    tcase_add_test(tests, a_constant_offset_has_known_scores);
    tcase_add_loop_test(tests, scores_are_those_of_the_losses, 0, SHAPES);
    tcase_add_test(tests, pictures_too_small_for_a_window_are_refused);
    tcase_add_loop_test(tests, pyramids_end_at_16_pixels, 0,
                        (int)(sizeof pyramids / sizeof *pyramids));
    tcase_add_test(tests, it_is_a_distance);
    tcase_add_test(tests, it_grows_with_noise);
    tcase_add_test(tests, it_is_blind_to_level_and_contrast_of_the_whole_set);
    tcase_add_test(tests, it_is_what_it_always_was);
    tcase_add_test(tests, what_takes_long_can_be_stopped);
    tcase_add_test(tests, pairwise_ssim_is_the_mean_over_pairs);
    return run_suite(suite);
}
