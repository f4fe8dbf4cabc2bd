/* Deep networks: what a plan costs on the host grows with the number of nodes, and what a device has
 * to compile does not grow with depth at all. Times are printed, not judged. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "one_device_test.h"
#include "ops/ops.h"
#include "plan/plan.h"

/* ---- a network like a deep autoencoder's: all parameters in one variable ------------------------ */

enum { MAX_PARAMETERS = 8000, CHANNELS = 12 };

typedef struct network {
    gcl_graph *graph;
    gcl_node *flat, *parameter[MAX_PARAMETERS];
    int64_t count;
    int n;
} network;

static gcl_node *parameter(network *net, int a, int b, int c, int d)
{
    gcl_node *view = gcl_view(net->flat, net->count, gcl_shape_of(a, b, c, d));
    ck_assert_int_lt(net->n, MAX_PARAMETERS);
    net->count += gcl_shape_count(view->shape);
    return net->parameter[net->n++] = view;
}

static gcl_node *batch_norm(network *net, gcl_node *x)
{
    enum { AXES = GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W };
    int c = x->shape.d[3];
    gcl_node *scale = parameter(net, 1, 1, 1, c), *shift = parameter(net, 1, 1, 1, c);
    gcl_node *mean = gcl_mean_over(x, AXES), *centred = gcl_sub(x, mean);
    gcl_node *variance = gcl_mean_over(gcl_square(centred), AXES);
    gcl_node *inverse = gcl_reciprocal(gcl_sqrt(gcl_shift(variance, 1e-5)));
    char name[40];
    snprintf(name, sizeof name, "running%d", net->n);
    gcl_node *running = gcl_variable(net->graph, name, mean->shape);
    gcl_node *average = gcl_add(gcl_scale(running, 0.95), gcl_scale(mean, 0.05));
    gcl_assign(running, average);
    return gcl_add(gcl_mul(centred, gcl_mul(inverse, scale)), shift);
}

/* Convolution with weight norm exp(g) v / (|v| + 1e-5) and bias. */
static gcl_node *convolution(network *net, gcl_node *x, int size, int k)
{
    gcl_node *v = parameter(net, size, size, x->shape.d[3], k);
    gcl_node *gain = gcl_exp(parameter(net, 1, 1, 1, k));
    gcl_node *norm = gcl_sqrt(gcl_sum(gcl_square(v), GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W));
    gcl_node *filter = gcl_mul(v, gcl_div(gain, gcl_shift(norm, 1e-5)));
    return gcl_add(gcl_conv(x, filter, 1, size / 2), parameter(net, 1, 1, 1, k));
}

static gcl_node *dense(network *net, gcl_node *x, int k)
{
    gcl_node *weight = parameter(net, 1, 1, x->shape.d[3], k);
    return gcl_add(gcl_matmul(x, weight, 0, 0), parameter(net, 1, 1, 1, k));
}

/* x + 0.1 y gate(y), y = two times convolution(swish(batch_norm)) */
static gcl_node *cell(network *net, gcl_node *x, int i)
{
    gcl_graph *g = net->graph;
    gcl_scope_push(g, "cell%d", i);
    gcl_region_begin(g);
    gcl_node *y = convolution(net, gcl_swish(batch_norm(net, x)), 3, CHANNELS);
    y = convolution(net, gcl_swish(batch_norm(net, y)), 3, CHANNELS);
    gcl_node *gate = gcl_relu(dense(net, gcl_mean_over(y, GCL_AXIS_H | GCL_AXIS_W), 4));
    gate = gcl_sigmoid(dense(net, gate, CHANNELS));
    x = gcl_add(x, gcl_scale(gcl_mul(y, gate), 0.1));
    gcl_region_end(g);
    gcl_scope_pop(g);
    return x;
}

/* Pictures of edge x edge. */
static gcl_graph *build(int cells, int edge, int recompute)
{
    static gcl_node *gradient[MAX_PARAMETERS];
    static network net;
    net = (network){.graph = gcl_graph_new()};
    gcl_graph_set_recompute(net.graph, recompute);
    net.flat = gcl_variable(net.graph, "flat", gcl_shape_of(1, 1, 1, 0));
    gcl_node *x = gcl_input(net.graph, "x", GCL_F32, gcl_shape_of(1, edge, edge, CHANNELS));
    for (int i = 0; i < cells; i++)
        x = cell(&net, x, i);
    gcl_variable_resize(net.flat, net.count);
    gcl_node *loss = gcl_mean(gcl_square(x));
    gcl_gradients(loss, net.parameter, net.n, gradient);
    gcl_node *step = gcl_scale(gcl_pack(net.graph, gradient, net.n, NULL), 0.01);
    gcl_assign(net.flat, gcl_sub(net.flat, step));
    gcl_graph_output(loss, "history");
    ck_assert_msg(gcl_graph_error(net.graph) == NULL, "%s", gcl_graph_error(net.graph));
    return net.graph;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static gcl_plan_stats plan_of(int cells, int edge, int recompute, int estimate_only)
{
    gcl_error err = {0};
    double start = gcl_seconds();
    gcl_graph *g = build(cells, edge, recompute);
    double built = gcl_seconds();
    gcl_store *store = gcl_store_new(dev);
    gcl_plan_options options = {.estimate_only = estimate_only};
    gcl_plan *plan = gcl_plan_new(dev, g, store, &options, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    gcl_plan_stats stats;
    gcl_plan_get_stats(plan, &stats);
    printf("%4d cells%s: %6d nodes, built in %.3f s, planned in %.3f s", cells,
           recompute ? " recomputed" : "", gcl_graph_size(g), built - start, gcl_seconds() - built);
    if (!estimate_only)
        printf(", %d launches, %d kernels generated, %d programs", stats.launches, stats.kernels,
               stats.programs);
    printf(", values %.1f MiB\n", (double)stats.value_bytes / 1048576);
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
    return stats;
}

START_TEST(depth_compiles_nothing_more)
{
    gcl_plan_stats shallow = plan_of(4, 32, 0, 0), deep = plan_of(40, 32, 0, 0);
    ck_assert_int_gt(deep.launches, 8 * shallow.launches);
    ck_assert_int_eq(deep.kernels, shallow.kernels);
    ck_assert_int_eq(deep.programs, shallow.programs);
}
END_TEST

/* 30,000 nodes and more: a quadratic step would be felt here. */
START_TEST(very_deep)
{
    plan_of(125, 32, 0, 1);
    plan_of(250, 32, 0, 1);
    plan_of(250, 32, 1, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scale");
    TCase *tests = tcase_create("scale");
    tcase_set_timeout(tests, 0);
    tcase_add_unchecked_fixture(tests, open_device, close_device);
    tcase_add_test(tests, depth_compiles_nothing_more);
    tcase_add_test(tests, very_deep);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
