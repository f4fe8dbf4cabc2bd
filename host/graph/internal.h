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
};

/* How an operand with shape `x` is walked when the result has shape `out`: stride 0 along
 * broadcast dimensions. */
void gcl_broadcast_strides(gcl_shape x, gcl_shape out, int64_t strides[4]);

/* What dy, the gradient of the view `part`, is for `whole`: zeros around it. `whole` is what `part`
 * is a view of, or another view of the same that holds it. */
gcl_node *gcl_view_adjoint(const gcl_node *part, gcl_node *dy, const gcl_node *whole);

#endif
