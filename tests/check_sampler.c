/* Sampling: latents of seeds and between them; the running statistics that the sampler readjusts are
 * those of the latents it is told to draw, and training gets its own back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "models/model.h"
#include "plan/store.h"
#include "suite_test.h"
#include "train/sampler.h"

enum { CHANNELS = 12, PASSES = 20 };

static gcl_device *dev;
static gcl_model model;
static gcl_store *store;
static gcl_sampler *sampler;
static gcl_error err;

static int ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* Fresh weights, but no bias. */
static void write_fresh(const gcl_nn *nn)
{
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(nn, i);
        if (ends_with(tensor->name, ".bias"))
            continue;
        int64_t n, size = gcl_shape_count(tensor->shape);
        uint64_t first;
        ck_assert_ptr_nonnull(gcl_store_find(store, tensor->variable, &first, &n));
        float *all = calloc((size_t)n, sizeof *all);
        ck_ok(gcl_store_read(store, tensor->variable, all, n, &err));
        ck_assert_int_le(tensor->first + size, n);
        gcl_tensor_initialise(tensor, 5, all + tensor->first);
        ck_ok(gcl_store_write(store, tensor->variable, all, n, &err));
        free(all);
    }
}

static void start(void)
{
    err = (gcl_error){0};
    dev = gcl_device_open(test_device(), 0, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    ck_ok(gcl_model_open(&model, "dcgan:tiny-bn", NULL, 0, &err));
    store = gcl_store_new(dev);
    sampler = gcl_sampler_new(dev, store, &model, 4, &err);
    ck_assert_msg(sampler != NULL, "%s", err.text);
    write_fresh(gcl_sampler_nn(sampler));
}

static void end(void)
{
    gcl_sampler_free(sampler);
    gcl_store_free(store);
    gcl_device_close(dev);
}

static void read_statistic(const char *name, float *values)
{
    ck_ok(gcl_store_read(store, name, values, CHANNELS, &err));
}

/* Before the first batch norm everything is homogeneous in the latents, there being no biases: twice the temperature is
 * twice the mean and four times the variance there, and nothing behind it. */
START_TEST(statistics_are_those_of_the_temperature)
{
    float mean[2][CHANNELS], var[2][CHANNELS], behind[2][CHANNELS], largest = 0;
    for (int i = 0; i < 2; i++) {
        ck_ok(gcl_sampler_readjust(sampler, PASSES, 1 + i, &err));
        read_statistic("G.conv1.bn.running_mean", mean[i]);
        read_statistic("G.conv1.bn.running_var", var[i]);
        read_statistic("G.up2.bn.running_var", behind[i]);
    }
    for (int c = 0; c < CHANNELS; c++) {
        largest = mean[0][c] > largest ? mean[0][c] : largest;
        ck_assert_float_gt(var[0][c], 0);
        ck_assert_float_eq_tol(mean[1][c], 2 * mean[0][c], 1e-4f * (1 + mean[1][c]));
        ck_assert_float_eq_tol(var[1][c] / var[0][c], 4, 1e-3f);
        ck_assert_float_eq_tol(behind[1][c] / behind[0][c], 1, 0.05f);
    }
    ck_assert_float_gt(largest, 0);
}
END_TEST

START_TEST(training_gets_its_statistics_back)
{
    static const char *const names[] = {"G.conv1.bn.running_mean", "G.up3.bn.running_var"};
    float before[2][CHANNELS], after[CHANNELS];
    for (int i = 0; i < 2; i++) {
        for (int c = 0; c < CHANNELS; c++)
            before[i][c] = 0.25f + (float)(c * (i + 1));
        ck_ok(gcl_store_write(store, names[i], before[i], CHANNELS, &err));
    }
    for (int again = 0; again < 2; again++) { /* readjusting twice keeps the first ones */
        ck_ok(gcl_sampler_readjust(sampler, 3, 1, &err));
        for (int i = 0; i < 2; i++) {
            read_statistic(names[i], after);
            ck_assert_mem_ne(before[i], after, sizeof after);
        }
    }
    ck_ok(gcl_sampler_restore(sampler, &err));
    for (int i = 0; i < 2; i++) {
        read_statistic(names[i], after);
        ck_assert_mem_eq(before[i], after, sizeof after);
    }
}
END_TEST

/* Readjusted or not, pictures of one state are the same each time. */
START_TEST(readjusted_pictures_are_repeatable)
{
    int h, w, c;
    gcl_sampler_picture(sampler, &h, &w, &c);
    size_t bytes = (size_t)(h * w * c);
    uint8_t *pictures = malloc(3 * bytes);
    float *latent = malloc((size_t)gcl_sampler_latent_count(&model) * sizeof *latent);
    gcl_sampler_latent(&model, 7, 1, latent);
    for (int i = 0; i < 3; i++) {
        ck_ok(gcl_sampler_readjust(sampler, i < 2 ? 40 : 0, 1, &err));
        ck_ok(gcl_sampler_run(sampler, latent, 1, pictures + (size_t)i * bytes, &err));
        ck_ok(gcl_sampler_restore(sampler, &err));
    }
    ck_assert_mem_eq(pictures, pictures + bytes, bytes);
    ck_assert_mem_ne(pictures, pictures + 2 * bytes, bytes);
    free(latent);
    free(pictures);
}
END_TEST

/* No averages, so the usual is to leave the statistics alone. */
START_TEST(usually_nothing_is_readjusted)
{
    float before[CHANNELS], after[CHANNELS];
    read_statistic("G.conv1.bn.running_var", before);
    ck_ok(gcl_sampler_readjust(sampler, GCL_USUAL_PASSES, 1, &err));
    read_statistic("G.conv1.bn.running_var", after);
    ck_assert_mem_eq(before, after, sizeof after);
}
END_TEST

/* ---- latents ---------------------------------------------------------------------------------------- */

enum { MOST_LATENTS = 4096 };

/* What lies within the bound stays; all else is drawn again, and is within it too. */
START_TEST(latents_are_truncated)
{
    static const double bounds[] = {0.05, 0.5, 2};
    float all[MOST_LATENTS], cut[MOST_LATENTS];
    int n = (int)gcl_sampler_latent_count(&model), kept = 0, moved = 0;
    double bound = bounds[_i];
    for (uint64_t seed = 0; seed < 50; seed++) {
        gcl_sampler_latent(&model, seed, 1, all);
        gcl_sampler_truncated(&model, seed, 3, bound, cut);
        for (int i = 0; i < n; i++) {
            ck_assert(fabsf(cut[i]) <= 3 * bound * (1 + 1e-6));
            int inside = fabsf(all[i]) <= bound;
            ck_assert(!inside || cut[i] == (float)(3.0 * (double)all[i]) ||
                      fabsf(cut[i] - 3 * all[i]) <= 1e-6f);
            kept += inside;
            moved += !inside && cut[i] != 0;
        }
    }
    double share = erf(bound / sqrt(2)); /* of N(0,1) within the bound */
    ck_assert_double_eq_tol((double)kept / (50 * n), share, 0.04);
    ck_assert_int_eq(kept + moved, 50 * n);
}
END_TEST

static double angle_of(const float *a, const float *b, int64_t n, double *length)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    *length = sqrt(bb);
    return acos(fmin(1, ab / sqrt(aa * bb)));
}

/* From the length of one end to that of the other, by equal angles: in each group of latents. */
START_TEST(ways_between_latents_follow_the_sphere)
{
    static const char *const names[] = {"dcgan:tiny", "nvae:tiny", "nvae:tiny-rgb"};
    float a[MOST_LATENTS], b[MOST_LATENTS], c[MOST_LATENTS];
    gcl_model other;
    int64_t first = 0;
    int groups = 0;
    ck_ok(gcl_model_open(&other, names[_i], NULL, 0, &err));
    int64_t n = gcl_sampler_latent_count(&other);
    ck_assert_int_le(n, MOST_LATENTS);
    gcl_sampler_latent(&other, 1, 1, a);
    gcl_sampler_latent(&other, 2, 1, b);
    gcl_sampler_between(&other, a, b, 0.25, c);
    for (; first < n; groups++) {
        int64_t size =
            other.system->latent_group != NULL ? other.system->latent_group(&other, groups) : n;
        double of_a, of_b, of_c;
        double whole = angle_of(a + first, b + first, size, &of_b);
        double part = angle_of(a + first, c + first, size, &of_c);
        angle_of(b + first, a + first, size, &of_a);
        ck_assert(of_c > fmin(of_a, of_b) * 0.8 && of_c < fmax(of_a, of_b) * 1.2);
        if (fabs(of_a - of_b) < 0.2 * of_a)
            ck_assert_double_eq_tol(part, whole / 4, 0.1 * whole);
        first += size;
    }
    ck_assert_int_eq(first, n);
    ck_assert_int_eq(groups, _i == 0 ? 1 : _i == 1 ? 3 : 2);
    gcl_sampler_between(&other, a, b, 1, c);
    for (int64_t i = 0; i < n; i++)
        ck_assert_float_eq_tol(c[i], b[i], 1e-5f);
    gcl_sampler_between(&other, a, a, 0.5, c); /* no angle: straight */
    for (int64_t i = 0; i < n; i++)
        ck_assert_float_eq_tol(c[i], a[i], 1e-6f);
}
END_TEST

/* Statistics of truncated latents vary less. */
START_TEST(statistics_are_those_of_the_truncation)
{
    float var[2][CHANNELS], sums[2] = {0};
    for (int i = 0; i < 2; i++) {
        ck_ok(gcl_sampler_readjust_truncated(sampler, PASSES, 1, i == 0 ? 0 : 0.5, &err));
        read_statistic("G.conv1.bn.running_var", var[i]);
        for (int c = 0; c < CHANNELS; c++)
            sums[i] += var[i][c];
    }
    /* Uniform in +-0.5 has the variance 1/12; the normal one within +-0.5 a little less. */
    ck_assert_float_gt(sums[1] / sums[0], 0.06f);
    ck_assert_float_lt(sums[1] / sums[0], 0.11f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sampler");
    TCase *tests = add_case(suite, "sampler", start, end);
    tcase_add_test(tests, statistics_are_those_of_the_temperature);
    tcase_add_test(tests, training_gets_its_statistics_back);
    tcase_add_test(tests, readjusted_pictures_are_repeatable);
    tcase_add_test(tests, usually_nothing_is_readjusted);
    tcase_add_loop_test(tests, latents_are_truncated, 0, 3);
    tcase_add_loop_test(tests, ways_between_latents_follow_the_sphere, 0, 3);
    tcase_add_test(tests, statistics_are_those_of_the_truncation);
    return run_suite(suite);
}
