/* The model and settings that a command works with, from its words and --set. */
#ifndef GCL_CLI_CONFIGURE_H
#define GCL_CLI_CONFIGURE_H

#include "cli/options.h"
#include "io/safetensors.h"
#include "train/config.h"

/* MODEL ("system[:preset]", or NULL for the default). gcl_config_free it, also after a failure.
 * Errors: GCL_USAGE. */
int gcl_configure_model(gcl_config *config, const char *name, const gcl_options *options,
                        gcl_error *err);
/* The model that a checkpoint is of: its name and settings lie in the metadata. Errors: GCL_DATA (no
 * checkpoint of ours), GCL_USAGE. */
int gcl_configure_checkpoint(gcl_config *config, const gcl_safetensors *file,
                             const gcl_options *options, gcl_error *err);

#endif
