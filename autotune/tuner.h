/* The tuner: looks for better choices for the parts of a step, in a worker process, and keeps what
 * it finds as records.
 *
 *     gcl_tuner *tuner = gcl_tuner_new(&options, &parts);
 *     while (seconds_left() > 0 && gcl_tuner_next(tuner, seconds_left(), &err) == 1)
 *         ;
 *     gcl_tuner_free(tuner);
 *
 * Each call visits one part: the one that is worth most, which is what it costs in a step, halved after
 * each visit. A part goes through three stages, each of which looks longer and begins from what the one
 * before has found; a visit without time enough leaves its stage to a later one. Records say how far a
 * part has come, so tuning that was stopped goes on where it was. A choice replaces the usual
 * one only if it wins most rounds of a duel, both run in turn, by a margin in the median; else the
 * record says that the usual one is kept. Candidates that crash, hang or compute something wrong are
 * recorded as such and not tried again. */
#ifndef GCL_AUTOTUNE_TUNER_H
#define GCL_AUTOTUNE_TUNER_H

#include "autotune/parts.h"
#include "autotune/records.h"
#include "base/live.h"

enum { GCL_TUNER_STAGES = 3 };

typedef struct gcl_tuner_options {
    const char *program; /* the worker's: gcl_program_path(); kept */
    const char *device;  /* as --device; kept */
    const gcl_limits *limits;
    gcl_records *records;   /* what is known; added to */
    gcl_activity *activity; /* told what is tried, or NULL; kept */
    double patience;        /* seconds that a candidate may take, more on a busy machine; 0: 30 */
} gcl_tuner_options;

typedef struct gcl_tuner_stats {
    int tried, crashed, hung, wrong; /* candidates */
    int done;                        /* stages that parts went through in this tuning */
    int improved;                    /* visits after which the usual choice was beaten */
} gcl_tuner_stats;

typedef struct gcl_tuner gcl_tuner;

gcl_tuner *gcl_tuner_new(const gcl_tuner_options *options, const gcl_parts *parts); /* keeps all */
void gcl_tuner_free(gcl_tuner *tuner); /* NULL is fine */
/* One visit, in a fair share of the `seconds` that are left for everything. Returns 1, or 0
 * when all parts have gone through all stages. Errors: GCL_DEVICE (the worker cannot do anything),
 * GCL_USAGE and GCL_DISK (records cannot be kept). */
int gcl_tuner_next(gcl_tuner *tuner, double seconds, gcl_error *err);
/* Records that the part keeps its usual choice after all. */
int gcl_tuner_withdraw(gcl_tuner *tuner, const gcl_part *part, gcl_error *err);
int gcl_tuner_left(const gcl_tuner *tuner); /* parts that have not been through all stages */
gcl_tuner_stats gcl_tuner_get_stats(const gcl_tuner *tuner);

#endif
