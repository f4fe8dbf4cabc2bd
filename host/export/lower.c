#include "export/lower.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/ops.h"

/* ---- the table ------------------------------------------------------------------------------------ */

/* An operation of ours and what emits it. Pointwise ones have their own: lower_pointwise.c. */
static const struct row {
    const gcl_op *op;
    void (*emit)(gcl_lowering *e, const gcl_node *node);
} rows[] = {
    {&gcl_op_conv, gcl_lower_conv},
    {&gcl_op_conv_data, gcl_lower_conv_data},
    {&gcl_op_depthwise, gcl_lower_depthwise},
    {&gcl_op_matmul, gcl_lower_matmul},
    {&gcl_op_reduce, gcl_lower_reduce},
    {&gcl_op_sum_pool, gcl_lower_sum_pool},
    {&gcl_op_repeat, gcl_lower_repeat},
    {&gcl_op_bilinear, gcl_lower_bilinear},
    {&gcl_op_pixel_shuffle, gcl_lower_pixel_shuffle},
    {&gcl_op_view, gcl_lower_view},
    {&gcl_op_slice, gcl_lower_slice},
    {&gcl_op_pad, gcl_lower_pad},
    {&gcl_op_concat, gcl_lower_concat},
    {&gcl_op_broadcast, gcl_lower_broadcast},
};

static void emit_node(gcl_lowering *e, const gcl_node *node)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == node->op) {
            rows[i].emit(e, node);
            return;
        }
    if (node->op->kind == GCL_KIND_POINTWISE && gcl_lower_knows(node->op->name))
        gcl_lower_pointwise(e, node);
    else
        gcl_lower_fail(e, node, "has no form in ONNX");
}

/* ---- the walk ------------------------------------------------------------------------------------- */

static int is_done(const gcl_lowering *e, const gcl_node *node)
{
    const gcl_lowered *result = &e->results[node->id];
    return result->name[GCL_IMAGE] != NULL || result->name[GCL_ROWS] != NULL;
}

void gcl_lower_begin(gcl_lowering *e, gcl_node *const *outputs, int n)
{
    int size = gcl_graph_size(e->graph);
    e->needed = gcl_alloc((size_t)size + 1);
    e->uses = gcl_alloc(((size_t)size + 1) * sizeof *e->uses);
    e->user = gcl_alloc(((size_t)size + 1) * sizeof *e->user);
    e->results = gcl_alloc(((size_t)size + 1) * sizeof *e->results);
    for (int i = 0; i < 4; i++)
        e->initialisers[i] = gcl_alloc(((size_t)size + 1) * sizeof *e->initialisers[i]);
    e->arena = gcl_arena_new();
    for (int i = 0; i < n; i++) {
        e->needed[outputs[i]->id] = 1;
        e->uses[outputs[i]->id]++;
        e->user[outputs[i]->id] = -1;
    }
    for (int id = size - 1; id >= 0; id--) {
        const gcl_node *node = gcl_graph_node(e->graph, id);
        for (int i = 0; e->needed[id] && i < node->n_in; i++) {
            int from = node->in[i]->id;
            e->needed[from] = 1;
            if (e->uses[from]++ == 0)
                e->user[from] = id;
        }
    }
}

void gcl_lower_end(gcl_lowering *e)
{
    free(e->needed);
    free(e->uses);
    free(e->user);
    free(e->results);
    for (int i = 0; i < 4; i++)
        free(e->initialisers[i]);
    gcl_arena_free(e->arena);
}

int gcl_lower_wants(const gcl_lowering *e, const gcl_node *node)
{
    return e->needed[node->id] && !gcl_constants_is(e->constants, node);
}

int gcl_lower_nodes(gcl_lowering *e)
{
    for (int id = 0; id < gcl_graph_size(e->graph) && e->err->code == 0; id++) {
        const gcl_node *node = gcl_graph_node(e->graph, id);
        if (!gcl_lower_wants(e, node) || is_done(e, node))
            continue;
        if (node->shape.d[0] != 1)
            gcl_lower_fail(e, node, "joins several pictures");
        else if (!gcl_lower_norm(e, node))
            emit_node(e, node);
    }
    return e->err->code == 0 ? 0 : -1;
}

int gcl_lower_is(const gcl_node *node, const char *op) { return strcmp(node->op->name, op) == 0; }

int gcl_lower_is_constant(const gcl_lowering *e, const gcl_node *node)
{
    return gcl_constants_is(e->constants, node);
}

const gcl_node *gcl_lower_sole_user(const gcl_lowering *e, const gcl_node *node)
{
    int user = e->user[node->id];
    return e->uses[node->id] == 1 && user >= 0 ? gcl_graph_node(e->graph, user) : NULL;
}

void gcl_lower_fail(gcl_lowering *e, const gcl_node *node, const char *why)
{
    gcl_fail(e->err, GCL_USAGE, "%s: %s %s %s (opset %d; %s:%d)",
             node->scope[0] != 0 ? node->scope : "the model", node->op->name,
             gcl_shape_text(node->shape), why, GCL_ONNX_OPSET, node->file, node->line);
}

/* ---- names and nodes ------------------------------------------------------------------------------ */

static const char *unique(gcl_lowering *e, const char *name)
{
    const char *candidate = name;
    for (int i = 2; gcl_onnx_has(e->onnx, candidate); i++)
        candidate = gcl_arena_printf(e->arena, "%s_%d", name, i);
    return candidate;
}

/* The dimensions of a result [1,h,w,c]. Returns how many. */
static int dims_of(gcl_shape s, gcl_form form, int64_t dims[4])
{
    dims[0] = GCL_ONNX_N;
    dims[1] = form == GCL_IMAGE ? s.d[3] : gcl_shape_count(s);
    dims[2] = s.d[1];
    dims[3] = s.d[2];
    return form == GCL_IMAGE ? 4 : 2;
}

const char *gcl_lower_bare(gcl_lowering *e, const gcl_node *node, const char *op,
                           const char *const *in, int n_in)
{
    const char *name = unique(
        e, gcl_arena_printf(e->arena, "%s%s/%s", node->scope[0] ? "/" : "", node->scope, op));
    gcl_onnx_node(e->onnx, op, name, in, n_in, name);
    return name;
}

const char *gcl_lower(gcl_lowering *e, const gcl_node *node, const char *op, const char *const *in,
                      int n_in, gcl_shape shape, gcl_form form)
{
    int64_t dims[4];
    const char *name = gcl_lower_bare(e, node, op, in, n_in);
    gcl_onnx_value(e->onnx, name, dims, dims_of(shape, form, dims));
    return name;
}

/* ---- results and their forms ---------------------------------------------------------------------- */

void gcl_lowered_set_as(gcl_lowering *e, const gcl_node *node, const char *name, gcl_form form,
                        gcl_shape as)
{
    e->results[node->id].name[form] = name;
    e->results[node->id].as = as;
}

void gcl_lowered_set(gcl_lowering *e, const gcl_node *node, const char *name, gcl_form form)
{
    gcl_lowered_set_as(e, node, name, form, node->shape);
}

const gcl_lowered *gcl_lowered_of(const gcl_lowering *e, const gcl_node *node)
{
    return &e->results[node->id];
}

gcl_form gcl_lowered_form(const gcl_lowering *e, const gcl_node *node)
{
    const gcl_lowered *result = &e->results[node->id];
    int reorders = !gcl_shape_equal(result->as, node->shape); /* into rows */
    return reorders || result->name[GCL_ROWS] != NULL ? GCL_ROWS : GCL_IMAGE;
}

static const char *reshape(gcl_lowering *e, const gcl_node *node, const char *name, gcl_shape to)
{
    const int64_t dims[4] = {0, to.d[3], to.d[1], to.d[2]}; /* 0: as many as there are */
    const char *in[2] = {name, gcl_onnx_whole(e->onnx, dims, 4)};
    return gcl_lower(e, node, "Reshape", in, 2, to, GCL_IMAGE);
}

static const char *flatten(gcl_lowering *e, const gcl_node *node, const char *name, gcl_shape from)
{
    const char *out = gcl_lower(e, node, "Flatten", &name, 1, from, GCL_ROWS);
    gcl_onnx_int(e->onnx, "axis", 1);
    return out;
}

const char *gcl_lowered_stored(gcl_lowering *e, const gcl_node *node, gcl_form form)
{
    gcl_lowered *result = &e->results[node->id];
    if (!is_done(e, node)) { /* an error before this, which is recorded */
        gcl_lower_fail(e, node, "is used before it is there");
        return "";
    }
    if (result->name[form] == NULL)
        result->name[form] = form == GCL_IMAGE
                                 ? reshape(e, node, result->name[GCL_ROWS], result->as)
                                 : flatten(e, node, result->name[GCL_IMAGE], result->as);
    return result->name[form];
}

/* From PyTorch's order of a flattened image, C,H,W, to ours, H,W,C. */
static void reorder(gcl_lowering *e, const gcl_node *node)
{
    static const int64_t order[4] = {0, 2, 3, 1};
    gcl_shape as = e->results[node->id].as, turned = gcl_shape_of(1, as.d[2], as.d[3], as.d[1]);
    const char *image = gcl_lowered_stored(e, node, GCL_IMAGE);
    const char *name = gcl_lower(e, node, "Transpose", &image, 1, turned, GCL_IMAGE);
    gcl_onnx_ints(e->onnx, "perm", order, 4);
    e->results[node->id] = (gcl_lowered){.as = node->shape};
    e->results[node->id].name[GCL_ROWS] = flatten(e, node, name, turned);
}

const char *gcl_lowered_in(gcl_lowering *e, const gcl_node *node, gcl_form form)
{
    if (is_done(e, node) && !gcl_shape_equal(e->results[node->id].as, node->shape))
        reorder(e, node);
    return gcl_lowered_stored(e, node, form);
}

/* ---- constants ------------------------------------------------------------------------------------ */

const char *gcl_lower_number(gcl_lowering *e, double value)
{
    const char *name = gcl_arena_printf(e->arena, "scalar/%.9g", value);
    if (gcl_onnx_has(e->onnx, name))
        return name;
    float *place = gcl_onnx_floats(e->onnx, name, NULL, 0, e->err);
    if (place != NULL)
        *place = (float)value;
    return name;
}

/* "G.conv1.conv.weight"; averages have the names of what they are averages of. */
static const char *tensor_name(const gcl_tensor *tensor)
{
    const char *slash = strchr(tensor->name, '/');
    return slash != NULL ? slash + 1 : tensor->name;
}

static const char *constant_name(gcl_lowering *e, const gcl_node *node, const gcl_tensor *tensor,
                                 gcl_constant_form form)
{
    if (tensor != NULL)
        return tensor_name(tensor);
    char *name = gcl_arena_printf(e->arena, "%s%s", node->scope,
                                  form == GCL_CONSTANT_FILE ? "/weight" : "/constant");
    for (char *c = name; *c != 0; c++)
        if (*c == '/')
            *c = '.';
    return name;
}

/* How the node lies in memory and is to lie in the file, as a tensor; dims are the file's. */
static gcl_tensor layout_of(const gcl_node *node, const gcl_tensor *tensor, gcl_constant_form form)
{
    gcl_tensor t = {.shape = node->shape};
    const int *d = node->shape.d;
    if (form == GCL_CONSTANT_FILE && tensor != NULL)
        return *tensor;
    if (form == GCL_CONSTANT_FILE) {
        t.layout = GCL_LAYOUT_CONV;
        t.n_dims = 4;
        memcpy(t.dims, (int[4]){d[3], d[2], d[0], d[1]}, sizeof t.dims);
    } else if (form == GCL_CONSTANT_IMAGE) {
        t.layout = GCL_LAYOUT_IMAGE;
        t.n_dims = gcl_shape_count(t.shape) > 1 ? 3 : 0;
        memcpy(t.dims, (int[4]){d[3], d[1], d[2], 1}, sizeof t.dims);
    } else {
        t.layout = GCL_LAYOUT_VECTOR;
        t.n_dims = form == GCL_CONSTANT_VECTOR || d[3] > 1;
        t.dims[0] = (int)gcl_shape_count(t.shape);
    }
    return t;
}

static const char *make_constant(gcl_lowering *e, const gcl_node *node, gcl_constant_form form)
{
    const gcl_tensor *tensor = gcl_constants_tensor(e->constants, node);
    gcl_tensor layout = layout_of(node, tensor, form);
    int64_t dims[4] = {layout.dims[0], layout.dims[1], layout.dims[2], layout.dims[3]};
    const char *name = unique(e, constant_name(e, node, tensor, form));
    size_t bytes = (size_t)gcl_shape_count(node->shape) * sizeof(float);
    float *memory = gcl_try_alloc(bytes, name, e->err);
    if (memory != NULL && gcl_constants_values(e->constants, node, memory, e->err) == 0) {
        float *file = gcl_onnx_floats(e->onnx, name, dims, layout.n_dims, e->err);
        if (file != NULL)
            gcl_tensor_to_file(&layout, memory, file);
    }
    free(memory);
    return name;
}

const char *gcl_lower_constant(gcl_lowering *e, const gcl_node *node, gcl_constant_form form)
{
    double value;
    const char **known = &e->initialisers[form][node->id];
    int to_spread = form == GCL_CONSTANT_IMAGE || form == GCL_CONSTANT_ROWS;
    if (to_spread && node->op == &gcl_op_broadcast)
        return gcl_lower_constant(e, node->in[0], form);
    if (to_spread && gcl_node_constant(node, &value))
        return gcl_lower_number(e, value);
    if (*known == NULL)
        *known = make_constant(e, node, form);
    return *known;
}

const char *gcl_lower_operand(gcl_lowering *e, const gcl_node *node, gcl_form form)
{
    if (!gcl_lower_is_constant(e, node))
        return gcl_lowered_in(e, node, form);
    return gcl_lower_constant(e, node, form == GCL_IMAGE ? GCL_CONSTANT_IMAGE : GCL_CONSTANT_ROWS);
}
