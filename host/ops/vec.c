/* What the vec variants share: small rules for CPUs. */
#include "ops/vec.h"

#include <stdio.h>

int gcl_vec_device(const gcl_limits *limits)
{
    return limits->float_width >= 2 || limits->compute_units == 1;
}

int gcl_vec_length(int n, const gcl_limits *limits)
{
    int widest = limits->float_width > 16 ? 16 : (int)limits->float_width, v = 1;
    while (2 * v <= widest && v < n)
        v *= 2;
    return v;
}

int gcl_vec_channel_block(int c)
{
    if (c <= 32)
        return c;
    for (int block = 32; block >= 16; block--)
        if (c % block == 0)
            return block;
    return 16;
}

int64_t gcl_vec_cache(const gcl_limits *limits)
{
    int64_t bytes = (int64_t)limits->local_bytes;
    return bytes <= 128 << 10 ? bytes : bytes > 1 << 20 ? 384 << 10 : bytes / 8 * 3;
}

double gcl_vec_waves(const int64_t items[3], double wait, const gcl_limits *limits)
{
    int64_t all = items[0] * items[1] * items[2], units = limits->compute_units;
    return (double)((all + units - 1) / units) + wait;
}

double gcl_vec_cost(double least, int n, int width, const gcl_limits *limits)
{
    double cost = least * gcl_round_up(n, width) / n;
    return limits->is_cpu ? (cost < 8 ? cost : 8) : 100 * cost;
}

void gcl_vec_args(gcl_launch *launch, const int *sizes, int n)
{
    for (int i = 0; i < n; i++)
        launch->args[launch->n_args++] = gcl_arg_int(sizes[i]);
}

void gcl_vec_items(gcl_launch *launch, int64_t x, int64_t y, int64_t z)
{
    launch->global[0] = (size_t)x, launch->global[1] = (size_t)y, launch->global[2] = (size_t)z;
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
}

void gcl_vec_sum(int v, int groups, int rows, int k, int pitch, gcl_arg part, gcl_launch *launch)
{
    int each = gcl_divide_up(4096, k * groups); /* enough work to be worth a work-item */
    const int sizes[] = {groups, rows, k, pitch, each};
    *launch = (gcl_launch){.file = "sum_vec", .kernel = "sum_groups"};
    snprintf(launch->defines, sizeof launch->defines, "-DV=%d", v);
    launch->args[launch->n_args++] = part;
    launch->args[launch->n_args++] = gcl_arg_out();
    gcl_vec_args(launch, sizes, 5);
    gcl_vec_items(launch, gcl_divide_up(rows, each), 1, 1);
    launch->bytes = 4.0 * rows * k * (groups + 1);
}
