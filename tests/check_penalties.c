/* Penalties on the gradient of every system's discriminator, which need second derivatives: their
 * gradient by D's parameters against central differences of the penalty, in double precision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "nn/losses.h"
#include "suite_test.h"

static const char *const models[] = {
    "dcgan:tiny", "dcgan:tiny-bn", "pix2pix:tiny", "resnet_gan:tiny", "unet_gan:tiny",
};
enum { N_MODELS = sizeof models / sizeof *models, PICTURES = 2 };

/* D in training mode on pictures, a penalty on it, and that penalty's gradient. */
typedef struct tried {
    gcl_model model;
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_node *pictures, *penalty, *gradient, *parameters;
    gcl_values *values;
} tried;

typedef gcl_node *(*penalty_of)(gcl_node *logits, gcl_node *pictures);

static uint32_t state;

/* In [-1, 1). */
static double draw(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / (1 << 23) - 1;
}

static void fill(gcl_values *values, const gcl_node *node)
{
    double *to = gcl_values_set(values, node);
    for (int64_t i = 0; i < gcl_shape_count(node->shape); i++)
        to[i] = draw();
}

/* Fresh weights, but larger than they start: so that every term of the second derivative counts. */
static void set_weights(tried *t)
{
    for (int i = 0; i < gcl_nn_tensors(t->nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(t->nn, i);
        int64_t n = gcl_tensor_count(tensor);
        float *weights = gcl_alloc((size_t)n * sizeof *weights);
        gcl_tensor_initialise(tensor, 7, weights);
        gcl_node *variable = golden_variable(t->graph, tensor->variable);
        double *to = gcl_values_set(t->values, variable) + tensor->first;
        for (int64_t k = 0; k < n; k++)
            to[k] = weights[k] + (tensor->role == GCL_ROLE_PARAMETER ? 0.05 * draw() : 0);
        free(weights);
    }
}

static void build(tried *t, const char *name, penalty_of penalty)
{
    gcl_error err = {0};
    gcl_ports ports = {0};
    state = 1;
    *t = (tried){.graph = gcl_graph_new()};
    ck_assert_msg(gcl_model_open(&t->model, name, NULL, 0, &err) == 0, "%s", err.text);
    t->nn = gcl_nn_new(t->graph, &(gcl_nn_options){.training = 1, .replay = 1});
    t->model.system->pass(t->nn, &t->model, "D", PICTURES, &ports);
    t->pictures = ports.in[ports.n_in - 1].node; /* behind the source, where D sees one */
    t->penalty = penalty(ports.out[0].node, t->pictures);
    gcl_nn_finish(t->nn);
    t->parameters = golden_variable(t->graph, "D.parameters");
    ck_assert_int_eq(gcl_gradients(t->penalty, &t->parameters, 1, &t->gradient), 0);
    ck_assert_msg(gcl_graph_error(t->graph) == NULL, "%s", gcl_graph_error(t->graph));
    t->values = gcl_values_new(t->graph);
    set_weights(t);
    for (int i = 0; i < ports.n_in; i++)
        fill(t->values, ports.in[i].node);
    for (int i = 0; i < gcl_nn_noises(t->nn); i++) { /* masks: every fourth is dropped */
        const gcl_node *mask = gcl_nn_noise_at(t->nn, i)->input;
        double *to = gcl_values_set(t->values, mask);
        for (int64_t k = 0; k < gcl_shape_count(mask->shape); k++)
            to[k] = k % 4 != 1;
    }
}

static void release(tried *t)
{
    gcl_values_free(t->values);
    gcl_nn_free(t->nn);
    gcl_graph_free(t->graph);
}

/* The penalty with the parameters moved by `by` along `direction`. */
static double moved(tried *t, const double *direction, double by)
{
    gcl_error err = {0};
    int64_t n = gcl_shape_count(t->parameters->shape);
    double *parameters = gcl_values_set(t->values, t->parameters);
    for (int64_t i = 0; i < n; i++)
        parameters[i] += by * direction[i];
    gcl_values_forget(t->values);
    ck_assert_msg(gcl_values_compute(t->values, &t->penalty, 1, &err) == 0, "%s", err.text);
    double value = gcl_values_of(t->values, t->penalty)[0];
    for (int64_t i = 0; i < n; i++)
        parameters[i] -= by * direction[i];
    return value;
}

static void check(const char *name, penalty_of penalty)
{
    tried t;
    gcl_error err = {0};
    build(&t, name, penalty);
    int64_t n = gcl_shape_count(t.parameters->shape);
    double *direction = gcl_alloc((size_t)n * sizeof *direction), slope = 0;
    ck_assert_msg(gcl_values_compute(t.values, &t.gradient, 1, &err) == 0, "%s", err.text);
    const double *gradient = gcl_values_of(t.values, t.gradient);
    for (int64_t i = 0; i < n; i++) {
        direction[i] = draw();
        slope += gradient[i] * direction[i];
    }
    /* A LeakyReLU that changes sides within the step would spoil a difference: it has to be short. */
    double h = 1e-7, central = (moved(&t, direction, h) - moved(&t, direction, -h)) / (2 * h);
    ck_assert_msg(fabs(slope) > 1e-9, "%s: the slope %g tells nothing", name, slope);
    ck_assert_msg(fabs(slope - central) <= 1e-5 * fabs(slope), "%s: slope %.9g, difference %.9g",
                  name, slope, central);
    free(direction);
    release(&t);
}

START_TEST(r1_has_the_gradient_of_its_differences) { check(models[_i], gcl_loss_r1); }
END_TEST

START_TEST(gradient_penalty_has_the_gradient_of_its_differences)
{
    check(models[_i], gcl_loss_gradient_penalty);
}
END_TEST

/* With a weight the penalty is a part of the training step and of its losses. */
START_TEST(settings_put_penalties_into_the_step)
{
    static const char *const changes[] = {"r1=10", "gp=10", "ema=0.99"};
    gcl_model model;
    gcl_error err = {0};
    int nodes[4];
    for (int i = 0; i < 4; i++) {
        gcl_step step = {0};
        ck_assert_int_eq(gcl_model_open(&model, models[_i], &changes[i % 3], i < 3, &err), 0);
        gcl_graph *graph = gcl_graph_new();
        gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 1});
        model.system->step(nn, &model, &(gcl_batch){PICTURES, 1}, &step);
        gcl_nn_finish(nn);
        ck_assert_msg(gcl_graph_error(graph) == NULL, "%s", gcl_graph_error(graph));
        nodes[i] = gcl_graph_size(graph);
        int averages = 0;
        for (int k = 0; k < gcl_nn_tensors(nn); k++)
            averages += gcl_nn_tensor(nn, k)->role == GCL_ROLE_AVERAGE;
        ck_assert_int_eq(averages > 10, i == 2);
        gcl_nn_free(nn);
        gcl_graph_free(graph);
    }
    ck_assert_int_gt(nodes[0], nodes[3] + 30);
    ck_assert_int_gt(nodes[1], nodes[3] + 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("penalties");
    TCase *penalties = tcase_create("penalties");
    tcase_add_loop_test(penalties, r1_has_the_gradient_of_its_differences, 0, N_MODELS);
    tcase_add_loop_test(penalties, gradient_penalty_has_the_gradient_of_its_differences, 0,
                        N_MODELS);
    tcase_add_loop_test(penalties, settings_put_penalties_into_the_step, 0, N_MODELS);
    tcase_set_timeout(penalties, 0);
    suite_add_tcase(suite, penalties);
    return run_suite(suite);
}
