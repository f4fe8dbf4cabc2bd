/* `ganocl selftest` in parts: every kernel op on its cases, and recorded runs. What they find is kept
 * as JSON, and printed line by line unless JSON is all that is wanted. */
#ifndef GCL_CLI_SELFTEST_H
#define GCL_CLI_SELFTEST_H

#include <jansson.h>

#include "device/device.h"

typedef struct gcl_selftest {
    gcl_device *dev;
    const char *only; /* names with commas between: which parts, ops and recordings; NULL: all */
    int quick;        /* cases of few operations, one recording a system */
    int print;        /* lines as they come */
    int passed, failed;
    json_t *lines, *ops, *replays;
} gcl_selftest;

/* Whether --only names the part ("ops", "replays") or the thing in it. */
int gcl_selftest_wants(const gcl_selftest *s, const char *part, const char *name);
/* A verdict. */
void gcl_selftest_say(gcl_selftest *s, int good, const char *what, const char *detail);
/* A JSON number; null where it is none. */
json_t *gcl_selftest_number(double value);

/* Every variant of every wanted op against the oracle. Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_selftest_ops(gcl_selftest *s, gcl_error *err);
/* The wanted recordings of `folder` (NULL: those that came with the program), or it itself if it is
 * one. Errors: GCL_DATA, GCL_DEVICE, GCL_MEMORY. */
int gcl_selftest_replays(gcl_selftest *s, const char *folder, gcl_error *err);
/* 1 if a recording that came with the program has this name. */
int gcl_selftest_has_replay(const char *name);

#endif
