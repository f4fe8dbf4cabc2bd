/* Tile sizes and launches of cl/tile.cl. */
#include <stdio.h>
#include <string.h>

#include "ops/tile.h"

enum { BM, BN, BK, TM, TN, BUFFERS, SPLIT };
enum { PAD = 4 }; /* as in cl/tile.cl */
/* Registers of a work-item that its tile may take where the fewest lanes share a thread's 128: the
 * rest is for addresses (found with Intel's compiler: scripts/compile-matrix). */
enum { ROOM = 110 };

const gcl_param gcl_tile_params[GCL_TILE_PARAMS] = {
    {"BM", {64, 16, 32, 128, 256}, 5},
    {"BN", {64, 4, 8, 16, 32, 128}, 6},
    {"BK", {8, 4, 16, 32}, 4},
    {"TM", {8, 4}, 2},
    {"TN", {8, 4}, 2},
    {"BUFFERS", {1, 2}, 2},
    {"SPLIT", {1, 2, 4, 8, 16, 32, 64, 128}, 8},
};

int gcl_tile_applies(const gcl_node *node, const gcl_limits *limits)
{
    const int64_t most = (int64_t)1 << 30;
    int able = limits->max_work_group >= 16 && limits->max_items[0] >= 16 &&
               limits->local_bytes >= 1024 && gcl_shape_count(node->shape) < most;
    for (int i = 0; i < node->n_in; i++)
        able = able && gcl_shape_count(node->in[i]->shape) < most;
    return able;
}

static int threads_of(const int *v) { return v[BM] / v[TM] * (v[BN] / v[TN]); }

static uint64_t local_bytes(const int *v)
{
    return (uint64_t)4 * (uint64_t)v[BUFFERS] * (uint64_t)v[BK] *
           (uint64_t)(v[BM] + v[BN] + 2 * PAD);
}

/* Whether the sizes fit each other (each line of a slice is fetched by one work-item a unit) and
 * the device. */
static int fits(const gcl_tile_job *job, const gcl_limits *limits, const int *v)
{
    int threads = threads_of(v);
    int a_line = (job->a_along_m ? v[BM] : v[BK]) / job->a_vector;
    int b_line = (job->b_along_k ? v[BK] : v[BN]) / job->b_vector;
    return threads >= 1 && a_line >= 1 && b_line >= 1 && a_line <= threads && b_line <= threads &&
           (unsigned)threads <= limits->max_work_group && (size_t)threads <= limits->max_items[0] &&
           local_bytes(v) <= limits->local_bytes;
}

/* Sums, operands, what is fetched, and three numbers a line of A: see cl/tile.cl. */
static int registers_of(const gcl_tile_job *job, const int *v)
{
    int threads = threads_of(v), line = (job->a_along_m ? v[BM] : v[BK]) / job->a_vector;
    int lines = job->a_along_m ? v[BK] : v[BM], step = threads / line;
    return v[TM] * v[TN] + 2 * (v[TM] + v[TN]) + (v[BM] + v[BN]) * v[BK] / threads +
           3 * ((lines + step - 1) / step);
}

static int has_room(const gcl_tile_job *job, const gcl_limits *limits, const int *v)
{
    return limits->subgroup_least == 0 || registers_of(job, v) <= ROOM;
}

static int64_t tiles_of(int64_t size, int tile) { return (size + tile - 1) / tile; }

static int64_t groups_of(const gcl_tile_job *job, const int *v)
{
    return tiles_of(job->m, v[BM]) * tiles_of(job->n, v[BN]) * job->phases;
}

/* Work counted as the device does it: the padded product, dearer for small blocks, which read more
 * local memory for an output, and dearer when the groups do not fill the device. */
static double estimate(const gcl_tile_job *job, const gcl_limits *limits, const int *v)
{
    double padded =
        (double)tiles_of(job->m, v[BM]) * v[BM] * (double)tiles_of(job->n, v[BN]) * v[BN];
    double reads = 1.0 + 2.0 / v[TM] + 2.0 / v[TN] + 8.0 / v[BM] + 8.0 / v[BN];
    double groups = (double)groups_of(job, v) * v[SPLIT], wanted = 2.0 * limits->compute_units;
    return padded * reads * (groups < wanted ? wanted / groups : 1) * (1 + 0.02 * v[SPLIT]);
}

/* Splits while the device is not full and each split keeps a few slices; and sums that take too many
 * turns for the device: a quarter of what it can do, since there are loops inside. */
static int usual_split(const gcl_tile_job *job, const gcl_limits *limits, const int *v)
{
    const int64_t few = (int64_t)2 * 8 * v[BK];
    const int64_t many = limits->max_turns > 0 ? (int64_t)limits->max_turns / 4 * v[BK] : INT64_MAX;
    int split = 1;
    while (
        split < 128 && job->k >= split * few &&
        (groups_of(job, v) * split < 2 * (int64_t)limits->compute_units || job->k / split > many))
        split *= 2;
    return split;
}

void gcl_tile_defaults(const gcl_tile_job *job, const gcl_limits *limits, int *values)
{
    static const int shapes[][5] = {
        /* BM BN BK TM TN */
        {128, 128, 8, 8, 8}, {128, 64, 8, 8, 8}, {64, 128, 8, 8, 8}, {64, 64, 8, 8, 8},
        {128, 32, 8, 8, 4},  {64, 32, 8, 4, 4},  {32, 64, 8, 4, 4},  {32, 32, 8, 4, 4},
        {128, 16, 8, 8, 4},  {256, 8, 8, 8, 4},  {256, 4, 8, 4, 4},  {64, 4, 8, 4, 4},
        {32, 8, 4, 4, 4},    {16, 32, 8, 4, 4},  {16, 16, 4, 4, 4},
    };
    double best = -1;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int v[GCL_TILE_PARAMS] = {
            shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], shapes[i][4], 1, 1};
        v[SPLIT] = usual_split(job, limits, v);
        if (!fits(job, limits, v) || !has_room(job, limits, v))
            continue;
        double is = estimate(job, limits, v);
        if (best >= 0 && is >= best)
            continue;
        best = is;
        v[BUFFERS] = 2;
        if (!fits(job, limits, v))
            v[BUFFERS] = 1;
        for (int j = 0; j < GCL_TILE_PARAMS; j++)
            values[j] = v[j];
    }
}

static void add_sizes(gcl_launch *launch, const int32_t *sizes, int n)
{
    for (int i = 0; i < n; i++)
        launch->args[launch->n_args++] = gcl_arg_int(sizes[i]);
}

static void fill_product(const gcl_node *node, const gcl_tile_job *job, const gcl_limits *limits,
                         const int *v, gcl_launch *launch)
{
    *launch = (gcl_launch){.file = "tile", .kernel = "tile", .local = {0, 1, 1}};
    snprintf(launch->defines, sizeof launch->defines,
             "-DBM=%d -DBN=%d -DBK=%d -DTM=%d -DTN=%d -DBUFFERS=%d -DA_ALONG_M=%d -DB_ALONG_K=%d "
             "-DPOINT=%d -DAV=%d -DBV=%d -DOV=%d",
             v[BM], v[BN], v[BK], v[TM], v[TN], v[BUFFERS], job->a_along_m, job->b_along_k,
             job->point, job->a_vector, job->b_vector, job->out_vector);
    size_t n = strlen(launch->defines);
    if (limits->subgroup_least > 0)
        snprintf(launch->defines + n, sizeof launch->defines - n, " -DSUBGROUP=%u",
                 limits->subgroup_least);
    launch->args[launch->n_args++] = gcl_arg_in(0);
    launch->args[launch->n_args++] = gcl_arg_in(1);
    launch->args[launch->n_args++] = v[SPLIT] > 1 ? gcl_arg_scratch(0) : gcl_arg_out();
    add_sizes(launch, job->sizes, (int)(sizeof job->sizes / sizeof job->sizes[0]));
    launch->args[launch->n_args++] = gcl_arg_int(v[SPLIT]);
    launch->local[0] = (size_t)threads_of(v);
    launch->global[0] =
        launch->local[0] * (size_t)(tiles_of(job->m, v[BM]) * tiles_of(job->n, v[BN]));
    launch->global[1] = 1;
    launch->global[2] = (size_t)job->phases * (size_t)v[SPLIT];
    launch->flops = node->op->flops(node);
    launch->bytes =
        4.0 * (double)(gcl_shape_count(node->in[0]->shape) + gcl_shape_count(node->in[1]->shape) +
                       gcl_shape_count(node->shape) * v[SPLIT]);
}

static void fill_sum(const gcl_node *node, int splits, gcl_launch *launch)
{
    enum { GROUP = 64 };
    int64_t count = gcl_shape_count(node->shape);
    *launch = (gcl_launch){.file = "split_sum", .kernel = "split_sum"};
    launch->args[launch->n_args++] = gcl_arg_scratch(0);
    launch->args[launch->n_args++] = gcl_arg_out();
    add_sizes(launch, (int32_t[]){(int32_t)count, node->shape.d[3], splits}, 3);
    launch->global[0] = (size_t)tiles_of(count, GROUP) * GROUP;
    launch->global[1] = launch->global[2] = 1;
    launch->flops = (double)count * (splits - 1);
    launch->bytes = 4.0 * (double)count * (splits + 1);
}

int gcl_tile_recipe(const gcl_node *node, const gcl_tile_job *job, const gcl_limits *limits,
                    const int *values, gcl_recipe *recipe)
{
    if (!fits(job, limits, values))
        return -1;
    int splits = values[SPLIT];
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    fill_product(node, job, limits, values, &recipe->launch[0]);
    if (splits > 1) {
        fill_sum(node, splits, &recipe->launch[1]);
        recipe->n_launches = 2;
        recipe->epilogue_launch = 1;
        recipe->scratch_floats = gcl_shape_count(node->shape) * splits;
    }
    return 0;
}

/* Made for GPUs. On a CPU each work-item of a group is a thread of its own in all but name. */
double gcl_tile_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 10 : 1;
}
