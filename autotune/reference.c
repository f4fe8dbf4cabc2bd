#include "autotune/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/single.h"

/* Largest difference from what is right, as a part of the results' root mean square: sums of 65,536
 * terms in another order differ by some 1e-5 of it, Winograd's by 1e-4, and one lost term of so
 * many by 4e-3. */
#define TOLERANCE 1e-3

/* Elements of a first window; the time that windows may take, and with which naive does it all. */
enum { FIRST_WINDOW = 64, WINDOWS = 4 };
#define WINDOW_US 2e5
#define WHOLE_US  1e6

struct gcl_reference {
    gcl_graph *graph;
    const gcl_node *node;
    gcl_single *single;
    const gcl_limits *limits;
    int64_t count;
    float *out, *naive; /* of the last run; of naive: NaN where it was not computed */
    float *agreed;      /* a whole result that agrees with naive; NULL: none yet */
    double scale;       /* root mean square of naive's elements */
    double naive_us;
};

/* ---- naive ---------------------------------------------------------------------------------------- */

/* The part of the naive variant that the wrapper below launches: `window` elements at each of four
 * places. Every naive variant is one launch with work-item i for element i. */
static const gcl_variant *whole;
static int64_t window;

static int window_recipe(const gcl_node *node, const gcl_limits *limits, const int *values,
                         gcl_recipe *recipe)
{
    int64_t count = gcl_shape_count(node->shape);
    if (whole->recipe(node, limits, values, recipe) != 0 || recipe->n_launches != 1 ||
        recipe->scratch_floats != 0)
        return -1;
    for (int i = 0; i < WINDOWS; i++) {
        gcl_launch *launch = &recipe->launch[i];
        *launch = recipe->launch[0];
        launch->first = (size_t)((count - window) * i / (WINDOWS - 1));
        launch->global[0] = (size_t)window;
        launch->local[0] = 0;
    }
    recipe->n_launches = WINDOWS;
    return 0;
}

/* Runs naive wholly (n = 0) or in windows of n elements. */
static int run_naive(gcl_reference *r, int64_t n, double *us, gcl_error *err)
{
    gcl_variant parts = *whole;
    gcl_single_result result;
    parts.recipe = window_recipe;
    window = n;
    int status = gcl_single_run(r->single, n > 0 ? &parts : whole, NULL, 1, r->naive, &result, err);
    *us = result.us;
    if (status == 1)
        return gcl_fail(err, GCL_FAILED, "%s: naive does not fit", r->node->op->name);
    return status;
}

static void measure_scale(gcl_reference *r)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < r->count; i++)
        if (!isnan(r->naive[i])) {
            sum += (double)r->naive[i] * r->naive[i];
            n++;
        }
    r->scale = n > 0 ? sqrt(sum / (double)n) : 0;
}

/* First small windows, which show how fast naive is, then as much as there is time for. */
static int compute_naive(gcl_reference *r, gcl_error *err)
{
    int64_t n = FIRST_WINDOW;
    double us = 0;
    whole = gcl_variant_find(r->node->op, "naive");
    if (whole == NULL)
        return gcl_fail(err, GCL_FAILED, "%s has no naive variant to check others with",
                        r->node->op->name);
    if (r->count > WINDOWS * n) {
        if (run_naive(r, n, &us, err) != 0)
            return -1;
        r->naive_us = us * (double)r->count / (double)(WINDOWS * n);
    }
    if (r->naive_us <= WHOLE_US) {
        if (run_naive(r, 0, &r->naive_us, err) != 0)
            return -1;
        r->agreed = gcl_alloc((size_t)r->count * sizeof *r->agreed);
        memcpy(r->agreed, r->naive, (size_t)r->count * sizeof *r->agreed);
    } else if (us < WINDOW_US / 2) {
        n = (int64_t)((double)n * WINDOW_US / us) / FIRST_WINDOW * FIRST_WINDOW;
        if (run_naive(r, n, &us, err) != 0)
            return -1;
        r->naive_us = us * (double)r->count / (double)(WINDOWS * n);
    }
    measure_scale(r);
    return 0;
}

/* ---- making --------------------------------------------------------------------------------------- */

/* Uniform in [-1, 1): the top 24 bits of a mixed counter (the finaliser of SplitMix64; Steele et al.
 * 2014, "Fast splittable pseudorandom number generators"). */
static void fill(float *values, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t z = ((uint64_t)i + (seed << 40)) * 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        values[i] = (float)((z ^ z >> 31) >> 40) * 0x1p-23f - 1.0f;
    }
}

static int make_operands(gcl_reference *r, gcl_device *dev, gcl_error *err)
{
    float *in[GCL_WORKLOAD_IN] = {NULL};
    int made = 1;
    for (int i = 0; i < r->node->n_in && made; i++) {
        int64_t n = gcl_shape_count(r->node->in[i]->shape);
        in[i] = gcl_try_alloc((size_t)n * sizeof **in, "an operand", err);
        made = in[i] != NULL;
        if (made)
            fill(in[i], n, (uint64_t)i + 1);
    }
    if (made)
        r->single = gcl_single_new(dev, r->node, (const float *const *)in, 0, err);
    for (int i = 0; i < GCL_WORKLOAD_IN; i++)
        free(in[i]);
    return r->single != NULL ? 0 : -1;
}

gcl_reference *gcl_reference_new(gcl_device *dev, const gcl_workload *work, gcl_error *err)
{
    gcl_reference *r = gcl_alloc(sizeof *r);
    r->graph = gcl_graph_new();
    r->node = gcl_workload_node(work, r->graph);
    r->limits = gcl_device_limits(dev);
    if (r->node == NULL) {
        gcl_fail(err, GCL_FAILED, "%s", gcl_graph_error(r->graph));
        goto fail;
    }
    r->count = gcl_shape_count(r->node->shape);
    r->out = gcl_try_alloc((size_t)r->count * sizeof *r->out, "a result", err);
    r->naive = gcl_try_alloc((size_t)r->count * sizeof *r->naive, "a result", err);
    if (r->out != NULL && r->naive != NULL && make_operands(r, dev, err) == 0 &&
        compute_naive(r, err) == 0)
        return r;
fail:
    gcl_reference_free(r);
    return NULL;
}

void gcl_reference_free(gcl_reference *r)
{
    if (r == NULL)
        return;
    gcl_single_free(r->single);
    gcl_graph_free(r->graph);
    free(r->out);
    free(r->naive);
    free(r->agreed);
    free(r);
}

double gcl_reference_naive_us(const gcl_reference *r) { return r->naive_us; }

/* ---- trying --------------------------------------------------------------------------------------- */

/* The largest difference from what is known there, as a part of the scale; NaN where known is left out. */
static double largest_error(const gcl_reference *r, const float *known)
{
    double largest = 0;
    for (int64_t i = 0; i < r->count; i++) {
        double error = fabs((double)r->out[i] - known[i]);
        if (!isnan(known[i]) && !(error <= largest))
            largest = error;
    }
    return largest == 0 ? 0 : largest / r->scale;
}

gcl_try gcl_reference_try(gcl_reference *r, const gcl_choice *choice, double *us, char *why,
                          size_t why_size, gcl_error *err)
{
    gcl_single_result result = {0};
    if (!choice->variant->applies(r->node, r->limits))
        return GCL_TRY_UNFIT;
    int status =
        gcl_single_run(r->single, choice->variant, choice->values, 1, r->out, &result, err);
    if (status != 0)
        return status == 1 ? GCL_TRY_UNFIT : GCL_TRY_FAILED;
    *us = result.us;
    if (result.stray > 0 || result.unset > 0) {
        snprintf(why, why_size, "%lld words overwritten beside its memory, %lld results not set",
                 (long long)result.stray, (long long)result.unset);
        return GCL_TRY_WRONG;
    }
    double error = largest_error(r, r->naive);
    if (error <= TOLERANCE && r->agreed != NULL)
        error = largest_error(r, r->agreed);
    if (!(error <= TOLERANCE)) {
        snprintf(why, why_size, "off by %.2g of the results' size", error);
        return GCL_TRY_WRONG;
    }
    if (r->agreed == NULL) {
        r->agreed = gcl_alloc((size_t)r->count * sizeof *r->agreed);
        memcpy(r->agreed, r->out, (size_t)r->count * sizeof *r->agreed);
    }
    return GCL_TRY_RIGHT;
}
