/* Matrix product by tiles in local memory: cl/tile.cl, as a convolution of one tap over one row of
 * pixels. */
#include "ops/tile.h"

static int vector_of(int n) { return n % 4 == 0 ? 4 : 1; }

static gcl_tile_job job_of(const gcl_node *node)
{
    const gcl_matmul_attr *t = node->attr;
    int a_columns = t->transpose_a ? t->m : t->k, a_rows = t->transpose_a ? t->k : t->m;
    gcl_tile_job job = {
        .m = t->m,
        .n = t->n,
        .k = t->k,
        .phases = 1,
        .point = 1,
        .a_along_m = t->transpose_a,
        .b_along_k = t->transpose_b,
        .a_vector = vector_of(a_columns),
        .b_vector = vector_of(t->transpose_b ? t->k : t->n),
        .out_vector = vector_of(t->n),
        .sizes = {1, 1, a_rows, a_columns, 1, a_rows, t->n, 1, 1, 1, 1, 0, 0},
    };
    return job;
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *values)
{
    gcl_tile_job job = job_of(node);
    gcl_tile_defaults(&job, limits, values);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                  gcl_recipe *made)
{
    gcl_tile_job job = job_of(node);
    return gcl_tile_recipe(node, &job, limits, values, made);
}

const gcl_variant gcl_matmul_tile = {
    .name = "tile",
    .applies = gcl_tile_applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = gcl_tile_params,
    .n_params = GCL_TILE_PARAMS,
    .cost = gcl_tile_cost,
};
