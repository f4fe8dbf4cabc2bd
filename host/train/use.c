#include "train/use.h"

#include <stdlib.h>
#include <string.h>

#include "io/grid.h"

enum { MOST_OUTPUTS = 4 };

struct gcl_use {
    const gcl_model *model;
    int batch;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_plan *plan;
    gcl_node *bytes, *out[MOST_OUTPUTS];
    int n_out;
    int64_t bytes_at, key_at;
};

/* Bytes of 0 .. levels-1 as the numbers that the model is trained on. */
static gcl_node *decode(gcl_use *use)
{
    const gcl_system *system = use->model->system;
    gcl_wanted wanted;
    system->data(use->model, &wanted);
    int last = (wanted.levels > 0 ? wanted.levels : 256) - 1;
    double low = system->picture_low, high = system->picture_high;
    gcl_shape shape = gcl_shape_of(use->batch, wanted.size, wanted.size, wanted.channels);
    gcl_node *x = gcl_nn_levels(use->nn, "bytes", shape, last); /* in [0, 1] */
    use->bytes = gcl_nn_data_at(use->nn, 0);
    return gcl_shift(gcl_scale(x, high - low), low);
}

static void add_output(gcl_use *use, gcl_node *node, const char *name)
{
    use->out[use->n_out++] = gcl_graph_output(node, name);
}

/* With batch statistics a picture would depend on its neighbours: such are made one by one. */
static int one_by_one(const gcl_model *model, gcl_task task)
{
    return task == GCL_TASK_TRANSLATE && model->system->translate_in_training;
}

static int in_training(const gcl_model *model, gcl_task task)
{
    return one_by_one(model, task) || task == GCL_TASK_JUDGE;
}

static void build_graph(gcl_use *use, gcl_task task, int bounds)
{
    const gcl_system *system = use->model->system;
    gcl_nn_options options = {.training = in_training(use->model, task), .frozen = 1};
    options.averaged = gcl_model_real(use->model, "ema") > 0;
    use->graph = gcl_graph_new();
    use->nn = gcl_nn_new(use->graph, &options);
    gcl_node *x = decode(use);
    if (bounds) {
        gcl_bound bound;
        system->bound(use->nn, use->model, x, &bound);
        add_output(use, bound.reconstruction, "reconstruction");
        add_output(use, bound.kl, "kl");
        add_output(use, bound.log_weight, "log_weight");
        add_output(use, bound.active, "active");
    } else if (task == GCL_TASK_CLASSIFY) {
        add_output(use, system->classify(use->nn, use->model, x), "scores");
    } else if (task == GCL_TASK_JUDGE) {
        add_output(use, system->judge(use->nn, use->model, x), "scores");
    } else if (task == GCL_TASK_TRANSLATE) {
        add_output(use, system->translate(use->nn, use->model, x), "pictures");
    } else {
        add_output(use, system->reconstruct(use->nn, use->model, x), "pictures");
    }
    gcl_nn_finish(use->nn);
}

static gcl_use *make(gcl_device *dev, gcl_store *store, const gcl_model *model, gcl_task task,
                     int bounds, int batch, gcl_error *err)
{
    const char *lacks = gcl_model_lacks(model, task);
    if (lacks != NULL) {
        gcl_fail(err, GCL_USAGE, "%s: %s", model->system->name, lacks);
        return NULL;
    }
    gcl_use *use = gcl_alloc(sizeof *use);
    use->model = model;
    use->batch = one_by_one(model, task) ? 1 : batch;
    build_graph(use, task, bounds);
    if (gcl_graph_error(use->graph) != NULL)
        gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(use->graph));
    else
        use->plan = gcl_plan_new(dev, use->graph, store, NULL, err);
    if (use->plan == NULL) {
        gcl_use_free(use);
        return NULL;
    }
    use->bytes_at = gcl_plan_offset(use->plan, use->bytes);
    use->key_at = gcl_plan_offset(use->plan, gcl_nn_key(use->nn));
    return use;
}

gcl_use *gcl_use_new(gcl_device *dev, gcl_store *store, const gcl_model *model, gcl_task task,
                     int batch, gcl_error *err)
{
    return make(dev, store, model, task, 0, batch, err);
}

gcl_use *gcl_use_new_bound(gcl_device *dev, gcl_store *store, const gcl_model *model, int batch,
                           gcl_error *err)
{
    return make(dev, store, model, GCL_TASK_RECONSTRUCT, 1, batch, err);
}

void gcl_use_free(gcl_use *use)
{
    if (use == NULL)
        return;
    gcl_plan_free(use->plan);
    gcl_nn_free(use->nn);
    gcl_graph_free(use->graph);
    free(use);
}

const gcl_nn *gcl_use_nn(const gcl_use *use) { return use->nn; }
int gcl_use_batch(const gcl_use *use) { return use->batch; }
gcl_shape gcl_use_shape(const gcl_use *use) { return use->out[0]->shape; }

int gcl_use_run(gcl_use *use, const uint8_t *bytes, uint64_t seed, int64_t draw, gcl_error *err)
{
    uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)draw, 0};
    unsigned char *stage = gcl_plan_stage(use->plan, err);
    if (stage == NULL)
        return -1;
    if (use->bytes_at >= 0)
        memcpy(stage + use->bytes_at, bytes, (size_t)gcl_shape_count(use->bytes->shape));
    if (use->key_at >= 0)
        memcpy(stage + use->key_at, key, sizeof key);
    for (int i = 0; i < gcl_nn_scalars(use->nn); i++) {
        const gcl_node *scalar = gcl_nn_scalar_at(use->nn, i);
        int64_t at = gcl_plan_offset(use->plan, scalar);
        float value = (float)gcl_model_scalar(use->model, scalar->name, draw);
        if (at >= 0)
            memcpy(stage + at, &value, sizeof value);
    }
    return gcl_plan_run(use->plan, err);
}

int gcl_use_pictures(gcl_use *use, uint8_t *bytes, gcl_error *err)
{
    int64_t n = gcl_shape_count(use->out[0]->shape);
    double low = use->model->system->picture_low, high = use->model->system->picture_high;
    float *values = gcl_try_alloc((size_t)n * sizeof *values, "pictures", err);
    if (values == NULL)
        return -1;
    int result = gcl_plan_read(use->plan, use->out[0], values, err);
    for (int64_t i = 0; result == 0 && i < n; i++)
        values[i] = (float)(2 * (values[i] - low) / (high - low) - 1);
    if (result == 0)
        gcl_grid_bytes_from_floats(bytes, values, (size_t)n);
    free(values);
    return result;
}

int gcl_use_scores(gcl_use *use, float *scores, gcl_error *err)
{
    return gcl_plan_read(use->plan, use->out[0], scores, err);
}

int gcl_use_bounds(gcl_use *use, float *reconstruction, float *kl, float *log_weight,
                   gcl_error *err)
{
    if (gcl_plan_read(use->plan, use->out[0], reconstruction, err) != 0 ||
        gcl_plan_read(use->plan, use->out[1], kl, err) != 0)
        return -1;
    return gcl_plan_read(use->plan, use->out[2], log_weight, err);
}

int gcl_use_units(gcl_use *use, float *kl, int most, gcl_error *err)
{
    int n = (int)gcl_shape_count(use->out[3]->shape);
    float *all = gcl_alloc((size_t)n * sizeof *all);
    int result = gcl_plan_read(use->plan, use->out[3], all, err);
    memcpy(kl, all, (size_t)(n < most ? n : most) * sizeof *all);
    free(all);
    return result == 0 ? n : -1;
}
