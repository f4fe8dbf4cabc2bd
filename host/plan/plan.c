/* Makes a plan of a graph and runs it. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "plan/internal.h"

enum { RING = 3 };

/* ---- binding ---- */

typedef struct place_of {
    const gcl_plan *plan;
    const unit *u;
    const storage *given; /* COPY: where the part goes */
    uint64_t given_at;
} place_of;

static gcl_place place_in(const gcl_plan *plan, const gcl_node *node)
{
    uint64_t at = 0;
    storage *s = gcl_plan_locate(plan, node, &at);
    if (s == NULL)
        return (gcl_place){NULL, 0};
    gcl_buffer *buffer = s->kind == STORAGE_UPLOAD ? plan->upload : s->buffer;
    return (gcl_place){buffer, at / gcl_dtype_bytes(node->dtype)};
}

static gcl_place scratch_place(const unit *u)
{
    return (gcl_place){u->scratch->buffer, u->scratch->at / sizeof(float)};
}

static gcl_place locate_kernel(void *context, const gcl_arg *arg)
{
    const place_of *p = context;
    const gcl_node *node = p->u->roots[0];
    if (arg->kind == GCL_ARG_IN)
        return place_in(p->plan, node->in[arg->index]);
    if (arg->kind == GCL_ARG_OUT)
        return place_in(p->plan, p->u->tail ? p->u->tail : node);
    return scratch_place(p->u);
}

/* Arguments of generated kernels: IN is a leaf, OUT a root. */
static gcl_place locate_generated(void *context, const gcl_arg *arg)
{
    const place_of *p = context;
    const unit *u = p->u;
    if (arg->kind == GCL_ARG_IN)
        return place_in(p->plan, u->leaves[arg->index]);
    if (arg->kind == GCL_ARG_SCRATCH)
        return scratch_place(u);
    gcl_place place = place_in(p->plan, u->roots[arg->index]);
    if (u->kind == UNIT_COPY)
        for (int i = 0; i < u->copy_part; i++)
            place.at += (uint64_t)gcl_shape_count(u->roots[0]->in[i]->shape);
    return place;
}

static int add_launch(gcl_plan *plan, unit *u, gcl_bound *bound, const char *variant)
{
    if (bound == NULL)
        return -1;
    GCL_GROW(plan->launch_labels, plan->n_launches, plan->cap_labels);
    GCL_GROW(plan->launch_variants, plan->n_launches, plan->cap_variants);
    GCL_GROW(plan->launches, plan->n_launches, plan->cap_launches);
    plan->launch_labels[plan->n_launches] = gcl_arena_printf(plan->memory, "%s", u->label);
    plan->launch_variants[plan->n_launches] = variant;
    plan->launches[plan->n_launches++] = bound;
    u->n_launches++;
    return 0;
}

static int bind_kernel(gcl_plan *plan, unit *u, gcl_error *err)
{
    place_of context = {.plan = plan, .u = u};
    gcl_place extra[MAX_LEAVES];
    gcl_binding b = {
        .dev = plan->dev, .locate = locate_kernel, .context = &context, .label = u->label};
    gcl_text epilogue = {0};
    int status = 0;
    if (u->recipe.clblast.use)
        return add_launch(plan, u, gcl_bound_new_clblast(&b, &u->recipe), u->variant->name);
    if (u->tail != NULL) {
        gcl_emit_epilogue(plan, u, &epilogue);
        for (int i = 0; i < u->n_leaves; i++)
            extra[i] = place_in(plan, u->leaves[i]);
    }
    for (int i = 0; i < u->recipe.n_launches && status == 0; i++) {
        int here = u->tail != NULL && i == u->recipe.epilogue_launch;
        b.before = here ? epilogue.text : NULL;
        b.extra = here ? extra : NULL;
        b.n_extra = here ? u->n_leaves : 0;
        status =
            add_launch(plan, u, gcl_bound_new(&b, &u->recipe.launch[i], err), u->variant->name);
    }
    gcl_text_free(&epilogue);
    return status;
}

/* Bytes that a generated unit has to move: each leaf and root once. */
static double generated_bytes(const unit *u)
{
    double bytes = 0;
    for (int i = 0; i < u->n_leaves; i++)
        bytes += (double)gcl_shape_count(u->leaves[i]->shape) *
                 (double)gcl_dtype_bytes(u->leaves[i]->dtype);
    for (int i = 0; i < u->n_roots; i++)
        bytes +=
            4.0 * (double)gcl_shape_count(u->kind == UNIT_COPY ? u->space : u->roots[i]->shape);
    return bytes;
}

static int bind_generated(gcl_plan *plan, unit *u, const emitted *e, const char *source,
                          const char *name, gcl_error *err)
{
    place_of context = {.plan = plan, .u = u};
    gcl_binding b = {.dev = plan->dev,
                     .locate = locate_generated,
                     .context = &context,
                     .source = source,
                     .label = u->label};
    gcl_launch launch = {
        .file = "generated", .kernel = name, .n_args = e->n_args, .bytes = generated_bytes(u)};
    memcpy(launch.args, e->args, sizeof launch.args);
    memcpy(launch.global, e->global, sizeof launch.global);
    memcpy(launch.local, e->local, sizeof launch.local);
    const char *what = u->kind == UNIT_REDUCE ? "reduce"
                       : u->kind == UNIT_COPY ? "copy"
                                              : "pointwise";
    if (add_launch(plan, u, gcl_bound_new(&b, &launch, err), what) != 0)
        return -1;
    for (int r = 0; r < u->n_roots && e->chunks > 1; r++) {
        int64_t n = gcl_shape_count(u->roots[r]->shape), inner = 1;
        for (int i = 3; i >= 0 && !(u->axes >> i & 1); i--)
            inner *= u->space.d[i];
        gcl_launch second = {.file = "reduce",
                             .kernel = "reduce_partials",
                             .n_args = 5,
                             .bytes = 4.0 * (double)(n * (e->chunks + 1))};
        second.args[0] = (gcl_arg){GCL_ARG_OUT, r, 0};
        second.args[1] = (gcl_arg){GCL_ARG_SCRATCH, 0, r * e->partial_floats};
        second.args[2] = (gcl_arg){GCL_ARG_INT, 0, e->chunks};
        second.args[3] = (gcl_arg){GCL_ARG_INT, 0, inner};
        second.args[4] =
            (gcl_arg){GCL_ARG_INT, 0, ((const gcl_reduce_attr *)u->roots[r]->attr)->maximum};
        second.global[0] = (size_t)n;
        second.global[1] = second.global[2] = 1;
        b.source = NULL;
        if (add_launch(plan, u, gcl_bound_new(&b, &second, err), "reduce") != 0)
            return -1;
    }
    return 0;
}

/* ---- generated programs ---- */

typedef struct kernel_text {
    char *text;
    int number;
} kernel_text;

static int is_generated(const unit *u)
{
    return u->kind == UNIT_POINTWISE || u->kind == UNIT_REDUCE || u->kind == UNIT_COPY;
}

static void dump(const gcl_plan *plan, const char *source)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/generated.cl", plan->options.dump);
    FILE *file = fopen(path.text, "w");
    if (file == NULL || fputs(source, file) < 0)
        gcl_warn("cannot write %s", path.text);
    if (file != NULL)
        fclose(file);
    gcl_text_free(&path);
}

/* All generated kernels of the plan in one program; equal texts are one kernel. */
static char *whole_source(gcl_plan *plan, emitted *e, int *number, gcl_error *err)
{
    gcl_text all = {0};
    int n = 0, random = 0;
    int *owner = gcl_alloc((size_t)(plan->n_units + 1) * sizeof *owner);
    for (int k = 0; k < plan->n_units; k++)
        random = random || (e[k].text != NULL && strstr(e[k].text, "gcl_") != NULL);
    if (random) {
        const char *philox = gcl_kernel_source("philox", err);
        if (philox == NULL) {
            free(owner);
            return NULL;
        }
        gcl_text_add(&all, "%s\n", philox);
    }
    gcl_emit_prelude(&all, random);
    for (int k = 0; k < plan->n_units; k++) {
        if (e[k].text == NULL)
            continue;
        int same = 0;
        while (same < n && strcmp(e[owner[same]].text, e[k].text) != 0)
            same++;
        number[k] = same;
        if (same == n) {
            owner[n++] = k;
            gcl_text_add(&all, "#define NAME g%d\n%s#undef NAME\n", same, e[k].text);
        }
    }
    free(owner);
    if (plan->options.dump != NULL)
        dump(plan, all.text);
    return all.text;
}

static void label_of(unit *u)
{
    const gcl_node *n = u->tail ? u->tail : u->roots[u->n_roots - 1];
    const char *what = u->kind == UNIT_KERNEL ? u->roots[0]->op->name : n->op->name;
    const char *scope = u->kind == UNIT_KERNEL ? u->roots[0]->scope : n->scope;
    snprintf(u->label, sizeof u->label, "%s%s%s%s%s", scope, scope[0] ? "/" : "", what,
             u->tail ? "+" : "", u->tail ? u->tail->op->name : "");
}

static int bind_all(gcl_plan *plan, gcl_error *err)
{
    emitted *e = gcl_alloc((size_t)(plan->n_units + 1) * sizeof *e);
    int *number = gcl_alloc((size_t)(plan->n_units + 1) * sizeof *number);
    int status = 0;
    for (int k = 0; k < plan->n_units; k++) {
        unit *u = &plan->units[k];
        if (u->kind == UNIT_NONE)
            continue;
        if (u->kind == UNIT_REDUCE)
            gcl_emit_reduce(plan, u, &e[k]);
        else if (is_generated(u))
            gcl_emit_pointwise(plan, u, &e[k]);
    }
    char *source = whole_source(plan, e, number, err);
    for (int k = 0; k < plan->n_units && source != NULL && status == 0; k++) {
        unit *u = &plan->units[k];
        u->first_launch = plan->n_launches;
        if (u->kind == UNIT_KERNEL)
            status = bind_kernel(plan, u, err);
        else if (is_generated(u)) {
            char name[16];
            snprintf(name, sizeof name, "g%d", number[k]);
            status = bind_generated(plan, u, &e[k], source, name, err);
        }
    }
    for (int k = 0; k < plan->n_units; k++)
        free(e[k].text);
    free(e);
    free(number);
    status = source == NULL ? -1 : status;
    free(source);
    return status;
}

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

gcl_plan *gcl_plan_new(gcl_device *dev, gcl_graph *graph, gcl_store *store,
                       const gcl_plan_options *options, gcl_error *err)
{
    if (gcl_graph_error(graph) != NULL) {
        gcl_fail(err, GCL_USAGE, "%s", gcl_graph_error(graph));
        return NULL;
    }
    gcl_plan *plan = gcl_alloc(sizeof *plan);
    plan->dev = dev;
    plan->limits = gcl_device_limits(dev);
    plan->graph = graph;
    plan->store = store;
    plan->options = options ? *options : (gcl_plan_options){0};
    plan->memory = gcl_arena_new();
    plan->n_nodes = gcl_graph_size(graph);
    plan->history = gcl_graph_find_output(graph, "history");
    size_t n = (size_t)plan->n_nodes;
    plan->live = gcl_alloc(n);
    plan->stored = gcl_alloc(n);
    plan->unit_of = gcl_alloc(n * sizeof *plan->unit_of);
    plan->alias = gcl_alloc(n * sizeof *plan->alias);
    plan->alias_at = gcl_alloc(n * sizeof *plan->alias_at);
    plan->home = gcl_alloc(n * sizeof *plan->home);
    int status = gcl_plan_fuse(plan, err);
    if (status == 0)
        status = gcl_plan_choose(plan, err);
    if (status == 0)
        status = gcl_plan_place(plan, err);
    for (int k = 0; k < plan->n_units && status == 0; k++)
        if (plan->units[k].kind != UNIT_NONE)
            label_of(&plan->units[k]);
    if (status == 0 && !plan->options.estimate_only)
        status = make_ring(plan, err) == 0 ? bind_all(plan, err) : -1;
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
        gcl_device_finish(plan->dev, NULL); /* staging memory may still be read */
    for (int i = 0; i < plan->n_launches; i++)
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
    if (plan->staged[i] != NULL && !gcl_event_done(plan->staged[i]) &&
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
    gcl_place from = place_in(plan, plan->history);
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
    gcl_place place = place_in(plan, node);
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

void gcl_plan_get_stats(const gcl_plan *plan, gcl_plan_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->launches = plan->n_launches;
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
        if (is_generated(u))
            stats->bytes_moved += generated_bytes(u);
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
