/* Convolutions, one output element a work-item: cl/conv_naive.cl. */
#include <stddef.h>

#include "ops/variants.h"

enum { GROUP = 64 }; /* the global size is a multiple: drivers then find a decent local size */

static int applies(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 1;
}

static double cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 40;
}

static int fill(const gcl_node *node, const char *kernel, gcl_recipe *recipe)
{
    const gcl_conv_attr *a = node->attr;
    const int32_t sizes[] = {a->n, a->h, a->w,        a->c,        a->k,     a->p,    a->q,
                             a->r, a->s, a->stride_h, a->stride_w, a->pad_h, a->pad_w};
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *launch = &recipe->launch[0];
    size_t count = (size_t)gcl_shape_count(node->shape);
    launch->file = "conv_naive";
    launch->kernel = kernel;
    launch->args[launch->n_args++] = gcl_arg_in(0);
    launch->args[launch->n_args++] = gcl_arg_in(1);
    launch->args[launch->n_args++] = gcl_arg_out();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        launch->args[launch->n_args++] = gcl_arg_int(sizes[i]);
    launch->global[0] = (count + GROUP - 1) / GROUP * GROUP;
    launch->global[1] = launch->global[2] = 1;
    launch->flops = node->op->flops(node);
    launch->bytes = 4.0 * (double)(gcl_shape_count(node->in[0]->shape) +
                                   gcl_shape_count(node->in[1]->shape) + (int64_t)count);
    return 0;
}

static int conv_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                       gcl_recipe *recipe)
{
    (void)limits, (void)values;
    return fill(node, "conv_naive", recipe);
}

static int conv_data_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                            gcl_recipe *recipe)
{
    (void)limits, (void)values;
    return fill(node, "conv_data_naive", recipe);
}

static int conv_weight_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                              gcl_recipe *recipe)
{
    (void)limits, (void)values;
    return fill(node, "conv_weight_naive", recipe);
}

const gcl_variant gcl_conv_naive = {
    .name = "naive", .applies = applies, .recipe = conv_recipe, .cost = cost};
const gcl_variant gcl_conv_data_naive = {
    .name = "naive", .applies = applies, .recipe = conv_data_recipe, .cost = cost};
const gcl_variant gcl_conv_weight_naive = {
    .name = "naive", .applies = applies, .recipe = conv_weight_recipe, .cost = cost};
