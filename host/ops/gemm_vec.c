/* The vec variant of the matrix product. cl/gemm_vec.cl reads A where it lies; for many rows a
 * transposed B, which is small beside the rest then, is written the right way round first. Others are
 * convolutions with one tap: with B transposed the rows are the pixels of cl/conv_vec.cl, with A
 * transposed the inner index is the pixel of cl/conv_weight_vec.cl. */
#include <stdio.h>

#include "ops/conv_gather.h"
#include "ops/vec.h"

enum { PATH, V, MR, NR, CB, ROWS, COLUMNS, DEPTH, N_PARAMS };
enum { GATHER = 1, OUTER, DIRECT, DOT };

static const gcl_param params[N_PARAMS] = {
    [PATH] = {"path", {GATHER, OUTER, DIRECT, DOT}, 4},
    [V] = {"v", {16, 8, 4, 2, 1}, 5},
    [MR] = {"mr", {8, 4, 6, 7, 10, 12, 14}, 7},
    [NR] = {"nr", {32, 16, 64, 48, 8, 4, 2, 1}, 8}, /* DOT: columns of the register block */
    [CB] = {"cb", {16, 8, 32, 64, 4, 2, 1}, 7},
    [ROWS] = {"rows", {64, 16, 32, 128, 256, 512}, 6},         /* of a work-item; OUTER: "cc" */
    [COLUMNS] = {"columns", {64, 32, 128, 256, 512, 1024}, 6}, /* of a work-item */
    [DEPTH] = {"depth", {256, 64, 128, 512, 1024, 2048}, 6},   /* GATHER: "cc", DIRECT: "KC" */
};

/* A result of one column is computed as the row op(B)^T op(A)^T: the same storage. */
typedef struct product {
    int m, n, k, transpose_a, transpose_b;
    int a, b;   /* which inputs */
    int single; /* swapped so */
} product;

static product product_of(const gcl_node *node)
{
    const gcl_matmul_attr *t = node->attr;
    if (t->n == 1 && t->m > 1)
        return (product){1, t->m, t->k, 0, !t->transpose_a, 1, 0, 1};
    product p = {t->m, t->n, t->k, t->transpose_a, t->transpose_b, 0, 1, 0};
    if (p.m == 1 || p.k == 1) /* one row or one column: both readings are the same */
        p.transpose_a = 0;
    return p;
}

/* With one pixel a row: x [1,1,m,k] times filter [1,1,k,n]. */
static gcl_gather gather_of(const product *p)
{
    return (gcl_gather){.n = 1,
                        .h = 1,
                        .w = p->m,
                        .c = p->k,
                        .oh = 1,
                        .ow = p->m,
                        .k = p->n,
                        .r = 1,
                        .s = 1,
                        .is_h = 1,
                        .is_w = 1,
                        .os_h = 1,
                        .os_w = 1,
                        .span_h = 1,
                        .span_w = 1,
                        .flip = p->transpose_b};
}

/* The weight gradient of that: x [1,1,k,m], y [1,1,k,n]. */
static gcl_conv_attr outer_of(const product *p)
{
    return (gcl_conv_attr){.n = 1,
                           .h = 1,
                           .w = p->k,
                           .c = p->m,
                           .k = p->n,
                           .p = 1,
                           .q = p->k,
                           .r = 1,
                           .s = 1,
                           .stride_h = 1,
                           .stride_w = 1};
}

static void gather_values(const int *v, int *g)
{
    g[GCL_GATHER_V] = v[V], g[GCL_GATHER_MR] = v[MR], g[GCL_GATHER_NR] = v[NR];
    g[GCL_GATHER_CB] = v[CB], g[GCL_GATHER_PB] = 1, g[GCL_GATHER_QB] = v[ROWS];
    g[GCL_GATHER_CC] = v[DEPTH], g[GCL_GATHER_KG] = gcl_divide_up(v[COLUMNS], v[NR]);
}

enum { OUTER_PIXELS = 256 };

static void outer_values(const product *p, const gcl_limits *limits, const int *v, int *w)
{
    int chunks = gcl_divide_up(p->m, v[ROWS]) * gcl_divide_up(p->n, v[COLUMNS]);
    w[GCL_WEIGHT_V] = v[V], w[GCL_WEIGHT_MR] = v[MR], w[GCL_WEIGHT_NR] = v[NR];
    w[GCL_WEIGHT_CB] = v[CB], w[GCL_WEIGHT_PIXELS] = v[DEPTH];
    w[GCL_WEIGHT_CC] = v[ROWS], w[GCL_WEIGHT_KC] = v[COLUMNS];
    w[GCL_WEIGHT_GROUPS] = gcl_divide_up(4 * (int)limits->compute_units, chunks);
    if (w[GCL_WEIGHT_GROUPS] > gcl_divide_up(p->k, OUTER_PIXELS))
        w[GCL_WEIGHT_GROUPS] = gcl_divide_up(p->k, OUTER_PIXELS);
}

/* Groups of inner indices of DIRECT and DOT: only where the result alone gives too few work-items. */
static int groups_of(const product *p, const gcl_limits *limits, const int *v)
{
    int rows = v[PATH] == DIRECT ? gcl_divide_up(p->m, v[ROWS]) : 1;
    int items = rows * gcl_divide_up(p->n, v[COLUMNS]);
    int wanted = gcl_divide_up(4 * (int)limits->compute_units, items);
    int most = gcl_divide_up(p->k, v[DEPTH]);
    return wanted < most ? wanted : most;
}

/* ---- choice ------------------------------------------------------------------------------------------ */

/* With A transposed, results up to so many elements are formed straight from the operands; larger ones
 * pay for A's being packed. */
enum { MANY_ROWS = 2048, LONG = 4096, SMALL_RESULT = 128 * 128 };

static int choose_path(const product *p)
{
    if (p->transpose_b && (p->single || (p->m <= 32 && !p->transpose_a && p->k >= 16)))
        return DOT;
    if (p->transpose_b)
        return p->m >= MANY_ROWS && (!p->transpose_a || p->k <= 32) ? DIRECT : GATHER;
    int outer = p->transpose_a && !p->single && p->m > 32 && p->k > 32;
    return outer && (int64_t)p->m * p->n > SMALL_RESULT ? OUTER : DIRECT;
}

static void direct_defaults(const product *p, const gcl_limits *limits, int *v)
{
    int64_t room = gcl_vec_cache(limits) / 4;
    v[V] = gcl_vec_length(p->n, limits);
    v[NR] = p->n > v[V] ? 2 * v[V] : v[V];
    v[MR] = v[V] == 16 ? 8 : 6;
    if (v[V] == 16 && p->m > 32 && (p->n % 64 == 0 || p->n > 256)) /* of 32 registers 29 */
        v[NR] = 64, v[MR] = 6;
    else if (v[V] == 16 && p->n > 32 && p->n <= 48)
        v[NR] = 48;
    else if (v[V] == 16 && p->n <= 16 && p->m > 8)
        v[MR] = 12;
    v[CB] = 1;
    v[ROWS] = p->m < 256 ? p->m : 256;
    v[DEPTH] = p->k < 1024 ? p->k : 1024;
    int at_once = p->k >= LONG && p->n <= 512 ? gcl_round_up(p->n, v[NR]) : v[NR]; /* columns */
    if ((int64_t)v[DEPTH] * at_once > room)
        v[DEPTH] = (int)(room / at_once);
    /* A long inner size is divided in groups, which costs less than reading A for every few columns. */
    int parts = p->k >= LONG
                    ? 1
                    : gcl_divide_up(4 * (int)limits->compute_units, gcl_divide_up(p->m, v[ROWS]));
    v[COLUMNS] = gcl_round_up(gcl_divide_up(p->n, parts), v[NR]);
    int64_t most = room / v[DEPTH] / v[NR] * v[NR];
    if (v[COLUMNS] > most)
        v[COLUMNS] = most < v[NR] ? v[NR] : (int)most;
    if (v[COLUMNS] > 512)
        v[COLUMNS] = gcl_round_up(512, v[NR]);
}

static void dot_defaults(const product *p, const gcl_limits *limits, int *v)
{
    v[V] = gcl_vec_length(p->k, limits);
    v[MR] = v[V] == 16 ? 4 : 3;
    v[NR] = v[V] == 16 ? 4 : 3;
    if (p->m < v[MR])
        v[MR] = p->m, v[NR] = p->m == 1 ? 8 : 4;
    v[CB] = 1;
    v[ROWS] = 1;
    v[DEPTH] = p->k < 1024 ? p->k : 1024;
    v[COLUMNS] = gcl_round_up(gcl_divide_up(p->n, 4 * (int)limits->compute_units), v[NR]);
    if (v[COLUMNS] < 32)
        v[COLUMNS] = gcl_round_up(p->n < 32 ? p->n : 32, v[NR]);
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    product p = product_of(node);
    int t[8];
    v[PATH] = choose_path(&p);
    if (v[PATH] == DIRECT) {
        direct_defaults(&p, limits, v);
    } else if (v[PATH] == DOT) {
        dot_defaults(&p, limits, v);
    } else if (v[PATH] == GATHER) {
        gcl_gather g = gather_of(&p);
        gcl_gather_defaults(&g, limits, t);
        v[V] = t[GCL_GATHER_V], v[MR] = t[GCL_GATHER_MR], v[NR] = t[GCL_GATHER_NR];
        v[CB] = t[GCL_GATHER_CB], v[ROWS] = t[GCL_GATHER_QB], v[DEPTH] = t[GCL_GATHER_CC];
        v[COLUMNS] = t[GCL_GATHER_KG] * v[NR];
    } else {
        gcl_conv_attr a = outer_of(&p);
        gcl_weight_defaults(&a, limits, t);
        v[V] = t[GCL_WEIGHT_V], v[MR] = t[GCL_WEIGHT_MR], v[NR] = t[GCL_WEIGHT_NR];
        v[CB] = t[GCL_WEIGHT_CB], v[ROWS] = t[GCL_WEIGHT_CC], v[COLUMNS] = t[GCL_WEIGHT_KC];
        v[DEPTH] = t[GCL_WEIGHT_PIXELS];
    }
}

/* ---- recipes ------------------------------------------------------------------------------------------- */

static int fits(const product *p, const gcl_limits *limits, const int *v)
{
    int t[8];
    if (v[V] < 1 || v[MR] < 1 || v[NR] < 1 || v[CB] < 1 || v[ROWS] < 1 || v[COLUMNS] < 1 ||
        v[DEPTH] < 1)
        return 0;
    if (v[PATH] == GATHER) {
        gcl_gather g = gather_of(p);
        gather_values(v, t);
        return !p->single && gcl_gather_fits(&g, limits, t);
    }
    if (v[PATH] == OUTER) {
        gcl_conv_attr a = outer_of(p);
        outer_values(p, limits, v, t);
        return !p->single && p->transpose_a && !p->transpose_b && gcl_weight_fits(&a, limits, t);
    }
    if (v[PATH] == DIRECT)
        return !(p->transpose_b && p->single) && v[NR] % v[V] == 0 && v[COLUMNS] % v[NR] == 0 &&
               (uint64_t)v[COLUMNS] * (uint64_t)v[DEPTH] * sizeof(float) <= limits->local_bytes;
    return v[PATH] == DOT && p->transpose_b && !p->transpose_a && v[MR] * v[NR] <= 64;
}

/* An operand [columns, rows] is written to scratch as [rows, columns] first. Returns where. */
static gcl_arg transposed(gcl_arg from, int rows, int columns, gcl_recipe *out)
{
    gcl_arg to = gcl_arg_scratch(out->scratch_floats);
    gcl_launch *l = &out->launch[out->n_launches++];
    *l = (gcl_launch){.file = "gemm_vec", .kernel = "gemm_transpose"};
    l->args[l->n_args++] = from;
    l->args[l->n_args++] = to;
    gcl_vec_args(l, (const int[]){rows, columns}, 2);
    gcl_vec_items(l, gcl_divide_up(rows, 16), gcl_divide_up(columns, 16), 1);
    l->bytes = 8.0 * rows * columns;
    out->scratch_floats += (int64_t)rows * columns;
    return to;
}

static void gather_recipe(const product *p, const int *v, gcl_recipe *out)
{
    gcl_gather g = gather_of(p);
    int t[8];
    gcl_arg a = gcl_arg_in(p->a);
    gather_values(v, t);
    if (p->transpose_a)
        a = transposed(a, p->m, p->k, out);
    gcl_gather_launches(&g, t, a, gcl_arg_in(p->b), out);
}

/* DIRECT and DOT: the product, and the sum over groups if there are several. */
static void small_recipe(const product *p, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    int groups = groups_of(p, limits, v), dot = v[PATH] == DOT;
    gcl_arg b = gcl_arg_in(p->b);
    if (!dot && p->transpose_b)
        b = transposed(b, p->k, p->n, out);
    int64_t sums = out->scratch_floats;
    int at = out->n_launches++;
    gcl_launch *l = &out->launch[at];
    *l = (gcl_launch){.file = "gemm_vec", .kernel = dot ? "gemm_dot" : "gemm_direct"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DMR=%d -D%s=%d", v[V], v[MR],
             dot ? "ND" : "NR", v[NR]);
    l->args[l->n_args++] = gcl_arg_in(p->a);
    l->args[l->n_args++] = b;
    l->args[l->n_args++] = groups > 1 ? gcl_arg_scratch(sums) : gcl_arg_out();
    gcl_vec_args(l, (const int[]){p->m, p->n, p->k}, 3);
    if (dot) {
        gcl_vec_args(l, (const int[]){v[COLUMNS], p->single}, 2);
        gcl_vec_items(l, gcl_divide_up(p->n, v[COLUMNS]), groups, 1);
    } else {
        gcl_vec_args(l,
                     (const int[]){p->transpose_a ? 1 : p->k, p->transpose_a ? p->m : 1, v[ROWS],
                                   v[COLUMNS], v[DEPTH], p->single},
                     6);
        l->args[l->n_args++] = gcl_arg_local((int64_t)v[COLUMNS] * v[DEPTH]);
        gcl_vec_items(l, gcl_divide_up(p->n, v[COLUMNS]), gcl_divide_up(p->m, v[ROWS]), groups);
    }
    l->bytes = 4.0 * ((double)p->m * p->k + (double)p->k * p->n + (double)groups * p->m * p->n);
    l->flops = 2.0 * p->m * p->n * p->k;
    out->epilogue_launch = at;
    if (groups > 1) {
        int rows = p->single ? p->n : p->m, columns = p->single ? 1 : p->n;
        out->scratch_floats += (int64_t)groups * p->m * p->n;
        out->epilogue_launch = out->n_launches;
        gcl_vec_sum(v[V], groups, rows, columns, columns, gcl_arg_scratch(sums),
                    &out->launch[out->n_launches++]);
    }
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    product p = product_of(node);
    if (!fits(&p, limits, v))
        return -1;
    *out = (gcl_recipe){.n_launches = 0};
    if (v[PATH] == GATHER) {
        gather_recipe(&p, v, out);
    } else if (v[PATH] == OUTER) {
        gcl_conv_attr a = outer_of(&p);
        int t[8];
        outer_values(&p, limits, v, t);
        gcl_weight_launches(&a, t, gcl_arg_in(p.a), gcl_arg_in(p.b), out);
    } else {
        small_recipe(&p, limits, v, out);
    }
    int counts = v[PATH] == GATHER ? out->n_launches - 1 : 0; /* the launch that multiplies */
    if (v[PATH] == GATHER || v[PATH] == OUTER)
        out->launch[counts].flops = node->op->flops(node);
    return 0;
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    product p = product_of(node);
    defaults(node, limits, values);
    return gcl_vec_device(limits) && fits(&p, limits, values);
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 1 : 100;
}

const gcl_variant gcl_matmul_vec = {
    .name = "vec",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = N_PARAMS,
    .cost = cost,
};
