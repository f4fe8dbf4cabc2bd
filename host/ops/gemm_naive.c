/* Matrix product, one output element a work-item: cl/gemm_naive.cl. */
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

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                  gcl_recipe *made)
{
    (void)limits, (void)values;
    const gcl_matmul_attr *t = node->attr;
    const int32_t sizes[] = {t->m,
                             t->n,
                             t->k,
                             t->transpose_a ? 1 : t->k,
                             t->transpose_a ? t->m : 1,
                             t->transpose_b ? 1 : t->n,
                             t->transpose_b ? t->k : 1};
    *made = (gcl_recipe){.n_launches = 1, .epilogue_launch = 0};
    gcl_launch *launch = &made->launch[0];
    launch->file = "gemm_naive";
    launch->kernel = "gemm_naive";
    launch->args[launch->n_args++] = gcl_arg_in(0);
    launch->args[launch->n_args++] = gcl_arg_in(1);
    launch->args[launch->n_args++] = gcl_arg_out();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        launch->args[launch->n_args++] = gcl_arg_int(sizes[i]);
    launch->global[0] = ((size_t)t->m * (size_t)t->n + GROUP - 1) / GROUP * GROUP;
    launch->global[1] = launch->global[2] = 1;
    launch->flops = node->op->flops(node);
    launch->bytes = 4.0 * ((double)t->m * t->k + (double)t->k * t->n + (double)t->m * t->n);
    return 0;
}

const gcl_variant gcl_matmul_naive = {
    .name = "naive", .applies = applies, .recipe = recipe, .cost = cost};
