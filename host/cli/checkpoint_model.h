/* The model that a checkpoint is of: its name and settings lie in the metadata. */
#ifndef GCL_CLI_CHECKPOINT_MODEL_H
#define GCL_CLI_CHECKPOINT_MODEL_H

#include "cli/options.h"
#include "io/safetensors.h"
#include "models/model.h"

/* Opens it, with --set of the command line on top. Errors: GCL_DATA (no checkpoint of ours),
 * GCL_USAGE. */
int gcl_checkpoint_model(const gcl_safetensors *file, const gcl_options *options, gcl_model *model,
                         gcl_error *err);

#endif
