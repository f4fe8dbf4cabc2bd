/* A recording: every batch and every random draw of a number of steps, instead of a data set and
 * Philox. The conformance mode of training.
 *
 *     step.K.NAME      U8 [N,C,H,W] pictures, I32 [N] classes, F32 random values, U8 bit-packed keep
 *                      masks
 *
 * NAME is that of the model's data and noise. Bit i of a mask is (byte[i >> 3] >> (i & 7)) & 1. */
#ifndef GCL_TRAIN_REPLAY_H
#define GCL_TRAIN_REPLAY_H

#include <stdint.h>

#include "nn/nn.h"
#include "plan/plan.h"

typedef struct gcl_replay gcl_replay;

/* Opens a recording. Errors: GCL_DATA. */
gcl_replay *gcl_replay_open(const char *path, gcl_error *err);
void gcl_replay_close(gcl_replay *replay); /* NULL is fine */
int64_t gcl_replay_steps(const gcl_replay *replay);
int gcl_replay_batch(const gcl_replay *replay); /* of its pictures; 0 if it has none */
/* Every step has every tensor that `nn` wants, in the right size; warns of tensors that are not
 * used. Errors: GCL_DATA with the tensor's name. */
int gcl_replay_check(const gcl_replay *replay, const gcl_nn *nn, gcl_error *err);
/* Puts the tensors of a step that `nn` wants into the staging memory of its plan. */
void gcl_replay_fill(const gcl_replay *replay, const gcl_nn *nn, const gcl_plan *plan,
                     unsigned char *stage, int64_t step);

#endif
