#include "autotune/workload.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SIDE = 1 << 30 };

int gcl_workload_of(const gcl_node *node, gcl_workload *work)
{
    const gcl_op *op = node->op;
    size_t bytes = node->attr != NULL ? op->attr_bytes : 0;
    memset(work, 0, sizeof *work);
    if (op->kind != GCL_KIND_KERNEL || node->n_in > GCL_WORKLOAD_IN || bytes > sizeof work->words ||
        bytes % sizeof work->words[0] != 0)
        return -1;
    work->op = op;
    work->out = node->shape;
    work->n_in = node->n_in;
    for (int i = 0; i < node->n_in; i++)
        work->in[i] = node->in[i]->shape;
    work->n_words = (int)(bytes / sizeof work->words[0]);
    if (bytes > 0)
        memcpy(work->words, node->attr, bytes);
    return 0;
}

int gcl_workload_equal(const gcl_workload *a, const gcl_workload *b)
{
    return a->op == b->op && a->n_in == b->n_in && a->n_words == b->n_words &&
           memcmp(a->in, b->in, sizeof a->in) == 0 && gcl_shape_equal(a->out, b->out) &&
           memcmp(a->words, b->words, sizeof a->words) == 0;
}

static double size_distance(int a, int b) { return a == b ? 0 : fabs(log2((double)a / b)); }

static double shape_distance(gcl_shape a, gcl_shape b)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += size_distance(a.d[i], b.d[i]);
    return sum;
}

double gcl_workload_distance(const gcl_workload *a, const gcl_workload *b)
{
    if (a->op != b->op || a->n_in != b->n_in || a->n_words != b->n_words)
        return INFINITY;
    double sum = shape_distance(a->out, b->out);
    for (int i = 0; i < a->n_in; i++)
        sum += shape_distance(a->in[i], b->in[i]);
    for (int i = 0; i < a->n_words; i++) {
        int32_t x = a->words[i], y = b->words[i];
        if (x != y && (x <= 0 || y <= 0))
            return INFINITY;
        sum += size_distance(x, y);
    }
    return sum;
}

gcl_node *gcl_workload_node(const gcl_workload *work, gcl_graph *graph)
{
    gcl_node *in[GCL_WORKLOAD_IN];
    char name[24];
    for (int i = 0; i < work->n_in; i++) {
        snprintf(name, sizeof name, "operand%d", i);
        in[i] = gcl_variable(graph, name, work->in[i]);
    }
    gcl_node *node = gcl_node_new(graph, work->op, work->out, in, work->n_in,
                                  work->n_words > 0 ? work->words : NULL);
    return gcl_graph_error(graph) == NULL ? node : NULL;
}

double gcl_workload_flops(const gcl_workload *work)
{
    gcl_graph *graph = gcl_graph_new();
    const gcl_node *node = gcl_workload_node(work, graph);
    double flops = node != NULL && work->op->flops != NULL ? work->op->flops(node) : 0;
    gcl_graph_free(graph);
    return flops;
}

double gcl_workload_bytes(const gcl_workload *work)
{
    double count = (double)gcl_shape_count(work->out);
    for (int i = 0; i < work->n_in; i++)
        count += (double)gcl_shape_count(work->in[i]);
    return 4 * count;
}

/* ---- text ----------------------------------------------------------------------------------------- */

void gcl_workload_text(const gcl_workload *work, char *text, size_t size)
{
    int n = snprintf(text, size, "%s", work->op->name);
    for (int i = 0; i < work->n_in && n >= 0 && (size_t)n < size; i++)
        n += snprintf(text + n, size - (size_t)n, " %s", gcl_shape_text(work->in[i]));
}

static json_t *shape_json(gcl_shape s)
{
    return json_pack("[i,i,i,i]", s.d[0], s.d[1], s.d[2], s.d[3]);
}

void gcl_workload_write(const gcl_workload *work, json_t *object)
{
    json_t *in = json_array(), *words = json_array();
    for (int i = 0; i < work->n_in; i++)
        json_array_append_new(in, shape_json(work->in[i]));
    for (int i = 0; i < work->n_words; i++)
        json_array_append_new(words, json_integer(work->words[i]));
    json_object_set_new(object, "op", json_string(work->op->name));
    json_object_set_new(object, "in", in);
    json_object_set_new(object, "out", shape_json(work->out));
    json_object_set_new(object, "attr", words);
}

static int read_shape(const json_t *array, gcl_shape *shape)
{
    if (json_array_size(array) != 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        json_int_t side = json_integer_value(json_array_get(array, i));
        if (side < 1 || side > LARGEST_SIDE)
            return -1;
        shape->d[i] = (int)side;
    }
    return 0;
}

static int read_words(gcl_workload *work, const json_t *array)
{
    size_t n = json_array_size(array);
    if (!json_is_array(array) || n * sizeof work->words[0] != work->op->attr_bytes ||
        n > GCL_WORKLOAD_WORDS)
        return -1;
    work->n_words = (int)n;
    for (size_t i = 0; i < n; i++) {
        json_int_t word = json_integer_value(json_array_get(array, i));
        if (word < INT32_MIN || word > INT32_MAX)
            return -1;
        work->words[i] = (int32_t)word;
    }
    return 0;
}

int gcl_workload_read(gcl_workload *work, const json_t *object, const gcl_op *const *ops)
{
    const char *name = json_string_value(json_object_get(object, "op"));
    const json_t *in = json_object_get(object, "in");
    size_t n_in = json_array_size(in);
    memset(work, 0, sizeof *work);
    if (name == NULL || !json_is_array(in) || n_in > GCL_WORKLOAD_IN)
        return -1;
    while (*ops != NULL && strcmp((*ops)->name, name) != 0)
        ops++;
    if (*ops == NULL)
        return 1;
    work->op = *ops;
    work->n_in = (int)n_in;
    if (work->op->n_in >= 0 && work->op->n_in != work->n_in)
        return -1;
    for (int i = 0; i < work->n_in; i++)
        if (read_shape(json_array_get(in, (size_t)i), &work->in[i]) != 0)
            return -1;
    if (read_shape(json_object_get(object, "out"), &work->out) != 0)
        return -1;
    return read_words(work, json_object_get(object, "attr"));
}
