#include "autotune/tuner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/duel.h"
#include "autotune/internal.h"
#include "autotune/search.h"
#include "autotune/worker.h"
#include "base/log.h"
#include "plan/single.h"

/* Candidates of a part besides the usual choice, by stage. */
static const int candidates[GCL_TUNER_STAGES + 1] = {0, 8, 16, 48};

#define PATIENCE    30.0 /* seconds: a build by a slow compiler on a busy machine */
#define PREPARATION 90.0 /* more, for operands and naive */
#define BUSY        3.0  /* times what these took is added to the patience */
#define SLICE       0.7  /* of a part's share of the time: later visits want some too */
#define LEAST_SLICE 4.0  /* seconds for candidates, since preparing takes some too */
#define NEAR_BOUND  1.05 /* times the least possible time: nothing is left to win */
/* A candidate that has lost its first run by this much gets no second. */
#define HOPELESS 1.3
enum { MOST_LOST_IN_A_ROW = 8, ROUNDS = 9 };

struct gcl_tuner {
    gcl_tuner_options options;
    const gcl_parts *parts;
    gcl_worker *worker;
    gcl_peak peak; /* gflops 0: not asked for yet */
    gcl_effects effects;
    int *done;   /* by part: stages that it has been through; all if it cannot be tuned */
    int *visits; /* by part, in this tuning */
    int lost;    /* workers in a row that did not answer */
    const gcl_part *prepared; /* that the worker is ready for */
    double preparing;         /* seconds that this took: how busy the machine is */
    gcl_tuner_stats stats;
};

/* One part while it is tuned. */
typedef struct job {
    gcl_tuner *tuner;
    const gcl_part *part;
    gcl_graph *graph;
    const gcl_node *node;
    gcl_choice usual;
    double usual_us; /* infinite: it does not work */
    gcl_search *search;
    double seconds; /* for candidates */
    int finished;   /* the stage had time enough */
} job;

void gcl_tuner_free(gcl_tuner *t)
{
    if (t == NULL)
        return;
    gcl_worker_free(t->worker);
    gcl_effects_free(&t->effects);
    free(t->done);
    free(t->visits);
    free(t);
}

gcl_tuner_stats gcl_tuner_get_stats(const gcl_tuner *t) { return t->stats; }

/* ---- asking the worker ---------------------------------------------------------------------------- */

static json_t *question_about(const job *j, const char *ask)
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

static int keep_rejected(job *j, const gcl_choice *choice, const char *why, gcl_error *err)
{
    gcl_record record;
    if (gcl_record_start(&record, j->node, choice, j->tuner->options.limits) != 0)
        return 0;
    snprintf(record.rejected, sizeof record.rejected, "%s", why);
    return gcl_records_keep(j->tuner->options.records, &record, err);
}

/* A candidate that took its worker along, or answered wrongly. The search forgets it, the records do
 * not. */
static int reject(job *j, const gcl_choice *choice, const char *why, const char *detail,
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

/* Makes the worker prepare operands and what is right for them, before it is asked about candidates: a
 * new one has to, and that is none of their time. *naive_us: what naive takes. 1; 0: this part cannot be
 * tuned; -1 with the error. */
static int prepare(job *j, double *naive_us, gcl_error *err)
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
static int ask_about(job *j, const json_t *question, const gcl_choice *choice, double seconds,
                     json_t **answer, gcl_error *err)
{
    gcl_tuner *t = j->tuner;
    double naive_us;
    if (t->prepared != j->part && prepare(j, &naive_us, err) <= 0) {
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

/* What a pass of its own costs where the step splices a pointwise chain in and this recipe takes
 * none: the result once more written and read. */
static double lost_tail_us(const job *j, const gcl_choice *choice)
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

/* "vec v=16 mr=8" */
static void choice_text(const gcl_choice *choice, char *text, size_t size)
{
    int n = snprintf(text, size, "%s", choice->variant->name);
    for (int i = 0; i < choice->variant->n_params && n >= 0 && (size_t)n < size; i++)
        n += snprintf(text + n, size - (size_t)n, " %s=%d", choice->variant->params[i].name,
                      choice->values[i]);
}

static void say_tried(const job *j, const gcl_choice *choice, double us)
{
    char text[160], values[200];
    gcl_workload_text(&j->part->work, text, sizeof text);
    choice_text(choice, values, sizeof values);
    gcl_verbose("%s: %.1f us (%s)", text, us, values);
}

static void show_trying(const job *j)
{
    char text[160];
    const gcl_tuner_stats *stats = &j->tuner->stats;
    gcl_workload_text(&j->part->work, text, sizeof text);
    gcl_activity_detail(j->tuner->options.activity, "%d tried, %d improved, now %.40s",
                        stats->tried, stats->improved, text);
    gcl_activity_update(j->tuner->options.activity, stats->tried);
}

/* Times one choice and tells the search. 0 also if it does not work; -1 with the error. */
static int try_choice(job *j, const gcl_choice *choice, gcl_error *err)
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
                        us > 0 ? us + lost_tail_us(j, choice) : (double)INFINITY);
    }
    json_decref(answer);
    return result < 0 ? -1 : 0;
}

static int ask_peak(gcl_tuner *t, gcl_error *err)
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

/* ---- one part ------------------------------------------------------------------------------------- */

/* The part's newest record if it still is about today's programs and variants. */
static const gcl_record *valid_record(const gcl_tuner *t, const gcl_workload *work,
                                      const gcl_node *node)
{
    char programs[GCL_FINGERPRINT], space[GCL_FINGERPRINT];
    const gcl_record *r = gcl_records_find(t->options.records, work, t->options.limits);
    if (r == NULL || !r->choice.variant->applies(node, t->options.limits))
        return NULL;
    gcl_fingerprint_programs(&r->choice, node, t->options.limits, programs);
    gcl_fingerprint_space(node->op, space);
    return strcmp(programs, r->programs) == 0 && strcmp(space, r->space) == 0 ? r : NULL;
}

static int recorded_stage(const gcl_tuner *t, const gcl_part *part)
{
    gcl_graph *graph = gcl_graph_new();
    const gcl_node *node = gcl_workload_node(&part->work, graph);
    const gcl_record *record = node != NULL ? valid_record(t, &part->work, node) : NULL;
    int stage = record != NULL ? record->stage : 0;
    gcl_graph_free(graph);
    return stage;
}

/* What is known already: this part's own record, or what a plan would take from its neighbours. */
static int try_known(job *j, gcl_error *err)
{
    const gcl_tuner *t = j->tuner;
    const gcl_record *own = valid_record(t, &j->part->work, j->node);
    gcl_choice choice;
    if (own != NULL)
        choice = own->choice;
    else if (!gcl_records_choose(t->options.records, j->node, t->options.limits, &choice))
        return 0;
    return gcl_search_known(j->search, &choice) ? 0 : try_choice(j, &choice, err);
}

/* Winograd's forms need down to a fifth of the products. */
static int is_near_bound(const job *j)
{
    double us = INFINITY;
    gcl_search_best(j->search, &us);
    return us <= NEAR_BOUND * gcl_model_bound_us(gcl_workload_flops(&j->part->work) / 5,
                                                 gcl_workload_bytes(&j->part->work),
                                                 &j->tuner->peak);
}

static int look_around(job *j, int stage, gcl_error *err)
{
    gcl_choice choice;
    double deadline = gcl_seconds() + j->seconds;
    j->finished = 1;
    for (int i = 0; i < candidates[stage]; i++) {
        j->finished = gcl_seconds() < deadline;
        if (!j->finished)
            return 0;
        j->finished = is_near_bound(j) || !gcl_search_next(j->search, &choice);
        if (j->finished)
            return 0;
        j->finished = 1;
        if (try_choice(j, &choice, err) != 0)
            return -1;
    }
    return 0;
}

/* The best against the usual. Returns 1 if it has won, with both median times, 0 if not. */
static int fight(job *j, const gcl_choice *best, double *us, double *usual_us, gcl_error *err)
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
                       lost_tail_us(j, best), lost_tail_us(j, &j->usual));
        *us = outcome.us;
        *usual_us = outcome.other_us;
    }
    json_decref(question);
    json_decref(answer);
    return result < 0 ? -1 : outcome.won;
}

static int keep(job *j, const gcl_choice *choice, double us, double usual_us, int stage,
                gcl_error *err)
{
    gcl_record record;
    if (gcl_record_start(&record, j->node, choice, j->tuner->options.limits) != 0)
        return 0;
    record.us = us;
    record.before_us = usual_us;
    record.stage = stage;
    return gcl_records_keep(j->tuner->options.records, &record, err);
}

static void say_won(const job *j, const gcl_choice *choice, double us, double usual_us)
{
    char text[160], values[200];
    gcl_workload_text(&j->part->work, text, sizeof text);
    choice_text(choice, values, sizeof values);
    gcl_say("%s: %.0f -> %.0f us (%s)", text, usual_us, us, values);
}

/* A duel needs a candidate that promises the margin; without a usual choice that works there is
 * nothing to beat. */
static int conclude(job *j, int stage, gcl_error *err)
{
    double us = 0, usual_us = j->usual_us;
    const gcl_choice *found = gcl_search_best(j->search, &us);
    if (found == NULL)
        return 0; /* nothing works here, which the warnings have said */
    gcl_choice best = *found;
    int won = !isfinite(usual_us);
    if (won)
        usual_us = 0;
    else if (!gcl_choice_equal(&best, &j->usual) && us < usual_us * (1 - GCL_DUEL_MARGIN))
        won = fight(j, &best, &us, &usual_us, err);
    if (won < 0)
        return -1;
    j->tuner->stats.improved += won;
    if (!won)
        return keep(j, &j->usual, usual_us, usual_us, stage, err);
    say_won(j, &best, us, usual_us);
    return keep(j, &best, us, usual_us, stage, err);
}

static uint64_t most_scratch(const job *j)
{
    const gcl_limits *limits = j->tuner->options.limits;
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    uint64_t bytes = limits->memory_bytes / 8;
    if (gcl_choice_recipe(&j->usual, j->node, limits, recipe) == 0 &&
        (uint64_t)recipe->scratch_floats * sizeof(float) > bytes)
        bytes = (uint64_t)recipe->scratch_floats * sizeof(float);
    free(recipe);
    return bytes;
}

/* Its time is known from preparing, if only roughly. */
static void tell_naive(job *j, double us)
{
    const gcl_variant *naive = gcl_variant_find(j->node->op, "naive");
    gcl_choice choice = gcl_choice_of(naive, j->node, j->tuner->options.limits);
    if (!gcl_choice_equal(&choice, &j->usual))
        gcl_search_tell(j->search, &choice, us + lost_tail_us(j, &choice));
}

static int run_job(job *j, int stage, gcl_error *err)
{
    const gcl_limits *limits = j->tuner->options.limits;
    if (gcl_choice_usual(j->node, limits, &j->usual) != 0)
        return 0;
    j->search =
        gcl_search_new(j->node, limits, &j->tuner->peak, most_scratch(j), &j->tuner->effects);
    double naive_us;
    int usable = prepare(j, &naive_us, err);
    if (usable <= 0) {
        j->tuner->done[j->part - j->tuner->parts->all] = GCL_TUNER_STAGES;
        return usable;
    }
    tell_naive(j, naive_us);
    if (try_choice(j, &j->usual, err) != 0)
        return -1;
    j->usual_us = gcl_search_us(j->search, &j->usual);
    if (try_known(j, err) != 0 || look_around(j, stage, err) != 0)
        return -1;
    return conclude(j, j->finished ? stage : stage - 1, err);
}

static int tune(gcl_tuner *t, int i, double seconds, gcl_error *err)
{
    const gcl_part *part = &t->parts->all[i];
    int stage = t->done[i] + 1;
    job j = {.tuner = t,
             .part = part,
             .graph = gcl_graph_new(),
             .seconds = seconds > LEAST_SLICE ? seconds : LEAST_SLICE};
    j.node = gcl_workload_node(&part->work, j.graph);
    int result = j.node != NULL ? run_job(&j, stage, err) : 0;
    gcl_search_free(j.search);
    gcl_graph_free(j.graph);
    t->stats.done += result == 0 && j.finished;
    if (result == 0 && j.finished && t->done[i] < stage)
        t->done[i] = stage;
    return result;
}

/* ---- all parts ------------------------------------------------------------------------------------ */

gcl_tuner *gcl_tuner_new(const gcl_tuner_options *options, const gcl_parts *parts)
{
    gcl_tuner *t = gcl_alloc(sizeof *t);
    t->options = *options;
    if (!(t->options.patience > 0))
        t->options.patience = PATIENCE;
    t->parts = parts;
    t->worker = gcl_worker_new(options->program, options->device);
    t->done = gcl_alloc((size_t)(parts->n + 1) * sizeof *t->done);
    t->visits = gcl_alloc((size_t)(parts->n + 1) * sizeof *t->visits);
    for (int i = 0; i < parts->n; i++)
        t->done[i] = recorded_stage(t, &parts->all[i]);
    return t;
}

/* What another visit to a part is worth: its cost, and half as much after each visit and stage. 0: it has
 * been through all. */
static double worth(const gcl_tuner *t, int i)
{
    if (t->done[i] >= GCL_TUNER_STAGES)
        return 0;
    return ldexp(gcl_part_weight(&t->parts->all[i]), -t->visits[i] - t->done[i]);
}

int gcl_tuner_next(gcl_tuner *t, double seconds, gcl_error *err)
{
    int best = 0;
    double sum = 0;
    for (int i = 0; i < t->parts->n; i++) {
        best = worth(t, i) > worth(t, best) ? i : best;
        sum += worth(t, i);
    }
    if (!(sum > 0))
        return 0;
    if (t->peak.gflops <= 0 && ask_peak(t, err) != 0)
        return -1;
    double slice = seconds * SLICE * worth(t, best) / sum;
    t->visits[best]++;
    return tune(t, best, slice, err) == 0 ? 1 : -1;
}

int gcl_tuner_left(const gcl_tuner *t)
{
    int n = 0;
    for (int i = 0; i < t->parts->n; i++)
        n += t->done[i] < GCL_TUNER_STAGES;
    return n;
}

int gcl_tuner_withdraw(gcl_tuner *t, const gcl_part *part, gcl_error *err)
{
    job j = {.tuner = t, .part = part, .graph = gcl_graph_new()};
    const gcl_record *record = gcl_records_find(t->options.records, &part->work, t->options.limits);
    double us = record != NULL ? record->before_us : 0;
    int stage = record != NULL ? record->stage : 0, result = -1;
    j.node = gcl_workload_node(&part->work, j.graph);
    if (gcl_choice_usual(j.node, t->options.limits, &j.usual) == 0)
        result = keep(&j, &j.usual, us, us, stage, err);
    gcl_graph_free(j.graph);
    return result;
}
