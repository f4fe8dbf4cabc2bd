/* Which kernels a training run uses, and how it remembers them.
 *
 *     gcl_tuning tuning;
 *     gcl_tuning_start(&tuning, &config, limits, resumed);
 *     gcl_tuning_ask(&tuning, step, &plan_options);        what the next plan is made with
 *     ...the plan is made...
 *     gcl_tuning_note(&tuning, plan, step, &config);       its choices are the run's own from now on
 *     gcl_tuning_free(&tuning);
 *
 * A new run takes what the tuner's records say (unless plan.tuning=off), and writes every choice that
 * came from them into options.json, each with the step that it is used from. A run that goes on looks
 * at no record, only there: it computes the same bytes whatever was tuned in between. So does a new run
 * with another one's options.json for --config, on the same device and driver. */
#ifndef GCL_TRAIN_TUNING_H
#define GCL_TRAIN_TUNING_H

#include "autotune/records.h"
#include "plan/plan.h"
#include "train/config.h"

typedef struct gcl_tuning {
    gcl_records *known; /* that are asked; NULL: the run's own */
    gcl_records *run;
    gcl_run_choices choices; /* of `run` */
} gcl_tuning;

void gcl_tuning_start(gcl_tuning *tuning, const gcl_config *config, const gcl_limits *limits,
                      int resumed);
void gcl_tuning_free(gcl_tuning *tuning);
/* Makes a plan for `step` and later ask it; `tuning` must outlive the making. */
void gcl_tuning_ask(gcl_tuning *tuning, int64_t step, gcl_plan_options *options);
/* Keeps what was chosen in the plan for `step` and later, and puts all choices into config->choices. */
void gcl_tuning_note(gcl_tuning *tuning, const gcl_plan *plan, int64_t step, gcl_config *config);
/* The first step behind `step` with choices of its own; -1: none. */
int64_t gcl_tuning_next(const gcl_tuning *tuning, int64_t step);

#endif
