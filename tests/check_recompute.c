/* Recomputation: values and gradients are those of a graph that keeps everything, a plan's peak is
 * lower, and nothing changes while it is off. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numeric.h"
#include "one_device_test.h"
#include "ops/ops.h"
#include "plan/plan.h"

/* ---- a tower of cells ------------------------------------------------------------------------- */

enum { MAX_CELLS = 20, PER_CELL = 3, MAX_WRT = MAX_CELLS * PER_CELL };
enum { KEEP_ALL, REGIONS_OFF, REGIONS_ON }; /* no regions; regions without the switch; with it */

typedef struct tower {
    gcl_graph *graph;
    gcl_node *x, *key, *loss;
    gcl_node *parameter[MAX_WRT], *gradient[MAX_WRT];
    int n;
} tower;

static gcl_node *parameter(tower *t, const char *what, gcl_shape shape)
{
    char name[40];
    snprintf(name, sizeof name, "%s%d", what, t->n);
    return t->parameter[t->n++] = gcl_variable(t->graph, name, shape);
}

/* Over n, h and w; its running mean is assigned within. */
static gcl_node *batch_norm(tower *t, gcl_node *x, gcl_node *scale)
{
    enum { AXES = GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W };
    gcl_node *mean = gcl_mean_over(x, AXES), *centred = gcl_sub(x, mean);
    gcl_node *variance = gcl_mean_over(gcl_square(centred), AXES);
    char name[40];
    snprintf(name, sizeof name, "running%d", t->n);
    gcl_node *running = gcl_variable(t->graph, name, mean->shape);
    gcl_node *average = gcl_add(gcl_scale(running, 0.9), gcl_scale(mean, 0.1));
    gcl_assign(running, average);
    gcl_node *inverse = gcl_reciprocal(gcl_sqrt(gcl_shift(variance, 1e-3)));
    return gcl_mul(centred, gcl_mul(inverse, scale));
}

/* h + 0.3 keep * elu(y * sigmoid(max y)), y = conv(swish(batch_norm(h)), gain v / |v|) */
static gcl_node *cell(tower *t, gcl_node *h, int mode)
{
    int c = h->shape.d[3];
    if (mode != KEEP_ALL)
        gcl_region_begin(t->graph);
    gcl_node *scale = parameter(t, "scale", gcl_shape_of(1, 1, 1, c));
    gcl_node *v = parameter(t, "v", gcl_shape_of(3, 3, c, c));
    gcl_node *gain = parameter(t, "gain", gcl_shape_of(1, 1, 1, c));
    gcl_node *norm = gcl_sqrt(gcl_sum(gcl_square(v), 7));
    gcl_node *filter = gcl_mul(v, gcl_div(gain, norm));
    gcl_node *y = gcl_conv(gcl_swish(batch_norm(t, h, scale)), filter, 1, 1);
    gcl_node *gate = gcl_sigmoid(gcl_max_over(y, GCL_AXIS_H | GCL_AXIS_W));
    y = gcl_elu(gcl_mul(y, gate));
    y = gcl_mul(y, gcl_random_keep(t->key, (uint32_t)t->n, y->shape, 0.8));
    h = gcl_add(h, gcl_scale(y, 0.3));
    if (mode != KEEP_ALL)
        gcl_region_end(t->graph);
    return h;
}

static tower build(int cells, gcl_shape shape, int mode, int penalty)
{
    tower t = {.graph = gcl_graph_new()};
    gcl_graph_set_recompute(t.graph, mode == REGIONS_ON);
    t.x = gcl_variable(t.graph, "x", shape);
    t.key = gcl_input(t.graph, "key", GCL_U32, gcl_shape_of(1, 1, 1, 4));
    gcl_node *h = t.x, *dx;
    for (int i = 0; i < cells; i++)
        h = cell(&t, h, mode);
    t.loss = gcl_mean(gcl_square(gcl_tanh(h)));
    if (penalty) { /* of the slope by the input: second derivatives */
        gcl_gradients(t.loss, &t.x, 1, &dx);
        t.loss = gcl_sum(gcl_square(dx), GCL_AXES_ALL);
    }
    gcl_gradients(t.loss, t.parameter, t.n, t.gradient);
    ck_assert_msg(gcl_graph_error(t.graph) == NULL, "%s", gcl_graph_error(t.graph));
    return t;
}

/* ---- in double precision ------------------------------------------------------------------------ */

static gcl_values *values_of(const tower *t)
{
    gcl_values *values = gcl_values_new(t->graph);
    numeric_fill(values, t->x, 1, 0, 1.5, 0);
    for (int i = 0; i < t->n; i++)
        numeric_fill(values, t->parameter[i], 2u + (unsigned)i, 0.1, 0.9, i % PER_CELL == 0);
    memcpy(gcl_values_set(values, t->key), (double[]){3, 5, 7, 0}, 4 * sizeof(double));
    return values;
}

static void assert_near(const double *a, const double *b, int64_t n, double tolerance)
{
    double scale = 0;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(b[i]));
    ck_assert_double_gt(scale, 0);
    for (int64_t i = 0; i < n; i++)
        ck_assert_double_le(fabs(a[i] - b[i]), tolerance * scale);
}

static void assert_same(int cells, gcl_shape shape, int penalty)
{
    tower kept = build(cells, shape, KEEP_ALL, penalty),
          again = build(cells, shape, REGIONS_ON, penalty);
    gcl_values *a = values_of(&again), *b = values_of(&kept);
    ck_assert_int_gt(gcl_graph_size(again.graph), gcl_graph_size(kept.graph));
    assert_near(numeric_value(a, again.loss), numeric_value(b, kept.loss), 1, 1e-13);
    for (int i = 0; i < kept.n; i++)
        assert_near(numeric_value(a, again.gradient[i]), numeric_value(b, kept.gradient[i]),
                    gcl_shape_count(kept.parameter[i]->shape), 1e-12);
    gcl_values_free(a);
    gcl_values_free(b);
    gcl_graph_free(kept.graph);
    gcl_graph_free(again.graph);
}

START_TEST(gradients_are_the_same) { assert_same(4, gcl_shape_of(2, 12, 16, 12), 0); }
END_TEST

START_TEST(second_derivatives_are_the_same) { assert_same(2, gcl_shape_of(2, 12, 16, 12), 1); }
END_TEST

START_TEST(off_changes_nothing)
{
    gcl_shape shape = gcl_shape_of(2, 12, 16, 12);
    tower plain = build(2, shape, KEEP_ALL, 0), off = build(2, shape, REGIONS_OFF, 0);
    gcl_text a = {0}, b = {0};
    gcl_graph_print(plain.graph, &a);
    gcl_graph_print(off.graph, &b);
    ck_assert_str_eq(a.text, b.text);
    gcl_text_free(&a);
    gcl_text_free(&b);
    gcl_graph_free(plain.graph);
    gcl_graph_free(off.graph);
}
END_TEST

/* What reads a value that was assigned to meanwhile is not computed again; the rest is. */
static gcl_node *after_assignment(gcl_graph *g, int on, gcl_node **dx, gcl_node *sources[2])
{
    gcl_graph_set_recompute(g, on);
    gcl_node *x = gcl_variable(g, "x", gcl_shape_of(1, 40, 40, 4));
    gcl_node *b = gcl_variable(g, "b", gcl_shape_of(1, 1, 1, 4));
    gcl_region_begin(g);
    gcl_node *h = gcl_tanh(gcl_add(x, b)), *y = gcl_swish(h);
    gcl_region_end(g);
    gcl_assign(b, gcl_scale(b, 3));
    gcl_gradients(gcl_sum(gcl_square(y), GCL_AXES_ALL), &x, 1, dx);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    sources[0] = x;
    sources[1] = b;
    return h;
}

static int copies(const gcl_graph *g, const gcl_node *original)
{
    int n = 0;
    for (int id = 0; id < gcl_graph_size(g); id++)
        n += gcl_graph_node(g, id)->original == original;
    return n;
}

START_TEST(assigned_values_are_not_read_again)
{
    gcl_node *dx[2], *sources[2], *tanh_node = NULL;
    gcl_graph *graphs[2];
    gcl_values *values[2];
    for (int on = 0; on < 2; on++) {
        graphs[on] = gcl_graph_new();
        tanh_node = after_assignment(graphs[on], on, &dx[on], sources);
        values[on] = gcl_values_new(graphs[on]);
        numeric_fill(values[on], sources[0], 1, 0, 1, 0);
        numeric_fill(values[on], sources[1], 2, 0, 1, 0);
    }
    gcl_node *sigmoid = gcl_sigmoid(tanh_node); /* of the region */
    ck_assert_int_eq(copies(graphs[1], sigmoid), 1);
    ck_assert_int_eq(copies(graphs[1], tanh_node->in[0]), 0);
    assert_near(numeric_value(values[1], dx[1]), numeric_value(values[0], dx[0]), 6400, 1e-14);
    for (int on = 0; on < 2; on++) {
        gcl_values_free(values[on]);
        gcl_graph_free(graphs[on]);
    }
}
END_TEST

/* ---- on the device ------------------------------------------------------------------------------- */

static void upload(const tower *t, gcl_plan *plan, gcl_store *store)
{
    gcl_error err = {0};
    gcl_values *values = values_of(t);
    const uint32_t key[4] = {3, 5, 7, 0};
    for (int i = -1; i < t->n; i++) {
        const gcl_node *node = i < 0 ? t->x : t->parameter[i];
        int64_t n = gcl_shape_count(node->shape);
        const double *value = gcl_values_of(values, node);
        float *rounded = gcl_alloc((size_t)n * sizeof *rounded);
        for (int64_t k = 0; k < n; k++)
            rounded[k] = (float)value[k];
        ck_assert_int_eq(gcl_store_write(store, node->name, rounded, n, &err), 0);
        free(rounded);
    }
    memcpy(gcl_plan_stage(plan, &err) + gcl_plan_offset(plan, t->key), key, sizeof key);
    gcl_values_free(values);
}

/* One run with every gradient packed: the pack and the plan's figures. */
static float *run(tower *t, gcl_plan_stats *stats, int64_t *n)
{
    gcl_error err = {0};
    gcl_node *pack = gcl_pack(t->graph, t->gradient, t->n, NULL);
    gcl_graph_output(pack, "pack");
    gcl_graph_output(t->loss, "loss");
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, t->graph, store, NULL, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    upload(t, plan, store);
    ck_assert_msg(gcl_plan_run(plan, &err) == 0, "%s", err.text);
    *n = gcl_shape_count(pack->shape);
    float *got = gcl_alloc((size_t)*n * sizeof *got);
    ck_assert_msg(gcl_plan_read(plan, pack, got, &err) == 0, "%s", err.text);
    gcl_plan_get_stats(plan, stats);
    gcl_plan_free(plan);
    gcl_store_free(store);
    return got;
}

START_TEST(a_deep_tower_takes_less_memory)
{
    gcl_shape shape = gcl_shape_of(2, 32, 32, 16);
    tower kept = build(MAX_CELLS, shape, KEEP_ALL, 0),
          again = build(MAX_CELLS, shape, REGIONS_ON, 0);
    gcl_plan_stats with, without;
    int64_t n;
    float *a = run(&again, &with, &n), *b = run(&kept, &without, &n);
    double scale = 0;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(b[i]));
    for (int64_t i = 0; i < n; i++)
        ck_assert_double_le(fabs(a[i] - b[i]), 1e-4 * scale);
    printf("%d cells: peak %.1f MiB, recomputed %.1f; launches %d, %d; GFLOP %.2f, %.2f; "
           "GB moved %.3f, %.3f\n",
           MAX_CELLS, (double)without.value_bytes / 1048576, (double)with.value_bytes / 1048576,
           without.launches, with.launches, without.flops / 1e9, with.flops / 1e9,
           without.bytes_moved / 1e9, with.bytes_moved / 1e9);
    ck_assert_double_lt((double)with.value_bytes, 0.5 * (double)without.value_bytes);
    ck_assert_double_lt(with.flops, 1.34 * without.flops);
    ck_assert_double_lt(with.launches, 1.4 * without.launches);
    free(a);
    free(b);
    gcl_graph_free(kept.graph);
    gcl_graph_free(again.graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recompute");
    TCase *tests = tcase_create("recompute");
    tcase_set_timeout(tests, 0);
    tcase_add_unchecked_fixture(tests, open_device, close_device);
    tcase_add_test(tests, gradients_are_the_same);
    tcase_add_test(tests, second_derivatives_are_the_same);
    tcase_add_test(tests, off_changes_nothing);
    tcase_add_test(tests, assigned_values_are_not_read_again);
    tcase_add_test(tests, a_deep_tower_takes_less_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
