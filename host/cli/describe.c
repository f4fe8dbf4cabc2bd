#include "cli/describe.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "cli/dataset.h"
#include "cli/layers.h"
#include "datasets/loader.h"
#include "io/checkpoint.h"
#include "train/trainer.h"
#include "train/tuning.h"

/* ---- cost of a training step ---------------------------------------------------------------------- */

typedef struct step_cost {
    int batch, placed;                 /* placed: memory was planned on a device */
    int recompute;                     /* activations are computed a second time */
    uint64_t peak_bytes, memory_bytes; /* of the step; of the device */
    double flops;
} step_cost;

/* Without a device only the arithmetic is known: where values lie is the plan's business. */
static int cost_of_step(step_cost *cost, const gcl_model *model, int batch, gcl_recompute recompute,
                        const char *device, gcl_error *err)
{
    gcl_trainer trainer;
    gcl_plan_options estimate = {.estimate_only = 1};
    gcl_error no_device = {0};
    *cost = (step_cost){.batch = batch};
    gcl_device *dev = gcl_device_open(device, 0, device != NULL ? err : &no_device);
    if (dev == NULL && device != NULL)
        return -1;
    gcl_trainer_options options = {.batch = {batch, 1}, .recompute = recompute, .plan = &estimate};
    int result = dev != NULL ? gcl_trainer_build(&trainer, dev, model, &options, err)
                             : gcl_trainer_graph(&trainer, model, &options, err);
    if (result == 0) {
        cost->placed = dev != NULL;
        cost->recompute = trainer.recompute;
        cost->peak_bytes = dev != NULL ? gcl_trainer_bytes(&trainer) : 0;
        cost->memory_bytes = dev != NULL ? gcl_device_limits(dev)->memory_bytes : 0;
        cost->flops = gcl_graph_flops(trainer.graph);
        gcl_trainer_free(&trainer);
    }
    gcl_device_close(dev);
    return result;
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void print_layers(FILE *out, const gcl_layers *layers)
{
    fprintf(out, "\n%-32s %-18s %12s %12s\n", layers->network, "output", "parameters", "MFLOP");
    for (int i = 0; i < layers->n_rows; i++) {
        const gcl_layer_row *row = &layers->rows[i];
        char shape[40];
        snprintf(shape, sizeof shape, "%dx%dx%d", row->shape.d[1], row->shape.d[2],
                 row->shape.d[3]);
        fprintf(out, "%-32s %-18s %12lld %12.2f\n", row->name, shape, (long long)row->parameters,
                row->flops / 1e6);
    }
    fprintf(out, "%-32s %-18s %12lld %12.2f", "total", "", (long long)layers->parameters,
            layers->flops / 1e6);
    if (layers->buffers > 0)
        fprintf(out, "   and %lld in buffers", (long long)layers->buffers);
    fprintf(out, "\n");
}

static void print_step(FILE *out, const step_cost *cost)
{
    fprintf(out, "\ntraining step at batch %d: %.2f GFLOP", cost->batch, cost->flops / 1e9);
    if (cost->placed)
        fprintf(out, ", %.1f MB of device memory", (double)cost->peak_bytes / 1e6);
    if (cost->peak_bytes > cost->memory_bytes)
        fprintf(out, ", which has only %.1f MB: take a smaller --batch or preset",
                (double)cost->memory_bytes / 1e6);
    if (cost->recompute)
        fprintf(out, " (activations computed a second time in the backward pass)");
    fprintf(out, "\n");
}

static int print_networks(FILE *out, const gcl_model *model, gcl_error *err)
{
    char name[128];
    gcl_model_name(model, name, sizeof name);
    fprintf(out, "%s: %s\n", name, model->preset->help);
    for (const char *const *network = model->system->networks(model); *network != NULL; network++) {
        gcl_layers layers;
        if (gcl_layers_build(&layers, model, *network, err) != 0)
            return -1;
        print_layers(out, &layers);
        gcl_layers_free(&layers);
    }
    return 0;
}

static void print_settings(const gcl_model *model)
{
    char value[128];
    printf("\nsettings (--set KEY=VALUE)\n");
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        gcl_model_value_text(model, i, value, sizeof value);
        printf("  %-14s %-12s %s\n", model->system->settings[i].key, value,
               model->system->settings[i].help);
    }
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static json_t *tensor_json(const gcl_tensor *tensor)
{
    static const char *const roles[] = {
        [GCL_ROLE_PARAMETER] = "param", [GCL_ROLE_BUFFER] = "buffer", [GCL_ROLE_EXTRA] = "extra"};
    json_t *shape = json_array();
    for (int d = 0; d < tensor->n_dims; d++)
        json_array_append_new(shape, json_integer(tensor->dims[d]));
    return json_pack("{s:s, s:o, s:s}", "name", tensor->name, "shape", shape, "role",
                     roles[tensor->role]);
}

static json_t *tensors_json(const gcl_nn *nn)
{
    json_t *tensors = json_array();
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(nn, i);
        if (tensor->role == GCL_ROLE_PARAMETER || tensor->role == GCL_ROLE_BUFFER)
            json_array_append_new(tensors, tensor_json(tensor));
    }
    return tensors;
}

/* What only training has and no network owns goes to the first network's tensors. */
static int add_extras(json_t *networks, const gcl_model *model, gcl_error *err)
{
    gcl_trainer trainer;
    json_t *tensors = json_object_get(json_array_get(networks, 0), "tensors");
    if (gcl_trainer_graph(&trainer, model, &(gcl_trainer_options){.batch = {1, 1}}, err) != 0)
        return -1;
    for (int i = 0; i < gcl_nn_tensors(trainer.nn); i++)
        if (gcl_nn_tensor(trainer.nn, i)->role == GCL_ROLE_EXTRA)
            json_array_append_new(tensors, tensor_json(gcl_nn_tensor(trainer.nn, i)));
    gcl_trainer_free(&trainer);
    return 0;
}

static json_t *rows_json(const gcl_layers *layers)
{
    json_t *rows = json_array();
    for (int i = 0; i < layers->n_rows; i++) {
        const gcl_layer_row *row = &layers->rows[i];
        json_array_append_new(
            rows, json_pack("{s:s, s:[i, i, i], s:I, s:f}", "name", row->name, "output",
                            row->shape.d[1], row->shape.d[2], row->shape.d[3], "parameters",
                            (json_int_t)row->parameters, "mflop", row->flops / 1e6));
    }
    return rows;
}

static json_t *networks_json(const gcl_model *model, gcl_error *err)
{
    json_t *networks = json_array();
    for (const char *const *network = model->system->networks(model); *network != NULL; network++) {
        gcl_layers layers;
        if (gcl_layers_build(&layers, model, *network, err) != 0) {
            json_decref(networks);
            return NULL;
        }
        json_array_append_new(
            networks, json_pack("{s:s, s:I, s:I, s:f, s:o, s:o}", "name", *network, "parameters",
                                (json_int_t)layers.parameters, "buffers",
                                (json_int_t)layers.buffers, "mflop", layers.flops / 1e6, "layers",
                                rows_json(&layers), "tensors", tensors_json(layers.nn)));
        gcl_layers_free(&layers);
    }
    if (add_extras(networks, model, err) != 0) {
        json_decref(networks);
        return NULL;
    }
    return networks;
}

static json_t *settings_json(const gcl_model *model)
{
    gcl_text text = {0};
    gcl_text_add(&text, "{");
    gcl_model_settings_json(model, &text, ", ");
    gcl_text_add(&text, "}");
    json_t *settings = json_loads(text.text, 0, NULL);
    gcl_text_free(&text);
    return settings;
}

static json_t *step_json(const step_cost *cost)
{
    return json_pack("{s:i, s:o, s:f, s:b}", "batch", cost->batch, "peak_bytes",
                     cost->placed ? json_integer((json_int_t)cost->peak_bytes) : json_null(),
                     "mflop", cost->flops / 1e6, "recompute", cost->recompute);
}

/* NULL with the error set when the model cannot be built. */
static json_t *model_json(const gcl_model *model, const step_cost *cost, gcl_error *err)
{
    json_t *networks = networks_json(model, err);
    if (networks == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "system", model->system->name, "preset",
                     model->preset->name, "settings", settings_json(model), "networks", networks,
                     "step", step_json(cost));
}

static int print_json(json_t *whole)
{
    if (whole == NULL)
        return -1;
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    printf("\n");
    json_decref(whole);
    return 0;
}

static int describe(const gcl_config *config, const gcl_options *options, gcl_error *err)
{
    step_cost cost;
    const gcl_model *model = &config->model;
    gcl_recompute recompute = gcl_settings_recompute(&config->settings);
    int batch = options->batch > 0 ? (int)options->batch : model->preset->batch;
    if (cost_of_step(&cost, model, batch, recompute, options->device, err) != 0)
        return -1;
    if (options->json)
        return print_json(model_json(model, &cost, err));
    if (print_networks(stdout, model, err) != 0)
        return -1;
    print_step(stdout, &cost);
    print_settings(model);
    return 0;
}

int gcl_command_describe(const gcl_options *options, gcl_error *err)
{
    gcl_config config;
    int result = gcl_configure_model(&config, options->arguments[0], options, err);
    if (result == 0)
        result = describe(&config, options, err);
    gcl_config_free(&config);
    return result;
}

/* ---- train --dry-run ------------------------------------------------------------------------------ */

enum { TIMED_STEPS = 3 };

static int make_step(gcl_trainer *trainer, gcl_loader *loader, uint64_t seed, int64_t step,
                     gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(trainer->plan, err);
    if (stage == NULL)
        return -1;
    gcl_trainer_set_step(trainer, stage, seed, step);
    void *fields[2] = {NULL, NULL};
    for (int i = 0; i < gcl_nn_data(trainer->nn) && i < 2; i++) {
        int64_t at = gcl_plan_offset(trainer->plan, gcl_nn_data_at(trainer->nn, i));
        fields[i] = at >= 0 ? stage + at : NULL;
    }
    if (gcl_loader_next(loader, fields, err) != 0)
        return -1;
    return gcl_plan_run(trainer->plan, err);
}

/* How long the whole run will take, where its end is known. */
static void print_time(FILE *out, const gcl_config *config, gcl_dataset *dataset, int pictures,
                       double seconds)
{
    char clock[32];
    double steps = (double)config->steps;
    double passes = ceil(config->epochs * (double)gcl_dataset_count(dataset) / pictures);
    fprintf(out, "time a step: %.1f ms, %.1f images/s", 1e3 * seconds, pictures / seconds);
    if (config->epochs > 0 && (steps == 0 || passes < steps))
        steps = passes;
    gcl_clock_text(steps * seconds, clock, sizeof clock);
    if (steps > 0 && (config->minutes == 0 || steps * seconds < 60 * config->minutes))
        fprintf(out, "; %.0f steps: about %s", steps, clock);
    else if (config->minutes > 0)
        fprintf(out, "; %g minutes: about %.0f steps", config->minutes,
                60 * config->minutes / seconds);
    fprintf(out, "\n");
}

/* The first step is not timed: it loads what the driver loads late. Returns the seconds of a step, or
 * -1. */
static double time_steps(gcl_trainer *trainer, gcl_loader *loader, uint64_t seed, gcl_error *err)
{
    if (gcl_checkpoint_initialise(trainer->nn, trainer->store, seed, err) != 0 ||
        make_step(trainer, loader, seed, 0, err) != 0 || gcl_plan_finish(trainer->plan, err) != 0)
        return -1;
    double start = gcl_seconds();
    for (int i = 1; i <= TIMED_STEPS; i++)
        if (make_step(trainer, loader, seed, i, err) != 0)
            return -1;
    if (gcl_plan_finish(trainer->plan, err) != 0)
        return -1;
    return (gcl_seconds() - start) / TIMED_STEPS;
}

/* What a step costs on the device; `seconds` of one. */
static int measure(const gcl_config *config, const gcl_train_request *request, gcl_device *dev,
                   gcl_dataset *dataset, step_cost *cost, double *seconds, gcl_error *err)
{
    gcl_trainer trainer;
    gcl_batch batch = gcl_config_batch(config);
    gcl_loader_options options = {.batch = batch.size * batch.parts,
                                  .threads = gcl_train_threads(request->threads),
                                  .seed = config->seed,
                                  .shuffle = 1};
    gcl_tuning tuning;
    gcl_plan_options plan_options = {0};
    gcl_settings_plan(&config->settings, &plan_options);
    gcl_tuning_start(&tuning, config, gcl_device_limits(dev), 0);
    gcl_tuning_ask(&tuning, 0, &plan_options);
    gcl_trainer_options trainer_options = {.batch = batch,
                                           .recompute = gcl_settings_recompute(&config->settings),
                                           .plan = &plan_options};
    int built = gcl_trainer_build(&trainer, dev, &config->model, &trainer_options, err);
    gcl_tuning_free(&tuning);
    if (built != 0)
        return -1;
    *cost = (step_cost){.batch = config->batch,
                        .placed = 1,
                        .recompute = trainer.recompute,
                        .peak_bytes = gcl_trainer_bytes(&trainer),
                        .memory_bytes = gcl_device_limits(dev)->memory_bytes,
                        .flops = gcl_graph_flops(trainer.graph)};
    gcl_loader *loader = gcl_loader_new(dataset, &options, err);
    *seconds = loader != NULL ? time_steps(&trainer, loader, config->seed, err) : -1;
    gcl_loader_free(loader);
    gcl_trainer_free(&trainer);
    return *seconds >= 0 ? 0 : -1;
}

static int print_training(FILE *out, const gcl_config *config, const gcl_train_request *request,
                          gcl_device *dev, gcl_dataset *dataset, gcl_error *err)
{
    step_cost cost;
    double seconds;
    gcl_batch batch = gcl_config_batch(config);
    if (print_networks(out, &config->model, err) != 0)
        return -1;
    fprintf(out, "\ndata: %s\n", gcl_dataset_describe(dataset));
    fprintf(out, "device %d: %s\n", gcl_device_number(dev), gcl_device_limits(dev)->name);
    if (measure(config, request, dev, dataset, &cost, &seconds, err) != 0)
        return -1;
    print_step(out, &cost);
    print_time(out, config, dataset, batch.size * batch.parts, seconds);
    return 0;
}

static int print_training_json(const gcl_config *config, const gcl_train_request *request,
                               gcl_device *dev, gcl_dataset *dataset, gcl_error *err)
{
    step_cost cost;
    double seconds;
    gcl_batch batch = gcl_config_batch(config);
    if (measure(config, request, dev, dataset, &cost, &seconds, err) != 0)
        return -1;
    json_t *whole = model_json(&config->model, &cost, err);
    if (whole == NULL)
        return -1;
    json_object_set_new(whole, "data", gcl_dataset_json_text(gcl_dataset_describe(dataset)));
    json_object_set_new(whole, "device", json_string(gcl_device_limits(dev)->name));
    json_object_set_new(whole, "step_ms", json_real(1e3 * seconds));
    json_object_set_new(whole, "images_per_s", json_real(batch.size * batch.parts / seconds));
    return print_json(whole);
}

int gcl_describe_training(FILE *out, gcl_config *config, const gcl_train_request *request, int json,
                          gcl_error *err)
{
    int result = -1;
    if (config->batch == 0)
        config->batch = config->model.preset->batch;
    gcl_device *dev = gcl_device_open(request->device, 0, err);
    gcl_dataset *dataset = dev != NULL ? gcl_train_dataset(config, err) : NULL;
    if (dataset != NULL)
        result = json ? print_training_json(config, request, dev, dataset, err)
                      : print_training(out, config, request, dev, dataset, err);
    gcl_dataset_close(dataset);
    gcl_device_close(dev);
    return result;
}
