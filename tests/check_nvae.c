/* NVAE beyond its recordings, by the double-precision oracle: mistakes in settings, the places of
 * parameters, use of a trained model, micro-batches, recomputation, schedules. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "models/model.h"
#include "nn_fixture.h"

static gcl_model open_model(const char *name, const char *change)
{
    gcl_model model;
    gcl_error err = {0};
    ck_assert_msg(gcl_model_open(&model, name, &change, change != NULL, &err) == 0, "%s", err.text);
    return model;
}

/* What differs between architectures and likelihoods. */
static const struct kind {
    const char *name, *change;
} kinds[] = {{"nvae:tiny", NULL},
             {"nvae:tiny-rgb", NULL},
             {"nvae:tiny-flow", NULL},
             {"nvae:tiny-rgb", "likelihood=normal"},
             {"nvae:tiny", "groups=1"}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* Ends building; fresh weights, and all inputs as numbers within +-1, a function of their names. */
static void begin(void)
{
    nn_begin();
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        float *weights = gcl_alloc((size_t)gcl_tensor_count(t) * sizeof *weights);
        gcl_tensor_initialise(t, 3, weights);
        double *to = gcl_values_set(values, nn_variable(t->variable)) + t->first;
        for (int64_t k = 0; k < gcl_tensor_count(t); k++)
            to[k] = weights[k];
        free(weights);
    }
}

static void fill(const gcl_node *input, unsigned seed)
{
    int is_uniform = strncmp(input->name, "u_", 2) == 0 || strstr(input->name, ".u_") != NULL;
    int is_picture = strcmp(input->name, "x") == 0;
    numeric_fill(values, input, seed, 0.1, 0.9, is_uniform || is_picture);
}

static void copy(const gcl_node *from, const gcl_node *to, double factor, int64_t first)
{
    const double *source = gcl_values_set(values, from);
    double *target = gcl_values_set(values, to) + first;
    for (int64_t i = 0; i < gcl_shape_count(from->shape); i++)
        target[i] = factor * source[i];
}

/* Both computed at once, so that no storage of the first is gone. */
static void assert_equal(gcl_node *a, gcl_node *b, double tolerance)
{
    ck_assert(gcl_shape_equal(a->shape, b->shape));
    gcl_error err = {0};
    ck_assert_msg(gcl_values_compute(values, (gcl_node *[]){a, b}, 2, &err) == 0, "%s", err.text);
    const double *x = gcl_values_of(values, a), *y = gcl_values_of(values, b);
    for (int64_t i = 0; i < gcl_shape_count(a->shape); i++)
        ck_assert_msg(fabs(x[i] - y[i]) <= tolerance * fmax(1, fabs(y[i])), "%lld: %.17g, %.17g",
                      (long long)i, x[i], y[i]);
}

/* ---- settings ---- */

static const struct mistake {
    const char *name, *change, *part;
} mistakes[] = {
    {"nvae", "groups=", "1 to 8 numbers are wanted"},
    {"nvae", "groups=0", "allowed is 1 to 40"},
    {"nvae", "groups=30,20", "50 in all, at most 40"},
    {"nvae", "size=28", "blocks=2 and 2 scales of groups halve it 3 times: take a multiple of 8"},
    {"nvae", "blocks=6", "halve it 7 times"},
    {"nvae:ffhq256", "channels=4096", "channels=4096 become 131072 in 5 halvings"},
    {"nvae", "likelihood=dmol", "likelihood=dmol is for pictures with 3 channels; for 1 set"},
    {"nvae", "likelihood=normal", "likelihood=normal is for pictures with 3"},
    {"nvae:toy-rgb", "likelihood=bernoulli", "bernoulli is for pictures with 1 channel"},
    {"nvae", "in_channels=3", "in_channels=3: likelihood=bernoulli"},
    {"nvae", "crop=16", "crop=16 leaves nothing"},
    {"nvae", "warmup_epochs=401", "there are only epochs=400"},
    {"nvae", "likelihood=logistic", "dmol bernoulli normal"},
    {"nvae", "channels=1", "allowed is 2 to 4096"},
};

START_TEST(a_mistake_is_one_clear_line)
{
    const struct mistake *m = &mistakes[_i];
    gcl_model model;
    gcl_error err = {0};
    ck_assert_int_eq(gcl_model_open(&model, m->name, &m->change, 1, &err), -1);
    ck_assert_int_eq(err.code, GCL_USAGE);
    ck_assert_msg(strstr(err.text, m->part) != NULL, "\"%s\" lacks \"%s\"", err.text, m->part);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(the_default_is_small)
{
    gcl_model model = open_model("nvae", NULL);
    ck_assert_str_eq(model.preset->name, "small");
    gcl_wanted wanted;
    model.system->data(&model, &wanted);
    ck_assert_int_eq(wanted.levels, 2);
    ck_assert_int_eq(wanted.channels, 1);
    model = open_model("nvae:ffhq256", NULL);
    model.system->data(&model, &wanted);
    ck_assert_int_eq(wanted.levels, 32);
    ck_assert_int_eq(wanted.channels, 3);
}
END_TEST

START_TEST(schedules)
{
    gcl_model model = open_model("nvae:tiny", "spectral_init=1"); /* 60,000 steps */
    ck_assert_double_eq(gcl_model_scalar(&model, "vae.rate", 0), 0);
    ck_assert_double_eq_tol(gcl_model_scalar(&model, "vae.rate", 75), 0.1, 1e-15);
    ck_assert_double_eq(gcl_model_scalar(&model, "vae.rate", 750), 1);
    ck_assert_double_eq_tol(gcl_model_scalar(&model, "lr", 59999), 1e-4, 1e-12);
    ck_assert_double_eq(gcl_model_scalar(&model, "beta", 0), 1e-4);
    ck_assert_double_eq_tol(gcl_model_scalar(&model, "beta", 9006), 0.5, 1e-12);
    ck_assert_double_eq(gcl_model_scalar(&model, "beta", 18006), 1);
    ck_assert_double_eq_tol(gcl_model_scalar(&model, "lam", 9006), 0.1, 1e-12);
    ck_assert_double_eq_tol(gcl_model_scalar(&model, "lam", 20000), 0.01, 1e-12);
    gcl_model stretched = open_model("nvae:tiny", "run_steps=6000");
    static const char *const scalars[] = {"vae.rate", "lr", "beta"};
    for (int i = 0; i < 3; i++)
        for (int64_t step = 0; step < 7000; step += 77)
            ck_assert_double_eq(gcl_model_scalar(&stretched, scalars[i], step),
                                gcl_model_scalar(&model, scalars[i], 10 * step));
}
END_TEST

/* ---- the places of parameters ---- */

/* The i-th tensor with that role. */
static const gcl_tensor *tensor_at(gcl_nn *of, gcl_role role, int i)
{
    for (int k = 0; k < gcl_nn_tensors(of); k++)
        if (gcl_nn_tensor(of, k)->role == role && i-- == 0)
            return gcl_nn_tensor(of, k);
    return NULL;
}

static void build_use(const gcl_model *model, gcl_task task)
{
    gcl_shape z = model->system->latent(model, 2);
    gcl_wanted wanted;
    gcl_bound bound;
    model->system->data(model, &wanted);
    gcl_shape x = gcl_shape_of(2, wanted.size, wanted.size, wanted.channels);
    if (task == GCL_TASK_GENERATE)
        model->system->generate(nn, model, gcl_input(g, "z", GCL_F32, z));
    else if (task == GCL_TASK_RECONSTRUCT)
        model->system->reconstruct(nn, model, gcl_input(g, "x", GCL_F32, x));
    else
        model->system->bound(nn, model, gcl_input(g, "x", GCL_F32, x), &bound);
}

START_TEST(parameters_lie_where_training_puts_them)
{
    static const gcl_task tasks[] = {GCL_TASK_GENERATE, GCL_TASK_RECONSTRUCT, GCL_TASKS};
    const struct kind *kind = &kinds[_i % N_KINDS];
    gcl_model model = open_model(kind->name, kind->change);
    gcl_step step = {0};
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *training = gcl_nn_new(graph, &(gcl_nn_options){.training = 1});
    model.system->step(training, &model, &(gcl_batch){2, 1}, &step);
    gcl_nn_finish(training);
    nn_setup(0, 0);
    build_use(&model, tasks[_i / N_KINDS]);
    nn_begin();
    int n = 0;
    for (const gcl_tensor *ours; (ours = tensor_at(nn, GCL_ROLE_PARAMETER, n)) != NULL; n++) {
        const gcl_tensor *theirs = tensor_at(training, GCL_ROLE_PARAMETER, n);
        ck_assert_str_eq(ours->name, theirs->name);
        ck_assert_str_eq(ours->variable, theirs->variable);
        ck_assert_int_eq(ours->first, theirs->first);
    }
    ck_assert_int_gt(n, 50);
    ck_assert_ptr_null(tensor_at(training, GCL_ROLE_PARAMETER, n));
    gcl_nn_free(training);
    gcl_graph_free(graph);
}
END_TEST

/* ---- use ---- */

static gcl_node *port(const gcl_port *ports, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(ports[i].name, name) == 0)
            return ports[i].node;
    ck_abort_msg("no port %s", name);
    return NULL;
}

/* generate takes noise times temperature, group after group; the pass `sample` noise of each group. */
START_TEST(generating_is_sampling)
{
    gcl_model model = open_model(kinds[_i].name, kinds[_i].change);
    gcl_ports ports = {0};
    nn_setup(0, 0);
    model.system->pass(nn, &model, "sample", 2, &ports);
    gcl_node *z = gcl_input(g, "z", GCL_F32, model.system->latent(&model, 2));
    gcl_node *pictures = model.system->generate(nn, &model, z);
    begin();
    int64_t length = gcl_shape_count(z->shape) / 2, at = 0;
    for (int i = 0; i < ports.n_in; i++) {
        gcl_node *in = ports.in[i].node;
        fill(in, (unsigned)i);
        if (strncmp(in->name, "sample.eps.", 11) != 0)
            continue;
        int64_t n = gcl_shape_count(in->shape) / 2;
        for (int64_t k = 0; k < 2 * n; k++)
            gcl_values_set(values, z)[k / n * length + at + k % n] =
                0.7 * gcl_values_set(values, in)[k];
        at += n;
    }
    ck_assert_int_eq(at, length);
    assert_equal(pictures, port(ports.out, ports.n_out, "sample.mean"), 1e-12);
}
END_TEST

START_TEST(pictures_can_be_drawn)
{
    static const char *const names[] = {"u_mix", "u_logistic", "eps_x"};
    gcl_model model = open_model("nvae:tiny-rgb", _i ? "likelihood=normal" : NULL);
    gcl_ports ports = {0};
    gcl_model drawing = model;
    for (int i = 0; model.system->settings[i].key != NULL; i++)
        if (strcmp(model.system->settings[i].key, "pixels") == 0)
            drawing.values[i].number = 1;
        else if (strcmp(model.system->settings[i].key, "temperature") == 0)
            drawing.values[i].number = 1;
    nn_setup(0, 1);
    model.system->pass(nn, &drawing, "sample", 2, &ports);
    gcl_node *z = gcl_input(g, "z", GCL_F32, model.system->latent(&model, 2));
    gcl_node *drawn = model.system->generate(nn, &drawing, z);
    begin();
    ck_assert_int_eq(gcl_nn_noises(nn), _i ? 1 : 2);
    for (int i = 0; i < ports.n_in; i++) /* z = 0, eps = 0 */
        if (strncmp(ports.in[i].name, "sample.eps.", 11) != 0)
            fill(ports.in[i].node, (unsigned)i);
    for (int i = 0; i < gcl_nn_noises(nn); i++) {
        const gcl_noise *noise = gcl_nn_noise_at(nn, i);
        char name[40];
        ck_assert_str_eq(noise->name, names[_i ? 2 : i]);
        snprintf(name, sizeof name, "sample.%s", noise->name);
        copy(port(ports.in, ports.n_in, name), noise->input, 1, 0);
    }
    assert_equal(drawn, port(ports.out, ports.n_out, "sample.image"), 1e-12);
}
END_TEST

START_TEST(bounds_are_those_of_the_pass)
{
    gcl_model model = open_model(kinds[_i].name, kinds[_i].change);
    gcl_ports ports = {0};
    gcl_bound bound;
    nn_setup(0, 1);
    model.system->pass(nn, &model, "vae", 2, &ports);
    model.system->bound(nn, &model, port(ports.in, ports.n_in, "x"), &bound);
    gcl_node *kl = gcl_sum(port(ports.out, ports.n_out, "kl"), GCL_AXIS_C);
    gcl_node *recon = port(ports.out, ports.n_out, "recon");
    gcl_node *weight = gcl_sub(port(ports.out, ports.n_out, "log_p"), recon);
    weight = gcl_sub(weight, port(ports.out, ports.n_out, "log_q"));
    begin();
    for (int i = 0; i < ports.n_in; i++)
        fill(ports.in[i].node, (unsigned)i);
    for (int i = 0; i < gcl_nn_noises(nn); i++) {
        const gcl_noise *noise = gcl_nn_noise_at(nn, i);
        copy(port(ports.in, ports.n_in, noise->name), noise->input, 1, 0);
    }
    assert_equal(bound.reconstruction, recon, 1e-12);
    assert_equal(bound.kl, kl, 1e-12);
    assert_equal(bound.log_weight, weight, 1e-12);
}
END_TEST

/* Without noise the pass gives the parameters whose mean the reconstruction is. */
START_TEST(nothing_is_drawn_to_reconstruct)
{
    gcl_model model = open_model("nvae:tiny", NULL);
    gcl_ports ports = {0};
    nn_setup(0, 1);
    model.system->pass(nn, &model, "vae", 2, &ports);
    gcl_node *x = port(ports.in, ports.n_in, "x");
    gcl_node *pictures = model.system->reconstruct(nn, &model, x);
    gcl_node *mean = gcl_sigmoid(port(ports.out, ports.n_out, "logits"));
    begin();
    ck_assert_int_eq(gcl_nn_noises(nn), 0);
    fill(x, 1);
    assert_equal(pictures, mean, 1e-12);
}
END_TEST

/* What re-adjusts statistics before sampling: they move in the decoder, and only there. */
START_TEST(generating_in_training_moves_the_decoders_statistics)
{
    gcl_model model = open_model("nvae:tiny", NULL);
    gcl_node *z = gcl_input(g, "z", GCL_F32, model.system->latent(&model, 4));
    model.system->generate(nn, &model, z);
    nn_begin();
    int in_decoder = 0, moved = 0;
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        in_decoder +=
            t->role == GCL_ROLE_BUFFER && (strncmp(t->name, "vae.dec_tower.", 14) == 0 ||
                                           strncmp(t->name, "vae.post_process.", 17) == 0);
    }
    for (int id = 0; id < gcl_graph_size(g); id++) {
        const gcl_node *node = gcl_graph_node(g, id);
        if (node->op != &gcl_op_assign)
            continue;
        const char *name = node->in[0]->name;
        ck_assert_msg(strncmp(name, "vae.dec_tower.", 14) == 0 ||
                          strncmp(name, "vae.post_process.", 17) == 0,
                      "%s is assigned to", name);
        moved++;
    }
    ck_assert_int_gt(moved, 20);
    ck_assert_int_eq(moved, in_decoder);
}
END_TEST

/* ---- training ---- */

static gcl_node *loss_called(const gcl_step *step, const char *name)
{
    for (int i = 0; i < step->n_losses; i++)
        if (strcmp(step->losses[i].name, name) == 0)
            return step->losses[i].node;
    ck_abort_msg("no loss %s", name);
    return NULL;
}

/* The loss of a step, then the gradients of all parameters; free() it. `parts` equal halves. */
static double *train(const gcl_model *model, int parts, int recompute, int *n, int *copies)
{
    gcl_step step = {0};
    nn_setup(1, 1);
    gcl_graph_set_recompute(g, recompute);
    model->system->step(nn, model, &(gcl_batch){2, parts}, &step);
    begin();
    for (int i = 0; i < gcl_nn_scalars(nn); i++)
        SET(gcl_nn_scalar_at(nn, i), 0.5);
    for (int i = -1; i < gcl_nn_noises(nn); i++) {
        const gcl_node *input = i < 0 ? gcl_nn_data_at(nn, 0) : gcl_nn_noise_at(nn, i)->input;
        fill(input, (unsigned)i + 7);
        double *to = gcl_values_set(values, input);
        int64_t count = gcl_shape_count(input->shape) / parts;
        for (int64_t k = 0; k < count * parts; k++) /* bits are bits */
            to[k] = i < 0 ? (double)(k % count % 3 == 0) : to[k % count];
    }
    *n = 1;
    double *found = gcl_alloc(sizeof *found * 200000);
    found[0] = numeric_value(values, loss_called(&step, "loss"))[0];
    const gcl_tensor *t;
    for (int i = 0; (t = tensor_at(nn, GCL_ROLE_PARAMETER, i)) != NULL; i++) {
        gcl_node *gradient = gcl_network_gradient(gcl_network_new(nn, "vae"), t->name);
        const double *from = numeric_value(values, gradient);
        for (int64_t k = 0; k < gcl_tensor_count(t); k++)
            found[(*n)++] = from[k];
    }
    ck_assert_int_lt(*n, 200000);
    *copies = 0;
    for (int id = 0; id < gcl_graph_size(g); id++)
        *copies += gcl_graph_node(g, id)->original != NULL;
    return found;
}

static void same_training(const gcl_model *model, int parts, int recompute)
{
    int n, other_n, copies, other_copies;
    double *plain = train(model, 1, 0, &n, &copies);
    double *other = train(model, parts, recompute, &other_n, &other_copies);
    ck_assert_int_eq(n, other_n);
    ck_assert_int_eq(copies, 0);
    ck_assert_int_eq(other_copies > 0, recompute);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(plain[i] - other[i]) <= 1e-9 * fmax(1, fabs(plain[i])),
                      "%d: %.17g, %.17g", i, plain[i], other[i]);
    free(plain);
    free(other);
}

START_TEST(equal_halves_give_what_one_gives)
{
    gcl_model model = open_model("nvae:tiny", NULL);
    same_training(&model, 2, _i);
}
END_TEST

START_TEST(recomputing_changes_nothing)
{
    gcl_model model = open_model(_i ? "nvae:tiny-flow" : "nvae:tiny", NULL);
    same_training(&model, 1, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nvae");
    TCase *settings = nn_case(suite, "settings"), *places = nn_case(suite, "places");
    TCase *use = nn_case(suite, "use"), *training = nn_case(suite, "training");
    tcase_add_loop_test(settings, a_mistake_is_one_clear_line, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(settings, the_default_is_small);
    tcase_add_test(settings, schedules);
    tcase_add_loop_test(places, parameters_lie_where_training_puts_them, 0, 3 * N_KINDS);
    tcase_add_loop_test(use, generating_is_sampling, 0, N_KINDS);
    tcase_add_loop_test(use, pictures_can_be_drawn, 0, 2);
    tcase_add_loop_test(use, bounds_are_those_of_the_pass, 0, N_KINDS);
    tcase_add_test(use, nothing_is_drawn_to_reconstruct);
    tcase_add_test(use, generating_in_training_moves_the_decoders_statistics);
    tcase_add_loop_test(training, equal_halves_give_what_one_gives, 0, 2);
    tcase_add_loop_test(training, recomputing_changes_nothing, 0, 2);
    return run_suite(suite);
}
