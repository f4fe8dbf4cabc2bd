/* Compiling ahead: helpers do every launch once, are started only where much is new, leave with the
 * device, and read a damaged list of launches without harm. */
#include "device_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "device/ahead.h"
#include "device/internal.h"

enum { MANY = 12, FEW = 7 };

static char report[160], list[160]; /* what helpers did, a line each; the list they were given */

/* ---- the helper's side ------------------------------------------------------------------------ */

static void keep_list(void)
{
    char part[4096];
    FILE *out = fopen(list, "wb");
    off_t at = 0;
    for (ssize_t n; out != NULL && (n = pread(0, part, sizeof part, at)) > 0; at += n)
        fwrite(part, 1, (size_t)n, out);
    if (out != NULL)
        fclose(out);
}

static int help(char **words)
{
    snprintf(report, sizeof report, "%s/report", getenv("AHEAD_FOLDER"));
    snprintf(list, sizeof list, "%s/list", getenv("AHEAD_FOLDER"));
    keep_list();
    int done = gcl_ahead_serve(words[0], atoi(words[1]), atoi(words[2]), &err);
    FILE *out = fopen(report, "a");
    if (out != NULL) {
        fprintf(out, "%d\n", done);
        fclose(out);
    }
    return 0;
}

/* ---- this side -------------------------------------------------------------------------------- */

static int has_cores(void) { return sysconf(_SC_NPROCESSORS_ONLN) > 1; }

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

static void begin(void)
{
    start_test();
    setenv("AHEAD_FOLDER", scratch, 1);
    unsetenv("GANOCL_HELPERS");
    snprintf(report, sizeof report, "%s/report", scratch);
    snprintf(list, sizeof list, "%s/list", scratch);
    remove(report);
    remove(list);
    gcl_ahead_enable(self);
    dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
}

static void end(void)
{
    gcl_device_close(dev);
    dev = NULL;
    gcl_ahead_enable(NULL);
}

/* Adds n launches of `source`, compiled with another X each. */
static void add_launches(gcl_ahead *ahead, const char *source, gcl_buffer *out, int n)
{
    const gcl_kernel_arg args[] = {{.kind = GCL_KERNEL_BUFFER, .buffer = out},
                                   {.kind = GCL_KERNEL_INT, .value = 5}};
    const gcl_launch_shape shape = {.global = {64, 1, 1}, .local = {1, 1, 1}};
    for (int i = 0; i < n; i++) {
        char options[32];
        snprintf(options, sizeof options, "-DX=%d", i);
        gcl_program *program = gcl_program_want(dev, "count", source, options);
        gcl_ahead_add(ahead, program, "count", args, 2, &shape);
        gcl_ahead_add(ahead, program, "count", args, 2, &shape); /* the same again: no new task */
    }
}

/* Hands n launches to helpers, if there are any on this machine. */
static void go_with(const char *source, int n)
{
    gcl_buffer *out = gcl_buffer_new(dev, 256, "out", &err);
    gcl_ahead *ahead = gcl_ahead_new(dev);
    ck_assert_int_eq(ahead != NULL, has_cores());
    add_launches(ahead, source, out, n);
    gcl_ahead_go(ahead);
    gcl_buffer_free(out);
}

/* The sum of what the helpers report, when all of them have; -1 if that takes a minute. */
static int wait_for_reports(int helpers)
{
    for (int tries = 0; tries < 3000; tries++, nap()) {
        int n = 0, done, sum = 0;
        FILE *in = fopen(report, "r");
        for (; in != NULL && fscanf(in, "%d", &done) == 1; n++)
            sum += done;
        if (in != NULL)
            fclose(in);
        if (n == helpers)
            return sum;
    }
    return -1;
}

static const char broken_source[] = "__kernel void count(__global int *out, int first)\n"
                                    "{\n"
                                    "#if X == 3\n"
                                    "    no such thing;\n"
                                    "#endif\n"
                                    "    out[get_global_id(0)] = first + X;\n"
                                    "}\n";

/* Ends when somebody writes to out, which nobody does. */
static const char stuck_source[] = "__kernel void count(volatile __global int *out, int first)\n"
                                   "{\n"
                                   "    while (out[0] != first + X)\n"
                                   "        ;\n"
                                   "}\n";

START_TEST(helpers_do_each_launch_once)
{
    go_with(_i == 0 ? fill_source : broken_source, MANY);
    ck_assert_int_eq(dev->n_helpers > 0, has_cores());
    if (has_cores())
        ck_assert_int_eq(wait_for_reports(dev->n_helpers), _i == 0 ? MANY : MANY - 1);
}
END_TEST

START_TEST(a_few_new_ones_are_not_worth_a_helper)
{
    go_with(fill_source, FEW);
    ck_assert_int_eq(dev->n_helpers, 0);
}
END_TEST

static gcl_program *program_of(int i)
{
    char options[32];
    snprintf(options, sizeof options, "-DX=%d", i);
    return gcl_program_want(dev, "count", fill_source, options);
}

static void go_again(void)
{
    gcl_device_close(dev);
    dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
    go_with(fill_source, MANY);
}

START_TEST(saved_programs_need_no_helper)
{
    ck_assert(gcl_cache_writable());
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(gcl_program_build(program_of(i), &err), 0);
        gcl_program_save(program_of(i));
    }
    go_again();
    ck_assert_int_eq(dev->n_helpers, 0);
}
END_TEST

/* The cache knows them, but has no binaries: one helper gets those, and launches nothing. */
START_TEST(a_helper_saves_what_was_only_noted)
{
    ck_assert(gcl_cache_writable());
    for (int i = 0; i < MANY; i++)
        gcl_cache_store(program_of(i)->key, NULL, 0);
    go_again();
    ck_assert_int_eq(dev->n_helpers, has_cores());
    if (!has_cores())
        return;
    ck_assert_int_eq(wait_for_reports(1), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(gcl_cache_find(program_of(i)->key), GCL_CACHE_BINARY);
        ck_assert_int_eq(gcl_program_build(program_of(i), &err), 0);
        ck_assert_int_eq(gcl_program_cached(program_of(i)), 1);
    }
}
END_TEST

START_TEST(a_stuck_helper_ends_with_the_device)
{
    go_with(stuck_source, MANY);
    if (dev->n_helpers == 0)
        return;
    pid_t helper = dev->helpers[0];
    for (int tries = 0; tries < 3000 && access(list, R_OK) != 0; tries++)
        nap();
    ck_assert_int_eq(access(list, R_OK), 0); /* it is at work */
    ck_assert_int_eq(kill(helper, 0), 0);
    gcl_device_close(dev);
    dev = NULL;
    ck_assert_int_eq(kill(helper, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
    ck_assert_int_ne(access(report, R_OK), 0);
}
END_TEST

START_TEST(not_enabled_or_without_a_cache_nothing_starts)
{
    gcl_ahead_enable(NULL);
    ck_assert_ptr_null(gcl_ahead_new(dev));
    gcl_ahead_enable(self);
    setenv("GANOCL_HELPERS", "0", 1);
    ck_assert_ptr_null(gcl_ahead_new(dev));
    unsetenv("GANOCL_HELPERS");
    setenv("GANOCL_CACHE", "off", 1);
    ck_assert_ptr_null(gcl_ahead_new(dev));
    gcl_ahead_add(NULL, NULL, "count", NULL, 0, NULL);
    gcl_ahead_go(NULL);
}
END_TEST

/* Serves the first `bytes` of the kept list, in this process. */
static int serve_part(const char *bytes, size_t n)
{
    FILE *part = tmpfile();
    ck_assert_ptr_nonnull(part);
    ck_assert_uint_eq(fwrite(bytes, 1, n, part), n);
    fflush(part);
    int before = dup(0);
    ck_assert_int_eq(dup2(fileno(part), 0), 0);
    err = (gcl_error){0};
    int done = gcl_ahead_serve(test_device(), 0, 1, &err);
    ck_assert_int_eq(dup2(before, 0), 0);
    close(before);
    fclose(part);
    return done;
}

START_TEST(a_damaged_list_is_refused)
{
    char bytes[65536];
    go_with(fill_source, MANY);
    if (dev->n_helpers == 0)
        return;
    ck_assert_int_eq(wait_for_reports(dev->n_helpers), MANY);
    FILE *in = fopen(list, "rb");
    ck_assert_ptr_nonnull(in);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    ck_assert_uint_gt(n, 1000);
    for (size_t cut = 0; cut < n; cut += 97)
        ck_assert_int_eq(serve_part(bytes, cut), -1);
    bytes[40] ^= 0x7f; /* a length, or a number of a program */
    bytes[8] ^= 0x40;  /* how many there are */
    ck_assert_int_eq(serve_part(bytes, n), -1);
    ck_assert_str_ne(err.text, "");
}
END_TEST

static Suite *ahead_suite(void)
{
    Suite *suite = suite_create("ahead");
    TCase *tests = add_case(suite, "ahead", begin, end);
    tcase_add_loop_test(tests, helpers_do_each_launch_once, 0, 2);
    tcase_add_test(tests, a_few_new_ones_are_not_worth_a_helper);
    tcase_add_test(tests, saved_programs_need_no_helper);
    tcase_add_test(tests, a_helper_saves_what_was_only_noted);
    tcase_add_test(tests, a_stuck_helper_ends_with_the_device);
    tcase_add_test(tests, not_enabled_or_without_a_cache_nothing_starts);
    tcase_add_test(tests, a_damaged_list_is_refused);
    return suite;
}

int main(int argc, char **argv)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    self = n > 0 ? path : argv[0];
    if (argc == 5 && strcmp(argv[1], GCL_AHEAD_WORD) == 0)
        return help(argv + 2);
    return run_at_home(ahead_suite());
}
