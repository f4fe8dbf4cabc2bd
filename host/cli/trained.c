#include "cli/trained.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/configure.h"
#include "io/checkpoint.h"
#include "train/run.h"

int gcl_trained_open(gcl_trained *t, const char *run, const gcl_options *options, gcl_error *err)
{
    gcl_checkpoint_facts facts;
    *t = (gcl_trained){.options = options};
    char *path = gcl_run_checkpoint(run, options->checkpoint, err);
    t->file = path != NULL ? gcl_safetensors_open(path, err) : NULL;
    free(path);
    if (t->file == NULL || gcl_checkpoint_read_facts(t->file, &facts, err) != 0 ||
        gcl_configure_checkpoint(&t->config, t->file, options, err) != 0)
        return -1;
    t->step = facts.step;
    t->dev = gcl_device_open(options->device, 0, err);
    if (t->dev == NULL)
        return -1;
    t->store = gcl_store_new(t->dev);
    return 0;
}

void gcl_trained_close(gcl_trained *t)
{
    gcl_trained_stop_reading(t);
    free(t->batch[0]);
    free(t->batch[1]);
    gcl_dataset_close(t->dataset);
    gcl_use_free(t->use);
    if (t->store != NULL)
        gcl_store_free(t->store);
    gcl_device_close(t->dev);
    gcl_safetensors_close(t->file);
    gcl_config_free(&t->config);
}

int gcl_trained_use(gcl_trained *t, gcl_task task, int bounds, int batch, gcl_error *err)
{
    const gcl_model *model = &t->config.model;
    t->use = bounds ? gcl_use_new_bound(t->dev, t->store, model, batch, err)
                    : gcl_use_new(t->dev, t->store, model, task, batch, err);
    if (t->use == NULL)
        return -1;
    return gcl_checkpoint_load(t->file, gcl_use_nn(t->use), t->store, GCL_LOAD_PART, err);
}

int gcl_trained_data(gcl_trained *t, const char *path, gcl_wanted_kind kind, gcl_error *err)
{
    gcl_dataset_options options = {0};
    t->config.model.system->data(&t->config.model, &options.wanted);
    options.wanted.kind = kind;
    gcl_settings_dataset(&t->config.settings, &options);
    t->dataset = gcl_dataset_open(path, &options, err);
    for (int i = 0; t->dataset != NULL && i < 2; i++) {
        t->field_bytes[i] = gcl_dataset_field_bytes(t->dataset, i);
        t->batch[i] = gcl_alloc(t->field_bytes[i] * (size_t)gcl_use_batch(t->use) + 1);
    }
    return t->dataset != NULL ? 0 : -1;
}

static void show_reading(gcl_trained *t, size_t next, size_t count)
{
    if (!t->reads)
        gcl_activity_begin(&t->activity, "pictures", (int64_t)count);
    t->reads = 1;
    gcl_activity_update(&t->activity, (int64_t)next);
}

void gcl_trained_stop_reading(gcl_trained *t)
{
    if (t->reads)
        gcl_activity_end(&t->activity);
    t->reads = 0;
}

int gcl_trained_read(gcl_trained *t, size_t *next, size_t count, size_t *indices)
{
    int n = 0;
    show_reading(t, *next, count);
    while (n < gcl_use_batch(t->use) && *next < count) {
        void *const fields[2] = {t->batch[0] + (size_t)n * t->field_bytes[0],
                                 t->batch[1] + (size_t)n * t->field_bytes[1]};
        size_t index = (*next)++;
        if (gcl_dataset_read(t->dataset, index, NULL, fields, NULL) == 0)
            indices[n++] = index;
    }
    if (n == 0)
        gcl_trained_stop_reading(t);
    return n;
}

size_t gcl_trained_count(const gcl_trained *t)
{
    size_t all = gcl_dataset_count(t->dataset), wanted = (size_t)t->options->count;
    return wanted > 0 && wanted < all ? wanted : all;
}

char *gcl_trained_png(const gcl_trained *t, const char *folder, size_t index)
{
    gcl_text path = {0};
    char *name = gcl_dataset_item_name(t->dataset, index), *dot = strrchr(name, '.');
    if (dot != NULL && dot > name && strchr(dot, '/') == NULL)
        *dot = 0;
    for (char *c = name; *c != 0; c++)
        if (*c == '/')
            *c = '_';
    gcl_text_add(&path, "%s/%s.png", folder, name);
    free(name);
    return path.text;
}
