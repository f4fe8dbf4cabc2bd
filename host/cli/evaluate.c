/* Scores of a trained model on a data set, as JSON: bounds of the likelihood, likeness of translations,
 * accuracy, or the distance of what it generates from what it was to learn. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/classify.h"
#include "cli/commands.h"
#include "datasets/loader.h"
#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/file.h"
#include "train/measures.h"
#include "train/sampler.h"
#include "train/scores.h"

enum { BATCH = 16, MOST_IW = 100000, USUAL_GENERATED = 512, MOST_LEVELS = 8 };

/* ---- likelihood ------------------------------------------------------------------------------------ */

/* Running log-sum-exp of one picture's log weights. */
typedef struct log_sum {
    double most, sum;
} log_sum;

static void add_log(log_sum *s, double x)
{
    if (x <= s->most) {
        s->sum += exp(x - s->most);
        return;
    }
    s->sum = s->sum * exp(s->most - x) + 1;
    s->most = x;
}

typedef struct bounds {
    size_t n;
    double reconstruction, kl, iw; /* sums over pictures, in nats */
} bounds;

/* k draws for each picture of a batch. The first draws give the ELBO's terms too. */
static int bound_batch(gcl_trained *t, int n, int k, bounds *all, gcl_error *err)
{
    float terms[3][BATCH];
    log_sum weights[BATCH];
    for (int i = 0; i < n; i++)
        weights[i] = (log_sum){-INFINITY, 0};
    for (int draw = 0; draw < k; draw++) {
        int64_t number = (int64_t)all->n * k + draw;
        if (gcl_use_run(t->use, t->batch[0], t->options->seed, number, err) != 0 ||
            gcl_use_bounds(t->use, terms[0], terms[1], terms[2], err) != 0)
            return -1;
        for (int i = 0; i < n; i++) {
            all->reconstruction += (double)terms[0][i] / k;
            all->kl += (double)terms[1][i] / k;
            add_log(&weights[i], (double)terms[2][i]);
        }
    }
    for (int i = 0; i < n; i++)
        all->iw -= weights[i].most + log(weights[i].sum) - log(k);
    all->n += (size_t)n;
    return 0;
}

static int evaluate_likelihood(gcl_trained *t, json_t *out, gcl_error *err)
{
    size_t indices[BATCH], next = 0;
    bounds all = {0};
    int k = t->options->iw > 0 ? (int)t->options->iw : 1, n;
    if (gcl_trained_use(t, GCL_TASK_RECONSTRUCT, 1, BATCH, err) != 0 ||
        gcl_trained_data(t, t->options->data, GCL_WANT_PICTURES, err) != 0)
        return -1;
    size_t count = gcl_trained_count(t);
    while ((n = gcl_trained_read(t, &next, count, indices)) > 0)
        if (bound_batch(t, n, k, &all, err) != 0)
            return -1;
    if (all.n == 0)
        return gcl_fail(err, GCL_DATA, "%s: no picture in it can be read", t->options->data);
    double nelbo = (all.reconstruction + all.kl) / (double)all.n, iw = all.iw / (double)all.n;
    double bits = log(2) * gcl_model_dimensions(&t->config.model);
    json_object_set_new(out, "count", json_integer((json_int_t)all.n));
    json_object_set_new(out, "negative_elbo",
                        json_pack("{s:f, s:f}", "nats", nelbo, "bits_per_dim", nelbo / bits));
    json_object_set_new(out, "reconstruction", json_real(all.reconstruction / (double)all.n));
    json_object_set_new(out, "kl", json_real(all.kl / (double)all.n));
    json_object_set_new(
        out, "importance_weighted",
        json_pack("{s:i, s:f, s:f}", "k", k, "nats", iw, "bits_per_dim", iw / bits));
    return 0;
}

/* ---- likeness of translations ---------------------------------------------------------------------- */

static json_t *scores_json(const gcl_scores *sum, size_t n)
{
    double count = (double)n;
    return json_pack("{s:f, s:f, s:f, s:f}", "l1", sum->l1 / count, "psnr", sum->psnr / count,
                     "ssim", sum->ssim / count, "gmsd", sum->gmsd / count);
}

/* Sums over the test pairs: of what the model makes, and of the source taken as it is. */
typedef struct likeness {
    size_t n;
    gcl_scores made, copied;
    int can_copy; /* source and target have the same channels */
    gcl_text csv;
} likeness;

static int score_item(gcl_trained *t, int i, size_t index, const uint8_t *made, gcl_shape shape,
                      uint8_t *cut, likeness *all, gcl_error *err)
{
    gcl_scores of_made, of_copy;
    int side = gcl_dataset_get_options(t->dataset)->wanted.size;
    int h = shape.d[1], w = shape.d[2], c = shape.d[3];
    gcl_picture_middle(t->batch[1] + (size_t)i * t->field_bytes[1], side, h, w, c, cut);
    if (gcl_scores_of(made, cut, h, w, c, &of_made, err) != 0)
        return -1;
    gcl_scores_add(&all->made, &of_made);
    if (all->can_copy) {
        uint8_t *source = cut + (size_t)(h * w * c);
        gcl_picture_middle(t->batch[0] + (size_t)i * t->field_bytes[0], side, h, w, c, source);
        if (gcl_scores_of(source, cut, h, w, c, &of_copy, err) != 0)
            return -1;
        gcl_scores_add(&all->copied, &of_copy);
    }
    char *name = gcl_dataset_item_name(t->dataset, index);
    gcl_text_add(&all->csv, "\"%s\",%.6f,%.4f,%.6f,%.6f\n", name, of_made.l1, of_made.psnr,
                 of_made.ssim, of_made.gmsd);
    free(name);
    all->n++;
    return 0;
}

static int score_all(gcl_trained *t, likeness *all, gcl_error *err)
{
    size_t indices[BATCH], next = 0, count = gcl_trained_count(t);
    gcl_shape shape = gcl_use_shape(t->use);
    size_t bytes = (size_t)(gcl_shape_count(shape) / shape.d[0]);
    uint8_t *made = gcl_alloc((size_t)shape.d[0] * bytes), *cut = gcl_alloc(2 * bytes);
    int result = 0, n;
    while (result == 0 && (n = gcl_trained_read(t, &next, count, indices)) > 0) {
        result = gcl_use_run(t->use, t->batch[0], t->options->seed, (int64_t)all->n, err);
        if (result == 0)
            result = gcl_use_pictures(t->use, made, err);
        for (int i = 0; i < n && result == 0; i++)
            result = score_item(t, i, indices[i], made + (size_t)i * bytes, shape, cut, all, err);
    }
    free(made);
    free(cut);
    if (result == 0 && all->n == 0)
        return gcl_fail(err, GCL_DATA, "%s: no pair in it can be read", t->options->data);
    return result;
}

static int evaluate_translation(gcl_trained *t, json_t *out, gcl_error *err)
{
    likeness all = {0};
    if (gcl_trained_use(t, GCL_TASK_TRANSLATE, 0, 4, err) != 0 ||
        gcl_trained_data(t, t->options->data, GCL_WANT_PAIRS, err) != 0)
        return -1;
    const gcl_wanted *wanted = &gcl_dataset_get_options(t->dataset)->wanted;
    all.can_copy = wanted->channels == wanted->target_channels;
    gcl_text_add(&all.csv, "picture,l1,psnr,ssim,gmsd\n");
    int result = score_all(t, &all, err);
    if (result == 0 && t->options->out != NULL)
        result = gcl_file_replace(t->options->out, all.csv.text, strlen(all.csv.text), err);
    gcl_text_free(&all.csv);
    if (result != 0)
        return -1;
    json_object_set_new(out, "count", json_integer((json_int_t)all.n));
    json_object_set_new(out, "translated", scores_json(&all.made, all.n));
    if (all.can_copy)
        json_object_set_new(out, "source_as_it_is", scores_json(&all.copied, all.n));
    return 0;
}

/* ---- accuracy --------------------------------------------------------------------------------------- */

static int evaluate_accuracy(gcl_trained *t, json_t *out, gcl_error *err)
{
    gcl_verdicts verdicts = {0};
    int result = gcl_classify_data(t, t->options->arguments[0], t->options->data, &verdicts, err);
    gcl_accuracy a = gcl_accuracy_of(&verdicts);
    gcl_verdicts_free(&verdicts);
    if (result == 0 && a.labelled == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: has no classes that the model knows; ganocl classify says what it "
                        "takes the pictures for",
                        t->options->data);
    if (result != 0)
        return -1;
    json_object_set_new(out, "count", json_integer((json_int_t)a.labelled));
    json_object_set_new(out, "top1", json_real(a.top1));
    json_object_set_new(out, "top5", json_real(a.top5));
    json_object_set_new(out, "cross_entropy", json_real(a.cross_entropy));
    return 0;
}

/* ---- distance of generated pictures ------------------------------------------------------------------ */

/* n pictures for the seeds from --seed on. */
static int generate(gcl_trained *t, gcl_sampler *sampler, uint8_t *pictures, int n, gcl_error *err)
{
    const gcl_model *model = &t->config.model;
    int64_t size = gcl_sampler_latent_count(model);
    float *latents = gcl_alloc((size_t)(n * size) * sizeof *latents);
    double temperature = gcl_sampler_temperature(model, t->options->temperature);
    int passes = t->options->readjust > 0 ? (int)t->options->readjust : GCL_USUAL_PASSES;
    for (int i = 0; i < n; i++)
        gcl_sampler_latent(model, t->options->seed + (unsigned)i, temperature, latents + i * size);
    int result = gcl_sampler_readjust(sampler, passes, temperature, err);
    if (result == 0)
        result = gcl_sampler_run(sampler, latents, n, pictures, err);
    free(latents);
    return result;
}

/* The first n readable pictures of the data set in a shuffled order; fewer if there are fewer. */
static int read_reals(gcl_trained *t, uint8_t *pictures, int n, size_t bytes)
{
    int read = 0;
    size_t count = gcl_dataset_count(t->dataset);
    for (size_t p = 0; p < count && read < n; p++) {
        void *const fields[2] = {pictures + (size_t)read * bytes, NULL};
        read += gcl_dataset_read(t->dataset, gcl_loader_shuffle(t->options->seed, 0, count, p),
                                 NULL, fields, NULL) == 0;
    }
    return read;
}

static int measure_distance(gcl_trained *t, gcl_sampler *sampler, json_t *out, gcl_error *err)
{
    int h, w, c, n = t->options->count > 0 ? (int)t->options->count : USUAL_GENERATED;
    gcl_sampler_picture(sampler, &h, &w, &c);
    size_t bytes = (size_t)h * (size_t)w * (size_t)c;
    uint8_t *reals = gcl_try_alloc(2 * (size_t)n * bytes, "pictures to compare", err);
    if (reals == NULL)
        return -1;
    uint8_t *fakes = reals + (size_t)n * bytes;
    double levels[MOST_LEVELS], sum = 0;
    int result = generate(t, sampler, fakes, n, err);
    int read = result == 0 ? read_reals(t, reals, n, bytes) : 0;
    if (result == 0 && read == 0)
        result = gcl_fail(err, GCL_DATA, "%s: no picture in it can be read", t->options->data);
    int n_levels = result == 0 ? gcl_sliced_wasserstein(reals, fakes, read, h, c, t->options->seed,
                                                        levels, MOST_LEVELS, NULL, err)
                               : -1;
    free(reals);
    if (n_levels < 0)
        return -1;
    json_t *by_size = json_object();
    for (int i = 0; i < n_levels; i++) {
        char side[16];
        snprintf(side, sizeof side, "%d", h >> i);
        json_object_set_new(by_size, side, json_real(levels[i]));
        sum += levels[i];
    }
    json_object_set_new(out, "count", json_integer(read));
    json_object_set_new(out, "sliced_wasserstein",
                        json_pack("{s:f, s:o}", "mean", sum / n_levels, "levels", by_size));
    return 0;
}

static int evaluate_generation(gcl_trained *t, json_t *out, gcl_error *err)
{
    const gcl_model *model = &t->config.model;
    gcl_dataset_options options = {0};
    model->system->data(model, &options.wanted);
    gcl_settings_dataset(&t->config.settings, &options);
    t->dataset = gcl_dataset_open(t->options->data, &options, err);
    if (t->dataset == NULL)
        return -1;
    gcl_sampler *sampler = gcl_sampler_new(t->dev, t->store, model, BATCH, err);
    if (sampler == NULL)
        return -1;
    int result =
        gcl_checkpoint_load(t->file, gcl_sampler_nn(sampler), t->store, GCL_LOAD_PART, err);
    if (result == 0)
        result = measure_distance(t, sampler, out, err);
    gcl_sampler_free(sampler);
    return result;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static int evaluate(gcl_trained *t, json_t *out, gcl_error *err)
{
    const gcl_model *model = &t->config.model;
    int reconstructs = gcl_model_lacks(model, GCL_TASK_RECONSTRUCT) == NULL;
    int translates = gcl_model_lacks(model, GCL_TASK_TRANSLATE) == NULL;
    if (t->options->iw > 0 && !reconstructs)
        return gcl_fail(err, GCL_USAGE, "--iw: %s has no likelihood to bound", model->system->name);
    if (t->options->out != NULL && !translates)
        return gcl_fail(err, GCL_USAGE,
                        "--out: only models that translate have a table by picture");
    if (reconstructs)
        return evaluate_likelihood(t, out, err);
    if (translates)
        return evaluate_translation(t, out, err);
    if (gcl_model_lacks(model, GCL_TASK_CLASSIFY) == NULL)
        return evaluate_accuracy(t, out, err);
    return evaluate_generation(t, out, err);
}

int gcl_command_evaluate(const gcl_options *options, gcl_error *err)
{
    gcl_trained t;
    char name[128];
    if (options->data == NULL)
        return gcl_fail(err, GCL_USAGE, "evaluate: --data is missing");
    if (options->iw > MOST_IW || options->count > 1000000)
        return gcl_fail(err, GCL_USAGE, "--%s is out of range (1 to %d)",
                        options->iw > MOST_IW ? "iw" : "count",
                        options->iw > MOST_IW ? MOST_IW : 1000000);
    int result = gcl_trained_open(&t, options->arguments[0], options, err);
    if (result == 0) {
        gcl_model_name(&t.config.model, name, sizeof name);
        json_t *out = json_pack("{s:s, s:I, s:s}", "model", name, "step", (json_int_t)t.step,
                                "data", options->data);
        result = evaluate(&t, out, err);
        if (result == 0) {
            json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
            printf("\n");
        }
        json_decref(out);
    }
    gcl_trained_close(&t);
    return result;
}
