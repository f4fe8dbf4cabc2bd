/* The vec_taps variants of convolution and its data gradient (cl/conv_taps_vec.cl): few pixels. */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/vec.h"

enum { V, MR, NR, IB, CC, KG, GROUPS, N_PARAMS };

enum {
    FMA_LATENCY = 4, /* cycles */
    DOTS = 8         /* pixels of a tap for which a turned filter is not turned */
};

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 6, 4, 5, 7, 10, 12}, 7},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8},
    [IB] = {"ib", {16, 1, 2, 3, 4, 8, 32}, 7},
    [CC] = {"cc", {128, 16, 32, 64, 100, 256, 512}, 7},
    [KG] = {"kg", {4, 1, 2, 3, 8, 16}, 6},
    [GROUPS] = {"groups", {1, 2, 3, 4, 8}, 5},
};

/* How a launch is cut, from the parameters. */
typedef struct cut {
    int turned;
    int channels, outputs;
    int images, part, blocks, groups; /* of a work-item: images, channels at a time, blocks of
                                         outputs; of the launch: groups of channels */
    int pixels, joined;               /* sums; at most joined by a tap */
    int64_t part_floats, sum_floats;
    int64_t items[3];
} cut;

static cut cut_of(const gcl_node *node, const int *v)
{
    const gcl_conv_attr *a = node->attr;
    cut c = {.turned = node->op != &gcl_op_conv};
    c.channels = c.turned ? a->k : a->c;
    c.outputs = c.turned ? a->c : a->k;
    c.images = gcl_smaller(v[IB], a->n);
    c.part = gcl_smaller(v[CC], c.channels);
    c.blocks = gcl_smaller(v[KG], gcl_divide_up(c.outputs, v[NR]));
    c.groups = gcl_smaller(v[GROUPS], gcl_divide_up(c.channels, c.part));
    c.joined = c.images * a->p * a->q;
    c.pixels = c.turned ? c.images * a->h * a->w : c.joined;
    c.part_floats = (int64_t)c.blocks * (v[NR] * c.part + v[V]);
    if (c.turned)
        c.part_floats += (int64_t)v[NR] * (c.part + v[V]);
    c.sum_floats = (int64_t)c.blocks * v[NR] * c.pixels;
    c.items[0] = gcl_divide_up(c.outputs, c.blocks * v[NR]);
    c.items[1] = gcl_divide_up(a->n, c.images);
    c.items[2] = c.groups;
    return c;
}

static uint64_t local_bytes(const cut *c)
{
    return 4 * (uint64_t)(c->part_floats + c->sum_floats + 2 * (int64_t)c->joined);
}

static int fits(const gcl_node *node, const gcl_limits *limits, const int *v)
{
    if (v[V] < 1 || v[MR] < 1 || v[NR] < v[V] || v[NR] % v[V] != 0 || v[IB] < 1 || v[CC] < 1 ||
        v[KG] < 1 || v[GROUPS] < 1)
        return 0;
    cut c = cut_of(node, v);
    return local_bytes(&c) <= limits->local_bytes;
}

/* ---- defaults ------------------------------------------------------------------------------- */

/* Positions p with 0 <= p * stride + tap - pad < size. */
static int joined_by(int tap, int stride, int pad, int size, int positions)
{
    int first = tap < pad ? gcl_divide_up(pad - tap, stride) : 0;
    int end = size + pad > tap ? gcl_divide_up(size + pad - tap, stride) : 0;
    return gcl_smaller(end, positions) > first ? gcl_smaller(end, positions) - first : 0;
}

/* Cycles of the products of so many pixels with NR outputs: for each channel; and for calls, whose
 * sums come and go, in *calls. */
static double products(int pixels, const int *v, double sum_cycles, double *calls)
{
    int nv = v[NR] / v[V], each = 0;
    *calls = 0;
    for (int rows = v[MR]; pixels > 0; rows = rows > 4 ? 4 : rows > 2 ? 2 : 1) {
        int n = pixels / rows, cycles = rows * nv;
        each += n * (cycles > FMA_LATENCY ? cycles : FMA_LATENCY);
        *calls += n * (2 * rows * nv * sum_cycles + 20);
        pixels -= n * rows;
    }
    return each;
}

/* Cycles, roughly, of one core for the whole launch: the filter's way from memory, in one run or in
 * parts of rows; dot products, or its turning and products, with their sums' way to registers and
 * back; results; cores that wait at the end; the addition of groups. */
static double estimate(const gcl_node *node, const gcl_limits *limits, const int *v)
{
    const gcl_conv_attr *a = node->attr;
    cut c = cut_of(node, v);
    double channels = (double)c.channels / c.groups, outputs = (double)c.blocks * v[NR];
    double chunks = gcl_divide_up(gcl_divide_up(c.channels, c.part), c.groups);
    double sum_cycles = local_bytes(&c) > 512e3 ? 3.0 : 1.5;
    int whole = c.turned ? c.part >= c.channels : outputs >= c.outputs;
    double fetch = 4.0 * a->r * a->s * a->c * a->k < 512e3 ? 0.3 : whole ? 0.9 : 1.9;
    double x_cycles =
        4.0 * c.joined * c.channels * (c.turned ? 1 : a->stride_h * a->stride_w) < 512e3
            ? 0.05
            : 0.15; /* for each value and block of outputs */
    double item = 500 + (outputs >= c.outputs ? 0.5 : 0.8) * (double)c.sum_floats;
    for (int r = 0; r < a->r; r++) {
        int rows = joined_by(r, a->stride_h, a->pad_h, a->h, a->p);
        for (int s = 0; s < a->s; s++) {
            int joined = c.images * rows * joined_by(s, a->stride_w, a->pad_w, a->w, a->q);
            if (joined == 0)
                continue;
            item += channels * outputs * fetch + 6.0 * joined;
            if (c.turned && v[V] > 1 && joined <= DOTS) {
                double passes = gcl_divide_up(joined, v[V] < 8 ? v[V] / 2 : v[V] / 4);
                item += passes * outputs * (0.25 * channels + 45 * chunks);
                continue;
            }
            double calls, each = products(joined, v, sum_cycles, &calls);
            item += c.turned ? 0.7 * channels * outputs : 0;
            item += c.blocks * (channels * (each + x_cycles * joined) + chunks * calls);
        }
    }
    double rows = (double)a->n * c.pixels / c.images;
    double added = c.groups > 1 ? 3000 + 0.4 * (c.groups + 1) * rows * c.outputs : 0;
    return gcl_vec_waves(c.items, 0.1, limits) * item + added / limits->compute_units;
}

/* Groups for the sizes that t has already, kept in v if better than the `best` estimate so far. */
static void try_groups(const gcl_node *node, const gcl_limits *limits, int *t, int *v, double *best)
{
    int most =
        gcl_smaller(gcl_divide_up(cut_of(node, t).channels, t[CC]), 4 * (int)limits->compute_units);
    for (t[GROUPS] = 1; t[GROUPS] <= most; t[GROUPS] *= 2) {
        double cost = estimate(node, limits, t);
        if (*best < 0 || cost < *best) {
            *best = cost;
            for (int i = 0; i < N_PARAMS; i++)
                v[i] = t[i];
        }
    }
}

/* Blocks of outputs and channels at a time, those that have room in the second-level cache. */
static void try_parts(const gcl_node *node, const gcl_limits *limits, int *t, int *v, double *best)
{
    uint64_t room = 2 * (uint64_t)gcl_vec_cache(limits);
    cut all = cut_of(node, t);
    if (room > limits->local_bytes)
        room = limits->local_bytes;
    for (t[KG] = gcl_divide_up(all.outputs, t[NR]);; t[KG] = gcl_divide_up(t[KG], 2)) {
        for (t[CC] = all.channels;; t[CC] = gcl_round_up(gcl_divide_up(t[CC], 2), t[V])) {
            cut c = cut_of(node, t);
            if (local_bytes(&c) <= room)
                try_groups(node, limits, t, v, best);
            if (t[CC] <= 32)
                break;
        }
        if (t[KG] == 1)
            break;
    }
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_conv_attr *a = node->attr;
    int outputs = node->op == &gcl_op_conv ? a->k : a->c, t[N_PARAMS];
    double best = -1;
    t[V] = gcl_vec_length(outputs, limits);
    t[NR] = outputs > t[V] ? 2 * t[V] : t[V];
    t[MR] = t[V] == 16 ? 8 : 6;
    t[CC] = t[KG] = t[GROUPS] = 1;
    for (t[IB] = a->n;; t[IB] = gcl_divide_up(t[IB], 2)) {
        try_parts(node, limits, t, v, &best);
        if (t[IB] == 1)
            break;
    }
    for (int i = 0; best < 0 && i < N_PARAMS; i++) /* nothing has room */
        v[i] = t[i];
}

/* ---- recipe --------------------------------------------------------------------------------- */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    if (!gcl_vec_device(limits))
        return 0;
    defaults(node, limits, values);
    return fits(node, limits, values);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    const gcl_conv_attr *a = node->attr;
    if (!fits(node, limits, v))
        return -1;
    cut c = cut_of(node, v);
    gcl_gather g = gcl_gather_of(node);
    *out = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *l = &out->launch[0];
    l->file = "conv_taps_vec";
    l->kernel = "conv_taps";
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DNR=%d -DTURNED=%d -DDOTS=%d", v[V],
             v[MR], v[NR], c.turned, DOTS);
    const int sizes[] = {a->n,     a->h,     a->w,   a->c,        a->p,        a->q,
                         a->k,     a->r,     a->s,   a->stride_h, a->stride_w, a->pad_h,
                         a->pad_w, c.images, c.part, c.blocks};
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = c.groups > 1 ? gcl_arg_scratch(0) : gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.part_floats);
    l->args[l->n_args++] = gcl_arg_local(c.sum_floats);
    l->args[l->n_args++] = gcl_arg_local(c.joined);
    l->args[l->n_args++] = gcl_arg_local(c.joined);
    gcl_vec_items(l, c.items[0], c.items[1], c.items[2]);
    l->flops = node->op->flops(node);
    l->bytes = gcl_gather_bytes(&g);
    if (c.groups == 1)
        return 0;
    int rows = g.n * g.oh * g.ow;
    out->epilogue_launch = 1;
    out->scratch_floats = (int64_t)c.groups * rows * c.outputs;
    gcl_vec_sum(v[V], c.groups, rows, c.outputs, c.outputs, gcl_arg_scratch(0),
                &out->launch[out->n_launches++]);
    return 0;
}

/* In units of the time of conv_vec.c with full vectors. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    gcl_gather g = gcl_gather_of(node);
    defaults(node, limits, values);
    double least = estimate(node, limits, values) / gcl_gather_cycles(&g, limits);
    return gcl_vec_cost(least, g.k, 2 * (int)limits->float_width, limits);
}

#define TAPS                                                                                       \
    {                                                                                              \
        .name = "vec_taps", .applies = applies, .defaults = defaults, .recipe = recipe,            \
        .params = params, .n_params = N_PARAMS, .cost = cost                                       \
    }

const gcl_variant gcl_conv_vec_taps = TAPS;
const gcl_variant gcl_conv_data_vec_taps = TAPS;
