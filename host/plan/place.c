/* Placement: every stored value gets memory by its lifetime over the list of units. */
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

enum { SLOT_ALIGN = 256, INPUT_ALIGN = 64 };

static uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) / to * to; }

static const gcl_node *variable_of(const gcl_node *n)
{
    while (n->op->kind == GCL_KIND_ASSIGN)
        n = n->in[0];
    return n;
}

storage *gcl_plan_locate(const gcl_plan *plan, const gcl_node *node, uint64_t *at)
{
    uint64_t offset = 0;
    if (node->op->kind == GCL_KIND_VIEW) {
        offset =
            (uint64_t)((const gcl_view_attr *)node->attr)->first * gcl_dtype_bytes(node->dtype);
        node = node->in[0];
    }
    int id = node->id;
    while (plan->alias[id] >= 0) {
        offset += (uint64_t)plan->alias_at[id] * sizeof(float);
        id = plan->alias[id];
    }
    storage *s = plan->home[id];
    if (s != NULL)
        *at = s->at + offset;
    return s;
}

static storage *new_storage(gcl_plan *plan, const gcl_node *n)
{
    storage *s = gcl_arena_alloc(plan->memory, sizeof *s);
    s->bytes = (uint64_t)gcl_shape_count(n->shape) * gcl_dtype_bytes(n->dtype);
    s->first_unit = plan->n_units;
    s->last_unit = s->written = s->read = -1;
    s->arena = -1;
    return s;
}

static int place_variable(gcl_plan *plan, const gcl_node *n, storage *s, gcl_error *err)
{
    uint64_t first = 0;
    s->kind = STORAGE_VARIABLE;
    s->variable = n->name;
    if (plan->store == NULL || plan->options.estimate_only)
        return 0;
    if (gcl_store_need(plan->store, n->name, gcl_shape_count(n->shape), err) != 0)
        return -1;
    s->buffer = gcl_store_find(plan->store, n->name, &first, NULL);
    s->at = first * sizeof(float);
    return 0;
}

static int place_table(gcl_plan *plan, const gcl_node *n, storage *s, gcl_error *err)
{
    uint64_t first = 0;
    s->kind = STORAGE_TABLE;
    if (plan->store == NULL || plan->options.estimate_only)
        return 0;
    s->buffer =
        gcl_store_table(plan->store, gcl_node_table(n), gcl_shape_count(n->shape), &first, err);
    s->at = first * sizeof(float);
    return s->buffer != NULL ? 0 : -1;
}

/* A storage for every node that has one of its own. */
static int make_storages(gcl_plan *plan, gcl_error *err)
{
    for (int id = 0; id < plan->n_nodes; id++) {
        const gcl_node *n = gcl_graph_node(plan->graph, id);
        double literal;
        if (!plan->live[id] || !plan->stored[id] || plan->alias[id] >= 0 ||
            n->op->kind == GCL_KIND_VIEW || gcl_node_constant(n, &literal))
            continue;
        if (n->op->kind == GCL_KIND_ASSIGN) {
            plan->home[id] = plan->home[variable_of(n)->id];
            continue;
        }
        storage *s = plan->home[id] = new_storage(plan, n);
        if (n->op == &gcl_op_variable && place_variable(plan, n, s, err) != 0)
            return -1;
        if (n->op == &gcl_op_table && place_table(plan, n, s, err) != 0)
            return -1;
        if (n->op == &gcl_op_input) {
            s->kind = STORAGE_UPLOAD;
            s->at = (uint64_t)plan->upload_bytes;
            plan->upload_bytes += (int64_t)round_up(s->bytes, INPUT_ALIGN);
        }
    }
    return 0;
}

static void touch(gcl_plan *plan, const gcl_node *n, int k)
{
    uint64_t at;
    storage *s = gcl_plan_locate(plan, n, &at);
    if (s == NULL)
        return;
    if (k < s->first_unit)
        s->first_unit = k;
    if (k > s->last_unit)
        s->last_unit = k;
}

static void find_lifetimes(gcl_plan *plan)
{
    for (int k = 0; k < plan->n_units; k++) {
        unit *u = &plan->units[k];
        for (int i = 0; i < u->n_roots; i++)
            touch(plan, u->roots[i], k);
        for (int i = 0; i < u->n_leaves; i++)
            touch(plan, u->leaves[i], k);
        if (u->tail != NULL)
            touch(plan, u->tail, k);
        for (int i = 0; u->kind == UNIT_KERNEL && i < u->roots[0]->n_in; i++)
            touch(plan, u->roots[0]->in[i], k);
        if (u->scratch_floats > 0) {
            u->scratch = gcl_arena_alloc(plan->memory, sizeof *u->scratch);
            u->scratch->bytes = (uint64_t)u->scratch_floats * sizeof(float);
            u->scratch->first_unit = u->scratch->last_unit = k;
            u->scratch->arena = -1;
        }
    }
    for (int i = 0; i < gcl_graph_outputs(plan->graph); i++)
        touch(plan, gcl_graph_output_at(plan->graph, i, NULL), plan->n_units);
}

/* ---- slots into arenas ---- */

typedef struct slot_list {
    storage **slots;
    int n, cap;
} slot_list;

static int by_size(const void *a, const void *b)
{
    const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first_unit - y->first_unit;
}

/* What is placed already in one arena, by offset. Copies, so that a search reads memory in order. */
typedef struct taken {
    uint64_t at, end;
    int first_unit, last_unit;
} taken;

typedef struct taken_list {
    taken *items;
    int n, cap;
} taken_list;

/* The lowest gap for s among slots that live at the same time. */
static uint64_t lowest_gap(const taken_list *list, const storage *s)
{
    uint64_t at = 0;
    for (int i = 0; i < list->n; i++) {
        const taken *t = &list->items[i];
        if (t->first_unit > s->last_unit || s->first_unit > t->last_unit)
            continue;
        if (t->at >= at + s->bytes)
            break;
        at = t->end > at ? t->end : at;
    }
    return at;
}

static void take(taken_list *list, const storage *s)
{
    GCL_GROW(list->items, list->n, list->cap);
    int low = 0, high = list->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (list->items[middle].at < s->at)
            low = middle + 1;
        else
            high = middle;
    }
    taken new = {s->at, round_up(s->at + s->bytes, SLOT_ALIGN), s->first_unit, s->last_unit};
    memmove(&list->items[low + 1], &list->items[low],
            (size_t)(list->n - low) * sizeof *list->items);
    list->items[low] = new;
    list->n++;
}

static void new_arena(gcl_plan *plan, taken_list **lists)
{
    size_t n = (size_t)plan->n_arenas + 1;
    plan->arena_bytes = gcl_realloc(plan->arena_bytes, n * sizeof *plan->arena_bytes);
    *lists = gcl_realloc(*lists, n * sizeof **lists);
    plan->arena_bytes[plan->n_arenas] = 0;
    (*lists)[plan->n_arenas++] = (taken_list){0};
}

/* Into the first arena with a gap that does not end beyond what the device allows. */
static void place_one(gcl_plan *plan, storage *s, taken_list **lists)
{
    for (int arena = 0; s->arena < 0; arena++) {
        if (arena == plan->n_arenas)
            new_arena(plan, lists);
        uint64_t at = lowest_gap(&(*lists)[arena], s);
        if (at + s->bytes > plan->limits->max_alloc_bytes)
            continue;
        s->at = at;
        s->arena = arena;
        if (at + s->bytes > plan->arena_bytes[arena])
            plan->arena_bytes[arena] = at + s->bytes;
        take(&(*lists)[arena], s);
    }
}

/* Large ones first, each as low as it can lie. */
static int place_slots(gcl_plan *plan, slot_list *list, gcl_error *err)
{
    taken_list *lists = NULL;
    uint64_t limit = plan->limits->max_alloc_bytes;
    int status = 0;
    qsort(list->slots, (size_t)list->n, sizeof *list->slots, by_size);
    if (list->n > 0 && list->slots[0]->bytes > limit)
        status = gcl_fail(err, GCL_MEMORY,
                          "one tensor of this step needs %.0f MiB, the device allows %.0f MiB in "
                          "one piece; use a smaller --batch",
                          (double)list->slots[0]->bytes / 1048576, (double)limit / 1048576);
    for (int i = 0; i < list->n && status == 0; i++)
        place_one(plan, list->slots[i], &lists);
    for (int i = 0; i < plan->n_arenas && lists != NULL; i++)
        free(lists[i].items);
    free(lists);
    return status;
}

static void collect(gcl_plan *plan, slot_list *list)
{
    for (int id = 0; id < plan->n_nodes; id++) {
        storage *s = plan->home[id];
        const gcl_node *n = gcl_graph_node(plan->graph, id);
        if (s == NULL || s->kind != STORAGE_SLOT || n->op->kind == GCL_KIND_ASSIGN ||
            s->last_unit < 0)
            continue;
        GCL_GROW(list->slots, list->n, list->cap);
        list->slots[list->n++] = s;
    }
    for (int k = 0; k < plan->n_units; k++)
        if (plan->units[k].scratch != NULL) {
            GCL_GROW(list->slots, list->n, list->cap);
            list->slots[list->n++] = plan->units[k].scratch;
        }
}

int gcl_plan_place(gcl_plan *plan, gcl_error *err)
{
    slot_list list = {0};
    int status = make_storages(plan, err);
    if (status == 0) {
        gcl_plan_schedule(plan);
        find_lifetimes(plan);
        collect(plan, &list);
        status = place_slots(plan, &list, err);
    }
    for (int i = 0; i < plan->n_arenas && status == 0; i++)
        plan->slot_bytes += plan->arena_bytes[i];
    if (status == 0 && !plan->options.estimate_only) {
        plan->arenas = gcl_alloc((size_t)(plan->n_arenas + 1) * sizeof *plan->arenas);
        for (int i = 0; i < plan->n_arenas && status == 0; i++) {
            plan->arenas[i] =
                gcl_buffer_new(plan->dev, plan->arena_bytes[i], "values of a step", err);
            status = plan->arenas[i] ? 0 : -1;
        }
        for (int i = 0; i < list.n && status == 0; i++)
            list.slots[i]->buffer = plan->arenas[list.slots[i]->arena];
    }
    free(list.slots);
    return status;
}
