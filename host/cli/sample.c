#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "device/device.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/grid.h"
#include "train/run.h"
#include "train/sampler.h"

enum { MOST_PICTURES = 100000, BATCH = 16 };

/* What was asked for. Picture i is that of seed first + i. */
typedef struct request {
    uint64_t first;
    int count, columns; /* pictures; with steps: frames */
    int steps;          /* from a seed to the next; 0: a picture for each seed */
    double temperature; /* 0: the usual one */
    int passes;         /* that readjust running statistics */
    const char *out;    /* .png or folder; NULL: beside the checkpoint's run */
} request;

static int parse_grid(const char *text, int *columns, int *rows, gcl_error *err)
{
    char tail;
    if (sscanf(text, "%dx%d%c", columns, rows, &tail) != 2 || *columns < 1 || *rows < 1 ||
        *columns > 1000 || *rows > 1000)
        return gcl_fail(err, GCL_USAGE, "--grid '%s': is not COLUMNSxROWS (as 6x6)", text);
    return 0;
}

static int parse_seeds(const char *text, uint64_t *first, int64_t *count, gcl_error *err)
{
    unsigned long long a, b;
    char tail;
    int n = text[0] == '-' ? 0 : sscanf(text, "%llu-%llu%c", &a, &b, &tail);
    if (n == 1 && strchr(text, '-') == NULL)
        b = a;
    else if (n != 2)
        return gcl_fail(err, GCL_USAGE, "--seeds '%s': is not A-B (as 0-35)", text);
    if (b < a || b - a >= MOST_PICTURES)
        return gcl_fail(err, GCL_USAGE, "--seeds %s: wants 1 to %d seeds", text, MOST_PICTURES);
    *first = a;
    *count = (int64_t)(b - a) + 1;
    return 0;
}

static int parse_request(request *r, const gcl_options *options, gcl_error *err)
{
    int rows = 0;
    int64_t count = options->count;
    *r = (request){.first = options->seed,
                   .temperature = options->temperature,
                   .passes = options->readjust > 0 ? (int)options->readjust : GCL_USUAL_PASSES,
                   .out = options->out};
    if (options->grid != NULL && parse_grid(options->grid, &r->columns, &rows, err) != 0)
        return -1;
    if (options->seeds != NULL) {
        if (options->count > 0)
            return gcl_fail(err, GCL_USAGE, "--count and --seeds: give one of them");
        if (parse_seeds(options->seeds, &r->first, &count, err) != 0)
            return -1;
    }
    if (count == 0)
        count = rows > 0 ? r->columns * rows : 36;
    if (count > MOST_PICTURES)
        return gcl_fail(err, GCL_USAGE, "--count %lld is out of range (1 to %d)", (long long)count,
                        MOST_PICTURES);
    if (rows > 0 && options->interpolate == 0 && count > (int64_t)r->columns * rows)
        return gcl_fail(err, GCL_USAGE, "--grid %s has no room for %lld pictures", options->grid,
                        (long long)count);
    if (options->interpolate > 0) {
        if (count < 2 || (count - 1) * options->interpolate >= MOST_PICTURES)
            return gcl_fail(err, GCL_USAGE,
                            "--interpolate %lld: wants 2 seeds or more (--seeds 0-5) and makes at "
                            "most %d frames",
                            (long long)options->interpolate, MOST_PICTURES);
        r->steps = (int)options->interpolate;
        r->columns = r->columns > 0 ? r->columns : r->steps + (count == 2);
        rows = 1;
        count = (count - 1) * options->interpolate + 1;
    }
    r->count = (int)count;
    while (r->columns == 0 || (rows == 0 && r->columns * r->columns < r->count))
        r->columns++;
    return 0;
}

static int is_sheet(const char *out)
{
    size_t n = strlen(out);
    return n > 4 && strcmp(out + n - 4, ".png") == 0;
}

static int write_sheet(const char *path, const request *r, const uint8_t *pictures,
                       const gcl_sampler *sampler, gcl_error *err)
{
    int height, width, channels;
    gcl_sampler_picture(sampler, &height, &width, &channels);
    if (gcl_grid_write_png(path, pictures, r->count, height, width, channels, r->columns, err) != 0)
        return -1;
    printf("%s\n", path);
    return 0;
}

static int write_folder(const char *folder, const request *r, const uint8_t *pictures,
                        const gcl_sampler *sampler, gcl_error *err)
{
    int height, width, channels, result = gcl_folder_make(folder, err);
    gcl_sampler_picture(sampler, &height, &width, &channels);
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    for (int i = 0; i < r->count && result == 0; i++) {
        gcl_text path = {0};
        unsigned long long first = r->steps > 0 ? 0 : r->first; /* frames count from 0 */
        gcl_text_add(&path, "%s/%06llu.png", folder, first + (unsigned)i);
        result = gcl_grid_write_png(path.text, pictures + (size_t)i * bytes, 1, height, width,
                                    channels, 1, err);
        gcl_text_free(&path);
    }
    if (result == 0)
        printf("%s\n", folder);
    return result;
}

static int write_out(const request *r, const uint8_t *pictures, const gcl_sampler *sampler,
                     const char *run, gcl_error *err)
{
    if (r->out != NULL)
        return is_sheet(r->out) ? write_sheet(r->out, r, pictures, sampler, err)
                                : write_folder(r->out, r, pictures, sampler, err);
    gcl_text path = {0};
    if (gcl_path_kind(run) == 2)
        gcl_text_add(&path, "%s/", run);
    int last = r->steps > 0 ? (r->count - 1) / r->steps : r->count - 1;
    gcl_text_add(&path, "%s-%llu-%llu.png", r->steps > 0 ? "interpolation" : "sample",
                 (unsigned long long)r->first, (unsigned long long)r->first + (unsigned)last);
    int result = write_sheet(path.text, r, pictures, sampler, err);
    gcl_text_free(&path);
    return result;
}

/* From a to b along the sphere: sin((1-t) w) / sin w a + sin(t w) / sin w b with the angle w between
 * them, so that what lies between is as far from 0 as they are. */
static void interpolate(const float *a, const float *b, int64_t n, double t, float *out)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
    double angle = acos(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine), sine = sin(angle);
    double of_a = sine > 1e-6 ? sin((1 - t) * angle) / sine : 1 - t;
    double of_b = sine > 1e-6 ? sin(t * angle) / sine : t;
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(of_a * a[i] + of_b * b[i]);
}

/* The latents of all pictures or frames. */
static void fill_latents(const gcl_model *model, const request *r, int64_t n, float *latents)
{
    if (r->steps == 0) {
        for (int i = 0; i < r->count; i++)
            gcl_sampler_latent(model, r->first + (unsigned)i, r->temperature, latents + i * n);
        return;
    }
    float *ends = gcl_alloc((size_t)(2 * n) * sizeof *ends);
    for (int i = 0; i < r->count; i++) {
        unsigned from = (unsigned)(i / r->steps);
        gcl_sampler_latent(model, r->first + from, r->temperature, ends);
        gcl_sampler_latent(model, r->first + from + 1, r->temperature, ends + n);
        interpolate(ends, ends + n, n, (double)(i % r->steps) / r->steps, latents + i * n);
    }
    free(ends);
}

static uint8_t *make_pictures(gcl_sampler *sampler, const gcl_model *model, const request *r,
                              gcl_error *err)
{
    int height, width, channels;
    int64_t n = gcl_sampler_latent_count(model);
    gcl_sampler_picture(sampler, &height, &width, &channels);
    uint8_t *pictures =
        gcl_try_alloc((size_t)r->count * (size_t)height * (size_t)width * (size_t)channels,
                      "sampled pictures", err);
    if (pictures == NULL)
        return NULL;
    float *latents = gcl_alloc((size_t)(r->count * n) * sizeof(float));
    fill_latents(model, r, n, latents);
    int result = gcl_sampler_run(sampler, latents, r->count, pictures, err);
    free(latents);
    if (result == 0)
        return pictures;
    free(pictures);
    return NULL;
}

static int sample(gcl_device *dev, const gcl_safetensors *file, const gcl_model *model,
                  const request *r, const char *run, gcl_error *err)
{
    int result = -1;
    gcl_store *store = gcl_store_new(dev);
    int batch = r->count < BATCH ? r->count : BATCH;
    gcl_sampler *sampler = gcl_sampler_new(dev, store, model, batch, err);
    if (sampler != NULL &&
        gcl_checkpoint_load(file, gcl_sampler_nn(sampler), store, GCL_LOAD_PART, err) == 0 &&
        gcl_sampler_readjust(sampler, r->passes, r->temperature, err) == 0) {
        uint8_t *pictures = make_pictures(sampler, model, r, err);
        if (pictures != NULL)
            result = write_out(r, pictures, sampler, run, err);
        free(pictures);
    }
    gcl_sampler_free(sampler);
    gcl_store_free(store);
    return result;
}

int gcl_command_sample(const gcl_options *options, gcl_error *err)
{
    const char *run = options->arguments[0];
    request r;
    gcl_config config;
    if (parse_request(&r, options, err) != 0)
        return -1;
    char *path = gcl_run_checkpoint(run, options->checkpoint, err);
    gcl_safetensors *file = path != NULL ? gcl_safetensors_open(path, err) : NULL;
    free(path);
    if (file == NULL)
        return -1;
    int result = gcl_configure_checkpoint(&config, file, options, err);
    if (result == 0) {
        r.temperature = gcl_sampler_temperature(&config.model, r.temperature);
        gcl_device *dev = gcl_device_open(options->device, 0, err);
        result = dev != NULL ? sample(dev, file, &config.model, &r, run, err) : -1;
        gcl_device_close(dev);
    }
    gcl_config_free(&config);
    gcl_safetensors_close(file);
    return result;
}
