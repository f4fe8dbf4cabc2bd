/* What the tests of data set formats share: one data set, opened as something and read item by item. */
#ifndef GCL_TESTS_DATASET_TEST_H
#define GCL_TESTS_DATASET_TEST_H

#include "data_test.h"

#include <zlib.h>

#include "base/log.h"
#include "datasets/dataset.h"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3 };

static gcl_error err;
static gcl_dataset *dataset;
static uint8_t picture[BYTES], target[BYTES];
static uint32_t label;

static inline void setup(void)
{
    make_folder();
    gcl_log_level = -1;
    err = (gcl_error){0};
    dataset = NULL;
}

static inline void teardown(void)
{
    gcl_dataset_close(dataset);
    remove_folder();
}

static inline gcl_dataset_options want(gcl_wanted_kind kind)
{
    return (gcl_dataset_options){
        .wanted = {.kind = kind, .size = SIDE, .channels = 3, .target_channels = 3}};
}

static inline void open_as(const char *spec, gcl_dataset_options options)
{
    gcl_dataset_close(dataset);
    dataset = gcl_dataset_open(spec, &options, &err);
    ck_assert_msg(dataset != NULL, "%s", err.text);
}

/* Every part of `says`, which '~' divides, stands in the error. */
static inline void assert_refused(const char *spec, gcl_dataset_options options, int code,
                                  const char *says)
{
    gcl_error reason = {0};
    ck_assert_ptr_null(gcl_dataset_open(spec, &options, &reason));
    ck_assert_msg(reason.code == code, "%d: %s", reason.code, reason.text);
    char *parts = gcl_strdup(says), *rest = parts;
    for (char *part = strtok_r(rest, "~", &rest); part != NULL; part = strtok_r(rest, "~", &rest))
        ck_assert_msg(strstr(reason.text, part) != NULL, "\"%s\" does not say \"%s\"", reason.text,
                      part);
    free(parts);
}

/* Reads an item: a target for pairs, a label for labelled. */
static inline int read_item(size_t index, gcl_error *reason)
{
    bool labelled = gcl_dataset_get_options(dataset)->wanted.kind == GCL_WANT_LABELLED;
    void *const fields[2] = {picture, labelled ? (void *)&label : (void *)target};
    memset(picture, 0xEE, sizeof picture);
    memset(target, 0xEE, sizeof target);
    return gcl_dataset_read(dataset, index, NULL, fields, reason);
}

static inline void get(size_t index) { ck_assert_msg(read_item(index, &err) == 0, "%s", err.text); }

static inline void assert_item_refused(size_t index, const char *says)
{
    gcl_error reason = {0};
    ck_assert_int_eq(read_item(index, &reason), -1);
    ck_assert_int_eq(reason.code, GCL_DATA);
    ck_assert_msg(strstr(reason.text, says) != NULL, "\"%s\" does not say \"%s\"", reason.text,
                  says);
}

static inline void write_gzip(const char *path, const uint8_t *bytes, size_t n)
{
    gzFile file = gzopen(path, "wb");
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

static inline size_t count_split(const char *spec, gcl_dataset_options options,
                                 enum gcl_split split)
{
    options.split = split;
    open_as(spec, options);
    return gcl_dataset_count(dataset);
}

#endif
