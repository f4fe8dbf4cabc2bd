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
    gcl_node *gradient; /* parameters: of the last gcl_network_train */
} gcl_record;

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
};

struct gcl_nn {
    gcl_graph *graph;
    gcl_arena *arena;
    int training, replay;
    double deviation; /* of fresh weights; 0: Glorot */
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

/* The prefix and `name` as one text of the arena. */
const char *gcl_nn_full_name(gcl_nn *nn, const char *name);
/* Appends a tensor, its name known from now on. The pointer stays valid. */
gcl_record *gcl_nn_add_tensor(gcl_nn *nn, const gcl_tensor *tensor);
/* Fills n_dims and dims from layout, shape and flat. */
void gcl_tensor_set_dims(gcl_tensor *tensor);

#endif
