/* Regularisation of weights: spectral norms of convolutions, greatest gammas of batch norms.
 *
 *     sigma = gcl_network_spectral(vae, 4, 40);              after the network was built
 *     loss = loss + lambda * (sigma + gcl_network_gamma_max(vae));
 *
 * Every convolution of the network counts (not transposed ones, not dense layers) with the weight that
 * its last use had: after weight norm and mask, depthwise ones as the matrix [C, R*S]. */
#ifndef GCL_NN_SPECTRAL_H
#define GCL_NN_SPECTRAL_H

#include "nn/nn.h"

/* Sum of the largest singular values, estimated by power iteration with vectors that persist: `steps`
 * times v <- normalise(W^T u), u <- normalise(W v), normalise(x) = x / max(|x|, 1e-3); then
 * sigma = u^T W v with gradient u v^T. Matrices of equal shape are treated together. `first`, a multiple
 * of `steps`, is the number of iterations in step 0: see gcl_nn_prologue. The vectors are tensors
 * "sr.PATH.u", "sr.PATH.v" where PATH is the layer's name without the network's. */
gcl_node *gcl_network_spectral(gcl_network *net, int steps, int first);
/* sigma of one convolution after that, by its PATH ("pre_process.0.conv1"); scalar. */
gcl_node *gcl_network_sigma(gcl_network *net, const char *path);
/* Sum over batch norms of max |gamma|; ties share the gradient evenly. */
gcl_node *gcl_network_gamma_max(gcl_network *net);

#endif
