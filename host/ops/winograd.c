/* The winograd variants of convolution and its data gradient (cl/winograd_vec.cl). */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/winograd.h"

enum { V, MR, NR, TM, T, CC, KC, KG, N_PARAMS };

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 6, 4, 7, 10, 12, 14}, 7},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8},
    [TM] = {"tm", {4, 2, 3, 5, 6}, 5},
    [T] = {"t", {48, 8, 16, 32, 64}, 5},
    [CC] = {"cc", {64, 16, 32, 128, 256, 512}, 6},
    [KC] = {"kc", {2, 1, 4, 8}, 4},
    [KG] = {"kg", {2, 1, 4, 8, 1024}, 5},
};

/* How a launch is cut, from the parameters. */
typedef struct cut {
    int taps, positions;
    int phases_in, phases_out;
    int rows, columns, tiles; /* of an image; of all */
    int all_c, all_k;         /* blocks of V channels and of NR outputs, of all phases */
    int t, cc, kc, kg;        /* T, CC, KC, KG, no larger than needed */
    int64_t v_floats, m_floats, u_floats;
    int64_t items[3];
} cut;

/* Tiles of tm outputs along one axis, such that every phase is covered. */
static int tiles_of(int outputs, int taps, int os, int off, int low, int tm)
{
    int most = 0;
    for (int a = 0; a < os; a++) {
        int some = os == 1 ? taps : (taps - (a + off) % os + os - 1) / os;
        int last = (outputs - a + os - 1) / os + (a + off) / os - some + 1 - low;
        most = last > most ? last : most;
    }
    return gcl_divide_up(most, tm);
}

static cut cut_of(const gcl_gather *g, const int *v)
{
    cut c = {.taps = gcl_divide_up(g->r, g->is_h * g->os_h),
             .phases_in = g->is_h * g->is_h,
             .phases_out = g->os_h * g->os_h,
             .rows = tiles_of(g->oh, g->r, g->os_h, g->off_h, g->low_h, v[TM]),
             .columns = tiles_of(g->ow, g->s, g->os_w, g->off_w, g->low_w, v[TM])};
    c.positions = (v[TM] + c.taps - 1) * (v[TM] + c.taps - 1);
    c.tiles = g->n * c.rows * c.columns;
    c.all_c = c.phases_in * gcl_divide_up(g->c, v[V]);
    c.all_k = c.phases_out * gcl_divide_up(g->k, v[NR]);
    c.t = gcl_round_up(gcl_even_part(c.tiles, v[T]), v[MR]);
    c.cc = gcl_smaller(v[CC], c.all_c * v[V]);
    c.kg = gcl_smaller(v[KG], c.all_k);
    c.kc = gcl_smaller(v[KC], c.kg);
    c.v_floats = (int64_t)c.positions * c.cc * (c.t + 1);
    c.m_floats = (int64_t)c.positions * c.kc * v[NR] * (c.t + 1);
    c.u_floats = (int64_t)c.positions * ((int64_t)c.phases_in * g->c * c.all_k + 1) * v[NR];
    c.items[0] = gcl_divide_up(c.all_k, c.kg);
    c.items[1] = gcl_divide_up(c.tiles, c.t);
    c.items[2] = 1;
    return c;
}

static double error_of(const gcl_gather *g, const int *v)
{
    int taps = gcl_divide_up(g->r, g->is_h * g->os_h);
    return gcl_winograd_error(v[TM], taps, g->is_h * g->is_w * g->c);
}

/* Whether there is such a form at all: square filters, of 2 to 5 taps a phase. */
static int has_form(const gcl_gather *g)
{
    int taps = gcl_divide_up(g->r, g->is_h * g->os_h);
    return g->r == g->s && g->is_h == g->is_w && g->os_h == g->os_w && taps >= 2 &&
           taps <= GCL_WINOGRAD_MOST_TAPS;
}

static int fits(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    if (!has_form(g) || v[V] < 1 || v[MR] < 1 || v[NR] < v[V] || v[NR] % v[V] != 0 || v[TM] < 2 ||
        v[T] < 1 || v[CC] < v[V] || v[CC] % v[V] != 0 || v[KC] < 1 || v[KG] < 1)
        return 0;
    cut c = cut_of(g, v);
    return error_of(g, v) <= GCL_WINOGRAD_MOST_ERROR &&
           (uint64_t)(c.v_floats + c.m_floats) * sizeof(float) <= limits->local_bytes &&
           (uint64_t)c.u_floats * sizeof(float) <= limits->max_alloc_bytes;
}

/* ---- defaults ------------------------------------------------------------------------------- */

/* Cycles, roughly, of one core for the whole launch of winograd_vec.cl. */
static double estimate(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    cut c = cut_of(g, v);
    int vectors = v[NR] / v[V], line = 4 * v[V], outputs = v[TM] * v[TM];
    int chunks = gcl_divide_up(c.all_c, c.cc / v[V]), passes = gcl_divide_up(c.kg, c.kc);
    double channels = (double)c.phases_in * g->c, tiles = gcl_smaller(c.t, c.tiles);
    double read = tiles * c.all_c * (7.0 * c.positions + GCL_MEMORY_CYCLES * line * outputs) *
                  (chunks > 1 ? passes : 1);
    double blocks = (double)c.positions * c.kg * (c.t / v[MR]);
    double products =
        blocks * v[MR] * vectors * (1.1 * channels + (chunks > 1 ? 4.0 : 2.0) * chunks);
    double panels = (double)c.positions * channels * v[NR] * 4;
    double fetch = c.kg * panels * (c.all_k * panels > 8e6 ? GCL_MEMORY_CYCLES : GCL_CACHE_CYCLES);
    double write =
        tiles * c.kg * vectors * (5.0 * c.positions + 2 * GCL_MEMORY_CYCLES * line * outputs);
    double item = read + products + 30 * blocks * chunks + fetch + write + 500;
    return gcl_vec_waves(c.items, 0.2, limits) * item;
}

/* The same of winograd_pack_vec.cl: transforms, and stores to wherever the panels fit. */
static double estimate_pack(const gcl_gather *g, const gcl_limits *limits, const int *v)
{
    cut c = cut_of(g, v);
    double vectors = (double)c.phases_in * g->c * c.all_k * (v[NR] / v[V]);
    double bytes = 4.0 * (double)c.u_floats;
    double load = c.taps * c.taps * (g->flip ? 3.0 * v[V] : 1.0);
    return (vectors * (load + 6.0 * c.positions) +
            bytes * (bytes > 8e6 ? 2 * GCL_MEMORY_CYCLES : GCL_CACHE_CYCLES)) /
           limits->compute_units;
}

/* Keeps the better of v and the values t, of which cost(*best) is the least so far (< 0: none). */
static void try_values(const gcl_gather *g, const gcl_limits *limits, const int *t, int *v,
                       double *best)
{
    cut c = cut_of(g, t);
    if (4.0 * (double)(c.v_floats + c.m_floats) > gcl_winograd_room(limits) || !fits(g, limits, t))
        return;
    double cost = estimate(g, limits, t) + estimate_pack(g, limits, t);
    if (*best < 0 || cost < *best) {
        *best = cost;
        for (int i = 0; i < N_PARAMS; i++)
            v[i] = t[i];
    }
}

/* The values of least estimate; returns that, or -1 if none fit. */
static double choose(const gcl_gather *g, const gcl_limits *limits, int *v)
{
    double best = -1;
    int t[N_PARAMS] = {0};
    t[V] = gcl_vec_length(g->k, limits);
    t[NR] = g->k > t[V] ? 2 * t[V] : t[V];
    t[MR] = t[V] == 16 ? 8 : 6;
    int all_c = g->is_h * g->is_h * gcl_round_up(g->c, t[V]);
    int all_k = g->os_h * g->os_h * gcl_divide_up(g->k, t[NR]);
    for (int i = 0; i < N_PARAMS; i++)
        v[i] = t[i];
    for (t[TM] = 2; t[TM] <= GCL_WINOGRAD_MOST_TILE; t[TM]++)
        for (t[T] = t[MR]; t[T] <= 12 * t[MR]; t[T] += t[T] < 4 * t[MR] ? t[MR] : 2 * t[MR])
            for (t[CC] = all_c;; t[CC] = gcl_round_up(t[CC] / 2, t[V])) {
                for (t[KG] = all_k;; t[KG] = gcl_divide_up(t[KG], 2)) {
                    for (t[KC] = t[KG];; t[KC] = gcl_divide_up(t[KC], 2)) {
                        try_values(g, limits, t, v, &best);
                        if (t[KC] == 1)
                            break;
                    }
                    if (t[KG] == 1)
                        break;
                }
                if (t[CC] == t[V])
                    break;
            }
    return best;
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    gcl_gather g = gcl_gather_of(node);
    choose(&g, limits, v);
}

/* ---- recipe --------------------------------------------------------------------------------- */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    gcl_gather g = gcl_gather_of(node);
    if (!has_form(&g) || !gcl_vec_device(limits))
        return 0;
    defaults(node, limits, values);
    return fits(&g, limits, values);
}

static void pack(const gcl_gather *g, const cut *c, const int *v, gcl_arg packed, gcl_launch *l)
{
    enum { CHANNELS = 8 }; /* of a work-item */
    const int sizes[] = {
        g->r,   g->flip ? g->k : g->c, g->flip ? g->c : g->k, g->is_h, g->os_h, g->off_h, g->off_w,
        g->flip};
    *l = (gcl_launch){.file = "winograd_pack_vec", .kernel = "winograd_pack"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DNR=%d -DCB=%d -DTM=%d -DTR=%d", v[V], v[NR],
             CHANNELS, v[TM], c->taps);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = packed;
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    gcl_vec_items(l, gcl_divide_up(g->c, CHANNELS), c->all_k, 1);
    l->bytes = 4.0 * ((double)g->r * g->s * g->c * g->k + (double)c->u_floats);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    gcl_gather g = gcl_gather_of(node);
    if (!fits(&g, limits, v))
        return -1;
    cut c = cut_of(&g, v);
    gcl_arg packed = gcl_arg_scratch(0);
    *out = (gcl_recipe){.n_launches = 2, .epilogue_launch = 1, .scratch_floats = c.u_floats};
    pack(&g, &c, v, packed, &out->launch[0]);
    gcl_launch *l = &out->launch[1];
    *l = (gcl_launch){.file = "winograd_vec", .kernel = "winograd"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DNR=%d -DTM=%d -DTR=%d", v[V], v[MR],
             v[NR], v[TM], c.taps);
    const int sizes[] = {g.n,    g.h,       g.w,    g.c,     g.oh,    g.ow,    g.k,
                         g.r,    g.is_h,    g.os_h, g.off_h, g.off_w, g.low_h, g.low_w,
                         c.rows, c.columns, c.t,    c.cc,    c.kc,    c.kg};
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = packed;
    l->args[l->n_args++] = gcl_arg_out();
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.v_floats);
    l->args[l->n_args++] = gcl_arg_local(c.m_floats);
    gcl_vec_items(l, c.items[0], c.items[1], c.items[2]);
    l->bytes = gcl_gather_bytes(&g);
    l->flops = node->op->flops(node);
    return 0;
}

/* In units of the time of conv_vec.c with full vectors. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    gcl_gather g = gcl_gather_of(node);
    if (!gcl_winograd_pays(g.c, g.k))
        return INFINITY;
    double least = choose(&g, limits, values) / gcl_gather_cycles(&g, limits);
    return gcl_vec_cost(least, g.k, 2 * (int)limits->float_width, limits);
}

static double error(const gcl_node *node, const int *values)
{
    gcl_gather g = gcl_gather_of(node);
    return error_of(&g, values);
}

#define WINOGRAD                                                                                   \
    {                                                                                              \
        .name = "winograd", .applies = applies, .defaults = defaults, .recipe = recipe,            \
        .params = params, .n_params = N_PARAMS, .cost = cost, .error = error                       \
    }

const gcl_variant gcl_conv_winograd = WINOGRAD;
const gcl_variant gcl_conv_data_winograd = WINOGRAD;
