/* First and second derivatives of every op, in double and without a device: what gcl_gradients
 * builds against differences of what gcl_values computes.
 *
 * Of y = op(x...) with random weights u, v the loss is L = sum(u y + v y^2), so that derivatives of
 * linear ops vary too. Its gradients g, and those of G = sum_i sum(w_i g_i), are compared with
 * five-point differences of L and G along a random direction for each operand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "ops/ops.h"
#include "suite_test.h"

#define TOLERANCE 1e-7 /* of the sum of |gradient * direction| */
#define STEP      1e-3 /* five-point differences are then off by about STEP^4 = 1e-12 */

enum { MAX_SOURCES = 4 };

/* How the elements of variables are chosen. */
enum {
    SIGNED,   /* both signs; no two variables' elements, and none and 0, closer than 0.01 */
    POSITIVE, /* the same, positive: sqrt and log */
    SIGNED_X, /* the first variable signed, the others positive: slopes */
    DISTINCT  /* all elements of a variable 0.05 apart: maxima */
};

static double draw(uint32_t stream, int64_t i)
{
    return 2 * gcl_philox_uniform(3, 0, stream, (uint64_t)i) - 1;
}

static double element(int how, int variable, int64_t i, int64_t n)
{
    if (how == DISTINCT)
        return 0.3 + 0.05 * (double)(37 * i % n);
    uint32_t stream = 10 + 2 * (uint32_t)variable;
    double size = 0.3 + 0.1 * gcl_philox_below(4, 0, stream, (uint64_t)i, 12) + 0.03 * variable +
                  0.01 * draw(stream, i);
    int both_signs = how == SIGNED || (how == SIGNED_X && variable == 0);
    return both_signs && draw(stream + 1, i) < 0 ? -size : size;
}

/* A graph's variables with values; the first n_sources are moved along their directions. */
typedef struct point {
    const char *op, *name;
    gcl_values *values;
    gcl_node *sources[MAX_SOURCES];
    int n_sources, how;
} point;

static double direction(int source, int64_t i) { return draw(1000 + (uint32_t)source, i); }

static void place(point *p, int source, double step)
{
    int64_t n = gcl_shape_count(p->sources[source]->shape);
    double *x = gcl_values_set(p->values, p->sources[source]);
    for (int64_t i = 0; i < n; i++)
        x[i] = element(p->how, source, i, n) + step * direction(source, i);
}

static void compute(point *p, gcl_node *const *wanted, int n)
{
    gcl_error err = {0};
    gcl_values_forget(p->values);
    int status = gcl_values_compute(p->values, wanted, n, &err);
    ck_assert_msg(status == 0, "%s \"%s\": %s", p->op, p->name, err.text);
}

/* f with a source moved. */
static double value_at(point *p, gcl_node *f, int source, double step)
{
    place(p, source, step);
    compute(p, &f, 1);
    return gcl_values_of(p->values, f)[0];
}

static double difference(point *p, gcl_node *f, int source)
{
    double near = value_at(p, f, source, STEP) - value_at(p, f, source, -STEP);
    double far = value_at(p, f, source, 2 * STEP) - value_at(p, f, source, -2 * STEP);
    place(p, source, 0);
    return (8 * near - far) / (12 * STEP);
}

/* The gradients of the scalar f; returns the worst relative error. */
static double compare(point *p, gcl_node *f, gcl_node *const *gradients, const char *which)
{
    double worst = 0;
    for (int s = 0; s < p->n_sources; s++) {
        double sum = 0, scale = 0, slope = difference(p, f, s);
        compute(p, gradients, p->n_sources);
        const double *g = gcl_values_of(p->values, gradients[s]);
        for (int64_t i = 0; i < gcl_shape_count(p->sources[s]->shape); i++) {
            sum += g[i] * direction(s, i);
            scale += fabs(g[i] * direction(s, i));
        }
        compute(p, &f, 1);
        double rounding = 1e-11 * (1 + fabs(gcl_values_of(p->values, f)[0]));
        double error = fabs(sum - slope);
        ck_assert_msg(error <= TOLERANCE * scale + rounding,
                      "%s \"%s\": %s derivative by operand %d is %.12g, differences give %.12g",
                      p->op, p->name, which, s, sum, slope);
        if (scale > 0 && error > rounding && error / scale > worst)
            worst = error / scale;
    }
    return worst;
}

static gcl_node *weights_like(gcl_graph *g, const char *name, gcl_node *x)
{
    return gcl_variable(g, name, x->shape);
}

static void fill(point *p, gcl_node *variable, uint32_t stream)
{
    double *x = gcl_values_set(p->values, variable);
    for (int64_t i = 0; i < gcl_shape_count(variable->shape); i++)
        x[i] = draw(stream, i);
}

/* L of the head comment; the two weights are left in the graph for fill. */
static gcl_node *loss_of(gcl_graph *g, gcl_node *y, gcl_node *weights[2])
{
    weights[0] = weights_like(g, "weights of y", y);
    weights[1] = weights_like(g, "weights of y squared", y);
    return gcl_sum(gcl_add(gcl_mul(weights[0], y), gcl_mul(weights[1], gcl_mul(y, y))),
                   GCL_AXES_ALL);
}

static void find_sources(point *p, gcl_graph *g)
{
    for (int i = 0; i < gcl_graph_size(g); i++) {
        if (gcl_graph_node(g, i)->op != &gcl_op_variable)
            continue;
        ck_assert_int_lt(p->n_sources, MAX_SOURCES);
        p->sources[p->n_sources++] = gcl_graph_node(g, i);
    }
}

/* Checks y, built from variables only, in its graph. */
static double check_node(gcl_graph *g, gcl_node *y, const char *op, const char *name, int how)
{
    point p = {.op = op, .name = name, .how = how};
    gcl_node *first[MAX_SOURCES], *second[MAX_SOURCES], *weights[2], *directions[MAX_SOURCES];
    find_sources(&p, g);
    gcl_node *loss = loss_of(g, y, weights);
    gcl_gradients(loss, p.sources, p.n_sources, first);
    gcl_node *combined = gcl_constant(g, 0);
    for (int i = 0; i < p.n_sources; i++) {
        ck_assert(gcl_shape_equal(first[i]->shape, p.sources[i]->shape));
        directions[i] = weights_like(g, "weights of a gradient", p.sources[i]);
        combined = gcl_add(combined, gcl_sum(gcl_mul(directions[i], first[i]), GCL_AXES_ALL));
    }
    gcl_gradients(combined, p.sources, p.n_sources, second);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s \"%s\": %s", op, name, gcl_graph_error(g));

    p.values = gcl_values_new(g);
    for (int i = 0; i < p.n_sources; i++) {
        place(&p, i, 0);
        fill(&p, directions[i], 100 + (uint32_t)i);
    }
    fill(&p, weights[0], 200);
    fill(&p, weights[1], 201);
    double worst = fmax(compare(&p, loss, first, "first"), compare(&p, combined, second, "second"));
    gcl_values_free(p.values);
    return worst;
}

/* ---- kernel ops ----------------------------------------------------------------------------- */

START_TEST(kernel_op)
{
    const gcl_op *op = gcl_ops[_i];
    double worst = 0;
    for (int i = 0; i < op->n_cases; i++) {
        const char *name;
        gcl_graph *g = gcl_graph_new();
        gcl_node *y = op->build_case(g, i, &name);
        worst = fmax(worst, check_node(g, y, op->name, name, SIGNED));
        gcl_graph_free(g);
    }
    printf("%-12s %3d cases, worst error %.1g\n", op->name, op->n_cases, worst);
}
END_TEST

/* ---- pointwise ops: all of the table -------------------------------------------------------- */

typedef struct pointwise {
    const char *name;
    int arity;
    gcl_node *(*one)(gcl_node *x);
    gcl_node *(*two)(gcl_node *x, gcl_node *y);
    gcl_node *(*three)(gcl_node *x, gcl_node *y, gcl_node *z);
} pointwise;

static const pointwise pointwise_ops[] = {
#define GCL_POINTWISE_1(name, ...) {#name, 1, gcl_##name, NULL, NULL},
#define GCL_POINTWISE_2(name, ...) {#name, 2, NULL, gcl_##name, NULL},
#define GCL_POINTWISE_3(name, ...) {#name, 3, NULL, NULL, gcl_##name},
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3
};

static void check_pointwise(const pointwise *op, const char *name, gcl_shape xs, gcl_shape ys,
                            gcl_shape zs, int how)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", xs), *y = NULL, *z = NULL;
    if (op->arity > 1)
        y = gcl_variable(g, "y", ys);
    if (op->arity > 2)
        z = gcl_variable(g, "z", zs);
    if (strcmp(op->name, "floor") == 0)
        x = gcl_shift(x, 0.05); /* away from its steps */
    gcl_node *result = op->arity == 1   ? op->one(x)
                       : op->arity == 2 ? op->two(x, y)
                                        : op->three(x, y, z);
    check_node(g, result, op->name, name, how);
    gcl_graph_free(g);
}

START_TEST(pointwise_op)
{
    const pointwise *op = &pointwise_ops[_i];
    const gcl_shape full = gcl_shape_of(2, 3, 4, 5), column = gcl_shape_of(1, 1, 1, 5),
                    plane = gcl_shape_of(2, 3, 4, 1), scalar = gcl_shape_of(1, 1, 1, 1);
    int root = strcmp(op->name, "sqrt") == 0 || strncmp(op->name, "log", 3) == 0;
    int how = strcmp(op->name, "leaky") == 0 ? SIGNED_X : SIGNED;
    check_pointwise(op, "positive", full, full, full, POSITIVE);
    if (root)
        return;
    check_pointwise(op, "signed", full, full, full, how);
    check_pointwise(op, "broadcast", full, column, scalar, how);
    check_pointwise(op, "outer", column, plane, column, how);
}
END_TEST

/* ---- the graph's other builders ------------------------------------------------------------- */

static gcl_node *pack3(gcl_node *x, const gcl_shape *shape)
{
    gcl_node *more = gcl_variable(x->graph, "more", gcl_shape_of(1, 3, 4, 5));
    return gcl_pack(x->graph, (gcl_node *[]){x, gcl_square(more), x}, 3, shape);
}

static gcl_node *thirds(gcl_graph *g)
{
    return gcl_table(g, gcl_shape_of(1, 1, 1, 5), (const double[]){1 / 3., 0, -2 / 3., 5, 1});
}

/* Every function of one variable x [2,3,4,5]: name, how elements are chosen, expression. */
#define BUILDERS(X)                                                                                \
    X(sum, SIGNED, gcl_sum(x, GCL_AXES_ALL))                                                       \
    X(sum_nhw, SIGNED, gcl_sum(x, GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W))                           \
    X(sum_c, SIGNED, gcl_sum(x, GCL_AXIS_C))                                                       \
    X(sum_h, SIGNED, gcl_sum(x, GCL_AXIS_H))                                                       \
    X(max, DISTINCT, gcl_max_over(x, GCL_AXES_ALL))                                                \
    X(max_c, DISTINCT, gcl_max_over(x, GCL_AXIS_C))                                                \
    X(max_hw, DISTINCT, gcl_max_over(x, GCL_AXIS_H | GCL_AXIS_W))                                  \
    X(mean, SIGNED, gcl_mean(x))                                                                   \
    X(mean_over, SIGNED, gcl_mean_over(x, GCL_AXIS_N | GCL_AXIS_W))                                \
    X(sum_to, SIGNED, gcl_sum_to(x, gcl_shape_of(1, 3, 1, 5)))                                     \
    X(broadcast, SIGNED,                                                                           \
      gcl_broadcast(gcl_sum(x, GCL_AXIS_H | GCL_AXIS_C), gcl_shape_of(2, 6, 4, 7)))                \
    X(reshape, SIGNED, gcl_reshape(x, gcl_shape_of(4, 1, 6, 5)))                                   \
    X(view, SIGNED, gcl_view(x, 7, gcl_shape_of(1, 1, 5, 10)))                                     \
    X(pack, SIGNED, pack3(x, NULL))                                                                \
    X(pack_pictures, SIGNED, pack3(x, &(gcl_shape){{5, 3, 4, 5}}))                                 \
    X(scale, SIGNED, gcl_scale(x, -1.5))                                                           \
    X(shift, SIGNED, gcl_shift(x, 0.7))                                                            \
    X(leaky_relu, SIGNED, gcl_leaky_relu(x, 0.2))                                                  \
    X(clamp, SIGNED, gcl_clamp(x, -0.55, 0.95))                                                    \
    X(clamp_min, SIGNED, gcl_clamp_min(x, -0.55))                                                  \
    X(swish, SIGNED, gcl_swish(x))                                                                 \
    X(soft_clamp, SIGNED, gcl_soft_clamp(x, 1.7))                                                  \
    X(logsumexp, SIGNED, gcl_logsumexp(x, GCL_AXES_ALL))                                           \
    X(logsumexp_c, SIGNED, gcl_logsumexp(x, GCL_AXIS_C))                                           \
    X(logsumexp_of_equals, DISTINCT, gcl_logsumexp(gcl_scale(x, 0.01), GCL_AXIS_N | GCL_AXIS_W))   \
    X(table, SIGNED, gcl_mul(x, thirds(x->graph)))                                                 \
    X(variance, SIGNED, gcl_mean(gcl_square(gcl_sub(x, gcl_mean(x)))))                             \
    X(itself_twice, SIGNED, gcl_mul(x, gcl_reshape(x, x->shape)))

#define FUNCTION(name, how, expression)                                                            \
    static gcl_node *build_##name(gcl_node *x) { return expression; }
BUILDERS(FUNCTION)
#undef FUNCTION

static const struct {
    const char *name;
    int how;
    gcl_node *(*build)(gcl_node *x);
} builders[] = {
#define ROW(name, how, expression) {#name, how, build_##name},
    BUILDERS(ROW)
#undef ROW
};

START_TEST(builder)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(2, 3, 4, 5));
    check_node(g, builders[_i].build(x), "builder", builders[_i].name, builders[_i].how);
    gcl_graph_free(g);
}
END_TEST

static double gradient_at(gcl_node *y, gcl_node *x, double at)
{
    gcl_error err = {0};
    gcl_node *dx;
    ck_assert_int_eq(gcl_gradients(y, &x, 1, &dx), 0);
    gcl_values *v = gcl_values_new(x->graph);
    gcl_values_set(v, x)[0] = at;
    ck_assert_msg(gcl_values_compute(v, &dx, 1, &err) == 0, "%s", err.text);
    double result = gcl_values_of(v, dx)[0];
    gcl_values_free(v);
    return result;
}

/* What differences cannot say: the gradient on kinks, and where it is cut. */
START_TEST(conventions)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 1));
    ck_assert_double_eq(gradient_at(gcl_relu(x), x, 0), 0);
    ck_assert_double_eq(gradient_at(gcl_leaky_relu(x, 0.25), x, 0), 0.25);
    ck_assert_double_eq(gradient_at(gcl_abs(x), x, 0), 0);
    ck_assert_double_eq(gradient_at(gcl_maximum(x, gcl_constant(g, 2)), x, 2), 1);
    ck_assert_double_eq(gradient_at(gcl_maximum(gcl_constant(g, 2), x), x, 2), 0);
    ck_assert_double_eq(gradient_at(gcl_clamp(x, -1, 1), x, 1), 1);
    ck_assert_double_eq(gradient_at(gcl_clamp(x, -1, 1), x, -1), 1);
    ck_assert_double_eq(gradient_at(gcl_clamp(x, -1, 1), x, 1.5), 0);
    ck_assert_double_eq(gradient_at(gcl_clamp_min(x, -1), x, -1), 1);
    ck_assert_double_eq(gradient_at(gcl_clamp_min(x, -1), x, -1.5), 0);
    ck_assert_double_eq(gradient_at(gcl_elu(x), x, 0), 1);
    ck_assert_double_eq(gradient_at(gcl_floor(x), x, 1.5), 0);
    ck_assert_double_eq(gradient_at(gcl_mul(x, gcl_detach(x)), x, 3), 3);
    ck_assert_double_eq(gradient_at(gcl_detach(gcl_square(x)), x, 3), 0);
    ck_assert_ptr_null(gcl_graph_error(g));
    gcl_graph_free(g);
}
END_TEST

START_TEST(equal_maxima_share_the_gradient)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4)), *dx;
    gcl_gradients(gcl_max_over(x, GCL_AXES_ALL), &x, 1, &dx);
    gcl_values *v = gcl_values_new(g);
    memcpy(gcl_values_set(v, x), (double[]){1, 3, 2, 3}, 4 * sizeof(double));
    ck_assert_msg(gcl_values_compute(v, &dx, 1, &err) == 0, "%s", err.text);
    const double *got = gcl_values_of(v, dx), right[4] = {0, 0.5, 0, 0.5};
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(got[i], right[i]);
    gcl_values_free(v);
    gcl_graph_free(g);
}
END_TEST

int main(void)
{
    int n_ops = 0;
    while (gcl_ops[n_ops] != NULL)
        n_ops++;
    setvbuf(stdout, NULL, _IOLBF, 0);
    Suite *suite = suite_create("derivatives");
    TCase *tests = tcase_create("derivatives");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, kernel_op, 0, n_ops);
    tcase_add_loop_test(tests, pointwise_op, 0,
                        (int)(sizeof pointwise_ops / sizeof pointwise_ops[0]));
    tcase_add_loop_test(tests, builder, 0, (int)(sizeof builders / sizeof builders[0]));
    tcase_add_test(tests, conventions);
    tcase_add_test(tests, equal_maxima_share_the_gradient);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
