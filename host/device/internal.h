/* What the files of host/device share, and no one else includes. */
#ifndef GCL_DEVICE_INTERNAL_H
#define GCL_DEVICE_INTERNAL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <sys/types.h>

#include "base/sha256.h"
#include "device/device.h"

/* One device of one platform, as enumerated. */
typedef struct gcl_found {
    cl_platform_id platform;
    cl_device_id id;
    cl_int fault; /* of a question about it; CL_SUCCESS: all were answered */
    char platform_version[256];
    gcl_limits limits;
} gcl_found;

/* All devices in the order of gcl_device_list; `*found` is to be freed. */
int gcl_device_find(gcl_found **found, int *n, gcl_error *err);

struct gcl_device {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    gcl_limits limits;
    char platform_version[256];
    int number, profiling;
    int passing;    /* closing saves no programs */
    int dear;       /* the driver takes longer to give a binary than to build */
    pid_t *helpers; /* that compile ahead: ahead.c */
    int n_helpers;
    uint64_t bytes;        /* in buffers now */
    gcl_program *programs; /* owned; newest first */
    cl_event *launches;    /* since the last gcl_profile_clear, when profiling */
    int n_launches, cap_launches;
};

struct gcl_program {
    gcl_program *next;
    gcl_device *dev;
    cl_program program; /* NULL: not built yet */
    char *name;
    char *source, *options; /* until it is built */
    double build_seconds;
    uint8_t key[GCL_SHA256_BYTES];
    int cached; /* its binary came from the disk */
    int known;  /* it has been built on this device before */
    int saved;  /* its binary is on the disk, or cannot be put there */
};

struct gcl_buffer {
    gcl_device *dev;
    cl_mem mem;
    uint64_t bytes;
    char *what;
};

/* Records `format...: CL_NAME (status)`. The code is GCL_MEMORY where the status says that memory
 * ran out, else GCL_DEVICE. Returns -1. */
int gcl_cl_fail(gcl_error *err, cl_int status, const char *format, ...) GCL_PRINTF(3, 4);
const char *gcl_cl_name(cl_int status); /* "CL_INVALID_VALUE"; never NULL */

void gcl_program_free(gcl_program *program);

/* Puts the binary of a built program into the cache, however long the driver takes to give it. */
void gcl_program_save(gcl_program *program);

/* Keeps the event of a launch for the profile; owned by the device from here on. */
void gcl_device_keep_event(gcl_device *dev, cl_event event);

/* The binary cache on disk. Load returns 1 if there is a whole and undamaged entry, with malloc'ed
 * bytes, or NULL where it only notes that such a program has been built; store (NULL: that note)
 * tries and, at verbose level, says why it could not. Neither can fail. */
int gcl_cache_load(const uint8_t key[GCL_SHA256_BYTES], unsigned char **binary, size_t *bytes);
void gcl_cache_store(const uint8_t key[GCL_SHA256_BYTES], const void *binary, size_t bytes);

/* What an entry looks to be; whether it is undamaged shows when it is loaded. */
typedef enum gcl_cache_state {
    GCL_CACHE_NOTHING,
    GCL_CACHE_NOTE,
    GCL_CACHE_BINARY
} gcl_cache_state;

gcl_cache_state gcl_cache_find(const uint8_t key[GCL_SHA256_BYTES]);

/* ahead.c: forgets helpers that have ended; ends those that have not. */
void gcl_ahead_reap(gcl_device *dev);
void gcl_ahead_end(gcl_device *dev);

/* Written by scripts/embed-kernels; ends with {NULL, NULL}. */
extern const struct gcl_embedded {
    const char *name, *text;
} gcl_embedded_kernels[];

#endif
