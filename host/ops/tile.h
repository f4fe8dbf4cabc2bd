/* The launches of cl/tile.cl, for convolutions (conv_tile.c) and products (gemm_tile.c). */
#ifndef GCL_OPS_TILE_H
#define GCL_OPS_TILE_H

#include "ops/variants.h"

/* A node as cl/tile.cl sees it: out[m,n] = sum_k A[m,k] B[k,n]. */
typedef struct gcl_tile_job {
    int64_t m, n, k;                    /* of the largest phase */
    int phases;                         /* products of that size */
    int a_along_m, b_along_k;           /* how the operands lie */
    int point;                          /* a plain product */
    int a_vector, b_vector, out_vector; /* 1 or 4 */
    int32_t sizes[13];                  /* the kernel's integer arguments up to pad_w */
} gcl_tile_job;

enum { GCL_TILE_PARAMS = 7 };
extern const gcl_param gcl_tile_params[GCL_TILE_PARAMS]; /* BM BN BK TM TN BUFFERS SPLIT */

/* Indices fit into int (no tensor of the node has 2^30 elements or more), and the smallest of the
 * usual tiles fits the device: 16 work-items, 1 KiB of local memory. */
int gcl_tile_applies(const gcl_node *node, const gcl_limits *limits);
/* Usual tile sizes: fitting the device, little padding, enough groups to fill it. */
void gcl_tile_defaults(const gcl_tile_job *job, const gcl_limits *limits, int *values);
/* The launches for these values; -1 if they do not fit each other or the device. */
int gcl_tile_recipe(const gcl_node *node, const gcl_tile_job *job, const gcl_limits *limits,
                    const int *values, gcl_recipe *recipe);
double gcl_tile_cost(const gcl_node *node, const gcl_limits *limits);

#endif
