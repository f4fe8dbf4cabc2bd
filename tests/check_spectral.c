/* Spectral norms and greatest gammas of a network, and what runs before step 0. */
#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "nn/layers.h"
#include "nn/spectral.h"
#include "nn_fixture.h"

/* Two plain convolutions of one shape, one depthwise and one weight-normalised; their sigmas' sum. */
static gcl_node *build(int steps, int first)
{
    gcl_network *net = gcl_network_new(nn, "vae");
    gcl_network_enter(net);
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 4, 4, 3));
    x = gcl_layer_conv(nn, "a", x, 3, 3, 1, 1, GCL_BIAS);
    gcl_nn_push(nn, "cell.%d", 0);
    x = gcl_layer_conv(nn, "b", x, 3, 3, 1, 1, GCL_NO_BIAS);
    x = gcl_layer_depthwise(nn, "dw", x, 3, 1, GCL_NO_BIAS);
    gcl_nn_pop(nn);
    gcl_layer_batch_norm(nn, "bn", gcl_layer_wn_conv(nn, "wn", x, 2, 1, 1, 0, GCL_NO_BIAS), 1e-5,
                         0.1);
    gcl_network_leave(net);
    return gcl_network_spectral(net, steps, first);
}

static const char *const vectors[] = {"sr.vae.3x27.u", "sr.vae.3x27.v", "sr.vae.3x9.u",
                                      "sr.vae.3x9.v",  "sr.vae.2x3.u",  "sr.vae.2x3.v"};
enum { N_VECTORS = sizeof vectors / sizeof *vectors };

/* Ends building and sets weights; vectors from `from` (N_VECTORS arrays), or drawn. */
static void begin(double from[][60])
{
    nn_begin();
    numeric_fill(values, nn_variable("vae.parameters"), 1, 0.1, 1, 0);
    for (int i = 0; i < N_VECTORS; i++)
        if (from != NULL)
            nn_set(nn_variable(vectors[i]), from[i]);
        else
            numeric_fill(values, nn_variable(vectors[i]), 2 + (unsigned)i, 0.1, 1, 0);
}

static void keep(double to[][60])
{
    for (int i = 0; i < N_VECTORS; i++) {
        gcl_node *new = nn_latest(vectors[i]);
        memcpy(to[i], numeric_value(values, new),
               (size_t)gcl_shape_count(new->shape) * sizeof(double));
    }
}

/* What 12 iterations give is what 2 runs of a prologue with 4 and a step with 4 more give. */
START_TEST(a_prologue_makes_up_for_more_iterations)
{
    static double at_once[N_VECTORS][60], in_parts[N_VECTORS][60];
    gcl_node *sigma = build(12, 12);
    ck_assert_int_eq(gcl_nn_prologue(nn), 0);
    begin(NULL);
    double right = numeric_value(values, sigma)[0];
    keep(at_once);

    for (int run = 0; run < 2; run++) {
        nn_setup(1, 0);
        gcl_nn_free(nn);
        nn = gcl_nn_new(g, &(gcl_nn_options){.training = 1, .prologue = 1});
        gcl_node *loss = build(4, 12);
        ck_assert_int_eq(gcl_nn_prologue(nn), 2);
        gcl_network_train(gcl_network_new(nn, "vae"), loss, &(gcl_optimiser){.kind = GCL_SGD});
        gcl_network_average(gcl_network_new(nn, "vae"), 0.9);
        begin(run == 0 ? NULL : in_parts);
        keep(in_parts);
        for (int id = 0; id < gcl_graph_size(g); id++) {
            const gcl_node *node = gcl_graph_node(g, id);
            ck_assert(node->op != &gcl_op_assign || strncmp(node->in[0]->name, "sr.", 3) == 0);
        }
    }

    nn_setup(1, 0);
    sigma = build(4, 12);
    begin(in_parts);
    ck_assert_double_eq_tol(numeric_value(values, sigma)[0], right, 1e-12);
    keep(in_parts);
    for (int i = 0; i < N_VECTORS; i++)
        for (int j = 0; j < gcl_shape_count(nn_variable(vectors[i])->shape); j++)
            ck_assert_double_eq_tol(in_parts[i][j], at_once[i][j], 1e-12);
}
END_TEST

START_TEST(vectors_are_tensors_of_their_own)
{
    build(4, 40);
    nn_begin();
    ck_assert_int_eq(gcl_nn_prologue(nn), 9);
    const gcl_tensor *u = nn_tensor("sr.cell.0.b.u"), *v = nn_tensor("sr.cell.0.b.v");
    ck_assert_int_eq(u->role, GCL_ROLE_EXTRA);
    ck_assert_str_eq(u->network, "");
    ck_assert_str_eq(u->variable, "sr.vae.3x27.u");
    ck_assert_int_eq(u->first, 3); /* after that of "a" */
    ck_assert_int_eq(u->dims[0], 3);
    ck_assert_int_eq(v->n_dims, 1);
    ck_assert_int_eq(v->dims[0], 27);
    ck_assert_int_eq(v->first, 27);
    ck_assert_int_eq(v->layout, GCL_LAYOUT_FILTER_VECTOR);
    ck_assert_int_eq(v->init.kind, GCL_INIT_DIRECTION);
    ck_assert_int_eq(nn_tensor("sr.cell.0.dw.v")->dims[0], 9);
    ck_assert_int_eq(nn_tensor("sr.cell.0.dw.u")->dims[0], 3);
    ck_assert_int_eq(nn_tensor("sr.wn.v")->dims[0], 3);
}
END_TEST

/* Rows (3, 4) and (-4, 3) times 2: singular values 5 and 10, with the gain 1 and 2 in any case; a
 * depthwise filter's rows are its channels. */
START_TEST(sigmas_are_singular_values)
{
    gcl_network *net = gcl_network_new(nn, "vae");
    gcl_network_enter(net);
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 2, 2, 2)), *gradient;
    gcl_layer_conv(nn, "plain", x, 2, 1, 1, 0, GCL_NO_BIAS);
    gcl_layer_wn_conv(nn, "wn", x, 2, 1, 1, 0, GCL_NO_BIAS);
    gcl_network_leave(net);
    gcl_node *total = gcl_network_spectral(net, 60, 60);
    ck_assert_ptr_eq(gcl_network_spectral(net, 60, 60), total);
    gcl_node *plain = gcl_network_sigma(net, "plain"), *normed = gcl_network_sigma(net, "wn");
    gcl_nn_finish(nn);
    gcl_node *parameters = nn_variable("vae.parameters");
    gcl_gradients(plain, &parameters, 1, &gradient);
    nn_begin();
    double *p = gcl_values_set(values, parameters);
    const double filter[4] = {3, -8, 4, 6}; /* [C,K]: column k is row k of the matrix */
    memcpy(p, filter, sizeof filter);
    memcpy(p + nn_tensor("vae.wn.weight")->first, filter, sizeof filter);
    p[nn_tensor("vae.wn.log_gain")->first] = log(2);
    for (int i = 0; i < 4; i += 2)
        numeric_fill(values, nn_variable(i ? "sr.vae.2x2.v" : "sr.vae.2x2.u"), 5, 0.2, 1, 0);
    nn_assert_values(plain, (double[]){10}, 1e-9);
    nn_assert_values(normed, (double[]){2}, 1e-5); /* 1e-5 is added to the norm */
    nn_assert_values(total,
                     (double[]){numeric_value(values, plain)[0] + numeric_value(values, normed)[0]},
                     1e-12);
    const double *d = numeric_value(values, gradient); /* u v^T, u = (0, 1), v = (-0.8, 0.6) */
    ck_assert_double_eq_tol(d[0], 0, 1e-9);
    ck_assert_double_eq_tol(d[1], -0.8, 1e-9);
    ck_assert_double_eq_tol(d[2], 0, 1e-9);
    ck_assert_double_eq_tol(d[3], 0.6, 1e-9);
}
END_TEST

START_TEST(gammas_of_all_batch_norms)
{
    gcl_network *net = gcl_network_new(nn, "vae");
    gcl_network_enter(net);
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 1, 1, 3));
    gcl_node *y = gcl_input(g, "y", GCL_F32, gcl_shape_of(2, 1, 1, 2));
    gcl_layer_batch_norm(nn, "a", x, 1e-5, 0.1);
    gcl_layer_batch_norm(nn, "b", y, 1e-5, 0.1);
    gcl_layer_batch_norm(nn, "c", gcl_layer_batch_norm(nn, "a", x, 1e-5, 0.1), 1e-5, 0.1);
    gcl_network_leave(net);
    gcl_node *sum = gcl_network_gamma_max(net);
    nn_begin();
    double *p = gcl_values_set(values, nn_variable("vae.parameters"));
    p[nn_tensor("vae.a.weight")->first + 1] = -5;
    p[nn_tensor("vae.b.weight")->first] = 0.5;
    p[nn_tensor("vae.c.weight")->first + 2] = 2;
    p[nn_tensor("vae.c.bias")->first + 2] = 100;
    ASSERT_VALUES(sum, 7.5);
}
END_TEST

START_TEST(iterations_are_whole_steps)
{
    build(4, 10);
    nn_assert_error("10 iterations at first are no multiple of 4");
}
END_TEST

START_TEST(sigmas_of_what_was_measured)
{
    build(4, 40);
    gcl_network_sigma(gcl_network_new(nn, "vae"), "cell.1.b");
    nn_assert_error("vae has no spectral norm of cell.1.b");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spectral");
    TCase *tests = nn_case(suite, "spectral");
    tcase_add_test(tests, a_prologue_makes_up_for_more_iterations);
    tcase_add_test(tests, vectors_are_tensors_of_their_own);
    tcase_add_test(tests, sigmas_are_singular_values);
    tcase_add_test(tests, gammas_of_all_batch_norms);
    tcase_add_test(tests, iterations_are_whole_steps);
    tcase_add_test(tests, sigmas_of_what_was_measured);
    return run_suite(suite);
}
