#include "train/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/accuracy.h"
#include "train/metrics.h"
#include "train/sampler.h"
#include "train/use.h"

enum { MOST_LEVELS = 8, MOST_UNITS = 1 << 16, MOST_BATCH = 64 };

static void add(gcl_measured *out, const char *name, double value)
{
    if (out->n < GCL_MEASURED)
        out->values[out->n++] = (gcl_named_value){name, value};
}

static int stopped(const gcl_measuring *m) { return m->stop != NULL && m->stop(); }

/* Before item i of a pass over the pictures. */
static int goes_on(const gcl_measuring *m, int i)
{
    gcl_activity_update(m->activity, i);
    return !stopped(m);
}

static gcl_wanted wanted_of(const gcl_model *model)
{
    gcl_wanted wanted;
    model->system->data(model, &wanted);
    return wanted;
}

/* Training has the memory; an evaluation makes do with what is left, if need be one by one. Returns 1
 * to try again with half the batch. */
static int smaller(int *batch, const gcl_error *why, gcl_error *err)
{
    if (why->code == GCL_MEMORY && *batch > 1) {
        *batch /= 2;
        return 1;
    }
    gcl_fail(err, why->code, "evaluation: %s; --set eval.every=0 goes without", why->text);
    return 0;
}

static gcl_use *use_for(const gcl_measuring *m, gcl_task task, int bounds, gcl_error *err)
{
    int batch = m->batch;
    gcl_use *use;
    gcl_error why;
    do {
        why = (gcl_error){0};
        use = bounds ? gcl_use_new_bound(m->dev, m->store, m->model, batch, &why)
                     : gcl_use_new(m->dev, m->store, m->model, task, batch, &why);
    } while (use == NULL && smaller(&batch, &why, err));
    return use;
}

/* ---- from latents ----------------------------------------------------------------------------------- */

static int sample(const gcl_measuring *m, gcl_sampler *sampler, int n, uint8_t *pictures,
                  gcl_error *err)
{
    int64_t size = gcl_sampler_latent_count(m->model);
    double temperature = gcl_sampler_temperature(m->model, 0);
    float *latents = gcl_alloc((size_t)(n * size) * sizeof *latents);
    for (int i = 0; i < n; i++)
        gcl_sampler_latent(m->model, m->seed + (unsigned)i, temperature, latents + i * size);
    int result = gcl_sampler_readjust(sampler, GCL_USUAL_PASSES, temperature, err);
    for (int i = 0; i < n && result == 0 && goes_on(m, i); i += m->batch)
        result = gcl_sampler_run(sampler, latents + i * size, m->batch,
                                 pictures + (size_t)i * m->items.bytes[0], err);
    free(latents);
    return result;
}

/* n pictures [n,H,W,C] of the seeds from the run's on. */
static int generate(const gcl_measuring *m, int n, uint8_t *pictures, gcl_error *err)
{
    int batch = m->batch, result;
    gcl_sampler *sampler;
    gcl_error why, ignored = {0};
    do {
        why = (gcl_error){0};
        sampler = gcl_sampler_new(m->dev, m->store, m->model, batch, &why);
    } while (sampler == NULL && smaller(&batch, &why, err));
    if (sampler == NULL)
        return -1;
    result = sample(m, sampler, n, pictures, err);
    int restored = gcl_sampler_restore(sampler, result == 0 ? err : &ignored);
    gcl_sampler_free(sampler);
    return result == 0 ? restored : -1;
}

/* The share of n pictures that the discriminator takes for real. */
static int judge(const gcl_measuring *m, gcl_use *use, const uint8_t *pictures, int n,
                 double *share, gcl_error *err)
{
    int batch = gcl_use_batch(use), real = 0;
    float scores[MOST_BATCH];
    for (int i = 0; i < n && goes_on(m, i); i += batch) {
        if (gcl_use_run(use, pictures + (size_t)i * m->items.bytes[0], m->seed, i, err) != 0 ||
            gcl_use_scores(use, scores, err) != 0)
            return -1;
        for (int k = 0; k < batch; k++)
            real += scores[k] > 0;
    }
    *share = (double)real / n;
    return 0;
}

static int judge_all(const gcl_measuring *m, const uint8_t *fakes, gcl_measured *out,
                     gcl_error *err)
{
    double of_reals = 0, of_fakes = 0, of_training = 0;
    if (gcl_model_lacks(m->model, GCL_TASK_JUDGE) != NULL)
        return 0;
    gcl_use *use = use_for(m, GCL_TASK_JUDGE, 0, err);
    if (use == NULL)
        return -1;
    int result = judge(m, use, m->items.fields[0], m->items.n, &of_reals, err);
    if (result == 0)
        result = judge(m, use, fakes, m->items.n, &of_fakes, err);
    if (result == 0 && m->training.n > 0)
        result = judge(m, use, m->training.fields[0], m->training.n, &of_training, err);
    gcl_use_free(use);
    add(out, "d_accuracy_real", of_reals);
    add(out, "d_accuracy_fake", 1 - of_fakes);
    if (m->training.n > 0)
        add(out, "d_accuracy_train", of_training);
    return result;
}

/* swd and both pairwise_ssim. */
static int compare(gcl_measuring *m, const uint8_t *fakes, gcl_measured *out, gcl_error *err)
{
    double levels[MOST_LEVELS], sum = 0, of_fakes;
    gcl_wanted wanted = wanted_of(m->model);
    int n = m->items.n, side = wanted.size, c = wanted.channels, result = 0;
    int n_levels = gcl_sliced_wasserstein(m->items.fields[0], fakes, n, side, c, m->seed, levels,
                                          MOST_LEVELS, m->stop, err);
    if (n_levels <= 0)
        return n_levels < 0 ? -1 : 1;
    for (int i = 0; i < n_levels; i++)
        sum += levels[i];
    if (isnan(m->pairwise_ssim))
        result = gcl_pairwise_ssim(m->items.fields[0], n, side, side, c, &m->pairwise_ssim, m->stop,
                                   err);
    if (result != 0) {
        m->pairwise_ssim = NAN;
        return result;
    }
    result = gcl_pairwise_ssim(fakes, n, side, side, c, &of_fakes, m->stop, err);
    add(out, "swd", sum / n_levels);
    add(out, "pairwise_ssim", of_fakes);
    add(out, "pairwise_ssim_real", m->pairwise_ssim);
    return result;
}

static int measure_generation(gcl_measuring *m, gcl_measured *out, gcl_error *err)
{
    uint8_t *fakes =
        gcl_try_alloc((size_t)m->items.n * m->items.bytes[0], "pictures to evaluate", err);
    if (fakes == NULL)
        return -1;
    int result = generate(m, m->items.n, fakes, err);
    if (result == 0 && !stopped(m))
        result = compare(m, fakes, out, err);
    if (result == 0 && !stopped(m))
        result = judge_all(m, fakes, out, err);
    free(fakes);
    return result;
}

/* ---- translating ------------------------------------------------------------------------------------ */

void gcl_picture_middle(const uint8_t *from, int side, int h, int w, int c, uint8_t *to)
{
    int top = (side - h) / 2, left = (side - w) / 2;
    for (int y = 0; y < h; y++)
        memcpy(to + (size_t)(y * w * c), from + (size_t)(((top + y) * side + left) * c),
               (size_t)(w * c));
}

/* What was made of `batch` sources beside the middle of their targets. */
static int score_batch(const gcl_measuring *m, int first, int batch, const uint8_t *made,
                       gcl_shape shape, uint8_t *cut, gcl_scores *sum, gcl_error *err)
{
    int side = wanted_of(m->model).size, h = shape.d[1], w = shape.d[2], c = shape.d[3];
    for (int i = 0; i < batch; i++) {
        gcl_scores one;
        const uint8_t *target = m->items.fields[1] + (size_t)(first + i) * m->items.bytes[1];
        gcl_picture_middle(target, side, h, w, c, cut);
        if (gcl_scores_of(made + (size_t)i * (size_t)(h * w * c), cut, h, w, c, &one, err) != 0)
            return -1;
        gcl_scores_add(sum, &one);
    }
    return 0;
}

static int measure_translation(gcl_measuring *m, gcl_measured *out, gcl_error *err)
{
    gcl_scores sum = {0};
    gcl_use *use = use_for(m, GCL_TASK_TRANSLATE, 0, err);
    if (use == NULL)
        return -1;
    gcl_shape shape = gcl_use_shape(use);
    int batch = gcl_use_batch(use), n = m->items.n, result = 0;
    uint8_t *made = gcl_alloc((size_t)gcl_shape_count(shape)),
            *cut = gcl_alloc((size_t)(gcl_shape_count(shape) / batch));
    for (int i = 0; i < n && result == 0 && goes_on(m, i); i += batch) {
        const uint8_t *sources = m->items.fields[0] + (size_t)i * m->items.bytes[0];
        result = gcl_use_run(use, sources, m->seed, i, err);
        if (result == 0)
            result = gcl_use_pictures(use, made, err);
        if (result == 0)
            result = score_batch(m, i, batch, made, shape, cut, &sum, err);
    }
    gcl_use_free(use);
    free(made);
    free(cut);
    add(out, "l1", sum.l1 / n);
    add(out, "psnr", sum.psnr / n);
    add(out, "ssim", sum.ssim / n);
    add(out, "gmsd", sum.gmsd / n);
    return result;
}

/* ---- likelihood ------------------------------------------------------------------------------------- */

double gcl_model_dimensions(const gcl_model *model)
{
    gcl_wanted wanted = wanted_of(model);
    double crop = gcl_model_real(model, "crop");
    double side = wanted.size - (crop > 0 && wanted.levels == 2 ? 2 * crop : 0);
    return side * side * wanted.channels;
}

/* Sums over pictures, of the units over batches. */
typedef struct bounds {
    double reconstruction, kl;
    int n_units, batches;
    float now[MOST_UNITS], units[MOST_UNITS];
} bounds;

static int bound_batch(gcl_use *use, bounds *sum, gcl_error *err)
{
    float reconstruction[MOST_BATCH], kl[MOST_BATCH], weight[MOST_BATCH];
    if (gcl_use_bounds(use, reconstruction, kl, weight, err) != 0)
        return -1;
    for (int i = 0; i < gcl_use_batch(use); i++) {
        sum->reconstruction += reconstruction[i];
        sum->kl += kl[i];
    }
    int units = gcl_use_units(use, sum->now, MOST_UNITS, err);
    sum->n_units = units < MOST_UNITS ? units : MOST_UNITS;
    for (int i = 0; i < sum->n_units; i++)
        sum->units[i] += sum->now[i];
    sum->batches++;
    return units < 0 ? -1 : 0;
}

static int measure_likelihood(gcl_measuring *m, gcl_measured *out, gcl_error *err)
{
    gcl_use *use = use_for(m, GCL_TASK_RECONSTRUCT, 1, err);
    if (use == NULL)
        return -1;
    int n = m->items.n, result = 0, active = 0;
    bounds *sum = gcl_alloc(sizeof *sum);
    for (int i = 0; i < n && result == 0 && goes_on(m, i); i += gcl_use_batch(use)) {
        const uint8_t *pictures = m->items.fields[0] + (size_t)i * m->items.bytes[0];
        result = gcl_use_run(use, pictures, m->seed, i, err);
        if (result == 0)
            result = bound_batch(use, sum, err);
    }
    gcl_use_free(use);
    for (int i = 0; i < sum->n_units; i++)
        active += sum->units[i] / (float)sum->batches > (float)GCL_ACTIVE_NATS;
    double nelbo = (sum->reconstruction + sum->kl) / n;
    add(out, "nelbo", nelbo);
    add(out, "bits_per_dim", nelbo / (log(2) * gcl_model_dimensions(m->model)));
    add(out, "reconstruction", sum->reconstruction / n);
    add(out, "kl", sum->kl / n);
    add(out, "active_units", active);
    free(sum);
    return result;
}

/* ---- classifying ------------------------------------------------------------------------------------ */

/* Verdicts on the items from `first` on, whose scores the last run made. */
static int count_batch(const gcl_measuring *m, gcl_use *use, int first, float *scores,
                       gcl_accuracy *sum, gcl_error *err)
{
    int classes = gcl_use_shape(use).d[3];
    if (gcl_use_scores(use, scores, err) != 0)
        return -1;
    for (int i = 0; i < gcl_use_batch(use); i++) {
        uint32_t label;
        memcpy(&label, m->items.fields[1] + (size_t)(first + i) * m->items.bytes[1], sizeof label);
        gcl_verdict v = {.label = label < (uint32_t)classes ? (int)label : -1};
        gcl_verdict_judge(&v, scores + i * classes, classes);
        gcl_accuracy_add(sum, &v);
    }
    return 0;
}

static int measure_accuracy(gcl_measuring *m, gcl_measured *out, gcl_error *err)
{
    gcl_accuracy sum = {0};
    gcl_use *use = use_for(m, GCL_TASK_CLASSIFY, 0, err);
    if (use == NULL)
        return -1;
    float *scores = gcl_alloc((size_t)gcl_shape_count(gcl_use_shape(use)) * sizeof *scores);
    int result = 0;
    for (int i = 0; i < m->items.n && result == 0 && goes_on(m, i); i += gcl_use_batch(use)) {
        const uint8_t *pictures = m->items.fields[0] + (size_t)i * m->items.bytes[0];
        result = gcl_use_run(use, pictures, m->seed, 0, err);
        if (result == 0)
            result = count_batch(m, use, i, scores, &sum, err);
    }
    gcl_use_free(use);
    free(scores);
    gcl_accuracy mean = gcl_accuracy_mean(&sum);
    int known = mean.labelled > 0;
    add(out, "top1", known ? mean.top1 : NAN);
    add(out, "top5", known ? mean.top5 : NAN);
    add(out, "cross_entropy", known ? mean.cross_entropy : NAN);
    return result;
}

/* ---- any of them ------------------------------------------------------------------------------------ */

int gcl_measure(gcl_measuring *m, gcl_measured *out, gcl_error *err)
{
    gcl_activity activity;
    int result;
    out->n = 0;
    m->activity = &activity;
    gcl_activity_begin(&activity, "evaluating", m->items.n);
    switch (gcl_metric_task(m->model)) {
    case GCL_TASK_RECONSTRUCT: result = measure_likelihood(m, out, err); break;
    case GCL_TASK_TRANSLATE: result = measure_translation(m, out, err); break;
    case GCL_TASK_CLASSIFY: result = measure_accuracy(m, out, err); break;
    default: result = measure_generation(m, out, err); break;
    }
    gcl_activity_end(&activity);
    m->activity = NULL;
    return result == 0 && stopped(m) ? 1 : result;
}
