/* The loop of training steps, between train.c, which sets it up, and what it writes. */
#ifndef GCL_TRAIN_LOOP_H
#define GCL_TRAIN_LOOP_H

#include "datasets/loader.h"
#include "train/config.h"
#include "train/journal.h"
#include "train/progress.h"
#include "train/replay.h"
#include "train/run.h"
#include "train/sheet.h"
#include "train/trainer.h"

typedef struct gcl_loop {
    /* set up by train.c */
    const gcl_config *config;
    gcl_run run;
    gcl_device *dev;
    gcl_trainer trainer;
    gcl_dataset *dataset; /* dataset and loader, or replay */
    gcl_loader *loader;
    gcl_replay *replay;
    int64_t first, last; /* first step of this process; where it stops, 0: nowhere */
    int64_t saved;       /* step of the newest checkpoint on disk, -1: none */
    double minutes;      /* of this process, 0: no limit */

    /* its own */
    gcl_journal *journal;
    gcl_progress *progress;
    gcl_sheet *sheet;        /* made when first needed */
    char *settings;          /* JSON for checkpoints */
    int64_t step;            /* updates enqueued so far */
    int64_t drained;         /* runs of the plan whose history was read */
    int64_t dropped, streak; /* updates dropped: in all, in a row until now */
    double seconds_before, started, drained_at, saved_at;
} gcl_loop;

/* Runs until it is over. Returns 0, 128 + signal, or -1. */
int gcl_loop_run(gcl_loop *loop, gcl_error *err);
void gcl_loop_free(gcl_loop *loop); /* its own parts */

/* 1 when a sample grid belongs to this number of updates (`every` 0: the usual rhythm). */
int gcl_loop_sample_due(int64_t step, int64_t every);

#endif
