/* Decides which values live, and which of them get memory.
 *
 * A pointwise node is computed where it is used (inlined), unless a kernel, a view, a pack or a wider
 * consumer needs it in memory, or computing it several times would cost more than storing it: an
 * expression read in p passes that loads b large values takes p b reads inlined, b + 1 + p reads and
 * writes stored. How many passes read it follows from what else is stored, so there are two rounds. */
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

enum { MANY_LEAVES = 12, CHEAP = 16, SMALL = 4096, MANY_PASSES = 1000 };

typedef struct leaf_set {
    int ids[MANY_LEAVES];
    int n; /* MANY_LEAVES + 1: too many */
} leaf_set;

typedef struct decision {
    gcl_plan *plan;
    gcl_graph *g;
    int n;
    int *uses;   /* live consumers */
    int *passes; /* over memory that compute it when it is inlined; 0 in the first round */
    int *cost;
    int *expiry; /* id of the first assignment that overwrites something it reads, or n */
    leaf_set *leaves;
} decision;

const gcl_node *gcl_plan_base(const gcl_node *node)
{
    return node->op->kind == GCL_KIND_VIEW ? node->in[0] : node;
}

int gcl_plan_inlined(const gcl_plan *plan, const gcl_node *node)
{
    return gcl_is_pointwise(node) && !plan->stored[node->id];
}

static int is_maximum(const gcl_node *n)
{
    return n->op->kind == GCL_KIND_REDUCE && ((const gcl_reduce_attr *)n->attr)->maximum;
}

static int is_small(const gcl_node *n) { return gcl_shape_count(n->shape) <= SMALL; }

/* ---- what lives ---- */

static void mark_live(decision *f)
{
    gcl_plan *plan = f->plan;
    for (int i = 0; i < gcl_graph_outputs(f->g); i++)
        plan->live[gcl_graph_output_at(f->g, i, NULL)->id] = 1;
    for (int id = f->n - 1; id >= 0; id--) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        if (n->op->kind == GCL_KIND_ASSIGN)
            plan->live[id] = 1;
        for (int i = 0; plan->live[id] && i < n->n_in; i++) {
            plan->live[n->in[i]->id] = 1;
            f->uses[n->in[i]->id]++;
        }
    }
    for (int id = 0; id < f->n; id++)
        f->plan->overwritten[id] = f->n;
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        if (n->op->kind == GCL_KIND_ASSIGN)
            f->plan->overwritten[n->in[0]->id] = id;
    }
}

/* ---- what is stored ---- */

static void force_stored(decision *f)
{
    gcl_plan *plan = f->plan;
    for (int i = 0; i < gcl_graph_outputs(f->g); i++)
        plan->stored[gcl_graph_output_at(f->g, i, NULL)->id] = 1;
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        if (!plan->live[id])
            continue;
        if (!gcl_is_pointwise(n) && !gcl_is_literal(n))
            plan->stored[id] = 1;
        int needs_memory = n->op->kind == GCL_KIND_KERNEL || n->op->kind == GCL_KIND_VIEW ||
                           n->op->kind == GCL_KIND_PACK;
        for (int i = 0; i < n->n_in; i++) {
            const gcl_node *x = n->in[i];
            int wider = gcl_is_pointwise(n) && !gcl_shape_equal(x->shape, n->shape);
            /* Computed where it is used, it would keep alive what another region reads. */
            int leaves = x->region != 0 && x->region != n->region && !is_small(x);
            /* The gradient of a maximum looks for it among its terms: they must be the same bits. */
            int compared = is_maximum(n) && f->uses[x->id] > 1;
            if (needs_memory || wider || leaves || compared || plan->options.no_fusion)
                plan->stored[x->id] |= gcl_is_pointwise(x);
            /* A literal has no memory: a kernel that wants one gets a stored broadcast of it. */
        }
    }
}

static int own_cost(const gcl_node *n)
{
    static const char *const slow[] = {"exp",      "expm1", "log", "log1p",      "tanh", "sigmoid",
                                       "softplus", "sqrt",  "div", "reciprocal", "elu"};
    if (n->op->kind == GCL_KIND_RANDOM)
        return ((const gcl_random_attr *)n->attr)->kind == GCL_RANDOM_NORMAL ? 40 : 10;
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
        if (strcmp(n->op->name, slow[i]) == 0)
            return 8;
    return 1;
}

static void set_add(leaf_set *set, int id)
{
    for (int i = 0; i < set->n && i < MANY_LEAVES; i++)
        if (set->ids[i] == id)
            return;
    if (set->n < MANY_LEAVES)
        set->ids[set->n] = id;
    if (set->n <= MANY_LEAVES)
        set->n++;
}

static void set_union(leaf_set *to, const leaf_set *from)
{
    for (int i = 0; i < from->n && i < MANY_LEAVES; i++)
        set_add(to, from->ids[i]);
    if (from->n > MANY_LEAVES)
        to->n = MANY_LEAVES + 1;
}

static int big_leaves(const decision *f, const leaf_set *set, gcl_shape shape)
{
    int big = 0;
    for (int i = 0; i < set->n && i < MANY_LEAVES; i++)
        big +=
            2 * gcl_shape_count(gcl_graph_node(f->g, set->ids[i])->shape) > gcl_shape_count(shape);
    return set->n > MANY_LEAVES ? set->n : big;
}

/* Sets leaves, cost and expiry of a node from its operands. */
static void gather(decision *f, const gcl_node *n)
{
    leaf_set *set = &f->leaves[n->id];
    int operands_from = n->op->kind == GCL_KIND_ASSIGN ? 1 : 0;
    set->n = 0;
    f->cost[n->id] = own_cost(n);
    f->expiry[n->id] = f->n;
    for (int i = operands_from; i < n->n_in; i++) {
        const gcl_node *x = n->in[i];
        if (gcl_is_literal(x))
            continue;
        if (gcl_plan_inlined(f->plan, x)) {
            set_union(set, &f->leaves[x->id]);
            f->cost[n->id] += f->cost[x->id];
            if (f->expiry[x->id] < f->expiry[n->id])
                f->expiry[n->id] = f->expiry[x->id];
        } else {
            const gcl_node *base = gcl_plan_base(x);
            set_add(set, x->id);
            if (gcl_is_version(base) && f->plan->overwritten[base->id] < f->expiry[n->id])
                f->expiry[n->id] = f->plan->overwritten[base->id];
        }
    }
}

/* Stores operands of n until it reads few enough values. */
static void thin_out(decision *f, const gcl_node *n)
{
    gather(f, n);
    while (f->leaves[n->id].n > MANY_LEAVES) {
        const gcl_node *worst = NULL;
        for (int i = 0; i < n->n_in; i++) {
            const gcl_node *x = n->in[i];
            if (gcl_plan_inlined(f->plan, x) &&
                (worst == NULL || f->leaves[x->id].n > f->leaves[worst->id].n))
                worst = x;
        }
        if (worst == NULL)
            return;
        f->plan->stored[worst->id] = 1;
        gather(f, n);
    }
}

/* An assignment may write in place only what it reads element by element. */
static void store_assigned(decision *f)
{
    gcl_plan *plan = f->plan;
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        if (n->op->kind != GCL_KIND_ASSIGN || !gcl_plan_inlined(plan, n->in[1]))
            continue;
        const leaf_set *set = &f->leaves[n->in[1]->id];
        for (int i = 0; i < set->n && i < MANY_LEAVES; i++) {
            const gcl_node *leaf = gcl_graph_node(f->g, set->ids[i]);
            if (gcl_plan_base(leaf) == n->in[0] && leaf != n->in[0])
                plan->stored[n->in[1]->id] = 1;
        }
    }
}

static void decide_stored(decision *f)
{
    gcl_plan *plan = f->plan;
    for (int id = 0; id < f->n; id++) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        if (!plan->live[id] || !(gcl_is_pointwise(n) || n->op->kind == GCL_KIND_ASSIGN ||
                                 n->op->kind == GCL_KIND_REDUCE))
            continue;
        /* An operand that reads something overwritten before n must have been computed by then. */
        for (int i = 0; i < n->n_in; i++) {
            const gcl_node *x = n->in[i];
            if (gcl_plan_inlined(plan, x) && f->expiry[x->id] < id)
                plan->stored[x->id] = 1;
        }
        thin_out(f, n);
        if (!gcl_is_pointwise(n) || plan->stored[id])
            continue;
        int big = big_leaves(f, &f->leaves[id], n->shape), passes = f->passes[id];
        int costly = f->cost[id] > CHEAP || big > 2 || passes * big > big + 1 + passes;
        if (f->uses[id] > 1 && costly && (!is_small(n) || f->cost[id] > 4 * CHEAP))
            plan->stored[id] = 1;
    }
    store_assigned(f);
}

/* How many stored values, reductions, kernels compute each pointwise node if it is inlined. */
static void count_passes(decision *f)
{
    for (int id = f->n - 1; id >= 0; id--) {
        const gcl_node *n = gcl_graph_node(f->g, id);
        int passes = gcl_plan_inlined(f->plan, n) ? f->passes[id] : 1;
        for (int i = 0; i < n->n_in && f->plan->live[id]; i++) {
            int *of = &f->passes[n->in[i]->id];
            *of = *of + passes < MANY_PASSES ? *of + passes : MANY_PASSES;
        }
    }
}

void gcl_plan_decide(gcl_plan *plan)
{
    decision f = {.plan = plan, .g = plan->graph, .n = plan->n_nodes};
    size_t n = (size_t)f.n;
    f.uses = gcl_alloc(n * sizeof *f.uses);
    f.passes = gcl_alloc(n * sizeof *f.passes);
    f.cost = gcl_alloc(n * sizeof *f.cost);
    f.expiry = gcl_alloc(n * sizeof *f.expiry);
    f.leaves = gcl_alloc(n * sizeof *f.leaves);
    mark_live(&f);
    force_stored(&f);
    char *forced = gcl_alloc(n);
    memcpy(forced, plan->stored, n);
    decide_stored(&f);
    count_passes(&f);
    memcpy(plan->stored, forced, n);
    decide_stored(&f);
    free(forced);
    free(f.uses);
    free(f.passes);
    free(f.cost);
    free(f.expiry);
    free(f.leaves);
}
