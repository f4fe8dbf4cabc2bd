/* A run's folder: where it is, that only one trainer writes to it, and what lies in it.
 *
 *     options.json  log.jsonl  reals.png  samples/000500.png  checkpoints/step-0000500.safetensors
 *
 * The file `lock` in it says which process trains there (train/lock.h); one that died is no
 * obstacle. Reading a run needs no lock: every file in it is whole at any moment. */
#ifndef GCL_TRAIN_RUN_H
#define GCL_TRAIN_RUN_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_run {
    char *folder;
    int lock; /* descriptor; -1: not locked */
} gcl_run;

/* 0 unless `out` already holds a run. Makes nothing. Errors: GCL_USAGE. */
int gcl_run_check_new(const char *out, gcl_error *err);
/* Makes a new run's folder with its subfolders and locks it: `out`, or runs/NNNNN-NAME if NULL.
 * Errors: GCL_USAGE (`out` already holds a run), GCL_DISK. */
int gcl_run_create(gcl_run *run, const char *out, const char *name, gcl_error *err);
/* Locks the folder of a run that exists. Errors: GCL_USAGE (another process trains there; its
 * number and machine are named), GCL_DATA (no run there), GCL_DISK. */
int gcl_run_open(gcl_run *run, const char *folder, gcl_error *err);
void gcl_run_close(gcl_run *run); /* unlocks; a cleared one is fine */
/* "FOLDER/NAME"; malloc'ed. */
char *gcl_run_path(const gcl_run *run, const char *name);

/* The run folder that RUN means: a run folder itself, a checkpoint file in one, or the newest run
 * under runs/ for "". malloc'ed. Errors: GCL_DATA. */
char *gcl_run_find(const char *text, gcl_error *err);
/* The checkpoint file that RUN means: the file itself, or of a run folder `which`: NULL or "latest" (the
 * newest), "best" (by its evaluations), or the number of a step. malloc'ed. Errors: GCL_DATA (nothing
 * there, no such checkpoint), GCL_USAGE (`which` is something else, or RUN is a file). */
char *gcl_run_checkpoint(const char *text, const char *which, gcl_error *err);

#endif
