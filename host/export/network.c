#include "export/network.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void add_output(gcl_network_export *x, gcl_node *node, const char *name)
{
    x->output_names[x->n_outputs] = name;
    x->outputs[x->n_outputs++] = node;
}

/* ---- as it is used -------------------------------------------------------------------------------- */

static gcl_node *pictures_in(gcl_network_export *x, const char *name)
{
    gcl_wanted wanted;
    x->model->system->data(x->model, &wanted);
    return gcl_input(x->graph, name, GCL_F32,
                     gcl_shape_of(1, wanted.size, wanted.size, wanted.channels));
}

static void build_use(gcl_network_export *x)
{
    const gcl_system *system = x->model->system;
    if (x->task == GCL_TASK_GENERATE) {
        x->what = "generator";
        x->latents = gcl_input(x->graph, "z", GCL_F32, system->latent(x->model, 1));
        add_output(x, system->generate(x->nn, x->model, x->latents), "pictures");
    } else if (x->task == GCL_TASK_TRANSLATE) {
        x->what = "translator";
        add_output(x, system->translate(x->nn, x->model, pictures_in(x, "source")), "pictures");
    } else {
        x->what = "classifier";
        add_output(x, system->classify(x->nn, x->model, pictures_in(x, "x")), "scores");
    }
}

/* The first that the model can be used for, of those that are one function. */
static int find_task(const gcl_model *model)
{
    static const gcl_task tasks[] = {GCL_TASK_GENERATE, GCL_TASK_TRANSLATE, GCL_TASK_CLASSIFY};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (gcl_model_lacks(model, tasks[i]) == NULL)
            return (int)tasks[i];
    return -1;
}

/* ---- a pass --------------------------------------------------------------------------------------- */

static int find_pass(gcl_network_export *x, const char *network, gcl_error *err)
{
    gcl_text all = {0};
    const char *const *names = x->model->system->passes(x->model);
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], network) == 0)
            x->what = names[i];
        gcl_text_add(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (x->what == NULL)
        gcl_fail(err, GCL_USAGE, "--network %s: %s has no such network (%s)", network,
                 x->model->system->name, all.text);
    gcl_text_free(&all);
    return x->what != NULL ? 0 : -1;
}

static void build_pass(gcl_network_export *x)
{
    x->model->system->pass(x->nn, x->model, x->what, 1, &x->ports);
    for (int i = 0; i < x->ports.n_out; i++)
        if (x->ports.out[i].node->shape.d[0] == 1)
            add_output(x, x->ports.out[i].node, x->ports.out[i].name);
}

/* ---- either --------------------------------------------------------------------------------------- */

int gcl_network_export_build(gcl_network_export *x, const gcl_model *model, const char *network,
                             gcl_error *err)
{
    *x = (gcl_network_export){.model = model, .task = network != NULL ? -1 : find_task(model)};
    if (network != NULL && find_pass(x, network, err) != 0)
        return -1;
    gcl_nn_options options = {.replay = 1, .frozen = 1};
    options.training = x->task == GCL_TASK_TRANSLATE && model->system->translate_in_training;
    options.averaged = x->averaged = x->task >= 0 && gcl_model_real(model, "ema") > 0;
    x->graph = gcl_graph_new();
    x->nn = gcl_nn_new(x->graph, &options);
    if (network != NULL)
        build_pass(x);
    else
        build_use(x);
    gcl_nn_finish(x->nn);
    if (gcl_graph_error(x->graph) != NULL)
        return gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(x->graph));
    return 0;
}

void gcl_network_export_free(gcl_network_export *x)
{
    gcl_nn_free(x->nn);
    if (x->graph != NULL)
        gcl_graph_free(x->graph);
    *x = (gcl_network_export){0};
}

/* ---- prose ---------------------------------------------------------------------------------------- */

static const gcl_noise *noise_of(const gcl_network_export *x, const gcl_node *input)
{
    for (int i = 0; i < gcl_nn_noises(x->nn); i++)
        if (gcl_nn_noise_at(x->nn, i)->input == input)
            return gcl_nn_noise_at(x->nn, i);
    return NULL;
}

static void noise_doc(const gcl_noise *noise, char *text, size_t size)
{
    if (noise->kind == GCL_NOISE_NORMAL)
        snprintf(text, size, "random numbers from N(0, 1)");
    else if (noise->kind == GCL_NOISE_UNIFORM)
        snprintf(text, size, "random numbers, uniform from %g to %g", noise->a, noise->b);
    else
        snprintf(
            text, size,
            "dropout: 1 keeps a feature, 0 drops it; 1 with a probability of %g, drawn anew for "
            "each picture",
            noise->a);
}

static int is_picture(const gcl_node *node)
{
    return node->shape.d[1] * node->shape.d[2] > 1 &&
           (strcmp(node->name, "x") == 0 || strcmp(node->name, "source") == 0 ||
            strcmp(node->name, "target") == 0);
}

void gcl_network_export_input_doc(const gcl_network_export *x, const gcl_node *input, char *text,
                                  size_t size)
{
    const gcl_system *system = x->model->system;
    const gcl_noise *noise = noise_of(x, input);
    if (noise != NULL)
        noise_doc(noise, text, size);
    else if (input == x->latents)
        snprintf(text, size, "latents: random numbers from N(0, 1)");
    else if (is_picture(input))
        snprintf(text, size, "pictures, values from %g to %g", system->picture_low,
                 system->picture_high);
    else
        snprintf(text, size, "%s, as the pass %s takes it", input->name, x->what);
}

void gcl_network_export_output_doc(const gcl_network_export *x, int output, char *text, size_t size)
{
    const gcl_system *system = x->model->system;
    if (x->task == GCL_TASK_CLASSIFY)
        snprintf(text, size, "scores of the classes: softmax makes probabilities of them");
    else if (x->task >= 0)
        snprintf(text, size, "pictures, values from %g to %g", system->picture_low,
                 system->picture_high);
    else
        snprintf(text, size, "%s, as the pass %s gives it", x->output_names[output], x->what);
}
