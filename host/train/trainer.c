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

static void find_inputs(gcl_trainer *trainer, gcl_node *key, gcl_node *t, gcl_node *const *rates)
{
    trainer->key_at = gcl_plan_offset(trainer->plan, key);
    trainer->t_at = gcl_plan_offset(trainer->plan, t);
    for (int i = 0; i < trainer->n_rates; i++)
        trainer->rate_at[i] = gcl_plan_offset(trainer->plan, rates[i]);
}

int gcl_trainer_build(gcl_trainer *trainer, gcl_device *dev, const gcl_model *model, int batch,
                      int replay, const gcl_plan_options *plan_options, gcl_error *err)
{
    if (gcl_trainer_graph(trainer, model, batch, replay, err) != 0)
        return -1;
    gcl_node *rates[4], *key = gcl_nn_key(trainer->nn), *t = gcl_nn_scalar(trainer->nn, "t");
    for (int i = 0; i < 4 && model->system->networks[i] != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.rate", model->system->networks[i]);
        rates[trainer->n_rates++] = gcl_nn_scalar(trainer->nn, name);
    }
    trainer->store = gcl_store_new(dev);
    trainer->plan = gcl_plan_new(dev, trainer->graph, trainer->store, plan_options, err);
    if (trainer->plan == NULL) {
        gcl_trainer_free(trainer);
        return -1;
    }
    find_inputs(trainer, key, t, rates);
    return 0;
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
    float t = (float)step, rate = 1;
    if (trainer->key_at >= 0)
        memcpy(stage + trainer->key_at, key, sizeof key);
    if (trainer->t_at >= 0)
        memcpy(stage + trainer->t_at, &t, sizeof t);
    for (int i = 0; i < trainer->n_rates; i++)
        if (trainer->rate_at[i] >= 0)
            memcpy(stage + trainer->rate_at[i], &rate, sizeof rate);
}

void gcl_model_name(const gcl_model *model, char *text, size_t size)
{
    snprintf(text, size, "%s:%s", model->system->name, model->preset->name);
}

char *gcl_model_settings_json(const gcl_model *model)
{
    json_t *object = json_object();
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &model->system->settings[i];
        double value = model->values[i];
        json_object_set_new(object, setting->key,
                            setting->kind == GCL_SETTING_BOOL  ? json_boolean(value != 0)
                            : setting->kind == GCL_SETTING_INT ? json_integer((json_int_t)value)
                                                               : json_real(value));
    }
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    return text;
}
