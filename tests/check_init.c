/* Initial values: distributions, policies of layers, values that derive from others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layers.h"
#include "nn_fixture.h"

enum { MANY = 20000 };

static void initialise(gcl_init init, const char *name, uint64_t seed, float *to)
{
    gcl_tensor tensor = {.name = name, .shape = gcl_shape_of(1, 1, 1, MANY), .init = init};
    gcl_tensor_initialise(&tensor, seed, to);
}

START_TEST(values_depend_on_seed_and_name_alone)
{
    static float a[MANY], b[MANY];
    gcl_init init = {.kind = GCL_INIT_NORMAL, .b = 1};
    initialise(init, "G.a", 1, a);
    initialise(init, "G.a", 1, b);
    ck_assert_mem_eq(a, b, sizeof a);
    initialise(init, "G.b", 1, b);
    ck_assert(a[0] != b[0] && a[1] != b[1]);
    initialise(init, "G.a", 2, b);
    ck_assert(a[0] != b[0] && a[1] != b[1]);
}
END_TEST

/* Mean and standard deviation. */
static void moments_of(const float *x, int n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += ((double)x[i] - *mean) * ((double)x[i] - *mean);
    *deviation = sqrt(squares / n);
}

START_TEST(values_have_their_distribution)
{
    static float x[MANY];
    double mean, deviation;
    initialise(gcl_init_constant(0.25), "G.a", 1, x);
    moments_of(x, MANY, &mean, &deviation);
    ck_assert_double_eq(mean, 0.25);
    ck_assert_double_eq(deviation, 0);
    initialise((gcl_init){.kind = GCL_INIT_NORMAL, .a = 1, .b = 0.02}, "G.a", 1, x);
    moments_of(x, MANY, &mean, &deviation);
    ck_assert_double_eq_tol(mean, 1, 5e-4);
    ck_assert_double_eq_tol(deviation, 0.02, 5e-4);
    gcl_init glorot = gcl_init_glorot(20, 4); /* +-sqrt(6/24) = +-0.5, deviation 0.5/sqrt(3) */
    ck_assert_double_eq_tol(glorot.b, 0.5, 1e-15);
    initialise(glorot, "G.a", 1, x);
    moments_of(x, MANY, &mean, &deviation);
    ck_assert_double_eq_tol(mean, 0, 0.01);
    ck_assert_double_eq_tol(deviation, 0.5 / sqrt(3), 0.01);
    for (int i = 0; i < MANY; i++)
        ck_assert(fabsf(x[i]) <= 0.5f);
}
END_TEST

START_TEST(directions_have_length_one)
{
    static float x[MANY];
    double mean, deviation;
    initialise((gcl_init){.kind = GCL_INIT_DIRECTION, .a = 1e-3}, "sr.a.u", 1, x);
    moments_of(x, MANY, &mean, &deviation);
    ck_assert_double_eq_tol(MANY * (mean * mean + deviation * deviation), 1, 1e-5);
    ck_assert(x[0] != x[1]);
}
END_TEST

/* ---- policies ----------------------------------------------------------------------------------- */

/* A convolution of 6 to 8 channels 5x5, its transpose 4x4, and a dense layer of 300 to 50, with batch
 * norm. */
static void build(gcl_policy policy)
{
    gcl_nn_set_init(nn, policy);
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 8, 8, 6));
    gcl_layer_batch_norm(nn, "bn", gcl_layer_conv(nn, "conv", x, 8, 5, 1, 2, GCL_BIAS), 1e-5, 0.1);
    gcl_layer_conv_transpose(nn, "up", x, 8, 4, 2, 1, 0, GCL_BIAS);
    gcl_layer_dense(nn, "fc", gcl_input(g, "z", GCL_F32, gcl_shape_of(1, 1, 1, 300)), 1, 1, 50);
    gcl_network_leave(gcl_network_new(nn, "G"));
    nn_begin();
}

static void assert_uniform(const char *name, double bound)
{
    const gcl_init *init = &nn_tensor(name)->init;
    ck_assert_int_eq(init->kind, GCL_INIT_UNIFORM);
    ck_assert_double_eq_tol(init->b, bound, 1e-12);
    ck_assert_double_eq_tol(init->a, -bound, 1e-12);
}

static void assert_normal(const char *name, double mean, double deviation)
{
    const gcl_init *init = &nn_tensor(name)->init;
    ck_assert_int_eq(init->kind, GCL_INIT_NORMAL);
    ck_assert_double_eq_tol(init->a, mean, 1e-12);
    ck_assert_double_eq_tol(init->b, deviation, 1e-12);
}

static void assert_constant(const char *name, double value)
{
    ck_assert_int_eq(nn_tensor(name)->init.kind, GCL_INIT_CONSTANT);
    ck_assert_double_eq(nn_tensor(name)->init.a, value);
}

START_TEST(glorot)
{
    build((gcl_policy){.kind = GCL_POLICY_GLOROT});
    assert_uniform("G.conv.weight", sqrt(6.0 / (25 * 14)));
    assert_uniform("G.up.weight", sqrt(6.0 / (16 * 14)));
    assert_uniform("G.fc.weight", sqrt(6.0 / 350));
    assert_constant("G.conv.bias", 0);
    assert_constant("G.fc.bias", 0);
    assert_constant("G.bn.weight", 1);
}
END_TEST

START_TEST(gaussian)
{
    build((gcl_policy){.kind = GCL_POLICY_GAUSSIAN, .std = 0.02, .gamma_std = 0.03});
    assert_normal("G.conv.weight", 0, 0.02);
    assert_normal("G.up.weight", 0, 0.02);
    assert_normal("G.fc.weight", 0, 0.02);
    assert_constant("G.up.bias", 0);
    assert_constant("G.fc.bias", 0);
    assert_normal("G.bn.weight", 1, 0.03);
    assert_constant("G.bn.bias", 0);
}
END_TEST

START_TEST(he)
{
    build((gcl_policy){.kind = GCL_POLICY_HE});
    assert_normal("G.conv.weight", 0, sqrt(2.0 / (25 * 8)));
    assert_normal("G.up.weight", 0, sqrt(2.0 / (16 * 8)));
    assert_uniform("G.fc.weight", 1 / sqrt(300));
    assert_uniform("G.fc.bias", 1 / sqrt(300));
    assert_constant("G.conv.bias", 0);
    assert_constant("G.bn.weight", 1);
}
END_TEST

START_TEST(pytorchs)
{
    build((gcl_policy){.kind = GCL_POLICY_PYTORCH});
    assert_uniform("G.conv.weight", 1 / sqrt(25 * 6));
    assert_uniform("G.conv.bias", 1 / sqrt(25 * 6));
    assert_uniform("G.up.weight", 1 / sqrt(16 * 8)); /* its fan_in counts output channels */
    assert_uniform("G.up.bias", 1 / sqrt(16 * 8));
    assert_uniform("G.fc.weight", 1 / sqrt(300));
    assert_uniform("G.fc.bias", 1 / sqrt(300));
    assert_constant("G.bn.weight", 1);
}
END_TEST

/* ---- derived values -------------------------------------------------------------------------------- */

/* The fresh values of a tensor; free() them. */
static float *fresh(const char *name)
{
    const gcl_tensor *tensor = nn_tensor(name);
    float *values_of = gcl_alloc((size_t)gcl_tensor_count(tensor) * sizeof *values_of);
    gcl_tensor_initialise(tensor, 7, values_of);
    return values_of;
}

/* |mask * v| of each of the 12 output channels of a fresh filter with n elements. */
static void norms(const float *v, const double *mask, int n, double *norm)
{
    for (int k = 0; k < 12; k++) {
        double squares = 0;
        for (int i = k; i < n; i += 12)
            squares += (double)v[i] * (double)v[i] * (mask != NULL ? mask[i] : 1);
        norm[k] = sqrt(squares);
    }
}

START_TEST(smooth_transposed_filters_start_in_equal_blocks)
{
    build((gcl_policy){.kind = GCL_POLICY_GAUSSIAN, .std = 0.02, .smooth = 1});
    ck_assert_int_eq(nn_tensor("G.conv.weight")->init.blocks, 0);
    float *f = fresh("G.up.weight"); /* [4,4,8,6] */
    for (int r = 0; r < 4; r++)
        for (int s = 0; s < 4; s++)
            for (int i = 0; i < 48; i++)
                ck_assert_float_eq(f[(r * 4 + s) * 48 + i],
                                   f[((r - r % 2) * 4 + s - s % 2) * 48 + i]);
    ck_assert(f[0] != f[2 * 48] && f[0] != f[8 * 48] && f[2 * 48] != f[8 * 48] && f[0] != f[1]);
    free(f);
}
END_TEST

START_TEST(gains_start_as_the_filters_norms)
{
    const gcl_masking masking = {.strict = 1, .mirror = 1};
    double mask[3 * 3 * 4 * 12], norm[12];
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 8, 8, 4));
    gcl_layer_wn_conv(nn, "plain", x, 12, 3, 1, 1, GCL_BIAS);
    gcl_layer_masked_conv(nn, "masked", x, 12, 3, &masking, GCL_NO_BIAS, log(0.1));
    nn_begin();
    gcl_flow_mask(mask, 3, 4, 12, &masking);
    for (int masked = 0; masked < 2; masked++) {
        float *v = fresh(masked ? "G.masked.weight" : "G.plain.weight");
        float *gain = fresh(masked ? "G.masked.log_gain" : "G.plain.log_gain");
        norms(v, masked ? mask : NULL, 3 * 3 * 4 * 12, norm);
        for (int k = 0; k < 12; k++)
            ck_assert_double_eq_tol((double)gain[k], log(norm[k] + 0.01) + (masked ? log(0.1) : 0),
                                    1e-6);
        free(v);
        free(gain);
    }
}
END_TEST

START_TEST(shuffled_filters_start_alike)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_layer_conv_shuffle(nn, "up", gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 4, 4, 3)), 2);
    nn_begin();
    float *w = fresh("G.up.weight");
    for (int i = 0; i < 3 * 3 * 3 * 8; i++) {
        ck_assert(w[i] == w[i - i % 4]);
        ck_assert(i < 4 || w[i] != w[i - 4]);
    }
    free(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("initial values");
    TCase *numbers = nn_case(suite, "numbers"), *policies = nn_case(suite, "policies"),
          *derived = nn_case(suite, "derived");
    tcase_add_test(numbers, values_depend_on_seed_and_name_alone);
    tcase_add_test(numbers, values_have_their_distribution);
    tcase_add_test(numbers, directions_have_length_one);
    tcase_add_test(policies, glorot);
    tcase_add_test(policies, gaussian);
    tcase_add_test(policies, he);
    tcase_add_test(policies, pytorchs);
    tcase_add_test(policies, smooth_transposed_filters_start_in_equal_blocks);
    tcase_add_test(derived, gains_start_as_the_filters_norms);
    tcase_add_test(derived, shuffled_filters_start_alike);
    return run_suite(suite);
}
