/* A library to load before Oclgrind's: so that --uninitialized can be believed, vectors are tried and
 * it is known which kernels ran. scripts/oclgrind builds and uses it; it is no part of the program.
 *
 * Oclgrind 21.10 remembers which bytes of a buffer are set in a block as long as the host's last
 * write: after a write behind the buffer's start, a fill (to Oclgrind one write after the other) or
 * a copy, it takes all that lies outside of that block for unset. Here each of these becomes a
 * write of the whole buffer. So all that the host has touched counts as set; that no kernel uses
 * elements of a buffer before they are made is what the NaN of plan/single.c are for.
 *
 *     OCLGRIND_FLOAT_WIDTH=N    the device's vector width; Oclgrind itself says 1
 *     OCLGRIND_KERNELS=FILE     each kernel that is launched adds its name, a line */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *what)
{
    fprintf(stderr, "tests/oclgrind.c: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The function of that name in the libraries behind this one, into the pointer at `function`. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        give_up("OpenCL is not behind this library");
    memcpy(function, &found, sizeof found);
}

/* What is queued before an action, and its event. */
typedef struct order {
    cl_uint n_before;
    const cl_event *before;
    cl_event *event;
} order;

/* Writes `bytes` of data, a multiple of the pattern's length, at `offset`: the pattern over and over,
 * into what the buffer holds, and then all of that into the buffer. */
static cl_int rewrite(cl_command_queue queue, cl_mem buffer, size_t offset, size_t bytes,
                      const void *pattern, size_t pattern_bytes, order order)
{
    cl_api_clEnqueueWriteBuffer write;
    find_next("clEnqueueWriteBuffer", &write);
    size_t size = 0;
    if (clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS ||
        offset > size || bytes > size - offset)
        return CL_INVALID_VALUE;
    unsigned char *whole = malloc(size);
    if (whole == NULL)
        give_up("out of memory");
    cl_int status = clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, size, whole, order.n_before,
                                        order.before, NULL);
    for (size_t at = 0; at + pattern_bytes <= bytes; at += pattern_bytes)
        memcpy(whole + offset + at, pattern, pattern_bytes);
    if (status == CL_SUCCESS)
        status = write(queue, buffer, CL_TRUE, 0, size, whole, 0, NULL, order.event);
    free(whole);
    return status;
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                            size_t bytes, const void *data, cl_uint n_before,
                            const cl_event *before, cl_event *event)
{
    (void)blocking;
    return rewrite(queue, buffer, offset, bytes, data, bytes, (order){n_before, before, event});
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern,
                           size_t pattern_bytes, size_t offset, size_t bytes, cl_uint n_before,
                           const cl_event *before, cl_event *event)
{
    return rewrite(queue, buffer, offset, bytes, pattern, pattern_bytes,
                   (order){n_before, before, event});
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset,
                           size_t to_offset, size_t bytes, cl_uint n_before, const cl_event *before,
                           cl_event *event)
{
    void *data = malloc(bytes);
    if (data == NULL)
        give_up("out of memory");
    cl_int status =
        clEnqueueReadBuffer(queue, from, CL_TRUE, from_offset, bytes, data, n_before, before, NULL);
    if (status == CL_SUCCESS)
        status = rewrite(queue, to, to_offset, bytes, data, bytes, (order){.event = event});
    free(data);
    return status;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t bytes, void *value,
                       size_t *size)
{
    cl_api_clGetDeviceInfo next;
    find_next("clGetDeviceInfo", &next);
    const char *width = getenv("OCLGRIND_FLOAT_WIDTH");
    cl_int status = next(device, what, bytes, value, size);
    if (width != NULL && what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT && status == CL_SUCCESS &&
        bytes >= sizeof(cl_uint))
        *(cl_uint *)value = (cl_uint)atoi(width);
    return status;
}

static void note_kernel(cl_kernel kernel)
{
    char name[256] = "";
    const char *path = getenv("OCLGRIND_KERNELS");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
    fprintf(file, "%s\n", name);
    fclose(file);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                              const size_t *offset, const size_t *global, const size_t *local,
                              cl_uint n_before, const cl_event *before, cl_event *event)
{
    cl_api_clEnqueueNDRangeKernel next;
    find_next("clEnqueueNDRangeKernel", &next);
    note_kernel(kernel);
    return next(queue, kernel, dimensions, offset, global, local, n_before, before, event);
}
