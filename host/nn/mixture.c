/* Mixture of discretised logistics over RGB pixels. */
#include <math.h>

#include "nn/distributions.h"
#include "nn/layers.h"
#include "ops/ops.h"

enum { COLOURS = 3 };

gcl_mixture gcl_mixture_of(gcl_node *raw, int mixtures, int bits)
{
    int m = mixtures;
    gcl_mixture p = {.levels = ldexp(1, bits) - 1};
    if (raw->shape.d[3] != 10 * m)
        raw = gcl_graph_fail(raw->graph, "a mixture of %d wants %d channels, not %s", m, 10 * m,
                             gcl_shape_text(raw->shape));
    p.logits = gcl_channels(raw, 0, m);
    for (int c = 0; c < COLOURS; c++) {
        int first = m + 3 * m * c;
        p.means[c] = gcl_channels(raw, first, m);
        p.log_scales[c] = gcl_clamp_min(gcl_channels(raw, first + m, m), -7);
        p.coefficients[c] = gcl_tanh(gcl_channels(raw, first + 2 * m, m));
    }
    return p;
}

/* ---- likelihood ---- */

/* Means of a colour's components given the colours before it in x [N,H,W,1] each. */
static gcl_node *mean_given(const gcl_mixture *p, int colour, gcl_node *const *x)
{
    gcl_node *mean = p->means[colour];
    if (colour > 0)
        mean = gcl_add(mean, gcl_mul(p->coefficients[colour - 1], x[0]));
    if (colour > 1)
        mean = gcl_add(mean, gcl_mul(p->coefficients[2], x[1]));
    return mean;
}

/* log of the probability of the interval of x by each component of one colour, [N,H,W,M].
 *
 * With d = x - mean, a = (d + 1/levels) / scale, b = (d - 1/levels) / scale: below -0.999 it reaches to
 * minus infinity, log sigmoid(a); above 0.99 to plus infinity, log sigmoid(-b). Between them
 *     log(sigmoid(a) - sigmoid(b)) = -softplus(-a) - softplus(b) + log(1 - e^(b-a)),
 * without the cancellation of the left side; where that probability is not above 1e-5, the density at d
 * times the interval's width. */
static gcl_node *log_prob_of(const gcl_mixture *p, int colour, gcl_node *const *x)
{
    gcl_node *log_scale = p->log_scales[colour];
    gcl_node *d = gcl_sub(x[colour], mean_given(p, colour, x));
    gcl_node *inverse = gcl_exp(gcl_neg(log_scale)), *middle = gcl_mul(d, inverse);
    gcl_node *half = gcl_scale(inverse, 1 / p->levels);
    gcl_node *a = gcl_add(middle, half), *b = gcl_sub(middle, half);

    gcl_node *left = gcl_neg(gcl_softplus(gcl_neg(a))), *right = gcl_neg(gcl_softplus(b));
    gcl_node *width = gcl_clamp_min(gcl_scale(half, 2), 1e-30); /* never log 0 */
    gcl_node *within = gcl_log(gcl_neg(gcl_expm1(gcl_neg(width))));
    gcl_node *exact = gcl_add(gcl_add(left, right), within);

    gcl_node *slope = gcl_scale(gcl_softplus(middle), 2);
    gcl_node *density = gcl_shift(gcl_sub(gcl_sub(middle, log_scale), slope), -log(p->levels / 2));
    gcl_node *likely = gcl_above(exact, gcl_constant(exact->graph, log(1e-5)));
    gcl_node *centre = gcl_select(likely, exact, density);

    gcl_node *is_left = gcl_above(gcl_constant(d->graph, -0.999), x[colour]);
    gcl_node *is_right = gcl_above(x[colour], gcl_constant(d->graph, 0.99));
    return gcl_select(is_left, left, gcl_select(is_right, right, centre));
}

gcl_node *gcl_mixture_log_prob(const gcl_mixture *p, gcl_node *x)
{
    gcl_node *colours[COLOURS], *total = NULL;
    x = gcl_shift(gcl_scale(x, 2), -1);
    for (int c = 0; c < COLOURS; c++)
        colours[c] = gcl_channels(x, c, 1);
    for (int c = 0; c < COLOURS; c++) {
        gcl_node *log_p = log_prob_of(p, c, colours);
        total = c == 0 ? log_p : gcl_add(total, log_p);
    }
    gcl_node *joint = gcl_logsumexp(gcl_add(total, p->logits), GCL_AXIS_C);
    return gcl_sub(joint, gcl_logsumexp(p->logits, GCL_AXIS_C));
}

/* ---- pictures ---- */

/* Sum over components of `weights` (one of them 1, or a softmax) times a parameter: [N,H,W,1]. */
static gcl_node *weighted(gcl_node *parameter, gcl_node *weights)
{
    return gcl_sum(gcl_mul(parameter, weights), GCL_AXIS_C);
}

/* Pictures in [0,1] from values of the colours before the coefficients of the weighted components move
 * green and blue. */
static gcl_node *picture(const gcl_mixture *p, gcl_node *weights, gcl_node *const *values)
{
    gcl_node *k[COLOURS], *x[COLOURS];
    for (int c = 0; c < COLOURS; c++)
        k[c] = weighted(p->coefficients[c], weights);
    x[0] = gcl_clamp(values[0], -1, 1);
    x[1] = gcl_clamp(gcl_add(values[1], gcl_mul(k[0], x[0])), -1, 1);
    gcl_node *moved = gcl_add(values[2], gcl_mul(k[1], x[0]));
    x[2] = gcl_clamp(gcl_add(moved, gcl_mul(k[2], x[1])), -1, 1);
    return gcl_shift(gcl_scale(gcl_concat(x, COLOURS), 0.5), 0.5);
}

/* A component by the Gumbel-max trick, then a logistic value from the inverse of its distribution. */
gcl_node *gcl_mixture_sample(const gcl_mixture *p, gcl_node *u_mix, gcl_node *u_logistic,
                             double temperature)
{
    gcl_node *gumbel = gcl_neg(gcl_log(gcl_neg(gcl_log(u_mix))));
    gcl_node *score = gcl_add(gcl_scale(p->logits, 1 / temperature), gumbel);
    gcl_node *hit = gcl_equal(score, gcl_max_over(score, GCL_AXIS_C));
    gcl_node *picked = gcl_div(hit, gcl_sum(hit, GCL_AXIS_C)), *values[COLOURS];
    for (int c = 0; c < COLOURS; c++) {
        gcl_node *u = gcl_channels(u_logistic, c, 1), *log_u = gcl_log(u);
        gcl_node *logistic = gcl_sub(log_u, gcl_log(gcl_shift(gcl_neg(u), 1)));
        gcl_node *scale = gcl_scale(gcl_exp(weighted(p->log_scales[c], picked)), 1 / temperature);
        values[c] = gcl_add(weighted(p->means[c], picked), gcl_mul(scale, logistic));
    }
    return picture(p, picked, values);
}

gcl_node *gcl_mixture_mean(const gcl_mixture *p)
{
    gcl_node *weights = gcl_exp(gcl_sub(p->logits, gcl_logsumexp(p->logits, GCL_AXIS_C)));
    gcl_node *values[COLOURS];
    for (int c = 0; c < COLOURS; c++)
        values[c] = weighted(p->means[c], weights);
    return picture(p, weights, values);
}
