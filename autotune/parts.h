/* The parts of a training step that can be tuned: its distinct workloads, how often each runs and what
 * it costs.
 *
 *     gcl_parts parts = {0};
 *     gcl_parts_collect(&parts, plan);                 after gcl_plan_profile: with measured times
 *     gcl_parts_free(&parts);
 */
#ifndef GCL_AUTOTUNE_PARTS_H
#define GCL_AUTOTUNE_PARTS_H

#include "autotune/workload.h"
#include "plan/plan.h"

typedef struct gcl_part {
    gcl_workload work;
    gcl_choice choice; /* the plan's */
    int count;         /* times a step */
    int tails;         /* of these, with a pointwise chain spliced in */
    double us;         /* of all of them, a step; 0 if nothing was measured */
} gcl_part;

typedef struct gcl_parts {
    gcl_part *all; /* the dearest first */
    int n, cap;
} gcl_parts;

void gcl_parts_collect(gcl_parts *parts, const gcl_plan *plan);
void gcl_parts_free(gcl_parts *parts);
/* The part of this workload; NULL: none. */
gcl_part *gcl_parts_find(const gcl_parts *parts, const gcl_workload *work);
/* What sorts them: us where it was measured, else a guess from arithmetic and bytes. */
double gcl_part_weight(const gcl_part *part);

#endif
