#include "train/conform.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/checkpoint.h"
#include "train/config.h"
#include "train/pass.h"
#include "train/replay.h"
#include "train/trainer.h"

enum { EARLY_STEPS = 3 };

/* An open folder of recordings. */
typedef struct recording {
    const char *folder;
    gcl_config config;
    gcl_safetensors *weights, *forward, *gradients, *final;
    gcl_replay *replay;
    json_t *tolerance;
    gcl_device *dev;
    gcl_conform *report;
    gcl_sha256 sum; /* of losses and final tensors */
} recording;

const char *gcl_conform_name(gcl_conform_kind kind)
{
    static const char *const names[] = {"forward", "gradients", "losses", "final"};
    return names[kind];
}

int gcl_conform_good(const gcl_conform *report)
{
    for (int i = 0; i < GCL_CONFORM_KINDS; i++)
        if (report->part[i].compared == 0 || !(report->part[i].worst <= 1))
            return 0;
    return 1;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static void note(recording *r, gcl_conform_kind kind, const char *what, double deviation,
                 double allowed)
{
    gcl_conform_part *part = &r->report->part[kind];
    double ratio = deviation == 0 ? 0 : deviation / allowed; /* nothing is allowed where all is 0 */
    if (part->compared++ > 0 && (isnan(part->worst) || ratio <= part->worst))
        return;
    part->worst = ratio;
    part->deviation = deviation;
    snprintf(part->what, sizeof part->what, "%s", what);
}

static double tolerance_of(const recording *r, const char *section, const char *name,
                           const char *key)
{
    const json_t *entry = json_object_get(json_object_get(r->tolerance, section), name);
    return json_number_value(json_object_get(entry, key));
}

/* |a - b| / |b| in L2; |a - b| where b is zero; NaN stays NaN. */
static double relative(const float *a, const float *b, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        difference += d * d;
        size += (double)b[i] * (double)b[i];
    }
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

/* Compares values in the file's order with the entry of that name. */
static int compare(recording *r, gcl_conform_kind kind, const gcl_safetensors *file,
                   const char *section, const char *name, const float *values, int64_t n,
                   gcl_error *err)
{
    const gcl_entry *entry = gcl_safetensors_find(file, name);
    if (entry == NULL || entry->count != n)
        return gcl_fail(err, GCL_DATA, "%s: %s: %lld elements are wanted",
                        gcl_safetensors_path(file), name, (long long)n);
    float *right = gcl_alloc((size_t)n * sizeof *right);
    gcl_entry_floats(entry, right);
    double factor = tolerance_of(r, section, name, "rel_update") > 1e-3 ? 30 : 10;
    note(r, kind, name, relative(values, right, n),
         factor * tolerance_of(r, section, name, "rel_l2") + 1e-6);
    free(right);
    return 0;
}

/* The same for a tensor of ours as it lies in memory. */
static int compare_tensor(recording *r, gcl_conform_kind kind, const gcl_safetensors *file,
                          const char *section, const char *prefix, const gcl_tensor *tensor,
                          const float *memory, gcl_error *err)
{
    char name[160];
    int64_t n = gcl_tensor_count(tensor);
    float *values = gcl_alloc((size_t)n * sizeof *values);
    gcl_tensor_to_file(tensor, memory, values);
    snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    int result = compare(r, kind, file, section, name, values, n, err);
    free(values);
    return result;
}

static int compare_stored(recording *r, gcl_conform_kind kind, const gcl_safetensors *file,
                          const char *section, const char *prefix, const gcl_tensor *tensor,
                          gcl_store *store, gcl_error *err)
{
    uint64_t first;
    int64_t n;
    if (gcl_store_find(store, tensor->variable, &first, &n) == NULL)
        return gcl_fail(err, GCL_FAILED, "%s is not on the device", tensor->name);
    float *memory = gcl_alloc((size_t)n * sizeof *memory);
    int result = gcl_store_read(store, tensor->variable, memory, n, err);
    if (kind == GCL_CONFORM_FINAL)
        gcl_sha256_add(&r->sum, memory + tensor->first,
                       (size_t)gcl_tensor_count(tensor) * sizeof *memory);
    if (result == 0)
        result =
            compare_tensor(r, kind, file, section, prefix, tensor, memory + tensor->first, err);
    free(memory);
    return result;
}

/* ---- single passes -------------------------------------------------------------------------------- */

static int fill_pass(const recording *r, gcl_pass *pass, gcl_error *err)
{
    if (gcl_checkpoint_load(r->weights, pass->nn, pass->store, GCL_LOAD_PART, err) != 0)
        return -1;
    for (int i = 0; i < pass->ports.n_in; i++) {
        const gcl_entry *entry = gcl_pass_find(pass, i, r->forward);
        if (entry == NULL)
            return gcl_fail(err, GCL_DATA, "%s: has no tensor in.%s",
                            gcl_safetensors_path(r->forward), pass->ports.in[i].name);
        if (gcl_pass_input(pass, i, entry, err) != 0)
            return -1;
    }
    unsigned char *stage = gcl_plan_stage(pass->plan, err);
    if (stage == NULL)
        return -1;
    gcl_replay_fill(r->replay, pass->nn, pass->plan, stage, 0);
    return 0;
}

/* Outputs that were recorded in this mode, and in training the buffers afterwards. */
static int compare_pass(recording *r, gcl_pass *pass, int training, gcl_error *err)
{
    int result = 0, any = 0;
    for (int i = 0; i < pass->ports.n_out && result == 0; i++) {
        const gcl_port *port = &pass->ports.out[i];
        int64_t n = gcl_shape_count(port->node->shape);
        char name[64];
        snprintf(name, sizeof name, "%s.%s", training ? "train" : "eval", port->name);
        if (gcl_safetensors_find(r->forward, name) == NULL)
            continue;
        any = 1;
        float *values = gcl_alloc((size_t)n * sizeof *values);
        result = gcl_pass_output(pass, i, values, err);
        if (result == 0)
            result = compare(r, GCL_CONFORM_FORWARD, r->forward, "forward", name, values, n, err);
        free(values);
    }
    for (int i = 0; any && training && i < gcl_nn_tensors(pass->nn) && result == 0; i++)
        if (gcl_nn_tensor(pass->nn, i)->role == GCL_ROLE_BUFFER)
            result = compare_stored(r, GCL_CONFORM_FORWARD, r->forward, "forward", "train.after.",
                                    gcl_nn_tensor(pass->nn, i), pass->store, err);
    return result;
}

static int check_forward(recording *r, const char *name, int training, gcl_error *err)
{
    gcl_pass pass;
    if (gcl_pass_build(&pass, r->dev, &r->config.model, name, r->config.batch, training, 1, err) !=
        0)
        return -1;
    int result = fill_pass(r, &pass, err);
    if (result == 0)
        result = gcl_plan_run(pass.plan, err);
    if (result == 0)
        result = compare_pass(r, &pass, training, err);
    gcl_pass_free(&pass);
    return result;
}

/* ---- training steps ------------------------------------------------------------------------------- */

static int make_step(const recording *r, gcl_trainer *trainer, int64_t step, gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(trainer->plan, err);
    if (stage == NULL)
        return -1;
    gcl_trainer_set_step(trainer, stage, 0, step);
    gcl_replay_fill(r->replay, trainer->nn, trainer->plan, stage, step);
    return gcl_plan_run(trainer->plan, err);
}

static int start_graph(const recording *r, gcl_trainer *trainer, gcl_error *err)
{
    gcl_trainer_options options = {.batch = {r->config.batch, 1}, .replay = 1};
    return gcl_trainer_graph(trainer, &r->config.model, &options, err);
}

static int start_trainer(const recording *r, gcl_trainer *trainer, gcl_error *err)
{
    if (gcl_trainer_plan(trainer, r->dev, NULL, err) != 0)
        return -1;
    if (gcl_checkpoint_initialise(trainer->nn, trainer->store, 0, err) == 0 &&
        gcl_checkpoint_load(r->weights, trainer->nn, trainer->store, GCL_LOAD_WEIGHTS, err) == 0 &&
        gcl_replay_check(r->replay, trainer->nn, err) == 0 &&
        gcl_trainer_prologue(trainer, r->dev, err) == 0)
        return 0;
    gcl_trainer_free(trainer);
    return -1;
}

static gcl_node *gradient_of(gcl_trainer *trainer, const gcl_tensor *tensor)
{
    return gcl_network_gradient(gcl_network_new(trainer->nn, tensor->network), tensor->name);
}

static int is_noise_only(const recording *r, const char *name)
{
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(r->tolerance, "noise_only"), i, value)
    {
        if (strcmp(json_string_value(value), name) == 0)
            return 1;
    }
    return 0;
}

static int compare_gradient(recording *r, gcl_trainer *trainer, const gcl_tensor *tensor,
                            gcl_error *err)
{
    gcl_node *node = gradient_of(trainer, tensor);
    if (node == NULL || is_noise_only(r, tensor->name))
        return 0;
    float *memory = gcl_alloc((size_t)gcl_tensor_count(tensor) * sizeof *memory);
    int result = gcl_plan_read(trainer->plan, node, memory, err);
    if (result == 0)
        result = compare_tensor(r, GCL_CONFORM_GRADIENTS, r->gradients, "grads", "", tensor, memory,
                                err);
    free(memory);
    return result;
}

/* A plan of its own, since gradients that are kept cannot be fused away. */
static int check_gradients(recording *r, gcl_error *err)
{
    gcl_trainer trainer;
    if (start_graph(r, &trainer, err) != 0)
        return -1;
    for (int i = 0; i < gcl_nn_tensors(trainer.nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(trainer.nn, i);
        if (tensor->role == GCL_ROLE_PARAMETER && gradient_of(&trainer, tensor) != NULL)
            gcl_graph_output(gradient_of(&trainer, tensor), tensor->name);
    }
    if (start_trainer(r, &trainer, err) != 0)
        return -1;
    int result = make_step(r, &trainer, 0, err);
    for (int i = 0; i < gcl_nn_tensors(trainer.nn) && result == 0; i++)
        if (gcl_nn_tensor(trainer.nn, i)->role == GCL_ROLE_PARAMETER)
            result = compare_gradient(r, &trainer, gcl_nn_tensor(trainer.nn, i), err);
    gcl_trainer_free(&trainer);
    return result;
}

static void compare_loss(recording *r, const json_t *line, const char *name, int64_t step,
                         float value)
{
    char what[160];
    double right = json_number_value(json_object_get(line, name));
    double drift = json_number_value(json_array_get(
        json_object_get(json_object_get(r->tolerance, "losses"), name), (size_t)step));
    double factor = step >= EARLY_STEPS && drift > 1e-3 ? 30 : 10;
    snprintf(what, sizeof what, "%s of step %lld", name, (long long)step);
    note(r, GCL_CONFORM_LOSSES, what, fabs(value - right), factor * drift + 1e-6 * fabs(right));
}

static void keep_losses(recording *r, const gcl_step *losses, int64_t step, const float *history)
{
    gcl_conform *report = r->report;
    if (report->losses == NULL) {
        report->n_steps = gcl_replay_steps(r->replay);
        report->n_losses = losses->n_losses;
        report->losses = gcl_alloc((size_t)losses->n_losses * sizeof *report->losses);
        for (int i = 0; i < losses->n_losses; i++) {
            gcl_conform_loss *loss = &report->losses[i];
            snprintf(loss->name, sizeof loss->name, "%s", losses->losses[i].name);
            loss->values = gcl_alloc((size_t)report->n_steps * sizeof *loss->values);
        }
    }
    for (int i = 0; i < report->n_losses; i++)
        report->losses[i].values[step] = history[i];
    gcl_sha256_add(&r->sum, history, (size_t)report->n_losses * sizeof *history);
}

static int compare_losses(recording *r, gcl_trainer *trainer, FILE *losses, int64_t step,
                          gcl_error *err)
{
    float history[GCL_MAX_HISTORY];
    json_t *line = json_loadf(losses, JSON_DISABLE_EOF_CHECK, NULL);
    if (line == NULL)
        return gcl_fail(err, GCL_DATA, "%s/losses.jsonl: has no step %lld", r->folder,
                        (long long)step);
    int result = gcl_plan_history(trainer->plan, step, history, err);
    if (result == 0)
        keep_losses(r, &trainer->step, step, history);
    for (int i = 0; i < trainer->step.n_losses && result == 0; i++)
        if (json_object_get(line, trainer->step.losses[i].name) != NULL)
            compare_loss(r, line, trainer->step.losses[i].name, step, history[i]);
    json_decref(line);
    return result;
}

static int check_steps(recording *r, FILE *losses, gcl_error *err)
{
    gcl_trainer trainer;
    if (start_graph(r, &trainer, err) != 0 || start_trainer(r, &trainer, err) != 0)
        return -1;
    int result = 0;
    for (int64_t step = 0; step < gcl_replay_steps(r->replay) && result == 0; step++) {
        result = make_step(r, &trainer, step, err);
        if (result == 0)
            result = compare_losses(r, &trainer, losses, step, err);
    }
    for (int i = 0; i < gcl_nn_tensors(trainer.nn) && result == 0; i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(trainer.nn, i);
        if (tensor->role == GCL_ROLE_PARAMETER || tensor->role == GCL_ROLE_BUFFER ||
            tensor->role == GCL_ROLE_EXTRA)
            result = compare_stored(r, GCL_CONFORM_FINAL, r->final, "final", "", tensor,
                                    trainer.store, err);
    }
    gcl_trainer_free(&trainer);
    return result;
}

/* ---- the folder ----------------------------------------------------------------------------------- */

static char *path_of(recording *r, const char *name)
{
    return gcl_arena_printf(r->config.arena, "%s/%s", r->folder, name);
}

static int open_recording(recording *r, gcl_error *err)
{
    json_error_t why;
    if (gcl_config_read(&r->config, path_of(r, "meta.json"), err) != 0 ||
        gcl_config_finish(&r->config, err) != 0)
        return -1;
    r->tolerance = json_load_file(path_of(r, "tolerance.json"), 0, &why);
    if (r->tolerance == NULL)
        return gcl_fail(err, GCL_DATA, "%s/tolerance.json: %s", r->folder, why.text);
    if ((r->weights = gcl_safetensors_open(path_of(r, "weights.safetensors"), err)) == NULL ||
        (r->forward = gcl_safetensors_open(path_of(r, "forward.safetensors"), err)) == NULL ||
        (r->gradients = gcl_safetensors_open(path_of(r, "grads.safetensors"), err)) == NULL ||
        (r->final = gcl_safetensors_open(path_of(r, "final.safetensors"), err)) == NULL ||
        (r->replay = gcl_replay_open(path_of(r, "replay.safetensors"), err)) == NULL)
        return -1;
    r->config.batch = gcl_replay_batch(r->replay);
    return 0;
}

static int check_all(recording *r, gcl_error *err)
{
    const char *const *passes = r->config.model.system->passes(&r->config.model);
    for (int i = 0; passes[i] != NULL; i++)
        if (check_forward(r, passes[i], 1, err) != 0 || check_forward(r, passes[i], 0, err) != 0)
            return -1;
    if (check_gradients(r, err) != 0)
        return -1;
    FILE *losses = fopen(path_of(r, "losses.jsonl"), "r");
    if (losses == NULL)
        return gcl_fail(err, GCL_DATA, "%s/losses.jsonl: cannot be opened", r->folder);
    int result = check_steps(r, losses, err);
    fclose(losses);
    return result;
}

int gcl_conform_run(gcl_device *dev, const char *folder, gcl_conform *report, gcl_error *err)
{
    recording r = {.folder = folder, .dev = dev, .report = report};
    memset(report, 0, sizeof *report);
    gcl_sha256_start(&r.sum);
    gcl_config_start(&r.config);
    int result = open_recording(&r, err);
    if (result == 0)
        result = check_all(&r, err);
    gcl_sha256_end(&r.sum, report->digest);
    gcl_replay_close(r.replay);
    gcl_safetensors_close(r.weights);
    gcl_safetensors_close(r.forward);
    gcl_safetensors_close(r.gradients);
    gcl_safetensors_close(r.final);
    json_decref(r.tolerance);
    gcl_config_free(&r.config);
    return result;
}

void gcl_conform_free(gcl_conform *report)
{
    for (int i = 0; i < report->n_losses; i++)
        free(report->losses[i].values);
    free(report->losses);
    memset(report, 0, sizeof *report);
}
