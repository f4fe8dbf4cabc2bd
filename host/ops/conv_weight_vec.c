/* The vec variant of the convolution's weight gradient (cl/conv_weight_vec.cl). */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/vec.h"

enum {
    V = GCL_WEIGHT_V,
    MR = GCL_WEIGHT_MR,
    NR = GCL_WEIGHT_NR,
    CB = GCL_WEIGHT_CB,
    PIXELS = GCL_WEIGHT_PIXELS,
    CC = GCL_WEIGHT_CC,
    KC = GCL_WEIGHT_KC,
    GROUPS = GCL_WEIGHT_GROUPS,
    N_PARAMS = GCL_WEIGHT_PARAMS
};

enum { MOST_COLUMNS = 128 }; /* of a pixel block: whole rows, which memory delivers best */

static const gcl_param params[N_PARAMS] = {
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 4, 5, 6, 7, 9, 10, 12, 14}, 9},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8},
    [CB] = {"cb", {16, 8, 32, 64, 4, 3, 2, 1}, 8},
    [PIXELS] = {"px", {128, 32, 64, 256, 512}, 5},
    [CC] = {"cc", {64, 16, 32, 128, 256}, 5},
    [KC] = {"kc", {64, 32, 128, 256}, 4},
    [GROUPS] = {"groups", {8, 1, 2, 4, 16, 32, 64}, 7},
};

/* How a launch is cut, from the parameters. */
typedef struct cut {
    int images, rows, columns;    /* of a pixel block */
    int blocks;                   /* pixel blocks */
    int patch_rows, slots, pitch; /* pitch: of a row of partial sums */
    int chunks;                   /* of channels x outputs */
    int64_t patch_floats, y_floats, part_floats;
} cut;

static cut cut_of(const gcl_conv_attr *a, const int *v)
{
    cut c = {.images = 1};
    c.columns = gcl_even_part(a->q, gcl_smaller(v[PIXELS], MOST_COLUMNS));
    c.rows = gcl_even_part(a->p, v[PIXELS] / c.columns);
    if (c.rows == a->p)
        c.images = gcl_even_part(a->n, v[PIXELS] / (c.rows * c.columns));
    c.blocks = gcl_divide_up(a->n, c.images) * gcl_divide_up(a->p, c.rows) *
               gcl_divide_up(a->q, c.columns);
    c.patch_rows = (c.rows - 1) * a->stride_h + a->r;
    c.slots = gcl_divide_up((c.columns - 1) * a->stride_w + a->s, a->stride_w);
    c.pitch = gcl_round_up(a->k, v[NR]);
    int channels = gcl_round_up(gcl_smaller(v[CC], a->c), v[CB]);
    int outputs = gcl_round_up(gcl_smaller(v[KC], a->k), v[NR]);
    c.chunks = gcl_divide_up(a->c, v[CC]) * gcl_divide_up(a->k, v[KC]);
    c.patch_floats = (int64_t)channels * c.images * c.patch_rows * a->stride_w * c.slots + v[MR];
    c.y_floats = (int64_t)outputs * c.images * c.rows * c.columns;
    c.part_floats = (int64_t)v[GROUPS] * a->r * a->s * a->c * c.pitch;
    return c;
}

int gcl_weight_fits(const gcl_conv_attr *a, const gcl_limits *limits, const int *v)
{
    if (v[V] < 1 || v[MR] < 1 || v[NR] < v[V] || v[NR] % v[V] != 0 || v[CB] < 1 || v[PIXELS] < 1 ||
        v[CC] < v[CB] || v[CC] % v[CB] != 0 || v[KC] < v[NR] || v[KC] % v[NR] != 0 || v[GROUPS] < 1)
        return 0;
    cut c = cut_of(a, v);
    return (uint64_t)(c.patch_floats + c.y_floats) * sizeof(float) <= limits->local_bytes &&
           (uint64_t)c.part_floats * sizeof(float) <= limits->max_alloc_bytes;
}

/* Rows of the register block: little rounding of the runs of taps x channels, not too few. */
static int choose_rows(const gcl_conv_attr *a, int cb, int most)
{
    int best = most, least = 1 << 30;
    for (int mr = most; mr >= (most + 1) / 2; mr--) {
        int rows = 0;
        for (int m = 0; m < a->stride_w && m < a->s; m++)
            rows += gcl_round_up(gcl_divide_up(a->s - m, a->stride_w) * cb, mr);
        if (rows < least)
            least = rows, best = mr;
    }
    return best;
}

/* Cycles, roughly, of one core for the whole launch: copies of both operands, once for each chunk of
 * the other's channels; fma, and the sums' way to registers and back for each pixel block; cores that
 * wait at the end; the addition of the groups. */
static double estimate(const gcl_conv_attr *a, const gcl_limits *limits, const int *v)
{
    cut c = cut_of(a, v);
    int channels = gcl_round_up(gcl_smaller(v[CC], a->c), v[CB]), runs = 0;
    int outputs = gcl_round_up(gcl_smaller(v[KC], a->k), v[NR]);
    for (int m = 0; m < a->stride_w && m < a->s; m++)
        runs += gcl_divide_up(gcl_divide_up(a->s - m, a->stride_w) * v[CB], v[MR]);
    double calls = (double)runs * a->r * (channels / v[CB]) * (outputs / v[NR]);
    double pixels = (double)c.images * c.rows * c.columns;
    double part = 4.0 * a->r * a->s * channels * outputs;
    double carried = v[MR] * v[NR] / v[V] * (part > (double)limits->local_bytes / 2 ? 14.0 : 10.0);
    double copy = (double)c.patch_floats * (channels < a->c ? 1.8 : 1.0) +
                  (double)c.y_floats * (outputs < a->k ? 1.8 : 1.0);
    double block = copy + calls * (pixels * v[MR] * v[NR] / v[V] + carried);
    double each = gcl_divide_up(c.blocks, v[GROUPS]);
    double waves = gcl_divide_up(c.chunks * v[GROUPS], (int)limits->compute_units);
    double added = v[GROUPS] > 1 ? 0.4 * (double)c.part_floats / limits->compute_units : 0;
    return (waves + 0.3) * each * block + added;
}

/* Enough work-items for every unit to have several. */
static int choose_groups(const cut *c, const gcl_limits *limits, int each)
{
    return gcl_smaller(c->blocks, gcl_divide_up(each * (int)limits->compute_units, c->chunks));
}

/* Pixel blocks and groups for the chunks that t has already, kept in v if better than the `best`
 * estimate so far: the pixel block stays in the second-level cache. */
static void try_pixels(const gcl_conv_attr *a, const gcl_limits *limits, int *t, int *v,
                       double *best)
{
    for (t[PIXELS] = 512; t[PIXELS] >= 1; t[PIXELS] /= 2) {
        for (int each = 1; each <= 8; each *= 2) {
            t[GROUPS] = 1;
            cut c = cut_of(a, t);
            t[GROUPS] = choose_groups(&c, limits, each);
            if ((c.patch_floats + c.y_floats) * 4 > gcl_vec_cache(limits))
                break;
            double cost = estimate(a, limits, t);
            if (*best < 0 || cost < *best) {
                *best = cost;
                for (int i = 0; i < N_PARAMS; i++)
                    v[i] = t[i];
            }
        }
    }
}

void gcl_weight_defaults(const gcl_conv_attr *a, const gcl_limits *limits, int *v)
{
    double best = -1;
    int t[N_PARAMS] = {0};
    t[V] = gcl_vec_length(a->k, limits);
    t[NR] = a->k > t[V] ? 2 * t[V] : t[V];
    for (t[CB] = gcl_vec_channel_block(a->c);; t[CB] = gcl_divide_up(t[CB], 2)) {
        t[MR] = choose_rows(a, t[CB], t[V] == 16 ? 9 : 6);
        for (t[CC] = gcl_round_up(a->c, t[CB]);; t[CC] = gcl_round_up(t[CC] / 2, t[CB])) {
            for (t[KC] = gcl_round_up(a->k, t[NR]);; t[KC] = gcl_round_up(t[KC] / 2, t[NR])) {
                try_pixels(a, limits, t, v, &best);
                if (t[KC] == t[NR])
                    break;
            }
            if (t[CC] == t[CB])
                break;
        }
        if (best >= 0 || t[CB] == 1) /* else: a large filter, little local memory */
            break;
    }
    if (best < 0) { /* nothing has room */
        for (int i = 0; i < N_PARAMS; i++)
            v[i] = t[i];
        v[PIXELS] = v[GROUPS] = 1;
    }
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *values)
{
    gcl_weight_defaults(node->attr, limits, values);
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    defaults(node, limits, values);
    return gcl_vec_device(limits) && gcl_weight_fits(node->attr, limits, values);
}

void gcl_weight_launches(const gcl_conv_attr *a, const int *v, gcl_arg x, gcl_arg y,
                         gcl_recipe *out)
{
    cut c = cut_of(a, v);
    int groups = gcl_smaller(v[GROUPS], c.blocks), alone = groups == 1 && c.pitch == a->k;
    gcl_arg part = gcl_arg_scratch(out->scratch_floats);
    out->epilogue_launch = out->n_launches + !alone;
    gcl_launch *l = &out->launch[out->n_launches++];
    *l = (gcl_launch){.file = "conv_weight_vec", .kernel = "conv_weight"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -DNR=%d -DCB=%d", v[V], v[MR], v[NR],
             v[CB]);
    const int sizes[] = {a->n,        a->h,     a->w,     a->c,         a->p,
                         a->q,        a->k,     a->r,     a->s,         a->stride_h,
                         a->stride_w, a->pad_h, a->pad_w, c.images,     c.rows,
                         c.columns,   v[CC],    v[KC],    c.patch_rows, c.slots};
    l->args[l->n_args++] = x;
    l->args[l->n_args++] = y;
    l->args[l->n_args++] = alone ? gcl_arg_out() : part;
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.patch_floats);
    l->args[l->n_args++] = gcl_arg_local(c.y_floats);
    gcl_vec_items(l, c.chunks, groups, 1);
    l->bytes = 4.0 * ((double)a->n * a->h * a->w * a->c + (double)a->n * a->p * a->q * a->k +
                      (double)groups * a->r * a->s * a->c * a->k);
    if (alone)
        return;
    out->scratch_floats += (int64_t)groups * a->r * a->s * a->c * c.pitch;
    gcl_vec_sum(v[V], groups, a->r * a->s * a->c, a->k, c.pitch, part,
                &out->launch[out->n_launches++]);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    if (!gcl_weight_fits(node->attr, limits, v))
        return -1;
    *out = (gcl_recipe){.n_launches = 0};
    gcl_weight_launches(node->attr, v, gcl_arg_in(0), gcl_arg_in(1), out);
    out->launch[0].flops = node->op->flops(node);
    return 0;
}

/* In units of the time with full vectors. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_conv_attr *a = node->attr;
    return gcl_vec_cost(1, a->k, 2 * (int)limits->float_width, limits);
}

const gcl_variant gcl_conv_weight_vec = {
    .name = "vec",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};
