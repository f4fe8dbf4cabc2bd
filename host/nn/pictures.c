/* Losses that look at pictures as pictures: total variation, SSIM, GMSD. */
#include <math.h>

#include "nn/layers.h"
#include "nn/losses.h"
#include "ops/ops.h"

enum { AXES_HW = GCL_AXIS_H | GCL_AXIS_W };

gcl_node *gcl_unit_range(gcl_node *x) { return gcl_shift(gcl_scale(x, 0.5), 0.5); }

/* ---- total variation ---- */

/* mean |x[i+1] - x[i]| along dimension d. */
static gcl_node *variation(gcl_node *x, int d)
{
    int zero[4] = {0, 0, 0, 0}, one[4] = {0, 0, 0, 0};
    gcl_shape shape = x->shape;
    one[d] = 1;
    shape.d[d]--;
    gcl_node *from = gcl_slice(x, zero, shape), *to = gcl_slice(x, one, shape);
    return gcl_mean(gcl_abs(gcl_sub(to, from)));
}

gcl_node *gcl_loss_tv(gcl_node *x)
{
    gcl_node *vertical = variation(x, 1), *horizontal = variation(x, 2);
    return gcl_add(vertical, horizontal);
}

/* ---- structural similarity ---- */

enum { WINDOW = 11 };

/* Gaussian weights of sum 1, the same for each of c channels, along h or w. */
static gcl_node *gaussian(gcl_graph *g, int along_h, int c)
{
    double values[WINDOW], sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        double t = i - (WINDOW - 1) / 2.0;
        sum += values[i] = exp(-t * t / (2 * 1.5 * 1.5));
    }
    for (int i = 0; i < WINDOW; i++)
        values[i] /= sum;
    gcl_node *line =
        gcl_table(g, gcl_shape_of(along_h ? WINDOW : 1, along_h ? 1 : WINDOW, 1, 1), values);
    return gcl_broadcast(line, gcl_shape_of(line->shape.d[0], line->shape.d[1], 1, c));
}

/* Weighted means over windows inside the picture, for all of a batch at once. */
static gcl_node *blur(gcl_node *x)
{
    gcl_node *rows = gaussian(x->graph, 1, x->shape.d[3]);
    gcl_node *columns = gaussian(x->graph, 0, x->shape.d[3]);
    return gcl_depthwise(gcl_depthwise(x, rows, 0, 0), columns, 0, 0);
}

gcl_node *gcl_loss_ssim(gcl_node *x, gcl_node *y)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    int n = x->shape.d[0];
    gcl_shape all = x->shape;
    if (all.d[1] < WINDOW || all.d[2] < WINDOW)
        return gcl_graph_fail(x->graph, "SSIM wants pictures of at least %dx%d, not %s", WINDOW,
                              WINDOW, gcl_shape_text(all));
    all.d[0] = 5 * n;
    gcl_node *xx = gcl_square(x), *yy = gcl_square(y), *xy = gcl_mul(x, y);
    gcl_node *means = blur(gcl_pack(x->graph, (gcl_node *[]){x, y, xx, yy, xy}, 5, &all));
    gcl_node *mx = gcl_rows(means, 0, n), *my = gcl_rows(means, n, n);
    gcl_node *mxx = gcl_square(mx), *myy = gcl_square(my), *mxy = gcl_mul(mx, my);
    gcl_node *sxx = gcl_sub(gcl_rows(means, 2 * n, n), mxx);
    gcl_node *syy = gcl_sub(gcl_rows(means, 3 * n, n), myy);
    gcl_node *sxy = gcl_sub(gcl_rows(means, 4 * n, n), mxy);
    gcl_node *brightness = gcl_shift(gcl_scale(mxy, 2), c1);
    gcl_node *structure = gcl_shift(gcl_scale(sxy, 2), c2);
    gcl_node *of_means = gcl_shift(gcl_add(mxx, myy), c1);
    gcl_node *of_variances = gcl_shift(gcl_add(sxx, syy), c2);
    gcl_node *above = gcl_mul(brightness, structure), *below = gcl_mul(of_means, of_variances);
    return gcl_shift(gcl_neg(gcl_mean(gcl_div(above, below))), 1);
}

/* ---- gradient magnitude similarity ---- */

static gcl_node *luma(gcl_node *x)
{
    const double weights[3] = {0.299, 0.587, 0.114};
    if (x->shape.d[3] == 1)
        return x;
    return gcl_matmul(x, gcl_table(x->graph, gcl_shape_of(1, 1, 3, 1), weights), 0, 0);
}

/* Prewitt's filters / 3, [3,3,1,2]: differences along w, along h. */
static gcl_node *prewitt(gcl_graph *g)
{
    double values[18];
    for (int r = 0; r < 3; r++)
        for (int s = 0; s < 3; s++) {
            values[(3 * r + s) * 2] = (1 - s) / 3.0;
            values[(3 * r + s) * 2 + 1] = (1 - r) / 3.0;
        }
    return gcl_table(g, gcl_shape_of(3, 3, 1, 2), values);
}

/* sqrt(gx^2 + gy^2 + 1e-12) of the picture at half its size. */
static gcl_node *magnitude(gcl_node *x)
{
    gcl_node *half = gcl_avg_pool(luma(x), 2);
    gcl_node *g = gcl_conv(half, prewitt(x->graph), 1, 1);
    return gcl_sqrt(gcl_shift(gcl_sum(gcl_square(g), GCL_AXIS_C), 1e-12));
}

gcl_node *gcl_loss_gmsd(gcl_node *x, gcl_node *y)
{
    const double t = 170.0 / (255.0 * 255.0);
    if (x->shape.d[3] != 1 && x->shape.d[3] != 3)
        return gcl_graph_fail(x->graph, "GMSD wants 1 or 3 channels, not %s",
                              gcl_shape_text(x->shape));
    gcl_node *of_x = magnitude(x), *of_y = magnitude(y);
    gcl_node *above = gcl_shift(gcl_scale(gcl_mul(of_x, of_y), 2), t);
    gcl_node *squares = gcl_square(of_x);
    gcl_node *below = gcl_shift(gcl_add(squares, gcl_square(of_y)), t);
    gcl_node *similarity = gcl_div(above, below);
    gcl_node *deviation = gcl_sub(similarity, gcl_mean_over(similarity, AXES_HW));
    gcl_node *variance = gcl_mean_over(gcl_square(deviation), AXES_HW);
    return gcl_mean(gcl_sqrt(gcl_shift(variance, 1e-12)));
}
