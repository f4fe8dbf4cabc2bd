/* Recorded runs of the reference under tests/golden/NAME, and a graph's values filled from them in
 * double precision. Every function ends the test when a file is missing or does not fit. */
#ifndef GCL_TESTS_GOLDEN_H
#define GCL_TESTS_GOLDEN_H

#include <jansson.h>

#include "io/safetensors.h"
#include "models/model.h"

typedef struct golden {
    const char *name;
    json_t *meta;
    gcl_safetensors *weights, *replay, *grads, *forward, *final;
    gcl_model model;
    int batch;
} golden;

void golden_open(golden *g, const char *name);
void golden_close(golden *g);
/* The loss called `name` at a step, as recorded. */
double golden_loss(const golden *g, int step, const char *name);

/* A tensor of a file as floats in our memory order. free() it. */
float *golden_tensor(gcl_safetensors *file, const char *prefix, const gcl_tensor *tensor);
/* A recorded picture, activation or random tensor, [N,C,H,W] in the file, as doubles in `shape`
 * [N,H,W,C]. `keep`: bits, packed. free() it. */
double *golden_image(gcl_safetensors *file, const char *name, gcl_shape shape, int keep);

/* Weights into the variables of the graph. */
void golden_set_weights(const golden *g, gcl_nn *nn, gcl_values *values);
/* What runs before step 0 (gcl_nn_prologue), from the weights set before, into the variables. */
void golden_prologue(const golden *g, gcl_nn *nn, gcl_values *values);
/* Batch, noise and scalars of a step into the inputs. */
void golden_set_step(const golden *g, gcl_nn *nn, gcl_values *values, int step);
/* What the last compute assigned becomes the variables' values; results are dropped. */
void golden_carry_over(gcl_graph *graph, gcl_values *values);
/* All assignments of the graph, *n of them. free() it. */
gcl_node **golden_assignments(gcl_graph *graph, int *n);
/* The variable of that name, or NULL. */
gcl_node *golden_variable(gcl_graph *graph, const char *name);
/* The variable's last assignment, or the variable. */
gcl_node *golden_latest(gcl_graph *graph, const char *variable);

#endif
