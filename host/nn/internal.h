/* The insides of gcl_nn, shared by the files of this folder. */
#ifndef GCL_NN_INTERNAL_H
#define GCL_NN_INTERNAL_H

#include "nn/nn.h"

/* ---- names.c: a table from names to numbers ----------------------------------------------------- */

typedef struct gcl_name_slot {
    const char *name; /* NULL: free */
    int index;
} gcl_name_slot;

typedef struct gcl_names {
    gcl_name_slot *slots; /* open addressing */
    int n, size;
} gcl_names;
int gcl_names_find(const gcl_names *names, const char *name);      /* -1 if unknown */
void gcl_names_put(gcl_names *names, const char *name, int index); /* keeps the pointer */
void gcl_names_free(gcl_names *names);
/* FNV-1a of `domain`, then `name`: streams of random numbers that do not depend on any order. */
uint32_t gcl_names_stream(const char *domain, const char *name);

/* ---- the structures ------------------------------------------------------------------------------ */

/* Tensors lie on multiples of this many floats in their flat variable: vectors of any device. */
enum { GCL_TENSOR_ALIGN = 16, GCL_MAX_PUSHES = 32, GCL_MAX_SLOTS = 2 };

typedef struct gcl_record {
    gcl_tensor tensor;  /* first: what gcl_nn_tensor gives out */
    gcl_node *state;    /* buffers: the current value */
    gcl_node *gradient; /* parameters: of the last update */
} gcl_record;

/* A weight that regularisers ask for: of a convolution or, gamma, of a batch norm. */
typedef struct gcl_weight {
    const char *path;   /* of its layer: "pre_process.0.conv1" */
    gcl_node *value;    /* as its last use had it */
    gcl_node *sigma;    /* convolutions, after gcl_network_spectral: ... */
    gcl_node *measured; /* ... of this value */
} gcl_weight;

typedef struct gcl_weights {
    gcl_weight *items;
    int n, cap;
    gcl_names names;
} gcl_weights;

struct gcl_network {
    gcl_nn *nn;
    const char *name;
    gcl_node *parameters; /* current value of the flat variable: it, or the last assignment */
    const char *variable; /* its name */
    int64_t count;        /* floats given out so far */
    int closed;           /* the size is fixed: no new parameters */
    int *records, n_records, cap_records; /* of its parameters, in nn's list */
    int optimiser;                        /* gcl_optimiser_kind + 1 once trained */
    gcl_node *slots[GCL_MAX_SLOTS];       /* the optimiser's moments: current values */
    gcl_node *gathered, *loss;            /* sums of gradients (flat) and losses since the update */
    int n_gathered;
    gcl_node *average;           /* current value of "NAME.average", or NULL */
    gcl_weights filters, gammas; /* in the order of first use */
    gcl_node *spectral;          /* sum of the filters' sigmas, or NULL */
};

struct gcl_nn {
    gcl_graph *graph;
    gcl_arena *arena;
    int training, replay, frozen, readjust, averaged, prologue;
    int prologue_runs;
    gcl_policy policy; /* of fresh weights */
    gcl_network **networks;
    int n_networks, cap_networks;
    gcl_network *current;
    char prefix[256]; /* of names: "G.conv1." */
    int prefix_ends[GCL_MAX_PUSHES], n_pushes;
    gcl_record **records; /* every tensor that files know, in order of creation */
    int n_records, cap_records;
    gcl_names record_names;
    gcl_node *key;
    gcl_node **scalars, **data;
    int n_scalars, cap_scalars, n_data, cap_data;
    gcl_noise **noises;
    int n_noises, cap_noises;
};

/* Remembers a weight of the layer that is being built: of a convolution, a batch norm's gamma. */
void gcl_nn_note_filter(gcl_nn *nn, gcl_node *value);
void gcl_nn_note_gamma(gcl_nn *nn, gcl_node *value);
void gcl_weights_free(gcl_weights *weights);
/* A copy of n numbers that lives as long as nn; NULL of NULL. */
const double *gcl_nn_keep_numbers(gcl_nn *nn, const double *numbers, int64_t n);
/* The mean of what was gathered since the last update, a flat vector, and of the losses; begins anew. */
gcl_node *gcl_network_gathered(gcl_network *net, gcl_node **loss);
/* Assigns what is finite of a new value. */
gcl_node *gcl_nn_take_over(gcl_node *state, gcl_node *value);
/* The prefix and `name` as one text of the arena. */
const char *gcl_nn_full_name(gcl_nn *nn, const char *name);
/* Appends a tensor, which builders know under a name from now on. The pointer stays valid. */
gcl_record *gcl_nn_add_tensor(gcl_nn *nn, const gcl_tensor *tensor, const char *known_as);
/* By the name that builders use: the prefix and `name`. NULL if there is none. */
gcl_record *gcl_nn_find_record(gcl_nn *nn, const char *name);
/* What a layer's fresh values depend on. in, out: kernel area times channels; torch_in: what PyTorch
 * takes for fan_in. */
typedef struct gcl_fans {
    int64_t in, out, torch_in;
    int linear;
} gcl_fans;
gcl_init gcl_nn_weight_init(const gcl_nn *nn, const gcl_fans *fans);
gcl_init gcl_nn_bias_init(const gcl_nn *nn, const gcl_fans *fans);
gcl_init gcl_nn_gamma_init(const gcl_nn *nn);
/* Of a convolution with `in` and `out` channels. */
gcl_fans gcl_nn_fans(int64_t area, int64_t in, int64_t out);
/* y + NAME.bias [K], or y. */
gcl_node *gcl_nn_add_bias(gcl_nn *nn, gcl_node *y, const gcl_fans *fans, int bias);
/* NAME.weight of a convolution, of which regularisers may ask. */
gcl_node *gcl_nn_filter(gcl_nn *nn, gcl_shape shape, gcl_init init);
/* The same made of v = NAME.weight and NAME.log_gain: exp(log_gain) v / (|v| + 1e-5), v multiplied by
 * `mask` first (NULL: not; as many values as the filter has, copied). gain: see gcl_layer_masked_conv. */
gcl_node *gcl_nn_normed_filter(gcl_nn *nn, gcl_shape shape, gcl_init init, const double *mask,
                               double gain);
/* Fills n_dims and dims from layout, shape and flat. */
void gcl_tensor_set_dims(gcl_tensor *tensor);

#endif
