#include "autotune/peak.h"

#include <stdio.h>

#include "base/log.h"

enum { CHAINS = 10, REPEATS = 8 };

/* A launch that is timed as a whole, on the host's clock. */
typedef struct timed {
    gcl_device *dev;
    gcl_kernel *kernel;
    size_t global;
} timed;

static int run_once(const timed *t, double *seconds, gcl_error *err)
{
    /* On CPUs each work-item is a group: a driver's own choice may put all of them on one core. */
    size_t one = gcl_device_limits(t->dev)->is_cpu ? 1 : 0;
    const size_t global[3] = {t->global, 1, 1}, local[3] = {one, 1, 1};
    double start = gcl_seconds();
    if (gcl_kernel_launch(t->kernel, global, local, err) != 0 ||
        gcl_device_finish(t->dev, err) != 0)
        return -1;
    *seconds = gcl_seconds() - start;
    return 0;
}

static int run_best(const timed *t, double *best, gcl_error *err)
{
    for (int i = 0; i < REPEATS; i++) {
        double seconds;
        if (run_once(t, &seconds, err) != 0)
            return -1;
        if (i == 0 || seconds < *best)
            *best = seconds;
    }
    return 0;
}

static int width_of(const gcl_limits *limits)
{
    unsigned width = limits->is_cpu ? limits->float_width : 4;
    return width >= 16 ? 16 : width >= 8 ? 8 : width >= 4 ? 4 : 2;
}

gcl_program *gcl_peak_program(gcl_device *dev, gcl_error *err)
{
    char options[64];
    snprintf(options, sizeof options, "-DV=%d -DCHAINS=%d", width_of(gcl_device_limits(dev)),
             CHAINS);
    const char *source = gcl_kernel_source("peak", err);
    return source != NULL ? gcl_program_want(dev, "peak", source, options) : NULL;
}

static gcl_kernel *make_kernel(gcl_device *dev, const char *name, gcl_error *err)
{
    gcl_program *program = gcl_peak_program(dev, err);
    return program != NULL ? gcl_kernel_new(program, name, err) : NULL;
}

/* Rounds are raised until a launch takes long enough for the clock and the launch not to matter. */
static int measure_fma(timed *t, gcl_buffer *out, double *gflops, gcl_error *err)
{
    int width = width_of(gcl_device_limits(t->dev));
    double seconds = 0;
    if (gcl_kernel_set_buffer(t->kernel, 0, out, err) != 0 ||
        gcl_kernel_set_float(t->kernel, 2, 0.999f, err) != 0 ||
        gcl_kernel_set_float(t->kernel, 3, 0.001f, err) != 0)
        return -1;
    for (int rounds = 1024; rounds <= 1 << 24; rounds *= 2) {
        if (gcl_kernel_set_int(t->kernel, 1, rounds, err) != 0 || run_once(t, &seconds, err) != 0)
            return -1;
        if (seconds < 0.02)
            continue;
        if (run_best(t, &seconds, err) != 0)
            return -1;
        *gflops = 2e-9 * width * CHAINS * rounds * (double)t->global / seconds;
        return 0;
    }
    return gcl_fail(err, GCL_DEVICE, "the peak rate cannot be measured: the clock stands still");
}

static int peak_of_arithmetic(gcl_device *dev, double *gflops, gcl_error *err)
{
    const gcl_limits *limits = gcl_device_limits(dev);
    timed t = {.dev = dev, .global = (size_t)limits->compute_units * (limits->is_cpu ? 8 : 2048)};
    uint64_t bytes = t.global * (size_t)width_of(limits) * sizeof(float);
    gcl_buffer *out = gcl_buffer_new(dev, bytes, "peak rate", err);
    t.kernel = out != NULL ? make_kernel(dev, "peak_fma", err) : NULL;
    int result = t.kernel != NULL ? measure_fma(&t, out, gflops, err) : -1;
    gcl_kernel_free(t.kernel);
    gcl_buffer_free(out);
    return result;
}

/* Larger than caches, but no more than a sixteenth of the memory. */
static uint64_t copy_bytes(const gcl_limits *limits)
{
    uint64_t bytes = UINT64_C(256) << 20;
    while (bytes > limits->max_alloc_bytes / 2 || bytes > limits->memory_bytes / 16)
        bytes /= 2;
    return bytes;
}

static int measure_copy(timed *t, gcl_buffer *in, gcl_buffer *out, uint64_t bytes, double *gbs,
                        gcl_error *err)
{
    const gcl_limits *limits = gcl_device_limits(t->dev);
    int each = limits->is_cpu ? 1024 : 1;
    double seconds = 0;
    t->global = (size_t)(bytes / sizeof(float) / (uint64_t)(width_of(limits) * each));
    if (gcl_kernel_set_buffer(t->kernel, 0, in, err) != 0 ||
        gcl_kernel_set_buffer(t->kernel, 1, out, err) != 0 ||
        gcl_kernel_set_int(t->kernel, 2, each, err) != 0 || run_best(t, &seconds, err) != 0)
        return -1;
    double moved = 2.0 * sizeof(float) * width_of(limits) * each * (double)t->global;
    *gbs = 1e-9 * moved / seconds;
    return 0;
}

static int peak_of_copy(gcl_device *dev, double *gbs, gcl_error *err)
{
    timed t = {.dev = dev};
    uint64_t bytes = copy_bytes(gcl_device_limits(dev));
    gcl_buffer *in = gcl_buffer_new(dev, bytes, "copy rate", err);
    gcl_buffer *out = in != NULL ? gcl_buffer_new(dev, bytes, "copy rate", err) : NULL;
    t.kernel = out != NULL ? make_kernel(dev, "peak_copy", err) : NULL;
    int result = t.kernel != NULL ? measure_copy(&t, in, out, bytes, gbs, err) : -1;
    gcl_kernel_free(t.kernel);
    gcl_buffer_free(out);
    gcl_buffer_free(in);
    return result;
}

int gcl_peak_measure(gcl_device *dev, gcl_peak *peak, gcl_error *err)
{
    if (peak_of_arithmetic(dev, &peak->gflops, err) != 0)
        return -1;
    return peak_of_copy(dev, &peak->gbs, err);
}
