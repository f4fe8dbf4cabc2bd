/* Derivatives of graphs against central differences, in double precision. */
#ifndef GCL_TESTS_NUMERIC_H
#define GCL_TESTS_NUMERIC_H

#include "graph/graph.h"

/* Fills a source with numbers in +-[low, high), a function of seed and element. Signs are mixed
 * unless `positive`. */
void numeric_fill(gcl_values *values, const gcl_node *source, unsigned seed, double low,
                  double high, int positive);
/* Computes a node and returns its first element's address. Fails the test if that is not possible. */
const double *numeric_value(gcl_values *values, gcl_node *node);
/* Compares d y / d source by gcl_gradients with central differences: y a scalar, `source` an input or
 * variable that is set in `values`. `tolerance` is relative to the largest derivative (or 1). */
void numeric_check(gcl_values *values, gcl_node *y, gcl_node *source, gcl_node *gradient,
                   double tolerance, const char *what);
/* y = sum(weights * x) with fixed, mixed weights: a scalar whose derivative reaches every element
 * differently. `weights` is a fresh input, to be filled with numeric_fill. */
gcl_node *numeric_scalar(gcl_node *x, gcl_node **weights);

#endif
