/* The hidden command kernel-list FILE FAMILY [MODEL...]: every program that ganocl would give to a device
 * of that family, which need not be there, as JSON; plans of these models only, if any is named.
 * scripts/compile-matrix compiles them.
 *
 * FILE is an array of families, each with a "name" and "limits": the fields of gcl_limits of which
 * kernels depend. The result is {"family", "files": names in cl/, "variants": [{"op", "variant",
 * "cases", "applies", "fits", "library"}], "records": whether each shipped one fits, "programs": see
 * cli/kernel_list.h}, its programs being there
 *     usual    a case of an op by a variant with its usual parameters: "conv tile"
 *     chosen   the same where that variant is the choice without a record
 *     tuned    a record that is shipped, of any device, where its parameters fit
 *     plan     a training step of a preset: "dcgan:standard"
 *     pass     one of its networks alone, as trained models are used
 *     peak     the measurement of peak rates */
#include <stdlib.h>
#include <string.h>

#include "autotune/peak.h"
#include "autotune/records.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/kernel_list.h"
#include "ops/ops.h"
#include "plan/single.h"
#include "train/pass.h"
#include "train/trainer.h"

typedef struct lister {
    gcl_device *dev;
    const gcl_limits *limits;
    gcl_kernel_list list;
    json_t *variants, *records;
} lister;

/* ---- the family ----------------------------------------------------------------------------------- */

static uint64_t limit(const json_t *limits, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(limits, key));
}

static int read_limits(const json_t *from, gcl_limits *limits, gcl_error *err)
{
    json_error_t why;
    const char *name, *type;
    json_t *of = NULL;
    if (json_unpack_ex((json_t *)from, &why, 0, "{s:s, s:o}", "name", &name, "limits", &of) != 0 ||
        json_unpack_ex(of, &why, 0, "{s:s}", "type", &type) != 0)
        return gcl_fail(err, GCL_DATA, "a family without name, limits or type: %s", why.text);
    *limits = (gcl_limits){.is_cpu = strcmp(type, "cpu") == 0,
                           .is_gpu = strcmp(type, "gpu") == 0,
                           .opencl_c = 120,
                           .compute_units = (unsigned)limit(of, "compute_units"),
                           .memory_bytes = limit(of, "memory_bytes"),
                           .max_alloc_bytes = limit(of, "max_alloc_bytes"),
                           .cache_bytes = limit(of, "cache_bytes"),
                           .local_bytes = limit(of, "local_bytes"),
                           .max_work_group = (unsigned)limit(of, "max_work_group"),
                           .float_width = (unsigned)limit(of, "float_width"),
                           .subgroup_least = (unsigned)limit(of, "subgroup_least"),
                           .base_align_bytes = 128,
                           .local_is_global = strcmp(type, "cpu") == 0};
    for (int i = 0; i < 3; i++)
        limits->max_items[i] = limits->max_work_group;
    snprintf(limits->name, sizeof limits->name, "%s", name);
    if (limits->compute_units == 0 || limits->memory_bytes == 0 || limits->max_alloc_bytes == 0 ||
        limits->max_work_group == 0 || limits->float_width == 0)
        return gcl_fail(err, GCL_DATA, "family %s: a limit is missing or 0", name);
    return 0;
}

static int find_family(const char *path, const char *wanted, gcl_limits *limits, gcl_error *err)
{
    json_error_t why;
    json_t *families = json_load_file(path, 0, &why), *family;
    size_t i;
    int result = 1;
    if (!json_is_array(families)) {
        json_decref(families);
        return gcl_fail(err, GCL_DATA, "%s: no array of families (%s)", path, why.text);
    }
    json_array_foreach(families, i, family)
    {
        const char *name = json_string_value(json_object_get(family, "name"));
        if (name != NULL && strcmp(name, wanted) == 0)
            result = read_limits(family, limits, err);
    }
    json_decref(families);
    return result <= 0 ? result : gcl_fail(err, GCL_USAGE, "%s has no family %s", path, wanted);
}

/* ---- variants ------------------------------------------------------------------------------------- */

static gcl_place nowhere(void *context, const gcl_arg *arg)
{
    (void)context, (void)arg;
    return (gcl_place){NULL, 0};
}

static int add_recipe(lister *l, const gcl_recipe *recipe, const gcl_node *node,
                      const gcl_variant *variant, const char *role, gcl_error *err)
{
    char name[80];
    snprintf(name, sizeof name, "%s %s", node->op->name, variant->name);
    const gcl_binding binding = {.dev = l->dev, .locate = nowhere};
    for (int i = 0; i < recipe->n_launches && !recipe->clblast.use; i++) {
        gcl_bound *bound = gcl_bound_new(&binding, &recipe->launch[i], err);
        if (bound == NULL)
            return -1;
        gcl_kernel_list_add(&l->list, bound, variant->name, role, name);
        gcl_bound_free(bound);
    }
    return 0;
}

/* What became of a variant's cases. */
typedef struct tally {
    int applies, fits, library;
} tally;

static int add_usual(lister *l, const gcl_node *node, const gcl_variant *variant, int chosen,
                     tally *t, gcl_error *err)
{
    int result = 0;
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    gcl_choice choice = gcl_choice_of(variant, node, l->limits);
    t->applies++;
    if (gcl_choice_recipe(&choice, node, l->limits, recipe) == 0) {
        t->fits++;
        t->library |= recipe->clblast.use;
        result = add_recipe(l, recipe, node, variant, "usual", err);
        if (result == 0 && chosen)
            result = add_recipe(l, recipe, node, variant, "chosen", err);
    }
    free(recipe);
    return result;
}

/* Case i of an op; one that became another op's kernel is among that op's cases. Returns whether it
 * is one, or -1. */
static int add_case(lister *l, const gcl_op *op, int i, tally *tallies, gcl_error *err)
{
    const char *name;
    gcl_graph *graph = gcl_graph_new();
    const gcl_node *node = op->build_case(graph, i, &name);
    gcl_choice usual = {.variant = NULL};
    int result = 0;
    if (gcl_graph_error(graph) != NULL)
        result = gcl_fail(err, GCL_FAILED, "%s %s: %s", op->name, name, gcl_graph_error(graph));
    while (result == 0 && node->op->kind == GCL_KIND_VIEW)
        node = node->in[0];
    int own = result == 0 && node->op == op;
    if (own)
        gcl_choice_usual(node, l->limits, &usual);
    for (int v = 0; own && v < op->n_variants && result == 0; v++)
        if (op->variants[v]->applies(node, l->limits))
            result = add_usual(l, node, op->variants[v], usual.variant == op->variants[v],
                               &tallies[v], err);
    gcl_graph_free(graph);
    return result == 0 ? own : -1;
}

static int add_op(lister *l, const gcl_op *op, gcl_error *err)
{
    enum { MOST = 16 };
    tally tallies[MOST] = {{0}};
    int cases = 0;
    for (int i = 0; i < op->n_cases; i++) {
        int own = add_case(l, op, i, tallies, err);
        if (own < 0)
            return -1;
        cases += own;
    }
    for (int v = 0; v < op->n_variants && v < MOST; v++)
        json_array_append_new(l->variants,
                              json_pack("{s:s, s:s, s:i, s:i, s:i, s:b}", "op", op->name, "variant",
                                        op->variants[v]->name, "cases", cases, "applies",
                                        tallies[v].applies, "fits", tallies[v].fits, "library",
                                        tallies[v].library));
    return 0;
}

/* A record's choice for its own workload. One of another kind of device may not fit here. */
static int add_record(lister *l, const gcl_record *record, gcl_error *err)
{
    int result = 0;
    gcl_graph *graph = gcl_graph_new();
    const gcl_node *node = gcl_workload_node(&record->work, graph);
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    int fits = node != NULL && gcl_choice_recipe(&record->choice, node, l->limits, recipe) == 0;
    if (fits)
        result = add_recipe(l, recipe, node, record->choice.variant, "tuned", err);
    json_array_append_new(l->records, json_boolean(fits));
    free(recipe);
    gcl_graph_free(graph);
    return result;
}

static int add_records(lister *l, gcl_error *err)
{
    int result = 0;
    gcl_records *records = gcl_records_known(gcl_ops);
    for (int i = 0; i < gcl_records_count(records) && result == 0; i++) {
        const gcl_record *record = gcl_records_at(records, i);
        if (record->source == GCL_RECORD_SHIPPED && record->rejected[0] == 0)
            result = add_record(l, record, err);
    }
    gcl_records_free(records);
    return result;
}

/* ---- plans ---------------------------------------------------------------------------------------- */

static const gcl_plan_options listing = {.estimate_only = 1, .list_launches = 1};

static void add_plan(lister *l, const gcl_plan *plan, const char *role, const char *name)
{
    for (int i = 0; i < gcl_plan_rows(plan); i++) {
        gcl_plan_row row;
        gcl_plan_row_at(plan, i, &row);
        gcl_kernel_list_add(&l->list, gcl_plan_bound_at(plan, i), row.variant, role, name);
    }
}

static int add_step(lister *l, const gcl_model *model, const char *name, gcl_error *err)
{
    gcl_trainer trainer;
    gcl_trainer_options options = {.batch = {model->preset->batch, 1}, .plan = &listing};
    if (gcl_trainer_build(&trainer, l->dev, model, &options, err) != 0)
        return -1;
    add_plan(l, trainer.plan, "plan", name);
    gcl_trainer_free(&trainer);
    return 0;
}

static int add_pass(lister *l, const gcl_model *model, const char *pass_name, const char *name,
                    gcl_error *err)
{
    gcl_pass pass;
    if (gcl_pass_graph(&pass, model, pass_name, model->preset->batch, 0, 0, err) != 0)
        return -1;
    pass.plan = gcl_plan_new(l->dev, pass.graph, NULL, &listing, err);
    int result = pass.plan != NULL ? 0 : -1;
    if (result == 0)
        add_plan(l, pass.plan, "pass", name);
    gcl_pass_free(&pass);
    return result;
}

static int add_preset(lister *l, const char *name, gcl_error *err)
{
    gcl_model model;
    if (gcl_model_open(&model, name, NULL, 0, err) != 0 || add_step(l, &model, name, err) != 0)
        return -1;
    for (const char *const *pass = model.system->passes(&model); *pass != NULL; pass++)
        if (add_pass(l, &model, *pass, name, err) != 0)
            return -1;
    return 0;
}

/* Those that are named, else all. */
static int add_presets(lister *l, const gcl_options *options, gcl_error *err)
{
    char name[128];
    for (int i = 2; i < options->n_arguments; i++)
        if (add_preset(l, options->arguments[i], err) != 0)
            return -1;
    for (int i = 0; gcl_systems[i] != NULL && options->n_arguments == 2; i++)
        for (const gcl_preset *p = gcl_systems[i]->presets; p->name != NULL; p++) {
            snprintf(name, sizeof name, "%s:%s", gcl_systems[i]->name, p->name);
            if (add_preset(l, name, err) != 0)
                return -1;
        }
    return 0;
}

static int add_peak(lister *l, gcl_error *err)
{
    const gcl_program *program = gcl_peak_program(l->dev, err);
    if (program == NULL)
        return -1;
    gcl_kernel_list_add_kernel(&l->list, program, "peak_fma", "peak");
    gcl_kernel_list_add_kernel(&l->list, program, "peak_copy", "peak");
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int list_all(lister *l, const gcl_options *options, gcl_error *err)
{
    for (int i = 0; gcl_ops[i] != NULL; i++)
        if (add_op(l, gcl_ops[i], err) != 0)
            return -1;
    if (add_records(l, err) != 0 || add_presets(l, options, err) != 0)
        return -1;
    return add_peak(l, err);
}

static json_t *files(void)
{
    json_t *names = json_array();
    for (const char *const *file = gcl_kernel_files(); *file != NULL; file++)
        json_array_append_new(names, json_string(*file));
    return names;
}

int gcl_command_kernel_list(const gcl_options *options, gcl_error *err)
{
    gcl_limits limits;
    if (find_family(options->arguments[0], options->arguments[1], &limits, err) != 0)
        return -1;
    lister l = {.dev = gcl_device_describe(&limits),
                .limits = &limits,
                .variants = json_array(),
                .records = json_array()};
    gcl_kernel_list_start(&l.list);
    int result = list_all(&l, options, err);
    json_t *whole =
        json_pack("{s:s, s:o, s:o, s:o, s:o}", "family", limits.name, "files", files(), "variants",
                  l.variants, "records", l.records, "programs", gcl_kernel_list_finish(&l.list));
    if (result == 0) {
        json_dumpf(whole, stdout, JSON_INDENT(1));
        printf("\n");
    }
    json_decref(whole);
    gcl_device_close(l.dev);
    return result;
}
