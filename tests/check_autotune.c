/* The tuner on an op made for it: duels, the search, and candidates that crash, hang, lie and stray.
 *
 * This program is its own worker: started with GCL_WORKER_WORD it serves questions about that op. */
#include <math.h>

#include "autotune/duel.h"
#include "autotune/search.h"
#include "autotune/tuner.h"
#include "autotune/worker.h"
#include "tuner_test.h"

/* ---- duels ----------------------------------------------------------------------------------------- */

static gcl_duel duel_of(const double *a, const double *b, int n, double added)
{
    gcl_duel duel;
    json_t *times = json_array(), *others = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(times, json_real(a[i]));
        json_array_append_new(others, json_real(b[i]));
    }
    gcl_duel_judge(&duel, times, others, added, 0);
    json_decref(times);
    json_decref(others);
    return duel;
}

START_TEST(a_duel_is_won_by_a_margin_and_in_most_rounds)
{
    static const double there[] = {100, 100, 300, 100, 100, 100, 100, 100};
    static const double better[] = {90, 90, 270, 90, 90, 90, 500, 500};
    static const double hardly[] = {99, 98, 290, 98, 98, 98, 98, 98};
    static const double often[] = {90, 90, 270, 90, 90, 500, 500, 500};
    gcl_duel duel = duel_of(better, there, 8, 0);
    ck_assert(duel.won);
    ck_assert_double_eq_tol(duel.us, 90, 1e-9);
    ck_assert_double_eq_tol(duel.other_us, 100, 1e-9);
    ck_assert(!duel_of(hardly, there, 8, 0).won);
    ck_assert(!duel_of(often, there, 8, 0).won); /* 5 of 8 rounds */
    ck_assert(!duel_of(better, there, 8, 10).won);
    ck_assert(!duel_of(better, there, 0, 0).won);
}
END_TEST

/* ---- the search, without a device ------------------------------------------------------------------ */

static double made_up_us(const gcl_choice *c)
{
    return c->variant == &quick ? 10 + c->values[0] : 64;
}

START_TEST(the_search_tries_each_choice_once_and_finds_the_best)
{
    const gcl_peak peak = {100, 10};
    gcl_effects effects = {0};
    gcl_choice choice, seen[40];
    double us;
    int n = 0;
    gcl_search *search = gcl_search_new(twice(4096, 1), &limits, &peak, 1 << 20, &effects);
    while (gcl_search_next(search, &choice)) {
        for (int i = 0; i < n; i++)
            ck_assert(!gcl_choice_equal(&choice, &seen[i]));
        ck_assert_int_lt(n, 40);
        seen[n++] = choice;
        gcl_search_tell(search, &choice, made_up_us(&choice));
    }
    ck_assert_int_eq(n, 6 + 3 * 2); /* variants without parameters, and all values of quick */
    ck_assert_int_eq(gcl_search_best(search, &us)->values[0], 1);
    ck_assert_double_eq_tol(us, 11, 1e-9);
    gcl_search_free(search);
    search = gcl_search_new(twice(16, 1), &limits, &peak, 1 << 20, &effects);
    while (gcl_search_next(search, &choice)) { /* 32 is illegal now */
        ck_assert(choice.variant != &quick || choice.values[0] <= 16);
        gcl_search_tell(search, &choice, INFINITY);
    }
    ck_assert_ptr_null(gcl_search_best(search, &us));
    gcl_search_free(search);
    gcl_effects_free(&effects);
}
END_TEST

/* ---- the tuner ------------------------------------------------------------------------------------- */

static gcl_parts one_part(const gcl_node *node)
{
    gcl_parts parts = {.all = gcl_alloc(sizeof *parts.all), .n = 1, .cap = 1};
    gcl_workload_of(node, &parts.all[0].work);
    parts.all[0].count = 1;
    parts.all[0].us = 1000;
    return parts;
}

static void real_limits(void)
{
    gcl_limits *list;
    int n;
    ck_ok(gcl_device_list(&list, &n, &err));
    int i = gcl_device_choose(list, n, test_device(), &err);
    ck_assert_msg(i >= 0, "%s", err.text);
    limits = list[i];
    free(list);
}

static gcl_tuner *new_tuner(gcl_records *records, const gcl_parts *parts)
{
    gcl_tuner_options options = {.program = self,
                                 .device = test_device(),
                                 .limits = &limits,
                                 .records = records,
                                 .patience = 8};
    return gcl_tuner_new(&options, parts);
}

static const char *why_not(const gcl_records *records, const gcl_part *part,
                           const gcl_variant *variant)
{
    gcl_choice choice = {.variant = variant};
    const char *why = gcl_records_rejected(records, &part->work, &choice, &limits);
    return why != NULL ? why : "nothing";
}

/* All in one, since each worker has a device to open. */
START_TEST(what_crashes_hangs_or_lies_is_survived_remembered_and_beaten)
{
    real_limits();
    gcl_parts parts = one_part(twice(MANY, 1));
    gcl_records *records = gcl_records_known(ops);
    gcl_tuner *tuner = new_tuner(records, &parts);
    ck_assert_msg(gcl_tuner_next(tuner, 300, &err) == 1, "%s", err.text);
    gcl_tuner_stats stats = gcl_tuner_get_stats(tuner);
    ck_assert_int_eq(stats.crashed, 1);
    ck_assert_int_eq(stats.hung, 1);
    ck_assert_int_eq(stats.wrong, 2);
    ck_assert_int_eq(stats.improved, 1);
    gcl_tuner_free(tuner); /* as if it had been killed: the rest is for another one */
    gcl_records_free(records);

    records = gcl_records_known(ops);
    ck_assert_str_eq(why_not(records, parts.all, &crash), "crash");
    ck_assert_str_eq(why_not(records, parts.all, &hang), "hang");
    ck_assert_str_eq(why_not(records, parts.all, &liar), "wrong");
    ck_assert_str_eq(why_not(records, parts.all, &stray), "wrong");
    const gcl_record *found = gcl_records_find(records, &parts.all[0].work, &limits);
    ck_assert(found != NULL && found->choice.variant == &quick && !found->kept);
    ck_assert_int_eq(found->stage, 1);
    ck_assert_double_lt(found->us, 0.97 * found->before_us);

    tuner = new_tuner(records, &parts);
    ck_assert_int_eq(gcl_tuner_left(tuner), 1);
    while (gcl_tuner_next(tuner, 300, &err) == 1)
        ;
    ck_assert_msg(err.code == 0, "%s", err.text);
    stats = gcl_tuner_get_stats(tuner);
    ck_assert_int_eq(stats.done, GCL_TUNER_STAGES - 1);
    ck_assert_int_eq(stats.crashed + stats.hung + stats.wrong, 0); /* not tried again */
    found = gcl_records_find(records, &parts.all[0].work, &limits);
    ck_assert(found->choice.variant == &quick && found->choice.values[0] < 32);
    ck_assert_int_eq(found->stage, GCL_TUNER_STAGES);
    gcl_tuner_free(tuner);
    tuner = new_tuner(records, &parts);
    ck_assert_int_eq(gcl_tuner_left(tuner), 0);
    ck_assert_int_eq(gcl_tuner_next(tuner, 300, &err), 0);
    ck_ok(gcl_tuner_withdraw(tuner, parts.all, &err));
    found = gcl_records_find(records, &parts.all[0].work, &limits);
    ck_assert(found->kept && found->choice.variant == &slow);
    gcl_tuner_free(tuner);
    gcl_records_free(records);
    gcl_parts_free(&parts);
}
END_TEST

START_TEST(a_worker_that_cannot_be_started_is_an_error)
{
    gcl_parts parts = one_part(twice(MANY, 1));
    gcl_records *records = gcl_records_known(ops);
    gcl_tuner_options options = {
        .program = "/nowhere/ganocl", .device = "1", .limits = &limits, .records = records};
    gcl_tuner *tuner = gcl_tuner_new(&options, &parts);
    ck_assert_int_eq(gcl_tuner_next(tuner, 10, &err), -1);
    ck_says("worker");
    gcl_tuner_free(tuner);
    gcl_records_free(records);
    gcl_parts_free(&parts);
}
END_TEST

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], GCL_WORKER_WORD) == 0) {
        in_worker = 1;
        return gcl_worker_serve(ops, argv[3], &err) != 0;
    }
    Suite *suite = suite_create("autotune");
    TCase *tc = add_case(suite, "autotune", start, stop);
    tcase_add_test(tc, a_duel_is_won_by_a_margin_and_in_most_rounds);
    tcase_add_test(tc, the_search_tries_each_choice_once_and_finds_the_best);
    tcase_add_test(tc, what_crashes_hangs_or_lies_is_survived_remembered_and_beaten);
    tcase_add_test(tc, a_worker_that_cannot_be_started_is_an_error);
    return run_at_home(suite);
}
