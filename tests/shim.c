/* OpenCL that fails, or is small, on purpose: loaded before the loader's library (LD_PRELOAD), it hands
 * every call on to it, but for what the environment says. The tests build and use it; it is no part of
 * the program.
 *
 *     OCLSHIM_FAIL=N[+]     call number N, from 1, fails; +: and every later one, as of a lost device
 *     OCLSHIM_STATUS=S      with this status; CL_OUT_OF_RESOURCES (-5) if not given
 *     OCLSHIM_CALLS=FILE    each call adds its name, a line; where calls fail, only those do
 *     OCLSHIM_LIMITS=work_group=64,local=16384,alloc=134217728,align=4096,fp64=0
 *                           what the device says of itself, and refuses to go beyond
 *
 * Calls that wait or give something back do that also when they fail: a lost device reads no memory any
 * more, while the one behind this library is alive. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The function of that name in the libraries behind this one, into the pointer at `function`. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        fprintf(stderr, "tests/shim.c: OpenCL is not behind this library\n");
        exit(EXIT_FAILURE);
    }
    memcpy(function, &found, sizeof found);
}

/* ---- failing ---------------------------------------------------------------------------------------- */

static void note_call(const char *name)
{
    const char *path = getenv("OCLSHIM_CALLS");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%s\n", name);
    fclose(file);
}

static cl_int wanted_status(void)
{
    const char *status = getenv("OCLSHIM_STATUS");
    return status != NULL ? atoi(status) : CL_OUT_OF_RESOURCES;
}

/* Counts the call; the status that it is to fail with, or CL_SUCCESS. */
static cl_int count_call(const char *name)
{
    static atomic_long calls;
    const char *fail = getenv("OCLSHIM_FAIL");
    long number = atomic_fetch_add(&calls, 1) + 1, wanted = fail != NULL ? atol(fail) : 0;
    int lost = wanted > 0 && strchr(fail, '+') != NULL;
    int fails = number == wanted || (lost && number > wanted);
    if (fails || fail == NULL)
        note_call(name);
    return fails ? wanted_status() : CL_SUCCESS;
}

/* ---- being small ------------------------------------------------------------------------------------ */

/* The limit of that name, or `most` where there is none. */
static cl_ulong limit(const char *name, cl_ulong most)
{
    const char *text = getenv("OCLSHIM_LIMITS");
    size_t n = strlen(name);
    for (; text != NULL && *text != 0; text += strspn(text, ",")) {
        if (strncmp(text, name, n) == 0 && text[n] == '=') {
            cl_ulong value = strtoull(text + n + 1, NULL, 10);
            return value < most ? value : most;
        }
        text += strcspn(text, ",");
    }
    return most;
}

static void shrink_size(void *value, size_t bytes, const char *name)
{
    size_t *sizes = value;
    for (size_t i = 0; i < bytes / sizeof *sizes; i++)
        sizes[i] = (size_t)limit(name, sizes[i]);
}

static void shrink_ulong(void *value, const char *name)
{
    cl_ulong number;
    memcpy(&number, value, sizeof number);
    number = limit(name, number);
    memcpy(value, &number, sizeof number);
}

/* Takes the word out of a list of words. */
static void forget_word(char *words, const char *word)
{
    char *at = strstr(words, word);
    if (at != NULL)
        memset(at, ' ', strlen(word));
}

static void raise_alignment(void *value)
{
    cl_uint bits, wanted = 8 * (cl_uint)limit("align", 1 << 20);
    memcpy(&bits, value, sizeof bits);
    if (wanted < 8 << 20 && wanted > bits)
        memcpy(value, &wanted, sizeof wanted);
}

static void shrink(cl_device_info what, void *value, size_t bytes)
{
    static const cl_ulong none;
    switch (what) {
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
    case CL_DEVICE_MAX_WORK_ITEM_SIZES: shrink_size(value, bytes, "work_group"); break;
    case CL_DEVICE_LOCAL_MEM_SIZE: shrink_ulong(value, "local"); break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: shrink_ulong(value, "alloc"); break;
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN: raise_alignment(value); break;
    case CL_DEVICE_EXTENSIONS:
        if (limit("fp64", 1) == 0)
            forget_word(value, "cl_khr_fp64");
        break;
    case CL_DEVICE_DOUBLE_FP_CONFIG:
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE:
        if (limit("fp64", 1) == 0)
            memcpy(value, &none, bytes < sizeof none ? bytes : sizeof none);
        break;
    default: break;
    }
}

static cl_int kernel_size(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what,
                          cl_ulong *value)
{
    cl_api_clGetKernelWorkGroupInfo next;
    find_next("clGetKernelWorkGroupInfo", &next);
    return next(kernel, device, what, sizeof *value, value, NULL);
}

/* Whether such a device would refuse the launch, and how. */
static cl_int check_launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                           const size_t *local)
{
    cl_api_clGetCommandQueueInfo info;
    cl_device_id device;
    cl_ulong items = 1, bytes = 0;
    for (cl_uint i = 0; local != NULL && i < dimensions; i++)
        items *= local[i];
    if (items > limit("work_group", items))
        return CL_INVALID_WORK_GROUP_SIZE;
    find_next("clGetCommandQueueInfo", &info);
    if (limit("local", ~(cl_ulong)0) == ~(cl_ulong)0 ||
        info(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL) != CL_SUCCESS ||
        kernel_size(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE, &bytes) != CL_SUCCESS)
        return CL_SUCCESS;
    return bytes > limit("local", bytes) ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

/* ---- the calls -------------------------------------------------------------------------------------- */

/* Fails without having done anything. `check` may refuse before. */
#define CALL_CHECKED(name, parameters, arguments, check)                                           \
    cl_int CL_API_CALL name parameters                                                             \
    {                                                                                              \
        cl_api_##name next;                                                                        \
        cl_int status = count_call(#name);                                                         \
        if (status == CL_SUCCESS)                                                                  \
            status = (check);                                                                      \
        if (status != CL_SUCCESS)                                                                  \
            return status;                                                                         \
        find_next(#name, &next);                                                                   \
        return next arguments;                                                                     \
    }
#define CALL(name, parameters, arguments) CALL_CHECKED(name, parameters, arguments, CL_SUCCESS)

/* Does it, and then fails. */
#define CALL_DONE(name, parameters, arguments)                                                     \
    cl_int CL_API_CALL name parameters                                                             \
    {                                                                                              \
        cl_api_##name next;                                                                        \
        find_next(#name, &next);                                                                   \
        cl_int status = count_call(#name), done = next arguments;                                  \
        return status != CL_SUCCESS ? status : done;                                               \
    }

/* The same for what gives something: errcode is the last parameter. */
#define MAKE_CHECKED(type, name, parameters, arguments, check)                                     \
    type CL_API_CALL name parameters                                                               \
    {                                                                                              \
        cl_api_##name next;                                                                        \
        cl_int status = count_call(#name);                                                         \
        if (status == CL_SUCCESS)                                                                  \
            status = (check);                                                                      \
        if (status != CL_SUCCESS) {                                                                \
            if (errcode != NULL)                                                                   \
                *errcode = status;                                                                 \
            return NULL;                                                                           \
        }                                                                                          \
        find_next(#name, &next);                                                                   \
        return next arguments;                                                                     \
    }
#define MAKE(type, name, parameters, arguments)                                                    \
    MAKE_CHECKED(type, name, parameters, arguments, CL_SUCCESS)

typedef void(CL_CALLBACK *context_heard)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *program_built)(cl_program, void *);

CALL(clGetPlatformIDs, (cl_uint n, cl_platform_id *ids, cl_uint *found), (n, ids, found))
CALL(clGetPlatformInfo,
     (cl_platform_id platform, cl_platform_info what, size_t bytes, void *value, size_t *size),
     (platform, what, bytes, value, size))
CALL(clGetDeviceIDs,
     (cl_platform_id platform, cl_device_type type, cl_uint n, cl_device_id *ids, cl_uint *found),
     (platform, type, n, ids, found))

cl_int CL_API_CALL clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t bytes,
                                   void *value, size_t *size)
{
    cl_api_clGetDeviceInfo next;
    size_t written = 0;
    cl_int status = count_call("clGetDeviceInfo");
    if (status != CL_SUCCESS)
        return status;
    find_next("clGetDeviceInfo", &next);
    status = next(device, what, bytes, value, &written);
    if (status == CL_SUCCESS && value != NULL)
        shrink(what, value, written);
    if (size != NULL)
        *size = written;
    return status;
}

MAKE(cl_context, clCreateContext,
     (const cl_context_properties *properties, cl_uint n, const cl_device_id *ids,
      context_heard heard, void *user, cl_int *errcode),
     (properties, n, ids, heard, user, errcode))
CALL_DONE(clReleaseContext, (cl_context context), (context))
MAKE(cl_command_queue, clCreateCommandQueue,
     (cl_context context, cl_device_id device, cl_command_queue_properties properties,
      cl_int *errcode),
     (context, device, properties, errcode))
CALL_DONE(clReleaseCommandQueue, (cl_command_queue queue), (queue))
CALL_DONE(clFlush, (cl_command_queue queue), (queue))
CALL_DONE(clFinish, (cl_command_queue queue), (queue))

MAKE_CHECKED(cl_mem, clCreateBuffer,
             (cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *errcode),
             (context, flags, bytes, host, errcode),
             bytes > limit("alloc", bytes) ? CL_INVALID_BUFFER_SIZE : CL_SUCCESS)
MAKE_CHECKED(cl_mem, clCreateSubBuffer,
             (cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void *region,
              cl_int *errcode),
             (buffer, flags, type, region, errcode),
             ((const cl_buffer_region *)region)->origin % limit("align", 1 << 20) != 0 &&
                     limit("align", 1 << 20) < 1 << 20
                 ? CL_MISALIGNED_SUB_BUFFER_OFFSET
                 : CL_SUCCESS)
CALL_DONE(clReleaseMemObject, (cl_mem buffer), (buffer))
CALL(clEnqueueMigrateMemObjects,
     (cl_command_queue queue, cl_uint n, const cl_mem *buffers, cl_mem_migration_flags flags,
      cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, n, buffers, flags, n_wait, wait, event))
CALL(clEnqueueReadBuffer,
     (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes,
      void *to, cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, buffer, blocking, offset, bytes, to, n_wait, wait, event))
CALL(clEnqueueWriteBuffer,
     (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes,
      const void *from, cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, buffer, blocking, offset, bytes, from, n_wait, wait, event))
CALL(clEnqueueFillBuffer,
     (cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_bytes,
      size_t offset, size_t bytes, cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, buffer, pattern, pattern_bytes, offset, bytes, n_wait, wait, event))
CALL(clEnqueueCopyBuffer,
     (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
      size_t bytes, cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, from, to, from_offset, to_offset, bytes, n_wait, wait, event))
MAKE(void *, clEnqueueMapBuffer,
     (cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags, size_t offset,
      size_t bytes, cl_uint n_wait, const cl_event *wait, cl_event *event, cl_int *errcode),
     (queue, buffer, blocking, flags, offset, bytes, n_wait, wait, event, errcode))
CALL_DONE(clEnqueueUnmapMemObject,
          (cl_command_queue queue, cl_mem buffer, void *mapped, cl_uint n_wait,
           const cl_event *wait, cl_event *event),
          (queue, buffer, mapped, n_wait, wait, event))

MAKE(cl_program, clCreateProgramWithSource,
     (cl_context context, cl_uint n, const char **texts, const size_t *lengths, cl_int *errcode),
     (context, n, texts, lengths, errcode))
MAKE(cl_program, clCreateProgramWithBinary,
     (cl_context context, cl_uint n, const cl_device_id *ids, const size_t *lengths,
      const unsigned char **binaries, cl_int *statuses, cl_int *errcode),
     (context, n, ids, lengths, binaries, statuses, errcode))
CALL(clBuildProgram,
     (cl_program program, cl_uint n, const cl_device_id *ids, const char *options,
      program_built built, void *user),
     (program, n, ids, options, built, user))
CALL(clGetProgramInfo,
     (cl_program program, cl_program_info what, size_t bytes, void *value, size_t *size),
     (program, what, bytes, value, size))
CALL(clGetProgramBuildInfo,
     (cl_program program, cl_device_id device, cl_program_build_info what, size_t bytes,
      void *value, size_t *size),
     (program, device, what, bytes, value, size))
CALL_DONE(clReleaseProgram, (cl_program program), (program))

MAKE(cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *errcode),
     (program, name, errcode))
CALL(clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t bytes, const void *value),
     (kernel, index, bytes, value))
CALL_DONE(clReleaseKernel, (cl_kernel kernel), (kernel))
CALL_CHECKED(clEnqueueNDRangeKernel,
             (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
              const size_t *global, const size_t *local, cl_uint n_wait, const cl_event *wait,
              cl_event *event),
             (queue, kernel, dimensions, offset, global, local, n_wait, wait, event),
             check_launch(queue, kernel, dimensions, local))

CALL(clEnqueueMarkerWithWaitList,
     (cl_command_queue queue, cl_uint n_wait, const cl_event *wait, cl_event *event),
     (queue, n_wait, wait, event))
CALL_DONE(clWaitForEvents, (cl_uint n, const cl_event *events), (n, events))
CALL(clGetEventInfo, (cl_event event, cl_event_info what, size_t bytes, void *value, size_t *size),
     (event, what, bytes, value, size))
CALL(clGetEventProfilingInfo,
     (cl_event event, cl_profiling_info what, size_t bytes, void *value, size_t *size),
     (event, what, bytes, value, size))
CALL_DONE(clReleaseEvent, (cl_event event), (event))
