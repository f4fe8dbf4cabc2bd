/* Convolutions as tiled products in local memory: cl/tile.cl. */
#include "ops/tile.h"

static int vector_of(int n) { return n % 4 == 0 ? 4 : 1; }

/* Sizes in the kernel's order: the gathered tensor, the grid of output pixels, its columns. */
static void set_sizes(gcl_tile_job *job, const gcl_conv_attr *a, int data)
{
    const int32_t sizes[] = {a->n,
                             data ? a->p : a->h,
                             data ? a->q : a->w,
                             data ? a->k : a->c,
                             data ? a->h : a->p,
                             data ? a->w : a->q,
                             data ? a->c : a->k,
                             a->r,
                             a->s,
                             a->stride_h,
                             a->stride_w,
                             a->pad_h,
                             a->pad_w};
    for (int i = 0; i < 13; i++)
        job->sizes[i] = sizes[i];
}

static gcl_tile_job conv_job(const gcl_conv_attr *a)
{
    gcl_tile_job job = {.m = (int64_t)a->n * a->p * a->q,
                        .n = a->k,
                        .k = (int64_t)a->r * a->s * a->c,
                        .phases = 1,
                        .a_vector = vector_of(a->c),
                        .b_vector = vector_of(a->k),
                        .out_vector = vector_of(a->k)};
    set_sizes(&job, a, 0);
    return job;
}

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static gcl_tile_job conv_data_job(const gcl_conv_attr *a)
{
    gcl_tile_job job = {.m = a->n * divide_up(a->h, a->stride_h) * divide_up(a->w, a->stride_w),
                        .n = a->c,
                        .k = divide_up(a->r, a->stride_h) * divide_up(a->s, a->stride_w) * a->k,
                        .phases = a->stride_h * a->stride_w,
                        .b_along_k = 1,
                        .a_vector = vector_of(a->k),
                        .b_vector = vector_of(a->k),
                        .out_vector = vector_of(a->c)};
    set_sizes(&job, a, 1);
    return job;
}

static gcl_tile_job conv_weight_job(const gcl_conv_attr *a)
{
    gcl_tile_job job = {.m = (int64_t)a->r * a->s * a->c,
                        .n = a->k,
                        .k = (int64_t)a->n * a->p * a->q,
                        .phases = 1,
                        .a_along_m = 1,
                        .a_vector = vector_of(a->c),
                        .b_vector = vector_of(a->k),
                        .out_vector = vector_of(a->k)};
    set_sizes(&job, a, 0);
    return job;
}

static gcl_tile_job job_of(const gcl_node *node)
{
    if (node->op == &gcl_op_conv)
        return conv_job(node->attr);
    return node->op == &gcl_op_conv_data ? conv_data_job(node->attr) : conv_weight_job(node->attr);
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

#define VARIANT                                                                                    \
    {                                                                                              \
        .name = "tile", .applies = gcl_tile_applies, .defaults = defaults, .recipe = recipe,       \
        .params = gcl_tile_params, .n_params = GCL_TILE_PARAMS, .cost = gcl_tile_cost              \
    }

const gcl_variant gcl_conv_tile = VARIANT;
const gcl_variant gcl_conv_data_tile = VARIANT;
const gcl_variant gcl_conv_weight_tile = VARIANT;
