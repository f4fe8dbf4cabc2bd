#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "models/model.h"
#include "train/config.h"

typedef enum option_kind {
    FLAG,
    TEXT,
    TEXT_OR_NOTHING, /* the value may be left out: then it is "" */
    TEXTS,           /* may be repeated: pointer, count, capacity */
    WHOLE,           /* int64_t, at least 1 */
    SEED,            /* uint64_t */
    REAL             /* double above 0 */
} option_kind;

typedef struct option {
    const char *name;
    char letter;
    option_kind kind;
    size_t at;            /* in gcl_options */
    const char *value;    /* how help calls it */
    const char *commands; /* " train sample ", or NULL: every command */
    const char *help;
} option;

#define AT(field) offsetof(gcl_options, field)

static const option table[] = {
    {"device", 0, TEXT, AT(device), "N|TEXT|auto", NULL,
     "the device: its number in `ganocl devices`, a part of its name, or auto (the fastest)"},
    {"seed", 0, SEED, AT(seed), "S", NULL, "the one seed of all random numbers; 0 if not given"},
    {"threads", 0, WHOLE, AT(threads), "N", NULL,
     "threads that read pictures; cores - 1 if not given"},
    {"set", 0, TEXTS, AT(set), "KEY=VALUE", NULL,
     "changes a setting of model, data or training; may be repeated"},
    {"quiet", 'q', FLAG, AT(quiet), NULL, NULL, "says warnings and errors only"},
    {"verbose", 'v', FLAG, AT(verbose), NULL, NULL, "says more"},
    {"help", 'h', FLAG, AT(help), NULL, NULL, "this help"},
    {"version", 0, FLAG, AT(version), NULL, NULL, "version, revision and build options"},
    {"man", 0, FLAG, AT(man), NULL, " help ", "the manual page, for `man -l -`"},
    {"json", 0, FLAG, AT(json), NULL,
     " devices describe train bench autotune selftest dataset classify evaluate ",
     "the same facts as JSON (train: with --dry-run; evaluate: in any case)"},

    {"model", 0, TEXT, AT(model), "SYSTEM[:PRESET]", " train ", "what to train"},
    {"data", 0, TEXT, AT(data), "PATH|builtin:NAME", " train reconstruct classify evaluate ",
     "the pictures; train: the built-in ones if not given"},
    {"out", 0, TEXT, AT(out), "PATH",
     " train sample translate reconstruct evaluate forward dataset export ",
     "where results go: a run folder (train), a .png sheet, a .webp animation or a folder of "
     "pictures (sample), a folder (translate, dataset pair), one file (dataset convert), a .png "
     "sheet (reconstruct), a .csv table by picture "
     "(evaluate, of a model that translates), a .safetensors file (forward), a folder or "
     "one file (export)"},
    {"steps", 0, WHOLE, AT(steps), "N", " train bench ",
     "train: stop when the run has made N steps; bench: time N steps"},
    {"layers", 0, FLAG, AT(layers), NULL, " bench ",
     "times single layers instead, forward or one gradient: those that standard input describes, a "
     "JSON object a line"},
    {"epochs", 0, REAL, AT(epochs), "N", " train ", "stop after N passes over the pictures"},
    {"minutes", 0, REAL, AT(minutes), "M", " train ", "stop after M minutes of this call"},
    {"batch", 0, WHOLE, AT(batch), "N", " train describe bench autotune ", "pictures a step"},
    {"accumulate", 0, WHOLE, AT(accumulate), "N", " train ",
     "N batches a step, one after the other in the memory of one; their gradients are averaged"},
    {"resume", 0, TEXT_OR_NOTHING, AT(resume), "[RUN]", " train ",
     "goes on exactly where a run stands (RUN, else the newest under runs/)"},
    {"init", 0, TEXT, AT(init), "FILE.safetensors", " train ", "start from these weights"},
    {"config", 0, TEXT, AT(config), "FILE.json", " train ",
     "options and settings from a file; a run's options.json is one"},
    {"replay", 0, TEXT, AT(replay), "FILE.safetensors", " train ",
     "takes every batch and every random draw from the file: the conformance mode"},
    {"preview", 0, TEXT_OR_NOTHING, AT(preview), "[blocks|sixel|off]", " train ",
     "shows each sample sheet in the terminal: as sixel graphics if it says that it has them, else "
     "as coloured half blocks"},
    {"dry-run", 0, FLAG, AT(dry_run), NULL, " train ",
     "shows layers, memory, data and the time of a step; writes nothing"},

    {"budget", 0, REAL, AT(budget), "SECONDS", " autotune ",
     "the time that tuning may take, for each model; 240 if not given"},

    {"count", 0, WHOLE, AT(count), "N", " sample translate reconstruct classify evaluate ",
     "how many pictures; not given: 36 (sample), 18 (reconstruct), 512 (evaluate, of a model that "
     "generates), else all"},
    {"checkpoint", 0, TEXT, AT(checkpoint), "best|latest|STEP",
     " sample translate reconstruct classify evaluate export ",
     "which checkpoint of a run: the best by its evaluations (train --set eval.every=N), the "
     "newest (if not given), or that of a step"},
    {"grid", 0, TEXT, AT(grid), "CxR", " sample ", "columns and rows of the sheet"},
    {"seeds", 0, TEXT, AT(seeds), "A-B|LIST", " sample ",
     "one picture for each of these seeds: 0-35, or 1,5,9-12"},
    {"controls", 0, FLAG, AT(controls), NULL, " sample ",
     "the control vectors of the run: the sheet that training makes of this checkpoint"},
    {"truncation", 0, REAL, AT(truncation), "T", " sample ",
     "elements of latent vectors outside +-T (before the temperature) are drawn again: fewer odd "
     "pictures, less variety; 0.5 is strong, 2 hardly any"},
    {"interpolate", 0, FLAG, AT(interpolate), NULL, " sample ",
     "from each seed's picture to the next one's, along the sphere: a strip (.png), an animation "
     "(.webp) or a folder of frames"},
    {"frames", 0, WHOLE, AT(frames), "N", " sample ",
     "interpolate: frames from one seed to the next; 12 if not given"},
    {"loop", 0, FLAG, AT(loop), NULL, " sample ",
     "interpolate: goes on from the last seed to the first"},
    {"fps", 0, REAL, AT(fps), "F", " sample ", "frames a second of an animation; 24 if not given"},
    {"quality", 0, WHOLE, AT(quality), "Q", " sample ",
     "of an animation: 1 to 100, lossy; not given: lossless"},
    {"iw", 0, WHOLE, AT(iw), "K", " evaluate ",
     "draws of the importance-weighted bound (of a model that reconstructs); 1 if not given"},
    {"temperature", 0, REAL, AT(temperature), "T", " sample evaluate export ",
     "scales the latent vectors; not given: 0.7 for nvae, else 1"},
    {"readjust", 0, WHOLE, AT(readjust), "N", " sample evaluate export ",
     "N batches of 16 go through the generator at that temperature before, to readjust the running "
     "statistics of batch norm; not given: 64 for averaged weights, else none"},

    {"only", 0, TEXT, AT(only), "NAME,...", " selftest ",
     "no more than these: ops, replays, an op (conv) or a recording (dcgan-tiny-bn)"},
    {"quick", 0, FLAG, AT(quick), NULL, " selftest ",
     "cases of up to 200,000 operations, and one recording of each system"},

    {"to", 0, TEXT, AT(to), "onnx|safetensors", " export ", "the format"},
    {"all", 0, FLAG, AT(all), NULL, " export ",
     "safetensors: weights of all networks, not only what making pictures takes"},

    {"network", 0, TEXT, AT(network), "NAME", " forward export ",
     "which network or pass; forward: the first if not given; export: the model as it is used"},
    {"weights", 0, TEXT, AT(weights), "FILE.safetensors", " forward ",
     "its parameters under their checkpoint names; a checkpoint is fine"},
    {"in", 0, TEXT, AT(in), "FILE.safetensors[:TENSOR]|PATH", " forward translate dataset ",
     "translate: the pictures; forward: the input, N,C,H,W (or N,C); TENSOR says which if the file "
     "holds several; dataset pair, convert: the pictures"},
    {"train-mode", 0, FLAG, AT(train_mode), NULL, " forward ",
     "batch statistics and dropout, as in a training step"},

    {"kind", 0, TEXT, AT(kind), "edges|grey|blur|pictures|pairs", " dataset ",
     "pair: what the model is to start from, edges (if not given), grey or blur; convert: pack "
     "pictures (with their classes) or pairs; pairs if not given and there are some"},
    {"size", 0, WHOLE, AT(size), "N", " dataset ",
     "pair: the side of the pictures, as they are if not given; convert: pack pixels of this size; "
     "check: the side that training will want, 128 if not given"},
};

/* Whole numbers go to 2^40, but for these. */
static const struct limit {
    size_t at;
    int64_t most;
} limits[] = {
    {AT(threads), 1024}, {AT(batch), GCL_MAX_BATCH}, {AT(accumulate), GCL_MAX_PARTS},
    {AT(size), 1 << 16}, {AT(readjust), 1 << 20},    {AT(quality), 100},
};

enum { N_OPTIONS = sizeof table / sizeof *table };
_Static_assert(sizeof table / sizeof *table <= sizeof((gcl_options *)0)->given, "a row too many");

static int belongs(const option *row, const gcl_command *command)
{
    if (row->commands == NULL)
        return 1;
    char word[64];
    snprintf(word, sizeof word, " %s ", command != NULL ? command->name : "?");
    return strstr(row->commands, word) != NULL;
}

/* ---- numbers ------------------------------------------------------------------------------------ */

int gcl_parse_whole(const char *text, const char *what, int64_t low, int64_t high, int64_t *value,
                    gcl_error *err)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != 0)
        return gcl_fail(err, GCL_USAGE, "%s: '%s' is not a whole number", what, text);
    if (errno != 0 || number < low || number > high)
        return gcl_fail(err, GCL_USAGE, "%s: %s is out of range (%lld to %lld)", what, text,
                        (long long)low, (long long)high);
    *value = number;
    return 0;
}

static int parse_real(const char *text, const char *what, double *value, gcl_error *err)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != 0 || !isfinite(number))
        return gcl_fail(err, GCL_USAGE, "%s: '%s' is not a number", what, text);
    *value = number;
    return 0;
}

static int parse_seed(const char *text, uint64_t *seed, gcl_error *err)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (end == text || *end != 0 || errno != 0 || strchr(text, '-') != NULL)
        return gcl_fail(err, GCL_USAGE, "--seed: '%s' is not a whole number below 2^64", text);
    *seed = number;
    return 0;
}

/* ---- parsing ------------------------------------------------------------------------------------ */

typedef struct reader {
    gcl_options *options;
    const gcl_command *command;
    int argc, at;
    char **argv;
    gcl_error *err;
} reader;

static int64_t most_of(const option *row)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].at == row->at)
            return limits[i].most;
    return INT64_C(1) << 40;
}

static int store_value(reader *r, const option *row, const char *value)
{
    gcl_options *options = r->options;
    void *place = (char *)options + row->at;
    char what[64];
    snprintf(what, sizeof what, "--%s", row->name);
    switch (row->kind) {
    case FLAG: *(int *)place = 1; return 0;
    case TEXT:
    case TEXT_OR_NOTHING: *(const char **)place = value; return 0;
    case TEXTS:
        GCL_GROW(options->set, options->n_set, options->cap_set);
        options->set[options->n_set++] = value;
        return 0;
    case WHOLE: return gcl_parse_whole(value, what, 1, most_of(row), place, r->err);
    case SEED: return parse_seed(value, place, r->err);
    case REAL: break;
    }
    if (parse_real(value, what, place, r->err) != 0)
        return -1;
    return *(double *)place > 0
               ? 0
               : gcl_fail(r->err, GCL_USAGE, "%s: %s is out of range (above 0)", what, value);
}

/* The value of an option: behind '=', or the next word. NULL with the error set if there is none. */
static const char *take_value(reader *r, const option *row, const char *behind)
{
    const char *next = r->at < r->argc ? r->argv[r->at] : NULL;
    if (row->kind == FLAG) {
        if (behind == NULL)
            return "";
        gcl_fail(r->err, GCL_USAGE, "--%s takes no value", row->name);
        return NULL;
    }
    if (behind != NULL)
        return behind;
    if (row->kind == TEXT_OR_NOTHING && (next == NULL || next[0] == '-'))
        return "";
    if (next == NULL) {
        gcl_fail(r->err, GCL_USAGE, "--%s needs a value: --%s %s", row->name, row->name,
                 row->value);
        return NULL;
    }
    r->at++;
    return next;
}

static int take_option(reader *r, const option *row, const char *behind)
{
    const char *value = take_value(r, row, behind);
    if (value == NULL)
        return -1;
    r->options->given[row - table] = 1;
    return store_value(r, row, value);
}

static int fail_unknown(reader *r, const char *word, const char *name)
{
    const char *names[N_OPTIONS + 1];
    int n = 0;
    for (int i = 0; i < N_OPTIONS; i++)
        if (belongs(&table[i], r->command))
            names[n++] = table[i].name;
    names[n] = NULL;
    const char *near = gcl_nearest(name, names), *command = r->command ? r->command->name : "";
    const char *gap = r->command ? " " : "";
    if (near != NULL)
        return gcl_fail(r->err, GCL_USAGE,
                        "unknown option %s; did you mean --%s? (ganocl %s%s--help lists all)", word,
                        near, command, gap);
    return gcl_fail(r->err, GCL_USAGE, "unknown option %s (ganocl %s%s--help lists all)", word,
                    command, gap);
}

static int read_long(reader *r, const char *word)
{
    char name[64];
    const char *behind = strchr(word + 2, '=');
    size_t n = behind != NULL ? (size_t)(behind - word - 2) : strlen(word + 2);
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), word + 2);
    for (int i = 0; i < N_OPTIONS; i++) {
        const option *row = &table[i];
        if (strcmp(row->name, name) != 0)
            continue;
        if (!belongs(row, r->command))
            return gcl_fail(r->err, GCL_USAGE, "--%s is not an option of %s, but of:%s", name,
                            r->command != NULL ? r->command->name : "the program", row->commands);
        return take_option(r, row, behind != NULL ? behind + 1 : NULL);
    }
    return fail_unknown(r, word, name);
}

static int read_letters(reader *r, const char *word)
{
    for (const char *letter = word + 1; *letter != 0; letter++) {
        int i = 0;
        while (i < N_OPTIONS && table[i].letter != *letter)
            i++;
        if (i == N_OPTIONS)
            return fail_unknown(r, word, word + 1);
        if (take_option(r, &table[i], NULL) != 0)
            return -1;
    }
    return 0;
}

/* The command is found first, since options before it may be its own too. A word is the command
 * unless it is the value of an option before it. */
static int find_command(reader *r)
{
    for (int i = 1; i < r->argc; i++) {
        const char *word = r->argv[i];
        if (word[0] != '-') {
            const char *names[64];
            int n = 0;
            for (const gcl_command *c = gcl_commands; c->name != NULL && n < 63; c++) {
                if (strcmp(c->name, word) == 0) {
                    r->command = c;
                    return i;
                }
                names[n++] = c->name;
            }
            names[n] = NULL;
            const char *near = gcl_nearest(word, names);
            gcl_fail(r->err, GCL_USAGE, "unknown command '%s'%s%s%s (ganocl --help lists all)",
                     word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            return -1;
        }
        if (strncmp(word, "--", 2) != 0 || strchr(word, '=') != NULL)
            continue;
        for (int k = 0; k < N_OPTIONS; k++)
            if (strcmp(table[k].name, word + 2) == 0 && table[k].kind != FLAG &&
                table[k].kind != TEXT_OR_NOTHING)
                i++;
    }
    return 0;
}

static int check_arguments(const reader *r)
{
    const gcl_command *command = r->command;
    int n = r->options->n_arguments;
    if (command == NULL || r->options->help)
        return 0;
    if (n < command->least)
        return gcl_fail(r->err, GCL_USAGE, "%s: %s is missing: ganocl %s %s", command->name,
                        command->arguments, command->name, command->arguments);
    if (command->most >= 0 && n > command->most)
        return gcl_fail(r->err, GCL_USAGE, "%s: '%s' is too much (usage: ganocl %s [options]%s%s)",
                        command->name, r->options->arguments[command->most], command->name,
                        command->arguments[0] ? " " : "", command->arguments);
    return 0;
}

const gcl_command *gcl_options_parse(gcl_options *options, int argc, char **argv, gcl_error *err)
{
    reader r = {.options = options, .argc = argc, .at = 1, .argv = argv, .err = err};
    int place = find_command(&r), only_words = 0;
    if (place < 0)
        return NULL;
    while (r.at < argc) {
        const char *word = argv[r.at++];
        int result = 0;
        if (place > 0 && r.at - 1 == place)
            continue;
        if (!only_words && strcmp(word, "--") == 0)
            only_words = 1;
        else if (!only_words && strncmp(word, "--", 2) == 0)
            result = read_long(&r, word);
        else if (!only_words && word[0] == '-' && word[1] != 0)
            result = read_letters(&r, word);
        else {
            GCL_GROW(options->arguments, options->n_arguments, options->cap_arguments);
            options->arguments[options->n_arguments++] = word;
        }
        if (result != 0)
            return NULL;
    }
    return check_arguments(&r) == 0 ? r.command : NULL;
}

void gcl_options_free(gcl_options *options)
{
    free(options->set);
    free(options->arguments);
    memset(options, 0, sizeof *options);
}

int gcl_options_given(const gcl_options *options, const char *name)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (strcmp(table[i].name, name) == 0)
            return options->given[i];
    return 0;
}

/* ---- the table for others ----------------------------------------------------------------------- */

int gcl_option_next(const gcl_command *command, int *at, gcl_option_row *row)
{
    while (*at < N_OPTIONS) {
        const option *found = &table[(*at)++];
        if ((found->commands == NULL) != (command == NULL) || !belongs(found, command))
            continue;
        *row = (gcl_option_row){found->name, found->letter, found->value,
                                found->kind == TEXT_OR_NOTHING, found->help};
        return 1;
    }
    return 0;
}
