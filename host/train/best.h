/* Which checkpoint of a run is its best by a metric: the file checkpoints/best names it, as `latest`
 * names the newest.
 *
 *     gcl_best best = {.all = gcl_metrics_of(&model), .metric = metric};
 *     gcl_best_recall(&best, "runs/x/log.jsonl", "runs/x/checkpoints", &evaluated, &values, &err);
 *     if (gcl_best_takes(&best, step, &values))
 *         ...save the checkpoint, then gcl_checkpoint_mark_best(folder, step, &err) */
#ifndef GCL_TRAIN_BEST_H
#define GCL_TRAIN_BEST_H

#include "train/measures.h"
#include "train/metrics.h"

typedef struct gcl_best {
    const gcl_metric *all;    /* of the model, ended by name NULL */
    const gcl_metric *metric; /* NULL: nothing is best */
    int64_t step;             /* of the best checkpoint, -1: none */
    double value;             /* NAN: none */
} gcl_best;

/* Reads from a run's log which of its evaluations was the best of those whose checkpoint still exists,
 * and makes `folder`/best say so. *evaluated: the step of the last evaluation, -1: none; *values: what it
 * measured. Errors: GCL_DATA, GCL_DISK. */
int gcl_best_recall(gcl_best *best, const char *log, const char *folder, int64_t *evaluated,
                    gcl_measured *values, gcl_error *err);
/* 1: the values are better than the best until now, and are it from now on. */
int gcl_best_takes(gcl_best *best, int64_t step, const gcl_measured *values);

#endif
