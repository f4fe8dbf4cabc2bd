/* What the tests of files and of training share: a scratch folder, small files, child processes. */
#ifndef TESTS_FILES_TEST_H
#define TESTS_FILES_TEST_H

#include <stdint.h>
#include <unistd.h>

#include "io/file.h"
#include "suite_test.h"

/* The expression is false, and the error has this code and names this. */
#define ck_refused(expression, wanted, part)                                                       \
    ck_assert_msg(!(expression) && err.code == (wanted) && strstr(err.text, part) != NULL,         \
                  "wanted %d \"%s\", got %d \"%s\"", wanted, part, err.code, err.text)

static char scratch[64]; /* a folder of this program's own, removed at its end */
static gcl_error err;    /* cleared before each test */

static inline void start_test(void) { err = (gcl_error){0}; }

static inline void make_scratch(const char *name)
{
    snprintf(scratch, sizeof scratch, "/tmp/ganocl-%s-XXXXXX", name);
    if (mkdtemp(scratch) == NULL) {
        perror(scratch);
        exit(1);
    }
}

/* SCRATCH/NAME into one of a few static buffers. */
static inline const char *in_scratch(const char *name)
{
    static char paths[8][256];
    static int turn;
    char *path = paths[turn++ & 7];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline void put_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL && fwrite(bytes, 1, n, file) == n, "%s", path);
    fclose(file);
}

/* The whole file, terminated; free() it. */
static inline char *get_file(const char *path, size_t *n)
{
    uint8_t *bytes = NULL;
    ck_ok(gcl_file_read(path, SIZE_MAX / 2, &bytes, n, &err));
    bytes[*n] = 0;
    return (char *)bytes;
}

static inline int same_files(const char *a, const char *b)
{
    size_t n, m;
    char *x = get_file(a, &n), *y = get_file(b, &m);
    int same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static inline int files_in(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return n;
}

static inline int exists(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}

/* Runs the tests in their order, each followed by `after` (NULL: nothing), and removes the scratch
 * folder; the program's exit status. */
static inline int run_in_scratch(const char *name, TCase *tests, void (*after)(void))
{
    Suite *suite = suite_create(name);
    tcase_add_checked_fixture(tests, start_test, after);
    suite_add_tcase(suite, tests);
    int status = run_suite(suite);
    remove_tree(scratch);
    return status;
}

#endif
