/* The settings that are not a model's: how often to log, sample and save (train.*) and to evaluate
 * (eval.*), how pictures are read (data.*), how the step is turned into launches (plan.*). Keys of --set like the model's own.
 *
 *     gcl_settings settings;
 *     gcl_settings_start(&settings);
 *     gcl_settings_change(&settings, "train.log_every=5", &err);
 *     gcl_settings_value(&settings, GCL_TRAIN_LOG_EVERY)
 */
#ifndef GCL_TRAIN_SETTINGS_H
#define GCL_TRAIN_SETTINGS_H

#include <stdio.h>

#include "base/error.h"
#include "datasets/dataset.h"
#include "plan/plan.h"
#include "train/trainer.h"

typedef enum gcl_settings_key {
    GCL_TRAIN_LOG_EVERY,
    GCL_TRAIN_SAMPLE_EVERY,
    GCL_TRAIN_CHECKPOINT_EVERY,
    GCL_TRAIN_CHECKPOINT_MINUTES,
    GCL_TRAIN_KEEP,
    GCL_TRAIN_DIVERGED_AFTER,
    GCL_TRAIN_EVENTS,
    GCL_EVAL_EVERY,
    GCL_EVAL_COUNT,
    GCL_EVAL_BEST,
    GCL_DATA_SHUFFLE,
    GCL_DATA_FLIP,
    GCL_DATA_CROP,
    GCL_DATA_FILTER,
    GCL_DATA_BOX,
    GCL_DATA_FORMAT,
    GCL_DATA_SPLIT,
    GCL_DATA_HOLDOUT,
    GCL_DATA_SWAP,
    GCL_PLAN_FUSION,
    GCL_PLAN_VARIANT,
    GCL_PLAN_WINOGRAD,
    GCL_PLAN_VERIFY,
    GCL_PLAN_DUMP,
    GCL_PLAN_RECOMPUTE,
    GCL_PLAN_TUNING,
    GCL_PLAN_LEARN_SECONDS,
    GCL_SETTINGS
} gcl_settings_key;

typedef enum gcl_tuning_mode { GCL_TUNING_OFF, GCL_TUNING_ON, GCL_TUNING_LEARN } gcl_tuning_mode;

typedef struct gcl_settings {
    char text[GCL_SETTINGS][64]; /* every value as text, "" for none */
    double value[GCL_SETTINGS];  /* and as number or index of the word, where it is one */
    gcl_box box;                 /* data.box */
} gcl_settings;

void gcl_settings_start(gcl_settings *settings); /* the usual values */
/* 1: KEY=VALUE begins with "train.", "eval.", "data." or "plan.", so it is meant for this table,
 * else for the model. */
int gcl_settings_owns(const char *change);
/* Errors: GCL_USAGE with the nearest key, or the range. */
int gcl_settings_change(gcl_settings *settings, const char *change, gcl_error *err);
double gcl_settings_value(const gcl_settings *settings, gcl_settings_key key);
const char *gcl_settings_name(gcl_settings_key key); /* "train.log_every" */
const char *gcl_settings_text(const gcl_settings *settings, gcl_settings_key key);
/* Puts the data.* values into the options of a data set. */
void gcl_settings_dataset(const gcl_settings *settings, gcl_dataset_options *options);
/* The plan.* values; a text belongs to `settings`. */
void gcl_settings_plan(const gcl_settings *settings, gcl_plan_options *options);
gcl_recompute gcl_settings_recompute(const gcl_settings *settings);
void gcl_settings_print(FILE *out); /* for help */
const char *gcl_settings_help(gcl_settings_key key);
const char *gcl_settings_initial(gcl_settings_key key); /* "10" */
const char *gcl_settings_words(gcl_settings_key key);   /* "off|on|learn"; NULL: any value */

#endif
