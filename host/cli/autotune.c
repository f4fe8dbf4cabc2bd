#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/program.h"
#include "autotune/tuner.h"
#include "autotune/worker.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "cli/steps.h"
#include "io/checkpoint.h"
#include "ops/ops.h"

#define USUAL_BUDGET 240.0
/* A step that the device takes this long for is timed once. */
#define LONG_SECONDS 3.0
/* A choice that is slower inside the step than the usual one by this much is withdrawn: more than a
 * busy machine's best of several times differs by chance. */
#define SLOWER 1.05
enum { TIMED_STEPS = 3, ROWS = 40 };

/* One model on the way. Times are the best of all steps that were timed. */
typedef struct tuning {
    gcl_config config;
    gcl_records *records;
    gcl_limits limits;
    const char *device;
    int batch;
    gcl_parts parts;         /* that are tuned */
    gcl_parts before, after; /* the same, in the step without and with records */
    double before_ms, after_ms;
    gcl_tuner_stats stats;
    int withdrawn, left; /* choices that were slower in the step; parts that need more time */
    double started, end, seconds; /* when it began, when it should be over; what it took */
} tuning;

/* ---- timing the step ------------------------------------------------------------------------------ */

/* Keeps the shorter of two timings of each part. */
static void keep_best(gcl_parts *best, gcl_parts *now)
{
    if (best->n == 0) {
        *best = *now;
        return;
    }
    for (int i = 0; i < now->n; i++) {
        gcl_part *part = gcl_parts_find(best, &now->all[i].work);
        if (part == NULL)
            continue;
        double us = now->all[i].us < part->us ? now->all[i].us : part->us;
        *part = now->all[i];
        part->us = us;
    }
    gcl_parts_free(now);
}

static int time_once(const gcl_trainer *trainer, int64_t step, gcl_parts *parts, double *ms,
                     gcl_error *err)
{
    gcl_parts now = {0};
    if (gcl_steps_stage(trainer, step, err) != 0)
        return -1;
    double start = gcl_seconds();
    if (gcl_plan_profile(trainer->plan, err) != 0)
        return -1;
    double took = 1e3 * (gcl_seconds() - start);
    *ms = *ms > 0 && *ms < took ? *ms : took;
    gcl_parts_collect(&now, trainer->plan);
    keep_best(parts, &now);
    return 0;
}

/* The first step is not timed: some drivers compile in it. */
static int time_steps(const gcl_trainer *trainer, gcl_parts *parts, double *ms, gcl_error *err)
{
    gcl_parts none = {0};
    double first_ms = 0, start = gcl_seconds();
    int result = time_once(trainer, 0, &none, &first_ms, err);
    gcl_parts_free(&none);
    for (int i = 0; i < TIMED_STEPS && result == 0; i++) {
        if (i > 0 && gcl_seconds() - start > LONG_SECONDS)
            break;
        result = time_once(trainer, i + 1, parts, ms, err);
    }
    return result;
}

/* Builds the step, with the records or without, and times it. */
static int measure(tuning *t, int tuned, gcl_error *err)
{
    gcl_trainer trainer;
    gcl_plan_options plan = {0};
    gcl_settings_plan(&t->config.settings, &plan);
    if (tuned) {
        plan.choose = gcl_records_choose;
        plan.choose_context = t->records;
    }
    gcl_trainer_options options = {.batch = {t->batch, 1},
                                   .recompute = gcl_settings_recompute(&t->config.settings),
                                   .plan = &plan};
    gcl_device *dev = gcl_device_open(t->device, GCL_DEVICE_PROFILE, err);
    if (dev == NULL)
        return -1;
    t->limits = *gcl_device_limits(dev);
    int result = gcl_trainer_build(&trainer, dev, &t->config.model, &options, err);
    if (result == 0) {
        result = gcl_checkpoint_initialise(trainer.nn, trainer.store, 0, err);
        if (result == 0)
            result = time_steps(&trainer, tuned ? &t->after : &t->before,
                                tuned ? &t->after_ms : &t->before_ms, err);
        gcl_trainer_free(&trainer);
    }
    gcl_device_close(dev);
    return result;
}

/* ---- tuning --------------------------------------------------------------------------------------- */

/* What won alone but is slower inside the step (other caches, a lost tail) goes back. */
static int withdraw_losers(tuning *t, gcl_tuner *tuner, gcl_error *err)
{
    for (int i = 0; i < t->before.n; i++) {
        const gcl_part *before = &t->before.all[i];
        const gcl_part *after = gcl_parts_find(&t->after, &before->work);
        if (after == NULL || gcl_choice_equal(&after->choice, &before->choice) ||
            after->us <= SLOWER * before->us)
            continue;
        char text[160];
        gcl_workload_text(&before->work, text, sizeof text);
        gcl_say("%s: withdrawn: %.0f us instead of %.0f inside the step", text,
                after->us / after->count, before->us / before->count);
        t->withdrawn++;
        if (gcl_tuner_withdraw(tuner, before, err) != 0)
            return -1;
    }
    return 0;
}

/* The step with what was found and without, in turn: twice, if there is time. */
static int measure_both(tuning *t, gcl_error *err)
{
    for (int i = 0; i == 0 || (i == 1 && gcl_seconds() < t->end); i++)
        if (measure(t, 1, err) != 0 || measure(t, 0, err) != 0)
            return -1;
    return 0;
}

static int compare(tuning *t, gcl_tuner *tuner, gcl_error *err)
{
    t->before_ms = 0; /* what was measured first was a colder device's */
    if (measure_both(t, err) != 0 || withdraw_losers(t, tuner, err) != 0)
        return -1;
    if (t->withdrawn == 0)
        return 0;
    gcl_parts_free(&t->after);
    t->after_ms = 0;
    return measure_both(t, err);
}

/* Seconds for measuring the step six times more, usually; the programs are there by then. */
static double seconds_to_compare(const tuning *t)
{
    return 6 * (1 + 1e-3 * t->before_ms * (TIMED_STEPS + 1));
}

static int search(tuning *t, gcl_error *err)
{
    char *program = gcl_program_path();
    double end = t->end - seconds_to_compare(t);
    gcl_tuner_options options = {
        .program = program, .device = t->device, .limits = &t->limits, .records = t->records};
    t->parts = t->before;
    t->before = (gcl_parts){0};
    gcl_tuner *tuner = gcl_tuner_new(&options, &t->parts);
    int result = 1;
    do
        result = gcl_tuner_next(tuner, end - gcl_seconds(), err);
    while (result == 1 && gcl_seconds() < end);
    if (result >= 0)
        result = compare(t, tuner, err);
    t->stats = gcl_tuner_get_stats(tuner);
    t->left = gcl_tuner_left(tuner);
    gcl_tuner_free(tuner);
    free(program);
    return result;
}

static int tune(tuning *t, const char *name, const gcl_options *options, gcl_error *err)
{
    double budget = options->budget > 0 ? options->budget : USUAL_BUDGET;
    t->started = gcl_seconds();
    t->end = t->started + budget;
    t->device = options->device;
    if (gcl_configure_model(&t->config, name, options, err) != 0)
        return -1;
    t->batch = options->batch > 0 ? (int)options->batch : t->config.model.preset->batch;
    if (measure(t, 0, err) != 0 || search(t, err) != 0)
        return -1;
    t->seconds = gcl_seconds() - t->started;
    return 0;
}

static void release(tuning *t)
{
    gcl_parts_free(&t->parts);
    gcl_parts_free(&t->before);
    gcl_parts_free(&t->after);
    gcl_config_free(&t->config);
}

/* ---- the table ------------------------------------------------------------------------------------ */

/* "vec" or "vec -> tile", and the values that differ where only they do. */
static void change_text(const gcl_choice *before, const gcl_choice *after, gcl_text *text)
{
    if (gcl_choice_equal(before, after)) {
        gcl_text_add(text, "%s, kept", before->variant->name);
    } else if (before->variant != after->variant) {
        gcl_text_add(text, "%s -> %s", before->variant->name, after->variant->name);
    } else {
        gcl_text_add(text, "%s:", before->variant->name);
        for (int i = 0; i < before->variant->n_params; i++)
            if (before->values[i] != after->values[i])
                gcl_text_add(text, " %s %d -> %d", before->variant->params[i].name,
                             before->values[i], after->values[i]);
    }
}

static void print_part(const gcl_part *before, const gcl_part *after)
{
    char name[64];
    gcl_text change = {0};
    gcl_workload_text(&before->work, name, sizeof name);
    change_text(&before->choice, &after->choice, &change);
    printf("%-52.52s %4d %10.1f %10.1f %7.1f  %s\n", name, before->count,
           before->us / before->count, after->us / after->count,
           before->us > 0 ? 100 * (after->us / before->us - 1) : 0, change.text);
    gcl_text_free(&change);
}

static void print_table(const tuning *t)
{
    char name[128];
    gcl_model_name(&t->config.model, name, sizeof name);
    printf("\n%s, batch %d: a step took %.1f ms, takes %.1f ms (%+.1f %%)\n", name, t->batch,
           t->before_ms, t->after_ms, 100 * (t->after_ms / t->before_ms - 1));
    printf("%-52s %4s %10s %10s %7s  %s\n", "kernel", "runs", "before us", "after us", "%",
           "variant");
    for (int i = 0; i < t->before.n && i < ROWS; i++) {
        const gcl_part *after = gcl_parts_find(&t->after, &t->before.all[i].work);
        if (after != NULL)
            print_part(&t->before.all[i], after);
    }
    if (t->before.n > ROWS)
        printf("and %d smaller ones (--json has all)\n", t->before.n - ROWS);
    printf("%d candidates tried (%d crashed, %d hung, %d computed something wrong), %d kernels "
           "improved, %.0f s\n",
           t->stats.tried, t->stats.crashed, t->stats.hung, t->stats.wrong,
           t->stats.improved - t->withdrawn, t->seconds);
    if (t->left > 0)
        printf("%d of %d kernels could be searched further: the same command goes on\n", t->left,
               t->before.n);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static json_t *choice_json(const gcl_choice *choice)
{
    json_t *values = json_object();
    for (int i = 0; i < choice->variant->n_params; i++)
        json_object_set_new(values, choice->variant->params[i].name,
                            json_integer(choice->values[i]));
    return json_pack("{s:s, s:o}", "variant", choice->variant->name, "values", values);
}

static json_t *part_json(const gcl_part *before, const gcl_part *after)
{
    char name[160];
    gcl_workload_text(&before->work, name, sizeof name);
    json_t *object =
        json_pack("{s:s, s:i, s:f, s:f, s:o, s:o}", "kernel", name, "count", before->count,
                  "before_us", before->us / before->count, "after_us", after->us / after->count,
                  "before", choice_json(&before->choice), "after", choice_json(&after->choice));
    gcl_workload_write(&before->work, object);
    return object;
}

static json_t *tuning_json(const tuning *t)
{
    json_t *kernels = json_array();
    for (int i = 0; i < t->before.n; i++) {
        const gcl_part *after = gcl_parts_find(&t->after, &t->before.all[i].work);
        if (after != NULL)
            json_array_append_new(kernels, part_json(&t->before.all[i], after));
    }
    return json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}",
                     "system", t->config.model.system->name, "preset", t->config.model.preset->name,
                     "batch", t->batch, "before_ms", t->before_ms, "after_ms", t->after_ms,
                     "seconds", t->seconds, "tried", t->stats.tried, "crashed", t->stats.crashed,
                     "hung", t->stats.hung, "wrong", t->stats.wrong, "improved",
                     t->stats.improved - t->withdrawn, "withdrawn", t->withdrawn, "left", t->left,
                     "kernels", kernels);
}

static void print_json(const tuning *all, int n)
{
    json_t *systems = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(systems, tuning_json(&all[i]));
    json_t *whole =
        json_pack("{s:s, s:s, s:s, s:o}", "device", all[0].limits.name, "platform",
                  all[0].limits.platform, "driver", all[0].limits.driver, "systems", systems);
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(whole);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int check_folder(gcl_error *err)
{
    if (!gcl_records_off() && gcl_cache_writable())
        return 0;
    return gcl_fail(err, GCL_USAGE,
                    "autotune: there is no place for records (%s); set GANOCL_CACHE to a folder",
                    gcl_records_off() ? "GANOCL_RECORDS=off" : "the cache folder is not writable");
}

int gcl_command_autotune(const gcl_options *options, gcl_error *err)
{
    int n = options->n_arguments > 0 ? options->n_arguments : 1, begun = 0, result;
    if (check_folder(err) != 0)
        return -1;
    tuning *all = gcl_alloc((size_t)n * sizeof *all);
    gcl_records *records = gcl_records_known(gcl_ops);
    for (result = 0; begun < n && result == 0; begun++) {
        all[begun].records = records;
        result = tune(&all[begun], options->n_arguments > 0 ? options->arguments[begun] : NULL,
                      options, err);
        if (result == 0 && !options->json)
            print_table(&all[begun]);
    }
    if (result == 0 && options->json)
        print_json(all, n);
    for (int i = 0; i < begun; i++)
        release(&all[i]);
    gcl_records_free(records);
    free(all);
    return result;
}

int gcl_command_tuning_worker(const gcl_options *options, gcl_error *err)
{
    return gcl_worker_serve(gcl_ops, options->device, err);
}
