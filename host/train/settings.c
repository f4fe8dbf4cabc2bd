#include "train/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"
#include "ops/ops.h"

typedef enum setting_kind { WHOLE, REAL, WORD, TEXT, BOX, VARIANT } setting_kind;

typedef struct setting {
    const char *name;
    setting_kind kind;
    const char *initial;
    double low, high;
    const char *words; /* of a WORD: "a|b|c", the value being the index */
    const char *help;
} setting;

/* In the order of gcl_settings_key. */
static const setting table[GCL_SETTINGS] = {
    {"train.log_every", WHOLE, "10", 1, 1e9, NULL, "a line in log.jsonl every N steps"},
    {"train.sample_every", WHOLE, "0", 0, 1e9, NULL,
     "a sample grid every N steps; 0: at 0, 50, 100, every 100 up to 1000, then every 500"},
    {"train.checkpoint_every", WHOLE, "0", 0, 1e9, NULL, "a checkpoint every N steps; 0: by time"},
    {"train.checkpoint_minutes", REAL, "3", 0.01, 1e6, NULL,
     "minutes between checkpoints when checkpoint_every is 0"},
    {"train.keep", WHOLE, "3", 0, 1e6, NULL,
     "newest checkpoints kept, and of older ones the first of each doubling; 0: all"},
    {"train.diverged_after", WHOLE, "20", 1, 200, NULL,
     "dropped updates in a row (loss or gradient not finite) that stop the run"},
    {"train.events", WORD, "true", 0, 0, "false|true",
     "an event file for TensorBoard in the run folder"},
    {"eval.every", WHOLE, "0", 0, 1e9, NULL,
     "an evaluation every N steps, on pictures kept for test where there are such; 0: none"},
    {"eval.count", WHOLE, "128", 1, 1e6, NULL,
     "pictures of an evaluation (whole batches of up to 16 of them); 128 take seconds"},
    {"eval.best", TEXT, "auto", 0, 0, NULL,
     "checkpoints/best is the best checkpoint by this metric: auto (swd, l1, nelbo or top1, as the "
     "model has it), none, or the name of another that an evaluation prints"},
    {"data.shuffle", WORD, "true", 0, 0, "false|true", "a new order in each epoch"},
    {"data.flip", WORD, "false", 0, 0, "false|true", "mirrors every other picture, at random"},
    {"data.crop", WORD, "centre", 0, 0, "centre|fit|stretch",
     "centre: the largest square; fit: all of it on black; stretch: all of it, distorted"},
    {"data.filter", WORD, "lanczos", 0, 0, "lanczos|triangle", "how pictures are resized"},
    {"data.box", BOX, "", 0, 0, NULL,
     "x,y,width,height: cut out of every picture first; CelebA: 0,15,178,178 (dcgan), "
     "15,40,148,148 (nvae)"},
    {"data.format", TEXT, "", 0, 0, NULL, "the data set's format, when it is not recognised"},
    {"data.split", WORD, "train", 0, 0, "train|test|all",
     "which part, of sets that have parts or with data.holdout"},
    {"data.holdout", REAL, "0", 0, 0.9, NULL,
     "share kept for test, by a hash of the names, of a set that has no parts of its own"},
    {"data.swap", WORD, "false", 0, 0, "false|true", "pairs: from B to A"},
    {"plan.fusion", WORD, "true", 0, 0, "false|true",
     "chains of pointwise operations are one kernel"},
    {"plan.variant", VARIANT, "", 0, 0, NULL,
     "kernels of this variant wherever it applies: naive, vec, tile, clblast"},
    {"plan.winograd", WORD, "auto", 0, 0, "auto|off|on",
     "convolutions with fewer products and somewhat larger rounding (some 1e-5 of the results): "
     "where they are quicker, never, or wherever there is a form"},
    {"plan.verify", WORD, "false", 0, 0, "false|true",
     "compares each launch with the naive variant; slow"},
    {"plan.dump", TEXT, "", 0, 0, NULL, "a folder for the text of generated kernels"},
    {"plan.recompute", WORD, "auto", 0, 0, "auto|off|on",
     "computes activations a second time in the backward pass: less memory, a third more "
     "arithmetic; auto: where a step would not fit"},
    {"plan.tuning", WORD, "on", 0, 0, "off|on|learn",
     "on: kernels as `ganocl autotune` found them best; off: the usual ones; learn: looks for "
     "better "
     "ones during the first steps"},
    {"plan.learn_seconds", REAL, "240", 1, 1e6, NULL, "the time that plan.tuning=learn may take"},
};

void gcl_settings_start(gcl_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    for (int i = 0; i < GCL_SETTINGS; i++) {
        gcl_error err = {0};
        char change[128];
        snprintf(change, sizeof change, "%s=%s", table[i].name, table[i].initial);
        gcl_settings_change(settings, change, &err);
    }
}

int gcl_settings_owns(const char *change)
{
    return strncmp(change, "train.", 6) == 0 || strncmp(change, "eval.", 5) == 0 ||
           strncmp(change, "data.", 5) == 0 || strncmp(change, "plan.", 5) == 0;
}

static int set_number(const setting *row, const char *text, double *value, gcl_error *err)
{
    char *end;
    double number = strtod(text, &end);
    const char *kind = row->kind == WHOLE ? "a whole number" : "a number";
    if (end == text || *end != 0 || !isfinite(number) ||
        (row->kind == WHOLE && number != floor(number)))
        return gcl_fail(err, GCL_USAGE, "--set %s: '%s' is not %s", row->name, text, kind);
    if (number < row->low || number > row->high)
        return gcl_fail(err, GCL_USAGE, "--set %s=%s is out of range (%g to %g)", row->name, text,
                        row->low, row->high);
    *value = number;
    return 0;
}

static int set_word(const setting *row, const char *text, double *value, gcl_error *err)
{
    size_t n = strlen(text);
    int index = 0;
    for (const char *word = row->words; word != NULL; index++) {
        size_t length = strcspn(word, "|");
        if (length == n && strncmp(word, text, n) == 0) {
            *value = index;
            return 0;
        }
        word = word[length] == '|' ? word + length + 1 : NULL;
    }
    return gcl_fail(err, GCL_USAGE, "--set %s=%s: is none of %s", row->name, text, row->words);
}

static int set_box(gcl_settings *settings, const char *text, gcl_error *err)
{
    gcl_box box = {0};
    char tail;
    if (text[0] != 0 &&
        (sscanf(text, "%lf,%lf,%lf,%lf%c", &box.x, &box.y, &box.width, &box.height, &tail) != 4 ||
         !(box.width > 0) || !(box.height > 0)))
        return gcl_fail(err, GCL_USAGE,
                        "--set data.box=%s: is not x,y,width,height in pixels (as 0,15,178,178)",
                        text);
    settings->box = box;
    return 0;
}

/* A name that variants of some op have. */
static int check_variant(const char *name, gcl_error *err)
{
    if (name[0] == 0)
        return 0;
    for (int i = 0; gcl_ops[i] != NULL; i++)
        for (int k = 0; k < gcl_ops[i]->n_variants; k++)
            if (strcmp(gcl_ops[i]->variants[k]->name, name) == 0)
                return 0;
    return gcl_fail(err, GCL_USAGE,
                    "--set plan.variant=%s: no op has such a variant (naive is one of every op)",
                    name);
}

static int fail_key(const char *name, gcl_error *err)
{
    const char *names[GCL_SETTINGS + 1];
    for (int i = 0; i < GCL_SETTINGS; i++)
        names[i] = table[i].name;
    names[GCL_SETTINGS] = NULL;
    const char *near = gcl_nearest(name, names);
    return gcl_fail(err, GCL_USAGE, "--set: there is no setting %s%s%s (ganocl train --help)", name,
                    near ? "; nearest: " : "", near ? near : "");
}

int gcl_settings_change(gcl_settings *settings, const char *change, gcl_error *err)
{
    const char *text = strchr(change, '=');
    if (text == NULL)
        return gcl_fail(err, GCL_USAGE, "--set %s: is not KEY=VALUE", change);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(text - change < 63 ? text - change : 63), change);
    text++;
    int i = 0;
    while (i < GCL_SETTINGS && strcmp(table[i].name, name) != 0)
        i++;
    if (i == GCL_SETTINGS)
        return fail_key(name, err);
    if (strlen(text) >= sizeof settings->text[i])
        return gcl_fail(err, GCL_USAGE, "--set %s: the value is too long", name);
    int result = table[i].kind == TEXT      ? 0
                 : table[i].kind == VARIANT ? check_variant(text, err)
                 : table[i].kind == BOX     ? set_box(settings, text, err)
                 : table[i].kind == WORD    ? set_word(&table[i], text, &settings->value[i], err)
                                            : set_number(&table[i], text, &settings->value[i], err);
    if (result == 0)
        snprintf(settings->text[i], sizeof settings->text[i], "%s", text);
    return result;
}

double gcl_settings_value(const gcl_settings *settings, gcl_settings_key key)
{
    return settings->value[key];
}

const char *gcl_settings_name(gcl_settings_key key) { return table[key].name; }

const char *gcl_settings_text(const gcl_settings *settings, gcl_settings_key key)
{
    return settings->text[key];
}

static const char *text_or_null(const gcl_settings *settings, gcl_settings_key key)
{
    return settings->text[key][0] != 0 ? settings->text[key] : NULL;
}

void gcl_settings_dataset(const gcl_settings *settings, gcl_dataset_options *options)
{
    options->crop = (enum gcl_crop)settings->value[GCL_DATA_CROP];
    options->filter = (enum gcl_filter)settings->value[GCL_DATA_FILTER];
    options->box = settings->box;
    options->format = text_or_null(settings, GCL_DATA_FORMAT);
    options->split = (enum gcl_split)settings->value[GCL_DATA_SPLIT];
    options->holdout = settings->value[GCL_DATA_HOLDOUT];
    options->swap = settings->value[GCL_DATA_SWAP] != 0;
}

void gcl_settings_plan(const gcl_settings *settings, gcl_plan_options *options)
{
    options->no_fusion = settings->value[GCL_PLAN_FUSION] == 0;
    options->verify = settings->value[GCL_PLAN_VERIFY] != 0;
    options->variant = text_or_null(settings, GCL_PLAN_VARIANT);
    options->winograd = (gcl_winograd)settings->value[GCL_PLAN_WINOGRAD];
    options->dump = text_or_null(settings, GCL_PLAN_DUMP);
}

gcl_recompute gcl_settings_recompute(const gcl_settings *settings)
{
    return (gcl_recompute)settings->value[GCL_PLAN_RECOMPUTE];
}

void gcl_settings_print(FILE *out)
{
    for (int i = 0; i < GCL_SETTINGS; i++)
        fprintf(out, "  %s=%s\n      %s\n", table[i].name, table[i].initial, table[i].help);
}

const char *gcl_settings_help(gcl_settings_key key) { return table[key].help; }
const char *gcl_settings_initial(gcl_settings_key key) { return table[key].initial; }
const char *gcl_settings_words(gcl_settings_key key) { return table[key].words; }
