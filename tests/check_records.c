/* The tuner's records: which one is taken, and how they come through files. */
#include <math.h>

#include "file_limit.h"
#include "tuner_test.h"

static gcl_choice quick_of(int work) { return (gcl_choice){&quick, {work, 0}}; }

static gcl_record record_of(const gcl_node *node, gcl_choice choice)
{
    gcl_record record;
    ck_assert_int_eq(gcl_record_start(&record, node, &choice, &limits), 0);
    record.us = record.before_us = 1;
    return record;
}

/* ---- workloads ------------------------------------------------------------------------------------- */

START_TEST(a_workload_is_read_as_it_was_written)
{
    gcl_workload work, again;
    json_t *object = json_object();
    ck_assert_int_eq(gcl_workload_of(twice(12, 3), &work), 0);
    gcl_workload_write(&work, object);
    ck_assert_int_eq(gcl_workload_read(&again, object, ops), 0);
    ck_assert(gcl_workload_equal(&work, &again));
    ck_assert(gcl_workload_distance(&work, &again) == 0);
    json_object_set_new(object, "attr", json_pack("[i]", 4));
    ck_assert_int_eq(gcl_workload_read(&again, object, ops), 0);
    ck_assert(!gcl_workload_equal(&work, &again));
    json_object_set_new(object, "op", json_string("thrice"));
    ck_assert_int_eq(gcl_workload_read(&again, object, ops), 1);
    json_object_set_new(object, "op", json_string("twice"));
    json_object_set_new(object, "out", json_pack("[i,i,i]", 1, 1, 12));
    ck_assert_int_eq(gcl_workload_read(&again, object, ops), -1);
    json_decref(object);
}
END_TEST

START_TEST(distance_counts_doublings_and_tells_switches_apart)
{
    gcl_workload a, b, c;
    gcl_workload_of(twice(64, 2), &a);
    gcl_workload_of(twice(256, 1), &b);
    gcl_workload_of(twice(64, 0), &c);
    ck_assert_double_eq_tol(gcl_workload_distance(&a, &b), 2 + 2 + 1, 1e-12);
    ck_assert(isinf(gcl_workload_distance(&a, &c)));
}
END_TEST

START_TEST(a_workload_alone_is_the_same_node)
{
    gcl_workload work, again;
    gcl_workload_of(twice(12, 3), &work);
    gcl_graph *other = gcl_graph_new();
    ck_assert_int_eq(gcl_workload_of(gcl_workload_node(&work, other), &again), 0);
    ck_assert(gcl_workload_equal(&work, &again));
    gcl_graph_free(other);
}
END_TEST

/* ---- looking records up ---------------------------------------------------------------------------- */

static int chosen_work(gcl_records *records, const gcl_node *node)
{
    gcl_choice choice;
    if (!gcl_records_choose(records, node, &limits, &choice))
        return 0;
    ck_assert(choice.variant == &quick);
    return choice.values[0];
}

START_TEST(the_record_of_the_workload_is_taken_the_newest_the_persons_the_drivers)
{
    gcl_records *records = gcl_records_new(ops);
    const gcl_node *node = twice(4096, 1);
    ck_assert_int_eq(chosen_work(records, node), 0);
    gcl_record r = record_of(node, quick_of(4));
    snprintf(r.driver, sizeof r.driver, "2");
    gcl_records_add(records, &r);
    ck_assert_int_eq(chosen_work(records, node), 4);
    r = record_of(node, quick_of(32));
    r.source = GCL_RECORD_SHIPPED;
    gcl_records_add(records, &r); /* this driver's before another's */
    ck_assert_int_eq(chosen_work(records, node), 32);
    r = record_of(node, quick_of(1));
    gcl_records_add(records, &r); /* the person's before those shipped */
    ck_assert_int_eq(chosen_work(records, node), 1);
    r = record_of(node, quick_of(4));
    gcl_records_add(records, &r); /* the newest */
    ck_assert_int_eq(chosen_work(records, node), 4);
    r = record_of(node, quick_of(1));
    snprintf(r.device, sizeof r.device, "another");
    gcl_records_add(records, &r);
    ck_assert_int_eq(chosen_work(records, node), 4);
    gcl_records_free(records);
}
END_TEST

START_TEST(the_nearest_record_gives_what_it_changed_if_that_is_legal)
{
    gcl_records *records = gcl_records_new(ops);
    gcl_record far = record_of(twice(65536, 1), quick_of(4));
    gcl_record near = record_of(twice(4096, 1), quick_of(1));
    gcl_records_add(records, &far);
    gcl_records_add(records, &near);
    ck_assert_int_eq(chosen_work(records, twice(8192, 1)), 1);
    ck_assert_int_eq(chosen_work(records, twice(32768, 1)), 4);
    ck_assert_int_eq(chosen_work(records, twice(1 << 24, 1)), 0); /* too far from all */
    ck_assert_int_eq(chosen_work(records, twice(8192, 0)), 0);    /* another switch */
    gcl_record large = record_of(twice(32, 2), quick_of(32));
    large.usual[0] = 1; /* as if 32 were a change */
    gcl_records_add(records, &large);
    ck_assert_int_eq(chosen_work(records, twice(64, 2)), 32);
    ck_assert_int_eq(chosen_work(records, twice(16, 2)), 0); /* 32 is illegal there */
    gcl_records_free(records);
}
END_TEST

START_TEST(a_neighbour_that_was_left_alone_says_leave_alone)
{
    gcl_records *records = gcl_records_new(ops);
    gcl_record far = record_of(twice(65536, 1), quick_of(4));
    gcl_record near = record_of(twice(4096, 1), (gcl_choice){&slow, {0}});
    ck_assert(near.kept && !far.kept);
    gcl_records_add(records, &far);
    gcl_records_add(records, &near);
    ck_assert_int_eq(chosen_work(records, twice(5000, 1)), 0);
    gcl_records_free(records);
}
END_TEST

START_TEST(what_was_rejected_is_not_chosen)
{
    gcl_records *records = gcl_records_new(ops);
    const gcl_node *node = twice(4096, 1);
    gcl_choice choice = quick_of(4);
    gcl_record good = record_of(node, choice), bad = good;
    gcl_records_add(records, &good);
    snprintf(bad.rejected, sizeof bad.rejected, "hang");
    gcl_records_add(records, &bad);
    ck_assert_int_eq(chosen_work(records, node), 0);
    ck_assert_str_eq(gcl_records_rejected(records, &good.work, &choice, &limits), "hang");
    snprintf(limits.driver, sizeof limits.driver, "2"); /* which may do better */
    ck_assert_ptr_null(gcl_records_rejected(records, &good.work, &choice, &limits));
    gcl_records_free(records);
}
END_TEST

START_TEST(records_are_of_the_programs_that_were_checked)
{
    gcl_text text = {0};
    gcl_records *records = gcl_records_new(ops);
    const gcl_node *node = twice(4096, 1);
    gcl_record r = record_of(node, quick_of(4));
    gcl_records_add(records, &r);
    gcl_text_add(&text, "/* another remark */\n\n   %s", strstr(kernels, "#define"));
    put_kernels("twice", text.text);
    ck_assert_int_eq(chosen_work(records, node), 4);
    gcl_text_add(&text, "__kernel void more(ARGS) {}\n");
    put_kernels("twice", text.text);
    ck_assert_int_eq(chosen_work(records, node), 0);
    gcl_text_free(&text);
    gcl_records_free(records);
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------------- */

static const char *user_path(void)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/tuned.jsonl", cache);
    return path;
}

static void append_text(const char *text)
{
    FILE *file = fopen(user_path(), "a");
    ck_assert(file != NULL && fputs(text, file) >= 0);
    fclose(file);
}

START_TEST(kept_records_come_back)
{
    gcl_records *records = gcl_records_known(ops);
    gcl_record r = record_of(twice(4096, 1), quick_of(4));
    r.stage = 2;
    ck_ok(gcl_records_keep(records, &r, &err));
    snprintf(r.rejected, sizeof r.rejected, "crash");
    r.choice = quick_of(1);
    ck_ok(gcl_records_keep(records, &r, &err));
    gcl_records_free(records);
    records = gcl_records_known(ops);
    ck_assert_int_eq(gcl_records_count(records), 2);
    const gcl_record *got = gcl_records_find(records, &r.work, &limits);
    ck_assert(got != NULL && got->stage == 2 && got->choice.values[0] == 4);
    ck_assert_str_eq(gcl_records_at(records, 1)->rejected, "crash");
    gcl_records_free(records);
}
END_TEST

START_TEST(damaged_lines_cost_only_themselves)
{
    gcl_records *records = gcl_records_known(ops);
    gcl_record r = record_of(twice(4096, 1), quick_of(4));
    ck_ok(gcl_records_keep(records, &r, &err));
    append_text("\n{\"platform\": \"P\"}\nnonsense\n[1, 2]\n{\"platform\": \"P\", \"devi");
    r.work.words[0] = 7;
    ck_ok(gcl_records_keep(records, &r, &err)); /* behind the half line of a process that died */
    gcl_records_free(records);
    records = gcl_records_new(ops);
    ck_assert_int_eq(gcl_records_read(records, user_path(), GCL_RECORD_USER), 4);
    ck_assert_int_eq(gcl_records_count(records), 2);
    ck_assert_int_eq(gcl_records_at(records, 1)->work.words[0], 7);
    gcl_records_free(records);
}
END_TEST

/* A file size limit stands for the full disk: the record is refused, and no part of its line stays. */
START_TEST(a_full_disk_keeps_whole_lines)
{
    struct stat facts;
    gcl_records *records = gcl_records_known(ops);
    gcl_record r = record_of(twice(4096, 1), quick_of(4));
    ck_ok(gcl_records_keep(records, &r, &err));
    ck_assert_int_eq(stat(user_path(), &facts), 0);
    for (int more = 0; more < 200; more += 40) {
        off_t size = facts.st_size;
        err = (gcl_error){0};
        limit_files((rlim_t)(size + more));
        int result = gcl_records_keep(records, &r, &err);
        limit_files(RLIM_INFINITY);
        ck_assert(result != 0 && err.code == GCL_DISK);
        ck_assert_int_eq(stat(user_path(), &facts), 0);
        ck_assert_int_eq(facts.st_size, size);
    }
    ck_assert_int_eq(gcl_records_count(records), 1);
    gcl_records_free(records);
}
END_TEST

static char *replaced(const char *text, const char *from, const char *to)
{
    gcl_text out = {0};
    const char *at = strstr(text, from);
    ck_assert(at != NULL);
    gcl_text_add(&out, "%.*s%s%s\n", (int)(at - text), text, to, at + strlen(from));
    return out.text;
}

START_TEST(lines_of_another_version_are_passed_over)
{
    static const char *const changes[][2] = {
        {"\"twice\"", "\"thrice\""}, {"\"quick\"", "\"quickest\""}, {"\"idle\"", "\"busy\""}};
    gcl_records *records = gcl_records_new(ops);
    gcl_record r = record_of(twice(4096, 1), quick_of(4));
    json_t *object = gcl_record_json(&r);
    char *line = json_dumps(object, JSON_COMPACT);
    gcl_cache_writable();
    for (int i = 0; i < 3; i++) {
        char *other = replaced(line, changes[i][0], changes[i][1]);
        append_text(other);
        free(other);
    }
    ck_assert_int_eq(gcl_records_read(records, user_path(), GCL_RECORD_USER), 0);
    ck_assert_int_eq(gcl_records_count(records), 0);
    append_text(line);
    gcl_records_read(records, user_path(), GCL_RECORD_USER);
    ck_assert_int_eq(gcl_records_count(records), 1);
    free(line);
    json_decref(object);
    gcl_records_free(records);
}
END_TEST

enum { APPENDED = 100 };

static int append_many(void)
{
    gcl_records *records = gcl_records_new(ops);
    graph = gcl_graph_new();
    gcl_record r;
    gcl_choice choice = quick_of(4);
    int status = gcl_record_start(&r, twice(4096, 1), &choice, &limits);
    for (int i = 0; i < APPENDED && status == 0; i++)
        status = gcl_records_keep(records, &r, &err);
    gcl_graph_free(graph);
    gcl_records_free(records);
    return status != 0;
}

START_TEST(two_writers_leave_whole_lines)
{
    gcl_cache_writable();
    pid_t first = start_self("append"), second = start_self("append");
    ck_assert_int_eq(exit_status(first), 0);
    ck_assert_int_eq(exit_status(second), 0);
    gcl_records *records = gcl_records_new(ops);
    ck_assert_int_eq(gcl_records_read(records, user_path(), GCL_RECORD_USER), 0);
    ck_assert_int_eq(gcl_records_count(records), 2 * APPENDED);
    gcl_records_free(records);
}
END_TEST

START_TEST(there_may_be_no_records_at_all)
{
    gcl_records *records = gcl_records_known(ops);
    gcl_record r = record_of(twice(4096, 1), quick_of(4));
    ck_ok(gcl_records_keep(records, &r, &err));
    gcl_records_free(records);
    setenv("GANOCL_RECORDS", "off", 1);
    records = gcl_records_known(ops);
    ck_assert_int_eq(gcl_records_count(records), 0);
    ck_assert(gcl_records_keep(records, &r, &err) != 0 && err.code == GCL_USAGE);
    ck_says("GANOCL_RECORDS");
    gcl_records_free(records);
    setenv("GANOCL_RECORDS", cache, 1); /* the same folder as one of shipped records */
    setenv("GANOCL_CACHE", "off", 1);
    records = gcl_records_known(ops);
    ck_assert_int_eq(gcl_records_count(records), 1);
    ck_assert_int_eq(gcl_records_at(records, 0)->source, GCL_RECORD_SHIPPED);
    err = (gcl_error){0};
    ck_assert(gcl_records_keep(records, &r, &err) != 0);
    ck_says("GANOCL_CACHE");
    gcl_records_free(records);
}
END_TEST

START_TEST(a_run_takes_its_own_choices_from_their_step_on)
{
    gcl_records *records = gcl_records_new(ops);
    gcl_run_choices run = {.records = records, .step = 4};
    gcl_choice choice;
    const gcl_node *node = twice(4096, 1);
    gcl_record first = record_of(node, quick_of(4)), second = record_of(node, quick_of(1));
    first.source = second.source = GCL_RECORD_RUN;
    second.from = 5;
    gcl_records_add(records, &second);
    gcl_records_add(records, &first);
    ck_assert(gcl_run_choose(&run, node, &limits, &choice) && choice.values[0] == 4);
    run.step = 5;
    ck_assert(gcl_run_choose(&run, node, &limits, &choice) && choice.values[0] == 1);
    ck_assert(!gcl_run_choose(&run, twice(4097, 1), &limits, &choice)); /* never a neighbour's */
    ck_assert_int_eq(run.stale, 0);
    put_kernels("twice", "__kernel void twice(void) {}\n");
    ck_assert(!gcl_run_choose(&run, node, &limits, &choice));
    ck_assert_int_eq(run.stale, 1);
    snprintf(limits.driver, sizeof limits.driver, "2");
    ck_assert(!gcl_run_choose(&run, node, &limits, &choice));
    gcl_records_free(records);
}
END_TEST

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "append") == 0)
        return append_many();
    Suite *suite = suite_create("records");
    TCase *tc = add_case(suite, "records", start, stop);
    tcase_add_test(tc, a_workload_is_read_as_it_was_written);
    tcase_add_test(tc, distance_counts_doublings_and_tells_switches_apart);
    tcase_add_test(tc, a_workload_alone_is_the_same_node);
    tcase_add_test(tc, the_record_of_the_workload_is_taken_the_newest_the_persons_the_drivers);
    tcase_add_test(tc, the_nearest_record_gives_what_it_changed_if_that_is_legal);
    tcase_add_test(tc, a_neighbour_that_was_left_alone_says_leave_alone);
    tcase_add_test(tc, what_was_rejected_is_not_chosen);
    tcase_add_test(tc, records_are_of_the_programs_that_were_checked);
    tcase_add_test(tc, kept_records_come_back);
    tcase_add_test(tc, a_full_disk_keeps_whole_lines);
    tcase_add_test(tc, damaged_lines_cost_only_themselves);
    tcase_add_test(tc, lines_of_another_version_are_passed_over);
    tcase_add_test(tc, two_writers_leave_whole_lines);
    tcase_add_test(tc, there_may_be_no_records_at_all);
    tcase_add_test(tc, a_run_takes_its_own_choices_from_their_step_on);
    return run_at_home(suite);
}
