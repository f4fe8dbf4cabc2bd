/* Makes a plan of a graph and runs it. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "plan/internal.h"

enum { RING = 3 };

/* ---- making and freeing ---- */

static int make_ring(gcl_plan *plan, gcl_error *err)
{
    uint64_t bytes = (uint64_t)(plan->upload_bytes ? plan->upload_bytes : 64);
    plan->upload = gcl_buffer_new(plan->dev, bytes, "inputs of a step", err);
    for (int i = 0; i < RING && plan->upload != NULL; i++)
        if ((plan->staging[i] = gcl_try_alloc(bytes, "inputs of a step", err)) == NULL)
            return -1;
    if (plan->upload != NULL && plan->history != NULL) {
        uint64_t row = (uint64_t)gcl_shape_count(plan->history->shape) * sizeof(float);
        plan->history_buffer = gcl_buffer_new(plan->dev, row * GCL_HISTORY, "history", err);
        return plan->history_buffer ? 0 : -1;
    }
    return plan->upload ? 0 : -1;
}

static void label_of(unit *u)
{
    const gcl_node *n = u->tail ? u->tail : u->roots[u->n_roots - 1];
    const char *what = u->kind == UNIT_KERNEL ? u->roots[0]->op->name : n->op->name;
    const char *scope = u->kind == UNIT_KERNEL ? u->roots[0]->scope : n->scope;
    snprintf(u->label, sizeof u->label, "%s%s%s%s%s", scope, scope[0] ? "/" : "", what,
             u->tail ? "+" : "", u->tail ? u->tail->op->name : "");
}

gcl_plan *gcl_plan_new(gcl_device *dev, gcl_graph *graph, gcl_store *store,
                       const gcl_plan_options *options, gcl_error *err)
{
    if (gcl_graph_error(graph) != NULL) {
        gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(graph));
        return NULL;
    }
    gcl_plan *plan = gcl_alloc(sizeof *plan);
    plan->dev = dev;
    plan->graph = graph;
    plan->store = store;
    plan->options = options ? *options : (gcl_plan_options){0};
    plan->limits = plan->options.limits ? plan->options.limits : gcl_device_limits(dev);
    plan->memory = gcl_arena_new();
    plan->n_nodes = gcl_graph_size(graph);
    plan->history = gcl_graph_find_output(graph, "history");
    size_t n = (size_t)plan->n_nodes;
    plan->live = gcl_alloc(n);
    plan->stored = gcl_alloc(n);
    plan->overwritten = gcl_alloc(n * sizeof *plan->overwritten);
    plan->unit_of = gcl_alloc(n * sizeof *plan->unit_of);
    plan->alias = gcl_alloc(n * sizeof *plan->alias);
    plan->alias_at = gcl_alloc(n * sizeof *plan->alias_at);
    plan->home = gcl_alloc(n * sizeof *plan->home);
    gcl_plan_decide(plan);
    int status = gcl_plan_fuse(plan, err);
    if (status == 0)
        status = gcl_plan_choose(plan, err);
    if (status == 0)
        status = gcl_plan_place(plan, err);
    for (int k = 0; k < plan->n_units && status == 0; k++)
        if (plan->units[k].kind != UNIT_NONE)
            label_of(&plan->units[k]);
    if (status == 0 && !plan->options.estimate_only)
        status = make_ring(plan, err);
    if (status == 0 && (!plan->options.estimate_only || plan->options.list_launches))
        status = gcl_plan_bind(plan, err);
    if (status == 0)
        return plan;
    gcl_plan_free(plan);
    return NULL;
}

void gcl_plan_free(gcl_plan *plan)
{
    if (plan == NULL)
        return;
    if (plan->upload != NULL)
        gcl_device_finish(plan->dev, NULL);         /* staging memory may still be read */
    for (int i = plan->n_launches - 1; i >= 0; i--) /* drivers find the last ones first */
        gcl_bound_free(plan->launches[i]);
    for (int i = 0; i < plan->n_arenas && plan->arenas != NULL; i++)
        gcl_buffer_free(plan->arenas[i]);
    for (int i = 0; i < RING; i++) {
        free(plan->staging[i]);
        gcl_event_free(plan->staged[i]);
    }
    gcl_buffer_free(plan->upload);
    gcl_buffer_free(plan->history_buffer);
    gcl_arena_free(plan->memory);
    free(plan->live);
    free(plan->stored);
    free(plan->overwritten);
    free(plan->unit_of);
    free(plan->alias);
    free(plan->alias_at);
    free(plan->home);
    free(plan->units);
    free(plan->arenas);
    free(plan->arena_bytes);
    free(plan->launches);
    free(plan->launch_labels);
    free(plan->launch_variants);
    free(plan->profile_us);
    free(plan);
}

/* ---- running ---- */

unsigned char *gcl_plan_stage(gcl_plan *plan, gcl_error *err)
{
    int i = plan->staged_now;
    if (plan->staged[i] != NULL && gcl_event_done(plan->staged[i]) != 1 &&
        gcl_event_wait(plan->staged[i], err) != 0)
        return NULL;
    return plan->staging[i];
}

int64_t gcl_plan_offset(const gcl_plan *plan, const gcl_node *input)
{
    const storage *s = input->id < plan->n_nodes ? plan->home[input->id] : NULL;
    return s != NULL && s->kind == STORAGE_UPLOAD ? (int64_t)s->at : -1;
}

static int enqueue_all(gcl_plan *plan, gcl_error *err)
{
    for (int k = 0; k < plan->n_units && plan->options.verify; k++)
        if (gcl_plan_verify_unit(plan, &plan->units[k], err) != 0)
            return -1;
    for (int i = 0; i < plan->n_launches && !plan->options.verify; i++)
        if (gcl_bound_enqueue(plan->launches[i], err) != 0)
            return -1;
    return 0;
}

static int keep_history(gcl_plan *plan, gcl_error *err)
{
    gcl_place from = gcl_plan_place_of(plan, plan->history);
    uint64_t row = (uint64_t)gcl_shape_count(plan->history->shape) * sizeof(float);
    return gcl_buffer_copy(plan->history_buffer, (uint64_t)(plan->runs % GCL_HISTORY) * row,
                           from.buffer, from.at * sizeof(float), row, err);
}

int gcl_plan_run(gcl_plan *plan, gcl_error *err)
{
    double start = gcl_seconds();
    int i = plan->staged_now;
    if (plan->upload_bytes > 0 && gcl_buffer_write_async(plan->upload, 0, plan->staging[i],
                                                         (uint64_t)plan->upload_bytes, err) != 0)
        return -1;
    if (enqueue_all(plan, err) != 0 || (plan->history != NULL && keep_history(plan, err) != 0))
        return -1;
    gcl_event_free(plan->staged[i]);
    plan->staged[i] = gcl_event_mark(plan->dev, err);
    if (plan->staged[i] == NULL || gcl_device_flush(plan->dev, err) != 0)
        return -1;
    plan->staged_now = (i + 1) % RING;
    plan->runs++;
    plan->host_us = 1e6 * (gcl_seconds() - start);
    return 0;
}

int gcl_plan_finish(gcl_plan *plan, gcl_error *err) { return gcl_device_finish(plan->dev, err); }
int64_t gcl_plan_runs(const gcl_plan *plan) { return plan->runs; }

int gcl_plan_read(gcl_plan *plan, const gcl_node *node, float *values, gcl_error *err)
{
    double constant;
    int64_t n = gcl_shape_count(node->shape);
    if (gcl_node_constant(node, &constant)) {
        for (int64_t i = 0; i < n; i++)
            values[i] = (float)constant;
        return 0;
    }
    gcl_place place = gcl_plan_place_of(plan, node);
    if (place.buffer == NULL)
        return gcl_fail(err, GCL_FAILED, "%s: %s is not kept by the plan; mark it as an output",
                        node->scope, node->op->name);
    return gcl_buffer_read(place.buffer, place.at * sizeof(float), values,
                           (uint64_t)n * sizeof(float), err);
}

int gcl_plan_history(gcl_plan *plan, int64_t run, float *values, gcl_error *err)
{
    if (plan->history == NULL || run < 0 || run >= plan->runs || run < plan->runs - GCL_HISTORY)
        return gcl_fail(err, GCL_FAILED, "run %lld is not in the history", (long long)run);
    uint64_t row = (uint64_t)gcl_shape_count(plan->history->shape) * sizeof(float);
    return gcl_buffer_read(plan->history_buffer, (uint64_t)(run % GCL_HISTORY) * row, values, row,
                           err);
}

/* ---- facts ---- */

static int by_address(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return x < y ? -1 : x > y;
}

static int count_programs(const gcl_plan *plan)
{
    int n = 0;
    uintptr_t *address = gcl_alloc((size_t)(plan->n_launches + 1) * sizeof *address);
    for (int i = 0; i < plan->n_launches; i++)
        address[i] = (uintptr_t)gcl_bound_program(plan->launches[i]);
    qsort(address, (size_t)plan->n_launches, sizeof *address, by_address);
    for (int i = 0; i < plan->n_launches; i++)
        n += address[i] != 0 && (i == 0 || address[i] != address[i - 1]);
    free(address);
    return n;
}

void gcl_plan_get_stats(const gcl_plan *plan, gcl_plan_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->launches = plan->n_launches;
    stats->programs = count_programs(plan);
    stats->kernels = plan->n_kernels;
    stats->upload_bytes = (uint64_t)plan->upload_bytes;
    stats->value_bytes = plan->slot_bytes;
    stats->host_us = plan->host_us;
    for (int id = 0; id < plan->n_nodes; id++) {
        const gcl_node *n = gcl_graph_node(plan->graph, id);
        stats->nodes += plan->live[id];
        if (plan->live[id] && (n->op == &gcl_op_variable || n->op == &gcl_op_table))
            stats->variable_bytes += (uint64_t)gcl_shape_count(n->shape) * sizeof(float);
        if (plan->live[id] && n->op->kind == GCL_KIND_KERNEL && n->op->flops != NULL)
            stats->flops += n->op->flops(n);
    }
    for (int k = 0; k < plan->n_units; k++) {
        const unit *u = &plan->units[k];
        uint64_t scratch = (uint64_t)u->scratch_floats * sizeof(float);
        stats->scratch_bytes = scratch > stats->scratch_bytes ? scratch : stats->scratch_bytes;
        if (gcl_unit_generated(u))
            stats->bytes_moved += gcl_unit_bytes(u);
        for (int i = 0; u->kind == UNIT_KERNEL && i < u->recipe.n_launches; i++)
            stats->bytes_moved += u->recipe.launch[i].bytes;
    }
}

int gcl_plan_rows(const gcl_plan *plan) { return plan->n_launches; }

void gcl_plan_row_at(const gcl_plan *plan, int i, gcl_plan_row *row)
{
    row->label = plan->launch_labels[i];
    row->variant = plan->launch_variants[i];
    row->flops = gcl_bound_flops(plan->launches[i]);
    row->bytes = gcl_bound_bytes(plan->launches[i]);
    row->us = plan->profile_us ? plan->profile_us[i] : 0;
}

const gcl_bound *gcl_plan_bound_at(const gcl_plan *plan, int i) { return plan->launches[i]; }

int gcl_plan_profile(gcl_plan *plan, gcl_error *err)
{
    int n = 0, next = 0;
    if (plan->n_launches == 0)
        return 0;
    double *us = gcl_alloc((size_t)plan->n_launches * sizeof *us);
    if (plan->profile_us == NULL)
        plan->profile_us = gcl_alloc((size_t)plan->n_launches * sizeof *us);
    gcl_profile_clear(plan->dev);
    int status = gcl_plan_run(plan, err) == 0
                     ? gcl_profile_read(plan->dev, us, plan->n_launches, &n, err)
                     : -1;
    for (int i = 0; i < plan->n_launches && status == 0; i++)
        plan->profile_us[i] = gcl_bound_profiled(plan->launches[i]) && next < n ? us[next++] : 0;
    free(us);
    return status;
}

void gcl_plan_print(const gcl_plan *plan, gcl_text *out)
{
    static const char *const kinds[] = {"", "pointwise", "reduce", "kernel", "copy"};
    for (int k = 0; k < plan->n_units; k++) {
        const unit *u = &plan->units[k];
        if (u->kind != UNIT_NONE)
            gcl_text_add(out, "%-9s %s %s reads %d stores %d\n", kinds[u->kind], u->label,
                         gcl_shape_text(u->space),
                         u->n_leaves + (u->kind == UNIT_KERNEL ? u->roots[0]->n_in : 0),
                         u->n_roots);
    }
}
