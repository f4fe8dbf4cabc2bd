#include "train/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "io/grid.h"

/* Training never gets to this step, so its random numbers are none of these. */
#define NO_STEP 0xffffffffu
enum { CONTROL_STREAM = 0x636f6e74, SEED_STREAM = 0x73656564 };

struct gcl_sampler {
    const gcl_model *model;
    int batch;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_plan *plan;
    gcl_node *z, *pictures;
    int64_t z_at, key_at, latent_count, picture_count;
    uint32_t runs; /* so that what pictures draw beside their latents differs from run to run */
    float *values; /* [batch, H, W, C] */
};

static int build(gcl_sampler *sampler, gcl_device *dev, gcl_store *store, gcl_error *err)
{
    const gcl_system *system = sampler->model->system;
    sampler->graph = gcl_graph_new();
    int averaged =
        gcl_model_real(sampler->model, "ema") > 0; /* not where there is no such setting */
    sampler->nn = gcl_nn_new(sampler->graph, &(gcl_nn_options){.averaged = averaged});
    sampler->z =
        gcl_input(sampler->graph, "z", GCL_F32, system->latent(sampler->model, sampler->batch));
    gcl_node *y = system->generate(sampler->nn, sampler->model, sampler->z);
    sampler->pictures = gcl_graph_output(y, "pictures");
    gcl_nn_finish(sampler->nn);
    if (gcl_graph_error(sampler->graph) != NULL)
        return gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(sampler->graph));
    sampler->plan = gcl_plan_new(dev, sampler->graph, store, NULL, err);
    if (sampler->plan == NULL)
        return -1;
    sampler->z_at = gcl_plan_offset(sampler->plan, sampler->z);
    sampler->key_at = gcl_plan_offset(sampler->plan, gcl_nn_key(sampler->nn));
    sampler->latent_count = gcl_shape_count(sampler->z->shape) / sampler->batch;
    sampler->picture_count = gcl_shape_count(y->shape) / sampler->batch;
    sampler->values =
        gcl_try_alloc((size_t)gcl_shape_count(y->shape) * sizeof(float), "sampled pictures", err);
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
    sampler->model = model;
    sampler->batch = batch;
    if (build(sampler, dev, store, err) == 0)
        return sampler;
    gcl_sampler_free(sampler);
    return NULL;
}

void gcl_sampler_free(gcl_sampler *sampler)
{
    if (sampler == NULL)
        return;
    gcl_plan_free(sampler->plan);
    gcl_nn_free(sampler->nn);
    gcl_graph_free(sampler->graph);
    free(sampler->values);
    free(sampler);
}

const gcl_nn *gcl_sampler_nn(const gcl_sampler *sampler) { return sampler->nn; }

void gcl_sampler_picture(const gcl_sampler *sampler, int *height, int *width, int *channels)
{
    *height = sampler->pictures->shape.d[1];
    *width = sampler->pictures->shape.d[2];
    *channels = sampler->pictures->shape.d[3];
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

static int run_batch(gcl_sampler *sampler, const float *latents, int count, uint8_t *pictures,
                     gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(sampler->plan, err);
    if (stage == NULL)
        return -1;
    if (sampler->z_at >= 0)
        memcpy(stage + sampler->z_at, latents,
               (size_t)(count * sampler->latent_count) * sizeof(float));
    uint32_t key[4] = {0, 0, sampler->runs++, 0};
    if (sampler->key_at >= 0)
        memcpy(stage + sampler->key_at, key, sizeof key);
    if (gcl_plan_run(sampler->plan, err) != 0 ||
        gcl_plan_read(sampler->plan, sampler->pictures, sampler->values, err) != 0)
        return -1;
    int64_t n = count * sampler->picture_count;
    to_usual_range(sampler->model->system, sampler->values, n);
    gcl_grid_bytes_from_floats(pictures, sampler->values, (size_t)n);
    return 0;
}

int gcl_sampler_run(gcl_sampler *sampler, const float *latents, int count, uint8_t *pictures,
                    gcl_error *err)
{
    for (int done = 0; done < count; done += sampler->batch) {
        int n = count - done < sampler->batch ? count - done : sampler->batch;
        if (run_batch(sampler, latents + done * sampler->latent_count, n,
                      pictures + done * sampler->picture_count, err) != 0)
            return -1;
    }
    return 0;
}

int64_t gcl_sampler_latent_count(const gcl_model *model)
{
    return gcl_shape_count(model->system->latent(model, 1));
}

static void draw(float *values, int64_t n, uint64_t seed, uint32_t stream, double scale)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(scale * gcl_philox_normal(seed, NO_STEP, stream, (uint64_t)i));
}

void gcl_sampler_control(const gcl_model *model, uint64_t seed, int count, float *latents)
{
    draw(latents, count * gcl_sampler_latent_count(model), seed, CONTROL_STREAM,
         model->system->control_scale);
}

void gcl_sampler_latent(const gcl_model *model, uint64_t seed, double temperature, float *latent)
{
    draw(latent, gcl_sampler_latent_count(model), seed, SEED_STREAM, temperature);
}
