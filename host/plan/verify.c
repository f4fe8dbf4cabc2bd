/* The switch that looks inside: every unit of a run beside the double oracle.
 *
 * Before a unit's launches its operands are read back, after them its results; the unit's own nodes
 * are evaluated in double from those operands. So the first unit that computes something wrong is
 * named, whatever came before it. Slow, and meant to be. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

typedef struct known {
    const gcl_node *node;
    double *value;
} known;

typedef struct check {
    gcl_plan *plan;
    const unit *u;
    known *values;
    int n, cap;
} check;

static double *find(const check *c, const gcl_node *node)
{
    for (int i = 0; i < c->n; i++)
        if (c->values[i].node == node)
            return c->values[i].value;
    return NULL;
}

static double *add(check *c, const gcl_node *node)
{
    GCL_GROW(c->values, c->n, c->cap);
    c->values[c->n].node = node;
    c->values[c->n].value = gcl_alloc((size_t)gcl_shape_count(node->shape) * sizeof(double));
    return c->values[c->n++].value;
}

/* The node's elements on the device, as doubles. */
static int read_back(check *c, const gcl_node *node, double *value, gcl_error *err)
{
    int64_t n = gcl_shape_count(node->shape);
    uint64_t at = 0, bytes = (uint64_t)n * gcl_dtype_bytes(node->dtype);
    const storage *s = gcl_plan_locate(c->plan, node, &at);
    if (s == NULL)
        return gcl_fail(err, GCL_FAILED, "%s: a value of %s has no memory", c->u->label,
                        node->op->name);
    unsigned char *raw = gcl_alloc(bytes);
    gcl_buffer *buffer = s->kind == STORAGE_UPLOAD ? c->plan->upload : s->buffer;
    int status = gcl_buffer_read(buffer, at, raw, bytes, err);
    for (int64_t i = 0; i < n && status == 0; i++)
        value[i] = node->dtype == GCL_U8    ? raw[i]
                   : node->dtype == GCL_U32 ? ((const uint32_t *)(const void *)raw)[i]
                                            : (double)((const float *)(const void *)raw)[i];
    free(raw);
    return status;
}

static int read_operands(check *c, gcl_error *err)
{
    const unit *u = c->u;
    for (int i = 0; i < u->n_leaves; i++)
        if (find(c, u->leaves[i]) == NULL &&
            read_back(c, u->leaves[i], add(c, u->leaves[i]), err) != 0)
            return -1;
    for (int i = 0; u->kind == UNIT_KERNEL && i < u->roots[0]->n_in; i++) {
        const gcl_node *x = u->roots[0]->in[i];
        if (find(c, x) == NULL && read_back(c, x, add(c, x), err) != 0)
            return -1;
    }
    return 0;
}

static const double *evaluate(check *c, const gcl_node *node)
{
    double *value = find(c, node), constant;
    if (value != NULL)
        return value;
    if (gcl_node_constant(node, &constant)) {
        value = add(c, node);
        value[0] = constant;
        return value;
    }
    const double *in[3] = {0};
    for (int i = node->op->kind == GCL_KIND_ASSIGN ? 1 : 0; i < node->n_in && i < 3; i++)
        in[i] = evaluate(c, node->in[i]);
    value = add(c, node);
    node->op->evaluate(node, in, value);
    return value;
}

static int compare(check *c, const gcl_node *root, gcl_error *err)
{
    int64_t n = gcl_shape_count(root->shape);
    double *got = gcl_alloc((size_t)n * sizeof *got), scale = 1e-6;
    const double *want = evaluate(c, root);
    int status = read_back(c, root, got, err);
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, isfinite(want[i]) ? fabs(want[i]) : 0);
    /* A sum may cancel: its terms set the scale. */
    const gcl_node *terms = root->op->kind == GCL_KIND_REDUCE ? root->in[0] : NULL;
    const double *term = terms ? evaluate(c, terms) : NULL;
    for (int64_t i = 0; terms != NULL && i < gcl_shape_count(terms->shape); i++)
        scale = fmax(scale, isfinite(term[i]) ? fabs(term[i]) : 0);
    for (int64_t i = 0; i < n && status == 0; i++)
        if (isfinite(want[i]) && !(fabs(got[i] - want[i]) <= 1e-3 * scale))
            status = gcl_fail(err, GCL_FAILED, "verify: %s: element %lld is %g, the oracle says %g",
                              c->u->label, (long long)i, got[i], want[i]);
    free(got);
    return status;
}

int gcl_plan_verify_unit(gcl_plan *plan, const unit *u, gcl_error *err)
{
    check c = {.plan = plan, .u = u};
    int status = read_operands(&c, err);
    for (int i = 0; i < u->n_launches && status == 0; i++)
        status = gcl_bound_enqueue(plan->launches[u->first_launch + i], err);
    if (u->tail != NULL && status == 0)
        status = compare(&c, u->tail, err);
    for (int r = 0; r < u->n_roots && u->tail == NULL && u->kind != UNIT_COPY && status == 0; r++)
        status = compare(&c, u->roots[r], err);
    for (int i = 0; i < c.n; i++)
        free(c.values[i].value);
    free(c.values);
    return status;
}
