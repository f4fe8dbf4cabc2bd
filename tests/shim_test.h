/* Programs on tests/shim.c: an OpenCL that fails or is small, as the variables OCLSHIM_ have it. GANOCL_SHIM
 * names the library (tests/shim.so if unset).
 *
 *     load_shim();
 *     setenv("OCLSHIM_LIMITS", "work_group=64", 1);
 *     ck_exits(0, "devices");
 *     unload_shim(); */
#ifndef TESTS_SHIM_TEST_H
#define TESTS_SHIM_TEST_H

#include "program_test.h"

/* Address sanitizer's library wants to be the first; a library of a few wrappers may be before it. */
static inline void load_shim(void)
{
    char path[700];
    const char *options = getenv("ASAN_OPTIONS");
    gcl_text text = {0};
    find_path(path, "GANOCL_SHIM", "tests/shim.so");
    setenv("LD_PRELOAD", path, 1);
    if (options != NULL && strstr(options, "verify_asan_link_order") != NULL)
        return;
    gcl_text_add(&text, "%s%sverify_asan_link_order=0", options != NULL ? options : "",
                 options != NULL ? ":" : "");
    setenv("ASAN_OPTIONS", text.text, 1);
    gcl_text_free(&text);
}

static inline void unload_shim(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("OCLSHIM_FAIL");
    unsetenv("OCLSHIM_STATUS");
    unsetenv("OCLSHIM_CALLS");
    unsetenv("OCLSHIM_LIMITS");
}

#endif
