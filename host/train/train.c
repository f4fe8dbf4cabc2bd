#include "train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/file.h"
#include "io/grid.h"
#include "train/loop.h"

/* Items tried for the sheet of real pictures. */
enum { MOST_TRIED = 2 * GCL_GRID_PICTURES };

int gcl_train_threads(int wanted)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted > 0 ? wanted : cores > 2 ? (int)cores - 1 : 1;
}

gcl_dataset *gcl_train_dataset(const gcl_config *config, gcl_error *err)
{
    gcl_dataset_options options = {0};
    config->model.system->data(&config->model, &options.wanted);
    gcl_settings_dataset(&config->settings, &options);
    return gcl_dataset_open(config->data, &options, err);
}

/* ---- where batches come from ---------------------------------------------------------------------- */

static int open_replay(gcl_loop *loop, gcl_config *config, gcl_error *err)
{
    loop->replay = gcl_replay_open(config->replay, err);
    if (loop->replay == NULL)
        return -1;
    int recorded = gcl_replay_batch(loop->replay);
    if (recorded > 0 && config->batch > 0 && config->batch != recorded)
        return gcl_fail(err, GCL_USAGE, "--batch %d: %s was recorded with batches of %d",
                        config->batch, config->replay, recorded);
    if (recorded > 0)
        config->batch = recorded;
    if (config->accumulate > 1)
        return gcl_fail(err, GCL_USAGE, "--accumulate does not go with --replay");
    int64_t steps = gcl_replay_steps(loop->replay);
    if (config->steps > steps)
        return gcl_fail(err, GCL_USAGE, "--steps %lld: %s holds %lld steps",
                        (long long)config->steps, config->replay, (long long)steps);
    if (config->steps == 0)
        config->steps = steps;
    return 0;
}

static int open_data(gcl_loop *loop, gcl_config *config, gcl_error *err)
{
    if (config->replay != NULL)
        return open_replay(loop, config, err);
    loop->dataset = gcl_train_dataset(config, err);
    if (loop->dataset == NULL)
        return -1;
    gcl_say("data: %s", gcl_dataset_describe(loop->dataset));
    return 0;
}

static int64_t last_step(const gcl_loop *loop, const gcl_config *config)
{
    int64_t last = config->steps;
    if (config->epochs > 0 && loop->dataset != NULL) {
        double pictures = config->epochs * (double)gcl_dataset_count(loop->dataset);
        int a_step = gcl_trainer_pictures(&loop->trainer);
        int64_t steps = (int64_t)((pictures + a_step - 1) / a_step);
        last = last == 0 || steps < last ? steps : last;
    }
    return last;
}

static int start_loader(gcl_loop *loop, const gcl_config *config, int threads, gcl_error *err)
{
    gcl_loader_options options = {.batch = gcl_trainer_pictures(&loop->trainer),
                                  .threads = gcl_train_threads(threads),
                                  .seed = config->seed,
                                  .shuffle =
                                      gcl_settings_value(&config->settings, GCL_DATA_SHUFFLE) != 0,
                                  .flip = gcl_settings_value(&config->settings, GCL_DATA_FLIP) != 0,
                                  .first_step = (uint64_t)loop->first};
    loop->loader = gcl_loader_new(loop->dataset, &options, err);
    return loop->loader != NULL ? 0 : -1;
}

/* ---- the run folder ------------------------------------------------------------------------------- */

static int create_run(gcl_loop *loop, const gcl_config *config, const char *out, gcl_error *err)
{
    gcl_text name = {0};
    const char *data = loop->dataset != NULL ? gcl_dataset_name(loop->dataset) : "replay";
    gcl_text_add(&name, "%s-%s-%s", config->model.system->name, config->model.preset->name, data);
    int result = gcl_run_create(&loop->run, out, name.text, err);
    gcl_text_free(&name);
    return result;
}

/* classes.json: the names that belong to the model's class numbers. */
static int write_classes(gcl_loop *loop, gcl_error *err)
{
    int classes = loop->dataset != NULL ? gcl_dataset_classes(loop->dataset) : 0;
    gcl_text text = {0};
    if (classes == 0)
        return 0;
    for (int k = 0; k < classes; k++) {
        gcl_text_add(&text, k == 0 ? "[" : ",\n ");
        gcl_json_add_string(&text, gcl_dataset_class_name(loop->dataset, k));
    }
    gcl_text_add(&text, "]\n");
    char *path = gcl_run_path(&loop->run, "classes.json");
    int result = gcl_file_replace(path, text.text, strlen(text.text), err);
    gcl_text_free(&text);
    free(path);
    return result;
}

/* The first items that training will see; unreadable ones are left out. Returns how many. */
static int read_reals(gcl_loop *loop, const gcl_config *config, gcl_image *pictures)
{
    size_t count = loop->dataset != NULL ? gcl_dataset_count(loop->dataset) : 0;
    int shuffle = gcl_settings_value(&config->settings, GCL_DATA_SHUFFLE) != 0, n = 0;
    for (size_t p = 0; p < count && p < MOST_TRIED && n < GCL_GRID_PICTURES; p++) {
        size_t index = shuffle ? gcl_loader_shuffle(config->seed, 0, count, p) : p;
        n += gcl_dataset_show(loop->dataset, index, &pictures[n], NULL) == 0;
    }
    return n;
}

static int write_reals(gcl_loop *loop, const gcl_image *pictures, int n, gcl_error *err)
{
    char *path = gcl_run_path(&loop->run, "reals.png");
    int result = n > 0 ? gcl_grid_write_pictures(path, pictures, n, GCL_GRID_SIDE, err) : 0;
    free(path);
    return result;
}

/* A new run's folder and what lies in it from the beginning; nothing if no picture can be read. */
static int start_run(gcl_loop *loop, const gcl_config *config, const char *out, gcl_error *err)
{
    gcl_image pictures[GCL_GRID_PICTURES];
    size_t count = loop->dataset != NULL ? gcl_dataset_count(loop->dataset) : 0;
    int n = read_reals(loop, config, pictures), result;
    if (n == 0 && count > 0 && count <= MOST_TRIED)
        result = gcl_fail(err, GCL_DATA,
                          "%s: none of its %zu pictures can be read; the warnings above say why",
                          gcl_dataset_name(loop->dataset), count);
    else
        result = create_run(loop, config, out, err);
    if (result == 0)
        result = write_reals(loop, pictures, n, err);
    if (result == 0)
        result = write_classes(loop, err);
    if (result == 0)
        result = gcl_loop_write_options(loop, err); /* last: it makes the folder a run */
    for (int i = 0; i < n; i++)
        gcl_image_free(&pictures[i]);
    return result;
}

/* ---- weights -------------------------------------------------------------------------------------- */

static int load_init(gcl_loop *loop, const gcl_config *config, gcl_error *err)
{
    gcl_safetensors *file = gcl_safetensors_open(config->init, err);
    if (file == NULL)
        return -1;
    int result =
        gcl_checkpoint_load(file, loop->trainer.nn, loop->trainer.store, GCL_LOAD_WEIGHTS, err);
    gcl_safetensors_close(file);
    return result;
}

static int check_same_run(const gcl_safetensors *file, const gcl_checkpoint_facts *facts,
                          const gcl_config *config, gcl_error *err)
{
    char model[128];
    gcl_model_name(&config->model, model, sizeof model);
    const char *path = gcl_safetensors_path(file);
    if (strcmp(facts->model, model) != 0)
        return gcl_fail(err, GCL_DATA, "%s: is a checkpoint of %s, but this run trains %s", path,
                        facts->model, model);
    gcl_batch batch = gcl_config_batch(config);
    int pictures = batch.size * batch.parts;
    if (facts->seed != config->seed || facts->batch != pictures)
        return gcl_fail(err, GCL_DATA,
                        "%s: was made with seed %llu and %d pictures a step, but this run has seed "
                        "%llu and %d pictures",
                        path, (unsigned long long)facts->seed, facts->batch,
                        (unsigned long long)config->seed, pictures);
    return 0;
}

static int load_checkpoint(gcl_loop *loop, const gcl_config *config, const char *path,
                           gcl_error *err)
{
    gcl_checkpoint_facts facts;
    gcl_safetensors *file = gcl_safetensors_open(path, err);
    if (file == NULL)
        return -1;
    int result = gcl_checkpoint_read_facts(file, &facts, err);
    if (result == 0)
        result = check_same_run(file, &facts, config, err);
    if (result == 0)
        result =
            gcl_checkpoint_load(file, loop->trainer.nn, loop->trainer.store, GCL_LOAD_ALL, err);
    if (result == 0)
        loop->first = loop->saved = facts.step;
    gcl_safetensors_close(file);
    return result;
}

/* Goes back to the newest checkpoint, or, if there is none yet, to the beginning. */
static int resume_run(gcl_loop *loop, const gcl_config *config, const gcl_train_request *request,
                      gcl_error *err)
{
    gcl_error none = {0};
    if (gcl_run_open(&loop->run, request->resume, err) != 0)
        return -1;
    char *folder = gcl_run_path(&loop->run, "checkpoints");
    char *path = request->checkpoint != NULL ? gcl_strdup(request->checkpoint)
                                             : gcl_checkpoint_latest(folder, &none);
    int result = 0;
    if (none.code != GCL_OK)
        result = gcl_fail(err, none.code, "%s", none.text);
    else if (path != NULL)
        result = load_checkpoint(loop, config, path, err);
    else if (config->init != NULL)
        result = load_init(loop, config, err);
    if (result == 0)
        gcl_checkpoint_forget_after(folder, loop->first);
    free(folder);
    free(path);
    return result;
}

static int prepare_run(gcl_loop *loop, const gcl_config *config, const gcl_train_request *request,
                       gcl_error *err)
{
    if (gcl_checkpoint_initialise(loop->trainer.nn, loop->trainer.store, config->seed, err) != 0)
        return -1;
    if (request->resume != NULL)
        return resume_run(loop, config, request, err);
    if (config->init != NULL && load_init(loop, config, err) != 0)
        return -1;
    return start_run(loop, config, request->out, err);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static void say_start(const gcl_loop *loop, const gcl_config *config)
{
    const gcl_limits *limits = gcl_device_limits(loop->dev);
    char model[128];
    gcl_model_name(&config->model, model, sizeof model);
    char parts[40] = "";
    if (config->accumulate > 1)
        snprintf(parts, sizeof parts, " x %d", config->accumulate);
    gcl_say("%s, batch %d%s, on device %d: %s", model, config->batch, parts,
            gcl_device_number(loop->dev), limits->name);
    if (loop->trainer.recompute)
        gcl_say("activations are computed a second time in the backward pass to save memory");
    if (loop->first > 0)
        gcl_say("%s: goes on at step %lld", loop->run.folder, (long long)loop->first);
    else
        gcl_say("run folder: %s; to watch it, open %s/report.html in a browser", loop->run.folder,
                loop->run.folder);
}

static int learns(const gcl_config *config)
{
    return gcl_settings_value(&config->settings, GCL_PLAN_TUNING) == GCL_TUNING_LEARN &&
           config->replay == NULL && config->learnt < 0;
}

static int train(gcl_loop *loop, gcl_config *config, const gcl_train_request *request,
                 gcl_error *err)
{
    gcl_plan_options plan_options;
    if (request->resume == NULL && request->out != NULL &&
        gcl_run_check_new(request->out, err) != 0)
        return -1;
    loop->dev = gcl_device_open(request->device, 0, err);
    if (loop->dev == NULL || open_data(loop, config, err) != 0)
        return -1;
    if (config->batch == 0)
        config->batch = config->model.preset->batch;
    gcl_tuning_start(&loop->tuning, config, gcl_device_limits(loop->dev), request->resume != NULL);
    gcl_loop_plan_options(loop, 0, &plan_options);
    gcl_trainer_options options = {.batch = gcl_config_batch(config),
                                   .replay = loop->replay != NULL,
                                   .recompute = gcl_settings_recompute(&config->settings),
                                   .plan = &plan_options};
    if (gcl_trainer_build(&loop->trainer, loop->dev, &config->model, &options, err) != 0)
        return -1;
    gcl_tuning_note(&loop->tuning, loop->trainer.plan, 0, config);
    if (loop->replay != NULL && gcl_replay_check(loop->replay, loop->trainer.nn, err) != 0)
        return -1;
    if (gcl_loop_prepare_evaluation(loop, err) != 0 || prepare_run(loop, config, request, err) != 0)
        return -1;
    if (gcl_loop_begin_at(loop, err) != 0)
        return -1;
    if (loop->first == 0 && gcl_trainer_prologue(&loop->trainer, loop->dev, err) != 0)
        return -1;
    loop->last = last_step(loop, config);
    loop->minutes = config->minutes;
    if (loop->last > 0 && loop->first >= loop->last) {
        gcl_say("%s: already is at step %lld; a larger --steps goes on", loop->run.folder,
                (long long)loop->first);
        return 0;
    }
    if (loop->dataset != NULL && start_loader(loop, config, request->threads, err) != 0)
        return -1;
    if (learns(config))
        loop->learner =
            gcl_learner_new(loop->trainer.plan, request->device, gcl_device_limits(loop->dev),
                            gcl_settings_value(&config->settings, GCL_PLAN_LEARN_SECONDS));
    say_start(loop, config);
    loop->preview = gcl_preview_new(request->preview);
    int status = gcl_loop_run(loop, err);
    if (status == 0)
        printf("%s\n", loop->run.folder);
    return status;
}

int gcl_train(gcl_config *config, const gcl_train_request *request, gcl_error *err)
{
    gcl_loop loop = {.config = config, .run.lock = -1, .saved = -1};
    int status = train(&loop, config, request, err);
    gcl_loop_free(&loop);
    gcl_run_close(&loop.run);
    gcl_loader_free(loop.loader);
    if (loop.dataset != NULL && gcl_dataset_unreadable(loop.dataset) > 0)
        gcl_say("%zu pictures could not be read and were skipped",
                gcl_dataset_unreadable(loop.dataset));
    gcl_trainer_free(&loop.trainer);
    gcl_replay_close(loop.replay);
    gcl_dataset_close(loop.dataset);
    gcl_device_close(loop.dev);
    return status;
}
