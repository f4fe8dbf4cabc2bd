/* What a tuner asks its worker about one part, and what it makes of the answers: rejected choices become
 * records, times go to the search. For the files of autotune/ alone. */
#ifndef GCL_AUTOTUNE_JOB_H
#define GCL_AUTOTUNE_JOB_H

#include "autotune/search.h"
#include "autotune/tuner.h"
#include "autotune/worker.h"

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
typedef struct gcl_job {
    gcl_tuner *tuner;
    const gcl_part *part;
    gcl_graph *graph;
    const gcl_node *node;
    gcl_choice usual;
    double usual_us; /* infinite: it does not work */
    gcl_search *search;
    double seconds; /* for candidates */
    int finished;   /* the stage had time enough */
} gcl_job;

/* Has the device's rates measured: t->peak. */
int gcl_tuner_ask_peak(gcl_tuner *t, gcl_error *err);
/* Makes the worker prepare operands and what is right for them, before it is asked about candidates: a
 * new one has to, and that is none of their time. *naive_us: what naive takes. 1; 0: this part cannot be
 * tuned; -1 with the error. */
int gcl_job_prepare(gcl_job *j, double *naive_us, gcl_error *err);
/* Times one choice and tells the search. 0 also if it does not work; -1 with the error. */
int gcl_job_try(gcl_job *j, const gcl_choice *choice, gcl_error *err);
/* The best against the usual. Returns 1 if it has won, with both median times, 0 if not. */
int gcl_job_duel(gcl_job *j, const gcl_choice *best, double *us, double *usual_us, gcl_error *err);
/* What a pass of its own costs where the step splices a pointwise chain in and this recipe takes
 * none: the result once more written and read. */
double gcl_job_lost_tail_us(const gcl_job *j, const gcl_choice *choice);
/* "vec v=16 mr=8" */
void gcl_choice_text(const gcl_choice *choice, char *text, size_t size);

#endif
