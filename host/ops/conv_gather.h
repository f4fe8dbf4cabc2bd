/* Convolution and its data gradient seen as one gather (cl/conv_vec.cl): what the vec variants of
 * both share. Each output row oh = ph*os + a of phase a reads input rows ph*is + i + ih0(a). */
#ifndef GCL_OPS_CONV_GATHER_H
#define GCL_OPS_CONV_GATHER_H

#include "ops/variants.h"

typedef struct gcl_gather {
    int n, h, w, c;                    /* what is read, and its (reduced) channels */
    int oh, ow, k;                     /* what is written */
    int r, s;
    int is_h, is_w, os_h, os_w;        /* input and output steps; one of them is 1 */
    int off_h, off_w;                  /* pad, or taps - 1 - pad for the forward direction */
    int low_h, low_w, span_h, span_w;  /* input rows ph*is + low .. + span - 1 serve every phase */
    int flip;                          /* 1: data gradient: filter transposed and reversed */
} gcl_gather;

/* Of a conv or conv_data node. */
gcl_gather gcl_gather_of(const gcl_node *node);
/* Fills the launch that packs the filter (in[1]) to the start of scratch, in blocks of cb
 * channels and nr outputs, outputs innermost, or channels if `narrow`. */
void gcl_gather_pack(const gcl_gather *g, int nr, int cb, int narrow,
                     gcl_launch *launch);
/* Tensors read and written once. */
double gcl_gather_bytes(const gcl_gather *g);

#endif
