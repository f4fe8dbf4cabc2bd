/* What the tests of networks share: a graph and a network builder for each test, values by hand. */
#ifndef GCL_TESTS_NN_FIXTURE_H
#define GCL_TESTS_NN_FIXTURE_H

#include "nn/nn.h"
#include "numeric.h"
#include "suite_test.h"

/* Of the running test. */
extern gcl_graph *g;
extern gcl_nn *nn;
extern gcl_values *values;

/* A case of the suite, each of whose tests starts with a fresh g and nn, in training. */
TCase *nn_case(Suite *suite, const char *name);
/* Starts over. */
void nn_setup(int training, int replay);

/* Ends building: from now on there are values. */
void nn_begin(void);
/* Gives a source its elements. */
double *nn_set(const gcl_node *node, const double *from);
#define SET(node, ...) nn_set(node, (const double[]){__VA_ARGS__})
/* Computes a node and compares all its elements. */
void nn_assert_values(gcl_node *node, const double *wanted, double tolerance);
#define ASSERT_VALUES(node, ...) nn_assert_values(node, (const double[]){__VA_ARGS__}, 1e-12)
/* The graph's error holds this text. */
void nn_assert_error(const char *part);

/* A parameter [1,1,1,n] of the network being built. */
gcl_node *nn_vector(const char *name, int n);
/* By name; the test fails if there is none. */
gcl_node *nn_variable(const char *name);
gcl_node *nn_latest(const char *name); /* the last assignment to that variable */
const gcl_tensor *nn_tensor(const char *name);

#endif
