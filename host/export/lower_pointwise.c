/* Pointwise operations: each of graph/pointwise.def, as one operator of ONNX where there is one, else as a
 * few. The formulas are those of the table, but expm1(x) = 2 sinh(x/2) e^(x/2), which is as exact near 0. */
#include <string.h>

#include "export/lower.h"

/* A node that is being emitted, its operands in the form that its result has. */
typedef struct work {
    gcl_lowering *e;
    const gcl_node *node;
    gcl_form form;
    const char *x, *y, *z;
} work;

static const char *apply(const work *w, const char *op, const char *a, const char *b, const char *c)
{
    const char *in[3] = {a, b, c};
    return gcl_lower(w->e, w->node, op, in,
                     c != NULL   ? 3
                     : b != NULL ? 2
                                 : 1,
                     w->node->shape, w->form);
}

static const char *number(const work *w, double value) { return gcl_lower_number(w->e, value); }

/* ---- conditions -------------------------------------------------------------------------------------- */

static const char *condition(const work *w, const char *op, const char *a, const char *b)
{
    const char *in[2] = {a, b};
    return gcl_lower_bare(w->e, w->node, op, in, b != NULL ? 2 : 1);
}

/* 1 where it holds, else 0. */
static const char *as_number(const work *w, const char *holds)
{
    const char *name = apply(w, "Cast", holds, NULL, NULL);
    gcl_onnx_int(w->e->onnx, "to", GCL_ONNX_FLOAT);
    return name;
}

static const char *is_positive(const work *w)
{
    return condition(w, "Greater", w->x, number(w, 0));
}

static const char *above(const work *w)
{
    return as_number(w, condition(w, "Greater", w->x, w->y));
}

static const char *at_least(const work *w)
{
    return as_number(w, condition(w, "GreaterOrEqual", w->x, w->y));
}

static const char *equal(const work *w) { return as_number(w, condition(w, "Equal", w->x, w->y)); }

static const char *finite(const work *w)
{
    const char *nan = condition(w, "IsNaN", w->x, NULL), *inf = condition(w, "IsInf", w->x, NULL);
    return as_number(w, condition(w, "Not", condition(w, "Or", nan, inf), NULL));
}

static const char *select(const work *w) { return apply(w, "Where", is_positive(w), w->y, w->z); }

static const char *leaky_slope(const work *w)
{
    return apply(w, "Where", is_positive(w), number(w, 1), w->y);
}

/* ---- formulas ---------------------------------------------------------------------------------------- */

static const char *leaky(const work *w)
{
    double slope;
    const gcl_node *y = w->node->in[1];
    if (!gcl_node_constant(y->op == &gcl_op_broadcast ? y->in[0] : y, &slope)) {
        const char *scaled = apply(w, "Mul", w->x, gcl_lower_operand(w->e, y, w->form), NULL);
        return apply(w, "Where", is_positive(w), w->x, scaled);
    }
    const char *name = apply(w, "LeakyRelu", w->x, NULL, NULL);
    gcl_onnx_float(w->e->onnx, "alpha", slope);
    return name;
}

static const char *square(const work *w) { return apply(w, "Mul", w->x, w->x, NULL); }

static const char *expm1_of(const work *w)
{
    const char *half = apply(w, "Mul", w->x, number(w, 0.5), NULL);
    const char *sinh = apply(w, "Sinh", half, NULL, NULL);
    const char *root = apply(w, "Exp", half, NULL, NULL);
    const char *product = apply(w, "Mul", sinh, root, NULL);
    return apply(w, "Mul", product, number(w, 2), NULL);
}

static const char *log1p_of(const work *w)
{
    return apply(w, "Log", apply(w, "Add", w->x, number(w, 1), NULL), NULL, NULL);
}

/* ---- the table --------------------------------------------------------------------------------------- */

static const struct row {
    const char *op, *onnx;                /* one operator with the same operands ... */
    const char *(*compose)(const work *); /* ... or several */
} rows[] = {
    {"add", "Add", NULL},
    {"sub", "Sub", NULL},
    {"mul", "Mul", NULL},
    {"div", "Div", NULL},
    {"maximum", "Max", NULL},
    {"minimum", "Min", NULL},
    {"above", NULL, above},
    {"at_least", NULL, at_least},
    {"equal", NULL, equal},
    {"leaky", NULL, leaky},
    {"leaky_slope", NULL, leaky_slope},
    {"select", NULL, select},
    {"neg", "Neg", NULL},
    {"abs", "Abs", NULL},
    {"sign", "Sign", NULL},
    {"square", NULL, square},
    {"sqrt", "Sqrt", NULL},
    {"reciprocal", "Reciprocal", NULL},
    {"exp", "Exp", NULL},
    {"log", "Log", NULL},
    {"expm1", NULL, expm1_of},
    {"log1p", NULL, log1p_of},
    {"tanh", "Tanh", NULL},
    {"sigmoid", "Sigmoid", NULL},
    {"softplus", "Softplus", NULL},
    {"relu", "Relu", NULL},
    {"elu", "Elu", NULL},
    {"floor", "Floor", NULL},
    {"finite", NULL, finite},
};

static const struct row *row_of(const char *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].op, op) == 0)
            return &rows[i];
    return NULL;
}

int gcl_lower_knows(const char *pointwise_op) { return row_of(pointwise_op) != NULL; }

/* Rows where the result is one pixel and no operand has to be made into rows first. */
static gcl_form form_of(const gcl_lowering *e, const gcl_node *node)
{
    if (node->shape.d[1] * node->shape.d[2] != 1)
        return GCL_IMAGE;
    for (int i = 0; i < node->n_in; i++)
        if (!gcl_lower_is_constant(e, node->in[i]) && gcl_lowered_form(e, node->in[i]) != GCL_ROWS)
            return GCL_IMAGE;
    return GCL_ROWS;
}

void gcl_lower_pointwise(gcl_lowering *e, const gcl_node *node)
{
    const struct row *row = row_of(node->op->name);
    work w = {.e = e, .node = node, .form = form_of(e, node)};
    const char **operands[3] = {&w.x, &w.y, &w.z};
    for (int i = 0; i < node->n_in; i++)
        if (row->compose != leaky || i == 0) /* whose slope is an attribute */
            *operands[i] = gcl_lower_operand(e, node->in[i], w.form);
    const char *name = row->onnx != NULL ? apply(&w, row->onnx, w.x, w.y, w.z) : row->compose(&w);
    gcl_lowered_set(e, node, name, w.form);
}
