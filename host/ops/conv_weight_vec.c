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

static int smaller(int a, int b) { return a < b ? a : b; }

/* The size of n cut into equal parts of at most `most`. */
static int even_part(int n, int most)
{
    return gcl_divide_up(n, gcl_divide_up(n, most < 1 ? 1 : most));
}

static cut cut_of(const gcl_conv_attr *a, const int *v)
{
    cut c = {.images = 1};
    c.columns = even_part(a->q, smaller(v[PIXELS], MOST_COLUMNS));
    c.rows = even_part(a->p, v[PIXELS] / c.columns);
    if (c.rows == a->p)
        c.images = even_part(a->n, v[PIXELS] / (c.rows * c.columns));
    c.blocks = gcl_divide_up(a->n, c.images) * gcl_divide_up(a->p, c.rows) *
               gcl_divide_up(a->q, c.columns);
    c.patch_rows = (c.rows - 1) * a->stride_h + a->r;
    c.slots = gcl_divide_up((c.columns - 1) * a->stride_w + a->s, a->stride_w);
    c.pitch = gcl_round_up(a->k, v[NR]);
    int channels = gcl_round_up(smaller(v[CC], a->c), v[CB]);
    int outputs = gcl_round_up(smaller(v[KC], a->k), v[NR]);
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

/* The partial sums of a work-item and its pixel block stay in the second-level cache; enough
 * work-items for every unit to have several. */
void gcl_weight_defaults(const gcl_conv_attr *a, const gcl_limits *limits, int *v)
{
    int64_t room = gcl_vec_cache(limits);
    v[V] = gcl_vec_length(a->k, limits);
    v[NR] = a->k > v[V] ? 2 * v[V] : v[V];
    v[CB] = gcl_vec_channel_block(a->c);
    v[MR] = choose_rows(a, v[CB], v[V] == 16 ? 9 : 6);
    v[CC] = gcl_round_up(a->c, v[CB]);
    v[KC] = gcl_round_up(a->k, v[NR]);
    while ((int64_t)a->r * a->s * v[CC] * v[KC] * 4 > room && (v[CC] > v[CB] || v[KC] > v[NR])) {
        if (v[KC] > v[NR] && (v[KC] >= v[CC] || v[CC] == v[CB]))
            v[KC] = gcl_round_up(v[KC] / 2, v[NR]);
        else
            v[CC] = gcl_round_up(v[CC] / 2, v[CB]);
    }
    v[PIXELS] = 512;
    v[GROUPS] = 1;
    cut c = cut_of(a, v);
    while (v[PIXELS] > 1 && (c.patch_floats + c.y_floats) * 4 > room) {
        v[PIXELS] /= 2;
        c = cut_of(a, v);
    }
    while ((c.patch_floats + c.y_floats) * 4 > room && (v[CC] > v[CB] || v[KC] > v[NR])) {
        v[CC] = gcl_round_up(v[CC] / 2, v[CB]);
        v[KC] = gcl_round_up(v[KC] / 2, v[NR]);
        c = cut_of(a, v);
    }
    while (v[CB] > 1 && !gcl_weight_fits(a, limits, v)) { /* a large filter, little local memory */
        v[CC] = v[CB] = gcl_divide_up(v[CB], 2);
        c = cut_of(a, v);
    }
    v[GROUPS] = smaller(c.blocks, gcl_divide_up(4 * (int)limits->compute_units, c.chunks));
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
    int groups = smaller(v[GROUPS], c.blocks);
    gcl_arg part = gcl_arg_scratch(out->scratch_floats);
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
    l->args[l->n_args++] = part;
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->args[l->n_args++] = gcl_arg_local(c.patch_floats);
    l->args[l->n_args++] = gcl_arg_local(c.y_floats);
    gcl_vec_items(l, c.chunks, groups, 1);
    l->bytes = 4.0 * ((double)a->n * a->h * a->w * a->c + (double)a->n * a->p * a->q * a->k +
                      (double)groups * a->r * a->s * a->c * a->k);
    out->scratch_floats += (int64_t)groups * a->r * a->s * a->c * c.pitch;
    out->epilogue_launch = out->n_launches;
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
