/* The variants of depthwise convolution, each family in a file of its own. For use by ops/. */
#ifndef GCL_OPS_DEPTHWISE_H
#define GCL_OPS_DEPTHWISE_H

#include "ops/variants.h"

extern const gcl_variant gcl_depthwise_naive, gcl_depthwise_weight_naive;
/* Work-group size 1, rows of outputs or of taps in registers, explicit vectors; CPUs. */
extern const gcl_variant gcl_depthwise_vec, gcl_depthwise_weight_vec;
/* The same for few channels: vectors along rows. */
extern const gcl_variant gcl_depthwise_vec_narrow;
/* Channels across work-items; GPUs. */
extern const gcl_variant gcl_depthwise_tile, gcl_depthwise_weight_tile;

/* Bytes of the operands and the result, each once. */
double gcl_depthwise_bytes(const gcl_node *node);

#endif
