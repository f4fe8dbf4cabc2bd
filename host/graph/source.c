/* Values that come from nowhere in the graph: inputs, variables, constants, tables, random numbers. */
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/internal.h"

/* ---- named sources and scalars ---- */

const gcl_op gcl_op_input = {.name = "input", .kind = GCL_KIND_SOURCE};
const gcl_op gcl_op_variable = {.name = "variable", .kind = GCL_KIND_SOURCE};
const gcl_op gcl_op_constant = {
    .name = "constant", .kind = GCL_KIND_SOURCE, .attr_bytes = sizeof(gcl_constant_attr)};

static int valid_shape(gcl_shape s)
{
    for (int i = 0; i < 4; i++)
        if (s.d[i] < 1)
            return 0;
    return 1;
}

static gcl_node *named(gcl_graph *g, const gcl_op *op, const char *name, gcl_shape shape)
{
    gcl_node *node = gcl_node_new(g, op, shape, NULL, 0, NULL);
    node->name = gcl_arena_printf(g->arena, "%s", name);
    return node;
}

gcl_node *gcl_input(gcl_graph *g, const char *name, gcl_dtype dtype, gcl_shape shape)
{
    if (!valid_shape(shape))
        return gcl_graph_fail(g, "input %s has an empty shape %s", name, gcl_shape_text(shape));
    gcl_node *node = named(g, &gcl_op_input, name, shape);
    node->dtype = dtype;
    return node;
}

gcl_node *gcl_variable(gcl_graph *g, const char *name, gcl_shape shape)
{
    return named(g, &gcl_op_variable, name, shape);
}

void gcl_variable_resize(gcl_node *variable, int64_t count)
{
    if (count > INT32_MAX)
        gcl_graph_fail(variable->graph, "%s would have more than 2^31 elements", variable->name);
    else
        variable->shape = gcl_shape_of(1, 1, 1, (int)count);
}

gcl_node *gcl_constant(gcl_graph *g, double value)
{
    gcl_constant_attr attr = {value};
    return gcl_node_new(g, &gcl_op_constant, gcl_shape_of(1, 1, 1, 1), NULL, 0, &attr);
}

int gcl_node_constant(const gcl_node *node, double *value)
{
    if (node->op != &gcl_op_constant)
        return 0;
    *value = ((const gcl_constant_attr *)node->attr)->value;
    return 1;
}

/* ---- tables ---- */

static void table_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const float *values = gcl_node_table(node);
    (void)in;
    for (int64_t i = 0; i < gcl_shape_count(node->shape); i++)
        out[i] = values[i];
}

const gcl_op gcl_op_table = {.name = "table",
                             .kind = GCL_KIND_SOURCE,
                             .attr_bytes = sizeof(gcl_table_attr),
                             .evaluate = table_evaluate};

const float *gcl_node_table(const gcl_node *node)
{
    return node->op == &gcl_op_table ? ((const gcl_table_attr *)node->attr)->values : NULL;
}

/* The graph's one copy of these numbers: tables are equal if their numbers are. */
static const float *intern(gcl_graph *g, const float *values, int64_t n)
{
    size_t bytes = (size_t)n * sizeof *values;
    for (int i = 0; i < g->n_contents; i++)
        if (g->contents[i].n == n && memcmp(g->contents[i].values, values, bytes) == 0)
            return g->contents[i].values;
    float *copy = gcl_arena_alloc(g->arena, bytes);
    memcpy(copy, values, bytes);
    GCL_GROW(g->contents, g->n_contents, g->cap_contents);
    g->contents[g->n_contents].n = n;
    g->contents[g->n_contents++].values = copy;
    return copy;
}

gcl_node *gcl_table(gcl_graph *g, gcl_shape shape, const double *values)
{
    if (!valid_shape(shape))
        return gcl_graph_fail(g, "a table has an empty shape %s", gcl_shape_text(shape));
    int64_t n = gcl_shape_count(shape);
    float *rounded = gcl_alloc((size_t)n * sizeof *rounded);
    for (int64_t i = 0; i < n; i++)
        rounded[i] = (float)values[i];
    gcl_table_attr attr = {intern(g, rounded, n)};
    free(rounded);
    return gcl_node_new(g, &gcl_op_table, shape, NULL, 0, &attr);
}

/* ---- random numbers ---- */

static void random_evaluate(const gcl_node *node, const double *const *in, double *out)
{
    const gcl_random_attr *a = node->attr;
    uint64_t seed = (uint64_t)in[0][0] | (uint64_t)in[0][1] << 32;
    uint32_t step = (uint32_t)in[0][2];
    int64_t n = gcl_shape_count(node->shape);
    for (int64_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)i;
        if (a->kind == GCL_RANDOM_NORMAL)
            out[i] = gcl_philox_normal(seed, step, a->stream, at);
        else
            out[i] = gcl_philox_uniform(seed, step, a->stream, at);
        if (a->kind == GCL_RANDOM_KEEP)
            out[i] = out[i] < (double)(float)a->keep ? 1 : 0;
    }
}

const gcl_op gcl_op_random = {.name = "random",
                              .kind = GCL_KIND_RANDOM,
                              .n_in = 1,
                              .attr_bytes = sizeof(gcl_random_attr),
                              .evaluate = random_evaluate};

static gcl_node *random_node(gcl_node *key, uint32_t stream, gcl_shape shape, uint32_t kind,
                             double keep)
{
    if (key->dtype != GCL_U32 || gcl_shape_count(key->shape) != 4)
        return gcl_graph_fail(key->graph, "a random key is a 32-bit input [1,1,1,4], not %s",
                              gcl_shape_text(key->shape));
    gcl_random_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.stream = stream;
    attr.kind = kind;
    attr.keep = keep;
    return gcl_node_new(key->graph, &gcl_op_random, shape, &key, 1, &attr);
}

gcl_node *gcl_random_uniform(gcl_node *key, uint32_t stream, gcl_shape shape)
{
    return random_node(key, stream, shape, GCL_RANDOM_UNIFORM, 0);
}

gcl_node *gcl_random_normal(gcl_node *key, uint32_t stream, gcl_shape shape)
{
    return random_node(key, stream, shape, GCL_RANDOM_NORMAL, 0);
}

gcl_node *gcl_random_keep(gcl_node *key, uint32_t stream, gcl_shape shape, double keep)
{
    return random_node(key, stream, shape, GCL_RANDOM_KEEP, keep);
}
