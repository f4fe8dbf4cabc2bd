#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "train/pass.h"

/* A pass on a device, between files. */
typedef struct forward {
    const gcl_model *model;
    const char *name;
    gcl_safetensors *in;
    const char *tensor; /* FILE:TENSOR; or NULL */
    gcl_pass pass;
} forward;

static const char *find_pass(const gcl_model *model, const char *wanted, gcl_error *err)
{
    const char *const *names = model->system->passes(model);
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

/* FILE[:TENSOR]. A colon may be a part of the file's name. */
static int open_input(forward *f, const char *text, gcl_arena *arena, gcl_error *err)
{
    char *path = gcl_arena_printf(arena, "%s", text), *colon = strrchr(path, ':');
    if (colon != NULL && gcl_path_kind(path) == 0) {
        *colon = 0;
        f->tensor = colon + 1;
    }
    f->in = gcl_safetensors_open(path, err);
    return f->in != NULL ? 0 : -1;
}

/* The tensor for input i: the one asked for, or the only one of a file if the pass has one input, or
 * by the input's name. */
static const gcl_entry *find_input(const forward *f, int i, gcl_error *err)
{
    int single = f->pass.ports.n_in == 1;
    const char *path = gcl_safetensors_path(f->in), *name = f->pass.ports.in[i].name;
    const gcl_entry *entry = gcl_pass_find(&f->pass, i, f->in);
    if (single && f->tensor != NULL)
        entry = gcl_safetensors_find(f->in, f->tensor);
    else if (single && gcl_safetensors_count(f->in) == 1)
        entry = gcl_safetensors_at(f->in, 0);
    if (entry != NULL)
        return entry;
    if (single && f->tensor != NULL)
        gcl_fail(err, GCL_DATA, "%s: has no tensor %s", path, f->tensor);
    else if (single)
        gcl_fail(err, GCL_USAGE, "%s: holds %d tensors, none called %s; say which: --in %s:TENSOR",
                 path, gcl_safetensors_count(f->in), name, path);
    else
        gcl_fail(err, GCL_DATA, "%s: has no tensor %s, which %s takes", path, name, f->name);
    return NULL;
}

/* How many pictures the inputs hold; each fits its port: [N,C,H,W], [N,C] or [N,C*H*W]. */
static int count_pictures(const forward *f, int *count, gcl_error *err)
{
    *count = 0;
    if (f->tensor != NULL && f->pass.ports.n_in > 1)
        return gcl_fail(err, GCL_USAGE,
                        "--in %s:%s: %s takes %d inputs, each by its own name: --in %s",
                        gcl_safetensors_path(f->in), f->tensor, f->name, f->pass.ports.n_in,
                        gcl_safetensors_path(f->in));
    for (int i = 0; i < f->pass.ports.n_in; i++) {
        const gcl_entry *entry = find_input(f, i, err);
        if (entry == NULL)
            return -1;
        gcl_shape one = f->pass.ports.in[i].node->shape;
        int64_t wanted[4] = {1, one.d[3], one.d[1], one.d[2]};
        int64_t n = entry->n_dims > 0 ? entry->dims[0] : 0;
        int fits = n > 0 && n <= 1 << 20 && entry->count == n * gcl_shape_count(one) &&
                   (*count == 0 || *count == n);
        for (int d = 1; fits && entry->n_dims == 4 && d < 4; d++)
            fits = entry->dims[d] == wanted[d];
        wanted[0] = *count > 0 ? *count : n;
        if (!fits)
            return gcl_fail(err, GCL_DATA, "%s: is %s, network %s takes %s", entry->name,
                            gcl_dims_text(entry->dims, entry->n_dims), f->name,
                            gcl_dims_text(wanted, one.d[1] * one.d[2] == 1 ? 2 : 4));
        *count = (int)n;
    }
    return 0;
}

static int load_weights(forward *f, const char *path, gcl_error *err)
{
    gcl_safetensors *file = gcl_safetensors_open(path, err);
    if (file == NULL)
        return -1;
    int result = gcl_checkpoint_load(file, f->pass.nn, f->pass.store, GCL_LOAD_PART, err);
    gcl_safetensors_close(file);
    return result;
}

static int fill_inputs(forward *f, uint64_t seed, gcl_error *err)
{
    for (int i = 0; i < f->pass.ports.n_in; i++) {
        const gcl_entry *entry = find_input(f, i, err);
        if (entry == NULL || gcl_pass_input(&f->pass, i, entry, err) != 0)
            return -1;
    }
    unsigned char *stage = gcl_plan_stage(f->pass.plan, err);
    if (stage == NULL)
        return -1;
    int64_t at = gcl_plan_offset(f->pass.plan, gcl_nn_key(f->pass.nn));
    uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), 0, 0};
    if (at >= 0)
        memcpy(stage + at, key, sizeof key);
    return 0;
}

/* The name in the file: that of the output if there are several, else "out". Vectors are written as
 * [N,C], pictures as [N,C,H,W]. */
static void declare(gcl_writer *writer, const forward *f, int i)
{
    const gcl_port *port = &f->pass.ports.out[i];
    gcl_shape shape = port->node->shape;
    int64_t dims[4] = {shape.d[0], shape.d[3], shape.d[1], shape.d[2]};
    gcl_writer_declare(writer, f->pass.ports.n_out > 1 ? port->name : "out", GCL_FILE_F32, dims,
                       shape.d[1] * shape.d[2] == 1 ? 2 : 4);
}

static int write_outputs(forward *f, const char *path, gcl_error *err)
{
    gcl_writer *writer = gcl_writer_new();
    for (int i = 0; i < f->pass.ports.n_out; i++)
        declare(writer, f, i);
    int result = gcl_writer_begin(writer, path, err);
    for (int i = 0; i < f->pass.ports.n_out && result == 0; i++) {
        size_t bytes = (size_t)gcl_shape_count(f->pass.ports.out[i].node->shape) * sizeof(float);
        float *values = gcl_alloc(bytes);
        result = gcl_pass_output(&f->pass, i, values, err);
        if (result == 0)
            result = gcl_writer_data(writer, values, bytes, err);
        free(values);
    }
    if (result == 0)
        return gcl_writer_commit(writer, err);
    gcl_writer_abandon(writer);
    return -1;
}

static int run(forward *f, gcl_device *dev, const gcl_options *options, gcl_error *err)
{
    int count;
    if (gcl_pass_graph(&f->pass, f->model, f->name, 1, options->train_mode, 0, err) != 0)
        return -1;
    int result = count_pictures(f, &count, err);
    gcl_pass_free(&f->pass);
    if (result != 0 ||
        gcl_pass_build(&f->pass, dev, f->model, f->name, count, options->train_mode, 0, err) != 0)
        return -1;
    if (load_weights(f, options->weights, err) != 0 || fill_inputs(f, options->seed, err) != 0 ||
        gcl_plan_run(f->pass.plan, err) != 0)
        result = -1;
    if (result == 0)
        result = write_outputs(f, options->out, err);
    gcl_pass_free(&f->pass);
    return result;
}

int gcl_command_forward(const gcl_options *options, gcl_error *err)
{
    gcl_config config;
    if (options->weights == NULL || options->in == NULL || options->out == NULL)
        return gcl_fail(err, GCL_USAGE, "forward: --%s is missing",
                        options->weights == NULL ? "weights"
                        : options->in == NULL    ? "in"
                                                 : "out");
    int result = gcl_configure_model(&config, options->arguments[0], options, err);
    forward f = {.model = &config.model};
    if (result == 0)
        f.name = find_pass(&config.model, options->network, err);
    if (f.name == NULL || open_input(&f, options->in, config.arena, err) != 0) {
        result = -1;
    } else {
        gcl_device *dev = gcl_device_open(options->device, 0, err);
        result = dev != NULL ? run(&f, dev, options, err) : -1;
        gcl_device_close(dev);
    }
    gcl_safetensors_close(f.in);
    gcl_config_free(&config);
    return result;
}
