/* Order of units: what stores next to nothing comes as soon as it can.
 *
 * The units of fuse.c are in the order in which the graph was written: all gradients, then all
 * updates. Updates, norms of gradients and the like read much and keep little; each of them is moved
 * to behind the last unit that it depends on, so that what it reads last is freed there: one
 * network's gradients before the other's backward pass begins. Units that depend on each other keep
 * their order, so no value changes. */
#include <stdlib.h>

#include "plan/internal.h"

/* Bytes that a unit may store beside variables and still be moved. */
enum { NEXT_TO_NOTHING = 16384 };

typedef struct ranked {
    int rank, index; /* sorted by both: rank is the unit behind which it comes, or its own number */
    unit u;
} ranked;

typedef struct schedule {
    const gcl_plan *plan;
    int *made; /* by node id: rank of the unit that makes it, -1 */
} schedule;

/* Of variables, whose memory their versions share; NULL for other nodes. */
static storage *variable_storage(const schedule *s, const gcl_node *node)
{
    uint64_t at;
    storage *home = gcl_plan_locate(s->plan, node, &at);
    return home != NULL && home->kind == STORAGE_VARIABLE ? home : NULL;
}

static int later(int a, int b) { return a > b ? a : b; }

/* What of a unit is read: leaf, then operand number i; NULL where there is none any more. */
static const gcl_node *read_at(const unit *u, int i)
{
    if (i < u->n_leaves)
        return u->leaves[i];
    i -= u->n_leaves;
    return u->kind == UNIT_KERNEL && i < u->roots[0]->n_in ? u->roots[0]->in[i] : NULL;
}

static const gcl_node *written_at(const unit *u, int i)
{
    return i < u->n_roots ? u->roots[i] : i == u->n_roots ? u->tail : NULL;
}

/* The rank of the last unit that makes a part of what is read. Parts of a pack may be made in it. */
static int made_at(const schedule *s, const gcl_node *node)
{
    const gcl_node *base = gcl_plan_base(node);
    int rank = s->made[base->id];
    for (int i = 0; base->op->kind == GCL_KIND_PACK && i < base->n_in; i++)
        rank = later(rank, made_at(s, base->in[i]));
    return rank;
}

/* The rank of the last unit so far that this one depends on, -1: none. */
static int last_dependence(const schedule *s, const unit *u)
{
    int last = -1;
    const gcl_node *node;
    for (int i = 0; (node = read_at(u, i)) != NULL; i++) {
        const storage *variable = variable_storage(s, node);
        last = later(last, variable != NULL ? variable->written : made_at(s, node));
    }
    for (int i = 0; (node = written_at(u, i)) != NULL; i++) {
        const storage *variable = variable_storage(s, node);
        if (variable != NULL)
            last = later(last, later(variable->written, variable->read));
    }
    return last;
}

/* Bytes of the slots that it stores into, whole packs included: these live from their first part on. */
static uint64_t bytes_kept(const schedule *s, const unit *u)
{
    uint64_t bytes = 0, at;
    const gcl_node *node;
    for (int i = 0; (node = written_at(u, i)) != NULL; i++) {
        const storage *home = gcl_plan_locate(s->plan, node, &at);
        bytes += home != NULL && home->kind == STORAGE_SLOT ? home->bytes : 0;
    }
    return bytes;
}

static void note_accesses(schedule *s, const unit *u, int rank)
{
    const gcl_node *node;
    for (int i = 0; (node = read_at(u, i)) != NULL; i++) {
        storage *variable = variable_storage(s, node);
        if (variable != NULL)
            variable->read = later(variable->read, rank);
    }
    for (int i = 0; (node = written_at(u, i)) != NULL; i++) {
        storage *variable = variable_storage(s, node);
        if (variable != NULL)
            variable->written = later(variable->written, rank);
        s->made[node->id] = later(s->made[node->id], rank);
    }
}

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->rank != y->rank ? x->rank - y->rank : x->index - y->index;
}

void gcl_plan_schedule(gcl_plan *plan)
{
    schedule s = {.plan = plan, .made = gcl_alloc((size_t)plan->n_nodes * sizeof(int))};
    ranked *all = gcl_alloc((size_t)(plan->n_units + 1) * sizeof *all);
    for (int id = 0; id < plan->n_nodes; id++)
        s.made[id] = -1;
    for (int k = 0; k < plan->n_units; k++) {
        const unit *u = &plan->units[k];
        int moves = u->kind != UNIT_NONE && bytes_kept(&s, u) <= NEXT_TO_NOTHING;
        all[k] = (ranked){moves ? last_dependence(&s, u) : k, k, *u};
        note_accesses(&s, u, all[k].rank);
    }
    qsort(all, (size_t)plan->n_units, sizeof *all, by_rank);
    for (int k = 0; k < plan->n_units; k++)
        plan->units[k] = all[k].u;
    free(all);
    free(s.made);
}
