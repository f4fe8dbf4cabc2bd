#include "cli/configure.h"

#include "io/checkpoint.h"

static int finish(gcl_config *config, const gcl_options *options, gcl_error *err)
{
    for (int i = 0; i < options->n_set; i++)
        gcl_config_set(config, options->set[i]);
    return gcl_config_finish(config, err);
}

int gcl_configure_model(gcl_config *config, const char *name, const gcl_options *options,
                        gcl_error *err)
{
    gcl_config_start(config);
    config->model_name = name;
    return finish(config, options, err);
}

int gcl_configure_checkpoint(gcl_config *config, const gcl_safetensors *file,
                             const gcl_options *options, gcl_error *err)
{
    gcl_checkpoint_facts facts;
    gcl_config_start(config);
    if (gcl_checkpoint_read_facts(file, &facts, err) != 0)
        return -1;
    config->model_name = facts.model;
    if (gcl_config_read_settings(config, gcl_safetensors_path(file), facts.settings, err) != 0)
        return -1;
    return finish(config, options, err);
}
