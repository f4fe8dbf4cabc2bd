/* Which variant computes a kernel op's node, with which parameter values: what the plan chooses, the
 * tuner looks for and a record keeps.
 *
 *     gcl_choice choice;
 *     gcl_choice_usual(node, limits, &choice);          without any record
 *     gcl_recipe *recipe = ...;
 *     if (gcl_choice_recipe(&choice, node, limits, recipe) == 0) ...launches...
 *
 * A plan asks its options' chooser first and takes the usual choice where that has none, or one that
 * does not fit the node or the device. */
#ifndef GCL_PLAN_CHOICE_H
#define GCL_PLAN_CHOICE_H

#include "graph/op.h"

typedef struct gcl_choice {
    const gcl_variant *variant;
    int values[GCL_MAX_PARAMS]; /* of variant->params; 0 behind them */
} gcl_choice;

/* The variant of least cost, by its own word, whose usual values fit. 0, or -1 if no variant works. */
int gcl_choice_usual(const gcl_node *node, const gcl_limits *limits, gcl_choice *choice);
/* The variant with its usual values. */
gcl_choice gcl_choice_of(const gcl_variant *variant, const gcl_node *node,
                         const gcl_limits *limits);
/* Its launches. 0, or -1 if the variant does not apply or the values do not fit. */
int gcl_choice_recipe(const gcl_choice *choice, const gcl_node *node, const gcl_limits *limits,
                      gcl_recipe *recipe);
int gcl_choice_equal(const gcl_choice *a, const gcl_choice *b);

/* Says what to choose for a node: 1 and the choice, or 0 for no opinion. */
typedef int (*gcl_chooser)(void *context, const gcl_node *node, const gcl_limits *limits,
                           gcl_choice *choice);

#endif
