/* OpenCL devices: finding them, their limits, buffers, programs with a cache on disk, launches and
 * their timing. The only layer that knows CL/cl.h.
 *
 *     gcl_device *dev = gcl_device_open("1", 0, &err);        "1".., a part of a name, "auto"
 *     gcl_program *prog = gcl_program_get(dev, "conv", source, "-DMR=8", &err);
 *     gcl_kernel *k = gcl_kernel_new(prog, "conv_vec", &err);
 *     gcl_kernel_set_buffer(k, 0, buf);  gcl_kernel_set_int(k, 1, 42);
 *     gcl_kernel_launch(k, global, local, &err);              in order, asynchronous
 *     gcl_device_finish(dev, &err);
 *
 * One in-order queue a device. No code asks for a vendor's name: decisions come from gcl_limits. */
#ifndef GCL_DEVICE_DEVICE_H
#define GCL_DEVICE_DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

/* Every device of every platform, in platform order, then the platform's own order. `*list` is
 * malloc'ed; device numbers shown to people are index + 1. Zero devices is not an error here. */
int gcl_device_list(gcl_limits **list, int *n, gcl_error *err);
/* The numbered list as `ganocl devices` prints it, one line a device. */
void gcl_device_print_list(FILE *out, const gcl_limits *list, int n);
/* The index that WHICH means in the list: "1".."n"; a case-insensitive part of device or platform
 * name; "auto", "0" or NULL: GPUs before accelerators before CPUs, then units x clock. -1 and
 * GCL_DEVICE with the list in the message's following lines (printed to stderr) otherwise. */
int gcl_device_choose(const gcl_limits *list, int n, const char *which, gcl_error *err);

typedef struct gcl_device gcl_device;
typedef struct gcl_buffer gcl_buffer;
typedef struct gcl_program gcl_program;
typedef struct gcl_kernel gcl_kernel;

/* Flags for opening. PROFILE makes the queue keep a start and end time of every launch; closing a
 * PASSING one saves no programs. */
enum { GCL_DEVICE_PROFILE = 1, GCL_DEVICE_PASSING = 2 };

gcl_device *gcl_device_open(const char *which, int flags, gcl_error *err);
/* A device that is described, but not there: plans can be made for it and programs wanted of it, and
 * what they would be built from read. Nothing can be built, allocated or run. Number 0. */
gcl_device *gcl_device_describe(const gcl_limits *limits);
void gcl_device_close(gcl_device *dev); /* after everything made from it; NULL is fine */
const gcl_limits *gcl_device_limits(const gcl_device *dev);
int gcl_device_number(const gcl_device *dev);           /* 1-based */
int gcl_device_finish(gcl_device *dev, gcl_error *err); /* waits for all that was queued */
int gcl_device_flush(gcl_device *dev, gcl_error *err);
uint64_t gcl_device_bytes(const gcl_device *dev); /* allocated in buffers now */
void *gcl_device_cl_queue(gcl_device *dev); /* cl_command_queue, for libraries such as CLBlast */

/* Device memory. Created zeroed and really allocated (migrated and filled), so that "out of memory"
 * is said here, with code GCL_MEMORY and sizes, not in a later launch. */
gcl_buffer *gcl_buffer_new(gcl_device *dev, uint64_t bytes, const char *what, gcl_error *err);
void gcl_buffer_free(gcl_buffer *buf);
uint64_t gcl_buffer_bytes(const gcl_buffer *buf);
void *gcl_buffer_cl_mem(gcl_buffer *buf); /* cl_mem, for libraries */
int gcl_buffer_write(gcl_buffer *buf, uint64_t offset, const void *data, uint64_t bytes,
                     gcl_error *err);
int gcl_buffer_read(gcl_buffer *buf, uint64_t offset, void *data, uint64_t bytes, gcl_error *err);
int gcl_buffer_fill(gcl_buffer *buf, uint64_t offset, uint64_t bytes, uint32_t word,
                    gcl_error *err);
int gcl_buffer_copy(gcl_buffer *to, uint64_t to_offset, gcl_buffer *from, uint64_t from_offset,
                    uint64_t bytes, gcl_error *err); /* asynchronous, in order */

/* An asynchronous upload ring and step events: everything a training step needs besides launches.
 * `data` must stay untouched until the event of a later gcl_event_mark is complete. */
typedef struct gcl_event gcl_event;
int gcl_buffer_write_async(gcl_buffer *buf, uint64_t offset, const void *data, uint64_t bytes,
                           gcl_error *err);
gcl_event *gcl_event_mark(gcl_device *dev, gcl_error *err); /* complete when all queued so far is */
int gcl_event_done(const gcl_event *event);                 /* 1 complete, 0 not yet, -1 failed */
int gcl_event_wait(gcl_event *event, gcl_error *err);
void gcl_event_free(gcl_event *event);

/* Programs. `name` is for messages; `source` the whole OpenCL C text; `options` compiler options.
 * The same (source, options) gives the same program object while the device is open (owned by the
 * device). Binaries are cached on disk in $GANOCL_CACHE, else $XDG_CACHE_HOME/ganocl, else
 * ~/.cache/ganocl, keyed by a SHA-256-grade hash of source, options, device, driver and version; a
 * damaged, foreign or unwritable cache only costs a build. Writers use a temporary and rename.
 * A build failure is GCL_DEVICE with the first error line of the log and the source line it is at;
 * the whole log goes to stderr at verbose level. GANOCL_CACHE=off switches the cache off. */
gcl_program *gcl_program_get(gcl_device *dev, const char *name, const char *source,
                             const char *options, gcl_error *err);
/* The same, but it is built by gcl_program_build or when its first kernel is made, and until then
 * knows its text by heart. Never NULL. */
gcl_program *gcl_program_want(gcl_device *dev, const char *name, const char *source,
                              const char *options);
int gcl_program_build(gcl_program *program, gcl_error *err); /* nothing if it is built */
const char *gcl_program_name(const gcl_program *program);
/* What it will be built from; NULL once it is. */
const char *gcl_program_source(const gcl_program *program);
const char *gcl_program_options(const gcl_program *program);
int gcl_program_cached(const gcl_program *program); /* 1 if its binary came from the disk cache */
/* Writes what was built and is not on disk yet into the cache, until `seconds` have passed; returns
 * how many programs are left (0 also if there is no cache to write to). Closing a device does it
 * too, for at most 5 s. It is not done at the build because a binary that is taken after the first
 * launches holds what was compiled for them. The program that was built soonest goes first; if its
 * binary takes several times as long to get as it took to build, and many others wait, the driver is
 * better at building (PoCL keeps a cache of its own, and compiles every kernel again for a binary):
 * then the cache only notes that these programs have been built here. */
int gcl_device_save_programs(gcl_device *dev, double seconds);
/* Appends the folder of the cache to `path`; 0 if there is to be none. */
int gcl_cache_folder(gcl_text *path);
int gcl_cache_writable(void); /* makes the folder; whether a file in it has a chance */

/* A kernel object of its own a call: arguments stay bound. */
gcl_kernel *gcl_kernel_new(gcl_program *program, const char *name, gcl_error *err);
void gcl_kernel_free(gcl_kernel *kernel);
int gcl_kernel_set_buffer(gcl_kernel *kernel, int index, gcl_buffer *buf, gcl_error *err);
int gcl_kernel_set_int(gcl_kernel *kernel, int index, int32_t value, gcl_error *err);
int gcl_kernel_set_ulong(gcl_kernel *kernel, int index, uint64_t value, gcl_error *err);
int gcl_kernel_set_float(gcl_kernel *kernel, int index, float value, gcl_error *err);
int gcl_kernel_set_local(gcl_kernel *kernel, int index, size_t bytes, gcl_error *err);
/* Any argument as data. */
typedef enum gcl_kernel_arg_kind {
    GCL_KERNEL_BUFFER,
    GCL_KERNEL_ULONG,
    GCL_KERNEL_INT,
    GCL_KERNEL_LOCAL /* value: bytes */
} gcl_kernel_arg_kind;
typedef struct gcl_kernel_arg {
    gcl_kernel_arg_kind kind;
    gcl_buffer *buffer;
    uint64_t value;
} gcl_kernel_arg;
int gcl_kernel_set(gcl_kernel *kernel, int index, const gcl_kernel_arg *arg, gcl_error *err);
/* Work-items of dimension 0 are numbered from here on in later launches; 0 at first. */
void gcl_kernel_set_first(gcl_kernel *kernel, size_t first);
/* Work sizes: always three dimensions; local[0] == 0 leaves the choice to the driver. */
int gcl_kernel_launch(gcl_kernel *kernel, const size_t global[3], const size_t local[3],
                      gcl_error *err);

/* Profile (only when opened with GCL_DEVICE_PROFILE): times of the launches since the last clear,
 * in launch order, in microseconds. gcl_profile_read waits for the queue. */
void gcl_profile_clear(gcl_device *dev);
int gcl_profile_read(gcl_device *dev, double *us, int capacity, int *n, gcl_error *err);

/* Kernel sources by file name without ".cl": from the folder $GANOCL_KERNELS if set (so that a
 * kernel can be edited without a rebuild), else from the binary. The text of "philox" is Random123's
 * header, preprocessed at build time. NULL and GCL_DEVICE if there is no such kernel file. */
const char *gcl_kernel_source(const char *file, gcl_error *err);
/* The embedded names, NULL-terminated (for lint and compile tests). */
const char *const *gcl_kernel_files(void);

#endif
