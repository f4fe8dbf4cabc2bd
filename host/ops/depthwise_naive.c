/* Depthwise convolution, one output element a work-item: cl/depthwise_naive.cl. */
#include "ops/depthwise.h"
#include "ops/vec.h"

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

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                  gcl_recipe *recipe)
{
    (void)limits, (void)values;
    const gcl_depthwise_attr *a = node->attr;
    const int sizes[] = {a->n, a->h, a->w,     a->c,     a->p,     a->q,
                         a->r, a->s, a->pad_h, a->pad_w, a->turned};
    int forward = node->op == &gcl_op_depthwise;
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *launch = &recipe->launch[0];
    size_t count = (size_t)gcl_shape_count(node->shape);
    launch->file = "depthwise_naive";
    launch->kernel = forward ? "depthwise_naive" : "depthwise_weight_naive";
    launch->args[launch->n_args++] = gcl_arg_in(0);
    launch->args[launch->n_args++] = gcl_arg_in(1);
    launch->args[launch->n_args++] = gcl_arg_out();
    gcl_vec_args(launch, sizes, forward ? 11 : 10);
    launch->global[0] = (count + GROUP - 1) / GROUP * GROUP;
    launch->global[1] = launch->global[2] = 1;
    launch->flops = node->op->flops(node);
    launch->bytes = gcl_depthwise_bytes(node);
    return 0;
}

const gcl_variant gcl_depthwise_naive = {
    .name = "naive", .applies = applies, .recipe = recipe, .cost = cost};
const gcl_variant gcl_depthwise_weight_naive = {
    .name = "naive", .applies = applies, .recipe = recipe, .cost = cost};
