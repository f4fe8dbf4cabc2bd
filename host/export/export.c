#include "export/export.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "export/card.h"
#include "export/model.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/grid.h"
#include "train/run.h"
#include "train/sampler.h"
#include "train/trainer.h"

const char *const gcl_export_formats[] = {"onnx", "safetensors", NULL};

enum { SAMPLE_SIDE = 4, SAMPLES = SAMPLE_SIDE * SAMPLE_SIDE, MOST_SHEET = 1 << 28 };

/* An export under way. */
typedef struct work {
    const gcl_export_request *r;
    gcl_device *dev;
    gcl_config *config;
    const gcl_safetensors *checkpoint;
    gcl_network_export x;
    gcl_export_facts facts;
    char model[128];
    gcl_text settings;
    gcl_store *store;
    gcl_sampler *sampler; /* of a generator */
    char *run;            /* its folder; NULL if there is none */
    char *folder;         /* that is being written: a temporary */
    const char *sample;   /* what sample.png shows; NULL: nothing */
} work;

/* ---- the model and its weights -------------------------------------------------------------------- */

/* Whether the model has to run here: for its picture, or for the statistics of batch norm. */
static int needs_sampler(const work *w, int file)
{
    return w->x.task == GCL_TASK_GENERATE &&
           (!file || w->x.averaged || w->r->passes != GCL_USUAL_PASSES);
}

static int load(work *w, int file, gcl_error *err)
{
    const gcl_model *model = &w->config->model;
    w->store = gcl_store_new(w->dev);
    if (gcl_export_need(&w->x, w->store, err) != 0)
        return -1;
    if (needs_sampler(w, file)) {
        w->sampler = gcl_sampler_new(w->dev, w->store, model, SAMPLES, err);
        if (w->sampler == NULL)
            return -1;
    }
    if (gcl_checkpoint_load(w->checkpoint, w->x.nn, w->store, GCL_LOAD_PART, err) != 0)
        return -1;
    if (w->sampler == NULL)
        return 0;
    int result = gcl_sampler_readjust(w->sampler, w->r->passes, w->facts.temperature, err);
    w->facts.readjusted = gcl_sampler_readjusted(w->sampler);
    return result;
}

static int write_model(work *w, const char *path, gcl_error *err)
{
    if (w->r->format == GCL_EXPORT_ONNX)
        return gcl_export_onnx(&w->x, w->store, &w->facts, path, err);
    return gcl_export_weights(&w->x, w->store, w->r->all ? w->checkpoint : NULL, &w->facts, path,
                              err);
}

/* ---- a picture ------------------------------------------------------------------------------------ */

/* What `ganocl sample --seeds 0-15` makes of the same weights. */
static int write_samples(work *w, const char *path, gcl_error *err)
{
    const gcl_model *model = &w->config->model;
    int64_t n = gcl_sampler_latent_count(model);
    int height, width, channels;
    gcl_sampler_picture(w->sampler, &height, &width, &channels);
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    uint8_t *pictures = gcl_try_alloc(SAMPLES * bytes, "sampled pictures", err);
    float *latents = gcl_alloc((size_t)(SAMPLES * n) * sizeof *latents);
    for (int i = 0; i < SAMPLES; i++)
        gcl_sampler_latent(model, (uint64_t)i, w->facts.temperature, latents + i * n);
    int result =
        pictures != NULL ? gcl_sampler_run(w->sampler, latents, SAMPLES, pictures, err) : -1;
    if (result == 0)
        result =
            gcl_grid_write_png(path, pictures, SAMPLES, height, width, channels, SAMPLE_SIDE, err);
    w->sample = "Pictures of the seeds 0 to 15";
    free(latents);
    free(pictures);
    return result;
}

/* The step of "000500.png"; -1 of other names. */
static int64_t sheet_step(const char *name)
{
    char *end;
    long long step = name[0] >= '0' && name[0] <= '9' ? strtoll(name, &end, 10) : -1;
    return step >= 0 && strcmp(end, ".png") == 0 ? step : -1;
}

/* The newest sheet that training left, if there is one. */
static int copy_sheet(work *w, const char *path, gcl_error *err)
{
    gcl_text name = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    int n = 0, result = 0;
    if (w->run == NULL)
        return 0;
    gcl_text_add(&name, "%s/samples", w->run);
    int64_t *steps = gcl_file_steps(name.text, sheet_step, &n);
    if (n > 0) {
        gcl_text_add(&name, "/%06lld.png", (long long)steps[n - 1]);
        result = gcl_file_read(name.text, MOST_SHEET, &bytes, &size, err);
        if (result == 0)
            result = gcl_file_replace(path, bytes, size, err);
        w->sample = "The last sheet of the run, made while it was trained";
    }
    free(bytes);
    free(steps);
    gcl_text_free(&name);
    return result;
}

/* ---- the folder ----------------------------------------------------------------------------------- */

static char *inside(const char *folder, const char *name)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s", folder, name);
    return path.text;
}

static int write_text(const work *w, const char *name, char *text, gcl_error *err)
{
    char *path = inside(w->folder, name);
    int result = gcl_file_replace(path, text, strlen(text), err);
    free(path);
    free(text);
    return result;
}

static int fill_folder(work *w, gcl_error *err)
{
    char file[32];
    snprintf(file, sizeof file, "model.%s", gcl_export_formats[w->r->format]);
    char *model = inside(w->folder, file), *picture = inside(w->folder, "sample.png");
    int result = write_model(w, model, err);
    if (result == 0)
        result = w->sampler != NULL ? write_samples(w, picture, err) : copy_sheet(w, picture, err);
    free(picture);
    free(model);
    if (result != 0)
        return -1;
    gcl_card card = {&w->x, &w->facts, w->config, w->run, file, w->sample};
    if (write_text(w, "README.md", gcl_card_text(&card), err) != 0)
        return -1;
    return write_text(w, "options.json", gcl_config_json(w->config, gcl_device_limits(w->dev)),
                      err);
}

static int is_empty(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (dir != NULL)
        closedir(dir);
    return n == 0;
}

static int check_folder(const char *out, gcl_error *err)
{
    int kind = gcl_path_kind(out);
    if (kind == 1)
        return gcl_fail(err, GCL_USAGE, "--out %s: is a file; name a folder that is not there yet",
                        out);
    if (kind == 2 && !is_empty(out))
        return gcl_fail(err, GCL_USAGE,
                        "--out %s: the folder is not empty; name another, or empty it first", out);
    return 0;
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"model.onnx", "model.safetensors", "sample.png",
                                        "README.md", "options.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = inside(folder, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

/* The temporary takes the place of `out`, which is an empty folder or nothing. */
static int publish(const work *w, const char *out, gcl_error *err)
{
    char *parent = gcl_strdup(out), *slash = strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent] = 0;
    int result = gcl_folder_sync(w->folder, err);
    if (result == 0 && rename(w->folder, out) != 0)
        result =
            gcl_fail(err, GCL_DISK, "%s: cannot be put in its place: %s", out, strerror(errno));
    if (result == 0)
        result = gcl_folder_sync(slash != NULL ? parent : ".", err);
    free(parent);
    return result;
}

static int export_folder(work *w, const char *out, gcl_error *err)
{
    gcl_text temporary = {0};
    gcl_text_add(&temporary, "%s.%ld.tmp", out, (long)getpid());
    w->folder = temporary.text;
    int result = gcl_folder_make(w->folder, err);
    if (result == 0) {
        result = fill_folder(w, err);
        if (result == 0)
            result = publish(w, out, err);
        if (result != 0)
            remove_folder(w->folder);
    }
    gcl_text_free(&temporary);
    return result;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

/* "x.onnx" */
static int is_file(const gcl_export_request *r)
{
    const char *dot = strrchr(r->out, '.');
    return dot != NULL && strcmp(dot + 1, gcl_export_formats[r->format]) == 0 &&
           gcl_path_kind(r->out) != 2;
}

/* What options.json is to say beside the settings is the checkpoint's too. */
static void describe(work *w, const gcl_checkpoint_facts *facts)
{
    const gcl_model *model = &w->config->model;
    gcl_model_name(model, w->model, sizeof w->model);
    gcl_text_add(&w->settings, "{");
    gcl_model_settings_json(model, &w->settings, ", ");
    gcl_text_add(&w->settings, "}");
    w->config->seed = facts->seed;
    w->config->batch = facts->batch;
    w->facts = (gcl_export_facts){.version = w->r->version,
                                  .model = w->model,
                                  .settings = w->settings.text,
                                  .step = facts->step,
                                  .images = facts->images};
    w->facts.temperature = gcl_sampler_temperature(model, w->r->temperature);
    gcl_error none = {0};
    w->run = gcl_run_find(w->r->run, &none);
}

static int export(work *w, gcl_error *err)
{
    char *out = gcl_strdup(w->r->out);
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--)
        out[n - 1] = 0;
    int file = is_file(w->r), result = file ? 0 : check_folder(out, err);
    if (result == 0)
        result = load(w, file, err);
    if (result == 0)
        result = file ? write_model(w, out, err) : export_folder(w, out, err);
    free(out);
    return result;
}

int gcl_export_run(const gcl_export_request *r, gcl_device *dev, gcl_config *config,
                   const gcl_safetensors *checkpoint, const gcl_checkpoint_facts *facts,
                   gcl_error *err)
{
    work w = {.r = r, .dev = dev, .config = config, .checkpoint = checkpoint};
    int result = gcl_network_export_build(&w.x, &config->model, r->network, err);
    if (result == 0) {
        describe(&w, facts);
        result = export(&w, err);
    }
    gcl_sampler_free(w.sampler);
    if (w.store != NULL)
        gcl_store_free(w.store);
    gcl_network_export_free(&w.x);
    gcl_text_free(&w.settings);
    free(w.run);
    return result;
}
