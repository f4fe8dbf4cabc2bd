/* Devices that are only described: plans for them, and what their programs would be built from. */
#include "models/model.h"
#include "ops/ops.h"
#include "plan/bind.h"
#include "plan/plan.h"
#include "plan/single.h"
#include "suite_test.h"
#include "train/trainer.h"

static gcl_error err;

static gcl_limits a_gpu(unsigned subgroup_least)
{
    return (gcl_limits){.name = "described",
                        .is_gpu = 1,
                        .opencl_c = 120,
                        .compute_units = 32,
                        .memory_bytes = UINT64_C(1) << 34,
                        .max_alloc_bytes = UINT64_C(1) << 32,
                        .local_bytes = 32768,
                        .max_work_group = 256,
                        .max_items = {256, 256, 256},
                        .float_width = 1,
                        .base_align_bytes = 128,
                        .subgroup_least = subgroup_least};
}

static void check_launch(const gcl_plan *plan, int i, int *tiles)
{
    const gcl_bound *bound = gcl_plan_bound_at(plan, i);
    const gcl_program *program = gcl_bound_program(bound);
    ck_assert_ptr_nonnull(program);
    ck_assert_ptr_nonnull(strstr(gcl_program_options(program), "-cl-std=CL1.2"));
    const char *source = gcl_program_source(program);
    ck_assert_ptr_nonnull(source);
    const char *entry = gcl_bound_entry(bound);
    if (strcmp(gcl_program_name(program), "generated") != 0)
        ck_assert_msg(strstr(source, entry) != NULL, "%s: no kernel %s in its program",
                      gcl_program_name(program), entry);
    const size_t *local = gcl_bound_local(bound);
    ck_assert_uint_le(local[0] == 0 ? 0 : local[0] * local[1] * local[2], 256);
    *tiles += strcmp(gcl_program_name(program), "tile") == 0;
    ck_assert_str_ne(gcl_program_name(program), "conv_vec");
}

START_TEST(plan_lists_launches)
{
    gcl_model model;
    gcl_trainer trainer;
    gcl_limits limits = a_gpu(0);
    gcl_plan_options listing = {.estimate_only = 1, .list_launches = 1};
    gcl_trainer_options options = {.batch = {4, 1}, .plan = &listing};
    int tiles = 0;
    gcl_device *dev = gcl_device_describe(&limits);
    ck_ok(gcl_model_open(&model, "dcgan:tiny", NULL, 0, &err));
    ck_ok(gcl_trainer_build(&trainer, dev, &model, &options, &err));
    ck_assert_int_gt(gcl_plan_rows(trainer.plan), 20);
    for (int i = 0; i < gcl_plan_rows(trainer.plan); i++)
        check_launch(trainer.plan, i, &tiles);
    ck_assert_int_gt(tiles, 5); /* a GPU's family, though no GPU is here */
    ck_assert_uint_eq(gcl_device_bytes(dev), 0);
    gcl_trainer_free(&trainer);
    gcl_device_close(dev);
}
END_TEST

START_TEST(nothing_can_be_built)
{
    gcl_limits limits = a_gpu(0);
    gcl_device *dev = gcl_device_describe(&limits);
    gcl_program *program = gcl_program_want(dev, "nothing", "__kernel void f(void) {}", "");
    ck_assert_int_ne(gcl_program_build(program, &err), 0);
    ck_assert_int_eq(err.code, GCL_DEVICE);
    err = (gcl_error){0};
    gcl_device_close(dev);
}
END_TEST

/* The launch of the first case of a convolution by "tile". */
static gcl_launch tile_launch(unsigned subgroup_least)
{
    const char *name;
    gcl_limits limits = a_gpu(subgroup_least);
    gcl_graph *graph = gcl_graph_new();
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    const gcl_node *node = gcl_op_conv.build_case(graph, 0, &name);
    gcl_choice choice = gcl_choice_of(gcl_variant_find(&gcl_op_conv, "tile"), node, &limits);
    ck_assert_int_eq(gcl_choice_recipe(&choice, node, &limits, recipe), 0);
    gcl_launch launch = recipe->launch[0];
    free(recipe);
    gcl_graph_free(graph);
    return launch;
}

START_TEST(sub_groups_where_they_can_be_required)
{
    gcl_launch without = tile_launch(0), with = tile_launch(16);
    ck_assert_ptr_null(strstr(without.defines, "SUBGROUP"));
    ck_assert_ptr_nonnull(strstr(with.defines, " -DSUBGROUP=16"));
    ck_assert_ptr_nonnull(strstr(without.defines, "-DBM="));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("described");
    TCase *described = tcase_create("described");
    tcase_set_timeout(described, 0);
    tcase_add_test(described, plan_lists_launches);
    tcase_add_test(described, nothing_can_be_built);
    tcase_add_test(described, sub_groups_where_they_can_be_required);
    suite_add_tcase(suite, described);
    return run_suite(suite);
}
