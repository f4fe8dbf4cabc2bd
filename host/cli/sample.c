#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "cli/gallery.h"
#include "cli/seeds.h"
#include "device/device.h"
#include "io/animation.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "train/run.h"
#include "train/sampler.h"
#include "train/sheet.h"

enum {
    MOST_PICTURES = 100000,
    USUAL_SEEDS = 36,
    USUAL_ENDS = 6,
    USUAL_FRAMES = 12,
    USUAL_FPS = 24
};
/* Pictures in memory at a time, whole batches. */
enum { AT_ONCE = 16 * GCL_SAMPLER_BATCH };

/* What was asked for. Pictures are those of the seeds, of frames between them, or of the latents that
 * training shows. */
typedef struct request {
    const gcl_options *options;
    gcl_seeds seeds;
    uint64_t run_seed; /* of training */
    int count, columns;
    int frames;         /* from a seed to the next; 0: a picture for each seed */
    double temperature; /* 0: the usual one */
    int passes;         /* that readjust running statistics */
    int64_t step;       /* of the checkpoint */
} request;

/* ---- what the options mean ------------------------------------------------------------------------ */

static int given(const request *r, const char *name) { return gcl_options_given(r->options, name); }

/* Refuses options that mean nothing beside, or without, another one. */
static int refuse(const request *r, const char *const *names, const char *why, gcl_error *err)
{
    for (int i = 0; names[i] != NULL; i++)
        if (given(r, names[i]))
            return gcl_fail(err, GCL_USAGE, "--%s: %s", names[i], why);
    return 0;
}

static int check_combination(const request *r, gcl_error *err)
{
    static const char *const of_path[] = {"frames", "loop", NULL};
    static const char *const of_animation[] = {"fps", "quality", NULL};
    static const char *const of_seeds[] = {"seed",       "seeds",       "count",
                                           "grid",       "temperature", "readjust",
                                           "truncation", "interpolate", NULL};
    const gcl_options *o = r->options;
    gcl_gallery_kind kind = GCL_GALLERY_SHEET;
    if (o->out != NULL && gcl_gallery_kind_of(o->out, &kind, err) != 0)
        return -1;
    if (o->seeds != NULL && o->count > 0)
        return gcl_fail(err, GCL_USAGE, "--count and --seeds: give one of them");
    if (!o->interpolate && refuse(r, of_path, "only with --interpolate", err) != 0)
        return -1;
    if (kind != GCL_GALLERY_ANIMATION &&
        refuse(r, of_animation, "only with an animation (--out FILE.webp)", err) != 0)
        return -1;
    if (o->fps > 0 && (o->fps < GCL_ANIMATION_SLOWEST || o->fps > GCL_ANIMATION_FASTEST))
        return gcl_fail(err, GCL_USAGE, "--fps: %g is out of range (%g to %g)", o->fps,
                        GCL_ANIMATION_SLOWEST, GCL_ANIMATION_FASTEST);
    if (o->truncation > 0 && o->truncation < 0.01)
        return gcl_fail(err, GCL_USAGE, "--truncation: %g is out of range (0.01 or more)",
                        o->truncation);
    return o->controls ? refuse(r, of_seeds, "does not go with --controls", err) : 0;
}

static int parse_grid(const char *text, int *columns, int *rows, gcl_error *err)
{
    char tail;
    if (sscanf(text, "%dx%d%c", columns, rows, &tail) != 2 || *columns < 1 || *rows < 1 ||
        *columns > 1000 || *rows > 1000)
        return gcl_fail(err, GCL_USAGE, "--grid '%s': is not COLUMNSxROWS (as 6x6)", text);
    return 0;
}

static int parse_seeds(request *r, int rows, gcl_error *err)
{
    const gcl_options *o = r->options;
    if (o->seeds != NULL)
        return gcl_seeds_parse(&r->seeds, o->seeds, MOST_PICTURES, err);
    int64_t count = o->count > 0     ? o->count
                    : o->interpolate ? USUAL_ENDS
                    : rows > 0       ? (int64_t)r->columns * rows
                                     : USUAL_SEEDS;
    if (count > MOST_PICTURES)
        return gcl_fail(err, GCL_USAGE, "%lld pictures: at most %d are made in one go",
                        (long long)count, MOST_PICTURES);
    gcl_seeds_range(&r->seeds, o->seed, (int)count);
    return 0;
}

/* Frames 0 .. count-1: from each seed's picture to the next one's, which is the first one's again at
 * the end of a loop (and then not made twice). */
static int set_path(request *r, gcl_error *err)
{
    const gcl_options *o = r->options;
    int n = r->seeds.n;
    int64_t frames = o->frames > 0 ? o->frames : USUAL_FRAMES;
    int64_t count = o->loop ? n * frames : (n - 1) * frames + 1;
    if (n < 2)
        return gcl_fail(err, GCL_USAGE, "--interpolate: wants 2 seeds or more (as --seeds 0-5)");
    if (count > MOST_PICTURES)
        return gcl_fail(err, GCL_USAGE, "--frames %lld: makes %lld pictures, more than %d",
                        (long long)frames, (long long)count, MOST_PICTURES);
    r->frames = (int)frames;
    r->count = (int)count;
    if (r->columns == 0) /* a row for each way, or all of the only one */
        r->columns = r->frames + (n == 2 && !o->loop);
    return 0;
}

static int parse_request(request *r, gcl_error *err)
{
    int rows = 0;
    const gcl_options *o = r->options;
    if (check_combination(r, err) != 0)
        return -1;
    if (o->controls) {
        r->count = GCL_GRID_PICTURES;
        r->columns = GCL_GRID_SIDE;
        return 0;
    }
    if ((o->grid != NULL && parse_grid(o->grid, &r->columns, &rows, err) != 0) ||
        parse_seeds(r, rows, err) != 0)
        return -1;
    if (o->interpolate)
        return set_path(r, err);
    r->count = r->seeds.n;
    if (rows > 0 && r->count > r->columns * rows)
        return gcl_fail(err, GCL_USAGE, "--grid %s has no room for %d pictures", o->grid, r->count);
    while (r->columns == 0 || (rows == 0 && r->columns * r->columns < r->count))
        r->columns++;
    return 0;
}

/* ---- pictures ------------------------------------------------------------------------------------- */

static void end_latent(const gcl_model *model, const request *r, int seed, float *latent)
{
    gcl_sampler_truncated(model, r->seeds.of[seed % r->seeds.n], r->temperature,
                          r->options->truncation, latent);
}

/* The latents of pictures first .. first+count-1; `ends` has room for two. */
static void fill_latents(const gcl_model *model, const request *r, int first, int count,
                         float *ends, float *latents)
{
    int64_t n = gcl_sampler_latent_count(model);
    int from = -1;
    for (int i = first; i < first + count; i++, latents += n) {
        if (r->frames == 0) {
            end_latent(model, r, i, latents);
            continue;
        }
        if (from != i / r->frames) {
            from = i / r->frames;
            end_latent(model, r, from, ends);
            end_latent(model, r, from + 1, ends + n);
        }
        if (i % r->frames == 0) /* exactly the seed's */
            memcpy(latents, ends, (size_t)n * sizeof *latents);
        else
            gcl_sampler_between(model, ends, ends + n, (double)(i % r->frames) / r->frames,
                                latents);
    }
}

static void name_of(const request *r, int i, char name[40])
{
    if (r->options->controls)
        snprintf(name, 40, "control%02d", i);
    else if (r->frames > 0)
        snprintf(name, 40, "frame%05d", i);
    else
        snprintf(name, 40, "seed%05llu", (unsigned long long)r->seeds.of[i]);
}

static int add_pictures(gcl_gallery *gallery, gcl_sampler *sampler, const gcl_model *model,
                        const request *r, const float *controls, gcl_error *err)
{
    int height, width, channels, result = 0;
    char name[40];
    int64_t n = gcl_sampler_latent_count(model);
    gcl_sampler_picture(sampler, &height, &width, &channels);
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    uint8_t *pictures = gcl_try_alloc(AT_ONCE * bytes, "sampled pictures", err);
    float *latents = gcl_alloc((size_t)(AT_ONCE + 2) * (size_t)n * sizeof *latents);
    gcl_activity activity;
    if (pictures == NULL)
        result = -1;
    gcl_activity_begin(&activity, "making pictures", r->count);
    for (int first = 0; first < r->count && result == 0; first += AT_ONCE) {
        int count = r->count - first < AT_ONCE ? r->count - first : AT_ONCE;
        if (controls != NULL)
            memcpy(latents, controls + first * n, (size_t)(count * n) * sizeof *latents);
        else
            fill_latents(model, r, first, count, latents + AT_ONCE * n, latents);
        result = gcl_sampler_run(sampler, latents, count, pictures, err);
        for (int i = 0; i < count && result == 0; i++) {
            name_of(r, first + i, name);
            gcl_activity_update(&activity, first + i);
            result = gcl_gallery_add(gallery, pictures + (size_t)i * bytes, name, err);
        }
    }
    gcl_activity_end(&activity);
    free(pictures);
    free(latents);
    return result;
}

/* The control vectors of the run that is sampled, if these are wanted. free() them. */
static float *controls_of(const gcl_model *model, const request *r)
{
    if (!r->options->controls)
        return NULL;
    int64_t n = GCL_GRID_PICTURES * gcl_sampler_latent_count(model);
    float *controls = gcl_alloc((size_t)n * sizeof *controls);
    gcl_sampler_control(model, r->run_seed, GCL_GRID_PICTURES, controls);
    return controls;
}

/* ---- where they go ---------------------------------------------------------------------------------- */

/* Beside the checkpoint's run: sample-0-35.png, interpolation-1,5,9-12.png, controls-000500.png. */
static char *usual_path(const request *r, const char *run)
{
    gcl_text path = {0};
    const char *what = r->frames > 0 ? "interpolation" : "sample", *seeds = r->options->seeds;
    unsigned long long first = r->seeds.n > 0 ? r->seeds.of[0] : 0;
    if (gcl_path_kind(run) == 2)
        gcl_text_add(&path, "%s/", run);
    if (r->options->controls)
        gcl_text_add(&path, "controls-%06lld", (long long)r->step);
    else if (seeds != NULL && strlen(seeds) <= 60)
        gcl_text_add(&path, "%s-%s", what, seeds);
    else
        gcl_text_add(&path, "%s-%llu-%llu", what, first,
                     (unsigned long long)r->seeds.of[r->seeds.n - 1]);
    gcl_text_add(&path, ".png");
    return path.text;
}

static int write_pictures(gcl_sampler *sampler, const gcl_model *model, const request *r,
                          const char *path, gcl_error *err)
{
    const gcl_options *o = r->options;
    gcl_gallery_options options = {.path = path,
                                   .count = r->count,
                                   .columns = r->columns,
                                   .fps = o->fps > 0 ? o->fps : USUAL_FPS,
                                   .quality = (int)o->quality};
    gcl_sampler_picture(sampler, &options.height, &options.width, &options.channels);
    gcl_gallery *gallery = gcl_gallery_open(&options, err);
    if (gallery == NULL)
        return -1;
    float *controls = controls_of(model, r);
    int result = add_pictures(gallery, sampler, model, r, controls, err);
    free(controls);
    if (result == 0)
        return gcl_gallery_close(gallery, err);
    gcl_gallery_abandon(gallery);
    return -1;
}

static int sample(gcl_device *dev, const gcl_safetensors *file, const gcl_model *model,
                  const request *r, const char *path, gcl_error *err)
{
    int result = -1;
    gcl_store *store = gcl_store_new(dev);
    gcl_sampler *sampler = gcl_sampler_new(dev, store, model, GCL_SAMPLER_BATCH, err);
    if (sampler != NULL &&
        gcl_checkpoint_load(file, gcl_sampler_nn(sampler), store, GCL_LOAD_PART, err) == 0 &&
        gcl_sampler_readjust_truncated(sampler, r->passes, r->temperature, r->options->truncation,
                                       err) == 0)
        result = write_pictures(sampler, model, r, path, err);
    gcl_sampler_free(sampler);
    gcl_store_free(store);
    if (result == 0)
        printf("%s\n", path);
    return result;
}

/* ---- the command ------------------------------------------------------------------------------------ */

/* What the checkpoint decides. Sheets of training are made at the temperature 1. */
static void settle(request *r, const gcl_safetensors *file, const gcl_model *model)
{
    gcl_checkpoint_facts facts;
    const gcl_options *o = r->options;
    gcl_checkpoint_read_facts(file, &facts, NULL); /* it could be read before */
    r->run_seed = facts.seed;
    r->step = facts.step;
    r->temperature = o->controls ? 1 : gcl_sampler_temperature(model, o->temperature);
    r->passes = o->readjust > 0 ? (int)o->readjust : gcl_sampler_passes(r->step);
}

static int run_request(request *r, gcl_error *err)
{
    const char *run = r->options->arguments[0];
    gcl_config config;
    char *checkpoint = gcl_run_checkpoint(run, r->options->checkpoint, err);
    gcl_safetensors *file = checkpoint != NULL ? gcl_safetensors_open(checkpoint, err) : NULL;
    free(checkpoint);
    if (file == NULL)
        return -1;
    int result = gcl_configure_checkpoint(&config, file, r->options, err);
    if (result == 0) {
        settle(r, file, &config.model);
        char *path = r->options->out != NULL ? gcl_strdup(r->options->out) : usual_path(r, run);
        gcl_device *dev = gcl_device_open(r->options->device, 0, err);
        result = dev != NULL ? sample(dev, file, &config.model, r, path, err) : -1;
        gcl_device_close(dev);
        free(path);
    }
    gcl_config_free(&config);
    gcl_safetensors_close(file);
    return result;
}

int gcl_command_sample(const gcl_options *options, gcl_error *err)
{
    request r = {.options = options};
    int result = parse_request(&r, err);
    if (result == 0)
        result = run_request(&r, err);
    gcl_seeds_free(&r.seeds);
    return result;
}
