/* Sums over windows without overlap and their adjoint, repetition: average pooling and nearest
 * up-sampling but for a factor. cl/pool.cl. */
#include "ops/movement.h"

/* ---- builders ------------------------------------------------------------------------------- */

gcl_node *gcl_sum_pool(gcl_node *x, int k)
{
    gcl_shape s = x->shape;
    if (k < 1 || k > s.d[1] || k > s.d[2])
        return gcl_graph_fail(x->graph, "windows of %d x %d do not fit into %s", k, k,
                              gcl_shape_text(s));
    gcl_pool_attr attr = {k};
    if (k == 1)
        return x;
    return gcl_node_new(x->graph, &gcl_op_sum_pool,
                        gcl_shape_of(s.d[0], s.d[1] / k, s.d[2] / k, s.d[3]), &x, 1, &attr);
}

gcl_node *gcl_repeat(gcl_node *x, int k, int h, int w)
{
    gcl_shape s = x->shape;
    int64_t wanted_h = h > 0 ? h : (int64_t)k * s.d[1], wanted_w = w > 0 ? w : (int64_t)k * s.d[2];
    if (k < 1 || wanted_h / k != s.d[1] || wanted_w / k != s.d[2] || wanted_h > INT32_MAX ||
        wanted_w > INT32_MAX)
        return gcl_graph_fail(x->graph, "%s repeated %d x %d times cannot give %lld x %lld pixels",
                              gcl_shape_text(s), k, k, (long long)wanted_h, (long long)wanted_w);
    gcl_pool_attr attr = {k};
    if (k == 1)
        return x;
    return gcl_node_new(x->graph, &gcl_op_repeat,
                        gcl_shape_of(s.d[0], (int)wanted_h, (int)wanted_w, s.d[3]), &x, 1, &attr);
}

static void sum_pool_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    gcl_shape x = node->in[0]->shape;
    if (wanted[0])
        dx[0] = gcl_repeat(dy, ((const gcl_pool_attr *)node->attr)->k, x.d[1], x.d[2]);
}

static void repeat_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    if (wanted[0])
        dx[0] = gcl_sum_pool(dy, ((const gcl_pool_attr *)node->attr)->k);
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* Calls visit(element of the pooled tensor, of the whole one) for each of the latter that is in a
 * window. */
static void visit_pairs(gcl_shape whole, gcl_shape pooled, int k,
                        void (*visit)(int64_t i_pooled, int64_t i_whole, const double *from,
                                      double *to),
                        const double *from, double *to)
{
    int64_t at = 0;
    for (int n = 0; n < whole.d[0]; n++)
        for (int h = 0; h < whole.d[1]; h++)
            for (int w = 0; w < whole.d[2]; w++) {
                int64_t row = (int64_t)n * pooled.d[1] + h / k, first = row * pooled.d[2] + w / k;
                int inside = h / k < pooled.d[1] && w / k < pooled.d[2];
                for (int c = 0; c < whole.d[3]; c++, at++)
                    if (inside)
                        visit(first * whole.d[3] + c, at, from, to);
            }
}

static void add(int64_t i_pooled, int64_t i_whole, const double *from, double *to)
{
    to[i_pooled] += from[i_whole];
}

static void copy(int64_t i_pooled, int64_t i_whole, const double *from, double *to)
{
    to[i_whole] = from[i_pooled];
}

static void clear(const gcl_node *node, double *out)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = 0;
}

static void sum_pool_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_pool_attr *a = node->attr;
    clear(node, out);
    visit_pairs(node->in[0]->shape, node->shape, a->k, add, in[0], out);
}

static void repeat_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_pool_attr *a = node->attr;
    clear(node, out);
    visit_pairs(node->shape, node->in[0]->shape, a->k, copy, in[0], out);
}

static double sum_pool_flops(const gcl_node *node)
{
    int k = ((const gcl_pool_attr *)node->attr)->k;
    return (double)gcl_shape_count(node->shape) * k * k;
}

/* ---- launches ------------------------------------------------------------------------------- */

static void describe(const gcl_node *node, gcl_movement *m)
{
    gcl_shape x = node->in[0]->shape;
    int pool = node->op == &gcl_op_sum_pool, k = ((const gcl_pool_attr *)node->attr)->k;
    m->file = "pool";
    m->items = pool ? "sum_pool_items" : "repeat_items";
    m->rows = pool ? "sum_pool_rows" : "repeat_rows";
    gcl_movement_add(m, node->shape.d, 4);
    gcl_movement_add(m, (const int[]){x.d[1], x.d[2], k}, 3);
    m->channels = x.d[3];
    m->vector = gcl_movement_vector(x.d[3], 0);
    m->bytes = gcl_movement_all_bytes(node);
}

GCL_MOVEMENT_VARIANTS(describe);

/* ---- cases and rows ------------------------------------------------------------------------- */

static const struct pool_case {
    const char *name;
    int n, h, w, c, k;
} cases[] = {
    {"2x2", 2, 6, 8, 8, 2},
    {"2x2, odd channels", 2, 4, 6, 17, 2},
    {"2x2, row and column left over", 2, 7, 5, 6, 2},
    {"2x2, one channel", 1, 9, 11, 1, 2},
    {"2x2 to one pixel", 3, 2, 3, 20, 2},
    {"3x3, two rows left over", 1, 8, 6, 33, 3},
    {"all of the picture", 2, 4, 4, 5, 4},
    {"a long row", 1, 2, 2400, 4, 2},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static gcl_node *sum_pool_case(gcl_graph *g, int i, const char **name)
{
    const struct pool_case *t = &cases[i];
    *name = t->name;
    return gcl_sum_pool(gcl_variable(g, "x", gcl_shape_of(t->n, t->h, t->w, t->c)), t->k);
}

static gcl_node *repeat_case(gcl_graph *g, int i, const char **name)
{
    const struct pool_case *t = &cases[i];
    gcl_shape small = gcl_shape_of(t->n, t->h / t->k, t->w / t->k, t->c);
    *name = t->name;
    return gcl_repeat(gcl_variable(g, "x", small), t->k, t->h, t->w);
}

const gcl_op gcl_op_sum_pool = {
    .name = "sum_pool",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_pool_attr),
    .gradient = sum_pool_gradient,
    .evaluate = sum_pool_evaluate,
    .flops = sum_pool_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = sum_pool_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_repeat = {
    .name = "repeat",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_pool_attr),
    .gradient = repeat_gradient,
    .evaluate = repeat_evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = repeat_case,
    .n_cases = N_CASES,
};
