/* Builders, values and derivatives of the pointwise ops, all from the one table pointwise.def. */
#include <math.h>
#include <string.h>

#include "graph/internal.h"

/* ---- rows ---- */

#define T         double
#define F(number) number

/* The value in double. */
#define GCL_POINTWISE_1(name, value, dx)                                                           \
    static double name##_scalar(double x, double y, double z)                                      \
    {                                                                                              \
        (void)y, (void)z;                                                                          \
        return value;                                                                              \
    }
#define GCL_POINTWISE_2(name, value, dx, dy)                                                       \
    static double name##_scalar(double x, double y, double z)                                      \
    {                                                                                              \
        (void)z;                                                                                   \
        return value;                                                                              \
    }
#define GCL_POINTWISE_3(name, value, dx, dy, dz)                                                   \
    static double name##_scalar(double x, double y, double z) { return value; }
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3
#undef T

/* The derivatives: calls of builders in g, x, y, z, out. */
#define add(a, b)         gcl_add(a, b)
#define neg(a)            gcl_neg(a)
#define mul(a, b)         gcl_mul(a, b)
#define div(a, b)         gcl_div(a, b)
#define sub(a, b)         gcl_sub(a, b)
#define scale(a, b)       gcl_scale(a, b)
#define sign(a)           gcl_sign(a)
#define square(a)         gcl_square(a)
#define sigmoid(a)        gcl_sigmoid(a)
#define above(a, b)       gcl_above(a, b)
#define at_least(a, b)    gcl_at_least(a, b)
#define minimum(a, b)     gcl_minimum(a, b)
#define leaky_slope(a, b) gcl_leaky_slope(a, b)
#define one               gcl_constant(out->graph, 1)
#define zero              gcl_constant(out->graph, 0)

#define GRADIENT_HEAD(arity)                                                                       \
    gcl_node *x = out->in[0], *y = (arity) > 1 ? out->in[1] : NULL,                                \
             *z = (arity) > 2 ? out->in[2] : NULL;                                                 \
    (void)g, (void)x, (void)y, (void)z;
#define GCL_POINTWISE_1(name, value, by_x)                                                         \
    static void name##_gradient(gcl_node *out, gcl_node *g, const int *wanted, gcl_node **dx)      \
    {                                                                                              \
        GRADIENT_HEAD(1)                                                                           \
        (void)wanted;                                                                              \
        dx[0] = by_x;                                                                              \
    }
#define GCL_POINTWISE_2(name, value, by_x, by_y)                                                   \
    static void name##_gradient(gcl_node *out, gcl_node *g, const int *wanted, gcl_node **dx)      \
    {                                                                                              \
        GRADIENT_HEAD(2)                                                                           \
        if (wanted[0])                                                                             \
            dx[0] = by_x;                                                                          \
        if (wanted[1])                                                                             \
            dx[1] = by_y;                                                                          \
    }
#define GCL_POINTWISE_3(name, value, by_x, by_y, by_z)                                             \
    static void name##_gradient(gcl_node *out, gcl_node *g, const int *wanted, gcl_node **dx)      \
    {                                                                                              \
        GRADIENT_HEAD(3)                                                                           \
        if (wanted[0])                                                                             \
            dx[0] = by_x;                                                                          \
        if (wanted[1])                                                                             \
            dx[1] = by_y;                                                                          \
        if (wanted[2])                                                                             \
            dx[2] = by_z;                                                                          \
    }
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3
#undef add
#undef neg
#undef mul
#undef div
#undef sub
#undef scale
#undef sign
#undef square
#undef sigmoid
#undef above
#undef at_least
#undef minimum
#undef leaky_slope
#undef one
#undef zero

static void evaluate(const gcl_node *node, const double *const *in, double *out);

#define ROW(id, arity, value)                                                                      \
    static const gcl_op op_##id = {.name = #id,                                                    \
                                   .kind = GCL_KIND_POINTWISE,                                     \
                                   .n_in = arity,                                                  \
                                   .gradient = id##_gradient,                                      \
                                   .evaluate = evaluate,                                           \
                                   .scalar = id##_scalar,                                          \
                                   .text = value};
#define GCL_POINTWISE_1(name, value, ...) ROW(name, 1, #value)
#define GCL_POINTWISE_2(name, value, ...) ROW(name, 2, #value)
#define GCL_POINTWISE_3(name, value, ...) ROW(name, 3, #value)
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3

/* ---- evaluation ---- */

static void evaluate(const gcl_node *node, const double *const *in, double *out)
{
    gcl_shape s = node->shape;
    int64_t t[3][4] = {{0}};
    static const double nothing[1];
    const double *p[3] = {nothing, nothing, nothing};
    for (int i = 0; i < node->n_in; i++) {
        gcl_broadcast_strides(node->in[i]->shape, s, t[i]);
        p[i] = in[i];
    }
#define AT(i) p[i][i0 * t[i][0] + i1 * t[i][1] + i2 * t[i][2] + i3 * t[i][3]]
    for (int i0 = 0; i0 < s.d[0]; i0++)
        for (int i1 = 0; i1 < s.d[1]; i1++)
            for (int i2 = 0; i2 < s.d[2]; i2++)
                for (int i3 = 0; i3 < s.d[3]; i3++)
                    *out++ = node->op->scalar(AT(0), AT(1), AT(2));
#undef AT
}

/* ---- building ---- */

static int broadcast_shape(gcl_node *const *in, int n, gcl_shape *shape)
{
    *shape = in[0]->shape;
    for (int k = 1; k < n; k++)
        for (int i = 0; i < 4; i++) {
            int d = in[k]->shape.d[i];
            if (shape->d[i] == 1)
                shape->d[i] = d;
            else if (d != 1 && d != shape->d[i])
                return -1;
        }
    return 0;
}

/* A constant, or a constant spread over a shape. */
static int constant_of(const gcl_node *node, double *value)
{
    return gcl_node_constant(node->op == &gcl_op_broadcast ? node->in[0] : node, value);
}

/* x+0, x*1, x*0, --x and constant operands. NULL when no rule applies. Only rules that are exact in
 * floating point for finite x; x*0 drops NaN and is used for gradients that are identically zero. */
static gcl_node *simplify(const gcl_op *op, gcl_node *const *in, gcl_shape shape)
{
    double v[3] = {0};
    int known[3] = {0}, all = 1;
    for (int i = 0; i < op->n_in; i++) {
        known[i] = constant_of(in[i], &v[i]);
        all = all && known[i];
    }
    gcl_graph *g = in[0]->graph;
    if (all)
        return gcl_broadcast(gcl_constant(g, op->scalar(v[0], v[1], v[2])), shape);
    int whole0 = gcl_shape_equal(in[0]->shape, shape);
    int whole1 = op->n_in > 1 && gcl_shape_equal(in[1]->shape, shape);
    if (op == &op_add) {
        if (known[1] && v[1] == 0 && whole0)
            return in[0];
        if (known[0] && v[0] == 0 && whole1)
            return in[1];
    } else if (op == &op_sub) {
        if (known[1] && v[1] == 0 && whole0)
            return in[0];
        if (known[0] && v[0] == 0 && whole1)
            return gcl_neg(in[1]);
    } else if (op == &op_mul) {
        for (int i = 0; i < 2; i++) {
            if (known[i] && v[i] == 1 && gcl_shape_equal(in[1 - i]->shape, shape))
                return in[1 - i];
            if (known[i] && v[i] == 0)
                return gcl_broadcast(in[i]->op == &gcl_op_broadcast ? in[i]->in[0] : in[i], shape);
            if (known[i] && v[i] == -1 && gcl_shape_equal(in[1 - i]->shape, shape))
                return gcl_neg(in[1 - i]);
        }
    } else if (op == &op_div) {
        if (known[1] && v[1] == 1 && whole0)
            return in[0];
        if (known[0] && v[0] == 0)
            return gcl_broadcast(gcl_constant(g, 0), shape);
    } else if (op == &op_neg && in[0]->op == &op_neg) {
        return in[0]->in[0];
    }
    return NULL;
}

static gcl_node *build(const gcl_op *op, gcl_node *const *in)
{
    gcl_shape shape;
    gcl_node *operands[3] = {in[0], op->n_in > 1 ? in[1] : NULL, op->n_in > 2 ? in[2] : NULL};
    if (broadcast_shape(in, op->n_in, &shape) != 0)
        return gcl_graph_fail(in[0]->graph, "%s of %s and %s%s%s: shapes do not fit", op->name,
                              gcl_shape_text(in[0]->shape), gcl_shape_text(in[1]->shape),
                              op->n_in > 2 ? " and " : "",
                              op->n_in > 2 ? gcl_shape_text(in[2]->shape) : "");
    gcl_node *simple = simplify(op, in, shape);
    if (simple != NULL)
        return simple;
    /* What was spread over the shape is as good unspread where another operand has the whole shape. */
    for (int i = 0; i < op->n_in && op->n_in > 1; i++) {
        gcl_node *spread = operands[i];
        gcl_shape without;
        if (spread->op != &gcl_op_broadcast)
            continue;
        operands[i] = spread->in[0];
        if (broadcast_shape(operands, op->n_in, &without) != 0 || !gcl_shape_equal(without, shape))
            operands[i] = spread;
    }
    return gcl_node_new(in[0]->graph, op, shape, operands, op->n_in, NULL);
}

#define GCL_POINTWISE_1(name, ...)                                                                 \
    gcl_node *gcl_##name(gcl_node *x)                                                              \
    {                                                                                              \
        gcl_node *in[1] = {x};                                                                     \
        return build(&op_##name, in);                                                              \
    }
#define GCL_POINTWISE_2(name, ...)                                                                 \
    gcl_node *gcl_##name(gcl_node *x, gcl_node *y)                                                 \
    {                                                                                              \
        gcl_node *in[2] = {x, y};                                                                  \
        return build(&op_##name, in);                                                              \
    }
#define GCL_POINTWISE_3(name, ...)                                                                 \
    gcl_node *gcl_##name(gcl_node *x, gcl_node *y, gcl_node *z)                                    \
    {                                                                                              \
        gcl_node *in[3] = {x, y, z};                                                               \
        return build(&op_##name, in);                                                              \
    }
#include "graph/pointwise.def"

gcl_node *gcl_scale(gcl_node *x, double factor)
{
    double inner;
    if (x->op == &op_mul && gcl_node_constant(x->in[1], &inner) &&
        gcl_shape_equal(x->in[0]->shape, x->shape))
        return gcl_scale(x->in[0], inner * factor);
    return gcl_mul(x, gcl_constant(x->graph, factor));
}
