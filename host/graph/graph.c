/* Nodes, scopes, errors, value numbering. */
#include "graph/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

int64_t gcl_shape_count(gcl_shape shape)
{
    return (int64_t)shape.d[0] * shape.d[1] * shape.d[2] * shape.d[3];
}

int gcl_shape_equal(gcl_shape a, gcl_shape b) { return memcmp(&a, &b, sizeof a) == 0; }

const char *gcl_shape_text(gcl_shape s)
{
    static char texts[8][64];
    static int next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], "[%d,%d,%d,%d]", s.d[0], s.d[1], s.d[2], s.d[3]);
    return text;
}

size_t gcl_dtype_bytes(gcl_dtype dtype) { return dtype == GCL_U8 ? 1 : 4; }

void gcl_broadcast_strides(gcl_shape x, gcl_shape out, int64_t strides[4])
{
    int64_t stride = 1;
    for (int i = 3; i >= 0; i--) {
        strides[i] = x.d[i] == 1 && out.d[i] != 1 ? 0 : stride;
        stride *= x.d[i];
    }
}

/* ---- graph ---- */

gcl_graph *gcl_graph_new(void)
{
    gcl_graph *g = gcl_alloc(sizeof *g);
    g->arena = gcl_arena_new();
    g->table_size = 4096;
    g->table = gcl_alloc((size_t)g->table_size * sizeof *g->table);
    return g;
}

void gcl_graph_free(gcl_graph *g)
{
    if (g == NULL)
        return;
    gcl_arena_free(g->arena);
    free(g->nodes);
    free(g->stale);
    free(g->table);
    free(g->outputs);
    free(g->output_names);
    free(g->contents);
    free(g->region_first);
    free(g);
}

int gcl_graph_size(const gcl_graph *g) { return g->n_nodes; }
gcl_node *gcl_graph_node(const gcl_graph *g, int id) { return g->nodes[id]; }
const char *gcl_graph_error(const gcl_graph *g) { return g->error; }

gcl_node *gcl_graph_fail(gcl_graph *g, const char *format, ...)
{
    if (g->error == NULL) {
        char text[600];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        g->error = gcl_arena_printf(g->arena, "%s%s%s (%s:%d)", g->scope, g->scope[0] ? ": " : "",
                                    text, g->file ? g->file : "?", g->line);
    }
    return gcl_constant(g, 0);
}

/* ---- scopes ---- */

void gcl_scope_push(gcl_graph *g, const char *format, ...)
{
    if (g->n_scopes == (int)(sizeof g->scope_ends / sizeof *g->scope_ends)) {
        gcl_graph_fail(g, "scopes are nested deeper than %d", g->n_scopes);
        return;
    }
    size_t length = strlen(g->scope);
    g->scope_ends[g->n_scopes++] = (int)length;
    if (length > 0 && length + 1 < sizeof g->scope)
        g->scope[length++] = '/';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(g->scope + length, sizeof g->scope - length, format, arguments);
    va_end(arguments);
    g->scope_copy = NULL;
}

void gcl_scope_pop(gcl_graph *g)
{
    if (g->n_scopes > 0)
        g->scope[g->scope_ends[--g->n_scopes]] = 0;
    g->scope_copy = NULL;
}

const char *gcl_scope_path(const gcl_graph *g) { return g->scope; }

void gcl_graph_at(gcl_graph *g, const char *file, int line)
{
    g->file = file;
    g->line = line;
}

/* ---- nodes ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 1099511628211u;
    return hash;
}

/* What makes a node the value that it is. */
typedef struct key {
    const gcl_op *op;
    gcl_shape shape;
    gcl_node *const *in;
    int n_in;
    const void *attr;
    int generation;
} key;

static uint64_t hash_of(const key *k)
{
    uint64_t hash = mix(14695981039346656037u, &k->op, sizeof k->op);
    hash = mix(hash, &k->shape, sizeof k->shape);
    hash = mix(hash, &k->generation, sizeof k->generation);
    for (int i = 0; i < k->n_in; i++)
        hash = mix(hash, &k->in[i]->id, sizeof k->in[i]->id);
    return k->attr ? mix(hash, k->attr, k->op->attr_bytes) : hash;
}

static int same(const gcl_node *node, const key *k)
{
    if (node->op != k->op || !gcl_shape_equal(node->shape, k->shape) || node->n_in != k->n_in ||
        node->generation != k->generation)
        return 0;
    for (int i = 0; i < k->n_in; i++)
        if (node->in[i] != k->in[i])
            return 0;
    return k->op->attr_bytes == 0 || memcmp(node->attr, k->attr, k->op->attr_bytes) == 0;
}

static gcl_node *find(const gcl_graph *g, const key *k)
{
    int mask = g->table_size - 1;
    for (int i = (int)(hash_of(k) & (uint64_t)mask); g->table[i] != 0; i = (i + 1) & mask)
        if (same(g->nodes[g->table[i] - 1], k))
            return g->nodes[g->table[i] - 1];
    return NULL;
}

static void table_put(gcl_graph *g, const gcl_node *n)
{
    key k = {n->op, n->shape, n->in, n->n_in, n->attr, n->generation};
    int mask = g->table_size - 1, i = (int)(hash_of(&k) & (uint64_t)mask);
    while (g->table[i] != 0)
        i = (i + 1) & mask;
    g->table[i] = n->id + 1;
}

static void table_grow(gcl_graph *g)
{
    free(g->table);
    g->table_size *= 2;
    g->table = gcl_alloc((size_t)g->table_size * sizeof *g->table);
    for (int id = 0; id < g->n_nodes; id++)
        table_put(g, g->nodes[id]);
}

/* Sources with a name and assignments have an identity of their own; all else is a value. */
static int has_identity(const gcl_op *op)
{
    return op == &gcl_op_input || op == &gcl_op_variable || op == &gcl_op_assign;
}

static const gcl_node *storage_root(const gcl_node *node)
{
    while (node->op == &gcl_op_view)
        node = node->in[0];
    return node;
}

int gcl_node_stale(const gcl_node *operand)
{
    return operand->graph->stale[storage_root(operand)->id];
}

/* An assignment ends the life of the old value: what is created later must read the new one. */
static void check_readers(gcl_graph *g, gcl_node *const *in, int n_in)
{
    for (int i = 0; i < n_in; i++) {
        if (!gcl_node_stale(in[i]))
            continue;
        const gcl_node *root = storage_root(in[i]);
        while (root->op == &gcl_op_assign)
            root = root->in[0];
        gcl_graph_fail(g, "the old value of %s is read after a new one was assigned to it",
                       root->name);
    }
}

static void *copy_of(gcl_graph *g, const void *data, size_t bytes)
{
    return bytes ? memcpy(gcl_arena_alloc(g->arena, bytes), data, bytes) : NULL;
}

static gcl_node *append(gcl_graph *g, const key *k)
{
    check_readers(g, k->in, k->n_in);
    gcl_node *node = gcl_arena_alloc(g->arena, sizeof *node);
    node->op = k->op;
    node->shape = k->shape;
    node->n_in = k->n_in;
    node->in = copy_of(g, k->in, (size_t)k->n_in * sizeof *node->in);
    node->attr = copy_of(g, k->attr, k->op->attr_bytes);
    node->generation = k->generation;
    node->region = g->region;
    if (g->scope_copy == NULL)
        g->scope_copy = gcl_arena_printf(g->arena, "%s", g->scope);
    node->scope = g->scope_copy;
    node->file = g->file;
    node->line = g->line;
    node->graph = g;
    node->id = g->n_nodes;
    GCL_GROW(g->nodes, g->n_nodes, g->cap_nodes);
    GCL_GROW(g->stale, g->n_nodes, g->cap_stale);
    g->stale[g->n_nodes] = 0;
    g->nodes[g->n_nodes++] = node;
    if (2 * g->n_nodes > g->table_size)
        table_grow(g);
    else
        table_put(g, node);
    return node;
}

gcl_node *gcl_node_new(gcl_graph *g, const gcl_op *op, gcl_shape shape, gcl_node *const *in,
                       int n_in, const void *attr)
{
    key k = {op, shape, in, n_in, attr, g->generation};
    gcl_node *found = NULL;
    for (int i = 0; i < n_in && op->kind == GCL_KIND_KERNEL; i++)
        if (in[i]->dtype != GCL_F32)
            return gcl_graph_fail(
                g,
                "%s takes float32 tensors, but %s %s holds bytes or words: decode "
                "them first (gcl_nn_pictures, gcl_nn_levels)",
                op->name, in[i]->name != NULL ? in[i]->name : in[i]->op->name,
                gcl_shape_text(in[i]->shape));
    if (!has_identity(op) && g->generation != 0)
        found = find(g, &k);
    k.generation = 0;
    if (!has_identity(op) && found == NULL)
        found = find(g, &k);
    return found ? found : append(g, &k);
}

gcl_node *gcl_node_copy(gcl_node *node, gcl_node *const *in)
{
    gcl_graph *g = node->graph;
    int changed = 0;
    for (int i = 0; i < node->n_in; i++)
        changed = changed || in[i] != node->in[i];
    key k = {node->op, node->shape, in, node->n_in, node->attr, changed ? 0 : g->generation};
    gcl_node *copy = find(g, &k);
    if (copy == NULL) {
        copy = append(g, &k);
        copy->dtype = node->dtype;
        copy->original = node->original ? node->original : node;
    }
    return copy;
}

void gcl_graph_at_node(gcl_graph *g, const gcl_node *node)
{
    g->file = node->file;
    g->line = node->line;
    snprintf(g->scope, sizeof g->scope, "%s", node->scope);
    g->scope_copy = node->scope;
}

/* ---- outputs ---- */

gcl_node *gcl_graph_output(gcl_node *x, const char *name)
{
    gcl_graph *g = x->graph;
    GCL_GROW(g->outputs, g->n_outputs, g->cap_outputs);
    GCL_GROW(g->output_names, g->n_outputs, g->cap_output_names);
    g->outputs[g->n_outputs] = x;
    g->output_names[g->n_outputs++] = gcl_arena_printf(g->arena, "%s", name);
    return x;
}

int gcl_graph_outputs(const gcl_graph *g) { return g->n_outputs; }

gcl_node *gcl_graph_output_at(const gcl_graph *g, int i, const char **name)
{
    if (name != NULL)
        *name = g->output_names[i];
    return g->outputs[i];
}

gcl_node *gcl_graph_find_output(const gcl_graph *g, const char *name)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (strcmp(g->output_names[i], name) == 0)
            return g->outputs[i];
    return NULL;
}

/* The first numbers of a table. */
static void print_table(const gcl_node *node, gcl_text *out)
{
    enum { SHOWN = 4 };
    const float *values = gcl_node_table(node);
    int64_t n = gcl_shape_count(node->shape);
    for (int i = 0; i < n && i < SHOWN; i++)
        gcl_text_add(out, " %g", (double)values[i]);
    if (n > SHOWN)
        gcl_text_add(out, " ...");
}

void gcl_graph_print(const gcl_graph *g, gcl_text *out)
{
    for (int id = 0; id < g->n_nodes; id++) {
        const gcl_node *n = g->nodes[id];
        gcl_text_add(out, "%%%d = %s", id, n->op->name);
        double value;
        if (gcl_node_constant(n, &value))
            gcl_text_add(out, " %g", value);
        if (n->op == &gcl_op_table)
            print_table(n, out);
        if (n->name != NULL)
            gcl_text_add(out, " %s", n->name);
        for (int i = 0; i < n->n_in; i++)
            gcl_text_add(out, " %%%d", n->in[i]->id);
        if (n->original != NULL)
            gcl_text_add(out, " (%%%d again)", n->original->id);
        gcl_text_add(out, " : %s%s%s\n", gcl_shape_text(n->shape), n->scope[0] ? "  # " : "",
                     n->scope);
    }
}
