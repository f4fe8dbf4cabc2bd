/* The vec variant of depthwise convolution for few channels (cl/depthwise_narrow_vec.cl): vectors
 * along whole rows. Its stores take no pointwise tail, whose channels would change inside a vector. */
#include <stdio.h>

#include "ops/depthwise.h"
#include "ops/vec.h"

enum { MOST_CHANNELS = 7 };

/* Against depthwise_vec.c with full vectors: two loads for each fma. */
#define NARROW_COST 2

enum { V, MR, BAND, N_PARAMS };

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {4, 1, 2, 3, 6, 8}, 6},
    [BAND] = {"band", {32, 8, 16, 64, 128}, 5},
};

/* Floats of a row of x with the zeros beside it, and those that the last block reads. */
static int pitch_of(const gcl_depthwise_attr *a, const int *v)
{
    return gcl_round_up(a->q * a->c, v[MR] * v[V]) + (a->s - 1) * a->c;
}

static int64_t tap_floats(const gcl_depthwise_attr *a, const int *v)
{
    return (int64_t)a->r * a->s * (v[V] + a->c);
}

static int fits(const gcl_depthwise_attr *a, const gcl_limits *limits, const int *v)
{
    if (a->c > MOST_CHANNELS || (int64_t)a->w * a->c > 1 << 24 || v[V] < 1 || v[MR] < 1 ||
        v[BAND] < 1)
        return 0;
    int64_t floats = (int64_t)a->r * pitch_of(a, v) + tap_floats(a, v);
    return (uint64_t)floats * sizeof(float) <= limits->local_bytes;
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_depthwise_attr *a = node->attr;
    int row = a->q * a->c;
    v[V] = gcl_vec_length(row, limits);
    v[MR] = row >= 4 * v[V] ? 4 : gcl_divide_up(row, v[V]);
    v[BAND] = a->p;
    while (v[BAND] > 4 * a->r &&
           a->n * (int64_t)gcl_divide_up(a->p, v[BAND]) < 8 * (int64_t)limits->compute_units)
        v[BAND] = gcl_divide_up(v[BAND], 2);
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_depthwise_attr *a = node->attr;
    int values[N_PARAMS];
    if (a->c > MOST_CHANNELS || !gcl_vec_device(limits))
        return 0;
    defaults(node, limits, values);
    return fits(a, limits, values);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    const gcl_depthwise_attr *a = node->attr;
    if (!fits(a, limits, v))
        return -1;
    int pitch = pitch_of(a, v);
    const int sizes[] = {a->h, a->w,     a->c,     a->p,      a->q,    a->r,
                         a->s, a->pad_h, a->pad_w, a->turned, v[BAND], pitch};
    *out = (gcl_recipe){.n_launches = 1, .epilogue_launch = -1};
    gcl_launch *l = &out->launch[0];
    l->file = "depthwise_narrow_vec";
    l->kernel = "depthwise_narrow";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d", v[V], v[MR]);
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local((int64_t)a->r * pitch);
    l->args[l->n_args++] = gcl_arg_local(tap_floats(a, v));
    gcl_vec_items(l, gcl_divide_up(a->p, v[BAND]), a->n, 1);
    l->flops = node->op->flops(node);
    l->bytes = gcl_depthwise_bytes(node);
    return 0;
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_depthwise_attr *a = node->attr;
    return gcl_vec_cost(NARROW_COST, a->q * a->c, (int)limits->float_width, limits);
}

const gcl_variant gcl_depthwise_vec_narrow = {
    .name = "vec_narrow",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};
