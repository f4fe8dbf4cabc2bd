/* The command line as data: one table of commands and one of options feed parsing, --help, and
 * whatever else wants to know them (man page, shell completion).
 *
 *     gcl_options options = {0};
 *     const gcl_command *command = gcl_options_parse(&options, argc, argv, &err);
 *     int code = command->run(&options, &err);
 *     gcl_options_free(&options);
 *
 * To add an option: a field below and a row in options.c. To add a command: a file with its run
 * function and a row in commands.c. */
#ifndef GCL_CLI_OPTIONS_H
#define GCL_CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { GCL_MAX_OPTIONS = 64 };

/* Everything that a command line can say. What was not given is 0 or NULL; texts are argv's. */
typedef struct gcl_options {
    /* every command */
    const char *device;
    uint64_t seed;
    int64_t threads;
    const char **set; /* KEY=VALUE, in order */
    int n_set, cap_set;
    int quiet, verbose, help, version, json;

    const char *model, *data, *out, *resume, *init, *config, *replay, *in, *weights, *network;
    const char *preview, *grid, *seeds, *kind, *checkpoint, *to, *only;
    int64_t steps, batch, accumulate, count, size, iw, readjust, frames, quality;
    double epochs, minutes, temperature, budget, truncation, fps;
    int dry_run, train_mode, layers, man, interpolate, loop, controls, all, quick;

    const char **arguments; /* words that are no options, behind the command */
    int n_arguments, cap_arguments;
    unsigned char given[GCL_MAX_OPTIONS]; /* by row of the table */
} gcl_options;

/* A command returns 0, -1 with the error set, or an exit status of its own (130 after SIGINT). */
typedef struct gcl_command {
    const char *name;
    const char *arguments; /* "RUN", "[MODEL...]" or "" */
    int least, most;       /* how many words; most -1: any number */
    const char *help;      /* one line; NULL: not for people, so not listed */
    const char *text;      /* a paragraph for its own --help, or NULL */
    int (*run)(const gcl_options *options, gcl_error *err);
    void (*more_help)(FILE *out); /* what only code knows (formats, settings), or NULL */
} gcl_command;

extern const gcl_command gcl_commands[]; /* ended by name NULL */

/* The command named first among the words, or NULL: then help or version is set, or there was a
 * mistake. Errors: GCL_USAGE with the nearest known name. */
const gcl_command *gcl_options_parse(gcl_options *options, int argc, char **argv, gcl_error *err);
void gcl_options_free(gcl_options *options);
int gcl_options_given(const gcl_options *options, const char *name); /* "batch": was it given? */

/* A row of the table, for what is made of it: help, manual page, completion. */
typedef struct gcl_option_row {
    const char *name;  /* "batch" */
    char letter;       /* or 0 */
    const char *value; /* how help calls its value: "N"; NULL: it takes none */
    int may_lack;      /* the value may be left out */
    const char *help;
} gcl_option_row;

/* The next row from *at (0 to begin) on: of the options of one command, or, where it is NULL, of those
 * that every command has. 0 after the last. */
int gcl_option_next(const gcl_command *command, int *at, gcl_option_row *row);

/* Help of one command, or of the program when `command` is NULL. */
void gcl_options_help(FILE *out, const gcl_command *command);

/* A number as people write it: the whole text must be one. GCL_USAGE names `what`. */
int gcl_parse_whole(const char *text, const char *what, int64_t low, int64_t high, int64_t *value,
                    gcl_error *err);

#endif
