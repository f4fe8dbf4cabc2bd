#include "cli/step_timing.h"

#include <stdlib.h>

#include "base/log.h"
#include "cli/steps.h"
#include "io/checkpoint.h"

/* Rounds of a step of each; those that are made however long they take; seconds for the others. */
enum { ROUNDS = 6, LEAST_ROUNDS = 2 };
#define LONG_SECONDS 20.0

void gcl_step_times_free(gcl_step_times *times)
{
    gcl_parts_free(&times->parts);
    *times = (gcl_step_times){0};
}

/* ---- one step ------------------------------------------------------------------------------------- */

/* Keeps the shorter of two timings of each part; takes what `now` holds. */
static void keep_best(gcl_parts *best, gcl_parts *now)
{
    if (best->n == 0) {
        *best = *now;
        return;
    }
    for (int i = 0; i < now->n; i++) {
        gcl_part *part = gcl_parts_find(best, &now->all[i].work);
        if (part != NULL && now->all[i].us < part->us)
            part->us = now->all[i].us;
    }
    gcl_parts_free(now);
}

static int time_once(const gcl_trainer *trainer, int64_t step, gcl_step_times *times,
                     gcl_error *err)
{
    gcl_parts now = {0};
    if (gcl_steps_stage(trainer, step, err) != 0)
        return -1;
    double start = gcl_seconds();
    if (gcl_plan_profile(trainer->plan, err) != 0)
        return -1;
    double ms = 1e3 * (gcl_seconds() - start);
    times->ms = times->ms > 0 && times->ms < ms ? times->ms : ms;
    gcl_parts_collect(&now, trainer->plan);
    keep_best(&times->parts, &now);
    return 0;
}

/* Some drivers compile in the first step. */
static int warm_up(const gcl_trainer *trainer, gcl_error *err)
{
    gcl_step_times none = {0};
    int result = time_once(trainer, 0, &none, err);
    gcl_step_times_free(&none);
    return result;
}

/* Builds the step, with the records or without, ready to be timed. On failure nothing is left. */
static int build(const gcl_step_timing *timing, gcl_device *dev, gcl_records *records,
                 gcl_trainer *trainer, gcl_error *err)
{
    gcl_plan_options plan = {0};
    const gcl_settings *settings = &timing->config->settings;
    gcl_settings_plan(settings, &plan);
    if (records != NULL) {
        plan.choose = gcl_records_choose;
        plan.choose_context = records;
    }
    gcl_trainer_options options = {
        .batch = {timing->batch, 1}, .recompute = gcl_settings_recompute(settings), .plan = &plan};
    if (gcl_trainer_build(trainer, dev, &timing->config->model, &options, err) != 0)
        return -1;
    if (gcl_checkpoint_initialise(trainer->nn, trainer->store, 0, err) == 0 &&
        warm_up(trainer, err) == 0)
        return 0;
    gcl_trainer_free(trainer);
    return -1;
}

/* ---- one plan, two plans -------------------------------------------------------------------------- */

static int time_rounds(const gcl_trainer *const *trainers, gcl_step_times *const *times, int n,
                       double until, gcl_error *err)
{
    for (int i = 0; i < ROUNDS && (i < LEAST_ROUNDS || gcl_seconds() < until); i++)
        for (int k = 0; k < n; k++) {
            int which = i % 2 ? n - 1 - k : k; /* each is first as often as last */
            if (time_once(trainers[which], i + 1, times[which], err) != 0)
                return -1;
        }
    return 0;
}

static int time_alone(const gcl_step_timing *timing, gcl_device *dev, gcl_records *records,
                      gcl_step_times *times, gcl_error *err)
{
    gcl_trainer trainer;
    if (build(timing, dev, records, &trainer, err) != 0)
        return -1;
    int result = time_rounds((const gcl_trainer *[]){&trainer}, (gcl_step_times *[]){times}, 1,
                             gcl_seconds() + LONG_SECONDS / 4, err);
    gcl_trainer_free(&trainer);
    return result;
}

static gcl_device *open_device(gcl_step_timing *timing, gcl_error *err)
{
    gcl_device *dev = gcl_device_open(timing->device, GCL_DEVICE_PROFILE, err);
    if (dev != NULL)
        timing->limits = *gcl_device_limits(dev);
    return dev;
}

int gcl_step_time_usual(gcl_step_timing *timing, gcl_step_times *usual, gcl_error *err)
{
    gcl_device *dev = open_device(timing, err);
    int result = dev != NULL ? time_alone(timing, dev, NULL, usual, err) : -1;
    gcl_device_close(dev);
    return result;
}

/* 1 if two plans like the one that is there take less than half of the memory. */
static int has_room(const gcl_device *dev)
{
    return 4 * gcl_device_bytes(dev) < gcl_device_limits(dev)->memory_bytes;
}

static int time_on(const gcl_step_timing *timing, gcl_device *dev, gcl_records *records,
                   double until, gcl_step_times *usual, gcl_step_times *tuned, gcl_error *err)
{
    gcl_trainer one, other;
    double end = gcl_seconds() + LONG_SECONDS;
    if (build(timing, dev, NULL, &one, err) != 0)
        return -1;
    if (!has_room(dev)) {
        gcl_trainer_free(&one);
        return time_alone(timing, dev, NULL, usual, err) == 0 &&
                       time_alone(timing, dev, records, tuned, err) == 0
                   ? 0
                   : -1;
    }
    int result = build(timing, dev, records, &other, err);
    if (result == 0) {
        result = time_rounds((const gcl_trainer *[]){&one, &other},
                             (gcl_step_times *[]){usual, tuned}, 2, until < end ? until : end, err);
        gcl_trainer_free(&other);
    }
    gcl_trainer_free(&one);
    return result;
}

/* The same kernels differ by chance only. */
static void level(gcl_step_times *usual, gcl_step_times *tuned)
{
    int changed = 0;
    for (int i = 0; i < usual->parts.n; i++) {
        gcl_part *a = &usual->parts.all[i], *b = gcl_parts_find(&tuned->parts, &a->work);
        if (b == NULL || !gcl_choice_equal(&a->choice, &b->choice))
            changed++;
        else
            a->us = b->us = a->us < b->us ? a->us : b->us;
    }
    if (changed == 0)
        usual->ms = tuned->ms = usual->ms < tuned->ms ? usual->ms : tuned->ms;
}

int gcl_step_time_both(gcl_step_timing *timing, gcl_records *records, double until,
                       gcl_step_times *usual, gcl_step_times *tuned, gcl_error *err)
{
    gcl_device *dev = open_device(timing, err);
    int result = dev != NULL ? time_on(timing, dev, records, until, usual, tuned, err) : -1;
    gcl_device_close(dev);
    if (result == 0)
        level(usual, tuned);
    return result;
}
