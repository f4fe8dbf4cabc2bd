#include "cli/layers.h"

#include <stdlib.h>
#include <string.h>

#include "graph/op.h"

static double node_flops(const gcl_node *node)
{
    return node->op->kind == GCL_KIND_KERNEL && node->op->flops != NULL ? node->op->flops(node) : 0;
}

double gcl_graph_flops(const gcl_graph *graph)
{
    double flops = 0;
    for (int i = 0; i < gcl_graph_size(graph); i++)
        flops += node_flops(gcl_graph_node(graph, i));
    return flops;
}

/* "G/conv1/conv" -> "G.conv1.conv" */
static const char *dotted(gcl_arena *arena, const char *scope)
{
    char *name = gcl_arena_printf(arena, "%s", scope);
    for (char *c = name; *c != 0; c++)
        if (*c == '/')
            *c = '.';
    return name;
}

static int64_t parameters_below(const gcl_nn *nn, const char *layer)
{
    int64_t count = 0;
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(nn, i);
        const char *dot = strrchr(tensor->name, '.');
        size_t n = dot != NULL ? (size_t)(dot - tensor->name) : 0;
        if (tensor->role == GCL_ROLE_PARAMETER && strlen(layer) == n &&
            strncmp(tensor->name, layer, n) == 0)
            count += gcl_tensor_count(tensor);
    }
    return count;
}

static int holds_activation(const gcl_node *node)
{
    return node->op->kind != GCL_KIND_SOURCE && node->op->kind != GCL_KIND_ASSIGN;
}

static gcl_layer_row *new_row(gcl_layers *layers, const char *name)
{
    GCL_GROW(layers->rows, layers->n_rows, layers->cap_rows);
    layers->rows[layers->n_rows] = (gcl_layer_row){.name = name};
    return &layers->rows[layers->n_rows++];
}

/* A parameter of the network itself, such as a learned constant, is a row of its own. */
static void add_lone_parameters(gcl_layers *layers)
{
    size_t n = strlen(layers->network);
    for (int i = 0; i < gcl_nn_tensors(layers->nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(layers->nn, i);
        if (tensor->role != GCL_ROLE_PARAMETER || strcmp(tensor->network, layers->network) != 0 ||
            strchr(tensor->name + n + 1, '.') != NULL)
            continue;
        gcl_layer_row *row = new_row(layers, tensor->name);
        row->shape = tensor->shape;
        row->parameters = gcl_tensor_count(tensor);
    }
}

/* The row of a scope; made at its first node, for a layer may be come back to. */
static gcl_layer_row *row_of(gcl_layers *layers, const char *scope)
{
    const char *name = dotted(layers->arena, scope);
    for (int i = layers->n_rows - 1; i >= 0; i--)
        if (strcmp(layers->rows[i].name, name) == 0)
            return &layers->rows[i];
    gcl_layer_row *row = new_row(layers, name);
    if (strcmp(name, layers->network) != 0)
        row->parameters = parameters_below(layers->nn, name);
    return row;
}

/* Nodes of one scope are one layer; views of parameters and what belongs to no layer give no row. */
static void add_rows(gcl_layers *layers)
{
    const char *scope = "";
    gcl_layer_row *row = NULL;
    for (int i = 0; i < gcl_graph_size(layers->graph); i++) {
        const gcl_node *node = gcl_graph_node(layers->graph, i);
        if (!holds_activation(node) || node->scope == NULL || node->scope[0] == 0)
            continue;
        if (row == NULL || strcmp(node->scope, scope) != 0)
            row = row_of(layers, scope = node->scope);
        row->shape = node->shape;
        row->flops += node_flops(node);
    }
}

static void drop_empty_rows(gcl_layers *layers)
{
    int kept = 0;
    for (int i = 0; i < layers->n_rows; i++)
        if (layers->rows[i].parameters > 0 || layers->rows[i].flops > 0)
            layers->rows[kept++] = layers->rows[i];
    layers->n_rows = kept;
}

static void count(gcl_layers *layers)
{
    for (int i = 0; i < gcl_nn_tensors(layers->nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(layers->nn, i);
        if (tensor->role == GCL_ROLE_PARAMETER)
            layers->parameters += gcl_tensor_count(tensor);
        else if (tensor->role == GCL_ROLE_BUFFER)
            layers->buffers += gcl_tensor_count(tensor);
    }
    layers->flops = gcl_graph_flops(layers->graph);
}

int gcl_layers_build(gcl_layers *layers, const gcl_model *model, const char *network,
                     gcl_error *err)
{
    gcl_ports ports = {0};
    *layers = (gcl_layers){.network = network};
    layers->arena = gcl_arena_new();
    layers->graph = gcl_graph_new();
    layers->nn = gcl_nn_new(layers->graph, &(gcl_nn_options){.training = 0});
    model->system->pass(layers->nn, model, network, 1, &ports);
    gcl_nn_finish(layers->nn);
    if (gcl_graph_error(layers->graph) != NULL) {
        gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(layers->graph));
        gcl_layers_free(layers);
        return -1;
    }
    add_lone_parameters(layers);
    add_rows(layers);
    drop_empty_rows(layers);
    count(layers);
    return 0;
}

void gcl_layers_free(gcl_layers *layers)
{
    gcl_nn_free(layers->nn);
    gcl_graph_free(layers->graph);
    gcl_arena_free(layers->arena);
    free(layers->rows);
    *layers = (gcl_layers){0};
}
