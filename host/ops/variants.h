/* The variants of the kernel ops, each family in a file of its own. A row in conv.c or gemm.c lists
 * them, best first, naive last. For library-internal use by ops/. */
#ifndef GCL_OPS_VARIANTS_H
#define GCL_OPS_VARIANTS_H

#include "ops/ops.h"

/* conv_vec.c, gemm_vec.c: work-group size 1, register block, explicit vectors; CPUs. */
extern const gcl_variant gcl_conv_vec, gcl_conv_data_vec, gcl_conv_weight_vec;
/* The same, vectorised over input channels, for few output channels (7x7 to 3). */
extern const gcl_variant gcl_conv_vec_narrow, gcl_conv_data_vec_narrow, gcl_conv_weight_vec_narrow;
/* A sum over taps, from the filter as it lies: few pixels. */
extern const gcl_variant gcl_conv_vec_taps, gcl_conv_data_vec_taps;
/* winograd.c, winograd_weight.c: fewer products, by sums of pixels; CPUs. */
extern const gcl_variant gcl_conv_winograd, gcl_conv_data_winograd, gcl_conv_weight_winograd;
extern const gcl_variant gcl_matmul_vec;
/* conv_tile.c, gemm_tile.c: local memory and many work-items; GPUs. */
extern const gcl_variant gcl_conv_tile, gcl_conv_data_tile, gcl_conv_weight_tile, gcl_matmul_tile;
/* conv_naive.c, gemm_naive.c: one output a work-item, always applies. */
extern const gcl_variant gcl_conv_naive, gcl_conv_data_naive, gcl_conv_weight_naive,
    gcl_matmul_naive;
extern const gcl_variant gcl_matmul_clblast; /* gemm_clblast.c: the library's SGEMM */

/* Shared by recipes. */
gcl_arg gcl_arg_in(int index);
gcl_arg gcl_arg_out(void);
gcl_arg gcl_arg_scratch(int64_t first_float);
gcl_arg gcl_arg_int(int64_t value);
gcl_arg gcl_arg_local(int64_t floats);

#endif
