/* One node alone on the device, by one variant: what selftest, tuner, benchmark and tests share.
 *
 *     gcl_single *single = gcl_single_new(dev, node, inputs, 0, &err);     uploads the operands
 *     gcl_single_result result;
 *     int r = gcl_single_run(single, variant, NULL, 3, out, &result, &err);
 *     if (r == 0 && result.stray == 0 && result.unset == 0) ...out, result.us...
 *     gcl_single_free(single);
 *
 * Nothing a variant does is trusted: the output and the scratch area are filled with NaN before,
 * and words around operands, output and scratch are NaN too; those around the last two are checked
 * afterwards. */
#ifndef GCL_PLAN_SINGLE_H
#define GCL_PLAN_SINGLE_H

#include "device/device.h"
#include "graph/op.h"

enum {
    GCL_SINGLE_TIGHT = 1, /* no guard words: for Oclgrind, which sees stray accesses itself */
    GCL_SINGLE_ODD = 2    /* tensors begin at an odd element of their buffers */
};

typedef struct gcl_single gcl_single;

typedef struct gcl_single_result {
    double us;     /* time on the device of one run, the best of the repeats; of the host's clock
                       where the device keeps no profile and for library calls */
    int64_t stray; /* guard words that were overwritten */
    int64_t unset; /* elements of the output that are NaN */
    int64_t scratch_floats;
} gcl_single_result;

/* in[i]: the elements of operand i, float32; copied. */
gcl_single *gcl_single_new(gcl_device *dev, const gcl_node *node, const float *const *in, int flags,
                           gcl_error *err);
void gcl_single_free(gcl_single *single);
/* Runs the node `repeats` times (1 or more) by the variant with these parameter values (NULL: its
 * defaults). out: room for the node's elements, or NULL. Returns 1, with nothing run, if the values
 * do not fit the node or the device; the caller has asked variant->applies. */
int gcl_single_run(gcl_single *single, const gcl_variant *variant, const int *values, int repeats,
                   float *out, gcl_single_result *result, gcl_error *err);

/* The usual parameter values: the variant's defaults, else the first of each list. */
void gcl_variant_usual(const gcl_variant *variant, const gcl_node *node, const gcl_limits *limits,
                       int values[GCL_MAX_PARAMS]);
/* The largest error of `out`, whose right elements and sums of terms' magnitudes are given: of an
 * element as a part of its own sum; of a variant that has an `error`, as a part of the largest right
 * element. *most: what it may be with these parameter values (NULL: the usual ones). */
double gcl_variant_error(const gcl_variant *variant, const gcl_node *node, const gcl_limits *limits,
                         const int *values, const float *out, const double *right,
                         const double *magnitude, double *most);
/* The variant of that name in the op's list, or NULL. */
const gcl_variant *gcl_variant_find(const gcl_op *op, const char *name);

#endif
