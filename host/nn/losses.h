/* Losses on whatever networks return. Scalars; means over all elements unless said otherwise. */
#ifndef GCL_NN_LOSSES_H
#define GCL_NN_LOSSES_H

#include "graph/graph.h"

/* mean(softplus(z) - z*target): binary cross-entropy with logits, gradient sigmoid(z) - target over
 * the count. limit > 0 clamps z first (no gradient outside). */
gcl_node *gcl_loss_bce_logits(gcl_node *z, gcl_node *target, double limit);
/* mean over N of logsumexp(z) - z[label]: z [N,1,1,K], labels [N,1,1,1] numbers from 0 of any type. */
gcl_node *gcl_loss_softmax(gcl_node *z, gcl_node *labels);
gcl_node *gcl_loss_l1(gcl_node *a, gcl_node *b); /* mean |a-b|; |x|' = 0 at 0 */
/* Total variation: mean |x[h+1,w] - x[h,w]| + mean |x[h,w+1] - x[h,w]|. */
gcl_node *gcl_loss_tv(gcl_node *x);

/* ---- of pictures [N,H,W,C] in [0, 1] --------------------------------------------------------------- */

gcl_node *gcl_unit_range(gcl_node *x); /* [-1,1] -> [0,1] */
/* 1 - mean SSIM (Wang et al. 2004): 11x11 Gaussian windows of deviation 1.5 that lie inside, each
 * channel by itself, C1 = 0.01^2, C2 = 0.03^2. H, W >= 11. */
gcl_node *gcl_loss_ssim(gcl_node *x, gcl_node *y);
/* Gradient magnitude similarity deviation (Xue et al. 2014): luma of C = 3 (C = 1 as it is), 2x2 means,
 * Prewitt gradients with zeros around, T = 170/255^2; deviation over each picture, mean over N. 1e-12
 * under both roots keeps the gradient finite. */
gcl_node *gcl_loss_gmsd(gcl_node *x, gcl_node *y);

/* ---- of gradients ----------------------------------------------------------------------------------- */

/* mean over N of |d sum(logits) / d pictures|^2, the R1 penalty (arXiv:1801.04406) without its factor.
 * The logits must come from `pictures`. */
gcl_node *gcl_loss_r1(gcl_node *logits, gcl_node *pictures);
/* u real + (1-u) fake with u [N,1,1,1] uniform in [0,1): where WGAN-GP looks at D. */
gcl_node *gcl_interpolate(gcl_node *real, gcl_node *fake, gcl_node *u);
/* mean over N of (|d sum(logits) / d pictures| - 1)^2 (arXiv:1704.00028); 1e-12 under the root. */
gcl_node *gcl_loss_gradient_penalty(gcl_node *logits, gcl_node *pictures);

#endif
