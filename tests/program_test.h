/* What the tests of the whole program share: it runs in processes of its own, in the scratch folder.
 *
 * GANOCL names the program (./ganocl if unset); GANOCL_TEST_DEVICE the device ("1" if unset). Nothing
 * forks: PoCL hangs in a child of a process that has a device. */
#ifndef TESTS_PROGRAM_TEST_H
#define TESTS_PROGRAM_TEST_H

#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "files_test.h"

extern char **environ;

static char program[700];

static inline void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, 1000000L * (ms % 1000)}, NULL);
}

static pid_t started; /* a program that no test has waited for; 0: none */

/* Starts `ganocl --device D ARGUMENTS` in the scratch folder; what it says goes to the files out and
 * err there. */
static inline pid_t start_program(const char *format, ...)
{
    gcl_text line = {0};
    char arguments[700];
    va_list list;
    va_start(list, format);
    vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    gcl_text_add(&line, "cd '%s' && exec '%s' --device '%s' %s >out 2>err", scratch, program,
                 test_device(), arguments);
    char *words[] = {"sh", "-c", line.text, NULL};
    ck_assert_int_eq(posix_spawnp(&started, "sh", NULL, NULL, words, environ), 0);
    gcl_text_free(&line);
    return started;
}

/* Its exit status; 128 + signal when it was killed. */
static inline int finish_program(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    started = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A test that failed may have left its program behind, which would train on for ever. */
static inline void end_program(void)
{
    if (started == 0)
        return;
    kill(started, SIGKILL);
    waitpid(started, NULL, 0);
    started = 0;
}

static inline char *said(const char *name)
{
    size_t n;
    static char text[20000];
    char *all = get_file(in_scratch(name), &n);
    snprintf(text, sizeof text, "%s", all);
    free(all);
    return text;
}

#define ck_exits(wanted, ...)                                                                      \
    do {                                                                                           \
        int status_ = finish_program(start_program(__VA_ARGS__));                                  \
        ck_assert_msg(status_ == (wanted), "status %d: %s", status_, said("err"));                 \
    } while (0)
#define ck_said(part) ck_assert_msg(strstr(said("err"), part) != NULL, "%s", said("err"))

static inline long lines_in(const char *path)
{
    long n = 0;
    FILE *file = fopen(path, "r");
    for (int c; file != NULL && (c = fgetc(file)) != EOF;)
        n += c == '\n';
    if (file != NULL)
        fclose(file);
    return n;
}

/* Waits until a run has logged so many steps; two minutes at the most. */
static inline void wait_for_lines(const char *log, long n)
{
    for (int i = 0; i < 12000 && lines_in(log) < n; i++)
        pause_ms(10);
    ck_assert_msg(lines_in(log) >= n, "%s: %s", log, said("err"));
}

/* What the last program wrote to standard output, as JSON; json_decref() it. */
static inline json_t *json_said(void)
{
    json_error_t why;
    json_t *value = json_load_file(in_scratch("out"), 0, &why);
    ck_assert_msg(value != NULL, "%s: %s", why.text, said("out"));
    return value;
}

/* The number at "key" or "key/key" of an object; fails where there is none. */
static inline double json_at(const json_t *object, const char *path)
{
    char copy[120];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok(copy, "/"); key != NULL; key = strtok(NULL, "/"))
        object = json_object_get(object, key);
    ck_assert_msg(json_is_number(object), "no number at %s: %s", path, said("out"));
    return json_number_value(object);
}

/* What the variable names, or `otherwise`, as it is called from any folder. */
static inline void find_path(char path[700], const char *variable, const char *otherwise)
{
    char here[300];
    const char *given = getenv(variable);
    if (getcwd(here, sizeof here) == NULL)
        exit(1);
    given = given != NULL ? given : otherwise;
    snprintf(path, 700, "%s%s%s", given[0] == '/' ? "" : here, given[0] == '/' ? "" : "/", given);
}

/* No test depends on what was tuned on this machine. */
static inline void find_program(void)
{
    setenv("GANOCL_RECORDS", "off", 0);
    find_path(program, "GANOCL", "./ganocl");
}

/* The folder with tests/golden. */
static inline const char *source_folder(void)
{
    static char path[700];
    find_path(path, "srcdir", ".");
    return path;
}

static inline int run_tests(const char *name, TCase *tests)
{
    return run_in_scratch(name, tests, end_program);
}

#endif
