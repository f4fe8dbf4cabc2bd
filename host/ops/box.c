/* Slice and pad: a box of a tensor, and its adjoint. cl/box.cl. */
#include <stddef.h>

#include "ops/variants.h"

enum { GROUP = 64 }; /* the global size is a multiple: drivers then find a decent local size */

/* Whether the box `small` at `begin` lies inside `large`. */
static int lies_inside(const int begin[4], gcl_shape small, gcl_shape large)
{
    for (int i = 0; i < 4; i++)
        if (begin[i] < 0 || small.d[i] < 1 || small.d[i] > large.d[i] - begin[i])
            return 0;
    return 1;
}

static gcl_node *box_node(const gcl_op *op, gcl_node *x, const int begin[4], gcl_shape shape,
                          gcl_shape small, gcl_shape large)
{
    if (!lies_inside(begin, small, large))
        return gcl_graph_fail(x->graph, "a box of %s at [%d,%d,%d,%d] does not lie inside %s",
                              gcl_shape_text(small), begin[0], begin[1], begin[2], begin[3],
                              gcl_shape_text(large));
    if (gcl_shape_equal(small, large))
        return x;
    gcl_box_attr attr = {{begin[0], begin[1], begin[2], begin[3]}};
    return gcl_node_new(x->graph, op, shape, &x, 1, &attr);
}

gcl_node *gcl_slice(gcl_node *x, const int begin[4], gcl_shape shape)
{
    return box_node(&gcl_op_slice, x, begin, shape, shape, x->shape);
}

gcl_node *gcl_pad(gcl_node *x, const int begin[4], gcl_shape shape)
{
    return box_node(&gcl_op_pad, x, begin, shape, x->shape, shape);
}

static void slice_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_box_attr *a = node->attr;
    if (wanted[0])
        dx[0] = gcl_pad(dy, a->begin, node->in[0]->shape);
}

static void pad_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_box_attr *a = node->attr;
    if (wanted[0])
        dx[0] = gcl_slice(dy, a->begin, node->in[0]->shape);
}

/* out[i] = x[i + offset], 0 outside of x: offset is begin for slice, -begin for pad. */
static void offset_of(const gcl_node *node, int offset[4])
{
    const gcl_box_attr *a = node->attr;
    for (int i = 0; i < 4; i++)
        offset[i] = node->op == &gcl_op_slice ? a->begin[i] : -a->begin[i];
}

static void evaluate(const gcl_node *node, const double *const *in, double *out)
{
    gcl_shape y = node->shape, x = node->in[0]->shape;
    int64_t count = gcl_shape_count(y);
    int offset[4];
    offset_of(node, offset);
    for (int64_t at = 0; at < count; at++) {
        int64_t rest = at, from = 0, step = 1;
        int inside = 1;
        for (int i = 3; i >= 0; i--) {
            int64_t j = rest % y.d[i] + offset[i];
            inside = inside && j >= 0 && j < x.d[i];
            from += j * step;
            step *= x.d[i];
            rest /= y.d[i];
        }
        out[at] = inside ? in[0][from] : 0;
    }
}

static double flops(const gcl_node *node)
{
    (void)node;
    return 0;
}

/* ---- launches ------------------------------------------------------------------------------- */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 1;
}

/* The launch but for its kernel's name and global size. */
static gcl_launch *fill(const gcl_node *node, gcl_recipe *recipe)
{
    gcl_shape y = node->shape, x = node->in[0]->shape;
    int offset[4];
    offset_of(node, offset);
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *launch = &recipe->launch[0];
    launch->file = "box";
    launch->args[launch->n_args++] = gcl_arg_in(0);
    launch->args[launch->n_args++] = gcl_arg_out();
    for (int i = 0; i < 4; i++)
        launch->args[launch->n_args++] = gcl_arg_int(y.d[i]);
    for (int i = 0; i < 4; i++)
        launch->args[launch->n_args++] = gcl_arg_int(x.d[i]);
    for (int i = 0; i < 4; i++)
        launch->args[launch->n_args++] = gcl_arg_int(offset[i]);
    launch->bytes = 4.0 * (double)(gcl_shape_count(y) + (gcl_shape_count(x) < gcl_shape_count(y)
                                                             ? gcl_shape_count(x)
                                                             : gcl_shape_count(y)));
    return launch;
}

static int naive_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                        gcl_recipe *recipe)
{
    (void)limits, (void)values;
    gcl_launch *launch = fill(node, recipe);
    launch->kernel = "box_naive";
    launch->global[0] = ((size_t)gcl_shape_count(node->shape) + GROUP - 1) / GROUP * GROUP;
    launch->global[1] = launch->global[2] = 1;
    return 0;
}

static int rows_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                       gcl_recipe *recipe)
{
    (void)limits, (void)values;
    gcl_launch *launch = fill(node, recipe);
    launch->kernel = "box_rows";
    launch->global[0] = (size_t)node->shape.d[1];
    launch->global[1] = (size_t)node->shape.d[0];
    launch->global[2] = launch->local[0] = launch->local[1] = launch->local[2] = 1;
    return 0;
}

static double naive_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 10 : 1;
}

static double rows_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 1 : 10;
}

static const gcl_variant naive = {
    .name = "naive", .applies = applies, .recipe = naive_recipe, .cost = naive_cost};
static const gcl_variant rows = {
    .name = "rows", .applies = applies, .recipe = rows_recipe, .cost = rows_cost};
static const gcl_variant *const variants[] = {&rows, &naive};

/* ---- cases and rows ------------------------------------------------------------------------- */

static const struct box_case {
    const char *name;
    gcl_shape small, large;
    int begin[4];
} cases[] = {
    {"rows and columns", {{2, 4, 5, 8}}, {{2, 9, 7, 8}}, {0, 3, 1, 0}},
    {"channels", {{2, 3, 5, 17}}, {{2, 3, 5, 40}}, {0, 0, 0, 20}},
    {"first channels", {{1, 3, 2, 3}}, {{1, 3, 2, 4}}, {0, 0, 0, 0}},
    {"pictures", {{2, 3, 4, 5}}, {{5, 3, 4, 5}}, {2, 0, 0, 0}},
    {"all four", {{1, 2, 3, 9}}, {{3, 5, 7, 33}}, {1, 2, 3, 11}},
    {"one element", {{1, 1, 1, 1}}, {{2, 3, 4, 5}}, {1, 2, 3, 4}},
};

static gcl_node *slice_case(gcl_graph *g, int i, const char **name)
{
    *name = cases[i].name;
    return gcl_slice(gcl_variable(g, "x", cases[i].large), cases[i].begin, cases[i].small);
}

static gcl_node *pad_case(gcl_graph *g, int i, const char **name)
{
    *name = cases[i].name;
    return gcl_pad(gcl_variable(g, "x", cases[i].small), cases[i].begin, cases[i].large);
}

const gcl_op gcl_op_slice = {
    .name = "slice",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_box_attr),
    .gradient = slice_gradient,
    .evaluate = evaluate,
    .flops = flops,
    .variants = variants,
    .n_variants = sizeof variants / sizeof variants[0],
    .build_case = slice_case,
    .n_cases = sizeof cases / sizeof cases[0],
};

const gcl_op gcl_op_pad = {
    .name = "pad",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_box_attr),
    .gradient = pad_gradient,
    .evaluate = evaluate,
    .flops = flops,
    .variants = variants,
    .n_variants = sizeof variants / sizeof variants[0],
    .build_case = pad_case,
    .n_cases = sizeof cases / sizeof cases[0],
};
