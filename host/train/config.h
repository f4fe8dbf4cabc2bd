/* What a run is to do: from the defaults, a file (--config, or the options.json of a run that goes
 * on), then the command line, each over the one before.
 *
 *     gcl_config config;
 *     gcl_config_start(&config);
 *     gcl_config_read(&config, "options.json", &err);
 *     config.batch = 8;  gcl_config_set(&config, "lr=0.0002");
 *     gcl_config_finish(&config, &err);                opens the model, checks every key
 *     ... config.model, config.settings ...
 *     gcl_config_free(&config);
 *
 * The file is a JSON object: model (or system and preset), data, seed, batch (or batch_size), steps,
 * epochs, minutes, init, replay, and settings (or config), an object of keys as in --set. Other
 * numbers, words and truth values on the top level are taken for settings too. */
#ifndef GCL_TRAIN_CONFIG_H
#define GCL_TRAIN_CONFIG_H

#include <stdint.h>

#include "base/limits.h"
#include "models/model.h"
#include "train/settings.h"

enum { GCL_MAX_BATCH = 1 << 20, GCL_MAX_PARTS = 4096 };

typedef struct gcl_config {
    gcl_arena *arena;       /* texts */
    const char *model_name; /* "dcgan:small"; NULL: the default */
    const char *data;       /* NULL: the built-in pictures */
    const char *init, *replay;
    uint64_t seed;
    int batch;      /* 0: the preset's, or the replay's */
    int accumulate; /* micro-batches of that size a step; 0: one */
    int64_t steps;  /* 0: no limit; so too epochs and minutes */
    double epochs, minutes;
    int recorded;         /* settings came from a recording's meta.json */
    const char *choices;  /* JSON array of the run's choices of kernels, or NULL: train/tuning.h */
    int64_t learnt;       /* step at which plan.tuning=learn had finished; -1: it has not */
    const char **changes; /* KEY=VALUE for model and settings, in order */
    int n_changes, cap_changes;

    gcl_model model; /* after gcl_config_finish */
    gcl_settings settings;
} gcl_config;

void gcl_config_start(gcl_config *config);
void gcl_config_free(gcl_config *config);
/* Errors: GCL_DATA (missing, not JSON), GCL_USAGE (a key's value is of the wrong kind). */
int gcl_config_read(gcl_config *config, const char *path, gcl_error *err);
/* The same from a JSON text of settings alone, `path` naming where it is from. */
int gcl_config_read_settings(gcl_config *config, const char *path, const char *text,
                             gcl_error *err);
void gcl_config_set(gcl_config *config, const char *change); /* KEY=VALUE; copied */
/* Errors: GCL_USAGE with the nearest known system, preset or key. */
int gcl_config_finish(gcl_config *config, gcl_error *err);
/* The whole as JSON text that gcl_config_read understands; malloc'ed. `limits`: the device it runs
 * on, written beside it for people. */
char *gcl_config_json(const gcl_config *config, const gcl_limits *limits);

/* Pictures of a step; batch must have been decided. */
gcl_batch gcl_config_batch(const gcl_config *config);

#endif
