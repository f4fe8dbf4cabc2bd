/* The graph's own insides, shared by the files of this folder. */
#ifndef GCL_GRAPH_INTERNAL_H
#define GCL_GRAPH_INTERNAL_H

#include "graph/op.h"

struct gcl_graph {
    gcl_arena *arena;
    gcl_node **nodes;
    int n_nodes, cap_nodes;
    char *stale; /* by node id: 1 once another value was assigned in its place */
    int cap_stale;
    int *table; /* value numbering: open addressing, node id + 1 */
    int table_size;
    char scope[400];
    int scope_ends[32]; /* lengths to return to */
    int n_scopes;
    const char *scope_copy; /* arena copy of `scope`, made when first needed */
    const char *file;
    int line;
    char *error;
    gcl_node **outputs;
    int n_outputs, cap_outputs;
    const char **output_names;
    int cap_output_names;
    struct {
        const float *values;
        int64_t n;
    } * contents; /* of tables, each once */
    int n_contents, cap_contents;
    int recompute;  /* regions count */
    int region;     /* what is made now belongs to it, or 0 */
    int n_nested;   /* begins without their ends */
    int generation; /* what is looked for is found first among nodes of this generation, or 0 */
    int *region_first;
    int n_regions, cap_regions; /* region r begins with node region_first[r - 1] */
};

/* How an operand with shape `x` is walked when the result has shape `out`: stride 0 along
 * broadcast dimensions. */
void gcl_broadcast_strides(gcl_shape x, gcl_shape out, int64_t strides[4]);

/* What is made from now on bears the name and place of `node`. */
void gcl_graph_at_node(gcl_graph *g, const gcl_node *node);

/* A node like `node` with other operands. Where they are the same ones it is a node of the current
 * generation, so that it is not `node` itself. */
gcl_node *gcl_node_copy(gcl_node *node, gcl_node *const *in);

/* Opens a region: its number. */
int gcl_region_new(gcl_graph *g);

/* Whether an operand has been assigned to since (through views). */
int gcl_node_stale(const gcl_node *operand);

/* recompute.c: what the gradient rules of nodes in regions are called with.
 *
 *     gcl_again *again = gcl_again_new(y);                        NULL where there are no regions
 *     for each node, last first:
 *         rule(gcl_again_of(again, node), ...)
 *     gcl_again_free(again);                                                                   */
typedef struct gcl_again gcl_again;
gcl_again *gcl_again_new(const gcl_node *y);
void gcl_again_free(gcl_again *again); /* NULL is fine */
/* The node itself outside regions. Else its copy; the first of a region has the whole region copied.
 * Sets the region and generation of what is made next. */
gcl_node *gcl_again_of(gcl_again *again, gcl_node *node);

/* What dy, the gradient of the view `part`, is for `whole`: zeros around it. `whole` is what `part`
 * is a view of, or another view of the same that holds it. */
gcl_node *gcl_view_adjoint(const gcl_node *part, gcl_node *dy, const gcl_node *whole);

#endif
