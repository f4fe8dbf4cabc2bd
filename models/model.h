/* The systems: what can be trained. One file a system, one row each in gcl_systems[] (models/list.c).
 *
 *     gcl_model model;
 *     gcl_model_open(&model, "dcgan:small", settings, n, &err);      "system[:preset]", KEY=VALUE...
 *     gcl_nn *nn = gcl_nn_new(graph, &(gcl_nn_options){.training = 1});
 *     gcl_step step = {0};
 *     model.system->step(nn, &model, &(gcl_batch){16, 1}, &step);    a whole training step
 *
 * A system is a table of settings (the keys of --set, as in the reference's manifests), presets that
 * change some of them, and builders: the training step, each network alone, and what a trained one is
 * good for. Nothing of one system is known outside its file. */
#ifndef GCL_MODELS_MODEL_H
#define GCL_MODELS_MODEL_H

#include "datasets/dataset.h"
#include "nn/nn.h"

/* ---- settings ------------------------------------------------------------------------------------ */

typedef enum gcl_setting_kind {
    GCL_SETTING_INT,
    GCL_SETTING_REAL,
    GCL_SETTING_BOOL,
    GCL_SETTING_CHOICE,  /* one of the words in `choices`; the value is its index from 0 */
    GCL_SETTING_INTS,    /* whole numbers: "3,4,6,3" */
    GCL_SETTING_REALS,   /* "0.5,0.999" */
    GCL_SETTING_WEIGHTS, /* a number for each of the words in `choices`: "gan:1,l1:100" */
    GCL_SETTING_WORDS /* some of the words in `choices`: "flip,shift", "none"; items are 1 or 0 */
} gcl_setting_kind;

enum { GCL_MAX_SETTINGS = 64, GCL_MAX_ITEMS = 8 };

/* Written with the macros below: {GCL_INT("size", 128, 16, 1024), .help = "side of the pictures"} */
typedef struct gcl_setting {
    const char *key;
    gcl_setting_kind kind;
    double initial, low, high; /* value of the base preset; allowed range of every number */
    const char *help;
    const char *choices;       /* "rmsprop adam" */
    const char *initial_items; /* of lists and weights: "3,4,6,3", "gan:1,l1:100" */
    int fewest, most;          /* items of a list */
    const char *also;          /* other spellings of the key, with spaces between */
    int beyond; /* not of the reference: a replay takes `initial`, whatever the preset says */
} gcl_setting;

#define GCL_NUMBER(name, what, value, least, greatest)                                             \
    .key = (name), .kind = (what), .initial = (value), .low = (least), .high = (greatest)
#define GCL_INT(name, value, least, greatest)                                                      \
    GCL_NUMBER(name, GCL_SETTING_INT, value, least, greatest)
#define GCL_REAL(name, value, least, greatest)                                                     \
    GCL_NUMBER(name, GCL_SETTING_REAL, value, least, greatest)
#define GCL_BOOL(name, value) GCL_NUMBER(name, GCL_SETTING_BOOL, value, 0, 1)
#define GCL_CHOICE(name, index, words)                                                             \
    .key = (name), .kind = GCL_SETTING_CHOICE, .initial = (index), .choices = (words)
#define GCL_LIST(name, what, items, fewest_items, most_items, least, greatest)                     \
    .key = (name), .kind = (what), .low = (least), .high = (greatest), .initial_items = (items),   \
    .fewest = (fewest_items), .most = (most_items)
#define GCL_INTS(name, items, fewest_items, most_items, least, greatest)                           \
    GCL_LIST(name, GCL_SETTING_INTS, items, fewest_items, most_items, least, greatest)
#define GCL_REALS(name, items, fewest_items, most_items, least, greatest)                          \
    GCL_LIST(name, GCL_SETTING_REALS, items, fewest_items, most_items, least, greatest)
#define GCL_WEIGHTS(name, words, items, greatest)                                                  \
    GCL_LIST(name, GCL_SETTING_WEIGHTS, items, 0, GCL_MAX_ITEMS, 0, greatest), .choices = (words)

#define GCL_WORDS(name, words)                                                                     \
    .key = (name), .kind = GCL_SETTING_WORDS, .low = 0, .high = 1, .most = GCL_MAX_ITEMS,          \
    .choices = (words)

typedef struct gcl_value {
    double number; /* of one number, truth value or choice */
    int n;         /* of lists and weights */
    double items[GCL_MAX_ITEMS];
} gcl_value;

typedef struct gcl_preset {
    const char *name;
    const char *changes; /* "base=64 wide=32 batch_norm=true" */
    int batch;           /* usual batch size */
    const char *help;
} gcl_preset;

typedef struct gcl_system gcl_system;

/* A system with all settings decided. Plain data. */
typedef struct gcl_model {
    const gcl_system *system;
    const gcl_preset *preset;
    gcl_value values[GCL_MAX_SETTINGS]; /* in the order of system->settings */
} gcl_model;

/* ---- what is built ------------------------------------------------------------------------------- */

/* Pictures of a step: `parts` micro-batches of `size` each, one after the other (--accumulate). The
 * data inputs hold all of them; gradients are averaged over the parts, so memory is that of one. */
typedef struct gcl_batch {
    int size, parts;
} gcl_batch;

/* What a built training step yields. */
enum { GCL_MAX_LOSSES = 128, GCL_MAX_NETWORKS = 4 };
typedef struct gcl_step {
    int n_losses;
    struct {
        char name[24];
        gcl_node *node;
    } losses[GCL_MAX_LOSSES]; /* scalars, logged by name */
    int n_guards;
    struct {
        const char *network;
        gcl_node *node;
    } guards[GCL_MAX_NETWORKS]; /* 1: updated, 0: dropped */
} gcl_step;
void gcl_step_loss(gcl_step *step, const char *name, gcl_node *node); /* the name is copied */
void gcl_step_guard(gcl_step *step, const char *network, gcl_node *node);

/* Inputs and outputs of a pass, named as in the reference's recordings ("x", "source"; "G", "kl"). */
enum { GCL_MAX_PORTS = 160 };
typedef struct gcl_port {
    char name[24];
    gcl_node *node;
} gcl_port;
typedef struct gcl_ports {
    int n_in, n_out;
    gcl_port in[GCL_MAX_PORTS], out[GCL_MAX_PORTS];
} gcl_ports;
gcl_node *gcl_port_in(gcl_ports *ports, gcl_nn *nn, const char *name, gcl_shape shape);
void gcl_port_out(gcl_ports *ports, const char *name, gcl_node *node);

/* What a trained model can be used for. */
typedef enum gcl_task {
    GCL_TASK_GENERATE,    /* pictures from latents */
    GCL_TASK_TRANSLATE,   /* pictures from pictures */
    GCL_TASK_CLASSIFY,    /* class scores from pictures */
    GCL_TASK_RECONSTRUCT, /* pictures through the model and back, and bounds of their likelihood */
    GCL_TASK_JUDGE,       /* is a picture real or generated: what a discriminator thinks */
    GCL_TASKS
} gcl_task;

/* One draw from the posterior of each picture, all [N,1,1,1] but `active`, in nats. */
typedef struct gcl_bound {
    gcl_node *reconstruction; /* -log p(x|z) */
    gcl_node *kl;             /* KL(q(z|x) || p(z)), analytic where there is a formula */
    gcl_node *log_weight;     /* log p(x|z) + log p(z) - log q(z|x) */
    gcl_node *active;         /* any shape: the KL of each latent unit, as mean over the pictures */
} gcl_bound;

/* A latent unit is active if its mean KL is above this many nats. */
#define GCL_ACTIVE_NATS 0.1

struct gcl_system {
    const char *name, *help;
    const gcl_setting *settings; /* ended by key NULL */
    const gcl_preset *presets;   /* the first is the default; ended by name NULL */
    /* The networks that have parameters: "G", "D"; ended by NULL. */
    const char *const *(*networks)(const gcl_model *model);
    /* Settings that do not go together: one line, before anything is built. */
    int (*check)(const gcl_model *model, gcl_error *err);

    /* ---- training ---- */
    /* What a step takes from a data set. gcl_nn_data lists its inputs in the order of the fields. */
    void (*data)(const gcl_model *model, gcl_wanted *wanted);
    /* A training step: data inputs (gcl_nn_pictures), noise, losses, updates. */
    void (*step)(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *step);
    /* The value of a step input (gcl_nn_scalar) at a step: learning-rate factors "G.rate" and the
     * like. NULL: all are 1 all the time. ("t", the step, is known without.) */
    double (*schedule)(const gcl_model *model, const char *scalar, int64_t step);

    /* ---- single passes, for forward, describe and recordings ---- */
    /* Names of the passes; the first ones are the networks. */
    const char *const *(*passes)(const gcl_model *model);
    /* Builds one for `count` pictures, in the mode of nn. */
    void (*pass)(gcl_nn *nn, const gcl_model *model, const char *pass, int count, gcl_ports *ports);

    /* ---- use; a task whose builder is NULL, or for which `lacks` says why, is none of its ---- */
    const char *(*lacks)(const gcl_model *model, gcl_task task); /* NULL: nothing lacks */
    /* Shape [N,1,1,L] of latents, and pictures [N,H,W,C] from N(0,1) latents z times a
     * temperature. */
    gcl_shape (*latent)(const gcl_model *model, int count);
    /* Elements of latents that are drawn together, group after group; NULL: all are one group. */
    int64_t (*latent_group)(const gcl_model *model, int group);
    gcl_node *(*generate)(gcl_nn *nn, const gcl_model *model, gcl_node *z);
    double control_scale; /* control vectors of the sample grid: N(0,1) times this */
    double temperature;   /* of other samples, if none is given; 0 for 1 */
    gcl_node *(*translate)(gcl_nn *nn, const gcl_model *model, gcl_node *source);
    int translate_in_training; /* batch statistics and dropout also then */
    gcl_node *(*classify)(gcl_nn *nn, const gcl_model *model, gcl_node *x); /* [N,1,1,classes] */
    gcl_node *(*reconstruct)(gcl_nn *nn, const gcl_model *model, gcl_node *x);
    void (*bound)(gcl_nn *nn, const gcl_model *model, gcl_node *x, gcl_bound *bound);
    gcl_node *(*judge)(gcl_nn *nn, const gcl_model *model,
                       gcl_node *x);  /* [N,1,1,1]: > 0 is real */
    double picture_low, picture_high; /* range of pictures, in and out */
};

extern const gcl_system *const gcl_systems[]; /* NULL-terminated; the first is the default */

/* ---- opening ------------------------------------------------------------------------------------- */

/* "system[:preset]" or NULL for the default, then KEY=VALUE changes. Weights that a change does not
 * name stay as they are. GCL_USAGE errors name the nearest known system, preset or key and the allowed
 * range. */
int gcl_model_open(gcl_model *model, const char *name, const char *const *changes, int n,
                   gcl_error *err);
/* Values by key. A key that the system does not have is a mistake in the calling source: NAN, 0. */
double gcl_model_real(const gcl_model *model, const char *key);
int gcl_model_int(const gcl_model *model, const char *key);
/* A list's items; *n (may be NULL) how many. */
const double *gcl_model_items(const gcl_model *model, const char *key, int *n);
int gcl_model_is(const gcl_model *model, const char *key, const char *word); /* of a choice */
double gcl_model_weight(const gcl_model *model, const char *key, const char *word);
int gcl_model_has(const gcl_model *model, const char *key, const char *word); /* of words */
/* The value as text that gcl_model_open reads back exactly: "64", "0.0001", "true", "adam",
 * "3,4,6,3", "gan:1,l1:100". */
void gcl_model_value_text(const gcl_model *model, int i, char *text, size_t size);
/* Sets value i to what the base preset has. */
void gcl_model_value_reset(gcl_model *model, int i);
/* The value of a step input at a step: "t" is the step, others as the system's schedule says. */
double gcl_model_scalar(const gcl_model *model, const char *scalar, int64_t step);
/* NULL if the model can be used so, else why not: "has no generator in mode=classifier". */
const char *gcl_model_lacks(const gcl_model *model, gcl_task task);
/* The nearest of `names` (NULL-terminated) to a mistyped word by edit distance, or NULL if none is
 * near. */
const char *gcl_nearest(const char *word, const char *const *names);

#endif
