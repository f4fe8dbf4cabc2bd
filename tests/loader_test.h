/* What the tests of loaders share: one data set, opened anew as something, and its loader. */
#ifndef TESTS_LOADER_TEST_H
#define TESTS_LOADER_TEST_H

#include "data_test.h"

#include "base/log.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"

static gcl_error err;
static gcl_dataset *dataset;
static gcl_loader *loader;

static inline void setup(void)
{
    make_folder();
    gcl_log_level = -1;
    err = (gcl_error){0};
    dataset = NULL;
    loader = NULL;
}

static inline void teardown(void)
{
    gcl_loader_free(loader);
    gcl_dataset_close(dataset);
    remove_folder();
}

static inline void open_with(const char *spec, gcl_dataset_options options)
{
    gcl_loader_free(loader); /* it reads from the data set that is open now */
    loader = NULL;
    gcl_dataset_close(dataset);
    dataset = gcl_dataset_open(spec, &options, &err);
    ck_assert_msg(dataset != NULL, "%s", err.text);
}

static inline void start(gcl_loader_options options)
{
    gcl_loader_free(loader);
    loader = gcl_loader_new(dataset, &options, &err);
    ck_assert_msg(loader != NULL, "%s", err.text);
}

#endif
