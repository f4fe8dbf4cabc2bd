/* One node alone on the device, between guard words. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "plan/bind.h"
#include "plan/single.h"

enum { GUARD = 64, ODD_GUARD = 61, MAX_IN = 4 };

#define ROUNDING 1e-6                 /* of a sum of terms: 16 ulp */
#define POISON   UINT32_C(0x7fc5a5a5) /* a NaN that no arithmetic makes */

/* A tensor in a buffer of its own: guard words, elements, guard words. */
typedef struct tensor {
    gcl_buffer *buffer;
    int64_t before, count, behind;
} tensor;

struct gcl_single {
    gcl_device *dev;
    const gcl_node *node;
    int before, behind;
    tensor in[MAX_IN], out, scratch;
};

static uint64_t words(const tensor *t) { return (uint64_t)(t->before + t->count + t->behind); }

static int poison(const tensor *t, gcl_error *err)
{
    return gcl_buffer_fill(t->buffer, 0, 4 * words(t), POISON, err);
}

static int make_tensor(const gcl_single *s, tensor *t, int64_t count, const char *what,
                       gcl_error *err)
{
    *t = (tensor){NULL, s->before, count, s->behind};
    t->buffer = gcl_buffer_new(s->dev, 4 * words(t), what, err);
    return t->buffer == NULL ? -1 : poison(t, err);
}

gcl_single *gcl_single_new(gcl_device *dev, const gcl_node *node, const float *const *in, int flags,
                           gcl_error *err)
{
    gcl_single *s = gcl_alloc(sizeof *s);
    s->dev = dev;
    s->node = node;
    int tight = flags & GCL_SINGLE_TIGHT, odd = flags & GCL_SINGLE_ODD;
    s->before = tight ? odd != 0 : odd ? ODD_GUARD : GUARD;
    s->behind = tight ? 0 : GUARD;
    if (node->n_in > MAX_IN) {
        gcl_fail(err, GCL_FAILED, "%s has %d operands, at most %d can run alone", node->op->name,
                 node->n_in, MAX_IN);
        goto fail;
    }
    for (int i = 0; i < node->n_in; i++) {
        tensor *t = &s->in[i];
        int64_t count = gcl_shape_count(node->in[i]->shape);
        if (make_tensor(s, t, count, "an operand", err) != 0 ||
            gcl_buffer_write(t->buffer, 4 * (uint64_t)t->before, in[i], 4 * (uint64_t)count, err) !=
                0)
            goto fail;
    }
    if (make_tensor(s, &s->out, gcl_shape_count(node->shape), "a result", err) != 0)
        goto fail;
    return s;
fail:
    gcl_single_free(s);
    return NULL;
}

void gcl_single_free(gcl_single *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < MAX_IN; i++)
        gcl_buffer_free(s->in[i].buffer);
    gcl_buffer_free(s->out.buffer);
    gcl_buffer_free(s->scratch.buffer);
    free(s);
}

/* ---- running -------------------------------------------------------------------------------- */

typedef struct bound_recipe {
    gcl_bound *bound[GCL_MAX_LAUNCHES];
    int n, n_profiled;
} bound_recipe;

static gcl_place locate(void *context, const gcl_arg *arg)
{
    const gcl_single *s = context;
    const tensor *t = arg->kind == GCL_ARG_IN    ? &s->in[arg->index]
                      : arg->kind == GCL_ARG_OUT ? &s->out
                                                 : &s->scratch;
    return (gcl_place){t->buffer, (uint64_t)t->before};
}

static void unbind(bound_recipe *b)
{
    for (int i = 0; i < b->n; i++)
        gcl_bound_free(b->bound[i]);
}

static int bind(gcl_single *s, const gcl_recipe *recipe, bound_recipe *b, gcl_error *err)
{
    gcl_binding binding = {.dev = s->dev, .locate = locate, .context = s};
    memset(b, 0, sizeof *b);
    if (recipe->clblast.use) {
        b->bound[b->n++] = gcl_bound_new_clblast(&binding, recipe);
        return 0;
    }
    for (int i = 0; i < recipe->n_launches; i++) {
        b->bound[i] = gcl_bound_new(&binding, &recipe->launch[i], err);
        if (b->bound[i] == NULL)
            return -1;
        b->n++;
        if (gcl_bound_ready(b->bound[i], err) != 0)
            return -1;
        b->n_profiled++;
    }
    return 0;
}

/* The scratch area exactly as large as asked for, so that its guard words lie right behind it. */
static int renew_scratch(gcl_single *s, int64_t floats, gcl_error *err)
{
    if (s->scratch.buffer != NULL && s->scratch.count == floats)
        return poison(&s->scratch, err);
    gcl_buffer_free(s->scratch.buffer);
    s->scratch.buffer = NULL;
    return floats == 0 ? 0 : make_tensor(s, &s->scratch, floats, "a scratch area", err);
}

/* One run; *us: its time. */
static int run_once(gcl_single *s, const bound_recipe *b, double *us, gcl_error *err)
{
    gcl_profile_clear(s->dev);
    double start = gcl_seconds();
    for (int i = 0; i < b->n; i++)
        if (gcl_bound_enqueue(b->bound[i], err) != 0)
            return -1;
    if (gcl_device_finish(s->dev, err) != 0)
        return -1;
    *us = 1e6 * (gcl_seconds() - start);
    double of_launch[GCL_MAX_LAUNCHES], sum = 0;
    int n = 0;
    gcl_error no_profile = {0};
    if (b->n_profiled == 0 ||
        gcl_profile_read(s->dev, of_launch, GCL_MAX_LAUNCHES, &n, &no_profile) != 0)
        return 0;
    for (int i = 0; i < n; i++)
        sum += of_launch[i];
    if (n == b->n_profiled && sum > 0)
        *us = sum;
    return 0;
}

/* Counts overwritten guard words of t; copies its elements to `values` unless that is NULL. */
static int inspect(const tensor *t, float *values, int64_t *stray, int64_t *unset, gcl_error *err)
{
    if (t->buffer == NULL)
        return 0;
    uint32_t *all = gcl_try_alloc(4 * words(t), "a check of a result", err);
    if (all == NULL || gcl_buffer_read(t->buffer, 0, all, 4 * words(t), err) != 0) {
        free(all);
        return -1;
    }
    for (int64_t i = 0; i < t->before; i++)
        *stray += all[i] != POISON;
    for (int64_t i = 0; i < t->behind; i++)
        *stray += all[t->before + t->count + i] != POISON;
    if (unset != NULL) {
        for (int64_t i = 0; i < t->count; i++) {
            float value;
            memcpy(&value, &all[t->before + i], sizeof value);
            *unset += isnan(value) != 0;
        }
    }
    if (values != NULL)
        memcpy(values, all + t->before, 4 * (size_t)t->count);
    free(all);
    return 0;
}

/* Binds, runs, times and checks a recipe. */
static int run_recipe(gcl_single *s, const gcl_recipe *recipe, int repeats, float *out,
                      gcl_single_result *result, gcl_error *err)
{
    bound_recipe b = {0};
    int status = -1;
    if (renew_scratch(s, recipe->scratch_floats, err) != 0 || poison(&s->out, err) != 0 ||
        bind(s, recipe, &b, err) != 0)
        goto done;
    for (int i = 0; i < repeats; i++) {
        double us;
        if (run_once(s, &b, &us, err) != 0)
            goto done;
        if (i == 0 || us < result->us)
            result->us = us;
    }
    if (inspect(&s->out, out, &result->stray, &result->unset, err) != 0 ||
        inspect(&s->scratch, NULL, &result->stray, NULL, err) != 0)
        goto done;
    status = 0;
done:
    unbind(&b);
    return status;
}

void gcl_variant_usual(const gcl_variant *variant, const gcl_node *node, const gcl_limits *limits,
                       int values[GCL_MAX_PARAMS])
{
    for (int i = 0; i < GCL_MAX_PARAMS; i++)
        values[i] = i < variant->n_params ? variant->params[i].values[0] : 0;
    if (variant->defaults != NULL)
        variant->defaults(node, limits, values);
}

int gcl_single_run(gcl_single *s, const gcl_variant *variant, const int *values, int repeats,
                   float *out, gcl_single_result *result, gcl_error *err)
{
    const gcl_limits *limits = gcl_device_limits(s->dev);
    int usual[GCL_MAX_PARAMS];
    gcl_variant_usual(variant, s->node, limits, usual);
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    memset(result, 0, sizeof *result);
    int status = 1;
    if (variant->recipe(s->node, limits, values ? values : usual, recipe) == 0) {
        result->scratch_floats = recipe->scratch_floats;
        status = run_recipe(s, recipe, repeats, out, result, err);
    }
    free(recipe);
    return status;
}

double gcl_variant_error(const gcl_variant *variant, const gcl_node *node, const gcl_limits *limits,
                         const int *values, const float *out, const double *right,
                         const double *magnitude, double *most)
{
    double worst = 0, largest = 0;
    int usual[GCL_MAX_PARAMS];
    int64_t n = gcl_shape_count(node->shape);
    gcl_variant_usual(variant, node, limits, usual);
    *most = variant->error ? variant->error(node, values ? values : usual) : ROUNDING;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(right[i]));
    for (int64_t i = 0; i < n; i++) {
        double error = fabs((double)out[i] - right[i]);
        if (error > 0)
            error /=
                variant->error ? largest : magnitude[i]; /* infinite where every term is zero */
        if (!(error <= worst))
            worst = error;
    }
    return worst;
}

const gcl_variant *gcl_variant_find(const gcl_op *op, const char *name)
{
    for (int i = 0; i < op->n_variants; i++)
        if (strcmp(op->variants[i]->name, name) == 0)
            return op->variants[i];
    return NULL;
}
