/* Depthwise convolution and its weight gradient. With h = p + r - pad_h, w = q + s - pad_w both are
 * partials of
 *     L(x, f, y) = sum_{n,p,q,r,s,c} x[n,h,w,c] f[r,s,0,c] y[n,p,q,c]
 * The third, by x, is again a depthwise convolution: of y, by the filter turned by half a circle. */
#include "ops/depthwise.h"

/* ---- builders ------------------------------------------------------------------------------- */

static gcl_depthwise_attr geometry(gcl_shape x, int r, int s, int pad_h, int pad_w, int turned)
{
    return (gcl_depthwise_attr){.n = x.d[0],
                                .h = x.d[1],
                                .w = x.d[2],
                                .c = x.d[3],
                                .p = x.d[1] + 2 * pad_h - r + 1,
                                .q = x.d[2] + 2 * pad_w - s + 1,
                                .r = r,
                                .s = s,
                                .pad_h = pad_h,
                                .pad_w = pad_w,
                                .turned = turned};
}

/* NULL, or a harmless node after recording what is wrong with the numbers. */
static gcl_node *mistake(gcl_graph *g, const gcl_depthwise_attr *a)
{
    if (a->pad_h < 0 || a->pad_h >= a->r || a->pad_w < 0 || a->pad_w >= a->s)
        return gcl_graph_fail(g,
                              "a depthwise filter of %dx%d with paddings %d and %d: they must be 0 "
                              "or more and smaller than the filter",
                              a->r, a->s, a->pad_h, a->pad_w);
    if (a->p < 1 || a->q < 1)
        return gcl_graph_fail(
            g,
            "a depthwise filter of %dx%d does not fit into an input of %dx%d with "
            "paddings %d and %d",
            a->r, a->s, a->h, a->w, a->pad_h, a->pad_w);
    return NULL;
}

static gcl_node *depthwise(gcl_node *x, gcl_node *f, int pad_h, int pad_w, int turned)
{
    gcl_shape fs = f->shape;
    gcl_depthwise_attr a = geometry(x->shape, fs.d[0], fs.d[1], pad_h, pad_w, turned);
    if (fs.d[2] != 1 || fs.d[3] != a.c)
        return gcl_graph_fail(x->graph, "input has %d channels, the depthwise filter is %s", a.c,
                              gcl_shape_text(fs));
    gcl_node *wrong = mistake(x->graph, &a);
    if (wrong != NULL)
        return wrong;
    if (a.r == 1 && a.s == 1)
        return gcl_mul(x, f);
    return gcl_node_new(x->graph, &gcl_op_depthwise, gcl_shape_of(a.n, a.p, a.q, a.c),
                        (gcl_node *[]){x, f}, 2, &a);
}

gcl_node *gcl_depthwise(gcl_node *x, gcl_node *f, int pad_h, int pad_w)
{
    return depthwise(x, f, pad_h, pad_w, 0);
}

gcl_node *gcl_depthwise_weight(gcl_node *x, gcl_node *y, int r, int s, int pad_h, int pad_w)
{
    gcl_depthwise_attr a = geometry(x->shape, r, s, pad_h, pad_w, 0);
    gcl_node *wrong = mistake(x->graph, &a);
    if (wrong != NULL)
        return wrong;
    gcl_shape output = gcl_shape_of(a.n, a.p, a.q, a.c), filter = gcl_shape_of(r, s, 1, a.c);
    if (!gcl_shape_equal(output, y->shape))
        return gcl_graph_fail(
            x->graph, "the gradient arriving at a depthwise convolution is %s, its output %s",
            gcl_shape_text(y->shape), gcl_shape_text(output));
    if (r == 1 && s == 1)
        return gcl_sum_to(gcl_mul(x, y), filter);
    return gcl_node_new(x->graph, &gcl_op_depthwise_weight, filter, (gcl_node *[]){x, y}, 2, &a);
}

/* ---- gradients ------------------------------------------------------------------------------ */

static void depthwise_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **d)
{
    const gcl_depthwise_attr *a = node->attr;
    gcl_node *x = node->in[0], *f = node->in[1];
    int back_h = a->r - 1 - a->pad_h, back_w = a->s - 1 - a->pad_w;
    if (wanted[0])
        d[0] = depthwise(dy, f, back_h, back_w, !a->turned);
    if (wanted[1])
        d[1] = a->turned ? gcl_depthwise_weight(dy, x, a->r, a->s, back_h, back_w)
                         : gcl_depthwise_weight(x, dy, a->r, a->s, a->pad_h, a->pad_w);
}

static void weight_gradient(gcl_node *node, gcl_node *df, const int *wanted, gcl_node **d)
{
    const gcl_depthwise_attr *a = node->attr;
    gcl_node *x = node->in[0], *y = node->in[1];
    if (wanted[0])
        d[0] = depthwise(y, df, a->r - 1 - a->pad_h, a->s - 1 - a->pad_w, 1);
    if (wanted[1])
        d[1] = depthwise(x, df, a->pad_h, a->pad_w, 0);
}

/* ---- evaluation in double ------------------------------------------------------------------- */

/* Where one output pixel and one tap meet: first elements of the three vectors over c. */
typedef struct touch {
    int64_t x, y, f;
} touch;

typedef void (*visitor)(int c, touch at, const double *first, const double *second, double *out);

/* Calls visit for every (n, p, q, r, s) whose input pixel lies inside. */
static void visit_taps(const gcl_node *node, visitor visit, const double *const *in, double *out)
{
    const gcl_depthwise_attr *a = node->attr;
    int64_t count = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = 0;
    for (int np = 0; np < a->n * a->p; np++)
        for (int q = 0; q < a->q; q++)
            for (int rs = 0; rs < a->r * a->s; rs++) {
                int h = np % a->p + rs / a->s - a->pad_h, w = q + rs % a->s - a->pad_w;
                if (h < 0 || h >= a->h || w < 0 || w >= a->w)
                    continue;
                int tap = a->turned ? a->r * a->s - 1 - rs : rs;
                touch at = {(((int64_t)(np / a->p) * a->h + h) * a->w + w) * a->c,
                            ((int64_t)np * a->q + q) * a->c, (int64_t)tap * a->c};
                visit(a->c, at, in[0], in[1], out);
            }
}

static void visit_forward(int c, touch at, const double *x, const double *f, double *y)
{
    for (int i = 0; i < c; i++)
        y[at.y + i] += x[at.x + i] * f[at.f + i];
}

static void visit_weight(int c, touch at, const double *x, const double *y, double *f)
{
    for (int i = 0; i < c; i++)
        f[at.f + i] += x[at.x + i] * y[at.y + i];
}

static void depthwise_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    visit_taps(node, visit_forward, in, out);
}

static void weight_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    visit_taps(node, visit_weight, in, out);
}

static double flops(const gcl_node *node)
{
    const gcl_depthwise_attr *a = node->attr;
    return 2.0 * a->n * a->p * a->q * a->r * a->s * a->c;
}

double gcl_depthwise_bytes(const gcl_node *node)
{
    return 4.0 * (double)(gcl_shape_count(node->in[0]->shape) +
                          gcl_shape_count(node->in[1]->shape) + gcl_shape_count(node->shape));
}

/* ---- cases ---------------------------------------------------------------------------------- */

static const struct depthwise_case {
    const char *name;
    int n, h, w, c, r, s, pad_h, pad_w, turned;
} cases[] = {
    {"5x5", 2, 8, 9, 40, 5, 5, 2, 2, 0},
    {"5x5 turned", 2, 8, 9, 40, 5, 5, 2, 2, 1},
    {"5x5, odd channels", 1, 7, 12, 33, 5, 5, 2, 2, 0},
    {"5x5 turned, odd channels", 1, 7, 12, 33, 5, 5, 2, 2, 1},
    {"5x5, wide", 2, 20, 37, 16, 5, 5, 2, 2, 0},
    {"5x5 of 4x4", 3, 4, 4, 48, 5, 5, 2, 2, 0},
    {"5x5 of 2x3", 2, 2, 3, 20, 5, 5, 2, 2, 1},
    {"5x5 of one pixel", 3, 1, 1, 17, 5, 5, 2, 2, 0},
    {"5x5 valid", 1, 9, 8, 8, 5, 5, 0, 0, 0},
    {"5x5 full, turned", 1, 5, 4, 8, 5, 5, 4, 4, 1},
    {"3x3", 2, 6, 7, 33, 3, 3, 1, 1, 0},
    {"3x3 turned", 2, 6, 7, 64, 3, 3, 1, 1, 1},
    {"3x3 of one row", 1, 1, 19, 6, 3, 3, 1, 1, 0},
    {"3x3 of one channel", 2, 10, 11, 1, 3, 3, 1, 1, 0},
    {"11x1 valid, 3 channels", 1, 20, 23, 3, 11, 1, 0, 0, 0},
    {"11x1 full, 3 channels", 1, 10, 23, 3, 11, 1, 10, 0, 1},
    {"1x11 valid, one channel", 2, 5, 40, 1, 1, 11, 0, 0, 0},
    {"1x11 full, one channel", 2, 5, 30, 1, 1, 11, 0, 10, 1},
    {"1x11 valid, 3 channels", 2, 6, 27, 3, 1, 11, 0, 0, 0},
    {"2x4, padding on one side", 2, 5, 6, 12, 2, 4, 1, 0, 1},
    {"7x7", 1, 9, 10, 20, 7, 7, 3, 3, 0},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static gcl_node *depthwise_case(gcl_graph *g, int i, const char **name)
{
    const struct depthwise_case *t = &cases[i];
    *name = t->name;
    return depthwise(gcl_variable(g, "x", gcl_shape_of(t->n, t->h, t->w, t->c)),
                     gcl_variable(g, "f", gcl_shape_of(t->r, t->s, 1, t->c)), t->pad_h, t->pad_w,
                     t->turned);
}

static gcl_node *weight_case(gcl_graph *g, int i, const char **name)
{
    const struct depthwise_case *t = &cases[i];
    gcl_shape x = gcl_shape_of(t->n, t->h, t->w, t->c);
    gcl_depthwise_attr a = geometry(x, t->r, t->s, t->pad_h, t->pad_w, 0);
    *name = t->name;
    return gcl_depthwise_weight(gcl_variable(g, "x", x),
                                gcl_variable(g, "y", gcl_shape_of(a.n, a.p, a.q, a.c)), t->r, t->s,
                                t->pad_h, t->pad_w);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const gcl_variant *const depthwise_variants[] = {
    &gcl_depthwise_vec, &gcl_depthwise_vec_narrow, &gcl_depthwise_tile, &gcl_depthwise_naive};
static const gcl_variant *const weight_variants[] = {
    &gcl_depthwise_weight_vec, &gcl_depthwise_weight_tile, &gcl_depthwise_weight_naive};

const gcl_op gcl_op_depthwise = {
    .name = "depthwise",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_depthwise_attr),
    .gradient = depthwise_gradient,
    .evaluate = depthwise_evaluate,
    .flops = flops,
    .variants = depthwise_variants,
    .n_variants = sizeof depthwise_variants / sizeof depthwise_variants[0],
    .build_case = depthwise_case,
    .n_cases = N_CASES,
};

const gcl_op gcl_op_depthwise_weight = {
    .name = "depthwise_weight",
    .kind = GCL_KIND_KERNEL,
    .n_in = 2,
    .attr_bytes = sizeof(gcl_depthwise_attr),
    .gradient = weight_gradient,
    .evaluate = weight_evaluate,
    .flops = flops,
    .variants = weight_variants,
    .n_variants = sizeof weight_variants / sizeof weight_variants[0],
    .build_case = weight_case,
    .n_cases = N_CASES,
};
