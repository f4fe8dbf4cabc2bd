#include "train/trainer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Losses and guards leave the device as one small vector a step. */
static void pack_history(gcl_trainer *trainer)
{
    gcl_node *parts[GCL_MAX_HISTORY];
    int n = 0;
    for (int i = 0; i < trainer->step.n_losses; i++)
        parts[n++] = trainer->step.losses[i].node;
    for (int i = 0; i < trainer->step.n_guards; i++)
        parts[n++] = trainer->step.guards[i].node;
    gcl_graph_output(gcl_pack(trainer->graph, parts, n, NULL), "history");
}

static int build_graph(gcl_trainer *trainer, const gcl_model *model, const gcl_batch *batch,
                       const gcl_nn_options *options, int recompute, gcl_error *err)
{
    memset(trainer, 0, sizeof *trainer);
    trainer->model = model;
    trainer->batch = *batch;
    trainer->recompute = recompute;
    trainer->graph = gcl_graph_new();
    gcl_graph_set_recompute(trainer->graph, recompute);
    trainer->nn = gcl_nn_new(trainer->graph, options);
    model->system->step(trainer->nn, model, batch, &trainer->step);
    if (!options->prologue)
        pack_history(trainer);
    gcl_nn_finish(trainer->nn);
    const char *mistake = gcl_graph_error(trainer->graph);
    if (mistake == NULL)
        return 0;
    gcl_fail(err, GCL_USAGE, "%s", mistake);
    gcl_trainer_free(trainer);
    return -1;
}

int gcl_trainer_graph(gcl_trainer *trainer, const gcl_model *model,
                      const gcl_trainer_options *options, gcl_error *err)
{
    gcl_nn_options of_nn = {.training = 1, .replay = options->replay};
    return build_graph(trainer, model, &options->batch, &of_nn,
                       options->recompute == GCL_RECOMPUTE_ON, err);
}

int gcl_trainer_prologue(const gcl_trainer *trainer, gcl_device *dev, gcl_error *err)
{
    gcl_trainer before; /* without a store of its own */
    gcl_nn_options options = {.training = 1, .prologue = 1};
    int runs = gcl_nn_prologue(trainer->nn), result = 0;
    if (runs == 0)
        return 0;
    if (build_graph(&before, trainer->model, &trainer->batch, &options, 0, err) != 0)
        return -1;
    before.plan = gcl_plan_new(dev, before.graph, trainer->store, NULL, err);
    if (before.plan == NULL)
        result = -1;
    for (int i = 0; i < runs && result == 0; i++)
        result = gcl_plan_stage(before.plan, err) != NULL ? gcl_plan_run(before.plan, err) : -1;
    if (result == 0)
        result = gcl_plan_finish(before.plan, err);
    gcl_trainer_free(&before);
    return result;
}

int gcl_trainer_plan(gcl_trainer *trainer, gcl_device *dev, const gcl_plan_options *plan_options,
                     gcl_error *err)
{
    trainer->store = gcl_store_new(dev);
    trainer->plan = gcl_plan_new(dev, trainer->graph, trainer->store, plan_options, err);
    if (trainer->plan == NULL) {
        gcl_trainer_free(trainer);
        return -1;
    }
    trainer->key_at = gcl_plan_offset(trainer->plan, gcl_nn_key(trainer->nn));
    return 0;
}

int gcl_trainer_replan(gcl_trainer *trainer, gcl_device *dev, const gcl_plan_options *plan_options,
                       gcl_error *err)
{
    gcl_plan_free(trainer->plan);
    trainer->plan = gcl_plan_new(dev, trainer->graph, trainer->store, plan_options, err);
    if (trainer->plan == NULL)
        return -1;
    trainer->key_at = gcl_plan_offset(trainer->plan, gcl_nn_key(trainer->nn));
    return 0;
}

uint64_t gcl_trainer_bytes(const gcl_trainer *trainer)
{
    gcl_plan_stats stats;
    gcl_plan_get_stats(trainer->plan, &stats);
    return stats.value_bytes + stats.variable_bytes + stats.upload_bytes; /* scratch is a value */
}

static int build(gcl_trainer *trainer, gcl_device *dev, const gcl_model *model,
                 const gcl_trainer_options *options, gcl_error *err)
{
    if (gcl_trainer_graph(trainer, model, options, err) != 0)
        return -1;
    return gcl_trainer_plan(trainer, dev, options->plan, err);
}

/* Device memory of a step with these options; 0 if it cannot be placed at all. */
static uint64_t estimate(gcl_device *dev, const gcl_model *model,
                         const gcl_trainer_options *options)
{
    gcl_trainer trainer;
    gcl_error none = {0};
    gcl_plan_options plan = {.estimate_only = 1};
    gcl_trainer_options only = *options;
    only.plan = &plan;
    if (build(&trainer, dev, model, &only, &none) != 0)
        return 0;
    uint64_t bytes = gcl_trainer_bytes(&trainer);
    gcl_trainer_free(&trainer);
    return bytes;
}

/* Ends the message with the largest batch, of halves of the one wanted, that is expected to fit. A
 * tenth of the memory is left to the system. */
static void say_what_fits(gcl_device *dev, const gcl_model *model, gcl_trainer_options options,
                          gcl_error *err)
{
    size_t n = strlen(err->text), room = sizeof err->text - n;
    uint64_t memory = gcl_device_limits(dev)->memory_bytes / 10 * 9;
    while ((options.batch.size /= 2) > 0) {
        uint64_t bytes = estimate(dev, model, &options);
        if (bytes > 0 && bytes <= memory) {
            snprintf(err->text + n, room, "; --batch %d would fit (%.0f MB)", options.batch.size,
                     (double)bytes / 1e6);
            return;
        }
    }
    snprintf(err->text + n, room, "; not even --batch 1 would fit: choose a smaller preset");
}

/* A batch that a graph cannot even count is a matter of memory: no mistake of the model, which can be
 * built for one picture. */
static void tell_size_from_mistake(const gcl_model *model, gcl_trainer_options options,
                                   gcl_error *why)
{
    gcl_trainer one;
    char text[sizeof why->text];
    int batch = options.batch.size;
    options.batch = (gcl_batch){1, 1};
    if (why->code != GCL_USAGE || batch == 1 || gcl_trainer_graph(&one, model, &options, NULL) != 0)
        return;
    gcl_trainer_free(&one);
    memcpy(text, why->text, sizeof text);
    *why = (gcl_error){0};
    gcl_fail(why, GCL_MEMORY, "batch %d is too large: %s", batch, text);
}

/* 1: all of a step that is only estimated lies within the device's memory. A plan that is made has
 * shown it. */
static int fits(const gcl_trainer *trainer, gcl_device *dev, const gcl_trainer_options *options)
{
    return options->plan == NULL || !options->plan->estimate_only ||
           gcl_trainer_bytes(trainer) <= gcl_device_limits(dev)->memory_bytes;
}

int gcl_trainer_build(gcl_trainer *trainer, gcl_device *dev, const gcl_model *model,
                      const gcl_trainer_options *options, gcl_error *err)
{
    gcl_error why = {0}, later = {0};
    gcl_trainer_options again = *options;
    int automatic = options->recompute == GCL_RECOMPUTE_AUTO;
    int built = build(trainer, dev, model, options, &why) == 0;
    if (built && (!automatic || fits(trainer, dev, options)))
        return 0;
    if (built)
        gcl_trainer_free(trainer);
    else
        tell_size_from_mistake(model, *options, &why);
    if (automatic && (built || why.code == GCL_MEMORY)) {
        again.recompute = GCL_RECOMPUTE_ON;
        if (build(trainer, dev, model, &again, &later) == 0)
            return 0;
        if (built || later.code != GCL_USAGE)
            why = later;
    }
    gcl_fail(err, why.code, "%s", why.text);
    if (err != NULL && why.code == GCL_MEMORY)
        say_what_fits(dev, model, again, err);
    return -1;
}

void gcl_trainer_free(gcl_trainer *trainer)
{
    if (trainer->plan != NULL)
        gcl_plan_free(trainer->plan);
    if (trainer->store != NULL)
        gcl_store_free(trainer->store);
    if (trainer->nn != NULL)
        gcl_nn_free(trainer->nn);
    if (trainer->graph != NULL)
        gcl_graph_free(trainer->graph);
    memset(trainer, 0, sizeof *trainer);
}

int gcl_trainer_pictures(const gcl_trainer *trainer)
{
    return trainer->batch.size * trainer->batch.parts;
}

void gcl_trainer_set_step(const gcl_trainer *trainer, unsigned char *stage, uint64_t seed,
                          int64_t step)
{
    uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step, 0};
    if (trainer->key_at >= 0)
        memcpy(stage + trainer->key_at, key, sizeof key);
    for (int i = 0; i < gcl_nn_scalars(trainer->nn); i++) {
        const gcl_node *scalar = gcl_nn_scalar_at(trainer->nn, i);
        int64_t at = gcl_plan_offset(trainer->plan, scalar);
        float value = (float)gcl_model_scalar(trainer->model, scalar->name, step);
        if (at >= 0)
            memcpy(stage + at, &value, sizeof value);
    }
}

/* 0 where the system has no such setting. */
static double setting_of(const gcl_model *model, const char *key)
{
    double value = gcl_model_real(model, key);
    return isnan(value) ? 0 : value;
}

double gcl_model_rate(const gcl_model *model, const char *network, int64_t step)
{
    char scalar[64];
    snprintf(scalar, sizeof scalar, "%s.rate", network);
    double rate = setting_of(model, "lr") * gcl_model_scalar(model, scalar, step);
    return rate / (1 + setting_of(model, "decay") * (double)step);
}

void gcl_model_name(const gcl_model *model, char *text, size_t size)
{
    snprintf(text, size, "%s:%s", model->system->name, model->preset->name);
}

void gcl_json_add_string(gcl_text *text, const char *value)
{
    json_t *string = json_string(value);
    char *quoted = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    gcl_text_add(text, "%s", quoted != NULL ? quoted : "\"(not UTF-8)\"");
    free(quoted);
    json_decref(string);
}

/* A list as an array, weights as an object. */
static void add_value(const gcl_setting *setting, const char *value, gcl_text *text)
{
    switch (setting->kind) {
    case GCL_SETTING_CHOICE:
    case GCL_SETTING_WORDS: gcl_json_add_string(text, value); return;
    case GCL_SETTING_INTS:
    case GCL_SETTING_REALS: gcl_text_add(text, "[%s]", value); return;
    case GCL_SETTING_WEIGHTS: break;
    case GCL_SETTING_INT:
    case GCL_SETTING_REAL:
    case GCL_SETTING_BOOL: gcl_text_add(text, "%s", value); return;
    }
    gcl_text_add(text, "{"); /* gan:1,l1:100 -> "gan":1,"l1":100 */
    for (const char *at = value; *at != 0;) {
        int word = (int)strcspn(at, ":"), number = (int)strcspn(at, ",");
        gcl_text_add(text, "%s\"%.*s\"%.*s", at > value ? "," : "", word, at, number - word,
                     at + word);
        at += number + (at[number] == ',');
    }
    gcl_text_add(text, "}");
}

void gcl_model_settings_json(const gcl_model *model, gcl_text *text, const char *between)
{
    char value[128];
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &model->system->settings[i];
        gcl_model_value_text(model, i, value, sizeof value);
        gcl_text_add(text, "%s\"%s\": ", i > 0 ? between : "", setting->key);
        add_value(setting, value, text);
    }
}
