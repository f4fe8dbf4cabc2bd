/* A graph as ONNX nodes.
 *
 *     gcl_lowering e = {.graph = graph, .nn = nn, .onnx = onnx, .constants = constants, .err = &err};
 *     gcl_lower_begin(&e, outputs, n);
 *     ... gcl_lowered_set for every input ...
 *     gcl_lower_nodes(&e);                                0, or -1 with the error set
 *     gcl_lowered_image(&e, outputs[0]);                 the name of the result [N,C,H,W]
 *     gcl_lower_end(&e);
 *
 * The graph is one of one picture: then nothing mixes pictures, each operation can be applied to any
 * number N of them, and reductions have no axis N (batch statistics are those of each picture).
 *
 * Layout. Our pictures are [N,H,W,C], ONNX's [N,C,H,W]. Every result is emitted as PyTorch would have it:
 * as an image [N,C,H,W], or, where it is one pixel, perhaps as rows [N,C]; operations then differ in the
 * numbers of their axes only, and no transposition is needed. A node that is the flattened form of an
 * image (before and after dense layers) is emitted as PyTorch flattens, C,H,W: `as` in gcl_lowered says so,
 * and weights are the file's, which are for that order. Only where a flattened result meets anything but
 * such a layer it is brought into our order, by a transposition.
 *
 * What depends on weights alone is an initialiser (export/constants.h). Convolutions take the bias that is
 * added behind them; batch norm, average pools and means, which are several nodes of the graph, become one.
 * An operation without a row in lower.c's table is an error that names scope and operation. */
#ifndef GCL_EXPORT_LOWER_H
#define GCL_EXPORT_LOWER_H

#include "export/constants.h"
#include "export/onnx.h"
#include "graph/op.h"

typedef enum gcl_form {
    GCL_IMAGE, /* [N,C,H,W]; constants [C,H,W] */
    GCL_ROWS   /* [N,C*H*W]; constants [C] */
} gcl_form;

/* A node's result: names of its forms, NULL where it has not been needed so. */
typedef struct gcl_lowered {
    const char *name[2]; /* by gcl_form */
    gcl_shape
        as; /* node's shape; or the image that the node's one pixel is the flattened form of */
} gcl_lowered;

typedef struct gcl_lowering {
    const gcl_graph *graph;
    const gcl_nn *nn;
    gcl_onnx *onnx;
    gcl_constants *constants;
    gcl_error *err;
    /* by node id, made by gcl_lower_begin */
    char *needed;
    int *uses,
        *user; /* how many nodes and outputs take it; the last of these nodes, -1: an output */
    gcl_lowered *results;
    const char **initialisers[4]; /* by gcl_constant_form */
    gcl_arena *arena;
} gcl_lowering;

void gcl_lower_begin(gcl_lowering *e, gcl_node *const *outputs, int n);
/* Errors: GCL_USAGE (an operation that ONNX has no form for), GCL_MEMORY, GCL_DEVICE. */
int gcl_lower_nodes(gcl_lowering *e);
void gcl_lower_end(gcl_lowering *e);

/* Whether a node has to be emitted: it is needed and depends on an input. */
int gcl_lower_wants(const gcl_lowering *e, const gcl_node *node);

/* ---- for the files that emit (lower_*.c) ------------------------------------------------------------ */

/* Appends a node whose result, of shape [1,h,w,c], stands in `form`; named by the graph node's scope.
 * Returns the result's name. */
const char *gcl_lower(gcl_lowering *e, const gcl_node *node, const char *op, const char *const *in,
                      int n_in, gcl_shape shape, gcl_form form);
/* The same of a result that is not of floats, or whose shape is nobody's business. */
const char *gcl_lower_bare(gcl_lowering *e, const gcl_node *node, const char *op,
                           const char *const *in, int n_in);
/* Records what the node's result is. */
void gcl_lowered_set(gcl_lowering *e, const gcl_node *node, const char *name, gcl_form form);
void gcl_lowered_set_as(gcl_lowering *e, const gcl_node *node, const char *name, gcl_form form,
                        gcl_shape as);
/* The result in a form, in our order of elements: converts where it must. */
const char *gcl_lowered_in(gcl_lowering *e, const gcl_node *node, gcl_form form);
/* The same of the image that it is the flattened form of: see `as`. */
const char *gcl_lowered_stored(gcl_lowering *e, const gcl_node *node, gcl_form form);
const gcl_lowered *gcl_lowered_of(const gcl_lowering *e, const gcl_node *node);
/* The form that costs nothing. */
gcl_form gcl_lowered_form(const gcl_lowering *e, const gcl_node *node);

/* Constants, each in the form that its use wants. */
typedef enum gcl_constant_form {
    GCL_CONSTANT_IMAGE,  /* [C,H,W], to be spread over images; one number: a scalar */
    GCL_CONSTANT_ROWS,   /* [C], to be spread over rows; one number: a scalar */
    GCL_CONSTANT_VECTOR, /* [C] */
    GCL_CONSTANT_FILE    /* as checkpoints have it: filters [K,C,R,S], matrices [out,in] */
} gcl_constant_form;
const char *gcl_lower_constant(gcl_lowering *e, const gcl_node *node, gcl_constant_form form);
/* A number as a scalar. */
const char *gcl_lower_number(gcl_lowering *e, double value);
/* An operand of a pointwise operation, whether it is constant or not. */
const char *gcl_lower_operand(gcl_lowering *e, const gcl_node *node, gcl_form form);

int gcl_lower_is_constant(const gcl_lowering *e, const gcl_node *node);
/* The only node that takes it; NULL if there are several, or it is an output. */
const gcl_node *gcl_lower_sole_user(const gcl_lowering *e, const gcl_node *node);
int gcl_lower_is(const gcl_node *node, const char *op);
/* Records the error, with the node's scope and operation. */
void gcl_lower_fail(gcl_lowering *e, const gcl_node *node, const char *why);

void gcl_lower_conv(gcl_lowering *e, const gcl_node *node);      /* lower_contraction.c */
void gcl_lower_conv_data(gcl_lowering *e, const gcl_node *node); /* ... */
void gcl_lower_depthwise(gcl_lowering *e, const gcl_node *node);
void gcl_lower_matmul(gcl_lowering *e, const gcl_node *node);

void gcl_lower_reduce(gcl_lowering *e, const gcl_node *node); /* lower_resample.c */
void gcl_lower_sum_pool(gcl_lowering *e, const gcl_node *node);
void gcl_lower_repeat(gcl_lowering *e, const gcl_node *node);
void gcl_lower_bilinear(gcl_lowering *e, const gcl_node *node);
void gcl_lower_pixel_shuffle(gcl_lowering *e, const gcl_node *node);

void gcl_lower_view(gcl_lowering *e, const gcl_node *node); /* lower_shape.c */
void gcl_lower_slice(gcl_lowering *e, const gcl_node *node);
void gcl_lower_pad(gcl_lowering *e, const gcl_node *node);
void gcl_lower_concat(gcl_lowering *e, const gcl_node *node);
void gcl_lower_broadcast(gcl_lowering *e, const gcl_node *node);

/* lower_pointwise.c: any of graph/pointwise.def. */
void gcl_lower_pointwise(gcl_lowering *e, const gcl_node *node);
int gcl_lower_knows(const char *pointwise_op);

/* lower_norm.c: 1 if the node is the subtraction that a batch norm with fixed statistics begins with, which
 * is then emitted as one node. */
int gcl_lower_norm(gcl_lowering *e, const gcl_node *node);

#endif
