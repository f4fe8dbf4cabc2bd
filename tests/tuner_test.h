/* An op made for testing the tuner, whose variants crash, hang, lie and stray; its kernels and a scratch
 * folder of records. Shared by check_autotune and check_records. */
#ifndef TESTS_TUNER_TEST_H
#define TESTS_TUNER_TEST_H

#include "autotune/records.h"
#include "device_test.h"

/* ---- the op ---------------------------------------------------------------------------------------- */

enum { MANY = 1 << 15 }; /* elements */

static int in_worker;

static int always(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 1;
}

/* y = 2 x, after WORK turns that take time and change nothing. No more turns than elements: that is
 * what makes a value illegal for small tensors. */
static int launch(const gcl_node *node, const char *kernel, int work, gcl_recipe *recipe)
{
    gcl_launch *l = &recipe->launch[0];
    size_t n = (size_t)gcl_shape_count(node->shape);
    if (work > (int)n)
        return -1;
    *recipe = (gcl_recipe){.n_launches = 1, .epilogue_launch = -1};
    *l = (gcl_launch){.file = "twice",
                      .kernel = kernel,
                      .args = {{GCL_ARG_IN, 0, 0}, {GCL_ARG_OUT, 0, 0}, {GCL_ARG_INT, 0, (int)n}},
                      .n_args = 3,
                      .global = {n, 1, 1},
                      .bytes = 8.0 * (double)n};
    snprintf(l->defines, sizeof l->defines, "-DWORK=%d", work);
    return 0;
}

#define RECIPE(name, kernel, work)                                                                 \
    static int name(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *r)   \
    {                                                                                              \
        (void)limits, (void)v;                                                                     \
        return launch(node, kernel, work, r);                                                      \
    }
RECIPE(slow_recipe, "twice", 64)
RECIPE(naive_recipe, "twice", 70)
RECIPE(quick_recipe, "twice", v[0])
RECIPE(liar_recipe, "lies", 1)
RECIPE(stray_recipe, "strays", 1)

static int crash_recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *r)
{
    if (in_worker)
        abort();
    return liar_recipe(node, limits, v, r);
}

static int hang_recipe(const gcl_node *node, const gcl_limits *limits, const int *v, gcl_recipe *r)
{
    while (in_worker)
        pause();
    return liar_recipe(node, limits, v, r);
}

static double cheap(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 1;
}

static double dear(const gcl_node *node, const gcl_limits *limits)
{
    (void)node, (void)limits;
    return 2;
}

static const gcl_param quick_params[] = {{"work", {32, 1, 4}, 3}, {"idle", {0, 1}, 2}};
static const gcl_variant slow = {
    .name = "slow", .applies = always, .recipe = slow_recipe, .cost = cheap};
static const gcl_variant quick = {.name = "quick",
                                  .applies = always,
                                  .recipe = quick_recipe,
                                  .params = quick_params,
                                  .n_params = 2,
                                  .cost = dear};
static const gcl_variant liar = {
    .name = "liar", .applies = always, .recipe = liar_recipe, .cost = dear};
static const gcl_variant stray = {
    .name = "stray", .applies = always, .recipe = stray_recipe, .cost = dear};
static const gcl_variant crash = {
    .name = "crash", .applies = always, .recipe = crash_recipe, .cost = dear};
static const gcl_variant hang = {
    .name = "hang", .applies = always, .recipe = hang_recipe, .cost = dear};
static const gcl_variant naive = {
    .name = "naive", .applies = always, .recipe = naive_recipe, .cost = dear};

static const gcl_variant *const variants[] = {&crash, &slow, &liar, &hang, &stray, &quick, &naive};
static const gcl_op op_twice = {.name = "twice",
                                .kind = GCL_KIND_KERNEL,
                                .n_in = 1,
                                .attr_bytes = sizeof(int32_t),
                                .variants = variants,
                                .n_variants = 7};
static const gcl_op *const ops[] = {&op_twice, NULL};

static const char kernels[] =
    "/* a remark */\n"
    "#define ARGS __global const float *x, const ulong x_at, __global float *y, const ulong y_at, "
    "int n\n"
    "__kernel void twice(ARGS) {\n"
    "    const ulong i = get_global_id(0);\n"
    "    float v = x[x_at + i];\n"
    "    for (int turn = 0; turn < WORK; turn++)\n"
    "        v = v * 0.999f + 0.001f;\n"
    "    y[y_at + i] = 2.0f * x[x_at + i] + 0.0f * v;\n"
    "}\n"
    "__kernel void lies(ARGS) {\n" /* only in the middle of the second half */
    "    const ulong i = get_global_id(0);\n"
    "    y[y_at + i] = 2.0f * x[x_at + i] + (i == 7 * n / 8 ? 0.01f : 0.0f);\n"
    "}\n"
    "__kernel void strays(ARGS) {\n"
    "    const ulong i = get_global_id(0);\n"
    "    y[y_at + i] = 2.0f * x[x_at + i];\n"
    "    if (i == 0)\n"
    "        y[y_at + n] = 1.0f;\n"
    "}\n";

static void put_kernels(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s.cl", scratch, name);
    FILE *file = fopen(path, "w");
    ck_assert(file != NULL && fputs(text, file) >= 0);
    fclose(file);
}

/* Kernels come from the scratch folder, records go to a folder of the test's own. */
static gcl_graph *graph;
static gcl_limits limits;

static gcl_node *twice(int n, int32_t attr)
{
    char name[40];
    snprintf(name, sizeof name, "x%d", n);
    gcl_node *x = gcl_variable(graph, name, gcl_shape_of(1, 1, 1, n));
    return gcl_node_new(graph, &op_twice, x->shape, &x, 1, &attr);
}

static void start(void)
{
    start_test();
    put_kernels("peak", gcl_kernel_source("peak", &err));
    put_kernels("twice", kernels);
    setenv("GANOCL_KERNELS", scratch, 1);
    setenv("GANOCL_RECORDS", "/nowhere", 1);
    limits = (gcl_limits){.platform = "P",
                          .name = "D",
                          .driver = "1",
                          .compute_units = 2,
                          .memory_bytes = 1 << 30,
                          .max_alloc_bytes = 1 << 28};
    graph = gcl_graph_new();
}

static void stop(void) { gcl_graph_free(graph); }

#endif
