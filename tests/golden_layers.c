/* Recorded layers and operations on activations, as graphs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "golden_ops.h"
#include "nn/layers.h"
#include "ops/ops.h"

/* ---- contractions ---------------------------------------------------------------------------- */

static gcl_node *with_bias(trial *t, gcl_node *y)
{
    return golden_has_operand(t, "bias") ? gcl_add(y, golden_operand(t, "bias", ROWS)) : y;
}

/* The recorded weight of a depthwise convolution is [C,1,R,S]: ours is [R,S,1,C]. */
static void conv2d(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE), *f = golden_operand(t, "weight", FILTER), *y;
    int stride = golden_integer(t, "stride"), pad = golden_integer(t, "padding");
    if (golden_integer(t, "groups") == 1) {
        y = gcl_conv(x, f, stride, pad);
    } else {
        ck_assert_int_eq(golden_integer(t, "groups"), x->shape.d[3]);
        ck_assert_int_eq(stride, 1);
        y = gcl_depthwise(x, f, pad, pad);
    }
    golden_differentiated(t, "y", IMAGE, with_bias(t, y));
}

static void conv_transpose2d(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    int bias = golden_has_operand(t, "bias"), k = (int)golden_entry(t, "in.weight")->dims[1];
    golden_network(t, 1);
    gcl_node *y = gcl_layer_conv_transpose(
        t->nn, "l", x, k, (int)golden_entry(t, "in.weight")->dims[2], golden_integer(t, "stride"),
        golden_integer(t, "padding"), golden_integer(t, "output_padding"), bias);
    golden_network_end(t);
    golden_stored(t, "weight", FILTER, "N.l.weight");
    if (bias)
        golden_stored(t, "bias", ROWS, "N.l.bias");
    golden_differentiated(t, "y", IMAGE, y);
}

static void linear(trial *t)
{
    gcl_node *x = golden_operand(t, "x", ROWS);
    golden_network(t, 1);
    gcl_node *y = gcl_layer_dense(t->nn, "l", x, 1, 1, (int)golden_entry(t, "in.weight")->dims[0]);
    golden_network_end(t);
    golden_stored(t, "weight", FILTER, "N.l.weight");
    golden_stored(t, "bias", ROWS, "N.l.bias");
    golden_differentiated(t, "y", ROWS, y);
}

static void weight_norm(trial *t)
{
    gcl_node *v = golden_operand(t, "v", FILTER), *log_gain = golden_operand(t, "log_gain", ROWS);
    golden_differentiated(t, "w", FILTER, gcl_weight_norm(v, log_gain));
}

/* The mask that we make is the recorded one. */
static void check_mask(const trial *t, const gcl_masking *masking, gcl_shape shape, int c)
{
    const tensor recorded = {.name = "in.mask", .layout = FILTER};
    int64_t n = gcl_shape_count(shape);
    double *right = golden_values(t, &recorded), *mask = gcl_alloc((size_t)n * sizeof *mask);
    ck_assert_int_eq(golden_entry(t, "in.mask")->count, n);
    gcl_flow_mask(mask, shape.d[0], c, shape.d[3], masking);
    for (int64_t i = 0; i < n; i++)
        ck_assert_double_eq(mask[i], right[i]);
    free(right);
    free(mask);
}

static void masked_conv(trial *t)
{
    const gcl_masking masking = {.depthwise = golden_flag(t, "depthwise"),
                                 .strict = golden_flag(t, "strict"),
                                 .mirror = golden_flag(t, "mirror")};
    int kernel = golden_integer(t, "kernel"), k = (int)golden_entry(t, "in.v")->dims[0];
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_network(t, 1);
    gcl_node *y = gcl_layer_masked_conv(t->nn, "l", x, k, kernel, &masking, GCL_NO_BIAS, 0);
    golden_network_end(t);
    gcl_node *v = golden_stored(t, "v", FILTER, "N.l.weight");
    golden_stored(t, "log_gain", ROWS, "N.l.log_gain");
    check_mask(t, &masking, v->shape, x->shape.d[3]);
    golden_differentiated(t, "y", IMAGE, y);
}

/* One of the four convolutions of a factorised reduction. */
static void shifted_conv(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE), *f = golden_operand(t, "weight", FILTER);
    int stride = golden_integer(t, "stride");
    const int begin[4] = {0, golden_integer(t, "rows"), golden_integer(t, "columns"), 0};
    const int step[4] = {1, stride, stride, 1};
    gcl_shape shape = x->shape;
    for (int d = 1; d <= 2; d++)
        shape.d[d] = (shape.d[d] - begin[d] - 1) / stride + 1;
    golden_differentiated(t, "y", IMAGE, gcl_conv(gcl_slice_step(x, begin, step, shape), f, 1, 0));
}

static void squeeze_excite(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_network(t, 1);
    gcl_node *y = gcl_layer_squeeze_excite(t->nn, "se", x);
    golden_network_end(t);
    golden_stored(t, "fc1.weight", FILTER, "N.se.fc1.weight");
    golden_stored(t, "fc1.bias", ROWS, "N.se.fc1.bias");
    golden_stored(t, "fc2.weight", FILTER, "N.se.fc2.weight");
    golden_stored(t, "fc2.bias", ROWS, "N.se.fc2.bias");
    golden_differentiated(t, "y", IMAGE, y);
}

/* ---- pointwise -------------------------------------------------------------------------------- */

static gcl_node *activated(const char *kind, double slope, gcl_node *x)
{
    if (strncmp(kind, "leaky_relu", 10) == 0)
        return gcl_leaky_relu(x, slope);
    if (strcmp(kind, "soft_clamp") == 0)
        return gcl_soft_clamp(x, 5);
    static const struct {
        const char *kind;
        gcl_node *(*build)(gcl_node *x);
    } known[] = {{"relu", gcl_relu},       {"tanh", gcl_tanh},         {"elu", gcl_elu},
                 {"sigmoid", gcl_sigmoid}, {"softplus", gcl_softplus}, {"swish", gcl_swish}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(kind, known[i].kind) == 0)
            return known[i].build(x);
    ck_abort_msg("no activation %s", kind);
    return NULL;
}

static void activation(trial *t)
{
    const char *kind = json_string_value(json_object_get(t->attrs, "kind"));
    double slope = strcmp(kind, "leaky_relu") == 0 ? golden_number(t, "slope") : 0;
    golden_differentiated(t, "y", ROWS, activated(kind, slope, golden_operand(t, "x", ROWS)));
}

static void batch_norm(trial *t)
{
    const json_t *act = json_object_get(t->attrs, "activation");
    int training = golden_flag(t, "training");
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_network(t, training);
    gcl_node *y =
        gcl_layer_batch_norm(t->nn, "bn", x, golden_number(t, "eps"), golden_number(t, "momentum"));
    golden_network_end(t);
    golden_stored(t, "weight", ROWS, "N.bn.weight");
    golden_stored(t, "bias", ROWS, "N.bn.bias");
    if (act != NULL) /* "leaky_relu_0.2" */
        y = activated(json_string_value(act), 0.2, y);
    golden_differentiated(t, "y", IMAGE, y);
    if (training) {
        golden_changed(t, "running_mean", ROWS, "N.bn.running_mean");
        golden_changed(t, "running_var", ROWS, "N.bn.running_var");
    } else {
        golden_stored(t, "running_mean", ROWS, "N.bn.running_mean");
        golden_stored(t, "running_var", ROWS, "N.bn.running_var");
    }
}

static void dropout(trial *t)
{
    gcl_node *x = golden_operand(t, "x", ROWS), *mask = golden_operand(t, "mask", ROWS);
    t->nn = gcl_nn_new(t->graph, &(gcl_nn_options){.training = 1});
    golden_differentiated(t, "y", ROWS,
                          gcl_layer_dropout(t->nn, x, mask, 1 - golden_number(t, "p")));
}

static void clamp_min(trial *t)
{
    gcl_node *x = golden_operand(t, "x", ROWS);
    golden_differentiated(t, "y", ROWS, gcl_clamp_min(x, golden_number(t, "min")));
}

static void scaled_residual(trial *t)
{
    gcl_node *a = golden_operand(t, "a", IMAGE), *b = golden_operand(t, "b", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_add(a, gcl_scale(b, golden_number(t, "scale"))));
}

static void channel_scale(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE), *s = golden_operand(t, "s", ROWS);
    golden_differentiated(t, "y", IMAGE, gcl_mul(x, s));
}

/* ---- sizes, channels --------------------------------------------------------------------------- */

static void avg_pool(trial *t)
{
    ck_assert_int_eq(golden_integer(t, "kernel"), golden_integer(t, "stride"));
    golden_differentiated(t, "y", IMAGE,
                          gcl_avg_pool(golden_operand(t, "x", IMAGE), golden_integer(t, "kernel")));
}

static void nearest(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_upsample_nearest(x, golden_integer(t, "scale")));
}

static void bilinear(trial *t)
{
    ck_assert_int_eq(golden_integer(t, "scale"), 2);
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_bilinear(x, golden_flag(t, "align_corners")));
}

static void pixel_shuffle(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_pixel_shuffle(x, golden_integer(t, "factor")));
}

static void concat(trial *t)
{
    gcl_node *parts[2] = {golden_operand(t, "a", IMAGE), NULL};
    parts[1] = golden_operand(t, "b", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_concat(parts, 2));
}

static void fit_channels(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(t, "y", IMAGE, gcl_fit_channels(x, golden_integer(t, "channels")));
}

static void center_crop(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(
        t, "y", IMAGE, gcl_center_crop(x, golden_integer(t, "height"), golden_integer(t, "width")));
}

static void broadcast_batch(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE);
    gcl_shape shape = x->shape;
    shape.d[0] = golden_integer(t, "batch");
    golden_differentiated(t, "y", IMAGE, gcl_broadcast(x, shape));
}

/* Initial values: output channels in runs of four are alike, as in the recorded weight. The graph is
 * the recorded sub-kernels, for want of another operation. */
static void icnr(trial *t)
{
    const tensor weight = {.name = "out.weight", .layout = FILTER};
    gcl_node *sub = golden_operand(t, "sub", FILTER);
    gcl_shape shape = sub->shape;
    shape.d[3] *= 4;
    int64_t n = gcl_shape_count(shape);
    double *right = golden_values(t, &weight);
    float *ours = gcl_alloc((size_t)n * sizeof *ours);
    golden_network(t, 1);
    gcl_layer_conv_shuffle(t->nn, "l", gcl_input(t->graph, "x", GCL_F32, gcl_shape_of(1, 2, 2, 3)),
                           shape.d[3] / 4);
    golden_network_end(t);
    ck_assert(gcl_shape_equal(gcl_nn_tensor(t->nn, 0)->shape, shape));
    gcl_tensor_initialise(gcl_nn_tensor(t->nn, 0), 1, ours);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            ck_assert_int_eq(ours[i] == ours[j], right[i] == right[j]);
    free(ours);
    free(right);
    /* weight[4c+j] = sub[c]: in our order each value four times in a row */
    gcl_shape one = gcl_shape_of(1, 1, (int)(n / 4), 1), four = gcl_shape_of(1, 1, (int)(n / 4), 4);
    gcl_node *repeated = gcl_broadcast(gcl_reshape(sub, one), four);
    golden_result(t, "out", "weight", FILTER, gcl_reshape(repeated, shape));
}

const golden_op golden_layers[] = {
    {"conv2d", conv2d},
    {"conv_transpose2d", conv_transpose2d},
    {"linear", linear},
    {"weight_norm", weight_norm},
    {"masked_conv", masked_conv},
    {"shifted_conv", shifted_conv},
    {"squeeze_excite", squeeze_excite},
    {"activation", activation},
    {"batch_norm", batch_norm},
    {"batch_norm_act", batch_norm},
    {"dropout", dropout},
    {"clamp_min", clamp_min},
    {"scaled_residual", scaled_residual},
    {"channel_scale", channel_scale},
    {"avg_pool", avg_pool},
    {"nearest", nearest},
    {"bilinear", bilinear},
    {"pixel_shuffle", pixel_shuffle},
    {"concat", concat},
    {"fit_channels", fit_channels},
    {"center_crop", center_crop},
    {"broadcast_batch", broadcast_batch},
    {"icnr", icnr},
    {NULL, NULL},
};
