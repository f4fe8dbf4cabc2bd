#include "autotune/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/duel.h"
#include "autotune/internal.h"
#include "base/log.h"

#define PREPARATION 90.0 /* more, for operands and naive */
#define BUSY        3.0  /* times what these took is added to the patience */
/* A candidate that has lost its first run by this much gets no second. */
#define HOPELESS 1.3
enum { MOST_LOST_IN_A_ROW = 8, ROUNDS = 9 };

static json_t *question_about(const gcl_job *j, const char *ask)
{
    json_t *question = json_pack("{s:s}", "ask", ask);
    gcl_workload_write(&j->part->work, question);
    return question;
}

static void add_choice(json_t *question, const char *variant, const char *values,
                       const gcl_choice *choice)
{
    json_object_set_new(question, variant, json_string(choice->variant->name));
    json_object_set_new(question, values, gcl_choice_json(choice->variant, choice->values));
}

static int keep_rejected(gcl_job *j, const gcl_choice *choice, const char *why, gcl_error *err)
{
    gcl_record record;
    if (gcl_record_start(&record, j->node, choice, j->tuner->options.limits) != 0)
        return 0;
    snprintf(record.rejected, sizeof record.rejected, "%s", why);
    return gcl_records_keep(j->tuner->options.records, &record, err);
}

/* A candidate that took its worker along, or answered wrongly. The search forgets it, the records do
 * not. */
static int reject(gcl_job *j, const gcl_choice *choice, const char *why, const char *detail,
                  gcl_error *err)
{
    char text[160];
    gcl_workload_text(&j->part->work, text, sizeof text);
    gcl_search_tell(j->search, choice, INFINITY);
    if (gcl_choice_equal(choice, &j->usual))
        gcl_warn("%s: its usual kernel (%s) fails on this device: %s%s%s", text,
                 choice->variant->name, why, detail ? ": " : "", detail ? detail : "");
    else
        gcl_verbose("%s: a candidate (%s) is rejected: %s%s%s", text, choice->variant->name, why,
                    detail ? ": " : "", detail ? detail : "");
    return keep_rejected(j, choice, why, err);
}

int gcl_job_prepare(gcl_job *j, double *naive_us, gcl_error *err)
{
    gcl_tuner *t = j->tuner;
    json_t *answer = NULL, *question = question_about(j, "naive");
    double start = gcl_seconds();
    gcl_worker_end end =
        gcl_worker_ask(t->worker, question, t->options.patience + PREPARATION, &answer, err);
    *naive_us = json_number_value(json_object_get(answer, "us"));
    int usable = end == GCL_WORKER_ANSWERED && *naive_us > 0;
    t->prepared = usable ? j->part : NULL;
    t->preparing = gcl_seconds() - start;
    if (!usable && end != GCL_WORKER_FAILED) {
        char text[160];
        const char *error = json_string_value(json_object_get(answer, "error"));
        gcl_workload_text(&j->part->work, text, sizeof text);
        gcl_say("%s: cannot be tuned here: %s", text, error ? error : "the worker did not survive");
    }
    json_decref(question);
    json_decref(answer);
    return end == GCL_WORKER_FAILED ? -1 : usable;
}

/* Asks about a choice. Returns 1 and the answer; 0 if there is none to be had, the choice being
 * rejected; -1 with the error. */
static int ask_about(gcl_job *j, const json_t *question, const gcl_choice *choice, double seconds,
                     json_t **answer, gcl_error *err)
{
    gcl_tuner *t = j->tuner;
    double naive_us;
    if (t->prepared != j->part && gcl_job_prepare(j, &naive_us, err) <= 0) {
        gcl_search_tell(j->search, choice, INFINITY);
        return err->code != GCL_OK ? -1 : 0;
    }
    gcl_worker_end end =
        gcl_worker_ask(t->worker, question, seconds + BUSY * t->preparing, answer, err);
    const char *wrong = json_string_value(json_object_get(*answer, "wrong"));
    const char *error = json_string_value(json_object_get(*answer, "error"));
    int result = 0;
    if (end == GCL_WORKER_FAILED)
        return -1;
    t->lost = end == GCL_WORKER_ANSWERED ? 0 : t->lost + 1;
    t->prepared = end == GCL_WORKER_ANSWERED ? j->part : NULL;
    t->stats.crashed += end == GCL_WORKER_CRASHED;
    t->stats.hung += end == GCL_WORKER_HUNG;
    t->stats.wrong += wrong != NULL;
    if (t->lost >= MOST_LOST_IN_A_ROW)
        return gcl_fail(err, GCL_DEVICE,
                        "tuning: %d workers in a row crashed or hung; the device may need a "
                        "restart",
                        t->lost);
    if (end == GCL_WORKER_CRASHED)
        return reject(j, choice, "crash", NULL, err);
    if (end == GCL_WORKER_HUNG)
        return reject(j, choice, "hang", NULL, err);
    if (wrong != NULL)
        result = reject(j, choice, "wrong", wrong, err);
    else if (error != NULL) {
        gcl_verbose("a candidate (%s) cannot be tried: %s", choice->variant->name, error);
        gcl_search_tell(j->search, choice, INFINITY);
    } else
        return 1;
    json_decref(*answer);
    *answer = NULL;
    return result;
}

double gcl_job_lost_tail_us(const gcl_job *j, const gcl_choice *choice)
{
    const gcl_tuner *t = j->tuner;
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    double us = 0;
    if (j->part->tails > 0 && gcl_choice_recipe(choice, j->node, t->options.limits, recipe) == 0 &&
        recipe->epilogue_launch < 0)
        us = 8e-3 * (double)gcl_shape_count(j->node->shape) / t->peak.gbs * j->part->tails /
             j->part->count;
    free(recipe);
    return us;
}

void gcl_choice_text(const gcl_choice *choice, char *text, size_t size)
{
    int n = snprintf(text, size, "%s", choice->variant->name);
    for (int i = 0; i < choice->variant->n_params && n >= 0 && (size_t)n < size; i++)
        n += snprintf(text + n, size - (size_t)n, " %s=%d", choice->variant->params[i].name,
                      choice->values[i]);
}

static void say_tried(const gcl_job *j, const gcl_choice *choice, double us)
{
    char text[160], values[200];
    gcl_workload_text(&j->part->work, text, sizeof text);
    gcl_choice_text(choice, values, sizeof values);
    gcl_verbose("%s: %.1f us (%s)", text, us, values);
}

static void show_trying(const gcl_job *j)
{
    char text[160];
    const gcl_tuner_stats *stats = &j->tuner->stats;
    gcl_workload_text(&j->part->work, text, sizeof text);
    gcl_activity_detail(j->tuner->options.activity, "%d tried, %d improved, now %.40s",
                        stats->tried, stats->improved, text);
    gcl_activity_update(j->tuner->options.activity, stats->tried);
}

int gcl_job_try(gcl_job *j, const gcl_choice *choice, gcl_error *err)
{
    gcl_tuner *t = j->tuner;
    json_t *answer = NULL, *question;
    double best = 0;
    if (gcl_records_rejected(t->options.records, &j->part->work, choice, t->options.limits)) {
        gcl_search_tell(j->search, choice, INFINITY);
        return 0;
    }
    show_trying(j);
    question = question_about(j, "try");
    add_choice(question, "variant", "values", choice);
    if (gcl_search_best(j->search, &best) != NULL)
        json_object_set_new(question, "enough_us", json_real(HOPELESS * best));
    else
        json_object_set_new(question, "enough_us", json_real(1e12));
    int result = ask_about(j, question, choice, t->options.patience, &answer, err);
    json_decref(question);
    t->stats.tried++;
    if (result == 1) {
        double us = json_number_value(json_object_get(answer, "us"));
        say_tried(j, choice, us);
        gcl_search_tell(j->search, choice,
                        us > 0 ? us + gcl_job_lost_tail_us(j, choice) : (double)INFINITY);
    }
    json_decref(answer);
    return result < 0 ? -1 : 0;
}

int gcl_tuner_ask_peak(gcl_tuner *t, gcl_error *err)
{
    json_t *answer = NULL, *question = json_pack("{s:s}", "ask", "peak");
    gcl_worker_end end = gcl_worker_ask(t->worker, question, PREPARATION, &answer, err);
    const char *error = json_string_value(json_object_get(answer, "error"));
    t->peak.gflops = json_number_value(json_object_get(answer, "gflops"));
    t->peak.gbs = json_number_value(json_object_get(answer, "gbs"));
    int good = end == GCL_WORKER_ANSWERED && t->peak.gflops > 0 && t->peak.gbs > 0;
    if (!good && end != GCL_WORKER_FAILED)
        gcl_fail(err, GCL_DEVICE, "tuning: the device's rates cannot be measured: %s",
                 error                       ? error
                 : end == GCL_WORKER_HUNG    ? "the worker hung"
                 : end == GCL_WORKER_CRASHED ? "the worker crashed"
                                             : "no rates");
    json_decref(question);
    json_decref(answer);
    return good ? 0 : -1;
}

int gcl_job_duel(gcl_job *j, const gcl_choice *best, double *us, double *usual_us, gcl_error *err)
{
    json_t *answer = NULL, *question = question_about(j, "duel");
    gcl_duel outcome = {0};
    json_object_set_new(question, "rounds", json_integer(ROUNDS));
    add_choice(question, "variant", "values", best);
    add_choice(question, "other", "other_values", &j->usual);
    double seconds = j->tuner->options.patience + 4e-6 * ROUNDS * j->usual_us;
    int result = ask_about(j, question, best, seconds, &answer, err);
    if (result == 1) {
        gcl_duel_judge(&outcome, json_object_get(answer, "us"), json_object_get(answer, "other_us"),
                       gcl_job_lost_tail_us(j, best), gcl_job_lost_tail_us(j, &j->usual));
        *us = outcome.us;
        *usual_us = outcome.other_us;
    }
    json_decref(question);
    json_decref(answer);
    return result < 0 ? -1 : outcome.won;
}
