#include "cli/checkpoint_model.h"

#include "io/checkpoint.h"
#include "train/config.h"

int gcl_checkpoint_model(const gcl_safetensors *file, const gcl_options *options, gcl_model *model,
                         gcl_error *err)
{
    gcl_checkpoint_facts facts;
    gcl_config config;
    if (gcl_checkpoint_read_facts(file, &facts, err) != 0)
        return -1;
    gcl_config_start(&config);
    config.model_name = facts.model;
    int result = gcl_config_read_settings(&config, gcl_safetensors_path(file), facts.settings, err);
    for (int i = 0; i < options->n_set && result == 0; i++)
        gcl_config_set(&config, options->set[i]);
    if (result == 0)
        result = gcl_config_finish(&config, err);
    *model = config.model;
    gcl_config_free(&config);
    return result;
}
