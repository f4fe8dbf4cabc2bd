/* Updates of networks without a device: gradients, guard, the optimisers' formulas. */
#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "nn_fixture.h"

/* A network with parameters a [5] and b [3], and a loss with gradients below and above 1. */
static gcl_network *make_network(gcl_node **loss)
{
    gcl_network *net = gcl_network_new(nn, "D");
    gcl_network_enter(net);
    gcl_node *a = nn_vector("a", 5), *b = nn_vector("b", 3);
    gcl_network_leave(net);
    *loss = gcl_add(gcl_sum(gcl_square(a), GCL_AXES_ALL), gcl_sum(gcl_exp(b), GCL_AXES_ALL));
    return net;
}

typedef struct expected {
    double p, m, v; /* one parameter and its moments (RMSprop: v alone) */
} expected;

static double clipped(double x, double bound)
{
    return bound > 0 && fabs(x) > bound ? copysign(bound, x) : x;
}

static void expected_update(const gcl_optimiser *o, double gradient, double rate, int t,
                            expected *e)
{
    double x = clipped(gradient, o->clip);
    if (o->kind == GCL_RMSPROP) {
        e->v = o->rho * e->v + (1 - o->rho) * x * x;
        e->p -= rate / (1 + o->decay * t) * x / (sqrt(e->v) + o->eps);
        return;
    }
    e->m = o->beta1 * e->m + (1 - o->beta1) * x;
    e->v = o->beta2 * e->v + (1 - o->beta2) * x * x;
    double c1 = 1 - pow(o->beta1, t + 1), c2 = 1 - pow(o->beta2, t + 1);
    if (o->kind == GCL_ADAM)
        e->p -= rate * (e->m / c1) / (sqrt(e->v / c2) + o->eps);
    else
        e->p -= rate * sqrt(c2) / c1 * e->m / (sqrt(e->v) + o->eps);
}

static const gcl_optimiser optimisers[] = {
    {.kind = GCL_RMSPROP, .learning_rate = 0.01, .rho = 0.9, .decay = 0.5, .eps = 1e-3, .clip = 1},
    {.kind = GCL_RMSPROP, .learning_rate = 0.02, .rho = 0.7, .eps = 1e-7},
    {.kind = GCL_ADAM, .learning_rate = 0.01, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-2},
    {.kind = GCL_ADAM_KERAS,
     .learning_rate = 0.01,
     .beta1 = 0.9,
     .beta2 = 0.99,
     .eps = 1e-2,
     .clip = 2},
};

/* What was assigned becomes the variables' values. */
static void carry_over(const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        nn_set(nn_variable(names[i]), numeric_value(values, nn_latest(names[i])));
    gcl_values_forget(values);
}

START_TEST(updates_follow_their_formula)
{
    const gcl_optimiser *o = &optimisers[_i];
    int adam = o->kind != GCL_RMSPROP;
    const char *names[] = {"D.parameters", adam ? "D.adam.v" : "D.rmsprop.a", "D.adam.m"};
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_node *made = gcl_network_train(net, loss, o), *da = gcl_network_gradient(net, "D.a"),
             *db = gcl_network_gradient(net, "D.b");
    nn_begin();
    double *p = gcl_values_set(values, nn_variable("D.parameters"));
    expected e[32] = {{0}};
    for (int i = 0; i < 32; i++)
        if (i < 5 || (i >= 16 && i < 19))
            e[i].p = p[i] = 0.3 * i - 1.7;
    for (int t = 0; t < 4; t++) {
        double rate = 1 - 0.2 * t;
        gcl_values_set(values, gcl_nn_scalar(nn, "t"))[0] = t;
        gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = rate;
        for (int i = 0; i < 32; i++) {
            double gradient = i < 5 ? 2 * e[i].p : i >= 16 && i < 19 ? exp(e[i].p) : 0;
            if (i < 5)
                ck_assert_double_eq_tol(numeric_value(values, da)[i], gradient, 1e-12);
            if (i >= 16 && i < 19)
                ck_assert_double_eq_tol(numeric_value(values, db)[i - 16], gradient, 1e-12);
            expected_update(o, gradient, rate * o->learning_rate, t, &e[i]);
        }
        ASSERT_VALUES(made, 1);
        for (int i = 0; i < 32; i++) {
            ck_assert_double_eq_tol(numeric_value(values, nn_latest(names[0]))[i], e[i].p, 1e-12);
            ck_assert_double_eq_tol(numeric_value(values, nn_latest(names[1]))[i], e[i].v, 1e-12);
            if (adam)
                ck_assert_double_eq_tol(numeric_value(values, nn_latest(names[2]))[i], e[i].m,
                                        1e-12);
        }
        carry_over(names, adam ? 3 : 2);
    }
}
END_TEST

START_TEST(moments_are_tensors_like_their_parameters)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_train(net, loss, &optimisers[2]);
    nn_begin();
    ck_assert_int_eq(gcl_nn_tensors(nn), 6);
    const gcl_tensor *t = nn_tensor("D.adam.v/D.b");
    ck_assert_int_eq(t->role, GCL_ROLE_MOMENT);
    ck_assert_str_eq(t->variable, "D.adam.v");
    ck_assert_str_eq(t->network, "D");
    ck_assert_int_eq(t->first, nn_tensor("D.b")->first);
    ck_assert_int_eq(t->dims[0], 3);
    ck_assert_int_eq(nn_variable("D.adam.v")->shape.d[3], 32);
}
END_TEST

/* The update's assignments come one after the other, so that one launch can make all. */
START_TEST(assignments_stand_together)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_train(net, loss, &optimisers[2]);
    int last = gcl_graph_size(g) - 1;
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(gcl_graph_node(g, last - i)->op, &gcl_op_assign);
    ck_assert_str_eq(gcl_graph_node(g, last - 2)->in[0]->name, "D.parameters");
}
END_TEST

START_TEST(updates_that_are_not_finite_are_dropped)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_node *made = gcl_network_train(net, loss, &optimisers[_i]);
    const char *moment = optimisers[_i].kind == GCL_RMSPROP ? "D.rmsprop.a" : "D.adam.v";
    nn_begin();
    double *p = gcl_values_set(values, nn_variable("D.parameters"));
    gcl_values_set(values, nn_variable(moment))[2] = 7;
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 1;
    p[0] = 3;
    p[16] = 800; /* exp overflows */
    ASSERT_VALUES(made, 0);
    nn_assert_values(nn_latest("D.parameters"), p, 0);
    ck_assert_double_eq(numeric_value(values, nn_latest(moment))[2], 7);
    p[16] = NAN;
    gcl_values_forget(values);
    ASSERT_VALUES(made, 0);
    ck_assert_double_eq(numeric_value(values, nn_latest("D.parameters"))[0], 3);
    p[16] = 0;
    gcl_values_forget(values);
    ASSERT_VALUES(made, 1);
    ck_assert_double_lt(numeric_value(values, nn_latest("D.parameters"))[0], 3);
}
END_TEST

START_TEST(later_uses_see_the_update)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_enter(net);
    gcl_node *before = gcl_neg(nn_vector("a", 5));
    gcl_network_leave(net);
    gcl_network_train(net, loss, &optimisers[1]);
    gcl_network_enter(net);
    gcl_node *after = gcl_neg(nn_vector("a", 5));
    gcl_network_leave(net);
    nn_begin();
    double *p = gcl_values_set(values, nn_variable("D.parameters"));
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 1;
    p[1] = 2;
    ck_assert_double_eq(numeric_value(values, before)[1], -2);
    double updated = numeric_value(values, nn_latest("D.parameters"))[1];
    ck_assert_double_lt(updated, 2);
    ck_assert_double_eq(numeric_value(values, after)[1], -updated);
}
END_TEST

START_TEST(a_trained_network_is_complete)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_train(net, loss, &optimisers[0]);
    gcl_network_enter(net);
    nn_vector("late", 2);
    nn_assert_error("D: parameter D.late is new, but D was trained or finished before");
}
END_TEST

START_TEST(a_loss_that_reaches_nothing)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_train(net, gcl_exp(gcl_detach(loss)), &optimisers[0]);
    nn_assert_error("the loss depends on no parameter of D as it is now");
}
END_TEST

START_TEST(one_network_one_optimiser)
{
    gcl_node *loss;
    gcl_network *net = make_network(&loss);
    gcl_network_train(net, loss, &optimisers[0]);
    make_network(&loss);
    gcl_network_train(net, loss, &optimisers[2]);
    nn_assert_error("D is trained by two kinds of optimiser");
}
END_TEST

START_TEST(a_network_without_parameters_is_not_trained)
{
    gcl_network_train(gcl_network_new(nn, "D"), gcl_constant(g, 1), &optimisers[0]);
    nn_assert_error("network D has no parameters to train");
}
END_TEST

/* ---- the program ---------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("update");
    TCase *updates = nn_case(suite, "updates");
    tcase_add_loop_test(updates, updates_follow_their_formula, 0, 4);
    tcase_add_test(updates, moments_are_tensors_like_their_parameters);
    tcase_add_test(updates, assignments_stand_together);
    tcase_add_loop_test(updates, updates_that_are_not_finite_are_dropped, 0, 4);
    tcase_add_test(updates, later_uses_see_the_update);
    tcase_add_test(updates, a_trained_network_is_complete);
    tcase_add_test(updates, a_loss_that_reaches_nothing);
    tcase_add_test(updates, one_network_one_optimiser);
    tcase_add_test(updates, a_network_without_parameters_is_not_trained);
    return nn_run(suite);
}
