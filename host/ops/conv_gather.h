/* Convolution and its data gradient seen as one gather (cl/conv_vec.cl): what the vec variants of
 * both share. Each output row oh = ph*os + a of phase a reads input rows ph*is + i + ih0(a). */
#ifndef GCL_OPS_CONV_GATHER_H
#define GCL_OPS_CONV_GATHER_H

#include "ops/variants.h"

typedef struct gcl_gather {
    int n, h, w, c; /* what is read, and its (reduced) channels */
    int oh, ow, k;  /* what is written */
    int r, s;
    int is_h, is_w, os_h, os_w;       /* input and output steps; one of them is 1 */
    int off_h, off_w;                 /* pad, or taps - 1 - pad for the forward direction */
    int low_h, low_w, span_h, span_w; /* input rows ph*is + low .. + span - 1 serve every phase */
    int flip;                         /* 1: data gradient: filter transposed and reversed */
} gcl_gather;

/* Of a conv or conv_data node. */
gcl_gather gcl_gather_of(const gcl_node *node);
/* A filter as it lies, [R,S,C,K], packed to `scratch` in blocks of cb channels and nr outputs. The
 * innermost index is the output if `length` is 1, else that many channels. */
void gcl_gather_pack(const gcl_gather *g, int nr, int cb, int length, gcl_arg filter,
                     gcl_arg scratch, gcl_launch *launch);
/* Tensors read and written once. */
double gcl_gather_bytes(const gcl_gather *g);

/* The launches of cl/conv_vec.cl and their parameters. */
enum {
    GCL_GATHER_V,
    GCL_GATHER_MR,
    GCL_GATHER_NR,
    GCL_GATHER_CB,
    GCL_GATHER_PB,
    GCL_GATHER_QB,
    GCL_GATHER_CC,
    GCL_GATHER_KG,
    GCL_GATHER_PARAMS
};
void gcl_gather_defaults(const gcl_gather *g, const gcl_limits *limits, int *values);
int gcl_gather_fits(const gcl_gather *g, const gcl_limits *limits, const int *values);
/* Cycles, roughly, of one core for both launches with those defaults: what other variants, with
 * estimates of their own, compare themselves to. */
double gcl_gather_cycles(const gcl_gather *g, const gcl_limits *limits);
/* Appends the two launches and their scratch to a recipe; values must fit. */
void gcl_gather_launches(const gcl_gather *g, const int *values, gcl_arg x, gcl_arg filter,
                         gcl_recipe *recipe);

/* The same for cl/conv_weight_vec.cl. */
enum {
    GCL_WEIGHT_V,
    GCL_WEIGHT_MR,
    GCL_WEIGHT_NR,
    GCL_WEIGHT_CB,
    GCL_WEIGHT_PIXELS,
    GCL_WEIGHT_CC,
    GCL_WEIGHT_KC,
    GCL_WEIGHT_GROUPS,
    GCL_WEIGHT_PARAMS
};
void gcl_weight_defaults(const gcl_conv_attr *a, const gcl_limits *limits, int *values);
int gcl_weight_fits(const gcl_conv_attr *a, const gcl_limits *limits, const int *values);
void gcl_weight_launches(const gcl_conv_attr *a, const int *values, gcl_arg x, gcl_arg y,
                         gcl_recipe *recipe);

#endif
