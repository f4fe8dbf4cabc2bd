/* What is said while it trains: one live line on a terminal (base/live.h), else a plain line every few
 * seconds. */
#ifndef GCL_TRAIN_PROGRESS_H
#define GCL_TRAIN_PROGRESS_H

#include <stdint.h>

#include "train/journal.h"

typedef struct gcl_progress gcl_progress;

/* steps, seconds: where the run ends, 0 if it does not; batch: pictures a step. */
gcl_progress *gcl_progress_new(int64_t first_step, int64_t steps, double seconds, int batch);
void gcl_progress_free(gcl_progress *progress); /* ends the live line; NULL is fine */
/* `steps` are made now: keeps the time, for the rate. */
void gcl_progress_mark(gcl_progress *progress, int64_t steps);
/* Forgets the time until now: it went into something else (samples, a checkpoint). */
void gcl_progress_restart(gcl_progress *progress, int64_t steps);
double
gcl_progress_rate(const gcl_progress *progress); /* steps a second, lately; 0: not yet known */
/* Says it, if the last time was long enough ago or `now` is set. */
void gcl_progress_show(gcl_progress *progress, const gcl_journal_line *line, int now);

#endif
