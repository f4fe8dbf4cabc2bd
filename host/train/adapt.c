/* Kernels that change while a run goes on: the step is planned anew between two steps. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/file.h"
#include "train/loop.h"

/* The first steps show that training works, and what is measured then is a warm device. */
enum { STEPS_BEFORE_LEARNING = 2 };

int gcl_loop_write_options(const gcl_loop *loop, gcl_error *err)
{
    char *text = gcl_config_json(loop->config, gcl_device_limits(loop->dev));
    char *path = gcl_run_path(&loop->run, "options.json");
    int result = gcl_file_replace(path, text, strlen(text), err);
    free(text);
    free(path);
    return result;
}

void gcl_loop_plan_options(gcl_loop *loop, int64_t step, gcl_plan_options *options)
{
    memset(options, 0, sizeof *options);
    gcl_settings_plan(&loop->config->settings, options);
    gcl_tuning_ask(&loop->tuning, step, options);
}

/* A new plan counts its runs from 0. */
static int plan_anew(gcl_loop *loop, gcl_error *err)
{
    gcl_plan_options options;
    gcl_loop_plan_options(loop, loop->step, &options);
    if (gcl_trainer_replan(&loop->trainer, loop->dev, &options, err) != 0)
        return -1;
    loop->first = loop->step;
    loop->drained = 0;
    return 0;
}

int gcl_loop_begin_at(gcl_loop *loop, gcl_error *err)
{
    int64_t change = gcl_tuning_next(&loop->tuning, 0);
    loop->step = loop->first;
    loop->adapts_at = gcl_tuning_next(&loop->tuning, loop->first);
    return change >= 0 && change <= loop->first ? plan_anew(loop, err) : 0;
}

/* What was learnt becomes the run's own, from this step on, and is on the disk before the step is made.
 * Without room for a plan of it the old choices stay. */
static int use_learnt(gcl_loop *loop, gcl_error *err)
{
    gcl_error why = {0};
    loop->tuning.known = gcl_learner_take(loop->learner);
    gcl_learner_free(loop->learner);
    loop->learner = NULL;
    if (plan_anew(loop, &why) != 0) {
        gcl_warn("%s; the kernels stay as they were", why.text);
        gcl_records_free(loop->tuning.known);
        loop->tuning.known = NULL;
        if (plan_anew(loop, err) != 0)
            return -1;
    }
    gcl_tuning_note(&loop->tuning, loop->trainer.plan, loop->step, loop->config);
    loop->config->learnt = loop->step;
    gcl_say("step %lld: tuning is done; the kernels found are used from here on",
            (long long)loop->step);
    return gcl_loop_write_options(loop, err);
}

static int learns_now(const gcl_loop *loop)
{
    return loop->learner != NULL && gcl_plan_runs(loop->trainer.plan) >= STEPS_BEFORE_LEARNING;
}

int gcl_loop_adapts_now(const gcl_loop *loop)
{
    return loop->step == loop->adapts_at || learns_now(loop);
}

int gcl_loop_adapt(gcl_loop *loop, gcl_error *err)
{
    if (loop->step == loop->adapts_at) {
        loop->adapts_at = gcl_tuning_next(&loop->tuning, loop->step);
        return plan_anew(loop, err);
    }
    return gcl_learner_next(loop->learner) ? 0 : use_learnt(loop, err);
}
