/* The vec variants of convolution and its data gradient (cl/conv_vec.cl): both are one gather. */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/vec.h"

enum {
    V = GCL_GATHER_V,
    MR = GCL_GATHER_MR,
    NR = GCL_GATHER_NR,
    CB = GCL_GATHER_CB,
    PB = GCL_GATHER_PB,
    QB = GCL_GATHER_QB,
    CC = GCL_GATHER_CC,
    KG = GCL_GATHER_KG,
    N_PARAMS = GCL_GATHER_PARAMS
};

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 6, 4, 7, 10, 12, 14}, 7},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8},
    [CB] = {"cb", {16, 8, 32, 64, 4, 3, 2, 1}, 8},
    [PB] = {"pb", {4, 1, 2, 8, 16, 32}, 6}, /* beyond a picture's rows: whole pictures */
    [QB] = {"qb", {32, 8, 16, 64, 128, 256}, 6},
    [CC] = {"cc", {64, 16, 32, 128, 256, 512}, 6},
    [KG] = {"kg", {1, 2, 4, 8, 1024}, 5},
};

/* Register blocks go over the ends of rows where these would make a row dearer than this: addresses of
 * their own for each pixel cost about as much. */
#define DEAREST_ROW 1.08

/* How a launch is cut, from the parameters. */
typedef struct cut {
    int blocks_c, blocks_k;    /* of CB channels, of NR outputs */
    int base_h, base_w;        /* output rows and columns of a phase */
    int images, rows, columns; /* of a work-item */
    int join;                  /* whether a register block holds pixels of several rows */
    int pixels;                /* that a work-item computes, surplus ones included */
    int patch_rows, slots;
    int64_t local_floats;
    int64_t items[3];
} cut;

static cut cut_of(const gcl_gather *g, const int *v)
{
    cut c = {.blocks_c = gcl_divide_up(g->c, v[CB]),
             .blocks_k = gcl_divide_up(g->k, v[NR]),
             .base_h = gcl_divide_up(g->oh, g->os_h),
             .base_w = gcl_divide_up(g->ow, g->os_w)};
    c.images = v[PB] < c.base_h ? 1 : gcl_smaller(v[PB] / c.base_h, g->n);
    c.rows = gcl_smaller(v[PB], c.base_h);
    c.columns = gcl_smaller(v[QB], c.base_w);
    int whole = gcl_round_up(c.columns, v[MR]);
    c.join = whole > c.columns * DEAREST_ROW;
    c.pixels =
        c.join ? gcl_round_up(c.images * c.rows * c.columns, v[MR]) : c.images * c.rows * whole;
    c.slots = gcl_divide_up(((c.join ? c.columns : whole) - 1) * g->is_w + g->span_w, g->is_w);
    c.patch_rows = (c.rows - 1) * g->is_h + g->span_h;
    int channels = gcl_round_up(gcl_smaller(v[CC], g->c), v[CB]);
    c.local_floats = (int64_t)channels * c.images * c.patch_rows * g->is_w * c.slots;
    c.items[0] = (int64_t)gcl_divide_up(c.base_w, v[QB]) * gcl_divide_up(c.blocks_k, v[KG]);
    c.items[1] = gcl_divide_up(c.base_h, c.rows);
    c.items[2] = gcl_divide_up(g->n, c.images);
    return c;
}

int gcl_gather_fits(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    return v[V] >= 1 && v[MR] >= 1 && v[NR] >= v[V] && v[NR] % v[V] == 0 && v[CB] >= 1 &&
           v[PB] >= 1 && v[QB] >= 1 && v[CC] >= v[CB] && v[CC] % v[CB] == 0 && v[KG] >= 1 &&
           (uint64_t)cut_of(g, v).local_floats * sizeof(float) <= limits->local_bytes;
}

/* ---- defaults ------------------------------------------------------------------------------- */

/* Vector length and register block: as many accumulators as the registers of such a device hold
 * (32 of 512 bits, else 16), two vectors of outputs where there are that many; four where sums are so
 * short that writing the results costs most: the output is then written in longer pieces. */
static void choose_block(const gcl_gather *g, const gcl_limits *limits, int *v)
{
    v[V] = gcl_vec_length(g->k, limits);
    v[NR] = g->k > v[V] ? 2 * v[V] : v[V];
    v[MR] = v[V] == 16 ? 8 : 6;
    if (g->k >= 4 * v[V] && g->c * g->r * g->s <= 8 * v[V]) {
        v[NR] = 4 * v[V];
        v[MR] = v[V] == 16 ? 6 : 3;
    }
}

/* Cycles, roughly, of a work-item: copies into the patch, fma, the filter's way from memory, sums
 * carried from one chunk of channels to the next. */
static double item_cycles(const gcl_gather *g, const int *v, double fma_a_cycle)
{
    cut c = cut_of(g, v);
    int chunks = gcl_divide_up(g->c, v[CC]);
    double channels = (double)c.blocks_c * v[CB], phases = (double)g->os_h * g->os_w;
    double pixels = c.pixels * (c.join ? 1.05 : 1.0);
    double outputs = (double)v[NR] * gcl_smaller(v[KG], c.blocks_k);
    double filter = channels * outputs * g->r * g->s;
    double start =
        c.columns < c.base_w ? 1200 : 100; /* of a piece of a row; whole rows follow on */
    double segment =
        channels / chunks * g->is_w * c.slots * (v[CB] % v[V] == 0 ? 0.8 : 1.6) + start;
    double copy = (double)chunks * c.images * c.patch_rows * segment;
    double fma = pixels * filter / (fma_a_cycle * v[V]);
    double carried = (chunks - 1) * pixels * phases * outputs * 2.5;
    double filter_bytes = 4.0 * channels * c.blocks_k * v[NR] * g->r * g->s;
    double fetch = filter * (filter_bytes > 512e3 ? 0.25 : 0.05);
    return copy + fma + carried + fetch + 500;
}

/* Of the whole launch on one core, with its wait for others at the end. Shares were tuned for two fma
 * a cycle; gcl_gather_cycles assumes one, which is as good a guess, and agreed within 10 % with times
 * on such a core. */
static double estimate(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    cut c = cut_of(g, v);
    return gcl_vec_waves(c.items, 0.3, limits) * item_cycles(g, v, 2);
}

double gcl_gather_cycles(const gcl_gather *g, const gcl_limits *limits)
{
    int v[N_PARAMS];
    gcl_gather_defaults(g, limits, v);
    cut c = cut_of(g, v);
    double filter = (double)g->r * g->s * c.blocks_c * v[CB] * c.blocks_k * v[NR];
    int large = filter * 4 > 512e3; /* comes from memory, and goes there */
    double pack = g->flip ? (large ? 3.8 : 1.2) : (large ? 2.2 : 0.5);
    double results = (double)g->n * g->oh * g->ow * g->k * (g->os_h * g->os_w > 1 ? 1.0 : 0.4);
    return 3000 + (pack * filter + results) / limits->compute_units +
           gcl_vec_waves(c.items, 0.1, limits) * item_cycles(g, v, 1);
}

/* The numbers of rows of a work-item that are tried: of one picture, then of several. 0: no more. */
static int rows_to_try(int i, int base_h, int images)
{
    static const int rows[] = {1, 2, 3, 4, 6, 8, 12, 16, 32}, n = sizeof rows / sizeof rows[0];
    int fewer = 0;
    while (fewer < n && rows[fewer] < base_h)
        fewer++;
    if (i < fewer)
        return rows[i];
    int power = i - fewer; /* of 2: pictures */
    return power < 16 && (power == 0 || 1 << (power - 1) < images) ? base_h << power : 0;
}

/* Chunks of channels and groups of outputs for the sizes that t has already, kept in v if better than
 * the `best` estimate so far. Returns whether the patch of any has room. */
static int try_chunks(const gcl_gather *g, const gcl_limits *limits, int *t, int *v, double *best)
{
    int64_t room = gcl_vec_cache(limits);
    int blocks_k = gcl_divide_up(g->k, v[NR]), any = 0;
    for (t[CC] = gcl_round_up(g->c, t[CB]);; t[CC] = gcl_round_up(t[CC] / 2, t[CB])) {
        for (t[KG] = blocks_k; cut_of(g, t).local_floats * 4 <= room;
             t[KG] = gcl_divide_up(t[KG], 2)) {
            double cost = estimate(g, limits, t);
            any = 1;
            if (*best < 0 || cost < *best) {
                *best = cost;
                v[PB] = t[PB], v[QB] = t[QB], v[CC] = t[CC], v[KG] = t[KG];
            }
            if (t[KG] == 1)
                break;
        }
        if (t[CC] == t[CB])
            return any;
    }
}

/* Sizes of a work-item's share: the least estimate among those whose patch stays in the second-level
 * cache. */
static void choose_share(const gcl_gather *g, const gcl_limits *limits, int *v)
{
    int base_w = gcl_divide_up(g->ow, g->os_w), base_h = gcl_divide_up(g->oh, g->os_h);
    double best = -1;
    int t[N_PARAMS] = {v[V], v[MR], v[NR], v[CB], 1, 1, 1, 1};
    v[PB] = 1, v[QB] = gcl_smaller(base_w, v[MR]), v[CC] = v[CB],
    v[KG] = gcl_divide_up(g->k, v[NR]);
    for (t[QB] = base_w;; t[QB] = gcl_round_up(t[QB] / 2, v[MR])) {
        for (int i = 0; (t[PB] = rows_to_try(i, base_h, g->n)) > 0; i++)
            if (!try_chunks(g, limits, t, v, &best))
                break;
        if (t[QB] <= v[MR])
            break;
    }
}

void gcl_gather_defaults(const gcl_gather *g, const gcl_limits *limits, int *v)
{
    choose_block(g, limits, v);
    v[CB] = gcl_vec_channel_block(g->c);
    choose_share(g, limits, v);
    while (v[CB] > 1 && !gcl_gather_fits(g, limits, v)) { /* a large filter, little local memory */
        v[CB] = gcl_divide_up(v[CB], 2);
        choose_share(g, limits, v);
    }
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *values)
{
    gcl_gather g = gcl_gather_of(node);
    gcl_gather_defaults(&g, limits, values);
}

/* ---- recipe --------------------------------------------------------------------------------- */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    gcl_gather g = gcl_gather_of(node);
    defaults(node, limits, values);
    return gcl_vec_device(limits) && gcl_gather_fits(&g, limits, values);
}

void gcl_gather_launches(const gcl_gather *g, const int *v, gcl_arg x, gcl_arg filter,
                         gcl_recipe *out)
{
    cut c = cut_of(g, v);
    gcl_arg packed = gcl_arg_scratch(out->scratch_floats);
    gcl_gather_pack(g, v[NR], v[CB], 1, filter, packed, &out->launch[out->n_launches++]);
    out->scratch_floats += (int64_t)g->r * g->s * c.blocks_c * v[CB] * c.blocks_k * v[NR];

    out->epilogue_launch = out->n_launches;
    gcl_launch *l = &out->launch[out->n_launches++];
    *l = (gcl_launch){.file = "conv_vec", .kernel = "conv_gather"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DNR=%d -DCB=%d -DJOIN=%d", v[V], v[MR],
             v[NR], v[CB], c.join);
    const int sizes[] = {g->n,    g->h,      g->w,     g->c,     g->oh,        g->ow,
                         g->k,    g->r,      g->s,     g->is_h,  g->is_w,      g->os_h,
                         g->os_w, g->off_h,  g->off_w, g->low_h, g->low_w,     c.images,
                         c.rows,  c.columns, v[CC],    v[KG],    c.patch_rows, c.slots};
    l->args[l->n_args++] = x;
    l->args[l->n_args++] = packed;
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.local_floats);
    gcl_vec_items(l, c.items[0], c.items[1], c.items[2]);
    l->bytes = gcl_gather_bytes(g);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    gcl_gather g = gcl_gather_of(node);
    if (!gcl_gather_fits(&g, limits, v))
        return -1;
    *out = (gcl_recipe){.n_launches = 0};
    gcl_gather_launches(&g, v, gcl_arg_in(0), gcl_arg_in(1), out);
    out->launch[1].flops = node->op->flops(node);
    return 0;
}

/* In units of the time with full vectors. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    return gcl_vec_cost(1, gcl_gather_of(node).k, 2 * (int)limits->float_width, limits);
}

const gcl_variant gcl_conv_vec = {
    .name = "vec",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};

const gcl_variant gcl_conv_data_vec = {
    .name = "vec",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};
