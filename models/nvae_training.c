/* NVAE's training: schedules, losses, the step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/nvae.h"
#include "nn/distributions.h"
#include "nn/layers.h"
#include "nn/schedule.h"
#include "nn/spectral.h"

/* ---- schedules ------------------------------------------------------------------------------------- */

static int64_t all_steps(const gcl_model *model)
{
    return (int64_t)gcl_model_int(model, "epochs") * gcl_model_int(model, "steps_per_epoch");
}

static double learning_rate(const gcl_model *model, int64_t step)
{
    gcl_warmup warmup = {.steps_per_epoch = gcl_model_int(model, "steps_per_epoch"),
                         .epochs = gcl_model_int(model, "epochs"),
                         .warmup_epochs = gcl_model_int(model, "warmup_epochs"),
                         .base = gcl_model_real(model, "lr"),
                         .floor = gcl_model_real(model, "lr_min")};
    return gcl_schedule_warmup_cosine(step, &warmup);
}

/* The weight of the KL terms. */
static double beta_of(const gcl_model *model, int64_t step)
{
    return gcl_schedule_kl(step, all_steps(model), gcl_model_real(model, "kl_anneal"),
                           gcl_model_real(model, "kl_constant"),
                           gcl_model_real(model, "kl_minimum"));
}

/* The weight of the regularisers: geometrically from spectral_init to spectral. */
static double lambda(const gcl_model *model, double beta)
{
    double first = gcl_model_real(model, "spectral_init"), last = gcl_model_real(model, "spectral");
    return first > 0 ? pow(first, 1 - beta) * pow(last, beta) : last;
}

double gcl_nvae_schedule(const gcl_model *model, const char *scalar, int64_t step)
{
    double run_steps = gcl_model_real(model, "run_steps");
    if (run_steps > 0)
        step = (int64_t)((double)step * (double)all_steps(model) / run_steps);
    if (strcmp(scalar, "lr") == 0)
        return learning_rate(model, step);
    if (strcmp(scalar, "vae.rate") == 0)
        return learning_rate(model, step) / gcl_model_real(model, "lr");
    if (strcmp(scalar, "beta") == 0)
        return beta_of(model, step);
    if (strcmp(scalar, "lam") == 0)
        return lambda(model, beta_of(model, step));
    return 1;
}

/* ---- a training step ------------------------------------------------------------------------------- */

void gcl_nvae_draw_eps(const gcl_nvae_builder *vae, int n, gcl_node **eps)
{
    for (int i = 0; i < vae->n_groups; i++) {
        char name[24];
        snprintf(name, sizeof name, "eps.%d", i);
        eps[i] =
            gcl_nn_noise(vae->nn, name, GCL_NOISE_NORMAL, gcl_nvae_latent_shape(vae, i, n), 0, 1);
    }
}

/* What a part of a batch gives; means over its pictures. */
enum {
    LOSS,
    RECON,
    KL_BALANCED,
    SPECTRAL,  /* sum of the convolutions' spectral norms */
    GAMMA_MAX, /* sum of the batch norms' greatest |gamma| */
    KL,        /* of each group */
    GAMMA,     /* its weight */
    ACTIVE,    /* KL of each of its channels */
    TERMS
};

static void find_terms(gcl_nvae_builder *vae, gcl_node *x, gcl_node *const *eps,
                       gcl_node *terms[TERMS])
{
    gcl_node *beta = gcl_nn_scalar(vae->nn, "beta"), *one = gcl_constant(gcl_nn_graph(vae->nn), 1);
    gcl_nvae_posterior q;
    gcl_node *raw = gcl_nvae_infer(vae, x, eps, &q);
    gcl_node *balance = gcl_kl_balance(q.kl, vae->groups, vae->scales);
    gcl_node *rising = gcl_above(one, beta);
    terms[GAMMA] = gcl_add(gcl_mul(rising, gcl_sub(balance, one)), one);
    terms[RECON] = gcl_mean(gcl_nvae_nll(vae, raw, x));
    terms[KL] = gcl_mean_over(q.kl, GCL_AXIS_N);
    terms[KL_BALANCED] = gcl_sum(gcl_mul(terms[KL], terms[GAMMA]), GCL_AXIS_C);
    terms[ACTIVE] = q.active;
    gcl_network *net = gcl_network_new(vae->nn, "vae");
    terms[SPECTRAL] = gcl_network_spectral(net, GCL_NVAE_ITERATIONS, GCL_NVAE_FIRST_ITERATIONS);
    terms[GAMMA_MAX] = gcl_network_gamma_max(net);
    gcl_node *penalty = gcl_add(terms[SPECTRAL], terms[GAMMA_MAX]);
    penalty = gcl_mul(gcl_nn_scalar(vae->nn, "lam"), penalty);
    gcl_node *bound = gcl_add(terms[RECON], gcl_mul(beta, terms[KL_BALANCED]));
    terms[LOSS] = gcl_add(bound, penalty);
}

static void log_groups(const gcl_nvae_builder *vae, const char *what, gcl_node *values,
                       gcl_step *out)
{
    for (int i = 0; i < vae->n_groups; i++) {
        char name[24];
        snprintf(name, sizeof name, "%s.%d", what, i);
        gcl_step_loss(out, name, gcl_channels(values, i, 1));
    }
}

/* Latent channels that carry more than 0.1 nats a picture. */
static gcl_node *count_active(gcl_node *active)
{
    gcl_node *limit = gcl_constant(active->graph, GCL_ACTIVE_NATS);
    return gcl_sum(gcl_above(active, limit), GCL_AXES_ALL);
}

static void log_losses(const gcl_nvae_builder *vae, gcl_node *const terms[TERMS], gcl_step *out)
{
    gcl_step_loss(out, "loss", terms[LOSS]);
    gcl_step_loss(out, "recon", terms[RECON]);
    gcl_step_loss(out, "kl", gcl_sum(terms[KL], GCL_AXIS_C));
    gcl_step_loss(out, "kl_balanced", terms[KL_BALANCED]);
    gcl_step_loss(out, "spectral", terms[SPECTRAL]);
    gcl_step_loss(out, "bn_gamma", terms[GAMMA_MAX]);
    gcl_step_loss(out, "lr", gcl_nn_scalar(vae->nn, "lr"));
    gcl_step_loss(out, "beta", gcl_nn_scalar(vae->nn, "beta"));
    gcl_step_loss(out, "lam", gcl_nn_scalar(vae->nn, "lam"));
    gcl_step_loss(out, "active", count_active(terms[ACTIVE]));
    log_groups(vae, "kl", terms[KL], out);
    log_groups(vae, "gamma", terms[GAMMA], out);
}

static gcl_optimiser adamax(const gcl_model *model)
{
    const double *betas = gcl_model_items(model, "betas", NULL);
    return (gcl_optimiser){.kind = GCL_ADAMAX,
                           .learning_rate = gcl_model_real(model, "lr"),
                           .beta1 = betas[0],
                           .beta2 = betas[1],
                           .eps = gcl_model_real(model, "eps"),
                           .weight_decay = gcl_model_real(model, "weight_decay")};
}

void gcl_nvae_step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out)
{
    gcl_nvae_builder vae = gcl_nvae_open(nn, model);
    int n = batch->size, total = n * batch->parts;
    gcl_node *x =
        gcl_nn_levels(nn, "x", gcl_nvae_picture_shape(&vae, total), gcl_nvae_levels(&vae) - 1);
    gcl_node *eps[GCL_NVAE_GROUPS], *sum[TERMS] = {NULL};
    gcl_nvae_draw_eps(&vae, total, eps);
    gcl_network *net = gcl_network_new(nn, "vae");
    for (int part = 0; part < batch->parts; part++) {
        gcl_node *of_part[GCL_NVAE_GROUPS], *terms[TERMS];
        for (int i = 0; i < vae.n_groups; i++)
            of_part[i] = gcl_rows(eps[i], part * n, n);
        find_terms(&vae, gcl_rows(x, part * n, n), of_part, terms);
        gcl_network_gather(net, terms[LOSS]);
        for (int i = 0; i < TERMS; i++)
            sum[i] = sum[i] != NULL ? gcl_add(sum[i], terms[i]) : terms[i];
    }
    for (int i = 0; i < TERMS; i++)
        sum[i] = gcl_scale(sum[i], 1.0 / batch->parts);
    gcl_optimiser optimiser = adamax(model);
    gcl_step_guard(out, "vae", gcl_network_update(net, &optimiser));
    log_losses(&vae, sum, out);
}
