/* Operations on activations without parameters: sizes, channels, parts of a batch. */
#include "nn/layers.h"
#include "ops/ops.h"

gcl_node *gcl_avg_pool(gcl_node *x, int k)
{
    return gcl_scale(gcl_sum_pool(x, k), 1.0 / ((double)k * k));
}

gcl_node *gcl_upsample_nearest(gcl_node *x, int k) { return gcl_repeat(x, k, 0, 0); }

gcl_node *gcl_channels(gcl_node *x, int first, int n)
{
    const int begin[4] = {0, 0, 0, first};
    gcl_shape shape = x->shape;
    if (first == 0 && n == shape.d[3])
        return x;
    shape.d[3] = n;
    return gcl_slice(x, begin, shape);
}

gcl_node *gcl_fit_channels(gcl_node *x, int c)
{
    const int begin[4] = {0, 0, 0, 0};
    gcl_shape shape = x->shape;
    if (c <= shape.d[3])
        return gcl_channels(x, 0, c);
    shape.d[3] = c;
    return gcl_pad(x, begin, shape);
}

gcl_node *gcl_center_crop(gcl_node *x, int h, int w)
{
    gcl_shape shape = x->shape;
    if (h == shape.d[1] && w == shape.d[2])
        return x;
    const int begin[4] = {0, (shape.d[1] - h) / 2, (shape.d[2] - w) / 2, 0};
    shape.d[1] = h, shape.d[2] = w;
    return gcl_slice(x, begin, shape);
}

gcl_node *gcl_rows(gcl_node *x, int first, int n)
{
    gcl_shape shape = x->shape;
    int64_t row = gcl_shape_count(shape) / shape.d[0];
    shape.d[0] = n;
    return gcl_view(x, first * row, shape);
}

gcl_node *gcl_stack(gcl_node *a, gcl_node *b)
{
    gcl_shape shape = a->shape;
    shape.d[0] += b->shape.d[0];
    return gcl_pack(a->graph, (gcl_node *[]){a, b}, 2, &shape);
}
