/* Gradients, first and second, of every pointwise op and of what the graph itself knows, against
 * central differences in double precision. No device. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/op.h"
#include "numeric.h"
#include "suite_test.h"

/* ---- a case: some node made of up to three sources, and all its derivatives --------------------- */

enum { MAX_SOURCES = 3 };

typedef struct trial {
    gcl_graph *graph;
    gcl_node *source[MAX_SOURCES];
    int n;
    int positive;     /* sources are filled with positive numbers only */
    double tolerance; /* of both derivatives */
} trial;

static trial trial_new(void) { return (trial){.graph = gcl_graph_new(), .tolerance = 1e-6}; }

static gcl_node *add_source(trial *t, gcl_shape shape)
{
    static const char *const names[MAX_SOURCES] = {"x", "y", "z"};
    t->source[t->n] = gcl_variable(t->graph, names[t->n], shape);
    return t->source[t->n++];
}

/* Checks d y / d source for every source, then, with y' the weighted sum of that derivative, d y' /
 * d source again. Ends the trial. */
static void check_both(trial *t, gcl_node *result, const char *what)
{
    gcl_node *weights[1 + MAX_SOURCES], *first[MAX_SOURCES], *second[MAX_SOURCES * MAX_SOURCES];
    gcl_node *slope[MAX_SOURCES];
    gcl_node *y = numeric_scalar(result, &weights[0]);
    gcl_gradients(y, t->source, t->n, first);
    for (int i = 0; i < t->n; i++) {
        slope[i] = numeric_scalar(first[i], &weights[1 + i]);
        gcl_gradients(slope[i], t->source, t->n, &second[i * t->n]);
    }
    ck_assert_msg(gcl_graph_error(t->graph) == NULL, "%s: %s", what, gcl_graph_error(t->graph));
    gcl_values *values = gcl_values_new(t->graph);
    for (int i = 0; i < t->n; i++)
        numeric_fill(values, t->source[i], 10u + (unsigned)i, 0.3 + 0.1 * i, 1.3 + 0.1 * i,
                     t->positive);
    for (int i = 0; i <= t->n; i++)
        numeric_fill(values, weights[i], 20u + (unsigned)i, 0.5, 1.5, 0);
    for (int i = 0; i < t->n; i++) {
        numeric_check(values, y, t->source[i], first[i], t->tolerance, what);
        for (int k = 0; k < t->n; k++)
            numeric_check(values, slope[i], t->source[k], second[i * t->n + k], t->tolerance, what);
    }
    gcl_values_free(values);
    gcl_graph_free(t->graph);
}

/* ---- pointwise ops --------------------------------------------------------------------------------- */

typedef struct pointwise_case {
    const char *name;
    int arity;
    gcl_node *(*one)(gcl_node *);
    gcl_node *(*two)(gcl_node *, gcl_node *);
    gcl_node *(*three)(gcl_node *, gcl_node *, gcl_node *);
} pointwise_case;

static const pointwise_case pointwise[] = {
#define GCL_POINTWISE_1(name, ...) {#name, 1, gcl_##name, NULL, NULL},
#define GCL_POINTWISE_2(name, ...) {#name, 2, NULL, gcl_##name, NULL},
#define GCL_POINTWISE_3(name, ...) {#name, 3, NULL, NULL, gcl_##name},
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3
};
enum { N_POINTWISE = sizeof pointwise / sizeof *pointwise };

static int wants_positive(const char *name)
{
    static const char *const names[] = {"sqrt", "log", "log1p", "leaky", "leaky_slope"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

static gcl_node *apply(const pointwise_case *c, gcl_node *const *in)
{
    if (c->arity == 1)
        return c->one(in[0]);
    return c->arity == 2 ? c->two(in[0], in[1]) : c->three(in[0], in[1], in[2]);
}

/* The op on operands of the given shapes, x moved by `offset`. */
static void check_pointwise(const pointwise_case *c, const gcl_shape *shapes, double offset)
{
    trial t = trial_new();
    t.positive = wants_positive(c->name);
    gcl_node *in[3] = {NULL};
    for (int i = 0; i < c->arity; i++)
        in[i] = add_source(&t, shapes[i]);
    in[0] = gcl_shift(in[0], offset);
    check_both(&t, apply(c, in), c->name);
}

START_TEST(pointwise_derivatives)
{
    const pointwise_case *c = &pointwise[_i];
    gcl_shape same[3] = {gcl_shape_of(1, 2, 3, 4), gcl_shape_of(1, 2, 3, 4),
                         gcl_shape_of(1, 2, 3, 4)};
    gcl_shape spread[3] = {gcl_shape_of(2, 1, 1, 3), gcl_shape_of(1, 1, 1, 3),
                           gcl_shape_of(1, 2, 1, 1)};
    check_pointwise(c, same, 0);
    check_pointwise(c, spread, 0);
    if (strncmp(c->name, "leaky", 5) == 0) /* the side below 0 too */
        check_pointwise(c, same, -0.777);
}
END_TEST

START_TEST(clamp_and_leaky_relu)
{
    trial t = trial_new();
    gcl_node *x = add_source(&t, gcl_shape_of(1, 1, 5, 8));
    check_both(&t, gcl_square(gcl_clamp(x, -0.7, 0.9)), "clamp");
    t = trial_new();
    x = add_source(&t, gcl_shape_of(1, 1, 5, 8));
    check_both(&t, gcl_square(gcl_leaky_relu(x, 0.3)), "leaky_relu");
}
END_TEST

/* d name / dx at one point. */
static double slope_at(gcl_node *(*op)(gcl_node *, double), double parameter, double at)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 1)), *dx;
    gcl_gradients(op(x, parameter), &x, 1, &dx);
    gcl_values *values = gcl_values_new(g);
    gcl_values_set(values, x)[0] = at;
    double slope = numeric_value(values, dx)[0];
    gcl_values_free(values);
    gcl_graph_free(g);
    return slope;
}

static gcl_node *relu_of(gcl_node *x, double unused) { return (void)unused, gcl_relu(x); }
static gcl_node *abs_of(gcl_node *x, double unused) { return (void)unused, gcl_abs(x); }
static gcl_node *clamp_to(gcl_node *x, double bound) { return gcl_clamp(x, -bound, bound); }

START_TEST(kinks_are_as_documented)
{
    ck_assert_double_eq(slope_at(relu_of, 0, 0), 0);
    ck_assert_double_eq(slope_at(abs_of, 0, 0), 0);
    ck_assert_double_eq(slope_at(gcl_leaky_relu, 0.3, 0), 0.3);
    ck_assert_double_eq(slope_at(gcl_leaky_relu, 0.3, -2), 0.3);
    ck_assert_double_eq(slope_at(gcl_leaky_relu, 0.3, 2), 1);
    ck_assert_double_eq(slope_at(clamp_to, 2, 2), 1);
    ck_assert_double_eq(slope_at(clamp_to, 2, -2), 1);
    ck_assert_double_eq(slope_at(clamp_to, 2, 2.5), 0);
}
END_TEST

/* ---- the graph's own ops ------------------------------------------------------------------------------ */

/* Each is squared, so that the second derivative is not identically 0. */
static gcl_node *build_sum(gcl_node *x, int axes)
{
    return gcl_square(gcl_sum(gcl_square(x), axes));
}
static gcl_node *build_max(gcl_node *x, int axes) { return gcl_square(gcl_max_over(x, axes)); }
static gcl_node *build_mean(gcl_node *x, int axes)
{
    return gcl_mul(gcl_sub(x, gcl_mean_over(x, axes)), gcl_mean_over(gcl_square(x), axes));
}

/* Batch norm's form: both moments in the result, sums that simplify. */
static gcl_node *build_normalise(gcl_node *x, int axes)
{
    gcl_node *centred = gcl_sub(x, gcl_mean_over(x, axes));
    gcl_node *var = gcl_mean_over(gcl_square(centred), axes);
    return gcl_mul(centred, gcl_reciprocal(gcl_sqrt(gcl_shift(var, 0.1))));
}

START_TEST(reductions_over_any_axes)
{
    gcl_node *(*const build[])(gcl_node *, int) = {build_sum, build_max, build_mean,
                                                   build_normalise};
    static const char *const names[] = {"sum", "max", "mean", "normalise"};
    for (int i = 0; i < 4; i++) {
        trial t = trial_new();
        t.tolerance = 1e-5;
        gcl_node *x = add_source(&t, gcl_shape_of(2, 3, 2, 3));
        char what[60];
        snprintf(what, sizeof what, "%s over axes %d", names[i], _i);
        check_both(&t, build[i](x, _i), what);
    }
}
END_TEST

START_TEST(broadcast_and_reshape)
{
    trial t = trial_new();
    gcl_node *x = add_source(&t, gcl_shape_of(2, 1, 3, 1));
    check_both(&t, gcl_square(gcl_broadcast(x, gcl_shape_of(2, 4, 3, 2))), "broadcast");
    t = trial_new();
    x = add_source(&t, gcl_shape_of(2, 2, 3, 2));
    gcl_node *flat = gcl_reshape(gcl_square(x), gcl_shape_of(4, 1, 1, 6));
    check_both(&t, gcl_mul(flat, gcl_reshape(x, flat->shape)), "reshape");
}
END_TEST

START_TEST(views_and_packs)
{
    trial t = trial_new();
    gcl_node *x = add_source(&t, gcl_shape_of(2, 2, 3, 2)),
             *y = add_source(&t, gcl_shape_of(1, 1, 1, 5));
    gcl_shape window = gcl_shape_of(1, 1, 2, 3);
    gcl_node *a = gcl_view(x, 3, window), *b = gcl_view(x, 5, window); /* they overlap */
    gcl_node *zero = gcl_broadcast(gcl_constant(t.graph, 0), gcl_shape_of(1, 1, 1, 3));
    gcl_node *parts[] = {gcl_mul(a, b), zero, y, gcl_square(x)};
    check_both(&t, gcl_square(gcl_pack(t.graph, parts, 4, NULL)), "view and pack");
}
END_TEST

START_TEST(nothing_flows_through_detach)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 3)), *dx;
    gcl_gradients(gcl_sum(gcl_mul(x, gcl_detach(x)), GCL_AXES_ALL), &x, 1, &dx);
    gcl_values *values = gcl_values_new(g);
    numeric_fill(values, x, 1, 0.5, 1.5, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(numeric_value(values, dx)[i], gcl_values_of(values, x)[i]);
    gcl_values_free(values);
    gcl_graph_free(g);
}
END_TEST

/* A parameter is a view of a network's variable; uses of it in another shape are views as well. */
START_TEST(gradients_by_a_view_collect_all_uses_of_it)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *flat = gcl_variable(g, "flat", gcl_shape_of(1, 1, 1, 20));
    gcl_node *w = gcl_view(flat, 4, gcl_shape_of(2, 2, 1, 3)),
             *other = gcl_view(flat, 16, gcl_shape_of(1, 1, 1, 4));
    gcl_node *rows = gcl_reshape(w, gcl_shape_of(1, 1, 4, 3)); /* the same, in another shape */
    gcl_node *part = gcl_view(w, 3, gcl_shape_of(1, 1, 2, 3)); /* elements 3 to 8 of it */
    gcl_node *y =
        gcl_add(gcl_sum(gcl_square(rows), GCL_AXES_ALL),
                gcl_add(gcl_sum(part, GCL_AXES_ALL), gcl_sum(gcl_scale(w, 5), GCL_AXES_ALL)));
    y = gcl_add(y, gcl_sum(gcl_exp(other), GCL_AXES_ALL));
    gcl_node *dw[2], *wrt[2] = {w, other};
    ck_assert_int_eq(gcl_gradients(y, wrt, 2, dw), 0);
    gcl_values *values = gcl_values_new(g);
    numeric_fill(values, flat, 1, 0.5, 1.5, 0);
    const double *x = gcl_values_of(values, flat);
    for (int i = 0; i < 12; i++) {
        double wanted = 2 * x[4 + i] + 5 + (i >= 3 && i < 9);
        ck_assert_double_eq_tol(numeric_value(values, dw[0])[i], wanted, 1e-12);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(numeric_value(values, dw[1])[i], exp(x[16 + i]), 1e-12);
    gcl_values_free(values);
    gcl_graph_free(g);
}
END_TEST

START_TEST(equal_maxima_share_the_gradient)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4)), *dx;
    gcl_gradients(gcl_max_over(x, GCL_AXIS_C), &x, 1, &dx);
    gcl_values *values = gcl_values_new(g);
    memcpy(gcl_values_set(values, x), (double[]){2, 7, 7, -1}, 4 * sizeof(double));
    const double *shared = numeric_value(values, dx);
    ck_assert_double_eq(shared[0], 0);
    ck_assert_double_eq(shared[1], 0.5);
    ck_assert_double_eq(shared[2], 0.5);
    ck_assert_double_eq(shared[3], 0);
    gcl_values_free(values);
    gcl_graph_free(g);
}
END_TEST

START_TEST(what_is_not_reached_has_gradient_zero)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4)), *dx[2];
    gcl_node *later, *y = gcl_sum(gcl_square(x), GCL_AXES_ALL);
    later = gcl_variable(g, "later", gcl_shape_of(1, 2, 3, 4));
    ck_assert_int_eq(gcl_gradients(y, (gcl_node *[]){x, later}, 2, dx), 0);
    ck_assert(gcl_shape_equal(dx[1]->shape, later->shape));
    gcl_values *values = gcl_values_new(g);
    for (int i = 0; i < 24; i++)
        ck_assert_double_eq(numeric_value(values, dx[1])[i], 0);
    gcl_values_free(values);
    gcl_graph_free(g);
}
END_TEST

START_TEST(only_scalars_start_a_gradient)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4)), *dx;
    ck_assert_int_eq(gcl_gradients(gcl_square(x), &x, 1, &dx), -1);
    ck_assert_ptr_nonnull(strstr(gcl_graph_error(g), "start from a scalar, not from [1,1,1,4]"));
    gcl_graph_free(g);
}
END_TEST

/* Batch norm's backward pass needs, beside the two statistics, two reductions over the batch. */
START_TEST(normalisation_costs_four_reductions)
{
    gcl_graph *g = gcl_graph_new();
    gcl_shape shape = gcl_shape_of(4, 3, 3, 8), vector = gcl_shape_of(1, 1, 1, 8);
    gcl_node *x = gcl_variable(g, "x", shape), *dy = gcl_input(g, "dy", GCL_F32, shape);
    gcl_node *scale = gcl_variable(g, "scale", vector), *shift = gcl_variable(g, "shift", vector);
    gcl_node *centred = gcl_sub(x, gcl_mean_over(x, 7));
    gcl_node *var = gcl_mean_over(gcl_square(centred), 7);
    gcl_node *inverse = gcl_reciprocal(gcl_sqrt(gcl_shift(var, 1e-3)));
    gcl_node *y = gcl_add(gcl_mul(centred, gcl_mul(inverse, scale)), shift);
    gcl_node *wrt[3] = {x, scale, shift}, *dx[3];
    gcl_gradients_from(y, dy, wrt, 3, dx);
    gcl_values *values = gcl_values_new(g);
    gcl_error err = {0};
    ck_assert_int_eq(gcl_values_compute(values, dx, 3, &err), 0);
    int n = 0; /* of those that were needed */
    for (int id = 0; id < gcl_graph_size(g); id++) {
        gcl_node *node = gcl_graph_node(g, id);
        n += node->op->kind == GCL_KIND_REDUCE && gcl_values_of(values, node) != NULL;
    }
    ck_assert_int_eq(n, 4);
    gcl_values_free(values);
    gcl_graph_free(g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradient");
    TCase *ops = tcase_create("pointwise"), *shapes = tcase_create("shapes and reductions"),
          *rules = tcase_create("rules");
    tcase_add_loop_test(ops, pointwise_derivatives, 0, N_POINTWISE);
    tcase_add_test(ops, clamp_and_leaky_relu);
    tcase_add_test(ops, kinks_are_as_documented);
    tcase_add_loop_test(shapes, reductions_over_any_axes, 1, GCL_AXES_ALL + 1);
    tcase_add_test(shapes, broadcast_and_reshape);
    tcase_add_test(shapes, views_and_packs);
    tcase_add_test(rules, nothing_flows_through_detach);
    tcase_add_test(rules, gradients_by_a_view_collect_all_uses_of_it);
    tcase_add_test(rules, equal_maxima_share_the_gradient);
    tcase_add_test(rules, what_is_not_reached_has_gradient_zero);
    tcase_add_test(rules, only_scalars_start_a_gradient);
    tcase_add_test(rules, normalisation_costs_four_reductions);
    tcase_set_timeout(ops, 0);
    tcase_set_timeout(shapes, 0);
    suite_add_tcase(suite, ops);
    suite_add_tcase(suite, shapes);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}
