#include "train/trainer.h"

#include <jansson.h>
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

int gcl_trainer_graph(gcl_trainer *trainer, const gcl_model *model, int batch, int replay,
                      gcl_error *err)
{
    memset(trainer, 0, sizeof *trainer);
    trainer->model = model;
    trainer->batch = batch;
    trainer->graph = gcl_graph_new();
    trainer->nn = gcl_nn_new(trainer->graph, &(gcl_nn_options){.training = 1, .replay = replay});
    model->system->step(trainer->nn, model, batch, &trainer->step);
    pack_history(trainer);
    gcl_nn_finish(trainer->nn);
    const char *mistake = gcl_graph_error(trainer->graph);
    if (mistake == NULL)
        return 0;
    gcl_fail(err, GCL_USAGE, "%s", mistake);
    gcl_trainer_free(trainer);
    return -1;
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

int gcl_trainer_build(gcl_trainer *trainer, gcl_device *dev, const gcl_model *model, int batch,
                      int replay, const gcl_plan_options *plan_options, gcl_error *err)
{
    if (gcl_trainer_graph(trainer, model, batch, replay, err) != 0)
        return -1;
    return gcl_trainer_plan(trainer, dev, plan_options, err);
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

void gcl_trainer_set_step(const gcl_trainer *trainer, unsigned char *stage, uint64_t seed,
                          int64_t step)
{
    uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step, 0};
    if (trainer->key_at >= 0)
        memcpy(stage + trainer->key_at, key, sizeof key);
    for (int i = 0; i < gcl_nn_scalars(trainer->nn); i++) {
        const gcl_node *scalar = gcl_nn_scalar_at(trainer->nn, i);
        int64_t at = gcl_plan_offset(trainer->plan, scalar);
        float value = strcmp(scalar->name, "t") == 0 ? (float)step : 1;
        if (at >= 0)
            memcpy(stage + at, &value, sizeof value);
    }
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

void gcl_model_settings_json(const gcl_model *model, gcl_text *text, const char *between)
{
    char value[128];
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &model->system->settings[i];
        gcl_model_value_text(model, i, value, sizeof value);
        gcl_text_add(text, "%s\"%s\": ", i > 0 ? between : "", setting->key);
        if (setting->kind == GCL_SETTING_CHOICE)
            gcl_json_add_string(text, value);
        else
            gcl_text_add(text, "%s", value);
    }
}
