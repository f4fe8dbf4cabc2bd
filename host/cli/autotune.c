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
#include "cli/step_timing.h"
#include "ops/ops.h"

#define USUAL_BUDGET 240.0
/* A choice that is slower inside the step than the usual one by this much is withdrawn: more than a
 * busy machine's best of several times differs by chance. */
#define SLOWER 1.05
enum { ROWS = 40 };

/* One model on the way. */
typedef struct tuning {
    gcl_config config;
    gcl_records *records;
    gcl_step_timing timing;
    gcl_step_times first;         /* of the step before tuning: what is to be tuned */
    gcl_step_times before, after; /* without and with records, in turn */
    gcl_tuner_stats stats;
    int withdrawn, left; /* choices that were slower in the step; parts that need more time */
    double started, end, seconds; /* when it began, when it should be over; what it took */
} tuning;

/* ---- tuning --------------------------------------------------------------------------------------- */

/* What won alone but is slower inside the step (other caches, a lost tail) goes back. */
static int withdraw_losers(tuning *t, gcl_tuner *tuner, gcl_error *err)
{
    for (int i = 0; i < t->before.parts.n; i++) {
        const gcl_part *before = &t->before.parts.all[i];
        const gcl_part *after = gcl_parts_find(&t->after.parts, &before->work);
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

static int compare(tuning *t, gcl_tuner *tuner, gcl_error *err)
{
    if (gcl_step_time_both(&t->timing, t->records, t->end, &t->before, &t->after, err) != 0 ||
        withdraw_losers(t, tuner, err) != 0)
        return -1;
    if (t->withdrawn == 0)
        return 0;
    gcl_step_times_free(&t->before);
    gcl_step_times_free(&t->after);
    return gcl_step_time_both(&t->timing, t->records, t->end, &t->before, &t->after, err);
}

/* Seconds for timing both steps, perhaps twice; the programs are there by then. */
static double seconds_to_compare(const tuning *t) { return 4 + 12 * 1e-3 * t->first.ms; }

/* Searches in the time that comparing leaves. */
static int search(tuning *t, gcl_error *err)
{
    char *program = gcl_program_path();
    double end = t->end - seconds_to_compare(t);
    gcl_activity activity;
    gcl_activity_begin_timed(&activity, "tuning", end - gcl_seconds());
    gcl_tuner_options options = {.program = program,
                                 .device = t->timing.device,
                                 .limits = &t->timing.limits,
                                 .records = t->records,
                                 .activity = &activity};
    gcl_tuner *tuner = gcl_tuner_new(&options, &t->first.parts);
    int result = 1;
    do
        result = gcl_tuner_next(tuner, end - gcl_seconds(), err);
    while (result == 1 && gcl_seconds() < end);
    gcl_activity_end(&activity);
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
    t->timing.config = &t->config;
    t->timing.device = options->device;
    if (gcl_configure_model(&t->config, name, options, err) != 0)
        return -1;
    t->timing.batch = options->batch > 0 ? (int)options->batch : t->config.model.preset->batch;
    if (gcl_step_time_usual(&t->timing, &t->first, err) != 0 || search(t, err) != 0)
        return -1;
    t->seconds = gcl_seconds() - t->started;
    return 0;
}

static void release(tuning *t)
{
    gcl_step_times_free(&t->first);
    gcl_step_times_free(&t->before);
    gcl_step_times_free(&t->after);
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
    printf("\n%s, batch %d: a step took %.1f ms, takes %.1f ms (%+.1f %%)\n", name, t->timing.batch,
           t->before.ms, t->after.ms, 100 * (t->after.ms / t->before.ms - 1));
    printf("%-52s %4s %10s %10s %7s  %s\n", "kernel", "runs", "before us", "after us", "%",
           "variant");
    for (int i = 0; i < t->before.parts.n && i < ROWS; i++) {
        const gcl_part *after = gcl_parts_find(&t->after.parts, &t->before.parts.all[i].work);
        if (after != NULL)
            print_part(&t->before.parts.all[i], after);
    }
    if (t->before.parts.n > ROWS)
        printf("and %d smaller ones (--json has all)\n", t->before.parts.n - ROWS);
    printf("%d candidates tried (%d crashed, %d hung, %d computed something wrong), %d kernels "
           "improved, %.0f s\n",
           t->stats.tried, t->stats.crashed, t->stats.hung, t->stats.wrong,
           t->stats.improved - t->withdrawn, t->seconds);
    if (t->left > 0)
        printf("%d of %d kernels could be searched further: the same command goes on\n", t->left,
               t->before.parts.n);
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
    for (int i = 0; i < t->before.parts.n; i++) {
        const gcl_part *after = gcl_parts_find(&t->after.parts, &t->before.parts.all[i].work);
        if (after != NULL)
            json_array_append_new(kernels, part_json(&t->before.parts.all[i], after));
    }
    return json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}",
                     "system", t->config.model.system->name, "preset", t->config.model.preset->name,
                     "batch", t->timing.batch, "before_ms", t->before.ms, "after_ms", t->after.ms,
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
    json_t *whole = json_pack("{s:s, s:s, s:s, s:o}", "device", all[0].timing.limits.name,
                              "platform", all[0].timing.limits.platform, "driver",
                              all[0].timing.limits.driver, "systems", systems);
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
