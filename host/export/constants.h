/* What of a graph depends on its weights alone: filters after weight norm, the state that a decoder
 * starts from. Their values, from the variables of a store.
 *
 *     gcl_constants *c = gcl_constants_new(graph, nn, store);
 *     if (gcl_constants_is(c, filter))
 *         gcl_constants_values(c, filter, values, &err);         gcl_shape_count(filter->shape) floats
 *     gcl_constants_free(c);
 *
 * A parameter is given as it is; what is computed of parameters, in double precision, then rounded. */
#ifndef GCL_EXPORT_CONSTANTS_H
#define GCL_EXPORT_CONSTANTS_H

#include "nn/nn.h"
#include "plan/store.h"

typedef struct gcl_constants gcl_constants;

/* Keeps all three. */
gcl_constants *gcl_constants_new(const gcl_graph *graph, const gcl_nn *nn, gcl_store *store);
void gcl_constants_free(gcl_constants *c); /* NULL is fine */

/* Whether no input and no random number is behind the node. */
int gcl_constants_is(const gcl_constants *c, const gcl_node *node);
/* The tensor that the node is; NULL where it is none. */
const gcl_tensor *gcl_constants_tensor(const gcl_constants *c, const gcl_node *node);
/* Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_constants_values(gcl_constants *c, const gcl_node *node, float *values, gcl_error *err);

#endif
