/* `ganocl selftest` itself: which parts it runs, what it says of them, and that it can fail. */
#include "program_test.h"

static json_t *list_said(const char *key, size_t least)
{
    static json_t *last;
    json_decref(last);
    last = json_said();
    json_t *list = json_object_get(last, key);
    ck_assert_msg(json_array_size(list) >= least, "%s: %s", key, said("out"));
    return list;
}

START_TEST(only_what_is_named_is_tried)
{
    size_t i;
    json_t *line;
    ck_exits(0, "-q selftest --json --only concat,slice");
    int concats = 0;
    json_array_foreach(list_said("ops", 2), i, line)
    {
        const char *op = json_string_value(json_object_get(line, "op"));
        ck_assert(strcmp(op, "concat") == 0 || strcmp(op, "slice") == 0);
        concats += strcmp(op, "concat") == 0;
        ck_assert_int_eq(json_integer_value(json_object_get(line, "failed")), 0);
    }
    ck_assert_int_gt(concats, 0);
    ck_exits(2, "-q selftest --only concatt");
    ck_said("did you mean 'concat'?");
}
END_TEST

/* Every case is tried or counted as left out, and some are the one, some the other. */
START_TEST(quick_leaves_out_what_is_large)
{
    size_t i;
    json_t *line;
    long cases = 0, left_out = 0, all = 0;
    ck_exits(0, "-q selftest --json --quick --only pad");
    json_array_foreach(list_said("ops", 1), i, line)
    {
        cases += json_integer_value(json_object_get(line, "cases"));
        left_out += json_integer_value(json_object_get(line, "left_out"));
    }
    ck_exits(0, "-q selftest --json --only pad");
    json_array_foreach(list_said("ops", 1), i, line)
    {
        all += json_integer_value(json_object_get(line, "cases"));
        ck_assert_int_eq(json_integer_value(json_object_get(line, "left_out")), 0);
    }
    ck_assert_int_eq(cases + left_out, all);
    ck_assert_int_gt(cases, 0);
}
END_TEST

/* Twice the same bits, and losses that others can compare. */
START_TEST(a_replay_has_losses_and_a_digest)
{
    char digest[80];
    for (int i = 0; i < 2; i++) {
        ck_exits(0, "-q selftest --json '%s/tests/golden/resnet_gan-tiny-classifier-drop'",
                 source_folder());
        json_t *replay = json_array_get(list_said("replays", 1), 0);
        const char *now = json_string_value(json_object_get(replay, "digest"));
        ck_assert_int_eq(strlen(now), 64);
        if (i == 1)
            ck_assert_str_eq(now, digest);
        snprintf(digest, sizeof digest, "%s", now);
        json_t *losses = json_object_get(replay, "losses");
        void *first = json_object_iter(losses);
        ck_assert_ptr_nonnull(first);
        ck_assert_int_eq(json_array_size(json_object_iter_value(first)), 20);
        ck_assert(json_is_real(json_array_get(json_object_iter_value(first), 19)));
    }
}
END_TEST

/* A kernel that is wrong by a thousandth is found, and exit status and figures say so. */
START_TEST(a_wrong_kernel_is_found)
{
    gcl_text line = {0};
    gcl_text_add(&line,
                 "cp -r '%s/cl' '%s/cl' && chmod -R u+w '%s/cl' && sed -i "
                 "'s/= LOADV(x/= 1.001f * LOADV(x/; s/= x.k - begin/= 1.001f * x[k - begin/' "
                 "'%s/cl/concat.cl'",
                 source_folder(), scratch, scratch, scratch);
    ck_assert_int_eq(system(line.text), 0);
    gcl_text_free(&line);
    setenv("GANOCL_KERNELS", in_scratch("cl"), 1);
    ck_exits(1, "-q selftest --json --only concat");
    unsetenv("GANOCL_KERNELS");
    ck_said("checks failed on");
    json_t *first = json_array_get(list_said("ops", 1), 0);
    ck_assert(json_integer_value(json_object_get(first, "failed")) > 0);
    ck_assert(json_at(first, "worst") > 1e-4);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("selftest");
    TCase *tests = tcase_create("selftest");
    tcase_add_test(tests, only_what_is_named_is_tried);
    tcase_add_test(tests, quick_leaves_out_what_is_large);
    tcase_add_test(tests, a_replay_has_losses_and_a_digest);
    tcase_add_test(tests, a_wrong_kernel_is_found);
    return run_tests("selftest", tests);
}
