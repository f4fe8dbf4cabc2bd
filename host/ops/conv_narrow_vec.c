/* The narrow vec variants (cl/conv_narrow_vec.cl): few outputs, vectors over the channels read. */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/vec.h"

enum { MOST_OUTPUTS = 8 };

/* Against conv_vec.c with full vectors: more loads, and sums over vectors at the end. */
#define NARROW_COST 1.3

/* Register block: accumulators for 32 registers of 16 floats, or for 16 shorter ones. */
static int block_for(int v, int outputs, int most)
{
    int accumulators = v == 16 ? 24 : 12;
    return gcl_smaller(accumulators / outputs > 1 ? accumulators / outputs : 1, most);
}

/* Channels of a block of the patch: whole vectors, up to 32 channels. */
static int channel_block(int c, int v)
{
    int block = gcl_round_up(c, v);
    while (block > 32 && block > v)
        block = gcl_round_up(block / 2, v);
    return block;
}

/* ---- convolution and its data gradient ------------------------------------------------------------ */

enum { V, MR, CB, PB, QB, CC, N_PARAMS };

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 2, 3, 4, 5, 6, 7, 10, 12, 16}, 10},
    [CB] = {"cb", {32, 16, 64, 8, 4, 2, 1}, 7},
    [PB] = {"pb", {8, 1, 2, 4, 16, 32}, 6},
    [QB] = {"qb", {32, 8, 16, 64, 128, 256}, 6},
    [CC] = {"cc", {64, 16, 32, 128, 256, 512}, 6},
};

typedef struct cut {
    int patch_rows, slots, channels;
    int64_t local_floats;
} cut;

static cut cut_of(const gcl_gather *g, const int *v)
{
    cut c = {.patch_rows = (v[PB] - 1) * g->is_h + g->span_h};
    c.slots = gcl_divide_up((gcl_round_up(v[QB], v[MR]) - 1) * g->is_w + g->span_w, g->is_w);
    c.channels = gcl_round_up(gcl_smaller(v[CC], g->c), v[CB]);
    c.local_floats = (int64_t)c.channels * c.patch_rows * g->is_w * c.slots;
    return c;
}

static int fits(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    return g->k <= MOST_OUTPUTS && v[V] >= 1 && v[MR] >= 1 && v[PB] >= 1 && v[QB] >= 1 &&
           v[CB] >= v[V] && v[CB] % v[V] == 0 && v[CC] >= v[CB] && v[CC] % v[CB] == 0 &&
           (uint64_t)cut_of(g, v).local_floats * sizeof(float) <= limits->local_bytes;
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    gcl_gather g = gcl_gather_of(node);
    int base_h = gcl_divide_up(g.oh, g.os_h), base_w = gcl_divide_up(g.ow, g.os_w);
    int64_t room = gcl_vec_cache(limits);
    v[V] = gcl_vec_length(g.c, limits);
    v[MR] = block_for(v[V], g.k, 16);
    v[CB] = channel_block(g.c, v[V]);
    v[PB] = gcl_smaller(base_h, 16);
    v[QB] = gcl_round_up(gcl_smaller(base_w, 128), v[MR]);
    v[CC] = gcl_round_up(g.c, v[CB]);
    while (cut_of(&g, v).local_floats * 4 > room) {
        if (v[CC] > 64 && v[CC] > v[CB])
            v[CC] = gcl_round_up(v[CC] / 2, v[CB]);
        else if (v[PB] > 4)
            v[PB] /= 2;
        else if (v[QB] > v[MR])
            v[QB] = gcl_round_up(v[QB] / 2, v[MR]);
        else if (v[CC] > v[CB])
            v[CC] = gcl_round_up(v[CC] / 2, v[CB]);
        else if (v[PB] > 1)
            v[PB]--;
        else if (v[CB] > v[V])
            v[CC] = v[CB] = v[V];
        else
            break;
    }
    while (v[PB] > 4 && (int64_t)g.n * gcl_divide_up(base_h, v[PB]) * gcl_divide_up(base_w, v[QB]) <
                            8 * (int64_t)limits->compute_units)
        v[PB] /= 2;
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    gcl_gather g = gcl_gather_of(node);
    if (g.k > MOST_OUTPUTS || !gcl_vec_device(limits))
        return 0;
    defaults(node, limits, values);
    return fits(&g, limits, values);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    gcl_gather g = gcl_gather_of(node);
    if (!fits(&g, limits, v))
        return -1;
    cut c = cut_of(&g, v);
    *out = (gcl_recipe){.n_launches = 2, .epilogue_launch = 1};
    out->scratch_floats = (int64_t)g.r * g.s * gcl_round_up(g.c, v[CB]) * g.k;
    gcl_gather_pack(&g, g.k, v[CB], v[V], gcl_arg_in(1), gcl_arg_scratch(0), &out->launch[0]);

    gcl_launch *l = &out->launch[1];
    l->file = "conv_narrow_vec";
    l->kernel = "conv_narrow";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DKN=%d -DCB=%d", v[V], v[MR], g.k,
             v[CB]);
    const int sizes[] = {g.h,     g.w,    g.c,    g.oh,   g.ow,         g.r,     g.s,
                         g.is_h,  g.is_w, g.os_h, g.os_w, g.off_h,      g.off_w, g.low_h,
                         g.low_w, v[PB],  v[QB],  v[CC],  c.patch_rows, c.slots};
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_scratch(0);
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.local_floats);
    gcl_vec_items(l, gcl_divide_up(gcl_divide_up(g.ow, g.os_w), v[QB]),
                  gcl_divide_up(gcl_divide_up(g.oh, g.os_h), v[PB]), g.n);
    l->flops = node->op->flops(node);
    l->bytes = gcl_gather_bytes(&g);
    return 0;
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    return gcl_vec_cost(NARROW_COST, gcl_gather_of(node).c, (int)limits->float_width, limits);
}

/* ---- weight gradient --------------------------------------------------------------------------------- */

enum { WV, WMR, WCB, WPIXELS, WCC, WGROUPS, N_WEIGHT_PARAMS };

static const gcl_param weight_params[N_WEIGHT_PARAMS] = {
    [WV] = {"v", {16, 8, 4, 2, 1}, 5},
    [WMR] = {"mr", {7, 1, 2, 3, 4, 5, 6, 8}, 8},
    [WCB] = {"cb", {32, 16, 64, 8, 4, 2, 1}, 7},
    [WPIXELS] = {"px", {1024, 64, 128, 256, 512}, 5},
    [WCC] = {"cc", {64, 16, 32, 128, 256}, 5},
    [WGROUPS] = {"groups", {16, 1, 2, 4, 8, 32, 64}, 7},
};

typedef struct weight_cut {
    int rows, columns, blocks, patch_rows, slots;
    int64_t patch_floats, y_floats, part_floats;
} weight_cut;

static weight_cut weight_cut_of(const gcl_conv_attr *a, const int *v)
{
    weight_cut c = {.columns = gcl_even_part(a->q, gcl_smaller(v[WPIXELS], 128))};
    c.rows = gcl_even_part(a->p, v[WPIXELS] / c.columns);
    c.blocks = a->n * gcl_divide_up(a->p, c.rows) * gcl_divide_up(a->q, c.columns);
    c.patch_rows = (c.rows - 1) * a->stride_h + a->r;
    c.slots = gcl_divide_up((c.columns - 1) * a->stride_w + a->s, a->stride_w);
    int channels = gcl_round_up(gcl_smaller(v[WCC], a->c), v[WCB]);
    c.patch_floats = (int64_t)channels * c.patch_rows * a->stride_w * c.slots + v[WMR] * v[WCB];
    c.y_floats = (int64_t)c.rows * c.columns * a->k;
    c.part_floats = (int64_t)v[WGROUPS] * a->r * a->s * a->k * gcl_round_up(a->c, v[WV]);
    return c;
}

static int weight_fits(const gcl_conv_attr *a, const gcl_limits *limits, const int *v)
{
    if (a->k > MOST_OUTPUTS || v[WV] < 1 || v[WMR] < 1 || v[WPIXELS] < 1 || v[WCB] < v[WV] ||
        v[WCB] % v[WV] != 0 || v[WCC] < v[WCB] || v[WCC] % v[WCB] != 0 || v[WGROUPS] < 1)
        return 0;
    weight_cut c = weight_cut_of(a, v);
    return (uint64_t)(c.patch_floats + c.y_floats) * sizeof(float) <= limits->local_bytes &&
           (uint64_t)c.part_floats * sizeof(float) <= limits->max_alloc_bytes;
}

static void weight_defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_conv_attr *a = node->attr;
    int64_t room = gcl_vec_cache(limits);
    v[WV] = gcl_vec_length(a->c, limits);
    v[WMR] = block_for(v[WV], a->k, gcl_divide_up(a->s, a->stride_w));
    v[WCB] = channel_block(a->c, v[WV]);
    v[WPIXELS] = 1024;
    v[WCC] = gcl_round_up(gcl_smaller(a->c, 64), v[WCB]);
    v[WGROUPS] = 1;
    weight_cut c = weight_cut_of(a, v);
    while ((c.patch_floats + c.y_floats) * 4 > room && (v[WPIXELS] > 1 || v[WCB] > v[WV])) {
        if (v[WPIXELS] > 1)
            v[WPIXELS] /= 2;
        else if (v[WCC] > v[WCB])
            v[WCC] = gcl_round_up(v[WCC] / 2, v[WCB]);
        else
            v[WCC] = v[WCB] = v[WV];
        c = weight_cut_of(a, v);
    }
    v[WGROUPS] = gcl_smaller(
        c.blocks, gcl_divide_up(4 * (int)limits->compute_units, gcl_divide_up(a->c, v[WCC])));
}

static int weight_applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_WEIGHT_PARAMS];
    const gcl_conv_attr *a = node->attr;
    if (a->k > MOST_OUTPUTS || !gcl_vec_device(limits))
        return 0;
    weight_defaults(node, limits, values);
    return weight_fits(a, limits, values);
}

static int weight_recipe(const gcl_node *node, const gcl_limits *limits, const int *v,
                         gcl_recipe *out)
{
    const gcl_conv_attr *a = node->attr;
    if (!weight_fits(a, limits, v))
        return -1;
    weight_cut c = weight_cut_of(a, v);
    int groups = gcl_smaller(v[WGROUPS], c.blocks);
    *out = (gcl_recipe){.n_launches = 2, .epilogue_launch = 1, .scratch_floats = c.part_floats};

    gcl_launch *l = &out->launch[0], *sum = &out->launch[1];
    l->file = sum->file = "conv_narrow_vec";
    l->kernel = "conv_weight_narrow";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DKN=%d -DCB=%d", v[WV], v[WMR], a->k,
             v[WCB]);
    const int sizes[] = {a->n,   a->h,      a->w,        a->c,         a->p,     a->q,
                         a->r,   a->s,      a->stride_h, a->stride_w,  a->pad_h, a->pad_w,
                         c.rows, c.columns, v[WCC],      c.patch_rows, c.slots};
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = gcl_arg_scratch(0);
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.patch_floats);
    l->args[l->n_args++] = gcl_arg_local(c.y_floats);
    gcl_vec_items(l, gcl_divide_up(a->c, v[WCC]), groups, 1);
    l->flops = node->op->flops(node);
    l->bytes = 4.0 * ((double)a->n * a->h * a->w * a->c + (double)a->n * a->p * a->q * a->k +
                      (double)groups * a->r * a->s * a->c * a->k);

    sum->kernel = "sum_narrow";
    snprintf(sum->defines, sizeof sum->defines, "%s", l->defines);
    const int sum_sizes[] = {groups, a->c};
    sum->args[sum->n_args++] = gcl_arg_scratch(0);
    sum->args[sum->n_args++] = gcl_arg_out();
    gcl_vec_args(sum, sum_sizes, 2);
    gcl_vec_items(sum, a->r * a->s, 1, 1);
    sum->bytes = 4.0 * a->r * a->s * a->c * a->k * (groups + 1);
    return 0;
}

static double weight_cost(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_conv_attr *a = node->attr;
    return gcl_vec_cost(NARROW_COST, a->c, (int)limits->float_width, limits);
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

#define NARROW_GATHER                                                                              \
    {                                                                                              \
        .name = "vec_narrow", .applies = applies, .defaults = defaults, .recipe = recipe,          \
        .params = params, .n_params = N_PARAMS, .cost = cost                                       \
    }

const gcl_variant gcl_conv_vec_narrow = NARROW_GATHER;
const gcl_variant gcl_conv_data_vec_narrow = NARROW_GATHER;

const gcl_variant gcl_conv_weight_vec_narrow = {
    .name = "vec_narrow",
    .applies = weight_applies,
    .defaults = weight_defaults,
    .recipe = weight_recipe,
    .params = weight_params,
    .n_params = N_WEIGHT_PARAMS,
    .cost = weight_cost,
};
