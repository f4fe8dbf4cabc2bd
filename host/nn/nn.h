/* Networks over a graph: scopes and parameters, layers, losses, optimisers, noise.
 *
 *     gcl_nn *nn = gcl_nn_new(graph, &options);
 *     gcl_network *G = gcl_network_new(nn, "G");
 *     gcl_network_enter(G);                                  names below start with "G."
 *     h = lrelu(batch_norm(conv(nn, "conv1", x, 64, 5, 1, 2, NO_BIAS)), 0.3);
 *     gcl_network_leave(G);
 *     gcl_network_train(G, loss, &optimiser);                gradients, guard, one update of all
 *
 * A parameter's name is its checkpoint name ("G.conv1.conv.weight"). A second call with the same
 * name gives the same parameter: a network may be applied many times; after gcl_network_train later
 * calls see the updated weights. All parameters of a network lie in one variable "NAME.parameters";
 * every optimiser moment in one of the same layout ("NAME.rmsprop.a"), so an update is one launch. */
#ifndef GCL_NN_NN_H
#define GCL_NN_NN_H

#include "graph/graph.h"

typedef struct gcl_nn gcl_nn;
typedef struct gcl_network gcl_network;

typedef struct gcl_nn_options {
    int training; /* batch statistics, running statistics updated, dropout on */
    int replay;   /* every random draw is an input named as in the reference, not Philox */
} gcl_nn_options;

gcl_nn *gcl_nn_new(gcl_graph *graph, const gcl_nn_options *options);
void gcl_nn_free(gcl_nn *nn); /* not the graph */
gcl_graph *gcl_nn_graph(gcl_nn *nn);
int gcl_nn_training(const gcl_nn *nn);
void gcl_nn_set_training(gcl_nn *nn, int training); /* for what is built from now on */
/* Call once after the whole graph is built: fixes the sizes of the flat variables. */
void gcl_nn_finish(gcl_nn *nn);

/* Step inputs, made on first use: key [1,1,1,4] U32 = seed low, high, step, 0; and named scalars. */
gcl_node *gcl_nn_key(gcl_nn *nn);
gcl_node *gcl_nn_scalar(gcl_nn *nn, const char *name); /* F32 [1,1,1,1] input, e.g. "t" */
int gcl_nn_scalars(const gcl_nn *nn);
gcl_node *gcl_nn_scalar_at(const gcl_nn *nn, int i); /* its name is the node's */

/* A batch of pictures as bytes [N,H,W,C], decoded to low + u * (high - low) / 255 (-1, 1 gives the
 * reference's u / 127.5 - 1). The list says what the training loop has to upload. */
gcl_node *gcl_nn_pictures(gcl_nn *nn, const char *name, gcl_shape shape, double low, double high);
int gcl_nn_data(const gcl_nn *nn);
gcl_node *gcl_nn_data_at(const gcl_nn *nn, int i); /* the input node; its name is the reference's */

/* ---- networks and parameters -------------------------------------------------------------------- */

/* The network of that name, made if there is none yet. Owned by nn. */
gcl_network *gcl_network_new(gcl_nn *nn, const char *name);
void gcl_network_enter(gcl_network *net);
void gcl_network_leave(gcl_network *net);
void gcl_nn_push(gcl_nn *nn, const char *format, ...) GCL_PRINTF(2, 3); /* "conv1" -> "G.conv1." */
void gcl_nn_pop(gcl_nn *nn);

/* How a parameter is stored in files (PyTorch) beside our order in memory. */
typedef enum gcl_layout {
    GCL_LAYOUT_VECTOR,         /* [C]                      memory the same */
    GCL_LAYOUT_CONV,           /* [K,C,R,S]                memory [R,S,C,K] */
    GCL_LAYOUT_CONV_TRANSPOSE, /* [in=K,out=C,R,S]         memory [R,S,C,K] (see gcl_conv_data) */
    GCL_LAYOUT_LINEAR,         /* [out,in]                 memory [in,out] */
    GCL_LAYOUT_LINEAR_FROM,    /* [out, C*H*W]             memory [H*W*C, out] */
    GCL_LAYOUT_LINEAR_TO,      /* [C*H*W, in]              memory [in, H*W*C] as [1,1,in,H*W*C];
                                  bias [C*H*W]             memory [1,H,W,C] */
    GCL_LAYOUT_IMAGE           /* [N,C,H,W], or [C,H,W] for N = 1   memory [N,H,W,C] */
} gcl_layout;

typedef enum gcl_init_kind { GCL_INIT_CONSTANT, GCL_INIT_UNIFORM, GCL_INIT_NORMAL } gcl_init_kind;
typedef struct gcl_init {
    gcl_init_kind kind;
    double a, b; /* constant a; uniform [a, b); normal mean a, deviation b */
} gcl_init;
gcl_init gcl_init_constant(double value);
gcl_init gcl_init_glorot(int64_t fan_in, int64_t fan_out); /* U(+-sqrt(6/(fan_in+fan_out))) */
/* How layers initialise their weights from now on: N(0, deviation), or Glorot's uniform with 0, the
 * way a new nn begins. gcl_nn_weight_init is what a layer asks. */
void gcl_nn_set_deviation(gcl_nn *nn, double deviation);
gcl_init gcl_nn_weight_init(const gcl_nn *nn, int64_t fan_in, int64_t fan_out);

typedef enum gcl_role {
    GCL_ROLE_PARAMETER,
    GCL_ROLE_BUFFER,
    GCL_ROLE_MOMENT,
    GCL_ROLE_STATE
} gcl_role;

/* One tensor as files know it. Kept by nn; the list is what describe prints, checkpoints hold. */
typedef struct gcl_tensor {
    const char *name;    /* "G.conv1.conv.weight" */
    const char *network; /* "G", or "" */
    gcl_role role;
    gcl_layout layout;
    gcl_shape shape;     /* ours, in memory */
    int n_dims, dims[4]; /* PyTorch's */
    int flat[3];         /* c, h, w of LINEAR_FROM / LINEAR_TO */
    gcl_init init;
    const char *variable; /* store variable that holds it ... */
    int64_t first;        /* ... from this element on */
} gcl_tensor;
int gcl_nn_tensors(const gcl_nn *nn);
const gcl_tensor *gcl_nn_tensor(const gcl_nn *nn, int i);
int64_t gcl_tensor_count(const gcl_tensor *tensor);
/* Reorders between the two layouts (n = gcl_tensor_count floats). */
void gcl_tensor_to_file(const gcl_tensor *tensor, const float *memory, float *file);
void gcl_tensor_from_file(const gcl_tensor *tensor, const float *file, float *memory);
/* Fresh values: a function of (seed, tensor name) alone. `memory` order. */
void gcl_tensor_initialise(const gcl_tensor *tensor, uint64_t seed, float *memory);

/* The current value of a parameter of the network being built; made on first use. */
gcl_node *gcl_parameter(gcl_nn *nn, const char *name, gcl_shape shape, gcl_layout layout,
                        const int flat[3], gcl_init init);
/* A buffer (running statistic) [1,1,1,C], and its new value. Guarded: non-finite values are not
 * taken over. */
gcl_node *gcl_state(gcl_nn *nn, const char *name, int c, double initial);
void gcl_state_update(gcl_nn *nn, const char *name, gcl_node *value);

/* ---- noise --------------------------------------------------------------------------------------- */

/* A random tensor known by the reference's name ("z_d", "mask_g"). Training: Philox, a stream that is
 * a function of the name. Replay: an input. Recordings hold our [N,H,W,C] as [N,C,H,W], whatever
 * number of dimensions they give it ([N,C*H*W], [N,C], [N,1]). A name is used once. */
typedef enum gcl_noise_kind { GCL_NOISE_NORMAL, GCL_NOISE_UNIFORM, GCL_NOISE_KEEP } gcl_noise_kind;
typedef struct gcl_noise {
    const char *name;
    gcl_noise_kind kind;
    gcl_shape shape;
    double a, b;     /* uniform: from a to b; keep: a = probability of 1 */
    gcl_node *input; /* in replay; else NULL */
} gcl_noise;
gcl_node *gcl_nn_noise(gcl_nn *nn, const char *name, gcl_noise_kind kind, gcl_shape shape, double a,
                       double b);
int gcl_nn_noises(const gcl_nn *nn);
const gcl_noise *gcl_nn_noise_at(const gcl_nn *nn, int i);

/* ---- optimisers ------------------------------------------------------------------------------------ */

typedef enum gcl_optimiser_kind { GCL_RMSPROP, GCL_ADAM, GCL_ADAM_KERAS } gcl_optimiser_kind;
typedef struct gcl_optimiser {
    gcl_optimiser_kind kind;
    double learning_rate; /* multiplied by the step input "NAME.rate" (schedules; 1 usually) */
    double beta1, beta2;  /* Adam */
    double rho, decay;    /* RMSprop: a <- rho a + (1-rho) g^2; rate / (1 + decay t) */
    double eps;
    double clip; /* clip value of every gradient element; 0: none */
} gcl_optimiser;

/* One update of every parameter of `net` that `loss` reaches (others get gradient 0). If the loss or
 * any gradient is not finite the whole update of this network is dropped: parameters and moments
 * stay. t, the number of updates before this one, is the step input "t".
 * Returns the guard: 1 when the update was made, else 0 (scalar). */
gcl_node *gcl_network_train(gcl_network *net, gcl_node *loss, const gcl_optimiser *optimiser);
/* The gradient of each parameter as gcl_network_train last used it, before clipping (for tests and
 * replay): i-th parameter tensor of the network; NULL if it has none. */
gcl_node *gcl_network_gradient(const gcl_network *net, const char *parameter_name);

/* ---- layers (layers.c): each names its parameters below `name` -------------------------------------- */

/* Convolution with or without bias: NAME.weight [K,C,R,S], NAME.bias [K]. Glorot uniform, bias 0. */
gcl_node *gcl_layer_conv(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel, int stride,
                         int pad, int bias);
gcl_node *gcl_layer_conv_transpose(gcl_nn *nn, const char *name, gcl_node *x, int k, int kernel,
                                   int stride, int pad, int bias);
/* Dense with bias: x [N,1,1,in] or any [N,H,W,C] (flattened as PyTorch flattens C,H,W) ->
 * [N,h,w,c]. */
gcl_node *gcl_layer_dense(gcl_nn *nn, const char *name, gcl_node *x, int h, int w, int c);
/* xhat = (x - mean) / sqrt(var + eps), y = weight xhat + bias over N,H,W. Training: batch statistics
 * (biased variance); running <- (1-momentum) running + momentum new, with the variance times n/(n-1)
 * (factor 1 for n = 1). Else running statistics. NAME.weight, .bias, .running_mean, .running_var. */
gcl_node *gcl_layer_batch_norm(gcl_nn *nn, const char *name, gcl_node *x, double eps,
                               double momentum);
/* x * mask / keep in training, x otherwise. The mask is noise `name`. */
gcl_node *gcl_layer_dropout(gcl_nn *nn, gcl_node *x, gcl_node *mask, double keep);

/* mean(softplus(z) - z*target): BCE with logits, gradient sigmoid(z) - target over the count.
 * limit > 0 clamps z first (no gradient outside). */
gcl_node *gcl_loss_bce_logits(gcl_node *z, gcl_node *target, double limit);

#endif
