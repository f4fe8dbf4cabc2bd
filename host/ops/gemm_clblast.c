/* Matrix product by the CLBlast library; plan/bind.c makes the call. */
#include "ops/variants.h"

/* The library indexes with size_t and takes any size; it has no case for an empty product. Its kernels
 * have groups of 64 at least, and the usual ones 8 KiB of local memory. */
static int applies(const gcl_node *node, const gcl_limits *limits)
{
    const gcl_matmul_attr *t = node->attr;
    return t->m > 0 && t->n > 0 && t->k > 0 && limits->max_work_group >= 64 &&
           limits->local_bytes >= 8192;
}

static int recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                  gcl_recipe *made)
{
    (void)limits, (void)values;
    const gcl_matmul_attr *t = node->attr;
    *made = (gcl_recipe){.epilogue_launch = -1};
    made->clblast.use = 1;
    made->clblast.m = t->m;
    made->clblast.n = t->n;
    made->clblast.k = t->k;
    made->clblast.transpose_a = t->transpose_a;
    made->clblast.transpose_b = t->transpose_b;
    return 0;
}

/* Tuned for many GPUs, but no epilogue; its kernels have one output a lane, poor on CPUs. */
static double cost(const gcl_node *node, const gcl_limits *limits)
{
    (void)node;
    return limits->is_cpu ? 20 : 2;
}

const gcl_variant gcl_matmul_clblast = {
    .name = "clblast", .applies = applies, .recipe = recipe, .cost = cost};
