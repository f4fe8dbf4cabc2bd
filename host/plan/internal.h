/* The plan's own insides: units of work and where values lie. Shared by the files of this folder. */
#ifndef GCL_PLAN_INTERNAL_H
#define GCL_PLAN_INTERNAL_H

#include "device/device.h"
#include "plan/bind.h"
#include "plan/plan.h"

enum { MAX_LEAVES = 16, MAX_ROOTS = 8, MAX_UNIT_LAUNCHES = GCL_MAX_LAUNCHES + MAX_ROOTS };

typedef enum unit_kind {
    UNIT_NONE,      /* its work has become the tail of a kernel */
    UNIT_POINTWISE, /* a generated kernel over `space`: every root is stored */
    UNIT_REDUCE,    /* a generated reduction of `space` over `axes`: sibling roots */
    UNIT_KERNEL,    /* one kernel op by one of its variants, perhaps with a pointwise tail */
    UNIT_COPY       /* part `source` copied to its place in a pack */
} unit_kind;

/* A value's memory. Several nodes share one: views, packed parts, assignments. */
typedef struct storage {
    enum { STORAGE_SLOT, STORAGE_VARIABLE, STORAGE_TABLE, STORAGE_UPLOAD } kind;
    gcl_buffer *buffer;
    uint64_t at, bytes;        /* byte offset in the buffer; size */
    int first_unit, last_unit; /* slots: when the memory must be intact */
    int written, read;         /* variables: schedule.c's ranks of the last units that did so, -1 */
    const char *variable;
    int arena;
} storage;

typedef struct unit {
    unit_kind kind;
    gcl_shape space;
    int axes;
    const gcl_node *roots[MAX_ROOTS]; /* what it stores; for a kernel the op's node */
    int n_roots;
    const gcl_node *leaves[MAX_LEAVES]; /* what it loads (not the operands of a kernel op) */
    int n_leaves;
    const gcl_node *tail; /* pointwise root spliced into a kernel, or NULL */
    const gcl_variant *variant;
    gcl_choice choice; /* of which variant is a part */
    int chosen;        /* by the options' chooser */
    gcl_recipe recipe;
    int64_t scratch_floats;
    storage *scratch;
    int copy_part; /* UNIT_COPY: roots[0] is the pack, this the part's index */
    int first_launch, n_launches;
    char label[160];
} unit;

struct gcl_plan {
    gcl_device *dev;
    const gcl_limits *limits;
    gcl_graph *graph;
    gcl_store *store;
    gcl_plan_options options;
    gcl_arena *memory;

    int n_nodes;
    /* By node id. */
    char *live, *stored; /* needed at all; has memory of its own or aliased */
    int *
        overwritten; /* of variables and assigns: id of the assign of the next version, or n_nodes */
    int *unit_of;    /* unit that produces it, or -1 */
    int *alias;      /* the pack that it is a part of, or -1 */
    int64_t *alias_at; /* element in that pack */
    storage **home;    /* storage of bases (see plan_locate) */

    unit *units;
    int n_units, cap_units;

    gcl_buffer **arenas;
    uint64_t *arena_bytes;
    int n_arenas;
    uint64_t slot_bytes;

    gcl_bound **launches;
    const char **launch_labels, **launch_variants;
    int n_launches, cap_launches, cap_labels, cap_variants;
    int n_kernels; /* generated, each once */

    gcl_buffer *upload;
    int64_t upload_bytes;
    unsigned char *staging[3];
    gcl_event *staged[3];
    int staged_now; /* ring position that the caller fills */
    int64_t runs;

    const gcl_node *history;
    gcl_buffer *history_buffer;
    double host_us;
    double *profile_us;
};

/* stored.c: which nodes live, which are stored. */
void gcl_plan_decide(gcl_plan *plan);
/* fuse.c: the list of units. */
int gcl_plan_fuse(gcl_plan *plan, gcl_error *err);
/* choose.c: variant and recipe of every kernel unit; tails. */
int gcl_plan_choose(gcl_plan *plan, gcl_error *err);
/* place.c: storages with buffers and offsets; the order of the units is settled between them. */
int gcl_plan_place(gcl_plan *plan, gcl_error *err);
/* schedule.c: moves units that free memory forward. Needs storages. */
void gcl_plan_schedule(gcl_plan *plan);
/* emit.c, emit_pointwise.c, emit_reduce.c: text of generated kernels. */
typedef struct emitted {
    char *text;                 /* the whole kernel function, named NAME */
    gcl_arg args[GCL_MAX_ARGS]; /* IN index: leaf; OUT index: root; SCRATCH; INT */
    int n_args;
    size_t global[3], local[3];
    int64_t chunks;         /* reductions: partial results a value; 1 if none */
    int64_t partial_floats; /* a root */
} emitted;
void gcl_emit_pointwise(const gcl_plan *plan, const unit *u, emitted *out);
void gcl_emit_reduce(const gcl_plan *plan, const unit *u, emitted *out);
void gcl_emit_epilogue(const gcl_plan *plan, const unit *u, gcl_text *out);
void gcl_emit_prelude(gcl_text *out, int random);
int64_t gcl_reduce_scratch(const gcl_plan *plan, const unit *u);

/* launch.c: programs, and the launches of all units with their arguments. */
int gcl_plan_bind(gcl_plan *plan, gcl_error *err);
/* The buffer and element where a node lies. */
gcl_place gcl_plan_place_of(const gcl_plan *plan, const gcl_node *node);
int gcl_unit_generated(const unit *u);
double gcl_unit_bytes(const unit *u); /* that a generated one has to move: leaves and roots once */

/* verify.c: runs a unit's launches and compares what they store with the double oracle. */
int gcl_plan_verify_unit(gcl_plan *plan, const unit *u, gcl_error *err);

static inline int gcl_is_pointwise(const gcl_node *n)
{
    return n->op->kind == GCL_KIND_POINTWISE || n->op->kind == GCL_KIND_RANDOM;
}
static inline int gcl_is_version(const gcl_node *n)
{
    return n->op == &gcl_op_variable || n->op->kind == GCL_KIND_ASSIGN;
}
static inline int gcl_is_literal(const gcl_node *n)
{
    double value;
    return gcl_node_constant(n, &value);
}

/* Where a node's elements lie: storage and byte offset in its buffer. */
storage *gcl_plan_locate(const gcl_plan *plan, const gcl_node *node, uint64_t *at);
/* The node whose storage a view shares. */
const gcl_node *gcl_plan_base(const gcl_node *node);
/* 1 if the node is computed where it is used, in this plan. */
int gcl_plan_inlined(const gcl_plan *plan, const gcl_node *node);
int gcl_unit_has_root(const unit *u, const gcl_node *node);
int gcl_unit_leaf(const unit *u, const gcl_node *node); /* index or -1 */

#endif
