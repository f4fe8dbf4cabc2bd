/* The parts of the command `dataset`. */
#ifndef GCL_CLI_DATASET_H
#define GCL_CLI_DATASET_H

#include <jansson.h>

#include "cli/options.h"
#include "datasets/dataset.h"

/* Opens a data set for looking at, with the data.* settings of --set and, unless they say otherwise,
 * all of its parts. Errors: GCL_DATA, GCL_USAGE. */
gcl_dataset *gcl_dataset_look(const gcl_options *options, const char *path, gcl_wanted_kind kind,
                              gcl_error *err);

/* A text that may not be UTF-8, as names of files are: what JSON cannot hold becomes '?'. */
json_t *gcl_dataset_json_text(const char *text);

int gcl_dataset_command_check(const gcl_options *options, gcl_error *err);
int gcl_dataset_command_convert(const gcl_options *options, gcl_error *err);
int gcl_dataset_command_pair(const gcl_options *options, gcl_error *err);

#endif
