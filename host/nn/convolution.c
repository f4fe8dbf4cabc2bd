/* Layers: convolutions, plain, transposed and weight-normalised. */
#include "nn/internal.h"
#include "nn/layers.h"
#include "ops/ops.h"

gcl_fans gcl_nn_fans(int64_t area, int64_t in, int64_t out)
{
    return (gcl_fans){.in = area * in, .out = area * out, .torch_in = area * in};
}

gcl_node *gcl_nn_add_bias(gcl_nn *nn, gcl_node *y, const gcl_fans *fans, int bias)
{
    if (!bias)
        return y;
    gcl_shape shape = gcl_shape_of(1, 1, 1, y->shape.d[3]);
    return gcl_add(
        y, gcl_parameter(nn, "bias", shape, GCL_LAYOUT_VECTOR, NULL, gcl_nn_bias_init(nn, fans)));
}

gcl_node *gcl_nn_filter(gcl_nn *nn, gcl_shape shape, gcl_init init)
{
    gcl_node *f = gcl_parameter(nn, "weight", shape, GCL_LAYOUT_CONV, NULL, init);
    gcl_nn_note_filter(nn, f);
    return f;
}

gcl_node *gcl_layer_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel, int stride,
                         int pad, int bias)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3];
    gcl_fans fans = gcl_nn_fans((int64_t)kernel * kernel, c, k);
    gcl_node *f =
        gcl_nn_filter(nn, gcl_shape_of(kernel, kernel, c, k), gcl_nn_weight_init(nn, &fans));
    gcl_node *y = gcl_nn_add_bias(nn, gcl_conv(x, f, stride, pad), &fans, bias);
    gcl_nn_pop(nn);
    return y;
}

gcl_node *gcl_layer_conv_transpose(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                                   int stride, int pad, int out_pad, int bias)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3], more = kernel - 2 * pad + out_pad;
    gcl_fans fans = gcl_nn_fans((int64_t)kernel * kernel, c, k);
    fans.torch_in = fans.out;
    gcl_init init = gcl_nn_weight_init(nn, &fans);
    init.blocks = nn->policy.smooth ? stride : 0;
    gcl_node *f = gcl_parameter(nn, "weight", gcl_shape_of(kernel, kernel, k, c),
                                GCL_LAYOUT_CONV_TRANSPOSE, NULL, init);
    gcl_node *y = gcl_conv_data(x, f, stride, pad, (x->shape.d[1] - 1) * stride + more,
                                (x->shape.d[2] - 1) * stride + more);
    y = gcl_nn_add_bias(nn, y, &fans, bias);
    gcl_nn_pop(nn);
    return y;
}

/* ---- weight norm ---- */

gcl_node *gcl_weight_norm(gcl_node *v, gcl_node *log_gain)
{
    gcl_node *norm =
        gcl_sqrt(gcl_sum(gcl_square(v), GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W)); /* [1,1,1,K] */
    gcl_node *gain = gcl_exp(log_gain);
    return gcl_mul(v, gcl_div(gain, gcl_shift(norm, 1e-5)));
}

/* NULL, with the graph's error set before, if there is none. */
static const gcl_tensor *tensor_of(gcl_nn *nn, const char *name)
{
    const gcl_record *record = gcl_nn_find_record(nn, gcl_nn_full_name(nn, name));
    return record != NULL ? &record->tensor : NULL;
}

gcl_node *gcl_nn_normed_filter(gcl_nn *nn, gcl_shape shape, gcl_init init, const double *mask,
                               double gain)
{
    gcl_node *v = gcl_parameter(nn, "weight", shape, GCL_LAYOUT_CONV, NULL, init);
    gcl_init of_gain = {.kind = GCL_INIT_LOG_GAIN,
                        .a = gain,
                        .of = tensor_of(nn, "weight"),
                        .mask = gcl_nn_keep_numbers(nn, mask, gcl_shape_count(shape))};
    gcl_node *log_gain = gcl_parameter(nn, "log_gain", gcl_shape_of(1, 1, 1, shape.d[3]),
                                       GCL_LAYOUT_VECTOR, NULL, of_gain);
    if (mask != NULL)
        v = gcl_mul(v, gcl_table(gcl_nn_graph(nn), shape, mask));
    gcl_node *f = gcl_weight_norm(v, log_gain);
    gcl_nn_note_filter(nn, f);
    return f;
}

gcl_node *gcl_layer_wn_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                            int stride, int pad, int bias)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3];
    gcl_fans fans = gcl_nn_fans((int64_t)kernel * kernel, c, k);
    gcl_node *f = gcl_nn_normed_filter(nn, gcl_shape_of(kernel, kernel, c, k),
                                       gcl_nn_weight_init(nn, &fans), NULL, 0);
    gcl_node *y = gcl_nn_add_bias(nn, gcl_conv(x, f, stride, pad), &fans, bias);
    gcl_nn_pop(nn);
    return y;
}
