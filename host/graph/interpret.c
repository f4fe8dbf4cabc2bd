/* The oracle: evaluates a graph on the host in double precision. */
#include <stdlib.h>

#include "graph/internal.h"

struct gcl_values {
    const gcl_graph *graph;
    double **value; /* by node id */
    char *given;    /* set by the caller: kept by gcl_values_forget */
    int n;
};

gcl_values *gcl_values_new(const gcl_graph *g)
{
    gcl_values *v = gcl_alloc(sizeof *v);
    v->graph = g;
    v->n = g->n_nodes;
    v->value = gcl_alloc((size_t)v->n * sizeof *v->value);
    v->given = gcl_alloc((size_t)v->n);
    return v;
}

void gcl_values_free(gcl_values *v)
{
    if (v == NULL)
        return;
    for (int i = 0; i < v->n; i++)
        free(v->value[i]);
    free(v->value);
    free(v->given);
    free(v);
}

void gcl_values_forget(gcl_values *v)
{
    for (int i = 0; i < v->n; i++)
        if (!v->given[i]) {
            free(v->value[i]);
            v->value[i] = NULL;
        }
}

static double *room(gcl_values *v, const gcl_node *node)
{
    if (v->value[node->id] == NULL)
        v->value[node->id] = gcl_alloc((size_t)gcl_shape_count(node->shape) * sizeof(double));
    return v->value[node->id];
}

double *gcl_values_set(gcl_values *v, const gcl_node *node)
{
    v->given[node->id] = 1;
    return room(v, node);
}

const double *gcl_values_of(const gcl_values *v, const gcl_node *node)
{
    return node->id < v->n ? v->value[node->id] : NULL;
}

static int compute(gcl_values *v, const gcl_node *node, gcl_error *err)
{
    double constant;
    if (gcl_node_constant(node, &constant)) {
        room(v, node)[0] = constant;
        return 0;
    }
    if (node->op->kind == GCL_KIND_SOURCE && node->op->evaluate == NULL) {
        room(v, node); /* what was not set is zero */
        return 0;
    }
    if (node->op->evaluate == NULL)
        return gcl_fail(err, GCL_FAILED, "op %s has no evaluation in double", node->op->name);
    const double **in = gcl_alloc((size_t)node->n_in * sizeof *in);
    for (int i = 0; i < node->n_in; i++)
        in[i] = v->value[node->in[i]->id];
    node->op->evaluate(node, in, room(v, node));
    free(in);
    return 0;
}

int gcl_values_compute(gcl_values *v, gcl_node *const *wanted, int n, gcl_error *err)
{
    if (v->graph->error != NULL)
        return gcl_fail(err, GCL_USAGE, "%s", v->graph->error);
    char *need = gcl_alloc((size_t)v->n);
    for (int i = 0; i < n; i++)
        need[wanted[i]->id] = 1;
    for (int id = v->n - 1; id >= 0; id--)
        if (need[id] && v->value[id] == NULL)
            for (int i = 0; i < v->graph->nodes[id]->n_in; i++)
                need[v->graph->nodes[id]->in[i]->id] = 1;
    int status = 0;
    for (int id = 0; id < v->n && status == 0; id++)
        if (need[id] && v->value[id] == NULL)
            status = compute(v, v->graph->nodes[id], err);
    free(need);
    return status;
}
