/* Losses of logits and values, and penalties on gradients. */
#include "nn/losses.h"

#include <stdlib.h>

#include "graph/op.h"

gcl_node *gcl_loss_bce_logits(gcl_node *z, gcl_node *target, double limit)
{
    if (limit > 0)
        z = gcl_clamp(z, -limit, limit);
    gcl_node *positive = gcl_softplus(z), *product = gcl_mul(z, target);
    return gcl_mean(gcl_sub(positive, product));
}

/* 0, 1, ... n-1 as [1,1,1,n]. */
static gcl_node *numbers(gcl_graph *g, int n)
{
    double *values = gcl_alloc((size_t)n * sizeof *values);
    for (int i = 0; i < n; i++)
        values[i] = i;
    gcl_node *table = gcl_table(g, gcl_shape_of(1, 1, 1, n), values);
    free(values);
    return table;
}

gcl_node *gcl_loss_softmax(gcl_node *z, gcl_node *labels)
{
    gcl_node *all = gcl_logsumexp(z, GCL_AXIS_C);
    gcl_node *hit = gcl_equal(labels, numbers(z->graph, z->shape.d[3])); /* [N,1,1,K] */
    gcl_node *own = gcl_sum(gcl_mul(z, hit), GCL_AXIS_C);
    return gcl_mean(gcl_sub(all, own));
}

gcl_node *gcl_loss_l1(gcl_node *a, gcl_node *b) { return gcl_mean(gcl_abs(gcl_sub(a, b))); }

/* ---- of gradients ---- */

enum { AXES_HWC = GCL_AXIS_H | GCL_AXIS_W | GCL_AXIS_C };

/* |d sum(logits) / d pictures|^2 of each picture, [N,1,1,1]. */
static gcl_node *gradient_square(gcl_node *logits, gcl_node *pictures)
{
    gcl_node *dx;
    gcl_gradients(gcl_sum(logits, GCL_AXES_ALL), &pictures, 1, &dx);
    return gcl_sum(gcl_square(dx), AXES_HWC);
}

gcl_node *gcl_loss_r1(gcl_node *logits, gcl_node *pictures)
{
    return gcl_mean(gradient_square(logits, pictures));
}

gcl_node *gcl_interpolate(gcl_node *real, gcl_node *fake, gcl_node *u)
{
    return gcl_add(fake, gcl_mul(gcl_sub(real, fake), u));
}

gcl_node *gcl_loss_gradient_penalty(gcl_node *logits, gcl_node *pictures)
{
    gcl_node *norm = gcl_sqrt(gcl_shift(gradient_square(logits, pictures), 1e-12));
    return gcl_mean(gcl_square(gcl_shift(norm, -1)));
}
