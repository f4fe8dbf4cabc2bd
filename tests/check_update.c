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
    double p, m, v; /* one parameter and its moments (RMSprop, SGD: v alone) */
} expected;

static double clipped(double x, double bound)
{
    return bound > 0 && fabs(x) > bound ? copysign(bound, x) : x;
}

static void expected_update(const gcl_optimiser *o, double gradient, double rate, int t,
                            expected *e)
{
    double x = clipped(gradient, o->clip) + o->weight_decay * e->p;
    if (o->kind == GCL_SGD) {
        e->v = o->momentum * e->v + x;
        e->p -= rate * e->v;
        return;
    }
    if (o->kind == GCL_RMSPROP) {
        e->v = o->rho * e->v + (1 - o->rho) * x * x;
        e->p -= rate / (1 + o->decay * t) * x / (sqrt(e->v) + o->eps);
        return;
    }
    e->m = o->beta1 * e->m + (1 - o->beta1) * x;
    if (o->kind == GCL_ADAMAX) {
        e->v = fmax(o->beta2 * e->v, fabs(x) + o->eps);
        e->p -= rate / (1 - pow(o->beta1, t + 1)) * e->m / e->v;
        return;
    }
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
    {.kind = GCL_ADAMAX,
     .learning_rate = 0.01,
     .beta1 = 0.9,
     .beta2 = 0.99,
     .eps = 1e-3,
     .weight_decay = 3e-2},
    {.kind = GCL_SGD, .learning_rate = 0.01, .momentum = 0.9, .weight_decay = 0.1, .clip = 1},
};
enum { N_OPTIMISERS = sizeof optimisers / sizeof *optimisers };

/* The variables of D: parameters, moment v, moment m; *n of them. */
static const char *const *variables_of(gcl_optimiser_kind kind, int *n)
{
    static const char *const names[][3] = {
        [GCL_RMSPROP] = {"D.parameters", "D.rmsprop.a"},
        [GCL_ADAM] = {"D.parameters", "D.adam.v", "D.adam.m"},
        [GCL_ADAM_KERAS] = {"D.parameters", "D.adam.v", "D.adam.m"},
        [GCL_ADAMAX] = {"D.parameters", "D.adamax.u", "D.adamax.m"},
        [GCL_SGD] = {"D.parameters", "D.sgd.b"}};
    *n = kind == GCL_RMSPROP || kind == GCL_SGD ? 2 : 3;
    return names[kind];
}

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
    int n;
    const char *const *names = variables_of(o->kind, &n);
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
            if (n == 3)
                ck_assert_double_eq_tol(numeric_value(values, nn_latest(names[2]))[i], e[i].m,
                                        1e-12);
        }
        carry_over(names, n);
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
    int n;
    const char *moment = variables_of(optimisers[_i].kind, &n)[1];
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

/* ---- gathering ------------------------------------------------------------------------------------------ */

static const gcl_optimiser plain = {.kind = GCL_SGD, .learning_rate = 0.1};

/* A network of one vector of two elements. */
static gcl_network *small_network(const char *name, gcl_node **p)
{
    gcl_network *net = gcl_network_new(nn, name);
    gcl_network_enter(net);
    *p = nn_vector("p", 2);
    gcl_network_leave(net);
    return net;
}

START_TEST(gathered_gradients_are_averaged)
{
    gcl_node *p;
    gcl_network *net = small_network("D", &p);
    gcl_node *x = gcl_input(g, "x", GCL_F32, p->shape);
    gcl_network_gather(net, gcl_sum(gcl_mul(p, x), GCL_AXES_ALL));
    gcl_network_gather(net, gcl_sum(gcl_square(p), GCL_AXES_ALL));
    gcl_node *made = gcl_network_update(net, &plain);
    gcl_node *gradient = gcl_network_gradient(net, "D.p");
    nn_begin();
    double *at = gcl_values_set(values, nn_variable("D.parameters"));
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 1;
    at[0] = 3, at[1] = -1;
    SET(x, 8, 4);
    ASSERT_VALUES(made, 1);
    ASSERT_VALUES(gradient, 7, 1); /* (x + 2p) / 2 */
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.parameters"))[0], 2.3, 1e-12);
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.parameters"))[1], -1.1, 1e-12);
    at[0] = NAN; /* of the second loss alone */
    gcl_values_forget(values);
    ASSERT_VALUES(made, 0);
}
END_TEST

/* A pace is of the weights before the update, as the gradient is. */
START_TEST(a_pace_multiplies_the_rate)
{
    gcl_node *p;
    gcl_network *net = small_network("D", &p);
    gcl_node *loss = gcl_sum(gcl_square(p), GCL_AXES_ALL);
    gcl_optimiser paced = plain;
    paced.pace = gcl_scale(loss, 0.2);
    gcl_network_train(net, loss, &paced);
    nn_begin();
    double *at = gcl_values_set(values, nn_variable("D.parameters"));
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 0.5;
    at[0] = 3, at[1] = -1; /* the loss is 10 */
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.parameters"))[0], 2.4, 1e-12);
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.parameters"))[1], -0.8, 1e-12);
}
END_TEST

/* Each network's gradient depends on the other's parameters: both are those before the step. */
START_TEST(networks_can_be_updated_together)
{
    gcl_node *p, *q;
    gcl_network *D = small_network("D", &p), *G = small_network("G", &q);
    gcl_node *loss = gcl_sum(gcl_mul(gcl_square(p), q), GCL_AXES_ALL);
    gcl_network_gather(D, loss);
    gcl_network_gather(G, gcl_neg(loss));
    gcl_network_update(G, &plain);
    gcl_network_update(D, &plain);
    nn_begin();
    double *d = gcl_values_set(values, nn_variable("D.parameters"));
    double *of_g = gcl_values_set(values, nn_variable("G.parameters"));
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 1;
    gcl_values_set(values, gcl_nn_scalar(nn, "G.rate"))[0] = 1;
    d[0] = 3, of_g[0] = 5;
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.parameters"))[0], 3 - 0.1 * 30,
                            1e-12);
    ck_assert_double_eq_tol(numeric_value(values, nn_latest("G.parameters"))[0], 5 + 0.1 * 9,
                            1e-12);
}
END_TEST

START_TEST(an_update_wants_a_gradient)
{
    gcl_node *p;
    gcl_network *net = small_network("D", &p);
    gcl_network_train(net, gcl_sum(p, GCL_AXES_ALL), &plain);
    gcl_network_update(net, &plain);
    nn_assert_error("D is updated without a gradient: gather first");
}
END_TEST

/* ---- averages --------------------------------------------------------------------------------------------- */

START_TEST(averages_follow_the_parameters)
{
    const char *const names[] = {"D.parameters", "D.average", "D.sgd.b"};
    gcl_node *p;
    gcl_network *net = small_network("D", &p);
    gcl_network_train(net, gcl_sum(p, GCL_AXES_ALL), &plain);
    gcl_network_average(net, 0.25);
    nn_begin();
    const gcl_tensor *t = nn_tensor("D.average/D.p");
    ck_assert_int_eq(t->role, GCL_ROLE_AVERAGE);
    ck_assert_str_eq(t->variable, "D.average");
    ck_assert_int_eq(t->init.kind, GCL_INIT_COPY);
    ck_assert_ptr_eq(t->init.of, nn_tensor("D.p"));
    double p_now = 2, average = 2;
    gcl_values_set(values, nn_variable("D.parameters"))[0] = 2;
    gcl_values_set(values, nn_variable("D.average"))[0] = 2;
    gcl_values_set(values, gcl_nn_scalar(nn, "D.rate"))[0] = 1;
    for (int step = 0; step < 4; step++) {
        double d = fmin(0.25, (1.0 + step) / (10.0 + step));
        gcl_values_set(values, gcl_nn_scalar(nn, "t"))[0] = step;
        p_now -= 0.1;
        average = d * average + (1 - d) * p_now;
        ck_assert_double_eq_tol(numeric_value(values, nn_latest("D.average"))[0], average, 1e-12);
        carry_over(names, 3);
    }
}
END_TEST

START_TEST(averages_start_as_the_parameters)
{
    gcl_network *net = gcl_network_new(nn, "D");
    gcl_network_enter(net);
    gcl_node *p = gcl_parameter(nn, "p", gcl_shape_of(1, 1, 1, 20), GCL_LAYOUT_VECTOR, NULL,
                                (gcl_init){.kind = GCL_INIT_NORMAL, .b = 1});
    gcl_network_leave(net);
    gcl_network_train(net, gcl_sum(p, GCL_AXES_ALL), &plain);
    gcl_network_average(net, 0.9);
    nn_begin();
    float of_p[20], of_average[20];
    gcl_tensor_initialise(nn_tensor("D.p"), 3, of_p);
    gcl_tensor_initialise(nn_tensor("D.average/D.p"), 3, of_average);
    ck_assert_mem_eq(of_p, of_average, sizeof of_p);
}
END_TEST

START_TEST(averages_can_be_read)
{
    gcl_nn_free(nn);
    nn = gcl_nn_new(g, &(gcl_nn_options){.averaged = 1});
    gcl_node *p, *again;
    gcl_network *net = small_network("D", &p);
    small_network("D", &again);
    ck_assert_ptr_eq(p, again);
    ck_assert_str_eq(gcl_nn_tensor(nn, 0)->name, "D.average/D.p");
    ck_assert_str_eq(gcl_nn_tensor(nn, 0)->variable, "D.average");
    ck_assert_int_eq(gcl_nn_tensor(nn, 0)->role, GCL_ROLE_PARAMETER);
    ck_assert_int_eq(gcl_nn_tensors(nn), 1);
    gcl_network_gather(net, gcl_sum(p, GCL_AXES_ALL));
    nn_assert_error("D reads its average, which is not trained");
}
END_TEST

START_TEST(averages_want_a_trained_network)
{
    gcl_node *p;
    gcl_network_average(small_network("D", &p), 0.9);
    nn_assert_error("D is averaged before it is trained");
}
END_TEST

/* ---- the program ---------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("update");
    TCase *updates = nn_case(suite, "updates"), *gathering = nn_case(suite, "gathering"),
          *averages = nn_case(suite, "averages");
    tcase_add_loop_test(updates, updates_follow_their_formula, 0, N_OPTIMISERS);
    tcase_add_test(updates, moments_are_tensors_like_their_parameters);
    tcase_add_test(updates, assignments_stand_together);
    tcase_add_loop_test(updates, updates_that_are_not_finite_are_dropped, 0, N_OPTIMISERS);
    tcase_add_test(updates, later_uses_see_the_update);
    tcase_add_test(updates, a_trained_network_is_complete);
    tcase_add_test(updates, a_loss_that_reaches_nothing);
    tcase_add_test(updates, one_network_one_optimiser);
    tcase_add_test(updates, a_network_without_parameters_is_not_trained);
    tcase_add_test(gathering, gathered_gradients_are_averaged);
    tcase_add_test(gathering, a_pace_multiplies_the_rate);
    tcase_add_test(gathering, networks_can_be_updated_together);
    tcase_add_test(gathering, an_update_wants_a_gradient);
    tcase_add_test(averages, averages_follow_the_parameters);
    tcase_add_test(averages, averages_start_as_the_parameters);
    tcase_add_test(averages, averages_can_be_read);
    tcase_add_test(averages, averages_want_a_trained_network);
    return run_suite(suite);
}
