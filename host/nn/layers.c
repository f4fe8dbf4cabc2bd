/* Layers: dense, normalisation, dropout.
 *
 * Two operands that are both made anew are made in two statements, here and elsewhere in nn/ and
 * models/: creation order is execution order, and C leaves open which argument comes first. */
#include "nn/layers.h"
#include "nn/internal.h"
#include "ops/ops.h"

/* ---- dense ---- */

gcl_node *gcl_layer_dense(gcl_nn *nn, const char *name, gcl_node *x, int h, int w, int c)
{
    gcl_nn_push(nn, "%s", name);
    gcl_shape s = x->shape;
    int in = s.d[1] * s.d[2] * s.d[3], out = h * w * c;
    int from = s.d[1] * s.d[2] > 1, to = h * w > 1;
    gcl_layout layout = from ? GCL_LAYOUT_LINEAR_FROM
                        : to ? GCL_LAYOUT_LINEAR_TO
                             : GCL_LAYOUT_LINEAR;
    gcl_layout bias_layout = to ? GCL_LAYOUT_LINEAR_TO : GCL_LAYOUT_VECTOR;
    const int source[3] = {s.d[3], s.d[1], s.d[2]}, target[3] = {c, h, w};
    if (from && to)
        gcl_graph_fail(gcl_nn_graph(nn), "a dense layer from %s to %dx%dx%d: one side must be 1x1",
                       gcl_shape_text(s), h, w, c);
    gcl_fans fans = {.in = in, .out = out, .torch_in = in, .linear = 1};
    gcl_node *weight = gcl_parameter(nn, "weight", gcl_shape_of(1, 1, in, out), layout,
                                     from ? source : target, gcl_nn_weight_init(nn, &fans));
    gcl_node *bias = gcl_parameter(nn, "bias", gcl_shape_of(1, h, w, c), bias_layout, target,
                                   gcl_nn_bias_init(nn, &fans));
    gcl_node *y = gcl_matmul(gcl_reshape(x, gcl_shape_of(s.d[0], 1, 1, in)), weight, 0, 0);
    y = gcl_add(gcl_reshape(y, gcl_shape_of(s.d[0], h, w, c)), bias);
    gcl_nn_pop(nn);
    return y;
}

/* ---- normalisation, dropout ---- */

enum { AXES_NHW = GCL_AXIS_N | GCL_AXIS_H | GCL_AXIS_W };

/* running <- (1 - momentum) running + momentum new */
static void follow(gcl_nn *nn, const char *name, gcl_node *running, gcl_node *value,
                   double momentum)
{
    if (nn->readjust) {
        gcl_node *step = gcl_mul(gcl_sub(value, running), gcl_nn_scalar(nn, GCL_READJUST));
        gcl_state_update(nn, name, gcl_add(running, step));
        return;
    }
    gcl_node *old = gcl_scale(running, 1 - momentum), *new = gcl_scale(value, momentum);
    gcl_state_update(nn, name, gcl_add(old, new));
}

gcl_node *gcl_layer_batch_norm(gcl_nn *nn, const char *name, gcl_node *x, double eps,
                               double momentum)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3];
    double n = (double)gcl_shape_count(x->shape) / c;
    gcl_shape shape = gcl_shape_of(1, 1, 1, c);
    gcl_node *weight =
        gcl_parameter(nn, "weight", shape, GCL_LAYOUT_VECTOR, NULL, gcl_nn_gamma_init(nn));
    gcl_nn_note_gamma(nn, weight);
    gcl_node *bias =
        gcl_parameter(nn, "bias", shape, GCL_LAYOUT_VECTOR, NULL, gcl_init_constant(0));
    gcl_node *mean = gcl_state(nn, "running_mean", c, 0), *var = gcl_state(nn, "running_var", c, 1);
    if (gcl_nn_training(nn) || nn->readjust) {
        gcl_node *running_mean = mean, *running_var = var;
        mean = gcl_mean_over(x, AXES_NHW);
        var = gcl_mean_over(gcl_square(gcl_sub(x, mean)), AXES_NHW);
        follow(nn, "running_mean", running_mean, mean, momentum);
        gcl_node *unbiased = gcl_scale(var, n > 1 ? n / (n - 1) : 1);
        follow(nn, "running_var", running_var, unbiased, momentum);
    }
    gcl_node *inverse = gcl_reciprocal(gcl_sqrt(gcl_shift(var, eps)));
    gcl_node *centred = gcl_sub(x, mean), *scale = gcl_mul(inverse, weight);
    gcl_node *y = gcl_add(gcl_mul(centred, scale), bias);
    gcl_nn_pop(nn);
    return y;
}

gcl_node *gcl_layer_dropout(gcl_nn *nn, gcl_node *x, gcl_node *mask, double keep)
{
    return gcl_nn_training(nn) ? gcl_mul(x, gcl_scale(mask, 1 / keep)) : x;
}
