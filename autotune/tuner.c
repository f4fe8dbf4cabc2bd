#include "autotune/tuner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/duel.h"
#include "autotune/internal.h"
#include "autotune/job.h"
#include "base/log.h"
#include "plan/single.h"

/* Candidates of a part besides the usual choice, by stage. */
static const int candidates[GCL_TUNER_STAGES + 1] = {0, 8, 16, 48};

#define PATIENCE    30.0 /* seconds: a build by a slow compiler on a busy machine */
#define SLICE       0.7  /* of a part's share of the time: later visits want some too */
#define LEAST_SLICE 4.0  /* seconds for candidates, since preparing takes some too */
#define NEAR_BOUND  1.05 /* times the least possible time: nothing is left to win */

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
static int try_known(gcl_job *j, gcl_error *err)
{
    const gcl_tuner *t = j->tuner;
    const gcl_record *own = valid_record(t, &j->part->work, j->node);
    gcl_choice choice;
    if (own != NULL)
        choice = own->choice;
    else if (!gcl_records_choose(t->options.records, j->node, t->options.limits, &choice))
        return 0;
    return gcl_search_known(j->search, &choice) ? 0 : gcl_job_try(j, &choice, err);
}

/* Winograd's forms need down to a fifth of the products. */
static int is_near_bound(const gcl_job *j)
{
    double us = INFINITY;
    gcl_search_best(j->search, &us);
    return us <= NEAR_BOUND * gcl_model_bound_us(gcl_workload_flops(&j->part->work) / 5,
                                                 gcl_workload_bytes(&j->part->work),
                                                 &j->tuner->peak);
}

static int look_around(gcl_job *j, int stage, gcl_error *err)
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
        if (gcl_job_try(j, &choice, err) != 0)
            return -1;
    }
    return 0;
}

static int keep(gcl_job *j, const gcl_choice *choice, double us, double usual_us, int stage,
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

static void say_won(const gcl_job *j, const gcl_choice *choice, double us, double usual_us)
{
    char text[160], values[200];
    gcl_workload_text(&j->part->work, text, sizeof text);
    gcl_choice_text(choice, values, sizeof values);
    gcl_say("%s: %.0f -> %.0f us (%s)", text, usual_us, us, values);
}

/* A duel needs a candidate that promises the margin; without a usual choice that works there is
 * nothing to beat. */
static int conclude(gcl_job *j, int stage, gcl_error *err)
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
        won = gcl_job_duel(j, &best, &us, &usual_us, err);
    if (won < 0)
        return -1;
    j->tuner->stats.improved += won;
    if (!won)
        return keep(j, &j->usual, usual_us, usual_us, stage, err);
    say_won(j, &best, us, usual_us);
    return keep(j, &best, us, usual_us, stage, err);
}

static uint64_t most_scratch(const gcl_job *j)
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
static void tell_naive(gcl_job *j, double us)
{
    const gcl_variant *naive = gcl_variant_find(j->node->op, "naive");
    gcl_choice choice = gcl_choice_of(naive, j->node, j->tuner->options.limits);
    if (!gcl_choice_equal(&choice, &j->usual))
        gcl_search_tell(j->search, &choice, us + gcl_job_lost_tail_us(j, &choice));
}

static int run_job(gcl_job *j, int stage, gcl_error *err)
{
    const gcl_limits *limits = j->tuner->options.limits;
    if (gcl_choice_usual(j->node, limits, &j->usual) != 0)
        return 0;
    j->search =
        gcl_search_new(j->node, limits, &j->tuner->peak, most_scratch(j), &j->tuner->effects);
    double naive_us;
    int usable = gcl_job_prepare(j, &naive_us, err);
    if (usable <= 0) {
        j->tuner->done[j->part - j->tuner->parts->all] = GCL_TUNER_STAGES;
        return usable;
    }
    tell_naive(j, naive_us);
    if (gcl_job_try(j, &j->usual, err) != 0)
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
    gcl_job j = {.tuner = t,
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
    if (t->peak.gflops <= 0 && gcl_tuner_ask_peak(t, err) != 0)
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
    gcl_job j = {.tuner = t, .part = part, .graph = gcl_graph_new()};
    const gcl_record *record = gcl_records_find(t->options.records, &part->work, t->options.limits);
    double us = record != NULL ? record->before_us : 0;
    int stage = record != NULL ? record->stage : 0, result = -1;
    j.node = gcl_workload_node(&part->work, j.graph);
    if (gcl_choice_usual(j.node, t->options.limits, &j.usual) == 0)
        result = keep(&j, &j.usual, us, us, stage, err);
    gcl_graph_free(j.graph);
    return result;
}
