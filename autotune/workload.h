/* A workload: what a kernel op has to compute, apart from any graph or device: the op, the shapes of
 * its operands and its result, its attributes. Two nodes with equal workloads run equally fast.
 *
 *     gcl_workload work;
 *     if (gcl_workload_of(node, &work) == 0) ...
 *     const gcl_node *alone = gcl_workload_node(&work, graph);      a node of its own, to be timed
 */
#ifndef GCL_AUTOTUNE_WORKLOAD_H
#define GCL_AUTOTUNE_WORKLOAD_H

#include <jansson.h>

#include "graph/op.h"

enum { GCL_WORKLOAD_IN = 4, GCL_WORKLOAD_WORDS = 32 };

typedef struct gcl_workload {
    const gcl_op *op;
    int n_in, n_words;
    gcl_shape in[GCL_WORKLOAD_IN], out;
    int32_t words[GCL_WORKLOAD_WORDS]; /* the attributes, as what they are: 32-bit integers */
} gcl_workload;

/* 0, or -1 for a node that is no kernel op or has more operands or attributes than fit. */
int gcl_workload_of(const gcl_node *node, gcl_workload *work);
int gcl_workload_equal(const gcl_workload *a, const gcl_workload *b);
/* How unlike two workloads are: the sum of |log2(a/b)| over all sizes and attributes. 0: equal;
 * infinite where the ops differ or an attribute is 0 in one only (a switch, a padding). */
double gcl_workload_distance(const gcl_workload *a, const gcl_workload *b);
/* A node of fresh variables in `graph` that is this workload. NULL where the graph takes none such. */
gcl_node *gcl_workload_node(const gcl_workload *work, gcl_graph *graph);
double gcl_workload_flops(const gcl_workload *work);
double gcl_workload_bytes(const gcl_workload *work); /* operands and result, once */

/* "conv [16,64,64,64] [4,4,64,128]", for people. */
void gcl_workload_text(const gcl_workload *work, char *text, size_t size);
/* Puts "op", "in", "out" and "attr" into the object. */
void gcl_workload_write(const gcl_workload *work, json_t *object);
/* From such an object; `ops` ends with NULL. 0; 1 for an op that is not there; -1 for what is no
 * workload. */
int gcl_workload_read(gcl_workload *work, const json_t *object, const gcl_op *const *ops);

#endif
