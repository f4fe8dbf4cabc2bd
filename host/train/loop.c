#include "train/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "train/interrupt.h"

/* The device works ahead; losses are fetched in bulk, at most this many steps or seconds late. Must
 * stay well below GCL_HISTORY. */
enum { MOST_UNREAD = 32 };
static const double most_seconds_unread = 1.0;

static double setting(const gcl_loop *loop, gcl_settings_key key)
{
    return gcl_settings_value(&loop->config->settings, key);
}

static double elapsed(const gcl_loop *loop) { return gcl_seconds() - loop->started; }

/* ---- losses --------------------------------------------------------------------------------------- */

typedef struct line_values {
    gcl_named_value losses[GCL_MAX_LOSSES], rates[GCL_MAX_NETWORKS];
    double data_wait;
} line_values;

static double stepping(const gcl_loop *loop) { return elapsed(loop) - loop->aside; }

/* The share of the steps' time so far that went into waiting for batches. */
static double data_wait(const gcl_loop *loop)
{
    double seconds = stepping(loop);
    return seconds > 0 ? gcl_loader_waited_seconds(loop->loader) / seconds : 0;
}

static void say_data_wait(const gcl_loop *loop)
{
    if (loop->loader == NULL)
        return;
    gcl_say("waiting for data: %.2f %% of the steps' time (%.2f of %.1f s)", 100 * data_wait(loop),
            gcl_loader_waited_seconds(loop->loader), stepping(loop));
}

static gcl_journal_line line_of(const gcl_loop *loop, int64_t step, const float *history,
                                line_values *values)
{
    const gcl_trainer *t = &loop->trainer;
    gcl_journal_line line = {.step = step,
                             .images = (step + 1) * gcl_trainer_pictures(t),
                             .seconds = loop->seconds_before + elapsed(loop),
                             .n_losses = t->step.n_losses,
                             .losses = values->losses,
                             .rates = values->rates,
                             .images_per_s =
                                 gcl_progress_rate(loop->progress) * gcl_trainer_pictures(t),
                             .device_bytes = gcl_device_bytes(loop->dev),
                             .dropped = loop->dropped};
    for (int i = 0; i < line.n_losses; i++)
        values->losses[i] = (gcl_named_value){t->step.losses[i].name, history[i]};
    if (loop->loader != NULL) {
        values->data_wait = data_wait(loop);
        line.data_wait = &values->data_wait;
    }
    const char *const *network = t->model->system->networks(t->model);
    for (; *network != NULL; network++)
        values->rates[line.n_rates++] =
            (gcl_named_value){*network, gcl_model_rate(t->model, *network, step)};
    return line;
}

/* The newest checkpoint that is whole; NULL if none was saved. malloc'ed. */
static char *saved_path(const gcl_loop *loop)
{
    if (loop->saved < 0)
        return NULL;
    char *folder = gcl_run_path(&loop->run, "checkpoints");
    char *path = gcl_checkpoint_path(folder, loop->saved);
    free(folder);
    return path;
}

static int fail_diverged(const gcl_loop *loop, int64_t step, const char *network, gcl_error *err)
{
    char *path = saved_path(loop);
    gcl_fail(
        err, GCL_DIVERGED,
        "training diverged: the updates of steps %lld to %lld were all dropped, because a loss or "
        "gradient of %s was not finite; last good checkpoint: %s; go on from it with a lower "
        "learning rate (train --init ... --set lr=%.3g)",
        (long long)(step - loop->streak + 1), (long long)step, network,
        path != NULL ? path : "none was saved",
        gcl_model_rate(loop->trainer.model, network, step) / 2);
    free(path);
    return -1;
}

/* Counts dropped updates; a step counts once, whichever of its networks were not updated. */
static int check_guards(gcl_loop *loop, int64_t step, const float *guards, gcl_error *err)
{
    const gcl_step *s = &loop->trainer.step;
    const char *network = NULL;
    for (int i = 0; i < s->n_guards && network == NULL; i++)
        if (!(guards[i] == 1))
            network = s->guards[i].network;
    loop->streak = network != NULL ? loop->streak + 1 : 0;
    loop->dropped += network != NULL;
    if (loop->streak == 1)
        gcl_warn("step %lld: a loss or gradient of %s is not finite; its update was dropped",
                 (long long)step, network);
    if (loop->streak >= setting(loop, GCL_TRAIN_DIVERGED_AFTER))
        return fail_diverged(loop, step, network, err);
    return 0;
}

static int take_history(gcl_loop *loop, int64_t step, const float *history, gcl_error *err)
{
    line_values values;
    int log_every = (int)setting(loop, GCL_TRAIN_LOG_EVERY);
    int status = check_guards(loop, step, history + loop->trainer.step.n_losses, err);
    gcl_journal_line line = line_of(loop, step, history, &values);
    gcl_progress_mark(loop->progress, step + 1);
    int due = step % log_every == 0 || step + 1 == loop->last || status != 0;
    if (due && (gcl_journal_write(loop->journal, &line, err) != 0 ||
                gcl_summaries_line(loop->events, &line, err) != 0))
        return -1;
    gcl_progress_show(loop->progress, &line, step == 0 || step + 1 == loop->last);
    return status;
}

/* Reads the losses of all steps so far; waits for the device. */
static int drain(gcl_loop *loop, gcl_error *err)
{
    float history[GCL_MAX_HISTORY];
    while (loop->drained < gcl_plan_runs(loop->trainer.plan)) {
        if (gcl_plan_history(loop->trainer.plan, loop->drained, history, err) != 0)
            return -1;
        int64_t step = loop->first + loop->drained++;
        if (take_history(loop, step, history, err) != 0)
            return -1;
    }
    loop->drained_at = gcl_seconds();
    return 0;
}

static int drain_due(const gcl_loop *loop)
{
    int64_t unread = gcl_plan_runs(loop->trainer.plan) - loop->drained;
    return unread >= MOST_UNREAD || loop->step == loop->first + 1 ||
           (unread > 0 && gcl_seconds() - loop->drained_at >= most_seconds_unread);
}

/* ---- samples -------------------------------------------------------------------------------------- */

int gcl_loop_sample_due(int64_t step, int64_t every)
{
    if (every > 0)
        return step % every == 0;
    return step == 50 || step % (step <= 1000 ? 100 : 500) == 0;
}

/* PATH.png and PATH-reconstructed.png, whichever there are. */
static void show_sheets(const gcl_loop *loop, const char *path)
{
    gcl_text file = {0};
    gcl_text_add(&file, "%s.png", path);
    gcl_preview_show(loop->preview, file.text, GCL_GRID_SIDE);
    file.length = 0;
    gcl_text_add(&file, "%s-reconstructed.png", path);
    gcl_preview_show(loop->preview, file.text, GCL_PAIR_ROWS);
    gcl_text_free(&file);
}

static int write_samples(gcl_loop *loop, gcl_error *err)
{
    char name[64];
    if (loop->sheet == NULL)
        loop->sheet =
            gcl_sheet_new(loop->dev, loop->trainer.store, &loop->config->model, loop->dataset,
                          loop->config->seed, loop->trainer.batch.size, err);
    if (loop->sheet == NULL)
        return -1;
    snprintf(name, sizeof name, "samples/%06lld", (long long)loop->step);
    char *path = gcl_run_path(&loop->run, name);
    int result = gcl_sheet_write(loop->sheet, path, loop->step, err);
    if (result == 0)
        show_sheets(loop, path);
    free(path);
    if (result == 0)
        result = gcl_summaries_sheets(loop->events, loop->run.folder, loop->step, err);
    return result;
}

/* ---- checkpoints ---------------------------------------------------------------------------------- */

static int save(gcl_loop *loop, gcl_error *err)
{
    char model[128];
    gcl_model_name(&loop->config->model, model, sizeof model);
    gcl_checkpoint_facts facts = {.step = loop->step,
                                  .images = loop->step * gcl_trainer_pictures(&loop->trainer),
                                  .seed = loop->config->seed,
                                  .batch = gcl_trainer_pictures(&loop->trainer),
                                  .model = model,
                                  .settings = loop->settings};
    /* The log must not lag behind what a resumed run takes as done. */
    if (drain(loop, err) != 0 || gcl_journal_sync(loop->journal, err) != 0 ||
        gcl_events_sync(loop->events, err) != 0)
        return -1;
    char *folder = gcl_run_path(&loop->run, "checkpoints");
    char *path = gcl_checkpoint_path(folder, loop->step);
    int result = gcl_checkpoint_save(path, loop->trainer.nn, loop->trainer.store, &facts, err);
    if (result == 0)
        result =
            gcl_checkpoint_publish(folder, loop->step, (int)setting(loop, GCL_TRAIN_KEEP), err);
    if (result == 0)
        loop->saved = loop->step;
    loop->saved_at = gcl_seconds();
    free(folder);
    free(path);
    return result;
}

static int save_due(const gcl_loop *loop)
{
    int64_t every = (int64_t)setting(loop, GCL_TRAIN_CHECKPOINT_EVERY);
    if (loop->step == loop->saved || loop->streak > 0)
        return 0;
    if (loop->is_best)
        return 1;
    if (loop->step == 0)
        return loop->config->init != NULL; /* nothing else could bring these weights back */
    if (every > 0)
        return loop->step % every == 0;
    return loop->replay == NULL &&
           gcl_seconds() - loop->saved_at >= 60 * setting(loop, GCL_TRAIN_CHECKPOINT_MINUTES);
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static int sample_due(const gcl_loop *loop)
{
    int64_t every = (int64_t)setting(loop, GCL_TRAIN_SAMPLE_EVERY);
    return (loop->replay == NULL || every > 0) && gcl_loop_sample_due(loop->step, every);
}

static int limit_reached(const gcl_loop *loop)
{
    return (loop->last > 0 && loop->step >= loop->last) ||
           (loop->minutes > 0 && elapsed(loop) >= 60 * loop->minutes);
}

static int make_step(gcl_loop *loop, gcl_error *err)
{
    const gcl_trainer *t = &loop->trainer;
    unsigned char *stage = gcl_plan_stage(t->plan, err);
    if (stage == NULL)
        return -1;
    gcl_trainer_set_step(t, stage, loop->config->seed, loop->step);
    if (loop->replay != NULL)
        gcl_replay_fill(loop->replay, t->nn, t->plan, stage, loop->step);
    void *fields[2] = {NULL, NULL}; /* the step's data inputs are the fields of the data set */
    for (int i = 0; i < gcl_nn_data(t->nn) && i < 2; i++) {
        int64_t at = gcl_plan_offset(t->plan, gcl_nn_data_at(t->nn, i));
        fields[i] = at >= 0 ? stage + at : NULL;
    }
    if (loop->loader != NULL && gcl_loader_next(loop->loader, fields, err) != 0)
        return -1;
    if (gcl_plan_run(t->plan, err) != 0)
        return -1;
    if (loop->step == loop->first)
        gcl_live_show("the first step: the driver makes its kernels ready");
    loop->step++;
    return 0;
}

static int finish(gcl_loop *loop, int signal, gcl_error *err)
{
    if (drain(loop, err) != 0)
        return -1;
    gcl_progress_free(loop->progress); /* the last line stays */
    loop->progress = NULL;
    say_data_wait(loop);
    int sampled = signal == 0 && loop->replay == NULL && !sample_due(loop);
    if (sampled && write_samples(loop, err) != 0)
        return -1;
    if (loop->saved != loop->step && save(loop, err) != 0)
        return -1;
    if (signal != 0)
        gcl_say("stopped and saved at step %lld; go on: ganocl train --resume %s",
                (long long)loop->step, loop->run.folder);
    return signal != 0 ? 128 + signal : 0;
}

/* Samples, evaluations and checkpoints that belong between two steps. */
static int write_due(gcl_loop *loop, int signal, gcl_error *err)
{
    int sample = signal == 0 && sample_due(loop);
    int evaluate = signal == 0 && gcl_loop_evaluation_due(loop);
    if (!sample && !evaluate && !save_due(loop))
        return 0;
    if (drain(loop, err) != 0)
        return -1;
    double before = gcl_seconds();
    if ((sample && write_samples(loop, err) != 0) ||
        (evaluate && gcl_loop_evaluate(loop, err) != 0) ||
        (save_due(loop) && save(loop, err) != 0) || gcl_loop_mark_best(loop, err) != 0)
        return -1;
    if (sample || evaluate)
        gcl_report_renew(loop->report, 0);
    gcl_progress_restart(loop->progress, loop->step);
    loop->aside += gcl_seconds() - before;
    return 0;
}

/* Changes of kernels that belong between two steps. */
static int adapt_due(gcl_loop *loop, gcl_error *err)
{
    if (!gcl_loop_adapts_now(loop))
        return 0;
    if (drain(loop, err) != 0)
        return -1;
    double before = gcl_seconds();
    int result = gcl_loop_adapt(loop, err);
    loop->aside += gcl_seconds() - before;
    return result;
}

static int run_steps(gcl_loop *loop, gcl_error *err)
{
    for (;;) {
        int signal = gcl_interrupt_signal();
        if (write_due(loop, signal, err) != 0)
            return -1;
        signal = gcl_interrupt_signal(); /* one that came meanwhile ends it at this step */
        if (signal != 0 || limit_reached(loop))
            return finish(loop, signal, err);
        if (adapt_due(loop, err) != 0)
            return -1;
        if (make_step(loop, err) != 0 || (drain_due(loop) && drain(loop, err) != 0))
            return -1;
    }
}

/* A sheet that was made when the run stopped at this step belongs to it, unless it is due anyway. */
static int open_events(gcl_loop *loop, gcl_error *err)
{
    if (gcl_summaries_open(&loop->events, loop->run.folder, loop->first, loop->config,
                           gcl_device_limits(loop->dev), err) != 0)
        return -1;
    return sample_due(loop)
               ? 0
               : gcl_summaries_sheets(loop->events, loop->run.folder, loop->first, err);
}

static int start(gcl_loop *loop, gcl_error *err)
{
    gcl_text settings = {0};
    char *path = gcl_run_path(&loop->run, "log.jsonl");
    loop->journal = gcl_journal_open(path, loop->first, &loop->seconds_before, &loop->dropped, err);
    free(path);
    if (loop->journal == NULL || open_events(loop, err) != 0 ||
        gcl_loop_recall_best(loop, err) != 0)
        return -1;
    gcl_text_add(&settings, "{");
    gcl_model_settings_json(&loop->config->model, &settings, ", ");
    gcl_text_add(&settings, "}");
    loop->settings = settings.text;
    loop->report = gcl_report_new(loop->run.folder);
    loop->started = loop->drained_at = loop->saved_at = gcl_seconds();
    loop->progress = gcl_progress_new(loop->first, loop->last, 60 * loop->minutes,
                                      gcl_trainer_pictures(&loop->trainer));
    return 0;
}

/* A full disk, or a device that fails, does no harm to what was saved before: the message ends with
 * where that is. */
static void name_checkpoint(const gcl_loop *loop, gcl_error *err)
{
    char *path = saved_path(loop);
    size_t n = strlen(err->text);
    snprintf(err->text + n, sizeof err->text - n, "; %s%s; %s: ganocl train --resume %s",
             path != NULL ? "the last checkpoint is whole: " : "no checkpoint was saved yet",
             path != NULL ? path : "", err->code == GCL_DISK ? "with room again" : "go on",
             loop->run.folder);
    free(path);
}

static int run(gcl_loop *loop, gcl_error *err)
{
    if (start(loop, err) != 0)
        return -1;
    gcl_interrupt_watch();
    int status = run_steps(loop, err);
    gcl_interrupt_restore();
    if (status >= 0 || err->code == GCL_DIVERGED)
        gcl_report_renew(loop->report, 1);
    return status;
}

int gcl_loop_run(gcl_loop *loop, gcl_error *err)
{
    int status = run(loop, err);
    if (status < 0 && (err->code == GCL_DISK || err->code == GCL_DEVICE || err->code == GCL_MEMORY))
        name_checkpoint(loop, err);
    return status;
}

void gcl_loop_free(gcl_loop *loop)
{
    gcl_progress_free(loop->progress);
    gcl_journal_close(loop->journal);
    gcl_events_close(loop->events);
    gcl_sheet_free(loop->sheet);
    gcl_evaluation_free(loop->evaluation);
    gcl_report_free(loop->report);
    gcl_learner_free(loop->learner);
    gcl_preview_free(loop->preview);
    gcl_tuning_free(&loop->tuning);
    free(loop->settings);
}
