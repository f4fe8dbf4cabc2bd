/* The kernel ops: one line each. */
#include "ops/ops.h"

const gcl_op *const gcl_ops[] = {
    &gcl_op_conv,
    &gcl_op_conv_data,
    &gcl_op_conv_weight,
    &gcl_op_matmul,
    &gcl_op_slice,
    &gcl_op_pad,
    &gcl_op_concat,
    &gcl_op_sum_pool,
    &gcl_op_repeat,
    &gcl_op_bilinear,
    &gcl_op_bilinear_adjoint,
    &gcl_op_pixel_shuffle,
    &gcl_op_pixel_unshuffle,
    &gcl_op_depthwise,
    &gcl_op_depthwise_weight,
    NULL,
};
