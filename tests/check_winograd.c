/* Winograd's forms beyond what check_ops asks of every variant: each form's promised error against
 * the oracle at few and many channels, equal bytes in every run, and who chooses them.
 *
 * GANOCL_TEST_DEVICE chooses the device ("1" if unset). Where the variant does not apply (no CPU),
 * only the choice is looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "one_device_test.h"
#include "ops/ops.h"
#include "plan/plan.h"
#include "plan/single.h"

/* ---- one form alone ------------------------------------------------------------------------- */

enum { FORWARD, DATA, WEIGHT, KINDS };
static const char *const kind_names[] = {"forward", "data gradient", "weight gradient"};

/* A convolution of taps x taps a phase, its operands and its variant. */
typedef struct trial {
    gcl_graph *g;
    const gcl_node *node;
    const gcl_variant *variant;
    float *in[2], *out;
    double *wide[2], *right, *magnitude;
} trial;

/* `channels` are summed; by a weight gradient a sixteenth as many images. */
static gcl_node *build(gcl_graph *g, int kind, int taps, int stride, int channels)
{
    enum { SIDE = 13, OUTPUTS = 9 };
    int r = taps * stride, c = kind == FORWARD ? channels : OUTPUTS;
    int k = kind == FORWARD ? OUTPUTS : channels, out = (SIDE + 2 - r) / stride + 1;
    gcl_node *f = gcl_variable(g, "f", gcl_shape_of(r, r, c, k));
    if (kind == WEIGHT)
        return gcl_conv_weight(
            gcl_variable(g, "x", gcl_shape_of(channels / 16, SIDE, SIDE, OUTPUTS)),
            gcl_variable(g, "y", gcl_shape_of(channels / 16, out, out, 16)), r, r, stride, 1);
    if (kind == FORWARD)
        return gcl_conv(gcl_variable(g, "x", gcl_shape_of(1, SIDE, SIDE, c)), f, stride, 1);
    return gcl_conv_data(gcl_variable(g, "y", gcl_shape_of(1, out, out, k)), f, stride, 1, SIDE,
                         SIDE);
}

static void start(trial *t, int kind, int taps, int stride, int channels)
{
    *t = (trial){.g = gcl_graph_new()};
    t->node = build(t->g, kind, taps, stride, channels);
    ck_assert_msg(gcl_graph_error(t->g) == NULL, "%s", gcl_graph_error(t->g));
    t->variant = gcl_variant_find(t->node->op, "winograd");
    ck_assert_ptr_nonnull(t->variant);
    for (int i = 0; i < 2; i++) {
        int64_t n = gcl_shape_count(t->node->in[i]->shape);
        t->in[i] = gcl_alloc((size_t)n * sizeof *t->in[i]);
        t->wide[i] = gcl_alloc((size_t)n * sizeof *t->wide[i]);
        for (int64_t e = 0; e < n; e++) {
            t->in[i][e] = (float)gcl_philox_normal(7, 0, (uint32_t)i, (uint64_t)e);
            t->wide[i][e] = t->in[i][e];
        }
    }
    size_t n = (size_t)gcl_shape_count(t->node->shape);
    t->out = gcl_alloc(n * sizeof *t->out);
    t->right = gcl_alloc(n * sizeof *t->right);
    t->magnitude = gcl_alloc(n * sizeof *t->magnitude); /* not asked for */
    t->node->op->evaluate(t->node, (const double *const *)t->wide, t->right);
}

static void finish(trial *t)
{
    for (int i = 0; i < 2; i++) {
        free(t->in[i]);
        free(t->wide[i]);
    }
    free(t->out);
    free(t->right);
    free(t->magnitude);
    gcl_graph_free(t->g);
}

static int parameter(const gcl_variant *variant, const char *name)
{
    for (int i = 0; i < variant->n_params; i++)
        if (strcmp(variant->params[i].name, name) == 0)
            return i;
    ck_abort_msg("no parameter %s", name);
    return -1;
}

/* The error of tiles of tm outputs, and what is promised; negative if there is no such form. */
static double error_of(trial *t, int tm, double *most)
{
    gcl_error err = {0};
    gcl_single_result result;
    int values[GCL_MAX_PARAMS];
    const gcl_limits *limits = gcl_device_limits(dev);
    gcl_variant_usual(t->variant, t->node, limits, values);
    values[parameter(t->variant, "tm")] = tm;
    values[parameter(t->variant, "t")] = 8;
    gcl_single *single = gcl_single_new(dev, t->node, (const float *const *)t->in, 0, &err);
    ck_assert_msg(single != NULL, "%s", err.text);
    int status = gcl_single_run(single, t->variant, values, 1, t->out, &result, &err);
    gcl_single_free(single);
    ck_assert_msg(status >= 0, "%s", err.text);
    if (status == 1)
        return -1;
    return gcl_variant_error(t->variant, t->node, limits, values, t->out, t->right, t->magnitude,
                             most);
}

/* Every form of so many taps, at few and many channels. Bounds that nothing comes near say
 * nothing. */
START_TEST(errors_are_as_promised)
{
    static const int channels[] = {16, 300};
    int taps = 2 + _i / KINDS;
    for (int tm = 2; tm <= 6; tm++) {
        double nearest = 0, most;
        int runs = 0;
        for (int i = 0; i < 4; i++) {
            trial t;
            start(&t, _i % KINDS, taps, 1 + i % 2, channels[i / 2]);
            double error =
                t.variant->applies(t.node, gcl_device_limits(dev)) ? error_of(&t, tm, &most) : -1;
            finish(&t);
            if (error < 0)
                continue;
            runs++;
            printf("F(%d,%d), %s, stride %d, %d channels: error %.1e, at most %.1e\n", tm, taps,
                   kind_names[_i % KINDS], 1 + i % 2, channels[i / 2], error, most);
            ck_assert_double_le(error, most);
            nearest = error / most > nearest ? error / most : nearest;
        }
        ck_assert(runs == 0 || nearest > 0.15);
    }
}
END_TEST

START_TEST(runs_are_equal)
{
    trial t;
    double most;
    start(&t, _i, 2, 2, 40);
    if (t.variant->applies(t.node, gcl_device_limits(dev))) {
        size_t n = (size_t)gcl_shape_count(t.node->shape);
        ck_assert_double_ge(error_of(&t, 4, &most), 0);
        float *first = gcl_alloc(n * sizeof *first);
        memcpy(first, t.out, n * sizeof *first);
        for (int i = 0; i < 5; i++) {
            error_of(&t, 4, &most);
            ck_assert_mem_eq(first, t.out, n * sizeof *first);
        }
        free(first);
    }
    finish(&t);
}
END_TEST

/* ---- the choice ----------------------------------------------------------------------------- */

/* Whether a plan of one 3x3 convolution takes the winograd variant. */
static int is_taken(int side, int channels, gcl_winograd setting)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(4, side, side, channels));
    gcl_node *f = gcl_variable(g, "f", gcl_shape_of(3, 3, channels, channels));
    gcl_graph_output(gcl_conv(x, f, 1, 1), "y");
    gcl_store *store = gcl_store_new(dev);
    gcl_plan_options options = {.winograd = setting};
    gcl_plan *plan = gcl_plan_new(dev, g, store, &options, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    int taken = 0;
    for (int i = 0; i < gcl_plan_rows(plan); i++) {
        gcl_plan_row row;
        gcl_plan_row_at(plan, i, &row);
        taken |= strcmp(row.variant, "winograd") == 0;
    }
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
    return taken;
}

START_TEST(setting_decides)
{
    trial t;
    start(&t, FORWARD, 3, 1, 16);
    int applies = t.variant->applies(t.node, gcl_device_limits(dev));
    finish(&t);
    ck_assert_int_eq(is_taken(32, 64, GCL_WINOGRAD_OFF), 0);
    ck_assert_int_eq(is_taken(32, 64, GCL_WINOGRAD_AUTO),
                     applies && gcl_device_limits(dev)->is_cpu);
    ck_assert_int_eq(is_taken(8, 4, GCL_WINOGRAD_AUTO), 0); /* too small to be worth it */
    ck_assert_int_eq(is_taken(8, 4, GCL_WINOGRAD_ON), applies);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("winograd");
    TCase *device = tcase_create("device");
    tcase_set_timeout(device, 0);
    tcase_add_unchecked_fixture(device, open_device, close_device);
    tcase_add_loop_test(device, errors_are_as_promised, 0, 4 * KINDS);
    tcase_add_loop_test(device, runs_are_equal, 0, KINDS);
    tcase_add_test(device, setting_decides);
    suite_add_tcase(suite, device);
    return run_suite(suite);
}
