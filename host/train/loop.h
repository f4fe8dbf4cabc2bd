/* The loop of training steps, between train.c, which sets it up, and what it writes. */
#ifndef GCL_TRAIN_LOOP_H
#define GCL_TRAIN_LOOP_H

#include "datasets/loader.h"
#include "report/report.h"
#include "train/best.h"
#include "train/config.h"
#include "train/evaluation.h"
#include "train/journal.h"
#include "train/learn.h"
#include "train/preview.h"
#include "train/progress.h"
#include "train/replay.h"
#include "train/run.h"
#include "train/sheet.h"
#include "train/summaries.h"
#include "train/trainer.h"
#include "train/tuning.h"

typedef struct gcl_loop {
    /* set up by train.c */
    gcl_config *config;
    gcl_run run;
    gcl_device *dev;
    gcl_trainer trainer;
    gcl_dataset *dataset; /* dataset and loader, or replay */
    gcl_loader *loader;
    gcl_replay *replay;
    int64_t first, last;        /* first step of this process; where it stops, 0: nowhere */
    int64_t saved;              /* step of the newest checkpoint on disk, -1: none */
    double minutes;             /* of this process, 0: no limit */
    gcl_tuning tuning;          /* which kernels the plan is made of */
    gcl_preview *preview;       /* of the sample sheets, or NULL */
    gcl_learner *learner;       /* that looks for better ones, or NULL */
    gcl_evaluation *evaluation; /* or NULL: none are wanted */
    gcl_best best;              /* the best evaluation until now */

    /* its own */
    gcl_journal *journal;
    gcl_events *events; /* for TensorBoard, or NULL */
    gcl_progress *progress;
    gcl_sheet *sheet;        /* made when first needed */
    gcl_report *report;      /* the page, rewritten with the samples and at the end */
    char *settings;          /* JSON for checkpoints */
    int64_t step;            /* updates enqueued so far */
    int64_t adapts_at;       /* step before which kernels change, -1: none known */
    int64_t evaluated;       /* step of the last evaluation in the log, -1: none */
    int is_best;             /* the weights are the best until now, and not yet marked so */
    int64_t drained;         /* runs of the plan whose history was read */
    int64_t dropped, streak; /* updates dropped: in all, in a row until now */
    double seconds_before, started, drained_at, saved_at;
    double aside; /* seconds since `started` that went into samples, scores, checkpoints, kernels */
} gcl_loop;

/* Writes the configuration into the run folder's options.json. Errors: GCL_DISK. */
int gcl_loop_write_options(const gcl_loop *loop, gcl_error *err);
/* What the plan is to be made with for `step`: settings and choices of kernels. */
void gcl_loop_plan_options(gcl_loop *loop, int64_t step, gcl_plan_options *options);
/* Sets the step that is next to `first`; plans anew if kernels have changed before it. */
int gcl_loop_begin_at(gcl_loop *loop, gcl_error *err);
/* Between two steps, the device being idle and every loss read: changes kernels where the run says so,
 * or lets the learner look for some. Errors: GCL_DEVICE, GCL_MEMORY, GCL_DISK. */
int gcl_loop_adapt(gcl_loop *loop, gcl_error *err);
int gcl_loop_adapts_now(const gcl_loop *loop); /* 1: it has something to do before the next step */

/* Before there is a run's folder: sets up evaluations where the settings want them. Errors: GCL_DATA,
 * GCL_USAGE. */
int gcl_loop_prepare_evaluation(gcl_loop *loop, gcl_error *err);
/* Takes from the log of a run that goes on what was evaluated and which checkpoint is the best. Errors:
 * GCL_DATA, GCL_DISK. */
int gcl_loop_recall_best(gcl_loop *loop, gcl_error *err);
int gcl_loop_evaluation_due(const gcl_loop *loop); /* 1: between these two steps */
/* Evaluates and logs it, the device being idle and every loss read; sets is_best. After a signal it
 * leaves off without a trace. Errors: GCL_DATA, GCL_DEVICE, GCL_MEMORY, GCL_DISK. */
int gcl_loop_evaluate(gcl_loop *loop, gcl_error *err);
/* Once the checkpoint of this step is saved: names it the best, if it is. Errors: GCL_DISK. */
int gcl_loop_mark_best(gcl_loop *loop, gcl_error *err);

/* Runs until it is over. Returns 0, 128 + signal, or -1. */
int gcl_loop_run(gcl_loop *loop, gcl_error *err);
void gcl_loop_free(gcl_loop *loop); /* its own parts */

/* 1 when a sample grid belongs to this number of updates (`every` 0: the usual rhythm). */
int gcl_loop_sample_due(int64_t step, int64_t every);

#endif
