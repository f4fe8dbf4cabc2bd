/* Pixel shuffle and its inverse, each the other's gradient. cl/shuffle.cl. */
#include "ops/movement.h"

/* ---- builders ------------------------------------------------------------------------------- */

gcl_node *gcl_pixel_shuffle(gcl_node *x, int k)
{
    gcl_shape s = x->shape;
    if (k < 1 || (int64_t)k * k > s.d[3] || s.d[3] % (k * k) != 0 || s.d[1] > INT32_MAX / k ||
        s.d[2] > INT32_MAX / k)
        return gcl_graph_fail(x->graph, "the channels of %s cannot be shuffled into %d x %d pixels",
                              gcl_shape_text(s), k, k);
    gcl_shuffle_attr attr = {k};
    if (k == 1)
        return x;
    gcl_shape y = gcl_shape_of(s.d[0], k * s.d[1], k * s.d[2], s.d[3] / (k * k));
    return gcl_node_new(x->graph, &gcl_op_pixel_shuffle, y, &x, 1, &attr);
}

gcl_node *gcl_pixel_unshuffle(gcl_node *y, int k)
{
    gcl_shape s = y->shape;
    if (k < 1 || s.d[1] % k != 0 || s.d[2] % k != 0 || (int64_t)k * k > INT32_MAX / s.d[3])
        return gcl_graph_fail(y->graph, "the pixels of %s cannot be shuffled %d x %d into channels",
                              gcl_shape_text(s), k, k);
    gcl_shuffle_attr attr = {k};
    if (k == 1)
        return y;
    gcl_shape x = gcl_shape_of(s.d[0], s.d[1] / k, s.d[2] / k, s.d[3] * k * k);
    return gcl_node_new(y->graph, &gcl_op_pixel_unshuffle, x, &y, 1, &attr);
}

static int factor(const gcl_node *node) { return ((const gcl_shuffle_attr *)node->attr)->k; }

static void shuffle_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    if (wanted[0])
        dx[0] = gcl_pixel_unshuffle(dy, factor(node));
}

static void unshuffle_gradient(gcl_node *node, gcl_node *dx, const int *wanted, gcl_node **dy)
{
    if (wanted[0])
        dy[0] = gcl_pixel_shuffle(dx, factor(node));
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* Where element `at` of the large picture [N,H,W,C] lies in the small one. */
static int64_t small_index(gcl_shape large, int k, int64_t at)
{
    int64_t c = at % large.d[3], w = at / large.d[3] % large.d[2];
    int64_t row = at / large.d[3] / large.d[2], h = row % large.d[1], n = row / large.d[1];
    int64_t pixel = (n * (large.d[1] / k) + h / k) * (large.d[2] / k) + w / k;
    return pixel * large.d[3] * k * k + (c * k + h % k) * k + w % k;
}

static void shuffle_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = in[0][small_index(node->shape, factor(node), i)];
}

static void unshuffle_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[small_index(node->in[0]->shape, factor(node), i)] = in[0][i];
}

/* ---- launches ------------------------------------------------------------------------------- */

static void describe(const gcl_node *node, gcl_movement *m)
{
    gcl_shape x = node->in[0]->shape;
    int shuffle = node->op == &gcl_op_pixel_shuffle;
    m->file = "shuffle";
    m->items = shuffle ? "pixel_shuffle_items" : "pixel_unshuffle_items";
    m->rows = shuffle ? "pixel_shuffle_rows" : "pixel_unshuffle_rows";
    gcl_movement_add(m, node->shape.d, 4);
    gcl_movement_add(m, (const int[]){x.d[1], x.d[2], x.d[3], factor(node)}, 4);
    m->channels = shuffle ? node->shape.d[3] : x.d[3];
    m->vector = 1;
    m->bytes = gcl_movement_all_bytes(node);
}

GCL_MOVEMENT_VARIANTS(describe);

/* ---- cases and rows ------------------------------------------------------------------------- */

static const struct shuffle_case {
    const char *name;
    int n, h, w, c, k; /* of the large side, and its side of a small pixel */
} cases[] = {
    {"2x2", 2, 6, 8, 8, 2},
    {"2x2, odd channels", 1, 4, 6, 17, 2},
    {"2x2, 40 channels", 2, 4, 2, 40, 2},
    {"2x2, one channel", 2, 8, 6, 1, 2},
    {"2x2, one pixel", 3, 2, 2, 20, 2},
    {"3x3", 2, 6, 9, 5, 3},
    {"4x4, one pixel", 1, 4, 4, 3, 4},
    {"2x2, a long row", 1, 2, 1600, 3, 2},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static gcl_node *shuffle_case(gcl_graph *g, int i, const char **name)
{
    const struct shuffle_case *t = &cases[i];
    gcl_shape small = gcl_shape_of(t->n, t->h / t->k, t->w / t->k, t->c * t->k * t->k);
    *name = t->name;
    return gcl_pixel_shuffle(gcl_variable(g, "x", small), t->k);
}

static gcl_node *unshuffle_case(gcl_graph *g, int i, const char **name)
{
    const struct shuffle_case *t = &cases[i];
    gcl_shape large = gcl_shape_of(t->n, t->h, t->w, t->c);
    *name = t->name;
    return gcl_pixel_unshuffle(gcl_variable(g, "y", large), t->k);
}

const gcl_op gcl_op_pixel_shuffle = {
    .name = "pixel_shuffle",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_shuffle_attr),
    .gradient = shuffle_gradient,
    .evaluate = shuffle_evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = shuffle_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_pixel_unshuffle = {
    .name = "pixel_unshuffle",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_shuffle_attr),
    .gradient = unshuffle_gradient,
    .evaluate = unshuffle_evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = unshuffle_case,
    .n_cases = N_CASES,
};
