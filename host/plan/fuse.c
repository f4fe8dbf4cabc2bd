/* Fusion: groups the graph into units of work.
 *
 * Stored pointwise nodes and assignments over the same space share a kernel when they read the same
 * values; so do sibling reductions. Units run in order of creation; a later root may join an earlier
 * unit if all it reads is there by then and no assignment is overtaken. */
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

enum { JOIN_SMALL = 65536, LOOK_BACK = 12 };

typedef struct fusion {
    gcl_plan *plan;
    gcl_graph *g;
    int n;
    int *last_reader; /* of variables and assigns: last unit that loads this version */
} fusion;

int gcl_unit_has_root(const unit *u, const gcl_node *node)
{
    for (int i = 0; i < u->n_roots; i++)
        if (u->roots[i] == node)
            return 1;
    return 0;
}

int gcl_unit_leaf(const unit *u, const gcl_node *node)
{
    for (int i = 0; i < u->n_leaves && i < MAX_LEAVES; i++) /* a unit too large is being refused */
        if (u->leaves[i] == node)
            return i;
    return -1;
}

/* ---- units ---- */

static unit *new_unit(gcl_plan *plan, unit_kind kind, const gcl_node *root)
{
    GCL_GROW(plan->units, plan->n_units, plan->cap_units);
    unit *u = &plan->units[plan->n_units++];
    memset(u, 0, sizeof *u);
    u->kind = kind;
    u->roots[u->n_roots++] = root;
    return u;
}

static void add_leaves(fusion *f, unit *u, const gcl_node *x, int top)
{
    if (gcl_is_literal(x) || gcl_unit_leaf(u, x) >= 0)
        return;
    int here = u->kind == UNIT_POINTWISE && gcl_unit_has_root(u, x);
    if (top || gcl_plan_inlined(f->plan, x) || here) {
        for (int i = x->op->kind == GCL_KIND_ASSIGN ? 1 : 0; i < x->n_in; i++)
            add_leaves(f, u, x->in[i], 0);
        return;
    }
    if (u->n_leaves < MAX_LEAVES)
        u->leaves[u->n_leaves] = x;
    u->n_leaves++; /* beyond MAX_LEAVES: the caller refuses */
}

static int producer(const fusion *f, const gcl_node *leaf)
{
    const gcl_node *base = gcl_plan_base(leaf);
    return f->plan->unit_of[base->id];
}

/* The new leaves of `root` in unit number k are all there before k, in the version meant. */
static int leaves_ready(const fusion *f, const unit *u, int k)
{
    for (int i = 0; i < u->n_leaves; i++) {
        const gcl_node *leaf = u->leaves[i], *base = gcl_plan_base(leaf);
        if (producer(f, leaf) >= k)
            return 0;
        if (!gcl_is_version(base) || f->plan->overwritten[base->id] == f->n)
            continue;
        int writer = f->plan->unit_of[f->plan->overwritten[base->id]];
        if (writer >= 0 && writer < k)
            return 0;
        if (writer == k && (leaf != base || !gcl_shape_equal(leaf->shape, u->space)))
            return 0;
    }
    return 1;
}

static int shares_leaf(const unit *a, const unit *b)
{
    for (int i = 0; i < b->n_leaves; i++)
        if (gcl_unit_leaf(a, b->leaves[i]) >= 0)
            return 1;
    return 0;
}

static int reads_root(const unit *a, const unit *b)
{
    for (int i = 0; i < b->n_leaves; i++)
        if (gcl_unit_has_root(a, b->leaves[i]))
            return 1;
    return 0;
}

/* Tries to let `lone` (one root) become part of unit k. */
static int try_join(fusion *f, int k, const unit *lone)
{
    unit *u = &f->plan->units[k];
    const gcl_node *root = lone->roots[0];
    if (u->kind != lone->kind || !gcl_shape_equal(u->space, lone->space) || u->axes != lone->axes ||
        u->n_roots == MAX_ROOTS)
        return 0;
    int small = gcl_shape_count(u->space) <= JOIN_SMALL;
    if (!small && !shares_leaf(u, lone) && !reads_root(u, lone))
        return 0;
    if (root->op->kind == GCL_KIND_ASSIGN && f->last_reader[root->in[0]->id] > k)
        return 0;
    unit merged = *u;
    merged.roots[merged.n_roots++] = root;
    merged.n_leaves = 0;
    for (int i = 0; i < merged.n_roots; i++)
        add_leaves(f, &merged, merged.roots[i], 1);
    if (merged.n_leaves > MAX_LEAVES || !leaves_ready(f, &merged, k))
        return 0;
    /* The version overwritten here may be read here only element by element. */
    if (root->op->kind == GCL_KIND_ASSIGN)
        for (int i = 0; i < merged.n_leaves; i++)
            if (gcl_plan_base(merged.leaves[i]) == root->in[0] &&
                (merged.leaves[i] != root->in[0] ||
                 !gcl_shape_equal(merged.leaves[i]->shape, merged.space)))
                return 0;
    *u = merged;
    return 1;
}

static void note_readers(fusion *f, int k)
{
    const unit *u = &f->plan->units[k];
    for (int i = 0; i < u->n_leaves && i < MAX_LEAVES; i++) {
        int id = gcl_plan_base(u->leaves[i])->id;
        if (f->last_reader[id] < k)
            f->last_reader[id] = k;
    }
    if (u->kind == UNIT_KERNEL)
        for (int i = 0; i < u->roots[0]->n_in; i++) {
            int id = gcl_plan_base(u->roots[0]->in[i])->id;
            if (f->last_reader[id] < k)
                f->last_reader[id] = k;
        }
}

static int add_generated(fusion *f, const gcl_node *root, unit_kind kind, gcl_error *err)
{
    gcl_plan *plan = f->plan;
    unit lone;
    memset(&lone, 0, sizeof lone);
    lone.kind = kind;
    lone.space = kind == UNIT_REDUCE ? root->in[0]->shape : root->shape;
    lone.axes = kind == UNIT_REDUCE ? ((const gcl_reduce_attr *)root->attr)->axes : 0;
    lone.roots[lone.n_roots++] = root;
    add_leaves(f, &lone, root, 1);
    if (lone.n_leaves > MAX_LEAVES)
        return gcl_fail(err, GCL_FAILED, "%s: a fused kernel would read %d values", root->scope,
                        lone.n_leaves);
    int from = plan->n_units - LOOK_BACK > 0 ? plan->n_units - LOOK_BACK : 0;
    for (int k = plan->n_units - 1; k >= from && !plan->options.no_fusion; k--)
        if (try_join(f, k, &lone)) {
            plan->unit_of[root->id] = k;
            note_readers(f, k);
            return 0;
        }
    int k = plan->n_units;
    *new_unit(plan, kind, root) = lone;
    plan->unit_of[root->id] = k;
    note_readers(f, k);
    return 0;
}

/* A part lies in its pack from birth if its memory is its own; else it is copied there. */
static void add_pack(fusion *f, const gcl_node *pack)
{
    gcl_plan *plan = f->plan;
    int64_t first = 0;
    for (int i = 0; i < pack->n_in; i++) {
        const gcl_node *part = pack->in[i], *base = gcl_plan_base(part);
        int64_t n = gcl_shape_count(part->shape);
        int own = plan->stored[base->id] && base->op->kind != GCL_KIND_SOURCE &&
                  base->op->kind != GCL_KIND_ASSIGN && plan->alias[base->id] < 0 &&
                  gcl_shape_count(base->shape) == n;
        if (own) {
            plan->alias[base->id] = pack->id;
            plan->alias_at[base->id] = first;
        } else {
            unit *u = new_unit(plan, UNIT_COPY, pack);
            u->copy_part = i;
            u->leaves[u->n_leaves++] = part;
            u->space = part->shape;
            note_readers(f, plan->n_units - 1);
        }
        first += n;
    }
    plan->unit_of[pack->id] = plan->n_units - 1;
}

/* Reading a variable's old value after its assignment is a mistake in the graph. */
static int check_versions(const fusion *f, gcl_error *err)
{
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        for (int i = 0; i < n->n_in && f->plan->live[id]; i++) {
            const gcl_node *base = gcl_plan_base(n->in[i]);
            if (gcl_is_version(base) && f->plan->overwritten[base->id] < id &&
                n->op->kind != GCL_KIND_VIEW)
                return gcl_fail(err, GCL_FAILED,
                                "%s: %s reads an old value of a variable after its "
                                "assignment (%s:%d)",
                                n->scope, n->op->name, n->file ? n->file : "?", n->line);
        }
    }
    return 0;
}

static int build_units(fusion *f, gcl_error *err)
{
    gcl_plan *plan = f->plan;
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        int status = 0;
        if (!plan->live[id] || !plan->stored[id])
            continue;
        switch (n->op->kind) {
        case GCL_KIND_POINTWISE:
        case GCL_KIND_RANDOM:
        case GCL_KIND_ASSIGN: status = add_generated(f, n, UNIT_POINTWISE, err); break;
        case GCL_KIND_REDUCE: status = add_generated(f, n, UNIT_REDUCE, err); break;
        case GCL_KIND_KERNEL:
            new_unit(plan, UNIT_KERNEL, n)->space = n->shape;
            plan->unit_of[id] = plan->n_units - 1;
            note_readers(f, plan->n_units - 1);
            break;
        case GCL_KIND_PACK: add_pack(f, n); break;
        case GCL_KIND_SOURCE:
        case GCL_KIND_VIEW: break;
        }
        if (status != 0)
            return -1;
    }
    return 0;
}

int gcl_plan_fuse(gcl_plan *plan, gcl_error *err)
{
    fusion f = {.plan = plan, .g = plan->graph, .n = plan->n_nodes};
    f.last_reader = gcl_alloc((size_t)f.n * sizeof *f.last_reader);
    for (int id = 0; id < f.n; id++)
        plan->alias[id] = plan->unit_of[id] = f.last_reader[id] = -1;
    int status = check_versions(&f, err) == 0 ? build_units(&f, err) : -1;
    free(f.last_reader);
    return status;
}
