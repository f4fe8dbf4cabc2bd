/* Recomputation: regions of the forward pass, and their copies for the backward pass.
 *
 * Creation order is execution order, so a copy made when differentiation reaches a region runs right
 * before the region's gradients, and the first values of the region are free in between. Copied is
 * what y depends on, but for what is there anyway: sources, assigned values and views of them, values
 * that leave the region, and small ones (a batch norm's statistics need no second pass over the
 * activations then). A maximum is found again by comparing, so it is always copied with its terms. A
 * reader of a value that was assigned to meanwhile is not copied either: it cannot be computed again.
 *
 * The copies and the gradients made from them are a region of their own: second derivatives recompute
 * them in turn. */
#include <stdlib.h>

#include "graph/internal.h"

enum { KEPT_FLOATS = 4096 };

void gcl_graph_set_recompute(gcl_graph *g, int on) { g->recompute = on; }

int gcl_region_new(gcl_graph *g)
{
    GCL_GROW(g->region_first, g->n_regions, g->cap_regions);
    g->region_first[g->n_regions++] = g->n_nodes;
    return g->n_regions;
}

void gcl_region_begin(gcl_graph *g)
{
    if (g->n_nested++ == 0 && g->recompute)
        g->region = gcl_region_new(g);
}

void gcl_region_end(gcl_graph *g)
{
    if (g->n_nested > 0 && --g->n_nested == 0)
        g->region = 0;
}

struct gcl_again {
    gcl_graph *graph;
    gcl_node **copy; /* by node id; NULL: not made (yet) */
    char *wanted;    /* y depends on it */
    char *leaves;    /* its region, to be read outside */
    int outer;       /* the region that the caller builds */
    int region;      /* that is being differentiated */
};

static void mark(gcl_again *again, const gcl_node *y)
{
    again->wanted[y->id] = 1;
    for (int id = y->id; id >= 0; id--) {
        const gcl_node *node = again->graph->nodes[id];
        for (int i = 0; i < node->n_in && again->wanted[id]; i++) {
            const gcl_node *x = node->in[i];
            again->wanted[x->id] = 1;
            /* What shares storage with a view that leaves is kept as well. */
            if (x->region != node->region || (node->op == &gcl_op_view && again->leaves[id]))
                again->leaves[x->id] = 1;
        }
    }
}

gcl_again *gcl_again_new(const gcl_node *y)
{
    gcl_graph *g = y->graph;
    if (g->n_regions == 0)
        return NULL;
    gcl_again *again = gcl_alloc(sizeof *again);
    again->graph = g;
    again->copy = gcl_alloc((size_t)g->n_nodes * sizeof *again->copy);
    again->wanted = gcl_alloc((size_t)g->n_nodes);
    again->leaves = gcl_alloc((size_t)g->n_nodes);
    again->outer = g->region;
    mark(again, y);
    return again;
}

void gcl_again_free(gcl_again *again)
{
    if (again == NULL)
        return;
    again->graph->region = again->outer;
    again->graph->generation = 0;
    free(again->copy);
    free(again->wanted);
    free(again->leaves);
    free(again);
}

static gcl_node *copy_or_self(const gcl_again *again, gcl_node *node)
{
    return again->copy[node->id] ? again->copy[node->id] : node;
}

static int is_kept(const gcl_again *again, const gcl_node *node)
{
    gcl_op_kind kind = node->op->kind;
    if (!again->wanted[node->id] || again->leaves[node->id] || kind == GCL_KIND_SOURCE ||
        kind == GCL_KIND_ASSIGN)
        return 1;
    if (kind == GCL_KIND_VIEW)
        return again->copy[node->in[0]->id] == NULL;
    for (int i = 0; i < node->n_in; i++)
        if (gcl_node_stale(copy_or_self(again, node->in[i])))
            return 1;
    int maximum = kind == GCL_KIND_REDUCE && ((const gcl_reduce_attr *)node->attr)->maximum;
    return !maximum && gcl_shape_count(node->shape) <= KEPT_FLOATS;
}

static void copy_node(gcl_again *again, gcl_node *node)
{
    gcl_node **in = gcl_alloc((size_t)node->n_in * sizeof *in);
    for (int i = 0; i < node->n_in; i++)
        in[i] = copy_or_self(again, node->in[i]);
    gcl_graph_at_node(again->graph, node);
    again->copy[node->id] = gcl_node_copy(node, in);
    free(in);
}

/* Copies the region that ends with node `last`, or what of it can matter. */
static void copy_region(gcl_again *again, const gcl_node *last)
{
    gcl_graph *g = again->graph;
    for (int id = g->region_first[last->region - 1]; id <= last->id; id++) {
        gcl_node *node = g->nodes[id];
        if (node->region == last->region && !is_kept(again, node))
            copy_node(again, node);
    }
}

gcl_node *gcl_again_of(gcl_again *again, gcl_node *node)
{
    if (again == NULL)
        return node;
    gcl_graph *g = again->graph;
    if (node->region != again->region) {
        again->region = node->region;
        g->region = node->region ? gcl_region_new(g) : again->outer;
        g->generation = node->region ? g->region : 0;
        if (node->region != 0)
            copy_region(again, node);
    }
    return copy_or_self(again, node);
}
