/* The loop's evaluations: when they are due, what is said and written of them, which is the best. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "train/loop.h"
#include "train/summaries.h"

static int64_t every(const gcl_loop *loop)
{
    return (int64_t)gcl_settings_value(&loop->config->settings, GCL_EVAL_EVERY);
}

int gcl_loop_prepare_evaluation(gcl_loop *loop, gcl_error *err)
{
    const gcl_config *config = loop->config;
    loop->best = (gcl_best){.all = gcl_metrics_of(&config->model), .step = -1, .value = NAN};
    if (every(loop) == 0 || loop->dataset == NULL)
        return 0;
    const char *which = gcl_settings_text(&config->settings, GCL_EVAL_BEST);
    if (gcl_metric_find(&config->model, which, &loop->best.metric, err) != 0)
        return -1;
    loop->evaluation =
        gcl_evaluation_new(loop->dev, loop->trainer.store, config, loop->dataset, err);
    if (loop->evaluation == NULL)
        return -1;
    gcl_say("eval: every %lld steps, on %s", (long long)every(loop),
            gcl_evaluation_is_held_out(loop->evaluation)
                ? "pictures that are not trained on"
                : "pictures that are trained on (--set data.holdout=0.1 keeps a tenth for it)");
    return 0;
}

int gcl_loop_recall_best(gcl_loop *loop, gcl_error *err)
{
    if (loop->evaluation == NULL)
        return 0;
    char *log = gcl_run_path(&loop->run, "log.jsonl");
    char *folder = gcl_run_path(&loop->run, "checkpoints");
    gcl_measured values;
    int result = gcl_best_recall(&loop->best, log, folder, &loop->evaluated, &values, err);
    /* Readers of event files forget what older ones hold of the step that this call begins with. */
    if (result == 0 && loop->evaluated == loop->first)
        result = gcl_summaries_evaluation(loop->events, loop->first, &values, err);
    free(log);
    free(folder);
    return result;
}

int gcl_loop_evaluation_due(const gcl_loop *loop)
{
    if (loop->evaluation == NULL || loop->step <= loop->evaluated)
        return 0;
    if (loop->step == 0)
        return loop->config->init != NULL; /* what others have trained may be the best */
    return loop->step % every(loop) == 0;
}

static void say_values(const gcl_loop *loop, const gcl_measured *values, double took)
{
    gcl_text text = {0};
    for (int i = 0; i < values->n; i++)
        gcl_text_add(&text, "  %s %.4g", values->values[i].name, values->values[i].value);
    gcl_say("eval at step %lld:%s  (%.1f s)%s", (long long)loop->step, text.text, took,
            loop->is_best ? "  the best until now" : "");
    gcl_text_free(&text);
}

int gcl_loop_evaluate(gcl_loop *loop, gcl_error *err)
{
    gcl_measured values;
    double began = gcl_seconds();
    int result = gcl_evaluation_run(loop->evaluation, &values, err);
    if (result != 0)
        return result < 0 ? -1 : 0; /* interrupted: it is made when the run goes on */
    double ended = gcl_seconds();
    gcl_journal_evaluation line = {.step = loop->step,
                                   .images = loop->step * gcl_trainer_pictures(&loop->trainer),
                                   .seconds = loop->seconds_before + ended - loop->started,
                                   .took = ended - began,
                                   .n_values = values.n,
                                   .values = values.values};
    loop->evaluated = loop->step;
    /* While updates are dropped no checkpoint is saved. */
    loop->is_best = loop->streak == 0 && gcl_best_takes(&loop->best, loop->step, &values);
    say_values(loop, &values, ended - began);
    if (gcl_journal_write_evaluation(loop->journal, &line, err) != 0)
        return -1;
    return gcl_summaries_evaluation(loop->events, loop->step, &values, err);
}

int gcl_loop_mark_best(gcl_loop *loop, gcl_error *err)
{
    if (!loop->is_best)
        return 0;
    char *folder = gcl_run_path(&loop->run, "checkpoints");
    int result = gcl_checkpoint_mark_best(folder, loop->step, err);
    free(folder);
    loop->is_best = 0;
    return result;
}
