/* Picks the variant of every kernel op, and splices pointwise tails into those that take one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"
#include "plan/single.h"

/* ---- choices ---- */

gcl_choice gcl_choice_of(const gcl_variant *variant, const gcl_node *node, const gcl_limits *limits)
{
    gcl_choice choice = {.variant = variant};
    gcl_variant_usual(variant, node, limits, choice.values);
    return choice;
}

int gcl_choice_recipe(const gcl_choice *choice, const gcl_node *node, const gcl_limits *limits,
                      gcl_recipe *recipe)
{
    if (!choice->variant->applies(node, limits))
        return -1;
    memset(recipe, 0, sizeof *recipe);
    recipe->epilogue_launch = -1;
    return choice->variant->recipe(node, limits, choice->values, recipe);
}

int gcl_choice_equal(const gcl_choice *a, const gcl_choice *b)
{
    return a->variant == b->variant && memcmp(a->values, b->values, sizeof a->values) == 0;
}

static int is_allowed(const gcl_variant *variant, gcl_winograd winograd)
{
    return winograd != GCL_WINOGRAD_OFF || strcmp(variant->name, "winograd") != 0;
}

/* The cheapest that has a recipe, which is left in *recipe. */
static int find_usual(const gcl_node *node, const gcl_limits *limits, gcl_winograd winograd,
                      gcl_choice *choice, gcl_recipe *recipe)
{
    const gcl_op *op = node->op;
    int tried[16] = {0};
    for (;;) {
        int best = -1;
        double best_cost = INFINITY;
        for (int i = 0; i < op->n_variants && i < 16; i++) {
            if (tried[i] || !is_allowed(op->variants[i], winograd) ||
                !op->variants[i]->applies(node, limits))
                continue;
            double cost = op->variants[i]->cost ? op->variants[i]->cost(node, limits) : 1e300;
            if (cost < best_cost) {
                best = i;
                best_cost = cost;
            }
        }
        if (best < 0)
            return -1;
        tried[best] = 1;
        *choice = gcl_choice_of(op->variants[best], node, limits);
        if (gcl_choice_recipe(choice, node, limits, recipe) == 0)
            return 0;
    }
}

int gcl_choice_usual(const gcl_node *node, const gcl_limits *limits, gcl_choice *choice)
{
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    int status = find_usual(node, limits, GCL_WINOGRAD_AUTO, choice, recipe);
    free(recipe);
    return status;
}

/* ---- of a plan ---- */

/* The variant that was asked for by name, wherever it applies. */
static int take_named(const gcl_plan *plan, unit *u)
{
    const gcl_node *node = u->roots[0];
    const gcl_plan_options *options = &plan->options;
    const char *name = options->variant                       ? options->variant
                       : options->winograd == GCL_WINOGRAD_ON ? "winograd"
                                                              : NULL;
    const gcl_variant *variant = name ? gcl_variant_find(node->op, name) : NULL;
    if (variant == NULL || !variant->applies(node, plan->limits))
        return 0;
    u->choice = gcl_choice_of(variant, node, plan->limits);
    return gcl_choice_recipe(&u->choice, node, plan->limits, &u->recipe) == 0;
}

static int take_chosen(const gcl_plan *plan, unit *u)
{
    const gcl_plan_options *options = &plan->options;
    const gcl_node *node = u->roots[0];
    u->chosen = options->choose != NULL &&
                options->choose(options->choose_context, node, plan->limits, &u->choice) &&
                is_allowed(u->choice.variant, options->winograd) &&
                gcl_choice_recipe(&u->choice, node, plan->limits, &u->recipe) == 0;
    return u->chosen;
}

static int choose_one(gcl_plan *plan, unit *u, gcl_error *err)
{
    const gcl_node *node = u->roots[0];
    if (!take_named(plan, u) && !take_chosen(plan, u) &&
        find_usual(node, plan->limits, plan->options.winograd, &u->choice, &u->recipe) != 0)
        return gcl_fail(err, GCL_DEVICE, "%s: no variant of %s works on this device (%s:%d)",
                        node->scope, node->op->name, node->file ? node->file : "?", node->line);
    u->variant = u->choice.variant;
    u->scratch_floats = u->recipe.scratch_floats;
    return 0;
}

const gcl_limits *gcl_plan_limits(const gcl_plan *plan) { return plan->limits; }

static int is_kernel(const unit *u) { return u->kind == UNIT_KERNEL; }

int gcl_plan_kernels(const gcl_plan *plan)
{
    int n = 0;
    for (int k = 0; k < plan->n_units; k++)
        n += is_kernel(&plan->units[k]);
    return n;
}

void gcl_plan_kernel_at(const gcl_plan *plan, int i, gcl_plan_kernel *kernel)
{
    const unit *u = plan->units;
    for (; i > 0 || !is_kernel(u); u++)
        i -= is_kernel(u);
    *kernel = (gcl_plan_kernel){.node = u->roots[0],
                                .choice = u->choice,
                                .chosen = u->chosen,
                                .tail = u->tail != NULL,
                                .first_launch = u->first_launch,
                                .n_launches = u->n_launches};
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
