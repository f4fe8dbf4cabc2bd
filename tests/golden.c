#include "golden.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "train/config.h"

/* ---- files ---- */

static void path_of(const golden *g, const char *file, char path[500])
{
    const char *source = getenv("srcdir");
    snprintf(path, 500, "%s/tests/golden/%s/%s", source != NULL ? source : ".", g->name, file);
}

static gcl_safetensors *open_tensors(const golden *g, const char *file)
{
    char path[500];
    gcl_error err = {0};
    path_of(g, file, path);
    gcl_safetensors *opened = gcl_safetensors_open(path, &err);
    ck_assert_msg(opened != NULL, "%s", err.text);
    return opened;
}

/* The recorded settings; what is not of the reference is neutral. */
static void open_model(golden *g)
{
    char path[500];
    gcl_config config;
    gcl_error err = {0};
    path_of(g, "meta.json", path);
    gcl_config_start(&config);
    int result = gcl_config_read(&config, path, &err);
    if (result == 0)
        result = gcl_config_finish(&config, &err);
    ck_assert_msg(result == 0, "%s", err.text);
    g->model = config.model;
    gcl_config_free(&config);
}

void golden_open(golden *g, const char *name)
{
    *g = (golden){.name = name};
    char path[500];
    path_of(g, "meta.json", path);
    g->meta = json_load_file(path, 0, NULL);
    ck_assert_msg(g->meta != NULL, "cannot read %s", path);
    open_model(g);
    g->batch = (int)json_integer_value(json_object_get(g->meta, "batch_size"));
    g->weights = open_tensors(g, "weights.safetensors");
    g->replay = open_tensors(g, "replay.safetensors");
    g->grads = open_tensors(g, "grads.safetensors");
    g->forward = open_tensors(g, "forward.safetensors");
    g->final = open_tensors(g, "final.safetensors");
}

void golden_close(golden *g)
{
    json_decref(g->meta);
    gcl_safetensors_close(g->weights);
    gcl_safetensors_close(g->replay);
    gcl_safetensors_close(g->grads);
    gcl_safetensors_close(g->forward);
    gcl_safetensors_close(g->final);
}

double golden_loss(const golden *g, int step, const char *name)
{
    char path[500], line[2000];
    path_of(g, "losses.jsonl", path);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    for (int k = 0; k <= step; k++)
        ck_assert_msg(fgets(line, sizeof line, file) != NULL, "%s has no step %d", path, step);
    fclose(file);
    json_t *object = json_loads(line, 0, NULL);
    json_t *loss = json_object_get(object, name);
    ck_assert_msg(json_is_number(loss), "%s has no loss %s", path, name);
    double value = json_number_value(loss);
    json_decref(object);
    return value;
}

/* ---- tensors ---- */

static const gcl_entry *find(gcl_safetensors *file, const char *name)
{
    const gcl_entry *entry = gcl_safetensors_find(file, name);
    ck_assert_msg(entry != NULL, "%s has no tensor %s", gcl_safetensors_path(file), name);
    return entry;
}

float *golden_tensor(gcl_safetensors *file, const char *prefix, const gcl_tensor *tensor)
{
    char name[300];
    snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    const gcl_entry *entry = find(file, name);
    int64_t n = gcl_tensor_count(tensor);
    ck_assert_msg(entry->n_dims == tensor->n_dims && entry->count == n, "%s has another shape",
                  name);
    for (int i = 0; i < entry->n_dims; i++)
        ck_assert_int_eq(entry->dims[i], tensor->dims[i]);
    float *in_file = gcl_alloc((size_t)n * sizeof *in_file);
    float *memory = gcl_alloc((size_t)n * sizeof *memory);
    gcl_entry_floats(entry, in_file);
    gcl_tensor_from_file(tensor, in_file, memory);
    free(in_file);
    return memory;
}

static double *nchw_values(const gcl_entry *entry, int64_t n, int keep)
{
    double *values = gcl_alloc((size_t)n * sizeof *values);
    if (keep) {
        ck_assert_int_eq(entry->count, (n + 7) / 8);
        for (int64_t i = 0; i < n; i++)
            values[i] = entry->data[i >> 3] >> (i & 7) & 1;
        return values;
    }
    ck_assert_int_eq(entry->count, n);
    float *floats = gcl_alloc((size_t)n * sizeof *floats);
    gcl_entry_floats(entry, floats);
    for (int64_t i = 0; i < n; i++)
        values[i] = floats[i];
    free(floats);
    return values;
}

double *golden_image(gcl_safetensors *file, const char *name, gcl_shape shape, int keep)
{
    int64_t n = gcl_shape_count(shape);
    double *from = nchw_values(find(file, name), n, keep), *to = gcl_alloc((size_t)n * sizeof *to);
    int h = shape.d[1], w = shape.d[2], c = shape.d[3];
    for (int64_t i = 0; i < n; i++) {
        int64_t picture = i / c / w / h, y = i / c / w % h, x = i / c % w, channel = i % c;
        to[i] = from[((picture * c + channel) * h + y) * w + x];
    }
    free(from);
    return to;
}

/* ---- values ---- */

gcl_node *golden_variable(gcl_graph *graph, const char *name)
{
    for (int id = 0; id < gcl_graph_size(graph); id++) {
        gcl_node *node = gcl_graph_node(graph, id);
        if (node->op == &gcl_op_variable && strcmp(node->name, name) == 0)
            return node;
    }
    return NULL;
}

void golden_set_weights(const golden *g, gcl_nn *nn, gcl_values *values)
{
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        if (t->role != GCL_ROLE_PARAMETER && t->role != GCL_ROLE_BUFFER &&
            t->role != GCL_ROLE_EXTRA)
            continue;
        gcl_node *variable = golden_variable(gcl_nn_graph(nn), t->variable);
        ck_assert_msg(variable != NULL, "no variable %s", t->variable);
        float *weights = golden_tensor(g->weights, "", t);
        double *to = gcl_values_set(values, variable) + t->first;
        for (int64_t k = 0; k < gcl_tensor_count(t); k++)
            to[k] = weights[k];
        free(weights);
    }
}

static void set_input(const golden *g, gcl_values *values, const gcl_node *input, int step,
                      int keep)
{
    char name[100];
    snprintf(name, sizeof name, "step.%d.%s", step, input->name);
    if (input->dtype == GCL_U32) {
        const gcl_entry *entry = find(g->replay, name);
        double *to = gcl_values_set(values, input);
        for (int64_t i = 0; i < entry->count; i++)
            to[i] = ((const int32_t *)(const void *)entry->data)[i];
        return;
    }
    double *recorded = golden_image(g->replay, name, input->shape, keep);
    memcpy(gcl_values_set(values, input), recorded,
           (size_t)gcl_shape_count(input->shape) * sizeof *recorded);
    free(recorded);
}

void golden_set_step(const golden *g, gcl_nn *nn, gcl_values *values, int step)
{
    for (int i = 0; i < gcl_nn_data(nn); i++)
        set_input(g, values, gcl_nn_data_at(nn, i), step, 0);
    for (int i = 0; i < gcl_nn_noises(nn); i++) {
        const gcl_noise *noise = gcl_nn_noise_at(nn, i);
        set_input(g, values, noise->input, step, noise->kind == GCL_NOISE_KEEP);
    }
    for (int i = 0; i < gcl_nn_scalars(nn); i++) {
        const gcl_node *scalar = gcl_nn_scalar_at(nn, i);
        gcl_values_set(values, scalar)[0] = gcl_model_scalar(&g->model, scalar->name, step);
    }
}

gcl_node **golden_assignments(gcl_graph *graph, int *n)
{
    gcl_node **found = gcl_alloc((size_t)gcl_graph_size(graph) * sizeof *found);
    *n = 0;
    for (int id = 0; id < gcl_graph_size(graph); id++)
        if (gcl_graph_node(graph, id)->op == &gcl_op_assign)
            found[(*n)++] = gcl_graph_node(graph, id);
    return found;
}

static gcl_node *root(gcl_node *assignment)
{
    while (assignment->op == &gcl_op_assign)
        assignment = assignment->in[0];
    return assignment;
}

gcl_node *golden_latest(gcl_graph *graph, const char *variable)
{
    gcl_node *latest = golden_variable(graph, variable);
    ck_assert_msg(latest != NULL, "no variable %s", variable);
    gcl_node *of = latest;
    for (int id = 0; id < gcl_graph_size(graph); id++)
        if (root(gcl_graph_node(graph, id)) == of)
            latest = gcl_graph_node(graph, id);
    return latest;
}

void golden_carry_over(gcl_graph *graph, gcl_values *values)
{
    int n;
    gcl_node **assignments = golden_assignments(graph, &n);
    for (int i = 0; i < n; i++) { /* the last of each variable stays */
        gcl_node *variable = root(assignments[i]);
        memcpy(gcl_values_set(values, variable), gcl_values_of(values, assignments[i]),
               (size_t)gcl_shape_count(variable->shape) * sizeof(double));
    }
    free(assignments);
    gcl_values_forget(values);
}

void golden_prologue(const golden *g, gcl_nn *nn, gcl_values *values)
{
    gcl_step step = {0};
    gcl_error err = {0};
    int runs = gcl_nn_prologue(nn), n;
    if (runs == 0)
        return;
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *before = gcl_nn_new(graph, &(gcl_nn_options){.training = 1, .prologue = 1});
    g->model.system->step(before, &g->model, &(gcl_batch){g->batch, 1}, &step);
    gcl_nn_finish(before);
    ck_assert_msg(gcl_graph_error(graph) == NULL, "%s", gcl_graph_error(graph));
    gcl_values *of = gcl_values_new(graph);
    golden_set_weights(g, before, of);
    gcl_node **assignments = golden_assignments(graph, &n);
    for (int run = 0; run < runs; run++) {
        ck_assert_msg(gcl_values_compute(of, assignments, n, &err) == 0, "%s", err.text);
        if (run + 1 < runs)
            golden_carry_over(graph, of);
    }
    for (int i = 0; i < n; i++) {
        gcl_node *to = golden_variable(gcl_nn_graph(nn), root(assignments[i])->name);
        memcpy(gcl_values_set(values, to), gcl_values_of(of, assignments[i]),
               (size_t)gcl_shape_count(to->shape) * sizeof(double));
    }
    free(assignments);
    gcl_values_free(of);
    gcl_nn_free(before);
    gcl_graph_free(graph);
}
