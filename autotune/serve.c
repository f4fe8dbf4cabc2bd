/* The worker's side: it tries what it is asked to and says what came of it. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autotune/internal.h"
#include "autotune/peak.h"
#include "autotune/reference.h"
#include "autotune/worker.h"
#include "base/log.h"
#include "plan/single.h"

enum { MOST_ROUNDS = 64, REPEATS = 3 };

/* A worker whose tuner is gone must not hang on for ever, nor in a kernel that does not end. */
enum { LONGEST_QUESTION = 600 };

typedef struct server {
    const gcl_op *const *ops;
    gcl_device *dev;
    gcl_error opening; /* why there is no device */
    gcl_workload work;
    gcl_reference *reference; /* of that workload, or NULL */
} server;

static json_t *refuse(const char *key, const char *text) { return json_pack("{s:s}", key, text); }

/* ---- the questions -------------------------------------------------------------------------------- */

static json_t *tell_peak(const server *s)
{
    gcl_peak peak;
    gcl_error err = {0};
    if (gcl_peak_measure(s->dev, &peak, &err) != 0)
        return refuse("error", err.text);
    return json_pack("{s:f, s:f}", "gflops", peak.gflops, "gbs", peak.gbs);
}

/* Makes the reference of the question's workload unless it is the last one's. */
static int prepare(server *s, const json_t *question, gcl_error *err)
{
    gcl_workload work;
    if (gcl_workload_read(&work, question, s->ops) != 0)
        return gcl_fail(err, GCL_FAILED, "the question names no workload");
    if (s->reference != NULL && gcl_workload_equal(&work, &s->work))
        return 0;
    gcl_reference_free(s->reference);
    s->work = work;
    s->reference = gcl_reference_new(s->dev, &work, err);
    return s->reference != NULL ? 0 : -1;
}

static int read_choice(const server *s, const json_t *question, const char *variant,
                       const char *values, gcl_choice *choice)
{
    const char *name = json_string_value(json_object_get(question, variant));
    choice->variant = name != NULL ? gcl_variant_find(s->work.op, name) : NULL;
    return choice->variant != NULL
               ? gcl_choice_read(json_object_get(question, values), choice->variant, choice->values)
               : -1;
}

/* Runs once with a check of all results; the time is the run's. NULL when it is right, else what to
 * answer. */
static json_t *check_once(server *s, const gcl_choice *choice, double *us)
{
    gcl_error err = {0};
    char why[200];
    switch (gcl_reference_try(s->reference, choice, us, why, sizeof why, &err)) {
    case GCL_TRY_RIGHT: return NULL;
    case GCL_TRY_WRONG: return refuse("wrong", why);
    case GCL_TRY_UNFIT: return refuse("error", "does not fit");
    case GCL_TRY_FAILED: break;
    }
    return refuse("error", err.text);
}

/* The best of a few runs; one is enough for what takes longer than enough_us. */
static json_t *try_choice(server *s, const json_t *question)
{
    gcl_choice choice;
    double enough = json_number_value(json_object_get(question, "enough_us")), best = INFINITY;
    if (read_choice(s, question, "variant", "values", &choice) != 0)
        return refuse("error", "the question names no choice");
    for (int i = 0; i < REPEATS && (i == 0 || best <= enough); i++) {
        double us = 0;
        json_t *answer = check_once(s, &choice, &us);
        if (answer != NULL)
            return answer;
        best = us < best ? us : best;
    }
    return json_pack("{s:f}", "us", best);
}

/* Both in turn, each first as often as second. */
static json_t *duel(server *s, const json_t *question)
{
    gcl_choice choice[2];
    int rounds = (int)json_integer_value(json_object_get(question, "rounds"));
    if (rounds < 1 || rounds > MOST_ROUNDS ||
        read_choice(s, question, "variant", "values", &choice[0]) != 0 ||
        read_choice(s, question, "other", "other_values", &choice[1]) != 0)
        return refuse("error", "the question names no two choices");
    json_t *times[2] = {json_array(), json_array()}, *answer = NULL;
    for (int i = 0; i < 2 * rounds && answer == NULL; i++) {
        int which = (i ^ i >> 1) & 1; /* 0 1 1 0 0 1 1 0 */
        double us = 0;
        answer = check_once(s, &choice[which], &us);
        json_array_append_new(times[which], json_real(us));
    }
    if (answer == NULL)
        return json_pack("{s:o, s:o}", "us", times[0], "other_us", times[1]);
    json_decref(times[0]);
    json_decref(times[1]);
    return answer;
}

static json_t *answer_to(server *s, const json_t *question)
{
    const char *ask = json_string_value(json_object_get(question, "ask"));
    gcl_error err = {0};
    if (s->dev == NULL)
        return refuse("error", s->opening.text);
    if (ask != NULL && strcmp(ask, "peak") == 0)
        return tell_peak(s);
    if (ask == NULL || prepare(s, question, &err) != 0)
        return refuse("error", ask != NULL ? err.text : "nothing was asked");
    if (strcmp(ask, "naive") == 0)
        return json_pack("{s:f}", "us", gcl_reference_naive_us(s->reference));
    return strcmp(ask, "duel") == 0 ? duel(s, question) : try_choice(s, question);
}

/* ---- serving -------------------------------------------------------------------------------------- */

static int say(const json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    size_t n = strlen(text);
    text[n] = '\n';
    int result = write(0, text, n + 1) == (ssize_t)n + 1 ? 0 : -1;
    free(text);
    return result;
}

int gcl_worker_serve(const gcl_op *const *ops, const char *device, gcl_error *err)
{
    server s = {.ops = ops};
    char *line = NULL;
    size_t room = 0;
    signal(SIGINT, SIG_IGN); /* meant for the tuner, which ends this process by its socket */
    s.dev = gcl_device_open(device, GCL_DEVICE_PROFILE, &s.opening);
    FILE *in = fdopen(dup(0), "r");
    while (in != NULL && getline(&line, &room, in) > 0) {
        json_t *question = json_loads(line, 0, NULL);
        alarm(LONGEST_QUESTION);
        json_t *answer = answer_to(&s, question);
        alarm(0);
        int told = say(answer);
        json_decref(answer);
        json_decref(question);
        if (told != 0)
            break;
    }
    free(line);
    if (in != NULL)
        fclose(in);
    gcl_reference_free(s.reference);
    gcl_device_close(s.dev);
    return s.dev != NULL ? 0 : gcl_fail(err, s.opening.code, "%s", s.opening.text);
}
