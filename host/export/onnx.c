#include "export/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/atomic.h"
#include "onnx.pb-c.h"

#define MOST_BYTES 2147483647u

struct gcl_onnx {
    gcl_arena *arena; /* messages and texts; the arrays that hold them grow and are freed by us */
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    size_t cap_nodes, cap_tensors, cap_inputs, cap_outputs, cap_values, cap_meta, cap_attributes;
    Onnx__NodeProto *last;
};

static char *copy(gcl_onnx *onnx, const char *text)
{
    return gcl_arena_printf(onnx->arena, "%s", text);
}

gcl_onnx *gcl_onnx_new(const char *name, const char *producer_version)
{
    gcl_onnx *onnx = gcl_alloc(sizeof *onnx);
    onnx->arena = gcl_arena_new();
    onnx__model_proto__init(&onnx->model);
    onnx__graph_proto__init(&onnx->graph);
    onnx__operator_set_id_proto__init(&onnx->opset);
    onnx->opset.domain = copy(onnx, "");
    onnx->opset.has_version = 1;
    onnx->opset.version = GCL_ONNX_OPSET;
    onnx->opsets[0] = &onnx->opset;
    onnx->model.has_ir_version = 1;
    onnx->model.ir_version = GCL_ONNX_IR;
    onnx->model.n_opset_import = 1;
    onnx->model.opset_import = onnx->opsets;
    onnx->model.producer_name = copy(onnx, "ganocl");
    onnx->model.producer_version = copy(onnx, producer_version);
    onnx->model.graph = &onnx->graph;
    onnx->graph.name = copy(onnx, name);
    return onnx;
}

void gcl_onnx_free(gcl_onnx *onnx)
{
    if (onnx == NULL)
        return;
    Onnx__GraphProto *g = &onnx->graph;
    for (size_t i = 0; i < g->n_initializer; i++)
        free(g->initializer[i]->raw_data.data);
    for (size_t i = 0; i < g->n_node; i++)
        free(g->node[i]->attribute);
    free(g->initializer);
    free(g->node);
    free(g->input);
    free(g->output);
    free(g->value_info);
    free(onnx->model.metadata_props);
    gcl_arena_free(onnx->arena);
    free(onnx);
}

void gcl_onnx_describe(gcl_onnx *onnx, const char *text)
{
    onnx->model.doc_string = copy(onnx, text);
}

void gcl_onnx_meta(gcl_onnx *onnx, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = gcl_arena_alloc(onnx->arena, sizeof *entry);
    onnx__string_string_entry_proto__init(entry);
    entry->key = copy(onnx, key);
    entry->value = copy(onnx, value);
    GCL_GROW(onnx->model.metadata_props, onnx->model.n_metadata_props, onnx->cap_meta);
    onnx->model.metadata_props[onnx->model.n_metadata_props++] = entry;
}

/* ---- tensors -------------------------------------------------------------------------------------- */

static Onnx__TensorShapeProto *shape_of(gcl_onnx *onnx, const int64_t *dims, int n_dims)
{
    Onnx__TensorShapeProto *shape = gcl_arena_alloc(onnx->arena, sizeof *shape);
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = (size_t)n_dims;
    shape->dim = gcl_arena_alloc(onnx->arena, ((size_t)n_dims + 1) * sizeof *shape->dim);
    for (int i = 0; i < n_dims; i++) {
        Onnx__TensorShapeProto__Dimension *dim = gcl_arena_alloc(onnx->arena, sizeof *dim);
        onnx__tensor_shape_proto__dimension__init(dim);
        if (dims[i] == GCL_ONNX_N) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = copy(onnx, "N");
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i];
        }
        shape->dim[i] = dim;
    }
    return shape;
}

static Onnx__ValueInfoProto *info_of(gcl_onnx *onnx, const char *name, const int64_t *dims,
                                     int n_dims, const char *doc)
{
    Onnx__ValueInfoProto *info = gcl_arena_alloc(onnx->arena, sizeof *info);
    Onnx__TypeProto *type = gcl_arena_alloc(onnx->arena, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = gcl_arena_alloc(onnx->arena, sizeof *tensor);
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape_of(onnx, dims, n_dims);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    info->name = copy(onnx, name);
    info->type = type;
    info->doc_string = doc != NULL ? copy(onnx, doc) : NULL;
    return info;
}

void gcl_onnx_input(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                    const char *doc)
{
    Onnx__GraphProto *g = &onnx->graph;
    GCL_GROW(g->input, g->n_input, onnx->cap_inputs);
    g->input[g->n_input++] = info_of(onnx, name, dims, n_dims, doc);
}

void gcl_onnx_output(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                     const char *doc)
{
    Onnx__GraphProto *g = &onnx->graph;
    GCL_GROW(g->output, g->n_output, onnx->cap_outputs);
    g->output[g->n_output++] = info_of(onnx, name, dims, n_dims, doc);
}

void gcl_onnx_value(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims)
{
    Onnx__GraphProto *g = &onnx->graph;
    GCL_GROW(g->value_info, g->n_value_info, onnx->cap_values);
    g->value_info[g->n_value_info++] = info_of(onnx, name, dims, n_dims, NULL);
}

static Onnx__TensorProto *tensor_new(gcl_onnx *onnx, const char *name, const int64_t *dims,
                                     int n_dims, int type, size_t element, gcl_error *err)
{
    Onnx__GraphProto *g = &onnx->graph;
    size_t bytes = element;
    for (int i = 0; i < n_dims; i++)
        bytes *= (size_t)dims[i];
    void *data = gcl_try_alloc(bytes, name, err);
    if (data == NULL)
        return NULL;
    Onnx__TensorProto *tensor = gcl_arena_alloc(onnx->arena, sizeof *tensor);
    onnx__tensor_proto__init(tensor);
    tensor->name = copy(onnx, name);
    tensor->n_dims = (size_t)n_dims;
    tensor->dims = gcl_arena_alloc(onnx->arena, ((size_t)n_dims + 1) * sizeof *dims);
    for (int i = 0; i < n_dims; i++)
        tensor->dims[i] = dims[i];
    tensor->has_data_type = tensor->has_raw_data = 1;
    tensor->data_type = type;
    tensor->raw_data = (ProtobufCBinaryData){bytes, data};
    GCL_GROW(g->initializer, g->n_initializer, onnx->cap_tensors);
    return g->initializer[g->n_initializer++] = tensor;
}

float *gcl_onnx_floats(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                       gcl_error *err)
{
    Onnx__TensorProto *tensor = tensor_new(
        onnx, name, dims, n_dims, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, sizeof(float), err);
    return tensor != NULL ? (float *)(void *)tensor->raw_data.data : NULL;
}

const char *gcl_onnx_whole(gcl_onnx *onnx, const int64_t *numbers, int n)
{
    gcl_text name = {0};
    gcl_text_add(&name, "whole/");
    for (int i = 0; i < n; i++)
        gcl_text_add(&name, "%s%lld", i > 0 ? "," : "", (long long)numbers[i]);
    const char *kept = copy(onnx, name.text);
    gcl_text_free(&name);
    int64_t dims[1] = {n};
    Onnx__TensorProto *tensor =
        gcl_onnx_has(onnx, kept)
            ? NULL
            : tensor_new(onnx, kept, dims, 1, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, sizeof *numbers,
                         NULL);
    if (tensor != NULL)
        memcpy(tensor->raw_data.data, numbers, (size_t)n * sizeof *numbers);
    return kept;
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

void gcl_onnx_node(gcl_onnx *onnx, const char *op, const char *name, const char *const *in,
                   int n_in, const char *out)
{
    Onnx__GraphProto *g = &onnx->graph;
    Onnx__NodeProto *node = gcl_arena_alloc(onnx->arena, sizeof *node);
    onnx__node_proto__init(node);
    node->op_type = copy(onnx, op);
    node->name = copy(onnx, name);
    node->n_input = (size_t)n_in;
    node->input = gcl_arena_alloc(onnx->arena, ((size_t)n_in + 1) * sizeof *node->input);
    for (int i = 0; i < n_in; i++)
        node->input[i] = copy(onnx, in[i]);
    node->n_output = 1;
    node->output = gcl_arena_alloc(onnx->arena, sizeof *node->output);
    node->output[0] = copy(onnx, out);
    GCL_GROW(g->node, g->n_node, onnx->cap_nodes);
    g->node[g->n_node++] = onnx->last = node;
    onnx->cap_attributes = 0;
}

static Onnx__AttributeProto *attribute(gcl_onnx *onnx, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__NodeProto *node = onnx->last;
    Onnx__AttributeProto *a = gcl_arena_alloc(onnx->arena, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = copy(onnx, name);
    a->has_type = 1;
    a->type = type;
    GCL_GROW(node->attribute, node->n_attribute, onnx->cap_attributes);
    return node->attribute[node->n_attribute++] = a;
}

void gcl_onnx_int(gcl_onnx *onnx, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void gcl_onnx_ints(gcl_onnx *onnx, const char *name, const int64_t *values, int n)
{
    Onnx__AttributeProto *a = attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = (size_t)n;
    a->ints = gcl_arena_alloc(onnx->arena, (size_t)n * sizeof *values);
    memcpy(a->ints, values, (size_t)n * sizeof *values);
}

void gcl_onnx_float(gcl_onnx *onnx, const char *name, double value)
{
    Onnx__AttributeProto *a = attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = (float)value;
}

void gcl_onnx_text(gcl_onnx *onnx, const char *name, const char *value)
{
    Onnx__AttributeProto *a = attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)copy(onnx, value)};
}

/* ---- names ---------------------------------------------------------------------------------------- */

int gcl_onnx_has(const gcl_onnx *onnx, const char *name)
{
    const Onnx__GraphProto *g = &onnx->graph;
    for (size_t i = 0; i < g->n_input; i++)
        if (strcmp(g->input[i]->name, name) == 0)
            return 1;
    for (size_t i = 0; i < g->n_initializer; i++)
        if (strcmp(g->initializer[i]->name, name) == 0)
            return 1;
    for (size_t i = 0; i < g->n_node; i++)
        if (strcmp(g->node[i]->name, name) == 0 || strcmp(g->node[i]->output[0], name) == 0)
            return 1;
    return 0;
}

void gcl_onnx_rename(gcl_onnx *onnx, const char *from, const char *to)
{
    Onnx__GraphProto *g = &onnx->graph;
    char *old = copy(onnx, from), *new = copy(onnx, to);
    for (size_t i = 0; i < g->n_node; i++) {
        if (strcmp(g->node[i]->output[0], old) == 0)
            g->node[i]->output[0] = new;
        for (size_t k = 0; k < g->node[i]->n_input; k++)
            if (strcmp(g->node[i]->input[k], old) == 0)
                g->node[i]->input[k] = new;
    }
    size_t n = 0; /* what has become an output is described there */
    for (size_t i = 0; i < g->n_value_info; i++)
        if (strcmp(g->value_info[i]->name, old) != 0)
            g->value_info[n++] = g->value_info[i];
    g->n_value_info = n;
}

/* ---- the file ------------------------------------------------------------------------------------- */

/* Takes the serialised bytes as they come. */
typedef struct sink {
    ProtobufCBuffer base; /* first: protobuf-c knows this one */
    gcl_atomic *file;
    gcl_error *err;
    int result;
} sink;

static void append(ProtobufCBuffer *buffer, size_t n, const uint8_t *bytes)
{
    sink *to = (sink *)buffer;
    if (to->result == 0)
        to->result = gcl_atomic_write(to->file, bytes, n, to->err);
}

int gcl_onnx_write(const gcl_onnx *onnx, const char *path, gcl_error *err)
{
    size_t bytes = onnx__model_proto__get_packed_size(&onnx->model);
    if (bytes > MOST_BYTES)
        return gcl_fail(err, GCL_USAGE,
                        "%s: the model has %.1f GiB, an ONNX file at most 2: export it as "
                        "safetensors",
                        path, (double)bytes / (1 << 30));
    sink to = {.base.append = append, .file = gcl_atomic_begin(path, err), .err = err};
    if (to.file == NULL)
        return -1;
    onnx__model_proto__pack_to_buffer(&onnx->model, &to.base);
    if (to.result == 0)
        return gcl_atomic_commit(to.file, err);
    gcl_atomic_abandon(to.file);
    return -1;
}
