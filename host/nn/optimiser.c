/* One update of a network: the optimiser's formula over the flat variable, guarded. */
#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "nn/internal.h"

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

/* max(beta2 u, |g| + eps) never falls to 0, so the division needs no eps of its own. */
static void adamax(const gcl_optimiser *o, gcl_node *rate, gcl_node *t, gcl_node *g, update *u)
{
    u->s[0] = average(u->s[0], g, o->beta1);
    gcl_node *old = gcl_scale(u->s[1], o->beta2), *size = gcl_shift(gcl_abs(g), o->eps);
    u->s[1] = gcl_maximum(old, size);
    rate = gcl_div(rate, bias_correction(t, o->beta1));
    u->p = gcl_sub(u->p, gcl_mul(gcl_div(u->s[0], u->s[1]), rate));
}

static void sgd(const gcl_optimiser *o, gcl_node *rate, gcl_node *t, gcl_node *g, update *u)
{
    (void)t;
    u->s[0] = gcl_add(gcl_scale(u->s[0], o->momentum), g);
    u->p = gcl_sub(u->p, gcl_mul(u->s[0], rate));
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
    [GCL_ADAMAX] = {"adamax", {"m", "u"}, 2, adamax},
    [GCL_SGD] = {"sgd", {"b"}, 1, sgd},
};

/* ---- moments, averages: flat variables like the parameters, known to files tensor by tensor ---- */

/* "NAME.adam.m" with tensors "NAME.adam.m/NAME.conv.weight". copy: they start as the parameters do,
 * else as zeros. */
static gcl_node *new_flat(gcl_network *net, const char *name, gcl_role role, int copy)
{
    gcl_nn *nn = net->nn;
    for (int i = 0; i < net->n_records; i++) {
        const gcl_tensor *parameter = &nn->records[net->records[i]]->tensor;
        gcl_tensor tensor = *parameter;
        tensor.name = gcl_arena_printf(nn->arena, "%s/%s", name, parameter->name);
        tensor.role = role;
        tensor.init =
            copy ? (gcl_init){.kind = GCL_INIT_COPY, .of = parameter} : gcl_init_constant(0);
        tensor.variable = name;
        gcl_nn_add_tensor(nn, &tensor, tensor.name);
    }
    return gcl_variable(nn->graph, name, gcl_shape_of(1, 1, 1, (int)net->count));
}

/* Before the first update the moments come into being. */
static void open_slots(gcl_network *net, gcl_optimiser_kind kind)
{
    const struct formula *formula = &formulas[kind];
    if (net->optimiser != 0) {
        if (net->optimiser != (int)kind + 1)
            gcl_graph_fail(net->nn->graph, "%s is trained by two kinds of optimiser", net->name);
        return;
    }
    net->optimiser = (int)kind + 1;
    for (int i = 0; i < formula->n_slots; i++) {
        const char *name = gcl_arena_printf(net->nn->arena, "%s.%s.%s", net->name, formula->name,
                                            formula->slots[i]);
        net->slots[i] = new_flat(net, name, GCL_ROLE_MOMENT, 0);
    }
}

/* ---- the update ---- */

/* New parameters and moments by the formula, taken over where the gradient is finite: the guard. */
static gcl_node *assign_new(gcl_network *net, const gcl_optimiser *optimiser)
{
    gcl_nn *nn = net->nn;
    const struct formula *formula = &formulas[optimiser->kind];
    gcl_node *loss, *gradient = gcl_network_gathered(net, &loss);
    gcl_node *ok = gcl_finite(gcl_add(loss, gcl_sum(gradient, GCL_AXES_ALL)));
    if (optimiser->clip > 0)
        gradient = gcl_clamp(gradient, -optimiser->clip, optimiser->clip);
    if (optimiser->weight_decay != 0)
        gradient = gcl_add(gradient, gcl_scale(net->parameters, optimiser->weight_decay));

    const char *name = gcl_arena_printf(nn->arena, "%s.rate", net->name);
    gcl_node *rate = gcl_scale(gcl_nn_scalar(nn, name), optimiser->learning_rate);
    if (optimiser->pace != NULL)
        rate = gcl_mul(rate, optimiser->pace);
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

gcl_node *gcl_network_update(gcl_network *net, const gcl_optimiser *optimiser)
{
    gcl_graph *g = net->nn->graph;
    if (net->nn->prologue || gcl_graph_error(g) != NULL)
        return gcl_constant(g, 1);
    if (net->n_gathered == 0)
        return gcl_graph_fail(g, "%s is updated without a gradient: gather first", net->name);
    gcl_scope_push(g, "%s/%s", net->name, formulas[optimiser->kind].name);
    open_slots(net, optimiser->kind);
    gcl_node *ok = gcl_graph_error(g) == NULL ? assign_new(net, optimiser) : gcl_constant(g, 0);
    gcl_scope_pop(g);
    return ok;
}

gcl_node *gcl_network_train(gcl_network *net, gcl_node *loss, const gcl_optimiser *optimiser)
{
    gcl_network_gather(net, loss);
    return gcl_network_update(net, optimiser);
}

/* ---- averages ---- */

void gcl_network_average(gcl_network *net, double decay)
{
    gcl_nn *nn = net->nn;
    if (nn->prologue || gcl_graph_error(nn->graph) != NULL)
        return;
    if (net->optimiser == 0) {
        gcl_graph_fail(nn->graph, "%s is averaged before it is trained", net->name);
        return;
    }
    gcl_scope_push(nn->graph, "%s/average", net->name);
    if (net->average == NULL)
        net->average = new_flat(net, gcl_arena_printf(nn->arena, "%s.average", net->name),
                                GCL_ROLE_AVERAGE, 1);
    gcl_node *t = gcl_nn_scalar(nn, "t");
    gcl_node *young = gcl_shift(t, 1), *d = gcl_div(young, gcl_shift(t, 10));
    d = gcl_minimum(d, gcl_constant(nn->graph, decay));
    /* average + (1-d) (parameters - average) */
    gcl_node *step = gcl_mul(gcl_sub(net->parameters, net->average), gcl_shift(gcl_neg(d), 1));
    net->average = gcl_assign(net->average, gcl_add(net->average, step));
    gcl_scope_pop(nn->graph);
}
