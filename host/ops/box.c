/* Slice and pad: a box of a tensor, whole or every few elements, and its adjoint; a tensor backwards,
 * which is a slice too. cl/box.cl. */
#include "ops/movement.h"

static const int one_each[4] = {1, 1, 1, 1};

/* ---- builders ------------------------------------------------------------------------------- */

/* Whether the box `small` at `begin`, its elements `step` apart, lies inside `large`. */
static int lies_inside(const int begin[4], const int step[4], gcl_shape small, gcl_shape large)
{
    for (int i = 0; i < 4; i++)
        if (begin[i] < 0 || step[i] < 1 || small.d[i] < 1 ||
            begin[i] + (int64_t)(small.d[i] - 1) * step[i] >= large.d[i])
            return 0;
    return 1;
}

/* Steps along dimensions of one element do not matter: equal boxes have equal attributes. */
static gcl_box_attr attributes(const int begin[4], const int step[4], gcl_shape small)
{
    gcl_box_attr attr;
    for (int i = 0; i < 4; i++) {
        attr.begin[i] = begin[i];
        attr.step[i] = small.d[i] == 1 ? 1 : step[i];
    }
    return attr;
}

static gcl_node *misplaced(gcl_graph *g, const int begin[4], const int step[4], gcl_shape small,
                           gcl_shape large)
{
    return gcl_graph_fail(g,
                          "a box of %s at [%d,%d,%d,%d] in steps of [%d,%d,%d,%d] does not lie "
                          "inside %s",
                          gcl_shape_text(small), begin[0], begin[1], begin[2], begin[3], step[0],
                          step[1], step[2], step[3], gcl_shape_text(large));
}

/* Whether the box is one stretch of storage: whole in its last dimensions, one element in its first,
 * consecutive in the one between. */
static int is_contiguous(const gcl_box_attr *a, gcl_shape small, gcl_shape large)
{
    int i = 3;
    while (i > 0 && small.d[i] == large.d[i])
        i--;
    if (a->step[i] != 1)
        return 0;
    while (--i >= 0)
        if (small.d[i] != 1)
            return 0;
    return 1;
}

static int64_t first_element(const gcl_box_attr *a, gcl_shape large)
{
    int64_t first = 0;
    for (int i = 0; i < 4; i++)
        first = first * large.d[i] + a->begin[i];
    return first;
}

gcl_node *gcl_slice_step(gcl_node *x, const int begin[4], const int step[4], gcl_shape shape)
{
    if (!lies_inside(begin, step, shape, x->shape))
        return misplaced(x->graph, begin, step, shape, x->shape);
    gcl_box_attr attr = attributes(begin, step, shape);
    if (is_contiguous(&attr, shape, x->shape))
        return gcl_view(x, first_element(&attr, x->shape), shape);
    return gcl_node_new(x->graph, &gcl_op_slice, shape, &x, 1, &attr);
}

gcl_node *gcl_pad_step(gcl_node *x, const int begin[4], const int step[4], gcl_shape shape)
{
    if (!lies_inside(begin, step, x->shape, shape))
        return misplaced(x->graph, begin, step, x->shape, shape);
    gcl_box_attr attr = attributes(begin, step, x->shape);
    if (gcl_shape_equal(x->shape, shape))
        return x;
    return gcl_node_new(x->graph, &gcl_op_pad, shape, &x, 1, &attr);
}

gcl_node *gcl_slice(gcl_node *x, const int begin[4], gcl_shape shape)
{
    return gcl_slice_step(x, begin, one_each, shape);
}

gcl_node *gcl_pad(gcl_node *x, const int begin[4], gcl_shape shape)
{
    return gcl_pad_step(x, begin, one_each, shape);
}

gcl_node *gcl_mirror(gcl_node *x, int d)
{
    gcl_box_attr attr = {{0}, {1, 1, 1, 1}};
    if (x->shape.d[d] == 1)
        return x;
    attr.begin[d] = x->shape.d[d] - 1;
    attr.step[d] = -1;
    return gcl_node_new(x->graph, &gcl_op_slice, x->shape, &x, 1, &attr);
}

/* The dimension along which a slice is a mirror; -1: it is none. */
static int mirrored(const gcl_box_attr *a)
{
    int d = 3;
    while (d >= 0 && a->step[d] > 0)
        d--;
    return d;
}

static void slice_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_box_attr *a = node->attr;
    if (wanted[0] && mirrored(a) >= 0)
        dx[0] = gcl_mirror(dy, mirrored(a));
    else if (wanted[0])
        dx[0] = gcl_pad_step(dy, a->begin, a->step, node->in[0]->shape);
}

static void pad_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_box_attr *a = node->attr;
    if (wanted[0])
        dx[0] = gcl_slice_step(dy, a->begin, a->step, node->in[0]->shape);
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* Calls visit(context, i, j) for every element i of the small box and its place j in the large one. */
static void visit_pairs(const gcl_box_attr *a, gcl_shape small, gcl_shape large,
                        void (*visit)(int64_t in_small, int64_t in_large, const double *from,
                                      double *to),
                        const double *from, double *to)
{
    int64_t count = gcl_shape_count(small);
    for (int64_t at = 0; at < count; at++) {
        int64_t rest = at, place = 0, pitch = 1;
        for (int i = 3; i >= 0; i--) {
            place += (a->begin[i] + rest % small.d[i] * a->step[i]) * pitch;
            pitch *= large.d[i];
            rest /= small.d[i];
        }
        visit(at, place, from, to);
    }
}

static void take(int64_t in_small, int64_t in_large, const double *from, double *to)
{
    to[in_small] = from[in_large];
}

static void put(int64_t in_small, int64_t in_large, const double *from, double *to)
{
    to[in_large] = from[in_small];
}

static void slice_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    visit_pairs(node->attr, node->shape, node->in[0]->shape, take, in[0], out);
}

static void pad_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = 0;
    visit_pairs(node->attr, node->in[0]->shape, node->shape, put, in[0], out);
}

/* ---- launches ------------------------------------------------------------------------------- */

static void describe(const gcl_node *node, gcl_movement *m)
{
    const gcl_box_attr *a = node->attr;
    gcl_shape y = node->shape, x = node->in[0]->shape;
    int slice = node->op == &gcl_op_slice;
    int64_t ny = gcl_shape_count(y), nx = gcl_shape_count(x);
    m->file = "box";
    m->items = slice ? "slice_items" : "pad_items";
    m->rows = slice ? "slice_rows" : "pad_rows";
    gcl_movement_add(m, y.d, 4);
    gcl_movement_add(m, x.d, 4);
    gcl_movement_add(m, a->begin, 4);
    gcl_movement_add(m, a->step, 4);
    m->channels = y.d[3];
    m->vector = gcl_movement_vector(y.d[3], slice ? 0 : a->begin[3]);
    if (!slice && m->vector > gcl_movement_vector(x.d[3], 0))
        m->vector = gcl_movement_vector(x.d[3], 0);
    if (a->step[3] != 1)
        m->vector = 1;
    m->bytes = 4.0 * (double)(ny + (nx < ny ? nx : ny));
}

GCL_MOVEMENT_VARIANTS(describe);

/* ---- cases and rows ------------------------------------------------------------------------- */

static const struct box_case {
    const char *name;
    gcl_shape small, large;
    int begin[4], step[4];
} cases[] = {
    {"rows and columns", {{2, 4, 5, 8}}, {{2, 9, 7, 8}}, {0, 3, 1, 0}, {1, 1, 1, 1}},
    {"channels", {{2, 3, 5, 17}}, {{2, 3, 5, 40}}, {0, 0, 0, 20}, {1, 1, 1, 1}},
    {"vectors of channels", {{2, 3, 5, 20}}, {{2, 3, 5, 44}}, {0, 0, 0, 12}, {1, 1, 1, 1}},
    {"first channels", {{1, 3, 2, 3}}, {{1, 3, 2, 4}}, {0, 0, 0, 0}, {1, 1, 1, 1}},
    {"all four", {{1, 2, 3, 9}}, {{3, 5, 7, 33}}, {1, 2, 3, 11}, {1, 1, 1, 1}},
    {"every second pixel", {{2, 4, 3, 8}}, {{2, 7, 6, 8}}, {0, 0, 1, 0}, {1, 2, 2, 1}},
    {"every second pixel, shifted", {{2, 3, 3, 17}}, {{2, 7, 7, 17}}, {0, 1, 1, 0}, {1, 2, 2, 1}},
    {"every third of all four", {{2, 2, 3, 5}}, {{5, 6, 8, 15}}, {1, 2, 0, 1}, {3, 3, 3, 3}},
    {"every second channel", {{1, 3, 4, 8}}, {{1, 3, 4, 16}}, {0, 0, 0, 1}, {1, 1, 1, 2}},
    {"every second picture", {{2, 3, 3, 4}}, {{4, 3, 3, 4}}, {1, 0, 0, 0}, {2, 1, 1, 1}},
    {"a long row", {{1, 1, 1200, 5}}, {{1, 1, 1203, 7}}, {0, 0, 2, 1}, {1, 1, 1, 1}},
    /* One stretch of storage: such a slice is a view. */
    {"pictures", {{2, 3, 4, 5}}, {{5, 3, 4, 5}}, {2, 0, 0, 0}, {1, 1, 1, 1}},
    {"one element", {{1, 1, 1, 1}}, {{2, 3, 4, 5}}, {1, 2, 3, 4}, {1, 1, 1, 1}},
};

enum { N_CASES = sizeof cases / sizeof cases[0], N_STRETCHES = 2 };
enum { N_SLICES = N_CASES - N_STRETCHES };

static const struct mirror_case {
    const char *name;
    gcl_shape shape;
    int d;
} mirrors[] = {
    {"pictures backwards", {{3, 2, 3, 4}}, 0}, {"rows backwards", {{2, 5, 3, 8}}, 1},
    {"columns backwards", {{2, 3, 7, 3}}, 2},  {"columns of vectors backwards", {{2, 3, 4, 33}}, 2},
    {"channels backwards", {{2, 3, 4, 9}}, 3}, {"a long row backwards", {{1, 1, 1201, 4}}, 2},
};
enum { N_MIRRORS = sizeof mirrors / sizeof mirrors[0] };

static gcl_node *slice_case(gcl_graph *g, int i, const char **name)
{
    if (i >= N_SLICES) {
        const struct mirror_case *m = &mirrors[i - N_SLICES];
        *name = m->name;
        return gcl_mirror(gcl_variable(g, "x", m->shape), m->d);
    }
    const struct box_case *t = &cases[i];
    *name = t->name;
    return gcl_slice_step(gcl_variable(g, "x", t->large), t->begin, t->step, t->small);
}

static gcl_node *pad_case(gcl_graph *g, int i, const char **name)
{
    const struct box_case *t = &cases[i];
    *name = t->name;
    return gcl_pad_step(gcl_variable(g, "x", t->small), t->begin, t->step, t->large);
}

const gcl_op gcl_op_slice = {
    .name = "slice",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_box_attr),
    .gradient = slice_gradient,
    .evaluate = slice_evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = slice_case,
    .n_cases = N_SLICES + N_MIRRORS,
};

const gcl_op gcl_op_pad = {
    .name = "pad",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_box_attr),
    .gradient = pad_gradient,
    .evaluate = pad_evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = pad_case,
    .n_cases = N_CASES,
};
