/* Parameters, running statistics, and the list of tensors that files know. */
#include <string.h>

#include "nn/internal.h"

/* ---- the list ---- */

int gcl_nn_tensors(const gcl_nn *nn) { return nn->n_records; }
const gcl_tensor *gcl_nn_tensor(const gcl_nn *nn, int i) { return &nn->records[i]->tensor; }

gcl_record *gcl_nn_add_tensor(gcl_nn *nn, const gcl_tensor *tensor, const char *known_as)
{
    gcl_record *record = gcl_arena_alloc(nn->arena, sizeof *record);
    record->tensor = *tensor;
    gcl_tensor_set_dims(&record->tensor);
    GCL_GROW(nn->records, nn->n_records, nn->cap_records);
    gcl_names_put(&nn->record_names, known_as, nn->n_records);
    nn->records[nn->n_records++] = record;
    return record;
}

gcl_record *gcl_nn_find_record(gcl_nn *nn, const char *name)
{
    int i = gcl_names_find(&nn->record_names, name);
    return i < 0 ? NULL : nn->records[i];
}

const double *gcl_nn_keep_numbers(gcl_nn *nn, const double *numbers, int64_t n)
{
    if (numbers == NULL)
        return NULL;
    double *kept = gcl_arena_alloc(nn->arena, (size_t)n * sizeof *kept);
    return memcpy(kept, numbers, (size_t)n * sizeof *kept);
}

/* ---- parameters ---- */

/* A new parameter of the current network. NULL, with the graph's error set, if it cannot be. */
static gcl_record *add_parameter(gcl_nn *nn, const char *name, gcl_shape shape, gcl_layout layout,
                                 const int flat[3], gcl_init init)
{
    gcl_network *net = nn->current;
    if (net->closed) {
        gcl_graph_fail(nn->graph,
                       "parameter %s is new, but %s was trained or finished before: all of a "
                       "network is built first",
                       name, net->name);
        return NULL;
    }
    const char *average = "%s.average/%s";
    gcl_tensor tensor = {
        .name = nn->averaged ? gcl_arena_printf(nn->arena, average, net->name, name) : name,
        .network = net->name,
        .role = GCL_ROLE_PARAMETER,
        .layout = layout,
        .shape = shape,
        .init = init,
        .variable = net->variable,
        .first = net->count};
    if (flat != NULL)
        memcpy(tensor.flat, flat, sizeof tensor.flat);
    GCL_GROW(net->records, net->n_records, net->cap_records);
    net->records[net->n_records++] = nn->n_records;
    int64_t count = gcl_shape_count(shape) + GCL_TENSOR_ALIGN - 1;
    net->count += count - count % GCL_TENSOR_ALIGN;
    return gcl_nn_add_tensor(nn, &tensor, name);
}

gcl_node *gcl_parameter(gcl_nn *nn, const char *name, gcl_shape shape, gcl_layout layout,
                        const int flat[3], gcl_init init)
{
    if (nn->current == NULL)
        return gcl_graph_fail(nn->graph, "parameter %s stands outside of any network", name);
    const char *full = gcl_nn_full_name(nn, name);
    gcl_record *record = gcl_nn_find_record(nn, full);
    if (record == NULL)
        record = add_parameter(nn, full, shape, layout, flat, init);
    if (record == NULL)
        return gcl_constant(nn->graph, 0);
    if (!gcl_shape_equal(record->tensor.shape, shape))
        return gcl_graph_fail(nn->graph, "parameter %s is %s here and %s elsewhere", full,
                              gcl_shape_text(shape), gcl_shape_text(record->tensor.shape));
    return gcl_view(nn->current->parameters, record->tensor.first, shape);
}

/* ---- running statistics ---- */

gcl_node *gcl_state(gcl_nn *nn, const char *name, int c, double initial)
{
    const char *full = gcl_nn_full_name(nn, name);
    gcl_record *record = gcl_nn_find_record(nn, full);
    gcl_shape shape = gcl_shape_of(1, 1, 1, c);
    if (record == NULL) {
        gcl_tensor tensor = {.name = full,
                             .network = nn->current ? nn->current->name : "",
                             .role = GCL_ROLE_BUFFER,
                             .layout = GCL_LAYOUT_VECTOR,
                             .shape = shape,
                             .init = gcl_init_constant(initial),
                             .variable = full};
        record = gcl_nn_add_tensor(nn, &tensor, full);
        record->state = gcl_variable(nn->graph, full, shape);
    }
    if (record->state == NULL || !gcl_shape_equal(record->tensor.shape, shape))
        return gcl_graph_fail(nn->graph, "buffer %s %s is something else, %s, elsewhere", full,
                              gcl_shape_text(shape), gcl_shape_text(record->tensor.shape));
    return record->state;
}

void gcl_state_update(gcl_nn *nn, const char *name, gcl_node *value)
{
    const char *full = gcl_nn_full_name(nn, name);
    gcl_record *record = gcl_nn_find_record(nn, full);
    if (record == NULL || record->state == NULL) {
        gcl_graph_fail(nn->graph, "there is no buffer %s to update", full);
        return;
    }
    if (!nn->prologue && !nn->frozen)
        record->state = gcl_nn_take_over(record->state, value);
}

gcl_node *gcl_nn_take_over(gcl_node *state, gcl_node *value)
{
    return gcl_assign(state, gcl_select(gcl_finite(value), value, state));
}
