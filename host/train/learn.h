/* plan.tuning=learn: tuning while a run begins. Between the first steps the tuner looks at one part of
 * the step after another, in a process of its own, while training waits; when it is through, or has
 * had plan.learn_seconds, the step is planned anew with what it found, and goes on.
 *
 * No step is ever made with a kernel that was not checked, and none is lost: if the new plan cannot be
 * made the old one stays. When the choices change depends on the clock, so two such runs differ in
 * bytes; but the step at which they did is written into options.json before it is made, and a run that
 * goes on changes them there. */
#ifndef GCL_TRAIN_LEARN_H
#define GCL_TRAIN_LEARN_H

#include "autotune/records.h"
#include "plan/plan.h"

typedef struct gcl_learner gcl_learner;

/* For the kernels of this plan; `seconds` of tuning at most. Keeps `device` and `limits`. */
gcl_learner *gcl_learner_new(const gcl_plan *plan, const char *device, const gcl_limits *limits,
                             double seconds);
void gcl_learner_free(gcl_learner *learner); /* NULL is fine */
/* Tunes one part further; the device must have nothing else to do. Returns 1, or 0 when that was all:
 * a mistake, which is said, ends it too. */
int gcl_learner_next(gcl_learner *learner);
/* All that is known now, for the caller to keep; the learner is done then. */
gcl_records *gcl_learner_take(gcl_learner *learner);

#endif
