/* The search for a better choice of one workload: which candidate to try next.
 *
 *     gcl_search *search = gcl_search_new(node, limits, &peak, &effects);
 *     while (gcl_search_next(search, &choice))
 *         gcl_search_tell(search, &choice, us);              INFINITY: it must not be used
 *     gcl_search_best(search, &us);
 *     gcl_search_free(search);
 *
 * First each variant with its usual values. Then, in turn, two steps and a draw: a draw takes many random
 * points of all variants' spaces and proposes the one that a model of the device expects to be
 * fastest; a step changes one parameter of the best so far to a neighbouring value. Whatever a
 * variant lists as values is tried and nothing else; what its recipe refuses is never proposed.
 *
 * The model: a launch takes the longer of flops / peak and bytes / copy rate, the former divided by
 * the part of the device that its work-groups keep busy. What it cannot know (registers, caches) it
 * learns: each measured candidate shifts the effect of its variant and of its parameters' values on
 * measured / expected. Effects are shared by all workloads of a tuning. */
#ifndef GCL_AUTOTUNE_SEARCH_H
#define GCL_AUTOTUNE_SEARCH_H

#include <stdint.h>

#include "autotune/peak.h"
#include "plan/choice.h"

/* The time in us that the model expects of a recipe, and the least possible for such work. */
double gcl_model_us(const gcl_recipe *recipe, const gcl_limits *limits, const gcl_peak *peak);
double gcl_model_bound_us(double flops, double bytes, const gcl_peak *peak);

/* What was learnt about variants and values; cleared to begin with, freed with gcl_effects_free. */
typedef struct gcl_effects {
    struct gcl_effect *all;
    int n, cap;
} gcl_effects;
void gcl_effects_free(gcl_effects *effects);

typedef struct gcl_search gcl_search;

/* Keeps all of these. A candidate may take `most_scratch` bytes of scratch memory. */
gcl_search *gcl_search_new(const gcl_node *node, const gcl_limits *limits, const gcl_peak *peak,
                           uint64_t most_scratch, gcl_effects *effects);
void gcl_search_free(gcl_search *search);
/* The next candidate, never one that was told; 0 when there is nothing left to try. */
int gcl_search_next(gcl_search *search, gcl_choice *choice);
/* What was measured of any choice, proposed or not. */
void gcl_search_tell(gcl_search *search, const gcl_choice *choice, double us);
int gcl_search_known(const gcl_search *search, const gcl_choice *choice);
/* What was told of a choice; infinite if nothing was. */
double gcl_search_us(const gcl_search *search, const gcl_choice *choice);
/* The fastest choice told so far; NULL: none works. *us: its time. */
const gcl_choice *gcl_search_best(const gcl_search *search, double *us);

#endif
