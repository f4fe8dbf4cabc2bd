#include "cli/man.h"

#include <string.h>

#include "base/memory.h"
#include "base/version.h"
#include "cli/options.h"
#include "datasets/dataset.h"
#include "models/model.h"
#include "train/settings.h"

/* ---- roff ------------------------------------------------------------------------------------------- */

/* The n characters as they are: what roff would take for something else is escaped; a grave accent
 * turns bold on or off. */
static void put_part(FILE *out, const char *text, size_t n, int *bold)
{
    if (n > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < n; i++)
        switch (text[i]) {
        case '\\': fputs("\\e", out); break;
        case '-': fputs("\\-", out); break;
        case '~': fputs("\\(ti", out); break;
        case '^': fputs("\\(ha", out); break;
        case '\'': fputs("\\(aq", out); break;
        case '"': fputs("\\(dq", out); break;
        case '`': fputs((*bold = !*bold) ? "\\fB" : "\\fR", out); break;
        default: fputc(text[i], out); break;
        }
}

static void put(FILE *out, const char *text)
{
    int bold = 0;
    put_part(out, text, strlen(text), &bold);
}

/* A sentence of the tables, which may begin small and end without a full stop, in lines of up to 72
 * characters. */
static void put_sentence(FILE *out, const char *text)
{
    size_t column = 0, end = strlen(text);
    int bold = 0;
    for (const char *word = text; *word != 0;) {
        size_t n = strcspn(word, " ");
        if (column > 0)
            fputc(column + n > 72 ? '\n' : ' ', out);
        column = column + n > 72 ? n : column + n + 1;
        put_part(out, word, n, &bold);
        word += n + strspn(word + n, " ");
    }
    if (end > 0 && text[end - 1] != '.')
        fputc('.', out);
    fputc('\n', out);
}

/* The head of an entry: bold, then italic. */
static void entry(FILE *out, const char *bold, const char *italic)
{
    fputs(".TP\n\\fB", out);
    put(out, bold);
    fputs("\\fR", out);
    if (italic != NULL && italic[0] != 0) {
        fputs(" \\fI", out);
        put(out, italic);
        fputs("\\fR", out);
    }
    fputc('\n', out);
}

static void section(FILE *out, const char *title) { fprintf(out, ".SH %s\n", title); }

/* ---- what is in the tables -------------------------------------------------------------------------- */

static void put_options(FILE *out, const gcl_command *command)
{
    gcl_option_row row;
    for (int at = 0; gcl_option_next(command, &at, &row);) {
        char head[80];
        if (row.letter != 0)
            snprintf(head, sizeof head, "-%c, --%s", row.letter, row.name);
        else
            snprintf(head, sizeof head, "--%s", row.name);
        entry(out, head, row.value);
        put_sentence(out, row.help);
    }
}

static void put_command(FILE *out, const gcl_command *command)
{
    fputs(".SS \"", out);
    put(out, command->name);
    if (command->arguments[0] != 0) {
        fputc(' ', out);
        put(out, command->arguments);
    }
    fputs("\"\n", out);
    put_sentence(out, command->help);
    if (command->text != NULL) {
        fputs(".PP\n", out);
        put_sentence(out, command->text);
    }
    put_options(out, command);
}

static void put_system(FILE *out, const gcl_system *system)
{
    fprintf(out, ".SS %s\n", system->name);
    put_sentence(out, system->help);
    fputs(".PP\nPresets:\n", out);
    for (const gcl_preset *preset = system->presets; preset->name != NULL; preset++) {
        char name[80];
        snprintf(name, sizeof name, "%s:%s", system->name, preset->name);
        entry(out, name, NULL);
        gcl_text text = {0};
        gcl_text_add(&text, "%s; %d pictures a step", preset->help, preset->batch);
        put_sentence(out, text.text);
        gcl_text_free(&text);
    }
    fputs(".PP\nSettings:\n", out);
    for (const gcl_setting *setting = system->settings; setting->key != NULL; setting++) {
        entry(out, setting->key, NULL);
        put_sentence(out, setting->help != NULL ? setting->help : "");
    }
}

static void put_settings(FILE *out)
{
    for (int key = 0; key < GCL_SETTINGS; key++) {
        char head[120];
        const char *words = gcl_settings_words((gcl_settings_key)key);
        snprintf(head, sizeof head, "%s=%s", gcl_settings_name((gcl_settings_key)key),
                 gcl_settings_initial((gcl_settings_key)key));
        entry(out, head, words != NULL ? words : "");
        put_sentence(out, gcl_settings_help((gcl_settings_key)key));
    }
}

static void put_formats(FILE *out)
{
    for (int i = 0; gcl_dataset_format_line(i) != NULL; i++) {
        const char *text = gcl_dataset_format_line(i), *colon = strstr(text, ": ");
        char name[80];
        snprintf(name, sizeof name, "%.*s", (int)(colon != NULL ? colon - text : 0), text);
        entry(out, name, NULL);
        put_sentence(out, colon != NULL ? colon + 2 : text);
    }
}

/* ---- what only the page says ------------------------------------------------------------------------ */

typedef struct pair {
    const char *head, *text;
} pair;

static const pair files[] = {
    {"options.json", "every option and setting; `--config` takes it"},
    {"log.jsonl", "an object a logged step: losses, learning rates, speed, memory"},
    {"reals.png, samples/", "what it was shown, and what it made of the same latents over time"},
    {"checkpoints/", "safetensors with PyTorch's names and layouts; `latest` names the newest"},
    {"report.html", "the run as a page that loads nothing else"},
    {"lock", "while it trains: the process that does"},
    {NULL, NULL},
};

static const pair variables[] = {
    {"GANOCL_CACHE", "the folder for compiled programs and for what was tuned, or `off`; else "
                     "$XDG_CACHE_HOME/ganocl or ~/.cache/ganocl"},
    {"GANOCL_RECORDS", "a folder of tuning records instead of the shipped ones, or `off`"},
    {"GANOCL_KERNELS", "a folder of kernel files instead of those in the program"},
    {"GANOCL_LIMITS", "limits of a smaller device than there is, for tests"},
    {NULL, NULL},
};

static const pair statuses[] = {
    {"0", "all went well"},
    {"1", "a check failed"},
    {"2", "a mistake on the command line; also a run that another process trains"},
    {"3", "data that cannot be used"},
    {"4", "device or driver"},
    {"5", "out of memory, of host or device; says what would fit"},
    {"6", "training diverged; names the last good checkpoint"},
    {"7", "disk; what was saved before is whole"},
    {"130, 143", "stopped by SIGINT or SIGTERM, after saving"},
    {NULL, NULL},
};

static const pair examples[] = {
    {"ganocl train", "the default model on the built-in pictures, until it is stopped"},
    {"ganocl train --model pix2pix --data pairs/ --minutes 30", "half an hour on pairs"},
    {"ganocl train --resume", "the newest run goes on where it stands"},
    {"ganocl sample runs/00001-dcgan-standard-faces --grid 8x4", "a sheet of new pictures"},
    {"ganocl describe nvae:mnist --set latent=10", "layers, parameters and memory of a model"},
    {NULL, NULL},
};

static void put_pairs(FILE *out, const char *title, const pair *pairs)
{
    section(out, title);
    for (; pairs->head != NULL; pairs++) {
        entry(out, pairs->head, NULL);
        put_sentence(out, pairs->text);
    }
}

void gcl_man_print(FILE *out)
{
    fprintf(out,
            ".\\\" Written by ganocl help \\-\\-man.\n.TH GANOCL 1 \"\" \"ganocl %s\" "
            "\"User Commands\"\n",
            gcl_release());
    section(out, "NAME");
    put(out, "ganocl - trains networks that make pictures, on any OpenCL device");
    fputc('\n', out);
    section(out, "SYNOPSIS");
    fputs(".B ganocl\n[\\fIglobal options\\fR] \\fICOMMAND\\fR [\\fIoptions\\fR]\n", out);
    section(out, "DESCRIPTION");
    put_sentence(
        out, "One program that trains, samples, scores and exports image-generating networks on "
             "GPUs and CPUs through OpenCL. `RUN` is a run folder, its newest checkpoint being "
             "meant, or a checkpoint file; `MODEL` is SYSTEM or SYSTEM:PRESET. Results go to "
             "standard output, everything else to standard error.");
    section(out, "GLOBAL OPTIONS");
    put_options(out, NULL);
    section(out, "COMMANDS");
    for (const gcl_command *c = gcl_commands; c->name != NULL; c++)
        if (c->help != NULL)
            put_command(out, c);
    section(out, "MODELS");
    for (int i = 0; gcl_systems[i] != NULL; i++)
        put_system(out, gcl_systems[i]);
    section(out, "SETTINGS OF TRAINING AND DATA");
    put_settings(out);
    section(out, "DATA FORMATS");
    put_formats(out);
    put_pairs(out, "FILES OF A RUN", files);
    put_pairs(out, "ENVIRONMENT", variables);
    put_pairs(out, "EXIT STATUS", statuses);
    put_pairs(out, "EXAMPLES", examples);
}
