/* Matrix product: dense layers and one-tap convolutions. */
#include "ops/variants.h"

static int rows_of(gcl_shape s) { return s.d[0] * s.d[1] * s.d[2]; }

gcl_node *gcl_matmul(gcl_node *a, gcl_node *b, int transpose_a, int transpose_b)
{
    int a_rows = rows_of(a->shape), a_columns = a->shape.d[3];
    int b_rows = rows_of(b->shape), b_columns = b->shape.d[3];
    gcl_matmul_attr attr = {.m = transpose_a ? a_columns : a_rows,
                            .n = transpose_b ? b_rows : b_columns,
                            .k = transpose_a ? a_rows : a_columns,
                            .transpose_a = transpose_a != 0,
                            .transpose_b = transpose_b != 0};
    int inner_b = transpose_b ? b_columns : b_rows;
    if (attr.k != inner_b)
        return gcl_graph_fail(a->graph,
                              "matrix product of %dx%d%s and %dx%d%s: inner sizes are %d and %d",
                              a_rows, a_columns, transpose_a ? " transposed" : "", b_rows,
                              b_columns, transpose_b ? " transposed" : "", attr.k, inner_b);
    gcl_shape shape = gcl_shape_of(1, 1, attr.m, attr.n);
    if (!transpose_a) {
        shape = a->shape;
        shape.d[3] = attr.n;
    }
    return gcl_node_new(a->graph, &gcl_op_matmul, shape, (gcl_node *[]){a, b}, 2, &attr);
}

/* With C = op(A) op(B): d op(A) = dC op(B)^T and d op(B) = op(A)^T dC, transposed back. */
static void gradient(gcl_node *node, gcl_node *dc, const int *wanted, gcl_node **dx)
{
    const gcl_matmul_attr *t = node->attr;
    gcl_node *a = node->in[0], *b = node->in[1];
    if (wanted[0]) {
        gcl_node *da = t->transpose_a ? gcl_matmul(b, dc, t->transpose_b, 1)
                                      : gcl_matmul(dc, b, 0, !t->transpose_b);
        dx[0] = gcl_reshape(da, a->shape);
    }
    if (wanted[1]) {
        gcl_node *db = t->transpose_b ? gcl_matmul(dc, a, 1, t->transpose_a)
                                      : gcl_matmul(a, dc, !t->transpose_a, 0);
        dx[1] = gcl_reshape(db, b->shape);
    }
}

static void evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_matmul_attr *t = node->attr;
    int64_t m_step = t->transpose_a ? 1 : t->k, a_step = t->transpose_a ? t->m : 1;
    int64_t b_step = t->transpose_b ? 1 : t->n, n_step = t->transpose_b ? t->k : 1;
    for (int64_t i = 0; i < (int64_t)t->m * t->n; i++)
        out[i] = 0;
    for (int64_t m = 0; m < t->m; m++) {
        for (int64_t k = 0; k < t->k; k++) {
            double value = in[0][m * m_step + k * a_step];
            for (int64_t n = 0; n < t->n; n++)
                out[m * t->n + n] += value * in[1][k * b_step + n * n_step];
        }
    }
}

static double flops(const gcl_node *node)
{
    const gcl_matmul_attr *t = node->attr;
    return 2.0 * t->m * t->n * t->k;
}

static const struct matmul_case {
    const char *name;
    int m, n, k, transpose_a, transpose_b;
} cases[] = {
    {"1x1x1", 1, 1, 1, 0, 0},
    {"odd", 17, 33, 5, 0, 0},
    {"odd, B transposed", 17, 33, 5, 0, 1},
    {"odd, A transposed", 17, 33, 5, 1, 0},
    {"odd, both transposed", 17, 33, 5, 1, 1},
    {"even", 64, 96, 128, 0, 0},
    {"even, B transposed", 64, 96, 128, 0, 1},
    {"even, A transposed", 64, 96, 128, 1, 0},
    {"even, both transposed", 64, 96, 128, 1, 1},
    {"one row", 1, 67, 130, 0, 0},
    {"one row, B transposed", 1, 67, 130, 0, 1},
    {"one column", 33, 1, 64, 0, 0},
    {"one column, B transposed", 33, 1, 64, 0, 1},
    {"one column, A transposed", 33, 1, 64, 1, 0},
    {"inner 1", 20, 40, 1, 0, 0},
    {"inner 1, B transposed", 20, 40, 1, 0, 1},
    {"inner 1, A transposed", 20, 40, 1, 1, 0},
    {"3 columns", 130, 3, 17, 0, 0},
    {"3 columns, B transposed", 130, 3, 16, 0, 1},
    {"3 rows, A transposed", 3, 64, 200, 1, 0},
    {"short inner, B transposed", 700, 40, 12, 0, 1},
    {"short inner, both transposed", 700, 24, 9, 1, 1},
    {"long inner", 8, 16, 1500, 0, 0},
    {"long inner, A transposed", 20, 12, 1501, 1, 0},
};

static gcl_node *build_case(gcl_graph *g, int i, const char **name)
{
    const struct matmul_case *t = &cases[i];
    *name = t->name;
    gcl_node *a = gcl_variable(
        g, "a", t->transpose_a ? gcl_shape_of(1, 1, t->k, t->m) : gcl_shape_of(1, t->m, 1, t->k));
    gcl_node *b = gcl_variable(
        g, "b", t->transpose_b ? gcl_shape_of(1, 1, t->n, t->k) : gcl_shape_of(1, 1, t->k, t->n));
    return gcl_matmul(a, b, t->transpose_a, t->transpose_b);
}

static const gcl_variant *const variants[] = {&gcl_matmul_vec, &gcl_matmul_tile,
                                              &gcl_matmul_clblast, &gcl_matmul_naive};

const gcl_op gcl_op_matmul = {
    .name = "matmul",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_matmul_attr),
    .gradient = gradient,
    .evaluate = evaluate,
    .flops = flops,
    .variants = variants,
    .n_variants = sizeof variants / sizeof variants[0],
    .build_case = build_case,
    .n_cases = sizeof cases / sizeof cases[0],
};
