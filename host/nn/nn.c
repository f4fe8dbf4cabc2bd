/* Networks, scopes, the inputs of a step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/internal.h"

gcl_nn *gcl_nn_new(gcl_graph *graph, const gcl_nn_options *options)
{
    gcl_nn *nn = gcl_alloc(sizeof *nn);
    nn->graph = graph;
    nn->arena = gcl_arena_new();
    nn->training = options->training;
    nn->replay = options->replay;
    nn->averaged = options->averaged;
    nn->frozen = options->frozen;
    nn->readjust = options->readjust;
    nn->prologue = options->prologue;
    return nn;
}

void gcl_nn_free(gcl_nn *nn)
{
    if (nn == NULL)
        return;
    for (int i = 0; i < nn->n_networks; i++) {
        free(nn->networks[i]->records);
        gcl_weights_free(&nn->networks[i]->filters);
        gcl_weights_free(&nn->networks[i]->gammas);
        free(nn->networks[i]);
    }
    free(nn->networks);
    free(nn->records);
    gcl_names_free(&nn->record_names);
    free(nn->scalars);
    free(nn->data);
    free(nn->noises);
    gcl_arena_free(nn->arena);
    free(nn);
}

gcl_graph *gcl_nn_graph(gcl_nn *nn) { return nn->graph; }
int gcl_nn_training(const gcl_nn *nn) { return nn->training; }
void gcl_nn_set_training(gcl_nn *nn, int training) { nn->training = training; }

void gcl_nn_finish(gcl_nn *nn)
{
    for (int i = 0; i < nn->n_networks; i++) {
        gcl_network *net = nn->networks[i];
        if (!net->closed && net->count > 0)
            gcl_variable_resize(net->parameters, net->count);
        net->closed = 1;
    }
}

/* ---- inputs ---- */

gcl_node *gcl_nn_key(gcl_nn *nn)
{
    if (nn->key == NULL)
        nn->key = gcl_input(nn->graph, "key", GCL_U32, gcl_shape_of(1, 1, 1, 4));
    return nn->key;
}

gcl_node *gcl_nn_scalar(gcl_nn *nn, const char *name)
{
    for (int i = 0; i < nn->n_scalars; i++)
        if (strcmp(nn->scalars[i]->name, name) == 0)
            return nn->scalars[i];
    GCL_GROW(nn->scalars, nn->n_scalars, nn->cap_scalars);
    gcl_node *scalar = gcl_input(nn->graph, name, GCL_F32, gcl_shape_of(1, 1, 1, 1));
    nn->scalars[nn->n_scalars++] = scalar;
    return scalar;
}

int gcl_nn_scalars(const gcl_nn *nn) { return nn->n_scalars; }
gcl_node *gcl_nn_scalar_at(const gcl_nn *nn, int i) { return nn->scalars[i]; }

/* A data input in the list of what is to be uploaded. */
static gcl_node *data_input(gcl_nn *nn, const char *name, gcl_dtype dtype, gcl_shape shape)
{
    gcl_node *data = gcl_input(nn->graph, name, dtype, shape);
    if (data->dtype != dtype)
        return data; /* an empty shape: the graph has the error */
    GCL_GROW(nn->data, nn->n_data, nn->cap_data);
    return nn->data[nn->n_data++] = data;
}

gcl_node *gcl_nn_pictures(gcl_nn *nn, const char *name, gcl_shape shape, double low, double high)
{
    gcl_node *bytes = data_input(nn, name, GCL_U8, shape);
    return gcl_shift(gcl_scale(bytes, (high - low) / 255), low);
}

/* With one level nothing is to be divided, but the bytes must become numbers of the graph. */
gcl_node *gcl_nn_levels(gcl_nn *nn, const char *name, gcl_shape shape, int levels)
{
    gcl_node *bytes = data_input(nn, name, GCL_U8, shape);
    return levels > 1 ? gcl_scale(bytes, 1.0 / levels)
                      : gcl_above(bytes, gcl_constant(nn->graph, 0));
}

gcl_node *gcl_nn_labels(gcl_nn *nn, const char *name, int n)
{
    return data_input(nn, name, GCL_U32, gcl_shape_of(n, 1, 1, 1));
}

int gcl_nn_data(const gcl_nn *nn) { return nn->n_data; }
gcl_node *gcl_nn_data_at(const gcl_nn *nn, int i) { return nn->data[i]; }

/* ---- networks and scopes ---- */

gcl_network *gcl_network_new(gcl_nn *nn, const char *name)
{
    for (int i = 0; i < nn->n_networks; i++)
        if (strcmp(nn->networks[i]->name, name) == 0)
            return nn->networks[i];
    gcl_network *net = gcl_alloc(sizeof *net);
    net->nn = nn;
    net->name = gcl_arena_printf(nn->arena, "%s", name);
    net->variable =
        gcl_arena_printf(nn->arena, nn->averaged ? "%s.average" : "%s.parameters", name);
    net->parameters = gcl_variable(nn->graph, net->variable, gcl_shape_of(1, 1, 1, 0));
    GCL_GROW(nn->networks, nn->n_networks, nn->cap_networks);
    nn->networks[nn->n_networks++] = net;
    return net;
}

void gcl_network_enter(gcl_network *net)
{
    gcl_nn *nn = net->nn;
    if (nn->current != NULL)
        gcl_graph_fail(nn->graph, "network %s is entered inside network %s", net->name,
                       nn->current->name);
    nn->current = net;
    gcl_nn_push(nn, "%s", net->name);
}

void gcl_network_leave(gcl_network *net)
{
    gcl_nn_pop(net->nn);
    net->nn->current = NULL;
}

void gcl_nn_push(gcl_nn *nn, const char *format, ...)
{
    char name[100];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    size_t length = strlen(nn->prefix), room = sizeof nn->prefix - length;
    if (nn->n_pushes == GCL_MAX_PUSHES || strlen(name) + 2 > room) {
        gcl_graph_fail(nn->graph, "names below %s%s are nested too deeply", nn->prefix, name);
        return;
    }
    nn->prefix_ends[nn->n_pushes++] = (int)length;
    snprintf(nn->prefix + length, room, "%s.", name);
    gcl_scope_push(nn->graph, "%s", name);
}

void gcl_nn_pop(gcl_nn *nn)
{
    if (nn->n_pushes == 0)
        return;
    nn->prefix[nn->prefix_ends[--nn->n_pushes]] = 0;
    gcl_scope_pop(nn->graph);
}

const char *gcl_nn_full_name(gcl_nn *nn, const char *name)
{
    return gcl_arena_printf(nn->arena, "%s%s", nn->prefix, name);
}
