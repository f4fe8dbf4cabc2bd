/* Every variant of every kernel op on the op's cases, beside the oracle in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"
#include "cli/selftest.h"
#include "ops/ops.h"
#include "plan/single.h"

enum { MAX_VARIANTS = 16, MAX_OPERANDS = 4 };

/* Of the cases that --quick tries. */
static const double quick_flops = 2e5;

/* A case of an op, made ready: operands, what is right, and how large its terms were. */
typedef struct trial {
    const gcl_node *node;
    const char *name;
    float *in[MAX_OPERANDS], *out;
    double *right, *magnitude;
    gcl_single *single;
} trial;

/* All cases of a variant. */
typedef struct verdict {
    int cases, failures, left_out; /* left out: too many operations for --quick */
    double worst;
    char worst_case[80];
} verdict;

static double *evaluate(const trial *t, int of_magnitudes)
{
    double *in[MAX_OPERANDS] = {NULL};
    double *out = gcl_alloc((size_t)gcl_shape_count(t->node->shape) * sizeof *out);
    for (int i = 0; i < t->node->n_in; i++) {
        int64_t n = gcl_shape_count(t->node->in[i]->shape);
        in[i] = gcl_alloc((size_t)n * sizeof *in[i]);
        for (int64_t k = 0; k < n; k++)
            in[i][k] = of_magnitudes ? fabs((double)t->in[i][k]) : (double)t->in[i][k];
    }
    t->node->op->evaluate(t->node, (const double *const *)in, out);
    for (int i = 0; i < MAX_OPERANDS; i++)
        free(in[i]);
    return out;
}

static void release(trial *t)
{
    gcl_single_free(t->single);
    for (int i = 0; i < MAX_OPERANDS; i++)
        free(t->in[i]);
    free(t->out);
    free(t->right);
    free(t->magnitude);
}

static int prepare(gcl_selftest *s, trial *t, int i, gcl_error *err)
{
    const gcl_node *node = t->node;
    for (int k = 0; k < node->n_in; k++) {
        int64_t n = gcl_shape_count(node->in[k]->shape);
        t->in[k] = gcl_alloc((size_t)n * sizeof *t->in[k]);
        for (int64_t e = 0; e < n; e++)
            t->in[k][e] = (float)gcl_philox_normal(1, 0, (uint32_t)(10 * i + k), (uint64_t)e);
    }
    t->right = evaluate(t, 0);
    t->magnitude = evaluate(t, 1);
    t->out = gcl_alloc((size_t)gcl_shape_count(node->shape) * sizeof *t->out);
    t->single =
        gcl_single_new(s->dev, node, (const float *const *)t->in, i % 2 ? GCL_SINGLE_ODD : 0, err);
    return t->single != NULL ? 0 : -1;
}

static void try_variant(gcl_selftest *s, trial *t, const gcl_variant *variant, verdict *v)
{
    gcl_error err = {0};
    gcl_single_result result = {0};
    char what[120], detail[300];
    gcl_verbose("trying %s %s \"%s\"", t->node->op->name, variant->name, t->name);
    int status = gcl_single_run(t->single, variant, NULL, 1, t->out, &result, &err);
    double error = INFINITY, most = 0;
    if (status == 0)
        error = gcl_variant_error(variant, t->node, gcl_device_limits(s->dev), NULL, t->out,
                                  t->right, t->magnitude, &most);
    int good = status == 0 && result.stray == 0 && result.unset == 0 && error <= most;
    v->failures += !good;
    if (v->cases++ == 0 || !(error <= v->worst)) {
        v->worst = error;
        snprintf(v->worst_case, sizeof v->worst_case, "%s", t->name);
    }
    if (good)
        return;
    snprintf(what, sizeof what, "%s %s \"%s\"", t->node->op->name, variant->name, t->name);
    snprintf(detail, sizeof detail,
             "%.200s%serror %.2g, %lld elements unset, %lld words overwritten",
             status == 1 ? "its usual parameters do not fit" : err.text, status != 0 ? "; " : "",
             error, (long long)result.unset, (long long)result.stray);
    gcl_selftest_say(s, 0, what, detail);
}

static int is_applicable(const gcl_selftest *s, const gcl_node *node, const gcl_variant *variant)
{
    return variant->applies(node, gcl_device_limits(s->dev));
}

/* The kernel's node of an op's case: a builder may have turned it into another one. */
static const gcl_node *build_case(trial *t, gcl_graph *graph, const gcl_op *op, int i,
                                  gcl_error *err)
{
    const gcl_node *node = op->build_case(graph, i, &t->name);
    if (gcl_graph_error(graph) != NULL) {
        gcl_fail(err, GCL_FAILED, "%s: %s", op->name, gcl_graph_error(graph));
        return NULL;
    }
    while (node->op->kind == GCL_KIND_VIEW)
        node = node->in[0];
    return node;
}

static int try_variants(gcl_selftest *s, trial *t, int i, verdict *verdicts, gcl_error *err)
{
    const gcl_op *op = t->node->op;
    if (s->quick && op->flops(t->node) > quick_flops) {
        for (int v = 0; v < op->n_variants; v++)
            verdicts[v].left_out += is_applicable(s, t->node, op->variants[v]);
        return 0;
    }
    if (prepare(s, t, i, err) != 0)
        return -1;
    for (int v = 0; v < op->n_variants; v++)
        if (is_applicable(s, t->node, op->variants[v]))
            try_variant(s, t, op->variants[v], &verdicts[v]);
    return 0;
}

static int try_case(gcl_selftest *s, const gcl_op *op, int i, verdict *verdicts, gcl_error *err)
{
    gcl_graph *graph = gcl_graph_new();
    trial t = {0};
    t.node = build_case(&t, graph, op, i, err);
    int result = t.node != NULL ? 0 : -1;
    if (result == 0 && t.node->op == op) /* else it is among the other op's cases */
        result = try_variants(s, &t, i, verdicts, err);
    release(&t);
    gcl_graph_free(graph);
    return result;
}

static void report(gcl_selftest *s, const gcl_op *op, const gcl_variant *variant, const verdict *v)
{
    char what[80], detail[200];
    json_array_append_new(s->ops,
                          json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:s}", "op", op->name,
                                    "variant", variant->name, "cases", v->cases, "failed",
                                    v->failures, "left_out", v->left_out, "worst",
                                    v->cases > 0 ? gcl_selftest_number(v->worst) : json_null(),
                                    "case", v->worst_case));
    if (v->cases == 0 || v->failures > 0)
        return; /* failures have lines of their own */
    snprintf(what, sizeof what, "%s %s", op->name, variant->name);
    snprintf(detail, sizeof detail, "%d cases, largest error %.1e (%s)", v->cases, v->worst,
             v->worst_case);
    gcl_selftest_say(s, 1, what, detail);
}

static int try_op(gcl_selftest *s, const gcl_op *op, gcl_error *err)
{
    verdict verdicts[MAX_VARIANTS] = {{0}};
    for (int i = 0; i < op->n_cases; i++)
        if (try_case(s, op, i, verdicts, err) != 0)
            return -1;
    for (int v = 0; v < op->n_variants && v < MAX_VARIANTS; v++)
        report(s, op, op->variants[v], &verdicts[v]);
    return 0;
}

int gcl_selftest_ops(gcl_selftest *s, gcl_error *err)
{
    for (int i = 0; gcl_ops[i] != NULL; i++)
        if (gcl_selftest_wants(s, "ops", gcl_ops[i]->name) && try_op(s, gcl_ops[i], err) != 0)
            return -1;
    return 0;
}
