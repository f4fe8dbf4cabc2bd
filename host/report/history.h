/* A run's log.jsonl as curves and last values, read as it grows: each call takes the lines that were
 * added since the one before.
 *
 *     gcl_history *history = gcl_history_new("runs/x/log.jsonl");
 *     gcl_history_read(history);
 *     gcl_history_json(history, &text);
 *     gcl_history_free(history);
 *
 * Lines that are no JSON object with a step greater than those before are counted and left out; a last
 * line without an end is still being written. Every number in an object of a line ("losses", "lr", what
 * else may come) belongs to the group of the object's name; images_per_s and device_bytes are groups of
 * one. Lines of evaluations, which have an object "eval", are curves of their own. */
#ifndef GCL_REPORT_HISTORY_H
#define GCL_REPORT_HISTORY_H

#include "base/memory.h"

typedef struct gcl_history gcl_history;

gcl_history *gcl_history_new(const char *path);
void gcl_history_free(gcl_history *history); /* NULL is fine */
/* A log that does not exist or cannot be read is one without lines. */
void gcl_history_read(gcl_history *history);
/* {"lines", "damaged", "last": {"step", "images", "seconds", "dropped", "device_bytes"} or null,
 *  "most_bytes", "curves": see curves.h, "evaluations": the same of the group "eval", or null} */
void gcl_history_json(const gcl_history *history, gcl_text *out);

#endif
