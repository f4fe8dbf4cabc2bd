/* Device memory and its transfers. */
#define _DEFAULT_SOURCE /* madvise */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/internal.h"

static int out_of_memory(gcl_device *dev, uint64_t bytes, const char *what, const char *why,
                         gcl_error *err)
{
    const gcl_limits *l = &dev->limits;
    const double mib = 0x1p20;
    return gcl_fail(err, GCL_MEMORY,
                    "%s: out of device memory: %.1f MiB wanted, %.1f MiB in use, device %d (%s) "
                    "has %.1f MiB, at most %.1f MiB in one buffer (%s); use a smaller batch",
                    what, (double)bytes / mib, (double)dev->bytes / mib, dev->number, l->name,
                    (double)l->memory_bytes / mib, (double)l->max_alloc_bytes / mib, why);
}

static int allocation_failed(gcl_device *dev, uint64_t bytes, const char *what, cl_int status,
                             gcl_error *err)
{
    switch (status) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE: return out_of_memory(dev, bytes, what, gcl_cl_name(status), err);
    default:
        return gcl_cl_fail(err, status, "%s: cannot make a buffer of %llu bytes", what,
                           (unsigned long long)bytes);
    }
}

/* On a processor the driver's memory is the process's: large pages, where the system gives them to
 * who asks, spare it misses in its tables of pages. A hint; nothing depends on it. */
static void want_large_pages(gcl_device *dev, cl_mem mem, size_t bytes)
{
    const uintptr_t page = 0x200000;
    cl_int status;
    if (bytes < 2 * page)
        return;
    void *memory = clEnqueueMapBuffer(dev->queue, mem, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0,
                                      bytes, 0, NULL, NULL, &status);
    if (memory == NULL)
        return;
    uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)memory + bytes) / page * page;
#ifdef MADV_HUGEPAGE
    madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
    clEnqueueUnmapMemObject(dev->queue, mem, memory, 0, NULL, NULL);
}

/* Drivers allocate at first use: use it. Returns the first status that is not CL_SUCCESS. What may
 * refuse is waited for; a processor's memory may not. */
static cl_int really_allocate(gcl_device *dev, cl_mem mem, size_t bytes)
{
    static const cl_uint zero = 0;
    cl_int status = clEnqueueMigrateMemObjects(
        dev->queue, 1, &mem, CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED, 0, NULL, NULL);
    if (status == CL_SUCCESS && dev->limits.is_cpu)
        want_large_pages(dev, mem, bytes);
    if (status == CL_SUCCESS)
        status = clEnqueueFillBuffer(dev->queue, mem, &zero, bytes % sizeof zero == 0 ? 4 : 1, 0,
                                     bytes, 0, NULL, NULL);
    if (status != CL_SUCCESS)
        return status;
    return dev->limits.is_cpu ? clFlush(dev->queue) : clFinish(dev->queue);
}

gcl_buffer *gcl_buffer_new(gcl_device *dev, uint64_t bytes, const char *what, gcl_error *err)
{
    size_t size = bytes > 0 ? bytes : 1; /* OpenCL has no empty buffers */
    if (size > dev->limits.max_alloc_bytes) {
        out_of_memory(dev, bytes, what, "too large for one buffer", err);
        return NULL;
    }
    /* A device that is the processor itself would swap, or be killed, instead of refusing. */
    if (size > dev->limits.memory_bytes || dev->bytes > dev->limits.memory_bytes - size) {
        out_of_memory(dev, bytes, what, "more than it has", err);
        return NULL;
    }
    cl_int status;
    cl_mem mem = clCreateBuffer(dev->context, CL_MEM_READ_WRITE, size, NULL, &status);
    if (mem != NULL)
        status = really_allocate(dev, mem, size);
    if (mem == NULL || status != CL_SUCCESS) {
        allocation_failed(dev, bytes, what, status, err);
        if (mem != NULL)
            clReleaseMemObject(mem);
        return NULL;
    }
    gcl_buffer *buf = gcl_alloc(sizeof *buf);
    *buf = (gcl_buffer){.dev = dev, .mem = mem, .bytes = bytes, .what = gcl_strdup(what)};
    dev->bytes += bytes;
    return buf;
}

void gcl_buffer_free(gcl_buffer *buf)
{
    if (buf == NULL)
        return;
    buf->dev->bytes -= buf->bytes;
    clReleaseMemObject(buf->mem);
    free(buf->what);
    free(buf);
}

uint64_t gcl_buffer_bytes(const gcl_buffer *buf) { return buf->bytes; }

void *gcl_buffer_cl_mem(gcl_buffer *buf) { return buf->mem; }

static int check_range(const gcl_buffer *buf, uint64_t offset, uint64_t bytes, const char *action,
                       gcl_error *err)
{
    if (offset <= buf->bytes && bytes <= buf->bytes - offset)
        return 0;
    return gcl_fail(err, GCL_FAILED,
                    "buffer %s: cannot %s %llu bytes at %llu, it has %llu (a mistake of ganocl)",
                    buf->what, action, (unsigned long long)bytes, (unsigned long long)offset,
                    (unsigned long long)buf->bytes);
}

static int check_status(const gcl_buffer *buf, cl_int status, const char *action, gcl_error *err)
{
    if (status == CL_SUCCESS)
        return 0;
    return gcl_cl_fail(err, status, "buffer %s on device %d (%s): cannot %s it", buf->what,
                       buf->dev->number, buf->dev->limits.name, action);
}

static int write_buffer(gcl_buffer *buf, cl_bool blocking, uint64_t offset, const void *data,
                        uint64_t bytes, gcl_error *err)
{
    if (check_range(buf, offset, bytes, "write", err) != 0)
        return -1;
    if (bytes == 0)
        return 0;
    cl_int status = clEnqueueWriteBuffer(buf->dev->queue, buf->mem, blocking, offset, bytes, data,
                                         0, NULL, NULL);
    return check_status(buf, status, "write", err);
}

int gcl_buffer_write(gcl_buffer *buf, uint64_t offset, const void *data, uint64_t bytes,
                     gcl_error *err)
{
    return write_buffer(buf, CL_TRUE, offset, data, bytes, err);
}

int gcl_buffer_write_async(gcl_buffer *buf, uint64_t offset, const void *data, uint64_t bytes,
                           gcl_error *err)
{
    return write_buffer(buf, CL_FALSE, offset, data, bytes, err);
}

int gcl_buffer_read(gcl_buffer *buf, uint64_t offset, void *data, uint64_t bytes, gcl_error *err)
{
    if (check_range(buf, offset, bytes, "read", err) != 0)
        return -1;
    if (bytes == 0)
        return 0;
    cl_int status =
        clEnqueueReadBuffer(buf->dev->queue, buf->mem, CL_TRUE, offset, bytes, data, 0, NULL, NULL);
    return check_status(buf, status, "read", err);
}

int gcl_buffer_fill(gcl_buffer *buf, uint64_t offset, uint64_t bytes, uint32_t word, gcl_error *err)
{
    if (check_range(buf, offset, bytes, "fill", err) != 0)
        return -1;
    if (bytes == 0)
        return 0;
    cl_int status = clEnqueueFillBuffer(buf->dev->queue, buf->mem, &word, sizeof word, offset,
                                        bytes, 0, NULL, NULL);
    return check_status(buf, status, "fill", err);
}

int gcl_buffer_copy(gcl_buffer *to, uint64_t to_offset, gcl_buffer *from, uint64_t from_offset,
                    uint64_t bytes, gcl_error *err)
{
    if (check_range(to, to_offset, bytes, "copy to", err) != 0 ||
        check_range(from, from_offset, bytes, "copy from", err) != 0)
        return -1;
    if (bytes == 0)
        return 0;
    cl_int status = clEnqueueCopyBuffer(to->dev->queue, from->mem, to->mem, from_offset, to_offset,
                                        bytes, 0, NULL, NULL);
    return check_status(to, status, "copy to", err);
}
