/* A model's training step with the usual kernels and with tuned ones, timed in turn, so that what else
 * the machine does meets both alike.
 *
 *     gcl_step_timing timing = {.config = &config, .device = "1", .batch = 16};
 *     gcl_step_time_usual(&timing, &usual, &err);
 *     ...tuning...
 *     gcl_step_time_both(&timing, records, until, &usual, &tuned, &err);
 *     gcl_step_times_free(&usual);
 */
#ifndef GCL_CLI_STEP_TIMING_H
#define GCL_CLI_STEP_TIMING_H

#include "autotune/parts.h"
#include "autotune/records.h"
#include "train/config.h"

typedef struct gcl_step_timing {
    const gcl_config *config;
    const char *device; /* as --device */
    int batch;
    gcl_limits limits; /* the device's, after the first timing */
} gcl_step_timing;

/* The best of all steps that were timed: of each part, and of the whole. */
typedef struct gcl_step_times {
    gcl_parts parts;
    double ms;
} gcl_step_times;
void gcl_step_times_free(gcl_step_times *times);

/* Errors of both: GCL_DEVICE, GCL_MEMORY, GCL_USAGE. */
int gcl_step_time_usual(gcl_step_timing *timing, gcl_step_times *usual, gcl_error *err);
/* Step by step in turn, several times, fewer after `until` (gcl_seconds). Where there is no room for
 * both plans, one after the other. What is the same in both has the same time in both. */
int gcl_step_time_both(gcl_step_timing *timing, gcl_records *records, double until,
                       gcl_step_times *usual, gcl_step_times *tuned, gcl_error *err);

#endif
