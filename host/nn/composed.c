/* Layers that are composed of several. */
#include "nn/layers.h"
#include "ops/ops.h"

gcl_node *gcl_layer_squeeze_excite(gcl_nn *nn, const char *name, gcl_node *x)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3], hidden = c / 16 > 4 ? c / 16 : 4;
    gcl_node *s =
        gcl_layer_dense(nn, "fc1", gcl_mean_over(x, GCL_AXIS_H | GCL_AXIS_W), 1, 1, hidden);
    s = gcl_layer_dense(nn, "fc2", gcl_relu(s), 1, 1, c);
    gcl_node *y = gcl_mul(x, gcl_sigmoid(s));
    gcl_nn_pop(nn);
    return y;
}

gcl_node *gcl_layer_factorized_reduce(gcl_nn *nn, const char *name, gcl_node *x, int k)
{
    static const char *const names[4] = {"0", "1", "2", "3"};
    static const int shifts[4][2] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}}; /* rows, columns */
    const int step[4] = {1, 2, 2, 1};
    gcl_shape half = x->shape;
    half.d[1] /= 2, half.d[2] /= 2;
    if (x->shape.d[1] % 2 != 0 || x->shape.d[2] % 2 != 0 || k < 4)
        return gcl_graph_fail(gcl_nn_graph(nn), "%s cannot be halved to %d channels in four parts",
                              gcl_shape_text(x->shape), k);
    gcl_nn_push(nn, "%s", name);
    gcl_nn_push(nn, "convs");
    x = gcl_swish(x);
    gcl_node *parts[4];
    for (int i = 0; i < 4; i++) {
        const int begin[4] = {0, shifts[i][0], shifts[i][1], 0};
        gcl_node *shifted = gcl_slice_step(x, begin, step, half);
        parts[i] = gcl_layer_wn_conv(nn, names[i], shifted, i < 3 ? k / 4 : k - 3 * (k / 4), 1, 1,
                                     0, GCL_BIAS);
    }
    gcl_node *y = gcl_concat(parts, 4);
    gcl_nn_pop(nn);
    gcl_nn_pop(nn);
    return y;
}
