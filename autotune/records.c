#include "autotune/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/internal.h"

struct gcl_records *gcl_records_new(const gcl_op *const *ops)
{
    gcl_records *records = gcl_alloc(sizeof *records);
    records->ops = ops;
    return records;
}

void gcl_records_free(gcl_records *records)
{
    if (records == NULL)
        return;
    free(records->all);
    free(records);
}

void gcl_records_add(gcl_records *records, const gcl_record *record)
{
    GCL_GROW(records->all, records->n, records->cap);
    records->all[records->n++] = *record;
}

int gcl_records_count(const gcl_records *records) { return records->n; }
const gcl_record *gcl_records_at(const gcl_records *records, int i) { return &records->all[i]; }

/* ---- of a device ---------------------------------------------------------------------------------- */

int gcl_record_start(gcl_record *record, const gcl_node *node, const gcl_choice *choice,
                     const gcl_limits *limits)
{
    gcl_choice usual;
    memset(record, 0, sizeof *record);
    if (gcl_workload_of(node, &record->work) != 0)
        return -1;
    memcpy(record->platform, limits->platform, sizeof record->platform);
    memcpy(record->device, limits->name, sizeof record->device);
    memcpy(record->driver, limits->driver, sizeof record->driver);
    record->choice = *choice;
    usual = gcl_choice_of(choice->variant, node, limits);
    memcpy(record->usual, usual.values, sizeof record->usual);
    record->kept = gcl_choice_usual(node, limits, &usual) == 0 && gcl_choice_equal(&usual, choice);
    gcl_fingerprint_programs(choice, node, limits, record->programs);
    gcl_fingerprint_space(node->op, record->space);
    return 0;
}

int gcl_record_is_of(const gcl_record *record, const gcl_limits *limits)
{
    return strcmp(record->device, limits->name) == 0 &&
           strcmp(record->platform, limits->platform) == 0;
}

int gcl_record_same_driver(const gcl_record *record, const gcl_limits *limits)
{
    return strcmp(record->driver, limits->driver) == 0;
}

const gcl_record *gcl_records_find(const gcl_records *records, const gcl_workload *work,
                                   const gcl_limits *limits)
{
    for (int i = records->n - 1; i >= 0; i--) {
        const gcl_record *r = &records->all[i];
        if (r->source == GCL_RECORD_USER && r->rejected[0] == 0 &&
            gcl_workload_equal(&r->work, work) && gcl_record_is_of(r, limits) &&
            gcl_record_same_driver(r, limits))
            return r;
    }
    return NULL;
}

const char *gcl_records_rejected(const gcl_records *records, const gcl_workload *work,
                                 const gcl_choice *choice, const gcl_limits *limits)
{
    for (int i = 0; i < records->n; i++) {
        const gcl_record *r = &records->all[i];
        if (r->rejected[0] != 0 && gcl_choice_equal(&r->choice, choice) &&
            gcl_workload_equal(&r->work, work) && gcl_record_is_of(r, limits) &&
            gcl_record_same_driver(r, limits))
            return r->rejected;
    }
    return NULL;
}

/* 1 if another record than number i is of its workload and device, and has the driver and the source, or
 * any source where that is negative. `from`: the first that is looked at. */
static int has_like(const gcl_records *records, int i, int from, const char *driver, int source)
{
    const gcl_record *r = &records->all[i];
    for (int k = from; k < records->n; k++) {
        const gcl_record *other = &records->all[k];
        if (k != i && other->rejected[0] == 0 && strcmp(other->driver, driver) == 0 &&
            (source < 0 || (int)other->source == source) && strcmp(other->device, r->device) == 0 &&
            strcmp(other->platform, r->platform) == 0 && gcl_workload_equal(&other->work, &r->work))
            return 1;
    }
    return 0;
}

gcl_records_summary gcl_records_summarise(const gcl_records *records, const gcl_limits *limits)
{
    gcl_records_summary sum = {0};
    for (int i = 0; i < records->n; i++) {
        const gcl_record *r = &records->all[i];
        int same = gcl_record_same_driver(r, limits);
        if (!gcl_record_is_of(r, limits))
            continue;
        if (r->rejected[0] != 0)
            sum.rejected += same;
        else if (has_like(records, i, i + 1, r->driver, (int)r->source))
            continue; /* a newer one counts */
        else if (!same)
            sum.of_other_driver += !has_like(records, i, 0, limits->driver, -1);
        else if (r->source == GCL_RECORD_USER)
            sum.user++;
        else
            sum.shipped++;
    }
    return sum;
}

/* ---- choosing ------------------------------------------------------------------------------------- */

/* A workload further away than this says nothing: the fourfold batch is about 6 away, twice the side
 * about 8. */
#define FARTHEST 10.0

/* Below 1: the very workload, the person's before one shipped, the same driver before another. Above:
 * another workload. Infinite: of no use. */
static double rank(const gcl_record *r, const gcl_workload *work, const gcl_limits *limits)
{
    if (r->work.op != work->op || r->rejected[0] != 0 || r->source == GCL_RECORD_RUN ||
        !gcl_record_is_of(r, limits))
        return INFINITY;
    double distance = gcl_workload_distance(&r->work, work);
    double preference = (r->source == GCL_RECORD_SHIPPED ? 0.25 : 0) +
                        (gcl_record_same_driver(r, limits) ? 0 : 0.5);
    if (distance == 0)
        return preference;
    return distance <= FARTHEST ? 1 + distance + preference : INFINITY;
}

/* The choice if it still means the programs that were checked. */
static int take(const gcl_record *r, const gcl_choice *wanted, const gcl_node *node,
                const gcl_limits *limits, gcl_choice *choice)
{
    char programs[GCL_FINGERPRINT];
    gcl_fingerprint_programs(wanted, node, limits, programs);
    if (programs[0] == 0 || strcmp(programs, r->programs) != 0)
        return 0;
    *choice = *wanted;
    return 1;
}

/* The variant's own values for this node, but for the parameters that the record has changed. */
static gcl_choice transfer(const gcl_record *r, const gcl_node *node, const gcl_limits *limits)
{
    gcl_choice choice = gcl_choice_of(r->choice.variant, node, limits);
    for (int i = 0; i < choice.variant->n_params; i++)
        if (r->choice.values[i] != r->usual[i])
            choice.values[i] = r->choice.values[i];
    return choice;
}

int gcl_records_choose(void *context, const gcl_node *node, const gcl_limits *limits,
                       gcl_choice *choice)
{
    const gcl_records *records = context;
    gcl_workload work;
    double above = -1;
    if (gcl_workload_of(node, &work) != 0)
        return 0;
    for (;;) { /* records in the order of their rank, of equal ones the newest */
        const gcl_record *best = NULL;
        double best_rank = INFINITY;
        for (int i = records->n - 1; i >= 0; i--) {
            double is = rank(&records->all[i], &work, limits);
            if (is > above && is < best_rank) {
                best = &records->all[i];
                best_rank = is;
            }
        }
        if (best == NULL || (best_rank >= 1 && best->kept))
            return 0; /* a neighbour that is best left alone: so is this one */
        gcl_choice wanted = best_rank < 1 ? best->choice : transfer(best, node, limits);
        if (best->choice.variant->applies(node, limits) &&
            gcl_records_rejected(records, &work, &wanted, limits) == NULL &&
            take(best, &wanted, node, limits, choice))
            return 1;
        above = best_rank;
    }
}

int gcl_run_choose(void *context, const gcl_node *node, const gcl_limits *limits,
                   gcl_choice *choice)
{
    gcl_run_choices *run = context;
    const gcl_record *best = NULL;
    gcl_workload work;
    if (gcl_workload_of(node, &work) != 0)
        return 0;
    for (int i = 0; i < run->records->n; i++) {
        const gcl_record *r = &run->records->all[i];
        if (r->source == GCL_RECORD_RUN && r->from <= run->step &&
            gcl_workload_equal(&r->work, &work) && gcl_record_is_of(r, limits) &&
            gcl_record_same_driver(r, limits) && (best == NULL || r->from >= best->from))
            best = r;
    }
    if (best == NULL)
        return 0;
    int taken = take(best, &best->choice, node, limits, choice);
    run->stale += !taken;
    return taken;
}
