/* An ONNX file read back by protobuf-c, and what makes it a sound graph: what the tests of export share.
 *
 *     read_model(in_scratch("model.onnx"));
 *     ck_order();  ck_initialisers();  ck_shapes();
 *     forget_model();                                                                                    */
#ifndef TESTS_ONNX_TEST_H
#define TESTS_ONNX_TEST_H

#include "files_test.h"
#include "onnx.pb-c.h"

/* ---- a file that was read back -------------------------------------------------------------------- */

static Onnx__ModelProto *model; /* of the test that runs */
static Onnx__GraphProto *graph;

static inline void read_model(const char *path)
{
    size_t n;
    char *bytes = get_file(path, &n);
    model = onnx__model_proto__unpack(NULL, n, (uint8_t *)bytes);
    free(bytes);
    ck_assert_ptr_nonnull(model);
    graph = model->graph;
    ck_assert_ptr_nonnull(graph);
}

static inline void forget_model(void) { onnx__model_proto__free_unpacked(model, NULL); }

static inline const Onnx__TensorProto *initialiser(const char *name)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (strcmp(graph->initializer[i]->name, name) == 0)
            return graph->initializer[i];
    return NULL;
}

static inline const char *meta(const char *key)
{
    for (size_t i = 0; i < model->n_metadata_props; i++)
        if (strcmp(model->metadata_props[i]->key, key) == 0)
            return model->metadata_props[i]->value;
    ck_abort_msg("metadata_props have no %s", key);
    return NULL;
}

static inline const Onnx__ValueInfoProto *among(Onnx__ValueInfoProto *const *infos, size_t n,
                                                const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(infos[i]->name, name) == 0)
            return infos[i];
    return NULL;
}

/* The dimensions of a value, -1 for N; returns how many, or -1 if the file does not tell. */
static inline int dims_of(const char *name, int64_t dims[4])
{
    const Onnx__TensorProto *tensor = initialiser(name);
    const Onnx__ValueInfoProto *info = among(graph->value_info, graph->n_value_info, name);
    if (tensor != NULL) {
        ck_assert_uint_le(tensor->n_dims, 4);
        for (size_t i = 0; i < tensor->n_dims; i++)
            dims[i] = tensor->dims[i];
        return (int)tensor->n_dims;
    }
    info = info != NULL ? info : among(graph->input, graph->n_input, name);
    info = info != NULL ? info : among(graph->output, graph->n_output, name);
    if (info == NULL)
        return -1;
    const Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
    ck_assert_uint_le(shape->n_dim, 4);
    for (size_t i = 0; i < shape->n_dim; i++) {
        int free_size =
            shape->dim[i]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        dims[i] = free_size ? -1 : shape->dim[i]->dim_value;
        ck_assert(!free_size || (i == 0 && strcmp(shape->dim[i]->dim_param, "N") == 0));
    }
    return (int)shape->n_dim;
}

static inline const Onnx__AttributeProto *attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i];
    return NULL;
}

/* Whole number `at` of an attribute; `usual` where it is not there. */
static inline int64_t whole(const Onnx__NodeProto *node, const char *name, size_t at, int64_t usual)
{
    const Onnx__AttributeProto *a = attribute(node, name);
    if (a == NULL)
        return usual;
    if (a->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)
        return a->i;
    ck_assert_uint_lt(at, a->n_ints);
    return a->ints[at];
}

/* ---- what makes a graph sound --------------------------------------------------------------------- */

/* Operators that are written, with the fewest and the most operands that ONNX gives them. */
static const struct known {
    const char *op;
    size_t least, most;
} known[] = {
    {"Abs", 1, 1},
    {"Add", 2, 2},
    {"AveragePool", 1, 1},
    {"BatchNormalization", 5, 5},
    {"Cast", 1, 1},
    {"Concat", 1, 8},
    {"Conv", 2, 3},
    {"ConvTranspose", 2, 3},
    {"DepthToSpace", 1, 1},
    {"Div", 2, 2},
    {"Elu", 1, 1},
    {"Equal", 2, 2},
    {"Exp", 1, 1},
    {"Expand", 2, 2},
    {"Flatten", 1, 1},
    {"Gemm", 2, 3},
    {"GlobalAveragePool", 1, 1},
    {"Greater", 2, 2},
    {"Identity", 1, 1},
    {"LeakyRelu", 1, 1},
    {"Log", 1, 1},
    {"Max", 1, 8},
    {"Min", 1, 8},
    {"Mul", 2, 2},
    {"Neg", 1, 1},
    {"Pad", 2, 2},
    {"Reciprocal", 1, 1},
    {"ReduceMax", 1, 1},
    {"ReduceMean", 1, 1},
    {"ReduceSum", 2, 2},
    {"Relu", 1, 1},
    {"Reshape", 2, 2},
    {"Resize", 3, 3},
    {"Shape", 1, 1},
    {"Sigmoid", 1, 1},
    {"Sinh", 1, 1},
    {"Slice", 5, 5},
    {"Softplus", 1, 1},
    {"Sqrt", 1, 1},
    {"Sub", 2, 2},
    {"Tanh", 1, 1},
    {"Transpose", 1, 1},
    {"Where", 3, 3},
};

static inline void ck_known(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].op, node->op_type) == 0) {
            ck_assert_msg(node->n_input >= known[i].least && node->n_input <= known[i].most,
                          "%s has %zu operands", node->name, node->n_input);
            return;
        }
    ck_abort_msg("%s is a %s", node->name, node->op_type);
}

/* Whether a name is there when node `at` runs. */
static inline int is_there(const char *name, size_t at)
{
    if (name[0] == 0 || initialiser(name) != NULL ||
        among(graph->input, graph->n_input, name) != NULL)
        return 1;
    for (size_t i = 0; i < at; i++)
        if (strcmp(graph->node[i]->output[0], name) == 0)
            return 1;
    return 0;
}

static inline void ck_order(void)
{
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        ck_known(node);
        ck_assert_uint_eq(node->n_output, 1);
        ck_assert_msg(!is_there(node->output[0], i), "%s is made twice", node->output[0]);
        for (size_t k = 0; k < node->n_input; k++)
            ck_assert_msg(is_there(node->input[k], i), "%s takes %s, which is not there",
                          node->name, node->input[k]);
    }
    for (size_t i = 0; i < graph->n_output; i++)
        ck_assert_msg(is_there(graph->output[i]->name, graph->n_node), "nothing makes %s",
                      graph->output[i]->name);
}

static inline int is_taken(const char *name)
{
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            if (strcmp(graph->node[i]->input[k], name) == 0)
                return 1;
    return 0;
}

static inline void ck_initialisers(void)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *t = graph->initializer[i];
        size_t bytes = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? 4 : 8;
        for (size_t d = 0; d < t->n_dims; d++)
            bytes *= (size_t)t->dims[d];
        ck_assert_msg(t->raw_data.len == bytes, "%s has %zu bytes, not %zu", t->name,
                      t->raw_data.len, bytes);
        ck_assert_msg(is_taken(t->name), "nobody takes %s", t->name);
        ck_assert_ptr_eq(initialiser(t->name), t); /* no other has the name */
    }
}

/* ---- shapes --------------------------------------------------------------------------------------- */

/* Conv and ConvTranspose: x [N,C,H,W], f, y [N,K,P,Q], the equations of both. */
static inline void ck_convolution(const Onnx__NodeProto *node, int transposed)
{
    int64_t x[4], f[4], y[4], b[4], group = whole(node, "group", 0, 1);
    ck_assert(dims_of(node->input[0], x) == 4 && dims_of(node->input[1], f) == 4 &&
              dims_of(node->output[0], y) == 4);
    ck_assert_int_eq(x[1], transposed ? f[0] : f[1] * group);
    ck_assert_int_eq(y[1], transposed ? f[1] * group : f[0]);
    for (size_t i = 0; i < 2; i++) {
        int64_t stride = whole(node, "strides", i, 1), kernel = whole(node, "kernel_shape", i, 0);
        int64_t around = whole(node, "pads", i, 0) + whole(node, "pads", i + 2, 0);
        int64_t more = whole(node, "output_padding", i, 0);
        int64_t size = transposed ? (x[2 + i] - 1) * stride - around + kernel + more
                                  : (x[2 + i] + around - kernel) / stride + 1;
        ck_assert_int_eq(kernel, f[2 + i]);
        ck_assert_msg(y[2 + i] == size, "%s makes %lld, not %lld", node->name, (long long)size,
                      (long long)y[2 + i]);
    }
    if (node->n_input == 3)
        ck_assert(dims_of(node->input[2], b) == 1 && b[0] == y[1]);
}

static inline void ck_dense(const Onnx__NodeProto *node)
{
    int64_t x[4], f[4], y[4], b[4];
    ck_assert(dims_of(node->input[0], x) == 2 && dims_of(node->input[1], f) == 2 &&
              dims_of(node->output[0], y) == 2);
    ck_assert_int_eq(whole(node, "transB", 0, 0), 1);
    ck_assert_int_eq(x[1], f[1]);
    ck_assert_int_eq(y[1], f[0]);
    if (node->n_input == 3)
        ck_assert(dims_of(node->input[2], b) == 1 && b[0] == y[1]);
}

static inline void ck_norm(const Onnx__NodeProto *node)
{
    int64_t x[4], y[4], of[4];
    int n = dims_of(node->input[0], x);
    ck_assert(n == dims_of(node->output[0], y) && memcmp(x + 1, y + 1, (size_t)(n - 1) * 8) == 0);
    for (size_t i = 1; i < 5; i++)
        ck_assert(dims_of(node->input[i], of) == 1 && of[0] == x[1]);
    const Onnx__AttributeProto *eps = attribute(node, "epsilon");
    ck_assert(eps != NULL && eps->f > 0 && eps->f < 0.1F);
}

static inline void ck_joined(const Onnx__NodeProto *node)
{
    int64_t x[4], y[4], channels = 0;
    int n = dims_of(node->output[0], y);
    for (size_t i = 0; n > 0 && i < node->n_input; i++) {
        ck_assert_int_eq(dims_of(node->input[i], x), n);
        ck_assert(x[0] == y[0]);
        for (int d = 2; d < n; d++)
            ck_assert_int_eq(x[d], y[d]);
        channels += x[1];
    }
    ck_assert(n < 0 || channels == y[1]);
}

/* Each operand's dimensions, from the last one on, are the result's or 1. */
static inline void ck_spread(const Onnx__NodeProto *node)
{
    int64_t x[4], y[4];
    int n = dims_of(node->output[0], y);
    for (size_t i = 0; n >= 0 && i < node->n_input; i++) {
        int m = dims_of(node->input[i], x);
        ck_assert_msg(m <= n, "%s has more dimensions than %s", node->input[i], node->output[0]);
        for (int d = 1; d <= m; d++)
            ck_assert_msg(x[m - d] == 1 || x[m - d] == y[n - d], "%s does not spread to %s",
                          node->input[i], node->output[0]);
    }
}

static inline void ck_shapes(void)
{
    static const char *const pointwise = " Add Sub Mul Div Max Min Relu Tanh Sigmoid LeakyRelu Elu "
                                         "Exp Log Neg Sqrt Reciprocal Where Softplus Abs ";
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        char word[40];
        snprintf(word, sizeof word, " %s ", node->op_type);
        if (strcmp(node->op_type, "Conv") == 0)
            ck_convolution(node, 0);
        else if (strcmp(node->op_type, "ConvTranspose") == 0)
            ck_convolution(node, 1);
        else if (strcmp(node->op_type, "Gemm") == 0)
            ck_dense(node);
        else if (strcmp(node->op_type, "BatchNormalization") == 0)
            ck_norm(node);
        else if (strcmp(node->op_type, "Concat") == 0)
            ck_joined(node);
        else if (strstr(pointwise, word) != NULL)
            ck_spread(node);
    }
}

#endif
