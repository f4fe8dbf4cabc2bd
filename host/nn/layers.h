/* Layers: each names its parameters below `name`. And operations on activations without parameters.
 *
 *     h = gcl_layer_conv(nn, "conv1", x, 64, 3, 1, 1, GCL_BIAS);       [N,H,W,C] -> [N,H,W,64]
 *     h = gcl_leaky_relu(gcl_layer_batch_norm(nn, "bn1", h, 1e-5, 0.1), 0.2);
 *
 * Initial values are those of the policy in force (gcl_nn_set_init). */
#ifndef GCL_NN_LAYERS_H
#define GCL_NN_LAYERS_H

#include "nn/nn.h"

enum { GCL_NO_BIAS = 0, GCL_BIAS = 1 };

/* ---- convolutions ------------------------------------------------------------------------------- */

/* NAME.weight [K,C,R,R], NAME.bias [K]. */
gcl_node *gcl_layer_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel, int stride,
                         int pad, int bias);
/* NAME.weight [C,K,R,R], NAME.bias [K]. H -> (H-1)*stride - 2*pad + kernel + out_pad. */
gcl_node *gcl_layer_conv_transpose(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                                   int stride, int pad, int out_pad, int bias);
/* Each channel by itself, stride 1. NAME.weight [C,1,R,R], NAME.bias [C]. */
gcl_node *gcl_layer_depthwise(gcl_nn *nn, const char *name, gcl_node *x, int kernel, int pad,
                              int bias);
/* 3x3 to 4k channels without bias, then pixel shuffle: twice the size, k channels. The filters of the
 * four pixels start equal (ICNR, arXiv:1707.02937). NAME.weight [4K,C,3,3]. */
gcl_node *gcl_layer_conv_shuffle(gcl_nn *nn, const char *name, gcl_node *x, int k);

/* Weight-normalised (arXiv:1602.07868 with exponential gain): the filter of output channel k is
 * w = exp(log_gain) v / (|v| + 1e-5). NAME.weight (v), NAME.log_gain [K], NAME.bias [K]. log_gain
 * starts as log(|v| + 0.01), so that w is about v. */
gcl_node *gcl_layer_wn_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                            int stride, int pad, int bias);
/* The same, same size, of a flow (arXiv:1606.04934): v is first multiplied by a mask that lets output
 * pixels see only earlier ones in raster order (mirrored: later ones), and at the pixel itself channels
 * of earlier blocks (`strict`) or of earlier ones and their own. Blocks: min(K, C) groups of channels,
 * depthwise: the channel is the block. gain: added to log_gain's start. */
typedef struct gcl_masking {
    int depthwise, strict, mirror;
} gcl_masking;
gcl_node *gcl_layer_masked_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                                const gcl_masking *masking, int bias, double gain);
/* The mask of a filter [kernel,kernel,c,k] (depthwise: [kernel,kernel,1,k]) in memory order. */
void gcl_flow_mask(double *mask, int kernel, int c, int k, const gcl_masking *masking);

/* The filter that gcl_layer_wn_conv and the like make of v [R,S,C,K]. */
gcl_node *gcl_weight_norm(gcl_node *v, gcl_node *log_gain);

/* ---- others ------------------------------------------------------------------------------------- */

/* Dense with bias: x [N,1,1,in] or any [N,H,W,C] (flattened as PyTorch flattens C,H,W) ->
 * [N,h,w,c]. One side must be 1x1. NAME.weight [out,in], NAME.bias [out]. */
gcl_node *gcl_layer_dense(gcl_nn *nn, const char *name, gcl_node *x, int h, int w, int c);
/* xhat = (x - mean) / sqrt(var + eps), y = weight xhat + bias over N,H,W. Training: batch statistics
 * (biased variance); running <- (1-momentum) running + momentum new, with the variance times n/(n-1)
 * (factor 1 for n = 1). Else running statistics. NAME.weight, .bias, .running_mean, .running_var. */
gcl_node *gcl_layer_batch_norm(gcl_nn *nn, const char *name, gcl_node *x, double eps,
                               double momentum);
/* x * mask / keep in training, x otherwise. The mask is a noise of kind GCL_NOISE_KEEP. */
gcl_node *gcl_layer_dropout(gcl_nn *nn, gcl_node *x, gcl_node *mask, double keep);
/* x * sigmoid(fc2(relu(fc1(mean over H,W)))) by channel, with max(C/16, 4) hidden values
 * (arXiv:1709.01507). NAME.fc1.weight, .bias, NAME.fc2.weight, .bias. */
gcl_node *gcl_layer_squeeze_excite(gcl_nn *nn, const char *name, gcl_node *x);
/* Half the size without a filter's blur: swish, then weight-normalised 1x1 convolutions of stride 2 on
 * x without its first (0,0), (1,1), (0,1), (1,0) rows and columns, a quarter of the k channels each
 * (the last the rest), joined (arXiv:2007.03898). NAME.convs.0 .. 3. H and W even. */
gcl_node *gcl_layer_factorized_reduce(gcl_nn *nn, const char *name, gcl_node *x, int k);

/* ---- without parameters --------------------------------------------------------------------------- */

gcl_node *gcl_avg_pool(gcl_node *x, int k); /* k x k, stride k; what is left over is dropped */
gcl_node *gcl_upsample_nearest(gcl_node *x, int k); /* every pixel k x k times */
gcl_node *gcl_fit_channels(gcl_node *x, int c); /* zero channels appended, or the first c kept */
gcl_node *gcl_center_crop(gcl_node *x, int h, int w); /* offset floor((size - wanted) / 2) */
gcl_node *gcl_channels(gcl_node *x, int first, int n);
gcl_node *gcl_rows(gcl_node *x, int first, int n); /* pictures first .. first+n-1 of a batch */
gcl_node *gcl_stack(gcl_node *a, gcl_node *b);     /* one batch after the other */

#endif
