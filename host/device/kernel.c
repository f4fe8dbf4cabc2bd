/* Kernels: arguments that stay bound, and launches. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/internal.h"

struct gcl_kernel {
    gcl_device *dev;
    cl_kernel kernel;
    size_t first;
    char *name;
};

gcl_kernel *gcl_kernel_new(gcl_program *program, const char *name, gcl_error *err)
{
    cl_int status;
    if (gcl_program_build(program, err) != 0)
        return NULL;
    cl_kernel handle = clCreateKernel(program->program, name, &status);
    if (handle == NULL) {
        gcl_cl_fail(err, status, "kernel file %s: cannot make its kernel %s", program->name, name);
        return NULL;
    }
    gcl_kernel *kernel = gcl_alloc(sizeof *kernel);
    *kernel = (gcl_kernel){.dev = program->dev, .kernel = handle, .name = gcl_strdup(name)};
    return kernel;
}

void gcl_kernel_free(gcl_kernel *kernel)
{
    if (kernel == NULL)
        return;
    clReleaseKernel(kernel->kernel);
    free(kernel->name);
    free(kernel);
}

static int set_argument(gcl_kernel *kernel, int index, size_t bytes, const void *value,
                        gcl_error *err)
{
    cl_int status = clSetKernelArg(kernel->kernel, (cl_uint)index, bytes, value);
    if (status == CL_SUCCESS)
        return 0;
    return gcl_cl_fail(err, status, "kernel %s: cannot set argument %d (%zu bytes)", kernel->name,
                       index, bytes);
}

int gcl_kernel_set_buffer(gcl_kernel *kernel, int index, gcl_buffer *buf, gcl_error *err)
{
    return set_argument(kernel, index, sizeof buf->mem, &buf->mem, err);
}

int gcl_kernel_set_int(gcl_kernel *kernel, int index, int32_t value, gcl_error *err)
{
    return set_argument(kernel, index, sizeof value, &value, err);
}

int gcl_kernel_set_ulong(gcl_kernel *kernel, int index, uint64_t value, gcl_error *err)
{
    return set_argument(kernel, index, sizeof value, &value, err);
}

int gcl_kernel_set_float(gcl_kernel *kernel, int index, float value, gcl_error *err)
{
    return set_argument(kernel, index, sizeof value, &value, err);
}

int gcl_kernel_set_local(gcl_kernel *kernel, int index, size_t bytes, gcl_error *err)
{
    return set_argument(kernel, index, bytes, NULL, err);
}

int gcl_kernel_set(gcl_kernel *kernel, int index, const gcl_kernel_arg *arg, gcl_error *err)
{
    if (arg->kind == GCL_KERNEL_BUFFER)
        return gcl_kernel_set_buffer(kernel, index, arg->buffer, err);
    if (arg->kind == GCL_KERNEL_ULONG)
        return gcl_kernel_set_ulong(kernel, index, arg->value, err);
    if (arg->kind == GCL_KERNEL_INT)
        return gcl_kernel_set_int(kernel, index, (int32_t)(uint32_t)arg->value, err);
    return gcl_kernel_set_local(kernel, index, (size_t)arg->value, err);
}

void gcl_kernel_set_first(gcl_kernel *kernel, size_t first) { kernel->first = first; }

static int launch_failed(const gcl_kernel *kernel, const size_t global[3], const size_t local[3],
                         cl_int status, gcl_error *err)
{
    return gcl_cl_fail(err, status,
                       "kernel %s on device %d (%s): cannot launch %zu x %zu x %zu work-items in "
                       "groups of %zu x %zu x %zu",
                       kernel->name, kernel->dev->number, kernel->dev->limits.name, global[0],
                       global[1], global[2], local[0], local[1], local[2]);
}

int gcl_kernel_launch(gcl_kernel *kernel, const size_t global[3], const size_t local[3],
                      gcl_error *err)
{
    gcl_device *dev = kernel->dev;
    cl_event event;
    const size_t offset[3] = {kernel->first, 0, 0};
    cl_int status =
        clEnqueueNDRangeKernel(dev->queue, kernel->kernel, 3, kernel->first ? offset : NULL, global,
                               local[0] ? local : NULL, 0, NULL, dev->profiling ? &event : NULL);
    if (status != CL_SUCCESS)
        return launch_failed(kernel, global, local, status, err);
    if (dev->profiling)
        gcl_device_keep_event(dev, event);
    return 0;
}
