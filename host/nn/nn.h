/* Networks over a graph: scopes and parameters, initial values, noise, optimisers. What is built with
 * them: nn/layers.h, nn/losses.h, nn/distributions.h, nn/spectral.h; rates by step: nn/schedule.h.
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
    int frozen;   /* batch statistics as in training, but running statistics stay as they are */
    /* Batch statistics, and running <- running + GCL_READJUST (batch - running); else no training. */
    int readjust;
    int averaged; /* networks read the averages that gcl_network_average kept, not their parameters */
    /* Build only what has to run before step 0: see gcl_nn_prologue. */
    int prologue;
} gcl_nn_options;

#define GCL_READJUST "readjust" /* the scalar of that: 1 / n in the n-th run gives their mean */

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

/* Power iteration starts with more iterations than a step makes. For that a training step is built a
 * second time, in a graph of its own with the option `prologue`: then nothing is updated but the
 * vectors of the power iteration, all else falls away, and its plan is to be run as many times as this
 * says before step 0 (not when a run is resumed). 0: there is nothing to run. It needs no inputs. */
int gcl_nn_prologue(const gcl_nn *nn);

/* The data of a step; the list says what the training loop has to upload. Values:
 * pictures: bytes [N,H,W,C], low + u * (high - low) / 255 (-1, 1 gives the reference's u / 127.5 - 1).
 * levels: bytes [N,H,W,C] of 0 .. levels, u / levels: 255 usually, 31 for five bits, 1 for binary.
 * labels: 32-bit words [N,1,1,1], class numbers from 0, as floats. */
gcl_node *gcl_nn_pictures(gcl_nn *nn, const char *name, gcl_shape shape, double low, double high);
gcl_node *gcl_nn_levels(gcl_nn *nn, const char *name, gcl_shape shape, int levels);
gcl_node *gcl_nn_labels(gcl_nn *nn, const char *name, int n);
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
    GCL_LAYOUT_CONV,           /* [K,C,R,S]                memory [R,S,C,K]; depthwise: [C,1,R,S] */
    GCL_LAYOUT_CONV_TRANSPOSE, /* [in=K,out=C,R,S]         memory [R,S,C,K] (see gcl_conv_data) */
    GCL_LAYOUT_LINEAR,         /* [out,in]                 memory [in,out] */
    GCL_LAYOUT_LINEAR_FROM,    /* [out, C*H*W]             memory [H*W*C, out] */
    GCL_LAYOUT_LINEAR_TO,      /* [C*H*W, in]              memory [in, H*W*C] as [1,1,in,H*W*C];
                                  bias [C*H*W]             memory [1,H,W,C] */
    GCL_LAYOUT_IMAGE,          /* [N,C,H,W], or [C,H,W] for N = 1   memory [N,H,W,C] */
    GCL_LAYOUT_FILTER_VECTOR   /* [C*R*S]                  memory [R,S,C,1]: factor of a filter's
                                  matrix weight.flatten(1) on the input's side */
} gcl_layout;

struct gcl_tensor;

/* Fresh values of a tensor: a function of (seed, tensor) alone, whatever the order. */
typedef enum gcl_init_kind {
    GCL_INIT_CONSTANT,  /* a */
    GCL_INIT_UNIFORM,   /* in [a, b) */
    GCL_INIT_NORMAL,    /* mean a, deviation b */
    GCL_INIT_DIRECTION, /* standard normal x / max(|x|, a) */
    GCL_INIT_LOG_GAIN,  /* by last dimension k: log(|(mask * of)_k| + 0.01) + a */
    GCL_INIT_COPY       /* what `of` has */
} gcl_init_kind;
typedef struct gcl_init {
    gcl_init_kind kind;
    double a, b;
    int alike;  /* > 1: runs of so many output channels (last dimension) start equal: ICNR */
    int blocks; /* > 1: blocks of so many rows and columns start equal */
    const struct gcl_tensor *of;
    const double *mask; /* NULL: ones; else as many as `of` has elements, owned by nn */
} gcl_init;
gcl_init gcl_init_constant(double value);
gcl_init gcl_init_glorot(int64_t fan_in, int64_t fan_out); /* U(+-sqrt(6/(fan_in+fan_out))) */

/* How layers made from now on initialise what they have. A new nn begins with Glorot's uniform. Fans
 * count kernel area times channels. Batch norm starts with gamma 1, beta 0 but for GAUSSIAN. */
typedef enum gcl_policy_kind {
    GCL_POLICY_GLOROT,   /* weights U(+-sqrt(6/(fan_in+fan_out))), biases 0 */
    GCL_POLICY_GAUSSIAN, /* weights N(0, std), biases 0, gamma N(1, gamma_std) */
    GCL_POLICY_HE,       /* convolutions N(0, sqrt(2/fan_out)), bias 0; linear layers as PYTORCH */
    GCL_POLICY_PYTORCH /* weights and biases U(+-1/sqrt(fan_in)); a transposed convolution's fan_in
                            is area times output channels, as PyTorch counts it */
} gcl_policy_kind;
typedef struct gcl_policy {
    gcl_policy_kind kind;
    double std, gamma_std;
    int smooth; /* transposed convolutions start as one of nearest neighbours enlarged: the stride's
                   blocks of the filter are equal, so no grid is in their pictures */
} gcl_policy;
void gcl_nn_set_init(gcl_nn *nn, gcl_policy policy);

typedef enum gcl_role {
    GCL_ROLE_PARAMETER,
    GCL_ROLE_BUFFER,  /* running statistics */
    GCL_ROLE_MOMENT,  /* an optimiser's */
    GCL_ROLE_AVERAGE, /* of parameters over steps */
    GCL_ROLE_EXTRA    /* of training, no network's: "sr.NAME.u". Recorded weights hold them too. */
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

typedef enum gcl_optimiser_kind {
    GCL_RMSPROP,    /* a <- rho a + (1-rho) g^2; p -= rate / (1 + decay t) g / (sqrt(a) + eps) */
    GCL_ADAM,       /* p -= rate (m / (1-beta1^t')) / (sqrt(v / (1-beta2^t')) + eps), t' = t + 1 */
    GCL_ADAM_KERAS, /* p -= rate sqrt(1-beta2^t') / (1-beta1^t') m / (sqrt(v) + eps) */
    GCL_ADAMAX,     /* u <- max(beta2 u, |g| + eps); p -= rate / (1-beta1^t') m / u */
    GCL_SGD         /* b <- momentum b + g; p -= rate b */
} gcl_optimiser_kind;
typedef struct gcl_optimiser {
    gcl_optimiser_kind kind;
    double learning_rate; /* multiplied by the step input "NAME.rate" (schedules; 1 usually) */
    gcl_node *pace;       /* and by this scalar of the step; NULL: 1 */
    double beta1, beta2;  /* Adam, Adamax */
    double rho, decay;    /* RMSprop */
    double momentum;      /* SGD */
    double eps;
    double clip;         /* clip value of every gradient element; 0: none */
    double weight_decay; /* g + weight_decay p instead of g, after clipping (coupled L2) */
} gcl_optimiser;

/* An update in two halves. gather: the gradient of `loss` by every parameter of `net` (0 where it does
 * not reach), as one vector. Several gathers before an update are averaged: micro-batches. update: one
 * step of the optimiser with what was gathered. Several networks can be gathered before any of them is
 * updated: all gradients then see the same weights. If the loss or any gradient is not finite the whole
 * update of this network is dropped: parameters and moments stay. t, the number of updates before this
 * one, is the step input "t". Returns the guard: 1 when the update was made, else 0 (scalar). */
void gcl_network_gather(gcl_network *net, gcl_node *loss);
gcl_node *gcl_network_update(gcl_network *net, const gcl_optimiser *optimiser);
/* Both, one after the other. */
gcl_node *gcl_network_train(gcl_network *net, gcl_node *loss, const gcl_optimiser *optimiser);
/* The gradient of each parameter as the last update used it, before clipping and decay (for tests and
 * replay). NULL if there is none. */
gcl_node *gcl_network_gradient(const gcl_network *net, const char *parameter_name);

/* Keeps a moving average of the parameters, after each update: average <- d average + (1-d) parameters
 * with d = min(decay, (1 + t) / (10 + t)), so that the start does not linger. It lies in the variable
 * "NAME.average" with tensors "NAME.average/NAME.conv.weight"; a graph with the option `averaged`
 * reads these instead of the parameters. */
void gcl_network_average(gcl_network *net, double decay);

#endif
