/* What of a run goes into its event file (io/events.h). Tags are the keys of log.jsonl, "losses/d_loss",
 * "lr/G", "images_per_s", "device_bytes", "eval/swd"; pictures are "samples", "reconstructed" and "reals"; texts
 * "settings". `events` may be NULL: then nothing is written. Errors: GCL_DISK, GCL_DATA. */
#ifndef GCL_TRAIN_SUMMARIES_H
#define GCL_TRAIN_SUMMARIES_H

#include "io/events.h"
#include "train/config.h"
#include "train/journal.h"
#include "train/measures.h"

/* The event file of a run that begins or goes on at `step`, with its settings; NULL without an error
 * where the settings want none. The real pictures go into the run's first file. */
int gcl_summaries_open(gcl_events **events, const char *folder, int64_t step,
                       const gcl_config *config, const gcl_limits *limits, gcl_error *err);
/* A line of log.jsonl. */
int gcl_summaries_line(gcl_events *events, const gcl_journal_line *line, gcl_error *err);
/* An evaluation: "eval/swd" and so on, of the step after which it was made. */
int gcl_summaries_evaluation(gcl_events *events, int64_t step, const gcl_measured *values,
                             gcl_error *err);
/* The sheets at samples/NNNNNN*.png of the run's folder; those that are not there are left out. */
int gcl_summaries_sheets(gcl_events *events, const char *folder, int64_t step, gcl_error *err);

#endif
