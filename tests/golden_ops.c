/* The recorded operations as graphs. */
#include "golden_ops.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "ops/ops.h"

static gcl_safetensors *recorded;
static json_t *root;

/* ---- files ----------------------------------------------------------------------------------- */

void golden_ops_open(void)
{
    gcl_error err = {0};
    json_error_t where;
    char path[500];
    const char *source = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/ops.json", source ? source : ".");
    root = json_load_file(path, 0, &where);
    ck_assert_msg(root != NULL, "%s: %s", path, where.text);
    snprintf(path, sizeof path, "%s/tests/golden/ops.safetensors", source ? source : ".");
    recorded = gcl_safetensors_open(path, &err);
    ck_assert_msg(recorded != NULL, "%s", err.text);
}

void golden_ops_close(void)
{
    gcl_safetensors_close(recorded);
    json_decref(root);
}

const json_t *golden_cases(void) { return json_object_get(root, "cases"); }

/* ---- recorded tensors ----------------------------------------------------------------------- */

const gcl_entry *golden_entry(const trial *t, const char *tensor_name)
{
    char name[160];
    snprintf(name, sizeof name, "%s.%s", t->name, tensor_name);
    const gcl_entry *entry = gcl_safetensors_find(recorded, name);
    ck_assert_msg(entry != NULL, "no tensor %s", name);
    return entry;
}

static gcl_shape shape_of(const gcl_entry *e, layout l)
{
    int d[4] = {1, 1, 1, 1};
    ck_assert_int_le(e->n_dims, 4);
    for (int i = 0; i < e->n_dims; i++)
        d[i] = (int)e->dims[i];
    if (l == IMAGE)
        return gcl_shape_of(d[0], d[2], d[3], d[1]);
    if (l == FILTER)
        return gcl_shape_of(d[2], d[3], d[1], d[0]);
    return e->n_dims == 2 ? gcl_shape_of(d[0], 1, 1, d[1]) : gcl_shape_of(1, 1, 1, d[0]);
}

/* Where our element i stands in the file. */
static int64_t file_index(gcl_shape s, layout l, int64_t i)
{
    int64_t d3 = i % s.d[3], d2 = i / s.d[3] % s.d[2], d1 = i / s.d[3] / s.d[2] % s.d[1];
    int64_t d0 = i / s.d[3] / s.d[2] / s.d[1];
    if (l == IMAGE)
        return ((d0 * s.d[3] + d3) * s.d[1] + d1) * s.d[2] + d2;
    if (l == FILTER)
        return ((d3 * s.d[2] + d2) * s.d[0] + d0) * s.d[1] + d1;
    return i;
}

/* The values in our order; free() them. */
double *golden_values(const trial *t, const tensor *x)
{
    const gcl_entry *e = golden_entry(t, x->name);
    gcl_shape s = shape_of(e, x->layout);
    float *file = gcl_alloc((size_t)e->count * sizeof *file);
    double *ours = gcl_alloc((size_t)e->count * sizeof *ours);
    gcl_entry_floats(e, file);
    for (int64_t i = 0; i < e->count; i++)
        ours[i] = (double)file[file_index(s, x->layout, i)];
    free(file);
    return ours;
}

/* ---- what builders of cases use -------------------------------------------------------------- */

double golden_number(const trial *t, const char *key)
{
    const json_t *value = json_object_get(t->attrs, key);
    ck_assert_msg(json_is_number(value), "%s: no attribute %s", t->name, key);
    return json_number_value(value);
}

static int integer(const trial *t, const char *key) { return (int)golden_number(t, key); }

static int has_operand(const trial *t, const char *name)
{
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(t->row, "in"), i, value)
    {
        if (strcmp(json_string_value(value), name) == 0)
            return 1;
    }
    return 0;
}

static tensor *add_operand(trial *t, const char *prefix, const char *name, layout l)
{
    ck_assert_int_lt(t->n_in, MAX_TENSORS);
    tensor *x = &t->in[t->n_in++];
    snprintf(x->name, sizeof x->name, "%s.%s", prefix, name);
    x->layout = l;
    return x;
}

/* A recorded operand ("in") or arriving gradient ("dout") as an input of the graph. */
static gcl_node *operand_from(trial *t, const char *prefix, const char *name, layout l)
{
    tensor *x = add_operand(t, prefix, name, l);
    x->node = gcl_input(t->graph, x->name, GCL_F32, shape_of(golden_entry(t, x->name), l));
    return x->source = x->node;
}

static gcl_node *operand(trial *t, const char *name, layout l)
{
    return operand_from(t, "in", name, l);
}

static gcl_node *find_variable(gcl_graph *g, const char *name)
{
    for (int i = 0; i < gcl_graph_size(g); i++)
        if (gcl_graph_node(g, i)->op == &gcl_op_variable &&
            strcmp(gcl_graph_node(g, i)->name, name) == 0)
            return gcl_graph_node(g, i);
    ck_abort_msg("no variable %s", name);
    return NULL;
}

/* A recorded operand that nn keeps as the tensor `known_as`. `node` is the parameter, for din. */
static void stored_operand(trial *t, const char *name, const char *known_as, gcl_node *node)
{
    tensor *x = add_operand(t, "in", name, ROWS);
    x->node = node;
    for (int i = 0; i < gcl_nn_tensors(t->nn); i++) {
        const gcl_tensor *kept = gcl_nn_tensor(t->nn, i);
        if (strcmp(kept->name, known_as) != 0)
            continue;
        x->source = find_variable(t->graph, kept->variable);
        x->first = kept->first;
        return;
    }
    ck_abort_msg("%s: no tensor %s", t->name, known_as);
}

static void result(trial *t, const char *prefix, const char *name, layout l, gcl_node *node)
{
    ck_assert_int_lt(t->n_out, MAX_TENSORS);
    tensor *x = &t->out[t->n_out++];
    snprintf(x->name, sizeof x->name, "%s.%s", prefix, name);
    x->layout = l;
    x->node = node;
    gcl_graph_output(node, x->name);
}

/* The result `name`, and the gradients that it sends to the operands. */
static void differentiated(trial *t, const char *name, layout l, gcl_node *y)
{
    size_t n;
    const json_t *value;
    result(t, "out", name, l, y);
    gcl_node *dy = operand_from(t, "dout", name, l);
    json_array_foreach(json_object_get(t->row, "din"), n, value)
    {
        char operand_name[80];
        snprintf(operand_name, sizeof operand_name, "in.%s", json_string_value(value));
        for (int i = 0; i < t->n_in; i++) {
            if (strcmp(t->in[i].name, operand_name) != 0)
                continue;
            gcl_node *dx;
            gcl_gradients_from(y, gcl_reshape(dy, y->shape), &t->in[i].node, 1, &dx);
            result(t, "din", operand_name + 3, t->in[i].layout, dx);
        }
    }
}

/* ---- the operations -------------------------------------------------------------------------- */

static gcl_node *with_bias(trial *t, gcl_node *y)
{
    return has_operand(t, "bias") ? gcl_add(y, operand(t, "bias", ROWS)) : y;
}

static const char *conv2d(trial *t)
{
    if (integer(t, "groups") != 1)
        return "convolutions in groups come later";
    gcl_node *x = operand(t, "x", IMAGE), *f = operand(t, "weight", FILTER);
    gcl_node *y = gcl_conv(x, f, integer(t, "stride"), integer(t, "padding"));
    differentiated(t, "y", IMAGE, with_bias(t, y));
    return NULL;
}

static const char *conv_transpose2d(trial *t)
{
    gcl_node *x = operand(t, "x", IMAGE), *f = operand(t, "weight", FILTER);
    int stride = integer(t, "stride"), pad = integer(t, "padding");
    int more = f->shape.d[0] - 2 * pad + integer(t, "output_padding");
    gcl_node *y = gcl_conv_data(x, f, stride, pad, (x->shape.d[1] - 1) * stride + more,
                                (x->shape.d[2] - 1) * stride + more);
    differentiated(t, "y", IMAGE, with_bias(t, y));
    return NULL;
}

static const char *linear(trial *t)
{
    gcl_node *x = operand(t, "x", ROWS), *w = operand(t, "weight", ROWS);
    differentiated(t, "y", ROWS, with_bias(t, gcl_matmul(x, w, 0, 1)));
    return NULL;
}

/* NULL if there is no such activation here. */
static gcl_node *activation_node(const char *kind, double slope, gcl_node *x)
{
    if (strncmp(kind, "leaky_relu", 10) == 0)
        return gcl_leaky_relu(x, slope);
    return strcmp(kind, "relu") == 0       ? gcl_relu(x)
           : strcmp(kind, "tanh") == 0     ? gcl_tanh(x)
           : strcmp(kind, "sigmoid") == 0  ? gcl_sigmoid(x)
           : strcmp(kind, "softplus") == 0 ? gcl_softplus(x)
           : strcmp(kind, "swish") == 0    ? gcl_mul(x, gcl_sigmoid(x))
                                           : NULL;
}

static const char *activation(trial *t)
{
    const char *kind = json_string_value(json_object_get(t->attrs, "kind"));
    double slope = strcmp(kind, "leaky_relu") == 0 ? golden_number(t, "slope") : 0;
    gcl_node *y = activation_node(kind, slope, operand(t, "x", ROWS));
    if (y == NULL)
        return "this activation comes later";
    differentiated(t, "y", ROWS, y);
    return NULL;
}

static const char *dropout(trial *t)
{
    gcl_node *x = operand(t, "x", ROWS), *mask = operand(t, "mask", ROWS);
    gcl_nn_options options = {.training = 1};
    t->nn = gcl_nn_new(t->graph, &options);
    differentiated(t, "y", ROWS, gcl_layer_dropout(t->nn, x, mask, 1 - golden_number(t, "p")));
    return NULL;
}

static const char *clamp_min(trial *t)
{
    gcl_node *x = operand(t, "x", ROWS);
    differentiated(t, "y", ROWS, gcl_clamp(x, golden_number(t, "min"), 1e30));
    return NULL;
}

static const char *bce_logits(trial *t)
{
    layout l = golden_entry(t, "in.z")->n_dims == 4 ? IMAGE : ROWS;
    gcl_node *z = operand(t, "z", l);
    gcl_node *target = has_operand(t, "target")
                           ? operand(t, "target", l)
                           : gcl_constant(t->graph, golden_number(t, "target"));
    const json_t *limit = json_object_get(t->attrs, "limit");
    differentiated(t, "loss", ROWS,
                   gcl_loss_bce_logits(z, target, limit ? json_number_value(limit) : 0));
    return NULL;
}

static const char *batch_norm(trial *t)
{
    gcl_nn_options options = {.training = json_is_true(json_object_get(t->attrs, "training"))};
    const json_t *act = json_object_get(t->attrs, "activation");
    t->nn = gcl_nn_new(t->graph, &options);
    gcl_node *x = operand(t, "x", IMAGE);
    gcl_shape s = gcl_shape_of(1, 1, 1, x->shape.d[3]);
    gcl_network *net = gcl_network_new(t->nn, "N");
    gcl_network_enter(net);
    gcl_node *y =
        gcl_layer_batch_norm(t->nn, "bn", x, golden_number(t, "eps"), golden_number(t, "momentum"));
    gcl_nn_push(t->nn, "bn");
    const gcl_init any = gcl_init_constant(0);
    gcl_node *weight = gcl_parameter(t->nn, "weight", s, GCL_LAYOUT_VECTOR, NULL, any);
    gcl_node *bias = gcl_parameter(t->nn, "bias", s, GCL_LAYOUT_VECTOR, NULL, any);
    gcl_node *mean = gcl_state(t->nn, "running_mean", s.d[3], 0);
    gcl_node *var = gcl_state(t->nn, "running_var", s.d[3], 0);
    gcl_nn_pop(t->nn);
    gcl_network_leave(net);
    gcl_nn_finish(t->nn);
    stored_operand(t, "weight", "N.bn.weight", weight);
    stored_operand(t, "bias", "N.bn.bias", bias);
    stored_operand(t, "running_mean", "N.bn.running_mean", mean);
    stored_operand(t, "running_var", "N.bn.running_var", var);
    if (act != NULL) /* "leaky_relu_0.2" */
        y = activation_node(json_string_value(act), 0.2, y);
    differentiated(t, "y", IMAGE, y);
    if (options.training) {
        result(t, "out", "running_mean", ROWS, mean);
        result(t, "out", "running_var", ROWS, var);
    }
    return NULL;
}

/* The last assignment to a variable. */
static gcl_node *latest(gcl_graph *g, gcl_node *variable)
{
    gcl_node *last = variable;
    for (int i = 0; i < gcl_graph_size(g); i++)
        if (gcl_graph_node(g, i)->op == &gcl_op_assign && gcl_graph_node(g, i)->in[0] == last)
            last = gcl_graph_node(g, i);
    return last;
}

static void moment(trial *t, const char *optimiser, const char *slot)
{
    char known_as[80];
    snprintf(known_as, sizeof known_as, "N.%s.%s/N.p", optimiser, slot);
    stored_operand(t, slot, known_as, NULL);
    const tensor *x = &t->in[t->n_in - 1];
    gcl_shape s = shape_of(golden_entry(t, x->name), ROWS);
    result(t, "out", slot, ROWS, gcl_view(latest(t->graph, x->source), x->first, s));
}

/* One update of a parameter p by the loss sum(p g), whose gradient is g. */
static void update(trial *t, const gcl_optimiser *how, const char *name, const char *const *slots)
{
    gcl_nn_options options = {.training = 1};
    t->nn = gcl_nn_new(t->graph, &options);
    gcl_node *g = operand(t, "g", ROWS);
    gcl_network *net = gcl_network_new(t->nn, "N");
    const gcl_init any = gcl_init_constant(0);
    gcl_network_enter(net);
    gcl_node *p = gcl_parameter(t->nn, "p", g->shape, GCL_LAYOUT_VECTOR, NULL, any);
    gcl_network_train(net, gcl_sum(gcl_mul(p, g), GCL_AXES_ALL), how);
    gcl_node *new_p = gcl_parameter(t->nn, "p", g->shape, GCL_LAYOUT_VECTOR, NULL, any);
    gcl_network_leave(net);
    gcl_nn_finish(t->nn);
    stored_operand(t, "p", "N.p", p);
    result(t, "out", "p", ROWS, new_p);
    for (; *slots != NULL; slots++)
        moment(t, name, *slots);
}

static const char *adam(trial *t)
{
    const json_t *betas = json_object_get(t->attrs, "betas");
    const char *form = json_string_value(json_object_get(t->attrs, "form"));
    gcl_optimiser how = {.kind = strcmp(form, "keras") == 0 ? GCL_ADAM_KERAS : GCL_ADAM,
                         .learning_rate = golden_number(t, "lr"),
                         .beta1 = json_number_value(json_array_get(betas, 0)),
                         .beta2 = json_number_value(json_array_get(betas, 1)),
                         .eps = golden_number(t, "eps")};
    update(t, &how, "adam", (const char *[]){"m", "v", NULL});
    return NULL;
}

static const char *rmsprop(trial *t)
{
    gcl_optimiser how = {.kind = GCL_RMSPROP,
                         .learning_rate = golden_number(t, "lr"),
                         .rho = golden_number(t, "rho"),
                         .decay = golden_number(t, "decay"),
                         .eps = golden_number(t, "eps"),
                         .clip = golden_number(t, "clip")};
    update(t, &how, "rmsprop", (const char *[]){"a", NULL});
    return NULL;
}

const golden_op golden_ops[] = {
    {"conv2d", conv2d},
    {"conv_transpose2d", conv_transpose2d},
    {"linear", linear},
    {"activation", activation},
    {"dropout", dropout},
    {"clamp_min", clamp_min},
    {"bce_logits", bce_logits},
    {"batch_norm", batch_norm},
    {"batch_norm_act", batch_norm},
    {"adam", adam},
    {"rmsprop", rmsprop},
};

const int n_golden_ops = (int)(sizeof golden_ops / sizeof golden_ops[0]);

/* Operations of systems that are not written yet. */
static const char *const later[] = {
    "adamax",
    "avg_pool",
    "bernoulli_nll",
    "bilinear",
    "bn_gamma_max",
    "broadcast_batch",
    "center_crop",
    "channel_scale",
    "concat",
    "dmol_log_prob",
    "dmol_mean",
    "dmol_sample",
    "fit_channels",
    "gmsd_loss",
    "icnr",
    "kl_balance",
    "l1",
    "log_softmax",
    "logsumexp",
    "masked_conv",
    "nearest",
    "normal_kl",
    "normal_log_prob",
    "normal_kl_residual",
    "normal_sample",
    "pixel_shuffle",
    "power_iteration",
    "scaled_residual",
    "sgd",
    "shifted_conv",
    "softmax",
    "softmax_ce",
    "squeeze_excite",
    "ssim_loss",
    "tv",
    "weight_norm",
};

int golden_comes_later(const char *op)
{
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (strcmp(later[i], op) == 0)
            return 1;
    return 0;
}
