/* Training steps on pictures of noise, to be timed: what bench and autotune share. */
#ifndef GCL_CLI_STEPS_H
#define GCL_CLI_STEPS_H

#include "train/trainer.h"

/* Fills the staging memory of the plan's next run; the arithmetic does not look at the pictures.
 * Errors: GCL_DEVICE. */
int gcl_steps_stage(const gcl_trainer *trainer, int64_t step, gcl_error *err);

#endif
