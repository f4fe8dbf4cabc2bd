#include "train/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/sha256.h"
#include "io/grid.h"

enum { PASSES_OF_AVERAGES = 16, READJUST_BATCH = 16, READJUST_STREAM = 0x72656164 };

/* The generator in one mode: latents to pictures. */
typedef struct generator {
    int batch;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_plan *plan;
    gcl_node *z, *pictures;
    int64_t z_at, key_at, share_at; /* in the stage; -1: not read */
} generator;

struct gcl_sampler {
    gcl_device *dev;
    gcl_store *store;
    const gcl_model *model;
    generator evaluation, readjusting; /* the second is made when first needed */
    int64_t latent_count, picture_count;
    float *values; /* [batch, H, W, C] */
    float *kept;   /* running statistics as training left them; NULL: they are so */
    int passes;    /* that readjusted them */
};

/* Whether samples come from averaged weights; never where there is no such setting. */
static int averages(const gcl_model *model) { return gcl_model_real(model, "ema") > 0; }

static int build(gcl_sampler *sampler, generator *g, int batch, int readjust, gcl_error *err)
{
    const gcl_system *system = sampler->model->system;
    gcl_nn_options options = {.averaged = averages(sampler->model), .readjust = readjust};
    g->batch = batch;
    g->graph = gcl_graph_new();
    g->nn = gcl_nn_new(g->graph, &options);
    g->z = gcl_input(g->graph, "z", GCL_F32, system->latent(sampler->model, batch));
    g->pictures = gcl_graph_output(system->generate(g->nn, sampler->model, g->z), "pictures");
    gcl_nn_finish(g->nn);
    if (gcl_graph_error(g->graph) != NULL)
        return gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(g->graph));
    g->plan = gcl_plan_new(sampler->dev, g->graph, sampler->store, NULL, err);
    if (g->plan == NULL)
        return -1;
    g->z_at = gcl_plan_offset(g->plan, g->z);
    g->key_at = gcl_plan_offset(g->plan, gcl_nn_key(g->nn));
    g->share_at = readjust ? gcl_plan_offset(g->plan, gcl_nn_scalar(g->nn, GCL_READJUST)) : -1;
    return 0;
}

static void unbuild(generator *g)
{
    gcl_plan_free(g->plan);
    gcl_nn_free(g->nn);
    gcl_graph_free(g->graph);
    *g = (generator){0};
}

static int build_evaluation(gcl_sampler *sampler, int batch, gcl_error *err)
{
    generator *g = &sampler->evaluation;
    if (build(sampler, g, batch, 0, err) != 0)
        return -1;
    if (g->key_at >= 0 && batch > 1) { /* a run has one key: each picture needs its own */
        unbuild(g);
        batch = 1;
        if (build(sampler, g, batch, 0, err) != 0)
            return -1;
    }
    int64_t n = gcl_shape_count(g->pictures->shape);
    sampler->latent_count = gcl_shape_count(g->z->shape) / batch;
    sampler->picture_count = n / batch;
    sampler->values = gcl_try_alloc((size_t)n * sizeof(float), "sampled pictures", err);
    return sampler->values != NULL ? 0 : -1;
}

gcl_sampler *gcl_sampler_new(gcl_device *dev, gcl_store *store, const gcl_model *model, int batch,
                             gcl_error *err)
{
    const char *lacks = gcl_model_lacks(model, GCL_TASK_GENERATE);
    if (lacks != NULL) {
        gcl_fail(err, GCL_USAGE, "%s: %s", model->system->name, lacks);
        return NULL;
    }
    gcl_sampler *sampler = gcl_alloc(sizeof *sampler);
    *sampler = (gcl_sampler){.dev = dev, .store = store, .model = model};
    if (build_evaluation(sampler, batch, err) == 0)
        return sampler;
    gcl_sampler_free(sampler);
    return NULL;
}

void gcl_sampler_free(gcl_sampler *sampler)
{
    if (sampler == NULL)
        return;
    unbuild(&sampler->evaluation);
    unbuild(&sampler->readjusting);
    free(sampler->values);
    free(sampler->kept);
    free(sampler);
}

const gcl_nn *gcl_sampler_nn(const gcl_sampler *sampler) { return sampler->evaluation.nn; }

void gcl_sampler_picture(const gcl_sampler *sampler, int *height, int *width, int *channels)
{
    const gcl_shape *shape = &sampler->evaluation.pictures->shape;
    *height = shape->d[1];
    *width = shape->d[2];
    *channels = shape->d[3];
}

/* From the system's range to the [-1, 1] that pictures are written from. */
static void to_usual_range(const gcl_system *system, float *values, int64_t n)
{
    double low = system->picture_low, high = system->picture_high;
    if (low == -1 && high == 1)
        return;
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(2 * (values[i] - low) / (high - low) - 1);
}

/* What is drawn beside n latents: numbers that are a function of them. */
static void key_of(const float *latents, int64_t n, uint32_t key[4])
{
    gcl_sha256 sum;
    uint8_t digest[GCL_SHA256_BYTES];
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, latents, (size_t)n * sizeof *latents);
    gcl_sha256_end(&sum, digest);
    memcpy(key, digest, 3 * sizeof *key);
    key[3] = 0;
}

/* One run; `share` of its statistics goes into the running ones where these are readjusted. */
static int enqueue(const generator *g, const float *latents, int64_t n, float share, gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(g->plan, err);
    uint32_t key[4];
    if (stage == NULL)
        return -1;
    if (g->z_at >= 0)
        memcpy(stage + g->z_at, latents, (size_t)n * sizeof(float));
    if (g->key_at >= 0) {
        key_of(latents, n, key);
        memcpy(stage + g->key_at, key, sizeof key);
    }
    if (g->share_at >= 0)
        memcpy(stage + g->share_at, &share, sizeof share);
    return gcl_plan_run(g->plan, err);
}

static int run_batch(gcl_sampler *sampler, const float *latents, int count, uint8_t *pictures,
                     gcl_error *err)
{
    const generator *g = &sampler->evaluation;
    if (enqueue(g, latents, count * sampler->latent_count, 0, err) != 0 ||
        gcl_plan_read(g->plan, g->pictures, sampler->values, err) != 0)
        return -1;
    int64_t n = count * sampler->picture_count;
    to_usual_range(sampler->model->system, sampler->values, n);
    gcl_grid_bytes_from_floats(pictures, sampler->values, (size_t)n);
    return 0;
}

int gcl_sampler_run(gcl_sampler *sampler, const float *latents, int count, uint8_t *pictures,
                    gcl_error *err)
{
    int batch = sampler->evaluation.batch, result = 0;
    gcl_activity activity;
    gcl_activity_begin(&activity, "making pictures", count);
    for (int done = 0; done < count && result == 0; done += batch) {
        int n = count - done < batch ? count - done : batch;
        gcl_activity_update(&activity, done);
        result = run_batch(sampler, latents + done * sampler->latent_count, n,
                           pictures + done * sampler->picture_count, err);
    }
    gcl_activity_end(&activity);
    return result;
}

/* ---- running statistics --------------------------------------------------------------------------- */

static int is_statistic(const gcl_tensor *tensor) { return tensor->role == GCL_ROLE_BUFFER; }

static int64_t count_statistics(const gcl_nn *nn)
{
    int64_t n = 0;
    for (int i = 0; i < gcl_nn_tensors(nn); i++)
        if (is_statistic(gcl_nn_tensor(nn, i)))
            n += gcl_shape_count(gcl_nn_tensor(nn, i)->shape);
    return n;
}

/* All statistics, one after the other, from the store to `values` or (back) the other way. */
static int move_statistics(const gcl_sampler *sampler, float *values, int back, gcl_error *err)
{
    const gcl_nn *nn = sampler->evaluation.nn;
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(nn, i);
        if (!is_statistic(tensor))
            continue;
        int64_t n = gcl_shape_count(tensor->shape);
        int result = back ? gcl_store_write(sampler->store, tensor->variable, values, n, err)
                          : gcl_store_read(sampler->store, tensor->variable, values, n, err);
        if (result != 0)
            return -1;
        values += n;
    }
    return 0;
}

static int keep_statistics(gcl_sampler *sampler, gcl_error *err)
{
    if (sampler->kept != NULL)
        return 0;
    size_t bytes = (size_t)count_statistics(sampler->evaluation.nn) * sizeof(float);
    float *values = gcl_try_alloc(bytes, "running statistics", err);
    if (values == NULL || move_statistics(sampler, values, 0, err) != 0) {
        free(values);
        return -1;
    }
    sampler->kept = values;
    return 0;
}

/* In batches of 16; training may have left memory for fewer. */
static int build_readjusting(gcl_sampler *sampler, gcl_error *err)
{
    gcl_error why = {0};
    generator *g = &sampler->readjusting;
    for (int batch = READJUST_BATCH; batch > 0 && g->graph == NULL; batch /= 2) {
        why = (gcl_error){0};
        if (build(sampler, g, batch, 1, &why) == 0)
            return 0;
        unbuild(g);
        if (why.code != GCL_MEMORY)
            break;
    }
    return g->graph != NULL ? 0 : gcl_fail(err, why.code, "%s", why.text);
}

int gcl_sampler_readjust(gcl_sampler *sampler, int passes, double temperature, gcl_error *err)
{
    return gcl_sampler_readjust_truncated(sampler, passes, temperature, 0, err);
}

int gcl_sampler_readjust_truncated(gcl_sampler *sampler, int passes, double temperature,
                                   double bound, gcl_error *err)
{
    generator *g = &sampler->readjusting;
    if (passes == GCL_USUAL_PASSES)
        passes = averages(sampler->model) ? PASSES_OF_AVERAGES : 0;
    if (passes == 0 || count_statistics(sampler->evaluation.nn) == 0)
        return 0;
    if (build_readjusting(sampler, err) != 0 || keep_statistics(sampler, err) != 0)
        return -1;
    int64_t n = g->batch * sampler->latent_count;
    float *latents = gcl_alloc((size_t)n * sizeof *latents);
    gcl_activity activity;
    int result = 0;
    gcl_activity_begin(&activity, "readjusting statistics", passes);
    for (int pass = 0; pass < passes && result == 0; pass++) {
        gcl_activity_update(&activity, pass);
        gcl_latents_draw(latents, n, (uint64_t)pass, READJUST_STREAM, temperature, bound);
        result = enqueue(g, latents, n, 1.0f / (float)(pass + 1), err);
    }
    free(latents);
    sampler->passes = passes;
    if (result == 0)
        result = gcl_plan_finish(g->plan, err);
    gcl_activity_end(&activity);
    return result;
}

int gcl_sampler_readjusted(const gcl_sampler *sampler) { return sampler->passes; }

int gcl_sampler_restore(gcl_sampler *sampler, gcl_error *err)
{
    if (sampler->kept == NULL)
        return 0;
    int result = move_statistics(sampler, sampler->kept, 1, err);
    free(sampler->kept);
    sampler->kept = NULL;
    sampler->passes = 0;
    return result;
}
