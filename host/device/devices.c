/* Which devices there are, what they can do, and which one the person means. */
#include "device/internal.h" /* before the extensions: says for which version of OpenCL they are */

#include <CL/cl_ext.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/quirks.h"

/* What the loader says where no driver is installed: CL_PLATFORM_NOT_FOUND_KHR of cl_khr_icd. */
enum { NO_PLATFORM = -1001 };

static void trim(char *text)
{
    size_t n = strlen(text), head = strspn(text, " \t\n");
    while (n > head && isspace((unsigned char)text[n - 1]))
        n--;
    memmove(text, text + head, n - head);
    text[n - head] = 0;
}

/* Notes a failed question, unless the driver only does not know it: a device that has stopped to answer
 * must not pass for one without memory. */
static int answered(gcl_found *found, cl_int status)
{
    if (status != CL_SUCCESS && status != CL_INVALID_VALUE && found->fault == CL_SUCCESS)
        found->fault = status;
    return status == CL_SUCCESS;
}

static int ask(gcl_found *found, cl_device_info what, size_t bytes, void *value, size_t *size)
{
    return answered(found, clGetDeviceInfo(found->id, what, bytes, value, size));
}

/* A text of any length from the device; empty if the driver has none. To be freed. */
static char *device_text(gcl_found *found, cl_device_info what)
{
    size_t bytes = 0;
    if (!ask(found, what, 0, NULL, &bytes))
        bytes = 0;
    char *text = gcl_alloc(bytes + 1);
    if (bytes > 0 && !ask(found, what, bytes, text, NULL))
        text[0] = 0;
    trim(text);
    return text;
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);
    n = n < size ? n : size - 1;
    memcpy(to, from, n);
    to[n] = 0;
}

static void device_field(gcl_found *found, cl_device_info what, char *to, size_t size)
{
    char *text = device_text(found, what);
    copy_text(to, size, text);
    free(text);
}

static void platform_field(gcl_found *found, cl_platform_info what, char *to, size_t size)
{
    size_t bytes = 0;
    if (!answered(found, clGetPlatformInfo(found->platform, what, 0, NULL, &bytes)))
        bytes = 0;
    char *text = gcl_alloc(bytes + 1);
    if (bytes > 0 && !answered(found, clGetPlatformInfo(found->platform, what, bytes, text, NULL)))
        text[0] = 0;
    trim(text);
    copy_text(to, size, text);
    free(text);
}

/* A number from the device, 0 if the driver does not know it. */
static cl_uint device_uint(gcl_found *found, cl_device_info what)
{
    cl_uint value = 0;
    return ask(found, what, sizeof value, &value, NULL) ? value : 0;
}

static cl_ulong device_ulong(gcl_found *found, cl_device_info what)
{
    cl_ulong value = 0;
    return ask(found, what, sizeof value, &value, NULL) ? value : 0;
}

static int has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == 0))
            return 1;
    return 0;
}

/* The smallest sub-group that a kernel may require, 0 where the driver does not tell. */
static unsigned least_subgroup(gcl_found *found)
{
    size_t sizes[16] = {0}, bytes = 0, least = 0;
    if (!ask(found, CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes))
        return 0;
    for (size_t i = 0; i < bytes / sizeof sizes[0]; i++)
        least = sizes[i] > 0 && (least == 0 || sizes[i] < least) ? sizes[i] : least;
    return (unsigned)least;
}

static void read_extensions(gcl_found *found)
{
    gcl_limits *limits = &found->limits;
    char *words = device_text(found, CL_DEVICE_EXTENSIONS);
    limits->fp16 = has_word(words, "cl_khr_fp16");
    limits->fp64 = has_word(words, "cl_khr_fp64");
    limits->subgroups =
        has_word(words, "cl_khr_subgroups") || has_word(words, "cl_intel_subgroups");
    int can_require = !limits->is_cpu && has_word(words, "cl_intel_required_subgroup_size");
    limits->subgroup_least = can_require ? least_subgroup(found) : 0;
    free(words);
}

/* "OpenCL C 1.2 words" is 120. */
static int read_opencl_c(gcl_found *found)
{
    int major = 0, minor = 0;
    char text[64];
    device_field(found, CL_DEVICE_OPENCL_C_VERSION, text, sizeof text);
    return sscanf(text, "OpenCL C %d.%d", &major, &minor) == 2 ? 100 * major + 10 * minor : 0;
}

static void read_sizes(gcl_found *found)
{
    gcl_limits *limits = &found->limits;
    size_t group = 0, items[16] = {0};
    if (!ask(found, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL))
        group = 1;
    if (!ask(found, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof items, items, NULL))
        items[0] = items[1] = items[2] = 1;
    limits->max_work_group = (unsigned)group;
    memcpy(limits->max_items, items, sizeof limits->max_items);

    unsigned width = device_uint(found, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    if (width == 0)
        width = device_uint(found, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
    limits->float_width = width > 0 ? width : 1;
}

/* Tightens a limit by $GANOCL_LIMITS, for example "float_width=1,max_work_group=64,local_bytes=16384":
 * how a smaller device is tried without having one. Never widens. */
static void tighten(gcl_limits *limits)
{
    const char *text = getenv("GANOCL_LIMITS");
    for (; text != NULL && *text != 0; text += strspn(text, ", ")) {
        size_t name = strcspn(text, "=,");
        unsigned long long value = text[name] == '=' ? strtoull(text + name + 1, NULL, 10) : 0;
        if (name == 11 && memcmp(text, "float_width", name) == 0 && value >= 1 &&
            value < limits->float_width)
            limits->float_width = (unsigned)value;
        else if (name == 14 && memcmp(text, "max_work_group", name) == 0 && value >= 1 &&
                 value < limits->max_work_group)
            limits->max_work_group = (unsigned)value;
        else if (name == 11 && memcmp(text, "local_bytes", name) == 0 &&
                 value < limits->local_bytes)
            limits->local_bytes = value;
        else if (name == 15 && memcmp(text, "max_alloc_bytes", name) == 0 && value >= 1 &&
                 value < limits->max_alloc_bytes)
            limits->max_alloc_bytes = value;
        text += strcspn(text, ",");
    }
}

static void read_limits(gcl_found *found)
{
    gcl_limits *l = &found->limits;
    platform_field(found, CL_PLATFORM_NAME, l->platform, sizeof l->platform);
    platform_field(found, CL_PLATFORM_VERSION, found->platform_version,
                   sizeof found->platform_version);
    device_field(found, CL_DEVICE_NAME, l->name, sizeof l->name);
    device_field(found, CL_DEVICE_VENDOR, l->vendor, sizeof l->vendor);
    device_field(found, CL_DRIVER_VERSION, l->driver, sizeof l->driver);
    device_field(found, CL_DEVICE_VERSION, l->version, sizeof l->version);
    cl_ulong type = device_ulong(found, CL_DEVICE_TYPE);
    l->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    l->is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
    l->is_accelerator = (type & CL_DEVICE_TYPE_ACCELERATOR) != 0;
    l->opencl_c = read_opencl_c(found);
    l->compute_units = device_uint(found, CL_DEVICE_MAX_COMPUTE_UNITS);
    l->clock_mhz = device_uint(found, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    l->memory_bytes = device_ulong(found, CL_DEVICE_GLOBAL_MEM_SIZE);
    l->max_alloc_bytes = device_ulong(found, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    l->cache_bytes = device_ulong(found, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    l->local_bytes = device_ulong(found, CL_DEVICE_LOCAL_MEM_SIZE);
    l->local_is_global = device_uint(found, CL_DEVICE_LOCAL_MEM_TYPE) == CL_GLOBAL;
    l->base_align_bytes = device_uint(found, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* given in bits */
    l->address_bits = device_uint(found, CL_DEVICE_ADDRESS_BITS);
    read_sizes(found);
    read_extensions(found);
}

static cl_platform_id *platform_ids(cl_uint *n, gcl_error *err)
{
    *n = 0;
    cl_int status = clGetPlatformIDs(0, NULL, n);
    if (status == NO_PLATFORM)
        *n = 0;
    else if (status != CL_SUCCESS) {
        gcl_cl_fail(err, status, "cannot list the OpenCL platforms");
        return NULL;
    }
    cl_platform_id *ids = gcl_alloc(*n * sizeof *ids);
    if (*n > 0 && (status = clGetPlatformIDs(*n, ids, NULL)) != CL_SUCCESS) {
        gcl_cl_fail(err, status, "cannot list the OpenCL platforms");
        free(ids);
        return NULL;
    }
    return ids;
}

/* The devices of a platform. One that fails has none, with a warning: another one may still work. */
static cl_device_id *device_ids(cl_platform_id platform, cl_uint *n, cl_int *fault)
{
    *n = 0;
    cl_device_id *ids = NULL;
    cl_int status = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, n);
    if (status == CL_SUCCESS && *n > 0) {
        ids = gcl_alloc(*n * sizeof *ids);
        status = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, *n, ids, NULL);
    }
    if (status == CL_SUCCESS)
        return ids;
    *n = 0;
    if (status != CL_DEVICE_NOT_FOUND) {
        *fault = status;
        gcl_warn("an OpenCL platform does not list its devices: %s (%d)", gcl_cl_name(status),
                 (int)status);
    }
    return ids;
}

int gcl_device_find(gcl_found **found, int *n, gcl_error *err)
{
    cl_uint n_platforms, n_ids;
    cl_int fault = CL_SUCCESS;
    int capacity = 0;
    *found = NULL;
    *n = 0;
    cl_platform_id *platforms = platform_ids(&n_platforms, err);
    if (platforms == NULL)
        return -1;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_device_id *ids = device_ids(platforms[p], &n_ids, &fault);
        for (cl_uint d = 0; d < n_ids; d++) {
            GCL_GROW(*found, *n, capacity);
            gcl_found *one = &(*found)[(*n)++];
            *one = (gcl_found){.platform = platforms[p], .id = ids[d]};
            read_limits(one);
            gcl_quirks_apply(&one->limits);
            tighten(&one->limits);
        }
        free(ids);
    }
    free(platforms);
    return *n == 0 && fault != CL_SUCCESS
               ? gcl_cl_fail(err, fault, "cannot list the OpenCL devices")
               : 0;
}

int gcl_device_list(gcl_limits **list, int *n, gcl_error *err)
{
    gcl_found *found;
    *list = NULL;
    if (gcl_device_find(&found, n, err) != 0)
        return -1;
    *list = gcl_alloc((size_t)*n * sizeof **list);
    for (int i = 0; i < *n; i++)
        (*list)[i] = found[i].limits;
    free(found);
    return 0;
}

static const char *type_name(const gcl_limits *l)
{
    return l->is_gpu ? "GPU" : l->is_accelerator ? "accelerator" : l->is_cpu ? "CPU" : "other";
}

void gcl_device_print_list(FILE *out, const gcl_limits *list, int n)
{
    if (n == 0)
        fprintf(out, "no OpenCL device\n");
    for (int i = 0; i < n; i++) {
        const gcl_limits *l = &list[i];
        fprintf(out,
                "%2d  %s: %s, %s, %u units at %u MHz, %.1f GiB, driver %s, OpenCL C %d.%d, "
                "fp16 %s, sub-groups %s\n",
                i + 1, l->platform, l->name, type_name(l), l->compute_units, l->clock_mhz,
                (double)l->memory_bytes / 0x1p30, l->driver, l->opencl_c / 100,
                l->opencl_c / 10 % 10, l->fp16 ? "yes" : "no", l->subgroups ? "yes" : "no");
    }
}

static int contains(const char *text, const char *part)
{
    for (; *text != 0; text++) {
        size_t i = 0;
        while (part[i] != 0 && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (part[i] == 0)
            return 1;
    }
    return 0;
}

/* GPUs before accelerators before CPUs, then units x clock; devices below the floor last. */
static double speed(const gcl_limits *l)
{
    double class = l->opencl_c < 120 ? 0 : l->is_gpu ? 3 : l->is_accelerator ? 2 : 1;
    double clock = l->clock_mhz > 0 ? l->clock_mhz : 1;
    return class * 1e12 + l->compute_units * clock;
}

/* The fastest whose name or platform contains `part`; -1 if there is none. */
static int fastest(const gcl_limits *list, int n, const char *part)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if (part == NULL || contains(list[i].name, part) || contains(list[i].platform, part))
            if (best < 0 || speed(&list[i]) > speed(&list[best]))
                best = i;
    return best;
}

int gcl_device_choose(const gcl_limits *list, int n, const char *which, gcl_error *err)
{
    if (n == 0)
        return gcl_fail(err, GCL_DEVICE,
                        "no OpenCL device found; install a driver (for the processor itself, on "
                        "Debian: apt-get install pocl-opencl-icd)");
    if (which == NULL || *which == 0 || strcmp(which, "auto") == 0 || strcmp(which, "0") == 0)
        return fastest(list, n, NULL);
    if (which[strspn(which, "0123456789")] == 0) {
        long number = strtol(which, NULL, 10);
        if (number >= 1 && number <= n)
            return (int)number - 1;
        gcl_device_print_list(stderr, list, n);
        return gcl_fail(err, GCL_DEVICE, "there is no device %s: give a number from 1 to %d", which,
                        n);
    }
    int index = fastest(list, n, which);
    if (index >= 0)
        return index;
    gcl_device_print_list(stderr, list, n);
    return gcl_fail(err, GCL_DEVICE, "no device or platform has \"%s\" in its name", which);
}
