/* What the systems that learn from pairs of pictures have in common: settings, data, and the parts of
 * a step.
 *
 * Their settings are called size, in_channels, out_channels, jitter, lr, betas and eps; their data
 * inputs are called source and target. */
#ifndef GCL_MODELS_PAIRED_H
#define GCL_MODELS_PAIRED_H

#include "models/model.h"

/* clang-format off */
#define GCL_JITTER(initially) \
    {GCL_BOOL("jitter", initially), .beyond = 1, \
     .help = "pairs are enlarged to 286/256 of the size and cut at random"}
/* clang-format on */

/* Pictures of two channels do not exist. */
int gcl_pairs_check(const gcl_model *model, gcl_error *err);
void gcl_pairs_data(const gcl_model *model, gcl_wanted *wanted);
gcl_optimiser gcl_pairs_adam(const gcl_model *model, gcl_optimiser_kind kind);

/* What a step is given, and its losses, summed over the parts so far. */
enum { GCL_PAIR_LOSSES = 12 };
typedef struct gcl_pairs {
    int size, parts;
    gcl_node *source, *target; /* [size * parts, side, side, channels] */
    int n_losses;
    struct {
        const char *name;
        gcl_node *sum;
    } losses[GCL_PAIR_LOSSES];
} gcl_pairs;

gcl_pairs gcl_pairs_inputs(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch);
/* The rows of x that belong to a part; NULL of NULL. */
gcl_node *gcl_pairs_rows(const gcl_pairs *pairs, gcl_node *x, int part);
void gcl_pairs_note(gcl_pairs *pairs, const char *loss, gcl_node *value); /* keeps the name */
/* Binary cross-entropy of logits that should all say `target`. */
gcl_node *gcl_pairs_cross_entropy(gcl_node *logits, double target);
/* The losses' means over the parts, in the order in which they were first noted. */
void gcl_pairs_report(const gcl_pairs *pairs, gcl_step *step);

#endif
