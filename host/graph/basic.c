/* The graph's own ops on other values: reductions, views, pack, broadcast, assign. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"

/* ---- reductions ---- */

static void reduce_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_reduce_attr *a = node->attr;
    gcl_shape s = node->in[0]->shape;
    int64_t strides[4];
    gcl_broadcast_strides(node->shape, s, strides);
    int64_t n = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < n; i++)
        out[i] = a->maximum ? -INFINITY : 0;
    const double *x = in[0];
    for (int i0 = 0; i0 < s.d[0]; i0++)
        for (int i1 = 0; i1 < s.d[1]; i1++)
            for (int i2 = 0; i2 < s.d[2]; i2++)
                for (int i3 = 0; i3 < s.d[3]; i3++, x++) {
                    double *y =
                        out + i0 * strides[0] + i1 * strides[1] + i2 * strides[2] + i3 * strides[3];
                    *y = a->maximum ? fmax(*y, *x) : *y + *x;
                }
}

static void reduce_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    const gcl_reduce_attr *a = node->attr;
    gcl_node *x = node->in[0];
    (void)wanted;
    if (!a->maximum) {
        dx[0] = gcl_broadcast(dy, x->shape);
        return;
    }
    gcl_node *hit = gcl_equal(x, node);
    dx[0] = gcl_mul(hit, gcl_div(dy, gcl_sum(hit, a->axes)));
}

const gcl_op gcl_op_reduce = {.name = "reduce",
                              .kind = GCL_KIND_REDUCE,
                              .n_in = 1,
                              .attr_bytes = sizeof(gcl_reduce_attr),
                              .gradient = reduce_gradient,
                              .evaluate = reduce_evaluate};

/* Kernels know the patterns kept? reduced kept?; other axes are reduced run by run, last first. */
static int last_run(gcl_shape s, int axes)
{
    int run = 0;
    for (int i = 3; i >= 0; i--) {
        if (s.d[i] == 1)
            continue;
        if (axes >> i & 1)
            run |= 1 << i;
        else if (run)
            break;
    }
    return run;
}

static gcl_node *reduce(gcl_node *x, int axes, int maximum)
{
    for (int run; (run = last_run(x->shape, axes)) != 0;) {
        gcl_reduce_attr attr = {run, maximum};
        gcl_shape s = x->shape;
        for (int i = 0; i < 4; i++)
            if (run >> i & 1)
                s.d[i] = 1;
        x = gcl_node_new(x->graph, &gcl_op_reduce, s, &x, 1, &attr);
    }
    return x;
}

/* Elements along the axes that are really reduced. */
static int64_t reduced_count(gcl_shape s, int axes)
{
    int64_t n = 1;
    for (int i = 0; i < 4; i++)
        if (axes >> i & 1)
            n *= s.d[i];
    return n;
}

/* A product with a factor that is constant along the axes: its sum is a cheaper sum times that. */
static int has_constant_factor(const gcl_node *x, int axes)
{
    if (strcmp(x->op->name, "neg") == 0)
        return has_constant_factor(x->in[0], axes);
    for (int i = 0; i < 2 && strcmp(x->op->name, "mul") == 0; i++)
        if (reduced_count(x->in[i]->shape, axes) == 1 &&
            reduced_count(x->in[1 - i]->shape, axes) == reduced_count(x->shape, axes))
            return 1;
    return 0;
}

static gcl_node *original_of(gcl_node *x) { return x->original ? x->original : x; }

/* Whether x = a - mean(a) over the axes: sums to nothing, whatever a is. What was computed again is
 * what it was; the mean may be the first one. */
static int is_deviation(const gcl_node *x, int axes)
{
    double value;
    if (strcmp(x->op->name, "sub") != 0 || !gcl_shape_equal(x->in[0]->shape, x->shape))
        return 0;
    gcl_node *mean = x->in[1];
    return strcmp(mean->op->name, "mul") == 0 && gcl_node_constant(mean->in[1], &value) &&
           reduced_count(mean->shape, axes) == 1 &&
           original_of(mean) == gcl_mean_over(original_of(x->in[0]), axes);
}

gcl_node *gcl_sum(gcl_node *x, int axes)
{
    if (reduced_count(x->shape, axes) == 1)
        return x;
    if (is_deviation(x, axes)) /* batch norm's backward pass asks for it */
        return gcl_scale(x->in[1], 0);
    int plus = strcmp(x->op->name, "add") == 0, minus = strcmp(x->op->name, "sub") == 0;
    if ((plus || minus) && gcl_shape_equal(x->in[0]->shape, x->shape) &&
        gcl_shape_equal(x->in[1]->shape, x->shape) && has_constant_factor(x->in[0], axes) &&
        has_constant_factor(x->in[1], axes)) {
        /* The backward pass of batch norm ends here: both sums exist already, no further pass. */
        gcl_node *a = gcl_sum(x->in[0], axes), *b = gcl_sum(x->in[1], axes);
        return plus ? gcl_add(a, b) : gcl_sub(a, b);
    }
    if (x->op == &gcl_op_broadcast) { /* a sum of equal values is a multiplication */
        gcl_node *v = x->in[0];
        if (reduced_count(v->shape, axes) == 1) {
            gcl_shape s = x->shape;
            for (int i = 0; i < 4; i++)
                if (axes >> i & 1)
                    s.d[i] = 1;
            return gcl_scale(gcl_broadcast(v, s), (double)reduced_count(x->shape, axes));
        }
    }
    if (strcmp(x->op->name, "mul") == 0) /* sum(a b) = b sum(a) for b constant along the axes */
        for (int i = 0; i < 2; i++) {
            gcl_node *a = x->in[1 - i], *b = x->in[i];
            if (reduced_count(b->shape, axes) == 1 &&
                reduced_count(a->shape, axes) == reduced_count(x->shape, axes))
                return gcl_mul(gcl_sum(a, axes), b);
        }
    if (strcmp(x->op->name, "neg") == 0)
        return gcl_neg(gcl_sum(x->in[0], axes));
    return reduce(x, axes, 0);
}

gcl_node *gcl_max_over(gcl_node *x, int axes) { return reduce(x, axes, 1); }

gcl_node *gcl_mean_over(gcl_node *x, int axes)
{
    return gcl_scale(gcl_sum(x, axes), 1.0 / (double)reduced_count(x->shape, axes));
}

gcl_node *gcl_mean(gcl_node *x) { return gcl_mean_over(x, GCL_AXES_ALL); }

gcl_node *gcl_sum_to(gcl_node *x, gcl_shape shape)
{
    int axes = 0;
    for (int i = 0; i < 4; i++)
        if (shape.d[i] == 1 && x->shape.d[i] != 1)
            axes |= 1 << i;
    return axes ? gcl_sum(x, axes) : x;
}

/* ---- broadcast ---- */

static void broadcast_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    gcl_shape s = node->shape;
    int64_t t[4];
    gcl_broadcast_strides(node->in[0]->shape, s, t);
    for (int i0 = 0; i0 < s.d[0]; i0++)
        for (int i1 = 0; i1 < s.d[1]; i1++)
            for (int i2 = 0; i2 < s.d[2]; i2++)
                for (int i3 = 0; i3 < s.d[3]; i3++)
                    *out++ = in[0][i0 * t[0] + i1 * t[1] + i2 * t[2] + i3 * t[3]];
}

static void broadcast_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    (void)wanted;
    dx[0] = gcl_sum_to(dy, node->in[0]->shape);
}

const gcl_op gcl_op_broadcast = {.name = "broadcast",
                                 .kind = GCL_KIND_POINTWISE,
                                 .n_in = 1,
                                 .gradient = broadcast_gradient,
                                 .evaluate = broadcast_evaluate,
                                 .text = "x"};

gcl_node *gcl_broadcast(gcl_node *x, gcl_shape shape)
{
    if (gcl_shape_equal(x->shape, shape))
        return x;
    for (int i = 0; i < 4; i++)
        if (x->shape.d[i] != 1 && x->shape.d[i] != shape.d[i])
            return gcl_graph_fail(x->graph, "%s does not broadcast to %s", gcl_shape_text(x->shape),
                                  gcl_shape_text(shape));
    if (x->op == &gcl_op_broadcast)
        x = x->in[0];
    return gcl_node_new(x->graph, &gcl_op_broadcast, shape, &x, 1, NULL);
}

/* ---- views, pack ---- */

static void view_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_view_attr *a = node->attr;
    memcpy(out, in[0] + a->first, (size_t)gcl_shape_count(node->shape) * sizeof *out);
}

gcl_node *gcl_view_adjoint(const gcl_node *part, gcl_node *dy, const gcl_node *whole)
{
    int64_t first = ((const gcl_view_attr *)part->attr)->first;
    if (whole != part->in[0])
        first -= ((const gcl_view_attr *)whole->attr)->first;
    int64_t count = gcl_shape_count(dy->shape), total = gcl_shape_count(whole->shape);
    if (count == total)
        return gcl_reshape(dy, whole->shape);
    gcl_node *parts[3], *zero = gcl_constant(dy->graph, 0);
    int n = 0;
    if (first > 0)
        parts[n++] = gcl_broadcast(zero, gcl_shape_of(1, 1, 1, (int)first));
    parts[n++] = dy;
    if (first + count < total)
        parts[n++] = gcl_broadcast(zero, gcl_shape_of(1, 1, 1, (int)(total - first - count)));
    return gcl_pack(dy->graph, parts, n, &whole->shape);
}

static void view_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    (void)wanted;
    if (!((const gcl_view_attr *)node->attr)->detached)
        dx[0] = gcl_view_adjoint(node, dy, node->in[0]);
}

const gcl_op gcl_op_view = {.name = "view",
                            .kind = GCL_KIND_VIEW,
                            .n_in = 1,
                            .attr_bytes = sizeof(gcl_view_attr),
                            .gradient = view_gradient,
                            .evaluate = view_evaluate};

static gcl_node *view_of(gcl_node *x, int64_t first, gcl_shape shape, int detached)
{
    if (x->op == &gcl_op_view) { /* a view of a view is one of the whole */
        const gcl_view_attr *a = x->attr;
        first += a->first;
        detached = detached || a->detached;
        x = x->in[0];
    }
    if (first == 0 && !detached && gcl_shape_equal(shape, x->shape))
        return x;
    gcl_view_attr attr = {first, detached};
    gcl_node *node = gcl_node_new(x->graph, &gcl_op_view, shape, &x, 1, &attr);
    node->dtype = x->dtype;
    return node;
}

gcl_node *gcl_view(gcl_node *x, int64_t first, gcl_shape shape)
{
    /* A flat variable of a network has its size only at the end: parts of it are always inside. */
    int open = x->op == &gcl_op_variable && x->shape.d[3] == 0;
    open = open || (x->op == &gcl_op_assign && x->shape.d[3] == 0);
    if (!open && (first < 0 || first + gcl_shape_count(shape) > gcl_shape_count(x->shape)))
        return gcl_graph_fail(x->graph, "a view of %s from element %lld does not fit into %s",
                              gcl_shape_text(shape), (long long)first, gcl_shape_text(x->shape));
    return view_of(x, first, shape, 0);
}

gcl_node *gcl_reshape(gcl_node *x, gcl_shape shape)
{
    if (gcl_shape_count(x->shape) != gcl_shape_count(shape))
        return gcl_graph_fail(x->graph, "%s cannot be reshaped to %s", gcl_shape_text(x->shape),
                              gcl_shape_text(shape));
    return view_of(x, 0, shape, 0);
}

gcl_node *gcl_detach(gcl_node *x) { return view_of(x, 0, x->shape, 1); }

static void pack_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    for (int i = 0; i < node->n_in; i++) {
        int64_t n = gcl_shape_count(node->in[i]->shape);
        memcpy(out, in[i], (size_t)n * sizeof *out);
        out += n;
    }
}

static void pack_gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    int64_t first = 0;
    for (int i = 0; i < node->n_in; i++) {
        if (wanted[i])
            dx[i] = gcl_view(dy, first, node->in[i]->shape);
        first += gcl_shape_count(node->in[i]->shape);
    }
}

const gcl_op gcl_op_pack = {.name = "pack",
                            .kind = GCL_KIND_PACK,
                            .n_in = -1,
                            .gradient = pack_gradient,
                            .evaluate = pack_evaluate};

/* A part is copied from where it lies, and constants lie nowhere: they become tables. */
static gcl_node *pack_of(gcl_graph *g, gcl_shape whole, gcl_node *const *parts, int n)
{
    gcl_node **in = gcl_alloc((size_t)n * sizeof(gcl_node *));
    for (int i = 0; i < n; i++) {
        double value;
        int is_constant =
            gcl_node_constant(parts[i], &value) && gcl_shape_count(parts[i]->shape) == 1;
        in[i] = is_constant ? gcl_table(g, parts[i]->shape, &value) : parts[i];
    }
    gcl_node *pack = gcl_node_new(g, &gcl_op_pack, whole, in, n, NULL);
    free(in);
    return pack;
}

gcl_node *gcl_pack(gcl_graph *g, gcl_node *const *parts, int n, const gcl_shape *shape)
{
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        count += gcl_shape_count(parts[i]->shape);
    if (count > INT32_MAX || count < 1)
        return gcl_graph_fail(g, "a pack of %lld elements is not possible", (long long)count);
    gcl_shape whole = shape ? *shape : gcl_shape_of(1, 1, 1, (int)count);
    if (gcl_shape_count(whole) != count)
        return gcl_graph_fail(g, "%lld packed elements do not make %s", (long long)count,
                              gcl_shape_text(whole));
    return n == 1 ? gcl_reshape(parts[0], whole) : pack_of(g, whole, parts, n);
}

/* ---- assign ---- */

static void assign_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    memcpy(out, in[1], (size_t)gcl_shape_count(node->shape) * sizeof *out);
}

const gcl_op gcl_op_assign = {
    .name = "assign", .kind = GCL_KIND_ASSIGN, .n_in = 2, .evaluate = assign_evaluate};

gcl_node *gcl_assign(gcl_node *target, gcl_node *value)
{
    gcl_node *in[2] = {target, value};
    if (target->op != &gcl_op_variable && target->op != &gcl_op_assign)
        return gcl_graph_fail(target->graph, "only a variable can be assigned to, not %s",
                              target->op->name);
    if (!gcl_shape_equal(target->shape, value->shape))
        return gcl_graph_fail(target->graph, "a value %s cannot be assigned to %s",
                              gcl_shape_text(value->shape), gcl_shape_text(target->shape));
    gcl_node *node = gcl_node_new(target->graph, &gcl_op_assign, target->shape, in, 2, NULL);
    target->graph->stale[target->id] = 1;
    return node;
}
