#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "export/export.h"
#include "io/atomic.h"
#include "train/run.h"
#include "train/sampler.h"

static int find_format(const char *name, gcl_export_format *format, gcl_error *err)
{
    if (name == NULL)
        return gcl_fail(err, GCL_USAGE, "export: --to is missing: --to onnx or --to safetensors");
    for (int i = 0; gcl_export_formats[i] != NULL; i++)
        if (strcmp(gcl_export_formats[i], name) == 0) {
            *format = (gcl_export_format)i;
            return 0;
        }
    const char *near = gcl_nearest(name, gcl_export_formats);
    return gcl_fail(err, GCL_USAGE, "--to %s: is neither onnx nor safetensors%s%s%s", name,
                    near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                    near != NULL ? "?" : "");
}

static int parse_request(gcl_export_request *r, const gcl_options *options, gcl_error *err)
{
    *r = (gcl_export_request){.run = options->arguments[0],
                              .network = options->network,
                              .all = options->all,
                              .temperature = options->temperature,
                              .passes =
                                  options->readjust > 0 ? (int)options->readjust : GCL_USUAL_PASSES,
                              .version = gcl_version_number()};
    if (find_format(options->to, &r->format, err) != 0)
        return -1;
    if (r->all && r->format == GCL_EXPORT_ONNX)
        return gcl_fail(err, GCL_USAGE,
                        "--all: is of --to safetensors; an ONNX model is one network");
    return 0;
}

/* --out, or the format's name in the run's folder. malloc'ed. */
static char *choose_out(const gcl_export_request *r, const gcl_options *options, gcl_error *err)
{
    gcl_text path = {0};
    if (options->out != NULL)
        return gcl_strdup(options->out);
    if (gcl_path_kind(r->run) != 2) {
        gcl_fail(err, GCL_USAGE, "export: --out is missing: a folder, or a file model.%s",
                 gcl_export_formats[r->format]);
        return NULL;
    }
    gcl_text_add(&path, "%s/%s", r->run, gcl_export_formats[r->format]);
    return path.text;
}

static int run(const gcl_export_request *r, const gcl_safetensors *file, const gcl_options *options,
               gcl_error *err)
{
    gcl_config config;
    gcl_checkpoint_facts facts;
    int result = gcl_configure_checkpoint(&config, file, options, err);
    if (result == 0)
        result = gcl_checkpoint_read_facts(file, &facts, err);
    if (result == 0) {
        gcl_device *dev = gcl_device_open(options->device, 0, err);
        result = dev != NULL ? gcl_export_run(r, dev, &config, file, &facts, err) : -1;
        gcl_device_close(dev);
    }
    gcl_config_free(&config);
    return result;
}

int gcl_command_export(const gcl_options *options, gcl_error *err)
{
    gcl_export_request r;
    if (parse_request(&r, options, err) != 0)
        return -1;
    char *out = choose_out(&r, options, err);
    char *path = out != NULL ? gcl_run_checkpoint(r.run, options->checkpoint, err) : NULL;
    gcl_safetensors *file = path != NULL ? gcl_safetensors_open(path, err) : NULL;
    r.out = out;
    int result = file != NULL ? run(&r, file, options, err) : -1;
    if (result == 0)
        printf("%s\n", out);
    gcl_safetensors_close(file);
    free(path);
    free(out);
    return result;
}
