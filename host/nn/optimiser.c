/* One update of a network: gradients, guard, the optimiser's formula over the flat variable. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "nn/internal.h"

/* ---- gradients ---- */

static int is_zero(const gcl_node *node)
{
    double value;
    while (node->op->kind == GCL_KIND_VIEW || node->op == &gcl_op_broadcast)
        node = node->in[0];
    return gcl_node_constant(node, &value) && value == 0;
}

/* Gradients of the loss by each parameter, kept in the records. */
static void differentiate(gcl_network *net, gcl_node *loss)
{
    gcl_nn *nn = net->nn;
    int n = net->n_records, reached = 0;
    gcl_node **views = gcl_alloc((size_t)n * sizeof(gcl_node *));
    gcl_node **gradients = gcl_alloc((size_t)n * sizeof(gcl_node *));
    for (int i = 0; i < n; i++) {
        const gcl_tensor *t = &nn->records[net->records[i]]->tensor;
        views[i] = gcl_view(net->parameters, t->first, t->shape);
    }
    gcl_gradients(loss, views, n, gradients);
    for (int i = 0; i < n; i++) {
        gcl_node *gradient = gradients[i] != NULL ? gradients[i] : gcl_constant(nn->graph, 0);
        nn->records[net->records[i]]->gradient = gradient;
        reached = reached || !is_zero(gradient);
    }
    free(views);
    free(gradients);
    if (!reached)
        gcl_graph_fail(nn->graph,
                       "the loss depends on no parameter of %s as it is now: build it after the "
                       "network's last update",
                       net->name);
}

/* The gradients as one vector laid out like the parameters, zeros in the gaps. */
static gcl_node *flat_gradient(gcl_network *net)
{
    gcl_nn *nn = net->nn;
    gcl_node **parts = gcl_alloc((size_t)(2 * net->n_records) * sizeof(gcl_node *));
    int n = 0;
    for (int i = 0; i < net->n_records; i++) {
        const gcl_record *record = nn->records[net->records[i]];
        const gcl_tensor *t = &record->tensor;
        int64_t end =
            i + 1 < net->n_records ? nn->records[net->records[i + 1]]->tensor.first : net->count;
        int gap = (int)(end - t->first - gcl_tensor_count(t));
        parts[n++] = record->gradient;
        if (gap > 0)
            parts[n++] = gcl_broadcast(gcl_constant(nn->graph, 0), gcl_shape_of(1, 1, 1, gap));
    }
    gcl_node *flat = gcl_pack(nn->graph, parts, n, NULL);
    free(parts);
    return flat;
}

/* ---- formulas: `p` the parameters, `g` their gradient, `s` the moments; new values in their place -- */

typedef struct update {
    gcl_node *p, *s[GCL_MAX_SLOTS];
} update;

/* factor * s + (1 - factor) * value */
static gcl_node *average(gcl_node *s, gcl_node *value, double factor)
{
    gcl_node *old = gcl_scale(s, factor), *new = gcl_scale(value, 1 - factor);
    return gcl_add(old, new);
}

/* 1 - beta^(t+1) = 1 - e^-y = 2 tanh(y/2) / (1 + tanh(y/2)), which keeps its digits for small y. */
static gcl_node *bias_correction(gcl_node *t, double beta)
{
    gcl_node *half = gcl_tanh(gcl_scale(gcl_shift(t, 1), -log(beta) / 2));
    gcl_node *above = gcl_scale(half, 2), *below = gcl_shift(half, 1);
    return gcl_div(above, below);
}

static void rmsprop(const gcl_optimiser *o, gcl_node *rate, gcl_node *t, gcl_node *g, update *u)
{
    u->s[0] = average(u->s[0], gcl_square(g), o->rho);
    if (o->decay != 0)
        rate = gcl_div(rate, gcl_shift(gcl_scale(t, o->decay), 1));
    gcl_node *direction = gcl_div(g, gcl_shift(gcl_sqrt(u->s[0]), o->eps));
    u->p = gcl_sub(u->p, gcl_mul(direction, rate));
}

static void adam(const gcl_optimiser *o, gcl_node *rate, gcl_node *t, gcl_node *g, update *u)
{
    u->s[0] = average(u->s[0], g, o->beta1);
    u->s[1] = average(u->s[1], gcl_square(g), o->beta2);
    gcl_node *c1 = bias_correction(t, o->beta1), *c2 = gcl_sqrt(bias_correction(t, o->beta2));
    gcl_node *root = gcl_sqrt(u->s[1]);
    if (o->kind == GCL_ADAM) {
        rate = gcl_div(rate, c1);
        root = gcl_div(root, c2);
    } else {
        rate = gcl_div(gcl_mul(rate, c2), c1);
    }
    u->p = gcl_sub(u->p, gcl_mul(gcl_div(u->s[0], gcl_shift(root, o->eps)), rate));
}

static const struct formula {
    const char *name, *slots[GCL_MAX_SLOTS];
    int n_slots;
    void (*apply)(const gcl_optimiser *o, gcl_node *rate, gcl_node *t, gcl_node *g, update *u);
} formulas[] = {
    [GCL_RMSPROP] = {"rmsprop", {"a"}, 1, rmsprop},
    [GCL_ADAM] = {"adam", {"m", "v"}, 2, adam},
    [GCL_ADAM_KERAS] = {"adam", {"m", "v"}, 2, adam},
};

/* ---- moments ---- */

/* One moment: a flat variable like the parameters, known to files tensor by tensor. */
static gcl_node *new_slot(gcl_network *net, const char *optimiser, const char *slot)
{
    gcl_nn *nn = net->nn;
    const char *name = gcl_arena_printf(nn->arena, "%s.%s.%s", net->name, optimiser, slot);
    for (int i = 0; i < net->n_records; i++) {
        gcl_tensor tensor = nn->records[net->records[i]]->tensor;
        tensor.name = gcl_arena_printf(nn->arena, "%s/%s", name, tensor.name);
        tensor.role = GCL_ROLE_MOMENT;
        tensor.init = gcl_init_constant(0);
        tensor.variable = name;
        gcl_nn_add_tensor(nn, &tensor);
    }
    return gcl_variable(nn->graph, name, gcl_shape_of(1, 1, 1, (int)net->count));
}

/* Before the first update: the flat variable gets its size, the moments come into being. */
static void open_slots(gcl_network *net, gcl_optimiser_kind kind)
{
    const struct formula *formula = &formulas[kind];
    if (net->optimiser != 0) {
        if (net->optimiser != (int)kind + 1)
            gcl_graph_fail(net->nn->graph, "%s is trained by two kinds of optimiser", net->name);
        return;
    }
    net->optimiser = (int)kind + 1;
    if (!net->closed)
        gcl_variable_resize(net->parameters, net->count);
    net->closed = 1;
    for (int i = 0; i < formula->n_slots; i++)
        net->slots[i] = new_slot(net, formula->name, formula->slots[i]);
}

/* ---- the update ---- */

/* New parameters and moments by the formula, taken over where the gradient is finite: the guard. */
static gcl_node *assign_new(gcl_network *net, gcl_node *loss, const gcl_optimiser *optimiser)
{
    gcl_nn *nn = net->nn;
    const struct formula *formula = &formulas[optimiser->kind];
    gcl_node *gradient = flat_gradient(net);
    gcl_node *ok = gcl_finite(gcl_add(loss, gcl_sum(gradient, GCL_AXES_ALL)));
    if (optimiser->clip > 0)
        gradient = gcl_clamp(gradient, -optimiser->clip, optimiser->clip);

    const char *name = gcl_arena_printf(nn->arena, "%s.rate", net->name);
    gcl_node *rate = gcl_scale(gcl_nn_scalar(nn, name), optimiser->learning_rate);
    update new = {.p = net->parameters, .s = {net->slots[0], net->slots[1]}};
    formula->apply(optimiser, rate, gcl_nn_scalar(nn, "t"), gradient, &new);

    /* All new values first: an assignment ends the life of the old value that they read. */
    new.p = gcl_select(ok, new.p, net->parameters);
    for (int i = 0; i < formula->n_slots; i++)
        new.s[i] = gcl_select(ok, new.s[i], net->slots[i]);
    net->parameters = gcl_assign(net->parameters, new.p);
    for (int i = 0; i < formula->n_slots; i++)
        net->slots[i] = gcl_assign(net->slots[i], new.s[i]);
    return ok;
}

gcl_node *gcl_network_train(gcl_network *net, gcl_node *loss, const gcl_optimiser *optimiser)
{
    gcl_graph *g = net->nn->graph;
    if (net->n_records == 0)
        return gcl_graph_fail(g, "network %s has no parameters to train", net->name);
    gcl_scope_push(g, "%s/%s", net->name, formulas[optimiser->kind].name);
    if (gcl_graph_error(g) == NULL)
        open_slots(net, optimiser->kind);
    if (gcl_graph_error(g) == NULL)
        differentiate(net, loss);
    gcl_node *ok =
        gcl_graph_error(g) == NULL ? assign_new(net, loss, optimiser) : gcl_constant(g, 0);
    gcl_scope_pop(g);
    return ok;
}

gcl_node *gcl_network_gradient(const gcl_network *net, const char *parameter_name)
{
    int i = gcl_names_find(&net->nn->record_names, parameter_name);
    return i < 0 ? NULL : net->nn->records[i]->gradient;
}
