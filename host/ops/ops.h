/* Contractions and stencils: the builders, and the list of op rows that tests, benchmark and tuner
 * walk over. To add an op: ops/x.c with its row, cl/x.cl, a line in gcl_ops[] (ops/list.c).
 *
 * Convolution in NHWC, filters [R,S,C,K]. With h = p*stride + r - pad, w = q*stride + s - pad and
 * terms outside the input being zero, all three are partials of one trilinear form
 *     L(x, f, y) = sum_{n,p,q,r,s,c,k} x[n,h,w,c] f[r,s,c,k] y[n,p,q,k]
 *     conv        y[n,p,q,k] = dL/dy      convolution (cross-correlation, as in every framework)
 *     conv_data   x[n,h,w,c] = dL/dx      its data gradient = transposed convolution
 *     conv_weight f[r,s,c,k] = dL/df      its weight gradient
 * so the gradients of each are the other two. */
#ifndef GCL_OPS_OPS_H
#define GCL_OPS_OPS_H

#include "graph/op.h"

/* The geometry shared by the three. p = (h + 2*pad - r) / stride + 1 rounded down, q likewise; for
 * conv_data any h with that p is allowed (output padding). */
typedef struct gcl_conv_attr {
    int32_t n, h, w, c, k, p, q, r, s;
    int32_t stride_h, stride_w, pad_h, pad_w;
} gcl_conv_attr;

/* x [N,H,W,C], f [R,S,C,K] -> [N,P,Q,K]. torch.nn.functional.conv2d with f permuted (2,3,1,0). */
gcl_node *gcl_conv(gcl_node *x, gcl_node *f, int stride, int pad);
/* y [N,P,Q,K], f [R,S,C,K] -> [N,H,W,C]: conv_transpose2d of y, whose weight [in=K,out=C,R,S] is f
 * permuted (3,2,0,1). h, w: the wanted size, or 0 for (P-1)*stride - 2*pad + R. */
gcl_node *gcl_conv_data(gcl_node *y, gcl_node *f, int stride, int pad, int h, int w);
/* x [N,H,W,C], y [N,P,Q,K] -> [R,S,C,K]. */
gcl_node *gcl_conv_weight(gcl_node *x, gcl_node *y, int r, int s, int stride, int pad);

/* C = op(A) op(B), row-major; a node is the matrix [d0*d1*d2, d3]. op transposes when asked. The
 * result is [1,1,m,n], or has a's first three dimensions when a is not transposed. 1x1 convolutions
 * and dense layers are this. */
typedef struct gcl_matmul_attr {
    int32_t m, n, k, transpose_a, transpose_b, unused;
} gcl_matmul_attr;
gcl_node *gcl_matmul(gcl_node *a, gcl_node *b, int transpose_a, int transpose_b);

/* Box of x starting at `begin`, of `shape`: a view of x where it is one stretch of its storage. And
 * its adjoint: zeros of `shape` with x put at `begin`. */
typedef struct gcl_box_attr {
    int32_t begin[4], step[4];
} gcl_box_attr;
gcl_node *gcl_slice(gcl_node *x, const int begin[4], gcl_shape shape);
gcl_node *gcl_pad(gcl_node *x, const int begin[4], gcl_shape shape);
/* The same with steps of 1 and more: element i of the result's dimension d is x's begin[d] + i * step[d];
 * and its adjoint, which puts x's elements that far apart into zeros. */
gcl_node *gcl_slice_step(gcl_node *x, const int begin[4], const int step[4], gcl_shape shape);
gcl_node *gcl_pad_step(gcl_node *x, const int begin[4], const int step[4], gcl_shape shape);

/* x backwards along dimension d (0 to 3): element i is x's n-1-i. Its own adjoint; a slice in steps of
 * -1. torch.flip. */
gcl_node *gcl_mirror(gcl_node *x, int d);

/* Concatenation over channels of n tensors [N,H,W,Ci] -> [N,H,W,sum Ci]. (Over n: gcl_pack.) */
gcl_node *gcl_concat(gcl_node *const *parts, int n);

/* Depthwise convolution, stride 1, filters f [R,S,1,C], zeros outside:
 *     y[n,p,q,c] = sum_{r,s} x[n, p + r - pad_h, q + s - pad_w, c] f[r,s,0,c]
 * with P = H + 2 pad_h - R + 1, Q likewise, 0 <= pad_h < R. Its data gradient is the same with the
 * filter `turned` by half a circle and pads R-1-pad_h, S-1-pad_w. conv2d with groups = C. */
typedef struct gcl_depthwise_attr {
    int32_t n, h, w, c, p, q, r, s, pad_h, pad_w, turned, unused;
} gcl_depthwise_attr;
gcl_node *gcl_depthwise(gcl_node *x, gcl_node *f, int pad_h, int pad_w);
/* x [N,H,W,C], y [N,P,Q,C] -> its weight gradient [R,S,1,C]. */
gcl_node *gcl_depthwise_weight(gcl_node *x, gcl_node *y, int r, int s, int pad_h, int pad_w);

/* Sums over k x k windows without overlap: [N,H,W,C] -> [N,H/k,W/k,C]; rows and columns left over
 * are dropped. Average pooling is this divided by k*k. And its adjoint: every element k x k times,
 * zeros in rows and columns left over: nearest up-sampling. h, w: the wanted size, 0 for k * H. */
typedef struct gcl_pool_attr {
    int32_t k;
} gcl_pool_attr;
gcl_node *gcl_sum_pool(gcl_node *x, int k);
gcl_node *gcl_repeat(gcl_node *x, int k, int h, int w);

/* Twice the size by bilinear interpolation. Source position of output i of 2n: with corners aligned
 * i (n-1) / (2n-1), else max(0, (i + 0.5) / 2 - 0.5), the last element repeated beyond the end.
 * torch.nn.functional.interpolate. The adjoint halves the size. */
enum { GCL_BILINEAR_MOST = 16384 }; /* pixels a side of the smaller picture */
typedef struct gcl_bilinear_attr {
    int32_t aligned;
} gcl_bilinear_attr;
gcl_node *gcl_bilinear(gcl_node *x, int align_corners);
gcl_node *gcl_bilinear_adjoint(gcl_node *y, int align_corners);

/* Pixel shuffle: y[n, k h + a, k w + b, c] = x[n, h, w, c k k + a k + b]; and its inverse.
 * torch.nn.functional.pixel_shuffle, pixel_unshuffle. */
typedef struct gcl_shuffle_attr {
    int32_t k;
} gcl_shuffle_attr;
gcl_node *gcl_pixel_shuffle(gcl_node *x, int k);
gcl_node *gcl_pixel_unshuffle(gcl_node *y, int k);

/* All kernel ops, NULL-terminated. */
extern const gcl_op *const gcl_ops[];
extern const gcl_op gcl_op_conv, gcl_op_conv_data, gcl_op_conv_weight, gcl_op_matmul, gcl_op_slice,
    gcl_op_pad, gcl_op_concat, gcl_op_sum_pool, gcl_op_repeat, gcl_op_bilinear,
    gcl_op_bilinear_adjoint, gcl_op_pixel_shuffle, gcl_op_pixel_unshuffle, gcl_op_depthwise,
    gcl_op_depthwise_weight;

#endif
