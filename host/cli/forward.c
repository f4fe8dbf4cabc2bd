#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "plan/plan.h"

/* One network on a device, for one input. */
typedef struct network {
    const gcl_model *model;
    const char *name;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_store *store;
    gcl_plan *plan;
    gcl_node *in, *out;
} network;

/* Between files' [N,C,H,W] and our [N,H,W,C] with the reorderings that tensors have. */
static gcl_tensor as_image(gcl_shape shape)
{
    return (gcl_tensor){.name = "image",
                        .layout = GCL_LAYOUT_IMAGE,
                        .shape = shape,
                        .n_dims = 4,
                        .dims = {shape.d[0], shape.d[3], shape.d[1], shape.d[2]}};
}

static const char *find_network(const gcl_model *model, const char *wanted, gcl_error *err)
{
    const char *const *names = model->system->networks;
    if (wanted == NULL)
        return names[0];
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], wanted) == 0)
            return names[i];
    gcl_text all = {0};
    for (int i = 0; names[i] != NULL; i++)
        gcl_text_add(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    gcl_fail(err, GCL_USAGE, "--network %s: %s has no such network (%s)", wanted,
             model->system->name, all.text);
    gcl_text_free(&all);
    return NULL;
}

/* The input tensor in FILE[:TENSOR]. A colon may be a part of the file's name. */
static gcl_safetensors *open_input(const char *text, const gcl_entry **entry, gcl_error *err)
{
    char *path = gcl_strdup(text), *colon = strrchr(path, ':'), *name = NULL;
    if (colon != NULL && gcl_path_kind(path) == 0) {
        *colon = 0;
        name = colon + 1;
    }
    gcl_safetensors *file = gcl_safetensors_open(path, err);
    *entry = NULL;
    if (file != NULL && name != NULL) {
        *entry = gcl_safetensors_find(file, name);
        if (*entry == NULL)
            gcl_fail(err, GCL_DATA, "%s: has no tensor %s", path, name);
    } else if (file != NULL) {
        if (gcl_safetensors_count(file) == 1)
            *entry = gcl_safetensors_at(file, 0);
        else
            gcl_fail(err, GCL_USAGE, "%s: holds %d tensors; say which: --in %s:TENSOR", path,
                     gcl_safetensors_count(file), path);
    }
    if (*entry == NULL) {
        gcl_safetensors_close(file);
        file = NULL;
    }
    free(path);
    return file;
}

/* The shape [N,H,W,C] that a tensor [N,C,H,W], [N,C] or [N,C*H*W] fills for the network. */
static int input_shape(const network *net, const gcl_entry *entry, gcl_shape *shape, gcl_error *err)
{
    gcl_shape one = net->model->system->network_input(net->model, net->name, 1);
    int64_t wanted[4] = {1, one.d[3], one.d[1], one.d[2]};
    int64_t n = entry->n_dims > 0 ? entry->dims[0] : 0;
    int fits = n > 0 && n <= 1 << 20 && entry->count == n * gcl_shape_count(one);
    for (int d = 1; fits && entry->n_dims == 4 && d < 4; d++)
        fits = entry->dims[d] == wanted[d];
    wanted[0] = n;
    if (!fits)
        return gcl_fail(err, GCL_DATA, "%s: is %s, network %s takes %s", entry->name,
                        gcl_dims_text(entry->dims, entry->n_dims), net->name,
                        gcl_dims_text(wanted, one.d[1] * one.d[2] == 1 ? 2 : 4));
    *shape = net->model->system->network_input(net->model, net->name, (int)n);
    return 0;
}

static int build(network *net, gcl_device *dev, gcl_shape shape, int training, gcl_error *err)
{
    net->graph = gcl_graph_new();
    net->nn = gcl_nn_new(net->graph, &(gcl_nn_options){.training = training});
    net->in = gcl_input(net->graph, "in", GCL_F32, shape);
    net->out = gcl_graph_output(
        net->model->system->network(net->nn, net->model, net->name, net->in), "out");
    gcl_nn_finish(net->nn);
    if (gcl_graph_error(net->graph) != NULL)
        return gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(net->graph));
    net->store = gcl_store_new(dev);
    net->plan = gcl_plan_new(dev, net->graph, net->store, NULL, err);
    return net->plan != NULL ? 0 : -1;
}

static void release(network *net)
{
    gcl_plan_free(net->plan);
    if (net->store != NULL)
        gcl_store_free(net->store);
    gcl_nn_free(net->nn);
    if (net->graph != NULL)
        gcl_graph_free(net->graph);
}

static int load_weights(const network *net, const char *path, gcl_error *err)
{
    gcl_safetensors *file = gcl_safetensors_open(path, err);
    if (file == NULL)
        return -1;
    int result = gcl_checkpoint_load(file, net->nn, net->store, GCL_LOAD_PART, err);
    gcl_safetensors_close(file);
    return result;
}

static int fill_input(const network *net, const gcl_entry *entry, uint64_t seed, gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(net->plan, err);
    if (stage == NULL)
        return -1;
    int64_t at = gcl_plan_offset(net->plan, net->in);
    gcl_tensor image = as_image(net->in->shape);
    if (at >= 0) {
        float *values = gcl_alloc((size_t)entry->count * sizeof(float));
        gcl_entry_floats(entry, values);
        gcl_tensor_from_file(&image, values, (float *)(void *)(stage + at));
        free(values);
    }
    at = gcl_plan_offset(net->plan, gcl_nn_key(net->nn));
    if (at >= 0) {
        uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), 0, 0};
        memcpy(stage + at, key, sizeof key);
    }
    return 0;
}

/* Vectors are written as [N,C], pictures as [N,C,H,W]. */
static int write_output(const char *path, gcl_shape shape, const float *values, gcl_error *err)
{
    gcl_writer *writer = gcl_writer_new();
    int64_t dims[4] = {shape.d[0], shape.d[3], shape.d[1], shape.d[2]};
    gcl_writer_declare(writer, "out", GCL_FILE_F32, dims, shape.d[1] * shape.d[2] == 1 ? 2 : 4);
    if (gcl_writer_begin(writer, path, err) == 0 &&
        gcl_writer_data(writer, values, (size_t)gcl_shape_count(shape) * sizeof(float), err) == 0)
        return gcl_writer_commit(writer, err);
    gcl_writer_abandon(writer);
    return -1;
}

static int run(network *net, const gcl_entry *entry, const gcl_options *options, gcl_error *err)
{
    if (load_weights(net, options->weights, err) != 0 ||
        fill_input(net, entry, options->seed, err) != 0 || gcl_plan_run(net->plan, err) != 0)
        return -1;
    size_t bytes = (size_t)gcl_shape_count(net->out->shape) * sizeof(float);
    float *memory = gcl_alloc(bytes), *values = gcl_alloc(bytes);
    int result = gcl_plan_read(net->plan, net->out, memory, err);
    if (result == 0) {
        gcl_tensor image = as_image(net->out->shape);
        gcl_tensor_to_file(&image, memory, values);
        result = write_output(options->out, net->out->shape, values, err);
    }
    free(memory);
    free(values);
    return result;
}

static int forward(network *net, const gcl_entry *entry, const gcl_options *options, gcl_error *err)
{
    gcl_shape shape;
    if (input_shape(net, entry, &shape, err) != 0)
        return -1;
    gcl_device *dev = gcl_device_open(options->device, 0, err);
    int result = dev != NULL ? build(net, dev, shape, options->train_mode, err) : -1;
    if (result == 0)
        result = run(net, entry, options, err);
    release(net);
    gcl_device_close(dev);
    return result;
}

int gcl_command_forward(const gcl_options *options, gcl_error *err)
{
    gcl_config config;
    const gcl_entry *entry;
    gcl_safetensors *file = NULL;
    if (options->weights == NULL || options->in == NULL || options->out == NULL)
        return gcl_fail(err, GCL_USAGE, "forward: --%s is missing",
                        options->weights == NULL ? "weights"
                        : options->in == NULL    ? "in"
                                                 : "out");
    int result = gcl_configure_model(&config, options->arguments[0], options, err);
    network net = {.model = &config.model};
    if (result == 0)
        net.name = find_network(&config.model, options->network, err);
    if (net.name != NULL)
        file = open_input(options->in, &entry, err);
    result = file != NULL ? forward(&net, entry, options, err) : -1;
    gcl_safetensors_close(file);
    gcl_config_free(&config);
    return result;
}
