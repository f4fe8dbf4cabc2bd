#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"
#include "cli/commands.h"
#include "io/atomic.h"
#include "ops/ops.h"
#include "plan/single.h"
#include "train/conform.h"

enum { MAX_VARIANTS = 16, MAX_OPERANDS = 4 };

typedef struct selftest {
    gcl_device *dev;
    json_t *lines; /* of --json; NULL: text */
    int passed, failed;
} selftest;

static void say(selftest *t, int good, const char *what, const char *detail)
{
    t->passed += good != 0;
    t->failed += good == 0;
    if (t->lines != NULL)
        json_array_append_new(
            t->lines, json_pack("{s:b, s:s, s:s}", "ok", good, "what", what, "detail", detail));
    else
        printf("%-6s %-28s %s\n", good ? "ok" : "FAILED", what, detail);
    fflush(stdout);
}

/* ---- kernels -------------------------------------------------------------------------------------- */

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
    int cases, failures;
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

static int prepare(selftest *s, trial *t, gcl_graph *graph, const gcl_op *op, int i, gcl_error *err)
{
    const gcl_node *node = op->build_case(graph, i, &t->name);
    if (gcl_graph_error(graph) != NULL)
        return gcl_fail(err, GCL_FAILED, "%s: %s", op->name, gcl_graph_error(graph));
    while (node->op->kind == GCL_KIND_VIEW) /* a builder may have turned it into another kernel */
        node = node->in[0];
    t->node = node;
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

static void try_variant(selftest *s, trial *t, const gcl_variant *variant, verdict *v)
{
    gcl_error err = {0};
    gcl_single_result result = {0};
    char what[120], detail[300];
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
    snprintf(detail, sizeof detail, "%.200serror %.2g, %lld elements unset, %lld words overwritten",
             status == 1 ? "its usual parameters do not fit; " : err.text, error,
             (long long)result.unset, (long long)result.stray);
    say(s, 0, what, detail);
}

static int try_case(selftest *s, const gcl_op *op, int i, verdict *verdicts, gcl_error *err)
{
    gcl_graph *graph = gcl_graph_new();
    trial t = {0};
    int result = prepare(s, &t, graph, op, i, err);
    /* A case that became another op's kernel is tried among that op's cases. */
    for (int v = 0; result == 0 && t.node->op == op && v < op->n_variants; v++)
        if (op->variants[v]->applies(t.node, gcl_device_limits(s->dev)))
            try_variant(s, &t, op->variants[v], &verdicts[v]);
    release(&t);
    gcl_graph_free(graph);
    return result;
}

static int try_op(selftest *s, const gcl_op *op, gcl_error *err)
{
    verdict verdicts[MAX_VARIANTS] = {{0}};
    char what[80], detail[200];
    for (int i = 0; i < op->n_cases; i++)
        if (try_case(s, op, i, verdicts, err) != 0)
            return -1;
    for (int v = 0; v < op->n_variants && v < MAX_VARIANTS; v++) {
        if (verdicts[v].cases == 0 || verdicts[v].failures > 0)
            continue; /* failures have lines of their own */
        snprintf(what, sizeof what, "%s %s", op->name, op->variants[v]->name);
        snprintf(detail, sizeof detail, "%d cases, largest error %.1e (%s)", verdicts[v].cases,
                 verdicts[v].worst, verdicts[v].worst_case);
        say(s, 1, what, detail);
    }
    return 0;
}

/* ---- recorded runs -------------------------------------------------------------------------------- */

static const char *find_recordings(void)
{
    static const char *const folders[] = {"tests/golden", "../tests/golden", GCL_GOLDEN_FOLDER};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (gcl_path_kind(folders[i]) == 2)
            return folders[i];
    return NULL;
}

static int try_recording(selftest *s, const char *folder, const char *name, gcl_error *err)
{
    gcl_conform report;
    char *path = gcl_alloc(strlen(folder) + strlen(name) + 2), what[120], detail[300];
    sprintf(path, "%s/%s", name[0] == '/' ? "" : folder, name);
    gcl_say("replaying %s", name);
    int result = gcl_conform_run(s->dev, path, &report, err);
    free(path);
    for (int i = 0; i < GCL_CONFORM_KINDS && result == 0; i++) {
        const gcl_conform_part *part = &report.part[i];
        snprintf(what, sizeof what, "%.80s %s", name, gcl_conform_name((gcl_conform_kind)i));
        snprintf(detail, sizeof detail,
                 "%d compared, nearest to its limit: %s, %.1e (%.0f %% of it)", part->compared,
                 part->what, part->deviation, 100 * part->worst);
        say(s, part->compared > 0 && part->worst <= 1, what, detail);
    }
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the folders that hold a recording, sorted; the caller frees all. */
static char **list_recordings(const char *folder, int *n)
{
    char **names = NULL;
    int cap = 0;
    DIR *dir = opendir(folder);
    *n = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%s/meta.json", folder, entry->d_name);
        if (gcl_path_kind(path.text) == 1) {
            GCL_GROW(names, *n, cap);
            names[(*n)++] = gcl_strdup(entry->d_name);
        }
        gcl_text_free(&path);
    }
    if (dir != NULL)
        closedir(dir);
    if (*n > 0)
        qsort(names, (size_t)*n, sizeof *names, compare_names);
    return names;
}

static int try_recordings_in(selftest *s, const char *folder, gcl_error *err)
{
    int n = 0, result = 0;
    char **names = list_recordings(folder, &n);
    for (int i = 0; i < n; i++) {
        if (result == 0)
            result = try_recording(s, folder, names[i], err);
        free(names[i]);
    }
    free(names);
    return result;
}

/* FOLDER is a recording or a folder of recordings. */
static int try_folder(selftest *s, const char *folder, gcl_error *err)
{
    gcl_text meta = {0};
    int before = s->passed + s->failed;
    gcl_text_add(&meta, "%s/meta.json", folder);
    int single = gcl_path_kind(meta.text) == 1;
    gcl_text_free(&meta);
    int result = single ? try_recording(s, ".", folder, err) : try_recordings_in(s, folder, err);
    if (result == 0 && s->passed + s->failed == before)
        return gcl_fail(err, GCL_DATA, "%s: holds no recorded run (a folder with meta.json)",
                        folder);
    return result;
}

static int try_recordings(selftest *s, gcl_error *err)
{
    const char *folder = find_recordings();
    if (folder != NULL)
        return try_recordings_in(s, folder, err);
    gcl_warn("no recorded runs (tests/golden, %s): only kernels were tested", GCL_GOLDEN_FOLDER);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int try_all(selftest *s, const gcl_options *options, gcl_error *err)
{
    for (int i = 0; i < options->n_arguments; i++)
        if (try_folder(s, options->arguments[i], err) != 0)
            return -1;
    if (options->n_arguments > 0)
        return 0;
    for (int i = 0; gcl_ops[i] != NULL; i++)
        if (try_op(s, gcl_ops[i], err) != 0)
            return -1;
    return try_recordings(s, err);
}

static void print_json(selftest *s)
{
    json_t *whole = json_pack("{s:s, s:i, s:i, s:o}", "device", gcl_device_limits(s->dev)->name,
                              "passed", s->passed, "failed", s->failed, "lines", s->lines);
    json_dumpf(whole, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(whole);
}

int gcl_command_selftest(const gcl_options *options, gcl_error *err)
{
    selftest s = {.dev = gcl_device_open(options->device, 0, err)};
    if (s.dev == NULL)
        return -1;
    if (options->json)
        s.lines = json_array();
    else
        printf("device %d: %s\n", gcl_device_number(s.dev), gcl_device_limits(s.dev)->name);
    int result = try_all(&s, options, err);
    if (options->json)
        print_json(&s);
    else
        printf("%d passed, %d failed\n", s.passed, s.failed);
    if (result == 0 && s.failed > 0)
        result = gcl_fail(err, GCL_FAILED, "selftest: %d of %d checks failed on %s", s.failed,
                          s.failed + s.passed, gcl_device_limits(s.dev)->name);
    gcl_device_close(s.dev);
    return result;
}
