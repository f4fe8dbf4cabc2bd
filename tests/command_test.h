/* What the tests of the command `dataset` share: the program runs, and what it says is kept. GANOCL
 * names the program (./ganocl if unset). */
#ifndef GCL_TESTS_COMMAND_TEST_H
#define GCL_TESTS_COMMAND_TEST_H

#include "data_test.h"

#include <jansson.h>
#include <sys/wait.h>

static char *output; /* of the last command, of both channels if they were joined */

static inline const char *program(void)
{
    const char *path = getenv("GANOCL");
    return path != NULL ? path : "./ganocl";
}

/* Runs `BEFORE ganocl dataset ARGUMENTS` and returns its exit status. */
static inline int run_after(const char *before, const char *arguments)
{
    gcl_text line = {0}, text = {0};
    char part[4096];
    gcl_text_add(&line, "%s %s dataset %s", before, program(), arguments);
    FILE *pipe = popen(line.text, "r");
    ck_assert_ptr_nonnull(pipe);
    for (size_t n; (n = fread(part, 1, sizeof part, pipe)) > 0;)
        gcl_text_add_bytes(&text, part, n);
    int status = pclose(pipe);
    gcl_text_free(&line);
    gcl_text_add(&text, "%s", "");
    free(output);
    output = text.text;
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline int run(const char *arguments) { return run_after("", arguments); }

/* The arguments with every % replaced by the test's folder. */
static inline int run_on(const char *arguments)
{
    gcl_text text = {0};
    for (const char *c = arguments; *c != 0; c++)
        if (*c == '%')
            gcl_text_add(&text, "%s", folder);
        else
            gcl_text_add_bytes(&text, c, 1);
    int status = run(text.text);
    gcl_text_free(&text);
    return status;
}

static inline void assert_said(const char *part)
{
    ck_assert_msg(strstr(output, part) != NULL, "\"%s\" is not in \"%s\"", part, output);
}

/* A mistake: the exit status and a part of what is said (NULL: anything). */
static inline void assert_refuses(const char *arguments, int wanted, const char *part)
{
    gcl_text line = {0};
    gcl_text_add(&line, "%s 2>&1", arguments);
    int status = run_on(line.text);
    ck_assert_msg(status == wanted, "%s: %d: %s", arguments, status, output);
    if (part != NULL)
        assert_said(part);
    gcl_text_free(&line);
}

static inline json_t *parse(void)
{
    json_error_t why;
    json_t *object = json_loads(output, 0, &why);
    ck_assert_msg(object != NULL, "%s: %s", why.text, output);
    return object;
}

#endif
