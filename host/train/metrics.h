/* What an evaluation measures, by what a model is for, and which way each is better.
 *
 *     const gcl_metric *metric;
 *     gcl_metric_find(&model, "auto", &metric, &err);      the main one; NULL for "none"
 *     gcl_metric_improves(metric, 21.5, 30.2);             1: less is better
 *
 * from latents    swd: sliced Wasserstein distance of generated pictures (scores.h), mean of its levels
 *                 pairwise_ssim: of generated pictures, the lower the more diverse; _real: of real ones
 *                 d_accuracy_real, _fake: share of held-out and of generated pictures that the
 *                 discriminator takes for what they are; _train: of pictures that it was trained on,
 *                 which stands above _real where it knows them by heart
 * translating     l1, psnr (dB), ssim, gmsd against the targets: scores.h
 * likelihood      nelbo: negative evidence lower bound, in nats, = reconstruction + kl, one draw a
 *                 picture; bits_per_dim: the same; active_units: of the latents, with a mean KL
 *                 divergence above GCL_ACTIVE_NATS
 * classifying     top1, top5: shares that are right; cross_entropy, in nats */
#ifndef GCL_TRAIN_METRICS_H
#define GCL_TRAIN_METRICS_H

#include "models/model.h"

typedef struct gcl_metric {
    const char *name;
    int better; /* 1: more is better, -1: less is, 0: no best one */
} gcl_metric;

/* What tells how to evaluate a model: the first of RECONSTRUCT, TRANSLATE, CLASSIFY, GENERATE that it
 * can. */
gcl_task gcl_metric_task(const gcl_model *model);
/* Its metrics, the main one first, ended by name NULL. */
const gcl_metric *gcl_metrics_of(const gcl_model *model);
/* The metric that eval.best means: "auto" the main one, "none" NULL, or its name. Errors: GCL_USAGE
 * with those there are. */
int gcl_metric_find(const gcl_model *model, const char *text, const gcl_metric **metric,
                    gcl_error *err);
/* 1: the value is better than the best until now, or the first one (best: NAN). */
int gcl_metric_improves(const gcl_metric *metric, double value, double best);

#endif
