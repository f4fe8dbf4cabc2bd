/* The plan: a graph compiled for a device into a list of launches with all arguments bound.
 *
 *     gcl_plan *plan = gcl_plan_new(dev, graph, store, NULL, &err);
 *     for (;;) {
 *         unsigned char *stage = gcl_plan_stage(plan, &err);      host memory of this step's inputs
 *         memcpy(stage + gcl_plan_offset(plan, images), ...);     each input at its place
 *         gcl_plan_run(plan, &err);                               one upload, the launches, an event
 *     }
 *     gcl_plan_read(plan, gcl_graph_find_output(graph, "fake"), pixels, &err);
 *
 * What it does, in order: drops what no output or assignment needs and decides what is stored
 * (stored.c); groups pointwise chains and sibling reductions into generated kernels (fuse.c, emit.c);
 * picks a variant for every kernel op (choose.c); splices pointwise tails into kernels that have an
 * EPILOGUE; gives every value a place by its lifetime (place.c); builds programs, binds arguments
 * (launch.c, bind.c).
 * No OpenCL call but the enqueues, one upload and one event happens in a run, and no allocation. */
#ifndef GCL_PLAN_PLAN_H
#define GCL_PLAN_PLAN_H

#include "graph/op.h"
#include "plan/choice.h"
#include "plan/store.h"

typedef struct gcl_plan gcl_plan;

/* When the winograd variants are used: where they are quicker, never, wherever they apply. */
typedef enum gcl_winograd { GCL_WINOGRAD_AUTO, GCL_WINOGRAD_OFF, GCL_WINOGRAD_ON } gcl_winograd;

typedef struct gcl_plan_options {
    int no_fusion;       /* every pointwise node its own kernel */
    const char *variant; /* "naive", "vec", "tile", "clblast": preferred where it applies */
    gcl_chooser choose;  /* else asked for every kernel op, while the plan is made; or NULL */
    void *choose_context;
    int verify;               /* each unit of every run beside the double oracle; slow */
    int estimate_only;        /* place and count, but create nothing on the device (--dry-run) */
    int list_launches;        /* with estimate_only: launches too, of programs that are not built */
    const gcl_limits *limits; /* NULL: the device's; tests plan for a device that is not there */
    const char *dump;         /* folder for the emitted kernels' text, or NULL */
    gcl_winograd winograd;
} gcl_plan_options;

gcl_plan *gcl_plan_new(gcl_device *dev, gcl_graph *graph, gcl_store *store,
                       const gcl_plan_options *options,
                       gcl_error *err); /* keeps dev, graph, store */
void gcl_plan_free(gcl_plan *plan);

/* The staging memory for the next run; waits only when the device is more than two runs behind. */
unsigned char *gcl_plan_stage(gcl_plan *plan, gcl_error *err);
/* Byte offset of an input node in it; -1 if the plan does not use that input. */
int64_t gcl_plan_offset(const gcl_plan *plan, const gcl_node *input);
int gcl_plan_run(gcl_plan *plan, gcl_error *err);
int gcl_plan_finish(gcl_plan *plan, gcl_error *err);
/* An output's or variable's elements after the last run; waits for it. */
int gcl_plan_read(gcl_plan *plan, const gcl_node *node, float *values, gcl_error *err);

/* The history: the output named "history" ([1,1,1,m]) of each run is kept for the last
 * GCL_HISTORY runs; gcl_plan_history reads that of run number `run` (0-based count of
 * gcl_plan_run calls) and waits only if it is not finished yet. */
enum { GCL_HISTORY = 256 };
int gcl_plan_history(gcl_plan *plan, int64_t run, float *values, gcl_error *err);
int64_t gcl_plan_runs(const gcl_plan *plan);

/* Facts. Bytes: device memory of values (peak of the placement), of scratch, of variables
 * and tables. */
typedef struct gcl_plan_stats {
    int launches, programs, nodes;
    int kernels; /* generated ones, each once: what a device without a cache has to compile */
    uint64_t value_bytes, scratch_bytes, variable_bytes, upload_bytes;
    double flops, bytes_moved;
    double host_us; /* host time of the last run's enqueues */
} gcl_plan_stats;
void gcl_plan_get_stats(const gcl_plan *plan, gcl_plan_stats *stats);

/* One row a launch, in order. `us` is of the last profiled run (0 if the device has no profile). */
typedef struct gcl_plan_row {
    const char *label;   /* scope and what it does: "G/up2/conv_data" */
    const char *variant; /* "vec", "pointwise", "reduce" ... */
    double flops, bytes, us;
} gcl_plan_row;
int gcl_plan_rows(const gcl_plan *plan);
void gcl_plan_row_at(const gcl_plan *plan, int i, gcl_plan_row *row);
struct gcl_bound;
const struct gcl_bound *gcl_plan_bound_at(const gcl_plan *plan, int i); /* see plan/bind.h */
int gcl_plan_profile(gcl_plan *plan, gcl_error *err); /* one more run, timed launch by launch */

/* The kernel ops of the plan in their order, and what was chosen for each. */
typedef struct gcl_plan_kernel {
    const gcl_node *node;
    gcl_choice choice;
    int chosen;                   /* 1: by the options' chooser */
    int tail;                     /* 1: a pointwise chain is spliced into its stores */
    int first_launch, n_launches; /* rows; none in an estimate */
} gcl_plan_kernel;
const gcl_limits *gcl_plan_limits(const gcl_plan *plan); /* that it was made for */
int gcl_plan_kernels(const gcl_plan *plan);
void gcl_plan_kernel_at(const gcl_plan *plan, int i, gcl_plan_kernel *kernel);
/* The units of work as text, one line each, the same on every device: kind, label, shape, values read
 * and stored. A recorded list of it shows an added pass. */
void gcl_plan_print(const gcl_plan *plan, gcl_text *out);

#endif
