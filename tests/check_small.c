/* A device that is small: tests/shim.c makes this one so, and refuses what goes beyond. All runs with the
 * right results, or is refused with the documented exit status and a line that says what would fit. */
#include "shim_test.h"

#define ALL "work_group=64,local=16384,alloc=134217728,align=4096,fp64=0"

typedef struct small {
    const char *name, *limits;
    const char *ops; /* of which the kernels are tried */
} small;

static const small devices[] = {
    {"groups of 64", "work_group=64", "conv,conv_weight"},
    {"16 KiB of local memory", "local=16384", "conv,conv_weight"},
    {"128 MiB in a buffer", "alloc=134217728", "concat"},
    {"alignment 4096", "align=4096", "concat,matmul"},
    {"no fp64", "fp64=0", "concat,depthwise"},
    {"all of these", ALL, "ops"},
    {"the least there is", "work_group=1,local=1024,align=65536,fp64=0", "conv,matmul,pad"},
};

/* The number behind `name` in the limits; `otherwise` where they say nothing. */
static double limit_of(const char *limits, const char *name, double otherwise)
{
    char text[40];
    snprintf(text, sizeof text, "%s=", name);
    const char *at = strstr(limits, text);
    return at != NULL ? atof(at + strlen(text)) : otherwise;
}

START_TEST(the_device_says_that_it_is_small)
{
    load_shim();
    setenv("OCLSHIM_LIMITS", ALL, 1);
    ck_exits(0, "devices --json");
    unload_shim();
    json_t *list = json_said();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *device = json_array_get(list, i);
        ck_assert_double_le(json_at(device, "max_work_group"), limit_of(ALL, "work_group", 0));
        ck_assert_double_le(json_at(device, "local_bytes"), limit_of(ALL, "local", 0));
        ck_assert_double_le(json_at(device, "max_alloc_bytes"), limit_of(ALL, "alloc", 0));
        ck_assert(json_is_false(json_object_get(device, "fp64")));
    }
    json_decref(list);
}
END_TEST

/* Launches that are too large, and parts of buffers that are not aligned, would fail there. */
START_TEST(kernels_keep_to_the_limits)
{
    const small *device = &devices[_i];
    load_shim();
    setenv("OCLSHIM_LIMITS", device->limits, 1);
    int status = finish_program(start_program("-q selftest --quick --json --only %s", device->ops));
    unload_shim();
    ck_assert_msg(status == 0, "%s: status %d: %s", device->name, status, said("err"));
    json_t *report = json_said();
    ck_assert_double_gt(json_at(report, "passed"), 0);
    ck_assert_double_eq(json_at(report, "failed"), 0);
    json_decref(report);
}
END_TEST

START_TEST(a_recorded_training_is_repeated)
{
    load_shim();
    setenv("OCLSHIM_LIMITS", ALL, 1);
    ck_exits(0, "-q selftest '%s/tests/golden/dcgan-tiny-bn'", source_folder());
    unload_shim();
}
END_TEST

#define TRAIN "-q train --model dcgan:tiny --set train.events=false --steps 2 "

/* The batch that the program offers instead; 0: none. */
static int offered_batch(void)
{
    int batch = 0;
    const char *offer = strstr(said("err"), "; --batch ");
    return offer != NULL && sscanf(offer, "; --batch %d would fit", &batch) == 1 ? batch : 0;
}

START_TEST(what_is_said_to_fit_fits)
{
    load_shim();
    setenv("OCLSHIM_LIMITS", "alloc=16777216", 1);
    ck_exits(GCL_MEMORY, TRAIN "--batch 64 --out refused");
    int batch = offered_batch();
    ck_assert_msg(batch > 0 && batch < 64, "%s", said("err"));
    ck_exits(0, TRAIN "--batch %d --out small", batch); /* in several buffers */
    unload_shim();
    ck_exits(0, TRAIN "--batch %d --out whole", batch);
    ck_assert(same_files(in_scratch("small/checkpoints/step-0000002.safetensors"),
                         in_scratch("whole/checkpoints/step-0000002.safetensors")));
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("small");
    TCase *tests = tcase_create("small");
    tcase_add_test(tests, the_device_says_that_it_is_small);
    tcase_add_loop_test(tests, kernels_keep_to_the_limits, 0, COUNT(devices));
    tcase_add_test(tests, a_recorded_training_is_repeated);
    tcase_add_test(tests, what_is_said_to_fit_fits);
    return run_tests("small", tests);
}
