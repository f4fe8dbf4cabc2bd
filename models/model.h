/* The systems: what can be trained. One file a system, one row each in gcl_systems[] (models/list.c).
 *
 *     gcl_model model;
 *     gcl_model_open(&model, "dcgan:small", settings, n, &err);      "system[:preset]", KEY=VALUE...
 *     gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 1});
 *     gcl_step step = {0};
 *     model.system->step(nn, &model, 16, &step);                     a whole training step
 *
 * A system is a table of settings (the keys of --set, as in the reference's manifests), presets that
 * change some of them, and four builders. Nothing of one system is known outside its file. */
#ifndef GCL_MODELS_MODEL_H
#define GCL_MODELS_MODEL_H

#include "nn/nn.h"

typedef enum gcl_setting_kind {
    GCL_SETTING_INT,
    GCL_SETTING_REAL,
    GCL_SETTING_BOOL,
    GCL_SETTING_CHOICE /* one of the words in `choices`; the value is its index from 0 */
} gcl_setting_kind;

typedef struct gcl_setting {
    const char *key;
    gcl_setting_kind kind;
    double initial, low, high; /* value of the base preset; allowed range (numbers only) */
    const char *help;
    const char *choices; /* "rmsprop adam" */
    int beyond; /* not of the reference: a replay takes `initial`, whatever the preset says */
} gcl_setting;

typedef struct gcl_preset {
    const char *name;
    const char *changes; /* "base=64 wide=32 batch_norm=true" */
    int batch;           /* usual batch size */
    const char *help;
} gcl_preset;

enum { GCL_MAX_SETTINGS = 64, GCL_MAX_LOSSES = 16 };

typedef struct gcl_system gcl_system;

/* A system with all settings decided. Plain data. */
typedef struct gcl_model {
    const gcl_system *system;
    const gcl_preset *preset;
    double values[GCL_MAX_SETTINGS]; /* in the order of system->settings */
} gcl_model;

/* What a built training step yields. */
typedef struct gcl_step {
    int n_losses;
    struct {
        const char *name;
        gcl_node *node;
    } losses[GCL_MAX_LOSSES]; /* scalars, logged by name */
    int n_guards;
    struct {
        const char *network;
        gcl_node *node;
    } guards[4]; /* 1: updated, 0: dropped */
} gcl_step;

struct gcl_system {
    const char *name, *help;
    const gcl_setting *settings; /* ended by key NULL */
    const gcl_preset *presets;   /* the first is the default; ended by name NULL */
    const char *const *networks; /* "G", "D"; ended by NULL */
    /* Settings that do not go together: one line, before anything is built. */
    int (*check)(const gcl_model *model, gcl_error *err);
    /* A training step: data inputs (gcl_nn_pictures), noise, losses, updates. */
    void (*step)(gcl_nn *nn, const gcl_model *model, int batch, gcl_step *step);
    /* Shape of one sample's latent, and pictures [N,H,W,C] from latents z. */
    gcl_shape (*latent)(const gcl_model *model, int count);
    gcl_node *(*generate)(gcl_nn *nn, const gcl_model *model, gcl_node *z);
    double control_scale;             /* control vectors of the sample grid: N(0,1) times this */
    double picture_low, picture_high; /* range of generate's values */
    /* One network alone: its input shape for a batch, and its output (for forward, describe). */
    gcl_shape (*network_input)(const gcl_model *model, const char *network, int count);
    gcl_node *(*network)(gcl_nn *nn, const gcl_model *model, const char *network, gcl_node *x);
    /* Side and channels of the pictures it is trained on. */
    void (*picture)(const gcl_model *model, int *size, int *channels);
};

extern const gcl_system *const gcl_systems[]; /* NULL-terminated; the first is the default */

/* "system[:preset]" or NULL for the default, then KEY=VALUE changes. GCL_USAGE errors name the
 * nearest known system, preset or key and the allowed range. */
int gcl_model_open(gcl_model *model, const char *name, const char *const *changes, int n,
                   gcl_error *err);
/* Values by key. A key that the system does not have is a mistake in the calling source: NAN, 0. */
double gcl_model_real(const gcl_model *model, const char *key);
int gcl_model_int(const gcl_model *model, const char *key);
/* The value as text that gcl_model_open reads back exactly: "64", "0.0001", "true", "adam". */
void gcl_model_value_text(const gcl_model *model, int i, char *text, size_t size);
/* The nearest of `names` (NULL-terminated) to a mistyped word by edit distance, or NULL if none is
 * near. */
const char *gcl_nearest(const char *word, const char *const *names);

#endif
