#include "train/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datasets/loader.h"
#include "train/interrupt.h"
#include "train/metrics.h"

/* Pictures of one run of a network. */
enum { BATCH = 16 };

struct gcl_evaluation {
    const gcl_config *config;
    gcl_dataset *training, *held_out; /* the second is its own; NULL: there is none */
    gcl_measuring measuring;          /* its items are read at first */
    int is_read;
};

/* ---- what is held out ------------------------------------------------------------------------------- */

/* The test part of what is trained on. NULL without an error where there is none. */
static gcl_dataset *open_held_out(const gcl_config *config, gcl_error *err)
{
    gcl_dataset_options options = {0};
    gcl_error why = {0};
    config->model.system->data(&config->model, &options.wanted);
    gcl_settings_dataset(&config->settings, &options);
    if (options.split != GCL_SPLIT_TRAIN)
        return NULL;
    options.split = GCL_SPLIT_TEST;
    gcl_dataset *dataset = gcl_dataset_open(config->data, &options, &why);
    if (dataset == NULL && options.holdout > 0)
        gcl_fail(err, why.code, "%s", why.text);
    return dataset;
}

gcl_evaluation *gcl_evaluation_new(gcl_device *dev, gcl_store *store, const gcl_config *config,
                                   gcl_dataset *training, gcl_error *err)
{
    gcl_error none = {0};
    gcl_evaluation *e = gcl_alloc(sizeof *e);
    e->config = config;
    e->training = training;
    e->held_out = open_held_out(config, &none);
    if (none.code != GCL_OK) {
        gcl_fail(err, none.code, "%s", none.text);
        gcl_evaluation_free(e);
        return NULL;
    }
    int most = config->batch < BATCH ? config->batch : BATCH, batch = 1;
    while (2 * batch <= most)
        batch *= 2;
    e->measuring = (gcl_measuring){.dev = dev,
                                   .store = store,
                                   .model = &config->model,
                                   .seed = config->seed,
                                   .batch = batch,
                                   .pairwise_ssim = NAN,
                                   .stop = gcl_interrupt_signal};
    return e;
}

static void free_items(gcl_items *items)
{
    free(items->fields[0]);
    free(items->fields[1]);
    *items = (gcl_items){0};
}

void gcl_evaluation_free(gcl_evaluation *e)
{
    if (e == NULL)
        return;
    free_items(&e->measuring.items);
    free_items(&e->measuring.training);
    gcl_dataset_close(e->held_out);
    free(e);
}

int gcl_evaluation_is_held_out(const gcl_evaluation *e) { return e->held_out != NULL; }

/* ---- reading ---------------------------------------------------------------------------------------- */

static int make_room(gcl_items *items, const gcl_dataset *dataset, size_t n, gcl_error *err)
{
    for (int i = 0; i < 2; i++) {
        items->bytes[i] = gcl_dataset_field_bytes(dataset, i);
        items->fields[i] = gcl_try_alloc(n * items->bytes[i] + 1, "pictures to evaluate", err);
        if (items->fields[i] == NULL)
            return -1;
    }
    return 0;
}

/* The first items of the seed's order, at most `wanted`; unreadable ones are left out. */
static int read_items(gcl_items *items, gcl_dataset *dataset, uint64_t seed, size_t wanted,
                      gcl_error *err)
{
    size_t count = gcl_dataset_count(dataset), most = wanted < count ? wanted : count, n = 0;
    if (make_room(items, dataset, most, err) != 0)
        return -1;
    for (size_t p = 0; p < count && n < most && gcl_interrupt_signal() == 0; p++) {
        void *const fields[2] = {items->fields[0] + n * items->bytes[0],
                                 items->fields[1] + n * items->bytes[1]};
        size_t index = gcl_loader_shuffle(seed, 0, count, p);
        n += gcl_dataset_read(dataset, index, NULL, fields, NULL) == 0;
    }
    items->n = (int)n;
    if (n == 0 && gcl_interrupt_signal() == 0)
        return gcl_fail(err, GCL_DATA, "evaluation: %s: no picture can be read",
                        gcl_dataset_name(dataset));
    return 0;
}

/* The training set's number of a class of the held-out part, which may lack some. */
static uint32_t trained_class(const gcl_evaluation *e, uint32_t label)
{
    const char *name = gcl_dataset_class_name(e->held_out, (int)label);
    for (int k = 0; k < gcl_dataset_classes(e->training); k++)
        if (strcmp(gcl_dataset_class_name(e->training, k), name) == 0)
            return (uint32_t)k;
    return GCL_NO_LABEL;
}

static void number_labels(gcl_evaluation *e)
{
    gcl_items *items = &e->measuring.items;
    if (e->held_out == NULL || gcl_dataset_classes(e->held_out) == 0)
        return;
    for (int i = 0; i < items->n; i++) {
        uint8_t *at = items->fields[1] + (size_t)i * items->bytes[1];
        uint32_t label;
        memcpy(&label, at, sizeof label);
        label = trained_class(e, label);
        memcpy(at, &label, sizeof label);
    }
}

/* Leaves whole batches: one that is partly filled would be judged by other statistics. */
static void cut_to_batches(gcl_measuring *m)
{
    while (m->batch > m->items.n || (m->training.n > 0 && m->batch > m->training.n))
        m->batch /= 2;
    m->items.n -= m->items.n % m->batch;
    m->training.n -= m->training.n % m->batch;
}

/* Returns 1 when it was interrupted. */
static int read_pictures(gcl_evaluation *e, gcl_error *err)
{
    gcl_measuring *m = &e->measuring;
    size_t wanted = (size_t)gcl_settings_value(&e->config->settings, GCL_EVAL_COUNT);
    int judges = gcl_metric_task(m->model) == GCL_TASK_GENERATE;
    gcl_dataset *dataset = e->held_out != NULL ? e->held_out : e->training;
    int result = read_items(&m->items, dataset, m->seed, wanted, err);
    if (result == 0 && judges && e->held_out != NULL)
        result = read_items(&m->training, e->training, m->seed, wanted, err);
    if (result != 0 || gcl_interrupt_signal() != 0) {
        free_items(&m->items);
        free_items(&m->training);
        return result != 0 ? -1 : 1;
    }
    number_labels(e);
    cut_to_batches(m);
    e->is_read = 1;
    return 0;
}

/* ---- running ---------------------------------------------------------------------------------------- */

/* As log.jsonl writes it and a resumed run reads it. */
static double rounded(double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    return strtod(text, NULL);
}

int gcl_evaluation_run(gcl_evaluation *e, gcl_measured *values, gcl_error *err)
{
    int result = e->is_read ? 0 : read_pictures(e, err);
    values->n = 0;
    if (result == 0)
        result = gcl_measure(&e->measuring, values, err);
    for (int i = 0; i < values->n; i++)
        values->values[i].value = rounded(values->values[i].value);
    return result;
}
