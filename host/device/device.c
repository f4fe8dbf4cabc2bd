/* An open device: context, queue, step events, the launch profile, and the names of errors. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/internal.h"

#define STATUS_LIST(X)                                                                             \
    X(CL_SUCCESS)                                                                                  \
    X(CL_DEVICE_NOT_FOUND)                                                                         \
    X(CL_DEVICE_NOT_AVAILABLE)                                                                     \
    X(CL_COMPILER_NOT_AVAILABLE)                                                                   \
    X(CL_MEM_OBJECT_ALLOCATION_FAILURE)                                                            \
    X(CL_OUT_OF_RESOURCES)                                                                         \
    X(CL_OUT_OF_HOST_MEMORY)                                                                       \
    X(CL_PROFILING_INFO_NOT_AVAILABLE)                                                             \
    X(CL_MEM_COPY_OVERLAP)                                                                         \
    X(CL_IMAGE_FORMAT_MISMATCH)                                                                    \
    X(CL_IMAGE_FORMAT_NOT_SUPPORTED)                                                               \
    X(CL_BUILD_PROGRAM_FAILURE)                                                                    \
    X(CL_MAP_FAILURE)                                                                              \
    X(CL_MISALIGNED_SUB_BUFFER_OFFSET)                                                             \
    X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)                                                \
    X(CL_COMPILE_PROGRAM_FAILURE)                                                                  \
    X(CL_LINKER_NOT_AVAILABLE)                                                                     \
    X(CL_LINK_PROGRAM_FAILURE)                                                                     \
    X(CL_DEVICE_PARTITION_FAILED)                                                                  \
    X(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)                                                            \
    X(CL_INVALID_VALUE)                                                                            \
    X(CL_INVALID_DEVICE_TYPE)                                                                      \
    X(CL_INVALID_PLATFORM)                                                                         \
    X(CL_INVALID_DEVICE)                                                                           \
    X(CL_INVALID_CONTEXT)                                                                          \
    X(CL_INVALID_QUEUE_PROPERTIES)                                                                 \
    X(CL_INVALID_COMMAND_QUEUE)                                                                    \
    X(CL_INVALID_HOST_PTR)                                                                         \
    X(CL_INVALID_MEM_OBJECT)                                                                       \
    X(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR)                                                          \
    X(CL_INVALID_IMAGE_SIZE)                                                                       \
    X(CL_INVALID_SAMPLER)                                                                          \
    X(CL_INVALID_BINARY)                                                                           \
    X(CL_INVALID_BUILD_OPTIONS)                                                                    \
    X(CL_INVALID_PROGRAM)                                                                          \
    X(CL_INVALID_PROGRAM_EXECUTABLE)                                                               \
    X(CL_INVALID_KERNEL_NAME)                                                                      \
    X(CL_INVALID_KERNEL_DEFINITION)                                                                \
    X(CL_INVALID_KERNEL)                                                                           \
    X(CL_INVALID_ARG_INDEX)                                                                        \
    X(CL_INVALID_ARG_VALUE)                                                                        \
    X(CL_INVALID_ARG_SIZE)                                                                         \
    X(CL_INVALID_KERNEL_ARGS)                                                                      \
    X(CL_INVALID_WORK_DIMENSION)                                                                   \
    X(CL_INVALID_WORK_GROUP_SIZE)                                                                  \
    X(CL_INVALID_WORK_ITEM_SIZE)                                                                   \
    X(CL_INVALID_GLOBAL_OFFSET)                                                                    \
    X(CL_INVALID_EVENT_WAIT_LIST)                                                                  \
    X(CL_INVALID_EVENT)                                                                            \
    X(CL_INVALID_OPERATION)                                                                        \
    X(CL_INVALID_GL_OBJECT)                                                                        \
    X(CL_INVALID_BUFFER_SIZE)                                                                      \
    X(CL_INVALID_MIP_LEVEL)                                                                        \
    X(CL_INVALID_GLOBAL_WORK_SIZE)                                                                 \
    X(CL_INVALID_PROPERTY)                                                                         \
    X(CL_INVALID_IMAGE_DESCRIPTOR)                                                                 \
    X(CL_INVALID_COMPILER_OPTIONS)                                                                 \
    X(CL_INVALID_LINKER_OPTIONS)                                                                   \
    X(CL_INVALID_DEVICE_PARTITION_COUNT)

const char *gcl_cl_name(cl_int status)
{
    switch (status) {
#define STATUS_NAME(name)                                                                          \
    case name: return #name;
        STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    default: return "unknown OpenCL error";
    }
}

int gcl_cl_fail(gcl_error *err, cl_int status, const char *format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int memory = status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_HOST_MEMORY;
    return gcl_fail(err, memory ? GCL_MEMORY : GCL_DEVICE, "%s: %s (%d)", text, gcl_cl_name(status),
                    (int)status);
}

/* The longest that closing a device may take to save programs: some drivers compile once more to
 * make a binary. What is left is saved at the end of a later run. */
static const double close_seconds = 5;

/* What the driver has to say about a context, on a thread of its own choice. */
static void CL_CALLBACK hear_driver(const char *words, const void *data, size_t bytes, void *user)
{
    (void)data, (void)bytes, (void)user;
    gcl_verbose("driver: %s", words);
}

static int open_queue(gcl_device *dev, cl_platform_id platform, gcl_error *err)
{
    const gcl_limits *l = &dev->limits;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)platform, 0};
    cl_int status;
    dev->context = clCreateContext(properties, 1, &dev->id, hear_driver, NULL, &status);
    if (dev->context == NULL)
        return gcl_cl_fail(err, status, "device %d (%s): cannot create a context", dev->number,
                           l->name);
    dev->queue = clCreateCommandQueue(dev->context, dev->id,
                                      dev->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
    if (dev->queue == NULL)
        return gcl_cl_fail(err, status, "device %d (%s): cannot create a command queue",
                           dev->number, l->name);
    return 0;
}

static int check_usable(const gcl_device *dev, cl_int fault, gcl_error *err)
{
    const gcl_limits *l = &dev->limits;
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    if (fault == CL_SUCCESS)
        fault = clGetDeviceInfo(dev->id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    if (fault == CL_SUCCESS)
        fault = clGetDeviceInfo(dev->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler,
                                NULL);
    if (fault != CL_SUCCESS)
        return gcl_cl_fail(err, fault, "device %d (%s) does not say what it can do", dev->number,
                           l->name);
    if (!available)
        return gcl_fail(err, GCL_DEVICE, "device %d (%s) is not available now", dev->number,
                        l->name);
    if (!compiler || l->opencl_c < 120)
        return gcl_fail(err, GCL_DEVICE,
                        "device %d (%s) has no compiler for OpenCL C 1.2 (it offers %d.%d); choose "
                        "another with --device",
                        dev->number, l->name, l->opencl_c / 100, l->opencl_c / 10 % 10);
    return 0;
}

static gcl_device *open_found(const gcl_found *found, int number, int flags, gcl_error *err)
{
    gcl_device *dev = gcl_alloc(sizeof *dev);
    dev->id = found->id;
    dev->limits = found->limits;
    memcpy(dev->platform_version, found->platform_version, sizeof dev->platform_version);
    dev->number = number;
    dev->profiling = (flags & GCL_DEVICE_PROFILE) != 0;
    dev->passing = (flags & GCL_DEVICE_PASSING) != 0;
    if (check_usable(dev, found->fault, err) != 0 || open_queue(dev, found->platform, err) != 0) {
        gcl_device_close(dev);
        return NULL;
    }
    return dev;
}

gcl_device *gcl_device_open(const char *which, int flags, gcl_error *err)
{
    gcl_found *found;
    int n;
    if (gcl_device_find(&found, &n, err) != 0)
        return NULL;
    gcl_limits *list = gcl_alloc((size_t)n * sizeof *list);
    for (int i = 0; i < n; i++)
        list[i] = found[i].limits;
    int index = gcl_device_choose(list, n, which, err);
    gcl_device *dev = index < 0 ? NULL : open_found(&found[index], index + 1, flags, err);
    free(list);
    free(found);
    return dev;
}

gcl_device *gcl_device_describe(const gcl_limits *limits)
{
    gcl_device *dev = gcl_alloc(sizeof *dev);
    dev->limits = *limits;
    return dev;
}

void gcl_device_close(gcl_device *dev)
{
    if (dev == NULL)
        return;
    if (dev->queue != NULL)
        clFinish(dev->queue);
    gcl_ahead_end(dev);
    if (!dev->passing)
        gcl_device_save_programs(dev, close_seconds);
    gcl_profile_clear(dev);
    free(dev->launches);
    while (dev->programs != NULL) {
        gcl_program *program = dev->programs;
        dev->programs = program->next;
        gcl_program_free(program);
    }
    if (dev->queue != NULL)
        clReleaseCommandQueue(dev->queue);
    if (dev->context != NULL)
        clReleaseContext(dev->context);
    free(dev);
}

const gcl_limits *gcl_device_limits(const gcl_device *dev) { return &dev->limits; }

int gcl_device_number(const gcl_device *dev) { return dev->number; }

uint64_t gcl_device_bytes(const gcl_device *dev) { return dev->bytes; }

void *gcl_device_cl_queue(gcl_device *dev) { return dev->queue; }

int gcl_device_finish(gcl_device *dev, gcl_error *err)
{
    cl_int status = clFinish(dev->queue);
    return status == CL_SUCCESS ? 0
                                : gcl_cl_fail(err, status, "device %d (%s): waiting for it failed",
                                              dev->number, dev->limits.name);
}

int gcl_device_flush(gcl_device *dev, gcl_error *err)
{
    if (dev->n_helpers > 0)
        gcl_ahead_reap(dev);
    cl_int status = clFlush(dev->queue);
    return status == CL_SUCCESS ? 0
                                : gcl_cl_fail(err, status, "device %d (%s): flushing it failed",
                                              dev->number, dev->limits.name);
}

struct gcl_event {
    cl_event event;
};

gcl_event *gcl_event_mark(gcl_device *dev, gcl_error *err)
{
    cl_event event;
    cl_int status = clEnqueueMarkerWithWaitList(dev->queue, 0, NULL, &event);
    if (status != CL_SUCCESS) {
        gcl_cl_fail(err, status, "device %d (%s): cannot mark a point in the queue", dev->number,
                    dev->limits.name);
        return NULL;
    }
    clFlush(dev->queue); /* one that only polls would otherwise wait for ever on some drivers */
    gcl_event *mark = gcl_alloc(sizeof *mark);
    mark->event = event;
    return mark;
}

int gcl_event_done(const gcl_event *event)
{
    cl_int state;
    if (clGetEventInfo(event->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state,
                       NULL) != CL_SUCCESS ||
        state < 0)
        return -1;
    return state == CL_COMPLETE;
}

int gcl_event_wait(gcl_event *event, gcl_error *err)
{
    cl_int status = clWaitForEvents(1, &event->event);
    return status == CL_SUCCESS ? 0 : gcl_cl_fail(err, status, "waiting for the device failed");
}

void gcl_event_free(gcl_event *event)
{
    if (event == NULL)
        return;
    clReleaseEvent(event->event);
    free(event);
}

void gcl_device_keep_event(gcl_device *dev, cl_event event)
{
    GCL_GROW(dev->launches, dev->n_launches, dev->cap_launches);
    dev->launches[dev->n_launches++] = event;
}

void gcl_profile_clear(gcl_device *dev)
{
    for (int i = 0; i < dev->n_launches; i++)
        clReleaseEvent(dev->launches[i]);
    dev->n_launches = 0;
}

int gcl_profile_read(gcl_device *dev, double *us, int capacity, int *n, gcl_error *err)
{
    *n = dev->n_launches;
    if (!dev->profiling)
        return gcl_fail(err, GCL_FAILED, "device %d was not opened for profiling", dev->number);
    if (gcl_device_finish(dev, err) != 0)
        return -1;
    for (int i = 0; i < dev->n_launches && i < capacity; i++) {
        cl_ulong start, end;
        cl_int status = clGetEventProfilingInfo(dev->launches[i], CL_PROFILING_COMMAND_START,
                                                sizeof start, &start, NULL);
        if (status == CL_SUCCESS)
            status = clGetEventProfilingInfo(dev->launches[i], CL_PROFILING_COMMAND_END, sizeof end,
                                             &end, NULL);
        if (status != CL_SUCCESS)
            return gcl_cl_fail(err, status, "device %d (%s): no time of launch %d", dev->number,
                               dev->limits.name, i);
        us[i] = end > start ? 1e-3 * (double)(end - start) : 0;
    }
    return 0;
}
