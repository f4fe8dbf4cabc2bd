/* Layers: convolutions whose filters have a structure: depthwise, shuffled, masked for flows. */
#include <stdlib.h>

#include "nn/internal.h"
#include "nn/layers.h"
#include "ops/ops.h"

gcl_node *gcl_layer_depthwise(gcl_nn *nn, const char *name, gcl_node *x, int kernel, int pad,
                              int bias)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3];
    gcl_fans fans = gcl_nn_fans((int64_t)kernel * kernel, 1, c);
    gcl_node *f =
        gcl_nn_filter(nn, gcl_shape_of(kernel, kernel, 1, c), gcl_nn_weight_init(nn, &fans));
    gcl_node *y = gcl_nn_add_bias(nn, gcl_depthwise(x, f, pad, pad), &fans, bias);
    gcl_nn_pop(nn);
    return y;
}

gcl_node *gcl_layer_conv_shuffle(gcl_nn *nn, const char *name, gcl_node *x, int k)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3];
    gcl_fans fans = gcl_nn_fans(9, c, 4 * (int64_t)k);
    gcl_init init = gcl_nn_weight_init(nn, &fans);
    init.alike = 4;
    gcl_node *f = gcl_nn_filter(nn, gcl_shape_of(3, 3, c, 4 * k), init);
    gcl_node *y = gcl_pixel_shuffle(gcl_conv(x, f, 1, 1), 2);
    gcl_nn_pop(nn);
    return y;
}

/* ---- flows ---- */

/* Whether an output channel sees an input channel at the same pixel. */
static int sees(const gcl_masking *masking, int n_c, int n_k, int c, int k)
{
    if (masking->depthwise)
        return !masking->strict;
    int blocks = n_c < n_k ? n_c : n_k;
    int from = c / (n_c / blocks), to = k / (n_k / blocks);
    return masking->strict ? from < to : from <= to;
}

void gcl_flow_mask(double *mask, int kernel, int c, int k, const gcl_masking *masking)
{
    int centre = kernel / 2 * (kernel + 1), channels = masking->depthwise ? 1 : c;
    for (int at = 0; at < kernel * kernel; at++) {
        int place = masking->mirror ? kernel * kernel - 1 - at : at;
        for (int from = 0; from < channels; from++)
            for (int to = 0; to < k; to++)
                *mask++ = place == centre ? sees(masking, channels, k, from, to) : place < centre;
    }
}

gcl_node *gcl_layer_masked_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                                const gcl_masking *masking, int bias, double gain)
{
    gcl_nn_push(nn, "%s", name);
    int c = x->shape.d[3], pad = kernel / 2, channels = masking->depthwise ? 1 : c;
    int whole = masking->depthwise ? k == c : k % c == 0 || c % k == 0;
    if (kernel % 2 == 0 || !whole)
        gcl_graph_fail(gcl_nn_graph(nn),
                       "a mask for a %dx%d filter from %d to %d channels: odd "
                       "sides, and channels that are multiples, are needed",
                       kernel, kernel, c, k);
    gcl_fans fans = gcl_nn_fans((int64_t)kernel * kernel, channels, k);
    gcl_shape shape = gcl_shape_of(kernel, kernel, channels, k);
    double *mask = gcl_alloc((size_t)gcl_shape_count(shape) * sizeof *mask);
    if (whole)
        gcl_flow_mask(mask, kernel, c, k, masking);
    gcl_node *f = gcl_nn_normed_filter(nn, shape, gcl_nn_weight_init(nn, &fans), mask, gain);
    free(mask);
    gcl_node *y = masking->depthwise ? gcl_depthwise(x, f, pad, pad) : gcl_conv(x, f, 1, pad);
    y = gcl_nn_add_bias(nn, y, &fans, bias);
    gcl_nn_pop(nn);
    return y;
}
