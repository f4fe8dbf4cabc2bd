/* Probability distributions whose parameters a network returns. Natural-log units. */
#ifndef GCL_NN_DISTRIBUTIONS_H
#define GCL_NN_DISTRIBUTIONS_H

#include "graph/graph.h"

/* ---- diagonal Gaussian ------------------------------------------------------------------------------ */

/* From raw outputs m, s: mu = 5 tanh(m/5), sigma = (exp(5 tanh(s/5)) + 0.01) temperature. */
typedef struct gcl_normal {
    gcl_node *mu, *sigma;
} gcl_normal;
gcl_normal gcl_normal_of(gcl_node *mean, gcl_node *log_sigma, double temperature);
/* Of raw [N,H,W,2C]: means first, log-deviations after. */
gcl_normal gcl_normal_split(gcl_node *raw, double temperature);
/* The raw outputs of a posterior that is given as the difference to a prior, both [N,H,W,2C]. */
gcl_node *gcl_normal_residual(gcl_node *prior_raw, gcl_node *difference);
/* The first prior of NVAE: raw outputs 0, so mu = 0, sigma = 1.01 temperature, of `shape`. */
gcl_normal gcl_normal_zero(gcl_graph *g, gcl_shape shape, double temperature);
gcl_node *gcl_normal_sample(const gcl_normal *p, gcl_node *eps); /* mu + sigma eps */
/* Element-wise: log p(z), and KL(q || p). */
gcl_node *gcl_normal_log_prob(const gcl_normal *p, gcl_node *z);
gcl_node *gcl_normal_kl(const gcl_normal *q, const gcl_normal *p);

/* ---- Bernoulli ---------------------------------------------------------------------------------------- */

/* -log p(x) of each picture [N,1,1,1], summed over pixels and channels but for `crop` border pixels. */
gcl_node *gcl_bernoulli_nll(gcl_node *logits, gcl_node *x, int crop);

/* ---- mixture of discretised logistics over RGB (PixelCNN++, arXiv:1701.05517) --------------------------- */

/* From 10 M channels: M logits, then for red, green, blue: M means, M log-scales (not below -7), M
 * coefficients (tanh). Green's mean is moved by red, blue's by red and green. */
typedef struct gcl_mixture {
    gcl_node *logits, *means[3], *log_scales[3], *coefficients[3]; /* [N,H,W,M] */
    double levels;                                                 /* 2^bits - 1 */
} gcl_mixture;
gcl_mixture gcl_mixture_of(gcl_node *raw, int mixtures, int bits);
/* log p(x) of each pixel [N,H,W,1], x [N,H,W,3] in [0,1]. */
gcl_node *gcl_mixture_log_prob(const gcl_mixture *p, gcl_node *x);
/* Pictures [N,H,W,3] in [0,1]. u_mix [N,H,W,M] and u_logistic [N,H,W,3] uniform in (1e-5, 1-1e-5). */
gcl_node *gcl_mixture_sample(const gcl_mixture *p, gcl_node *u_mix, gcl_node *u_logistic,
                             double temperature);
gcl_node *gcl_mixture_mean(const gcl_mixture *p); /* of the means, weighted by softmax(logits) */

/* ---- NVAE's balance of its groups ------------------------------------------------------------------------ */

/* gamma [1,1,1,G] for the groups' KL [N,1,1,G], coarsest first: with k = mean over N of |KL| + 0.01 and
 * c = k / alpha * sum(k), gamma = c / mean(c); no gradient. alpha = 4^i / groups at scale i from the
 * coarsest, the least of them 1. groups: how many at each scale, finest first. */
gcl_node *gcl_kl_balance(gcl_node *kl, const int *groups, int scales);

#endif
