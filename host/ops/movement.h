/* What the ops that move or resample data share (box, concat, pool, resample, shuffle): one
 * description of the launch, three variants made of it.
 *
 *     naive   the `items` kernel, one element a work-item, 64-bit indices; always applies
 *     tile    the same for GPUs: a vector of channels a work-item, 32-bit indices
 *     vec     the `rows` kernel: a stretch of one output row a work-item of its own group; CPUs
 *
 * Kernel parameters: operands, the result, `sizes`; rows take the stretch's length in pixels after
 * these. Macros: V, vector length; INDEX, type of a work-item's number (items). Each stores every
 * element of the result once, through EPILOGUE. */
#ifndef GCL_OPS_MOVEMENT_H
#define GCL_OPS_MOVEMENT_H

#include "ops/variants.h"

typedef struct gcl_movement {
    const char *file, *items, *rows; /* cl/FILE.cl and its kernels */
    int sizes[20];
    int n_sizes;
    int channels; /* vectors run along this many: V of `rows` is chosen by it ... */
    int vector;   /* ... and `items` may have V of any divisor of this: 1, 2 or 4 */
    int least_in; /* a node with fewer operands gives its first for those it lacks */
    double bytes; /* fewest possible */
} gcl_movement;

typedef void (*gcl_movement_of)(const gcl_node *node, gcl_movement *movement);

/* The longest vector of 1, 2 or 4 that divides both. */
int gcl_movement_vector(int channels, int begin);
/* Appends n integers to the sizes. */
void gcl_movement_add(gcl_movement *movement, const int *sizes, int n);
/* 4 bytes for each element of the result and of the operands. */
double gcl_movement_all_bytes(const gcl_node *node);
double gcl_movement_no_flops(const gcl_node *node);

int gcl_movement_applies(const gcl_node *node, const gcl_limits *limits);
int gcl_movement_tile_applies(const gcl_node *node, const gcl_limits *limits);
int gcl_movement_vec_applies(const gcl_node *node, const gcl_limits *limits);
int gcl_movement_naive(const gcl_node *node, gcl_movement_of describe, gcl_recipe *recipe);
int gcl_movement_tile(const gcl_node *node, gcl_movement_of describe, gcl_recipe *recipe);
int gcl_movement_vec(const gcl_node *node, gcl_movement_of describe, const gcl_limits *limits,
                     gcl_recipe *recipe);
double gcl_movement_naive_cost(const gcl_node *node, const gcl_limits *limits);
double gcl_movement_tile_cost(const gcl_node *node, const gcl_limits *limits);
double gcl_movement_vec_cost(const gcl_node *node, const gcl_limits *limits);

/* Defines `variants[]` from describe(node, movement). */
#define GCL_MOVEMENT_VARIANTS(describe)                                                            \
    static int naive_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,     \
                            gcl_recipe *recipe)                                                    \
    {                                                                                              \
        (void)limits, (void)values;                                                                \
        return gcl_movement_naive(node, describe, recipe);                                         \
    }                                                                                              \
    static int tile_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,      \
                           gcl_recipe *recipe)                                                     \
    {                                                                                              \
        (void)limits, (void)values;                                                                \
        return gcl_movement_tile(node, describe, recipe);                                          \
    }                                                                                              \
    static int vec_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,       \
                          gcl_recipe *recipe)                                                      \
    {                                                                                              \
        (void)values;                                                                              \
        return gcl_movement_vec(node, describe, limits, recipe);                                   \
    }                                                                                              \
    static const gcl_variant naive = {.name = "naive",                                             \
                                      .applies = gcl_movement_applies,                             \
                                      .recipe = naive_recipe,                                      \
                                      .cost = gcl_movement_naive_cost};                            \
    static const gcl_variant tile = {.name = "tile",                                               \
                                     .applies = gcl_movement_tile_applies,                         \
                                     .recipe = tile_recipe,                                        \
                                     .cost = gcl_movement_tile_cost};                              \
    static const gcl_variant vec = {.name = "vec",                                                 \
                                    .applies = gcl_movement_vec_applies,                           \
                                    .recipe = vec_recipe,                                          \
                                    .cost = gcl_movement_vec_cost};                                \
    static const gcl_variant *const variants[] = {&vec, &tile, &naive};                            \
    enum { N_VARIANTS = sizeof variants / sizeof variants[0] }

#endif
