/* Every variant of every kernel op and case on a device, at usual and at other parameter values,
 * against the oracle in double: no element unset, no guard word touched, errors within rounding.
 *
 *     check_ops                runs the tests
 *     check_ops --list         names what there is, "op variant" a line; needs no device
 *
 * GANOCL_TEST_DEVICE chooses the device as --device does ("1" if unset); GANOCL_TEST_OPS, a part of
 * " op variant case", runs only what it matches; GANOCL_TEST_FLOPS=N leaves out cases of more;
 * GANOCL_TEST_THOROUGH=1 tries every value of every parameter. Nothing forks: PoCL hangs in a child
 * of a process that has a device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "one_device_test.h"
#include "ops/ops.h"
#include "plan/single.h"

/* A case made ready: operands, what is right, and how large the terms were. */
typedef struct trial {
    const gcl_op *op;
    const gcl_node *node;
    const char *name;
    float *in[4];
    double *right, *magnitude;
    gcl_single *single;
} trial;

typedef struct worst {
    double error;
    int runs, failures;
} worst;

static int in_simulator(void)
{
    return (gcl_device_limits(dev)->faults & GCL_FAULT_WIDE_SHUFFLES) != 0;
}

static int64_t count_of(const gcl_node *node) { return gcl_shape_count(node->shape); }

static float *random_floats(int64_t n, uint32_t stream)
{
    float *x = gcl_alloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)gcl_philox_normal(1, 0, stream, (uint64_t)i);
    return x;
}

/* The oracle's result for the operands, or for their magnitudes. */
static double *evaluate(const trial *t, int of_magnitudes)
{
    double *in[4] = {NULL}, *out = gcl_alloc((size_t)count_of(t->node) * sizeof *out);
    for (int i = 0; i < t->node->n_in; i++) {
        int64_t n = count_of(t->node->in[i]);
        in[i] = gcl_alloc((size_t)n * sizeof *in[i]);
        for (int64_t j = 0; j < n; j++)
            in[i][j] = of_magnitudes ? fabs((double)t->in[i][j]) : (double)t->in[i][j];
    }
    t->node->op->evaluate(t->node, (const double *const *)in, out);
    for (int i = 0; i < 4; i++)
        free(in[i]);
    return out;
}

/* The kernel that a case's builder came to: it may have made a product of a convolution. */
static const gcl_node *kernel_node(const gcl_node *node)
{
    while (node->op->kind == GCL_KIND_VIEW)
        node = node->in[0];
    return node;
}

static void build(trial *t, gcl_graph *g, const gcl_op *op, int i)
{
    const gcl_node *built = op->build_case(g, i, &t->name);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    t->op = op;
    t->node = kernel_node(built);
    ck_assert_int_eq(t->node->op->kind, GCL_KIND_KERNEL);
}

static void prepare(trial *t, int i)
{
    gcl_error err = {0};
    for (int j = 0; j < t->node->n_in; j++)
        t->in[j] = random_floats(count_of(t->node->in[j]), (uint32_t)(10 * i + j));
    t->right = evaluate(t, 0);
    t->magnitude = evaluate(t, 1);
    t->single = gcl_single_new(
        dev, t->node, (const float *const *)t->in,
        (in_simulator() ? GCL_SINGLE_TIGHT : 0) | (i % 2 ? GCL_SINGLE_ODD : 0), &err);
    ck_assert_msg(t->single != NULL, "%s", err.text);
}

static void finish(trial *t)
{
    gcl_single_free(t->single);
    for (int i = 0; i < 4; i++)
        free(t->in[i]);
    free(t->right);
    free(t->magnitude);
}

static void describe(const trial *t, const gcl_variant *variant, const int *values, gcl_text *text)
{
    gcl_text_add(text, "%s %s \"%s\"", t->op->name, variant->name, t->name);
    for (int i = 0; i < variant->n_params; i++)
        gcl_text_add(text, " %s=%d", variant->params[i].name, values[i]);
}

/* Vectors of 16, where a simulator takes elements of theirs for unset. */
static int is_misjudged(const gcl_variant *variant, const int *values)
{
    int misjudged = 0;
    for (int i = 0; i < variant->n_params; i++)
        misjudged |= strcmp(variant->params[i].name, "v") == 0 && values[i] > 8;
    return misjudged && in_simulator();
}

/* One run; returns 0 if these values do not fit or are not to be tried here. */
static int attempt(trial *t, const gcl_variant *variant, const int *values, worst *w)
{
    gcl_error err = {0};
    gcl_single_result result;
    gcl_text text = {0};
    if (is_misjudged(variant, values))
        return 0;
    float *out = gcl_alloc((size_t)count_of(t->node) * sizeof *out);
    int status = gcl_single_run(t->single, variant, values, 1, out, &result, &err);
    if (status != 1) {
        double most = 0, error = 0;
        if (status == 0)
            error = gcl_variant_error(variant, t->node, gcl_device_limits(dev), values, out,
                                      t->right, t->magnitude, &most);
        w->runs++;
        if (error > w->error)
            w->error = error;
        if (status != 0 || result.stray > 0 || result.unset > 0 || !(error <= most)) {
            w->failures++;
            describe(t, variant, values, &text);
            printf("%s: %s error %.2g (at most %.2g), %lld unset, %lld stray\n", text.text,
                   err.text, error, most, (long long)result.unset, (long long)result.stray);
        }
    }
    gcl_text_free(&text);
    free(out);
    return status != 1;
}

/* Every value of every parameter, the others usual. */
static void attempt_each(trial *t, const gcl_variant *variant, const int *usual, worst *w)
{
    for (int i = 0; i < variant->n_params; i++) {
        int values[GCL_MAX_PARAMS];
        memcpy(values, usual, sizeof values);
        for (int j = 0; j < variant->params[i].n_values; j++) {
            values[i] = variant->params[i].values[j];
            if (values[i] != usual[i])
                attempt(t, variant, values, w);
        }
    }
}

/* One set of values drawn from a few, so that cases share programs. */
static void attempt_other(trial *t, const gcl_variant *variant, int set, worst *w)
{
    for (uint32_t draw = 0; draw < 200; draw++) {
        int values[GCL_MAX_PARAMS] = {0};
        for (int i = 0; i < variant->n_params; i++) {
            const gcl_param *p = &variant->params[i];
            uint64_t index = draw * GCL_MAX_PARAMS + (uint64_t)i;
            values[i] =
                p->values[gcl_philox_below(2, 0, (uint32_t)set, index, (uint32_t)p->n_values)];
        }
        if (attempt(t, variant, values, w))
            return;
    }
}

static int is_wanted(const trial *t, const gcl_variant *variant)
{
    char text[200];
    const char *wanted = getenv("GANOCL_TEST_OPS"), *most = getenv("GANOCL_TEST_FLOPS");
    snprintf(text, sizeof text, " %s %s %s", t->op->name, variant->name, t->name);
    return (wanted == NULL || strstr(text, wanted) != NULL) &&
           (most == NULL || t->node->op->flops(t->node) <= atof(most));
}

/* Prepares the operands when the first variant needs them. */
static void try_variant(trial *t, const gcl_variant *variant, int i, worst *w)
{
    const gcl_limits *limits = gcl_device_limits(dev);
    int usual[GCL_MAX_PARAMS];
    if (!is_wanted(t, variant) || !variant->applies(t->node, limits))
        return;
    if (t->single == NULL)
        prepare(t, i);
    gcl_variant_usual(variant, t->node, limits, usual);
    if (!attempt(t, variant, usual, w)) {
        printf("%s %s \"%s\": the usual values do not fit\n", t->op->name, variant->name, t->name);
        w->failures++;
    }
    if (getenv("GANOCL_TEST_THOROUGH") != NULL)
        attempt_each(t, variant, usual, w);
    else if (variant->n_params > 0)
        attempt_other(t, variant, i % 3, w);
}

START_TEST(variants_agree_with_oracle)
{
    const gcl_op *op = gcl_ops[_i];
    worst of[16] = {{0}};
    int failures = 0;
    ck_assert_int_le(op->n_variants, 16);
    for (int i = 0; i < op->n_cases; i++) {
        gcl_graph *g = gcl_graph_new();
        trial t = {0};
        build(&t, g, op, i);
        for (int v = 0; v < t.node->op->n_variants; v++)
            try_variant(&t, t.node->op->variants[v], i, &of[v]);
        finish(&t);
        gcl_graph_free(g);
    }
    for (int v = 0; v < op->n_variants; v++) {
        printf("%-12s %-12s %4d runs, worst error %.2g\n", op->name, op->variants[v]->name,
               of[v].runs, of[v].error);
        failures += of[v].failures;
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* Every op row says what the engine needs of it. */
START_TEST(rows_are_complete)
{
    const gcl_op *op = gcl_ops[_i];
    ck_assert(op->gradient != NULL && op->evaluate != NULL && op->flops != NULL);
    ck_assert(op->build_case != NULL && op->n_cases > 0);
    ck_assert_int_gt(op->n_variants, 0);
    ck_assert_str_eq(op->variants[op->n_variants - 1]->name, "naive");
    ck_assert_ptr_null(gcl_variant_find(op, "no such variant"));
    ck_assert_ptr_eq(gcl_variant_find(op, "naive"), op->variants[op->n_variants - 1]);
}
END_TEST

static const char *graph_error_of(gcl_graph *g, gcl_node *made)
{
    ck_assert_ptr_nonnull(made);
    const char *text = gcl_graph_error(g);
    ck_assert_ptr_nonnull(text);
    return text;
}

START_TEST(builders_name_mistakes)
{
    static const struct {
        int x[4], f[4], stride, pad;
        const char *says;
    } wrong[] = {
        {{1, 8, 8, 128}, {3, 3, 256, 8}, 1, 1, "input has 128 channels, filter wants 256"},
        {{1, 2, 2, 3}, {5, 5, 3, 8}, 1, 1, "a filter of 5x5 does not fit into an input of 2x2"},
        {{1, 8, 8, 3}, {3, 3, 3, 8}, 0, 1, "the stride must be 1 or more"},
        {{1, 8, 8, 3}, {3, 3, 3, 8}, 1, -1, "the padding 0 or more"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        gcl_graph *g = gcl_graph_new();
        gcl_shape x, f;
        memcpy(x.d, wrong[i].x, sizeof x.d);
        memcpy(f.d, wrong[i].f, sizeof f.d);
        gcl_node *y = gcl_conv(gcl_variable(g, "x", x), gcl_variable(g, "f", f), wrong[i].stride,
                               wrong[i].pad);
        const char *text = graph_error_of(g, y);
        ck_assert_msg(strstr(text, wrong[i].says) != NULL, "%s", text);
        gcl_graph_free(g);
    }
}
END_TEST

START_TEST(other_builders_name_mistakes)
{
    static const char *const says[] = {"cannot give 9x9", "inner sizes are 5 and 6",
                                       "does not lie inside [2,3,4,5]",
                                       "the gradient arriving at a convolution is"};
    for (int i = 0; i < 4; i++) {
        gcl_graph *g = gcl_graph_new();
        gcl_node *x = gcl_variable(g, "x", gcl_shape_of(2, 3, 4, 5));
        gcl_node *y = gcl_variable(g, "y", gcl_shape_of(1, 1, 6, 5));
        gcl_node *made =
            i == 0   ? gcl_conv_data(x, gcl_variable(g, "f", gcl_shape_of(4, 4, 2, 5)), 2, 1, 9, 9)
            : i == 1 ? gcl_matmul(x, y, 0, 0)
            : i == 2 ? gcl_slice(x, (int[]){0, 0, 2, 0}, gcl_shape_of(2, 3, 3, 5))
                     : gcl_conv_weight(x, y, 3, 3, 1, 1);
        const char *text = graph_error_of(g, made);
        ck_assert_msg(strstr(text, says[i]) != NULL, "%s", text);
        gcl_graph_free(g);
    }
}
END_TEST

static int is_product(gcl_node *node) { return kernel_node(node)->op == &gcl_op_matmul; }

/* One tap, or one window that covers the whole input: a matrix product, in all three forms. */
START_TEST(simple_convolutions_are_products)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(2, 5, 7, 3));
    gcl_node *y = gcl_variable(g, "y", gcl_shape_of(2, 5, 7, 4));
    gcl_node *tap = gcl_variable(g, "f", gcl_shape_of(1, 1, 3, 4));
    ck_assert(is_product(gcl_conv(x, tap, 1, 0)));
    ck_assert(is_product(gcl_conv_data(y, tap, 1, 0, 0, 0)));
    ck_assert(is_product(gcl_conv_weight(x, y, 1, 1, 1, 0)));
    gcl_node *whole = gcl_variable(g, "whole", gcl_shape_of(5, 7, 3, 6));
    gcl_node *one = gcl_variable(g, "one", gcl_shape_of(2, 1, 1, 6));
    ck_assert(is_product(gcl_conv(x, whole, 1, 0)));
    ck_assert(is_product(gcl_conv_data(one, whole, 1, 0, 0, 0)));
    ck_assert(is_product(gcl_conv_weight(x, one, 5, 7, 1, 0)));
    ck_assert(!is_product(gcl_conv(x, tap, 2, 0)));
    ck_assert_ptr_null(gcl_graph_error(g));
    gcl_graph_free(g);
}
END_TEST

static int list(void)
{
    for (int i = 0; gcl_ops[i] != NULL; i++)
        for (int v = 0; v < gcl_ops[i]->n_variants; v++)
            printf("%s %s\n", gcl_ops[i]->name, gcl_ops[i]->variants[v]->name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int n_ops = 0;
    while (gcl_ops[n_ops] != NULL)
        n_ops++;
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    setvbuf(stdout, NULL, _IOLBF, 0);
    Suite *suite = suite_create("ops");
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, rows_are_complete, 0, n_ops);
    tcase_add_test(rules, builders_name_mistakes);
    tcase_add_test(rules, other_builders_name_mistakes);
    tcase_add_test(rules, simple_convolutions_are_products);
    suite_add_tcase(suite, rules);
    TCase *device = tcase_create("device");
    tcase_set_timeout(device, 0);
    tcase_add_unchecked_fixture(device, open_device, close_device);
    tcase_add_loop_test(device, variants_agree_with_oracle, 0, n_ops);
    suite_add_tcase(suite, device);
    return run_suite(suite);
}
