/* The weights of an exported network as a safetensors file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "export/constants.h"
#include "export/model.h"
#include "train/pass.h"

/* A tensor of the file: the exported network's, or the checkpoint's. */
typedef struct item {
    char *name;
    gcl_tensor tensor;      /* its layout */
    const gcl_node *node;   /* NULL: ... */
    const gcl_entry *entry; /* ... this */
} item;

typedef struct list {
    const gcl_network_export *x;
    gcl_constants *constants;
    const gcl_safetensors *all;
    item *items;
    int n, cap;
} list;

static int is_weight(const gcl_tensor *tensor)
{
    return tensor->role == GCL_ROLE_PARAMETER || tensor->role == GCL_ROLE_BUFFER;
}

/* Averages bear the names of what they are averages of. */
static const char *plain_name(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

static void add(list *l, const gcl_tensor *tensor, const gcl_node *node, const gcl_entry *entry)
{
    GCL_GROW(l->items, l->n, l->cap);
    l->items[l->n++] = (item){gcl_strdup(plain_name(tensor->name)), *tensor, node, entry};
}

static int has(const list *l, const char *name)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return 1;
    return 0;
}

/* ---- which tensors -------------------------------------------------------------------------------- */

/* Marks what the outputs are computed of. */
static char *needed_nodes(const gcl_network_export *x)
{
    int n = gcl_graph_size(x->graph);
    char *needed = gcl_alloc((size_t)n + 1);
    for (int i = 0; i < x->n_outputs; i++)
        needed[x->outputs[i]->id] = 1;
    for (int id = n - 1; id >= 0; id--) {
        const gcl_node *node = gcl_graph_node(x->graph, id);
        for (int i = 0; needed[id] && i < node->n_in; i++)
            needed[node->in[i]->id] = 1;
    }
    return needed;
}

/* Of the exported network, in the order of checkpoints. */
static void list_taken(list *l)
{
    const gcl_graph *graph = l->x->graph;
    const gcl_nn *nn = l->x->nn;
    char *needed = needed_nodes(l->x);
    const gcl_node **taken = gcl_alloc(((size_t)gcl_nn_tensors(nn) + 1) * sizeof *taken);
    for (int id = 0; id < gcl_graph_size(graph); id++) {
        const gcl_node *node = gcl_graph_node(graph, id);
        const gcl_tensor *tensor = needed[id] ? gcl_constants_tensor(l->constants, node) : NULL;
        for (int i = 0; tensor != NULL && i < gcl_nn_tensors(nn); i++)
            if (gcl_nn_tensor(nn, i) == tensor)
                taken[i] = node;
    }
    for (int i = 0; i < gcl_nn_tensors(nn); i++)
        if (taken[i] != NULL && is_weight(gcl_nn_tensor(nn, i)))
            add(l, gcl_nn_tensor(nn, i), taken[i], NULL);
    free(taken);
    free(needed);
}

/* Of a network, those that are not there yet, from the checkpoint. */
static int list_others(list *l, const char *network, gcl_error *err)
{
    gcl_pass pass;
    int result = gcl_pass_graph(&pass, l->x->model, network, 1, 0, 0, err);
    if (result != 0)
        return -1;
    for (int i = 0; i < gcl_nn_tensors(pass.nn) && result == 0; i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(pass.nn, i);
        const gcl_entry *entry = gcl_safetensors_find(l->all, tensor->name);
        if (!is_weight(tensor) || has(l, tensor->name))
            continue;
        if (entry == NULL || entry->count != gcl_tensor_count(tensor))
            result = gcl_fail(err, GCL_DATA, "%s: has no tensor %s of the model's shape",
                              gcl_safetensors_path(l->all), tensor->name);
        else
            add(l, tensor, NULL, entry);
    }
    gcl_pass_free(&pass);
    return result;
}

/* ---- the file ------------------------------------------------------------------------------------- */

static void declare(gcl_writer *writer, const item *it)
{
    int64_t dims[4];
    for (int d = 0; d < it->tensor.n_dims; d++)
        dims[d] = it->tensor.dims[d];
    gcl_writer_declare(writer, it->name, GCL_FILE_F32, dims, it->tensor.n_dims);
}

static int write_values(gcl_writer *writer, const list *l, const item *it, gcl_error *err)
{
    size_t bytes = (size_t)gcl_tensor_count(&it->tensor) * sizeof(float);
    float *file = gcl_try_alloc(bytes, it->name, err), *memory = NULL;
    int result = -1;
    if (file != NULL && it->node == NULL) {
        gcl_entry_floats(it->entry, file);
        result = 0;
    } else if (file != NULL && (memory = gcl_try_alloc(bytes, it->name, err)) != NULL) {
        result = gcl_constants_values(l->constants, it->node, memory, err);
        gcl_tensor_to_file(&it->tensor, memory, file);
    }
    if (result == 0)
        result = gcl_writer_data(writer, file, bytes, err);
    free(memory);
    free(file);
    return result;
}

static void describe(gcl_writer *writer, const list *l, const gcl_export_facts *facts)
{
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)facts->step);
    gcl_writer_meta(writer, "model", facts->model);
    gcl_writer_meta(writer, "network", l->x->what);
    gcl_writer_meta(writer, "settings", facts->settings);
    gcl_writer_meta(writer, "step", step);
    gcl_writer_meta(writer, "version", facts->version);
    gcl_writer_meta(writer, "weights", l->x->averaged ? "averaged" : "as trained");
}

static int write_list(const list *l, const gcl_export_facts *facts, const char *path,
                      gcl_error *err)
{
    gcl_writer *writer = gcl_writer_new();
    describe(writer, l, facts);
    for (int i = 0; i < l->n; i++)
        declare(writer, &l->items[i]);
    int result = gcl_writer_begin(writer, path, err);
    for (int i = 0; i < l->n && result == 0; i++)
        result = write_values(writer, l, &l->items[i], err);
    if (result == 0)
        return gcl_writer_commit(writer, err);
    gcl_writer_abandon(writer);
    return -1;
}

int gcl_export_weights(const gcl_network_export *x, gcl_store *store, const gcl_safetensors *all,
                       const gcl_export_facts *facts, const char *path, gcl_error *err)
{
    list l = {.x = x, .all = all, .constants = gcl_constants_new(x->graph, x->nn, store)};
    const char *const *networks = x->model->system->networks(x->model);
    int result = 0;
    list_taken(&l);
    for (int i = 0; all != NULL && networks[i] != NULL && result == 0; i++)
        result = list_others(&l, networks[i], err);
    if (result == 0)
        result = write_list(&l, facts, path, err);
    for (int i = 0; i < l.n; i++)
        free(l.items[i].name);
    free(l.items);
    gcl_constants_free(l.constants);
    return result;
}
