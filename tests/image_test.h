/* What the tests of pictures share: one picture, which each test decodes into. */
#ifndef TESTS_IMAGE_TEST_H
#define TESTS_IMAGE_TEST_H

#include "data_test.h"

static gcl_error err;
static gcl_image image;

static inline void setup(void)
{
    make_folder();
    err = (gcl_error){0};
    image = (gcl_image){0};
}

static inline void teardown(void)
{
    gcl_image_free(&image);
    remove_folder();
}

#endif
