/* Picks the variant of every kernel op, and splices pointwise tails into those that take one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

static int try_variant(const gcl_plan *plan, unit *u, const gcl_variant *v)
{
    int values[GCL_MAX_PARAMS] = {0};
    const gcl_node *node = u->roots[0];
    if (!v->applies(node, plan->limits))
        return -1;
    for (int i = 0; i < v->n_params; i++)
        values[i] = v->params[i].values[0];
    if (v->defaults != NULL)
        v->defaults(node, plan->limits, values);
    memset(&u->recipe, 0, sizeof u->recipe);
    u->recipe.epilogue_launch = -1;
    if (v->recipe(node, plan->limits, values, &u->recipe) != 0)
        return -1;
    u->variant = v;
    u->scratch_floats = u->recipe.scratch_floats;
    return 0;
}

/* What the options ask for by name, if it can do this. */
static int take_named(const gcl_plan *plan, unit *u)
{
    const gcl_op *op = u->roots[0]->op;
    const char *name = plan->options.variant                       ? plan->options.variant
                       : plan->options.winograd == GCL_WINOGRAD_ON ? "winograd"
                                                                   : NULL;
    for (int i = 0; i < op->n_variants && name != NULL; i++)
        if (strcmp(op->variants[i]->name, name) == 0 && try_variant(plan, u, op->variants[i]) == 0)
            return 1;
    return 0;
}

static int is_allowed(const gcl_plan *plan, const gcl_variant *variant)
{
    return plan->options.winograd != GCL_WINOGRAD_OFF || strcmp(variant->name, "winograd") != 0;
}

static int choose_one(gcl_plan *plan, unit *u, gcl_error *err)
{
    const gcl_node *node = u->roots[0];
    const gcl_op *op = node->op;
    int tried[16] = {0};
    if (take_named(plan, u))
        return 0;
    for (;;) { /* the cheapest that works */
        int best = -1;
        double best_cost = INFINITY;
        for (int i = 0; i < op->n_variants && i < 16; i++) {
            if (tried[i] || !is_allowed(plan, op->variants[i]) ||
                !op->variants[i]->applies(node, plan->limits))
                continue;
            double cost = op->variants[i]->cost ? op->variants[i]->cost(node, plan->limits) : 1e300;
            if (cost < best_cost) {
                best = i;
                best_cost = cost;
            }
        }
        if (best < 0)
            return gcl_fail(err, GCL_DEVICE, "%s: no variant of %s works on this device (%s:%d)",
                            node->scope, op->name, node->file ? node->file : "?", node->line);
        tried[best] = 1;
        if (try_variant(plan, u, op->variants[best]) == 0)
            return 0;
    }
}

/* ---- tails ---- */

/* Which units read each stored value: their number, and one of them. By node id of the base. */
typedef struct readers {
    int *n, *unit;
} readers;

static void note(readers *r, const gcl_node *value, int k)
{
    int id = gcl_plan_base(value)->id;
    if (r->n[id] == 0 || r->unit[id] != k)
        r->n[id]++;
    r->unit[id] = k;
}

static readers find_readers(const gcl_plan *plan)
{
    size_t n = (size_t)plan->n_nodes;
    readers r = {gcl_alloc(n * sizeof *r.n), gcl_alloc(n * sizeof *r.unit)};
    for (int k = 0; k < plan->n_units; k++) {
        const unit *u = &plan->units[k];
        for (int i = 0; i < u->n_leaves; i++)
            note(&r, u->leaves[i], k);
        for (int i = 0; u->kind == UNIT_KERNEL && i < u->roots[0]->n_in; i++)
            note(&r, u->roots[0]->in[i], k);
    }
    return r;
}

static int has_random(const gcl_plan *plan, const gcl_node *n)
{
    if (n->op->kind == GCL_KIND_RANDOM)
        return 1;
    for (int i = 0; i < n->n_in; i++)
        if (gcl_plan_inlined(plan, n->in[i]) && has_random(plan, n->in[i]))
            return 1;
    return 0;
}

/* Can pointwise unit p become the tail of kernel unit k? Everything else that it reads must be there
 * before k and be a scalar, a vector of channels or of the whole shape. */
static int fits_tail(const gcl_plan *plan, int k, const unit *p)
{
    const gcl_node *y = plan->units[k].roots[0];
    if (p->kind != UNIT_POINTWISE || p->n_roots != 1 || p->n_leaves > 7 ||
        p->roots[0]->op->kind == GCL_KIND_ASSIGN || !gcl_shape_equal(p->space, y->shape) ||
        gcl_unit_leaf(p, y) < 0 || has_random(plan, p->roots[0]))
        return 0;
    for (int i = 0; i < p->n_leaves; i++) {
        const gcl_node *leaf = p->leaves[i];
        gcl_shape s = leaf->shape;
        int64_t count = gcl_shape_count(s);
        if (leaf == y)
            continue;
        int plain = count == 1 || gcl_shape_equal(s, y->shape) ||
                    (count == s.d[3] && s.d[3] == y->shape.d[3]);
        if (!plain || leaf->dtype != GCL_F32 || gcl_plan_base(leaf) == y ||
            plan->unit_of[gcl_plan_base(leaf)->id] >= k)
            return 0;
    }
    return 1;
}

static int is_output(const gcl_plan *plan, const gcl_node *y)
{
    for (int i = 0; i < gcl_graph_outputs(plan->graph); i++)
        if (gcl_plan_base(gcl_graph_output_at(plan->graph, i, NULL)) == y)
            return 1;
    return 0;
}

/* The readers were found before any splicing. That changes them for values made before unit k only,
 * which has been through here. */
static void splice_tail(gcl_plan *plan, int k, const readers *r)
{
    unit *u = &plan->units[k];
    const gcl_node *y = u->roots[0];
    int reader = r->unit[y->id];
    if (u->recipe.epilogue_launch < 0 || r->n[y->id] != 1 || plan->alias[y->id] >= 0 ||
        is_output(plan, y) || !fits_tail(plan, k, &plan->units[reader]))
        return;
    unit *p = &plan->units[reader];
    u->tail = p->roots[0];
    for (int i = 0; i < p->n_leaves; i++)
        if (p->leaves[i] != y)
            u->leaves[u->n_leaves++] = p->leaves[i];
    plan->unit_of[u->tail->id] = k;
    plan->stored[y->id] = 0;
    p->kind = UNIT_NONE;
    p->n_leaves = p->n_roots = 0;
}

int gcl_plan_choose(gcl_plan *plan, gcl_error *err)
{
    readers r = find_readers(plan);
    int status = 0;
    for (int k = 0; k < plan->n_units && status == 0; k++) {
        unit *u = &plan->units[k];
        if (u->kind == UNIT_REDUCE)
            u->scratch_floats = gcl_reduce_scratch(plan, u);
        if (u->kind != UNIT_KERNEL)
            continue;
        status = choose_one(plan, u, err);
        if (status == 0 && !plan->options.no_fusion)
            splice_tail(plan, k, &r);
    }
    free(r.n);
    free(r.unit);
    return status;
}
