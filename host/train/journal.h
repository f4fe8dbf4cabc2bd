/* log.jsonl: one JSON object a line for each logged step.
 *
 *     {"step": 10, "images": 176, "seconds": 3.25, "losses": {"d_loss": 0.61, "g_loss": 1.02},
 *      "lr": {"G": 0.0001, "D": 0.0001}, "images_per_s": 52.1, "device_bytes": 123456789}
 *
 * `step` counts from 0: line 0 tells the losses of the first update. `data_wait` is added where there
 * is a data set: the share, 0 to 1, of the time of the steps of this call of the program that its loop
 * spent waiting for a batch. `dropped` is added when updates were dropped because a loss or gradient was
 * not finite; such losses are null.
 *
 * An evaluation has a line of its own, between those of the updates before and after it:
 *
 *     {"step": 500, "images": 8000, "seconds": 61.2, "eval": {"swd": 21.5, ...}, "eval_seconds": 4.1}
 *
 * Its `step` is the number of updates made, as in the names of checkpoints: update 500 comes after it. */
#ifndef GCL_TRAIN_JOURNAL_H
#define GCL_TRAIN_JOURNAL_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_journal gcl_journal;

typedef struct gcl_named_value {
    const char *name;
    double value;
} gcl_named_value;

typedef struct gcl_journal_line {
    int64_t step, images;
    double seconds;
    int n_losses, n_rates;
    const gcl_named_value *losses, *rates;
    double images_per_s;
    const double *data_wait; /* or NULL */
    uint64_t device_bytes;
    int64_t dropped; /* in the whole run so far */
} gcl_journal_line;

typedef struct gcl_journal_evaluation {
    int64_t step, images;
    double seconds, took; /* took: of the evaluation itself */
    int n_values;
    const gcl_named_value *values;
} gcl_journal_evaluation;

/* Opens (or makes) the log for appending from step `first_step` on: lines of that step and later, of
 * evaluations after it, and a line that was cut short are removed. *seconds: what the last line left says, or 0; *dropped
 * likewise. Errors: GCL_DISK. */
gcl_journal *gcl_journal_open(const char *path, int64_t first_step, double *seconds,
                              int64_t *dropped, gcl_error *err);
int gcl_journal_write(gcl_journal *journal, const gcl_journal_line *line, gcl_error *err);
int gcl_journal_write_evaluation(gcl_journal *journal, const gcl_journal_evaluation *line,
                                 gcl_error *err);
/* Puts on the disk what was written; before a checkpoint that assumes it. */
int gcl_journal_sync(gcl_journal *journal, gcl_error *err);
void gcl_journal_close(gcl_journal *journal); /* NULL is fine */

#endif
