/* What tests share that run on one device, which is open during all tests of a case. */
#ifndef TESTS_ONE_DEVICE_TEST_H
#define TESTS_ONE_DEVICE_TEST_H

#include "device/device.h"
#include "suite_test.h"

static gcl_device *dev;

static inline void open_device(void)
{
    gcl_error err = {0};
    dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
}

static inline void close_device(void) { gcl_device_close(dev); }

#endif
