/* Recorded operations: the files, and what builders of their graphs use. */
#include "golden_ops.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static gcl_safetensors *recorded;
static json_t *root;

/* ---- files ----------------------------------------------------------------------------------- */

void golden_ops_open(void)
{
    gcl_error err = {0};
    json_error_t where;
    char path[500];
    const char *source = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/ops.json", source ? source : ".");
    root = json_load_file(path, 0, &where);
    ck_assert_msg(root != NULL, "%s: %s", path, where.text);
    snprintf(path, sizeof path, "%s/tests/golden/ops.safetensors", source ? source : ".");
    recorded = gcl_safetensors_open(path, &err);
    ck_assert_msg(recorded != NULL, "%s", err.text);
}

void golden_ops_close(void)
{
    gcl_safetensors_close(recorded);
    json_decref(root);
}

const json_t *golden_cases(void) { return json_object_get(root, "cases"); }
const json_t *golden_schedules(void) { return json_object_get(root, "schedules"); }

/* ---- recorded tensors ----------------------------------------------------------------------- */

const gcl_entry *golden_entry(const trial *t, const char *tensor_name)
{
    char name[160];
    snprintf(name, sizeof name, "%s.%s", t->name, tensor_name);
    const gcl_entry *entry = gcl_safetensors_find(recorded, name);
    ck_assert_msg(entry != NULL, "no tensor %s", name);
    return entry;
}

/* The dimensions of our order. */
static gcl_shape shape_of(const gcl_entry *e, layout l)
{
    int d[4] = {1, 1, 1, 1}, n = e->n_dims;
    ck_assert_int_le(n, 4);
    for (int i = 0; i < n; i++)
        d[i] = (int)e->dims[i];
    switch (l) {
    case IMAGE:
        return n == 3 ? gcl_shape_of(1, d[1], d[2], d[0]) : gcl_shape_of(d[0], d[2], d[3], d[1]);
    case FILTER: return gcl_shape_of(d[2], d[3], d[1], d[0]);
    case LINE: return gcl_shape_of(d[0], 1, d[2], d[1]);
    case PIXELS: return gcl_shape_of(d[0], d[1], d[2], 1);
    case ROWS: break;
    }
    return n == 2 ? gcl_shape_of(d[0], 1, 1, d[1]) : gcl_shape_of(1, 1, 1, d[0]);
}

/* Where our element i stands in the file. */
static int64_t file_index(gcl_shape s, layout l, int64_t i)
{
    int64_t d3 = i % s.d[3], d2 = i / s.d[3] % s.d[2], d1 = i / s.d[3] / s.d[2] % s.d[1];
    int64_t d0 = i / s.d[3] / s.d[2] / s.d[1];
    if (l == IMAGE || l == LINE)
        return ((d0 * s.d[3] + d3) * s.d[1] + d1) * s.d[2] + d2;
    if (l == FILTER)
        return ((d3 * s.d[2] + d2) * s.d[0] + d0) * s.d[1] + d1;
    return i;
}

/* The values in our order; free() them. */
double *golden_values(const trial *t, const tensor *x)
{
    const gcl_entry *e = golden_entry(t, x->name);
    gcl_shape s = shape_of(e, x->layout);
    float *file = gcl_alloc((size_t)e->count * sizeof *file);
    double *ours = gcl_alloc((size_t)e->count * sizeof *ours);
    gcl_entry_floats(e, file);
    for (int64_t i = 0; i < e->count; i++)
        ours[i] = (double)file[file_index(s, x->layout, i)];
    free(file);
    return ours;
}

/* ---- what builders of cases use -------------------------------------------------------------- */

double golden_number(const trial *t, const char *key)
{
    const json_t *value = json_object_get(t->attrs, key);
    ck_assert_msg(json_is_number(value), "%s: no attribute %s", t->name, key);
    return json_number_value(value);
}

int golden_integer(const trial *t, const char *key) { return (int)golden_number(t, key); }

int golden_flag(const trial *t, const char *key)
{
    return json_is_true(json_object_get(t->attrs, key));
}

int golden_has_operand(const trial *t, const char *name)
{
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(t->row, "in"), i, value)
    {
        if (strcmp(json_string_value(value), name) == 0)
            return 1;
    }
    return 0;
}

static tensor *add_operand(trial *t, const char *prefix, const char *name, layout l)
{
    ck_assert_int_lt(t->n_in, MAX_TENSORS);
    tensor *x = &t->in[t->n_in++];
    snprintf(x->name, sizeof x->name, "%s.%s", prefix, name);
    x->layout = l;
    return x;
}

/* A recorded operand ("in") or arriving gradient ("dout") as an input of the graph. */
static gcl_node *operand_from(trial *t, const char *prefix, const char *name, layout l)
{
    tensor *x = add_operand(t, prefix, name, l);
    x->node = gcl_input(t->graph, x->name, GCL_F32, shape_of(golden_entry(t, x->name), l));
    return x->source = x->node;
}

gcl_node *golden_operand(trial *t, const char *name, layout l)
{
    return operand_from(t, "in", name, l);
}

static gcl_node *find_variable(gcl_graph *g, const char *name)
{
    for (int i = 0; i < gcl_graph_size(g); i++)
        if (gcl_graph_node(g, i)->op == &gcl_op_variable &&
            strcmp(gcl_graph_node(g, i)->name, name) == 0)
            return gcl_graph_node(g, i);
    ck_abort_msg("no variable %s", name);
    return NULL;
}

gcl_node *golden_labels(trial *t, const char *name)
{
    tensor *x = add_operand(t, "in", name, ROWS);
    x->node = gcl_input(t->graph, x->name, GCL_U32,
                        gcl_shape_of((int)golden_entry(t, x->name)->count, 1, 1, 1));
    return x->source = x->node;
}

/* Where nn keeps the tensor `known_as`: operand `name` of the case. */
static const gcl_tensor *kept_operand(trial *t, const char *name, layout l, const char *known_as)
{
    tensor *x = add_operand(t, "in", name, l);
    for (int i = 0; i < gcl_nn_tensors(t->nn); i++) {
        const gcl_tensor *kept = gcl_nn_tensor(t->nn, i);
        if (strcmp(kept->name, known_as) != 0)
            continue;
        x->source = find_variable(t->graph, kept->variable);
        x->first = kept->first;
        return kept;
    }
    ck_abort_msg("%s: no tensor %s", t->name, known_as);
    return NULL;
}

gcl_node *golden_stored(trial *t, const char *name, layout l, const char *known_as)
{
    const gcl_tensor *kept = kept_operand(t, name, l, known_as);
    tensor *x = &t->in[t->n_in - 1];
    return x->node = gcl_view(x->source, kept->first, kept->shape);
}

/* The last assignment to a variable. */
static gcl_node *latest(gcl_graph *g, gcl_node *variable)
{
    gcl_node *last = variable;
    for (int i = 0; i < gcl_graph_size(g); i++)
        if (gcl_graph_node(g, i)->op == &gcl_op_assign && gcl_graph_node(g, i)->in[0] == last)
            last = gcl_graph_node(g, i);
    return last;
}

void golden_changed(trial *t, const char *name, layout l, const char *known_as)
{
    const gcl_tensor *kept = kept_operand(t, name, l, known_as);
    gcl_node *new = latest(t->graph, t->in[t->n_in - 1].source);
    golden_result(t, "out", name, l, gcl_view(new, kept->first, kept->shape));
}

void golden_network(trial *t, int training)
{
    t->nn = gcl_nn_new(t->graph, &(gcl_nn_options){.training = training});
    gcl_network_enter(gcl_network_new(t->nn, "N"));
}

void golden_network_end(trial *t)
{
    gcl_network_leave(gcl_network_new(t->nn, "N"));
    gcl_nn_finish(t->nn);
}

void golden_result(trial *t, const char *prefix, const char *name, layout l, gcl_node *node)
{
    ck_assert_int_lt(t->n_out, MAX_TENSORS);
    tensor *x = &t->out[t->n_out++];
    snprintf(x->name, sizeof x->name, "%s.%s", prefix, name);
    x->layout = l;
    x->node = node;
    gcl_graph_output(node, x->name);
}

void golden_differentiated(trial *t, const char *name, layout l, gcl_node *y)
{
    size_t n;
    const json_t *value;
    golden_result(t, "out", name, l, y);
    if (json_array_size(json_object_get(t->row, "din")) == 0)
        return;
    gcl_node *dy = operand_from(t, "dout", name, l);
    json_array_foreach(json_object_get(t->row, "din"), n, value)
    {
        char operand_name[80];
        snprintf(operand_name, sizeof operand_name, "in.%s", json_string_value(value));
        for (int i = 0; i < t->n_in; i++) {
            if (strcmp(t->in[i].name, operand_name) != 0)
                continue;
            gcl_node *dx;
            gcl_gradients_from(y, gcl_reshape(dy, y->shape), &t->in[i].node, 1, &dx);
            golden_result(t, "din", operand_name + 3, t->in[i].layout, dx);
        }
    }
}

/* ---- the tables ------------------------------------------------------------------------------ */

const golden_op *golden_op_at(int i)
{
    const golden_op *const tables[] = {golden_layers, golden_losses, golden_updates};
    for (int table = 0; table < 3; table++)
        for (const golden_op *op = tables[table]; op->op != NULL; op++)
            if (i-- == 0)
                return op;
    return NULL;
}
