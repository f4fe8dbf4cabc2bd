/* Models without a device: settings, tensors against the reference's manifests, and the reference's
 * recorded runs against the double-precision oracle: forward passes, gradients, losses. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "models/value.h"
#include "suite_test.h"

/* ---- settings ---- */

static gcl_model open_model(const char *name, const char *change)
{
    gcl_model model;
    gcl_error err = {0};
    ck_assert_msg(gcl_model_open(&model, name, &change, change != NULL, &err) == 0, "%s", err.text);
    return model;
}

START_TEST(the_default_model_is_standard_dcgan)
{
    gcl_model model = open_model(NULL, NULL);
    ck_assert_str_eq(model.system->name, "dcgan");
    ck_assert_str_eq(model.preset->name, "standard");
    ck_assert_int_eq(gcl_model_int(&model, "base"), 64);
    ck_assert_int_eq(gcl_model_int(&model, "batch_norm"), 1);
    ck_assert_double_eq(gcl_model_real(&model, "lr"), 1e-4);
}
END_TEST

START_TEST(changes_come_after_the_preset)
{
    gcl_model model = open_model("dcgan:tiny", "base=24");
    ck_assert_int_eq(gcl_model_int(&model, "base"), 24);
    ck_assert_int_eq(gcl_model_int(&model, "size"), 64);
    model = open_model("dcgan", "optimiser=adam_keras");
    ck_assert_int_eq(gcl_model_int(&model, "optimiser"), 2);
    model = open_model("dcgan", "batch_norm=False");
    ck_assert_int_eq(gcl_model_int(&model, "batch_norm"), 0);
}
END_TEST

static const struct mistake {
    const char *name, *change, *part; /* what the message must hold */
} mistakes[] = {
    {"dgcan", NULL, "did you mean dcgan?"},
    {"dcgan:smal", NULL, "did you mean small?"},
    {"dcgan:qqqqqqqqqqqq", NULL, "known: standard, dcgan128"},
    {"dcgan", "bsae=3", "did you mean base?"},
    {"dcgan", "base", "KEY=VALUE"},
    {"dcgan", "base=many", "a whole number"},
    {"dcgan", "base=2.5", "a whole number"},
    {"dcgan", "base=0", "allowed is 1 to 4096"},
    {"dcgan", "lr=nan", "a number"},
    {"dcgan", "batch_norm=2", "true or false"},
    {"dcgan", "optimiser=ada", "rmsprop adam adam_keras"},
    {"dcgan", "size=100", "a multiple of 8, such as 96"},
    {"dcgan:tiny", "size=16", "down_layers=4 leave nothing"},
    {"dcgan:", NULL, "no dcgan preset ''"},
    {"", NULL, "no system ''"},
    {"dcgan", "=3", "KEY=VALUE"},
    {"nvae", "r1=1", "nvae has no setting r1 ("}, /* no two letters wrong of two */
    {"nvae", "size=30", "a multiple of 8"},
    {"resnet_gan", "blocks=3,4,6", "4 numbers are wanted"},
    {"resnet_gan", "mode=classifier", "2 classes or more"},
    {"unet_gan:small", "padding=false", "from size=104 (output 12) on"},
    {"unet_gan:small", "n_channels=60", "such as 56"},
    {"unet_gan:small", "loss=foo:1", "the words being gan l1 tv ssim gmsd"},
};

START_TEST(a_mistake_is_one_clear_line)
{
    const struct mistake *m = &mistakes[_i];
    gcl_model model;
    gcl_error err = {0};
    ck_assert_int_eq(gcl_model_open(&model, m->name, &m->change, m->change != NULL, &err), -1);
    ck_assert_int_eq(err.code, GCL_USAGE);
    ck_assert_msg(strstr(err.text, m->part) != NULL, "\"%s\" lacks \"%s\"", err.text, m->part);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(values_survive_being_text)
{
    gcl_model model = open_model("dcgan:tiny-bn", "lr=2.3e-05"), again = open_model("dcgan", NULL);
    for (int i = 0; model.system->settings[i].key != NULL; i++) {
        char value[60], change[120];
        gcl_model_value_text(&model, i, value, sizeof value);
        snprintf(change, sizeof change, "%s=%s", model.system->settings[i].key, value);
        again = open_model("dcgan:tiny", change);
        ck_assert_mem_eq(&again.values[i], &model.values[i], sizeof(gcl_value));
    }
    char text[60];
    gcl_model_value_text(&model, 3, text, sizeof text);
    ck_assert_str_eq(text, "6");
}
END_TEST

START_TEST(nearest_words)
{
    static const char *const names[] = {"train", "sample", "describe", NULL};
    ck_assert_str_eq(gcl_nearest("trian", names), "train");
    ck_assert_str_eq(gcl_nearest("describ", names), "describe");
    ck_assert_ptr_null(gcl_nearest("zzzzzzzz", names));
    ck_assert_ptr_null(gcl_nearest("foo", (const char *const[]){"rho", NULL}));
}
END_TEST

/* ---- manifests ---- */

/* A training graph of a model. */
typedef struct built {
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_step step;
} built;

static built build_step(const gcl_model *model, int batch, int replay)
{
    built b = {.graph = gcl_graph_new()};
    b.nn = gcl_nn_new(b.graph, &(gcl_nn_options){.training = 1, .replay = replay});
    model->system->step(b.nn, model, &(gcl_batch){batch, 1}, &b.step);
    gcl_nn_finish(b.nn);
    ck_assert_msg(gcl_graph_error(b.graph) == NULL, "%s", gcl_graph_error(b.graph));
    return b;
}

static void built_free(built *b)
{
    gcl_nn_free(b->nn);
    gcl_graph_free(b->graph);
}

/* The manifest's line of a tensor: "G.conv1.conv.weight 12x6x5x5 f32 param". */
static void tensor_line(const gcl_tensor *t, char line[300])
{
    int length = snprintf(line, 300, "%s ", t->name);
    for (int i = 0; i < t->n_dims; i++)
        length += snprintf(line + length, (size_t)(300 - length), "%s%d", i ? "x" : "", t->dims[i]);
    snprintf(line + length, (size_t)(300 - length), " f32 %s",
             t->role == GCL_ROLE_PARAMETER ? "param"
             : t->role == GCL_ROLE_BUFFER  ? "buffer"
                                           : "extra");
}

/* The reference's text of a value, in our spelling: "(3, 4)" -> "3,4", "(('gan', 1.0),)" -> "gan:1". */
static void our_spelling(const char *value, int weights, char text[200])
{
    int n = 0, word = 0;
    for (; *value != 0 && n < 199; value++) {
        if (strchr("( )'", *value) != NULL)
            continue;
        if (*value == ',' && weights)
            text[n++] = (word = !word) ? ':' : ',';
        else
            text[n++] = *value;
    }
    text[n] = 0;
    if (strcmp(text, "None") == 0)
        strcpy(text, "0");
}

/* "# option key = value" against the model's value. */
static void compare_option(const gcl_model *model, const char *key, const char *value)
{
    char change[300], wanted[200];
    gcl_model other = *model;
    gcl_error err = {0};
    if (strcmp(key, "preset") == 0)
        return;
    if (strcmp(key, "bn_momentum") == 0 && strcmp(model->preset->name, "standard") == 0)
        value = "0.1"; /* see the head of models/dcgan.c */
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &model->system->settings[i];
        if (strcmp(setting->key, key) != 0)
            continue;
        our_spelling(value, setting->kind == GCL_SETTING_WEIGHTS, wanted);
        ck_assert_msg(gcl_value_parse(setting, wanted, &other.values[i], &err) == 0, "%s",
                      err.text);
        gcl_model_value_text(model, i, change, sizeof change);
        ck_assert_msg(memcmp(&other.values[i], &model->values[i], sizeof(gcl_value)) == 0,
                      "%s = %s, not %s", key, change, value);
        return;
    }
    ck_abort_msg("no setting %s", key);
}

/* "# network G: 40503 parameters, 176 buffer elements" against the tensors. */
static void compare_counts(gcl_nn *nn, const char *network, long parameters, long buffers)
{
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        if (strcmp(t->network, network) != 0)
            continue;
        if (t->role == GCL_ROLE_PARAMETER)
            parameters -= (long)gcl_tensor_count(t);
        else if (t->role == GCL_ROLE_BUFFER)
            buffers -= (long)gcl_tensor_count(t);
    }
    ck_assert_msg(parameters == 0 && buffers == 0, "network %s: other counts", network);
}

/* Tensors that manifests list: parameters, buffers, extras. */
static int is_listed(const gcl_tensor *t)
{
    return t->role == GCL_ROLE_PARAMETER || t->role == GCL_ROLE_BUFFER || t->role == GCL_ROLE_EXTRA;
}

/* The i-th parameter or buffer in order of creation. */
static const gcl_tensor *listed(gcl_nn *nn, int i)
{
    for (int k = 0; k < gcl_nn_tensors(nn); k++)
        if (is_listed(gcl_nn_tensor(nn, k)) && i-- == 0)
            return gcl_nn_tensor(nn, k);
    return NULL;
}

/* Tensor by name; manifests list them in another order than they are made. */
static const gcl_tensor *tensor_called(gcl_nn *nn, const char *line)
{
    size_t n = strcspn(line, " ");
    for (int k = 0; k < gcl_nn_tensors(nn); k++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, k);
        if (is_listed(t) && strlen(t->name) == n && strncmp(t->name, line, n) == 0)
            return t;
    }
    return NULL;
}

/* Preset number i of all systems, and its system; NULL after the last. */
static const char *preset_at(int i, const gcl_system **system)
{
    for (int s = 0; gcl_systems[s] != NULL; s++)
        for (int p = 0; gcl_systems[s]->presets[p].name != NULL; p++)
            if (i-- == 0) {
                *system = gcl_systems[s];
                return gcl_systems[s]->presets[p].name;
            }
    return NULL;
}

START_TEST(tensors_are_those_of_the_manifest)
{
    const gcl_system *system = NULL;
    const char *preset = preset_at(_i, &system), *source = getenv("srcdir");
    char path[300], line[300], name[100], key[100], value[200];
    snprintf(name, sizeof name, "%s:%s", system->name, preset);
    gcl_model model = open_model(name, NULL);
    snprintf(path, sizeof path, "%s/tests/manifests/%s-%s.txt", source ? source : ".", system->name,
             preset);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    built b = build_step(&model, 1, 0);
    int n = 0, networks = 0;
    long parameters, buffers;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "# option %99s = %199[^\n]", key, value) == 2)
            compare_option(&model, key, value);
        if (sscanf(line, "# network %99[^:]: %ld parameters, %ld buffer", key, &parameters,
                   &buffers) == 3) {
            compare_counts(b.nn, key, parameters, buffers);
            networks++;
        }
        if (line[0] == '#')
            continue;
        const gcl_tensor *t = tensor_called(b.nn, line);
        ck_assert_msg(t != NULL, "%s is missing", line);
        n++;
        char ours[300];
        tensor_line(t, ours);
        ck_assert_str_eq(ours, line);
    }
    fclose(file);
    ck_assert_int_gt(networks, 0);
    ck_assert_int_gt(n, 20);
    ck_assert_ptr_null(listed(b.nn, n));
    built_free(&b);
}
END_TEST

/* ---- graphs ---- */

START_TEST(errors_name_the_layer_and_its_line)
{
    gcl_model model = open_model("dcgan:tiny", NULL);
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 0});
    model.values[0].number = 16; /* 14, 6, 2 and no more */
    gcl_ports ports = {0};
    model.system->pass(nn, &model, "D", 1, &ports);
    const char *error = gcl_graph_error(graph);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strncmp(error, "D/down.2/conv: a filter of 4x4", 30) == 0, "%s", error);
    ck_assert_msg(strstr(error, "(models/dcgan.c:") != NULL, "%s", error);
    gcl_nn_free(nn);
    gcl_graph_free(graph);
}
END_TEST

/* What a sampling graph reads of the store is what a training graph wrote there. */
START_TEST(sampling_finds_parameters_where_training_puts_them)
{
    gcl_model model = open_model("dcgan:tiny-bn", "optimiser=adam");
    built b = build_step(&model, 2, 0);
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 0});
    gcl_node *z = gcl_input(graph, "z", GCL_F32, model.system->latent(&model, 36));
    gcl_node *pictures = model.system->generate(nn, &model, z);
    gcl_nn_finish(nn);
    ck_assert_msg(gcl_graph_error(graph) == NULL, "%s", gcl_graph_error(graph));
    ck_assert(gcl_shape_equal(pictures->shape, gcl_shape_of(36, 64, 64, 3)));
    ck_assert_int_gt(gcl_nn_tensors(nn), 30);
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *ours = gcl_nn_tensor(nn, i), *theirs = listed(b.nn, i);
        ck_assert_str_eq(ours->name, theirs->name);
        ck_assert_str_eq(ours->variable, theirs->variable);
        ck_assert_int_eq(ours->first, theirs->first);
        gcl_node *here = golden_variable(graph, ours->variable);
        gcl_node *there = golden_variable(b.graph, ours->variable);
        ck_assert(gcl_shape_equal(here->shape, there->shape));
    }
    gcl_nn_free(nn);
    gcl_graph_free(graph);
    built_free(&b);
}
END_TEST

/* The notebook's pictures lie in [0,1]: what is written is the same range for all. */
START_TEST(legacy_pictures_are_mapped)
{
    gcl_model model = open_model("dcgan:tiny", "legacy=true");
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 0});
    gcl_ports ports = {0};
    model.system->pass(nn, &model, "G", 1, &ports);
    gcl_node *z = ports.in[0].node, *raw = ports.out[0].node;
    gcl_node *pictures = model.system->generate(nn, &model, z);
    gcl_nn_finish(nn);
    gcl_values *values = gcl_values_new(graph);
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        float *weights = gcl_alloc((size_t)gcl_tensor_count(t) * sizeof *weights);
        gcl_tensor_initialise(t, 1, weights);
        double *to = gcl_values_set(values, golden_variable(graph, t->variable)) + t->first;
        for (int64_t k = 0; k < gcl_tensor_count(t); k++)
            to[k] = weights[k];
        free(weights);
    }
    double *latent = gcl_values_set(values, z);
    for (int i = 0; i < 32; i++)
        latent[i] = i % 5 - 2;
    gcl_error err = {0};
    ck_assert_int_eq(gcl_values_compute(values, (gcl_node *[]){raw, pictures}, 2, &err), 0);
    const double *from = gcl_values_of(values, raw), *to = gcl_values_of(values, pictures);
    int below = 0;
    for (int i = 0; i < 64 * 64 * 3; i++) {
        below += from[i] < 0;
        ck_assert_double_eq_tol(to[i], from[i] < 0 ? -1 : 2 * from[i] - 1, 1e-12);
    }
    ck_assert(below > 0 && below < 64 * 64 * 3);
    gcl_values_free(values);
    gcl_nn_free(nn);
    gcl_graph_free(graph);
}
END_TEST

/* ---- recorded runs ---- */

enum { ALL_STEPS = 20 };
/* What was recorded was rounded to float32; so are our tables (the window of SSIM), which the
 * reference has in float64. As shares of the largest value. */
static const double stored = 2e-7, tables = 2e-6;
static const struct recording {
    const char *name;
    int steps; /* how many are run: one with all of them reaches what was recorded as final */
    int has_tables;
} recorded[] = {{"dcgan-tiny-drop", 4, 0},
                {"dcgan-tiny-bn", ALL_STEPS, 0},
                {"nvae-tiny", 2, 0},
                {"nvae-tiny-flow", 2, 0},
                {"nvae-tiny-normal", 2, 0},
                {"pix2pix-tiny-tf", 2, 0},
                {"resnet_gan-tiny-alt", 4, 0},
                {"resnet_gan-tiny-classifier-drop", ALL_STEPS, 0},
                {"unet_gan-tiny-nopad-bn", 2, 1},
                {"unet_gan-tiny-pixelshuffle-nopad", 2, 1}};
enum { N_RECORDED = sizeof recorded / sizeof *recorded };

static void compute(gcl_values *values, gcl_node *const *wanted, int n)
{
    gcl_error err = {0};
    ck_assert_msg(gcl_values_compute(values, wanted, n, &err) == 0, "%s", err.text);
}

/* |a - b| up to a share of the largest b, which was stored as float32. */
static void compare(const char *what, const double *ours, const double *theirs, int64_t n,
                    double share)
{
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(theirs[i]));
        worst = fmax(worst, fabs(ours[i] - theirs[i]));
        ck_assert_msg(isfinite(ours[i]), "%s: element %lld is %g", what, (long long)i, ours[i]);
    }
    ck_assert_msg(worst <= share * largest + 1e-12, "%s is off by %g of %g", what, worst, largest);
}

static void compare_tensor(const gcl_tensor *t, const double *ours, gcl_safetensors *file,
                           const char *prefix, double share)
{
    int64_t n = gcl_tensor_count(t);
    float *floats = golden_tensor(file, prefix, t);
    double *theirs = gcl_alloc((size_t)n * sizeof *theirs);
    for (int64_t i = 0; i < n; i++)
        theirs[i] = floats[i];
    compare(t->name, ours, theirs, n, share);
    free(theirs);
    free(floats);
}

/* The inputs of a pass from the recording, else noise of the first step. */
static void set_ports(const golden *g, const gcl_ports *ports, gcl_values *values)
{
    for (int i = 0; i < ports->n_in; i++) {
        char name[40];
        const gcl_node *in = ports->in[i].node;
        snprintf(name, sizeof name, "in.%s", ports->in[i].name);
        double *given = golden_image(g->forward, name, in->shape, 0);
        memcpy(gcl_values_set(values, in), given,
               (size_t)gcl_shape_count(in->shape) * sizeof *given);
        free(given);
    }
}

/* One pass in one mode: its outputs that were recorded, and in training the running statistics after
 * it. Returns how many were compared. */
static int check_forward(const golden *g, const char *pass, int training, double share)
{
    gcl_graph *graph = gcl_graph_new();
    gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = training, .replay = 1});
    gcl_ports ports = {0};
    g->model.system->pass(nn, &g->model, pass, g->batch, &ports);
    gcl_nn_finish(nn);
    ck_assert_msg(gcl_graph_error(graph) == NULL, "%s", gcl_graph_error(graph));
    gcl_values *values = gcl_values_new(graph);
    golden_set_weights(g, nn, values);
    golden_set_step(g, nn, values, 0);
    set_ports(g, &ports, values);
    int n, compared = 0;
    gcl_node **assignments = golden_assignments(graph, &n);
    compute(values, assignments, n);
    for (int i = 0; i < ports.n_out; i++) {
        char name[40];
        gcl_node *out = ports.out[i].node;
        snprintf(name, sizeof name, "%s.%s", training ? "train" : "eval", ports.out[i].name);
        if (gcl_safetensors_find(g->forward, name) == NULL)
            continue;
        compute(values, &out, 1);
        double *wanted = golden_image(g->forward, name, out->shape, 0);
        compare(name, gcl_values_of(values, out), wanted, gcl_shape_count(out->shape), share);
        free(wanted);
        compared++;
    }
    for (int i = 0; i < gcl_nn_tensors(nn) && training && compared > 0; i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        if (t->role == GCL_ROLE_BUFFER)
            compare_tensor(t, gcl_values_of(values, golden_latest(graph, t->variable)), g->forward,
                           "train.after.", share);
    }
    free(assignments);
    gcl_values_free(values);
    gcl_nn_free(nn);
    gcl_graph_free(graph);
    return compared;
}

START_TEST(forward_passes_agree)
{
    golden g;
    golden_open(&g, recorded[_i].name);
    for (const char *const *pass = g.model.system->passes(&g.model); *pass != NULL; pass++) {
        int compared = 0;
        for (int training = 0; training < 2; training++)
            compared +=
                check_forward(&g, *pass, training, recorded[_i].has_tables ? tables : stored);
        ck_assert_msg(compared > 0, "nothing of pass %s was recorded", *pass);
    }
    golden_close(&g);
}
END_TEST

/* The kind and number of elements of every random tensor, as recorded: "keep:0.6", "uniform:0:0.05". */
static void compare_noise(const golden *g, gcl_nn *nn)
{
    json_t *recorded_noise = json_object_get(g->meta, "noise");
    ck_assert_int_eq(gcl_nn_noises(nn), (int)json_object_size(recorded_noise));
    for (int i = 0; i < gcl_nn_noises(nn); i++) {
        const gcl_noise *noise = gcl_nn_noise_at(nn, i);
        json_t *entry = json_object_get(recorded_noise, noise->name), *size;
        ck_assert_msg(entry != NULL, "noise %s was not recorded", noise->name);
        char kind[60] = "normal";
        if (noise->kind == GCL_NOISE_KEEP)
            snprintf(kind, sizeof kind, "keep:%g", noise->a);
        else if (noise->kind == GCL_NOISE_UNIFORM)
            snprintf(kind, sizeof kind, "uniform:%g:%g", noise->a, noise->b);
        ck_assert_str_eq(kind, json_string_value(json_object_get(entry, "kind")));
        int64_t count = 1;
        size_t k;
        json_array_foreach(json_object_get(entry, "shape"), k, size) count *=
            json_integer_value(size);
        ck_assert_int_eq(count, gcl_shape_count(noise->shape));
    }
}

static void compare_gradients(const golden *g, built *b, gcl_values *values, double share)
{
    for (int i = 0; i < gcl_nn_tensors(b->nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(b->nn, i);
        if (t->role != GCL_ROLE_PARAMETER)
            continue;
        gcl_network *net = gcl_network_new(b->nn, t->network);
        gcl_node *gradient = gcl_network_gradient(net, t->name);
        ck_assert_msg(gradient != NULL, "%s has no gradient", t->name);
        compute(values, &gradient, 1);
        compare_tensor(t, gcl_values_of(values, gradient), g->grads, "", share);
    }
}

static void compare_final(const golden *g, built *b, gcl_values *values, double share)
{
    for (int i = 0; i < gcl_nn_tensors(b->nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(b->nn, i);
        gcl_node *variable = golden_variable(b->graph, t->variable);
        if (is_listed(t))
            compare_tensor(t, gcl_values_of(values, variable) + t->first, g->final, "", share);
    }
}

START_TEST(losses_and_gradients_agree)
{
    golden g;
    golden_open(&g, recorded[_i].name);
    double share = recorded[_i].has_tables ? tables : stored;
    double of_loss = recorded[_i].has_tables ? tables : 0;
    built b = build_step(&g.model, g.batch, 1);
    compare_noise(&g, b.nn);
    gcl_values *values = gcl_values_new(b.graph);
    golden_set_weights(&g, b.nn, values);
    golden_prologue(&g, b.nn, values);
    int n;
    gcl_node **assignments = golden_assignments(b.graph, &n);
    for (int step = 0; step < recorded[_i].steps; step++) {
        golden_set_step(&g, b.nn, values, step);
        compute(values, assignments, n);
        if (step == 0)
            compare_gradients(&g, &b, values, share);
        for (int i = 0; i < b.step.n_losses; i++) {
            const char *name = b.step.losses[i].name;
            compute(values, &b.step.losses[i].node, 1);
            double ours = gcl_values_of(values, b.step.losses[i].node)[0];
            double theirs = golden_loss(&g, step, name);
            ck_assert_msg(fabs(ours - theirs) <= 1e-9 + of_loss * fabs(theirs),
                          "step %d: %s %.12g, recorded %.12g", step, name, ours, theirs);
        }
        for (int i = 0; i < b.step.n_guards; i++)
            ck_assert_double_eq(gcl_values_of(values, b.step.guards[i].node)[0], 1);
        golden_carry_over(b.graph, values);
    }
    if (recorded[_i].steps == ALL_STEPS)
        compare_final(&g, &b, values, share);
    free(assignments);
    gcl_values_free(values);
    built_free(&b);
    golden_close(&g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models");
    TCase *settings = tcase_create("settings"), *manifests = tcase_create("manifests"),
          *graphs = tcase_create("graphs"), *runs = tcase_create("recorded runs");
    tcase_add_test(settings, the_default_model_is_standard_dcgan);
    tcase_add_test(settings, changes_come_after_the_preset);
    tcase_add_loop_test(settings, a_mistake_is_one_clear_line, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(settings, values_survive_being_text);
    tcase_add_test(settings, nearest_words);
    const gcl_system *system = NULL;
    int n_presets = 0;
    while (preset_at(n_presets, &system) != NULL)
        n_presets++;
    tcase_add_loop_test(manifests, tensors_are_those_of_the_manifest, 0, n_presets);
    tcase_add_test(graphs, errors_name_the_layer_and_its_line);
    tcase_add_test(graphs, sampling_finds_parameters_where_training_puts_them);
    tcase_add_test(graphs, legacy_pictures_are_mapped);
    tcase_add_loop_test(runs, forward_passes_agree, 0, N_RECORDED);
    tcase_add_loop_test(runs, losses_and_gradients_agree, 0, N_RECORDED);
    tcase_set_timeout(runs, 0);
    suite_add_tcase(suite, settings);
    suite_add_tcase(suite, manifests);
    suite_add_tcase(suite, graphs);
    suite_add_tcase(suite, runs);
    return run_suite(suite);
}
