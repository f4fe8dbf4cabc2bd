/* The graph: a static list of tensor operations, written like a tape and differentiated as a graph.
 *
 *     gcl_graph *g = gcl_graph_new();
 *     gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(16, 128, 128, 3));
 *     gcl_node *w = gcl_variable(g, "w", gcl_shape_of(5, 5, 3, 64));
 *     gcl_node *y = gcl_tanh(gcl_conv(x, w, 1, 2));
 *     gcl_node *loss = gcl_mean(gcl_mul(y, y)), *dw;
 *     gcl_gradients(loss, &w, 1, &dw);                    appends nodes; may be applied to dw again
 *     w = gcl_assign(w, gcl_sub(w, gcl_scale(dw, 1e-3)));  the new value, in w's storage
 *     gcl_graph_output(loss, "loss");
 *     if (gcl_graph_error(g)) ...                          the first mistake, with scope and line
 *
 * Creation order is execution order. Tensors have four dimensions, channels last: activations
 * [N,H,W,C], filters [R,S,C,K], vectors [1,1,1,C], scalars [1,1,1,1]; contiguous, float32 on the
 * device (inputs may also be bytes or 32-bit words). Builders need no checks: the first mistake is
 * kept in the graph and every later call returns a harmless node.
 *
 * The set of operations is closed under differentiation: a gradient rule only calls builders.
 * Equal nodes are made once (value numbering), constants fold, x+0, x*1 and the like vanish. */
#ifndef GCL_GRAPH_GRAPH_H
#define GCL_GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct gcl_graph gcl_graph;
typedef struct gcl_node gcl_node;
typedef struct gcl_op gcl_op;

typedef struct gcl_shape {
    int d[4]; /* n h w c, or r s c k for filters */
} gcl_shape;

static inline gcl_shape gcl_shape_of(int n, int h, int w, int c)
{
    return (gcl_shape){{n, h, w, c}};
}
int64_t gcl_shape_count(gcl_shape shape);
int gcl_shape_equal(gcl_shape a, gcl_shape b);
/* "[16,128,128,3]" into one of a few static buffers: for messages. */
const char *gcl_shape_text(gcl_shape shape);

typedef enum gcl_dtype { GCL_F32, GCL_U8, GCL_U32 } gcl_dtype;
size_t gcl_dtype_bytes(gcl_dtype dtype);

struct gcl_node {
    const gcl_op *op;
    gcl_shape shape;
    gcl_dtype dtype;
    int n_in;
    gcl_node **in;
    const void *attr;  /* the op's own attribute struct, or NULL */
    int id;            /* position in the graph: creation order */
    const char *name;  /* of inputs, variables and outputs; else NULL */
    const char *scope; /* "generator/up2": heads messages and profile rows */
    const char *file;  /* where the model's source made it */
    int line;
    gcl_graph *graph;
    int region;         /* that it was made in, or 0: see gcl_region_begin */
    int generation;     /* nodes of different ones are not equal */
    gcl_node *original; /* what this node computes again, or NULL */
};

gcl_graph *gcl_graph_new(void);
void gcl_graph_free(gcl_graph *g);      /* with all its nodes */
int gcl_graph_size(const gcl_graph *g); /* nodes so far: ids 0 .. size-1 */
gcl_node *gcl_graph_node(const gcl_graph *g, int id);
const char *gcl_graph_error(const gcl_graph *g); /* NULL, or the first mistake in one line */
/* Records a mistake at the place being built: "scope: text (file:line)". Returns a harmless node. */
gcl_node *gcl_graph_fail(gcl_graph *g, const char *format, ...) GCL_PRINTF(2, 3);

/* Scopes name what is built inside them; the source place is that of the model's call. */
void gcl_scope_push(gcl_graph *g, const char *format, ...) GCL_PRINTF(2, 3);
void gcl_scope_pop(gcl_graph *g);
const char *gcl_scope_path(const gcl_graph *g);
void gcl_graph_at(gcl_graph *g, const char *file, int line);

/* ---- sources and state ------------------------------------------------------------------------ */

/* A value uploaded before every run. */
gcl_node *gcl_input(gcl_graph *g, const char *name, gcl_dtype dtype, gcl_shape shape);
/* Persistent device storage, known by name across graphs (see plan/store.h). */
gcl_node *gcl_variable(gcl_graph *g, const char *name, gcl_shape shape);
/* A variable whose size is not known yet; gcl_variable_resize gives it before the graph is used. */
void gcl_variable_resize(gcl_node *variable, int64_t count);
gcl_node *gcl_constant(gcl_graph *g, double value); /* scalar */
/* A tensor of fixed values (copied; rounded to float32): masks, windows, weights. Equal ones are one
 * node. */
gcl_node *gcl_table(gcl_graph *g, gcl_shape shape, const double *values);
/* Writes `value` into the storage of `target` (a variable or an earlier assign of it, same shape).
 * The result is the new value; readers of `target` itself created before see the old one. It is an
 * error to create a reader of the old value after the assignment. */
gcl_node *gcl_assign(gcl_node *target, gcl_node *value);
/* Marks a node to be kept and readable by name after a run; returns it. */
gcl_node *gcl_graph_output(gcl_node *x, const char *name);
int gcl_graph_outputs(const gcl_graph *g);
gcl_node *gcl_graph_output_at(const gcl_graph *g, int i, const char **name);
gcl_node *gcl_graph_find_output(const gcl_graph *g, const char *name);

/* Random numbers: element i = Philox(seed, step, stream, i); `key` is a U32 input [1,1,1,4] holding
 * seed low, seed high, step, 0. The same stream and key give the same numbers wherever evaluated. */
gcl_node *gcl_random_uniform(gcl_node *key, uint32_t stream, gcl_shape shape); /* [0,1) */
gcl_node *gcl_random_normal(gcl_node *key, uint32_t stream, gcl_shape shape);
gcl_node *gcl_random_keep(gcl_node *key, uint32_t stream, gcl_shape shape,
                          double keep); /* 0 or 1 */

/* ---- pointwise (graph/pointwise.def holds value and derivative of each) ------------------------ */
/* Two-operand ones broadcast: every dimension of an operand is that of the result or 1. */
#define GCL_POINTWISE_1(name, ...) gcl_node *gcl_##name(gcl_node *x);
#define GCL_POINTWISE_2(name, ...) gcl_node *gcl_##name(gcl_node *x, gcl_node *y);
#define GCL_POINTWISE_3(name, ...) gcl_node *gcl_##name(gcl_node *x, gcl_node *y, gcl_node *z);
#include "graph/pointwise.def"
#undef GCL_POINTWISE_1
#undef GCL_POINTWISE_2
#undef GCL_POINTWISE_3

gcl_node *gcl_scale(gcl_node *x, double factor);           /* factor * x */
gcl_node *gcl_shift(gcl_node *x, double addend);           /* x + addend */
gcl_node *gcl_leaky_relu(gcl_node *x, double slope);       /* x > 0 ? x : slope * x */
gcl_node *gcl_clamp(gcl_node *x, double low, double high); /* gradient 1 on the boundary */
gcl_node *gcl_clamp_min(gcl_node *x, double low);          /* gradient 1 where x >= low, else 0 */
gcl_node *gcl_swish(gcl_node *x);                          /* x * sigmoid(x) */
gcl_node *gcl_soft_clamp(gcl_node *x, double limit);       /* limit * tanh(x / limit) */

/* ---- shape and reductions ---------------------------------------------------------------------- */

enum { GCL_AXIS_N = 1, GCL_AXIS_H = 2, GCL_AXIS_W = 4, GCL_AXIS_C = 8, GCL_AXES_ALL = 15 };
gcl_node *gcl_reshape(gcl_node *x, gcl_shape shape); /* same count, same storage */
/* The contiguous elements first .. first+count(shape)-1 of x in storage order; same storage. */
gcl_node *gcl_view(gcl_node *x, int64_t first, gcl_shape shape);
gcl_node *gcl_broadcast(gcl_node *x, gcl_shape shape);
/* Concatenation in storage order: result [1,1,1,sum of counts], or of `shape` if that is given:
 * with equal d[1..3] it is concatenation over n. Producers write straight into it. */
gcl_node *gcl_pack(gcl_graph *g, gcl_node *const *parts, int n, const gcl_shape *shape);
gcl_node *gcl_detach(gcl_node *x);             /* x, without gradient */
gcl_node *gcl_sum(gcl_node *x, int axes);      /* keeps reduced dimensions as 1 */
gcl_node *gcl_max_over(gcl_node *x, int axes); /* ties share the gradient */
gcl_node *gcl_mean(gcl_node *x);               /* of all elements: a scalar */
gcl_node *gcl_mean_over(gcl_node *x, int axes);
gcl_node *gcl_sum_to(gcl_node *x, gcl_shape shape); /* the adjoint of broadcast */
/* log(sum(exp(x))) over the axes, finite for any finite x; keeps reduced dimensions as 1. */
gcl_node *gcl_logsumexp(gcl_node *x, int axes);

/* ---- recomputation -------------------------------------------------------------------------------- */

/* Between begin and end lies a region: a part of the forward pass whose inner values are computed
 * again for the backward pass instead of being kept (Chen et al. 2016, "Training deep nets with
 * sublinear memory cost"). What leaves the region, and what is small, is kept. Values do not change;
 * a training step costs about one forward pass more. No effect, and no node differs, until
 * gcl_graph_set_recompute is called with 1, which must be before the regions. An inner pair of begin
 * and end does nothing. */
void gcl_graph_set_recompute(gcl_graph *g, int on);
void gcl_region_begin(gcl_graph *g);
void gcl_region_end(gcl_graph *g);

/* ---- differentiation ---------------------------------------------------------------------------- */

/* Appends nodes for d y / d wrt[i] (y a scalar; NULL becomes a zero of wrt's shape). wrt[i] may be
 * any nodes; the gradient does not go past them. Returns -1 with the graph's error set on failure. */
int gcl_gradients(gcl_node *y, gcl_node *const *wrt, int n, gcl_node **gradients);
/* The same for any y with the gradient `dy` (y's shape) arriving at it. */
int gcl_gradients_from(gcl_node *y, gcl_node *dy, gcl_node *const *wrt, int n,
                       gcl_node **gradients);

/* ---- evaluation in double precision: the oracle -------------------------------------------------- */

/*     gcl_values *v = gcl_values_new(g);
 *     double *x = gcl_values_set(v, node);  ...fill inputs and variables (zero otherwise)...
 *     gcl_values_compute(v, &loss, 1, &err);
 *     gcl_values_of(v, loss)[0]                                                            */
typedef struct gcl_values gcl_values;
gcl_values *gcl_values_new(const gcl_graph *g);
void gcl_values_free(gcl_values *v);
double *gcl_values_set(gcl_values *v, const gcl_node *node); /* room for the node's elements */
int gcl_values_compute(gcl_values *v, gcl_node *const *wanted, int n, gcl_error *err);
const double *gcl_values_of(const gcl_values *v, const gcl_node *node); /* NULL if not computed */
void gcl_values_forget(gcl_values *v); /* drops results, keeps what was set: for another compute */

/* ---- text ---------------------------------------------------------------------------------------- */
void gcl_graph_print(const gcl_graph *g, gcl_text *out); /* one line a node, for people and tests */

#endif
