/* Plans: fused equals unfused equals the double oracle on random graphs; state, packs, random
 * numbers, history; no two live values share memory; the launch list of a known graph. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "one_device_test.h"
#include "ops/ops.h"
#include "plan/internal.h"
#include "plan/plan.h"

static uint32_t draws;

static uint32_t below(uint32_t n) { return gcl_philox_below(7, 1, 1, draws++, n); }
static double unit_normal(void) { return gcl_philox_normal(7, 2, 2, draws++); }

/* ---- random graphs ---- */

static gcl_shape random_part(gcl_shape s)
{
    for (int i = 0; i < 4; i++)
        if (below(3) == 0)
            s.d[i] = 1;
    return s;
}

static gcl_node *random_pointwise(gcl_node *a, gcl_node *b, gcl_node *c)
{
    switch (below(18)) {
    case 0: return gcl_add(a, b);
    case 1: return gcl_sub(a, b);
    case 2: return gcl_mul(a, b);
    case 3: return gcl_tanh(a);
    case 4: return gcl_sigmoid(a);
    case 5: return gcl_leaky_relu(a, 0.3);
    case 6: return gcl_maximum(a, b);
    case 7: return gcl_select(a, b, c);
    case 8: return gcl_softplus(a);
    case 9: return gcl_scale(a, 0.5);
    case 10: return gcl_abs(a);
    case 11: return gcl_div(a, gcl_shift(gcl_square(b), 1));
    case 12: return gcl_relu(a);
    case 13: return gcl_elu(a);
    case 14: return gcl_log1p(gcl_square(a));
    case 15: return gcl_swish(gcl_soft_clamp(a, 3));
    case 16: return gcl_expm1(gcl_minimum(a, b));
    default: return gcl_exp(gcl_minimum(a, gcl_constant(a->graph, 0)));
    }
}

enum { N_LEAVES = 4, N_STEPS = 18 };

/* A random graph over one shape and its parts: pointwise, reductions, packs, views, assignments;
 * three regions, which every other graph recomputes. */
static gcl_graph *random_graph(gcl_shape s, gcl_node **leaves)
{
    gcl_graph *g = gcl_graph_new();
    gcl_node *pool[N_LEAVES + N_STEPS];
    int n = 0;
    for (int i = 0; i < N_LEAVES; i++) {
        char name[16];
        snprintf(name, sizeof name, "leaf%d", i);
        leaves[i] = i < 2 ? gcl_variable(g, name, i ? random_part(s) : s)
                          : gcl_input(g, name, GCL_F32, random_part(s));
        pool[n++] = leaves[i];
    }
    gcl_graph_set_recompute(g, (int)below(2));
    for (int i = 0; i < N_STEPS; i++) {
        if (i % 6 == 1)
            gcl_region_begin(g);
        if (i % 6 == 5)
            gcl_region_end(g);
        gcl_node *a = pool[below((uint32_t)n)], *b = pool[below((uint32_t)n)], *x;
        if (below(5) == 0)
            x = gcl_mean_over(a, (int)below(16));
        else if (below(12) == 0)
            x = gcl_max_over(a, (int)below(16));
        else
            x = random_pointwise(a, b, pool[below((uint32_t)n)]);
        pool[n++] = x;
    }
    gcl_node *parts[3] = {pool[n - 1], gcl_reshape(pool[n - 2], pool[n - 2]->shape), pool[n - 3]};
    gcl_graph_output(gcl_pack(g, parts, 3, NULL), "pack");
    gcl_node *total = gcl_sum(gcl_broadcast(pool[n - 4], s), GCL_AXES_ALL), *gradient[2];
    total = gcl_add(total, gcl_sum(pool[n - 1], GCL_AXES_ALL));
    gcl_gradients(total, leaves, 2, gradient);
    gcl_graph_output(total, "total");
    gcl_graph_output(gradient[1], "gradient");
    gcl_node *updated = gcl_sub(leaves[0], gcl_scale(gradient[0], 0.125));
    updated = gcl_assign(leaves[0], updated);
    gcl_graph_output(gcl_sum(gcl_square(updated), GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W), "updated");
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    return g;
}

static void compare(const gcl_graph *g, const gcl_values *values, gcl_plan *plan, const char *what)
{
    gcl_error err = {0};
    for (int i = 0; i < gcl_graph_outputs(g); i++) {
        const char *name;
        const gcl_node *node = gcl_graph_output_at(g, i, &name);
        int64_t n = gcl_shape_count(node->shape);
        float *got = gcl_alloc((size_t)n * sizeof *got);
        const double *want = gcl_values_of(values, node);
        ck_assert_msg(gcl_plan_read(plan, node, got, &err) == 0, "%s", err.text);
        double scale = 1e-3, worst = 0;
        for (int64_t k = 0; k < n; k++)
            scale = fmax(scale, fabs(want[k]));
        for (int64_t k = 0; k < n; k++)
            worst = fmax(worst, isfinite(want[k]) ? fabs(got[k] - want[k]) : 0);
        if (!(worst <= 3e-5 * scale)) {
            gcl_text text = {0};
            gcl_graph_print(g, &text);
            gcl_plan_print(plan, &text);
            ck_abort_msg("%s: output %s deviates by %g of %g\n%s", what, name, worst, scale,
                         text.text);
        }
        free(got);
    }
}

/* No two values that live at the same time overlap in memory. */
static void check_placement(const gcl_plan *plan)
{
    for (int a = 0; a < plan->n_nodes; a++)
        for (int b = 0; b < a; b++) {
            const storage *x = plan->home[a], *y = plan->home[b];
            if (x == NULL || y == NULL || x == y || x->kind != STORAGE_SLOT ||
                y->kind != STORAGE_SLOT || x->arena != y->arena || x->last_unit < y->first_unit ||
                y->last_unit < x->first_unit || x->last_unit < 0 || y->last_unit < 0)
                continue;
            ck_assert_msg(x->at + x->bytes <= y->at || y->at + y->bytes <= x->at,
                          "values %%%d and %%%d share memory", a, b);
        }
}

/* AS_GPU: the kernels that a device with many light work-items would get. */
enum { FUSED, UNFUSED, AS_GPU };

static void run_case(gcl_graph *g, gcl_node **leaves, int how)
{
    static const char *const names[] = {"fused", "unfused", "as on a GPU"};
    gcl_limits gpu = *gcl_device_limits(dev);
    gpu.is_cpu = 0;
    gpu.float_width = 1;
    gcl_error err = {0};
    gcl_store *store = gcl_store_new(dev);
    gcl_plan_options options = {
        .no_fusion = how == UNFUSED, .verify = how == FUSED, .limits = how == AS_GPU ? &gpu : NULL};
    gcl_plan *plan = gcl_plan_new(dev, g, store, &options, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    check_placement(plan);
    gcl_values *values = gcl_values_new(g);
    unsigned char *stage = gcl_plan_stage(plan, &err);
    for (int i = 0; i < N_LEAVES; i++) {
        int64_t n = gcl_shape_count(leaves[i]->shape);
        double *x = gcl_values_set(values, leaves[i]);
        float *f = gcl_alloc((size_t)n * sizeof *f);
        for (int64_t k = 0; k < n; k++)
            x[k] = f[k] = (float)unit_normal();
        if (i >= 2 && gcl_plan_offset(plan, leaves[i]) >= 0)
            memcpy(stage + gcl_plan_offset(plan, leaves[i]), f, (size_t)n * sizeof *f);
        else if (i < 2 && gcl_store_need(store, leaves[i]->name, n, &err) == 0)
            gcl_store_write(store, leaves[i]->name, f, n, &err);
        free(f);
    }
    ck_assert_msg(gcl_plan_run(plan, &err) == 0, "%s", err.text);
    gcl_node *wanted[4];
    for (int i = 0; i < 4; i++)
        wanted[i] = gcl_graph_output_at(g, i, NULL);
    ck_assert_msg(gcl_values_compute(values, wanted, 4, &err) == 0, "%s", err.text);
    compare(g, values, plan, names[how]);
    gcl_values_free(values);
    gcl_plan_free(plan);
    gcl_store_free(store);
}

/* Frees g. */
static void run_every_way(gcl_graph *g, gcl_node **leaves)
{
    run_case(g, leaves, FUSED);
    run_case(g, leaves, UNFUSED);
    run_case(g, leaves, AS_GPU);
    gcl_graph_free(g);
}

START_TEST(random_graphs)
{
    static const int shapes[][4] = {{2, 3, 4, 16}, {1, 1, 1, 37}, {3, 5, 1, 20}, {2, 1, 7, 3},
                                    {4, 9, 9, 33}, {1, 1, 1, 1},  {5, 1, 1, 64}, {2, 40, 41, 32}};
    draws = 1000u * (uint32_t)_i;
    gcl_node *leaves[N_LEAVES];
    const int *d = shapes[(size_t)_i % (sizeof shapes / sizeof *shapes)];
    gcl_graph *g = random_graph(gcl_shape_of(d[0], d[1], d[2], d[3]), leaves);
    run_every_way(g, leaves);
}
END_TEST

/* ---- state, random numbers, history ---- */

START_TEST(state_and_history)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 5));
    gcl_node *in = gcl_input(g, "in", GCL_U8, gcl_shape_of(1, 1, 1, 5));
    gcl_node *next = gcl_assign(x, gcl_add(x, gcl_scale(in, 2)));
    gcl_graph_output(gcl_sum(next, GCL_AXES_ALL), "history");
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store, NULL, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    double sum = 0;
    for (int step = 0; step < 10; step++) {
        unsigned char *stage = gcl_plan_stage(plan, &err);
        for (int i = 0; i < 5; i++)
            stage[gcl_plan_offset(plan, in) + i] = (unsigned char)(step + 50 * i);
        ck_assert_int_eq(gcl_plan_run(plan, &err), 0);
    }
    for (int step = 0; step < 10; step++) {
        float value;
        sum += 2 * (5 * step + 500);
        ck_assert_int_eq(gcl_plan_history(plan, step, &value, &err), 0);
        ck_assert_float_eq(value, (float)sum);
    }
    ck_assert_int_eq(gcl_plan_history(plan, 10, &(float){0}, &err), -1);
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
}
END_TEST

/* Two large values, written one after the other and used at the end of the graph: the first is used,
 * and gone, before the second is made. The variables that they change are read by both before. */
START_TEST(updates_come_as_soon_as_they_can)
{
    enum { SIDE = 64, N = 2 * SIDE * SIDE * 32 };
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x[2], *large[2], *total[2];
    static const char *const names[] = {"a", "b"};
    for (int i = 0; i < 2; i++)
        x[i] = gcl_variable(g, names[i], gcl_shape_of(2, SIDE / 2, SIDE / 2, 32));
    for (int i = 0; i < 2; i++)
        large[i] = gcl_repeat(gcl_add(x[i], x[0]), 2, 0, 0);
    for (int i = 0; i < 2; i++)
        total[i] = gcl_sum(gcl_square(large[i]), GCL_AXES_ALL);
    for (int i = 0; i < 2; i++)
        gcl_graph_output(gcl_sum(gcl_assign(x[i], gcl_mul(x[i], total[i])), GCL_AXES_ALL),
                         names[i]);
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store, NULL, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    gcl_plan_stats stats;
    gcl_plan_get_stats(plan, &stats);
    ck_assert_uint_lt(stats.value_bytes, 2 * N * sizeof(float));
    static float start[N / 4];
    for (int i = 0; i < N / 4; i++)
        start[i] = 0.5f;
    ck_assert_int_eq(gcl_store_write(store, "a", start, N / 4, &err), 0);
    ck_assert_int_eq(gcl_store_write(store, "b", start, N / 4, &err), 0);
    ck_assert_int_eq(gcl_plan_run(plan, &err), 0);
    for (int i = 0; i < 2; i++) { /* every sum is exact: (0.5 + 0.5)^2 N, halved, N / 4 times */
        float got;
        ck_assert_int_eq(gcl_plan_read(plan, gcl_graph_find_output(g, names[i]), &got, &err), 0);
        ck_assert_float_eq(got, 0.5f * N * (N / 4));
    }
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
}
END_TEST

START_TEST(random_numbers)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *key = gcl_input(g, "key", GCL_U32, gcl_shape_of(1, 1, 1, 4));
    gcl_shape s = gcl_shape_of(3, 5, 7, 19);
    gcl_node *nodes[3] = {gcl_random_uniform(key, 11, s), gcl_random_normal(key, 12, s),
                          gcl_random_keep(key, 13, s, 0.6)};
    /* The same stream, once stored and once inside a reduction. */
    gcl_graph_output(gcl_sum(gcl_random_uniform(key, 11, s), GCL_AXIS_H | GCL_AXIS_W), "sums");
    const char *const names[3] = {"uniform", "normal", "keep"};
    for (int i = 0; i < 3; i++)
        gcl_graph_output(nodes[i], names[i]);
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store, NULL, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    uint32_t words[4] = {0x12345678u, 0x9abcu, 77, 0};
    gcl_values *values = gcl_values_new(g);
    for (int i = 0; i < 4; i++)
        gcl_values_set(values, key)[i] = words[i];
    memcpy(gcl_plan_stage(plan, &err) + gcl_plan_offset(plan, key), words, sizeof words);
    ck_assert_int_eq(gcl_plan_run(plan, &err), 0);
    gcl_node *wanted[4];
    for (int i = 0; i < 4; i++)
        wanted[i] = gcl_graph_output_at(g, i, NULL);
    ck_assert_int_eq(gcl_values_compute(values, wanted, 4, &err), 0);
    compare(g, values, plan, "random");
    gcl_values_free(values);
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
}
END_TEST

/* A table as it is, in fused kernels, as an operand of kernels, in a pack; shared by two plans. */
static gcl_graph *table_graph(gcl_node **leaves)
{
    gcl_graph *g = gcl_graph_new();
    gcl_shape shape = gcl_shape_of(1, 4, 5, 3);
    double mask[60];
    for (int i = 0; i < 60; i++)
        mask[i] = i % 7 / 3.0;
    gcl_node *table = gcl_table(g, shape, mask);
    gcl_node *row = gcl_table(g, gcl_shape_of(1, 1, 1, 3), mask + 1);
    leaves[0] = gcl_variable(g, "f", gcl_shape_of(3, 3, 3, 2));
    leaves[1] = gcl_variable(g, "b", gcl_shape_of(1, 1, 1, 3));
    leaves[2] = gcl_input(g, "x", GCL_F32, shape);
    leaves[3] = gcl_input(g, "r", GCL_F32, shape);
    gcl_node *masked = gcl_tanh(gcl_add(gcl_mul(leaves[2], table), gcl_mul(leaves[1], row)));
    gcl_node *y = gcl_conv(table, leaves[0], 1, 1);
    gcl_node *parts[4] = {row, gcl_view(table, 6, gcl_shape_of(1, 1, 2, 3)), gcl_constant(g, 0.5),
                          masked};
    gcl_graph_output(table, "table");
    gcl_graph_output(gcl_pack(g, parts, 4, NULL), "pack");
    gcl_graph_output(gcl_sum(gcl_square(y), GCL_AXES_ALL), "conv");
    gcl_graph_output(gcl_sum(gcl_mul(leaves[3], table), GCL_AXIS_H), "sums");
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    return g;
}

START_TEST(tables)
{
    gcl_node *leaves[N_LEAVES];
    draws = 77;
    gcl_graph *g = table_graph(leaves);
    run_every_way(g, leaves);
}
END_TEST

START_TEST(tables_are_shared)
{
    gcl_error err = {0};
    gcl_store *store = gcl_store_new(dev);
    uint64_t first, again, other;
    const float numbers[3] = {1, 2, 3}, more[3] = {1, 2, 4};
    gcl_buffer *buffer = gcl_store_table(store, numbers, 3, &first, &err);
    ck_assert_ptr_eq(gcl_store_table(store, numbers, 3, &again, &err), buffer);
    ck_assert_uint_eq(again, first);
    ck_assert_ptr_nonnull(gcl_store_table(store, more, 3, &other, &err));
    ck_assert_uint_ne(other, first);
    ck_assert_int_eq(gcl_store_count(store), 0);
    gcl_store_free(store);
}
END_TEST

/* An old value read after its assignment is refused, not computed wrongly. */
START_TEST(stale_reads)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4));
    gcl_assign(x, gcl_shift(x, 1));
    gcl_graph_output(gcl_scale(x, 2), "old");
    gcl_store *store = gcl_store_new(dev);
    ck_assert_ptr_null(gcl_plan_new(dev, g, store, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "old value"));
    gcl_store_free(store);
    gcl_graph_free(g);
}
END_TEST

/* An expression of the old value, needed again after the assignment, must have been kept. */
START_TEST(expression_outlives_assignment)
{
    gcl_error err = {0};
    gcl_graph *g = gcl_graph_new();
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 1, 1, 4));
    gcl_node *twice = gcl_scale(x, 2);
    gcl_node *next = gcl_assign(x, gcl_shift(twice, 1));
    gcl_graph_output(gcl_add(twice, next), "sum");
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store, NULL, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    float start[4] = {1, 2, 3, 4}, got[4];
    gcl_store_write(store, "x", start, 4, &err);
    gcl_plan_run(plan, &err);
    ck_assert_int_eq(gcl_plan_read(plan, gcl_graph_find_output(g, "sum"), got, &err), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(got[i], 4 * start[i] + 1);
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
}
END_TEST

/* ---- reductions ---- */

/* Sums and maxima over every choice of axes, of an expression and of a product with a small factor. */
START_TEST(reductions_over_any_axes)
{
    static const int shapes[][4] = {{3, 5, 7, 33}, {2, 1, 65, 3}, {1, 40, 41, 6}};
    gcl_node *leaves[N_LEAVES];
    draws = 500;
    gcl_graph *g = gcl_graph_new();
    const int *d = shapes[_i];
    gcl_shape shape = gcl_shape_of(d[0], d[1], d[2], d[3]);
    leaves[0] = gcl_variable(g, "x", shape);
    leaves[1] = gcl_variable(g, "gate", gcl_shape_of(d[0], 1, 1, d[3]));
    leaves[2] = gcl_input(g, "a", GCL_F32, gcl_shape_of(1, d[1], 1, 1));
    leaves[3] = gcl_input(g, "b", GCL_F32, shape);
    gcl_node *gated = gcl_mul(gcl_tanh(gcl_mul(leaves[0], leaves[2])), gcl_tanh(leaves[1]));
    gcl_node *parts[2 * GCL_AXES_ALL];
    for (int axes = 1; axes <= GCL_AXES_ALL; axes++) {
        parts[axes - 1] = gcl_sum(gated, axes);
        parts[GCL_AXES_ALL + axes - 1] = gcl_max_over(gcl_add(leaves[3], leaves[2]), axes);
    }
    gcl_graph_output(gcl_pack(g, parts, GCL_AXES_ALL, NULL), "sums");
    gcl_graph_output(gcl_pack(g, parts + GCL_AXES_ALL, GCL_AXES_ALL, NULL), "maxima");
    gcl_graph_output(gcl_sum(gated, GCL_AXIS_C), "over c");
    gcl_graph_output(gcl_sum(leaves[3], GCL_AXIS_N), "over n");
    for (int how = FUSED; how <= AS_GPU; how++)
        run_case(g, leaves, how);
    gcl_graph_free(g);
}
END_TEST

/* |v|^2 of filters [r,s,c,k], as weight norm wants it: no partial results, on no kind of device. */
START_TEST(small_reductions_take_one_launch)
{
    static const int filters[][4] = {{3, 3, 30, 30}, {1, 1, 120, 480}, {5, 5, 1, 720},
                                     {1, 1, 1, 30},  {3, 3, 100, 20},  {1, 1, 480, 30}};
    gcl_error err = {0};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        for (int is_cpu = 0; is_cpu < 2; is_cpu++) {
            const int *d = filters[i];
            gcl_graph *g = gcl_graph_new();
            gcl_node *v = gcl_variable(g, "v", gcl_shape_of(d[0], d[1], d[2], d[3]));
            gcl_graph_output(gcl_sqrt(gcl_sum(gcl_square(v), 7)), "norm");
            gcl_store *store = gcl_store_new(dev);
            gcl_limits limits = *gcl_device_limits(dev);
            limits.is_cpu = is_cpu;
            limits.float_width = is_cpu ? limits.float_width : 1;
            gcl_plan *plan =
                gcl_plan_new(dev, g, store, &(gcl_plan_options){.limits = &limits}, &err);
            ck_assert_msg(plan != NULL, "%s", err.text);
            ck_assert_int_eq(gcl_plan_rows(plan), d[0] * d[1] * d[2] == 1 ? 1 : 2);
            gcl_plan_free(plan);
            gcl_store_free(store);
            gcl_graph_free(g);
        }
}
END_TEST

/* ---- kernels with tails ---- */

static gcl_graph *conv_graph(gcl_node **leaves)
{
    gcl_graph *g = gcl_graph_new();
    leaves[0] = gcl_variable(g, "f", gcl_shape_of(3, 3, 5, 8));
    leaves[1] = gcl_variable(g, "b", gcl_shape_of(1, 1, 1, 8));
    leaves[2] = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 9, 7, 5));
    leaves[3] = gcl_input(g, "r", GCL_F32, gcl_shape_of(2, 9, 7, 8));
    gcl_node *h = gcl_conv(leaves[2], leaves[0], 1, 1);
    h = gcl_leaky_relu(gcl_add(gcl_add(h, leaves[1]), leaves[3]), 0.3);
    gcl_node *up =
        gcl_tanh(gcl_conv_data(h, gcl_reshape(leaves[0], gcl_shape_of(3, 3, 5, 8)), 2, 1, 0, 0));
    gcl_node *total = gcl_mean(gcl_square(up)), *d[2];
    gcl_graph_output(up, "up");
    gcl_gradients(total, leaves, 2, d);
    gcl_graph_output(d[0], "df");
    gcl_graph_output(d[1], "db");
    gcl_graph_output(total, "total");
    return g;
}

START_TEST(convolutions_with_tails)
{
    gcl_node *leaves[N_LEAVES];
    draws = 99;
    gcl_graph *g = conv_graph(leaves);
    run_every_way(g, leaves);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tc = tcase_create("plan");
    tcase_set_timeout(tc, 0);
    tcase_add_unchecked_fixture(tc, open_device, close_device);
    tcase_add_loop_test(tc, random_graphs, 0, 16);
    tcase_add_test(tc, state_and_history);
    tcase_add_test(tc, updates_come_as_soon_as_they_can);
    tcase_add_test(tc, random_numbers);
    tcase_add_test(tc, tables);
    tcase_add_test(tc, tables_are_shared);
    tcase_add_test(tc, stale_reads);
    tcase_add_test(tc, expression_outlives_assignment);
    tcase_add_loop_test(tc, reductions_over_any_axes, 0, 3);
    tcase_add_test(tc, small_reductions_take_one_launch);
    tcase_add_test(tc, convolutions_with_tails);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
