/* Diagonal Gaussians and Bernoulli pixels; the balance of NVAE's groups. */
#include "nn/distributions.h"

#include <math.h>
#include <stdlib.h>

#include "graph/op.h"
#include "nn/layers.h"

/* ---- diagonal Gaussian ---- */

gcl_normal gcl_normal_of(gcl_node *mean, gcl_node *log_sigma, double temperature)
{
    gcl_normal p;
    p.mu = gcl_soft_clamp(mean, 5);
    p.sigma = gcl_shift(gcl_exp(gcl_soft_clamp(log_sigma, 5)), 0.01);
    p.sigma = gcl_scale(p.sigma, temperature);
    return p;
}

gcl_normal gcl_normal_split(gcl_node *raw, double temperature)
{
    int c = raw->shape.d[3] / 2;
    gcl_node *mean = gcl_channels(raw, 0, c), *log_sigma = gcl_channels(raw, c, c);
    return gcl_normal_of(mean, log_sigma, temperature);
}

gcl_node *gcl_normal_residual(gcl_node *prior_raw, gcl_node *difference)
{
    return gcl_add(prior_raw, difference);
}

gcl_normal gcl_normal_zero(gcl_graph *g, gcl_shape shape, double temperature)
{
    gcl_node *zero = gcl_broadcast(gcl_constant(g, 0), shape);
    return gcl_normal_of(zero, zero, temperature);
}

gcl_node *gcl_normal_sample(const gcl_normal *p, gcl_node *eps)
{
    return gcl_add(p->mu, gcl_mul(p->sigma, eps));
}

gcl_node *gcl_normal_log_prob(const gcl_normal *p, gcl_node *z)
{
    const double pi = 3.14159265358979323846;
    gcl_node *d = gcl_div(gcl_sub(z, p->mu), p->sigma);
    gcl_node *square = gcl_scale(gcl_square(d), -0.5), *log_sigma = gcl_log(p->sigma);
    return gcl_shift(gcl_sub(square, log_sigma), -0.5 * log(2 * pi));
}

/* ((mu_q - mu_p)/sigma_p)^2/2 + r^2/2 - 1/2 - log r with r = sigma_q / sigma_p */
gcl_node *gcl_normal_kl(const gcl_normal *q, const gcl_normal *p)
{
    gcl_node *distance = gcl_square(gcl_div(gcl_sub(q->mu, p->mu), p->sigma));
    gcl_node *ratio = gcl_div(q->sigma, p->sigma);
    gcl_node *squares = gcl_scale(gcl_add(distance, gcl_square(ratio)), 0.5);
    return gcl_sub(gcl_shift(squares, -0.5), gcl_log(ratio));
}

/* ---- Bernoulli ---- */

gcl_node *gcl_bernoulli_nll(gcl_node *logits, gcl_node *x, int crop)
{
    int h = logits->shape.d[1] - 2 * crop, w = logits->shape.d[2] - 2 * crop;
    logits = gcl_center_crop(logits, h, w);
    x = gcl_center_crop(x, h, w);
    gcl_node *positive = gcl_softplus(logits), *product = gcl_mul(logits, x);
    return gcl_sum(gcl_sub(positive, product), GCL_AXIS_H | GCL_AXIS_W | GCL_AXIS_C);
}

/* ---- the balance of groups ---- */

/* 1 / alpha of every group, coarsest first, as [1,1,1,G]: alpha = 4^i / groups of the scale, the least
 * of them 1. */
static gcl_node *inverse_alpha(gcl_graph *g, const int *groups, int scales, int n)
{
    double *values = gcl_alloc((size_t)n * sizeof *values), most = 0;
    for (int i = 0, at = 0; i < scales; i++)
        for (int k = 0; k < groups[scales - 1 - i]; k++, at++) {
            values[at] = groups[scales - 1 - i] / pow(4, i);
            most = fmax(most, values[at]);
        }
    for (int i = 0; i < n; i++)
        values[i] /= most;
    gcl_node *table = gcl_table(g, gcl_shape_of(1, 1, 1, n), values);
    free(values);
    return table;
}

gcl_node *gcl_kl_balance(gcl_node *kl, const int *groups, int scales)
{
    int n = 0;
    for (int i = 0; i < scales; i++)
        n += groups[i];
    if (n != kl->shape.d[3])
        return gcl_graph_fail(kl->graph, "%d groups for KL terms %s", n, gcl_shape_text(kl->shape));
    gcl_node *k = gcl_mean_over(gcl_abs(gcl_detach(kl)), GCL_AXIS_N);
    k = gcl_shift(k, 0.01);
    gcl_node *c = gcl_mul(k, inverse_alpha(kl->graph, groups, scales, n));
    c = gcl_mul(c, gcl_sum(k, GCL_AXIS_C));
    return gcl_detach(gcl_div(c, gcl_mean_over(c, GCL_AXIS_C)));
}
