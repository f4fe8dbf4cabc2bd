/* Exported models: the ONNX file of every system is read back by protobuf-c and has to be a sound graph whose
 * weights are those of the safetensors file; what cannot be exported is named; the command makes its folder
 * whole or not at all. That the models compute the right thing is shown by scripts/check-export. */
#include "program_test.h"

#include "device/device.h"
#include "export/export.h"
#include "export/lower.h"
#include "export/model.h"
#include "io/checkpoint.h"
#include "onnx.pb-c.h"
#include "ops/ops.h"

static gcl_device *dev;

/* ---- a file that was read back -------------------------------------------------------------------- */

static Onnx__ModelProto *model; /* of the test that runs */
static Onnx__GraphProto *graph;

static void read_model(const char *path)
{
    size_t n;
    char *bytes = get_file(path, &n);
    model = onnx__model_proto__unpack(NULL, n, (uint8_t *)bytes);
    free(bytes);
    ck_assert_ptr_nonnull(model);
    graph = model->graph;
    ck_assert_ptr_nonnull(graph);
}

static void forget_model(void) { onnx__model_proto__free_unpacked(model, NULL); }

static const Onnx__TensorProto *initialiser(const char *name)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (strcmp(graph->initializer[i]->name, name) == 0)
            return graph->initializer[i];
    return NULL;
}

static const char *meta(const char *key)
{
    for (size_t i = 0; i < model->n_metadata_props; i++)
        if (strcmp(model->metadata_props[i]->key, key) == 0)
            return model->metadata_props[i]->value;
    ck_abort_msg("metadata_props have no %s", key);
    return NULL;
}

static const Onnx__ValueInfoProto *among(Onnx__ValueInfoProto *const *infos, size_t n,
                                         const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(infos[i]->name, name) == 0)
            return infos[i];
    return NULL;
}

/* The dimensions of a value, -1 for N; returns how many, or -1 if the file does not tell. */
static int dims_of(const char *name, int64_t dims[4])
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

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i];
    return NULL;
}

/* Whole number `at` of an attribute; `usual` where it is not there. */
static int64_t whole(const Onnx__NodeProto *node, const char *name, size_t at, int64_t usual)
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

static void ck_known(const Onnx__NodeProto *node)
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
static int is_there(const char *name, size_t at)
{
    if (name[0] == 0 || initialiser(name) != NULL ||
        among(graph->input, graph->n_input, name) != NULL)
        return 1;
    for (size_t i = 0; i < at; i++)
        if (strcmp(graph->node[i]->output[0], name) == 0)
            return 1;
    return 0;
}

static void ck_order(void)
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

static int is_taken(const char *name)
{
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            if (strcmp(graph->node[i]->input[k], name) == 0)
                return 1;
    return 0;
}

static void ck_initialisers(void)
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
static void ck_convolution(const Onnx__NodeProto *node, int transposed)
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

static void ck_dense(const Onnx__NodeProto *node)
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

static void ck_norm(const Onnx__NodeProto *node)
{
    int64_t x[4], y[4], of[4];
    int n = dims_of(node->input[0], x);
    ck_assert(n == dims_of(node->output[0], y) && memcmp(x + 1, y + 1, (size_t)(n - 1) * 8) == 0);
    for (size_t i = 1; i < 5; i++)
        ck_assert(dims_of(node->input[i], of) == 1 && of[0] == x[1]);
    const Onnx__AttributeProto *eps = attribute(node, "epsilon");
    ck_assert(eps != NULL && eps->f > 0 && eps->f < 0.1F);
}

static void ck_joined(const Onnx__NodeProto *node)
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
static void ck_spread(const Onnx__NodeProto *node)
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

static void ck_shapes(void)
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

/* ---- the models ----------------------------------------------------------------------------------- */

static const struct exported {
    const char *name, *settings[3]; /* KEY=VALUE, up to NULL */
    const char *network;            /* or NULL */
    const char *inputs, *outputs;   /* with spaces between */
    const char *without;            /* operators that would be needless */
} exported[] = {
    {"dcgan:tiny", {NULL}, NULL, "z", "pictures", "Transpose"},
    {"dcgan:standard", {NULL}, NULL, "z", "pictures", "Transpose Mul"},
    {"dcgan:tiny-bn", {NULL}, "D", "x", "D", "Transpose Mul"},
    {"resnet_gan:tiny", {NULL}, NULL, "z", "pictures", "Transpose Mul"},
    {"resnet_gan:small", {NULL}, "D", "x", "D", "Transpose Mul"},
    {"resnet_gan:tiny-classifier", {NULL}, NULL, "x", "scores", "Transpose Mul"},
    {"nvae:tiny", {NULL}, NULL, "z.0 z.1 z.2 temperature", "pictures", "Transpose"},
    {"nvae:tiny-rgb", {NULL}, NULL, "z.0 z.1 temperature", "pictures", "Transpose"},
    {"nvae:tiny-rgb",
     {"pixels=draw"},
     NULL,
     "z.0 z.1 u_mix u_logistic temperature",
     "pictures",
     "Transpose"},
    {"nvae:tiny-flow", {NULL}, "vae", "x eps.0 eps.1", "logits recon kl log_q log_p", "Transpose"},
    {"pix2pix:tiny", {NULL}, NULL, "source mask.0 mask.1 mask.2", "pictures", "Transpose"},
    {"pix2pix:tiny", {"stochastic=false"}, NULL, "source", "pictures", "Transpose Mul"},
    {"pix2pix:tiny-original", {NULL}, "D", "source target", "D", "Transpose"},
    {"unet_gan:tiny", {NULL}, NULL, "source", "pictures", "Transpose"},
    {"unet_gan:colour", {"up_mode=pixelshuffle"}, NULL, "source", "pictures", "Transpose"},
    {"unet_gan:tiny", {"size=96", "padding=false"}, "D", "target", "D", "Transpose"},
};
enum { EXPORTED = sizeof exported / sizeof *exported };

/* A model with fresh weights, on the device: what is exported. */
typedef struct fresh {
    gcl_model model;
    gcl_network_export x;
    gcl_store *store;
    gcl_export_facts facts;
} fresh;

static void make_fresh(fresh *f, const struct exported *row)
{
    int n = 0;
    while (n < 3 && row->settings[n] != NULL)
        n++;
    ck_ok(gcl_model_open(&f->model, row->name, row->settings, n, &err));
    ck_ok(gcl_network_export_build(&f->x, &f->model, row->network, &err));
    f->store = gcl_store_new(dev);
    ck_ok(gcl_export_need(&f->x, f->store, &err));
    ck_ok(gcl_checkpoint_initialise(f->x.nn, f->store, 3, &err));
    f->facts = (gcl_export_facts){.version = "0", .model = row->name, .settings = "{}", .step = 7};
    f->facts.temperature = 0.7;
}

static void free_fresh(fresh *f)
{
    gcl_network_export_free(&f->x);
    gcl_store_free(f->store);
}

static void ck_names(Onnx__ValueInfoProto *const *infos, size_t n, const char *wanted)
{
    gcl_text names = {0};
    for (size_t i = 0; i < n; i++) {
        gcl_text_add(&names, "%s%s", i > 0 ? " " : "", infos[i]->name);
        ck_assert_msg(infos[i]->doc_string != NULL && infos[i]->doc_string[0] != 0,
                      "%s is not explained", infos[i]->name);
    }
    ck_assert_str_eq(names.text, wanted);
    gcl_text_free(&names);
}

static void ck_without(const char *ops)
{
    for (size_t i = 0; i < graph->n_node; i++)
        ck_assert_msg(strstr(ops, graph->node[i]->op_type) == NULL, "%s is needless",
                      graph->node[i]->name);
}

START_TEST(files_are_sound_graphs)
{
    const struct exported *row = &exported[_i];
    fresh f;
    make_fresh(&f, row);
    ck_ok(gcl_export_onnx(&f.x, f.store, &f.facts, in_scratch("model.onnx"), &err));
    free_fresh(&f);
    read_model(in_scratch("model.onnx"));
    ck_assert_int_eq(model->ir_version, GCL_ONNX_IR);
    ck_assert_uint_eq(model->n_opset_import, 1);
    ck_assert_int_eq(model->opset_import[0]->version, GCL_ONNX_OPSET);
    ck_names(graph->input, graph->n_input, row->inputs);
    ck_names(graph->output, graph->n_output, row->outputs);
    ck_assert_int_eq(strncmp(row->name, meta("system"), strlen(meta("system"))), 0);
    ck_assert_str_eq(meta("step"), "7");
    ck_assert_str_eq(meta("settings"), "{}");
    ck_order();
    ck_initialisers();
    ck_shapes();
    ck_without(row->without);
    forget_model();
}
END_TEST

/* Both formats hold the same numbers in the same layout; the ONNX file those of computed filters beside. */
START_TEST(both_formats_have_the_same_weights)
{
    const struct exported *row = &exported[_i];
    int same = 0;
    fresh f;
    make_fresh(&f, row);
    ck_ok(gcl_export_onnx(&f.x, f.store, &f.facts, in_scratch("model.onnx"), &err));
    ck_ok(gcl_export_weights(&f.x, f.store, NULL, &f.facts, in_scratch("model.safetensors"), &err));
    free_fresh(&f);
    read_model(in_scratch("model.onnx"));
    gcl_safetensors *file = gcl_safetensors_open(in_scratch("model.safetensors"), &err);
    ck_have(file);
    ck_assert_str_eq(gcl_safetensors_meta(file, "model"), row->name);
    for (int i = 0; i < gcl_safetensors_count(file); i++) {
        const gcl_entry *entry = gcl_safetensors_at(file, i);
        const Onnx__TensorProto *tensor = initialiser(entry->name);
        int bias = strstr(entry->name, ".bias") != NULL; /* [C], or [C,1,1] to be added to images */
        if (tensor == NULL) /* a factor of a filter that was computed: "x.weight", "x.log_gain" */
            continue;
        ck_assert_uint_eq(tensor->raw_data.len, entry->bytes);
        if (strstr(row->name, "nvae") != NULL && entry->n_dims == 4 &&
            memcmp(tensor->raw_data.data, entry->data, entry->bytes) != 0)
            continue; /* weight norm: the product has the factor's name */
        ck_assert_msg(memcmp(tensor->raw_data.data, entry->data, entry->bytes) == 0, "%s differs",
                      entry->name);
        for (int d = 0; !bias && d < entry->n_dims; d++)
            ck_assert_int_eq(tensor->dims[d], entry->dims[d]);
        same++;
    }
    ck_assert_int_ge(same, 4);
    gcl_safetensors_close(file);
    forget_model();
}
END_TEST

/* ---- what cannot be exported ---------------------------------------------------------------------- */

START_TEST(pointwise_operations_are_all_known)
{
#define GCL_POINTWISE_1(name, ...) ck_assert_msg(gcl_lower_knows(#name), "%s", #name);
#define GCL_POINTWISE_2(name, ...) GCL_POINTWISE_1(name)
#define GCL_POINTWISE_3(name, ...) GCL_POINTWISE_1(name)
#include "graph/pointwise.def"
    ck_assert(!gcl_lower_knows("tangent"));
}
END_TEST

/* A graph of two operations in a scope of the name "net/twist". */
static void build_twist(gcl_network_export *x, const gcl_model *of, int which)
{
    *x = (gcl_network_export){.model = of, .what = "twist", .task = -1, .n_outputs = 1};
    x->graph = gcl_graph_new();
    x->nn = gcl_nn_new(x->graph, &(gcl_nn_options){0});
    gcl_node *in = gcl_input(x->graph, "x", GCL_F32, gcl_shape_of(1, 4, 4, 3));
    gcl_scope_push(x->graph, "net/twist");
    x->outputs[0] = which == 0   ? gcl_pixel_unshuffle(in, 2)
                    : which == 1 ? gcl_conv(in, gcl_reshape(in, gcl_shape_of(1, 2, 3, 8)), 1, 0)
                                 : gcl_shift(gcl_constant(x->graph, 1), 2);
    gcl_scope_pop(x->graph);
    x->output_names[0] = "y";
}

START_TEST(what_has_no_form_is_named)
{
    static const char *const said[] = {"net/twist: pixel_unshuffle [1,2,2,12] has no form",
                                       "depend on the input", "does not depend on any input"};
    gcl_network_export x;
    gcl_model of;
    gcl_store *store = gcl_store_new(dev);
    ck_ok(gcl_model_open(&of, "dcgan:tiny", NULL, 0, &err));
    build_twist(&x, &of, _i);
    ck_assert_ptr_null(gcl_graph_error(x.graph));
    gcl_export_facts facts = {.version = "0", .model = "dcgan:tiny", .settings = "{}"};
    ck_refused(gcl_export_onnx(&x, store, &facts, in_scratch("never.onnx"), &err) == 0, GCL_USAGE,
               said[_i]);
    ck_assert(!exists(in_scratch("never.onnx")));
    gcl_network_export_free(&x);
    gcl_store_free(store);
}
END_TEST

/* A flattened picture that meets no dense layer is brought into our order, and back. */
START_TEST(views_keep_the_order_of_elements)
{
    gcl_network_export x = {.what = "views", .task = -1, .n_outputs = 2};
    gcl_model of;
    gcl_store *store = gcl_store_new(dev);
    ck_ok(gcl_model_open(&of, "dcgan:tiny", NULL, 0, &err));
    x.model = &of;
    x.graph = gcl_graph_new();
    x.nn = gcl_nn_new(x.graph, &(gcl_nn_options){0});
    gcl_node *in = gcl_input(x.graph, "x", GCL_F32, gcl_shape_of(1, 4, 2, 3));
    x.outputs[0] = gcl_relu(gcl_reshape(in, gcl_shape_of(1, 1, 1, 24)));
    x.outputs[1] = gcl_view(in, 6, gcl_shape_of(1, 2, 2, 3));
    x.output_names[0] = "flat", x.output_names[1] = "rows";
    gcl_export_facts facts = {.version = "0", .model = "dcgan:tiny", .settings = "{}"};
    ck_ok(gcl_export_onnx(&x, store, &facts, in_scratch("views.onnx"), &err));
    gcl_network_export_free(&x);
    gcl_store_free(store);
    read_model(in_scratch("views.onnx"));
    static const char *const wanted[] = {"Transpose", "Flatten", "Relu", "Slice"};
    int found = 0;
    for (size_t i = 0; i < graph->n_node; i++)
        for (int k = 0; k < 4; k++)
            found |= (strcmp(graph->node[i]->op_type, wanted[k]) == 0) << k;
    ck_assert_int_eq(found, 15);
    ck_assert_uint_eq(graph->n_node, 4);
    ck_order();
    forget_model();
}
END_TEST

/* ---- the command ---------------------------------------------------------------------------------- */

START_TEST(the_command_makes_a_folder_that_explains_itself)
{
    ck_exits(0, "-q train --model dcgan:tiny --batch 2 --steps 2 --set ema=0.9 --out run");
    ck_exits(0, "export run --to onnx");
    ck_assert_int_eq(files_in(in_scratch("run/onnx")), 4);
    ck_assert(exists(in_scratch("run/onnx/sample.png")) &&
              exists(in_scratch("run/onnx/options.json")));
    size_t n;
    char *card = get_file(in_scratch("run/onnx/README.md"), &n);
    ck_assert_ptr_nonnull(strstr(card, "dcgan:tiny"));
    ck_assert_ptr_nonnull(strstr(card, "| ema | **0.9** |"));
    ck_assert_ptr_nonnull(strstr(card, "averaged over the steps"));
    free(card);
    read_model(in_scratch("run/onnx/model.onnx"));
    ck_assert_str_eq(meta("weights"), "averaged");
    ck_assert_ptr_nonnull(initialiser("G.dense.weight"));
    forget_model();
}
END_TEST

/* A second time it would write over something; and nothing is left of what failed. */
START_TEST(the_command_writes_over_no_folder)
{
    ck_exits(2, "export run --to onnx");
    ck_said("not empty");
    ck_exits(2, "export run --to onnx --network F --out no");
    ck_said("--network F");
    ck_exits(2, "export run --to pytorch --out no");
    ck_exits(2, "export run --out no");
    ck_exits(2, "export run --to onnx --all --out no");
    ck_exits(7, "export run --to onnx --out /proc/no/such");
    ck_assert(!exists(in_scratch("no")));
    ck_assert_int_eq(mkdir(in_scratch("empty"), 0777), 0);
    ck_exits(0,
             "export run/checkpoints/step-0000002.safetensors --to safetensors --all --out empty/");
    ck_assert_int_eq(files_in(in_scratch("empty")), 4);
    gcl_safetensors *all = gcl_safetensors_open(in_scratch("empty/model.safetensors"), &err);
    ck_have(all);
    ck_assert(gcl_safetensors_find(all, "G.dense.weight") &&
              gcl_safetensors_find(all, "D.head.bias"));
    gcl_safetensors_close(all);
}
END_TEST

int main(void)
{
    make_scratch("export");
    find_program();
    dev = gcl_device_open(device(), 0, &err);
    if (dev == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    TCase *tests = tcase_create("export");
    tcase_add_loop_test(tests, files_are_sound_graphs, 0, EXPORTED);
    tcase_add_loop_test(tests, both_formats_have_the_same_weights, 0, EXPORTED);
    tcase_add_test(tests, pointwise_operations_are_all_known);
    tcase_add_loop_test(tests, what_has_no_form_is_named, 0, 3);
    tcase_add_test(tests, views_keep_the_order_of_elements);
    tcase_add_test(tests, the_command_makes_a_folder_that_explains_itself);
    tcase_add_test(tests, the_command_writes_over_no_folder);
    int failed = run_tests("export", tests);
    gcl_device_close(dev);
    return failed;
}
