#include "export/constants.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/op.h"

struct gcl_constants {
    const gcl_graph *graph;
    const gcl_nn *nn;
    gcl_store *store;
    char *varies;       /* by node id */
    float **variables;  /* by node id: what the store has; fetched when first asked for */
    gcl_values *values; /* of what is computed */
};

gcl_constants *gcl_constants_new(const gcl_graph *graph, const gcl_nn *nn, gcl_store *store)
{
    gcl_constants *c = gcl_alloc(sizeof *c);
    int n = gcl_graph_size(graph);
    *c = (gcl_constants){.graph = graph, .nn = nn, .store = store};
    c->varies = gcl_alloc((size_t)n + 1);
    c->variables = gcl_alloc(((size_t)n + 1) * sizeof *c->variables);
    c->values = gcl_values_new(graph);
    for (int id = 0; id < n; id++) {
        const gcl_node *node = gcl_graph_node(graph, id);
        c->varies[id] = node->op == &gcl_op_input || node->op->kind == GCL_KIND_RANDOM;
        for (int i = 0; i < node->n_in; i++)
            c->varies[id] |= c->varies[node->in[i]->id];
    }
    return c;
}

void gcl_constants_free(gcl_constants *c)
{
    if (c == NULL)
        return;
    for (int id = 0; id < gcl_graph_size(c->graph); id++)
        free(c->variables[id]);
    gcl_values_free(c->values);
    free(c->variables);
    free(c->varies);
    free(c);
}

int gcl_constants_is(const gcl_constants *c, const gcl_node *node) { return !c->varies[node->id]; }

/* The variable that a node is a part of, and its first element there. NULL: it is computed. */
static const gcl_node *variable_of(const gcl_node *node, int64_t *first)
{
    *first = 0;
    if (node->op == &gcl_op_view && node->in[0]->op == &gcl_op_variable) {
        *first = ((const gcl_view_attr *)node->attr)->first;
        return node->in[0];
    }
    return node->op == &gcl_op_variable ? node : NULL;
}

const gcl_tensor *gcl_constants_tensor(const gcl_constants *c, const gcl_node *node)
{
    int64_t first;
    const gcl_node *variable = variable_of(node, &first);
    for (int i = 0; variable != NULL && i < gcl_nn_tensors(c->nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(c->nn, i);
        if (tensor->first == first && strcmp(tensor->variable, variable->name) == 0 &&
            gcl_tensor_count(tensor) == gcl_shape_count(node->shape))
            return tensor;
    }
    return NULL;
}

static const float *fetch(gcl_constants *c, const gcl_node *variable, gcl_error *err)
{
    float **place = &c->variables[variable->id];
    int64_t n = gcl_shape_count(variable->shape);
    if (*place != NULL)
        return *place;
    *place = gcl_try_alloc((size_t)n * sizeof **place, variable->name, err);
    if (*place != NULL && gcl_store_read(c->store, variable->name, *place, n, err) != 0) {
        free(*place);
        *place = NULL;
    }
    return *place;
}

/* Gives the oracle every part of a variable that the node is computed of. */
static int give(gcl_constants *c, const gcl_node *node, gcl_error *err)
{
    int64_t first, n = gcl_shape_count(node->shape);
    const gcl_node *variable = variable_of(node, &first);
    if (gcl_values_of(c->values, node) != NULL)
        return 0;
    for (int i = 0; variable == NULL && i < node->n_in; i++)
        if (give(c, node->in[i], err) != 0)
            return -1;
    if (variable == NULL)
        return 0;
    const float *from = fetch(c, variable, err);
    if (from == NULL)
        return -1;
    double *to = gcl_values_set(c->values, node);
    for (int64_t i = 0; i < n; i++)
        to[i] = from[first + i];
    return 0;
}

int gcl_constants_values(gcl_constants *c, const gcl_node *node, float *values, gcl_error *err)
{
    int64_t first, n = gcl_shape_count(node->shape);
    const gcl_node *variable = variable_of(node, &first);
    if (variable != NULL) {
        const float *from = fetch(c, variable, err);
        if (from != NULL)
            memcpy(values, from + first, (size_t)n * sizeof *values);
        return from != NULL ? 0 : -1;
    }
    gcl_node *wanted = gcl_graph_node(c->graph, node->id);
    if (give(c, node, err) != 0 || gcl_values_compute(c->values, &wanted, 1, err) != 0)
        return -1;
    const double *from = gcl_values_of(c->values, node);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)from[i];
    gcl_values_forget(c->values);
    return 0;
}
