/* What the tests of the device layer share: scratch folder, device, a kernel to run, child processes.
 *
 * GANOCL_TEST_DEVICE chooses the device as --device does ("1" if unset). Nothing forks (CK_NOFORK):
 * PoCL hangs in a child of a process that has a device. A test that needs another process starts
 * its own program again with a word for what to do. */
#ifndef TESTS_DEVICE_TEST_H
#define TESTS_DEVICE_TEST_H

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/device.h"
#include "suite_test.h"

#define ck_says(part) ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text)

extern char **environ;

static const char *self; /* this program */
static char scratch[64]; /* a folder of this run, removed at its end */
static char cache[128];  /* the test's own cache folder, not made yet */
static gcl_error err;    /* cleared before each test */
static gcl_device *dev;  /* open during each test of a case with open_device */

static const size_t one_group[3] = {0, 1, 1};

static void start_test(void)
{
    static int n;
    err = (gcl_error){0};
    snprintf(cache, sizeof cache, "%s/cache-%d", scratch, n++);
    setenv("GANOCL_CACHE", cache, 1);
    unsetenv("GANOCL_KERNELS");
}

static inline void open_device(void)
{
    start_test();
    dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
}

static inline void close_device(void)
{
    gcl_device_close(dev);
    dev = NULL;
}

static const char fill_source[] = "__kernel void count(__global int *out, int first)\n"
                                  "{\n"
                                  "    out[get_global_id(0)] = first + (int)get_global_id(0);\n"
                                  "}\n";

/* Builds fill_source on `on`, runs it, checks what it wrote; returns whether it was cached. */
static inline int run_count(gcl_device *on)
{
    int32_t got[64];
    gcl_program *program = gcl_program_get(on, "count", fill_source, "", &err);
    ck_have(program);
    gcl_kernel *kernel = gcl_kernel_new(program, "count", &err);
    gcl_buffer *out = gcl_buffer_new(on, sizeof got, "out", &err);
    ck_ok(gcl_kernel_set_buffer(kernel, 0, out, &err));
    ck_ok(gcl_kernel_set_int(kernel, 1, -7, &err));
    ck_ok(gcl_kernel_launch(kernel, (const size_t[3]){64, 1, 1}, one_group, &err));
    ck_ok(gcl_buffer_read(out, 0, got, sizeof got, &err));
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(got[i], i - 7);
    gcl_buffer_free(out);
    gcl_kernel_free(kernel);
    return gcl_program_cached(program);
}

static inline pid_t start_self(const char *word)
{
    pid_t child;
    char *arguments[] = {(char *)self, (char *)word, NULL};
    ck_assert_int_eq(posix_spawnp(&child, self, NULL, NULL, arguments, environ), 0);
    return child;
}

static inline int exit_status(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs a suite in a scratch home, so that neither our cache nor the driver's outlives it. */
static inline int run_at_home(Suite *suite)
{
    snprintf(scratch, sizeof scratch, "/tmp/ganocl-check-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        return EXIT_FAILURE;
    setenv("HOME", scratch, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("POCL_CACHE_DIR");
    int status = run_suite(suite);
    remove_tree(scratch);
    return status;
}

#endif
