/* What all test programs share: the device, what a test asserts of errors, removing folders, running. */
#ifndef TESTS_SUITE_TEST_H
#define TESTS_SUITE_TEST_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))
/* Of calls that give 0, and of those that give a pointer; `err` is the caller's. */
#define ck_ok(expression) ck_assert_msg((expression) == 0 && err.code == 0, "%s", err.text)
#define ck_have(pointer)  ck_assert_msg((pointer) != NULL && err.code == 0, "%s", err.text)

/* Which device the tests use, as --device has it. */
static inline const char *test_device(void)
{
    const char *which = getenv("GANOCL_TEST_DEVICE");
    return which != NULL ? which : "1";
}

/* A case of the suite, each of whose tests is between setup and teardown. */
static inline TCase *add_case(Suite *suite, const char *name, SFun setup, SFun teardown)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 0);
    suite_add_tcase(suite, tests);
    return tests;
}

/* Runs a suite in this process (PoCL hangs in a child of one that has a device), prints the summary and
 * returns the program's exit status. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The folder, or the file, and all below it; links are not followed. */
static inline void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;) {
        struct stat facts;
        gcl_text inner = {0};
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        gcl_text_add(&inner, "%s/%s", path, e->d_name);
        if (lstat(inner.text, &facts) == 0 && S_ISDIR(facts.st_mode))
            remove_tree(inner.text);
        else
            remove(inner.text);
        gcl_text_free(&inner);
    }
    if (folder != NULL)
        closedir(folder);
    remove(path);
}

#endif
