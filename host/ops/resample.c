/* Bilinear interpolation to twice the size and its adjoint. cl/resample.cl. */
#include "ops/movement.h"

/* ---- builders ------------------------------------------------------------------------------- */

gcl_node *gcl_bilinear(gcl_node *x, int align_corners)
{
    gcl_shape s = x->shape;
    if (s.d[1] > GCL_BILINEAR_MOST || s.d[2] > GCL_BILINEAR_MOST)
        return gcl_graph_fail(x->graph,
                              "%s is too large to be interpolated: at most %d pixels a side",
                              gcl_shape_text(s), GCL_BILINEAR_MOST);
    gcl_bilinear_attr attr = {align_corners != 0};
    return gcl_node_new(x->graph, &gcl_op_bilinear,
                        gcl_shape_of(s.d[0], 2 * s.d[1], 2 * s.d[2], s.d[3]), &x, 1, &attr);
}

gcl_node *gcl_bilinear_adjoint(gcl_node *y, int align_corners)
{
    gcl_shape s = y->shape;
    if (s.d[1] % 2 != 0 || s.d[2] % 2 != 0 || s.d[1] / 2 > GCL_BILINEAR_MOST ||
        s.d[2] / 2 > GCL_BILINEAR_MOST)
        return gcl_graph_fail(y->graph,
                              "%s is not the size of a bilinear interpolation: even, at most %d "
                              "pixels a side",
                              gcl_shape_text(s), 2 * GCL_BILINEAR_MOST);
    gcl_bilinear_attr attr = {align_corners != 0};
    return gcl_node_new(y->graph, &gcl_op_bilinear_adjoint,
                        gcl_shape_of(s.d[0], s.d[1] / 2, s.d[2] / 2, s.d[3]), &y, 1, &attr);
}

static int is_aligned(const gcl_node *node)
{
    return ((const gcl_bilinear_attr *)node->attr)->aligned;
}

static void bilinear_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    if (wanted[0])
        dx[0] = gcl_bilinear_adjoint(dy, is_aligned(node));
}

static void adjoint_gradient(gcl_node *node, gcl_node *dx, const int *wanted, gcl_node **dy)
{
    if (wanted[0])
        dy[0] = gcl_bilinear(dx, is_aligned(node));
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* The two inputs of output i of an axis of m inputs, and their weights. */
typedef struct taps {
    int at[2];
    double weight[2];
} taps;

static taps taps_of(int i, int m, int aligned)
{
    double position = aligned ? i * (m - 1.0) / (2.0 * m - 1.0) : (i + 0.5) / 2 - 0.5;
    if (position < 0)
        position = 0;
    int first = (int)position;
    double t = position - first;
    return (taps){{first, first + 1 < m ? first + 1 : m - 1}, {1 - t, t}};
}

/* Calls visit(small index, large index, weight) for every pair that has one. */
static void visit_pairs(gcl_shape small, int aligned,
                        void (*visit)(int64_t i_small, int64_t i_large, double weight,
                                      const double *from, double *to),
                        const double *from, double *to)
{
    int h = small.d[1], w = small.d[2], c = small.d[3];
    int64_t rows = (int64_t)small.d[0] * 2 * h;
    for (int64_t row = 0; row < rows; row++) {
        taps th = taps_of((int)(row % (2 * h)), h, aligned);
        for (int j = 0; j < 2 * w; j++) {
            taps tw = taps_of(j, w, aligned);
            for (int ab = 0; ab < 4; ab++) {
                int64_t x = (row / (2 * h) * h + th.at[ab / 2]) * w + tw.at[ab % 2];
                double weight = th.weight[ab / 2] * tw.weight[ab % 2];
                for (int k = 0; k < c; k++)
                    visit(x * c + k, (row * 2 * w + j) * c + k, weight, from, to);
            }
        }
    }
}

static void spread(int64_t i_small, int64_t i_large, double weight, const double *from, double *to)
{
    to[i_large] += weight * from[i_small];
}

static void collect(int64_t i_small, int64_t i_large, double weight, const double *from, double *to)
{
    to[i_small] += weight * from[i_large];
}

static void clear(const gcl_node *node, double *out)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = 0;
}

static void bilinear_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    clear(node, out);
    visit_pairs(node->in[0]->shape, is_aligned(node), spread, in[0], out);
}

static void adjoint_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    clear(node, out);
    visit_pairs(node->shape, is_aligned(node), collect, in[0], out);
}

/* Of the large side's elements, four products and three sums each. */
static double flops(const gcl_node *node)
{
    int64_t result = gcl_shape_count(node->shape), operand = gcl_shape_count(node->in[0]->shape);
    return 7.0 * (double)(result > operand ? result : operand);
}

/* ---- launches ------------------------------------------------------------------------------- */

static void describe(const gcl_node *node, gcl_movement *m)
{
    gcl_shape x = node->in[0]->shape;
    int adjoint = node->op == &gcl_op_bilinear_adjoint;
    m->file = "resample";
    m->items = adjoint ? "bilinear_adjoint_items" : "bilinear_items";
    m->rows = adjoint ? "bilinear_adjoint_rows" : "bilinear_rows";
    gcl_movement_add(m, node->shape.d, 4);
    gcl_movement_add(m, (const int[]){x.d[1], x.d[2], is_aligned(node)}, 3);
    m->channels = x.d[3];
    m->vector = gcl_movement_vector(x.d[3], 0);
    m->bytes = gcl_movement_all_bytes(node);
}

GCL_MOVEMENT_VARIANTS(describe);

/* ---- cases and rows ------------------------------------------------------------------------- */

static const struct resample_case {
    const char *name;
    int n, h, w, c, aligned; /* of the small side */
} cases[] = {
    {"aligned", 2, 4, 6, 8, 1},
    {"not aligned", 2, 4, 6, 8, 0},
    {"aligned, odd", 1, 5, 7, 17, 1},
    {"not aligned, odd", 1, 5, 7, 17, 0},
    {"aligned, 2x3", 3, 2, 3, 6, 1},
    {"not aligned, 2x3", 3, 2, 3, 6, 0},
    {"aligned, one pixel", 2, 1, 1, 20, 1},
    {"not aligned, one pixel", 2, 1, 1, 20, 0},
    {"aligned, one row of one channel", 1, 1, 9, 1, 1},
    {"not aligned, one column of one channel", 1, 9, 1, 1, 0},
    {"a long row, aligned", 1, 1, 1500, 3, 1},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static gcl_node *bilinear_case(gcl_graph *g, int i, const char **name)
{
    const struct resample_case *t = &cases[i];
    *name = t->name;
    return gcl_bilinear(gcl_variable(g, "x", gcl_shape_of(t->n, t->h, t->w, t->c)), t->aligned);
}

static gcl_node *adjoint_case(gcl_graph *g, int i, const char **name)
{
    const struct resample_case *t = &cases[i];
    gcl_shape large = gcl_shape_of(t->n, 2 * t->h, 2 * t->w, t->c);
    *name = t->name;
    return gcl_bilinear_adjoint(gcl_variable(g, "y", large), t->aligned);
}

const gcl_op gcl_op_bilinear = {
    .name = "bilinear",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_bilinear_attr),
    .gradient = bilinear_gradient,
    .evaluate = bilinear_evaluate,
    .flops = flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = bilinear_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_bilinear_adjoint = {
    .name = "bilinear_adjoint",
    .kind = GCL_KIND_KERNEL,
    .n_in = 1,
    .attr_bytes = sizeof(gcl_bilinear_attr),
    .gradient = adjoint_gradient,
    .evaluate = adjoint_evaluate,
    .flops = flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = adjoint_case,
    .n_cases = N_CASES,
};
