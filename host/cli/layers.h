/* One network of a model, built alone in evaluation mode for one picture, and its layers. */
#ifndef GCL_CLI_LAYERS_H
#define GCL_CLI_LAYERS_H

#include "models/model.h"

typedef struct gcl_layer_row {
    const char *name; /* "G.conv1.conv": the graph's scope, written as in parameter names; or the
                       * name of a parameter that belongs to no layer: "vae.prior" */
    gcl_shape shape;  /* of its output, [1,H,W,C] */
    int64_t parameters;
    double flops;
} gcl_layer_row;

typedef struct gcl_layers {
    const char *network;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_arena *arena;
    gcl_layer_row
        *rows; /* in order of execution; those without parameters or arithmetic left out */
    int n_rows, cap_rows;
    int64_t parameters, buffers;
    double flops;
} gcl_layers;

/* Errors: GCL_USAGE with the graph's first mistake. */
int gcl_layers_build(gcl_layers *layers, const gcl_model *model, const char *network,
                     gcl_error *err);
void gcl_layers_free(gcl_layers *layers);

double gcl_graph_flops(const gcl_graph *graph); /* of all its contractions, FLOP = 2 x MAC */

#endif
