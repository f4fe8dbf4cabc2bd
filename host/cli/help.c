#include <string.h>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/man.h"
#include "datasets/dataset.h"
#include "models/model.h"
#include "train/settings.h"

/* ---- text for a terminal -------------------------------------------------------------------------- */

enum { INDENT = 30, WIDTH = 96 };

/* Prints words from column `at` on, wrapped at WIDTH and indented by `indent`. */
static void print_wrapped(FILE *out, const char *text, int at, int indent)
{
    while (*text != 0) {
        int n = (int)strcspn(text, " ");
        if (at > indent && at + 1 + n > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        }
        if (at > indent)
            fputc(' ', out), at++;
        fprintf(out, "%.*s", n, text);
        at += n;
        text += n;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const char *head, const char *help)
{
    int n = fprintf(out, "  %s", head);
    if (n > INDENT - 2) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", INDENT - n, "");
    print_wrapped(out, help, INDENT, INDENT);
}

static void print_option(FILE *out, const gcl_option_row *row)
{
    char head[96], letter[8] = "";
    if (row->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(head, sizeof head, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
             row->value ? row->value : "");
    print_row(out, head, row->help);
}

static void print_options(FILE *out, const gcl_command *command, const char *title)
{
    gcl_option_row row;
    for (int at = 0, n = 0; gcl_option_next(command, &at, &row); n++) {
        if (n == 0)
            fprintf(out, "\n%s\n", title);
        print_option(out, &row);
    }
}

static void print_commands(FILE *out)
{
    for (const gcl_command *c = gcl_commands; c->name != NULL; c++) {
        char head[96];
        if (c->help == NULL)
            continue;
        snprintf(head, sizeof head, "%s%s%s", c->name, c->arguments[0] ? " " : "", c->arguments);
        print_row(out, head, c->help);
    }
}

void gcl_options_help(FILE *out, const gcl_command *command)
{
    if (command != NULL) {
        fprintf(out, "usage: ganocl [global options] %s [options]%s%s\n\n", command->name,
                command->arguments[0] ? " " : "", command->arguments);
        print_wrapped(out, command->help ? command->help : "the program starts this itself", 0, 0);
        if (command->text != NULL) {
            fputc('\n', out);
            print_wrapped(out, command->text, 0, 0);
        }
        print_options(out, command, "options");
        if (command->more_help != NULL)
            command->more_help(out);
    } else {
        fprintf(out, "usage: ganocl [global options] COMMAND [options]\n\n"
                     "Trains networks that make pictures, on any OpenCL device.\n\ncommands\n");
        print_commands(out);
    }
    print_options(out, NULL, "global options");
    if (command == NULL)
        fprintf(
            out,
            "\n`ganocl COMMAND --help` tells more. Exit status: 0 ok, 1 a check failed, 2 usage, "
            "3 data,\n4 device or driver, 5 out of memory, 6 training diverged, 7 disk, "
            "130 and 143 interrupted.\n");
}

/* ---- the commands ----------------------------------------------------------------------------------- */

int gcl_command_version(const gcl_options *options, gcl_error *err)
{
    (void)options, (void)err;
    printf("%s\n%s\n", gcl_version(), gcl_build_options());
    return 0;
}

int gcl_command_help(const gcl_options *options, gcl_error *err)
{
    if (options->man) {
        gcl_man_print(stdout);
        return 0;
    }
    if (options->n_arguments == 0) {
        gcl_options_help(stdout, NULL);
        return 0;
    }
    const char *names[64];
    int n = 0;
    for (const gcl_command *c = gcl_commands; c->name != NULL && n < 63; c++) {
        if (strcmp(c->name, options->arguments[0]) == 0) {
            gcl_options_help(stdout, c);
            return 0;
        }
        names[n++] = c->name;
    }
    names[n] = NULL;
    const char *near = gcl_nearest(options->arguments[0], names);
    return gcl_fail(err, GCL_USAGE, "help: there is no command '%s'%s%s", options->arguments[0],
                    near ? "; nearest: " : "", near ? near : "");
}

void gcl_help_models(FILE *out)
{
    fprintf(out, "\nmodels (MODEL is SYSTEM[:PRESET])\n");
    for (int i = 0; gcl_systems[i] != NULL; i++) {
        const gcl_system *system = gcl_systems[i];
        fprintf(out, "  %-26s  %s\n", system->name, system->help);
        for (const gcl_preset *preset = system->presets; preset->name != NULL; preset++)
            fprintf(out, "    :%-23s  %s; batch %d\n", preset->name, preset->help, preset->batch);
        fprintf(out, "    --set of %s:\n", system->name);
        for (const gcl_setting *setting = system->settings; setting->key != NULL; setting++)
            fprintf(out, "      %-22s  %s\n", setting->key, setting->help);
    }
}

void gcl_help_training(FILE *out)
{
    fprintf(out, "\n--set of training and data\n");
    gcl_settings_print(out);
    fprintf(out, "\ndata formats (recognised; --set data.format=NAME overrides)\n");
    for (int i = 0; gcl_dataset_format_line(i) != NULL; i++)
        fprintf(out, "  %s\n", gcl_dataset_format_line(i));
    gcl_help_models(out);
}
