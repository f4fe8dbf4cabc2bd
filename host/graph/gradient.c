/* Reverse-mode differentiation: appends the gradient's nodes to the graph. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"

/* Views of one storage are siblings in the graph, whatever was made from what: a reshaped parameter
 * is another view of the network's variable, not a view of the parameter. So what is asked for, if
 * it is a view, also gets the gradient of every view that lies inside of it. Returns the wrt that
 * holds `node` so, or NULL. */
static gcl_node *holder(const gcl_node *node, gcl_node *const *wrt, int n)
{
    if (node->op != &gcl_op_view)
        return NULL;
    const gcl_view_attr *a = node->attr;
    int64_t end = a->first + gcl_shape_count(node->shape);
    for (int i = 0; i < n; i++) {
        if (wrt[i]->op != &gcl_op_view || wrt[i]->in[0] != node->in[0] || wrt[i] == node)
            continue;
        const gcl_view_attr *b = wrt[i]->attr;
        if (a->detached == b->detached && a->first >= b->first &&
            end <= b->first + gcl_shape_count(wrt[i]->shape))
            return wrt[i];
    }
    return NULL;
}

/* depends[id] = 1 if the node's value depends on some wrt through differentiable paths. */
static char *dependence(const gcl_graph *g, int last, gcl_node *const *wrt, int n)
{
    char *depends = gcl_alloc((size_t)g->n_nodes);
    for (int i = 0; i < n; i++)
        depends[wrt[i]->id] = 1;
    for (int id = 0; id <= last; id++) {
        const gcl_node *node = g->nodes[id];
        for (int i = 0; i < node->n_in && node->op->gradient != NULL; i++)
            if (depends[node->in[i]->id])
                depends[id] = 1;
        if (!depends[id] && holder(node, wrt, n) != NULL)
            depends[id] = 1;
    }
    return depends;
}

static void add_to(gcl_node **sum, gcl_node *term)
{
    *sum = *sum == NULL ? term : gcl_add(*sum, term);
}

/* Sends the gradient dy of `node` on to its operands. `rule_node` is the node or its like, computed
 * again: whose values the rule may use. */
static void propagate(gcl_node *node, gcl_node *rule_node, gcl_node *dy, const char *depends,
                      gcl_node **gradient)
{
    gcl_graph *g = node->graph;
    int *wanted = gcl_alloc((size_t)node->n_in * sizeof *wanted);
    gcl_node **dx = gcl_alloc((size_t)node->n_in * sizeof *dx);
    for (int i = 0; i < node->n_in; i++)
        wanted[i] = depends[node->in[i]->id];
    node->op->gradient(rule_node, dy, wanted, dx);
    for (int i = 0; i < node->n_in; i++) {
        gcl_node *x = node->in[i];
        if (!wanted[i] || dx[i] == NULL)
            continue;
        gcl_node *term = gcl_sum_to(dx[i], x->shape);
        term = gcl_broadcast(term, x->shape); /* a scalar factor may be smaller than its operand */
        if (!gcl_shape_equal(term->shape, x->shape))
            gcl_graph_fail(g, "gradient of %s has shape %s for an operand %s", node->op->name,
                           gcl_shape_text(term->shape), gcl_shape_text(x->shape));
        else
            add_to(&gradient[x->id], term);
    }
    free(wanted);
    free(dx);
}

int gcl_gradients_from(gcl_node *y, gcl_node *dy, gcl_node *const *wrt, int n, gcl_node **gradients)
{
    gcl_graph *g = y->graph;
    if (!gcl_shape_equal(y->shape, dy->shape)) {
        gcl_graph_fail(g, "gradient %s given for %s", gcl_shape_text(dy->shape),
                       gcl_shape_text(y->shape));
        return -1;
    }
    int last = y->id;
    char *depends = dependence(g, last, wrt, n);
    char *stop = gcl_alloc((size_t)g->n_nodes);
    gcl_node **gradient = gcl_alloc((size_t)g->n_nodes * sizeof *gradient);
    for (int i = 0; i < n; i++)
        stop[wrt[i]->id] = 1;
    gradient[last] = dy;
    gcl_again *again = gcl_again_new(y);
    const char *file = g->file;
    int line = g->line;
    char *scope = gcl_strdup(g->scope);
    for (int id = last; id >= 0; id--) {
        gcl_node *node = g->nodes[id];
        if (gradient[id] == NULL || !depends[id] || stop[id] || node->op->gradient == NULL)
            continue;
        /* What differentiation adds bears the name and place of what is differentiated. */
        gcl_node *rule_node = gcl_again_of(again, node);
        gcl_graph_at_node(g, node);
        gcl_node *whole = holder(node, wrt, n);
        if (whole != NULL)
            add_to(&gradient[whole->id], gcl_view_adjoint(node, gradient[id], whole));
        else
            propagate(node, rule_node, gradient[id], depends, gradient);
    }
    gcl_again_free(again);
    snprintf(g->scope, sizeof g->scope, "%s", scope);
    g->scope_copy = NULL;
    g->file = file;
    g->line = line;
    for (int i = 0; i < n; i++) {
        gcl_node *found = gradient[wrt[i]->id];
        gradients[i] = found ? found : gcl_broadcast(gcl_constant(g, 0), wrt[i]->shape);
    }
    free(scope);
    free(depends);
    free(stop);
    free(gradient);
    return g->error ? -1 : 0;
}

int gcl_gradients(gcl_node *y, gcl_node *const *wrt, int n, gcl_node **gradients)
{
    if (gcl_shape_count(y->shape) != 1) {
        gcl_graph_fail(y->graph, "gradients start from a scalar, not from %s",
                       gcl_shape_text(y->shape));
        return -1;
    }
    gcl_node *one = gcl_broadcast(gcl_constant(y->graph, 1), y->shape);
    return gcl_gradients_from(y, one, wrt, n, gradients);
}
