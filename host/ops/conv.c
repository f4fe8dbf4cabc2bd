/* Convolution, its data adjoint (transposed convolution) and its weight adjoint: the three partials
 * of one trilinear form (ops.h), so the gradients of each are the other two.
 *
 * A filter of one tap, or one that covers the whole unpadded input and is applied once (the entry
 * and the head of many networks), is a matrix product: the builders make gcl_matmul of it. */
#include "ops/variants.h"

/* ---- geometry and shape rules --------------------------------------------------------------- */

static int extent(int size, int filter, int stride, int pad)
{
    int64_t room = (int64_t)size + 2 * (int64_t)pad - filter;
    return stride < 1 || room < 0 ? 0 : (int)(room / stride + 1);
}

/* Fills the attributes of a convolution of x by an r*s filter into k channels. */
static gcl_conv_attr geometry(gcl_shape x, int k, int r, int s, int stride, int pad)
{
    gcl_conv_attr a = {.n = x.d[0],
                       .h = x.d[1],
                       .w = x.d[2],
                       .c = x.d[3],
                       .k = k,
                       .r = r,
                       .s = s,
                       .stride_h = stride,
                       .stride_w = stride,
                       .pad_h = pad,
                       .pad_w = pad};
    a.p = extent(a.h, r, stride, pad);
    a.q = extent(a.w, s, stride, pad);
    return a;
}

static gcl_shape input_shape(const gcl_conv_attr *a)
{
    return gcl_shape_of(a->n, a->h, a->w, a->c);
}

static gcl_shape filter_shape(const gcl_conv_attr *a)
{
    return gcl_shape_of(a->r, a->s, a->c, a->k);
}

static gcl_shape output_shape(const gcl_conv_attr *a)
{
    return gcl_shape_of(a->n, a->p, a->q, a->k);
}

/* NULL, or a harmless node after recording what is wrong with the numbers. */
static gcl_node *mistake(gcl_graph *g, const gcl_conv_attr *a)
{
    if (a->stride_h < 1 || a->pad_h < 0 || a->r < 1 || a->s < 1)
        return gcl_graph_fail(g,
                              "stride %d, padding %d, filter %dx%d: the stride must be 1 or more, "
                              "the padding 0 or more",
                              a->stride_h, a->pad_h, a->r, a->s);
    if (a->h < 1 || a->w < 1 || a->p < 1 || a->q < 1)
        return gcl_graph_fail(g,
                              "a filter of %dx%d does not fit into an input of %dx%d with "
                              "padding %d",
                              a->r, a->s, a->h, a->w, a->pad_h);
    return NULL;
}

static int one_tap(const gcl_conv_attr *a)
{
    return a->r == 1 && a->s == 1 && a->stride_h == 1 && a->pad_h == 0;
}

static int is_product(const gcl_conv_attr *a)
{
    return one_tap(a) || (a->p == 1 && a->q == 1 && a->pad_h == 0 && a->h == a->r && a->w == a->s);
}

/* The input and the filter as the matrices of that product. */
static gcl_node *input_rows(gcl_node *x, const gcl_conv_attr *a)
{
    return one_tap(a) ? x : gcl_reshape(x, gcl_shape_of(a->n, 1, 1, a->h * a->w * a->c));
}

static gcl_node *filter_rows(gcl_node *f, const gcl_conv_attr *a)
{
    return gcl_reshape(f, gcl_shape_of(1, 1, a->r * a->s * a->c, a->k));
}

/* ---- builders ------------------------------------------------------------------------------- */

gcl_node *gcl_conv(gcl_node *x, gcl_node *f, int stride, int pad)
{
    gcl_graph *g = x->graph;
    gcl_conv_attr a = geometry(x->shape, f->shape.d[3], f->shape.d[0], f->shape.d[1], stride, pad);
    if (a.c != f->shape.d[2])
        return gcl_graph_fail(g, "input has %d channels, filter wants %d", a.c, f->shape.d[2]);
    gcl_node *wrong = mistake(g, &a);
    if (wrong != NULL)
        return wrong;
    if (is_product(&a))
        return gcl_matmul(input_rows(x, &a), filter_rows(f, &a), 0, 0);
    return gcl_node_new(g, &gcl_op_conv, output_shape(&a), (gcl_node *[]){x, f}, 2, &a);
}

gcl_node *gcl_conv_data(gcl_node *y, gcl_node *f, int stride, int pad, int h, int w)
{
    gcl_graph *g = y->graph;
    gcl_shape ys = y->shape, fs = f->shape;
    if (ys.d[3] != fs.d[3])
        return gcl_graph_fail(
            g, "input of the transposed convolution has %d channels, filter wants %d", ys.d[3],
            fs.d[3]);
    h = h > 0 ? h : (ys.d[1] - 1) * stride - 2 * pad + fs.d[0];
    w = w > 0 ? w : (ys.d[2] - 1) * stride - 2 * pad + fs.d[1];
    gcl_conv_attr a =
        geometry(gcl_shape_of(ys.d[0], h, w, fs.d[2]), fs.d[3], fs.d[0], fs.d[1], stride, pad);
    gcl_node *wrong = mistake(g, &a);
    if (wrong != NULL)
        return wrong;
    if (a.p != ys.d[1] || a.q != ys.d[2])
        return gcl_graph_fail(g,
                              "a transposed convolution of %dx%d cannot give %dx%d: a %dx%d filter "
                              "with stride %d and padding %d takes that to %dx%d",
                              ys.d[1], ys.d[2], h, w, a.r, a.s, stride, pad, a.p, a.q);
    if (is_product(&a))
        return gcl_reshape(gcl_matmul(y, filter_rows(f, &a), 0, 1), input_shape(&a));
    return gcl_node_new(g, &gcl_op_conv_data, input_shape(&a), (gcl_node *[]){y, f}, 2, &a);
}

gcl_node *gcl_conv_weight(gcl_node *x, gcl_node *y, int r, int s, int stride, int pad)
{
    gcl_graph *g = x->graph;
    gcl_conv_attr a = geometry(x->shape, y->shape.d[3], r, s, stride, pad);
    gcl_node *wrong = mistake(g, &a);
    if (wrong != NULL)
        return wrong;
    if (!gcl_shape_equal(output_shape(&a), y->shape))
        return gcl_graph_fail(g, "the gradient arriving at a convolution is %s, its output %s",
                              gcl_shape_text(y->shape), gcl_shape_text(output_shape(&a)));
    if (is_product(&a))
        return gcl_reshape(gcl_matmul(input_rows(x, &a), y, 1, 0), filter_shape(&a));
    return gcl_node_new(g, &gcl_op_conv_weight, filter_shape(&a), (gcl_node *[]){x, y}, 2, &a);
}

/* ---- gradients ------------------------------------------------------------------------------ */

static void conv_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_conv_attr *a = node->attr;
    gcl_node *x = node->in[0], *f = node->in[1];
    if (wanted[0])
        dx[0] = gcl_conv_data(dy, f, a->stride_h, a->pad_h, a->h, a->w);
    if (wanted[1])
        dx[1] = gcl_conv_weight(x, dy, a->r, a->s, a->stride_h, a->pad_h);
}

static void conv_data_gradient(gcl_node *node, gcl_node *dx, const int *wanted, gcl_node **d)
{
    const gcl_conv_attr *a = node->attr;
    gcl_node *y = node->in[0], *f = node->in[1];
    if (wanted[0])
        d[0] = gcl_conv(dx, f, a->stride_h, a->pad_h);
    if (wanted[1])
        d[1] = gcl_conv_weight(dx, y, a->r, a->s, a->stride_h, a->pad_h);
}

static void conv_weight_gradient(gcl_node *node, gcl_node *df, const int *wanted, gcl_node **d)
{
    const gcl_conv_attr *a = node->attr;
    gcl_node *x = node->in[0], *y = node->in[1];
    if (wanted[0])
        d[0] = gcl_conv_data(y, df, a->stride_h, a->pad_h, a->h, a->w);
    if (wanted[1])
        d[1] = gcl_conv(x, df, a->stride_h, a->pad_h);
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* Where one output pixel and one tap meet: the vectors along c and k, the tap's [C,K] matrix. */
typedef struct touch {
    int64_t x, y, f; /* first elements */
} touch;

typedef void (*visitor)(const gcl_conv_attr *a, touch at, const double *first, const double *second,
                        double *out);

/* Calls visit for every (n, p, q, r, s) whose input pixel lies inside. */
static void visit_taps(const gcl_conv_attr *a, visitor visit, const double *first,
                       const double *second, double *out)
{
    for (int np = 0; np < a->n * a->p; np++) {
        int n = np / a->p, p = np % a->p;
        for (int q = 0; q < a->q; q++) {
            for (int rs = 0; rs < a->r * a->s; rs++) {
                int h = p * a->stride_h + rs / a->s - a->pad_h;
                int w = q * a->stride_w + rs % a->s - a->pad_w;
                if (h < 0 || h >= a->h || w < 0 || w >= a->w)
                    continue;
                touch at = {(((int64_t)n * a->h + h) * a->w + w) * a->c,
                            ((int64_t)np * a->q + q) * a->k, (int64_t)rs * a->c * a->k};
                visit(a, at, first, second, out);
            }
        }
    }
}

static void clear(const gcl_node *node, double *out)
{
    int64_t n = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < n; i++)
        out[i] = 0;
}

static void visit_conv(const gcl_conv_attr *a, touch at, const double *x, const double *f,
                       double *y)
{
    for (int c = 0; c < a->c; c++) {
        double value = x[at.x + c];
        const double *row = f + at.f + (int64_t)c * a->k;
        for (int k = 0; k < a->k; k++)
            y[at.y + k] += value * row[k];
    }
}

static void visit_data(const gcl_conv_attr *a, touch at, const double *y, const double *f,
                       double *x)
{
    for (int c = 0; c < a->c; c++) {
        const double *row = f + at.f + (int64_t)c * a->k;
        double sum = 0;
        for (int k = 0; k < a->k; k++)
            sum += y[at.y + k] * row[k];
        x[at.x + c] += sum;
    }
}

static void visit_weight(const gcl_conv_attr *a, touch at, const double *x, const double *y,
                         double *f)
{
    for (int c = 0; c < a->c; c++) {
        double value = x[at.x + c];
        double *row = f + at.f + (int64_t)c * a->k;
        for (int k = 0; k < a->k; k++)
            row[k] += value * y[at.y + k];
    }
}

static void conv_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    clear(node, out);
    visit_taps(node->attr, visit_conv, in[0], in[1], out);
}

static void conv_data_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    clear(node, out);
    visit_taps(node->attr, visit_data, in[0], in[1], out);
}

static void conv_weight_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    clear(node, out);
    visit_taps(node->attr, visit_weight, in[0], in[1], out);
}

static double conv_flops(const gcl_node *node)
{
    const gcl_conv_attr *a = node->attr;
    return 2.0 * a->n * a->p * a->q * a->r * a->s * a->c * a->k;
}

/* ---- cases ---------------------------------------------------------------------------------- */

static const struct conv_case {
    const char *name;
    int n, h, w, c, k, r, s, stride, pad;
} cases[] = {
    {"1x1", 2, 5, 7, 20, 17, 1, 1, 1, 0},
    {"1x1 s2", 2, 7, 9, 6, 5, 1, 1, 2, 0},
    {"3x3", 2, 6, 7, 17, 33, 3, 3, 1, 1},
    {"3x3 wide", 1, 9, 8, 64, 64, 3, 3, 1, 1},
    {"3x3 one channel", 1, 12, 11, 1, 1, 3, 3, 1, 1},
    {"3x3 of one pixel", 2, 1, 1, 20, 17, 3, 3, 1, 1},
    {"3x3 of one row", 1, 1, 17, 5, 8, 3, 3, 1, 1},
    {"3x3 many pixels", 4, 20, 20, 8, 16, 3, 3, 1, 1},
    {"3x3 valid", 2, 8, 7, 8, 5, 3, 3, 1, 0},
    {"3x3 padding 3", 1, 5, 4, 5, 8, 3, 3, 1, 3},
    {"3x3 s2, output padding", 2, 8, 10, 8, 20, 3, 3, 2, 1},
    {"3x3 s2 odd", 1, 9, 7, 5, 8, 3, 3, 2, 1},
    {"3x3 s2 valid", 2, 9, 8, 3, 33, 3, 3, 2, 0},
    {"3x5", 2, 6, 9, 8, 5, 3, 5, 1, 1},
    {"4x4 s1", 2, 6, 5, 20, 1, 4, 4, 1, 1},
    {"4x4 valid to one pixel", 3, 4, 4, 17, 20, 4, 4, 1, 0},
    {"4x4 s2", 2, 8, 6, 33, 20, 4, 4, 2, 1},
    {"4x4 s2 wide", 1, 8, 8, 32, 64, 4, 4, 2, 1},
    {"4x4 s2 to one pixel", 1, 2, 2, 64, 33, 4, 4, 2, 1},
    {"4x4 s2 odd", 1, 9, 7, 3, 8, 4, 4, 2, 1},
    {"4x4 s2 valid", 2, 14, 12, 8, 17, 4, 4, 2, 0},
    {"5x5", 2, 7, 9, 8, 8, 5, 5, 1, 2},
    {"5x5 from 3", 1, 16, 15, 3, 64, 5, 5, 1, 2},
    {"5x5 small picture", 1, 2, 3, 5, 8, 5, 5, 1, 2},
    {"7x7 to 3", 1, 11, 8, 33, 3, 7, 7, 1, 3},
    {"7x7 to 3, vectors", 2, 9, 20, 32, 3, 7, 7, 1, 3},
    {"7x7 from 3", 2, 9, 10, 3, 8, 7, 7, 1, 3},
    {"8x8 s2", 2, 12, 10, 5, 8, 8, 8, 2, 3},
    {"8x8 s2 odd", 1, 11, 13, 16, 5, 8, 8, 2, 3},
    {"2x2 s2", 2, 8, 10, 17, 5, 2, 2, 2, 0},
    {"2x2 s2 odd", 1, 7, 5, 8, 8, 2, 2, 2, 0},
    {"2x2 s3, gaps", 1, 8, 9, 3, 4, 2, 2, 3, 0},
    {"3x3 of one pixel, many channels", 1, 1, 1, 130, 66, 3, 3, 1, 1},
    {"4x4 s2 to few pixels", 1, 4, 4, 100, 70, 4, 4, 2, 1},
    {"4x4 s2 to few pixels, odd channels", 9, 8, 6, 35, 41, 4, 4, 2, 1},
    {"4x4 s2 valid, odd sizes", 3, 7, 9, 20, 36, 4, 4, 2, 0},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

typedef struct sources {
    gcl_node *x, *f, *y;
} sources;

/* Fresh variables for the two operands of a case: those of x, f, y that it asks for. */
static sources case_sources(gcl_graph *g, const struct conv_case *t, int x, int f, int y)
{
    gcl_conv_attr a =
        geometry(gcl_shape_of(t->n, t->h, t->w, t->c), t->k, t->r, t->s, t->stride, t->pad);
    sources made = {NULL, NULL, NULL};
    if (x)
        made.x = gcl_variable(g, "x", input_shape(&a));
    if (f)
        made.f = gcl_variable(g, "f", filter_shape(&a));
    if (y)
        made.y = gcl_variable(g, "y", output_shape(&a));
    return made;
}

static gcl_node *conv_case(gcl_graph *g, int i, const char **name)
{
    const struct conv_case *t = &cases[i];
    sources from = case_sources(g, t, 1, 1, 0);
    *name = t->name;
    return gcl_conv(from.x, from.f, t->stride, t->pad);
}

static gcl_node *conv_data_case(gcl_graph *g, int i, const char **name)
{
    const struct conv_case *t = &cases[i];
    sources from = case_sources(g, t, 0, 1, 1);
    *name = t->name;
    return gcl_conv_data(from.y, from.f, t->stride, t->pad, t->h, t->w);
}

static gcl_node *conv_weight_case(gcl_graph *g, int i, const char **name)
{
    const struct conv_case *t = &cases[i];
    sources from = case_sources(g, t, 1, 0, 1);
    *name = t->name;
    return gcl_conv_weight(from.x, from.y, t->r, t->s, t->stride, t->pad);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const gcl_variant *const conv_variants[] = {&gcl_conv_vec,      &gcl_conv_winograd,
                                                   &gcl_conv_vec_taps, &gcl_conv_vec_narrow,
                                                   &gcl_conv_tile,     &gcl_conv_naive};
static const gcl_variant *const conv_data_variants[] = {
    &gcl_conv_data_vec,        &gcl_conv_data_winograd, &gcl_conv_data_vec_taps,
    &gcl_conv_data_vec_narrow, &gcl_conv_data_tile,     &gcl_conv_data_naive};
static const gcl_variant *const conv_weight_variants[] = {
    &gcl_conv_weight_vec, &gcl_conv_weight_winograd, &gcl_conv_weight_vec_narrow,
    &gcl_conv_weight_tile, &gcl_conv_weight_naive};

const gcl_op gcl_op_conv = {
    .name = "conv",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_conv_attr),
    .gradient = conv_gradient,
    .evaluate = conv_evaluate,
    .flops = conv_flops,
    .variants = conv_variants,
    .n_variants = sizeof conv_variants / sizeof conv_variants[0],
    .build_case = conv_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_conv_data = {
    .name = "conv_data",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_conv_attr),
    .gradient = conv_data_gradient,
    .evaluate = conv_data_evaluate,
    .flops = conv_flops,
    .variants = conv_data_variants,
    .n_variants = sizeof conv_data_variants / sizeof conv_data_variants[0],
    .build_case = conv_data_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_conv_weight = {
    .name = "conv_weight",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_conv_attr),
    .gradient = conv_weight_gradient,
    .evaluate = conv_weight_evaluate,
    .flops = conv_flops,
    .variants = conv_weight_variants,
    .n_variants = sizeof conv_weight_variants / sizeof conv_weight_variants[0],
    .build_case = conv_weight_case,
    .n_cases = N_CASES,
};
