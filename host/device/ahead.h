/* Compiling ahead: while this process builds its programs and launches its kernels for the first
 * time, from the first on, helper processes do so from the last on, so that on a cold start all
 * cores compile. What they have done comes back by way of the caches on disk: ours, and the
 * driver's. (Drivers compile one thing at a time within a process; hence processes.)
 *
 *     gcl_ahead_enable("/proc/self/exe");                     once, by the program
 *     gcl_ahead *ahead = gcl_ahead_new(dev);
 *     for (...) gcl_ahead_add(ahead, program, "conv", args, n, &shape);     in the order of use
 *     gcl_ahead_go(ahead);                                    starts them if much is new, or has no binary yet
 *
 * Helpers are this same program, started anew with the words GCL_AHEAD_WORD DEVICE SHARE OF and with
 * the launches as a file on standard input. They change no result and no message, and what fails or
 * crashes in them is only done here, later. They end when done, when the device is closed, or when
 * this process is gone.
 *
 * Binaries that the driver takes long to give (PoCL: 0.5 s each) a helper puts into the cache when
 * all is compiled, at a low priority: a warm start loads them in a tenth of a build's time. */
#ifndef GCL_DEVICE_AHEAD_H
#define GCL_DEVICE_AHEAD_H

#include "device/device.h"

#define GCL_AHEAD_WORD "compile-ahead"

typedef struct gcl_ahead gcl_ahead;

typedef struct gcl_launch_shape {
    size_t first, global[3], local[3]; /* as gcl_kernel_set_first and gcl_kernel_launch take them */
} gcl_launch_shape;

/* Without it, nothing is ever started. `program` is kept, not copied. */
void gcl_ahead_enable(const char *program);
/* NULL where it is not enabled or has no use: with one core, GANOCL_CACHE=off or GANOCL_HELPERS=0. */
gcl_ahead *gcl_ahead_new(gcl_device *dev);
/* A launch that is to come; NULL for `ahead` does nothing. One of each kernel and group size counts. */
void gcl_ahead_add(gcl_ahead *ahead, gcl_program *program, const char *kernel,
                   const gcl_kernel_arg *args, int n_args, const gcl_launch_shape *shape);
void gcl_ahead_go(gcl_ahead *ahead); /* frees it; NULL is fine */

/* The helper: of the launches on standard input takes number n-1-share, n-1-share-of, ..., those of
 * programs that the cache does not know; builds them, and on a CPU, whose driver compiles at the
 * first launch, launches one group of each. Then number 0 saves the binaries that the cache lacks.
 * Returns how many launches it did, or -1. */
int gcl_ahead_serve(const char *device, int share, int of, gcl_error *err);

#endif
