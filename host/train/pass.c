#include "train/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int gcl_pass_graph(gcl_pass *pass, const gcl_model *model, const char *name, int count,
                   int training, int replay, gcl_error *err)
{
    gcl_nn_options options = {.training = training, .replay = replay};
    *pass = (gcl_pass){.graph = gcl_graph_new()};
    pass->nn = gcl_nn_new(pass->graph, &options);
    model->system->pass(pass->nn, model, name, count, &pass->ports);
    gcl_nn_finish(pass->nn);
    const char *mistake = gcl_graph_error(pass->graph);
    if (mistake == NULL)
        return 0;
    gcl_fail(err, GCL_USAGE, "%s", mistake);
    gcl_pass_free(pass);
    return -1;
}

int gcl_pass_build(gcl_pass *pass, gcl_device *dev, const gcl_model *model, const char *name,
                   int count, int training, int replay, gcl_error *err)
{
    if (gcl_pass_graph(pass, model, name, count, training, replay, err) != 0)
        return -1;
    pass->store = gcl_store_new(dev);
    pass->plan = gcl_plan_new(dev, pass->graph, pass->store, NULL, err);
    if (pass->plan != NULL)
        return 0;
    gcl_pass_free(pass);
    return -1;
}

void gcl_pass_free(gcl_pass *pass)
{
    gcl_plan_free(pass->plan);
    if (pass->store != NULL)
        gcl_store_free(pass->store);
    gcl_nn_free(pass->nn);
    if (pass->graph != NULL)
        gcl_graph_free(pass->graph);
    *pass = (gcl_pass){0};
}

const gcl_entry *gcl_pass_find(const gcl_pass *pass, int i, const gcl_safetensors *file)
{
    char name[64];
    const gcl_entry *entry = gcl_safetensors_find(file, pass->ports.in[i].name);
    snprintf(name, sizeof name, "in.%s", pass->ports.in[i].name);
    return entry != NULL ? entry : gcl_safetensors_find(file, name);
}

static gcl_tensor as_image(const gcl_port *port)
{
    return (gcl_tensor){.name = port->name, .layout = GCL_LAYOUT_IMAGE, .shape = port->node->shape};
}

int gcl_pass_input(gcl_pass *pass, int i, const gcl_entry *entry, gcl_error *err)
{
    const gcl_port *port = &pass->ports.in[i];
    gcl_tensor image = as_image(port);
    unsigned char *stage = gcl_plan_stage(pass->plan, err);
    if (stage == NULL)
        return -1;
    if (entry->count != gcl_tensor_count(&image))
        return gcl_fail(err, GCL_DATA, "%s: has %lld elements, %s takes %lld", entry->name,
                        (long long)entry->count, port->name, (long long)gcl_tensor_count(&image));
    int64_t at = gcl_plan_offset(pass->plan, port->node);
    if (at < 0) /* nothing depends on it */
        return 0;
    float *values = gcl_alloc((size_t)entry->count * sizeof *values);
    gcl_entry_floats(entry, values);
    gcl_tensor_from_file(&image, values, (float *)(void *)(stage + at));
    free(values);
    return 0;
}

int gcl_pass_output(gcl_pass *pass, int i, float *values, gcl_error *err)
{
    const gcl_port *port = &pass->ports.out[i];
    gcl_tensor image = as_image(port);
    float *memory = gcl_alloc((size_t)gcl_tensor_count(&image) * sizeof *memory);
    int result = gcl_plan_read(pass->plan, port->node, memory, err);
    if (result == 0)
        gcl_tensor_to_file(&image, memory, values);
    free(memory);
    return result;
}
