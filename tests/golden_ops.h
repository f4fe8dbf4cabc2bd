/* Recorded PyTorch results of single operations (golden/ops.json, golden/ops.safetensors): the
 * cases, their tensors in our order, and the graph of each.
 *
 * Tensors of a case: CASE.in.NAME operands, CASE.out.NAME results, CASE.dout.NAME the gradient that
 * arrives at a result, CASE.din.NAME the gradient of an operand. Every function ends the test when
 * something is missing or does not fit. */
#ifndef GCL_TESTS_GOLDEN_OPS_H
#define GCL_TESTS_GOLDEN_OPS_H

#include <jansson.h>

#include "graph/op.h"
#include "io/safetensors.h"
#include "nn/nn.h"

enum { MAX_TENSORS = 12 };

/* How a recorded tensor's dimensions become ours. */
typedef enum layout {
    ROWS,   /* [], [C] or [N,C]: the same order */
    IMAGE,  /* [N,C,H,W] -> [N,H,W,C], [C,H,W] -> [1,H,W,C] */
    LINE,   /* [N,C,W] -> [N,1,W,C] */
    PIXELS, /* [N,H,W] -> [N,H,W,1] */
    FILTER  /* [K,C,R,S] -> [R,S,C,K], [K,C] -> [1,1,C,K] */
} layout;

typedef struct tensor {
    char name[80]; /* "in.x", "out.y", "din.x" */
    layout layout;
    gcl_node *node;
    gcl_node *source; /* operands: the input or variable that holds it ... */
    int64_t first;    /* ... from this element on */
} tensor;

/* One case being checked. */
typedef struct trial {
    const char *name;
    const json_t *row, *attrs;
    gcl_graph *graph;
    gcl_nn *nn; /* NULL if the operation needs no parameters */
    tensor in[MAX_TENSORS], out[MAX_TENSORS];
    int n_in, n_out;
} trial;

/* Opens the two files; golden_cases: the array of all cases. */
void golden_ops_open(void);
void golden_ops_close(void);
const json_t *golden_cases(void);
const json_t *golden_schedules(void);

/* The recorded tensor `name` ("in.x") of the case. */
const gcl_entry *golden_entry(const trial *t, const char *name);
/* A tensor's recorded values in our order; free() them. */
double *golden_values(const trial *t, const tensor *x);

/* ---- for builders ------------------------------------------------------------------------------ */

/* What the case has under `key`. */
double golden_number(const trial *t, const char *key);
int golden_integer(const trial *t, const char *key);
int golden_flag(const trial *t, const char *key); /* 0 if it has none */
int golden_has_operand(const trial *t, const char *name);

/* A recorded operand as an input of the graph; class numbers as a 32-bit one. */
gcl_node *golden_operand(trial *t, const char *name, layout l);
gcl_node *golden_labels(trial *t, const char *name);
/* Begins and ends building the network N of the case's own nn. */
void golden_network(trial *t, int training);
void golden_network_end(trial *t);
/* A recorded operand that nn keeps as the tensor `known_as` ("N.conv.weight"); after the network was
 * built. */
gcl_node *golden_stored(trial *t, const char *name, layout l, const char *known_as);
/* The same, with its last assignment as the result `name`. */
void golden_changed(trial *t, const char *name, layout l, const char *known_as);

/* A result; prefix "out" or "din". */
void golden_result(trial *t, const char *prefix, const char *name, layout l, gcl_node *node);
/* The result `name`, and the gradients that it sends to the operands, if any were recorded. */
void golden_differentiated(trial *t, const char *name, layout l, gcl_node *y);

/* A builder makes the graph of a case. */
typedef void (*case_builder)(trial *t);

/* The operations by the name that the recordings give them; each table ends with NULL. */
typedef struct golden_op {
    const char *op;
    case_builder build;
} golden_op;
extern const golden_op golden_layers[], golden_losses[], golden_updates[];
/* The i-th of all tables together, NULL after the last. */
const golden_op *golden_op_at(int i);

#endif
