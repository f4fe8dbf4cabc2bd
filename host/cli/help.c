#include <string.h>

#include "cli/commands.h"
#include "config.h"
#include "datasets/dataset.h"
#include "models/model.h"
#include "train/settings.h"

int gcl_command_version(const gcl_options *options, gcl_error *err)
{
    (void)options, (void)err;
    printf("ganocl %s (%s)\n%s\n", PACKAGE_VERSION, GCL_REVISION, GCL_BUILD_OPTIONS);
    return 0;
}

int gcl_command_help(const gcl_options *options, gcl_error *err)
{
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
