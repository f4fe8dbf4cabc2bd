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
    IMAGE,  /* [N,C,H,W] -> [N,H,W,C] */
    FILTER, /* [K,C,R,S] -> [R,S,C,K] */
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

/* The recorded tensor `name` ("in.x") of the case. */
const gcl_entry *golden_entry(const trial *t, const char *name);
/* A tensor's recorded values in our order; free() them. */
double *golden_values(const trial *t, const tensor *x);
/* The number that the case has under `key`. */
double golden_number(const trial *t, const char *key);

/* A builder makes the graph of a case, or says why not. */
typedef const char *(*case_builder)(trial *t);

/* The operations that exist, by the name that the recordings give them. */
typedef struct golden_op {
    const char *op;
    case_builder build;
} golden_op;
extern const golden_op golden_ops[];
extern const int n_golden_ops;
/* Whether the operation belongs to a system that is not written yet. */
int golden_comes_later(const char *op);

#endif
