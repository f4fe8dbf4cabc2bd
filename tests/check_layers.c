/* Layers and losses of networks in double precision: derivatives against central differences, values
 * by hand, penalties on gradients. */
#include <math.h>

#include "nn/distributions.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn_fixture.h"

/* ---- derivatives -------------------------------------------------------------------------------- */

static gcl_node *depthwise(gcl_node *x) { return gcl_layer_depthwise(nn, "l", x, 3, 1, GCL_BIAS); }

static gcl_node *transposed(gcl_node *x)
{
    return gcl_layer_conv_transpose(nn, "l", x, 3, 3, 2, 1, 1, GCL_BIAS);
}

static gcl_node *shuffled(gcl_node *x) { return gcl_layer_conv_shuffle(nn, "l", x, 2); }

static gcl_node *normed(gcl_node *x) { return gcl_layer_wn_conv(nn, "l", x, 5, 3, 2, 1, GCL_BIAS); }

static gcl_node *masked(gcl_node *x)
{
    return gcl_layer_masked_conv(nn, "l", x, 8, 3, &(gcl_masking){.strict = 1}, GCL_BIAS, 0);
}

static gcl_node *masked_depthwise(gcl_node *x)
{
    return gcl_layer_masked_conv(nn, "l", x, 4, 5, &(gcl_masking){.depthwise = 1, .mirror = 1},
                                 GCL_NO_BIAS, 0);
}

static gcl_node *squeezed(gcl_node *x) { return gcl_layer_squeeze_excite(nn, "l", x); }
static gcl_node *reduced(gcl_node *x) { return gcl_layer_factorized_reduce(nn, "l", x, 9); }

static gcl_node *r1_of_logits(gcl_node *x)
{
    gcl_node *h = gcl_softplus(gcl_layer_wn_conv(nn, "l", x, 3, 3, 1, 1, GCL_BIAS));
    return gcl_loss_r1(gcl_layer_dense(nn, "fc", h, 1, 1, 1), x);
}

static gcl_node *penalty_of_logits(gcl_node *x)
{
    gcl_node *h = gcl_tanh(gcl_layer_conv(nn, "l", x, 3, 3, 2, 1, GCL_BIAS));
    return gcl_loss_gradient_penalty(gcl_layer_dense(nn, "fc", h, 1, 1, 1), x);
}

static const struct {
    const char *name;
    gcl_node *(*build)(gcl_node *x); /* of x [2,4,4,4] */
    int n_tensors;
    gcl_shape shape; /* of the result */
} layers[] = {
    {"depthwise", depthwise, 2, {{2, 4, 4, 4}}},
    {"transposed", transposed, 2, {{2, 8, 8, 3}}},
    {"shuffled", shuffled, 1, {{2, 8, 8, 2}}},
    {"normed", normed, 3, {{2, 2, 2, 5}}},
    {"masked", masked, 3, {{2, 4, 4, 8}}},
    {"masked_depthwise", masked_depthwise, 2, {{2, 4, 4, 4}}},
    {"squeezed", squeezed, 4, {{2, 4, 4, 4}}},
    {"reduced", reduced, 12, {{2, 2, 2, 9}}},
    {"r1", r1_of_logits, 5, {{1, 1, 1, 1}}},
    {"penalty", penalty_of_logits, 4, {{1, 1, 1, 1}}},
};
enum { N_LAYERS = sizeof layers / sizeof *layers };

START_TEST(derivatives)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 4, 4, 4)), *weights;
    gcl_network_enter(gcl_network_new(nn, "N"));
    gcl_node *y = layers[_i].build(x);
    gcl_network_leave(gcl_network_new(nn, "N"));
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s: %s", layers[_i].name, gcl_graph_error(g));
    ck_assert_msg(gcl_shape_equal(y->shape, layers[_i].shape), "%s: %s", layers[_i].name,
                  gcl_shape_text(y->shape));
    ck_assert_int_eq(gcl_nn_tensors(nn), layers[_i].n_tensors);
    gcl_nn_finish(nn);
    gcl_node *of[2] = {x, nn_variable("N.parameters")}, *gradients[2];
    gcl_node *loss = numeric_scalar(y, &weights);
    gcl_gradients(loss, of, 2, gradients);
    nn_begin();
    numeric_fill(values, weights, 1, 0.3, 1, 0);
    for (int i = 0; i < 2; i++)
        numeric_fill(values, of[i], 2 + (unsigned)i, 0.2, 0.9, 0);
    for (int i = 0; i < 2; i++)
        numeric_check(values, loss, of[i], gradients[i], 1e-7, layers[_i].name);
}
END_TEST

/* ---- penalties -------------------------------------------------------------------------------------- */

/* Of logits w.x the gradient is w for every picture: |w|^2 = 9 and (|w| - 1)^2 = 4. */
START_TEST(penalties_of_linear_logits)
{
    gcl_node *real = gcl_input(g, "real", GCL_F32, gcl_shape_of(2, 1, 1, 3));
    gcl_node *fake = gcl_input(g, "fake", GCL_F32, real->shape);
    gcl_node *u = gcl_input(g, "u", GCL_F32, gcl_shape_of(2, 1, 1, 1));
    gcl_node *between = gcl_interpolate(real, fake, u);
    gcl_network_enter(gcl_network_new(nn, "D"));
    gcl_node *r1 = gcl_loss_r1(gcl_layer_dense(nn, "fc", real, 1, 1, 1), real);
    gcl_node *penalty =
        gcl_loss_gradient_penalty(gcl_layer_dense(nn, "fc", between, 1, 1, 1), between);
    nn_begin();
    double *p = gcl_values_set(values, nn_variable("D.parameters"));
    p[0] = 2, p[1] = -2, p[2] = 1;
    SET(real, 1, 2, 3, 4, 5, 6);
    SET(fake, 0, 0, 0, 2, 2, 2);
    SET(u, 1, 0.25);
    ASSERT_VALUES(between, 1, 2, 3, 2.5, 2.75, 3);
    ASSERT_VALUES(r1, 9);
    nn_assert_values(penalty, (double[]){4}, 1e-11);
}
END_TEST

/* ---- values by hand ----------------------------------------------------------------------------------- */

START_TEST(parts_of_batches)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 1, 1, 3));
    gcl_node *stacked = gcl_stack(gcl_rows(x, 1, 1), gcl_channels(x, 0, 3));
    gcl_node *middle = gcl_channels(x, 1, 1);
    nn_begin();
    SET(x, 1, 2, 3, 4, 5, 6);
    ASSERT_VALUES(stacked, 4, 5, 6, 1, 2, 3, 4, 5, 6);
    ASSERT_VALUES(middle, 2, 5);
}
END_TEST

START_TEST(losses_refuse_what_they_cannot_judge)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 10, 12, 1));
    gcl_loss_ssim(x, x);
    nn_assert_error("SSIM wants pictures of at least 11x11, not [1,10,12,1]");
    nn_setup(1, 0);
    x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 10, 12, 2));
    gcl_loss_gmsd(x, x);
    nn_assert_error("GMSD wants 1 or 3 channels, not [1,10,12,2]");
    nn_setup(1, 0);
    gcl_mixture_of(gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 2, 2, 30)), 4, 8);
    nn_assert_error("a mixture of 4 wants 40 channels, not [1,2,2,30]");
    nn_setup(1, 0);
    const int groups[2] = {2, 1};
    gcl_kl_balance(gcl_input(g, "kl", GCL_F32, gcl_shape_of(2, 1, 1, 4)), groups, 2);
    nn_assert_error("3 groups for KL terms [2,1,1,4]");
}
END_TEST

/* A component so wide or so narrow that intervals hold nothing must not give NaN. */
START_TEST(mixtures_have_finite_gradients)
{
    gcl_node *raw = gcl_variable(g, "raw", gcl_shape_of(1, 1, 3, 10)), *gradient;
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 1, 3, 3));
    gcl_mixture p = gcl_mixture_of(raw, 1, 8);
    gcl_node *log_p = gcl_mixture_log_prob(&p, x);
    gcl_gradients(gcl_sum(log_p, GCL_AXES_ALL), &raw, 1, &gradient);
    nn_begin();
    numeric_fill(values, x, 1, 0.05, 0.95, 1);
    double *r = gcl_values_set(values, raw);
    const double log_scales[3] = {-50, 90, 800};
    for (int pixel = 0; pixel < 3; pixel++)
        for (int c = 0; c < 3; c++)
            r[10 * pixel + 1 + 3 * c + 1] = log_scales[pixel];
    for (int i = 0; i < 3; i++)
        ck_assert(isfinite(numeric_value(values, log_p)[i]));
    for (int i = 0; i < 30; i++)
        ck_assert(isfinite(numeric_value(values, gradient)[i]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *derived = nn_case(suite, "derivatives"), *by_hand = nn_case(suite, "values");
    tcase_set_timeout(derived, 60);
    tcase_add_loop_test(derived, derivatives, 0, N_LAYERS);
    tcase_add_test(by_hand, penalties_of_linear_logits);
    tcase_add_test(by_hand, parts_of_batches);
    tcase_add_test(by_hand, losses_refuse_what_they_cannot_judge);
    tcase_add_test(by_hand, mixtures_have_finite_gradients);
    return run_suite(suite);
}
