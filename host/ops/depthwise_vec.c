/* The vec variants of depthwise convolution (cl/depthwise_vec.cl, cl/depthwise_weight_vec.cl). */
#include <stdio.h>

#include "ops/depthwise.h"
#include "ops/vec.h"

enum { MOST_TAPS = 16 }; /* in a row of the filter: they are unrolled */

static int smaller(int a, int b) { return a < b ? a : b; }

/* The device's longest vector that is not longer than the channels. */
static int vector_length(const gcl_depthwise_attr *a, const gcl_limits *limits)
{
    int v = gcl_vec_length(a->c, limits);
    return v > a->c ? v / 2 : v;
}

/* The size of n cut into equal parts of at most `most`. */
static int even_part(int n, int most)
{
    return gcl_divide_up(n, gcl_divide_up(n, most < 1 ? 1 : most));
}

/* Channels of which `rows` rows of w pixels fit into the cache; multiples of v. All of them read
 * memory in the longest runs, so they may fill twice what operands in local memory would. */
static int channels_for(const gcl_depthwise_attr *a, int rows, int v, const gcl_limits *limits)
{
    int64_t most = gcl_vec_cache(limits) / 2 / ((int64_t)rows * a->w);
    int channels = most < 4 * v ? 4 * v : most > a->c ? a->c : (int)most;
    return gcl_round_up(even_part(a->c, channels), v);
}

/* ---- forward and data gradient ------------------------------------------------------------------ */

enum { V, PB, QB, BAND, CC, N_PARAMS };

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [PB] = {"pb", {2, 1}, 2},
    [QB] = {"qb", {8, 2, 4, 6, 10, 12}, 6},
    [BAND] = {"band", {32, 2, 4, 8, 16, 64, 128, 256}, 8},
    [CC] = {"cc", {64, 16, 32, 128, 256, 512}, 6},
};

static int fits(const gcl_depthwise_attr *a, const int *v)
{
    return a->s <= MOST_TAPS && v[V] >= 1 && v[V] <= a->c && v[PB] >= 1 && v[PB] <= 2 &&
           v[QB] >= 1 && v[BAND] >= 1 && v[CC] >= v[V] && v[CC] % v[V] == 0;
}

/* Whole pictures a work-item, unless there are too few: rows between two bands are read twice. */
static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_depthwise_attr *a = node->attr;
    v[V] = vector_length(a, limits);
    int registers = v[V] == 16 ? 32 : 16;
    v[PB] = registers == 32 && a->p > 1 ? 2 : 1;
    v[QB] = even_part(a->q, registers == 32 ? 8 : 4);
    v[CC] = channels_for(a, a->r + v[PB], v[V], limits);
    v[BAND] = a->p;
    int64_t items = (int64_t)a->n * gcl_divide_up(a->c, v[CC]);
    while (v[BAND] > 2 * a->r &&
           items * gcl_divide_up(a->p, v[BAND]) < 8 * (int64_t)limits->compute_units)
        v[BAND] = gcl_round_up(gcl_divide_up(v[BAND], 2), v[PB]);
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    return gcl_vec_device(limits) && ((const gcl_depthwise_attr *)node->attr)->s <= MOST_TAPS;
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    (void)limits;
    const gcl_depthwise_attr *a = node->attr;
    if (!fits(a, v))
        return -1;
    const int sizes[] = {a->h,     a->w,     a->c,      a->p,    a->q, a->r,
                         a->pad_h, a->pad_w, a->turned, v[BAND], v[CC]};
    *out = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *l = &out->launch[0];
    l->file = "depthwise_vec";
    l->kernel = "depthwise_vec";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DS=%d -DPB=%d -DQB=%d", v[V], a->s, v[PB],
             v[QB]);
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    gcl_vec_items(l, gcl_divide_up(a->c, v[CC]), gcl_divide_up(a->p, v[BAND]), a->n);
    l->flops = node->op->flops(node);
    l->bytes = gcl_depthwise_bytes(node);
    return 0;
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_depthwise_attr *a = node->attr;
    return gcl_vec_cost(1, a->c, (int)limits->float_width, limits);
}

const gcl_variant gcl_depthwise_vec = {
    .name = "vec",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};

/* ---- weight gradient ------------------------------------------------------------------------------- */

enum { WV, WQB, WCC, WGROUPS, N_WEIGHT_PARAMS };

static const gcl_param weight_params[N_WEIGHT_PARAMS] = {
    [WV] = {"v", {16, 8, 4, 2, 1}, 5},
    [WQB] = {"qb", {8, 1, 2, 4, 6, 10, 12}, 7},
    [WCC] = {"cc", {64, 16, 32, 128, 256}, 5},
    [WGROUPS] = {"groups", {8, 1, 2, 4, 16, 32, 64}, 7},
};

static int64_t sum_floats(const gcl_depthwise_attr *a, const int *v)
{
    return (int64_t)gcl_round_up(smaller(v[WCC], a->c), v[WV]) * a->r * a->s;
}

static int groups_of(const gcl_depthwise_attr *a, const int *v)
{
    return (int64_t)a->n * a->p < v[WGROUPS] ? a->n * a->p : v[WGROUPS];
}

static int64_t part_floats(const gcl_depthwise_attr *a, const int *v)
{
    return (int64_t)groups_of(a, v) * a->r * a->s * gcl_round_up(a->c, v[WV]);
}

static int weight_fits(const gcl_depthwise_attr *a, const gcl_limits *limits, const int *v)
{
    return a->s <= MOST_TAPS && v[WV] >= 1 && v[WV] <= a->c && v[WQB] >= 1 && v[WCC] >= v[WV] &&
           v[WCC] % v[WV] == 0 && v[WGROUPS] >= 1 &&
           (uint64_t)sum_floats(a, v) * sizeof(float) <= limits->local_bytes &&
           (uint64_t)part_floats(a, v) * sizeof(float) <= limits->max_alloc_bytes;
}

static void weight_defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_depthwise_attr *a = node->attr;
    v[WV] = vector_length(a, limits);
    v[WQB] = even_part(a->q, v[WV] == 16 ? 8 : 6);
    v[WCC] = channels_for(a, a->r + 2, v[WV], limits);
    v[WGROUPS] = 1;
    while (v[WCC] > v[WV] && !weight_fits(a, limits, v))
        v[WCC] = gcl_round_up(v[WCC] / 2, v[WV]);
    v[WGROUPS] = gcl_divide_up(8 * (int)limits->compute_units, gcl_divide_up(a->c, v[WCC]));
}

static int weight_applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_WEIGHT_PARAMS];
    weight_defaults(node, limits, values);
    return gcl_vec_device(limits) && weight_fits(node->attr, limits, values);
}

static int weight_recipe(const gcl_node *node, const gcl_limits *limits, const int *v,
                         gcl_recipe *out)
{
    const gcl_depthwise_attr *a = node->attr;
    if (!weight_fits(a, limits, v))
        return -1;
    int groups = groups_of(a, v);
    const int sizes[] = {a->n, a->h, a->w, a->c, a->p, a->q, a->r, a->pad_h, a->pad_w, v[WCC]};
    *out = (gcl_recipe){.n_launches = 2, .epilogue_launch = 1, .scratch_floats = part_floats(a, v)};
    gcl_launch *l = &out->launch[0];
    l->file = "depthwise_weight_vec";
    l->kernel = "depthwise_weight_vec";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DS=%d -DQB=%d", v[WV], a->s, v[WQB]);
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = gcl_arg_scratch(0);
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(sum_floats(a, v));
    gcl_vec_items(l, gcl_divide_up(a->c, v[WCC]), groups, 1);
    l->flops = node->op->flops(node);
    l->bytes = gcl_depthwise_bytes(node);
    gcl_vec_sum(v[WV], groups, a->r * a->s, a->c, gcl_round_up(a->c, v[WV]), gcl_arg_scratch(0),
                &out->launch[1]);
    return 0;
}

const gcl_variant gcl_depthwise_weight_vec = {
    .name = "vec",
    .applies = weight_applies,
    .defaults = weight_defaults,
    .recipe = weight_recipe,
    .params = weight_params,
    .n_params = N_WEIGHT_PARAMS,
    .cost = cost,
};
