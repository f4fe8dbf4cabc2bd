#include "nn/augment.h"

#include <stdio.h>
#include <stdlib.h>

#include "nn/layers.h"
#include "ops/ops.h"

enum { AXES_HW = GCL_AXIS_H | GCL_AXIS_W };

/* ---- draws ----------------------------------------------------------------------------------------- */

gcl_augment_draws gcl_augment_draw(gcl_nn *nn, const gcl_augment *what, const char *name, int n)
{
    const struct {
        const char *name;
        int wanted;
    } numbers[GCL_AUGMENT_NUMBERS] = {
        [GCL_AUGMENT_FLIP] = {"flip", what->flip},
        [GCL_AUGMENT_BRIGHTNESS] = {"brightness", what->colour},
        [GCL_AUGMENT_SATURATION] = {"saturation", what->colour},
        [GCL_AUGMENT_CONTRAST] = {"contrast", what->colour},
        [GCL_AUGMENT_SHIFT_H] = {"shift_h", what->shift},
        [GCL_AUGMENT_SHIFT_W] = {"shift_w", what->shift},
        [GCL_AUGMENT_CUT_H] = {"cut_h", what->cutout},
        [GCL_AUGMENT_CUT_W] = {"cut_w", what->cutout},
    };
    gcl_augment_draws draws = {.what = *what};
    for (int i = 0; i < GCL_AUGMENT_NUMBERS; i++) {
        char full[80];
        snprintf(full, sizeof full, "%s.%s", name, numbers[i].name);
        if (numbers[i].wanted)
            draws.of[i] = gcl_nn_noise(nn, full, GCL_NOISE_UNIFORM, gcl_shape_of(n, 1, 1, 1), 0, 1);
    }
    return draws;
}

/* floor(u n), a whole number from 0 to n-1: u n may round to n. */
static gcl_node *whole_below(gcl_node *u, int n)
{
    return gcl_minimum(gcl_floor(gcl_scale(u, n)), gcl_constant(u->graph, n - 1));
}

/* 0, 1 ... n-1 along dimension d. */
static gcl_node *indices(gcl_graph *g, int n, int d)
{
    gcl_shape shape = gcl_shape_of(1, 1, 1, 1);
    double *values = gcl_alloc((size_t)n * sizeof *values);
    for (int i = 0; i < n; i++)
        values[i] = i;
    shape.d[d] = n;
    gcl_node *table = gcl_table(g, shape, values);
    free(values);
    return table;
}

/* ---- flip, colour ---------------------------------------------------------------------------------- */

static gcl_node *flipped(gcl_node *x, gcl_node *u)
{
    gcl_node *turned = gcl_at_least(u, gcl_constant(x->graph, 0.5));
    return gcl_add(x, gcl_mul(turned, gcl_sub(gcl_mirror(x, 2), x)));
}

/* middle + factor (x - middle) */
static gcl_node *away_from(gcl_node *x, gcl_node *middle, gcl_node *factor)
{
    return gcl_add(middle, gcl_mul(gcl_sub(x, middle), factor));
}

/* Saturation does not move a pixel's mean, so the picture's is that of the means before. */
static gcl_node *coloured(gcl_node *x, const gcl_augment_draws *draws, gcl_node *const *u)
{
    double range = (draws->what.high - draws->what.low) / 2;
    x = gcl_add(x, gcl_scale(gcl_shift(u[GCL_AUGMENT_BRIGHTNESS], -0.5), range));
    gcl_node *grey = gcl_mean_over(x, GCL_AXIS_C), *middle = gcl_mean_over(grey, AXES_HW);
    if (x->shape.d[3] > 1)
        x = away_from(x, grey, gcl_scale(u[GCL_AUGMENT_SATURATION], 2));
    return away_from(x, middle, gcl_shift(u[GCL_AUGMENT_CONTRAST], 0.5));
}

/* ---- shift ----------------------------------------------------------------------------------------- */

/* Each picture is moved by its own distance: a depthwise convolution does that with a filter that is 1
 * at the distance and 0 elsewhere, once pictures are channels. Products with an identity matrix bring
 * them there and back; all this copies numbers exactly. */
static gcl_node *identity(gcl_graph *g, int n)
{
    double *values = gcl_alloc((size_t)n * (size_t)n * sizeof *values);
    for (int i = 0; i < n; i++)
        values[(size_t)i * (size_t)n + (size_t)i] = 1;
    gcl_node *table = gcl_table(g, gcl_shape_of(1, 1, n, n), values);
    free(values);
    return table;
}

/* [N,H,W,C] -> [1,1,H*W*C,N] */
static gcl_node *pictures_last(gcl_node *x)
{
    int n = x->shape.d[0], size = (int)(gcl_shape_count(x->shape) / n);
    if (n == 1)
        return gcl_reshape(x, gcl_shape_of(1, 1, size, 1));
    x = gcl_reshape(x, gcl_shape_of(1, 1, n, size));
    return gcl_matmul(x, identity(x->graph, n), 1, 0);
}

/* And back. */
static gcl_node *pictures_first(gcl_node *x, gcl_shape shape)
{
    int n = shape.d[0];
    if (n > 1)
        x = gcl_matmul(identity(x->graph, n), x, 0, 1);
    return gcl_reshape(x, shape);
}

/* [2m+1,1,1,C*N]: 1 at tap t+m of picture n's channels, t its distance. */
static gcl_node *filter_of(gcl_node *u, int most, int channels)
{
    int n = u->shape.d[0], taps = 2 * most + 1;
    gcl_node *tap = gcl_reshape(whole_below(u, taps), gcl_shape_of(1, 1, 1, n));
    gcl_node *filter = gcl_equal(indices(u->graph, taps, 0), tap);
    filter = gcl_broadcast(filter, gcl_shape_of(taps, 1, channels, n));
    return gcl_reshape(filter, gcl_shape_of(taps, 1, 1, channels * n));
}

static int eighth(int size) { return (int)(size / 8.0 + 0.5); }

/* y[n,h,w,c] = x[n,h+t,w+s,c], 0 from outside. Both filters are columns: first along h with w beside it,
 * then along w with h for the pictures. */
static gcl_node *shifted(gcl_node *x, gcl_node *u_h, gcl_node *u_w)
{
    gcl_shape s = x->shape;
    int n = s.d[0], h = s.d[1], w = s.d[2], c = s.d[3];
    gcl_node *y = gcl_reshape(pictures_last(x), gcl_shape_of(1, h, w, c * n));
    y = gcl_depthwise(y, filter_of(u_h, eighth(h), c), eighth(h), 0);
    y = gcl_reshape(y, gcl_shape_of(h, w, 1, c * n));
    y = gcl_depthwise(y, filter_of(u_w, eighth(w), c), eighth(w), 0);
    return pictures_first(gcl_reshape(y, gcl_shape_of(1, 1, h * w * c, n)), s);
}

/* ---- cutout ---------------------------------------------------------------------------------------- */

/* 1 where dimension d of size n lies in the hole, else 0. */
static gcl_node *in_hole(gcl_node *u, int n, int d)
{
    int side = (int)(n / 2.0 + 0.5);
    gcl_node *at = indices(u->graph, n, d);
    gcl_node *first = gcl_shift(whole_below(u, n + 1 - side % 2), -(side / 2));
    return gcl_mul(gcl_at_least(at, first), gcl_at_least(gcl_shift(first, side - 1), at));
}

static gcl_node *cut(gcl_node *x, gcl_node *u_h, gcl_node *u_w)
{
    gcl_node *hole_h = in_hole(u_h, x->shape.d[1], 1), *hole_w = in_hole(u_w, x->shape.d[2], 2);
    return gcl_mul(x, gcl_shift(gcl_neg(gcl_mul(hole_h, hole_w)), 1));
}

/* ---- all ------------------------------------------------------------------------------------------- */

gcl_node *gcl_augmented(gcl_node *x, const gcl_augment_draws *draws, int first)
{
    const gcl_augment *what = &draws->what;
    double mid = (what->low + what->high) / 2;
    gcl_node *u[GCL_AUGMENT_NUMBERS] = {NULL};
    for (int i = 0; i < GCL_AUGMENT_NUMBERS; i++)
        if (draws->of[i] != NULL)
            u[i] = gcl_rows(draws->of[i], first, x->shape.d[0]);
    if (what->flip)
        x = flipped(x, u[GCL_AUGMENT_FLIP]);
    if (what->colour)
        x = coloured(x, draws, u);
    if (!what->shift && !what->cutout)
        return x;
    x = gcl_shift(x, -mid);
    if (what->shift)
        x = shifted(x, u[GCL_AUGMENT_SHIFT_H], u[GCL_AUGMENT_SHIFT_W]);
    if (what->cutout)
        x = cut(x, u[GCL_AUGMENT_CUT_H], u[GCL_AUGMENT_CUT_W]);
    return gcl_shift(x, mid);
}
