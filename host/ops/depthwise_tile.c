/* The tile variants of depthwise convolution (cl/depthwise_tile.cl). */
#include <stdio.h>

#include "ops/depthwise.h"
#include "ops/vec.h"

enum { MOST_TAPS = 16, MOST_ELEMENTS = 1 << 30 };

enum { PB, QB, LC, LQ, ROWS, N_PARAMS }; /* ROWS: of weights only */

static const gcl_param params[ROWS] = {
    [PB] = {"pb", {2, 1, 4}, 3},
    [QB] = {"qb", {4, 1, 2, 8}, 4},
    [LC] = {"lc", {32, 8, 16, 64}, 4},
    [LQ] = {"lq", {4, 1, 2, 8}, 4},
};

static const gcl_param weight_params[N_PARAMS] = {
    [PB] = {"pb", {1}, 1},
    [QB] = {"qb", {4, 1, 2, 8}, 4},
    [LC] = {"lc", {32, 8, 16, 64}, 4},
    [LQ] = {"lq", {4, 1, 2, 8}, 4},
    [ROWS] = {"rows", {8, 1, 4, 16, 64}, 5},
};

static int smaller(int a, int b) { return a < b ? a : b; }

static int fits(const gcl_node *node, const gcl_limits *limits, const int *v)
{
    const gcl_depthwise_attr *a = node->attr;
    size_t group = (size_t)v[LC] * (size_t)v[LQ];
    uint64_t local = node->op == &gcl_op_depthwise ? 0 : group * (size_t)a->s * sizeof(float);
    return a->s <= MOST_TAPS && gcl_shape_count(node->in[0]->shape) <= MOST_ELEMENTS &&
           gcl_shape_count(gcl_shape_of(a->n, a->p, a->q, a->c)) <= MOST_ELEMENTS &&
           group <= limits->max_work_group && (size_t)v[LC] <= limits->max_items[0] &&
           (size_t)v[LQ] <= limits->max_items[1] && local <= limits->local_bytes;
}

/* Small pictures and few channels leave fewer work-items to a group; where channels are very few,
 * neighbours are columns. */
static void common_defaults(const gcl_depthwise_attr *a, const gcl_limits *limits, int *v)
{
    int few = a->c < 8;
    v[PB] = smaller(few ? 4 : 2, a->p);
    v[QB] = few || a->q == 1 ? 1 : a->q < 4 ? 2 : 4;
    v[LC] = few ? a->c : a->c > 32 ? 64 : a->c > 16 ? 32 : a->c > 8 ? 16 : 8;
    v[LQ] = smaller((few ? 64 : 256) / v[LC], gcl_divide_up(a->q, v[QB]));
    while (v[LC] * v[LQ] > (int)limits->max_work_group && v[LC] * v[LQ] > 1) {
        if (v[LQ] > 1)
            v[LQ] /= 2;
        else
            v[LC] /= 2;
    }
}

static void defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    common_defaults(node->attr, limits, v);
}

/* Rows (n,p) of a work-group: enough groups to fill the device several times. */
static void weight_defaults(const gcl_node *node, const gcl_limits *limits, int *v)
{
    const gcl_depthwise_attr *a = node->attr;
    common_defaults(a, limits, v);
    v[PB] = 1;
    while (!fits(node, limits, v) && v[LC] > 1)
        v[LC] /= 2;
    int64_t wanted = 16 * (int64_t)limits->compute_units, rows = (int64_t)a->n * a->p;
    int64_t groups = wanted / (gcl_divide_up(a->c, v[LC]) * (int64_t)a->r) + 1;
    v[ROWS] = (int)((rows + groups - 1) / groups);
}

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    defaults(node, limits, values);
    return fits(node, limits, values);
}

static int weight_applies(const gcl_node *node, const gcl_limits *limits)
{
    int values[N_PARAMS];
    weight_defaults(node, limits, values);
    return fits(node, limits, values);
}

/* The launch but for its integers and third dimension. */
static void fill(const gcl_node *node, const int *v, const char *kernel, int columns,
                 gcl_arg result, gcl_launch *l)
{
    const gcl_depthwise_attr *a = node->attr;
    l->file = "depthwise_tile";
    l->kernel = kernel;
    snprintf(l->defines, sizeof l->defines, "-DS=%d -DPB=%d -DQB=%d -DLC=%d -DLQ=%d", a->s, v[PB],
             v[QB], v[LC], v[LQ]);
    l->args[l->n_args++] = gcl_arg_in(0);
    l->args[l->n_args++] = gcl_arg_in(1);
    l->args[l->n_args++] = result;
    l->local[0] = (size_t)v[LC], l->local[1] = (size_t)v[LQ], l->local[2] = 1;
    l->global[0] = (size_t)gcl_round_up(a->c, v[LC]);
    l->global[1] = (size_t)gcl_round_up(columns, v[LQ]);
    l->flops = node->op->flops(node);
    l->bytes = gcl_depthwise_bytes(node);
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *out)
{
    const gcl_depthwise_attr *a = node->attr;
    if (!fits(node, limits, v))
        return -1;
    const int sizes[] = {a->h, a->w, a->c, a->p, a->q, a->r, a->pad_h, a->pad_w, a->turned};
    *out = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *l = &out->launch[0];
    fill(node, v, "depthwise_tile", gcl_divide_up(a->q, v[QB]), gcl_arg_out(), l);
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->global[2] = (size_t)a->n * (size_t)gcl_divide_up(a->p, v[PB]);
    return 0;
}

static int weight_recipe(const gcl_node *node, const gcl_limits *limits, const int *v,
                         gcl_recipe *out)
{
    const gcl_depthwise_attr *a = node->attr;
    int groups = gcl_divide_up(a->n * a->p, v[ROWS]), count = a->r * a->s * a->c;
    if (!fits(node, limits, v))
        return -1;
    const int sizes[] = {a->n, a->h, a->w, a->c, a->p, a->q, a->r, a->pad_h, a->pad_w, v[ROWS]};
    *out = (gcl_recipe){
        .n_launches = 2, .epilogue_launch = 1, .scratch_floats = (int64_t)groups * count};
    gcl_launch *l = &out->launch[0], *sum = &out->launch[1];
    fill(node, v, "depthwise_weight_tile", v[LQ], gcl_arg_scratch(0), l);
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    l->global[2] = (size_t)groups * (size_t)a->r;

    const int sum_sizes[] = {count, a->c, groups};
    sum->file = sum->kernel = "split_sum";
    sum->args[sum->n_args++] = gcl_arg_scratch(0);
    sum->args[sum->n_args++] = gcl_arg_out();
    gcl_vec_args(sum, sum_sizes, 3);
    sum->global[0] = (size_t)gcl_round_up(count, 64);
    sum->global[1] = sum->global[2] = 1;
    sum->bytes = 4.0 * count * (groups + 1.0);
    return 0;
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 10 : 1;
}

const gcl_variant gcl_depthwise_tile = {
    .name = "tile",
    .applies = applies,
    .defaults = defaults,
    .recipe = recipe,
    .params = params,
    .n_params = ROWS,
    .cost = cost,
};

const gcl_variant gcl_depthwise_weight_tile = {
    .name = "tile",
    .applies = weight_applies,
    .defaults = weight_defaults,
    .recipe = weight_recipe,
    .params = weight_params,
    .n_params = N_PARAMS,
    .cost = cost,
};
