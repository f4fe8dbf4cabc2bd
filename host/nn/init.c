/* Initial values: policies of layers, and the numbers themselves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "nn/internal.h"

/* ---- policies ---- */

gcl_init gcl_init_constant(double value)
{
    return (gcl_init){.kind = GCL_INIT_CONSTANT, .a = value};
}

static gcl_init uniform(double bound)
{
    return (gcl_init){.kind = GCL_INIT_UNIFORM, .a = -bound, .b = bound};
}

static gcl_init normal(double mean, double deviation)
{
    return (gcl_init){.kind = GCL_INIT_NORMAL, .a = mean, .b = deviation};
}

gcl_init gcl_init_glorot(int64_t fan_in, int64_t fan_out)
{
    return uniform(sqrt(6.0 / (double)(fan_in + fan_out)));
}

void gcl_nn_set_init(gcl_nn *nn, gcl_policy policy) { nn->policy = policy; }

gcl_init gcl_nn_weight_init(const gcl_nn *nn, const gcl_fans *fans)
{
    switch (nn->policy.kind) {
    case GCL_POLICY_GLOROT: break;
    case GCL_POLICY_GAUSSIAN: return normal(0, nn->policy.std);
    case GCL_POLICY_HE:
        if (!fans->linear)
            return normal(0, sqrt(2.0 / (double)fans->out));
        return uniform(1 / sqrt((double)fans->torch_in));
    case GCL_POLICY_PYTORCH: return uniform(1 / sqrt((double)fans->torch_in));
    }
    return gcl_init_glorot(fans->in, fans->out);
}

gcl_init gcl_nn_bias_init(const gcl_nn *nn, const gcl_fans *fans)
{
    gcl_policy_kind kind = nn->policy.kind;
    if (kind == GCL_POLICY_PYTORCH || (kind == GCL_POLICY_HE && fans->linear))
        return uniform(1 / sqrt((double)fans->torch_in));
    return gcl_init_constant(0);
}

gcl_init gcl_nn_gamma_init(const gcl_nn *nn)
{
    if (nn->policy.kind == GCL_POLICY_GAUSSIAN && nn->policy.gamma_std > 0)
        return normal(1, nn->policy.gamma_std);
    return gcl_init_constant(1);
}

/* ---- numbers ---- */

/* Steps of training count from 0, so the last step number is free for what comes before them. */
static const uint32_t initial_step = UINT32_MAX;

/* Element i of the stream of numbers that belongs to a name. */
static double drawn(const gcl_init *init, uint64_t seed, uint32_t stream, int64_t i)
{
    uint64_t at = (uint64_t)i;
    switch (init->kind) {
    case GCL_INIT_UNIFORM:
        return init->a + (init->b - init->a) * gcl_philox_uniform(seed, initial_step, stream, at);
    case GCL_INIT_NORMAL:
        return init->a + init->b * gcl_philox_normal(seed, initial_step, stream, at);
    case GCL_INIT_DIRECTION: return gcl_philox_normal(seed, initial_step, stream, at);
    default: return init->a;
    }
}

/* x / max(|x|, least) */
static void normalise(float *x, int64_t n, double least)
{
    double squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    double norm = fmax(sqrt(squares), least);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / norm);
}

/* gain[k] = log(|(mask * of)_k| + 0.01) + shift over the last dimension k of `of`. */
static void log_gain(const gcl_init *init, uint64_t seed, float *gain)
{
    int64_t n = gcl_tensor_count(init->of), n_k = init->of->shape.d[3];
    float *v = gcl_alloc((size_t)n * sizeof *v);
    gcl_tensor_initialise(init->of, seed, v);
    for (int64_t k = 0; k < n_k; k++) {
        double squares = 0;
        for (int64_t i = k; i < n; i += n_k) {
            double x = (double)v[i] * (init->mask != NULL ? init->mask[i] : 1);
            squares += x * x;
        }
        gain[k] = (float)(log(sqrt(squares) + 0.01) + init->a);
    }
    free(v);
}

/* Which element's number element i gets: its own, or that of the first of those that start alike. */
static int64_t drawn_as(const gcl_init *init, const gcl_shape *shape, int64_t i)
{
    if (init->alike > 1)
        return i - i % shape->d[3] % init->alike;
    if (init->blocks > 1) {
        int64_t pixel = (int64_t)shape->d[2] * shape->d[3], row = shape->d[1] * pixel;
        return i - i / row % init->blocks * row - i % row / pixel % init->blocks * pixel;
    }
    return i;
}

void gcl_tensor_initialise(const gcl_tensor *tensor, uint64_t seed, float *memory)
{
    const gcl_init *init = &tensor->init;
    if (init->kind == GCL_INIT_COPY) {
        gcl_tensor_initialise(init->of, seed, memory);
        return;
    }
    if (init->kind == GCL_INIT_LOG_GAIN) {
        log_gain(init, seed, memory);
        return;
    }
    uint32_t stream = gcl_names_stream("initial ", tensor->name);
    int64_t n = gcl_tensor_count(tensor);
    for (int64_t i = 0; i < n; i++)
        memory[i] = (float)drawn(init, seed, stream, drawn_as(init, &tensor->shape, i));
    if (init->kind == GCL_INIT_DIRECTION)
        normalise(memory, n, init->a);
}
