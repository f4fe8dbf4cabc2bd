/* The variants of the ops that move data: movement.h. */
#include "ops/movement.h"

#include <stdio.h>

#include "ops/vec.h"

enum {
    GROUP = 64,          /* the global size is a multiple: drivers then find a decent local size */
    STRETCH = 4096,      /* elements of the result that are worth a work-item on a CPU */
    MOST_ITEMS = 1 << 30 /* 32-bit indices stay below */
};

int gcl_movement_vector(int channels, int begin)
{
    return channels % 4 == 0 && begin % 4 == 0 ? 4 : channels % 2 == 0 && begin % 2 == 0 ? 2 : 1;
}

void gcl_movement_add(gcl_movement *movement, const int *sizes, int n)
{
    for (int i = 0; i < n; i++)
        movement->sizes[movement->n_sizes++] = sizes[i];
}

double gcl_movement_all_bytes(const gcl_node *node)
{
    int64_t count = gcl_shape_count(node->shape);
    for (int i = 0; i < node->n_in; i++)
        count += gcl_shape_count(node->in[i]->shape);
    return 4.0 * (double)count;
}

double gcl_movement_no_flops(const gcl_node *node)
{
    (void)node;
    return 0;
}

int gcl_movement_applies(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 1;
}

int gcl_movement_tile_applies(const gcl_node *node, const gcl_limits *limits)
{
    (void)limits;
    for (int i = 0; i < node->n_in; i++)
        if (gcl_shape_count(node->in[i]->shape) > MOST_ITEMS)
            return 0;
    return gcl_shape_count(node->shape) <= MOST_ITEMS;
}

int gcl_movement_vec_applies(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return gcl_vec_device(limits);
}

/* The launch but for kernel, macros and work-items. */
static gcl_launch *fill(const gcl_node *node, const gcl_movement *m, gcl_recipe *recipe)
{
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *launch = &recipe->launch[0];
    launch->file = m->file;
    for (int i = 0; i < node->n_in || i < m->least_in; i++)
        launch->args[launch->n_args++] = gcl_arg_in(i < node->n_in ? i : 0);
    launch->args[launch->n_args++] = gcl_arg_out();
    gcl_vec_args(launch, m->sizes, m->n_sizes);
    launch->flops = node->op->flops(node);
    launch->bytes = m->bytes;
    return launch;
}

static int items(const gcl_node *node, gcl_movement_of describe, const char *index, int longest,
                 gcl_recipe *recipe)
{
    gcl_movement m = {0};
    describe(node, &m);
    gcl_launch *launch = fill(node, &m, recipe);
    int v = m.vector < longest ? m.vector : longest;
    size_t count = (size_t)(gcl_shape_count(node->shape) / v);
    launch->kernel = m.items;
    snprintf(launch->defines, sizeof launch->defines, "-DV=%d -DINDEX=%s", v, index);
    launch->global[0] = (count + GROUP - 1) / GROUP * GROUP;
    launch->global[1] = launch->global[2] = 1;
    return 0;
}

int gcl_movement_naive(const gcl_node *node, gcl_movement_of describe, gcl_recipe *recipe)
{
    return items(node, describe, "ulong", 1, recipe);
}

int gcl_movement_tile(const gcl_node *node, gcl_movement_of describe, gcl_recipe *recipe)
{
    return items(node, describe, "uint", 4, recipe);
}

int gcl_movement_vec(const gcl_node *node, gcl_movement_of describe, const gcl_limits *limits,
                     gcl_recipe *recipe)
{
    gcl_movement m = {0};
    describe(node, &m);
    gcl_launch *launch = fill(node, &m, recipe);
    gcl_shape y = node->shape;
    int pixels = gcl_divide_up(STRETCH, y.d[3]);
    int strips = gcl_divide_up(y.d[2], pixels);
    launch->kernel = m.rows;
    snprintf(launch->defines, sizeof launch->defines, "-DV=%d", gcl_vec_length(m.channels, limits));
    launch->args[launch->n_args++] = gcl_arg_int(gcl_divide_up(y.d[2], strips));
    gcl_vec_items(launch, strips, y.d[1], y.d[0]);
    return 0;
}

double gcl_movement_naive_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 20;
}

double gcl_movement_tile_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 10 : 1;
}

double gcl_movement_vec_cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 1 : 30;
}
