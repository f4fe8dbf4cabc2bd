/* What the files of autotune/ share, and no one else includes. */
#ifndef GCL_AUTOTUNE_INTERNAL_H
#define GCL_AUTOTUNE_INTERNAL_H

#include "autotune/records.h"

struct gcl_records {
    const gcl_op *const *ops;
    gcl_record *all; /* in the order in which they were read: later ones are newer */
    int n, cap;
};

/* "values": {"v": 16, ...} of a variant. 0; 1 for a parameter that it does not have or lacks; -1. */
int gcl_choice_read(const json_t *object, const gcl_variant *variant, int values[GCL_MAX_PARAMS]);
json_t *gcl_choice_json(const gcl_variant *variant, const int values[GCL_MAX_PARAMS]);

#endif
