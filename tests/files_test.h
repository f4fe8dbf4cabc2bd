/* What the tests of files and of training share: a scratch folder, small files, child processes. */
#ifndef TESTS_FILES_TEST_H
#define TESTS_FILES_TEST_H

#include <check.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"

#define ck_ok(expression) ck_assert_msg((expression) == 0 && err.code == 0, "%s", err.text)
#define ck_have(pointer)  ck_assert_msg((pointer) != NULL && err.code == 0, "%s", err.text)
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

#endif
