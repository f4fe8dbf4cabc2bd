/* The ONNX file of an exported network: inputs, nodes, outputs, and what it says of itself. */
#include "export/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "export/lower.h"

/* A model being put together. */
typedef struct work {
    const gcl_network_export *x;
    const gcl_export_facts *facts;
    gcl_lowering e;
    int tempered; /* latents are multiplied by an input `temperature` */
} work;

static int is_pixel(gcl_shape s) { return s.d[1] == 1 && s.d[2] == 1; }

static gcl_form form_of(const gcl_node *node)
{
    return is_pixel(node->shape) ? GCL_ROWS : GCL_IMAGE;
}

/* [N,C,H,W] or [N,C]. Returns how many. */
static int dims_of(const gcl_node *node, int64_t dims[4])
{
    gcl_shape s = node->shape;
    dims[0] = GCL_ONNX_N, dims[1] = s.d[3], dims[2] = s.d[1], dims[3] = s.d[2];
    return is_pixel(s) ? 2 : 4;
}

/* ---- inputs --------------------------------------------------------------------------------------- */

/* An input of the model is the result of `node`: one of the graph, or a part of its latents. */
static void declare(work *w, const gcl_node *node, const gcl_node *input, const char *name)
{
    gcl_lowering *e = &w->e;
    char doc[200];
    int64_t dims[4];
    gcl_network_export_input_doc(w->x, input, doc, sizeof doc);
    gcl_onnx_input(e->onnx, name, dims, dims_of(node, dims), doc);
    if (w->tempered && input == w->x->latents) {
        const char *in[2] = {name, "temperature"};
        name = gcl_lower(e, node, "Mul", in, 2, node->shape, form_of(node));
    }
    gcl_lowered_set(e, node, name, form_of(node));
}

static int compare_parts(const void *a, const void *b)
{
    const gcl_view_attr *x = (*(const gcl_node *const *)a)->attr;
    const gcl_view_attr *y = (*(const gcl_node *const *)b)->attr;
    return (x->first > y->first) - (x->first < y->first);
}

/* The views that take an input apart, in their order and without gaps; NULL, and *n 0, if there are
 * others that take it, or only one. */
static const gcl_node **parts_of(const work *w, const gcl_node *input, int *n)
{
    const gcl_graph *graph = w->x->graph;
    const gcl_node **parts = gcl_alloc(((size_t)gcl_graph_size(graph) + 1) * sizeof *parts);
    int64_t end = 0;
    *n = 0;
    for (int id = input->id + 1; id < gcl_graph_size(graph); id++) {
        const gcl_node *node = gcl_graph_node(graph, id);
        if (gcl_lower_wants(&w->e, node) && node->op == &gcl_op_view && node->in[0] == input)
            parts[(*n)++] = node;
    }
    qsort(parts, (size_t)*n, sizeof *parts, compare_parts);
    int complete = *n > 1 && *n == w->e.uses[input->id];
    for (int i = 0; i < *n; i++) {
        complete = complete && ((const gcl_view_attr *)parts[i]->attr)->first == end;
        end += gcl_shape_count(parts[i]->shape);
    }
    if (complete && end == gcl_shape_count(input->shape))
        return parts;
    free(parts);
    *n = 0;
    return NULL;
}

static void declare_temperature(work *w)
{
    char doc[160];
    snprintf(doc, sizeof doc, "multiplies the latents; %g where it is not given",
             w->facts->temperature);
    gcl_onnx_input(w->e.onnx, "temperature", NULL, 0, doc);
    float *usual = gcl_onnx_floats(w->e.onnx, "temperature", NULL, 0, w->e.err);
    if (usual != NULL)
        *usual = (float)w->facts->temperature;
}

static void emit_inputs(work *w)
{
    for (int id = 0; id < gcl_graph_size(w->x->graph); id++) {
        const gcl_node *node = gcl_graph_node(w->x->graph, id);
        int n;
        if (!gcl_lower_wants(&w->e, node) || node->op != &gcl_op_input)
            continue;
        const gcl_node **parts = node == w->x->latents ? parts_of(w, node, &n) : NULL;
        if (parts == NULL)
            declare(w, node, node, node->name);
        for (int i = 0; parts != NULL && i < n; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s.%d", node->name, i);
            declare(w, parts[i], node, name);
        }
        if (parts != NULL) /* no node takes it as a whole */
            gcl_lowered_set(&w->e, node, node->name, GCL_ROWS);
        free(parts);
    }
    if (w->tempered)
        declare_temperature(w);
}

/* ---- outputs -------------------------------------------------------------------------------------- */

/* Whether the output needs a node of its own to bear its name: it is an input, or another output too. */
static int needs_copy(const work *w, const char *const *results, int output)
{
    int needs = w->x->outputs[output]->op == &gcl_op_input;
    for (int i = 0; i < output; i++)
        needs = needs || strcmp(results[i], results[output]) == 0;
    return needs;
}

static void declare_output(work *w, int output)
{
    char doc[200];
    int64_t dims[4];
    int n = dims_of(w->x->outputs[output], dims);
    gcl_network_export_output_doc(w->x, output, doc, sizeof doc);
    gcl_onnx_output(w->e.onnx, w->x->output_names[output], dims, n, doc);
}

/* Results take the outputs' names at the end, when nobody asks for them any more. */
static void emit_outputs(work *w)
{
    gcl_lowering *e = &w->e;
    const char *results[GCL_MAX_PORTS];
    int copied[GCL_MAX_PORTS];
    for (int i = 0; i < w->x->n_outputs && e->err->code == 0; i++) {
        const gcl_node *node = w->x->outputs[i];
        const char *name = w->x->output_names[i];
        if (gcl_lower_is_constant(e, node)) {
            gcl_lower_fail(e, node, "does not depend on any input");
            return;
        }
        results[i] = gcl_lowered_in(e, node, form_of(node));
        copied[i] = needs_copy(w, results, i);
        if (copied[i])
            gcl_onnx_node(e->onnx, "Identity", name, &results[i], 1, name);
        declare_output(w, i);
    }
    for (int i = 0; i < w->x->n_outputs && e->err->code == 0; i++)
        if (!copied[i])
            gcl_onnx_rename(e->onnx, results[i], w->x->output_names[i]);
}

/* ---- what it says of itself ----------------------------------------------------------------------- */

static void add_number(gcl_onnx *onnx, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    gcl_onnx_meta(onnx, key, text);
}

static void describe(work *w)
{
    const gcl_export_facts *facts = w->facts;
    gcl_onnx *onnx = w->e.onnx;
    gcl_text doc = {0};
    gcl_text_add(&doc,
                 "%s of %s after %lld steps of training, exported by ganocl %s. Pictures are "
                 "[N, channels, height, width], N as you like.",
                 w->x->what, facts->model, (long long)facts->step, facts->version);
    if (w->x->averaged)
        gcl_text_add(&doc, " The weights are averages over the steps.");
    gcl_onnx_describe(onnx, doc.text);
    gcl_text_free(&doc);
    gcl_onnx_meta(onnx, "system", w->x->model->system->name);
    gcl_onnx_meta(onnx, "preset", w->x->model->preset->name);
    gcl_onnx_meta(onnx, "network", w->x->what);
    gcl_onnx_meta(onnx, "settings", facts->settings);
    add_number(onnx, "step", facts->step);
    add_number(onnx, "images", facts->images);
    gcl_onnx_meta(onnx, "version", facts->version);
    gcl_onnx_meta(onnx, "weights", w->x->averaged ? "averaged" : "as trained");
    if (facts->readjusted > 0)
        add_number(onnx, "readjusted", facts->readjusted);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

int gcl_export_need(const gcl_network_export *x, gcl_store *store, gcl_error *err)
{
    for (int id = 0; id < gcl_graph_size(x->graph); id++) {
        const gcl_node *node = gcl_graph_node(x->graph, id);
        int64_t n = gcl_shape_count(node->shape);
        if (node->op == &gcl_op_variable && n > 0 && gcl_store_need(store, node->name, n, err) != 0)
            return -1;
    }
    return 0;
}

int gcl_export_onnx(const gcl_network_export *x, gcl_store *store, const gcl_export_facts *facts,
                    const char *path, gcl_error *err)
{
    gcl_error why = {0};
    work w = {.x = x, .facts = facts};
    w.tempered = x->task == GCL_TASK_GENERATE && x->model->system->temperature > 0;
    w.e = (gcl_lowering){.graph = x->graph, .nn = x->nn, .err = &why};
    w.e.onnx = gcl_onnx_new(x->model->system->name, facts->version);
    w.e.constants = gcl_constants_new(x->graph, x->nn, store);
    gcl_lower_begin(&w.e, x->outputs, x->n_outputs);
    describe(&w);
    emit_inputs(&w);
    if (gcl_lower_nodes(&w.e) == 0)
        emit_outputs(&w);
    int result = why.code == 0 ? gcl_onnx_write(w.e.onnx, path, &why) : -1;
    gcl_lower_end(&w.e);
    gcl_constants_free(w.e.constants);
    gcl_onnx_free(w.e.onnx);
    return result == 0 ? 0 : gcl_fail(err, why.code, "%s", why.text);
}
