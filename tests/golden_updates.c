/* Recorded optimisers and regularisers of weights, as graphs. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "golden_ops.h"
#include "nn/layers.h"
#include "nn/spectral.h"

/* ---- optimisers --------------------------------------------------------------------------------- */

/* One update of a parameter p by the loss sum(p g), whose gradient is g. */
static void update(trial *t, const gcl_optimiser *how, const char *name, const char *const *slots)
{
    gcl_node *g = golden_operand(t, "g", ROWS);
    golden_network(t, 1);
    gcl_node *p =
        gcl_parameter(t->nn, "p", g->shape, GCL_LAYOUT_VECTOR, NULL, gcl_init_constant(0));
    golden_network_end(t);
    gcl_network_train(gcl_network_new(t->nn, "N"), gcl_sum(gcl_mul(p, g), GCL_AXES_ALL), how);
    golden_changed(t, "p", ROWS, "N.p");
    for (; *slots != NULL; slots++) {
        char known_as[80];
        snprintf(known_as, sizeof known_as, "N.%s.%s/N.p", name, *slots);
        golden_changed(t, *slots, ROWS, known_as);
    }
}

static double beta(const trial *t, size_t i)
{
    return json_number_value(json_array_get(json_object_get(t->attrs, "betas"), i));
}

static void adam(trial *t)
{
    const char *form = json_string_value(json_object_get(t->attrs, "form"));
    gcl_optimiser how = {.kind = strcmp(form, "keras") == 0 ? GCL_ADAM_KERAS : GCL_ADAM,
                         .learning_rate = golden_number(t, "lr"),
                         .beta1 = beta(t, 0),
                         .beta2 = beta(t, 1),
                         .eps = golden_number(t, "eps")};
    update(t, &how, "adam", (const char *[]){"m", "v", NULL});
}

static void adamax(trial *t)
{
    gcl_optimiser how = {.kind = GCL_ADAMAX,
                         .learning_rate = golden_number(t, "lr"),
                         .beta1 = beta(t, 0),
                         .beta2 = beta(t, 1),
                         .eps = golden_number(t, "eps"),
                         .weight_decay = golden_number(t, "weight_decay")};
    update(t, &how, "adamax", (const char *[]){"m", "u", NULL});
}

static void rmsprop(trial *t)
{
    gcl_optimiser how = {.kind = GCL_RMSPROP,
                         .learning_rate = golden_number(t, "lr"),
                         .rho = golden_number(t, "rho"),
                         .decay = golden_number(t, "decay"),
                         .eps = golden_number(t, "eps"),
                         .clip = golden_number(t, "clip")};
    update(t, &how, "rmsprop", (const char *[]){"a", NULL});
}

static void sgd(trial *t)
{
    gcl_optimiser how = {.kind = GCL_SGD,
                         .learning_rate = golden_number(t, "lr"),
                         .momentum = golden_number(t, "momentum"),
                         .weight_decay = golden_number(t, "weight_decay")};
    update(t, &how, "sgd", (const char *[]){"b", NULL});
}

/* ---- regularisers --------------------------------------------------------------------------------- */

/* The matrix [K,C] as the weight of a 1x1 convolution. */
static void power_iteration(trial *t)
{
    const gcl_entry *w = golden_entry(t, "in.w");
    int k = (int)w->dims[0], c = (int)w->dims[1], n = golden_integer(t, "iterations");
    ck_assert_double_eq(golden_number(t, "eps"), 1e-3);
    gcl_node *x = gcl_input(t->graph, "x", GCL_F32, gcl_shape_of(1, 1, 1, c));
    golden_network(t, 1);
    gcl_layer_conv(t->nn, "l", x, k, 1, 1, 0, GCL_NO_BIAS);
    golden_network_end(t);
    gcl_node *sigma = gcl_network_spectral(gcl_network_new(t->nn, "N"), n, n);
    ck_assert_int_eq(gcl_nn_prologue(t->nn), 0);
    golden_stored(t, "w", FILTER, "N.l.weight");
    golden_differentiated(t, "sigma", ROWS, sigma);
    golden_changed(t, "u", ROWS, "sr.l.u");
    golden_changed(t, "v", ROWS, "sr.l.v");
}

static void bn_gamma_max(trial *t)
{
    int c = (int)golden_entry(t, "in.gamma")->dims[0];
    gcl_node *x = gcl_input(t->graph, "x", GCL_F32, gcl_shape_of(2, 1, 1, c));
    golden_network(t, 1);
    gcl_layer_batch_norm(t->nn, "bn", x, 1e-5, 0.1);
    golden_network_end(t);
    gcl_node *sum = gcl_network_gamma_max(gcl_network_new(t->nn, "N"));
    golden_stored(t, "gamma", ROWS, "N.bn.weight");
    golden_differentiated(t, "loss", ROWS, sum);
}

const golden_op golden_updates[] = {
    {"adam", adam},
    {"adamax", adamax},
    {"rmsprop", rmsprop},
    {"sgd", sgd},
    {"power_iteration", power_iteration},
    {"bn_gamma_max", bn_gamma_max},
    {NULL, NULL},
};
