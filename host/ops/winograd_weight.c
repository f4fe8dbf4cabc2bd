/* The winograd variant of the convolution's weight gradient (cl/winograd_weight_vec.cl). */
#include <stdio.h>

#include "ops/winograd.h"

enum { V, MR, NR, TM, T, CC, KC, GROUPS, N_PARAMS };

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 4, 2, 1, 16}, 5},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8},
    [TM] = {"tm", {4, 2, 3, 5, 6}, 5},
    [T] = {"t", {32, 8, 16, 24, 48, 64}, 6},
    [CC] = {"cc", {64, 16, 32, 128, 256}, 5},
    [KC] = {"kc", {64, 32, 128, 256}, 4},
    [GROUPS] = {"groups", {8, 1, 2, 4, 16, 32, 64}, 7},
};

/* How a launch is cut, from the parameters. */
typedef struct cut {
    int taps, positions, phases;
    int rows, columns, tiles, blocks; /* of an image; of all; blocks of T tiles */
    int all_c, all_k;                 /* blocks of V channels of all phases, of NR outputs */
    int cc, kc, t, groups;            /* no larger than needed */
    int chunks;                       /* of channels x outputs */
    int64_t v_floats, z_floats, part_floats;
} cut;

static cut cut_of(const gcl_conv_attr *a, const int *v)
{
    cut c = {.taps = gcl_divide_up(a->r, a->stride_h),
             .phases = a->stride_h * a->stride_h,
             .rows = gcl_divide_up(a->p, v[TM]),
             .columns = gcl_divide_up(a->q, v[TM])};
    c.positions = (v[TM] + c.taps - 1) * (v[TM] + c.taps - 1);
    c.tiles = a->n * c.rows * c.columns;
    c.t = gcl_even_part(c.tiles, v[T]);
    c.blocks = gcl_divide_up(c.tiles, c.t);
    c.groups = gcl_smaller(v[GROUPS], c.blocks);
    c.all_c = c.phases * gcl_divide_up(a->c, v[V]);
    c.all_k = gcl_divide_up(a->k, v[NR]);
    c.cc = gcl_smaller(v[CC], c.all_c * v[V]);
    c.kc = gcl_smaller(v[KC], c.all_k * v[NR]);
    c.chunks = gcl_divide_up(c.all_c * v[V], c.cc) * gcl_divide_up(c.all_k * v[NR], c.kc);
    c.v_floats = (int64_t)c.positions * c.cc * (c.t + 1);
    c.z_floats = (int64_t)c.positions * c.kc * (c.t + 1);
    c.part_floats =
        (int64_t)c.groups * c.positions * ((int64_t)c.all_c * c.all_k * v[V] + 1) * v[NR];
    return c;
}

/* Whether there is such a form at all: square filters, of 2 to 5 taps a phase. */
static int has_form(const gcl_conv_attr *a)
{
    int taps = gcl_divide_up(a->r, a->stride_h);
    return a->r == a->s && a->stride_h == a->stride_w && taps >= 2 &&
           taps <= GCL_WINOGRAD_MOST_TAPS;
}

/* Products are summed over the tiles of a block, then over the blocks of a group. */
static double error_of(const gcl_conv_attr *a, const int *v)
{
    cut c = cut_of(a, v);
    return gcl_winograd_error(v[TM], c.taps, c.t + gcl_divide_up(c.blocks, c.groups) + c.groups);
}

static int fits(const gcl_conv_attr *a, const gcl_limits *limits, const int *v)
{
    if (!has_form(a) || v[V] < 1 || v[MR] < 1 || v[V] % v[MR] != 0 || v[NR] < v[V] ||
        v[NR] % v[V] != 0 || v[TM] < 2 || v[T] < 1 || v[CC] < v[V] || v[CC] % v[V] != 0 ||
        v[KC] < v[NR] || v[KC] % v[NR] != 0 || v[GROUPS] < 1)
        return 0;
    cut c = cut_of(a, v);
    return error_of(a, v) <= GCL_WINOGRAD_MOST_ERROR &&
           (uint64_t)(c.v_floats + c.z_floats) * sizeof(float) <= limits->local_bytes &&
           (uint64_t)c.part_floats * sizeof(float) <= limits->max_alloc_bytes;
}

/* ---- defaults ------------------------------------------------------------------------------- */

/* Cycles, roughly, of one core for both launches. */
static double estimate(const gcl_conv_attr *a, const gcl_limits *limits, const int *v)
{
    cut c = cut_of(a, v);
    double vectors = v[NR] / v[V], line = 4.0 * v[V], outputs = v[TM] * v[TM];
    double windows = (double)c.t * (c.cc / v[V]), tiles = (double)c.t * (c.kc / v[V]);
    double moved = GCL_MEMORY_CYCLES * line * outputs;
    double read = windows * (9.0 * c.positions + moved) + tiles * (7.0 * c.positions + moved);
    double registers = (double)c.positions * (c.cc / v[MR]) * (c.kc / v[NR]);
    double sums = registers * (v[MR] * vectors * (1.2 * c.t + 4) + 30);
    double part = (double)c.positions * c.cc * c.kc * 4;
    int leaves_cache = part + 4.0 * (double)(c.v_floats + c.z_floats) > (double)limits->local_bytes;
    double block = read + sums + part * (leaves_cache ? 2 * GCL_CACHE_CYCLES : 0.03) + 500;
    int64_t items[3] = {c.chunks, c.groups, 1};
    double bytes = 4.0 * (double)c.part_floats;
    double each = gcl_divide_up(c.blocks, c.groups);
    double add = (bytes * (bytes > 8e6 ? 2 * GCL_MEMORY_CYCLES : GCL_CACHE_CYCLES) +
                  (double)c.all_c * v[V] * c.all_k * vectors * 5.0 * c.positions) /
                 limits->compute_units;
    return gcl_vec_waves(items, 0.2, limits) * each * block + add + 3000;
}

/* Keeps the better of v and the values t, of which cost(*best) is the least so far (< 0: none). */
static void try_values(const gcl_conv_attr *a, const gcl_limits *limits, const int *t, int *v,
                       double *best)
{
    cut c = cut_of(a, t);
    if (4.0 * (double)(c.v_floats + c.z_floats) > gcl_winograd_room(limits) || !fits(a, limits, t))
        return;
    double cost = estimate(a, limits, t);
    if (*best < 0 || cost < *best) {
        *best = cost;
        for (int i = 0; i < N_PARAMS; i++)
            v[i] = t[i];
    }
}

/* Blocks and groups: each unit should have several work-items. */
static void try_groups(const gcl_conv_attr *a, const gcl_limits *limits, int *t, int *v,
                       double *best)
{
    for (t[T] = 8; t[T] <= 64; t[T] += t[T] < 32 ? 8 : 16) {
        for (int each = 1; each <= 8; each *= 2) {
            t[GROUPS] = 1;
            t[GROUPS] = gcl_divide_up(each * (int)limits->compute_units, cut_of(a, t).chunks);
            try_values(a, limits, t, v, best);
        }
    }
}

/* The values of least estimate; returns that, or -1 if none fit. */
static double choose(const gcl_conv_attr *a, const gcl_limits *limits, int *v)
{
    double best = -1;
    int t[N_PARAMS] = {0};
    t[V] = gcl_vec_length(a->k, limits);
    t[NR] = a->k > t[V] ? 2 * t[V] : t[V];
    t[MR] = t[V] > 8 ? 8 : t[V] > 4 ? 4 : t[V];
    int all_c = a->stride_h * a->stride_w * gcl_round_up(a->c, t[V]);
    for (int i = 0; i < N_PARAMS; i++)
        v[i] = t[i];
    for (t[TM] = 2; t[TM] <= GCL_WINOGRAD_MOST_TILE; t[TM]++)
        for (t[CC] = all_c;; t[CC] = gcl_round_up(t[CC] / 2, t[V])) {
            for (t[KC] = gcl_round_up(a->k, t[NR]);; t[KC] = gcl_round_up(t[KC] / 2, t[NR])) {
                try_groups(a, limits, t, v, &best);
                if (t[KC] == t[NR])
                    break;
            }
            if (t[CC] == t[V])
                break;
        }
    return best;
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *values)
{
    choose(node->attr, limits, values);
}

/* ---- recipe --------------------------------------------------------------------------------- */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    if (!has_form(node->attr) || !gcl_vec_device(limits))
        return 0;
    defaults(node, limits, values);
    return fits(node->attr, limits, values);
}

static void start(gcl_launch *l, const char *kernel, const cut *c, const int *v)
{
    *l = (gcl_launch){.file = "winograd_weight_vec", .kernel = kernel};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DNR=%d -DTM=%d -DTR=%d", v[V], v[MR],
             v[NR], v[TM], c->taps);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    const gcl_conv_attr *a = node->attr;
    if (!fits(a, limits, v))
        return -1;
    cut c = cut_of(a, v);
    gcl_arg part = gcl_arg_scratch(0);
    *out = (gcl_recipe){.n_launches = 2, .epilogue_launch = 1, .scratch_floats = c.part_floats};

    gcl_launch *l = &out->launch[0];
    const int sizes[] = {a->n,     a->h,     a->w,   a->c,      a->p, a->q, a->k, a->stride_h,
                         a->pad_h, a->pad_w, c.rows, c.columns, c.t,  c.cc, c.kc};
    start(l, "winograd_weight", &c, v);
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = part;
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.v_floats);
    l->args[l->n_args++] = gcl_arg_local(c.z_floats);
    gcl_vec_items(l, c.chunks, c.groups, 1);
    l->flops = node->op->flops(node);
    l->bytes = 4.0 * ((double)a->n * a->h * a->w * a->c + (double)a->n * a->p * a->q * a->k +
                      (double)c.part_floats);

    l = &out->launch[1];
    const int sum_sizes[] = {c.groups, a->r, a->c, a->k, a->stride_h};
    start(l, "winograd_weight_sum", &c, v);
    l->args[l->n_args++] = part;
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sum_sizes, sizeof sum_sizes / sizeof sum_sizes[0]);
    gcl_vec_items(l, c.all_c, c.all_k, 1);
    l->bytes = 4.0 * ((double)c.part_floats + (double)a->r * a->s * a->c * a->k);
    return 0;
}

/* In units of the time of conv_weight_vec.c with full vectors, which reaches 85 % of the peak. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    const gcl_conv_attr *a = node->attr;
    if (!gcl_winograd_pays(a->c, a->k))
        return INFINITY;
    double direct = node->op->flops(node) / (2.0 * gcl_vec_length(a->k, limits)) / 0.85;
    double least = choose(a, limits, values) / (3000 + direct / limits->compute_units);
    return gcl_vec_cost(least, a->k, 2 * (int)limits->float_width, limits);
}

static double error(const gcl_node *node, const int *values)
{
    return error_of(node->attr, values);
}

const gcl_variant gcl_conv_weight_winograd = {
    .name = "winograd",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
    .error = error,
};
