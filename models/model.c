/* Opening a model: system, preset and changes by name; its settings by key. */
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/value.h"

/* ---- words that are looked up --------------------------------------------------------------------- */

enum { MAX_NAMES = 256 };

/* "; did you mean X?" in one static text, or nothing. */
static const char *suggestion(const char *word, const char *const *names)
{
    static char text[120];
    const char *nearest = gcl_nearest(word, names);
    text[0] = 0;
    if (nearest != NULL)
        snprintf(text, sizeof text, "; did you mean %s?", nearest);
    return text;
}

/* "a, b, c" into `text`. */
static void join(const char *const *names, char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; names[i] != NULL && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", names[i]);
}

static int unknown(const char *what, const char *word, const char *const *names, gcl_error *err)
{
    char all[400];
    join(names, all, sizeof all);
    return gcl_fail(err, GCL_USAGE, "there is no %s '%s'%s (known: %s)", what, word,
                    suggestion(word, names), all);
}

static const gcl_system *find_system(const char *name, gcl_error *err)
{
    const char *names[MAX_NAMES] = {NULL};
    for (int i = 0; gcl_systems[i] != NULL; i++) {
        if (strcmp(gcl_systems[i]->name, name) == 0)
            return gcl_systems[i];
        names[i] = gcl_systems[i]->name;
    }
    unknown("system", name, names, err);
    return NULL;
}

static const gcl_preset *find_preset(const gcl_system *system, const char *name, gcl_error *err)
{
    const char *names[MAX_NAMES] = {NULL};
    for (int i = 0; system->presets[i].name != NULL; i++) {
        if (strcmp(system->presets[i].name, name) == 0)
            return &system->presets[i];
        names[i] = system->presets[i].name;
    }
    char what[100];
    snprintf(what, sizeof what, "%s preset", system->name);
    unknown(what, name, names, err);
    return NULL;
}

static int find_setting(const gcl_system *system, const char *key)
{
    for (int i = 0; system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &system->settings[i];
        if (strcmp(setting->key, key) == 0 ||
            (setting->also != NULL && gcl_word_index(setting->also, key) >= 0))
            return i;
    }
    return -1;
}

static int unknown_key(const gcl_system *system, const char *key, gcl_error *err)
{
    const char *names[GCL_MAX_SETTINGS + 1] = {NULL};
    for (int i = 0; system->settings[i].key != NULL; i++)
        names[i] = system->settings[i].key;
    return gcl_fail(err, GCL_USAGE, "%s has no setting %s%s (ganocl describe %s lists them)",
                    system->name, key, suggestion(key, names), system->name);
}

/* ---- opening -------------------------------------------------------------------------------------- */

/* "KEY=VALUE" */
static int change(gcl_model *model, const char *text, gcl_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return gcl_fail(err, GCL_USAGE, "setting %s: write it as KEY=VALUE", text);
    char key[100];
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    int i = find_setting(model->system, key);
    if (i < 0)
        return unknown_key(model->system, key, err);
    return gcl_value_parse(&model->system->settings[i], equals + 1, &model->values[i], err);
}

/* The changes of a preset: several, with spaces between. */
static int apply_preset(gcl_model *model, gcl_error *err)
{
    const char *rest = model->preset->changes;
    while (*(rest += strspn(rest, " ")) != 0) {
        char text[200];
        int length = (int)strcspn(rest, " ");
        snprintf(text, sizeof text, "%.*s", length, rest);
        if (change(model, text, err) != 0)
            return -1;
        rest += length;
    }
    return 0;
}

static int choose(gcl_model *model, const char *name, gcl_error *err)
{
    if (name == NULL)
        name = gcl_systems[0]->name;
    char system[100];
    size_t length = strcspn(name, ":");
    snprintf(system, sizeof system, "%.*s", (int)length, name);
    model->system = find_system(system, err);
    if (model->system == NULL)
        return -1;
    model->preset = name[length] == ':' ? find_preset(model->system, name + length + 1, err)
                                        : &model->system->presets[0];
    return model->preset == NULL ? -1 : 0;
}

int gcl_model_open(gcl_model *model, const char *name, const char *const *changes, int n,
                   gcl_error *err)
{
    *model = (gcl_model){0};
    if (choose(model, name, err) != 0)
        return -1;
    for (int i = 0; model->system->settings[i].key != NULL; i++)
        gcl_model_value_reset(model, i);
    if (apply_preset(model, err) != 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (change(model, changes[i], err) != 0)
            return -1;
    return model->system->check(model, err);
}

/* ---- values by key -------------------------------------------------------------------------------- */

static const gcl_value *value_of(const gcl_model *model, const char *key)
{
    static const gcl_value none = {.number = NAN};
    int i = find_setting(model->system, key);
    return i < 0 ? &none : &model->values[i];
}

double gcl_model_real(const gcl_model *model, const char *key)
{
    return value_of(model, key)->number;
}

int gcl_model_int(const gcl_model *model, const char *key)
{
    double number = gcl_model_real(model, key);
    return isnan(number) ? 0 : (int)number;
}

const double *gcl_model_items(const gcl_model *model, const char *key, int *n)
{
    const gcl_value *value = value_of(model, key);
    if (n != NULL)
        *n = value->n;
    return value->items;
}

int gcl_model_is(const gcl_model *model, const char *key, const char *word)
{
    int i = find_setting(model->system, key);
    return i >= 0 &&
           gcl_word_index(model->system->settings[i].choices, word) == (int)model->values[i].number;
}

double gcl_model_weight(const gcl_model *model, const char *key, const char *word)
{
    int i = find_setting(model->system, key);
    int item = i >= 0 ? gcl_word_index(model->system->settings[i].choices, word) : -1;
    return item < 0 ? (double)NAN : model->values[i].items[item];
}

int gcl_model_has(const gcl_model *model, const char *key, const char *word)
{
    return gcl_model_weight(model, key, word) == 1;
}

void gcl_model_value_text(const gcl_model *model, int i, char *text, size_t size)
{
    gcl_value_text(&model->system->settings[i], &model->values[i], text, size);
}

void gcl_model_value_reset(gcl_model *model, int i)
{
    gcl_value_reset(&model->system->settings[i], &model->values[i]);
}

/* ---- what is built, and what for -------------------------------------------------------------------- */

void gcl_step_loss(gcl_step *step, const char *name, gcl_node *node)
{
    if (step->n_losses == GCL_MAX_LOSSES) {
        gcl_graph_fail(node->graph, "a step has more than %d losses", GCL_MAX_LOSSES);
        return;
    }
    snprintf(step->losses[step->n_losses].name, sizeof step->losses[0].name, "%s", name);
    step->losses[step->n_losses++].node = node;
}

void gcl_step_guard(gcl_step *step, const char *network, gcl_node *node)
{
    if (step->n_guards == GCL_MAX_NETWORKS) {
        gcl_graph_fail(node->graph, "a step has more than %d guards", GCL_MAX_NETWORKS);
        return;
    }
    step->guards[step->n_guards].network = network;
    step->guards[step->n_guards++].node = node;
}

static void add_port(gcl_port *ports, int *n, const char *name, gcl_node *node)
{
    if (*n == GCL_MAX_PORTS) {
        gcl_graph_fail(node->graph, "a pass has more than %d inputs or outputs", GCL_MAX_PORTS);
        return;
    }
    snprintf(ports[*n].name, sizeof ports[0].name, "%s", name);
    ports[(*n)++].node = node;
}

gcl_node *gcl_port_in(gcl_ports *ports, gcl_nn *nn, const char *name, gcl_shape shape)
{
    gcl_node *node = gcl_input(gcl_nn_graph(nn), name, GCL_F32, shape);
    add_port(ports->in, &ports->n_in, name, node);
    return node;
}

void gcl_port_out(gcl_ports *ports, const char *name, gcl_node *node)
{
    add_port(ports->out, &ports->n_out, name, gcl_graph_output(node, name));
}

double gcl_model_scalar(const gcl_model *model, const char *scalar, int64_t step)
{
    if (strcmp(scalar, "t") == 0)
        return (double)step;
    return model->system->schedule != NULL ? model->system->schedule(model, scalar, step) : 1;
}

const char *gcl_model_lacks(const gcl_model *model, gcl_task task)
{
    const gcl_system *system = model->system;
    const int has[GCL_TASKS] = {[GCL_TASK_GENERATE] = system->generate != NULL,
                                [GCL_TASK_TRANSLATE] = system->translate != NULL,
                                [GCL_TASK_CLASSIFY] = system->classify != NULL,
                                [GCL_TASK_RECONSTRUCT] = system->reconstruct != NULL,
                                [GCL_TASK_JUDGE] = system->judge != NULL};
    static const char *const reasons[GCL_TASKS] = {
        [GCL_TASK_GENERATE] = "makes no pictures from latent vectors",
        [GCL_TASK_TRANSLATE] = "does not translate pictures",
        [GCL_TASK_CLASSIFY] = "does not classify pictures",
        [GCL_TASK_RECONSTRUCT] = "does not reconstruct pictures",
        [GCL_TASK_JUDGE] = "does not tell real pictures from generated ones"};
    if (!has[task])
        return reasons[task];
    return system->lacks != NULL ? system->lacks(model, task) : NULL;
}
