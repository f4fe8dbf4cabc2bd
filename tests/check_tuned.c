/* Runs with tuned kernels, through the program: the same records give the same bytes, a run keeps its
 * choices whatever becomes of the records, and training can tune by itself. */
#include "program_test.h"

#include "autotune/records.h"
#include "ops/ops.h"
#include "plan/single.h"
#include "train/trainer.h"

#define TRAIN "-q train --model dcgan:tiny --batch 2 --set train.log_every=1 --steps "
#define AT    "checkpoints/step-0000004.safetensors"

static void ck_same(const char *a, const char *b, int wanted)
{
    char x[150], y[150];
    snprintf(x, sizeof x, "%s/" AT, a);
    snprintf(y, sizeof y, "%s/" AT, b);
    ck_assert_msg(same_files(in_scratch(x), in_scratch(y)) == wanted, "%s and %s %s", a, b,
                  wanted ? "differ" : "are the same");
}

static json_t *options_of(const char *run)
{
    char name[150];
    json_error_t why;
    snprintf(name, sizeof name, "%s/options.json", run);
    json_t *options = json_load_file(in_scratch(name), 0, &why);
    ck_assert_msg(options != NULL, "%s: %s", name, why.text);
    return options;
}

static size_t choices_of(const char *run)
{
    json_t *options = options_of(run);
    size_t n = json_array_size(json_object_get(options, "choices"));
    json_decref(options);
    return n;
}

/* ---- records that change a step -------------------------------------------------------------------- */

/* The small kernels of the step by their naive variants, which add in another order. */
static void add_records(FILE *file, const gcl_plan *plan, const gcl_limits *limits)
{
    for (int i = 0; i < gcl_plan_kernels(plan); i++) {
        gcl_plan_kernel kernel;
        gcl_record record;
        gcl_plan_kernel_at(plan, i, &kernel);
        const gcl_op *op = kernel.node->op;
        const gcl_variant *naive = gcl_variant_find(op, "naive");
        if (op->flops == NULL || op->flops(kernel.node) > 2e6 || naive == NULL)
            continue;
        gcl_choice choice = gcl_choice_of(naive, kernel.node, limits);
        ck_assert_int_eq(gcl_record_start(&record, kernel.node, &choice, limits), 0);
        json_t *object = gcl_record_json(&record);
        ck_assert_int_eq(json_dumpf(object, file, JSON_COMPACT), 0);
        fputc('\n', file);
        json_decref(object);
    }
}

static void write_records(void)
{
    gcl_model model;
    gcl_trainer trainer;
    gcl_plan_options plan = {.estimate_only = 1};
    gcl_trainer_options options = {.batch = {2, 1}, .plan = &plan};
    gcl_device *dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
    ck_ok(gcl_model_open(&model, "dcgan:tiny", NULL, 0, &err));
    ck_ok(gcl_trainer_build(&trainer, dev, &model, &options, &err));
    mkdir(in_scratch("records"), 0755);
    FILE *file = fopen(in_scratch("records/test.jsonl"), "w");
    ck_assert(file != NULL);
    add_records(file, trainer.plan, gcl_device_limits(dev));
    fclose(file);
    gcl_trainer_free(&trainer);
    gcl_device_close(dev);
}

/* Records there, or none; in both cases none of the person's. */
static void with_records(int there)
{
    setenv("GANOCL_RECORDS", in_scratch(there ? "records" : "none"), 1);
}

/* ---- tests ----------------------------------------------------------------------------------------- */

START_TEST(tuned_runs_are_equal_and_tell_their_choices)
{
    write_records();
    with_records(1);
    ck_exits(0, TRAIN "4 --out tuned");
    ck_exits(0, TRAIN "4 --out again");
    ck_assert_int_gt(choices_of("tuned"), 3);
    ck_same("tuned", "again", 1);
}
END_TEST

START_TEST(without_records_the_kernels_are_the_usual_ones)
{
    with_records(1);
    ck_exits(0, TRAIN "4 --out off --set plan.tuning=off");
    json_t *options = options_of("off");
    ck_assert_ptr_null(json_object_get(options, "choices"));
    json_decref(options);
    with_records(0);
    ck_exits(0, TRAIN "4 --out none");
    ck_assert_int_eq(choices_of("none"), 0);
    ck_same("off", "none", 1);
    ck_same("off", "tuned", 0);
}
END_TEST

START_TEST(a_run_keeps_its_choices_when_records_change)
{
    with_records(1);
    ck_exits(0, TRAIN "2 --out halves");
    with_records(0);
    ck_exits(0, "-q train --resume halves --steps 4");
    ck_same("halves", "tuned", 1);
    ck_exits(0, TRAIN "2 --out usual");
    with_records(1);
    ck_exits(0, "-q train --resume usual --steps 4");
    ck_same("usual", "none", 1);
}
END_TEST

START_TEST(options_of_a_run_bring_its_choices_along)
{
    with_records(0);
    ck_exits(0, "-q train --config tuned/options.json --out copy");
    ck_same("copy", "tuned", 1);
}
END_TEST

/* What plan.tuning=learn leaves behind: choices from a later step on. */
START_TEST(kernels_change_at_the_step_that_the_run_says)
{
    with_records(1);
    ck_exits(0, TRAIN "1 --out late --set plan.tuning=on");
    json_t *options = options_of("late"), *choice;
    size_t i;
    json_array_foreach(json_object_get(options, "choices"), i, choice)
    {
        json_object_set_new(choice, "from", json_integer(3));
    }
    json_dump_file(options, in_scratch("late/options.json"), 0);
    json_decref(options);
    ck_exits(0, "-q train --resume late --steps 2");
    ck_exits(0, "-q train --config late/options.json --steps 4 --out early");
    ck_exits(0, "-q train --resume late --steps 4");
    ck_same("late", "tuned", 0);
    ck_same("late", "none", 0);
    ck_exits(0, "-q train --config late/options.json --steps 4 --out straight");
    ck_same("straight", "early", 1);
    ck_exits(0, "-q train --config late/options.json --steps 3 --out pieces");
    ck_exits(0, "-q train --resume pieces --steps 4"); /* begins where they have changed */
    ck_same("pieces", "straight", 1);
}
END_TEST

START_TEST(training_tunes_by_itself)
{
    with_records(0);
    setenv("GANOCL_CACHE", in_scratch("cache"), 1);
    ck_exits(0, TRAIN "4 --out learnt --set plan.tuning=learn --set plan.learn_seconds=1");
    json_t *options = options_of("learnt");
    int64_t learnt = json_integer_value(json_object_get(options, "learnt"));
    ck_assert_int_gt(learnt, 0);
    json_decref(options);
    ck_assert(exists(in_scratch("cache/tuned.jsonl")));
    ck_exits(0, "-q train --config learnt/options.json --out follows");
    ck_same("follows", "learnt", 1);
}
END_TEST

START_TEST(the_command_tunes_and_goes_on_where_it_was)
{
    ck_exits(0, "-q autotune dcgan:tiny --batch 2 --budget 1 --json");
    json_t *whole = json_said(), *system;
    system = json_array_get(json_object_get(whole, "systems"), 0);
    ck_assert_double_gt(json_at(system, "before_ms"), 0);
    ck_assert_double_gt(json_at(system, "after_ms"), 0);
    ck_assert_double_gt(json_at(system, "tried"), 0);
    ck_assert_int_gt(json_array_size(json_object_get(system, "kernels")), 20);
    json_decref(whole);
    ck_exits(0, "devices --json");
    whole = json_said();
    double known = 0;
    for (size_t i = 0; i < json_array_size(whole); i++)
        known += json_at(json_array_get(whole, i), "tuned/yours");
    ck_assert_double_gt(known, 0);
    json_decref(whole);
    setenv("GANOCL_RECORDS", "off", 1);
    ck_exits(2, "autotune dcgan:tiny --budget 1");
    ck_said("GANOCL_RECORDS=off");
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("tuned");
    TCase *tests = tcase_create("tuned"); /* in this order: later tests compare with earlier runs */
    tcase_add_test(tests, tuned_runs_are_equal_and_tell_their_choices);
    tcase_add_test(tests, without_records_the_kernels_are_the_usual_ones);
    tcase_add_test(tests, a_run_keeps_its_choices_when_records_change);
    tcase_add_test(tests, options_of_a_run_bring_its_choices_along);
    tcase_add_test(tests, kernels_change_at_the_step_that_the_run_says);
    tcase_add_test(tests, training_tunes_by_itself);
    tcase_add_test(tests, the_command_tunes_and_goes_on_where_it_was);
    return run_tests("tuned", tests);
}
