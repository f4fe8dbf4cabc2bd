/* The commands' run functions: one file each, one row each in commands.c. */
#ifndef GCL_CLI_COMMANDS_H
#define GCL_CLI_COMMANDS_H

#include <stdio.h>

#include "cli/options.h"

int gcl_command_devices(const gcl_options *options, gcl_error *err);
int gcl_command_train(const gcl_options *options, gcl_error *err);
int gcl_command_sample(const gcl_options *options, gcl_error *err);
int gcl_command_translate(const gcl_options *options, gcl_error *err);
int gcl_command_reconstruct(const gcl_options *options, gcl_error *err);
int gcl_command_classify(const gcl_options *options, gcl_error *err);
int gcl_command_evaluate(const gcl_options *options, gcl_error *err);
int gcl_command_forward(const gcl_options *options, gcl_error *err);
int gcl_command_export(const gcl_options *options, gcl_error *err);
int gcl_command_describe(const gcl_options *options, gcl_error *err);
int gcl_command_bench(const gcl_options *options, gcl_error *err);
int gcl_command_autotune(const gcl_options *options, gcl_error *err);
int gcl_command_tuning_worker(const gcl_options *options, gcl_error *err);
int gcl_command_compile_ahead(const gcl_options *options, gcl_error *err);
int gcl_command_kernel_list(const gcl_options *options, gcl_error *err);
int gcl_command_complete(const gcl_options *options, gcl_error *err);
int gcl_command_completion(const gcl_options *options, gcl_error *err);
int gcl_command_report(const gcl_options *options, gcl_error *err);
int gcl_command_selftest(const gcl_options *options, gcl_error *err);
int gcl_command_dataset(const gcl_options *options, gcl_error *err);
int gcl_command_version(const gcl_options *options, gcl_error *err);
int gcl_command_help(const gcl_options *options, gcl_error *err);

/* Systems and presets, for help. */
void gcl_help_models(FILE *out);
/* What --set knows for training and data, and the data formats. */
void gcl_help_training(FILE *out);

#endif
