/* Networks without a device: layouts, initial values, parameters, layers, noise. */
#include <math.h>
#include <string.h>

#include "nn/layers.h"
#include "nn/losses.h"
#include "nn_fixture.h"

/* ---- layouts ---------------------------------------------------------------------------------------- */

static const struct layout_case {
    gcl_layout layout;
    gcl_shape shape;
    int flat[3], n_dims, dims[4];
    /* Memory element (0,1,1,1)-ish: where `memory` lies in the file. */
    int memory, file;
} layout_cases[] = {
    {GCL_LAYOUT_VECTOR, {{1, 1, 1, 7}}, {0, 0, 0}, 1, {7, 1, 1, 1}, 3, 3},
    /* r=1 s=0 c=2 k=3 of [2,3,4,5]: ((1*3 + 0)*4 + 2)*5 + 3 -> ((3*4 + 2)*2 + 1)*3 + 0 */
    {GCL_LAYOUT_CONV, {{2, 3, 4, 5}}, {0, 0, 0}, 4, {5, 4, 2, 3}, 73, 87},
    /* depthwise, r=1 s=0 k=3: (1*3 + 0)*5 + 3 -> (3*2 + 1)*3 + 0 */
    {GCL_LAYOUT_CONV, {{2, 3, 1, 5}}, {0, 0, 0}, 4, {5, 1, 2, 3}, 18, 21},
    {GCL_LAYOUT_CONV_TRANSPOSE, {{2, 3, 4, 5}}, {0, 0, 0}, 4, {5, 4, 2, 3}, 73, 87},
    /* in=2 out=1 of [3 in, 4 out] -> 1*3 + 2 */
    {GCL_LAYOUT_LINEAR, {{1, 1, 3, 4}}, {0, 0, 0}, 2, {4, 3, 1, 1}, 9, 5},
    /* h=1 w=2 c=3 out=1; c,h,w = 4,2,3, 5 out: ((1*3 + 2)*4 + 3)*5 + 1 -> 1*24 + 3*6 + 1*3 + 2 */
    {GCL_LAYOUT_LINEAR_FROM, {{1, 1, 24, 5}}, {4, 2, 3}, 2, {5, 24, 1, 1}, 116, 47},
    /* in=2 h=1 w=0 c=3; c,h,w = 4,2,3, 5 in: 2*24 + (1*3 + 0)*4 + 3 -> (3*6 + 1*3 + 0)*5 + 2 */
    {GCL_LAYOUT_LINEAR_TO, {{1, 1, 5, 24}}, {4, 2, 3}, 2, {24, 5, 1, 1}, 63, 107},
    {GCL_LAYOUT_LINEAR_TO, {{1, 1, 1, 24}}, {4, 2, 3}, 2, {24, 1, 1, 1}, 15, 21},
    /* its bias: h=1 w=0 c=3 -> 3*6 + 1*3 + 0 */
    {GCL_LAYOUT_LINEAR_TO, {{1, 2, 3, 4}}, {4, 2, 3}, 1, {24, 1, 1, 1}, 15, 21},
    /* n=1 h=1 w=2 c=3 of [2,2,3,4] -> ((1*4 + 3)*2 + 1)*3 + 2 */
    {GCL_LAYOUT_IMAGE, {{2, 2, 3, 4}}, {0, 0, 0}, 4, {2, 4, 2, 3}, 47, 47},
    {GCL_LAYOUT_IMAGE, {{1, 2, 3, 4}}, {0, 0, 0}, 3, {4, 2, 3, 1}, 15, 21},
    /* r=1 s=0 c=3 of [2,3,4,1] -> (3*2 + 1)*3 + 0 */
    {GCL_LAYOUT_FILTER_VECTOR, {{2, 3, 4, 1}}, {0, 0, 0}, 1, {24, 1, 1, 1}, 15, 21},
};
enum { N_LAYOUTS = sizeof layout_cases / sizeof *layout_cases };

START_TEST(layouts_are_pytorchs)
{
    const struct layout_case *c = &layout_cases[_i];
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_parameter(nn, "w", c->shape, c->layout, c->flat, gcl_init_constant(0));
    const gcl_tensor *t = gcl_nn_tensor(nn, 0);
    ck_assert_int_eq(t->n_dims, c->n_dims);
    for (int i = 0; i < t->n_dims; i++)
        ck_assert_int_eq(t->dims[i], c->dims[i]);
    int n = (int)gcl_tensor_count(t);
    float memory[200], file[200], back[200];
    for (int i = 0; i < n; i++) {
        memory[i] = (float)i;
        file[i] = -1;
    }
    gcl_tensor_to_file(t, memory, file);
    ck_assert_double_eq((double)file[c->file], c->memory);
    for (int i = 0; i < n; i++)
        ck_assert_double_ge((double)file[i], 0); /* every place was written: a permutation */
    gcl_tensor_from_file(t, file, back);
    ck_assert_mem_eq(memory, back, (size_t)n * sizeof *memory);
}
END_TEST

/* ---- parameters ----------------------------------------------------------------------------------------- */

START_TEST(parameters_lie_aligned_in_one_variable)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_nn_push(nn, "down.%d", 0);
    gcl_node *a = nn_vector("a", 5);
    gcl_nn_pop(nn);
    gcl_node *b = nn_vector("b", 17), *c = nn_vector("c", 1);
    gcl_nn_push(nn, "down.%d", 0);
    ck_assert_ptr_eq(nn_vector("a", 5), a);
    gcl_nn_pop(nn);
    gcl_network_leave(gcl_network_new(nn, "G"));
    ck_assert_int_eq(gcl_nn_tensors(nn), 3);
    ck_assert_str_eq(gcl_nn_tensor(nn, 0)->name, "G.down.0.a");
    ck_assert_str_eq(gcl_nn_tensor(nn, 2)->network, "G");
    ck_assert_str_eq(gcl_nn_tensor(nn, 2)->variable, "G.parameters");
    ck_assert_int_eq(nn_tensor("G.b")->first, 16);
    ck_assert_int_eq(nn_tensor("G.c")->first, 48);
    nn_begin();
    ck_assert_int_eq(nn_variable("G.parameters")->shape.d[3], 64);
    double *x = gcl_values_set(values, nn_variable("G.parameters"));
    for (int i = 0; i < 64; i++)
        x[i] = i;
    ASSERT_VALUES(a, 0, 1, 2, 3, 4);
    ck_assert_double_eq(numeric_value(values, b)[16], 32);
    ASSERT_VALUES(c, 48);
}
END_TEST

START_TEST(a_parameter_has_one_shape)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    nn_vector("a", 5);
    nn_vector("a", 6);
    nn_assert_error("G: parameter G.a is [1,1,1,6] here and [1,1,1,5] elsewhere");
}
END_TEST

START_TEST(parameters_belong_to_a_network)
{
    nn_vector("a", 5);
    nn_assert_error("parameter a stands outside of any network");
}
END_TEST

START_TEST(networks_do_not_nest)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_network_enter(gcl_network_new(nn, "D"));
    nn_assert_error("network D is entered inside network G");
}
END_TEST

START_TEST(state_is_a_variable_of_its_own)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_node *old = gcl_state(nn, "mean", 2, 0.5);
    gcl_state_update(nn, "mean", gcl_scale(old, 2));
    gcl_node *new = gcl_state(nn, "mean", 2, 0.5);
    gcl_state_update(nn, "mean", gcl_div(new, gcl_constant(g, 0)));
    gcl_node *last = gcl_state(nn, "mean", 2, 0.5);
    const gcl_tensor *t = nn_tensor("G.mean");
    ck_assert_int_eq(t->role, GCL_ROLE_BUFFER);
    ck_assert_str_eq(t->variable, "G.mean");
    ck_assert_double_eq(t->init.a, 0.5);
    nn_begin();
    SET(nn_variable("G.mean"), 3, 4);
    ASSERT_VALUES(new, 6, 8);
    ASSERT_VALUES(last, 6, 8); /* infinite: not taken over */
}
END_TEST

START_TEST(only_buffers_are_updated)
{
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_state_update(nn, "mean", nn_vector("a", 1));
    nn_assert_error("there is no buffer G.mean to update");
}
END_TEST

/* ---- inputs and noise ------------------------------------------------------------------------------------ */

START_TEST(pictures_are_decoded)
{
    gcl_node *x = gcl_nn_pictures(nn, "x", gcl_shape_of(1, 1, 1, 3), -1, 1);
    gcl_node *y = gcl_nn_pictures(nn, "y", gcl_shape_of(1, 1, 1, 3), 0, 1);
    ck_assert_int_eq(gcl_nn_data(nn), 2);
    ck_assert_str_eq(gcl_nn_data_at(nn, 1)->name, "y");
    ck_assert_int_eq(gcl_nn_data_at(nn, 0)->dtype, GCL_U8);
    ck_assert_int_eq(x->dtype, GCL_F32);
    nn_begin();
    SET(gcl_nn_data_at(nn, 0), 0, 51, 255);
    SET(gcl_nn_data_at(nn, 1), 0, 51, 255);
    ASSERT_VALUES(x, -1, -0.6, 1);
    ASSERT_VALUES(y, 0, 0.2, 1);
}
END_TEST

START_TEST(levels_and_labels_are_decoded)
{
    gcl_node *x = gcl_nn_levels(nn, "x", gcl_shape_of(1, 1, 1, 3), 31);
    gcl_node *binary = gcl_nn_levels(nn, "b", gcl_shape_of(1, 1, 1, 2), 1);
    gcl_node *labels = gcl_nn_labels(nn, "label", 3);
    ck_assert_int_eq(gcl_nn_data_at(nn, 0)->dtype, GCL_U8);
    ck_assert_int_eq(gcl_nn_data_at(nn, 1)->dtype, GCL_U8);
    ck_assert_int_eq(binary->dtype, GCL_F32);
    ck_assert_ptr_eq(gcl_nn_data_at(nn, 2), labels);
    ck_assert_int_eq(labels->dtype, GCL_U32);
    ck_assert_int_eq(labels->shape.d[0], 3);
    nn_begin();
    SET(gcl_nn_data_at(nn, 0), 0, 15.5, 31);
    SET(gcl_nn_data_at(nn, 1), 0, 1);
    ASSERT_VALUES(binary, 0, 1);
    ASSERT_VALUES(x, 0, 0.5, 1);
}
END_TEST

START_TEST(step_inputs_are_made_once)
{
    ck_assert_ptr_eq(gcl_nn_scalar(nn, "t"), gcl_nn_scalar(nn, "t"));
    gcl_nn_scalar(nn, "G.rate");
    ck_assert_int_eq(gcl_nn_scalars(nn), 2);
    ck_assert_str_eq(gcl_nn_scalar_at(nn, 1)->name, "G.rate");
    ck_assert_ptr_eq(gcl_nn_key(nn), gcl_nn_key(nn));
    ck_assert_int_eq(gcl_nn_key(nn)->dtype, GCL_U32);
}
END_TEST

START_TEST(noise_is_drawn_from_streams_of_its_own)
{
    gcl_shape shape = gcl_shape_of(1, 1, 1, 200);
    gcl_node *a = gcl_nn_noise(nn, "a", GCL_NOISE_NORMAL, shape, 0, 1);
    gcl_node *b = gcl_nn_noise(nn, "b", GCL_NOISE_NORMAL, shape, 0, 1);
    gcl_node *u = gcl_nn_noise(nn, "u", GCL_NOISE_UNIFORM, shape, -3, -2);
    gcl_node *k = gcl_nn_noise(nn, "k", GCL_NOISE_KEEP, shape, 0.6, 0);
    ck_assert_int_eq(gcl_nn_noises(nn), 4);
    ck_assert_str_eq(gcl_nn_noise_at(nn, 2)->name, "u");
    ck_assert_ptr_null(gcl_nn_noise_at(nn, 2)->input);
    nn_begin();
    SET(gcl_nn_key(nn), 5, 0, 1, 0);
    int kept = 0;
    for (int i = 0; i < 200; i++) {
        ck_assert(numeric_value(values, a)[i] != numeric_value(values, b)[i]);
        double of_u = numeric_value(values, u)[i], of_k = numeric_value(values, k)[i];
        ck_assert(of_u >= -3 && of_u < -2);
        ck_assert(of_k == 0 || of_k == 1);
        kept += of_k == 1;
    }
    ck_assert_int_gt(kept, 95); /* 120 +- 7 */
    ck_assert_int_lt(kept, 145);
}
END_TEST

START_TEST(noise_is_an_input_in_replay)
{
    nn_setup(1, 1);
    gcl_node *mask = gcl_nn_noise(nn, "mask", GCL_NOISE_KEEP, gcl_shape_of(2, 3, 3, 4), 0.6, 0);
    ck_assert_ptr_eq(gcl_nn_noise_at(nn, 0)->input, mask);
    ck_assert_str_eq(mask->name, "mask");
    ck_assert_int_eq(mask->dtype, GCL_F32);
}
END_TEST

START_TEST(noise_names_are_used_once)
{
    gcl_nn_noise(nn, "z", GCL_NOISE_NORMAL, gcl_shape_of(1, 1, 1, 2), 0, 1);
    gcl_nn_noise(nn, "z", GCL_NOISE_NORMAL, gcl_shape_of(1, 1, 1, 2), 0, 1);
    nn_assert_error("noise z and noise z have one stream");
}
END_TEST

/* ---- layers and losses -------------------------------------------------------------------------------------- */

/* Two pictures of 1x2 with 2 channels: channel 0 holds 1 2 3 6 (mean 3, variance 3.5), channel 1
 * holds 5 everywhere. */
START_TEST(batch_norm_by_hand)
{
    const double momentum = 0.1, eps = 0.5;
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 1, 2, 2));
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_node *y = gcl_layer_batch_norm(nn, "bn", x, eps, momentum);
    gcl_nn_set_training(nn, 0);
    gcl_node *later = gcl_layer_batch_norm(nn, "bn", x, eps, momentum);
    ck_assert_str_eq(gcl_nn_tensor(nn, 2)->name, "G.bn.running_mean");
    ck_assert_double_eq(nn_tensor("G.bn.running_var")->init.a, 1);
    ck_assert_double_eq(nn_tensor("G.bn.weight")->init.a, 1);
    nn_begin();
    SET(x, 1, 5, 2, 5, 3, 5, 6, 5);
    double *p = gcl_values_set(values, nn_variable("G.parameters"));
    p[0] = 4, p[1] = -2;    /* weight */
    p[16] = 10, p[17] = 20; /* bias */
    SET(nn_variable("G.bn.running_mean"), 1, 1);
    SET(nn_variable("G.bn.running_var"), 2, 2);
    ASSERT_VALUES(y, 6, 20, 8, 20, 10, 20, 16, 20); /* deviation sqrt(3.5 + 0.5) = 2 */
    double mean = 0.9 * 1 + 0.1 * 3, var = 0.9 * 2 + 0.1 * 3.5 * 4 / 3;
    ASSERT_VALUES(nn_latest("G.bn.running_mean"), mean, 0.9 + 0.5);
    ASSERT_VALUES(nn_latest("G.bn.running_var"), var, 1.8);
    ck_assert_double_eq_tol(numeric_value(values, later)[0], (1 - mean) / sqrt(var + eps) * 4 + 10,
                            1e-12);
}
END_TEST

START_TEST(batch_norm_of_one_value)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 1, 1, 2));
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_node *y = gcl_layer_batch_norm(nn, "bn", x, 1e-3, 0.1);
    gcl_node *wrt[3] = {x, nn_vector("bn.weight", 2), nn_vector("bn.bias", 2)}, *dx[3];
    gcl_node *dy = gcl_input(g, "dy", GCL_F32, y->shape);
    gcl_gradients_from(y, dy, wrt, 3, dx);
    nn_begin();
    SET(x, 123, -7);
    SET(dy, 2, 3);
    double *p = gcl_values_set(values, nn_variable("G.parameters"));
    p[0] = 4, p[1] = -2, p[16] = 10, p[17] = 20;
    SET(nn_variable("G.bn.running_mean"), 1, 1);
    SET(nn_variable("G.bn.running_var"), 2, 2);
    nn_assert_values(y, (double[]){10, 20}, 0);
    nn_assert_values(dx[0], (double[]){0, 0}, 0);
    nn_assert_values(dx[1], (double[]){0, 0}, 0);
    nn_assert_values(dx[2], (double[]){2, 3}, 0);
    ASSERT_VALUES(nn_latest("G.bn.running_mean"), 0.9 + 12.3, 0.9 - 0.7);
    ASSERT_VALUES(nn_latest("G.bn.running_var"), 1.8, 1.8);
}
END_TEST

START_TEST(dropout_scales_what_it_keeps)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 1, 1, 3));
    gcl_node *mask = gcl_input(g, "mask", GCL_F32, x->shape);
    gcl_node *y = gcl_layer_dropout(nn, x, mask, 0.8);
    gcl_nn_set_training(nn, 0);
    ck_assert_ptr_eq(gcl_layer_dropout(nn, x, mask, 0.8), x);
    nn_begin();
    SET(x, 4, 8, 12);
    SET(mask, 1, 0, 1);
    ASSERT_VALUES(y, 5, 0, 15);
}
END_TEST

START_TEST(dense_layers_have_one_flat_side)
{
    gcl_node *x = gcl_input(g, "x", GCL_F32, gcl_shape_of(1, 2, 2, 3));
    gcl_network_enter(gcl_network_new(nn, "G"));
    gcl_layer_dense(nn, "dense", x, 2, 2, 4);
    nn_assert_error("G/dense: a dense layer from [1,2,2,3] to 2x2x4: one side must be 1x1");
}
END_TEST

START_TEST(binary_cross_entropy)
{
    gcl_node *z = gcl_variable(g, "z", gcl_shape_of(4, 1, 1, 1));
    gcl_node *target = gcl_input(g, "target", GCL_F32, z->shape), *dz, *dz_limited;
    gcl_node *loss = gcl_loss_bce_logits(z, target, 0),
             *limited = gcl_loss_bce_logits(z, target, 2);
    gcl_gradients(loss, &z, 1, &dz);
    gcl_gradients(limited, &z, 1, &dz_limited);
    nn_begin();
    const double at[4] = {0, 3, -800, 1}, t[4] = {0.25, 1, 0, 0.5};
    nn_set(z, at);
    nn_set(target, t);
    double wanted[4], sum = 0;
    for (int i = 0; i < 4; i++) {
        double p = 1 / (1 + exp(-at[i]));
        sum -= i == 2 ? 0 : t[i] * log(p) + (1 - t[i]) * log(1 - p);
        wanted[i] = (p - t[i]) / 4;
    }
    ck_assert_double_eq_tol(numeric_value(values, loss)[0], sum / 4, 1e-12);
    nn_assert_values(dz, wanted, 1e-15);
    wanted[1] = wanted[2] = 0; /* outside of +-2 */
    nn_assert_values(dz_limited, wanted, 1e-15);
}
END_TEST

/* ---- the program ---------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("nn");
    TCase *tensors = nn_case(suite, "tensors"), *inputs = nn_case(suite, "inputs"),
          *layers = nn_case(suite, "layers");
    tcase_add_loop_test(tensors, layouts_are_pytorchs, 0, N_LAYOUTS);
    tcase_add_test(tensors, parameters_lie_aligned_in_one_variable);
    tcase_add_test(tensors, a_parameter_has_one_shape);
    tcase_add_test(tensors, parameters_belong_to_a_network);
    tcase_add_test(tensors, networks_do_not_nest);
    tcase_add_test(tensors, state_is_a_variable_of_its_own);
    tcase_add_test(tensors, only_buffers_are_updated);
    tcase_add_test(inputs, pictures_are_decoded);
    tcase_add_test(inputs, levels_and_labels_are_decoded);
    tcase_add_test(inputs, step_inputs_are_made_once);
    tcase_add_test(inputs, noise_is_drawn_from_streams_of_its_own);
    tcase_add_test(inputs, noise_is_an_input_in_replay);
    tcase_add_test(inputs, noise_names_are_used_once);
    tcase_add_test(layers, batch_norm_by_hand);
    tcase_add_test(layers, batch_norm_of_one_value);
    tcase_add_test(layers, dropout_scales_what_it_keeps);
    tcase_add_test(layers, dense_layers_have_one_flat_side);
    tcase_add_test(layers, binary_cross_entropy);
    return run_suite(suite);
}
