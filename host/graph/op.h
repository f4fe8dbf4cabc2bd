/* The op table's row: everything the engine knows of one kind of node.
 *
 * Pointwise ops come from graph/pointwise.def; view, sum, pack, assign and the like are the graph's
 * own (graph/basic.c); contractions and stencils live one family a file in ops/ and describe their
 * launches as data: a list of variants, each with a recipe. */
#ifndef GCL_GRAPH_OP_H
#define GCL_GRAPH_OP_H

#include "base/limits.h"
#include "graph/graph.h"

typedef enum gcl_op_kind {
    GCL_KIND_SOURCE,    /* input, variable, constant, table */
    GCL_KIND_RANDOM,    /* pointwise without operands: a function of key and index */
    GCL_KIND_POINTWISE, /* one expression an element */
    GCL_KIND_REDUCE,    /* sum or max over axes */
    GCL_KIND_VIEW,      /* no work: another shape or part of the same storage */
    GCL_KIND_PACK,      /* parts in one storage */
    GCL_KIND_ASSIGN,
    GCL_KIND_KERNEL /* launches by one of its variants */
} gcl_op_kind;

/* One argument of a launch. A tensor takes two kernel parameters: `__global float *base, ulong at`
 * where base + at (in elements) is its first element. */
typedef enum gcl_arg_kind {
    GCL_ARG_IN,      /* tensor in[index] */
    GCL_ARG_OUT,     /* the result */
    GCL_ARG_SCRATCH, /* scratch from element `value` on (floats; contents undefined before) */
    GCL_ARG_INT,     /* int value */
    GCL_ARG_FLOAT,   /* float, `value` being its bits */
    GCL_ARG_LOCAL    /* local memory of `value` floats */
} gcl_arg_kind;

typedef struct gcl_arg {
    gcl_arg_kind kind;
    int index;
    int64_t value;
} gcl_arg;

enum { GCL_MAX_ARGS = 40, GCL_MAX_LAUNCHES = 4, GCL_MAX_PARAMS = 8 };

typedef struct gcl_launch {
    const char *file;   /* cl/FILE.cl */
    const char *kernel; /* entry point */
    char defines[160];  /* "-DMR=8 -DNR=32": tile sizes, never shapes */
    gcl_arg args[GCL_MAX_ARGS];
    int n_args;
    size_t global[3], local[3]; /* local[0] == 0: the driver's choice */
    size_t first;               /* number of the first work-item of dimension 0; usually 0 */
    double flops, bytes;        /* useful arithmetic; fewest possible bytes moved */
} gcl_launch;

/* What a variant does for one node: launches in order, one scratch area for all of them. */
typedef struct gcl_recipe {
    gcl_launch launch[GCL_MAX_LAUNCHES];
    int n_launches;
    int64_t scratch_floats;
    /* The launch whose stores pass through EPILOGUE, or -1. The plan may splice a pointwise
     * expression there: see "epilogue" in plan/plan.h. */
    int epilogue_launch;
    /* Set instead of launches by the GEMM variant that calls the CLBlast library:
     * C[m,n] = op(A)[m,k] op(B)[k,n], row-major. */
    struct {
        int use, m, n, k, transpose_a, transpose_b;
    } clblast;
} gcl_recipe;

/* A tile size or switch of a variant: the values that a tuner may try, the first being the default
 * where the variant's `defaults` does not say better. */
typedef struct gcl_param {
    const char *name;
    int values[12];
    int n_values;
} gcl_param;

typedef struct gcl_variant {
    const char *name; /* "vec", "tile", "naive", "clblast" */
    /* Whether it can run this node on such a device at all (never a matter of speed). */
    int (*applies)(const gcl_node *node, const gcl_limits *limits);
    /* Its usual parameters for this node: values[i] of params[i]. NULL if it has none. */
    void (*defaults)(const gcl_node *node, const gcl_limits *limits, int *values);
    /* 0, or -1 if these parameter values do not fit the node or the device. */
    int (*recipe)(const gcl_node *node, const gcl_limits *limits, const int *values,
                  gcl_recipe *recipe);
    const gcl_param *params;
    int n_params;
    /* Rough cost relative to others, lower is better: picks the variant when no record exists. */
    double (*cost)(const gcl_node *node, const gcl_limits *limits);
    /* NULL: an element errs by its own rounding, 1e-6 of the sum of its terms' magnitudes at most.
     * Else (forms that mix the terms of elements) the most it errs, as a part of the largest. */
    double (*error)(const gcl_node *node, const int *values);
} gcl_variant;

struct gcl_op {
    const char *name;
    gcl_op_kind kind;
    int n_in;          /* -1: any number */
    size_t attr_bytes; /* attributes are plain bytes without padding: compared with memcmp */
    /* Sets dx[i] for every i with wanted[i]; leaving NULL means zero. dy has the node's shape. */
    void (*gradient)(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx);
    /* out = the op in double; in[i] are whole tensors. Pointwise ops have `scalar` instead. */
    void (*evaluate)(const gcl_node *node, const double *const *in, double *out);
    double (*scalar)(double x, double y, double z);
    const char *text; /* pointwise: OpenCL expression in x, y, z over type T */
    double (*flops)(const gcl_node *node);
    const gcl_variant *const *variants; /* best first, naive last */
    int n_variants;
    /* Shapes for tests, benchmark and tuner: builds case i from fresh variables in `g`. */
    gcl_node *(*build_case)(gcl_graph *g, int i, const char **name);
    int n_cases;
};

/* Makes a node (or finds an equal one). attr is copied. Used by builders only. */
gcl_node *gcl_node_new(gcl_graph *g, const gcl_op *op, gcl_shape shape, gcl_node *const *in,
                       int n_in, const void *attr);

/* Attributes of the graph's own ops. */
typedef struct gcl_random_attr {
    uint32_t stream, kind;
    double keep;
} gcl_random_attr;
enum { GCL_RANDOM_UNIFORM, GCL_RANDOM_NORMAL, GCL_RANDOM_KEEP };
typedef struct gcl_reduce_attr {
    int32_t axes, maximum;
} gcl_reduce_attr;
typedef struct gcl_view_attr {
    int64_t first, detached;
} gcl_view_attr;
typedef struct gcl_constant_attr {
    double value;
} gcl_constant_attr;
typedef struct gcl_table_attr {
    const float *values; /* the graph's; equal numbers, equal pointer */
} gcl_table_attr;

extern const gcl_op gcl_op_input, gcl_op_variable, gcl_op_constant, gcl_op_table, gcl_op_random,
    gcl_op_reduce, gcl_op_view, gcl_op_pack, gcl_op_assign, gcl_op_broadcast;

/* 1 and the value if the node is a scalar constant. */
int gcl_node_constant(const gcl_node *node, double *value);
/* The numbers of a table, in storage order; NULL if the node is none. */
const float *gcl_node_table(const gcl_node *node);

#endif
