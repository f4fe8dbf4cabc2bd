#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "io/atomic.h"
#include "train/run.h"
#include "train/train.h"

/* A run that goes on may be told when to stop, on what device, where its data lies now and how often
 * to write; nothing that would change its numbers. */
static int check_resume(const gcl_options *options, gcl_error *err)
{
    static const char *const fixed[] = {"seed", "model",  "batch",  "accumulate",
                                        "init", "config", "replay", "out"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (gcl_options_given(options, fixed[i]))
            return gcl_fail(err, GCL_USAGE,
                            "--%s does not go with --resume: a run keeps what it was started with "
                            "(a new run can take its weights: --init CHECKPOINT)",
                            fixed[i]);
    for (int i = 0; i < options->n_set; i++)
        if (strncmp(options->set[i], "train.", 6) != 0 && strncmp(options->set[i], "eval.", 5) != 0)
            return gcl_fail(err, GCL_USAGE,
                            "--set %s does not go with --resume: a run keeps the settings it was "
                            "started with; only train.* and eval.* may change",
                            options->set[i]);
    return 0;
}

/* A path that exists, independent of the folder that the program is started in. */
static const char *absolute(gcl_config *config, const char *path)
{
    char *here;
    if (path == NULL || path[0] == '/' || gcl_path_kind(path) == 0 ||
        (here = getcwd(NULL, 0)) == NULL)
        return path;
    const char *full = gcl_arena_printf(config->arena, "%s/%s", here, path);
    free(here);
    return full;
}

static void apply_options(gcl_config *config, const gcl_options *options)
{
    if (options->model != NULL)
        config->model_name = options->model;
    if (options->data != NULL)
        config->data = options->data;
    if (options->init != NULL)
        config->init = options->init;
    if (options->replay != NULL)
        config->replay = options->replay;
    if (gcl_options_given(options, "seed"))
        config->seed = options->seed;
    if (options->batch > 0)
        config->batch = (int)options->batch;
    if (options->accumulate > 0)
        config->accumulate = (int)options->accumulate;
    if (options->steps > 0 || options->epochs > 0 || options->minutes > 0) {
        config->steps = options->steps;
        config->epochs = options->epochs;
        config->minutes = options->minutes;
    }
    for (int i = 0; i < options->n_set; i++)
        gcl_config_set(config, options->set[i]);
    if (config->data == NULL && config->replay == NULL)
        config->data = "builtin:faces";
    config->data = absolute(config, config->data);
    config->init = absolute(config, config->init);
    config->replay = absolute(config, config->replay);
}

static int check_together(const gcl_options *options, const gcl_config *config, gcl_error *err)
{
    if (config->replay != NULL && options->data != NULL)
        return gcl_fail(err, GCL_USAGE,
                        "--data does not go with --replay: the recording has the "
                        "pictures");
    if (config->replay != NULL && options->dry_run)
        return gcl_fail(err, GCL_USAGE, "--dry-run does not go with --replay");
    return 0;
}

static int read_resumed(gcl_config *config, gcl_train_request *request, const char *text,
                        char **folder, gcl_error *err)
{
    *folder = gcl_run_find(text, err);
    if (*folder == NULL)
        return -1;
    request->resume = *folder;
    if (text[0] != 0 && gcl_path_kind(text) == 1)
        request->checkpoint = text;
    char *path = gcl_alloc(strlen(*folder) + sizeof "/options.json");
    strcat(strcpy(path, *folder), "/options.json");
    int result =
        gcl_path_kind(path) == 1
            ? gcl_config_read(config, path, err)
            : gcl_fail(err, GCL_DATA, "%s: is not a run folder (it has no options.json)", *folder);
    free(path);
    return result;
}

static int read_preview(const gcl_options *options, gcl_train_request *request, gcl_error *err)
{
    if (options->preview == NULL)
        return 0;
    int mode = gcl_preview_mode_named(options->preview);
    if (mode < 0)
        return gcl_fail(err, GCL_USAGE, "--preview %s: there are blocks, sixel and off",
                        options->preview);
    request->preview = (gcl_preview_mode)mode;
    return 0;
}

/* With -v what is to be trained is described first. */
static int describe_and_train(gcl_config *config, const gcl_options *options,
                              const gcl_train_request *request, gcl_error *err)
{
    int wanted = options->verbose && config->replay == NULL;
    if (wanted && request->resume == NULL && request->out != NULL &&
        gcl_run_check_new(request->out, err) != 0)
        return -1;
    if (wanted && gcl_describe_training(stderr, config, request, 0, err) != 0)
        return -1;
    return gcl_train(config, request, err);
}

static int run_train(gcl_config *config, const gcl_options *options, gcl_error *err)
{
    gcl_train_request request = {
        .device = options->device, .threads = (int)options->threads, .out = options->out};
    char *folder = NULL;
    int status = read_preview(options, &request, err);
    if (status == 0 && options->resume != NULL)
        status = read_resumed(config, &request, options->resume, &folder, err);
    else if (status == 0 && options->config != NULL)
        status = gcl_config_read(config, options->config, err);
    if (status == 0) {
        apply_options(config, options);
        status = check_together(options, config, err);
    }
    if (status == 0)
        status = gcl_config_finish(config, err);
    if (status == 0 && options->dry_run)
        status = gcl_describe_training(stdout, config, &request, options->json, err);
    else if (status == 0)
        status = describe_and_train(config, options, &request, err);
    free(folder);
    return status;
}

int gcl_command_train(const gcl_options *options, gcl_error *err)
{
    gcl_config config;
    if (options->json && !options->dry_run)
        return gcl_fail(err, GCL_USAGE,
                        "--json: train prints no table but with --dry-run; the run's log.jsonl is "
                        "JSON in any case");
    if (options->resume != NULL && check_resume(options, err) != 0)
        return -1;
    gcl_config_start(&config);
    int status = run_train(&config, options, err);
    gcl_config_free(&config);
    return status;
}
