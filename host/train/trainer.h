/* A training step built for a device: graph, networks, variables, plan.
 *
 *     gcl_trainer trainer;
 *     gcl_trainer_build(&trainer, dev, &model, &(gcl_trainer_options){.batch = {16, 1}}, &err);
 *     gcl_checkpoint_initialise(trainer.nn, trainer.store, seed, &err);
 *     unsigned char *stage = gcl_plan_stage(trainer.plan, &err);
 *     gcl_trainer_set_step(&trainer, stage, seed, 0);      random key, counters, rates
 *     ...data bytes at their places...
 *     gcl_plan_run(trainer.plan, &err);
 *     gcl_trainer_free(&trainer);
 *
 * The output "history" of the graph holds every loss, then every guard. */
#ifndef GCL_TRAIN_TRAINER_H
#define GCL_TRAIN_TRAINER_H

#include <stdint.h>

#include "models/model.h"
#include "plan/plan.h"

enum { GCL_MAX_HISTORY = GCL_MAX_LOSSES + GCL_MAX_NETWORKS };

/* Activations inside a model's regions are kept from the forward to the backward pass, or computed a
 * second time there: less memory for more arithmetic. AUTO: only where the step would not fit. */
typedef enum gcl_recompute {
    GCL_RECOMPUTE_AUTO,
    GCL_RECOMPUTE_OFF,
    GCL_RECOMPUTE_ON
} gcl_recompute;

typedef struct gcl_trainer_options {
    gcl_batch batch;
    int replay; /* random draws are inputs */
    gcl_recompute recompute;
    const gcl_plan_options *plan; /* NULL: the usual */
} gcl_trainer_options;

typedef struct gcl_trainer {
    const gcl_model *model; /* kept */
    gcl_batch batch;
    int recompute; /* 1: activations are computed a second time */
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_step step;
    gcl_store *store;
    gcl_plan *plan;
    int64_t key_at; /* byte in the stage; -1: nothing random */
} gcl_trainer;

/* Builds all of it; on failure nothing is left. With options->plan->estimate_only nothing is made on
 * the device, and a step that it has no room for is no error. Errors: GCL_USAGE (the model's own mistake, with scope and place), GCL_DEVICE, GCL_MEMORY
 * with what would fit. */
int gcl_trainer_build(gcl_trainer *trainer, gcl_device *dev, const gcl_model *model,
                      const gcl_trainer_options *options, gcl_error *err);
void gcl_trainer_free(gcl_trainer *trainer);
uint64_t gcl_trainer_bytes(const gcl_trainer *trainer); /* device memory of a step, by the plan */

/* The same in two parts: the graph, which may then be given further outputs, and the plan. Without
 * the second part it serves for a count without a device. */
int gcl_trainer_graph(gcl_trainer *trainer, const gcl_model *model,
                      const gcl_trainer_options *options, gcl_error *err);
int gcl_trainer_plan(gcl_trainer *trainer, gcl_device *dev, const gcl_plan_options *plan_options,
                     gcl_error *err);

/* Makes the plan anew, with other options, between two steps; the variables stay. If that cannot be
 * done there is no plan. Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_trainer_replan(gcl_trainer *trainer, gcl_device *dev, const gcl_plan_options *plan_options,
                       gcl_error *err);

int gcl_trainer_pictures(const gcl_trainer *trainer); /* of a step: all parts */

/* What has to run once before step 0 and with fresh weights in the store: see gcl_nn_prologue. Not for a
 * run that is resumed. Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_trainer_prologue(const gcl_trainer *trainer, gcl_device *dev, gcl_error *err);

/* The step's scalar inputs: key = (seed low, seed high, step, 0), t = step, the others as the
 * model's schedule says. */
void gcl_trainer_set_step(const gcl_trainer *trainer, unsigned char *stage, uint64_t seed,
                          int64_t step);

/* The learning rate of a network at a step: the settings "lr" and "decay", which are called so in
 * every system that has them, and its schedule. */
double gcl_model_rate(const gcl_model *model, const char *network, int64_t step);

/* "dcgan:small" */
void gcl_model_name(const gcl_model *model, char *text, size_t size);
/* Adds every setting of the model as `"key": value`, one behind the other with `between` (", "). */
void gcl_model_settings_json(const gcl_model *model, gcl_text *text, const char *between);
/* Adds a text as a JSON string, quoted. */
void gcl_json_add_string(gcl_text *text, const char *value);

#endif
