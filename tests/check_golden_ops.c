/* Recorded PyTorch results of single operations (tests/golden/ops.json, ops.safetensors): forward
 * values and gradients of the same graph by the oracle in double and by plans on a device, with the
 * usual variants, with naive ones and with those for GPUs.
 *
 * Tensors of a case: CASE.in.NAME operands, CASE.out.NAME results, CASE.dout.NAME the gradient that
 * arrives at a result, CASE.din.NAME the gradient of an operand. GANOCL_TEST_DEVICE chooses the
 * device. What is left out is printed with the reason; an operation that no table names fails. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/safetensors.h"
#include "graph/op.h"
#include "nn/nn.h"
#include "ops/ops.h"
#include "plan/plan.h"

enum { MAX_TENSORS = 12 };

/* How a recorded tensor's dimensions become ours. */
typedef enum layout {
    ROWS,   /* [], [C] or [N,C]: the same order */
    IMAGE,  /* [N,C,H,W] -> [N,H,W,C] */
    FILTER, /* [K,C,R,S] -> [R,S,C,K] */
} layout;

typedef struct tensor {
    char name[80]; /* "in.x", "out.y", "din.x" */
    layout layout;
    gcl_node *node;
    gcl_node *source; /* operands: the input or variable that holds it ... */
    int64_t first;    /* ... from this element on */
} tensor;

/* One case being checked. */
typedef struct trial {
    const char *name;
    const json_t *row, *attrs;
    gcl_graph *graph;
    gcl_nn *nn; /* NULL if the operation needs no parameters */
    tensor in[MAX_TENSORS], out[MAX_TENSORS];
    int n_in, n_out;
} trial;

static gcl_safetensors *recorded;
static json_t *root;
static gcl_device *dev;

/* ---- recorded tensors ----------------------------------------------------------------------- */

static const gcl_entry *entry_of(const trial *t, const char *tensor_name)
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
static double *values_of(const trial *t, const tensor *x)
{
    const gcl_entry *e = entry_of(t, x->name);
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

static double number(const trial *t, const char *key)
{
    const json_t *value = json_object_get(t->attrs, key);
    ck_assert_msg(json_is_number(value), "%s: no attribute %s", t->name, key);
    return json_number_value(value);
}

static int integer(const trial *t, const char *key) { return (int)number(t, key); }

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
    x->node = gcl_input(t->graph, x->name, GCL_F32, shape_of(entry_of(t, x->name), l));
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

/* A builder makes the graph of a case, or says why not. */
typedef const char *(*case_builder)(trial *t);

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
    double slope = strcmp(kind, "leaky_relu") == 0 ? number(t, "slope") : 0;
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
    differentiated(t, "y", ROWS, gcl_layer_dropout(t->nn, x, mask, 1 - number(t, "p")));
    return NULL;
}

static const char *clamp_min(trial *t)
{
    gcl_node *x = operand(t, "x", ROWS);
    differentiated(t, "y", ROWS, gcl_clamp(x, number(t, "min"), 1e30));
    return NULL;
}

static const char *bce_logits(trial *t)
{
    layout l = entry_of(t, "in.z")->n_dims == 4 ? IMAGE : ROWS;
    gcl_node *z = operand(t, "z", l);
    gcl_node *target = has_operand(t, "target") ? operand(t, "target", l)
                                                : gcl_constant(t->graph, number(t, "target"));
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
    gcl_node *y = gcl_layer_batch_norm(t->nn, "bn", x, number(t, "eps"), number(t, "momentum"));
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
    gcl_shape s = shape_of(entry_of(t, x->name), ROWS);
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
                         .learning_rate = number(t, "lr"),
                         .beta1 = json_number_value(json_array_get(betas, 0)),
                         .beta2 = json_number_value(json_array_get(betas, 1)),
                         .eps = number(t, "eps")};
    update(t, &how, "adam", (const char *[]){"m", "v", NULL});
    return NULL;
}

static const char *rmsprop(trial *t)
{
    gcl_optimiser how = {.kind = GCL_RMSPROP,
                         .learning_rate = number(t, "lr"),
                         .rho = number(t, "rho"),
                         .decay = number(t, "decay"),
                         .eps = number(t, "eps"),
                         .clip = number(t, "clip")};
    update(t, &how, "rmsprop", (const char *[]){"a", NULL});
    return NULL;
}

static const struct {
    const char *op;
    case_builder build;
} supported[] = {
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

static case_builder builder_of(const char *op)
{
    for (size_t i = 0; i < sizeof supported / sizeof supported[0]; i++)
        if (strcmp(supported[i].op, op) == 0)
            return supported[i].build;
    return NULL;
}

static int comes_later(const char *op)
{
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (strcmp(later[i], op) == 0)
            return 1;
    return 0;
}

/* ---- checking -------------------------------------------------------------------------------- */

/* Scalars that nn asks for: t counts the updates before this one, the recordings count from 1. */
static double scalar_value(const trial *t, const gcl_node *scalar)
{
    return strcmp(scalar->name, "t") == 0 ? number(t, "t") - 1 : 1;
}

/* Every element within `relative` of its value and `absolute`, plus `of_largest` of the largest. */
static void compare(const trial *t, const tensor *x, const char *by, const double *got,
                    double relative, double of_largest, double absolute)
{
    double *right = values_of(t, x), largest = 0;
    int64_t n = entry_of(t, x->name)->count;
    ck_assert_msg(gcl_shape_count(x->node->shape) == n, "%s.%s: %s", t->name, x->name,
                  gcl_shape_text(x->node->shape));
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(right[i]));
    for (int64_t i = 0; i < n; i++) {
        double allowed = relative * fabs(right[i]) + of_largest * largest + absolute;
        ck_assert_msg(fabs(got[i] - right[i]) <= allowed,
                      "%s.%s[%lld] by %s: %.9g, recorded %.9g, allowed are %.2g", t->name, x->name,
                      (long long)i, by, got[i], right[i], allowed);
    }
    free(right);
}

static void fill_oracle(const trial *t, gcl_values *v)
{
    for (int i = 0; i < t->n_in; i++) {
        const tensor *x = &t->in[i];
        double *values = values_of(t, x);
        memcpy(gcl_values_set(v, x->source) + x->first, values,
               (size_t)entry_of(t, x->name)->count * sizeof *values);
        free(values);
    }
    for (int i = 0; t->nn != NULL && i < gcl_nn_scalars(t->nn); i++) {
        gcl_node *scalar = gcl_nn_scalar_at(t->nn, i);
        gcl_values_set(v, scalar)[0] = scalar_value(t, scalar);
    }
}

/* The files hold float64 results rounded to float32. */
static void check_oracle(const trial *t)
{
    gcl_error err = {0};
    gcl_values *v = gcl_values_new(t->graph);
    gcl_node *wanted[MAX_TENSORS];
    fill_oracle(t, v);
    for (int i = 0; i < t->n_out; i++)
        wanted[i] = t->out[i].node;
    ck_assert_msg(gcl_values_compute(v, wanted, t->n_out, &err) == 0, "%s: %s", t->name, err.text);
    for (int i = 0; i < t->n_out; i++)
        compare(t, &t->out[i], "the oracle", gcl_values_of(v, wanted[i]), 1e-7, 1e-10, 1e-38);
    gcl_values_free(v);
}

static void store_floats(gcl_store *store, const gcl_node *variable, int64_t first,
                         const double *values, int64_t n)
{
    gcl_error err = {0};
    int64_t all = gcl_shape_count(variable->shape);
    float *floats = gcl_alloc((size_t)all * sizeof *floats);
    int status = gcl_store_read(store, variable->name, floats, all, &err);
    for (int64_t i = 0; i < n; i++)
        floats[first + i] = (float)values[i];
    if (status == 0)
        status = gcl_store_write(store, variable->name, floats, all, &err);
    ck_assert_msg(status == 0, "%s", err.text);
    free(floats);
}

static void fill_device(const trial *t, gcl_plan *plan, gcl_store *store)
{
    gcl_error err = {0};
    unsigned char *stage = gcl_plan_stage(plan, &err);
    ck_assert_msg(stage != NULL, "%s", err.text);
    for (int i = 0; i < t->n_in; i++) {
        const tensor *x = &t->in[i];
        int64_t n = entry_of(t, x->name)->count, at = -1;
        double *values = values_of(t, x);
        if (x->source->op == &gcl_op_variable) {
            uint64_t where;
            int64_t kept;
            if (gcl_store_find(store, x->source->name, &where, &kept) != NULL)
                store_floats(store, x->source, x->first, values, n);
        } else {
            at = gcl_plan_offset(plan, x->source);
        }
        for (int64_t j = 0; j < n && at >= 0; j++) {
            float value = (float)values[j];
            memcpy(stage + at + 4 * j, &value, sizeof value);
        }
        free(values);
    }
    for (int i = 0; t->nn != NULL && i < gcl_nn_scalars(t->nn); i++) {
        gcl_node *scalar = gcl_nn_scalar_at(t->nn, i);
        float value = (float)scalar_value(t, scalar);
        if (gcl_plan_offset(plan, scalar) >= 0)
            memcpy(stage + gcl_plan_offset(plan, scalar), &value, sizeof value);
    }
}

/* As far off as ten times the library's own float32 run. */
static void check_results(const trial *t, gcl_plan *plan, const char *variant)
{
    const json_t *deviations = json_object_get(t->row, "float32_max_abs");
    for (int i = 0; i < t->n_out; i++) {
        gcl_error err = {0};
        const tensor *x = &t->out[i];
        int64_t n = gcl_shape_count(x->node->shape);
        float *floats = gcl_alloc((size_t)n * sizeof *floats);
        double *got = gcl_alloc((size_t)n * sizeof *got);
        ck_assert_msg(gcl_plan_read(plan, x->node, floats, &err) == 0, "%s", err.text);
        for (int64_t j = 0; j < n; j++)
            got[j] = (double)floats[j];
        compare(t, x, variant, got, 0, 1e-6,
                10 * json_number_value(json_object_get(deviations, x->name)) + 1e-38);
        free(floats);
        free(got);
    }
}

static void check_device(const trial *t, const char *variant)
{
    gcl_error err = {0};
    gcl_plan_options options = {.variant = variant};
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, t->graph, store, &options, &err);
    ck_assert_msg(plan != NULL, "%s: %s", t->name, err.text);
    fill_device(t, plan, store);
    ck_assert_msg(gcl_plan_run(plan, &err) == 0, "%s: %s", t->name, err.text);
    check_results(t, plan, variant ? variant : "the usual variants");
    gcl_plan_free(plan);
    gcl_store_free(store);
}

/* NULL, or why the case is left out. */
static const char *check_case(trial *t, case_builder build)
{
    t->graph = gcl_graph_new();
    const char *reason = build(t);
    if (reason == NULL) {
        ck_assert_msg(gcl_graph_error(t->graph) == NULL, "%s: %s", t->name,
                      gcl_graph_error(t->graph));
        check_oracle(t);
        check_device(t, NULL);
        check_device(t, "naive");
        check_device(t, "tile");
    }
    if (t->nn != NULL)
        gcl_nn_free(t->nn);
    gcl_graph_free(t->graph);
    return reason;
}

START_TEST(operation)
{
    size_t i;
    const json_t *row;
    int checked = 0;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const char *op = json_string_value(json_object_get(row, "op"));
        if (strcmp(op, supported[_i].op) != 0)
            continue;
        trial t = {.name = json_string_value(json_object_get(row, "case")),
                   .row = row,
                   .attrs = json_object_get(row, "attrs")};
        const char *reason = check_case(&t, supported[_i].build);
        if (reason != NULL)
            printf("left out: %s: %s\n", t.name, reason);
        checked += reason == NULL;
    }
    printf("%-16s %2d cases\n", supported[_i].op, checked);
    ck_assert_int_gt(checked, 0);
}
END_TEST

START_TEST(every_recorded_operation_is_known)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const char *op = json_string_value(json_object_get(row, "op"));
        if (builder_of(op) != NULL)
            continue;
        ck_assert_msg(comes_later(op), "%s is in no table", op);
        printf("left out: %s: %s comes later\n", json_string_value(json_object_get(row, "case")),
               op);
    }
}
END_TEST

static void open_all(void)
{
    gcl_error err = {0};
    json_error_t where;
    char path[500];
    const char *source = getenv("srcdir"), *which = getenv("GANOCL_TEST_DEVICE");
    snprintf(path, sizeof path, "%s/tests/golden/ops.json", source ? source : ".");
    root = json_load_file(path, 0, &where);
    ck_assert_msg(root != NULL, "%s: %s", path, where.text);
    snprintf(path, sizeof path, "%s/tests/golden/ops.safetensors", source ? source : ".");
    recorded = gcl_safetensors_open(path, &err);
    ck_assert_msg(recorded != NULL, "%s", err.text);
    dev = gcl_device_open(which ? which : "1", 0, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
}

static void close_all(void)
{
    gcl_device_close(dev);
    gcl_safetensors_close(recorded);
    json_decref(root);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    Suite *suite = suite_create("golden ops");
    TCase *tests = tcase_create("recorded");
    tcase_set_timeout(tests, 0);
    tcase_add_unchecked_fixture(tests, open_all, close_all);
    tcase_add_test(tests, every_recorded_operation_is_known);
    tcase_add_loop_test(tests, operation, 0, (int)(sizeof supported / sizeof supported[0]));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
