/* The tuner on an op made for it, whose variants crash, hang, lie and stray; and its records.
 *
 * This program is its own worker: started with GCL_WORKER_WORD it serves questions about that op. */
#include <math.h>
#include <signal.h>

#include "autotune/duel.h"
#include "autotune/search.h"
#include "autotune/tuner.h"
#include "autotune/worker.h"
#include "device_test.h"
#include "plan/single.h"

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
    int i = gcl_device_choose(list, n, chosen(), &err);
    ck_assert_msg(i >= 0, "%s", err.text);
    limits = list[i];
    free(list);
}

static gcl_tuner *new_tuner(gcl_records *records, const gcl_parts *parts)
{
    gcl_tuner_options options = {
        .program = self, .device = chosen(), .limits = &limits, .records = records, .patience = 15};
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
    if (argc > 1 && strcmp(argv[1], "append") == 0)
        return append_many();
    TCase *tc = tcase_create("autotune");
    tcase_set_timeout(tc, 0);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_workload_is_read_as_it_was_written);
    tcase_add_test(tc, distance_counts_doublings_and_tells_switches_apart);
    tcase_add_test(tc, a_workload_alone_is_the_same_node);
    tcase_add_test(tc, the_record_of_the_workload_is_taken_the_newest_the_persons_the_drivers);
    tcase_add_test(tc, the_nearest_record_gives_what_it_changed_if_that_is_legal);
    tcase_add_test(tc, a_neighbour_that_was_left_alone_says_leave_alone);
    tcase_add_test(tc, what_was_rejected_is_not_chosen);
    tcase_add_test(tc, records_are_of_the_programs_that_were_checked);
    tcase_add_test(tc, kept_records_come_back);
    tcase_add_test(tc, damaged_lines_cost_only_themselves);
    tcase_add_test(tc, lines_of_another_version_are_passed_over);
    tcase_add_test(tc, two_writers_leave_whole_lines);
    tcase_add_test(tc, there_may_be_no_records_at_all);
    tcase_add_test(tc, a_run_takes_its_own_choices_from_their_step_on);
    tcase_add_test(tc, a_duel_is_won_by_a_margin_and_in_most_rounds);
    tcase_add_test(tc, the_search_tries_each_choice_once_and_finds_the_best);
    tcase_add_test(tc, what_crashes_hangs_or_lies_is_survived_remembered_and_beaten);
    tcase_add_test(tc, a_worker_that_cannot_be_started_is_an_error);
    Suite *suite = suite_create("autotune");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
