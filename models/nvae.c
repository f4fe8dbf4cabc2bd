/* NVAE: a hierarchical variational autoencoder (Vahdat and Kautz 2020, arXiv:2007.03898).
 *
 * Latents come in groups at several scales, each with a prior that depends on the groups drawn before.
 * Residual cells with batch norm, swish and squeeze and excitation; posteriors given as differences to
 * the priors; weight-normalised convolutions whose spectral norms are kept small; optionally
 * autoregressive flows that bend the posteriors. The loss is, in nats per picture,
 *     mean(recon + beta sum_l gamma_l KL_l) + lambda (sum of spectral norms + sum of max |gamma|)
 * with beta rising over the first part of training and gamma_l balancing the groups as long as it
 * does. The network itself: models/nvae_network.c. */
#include "models/nvae.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/systems.h"
#include "nn/layers.h"
#include "nn/spectral.h"
#include "ops/ops.h"

enum { IW_DRAWS = 3 }; /* of the pass `iw` */

/* ---- settings ------------------------------------------------------------------------------------ */

/* clang-format off */
static const gcl_setting settings[] = {
    {GCL_INT("size", 32, 4, 1024), .help = "side of the pictures"},
    {GCL_INT("in_channels", 3, 1, 3), .help = "of the pictures: 1 or 3"},
    {GCL_CHOICE("likelihood", 0, "dmol bernoulli normal"), .help = "of pictures: mixture of discretised logistics, bits, a density"},
    {GCL_INT("mixtures", 10, 1, 100), .help = "dmol: logistics that are mixed"},
    {GCL_INT("bits", 8, 1, 8), .help = "dmol, normal: bits of a colour value that are modelled"},
    {GCL_INT("crop", 0, 0, 64), .help = "bernoulli: border that does not count (MNIST is padded to 32x32)"},
    {GCL_INT("channels", 32, 2, 4096), .help = "of the first feature map; they double with each halving"},
    {GCL_INTS("groups", "10", 1, GCL_NVAE_SCALES, 1, GCL_NVAE_GROUPS), .help = "groups of latents at each scale, finest first"},
    {GCL_INT("latent", 20, 1, 1024), .help = "latent channels of a group"},
    {GCL_INT("cells", 2, 1, 16), .help = "residual cells a group, in encoder and decoder"},
    {GCL_INT("blocks", 1, 0, 8), .help = "halvings before the first latents"},
    {GCL_INT("block_cells", 2, 1, 16), .help = "residual cells of each of them"},
    {GCL_INT("flows", 0, 0, 8), .help = "pairs of flow cells a group"},
    {GCL_BOOL("se", 1), .help = "squeeze and excitation in the cells"},
    {GCL_BOOL("residual_q", 1), .help = "posteriors are differences to the priors"},
    {GCL_REAL("lr", 1e-2, 1e-9, 10), .help = "learning rate after the warm-up"},
    {GCL_REAL("lr_min", 1e-4, 0, 10), .help = "and at the end of its cosine"},
    {GCL_REALS("betas", "0.9,0.999", 2, 2, 0, 0.999999), .help = "Adamax: shares of the old mean and maximum"},
    {GCL_REAL("eps", 1e-3, 0, 1), .help = "Adamax: added to the maximum"},
    {GCL_REAL("weight_decay", 3e-4, 0, 1), .help = "added to the gradient times the weights"},
    {GCL_REAL("spectral", 1e-2, 0, 1e6), .help = "lambda: weight of spectral norms and batch norm's gammas"},
    {GCL_REAL("spectral_init", 0, 0, 1e6), .help = "lambda at first, going to `spectral` as beta rises; 0: constant"},
    {GCL_INT("epochs", 400, 1, 1e6), .help = "length of the schedules"},
    {GCL_INT("warmup_epochs", 5, 0, 1e6), .help = "in which the learning rate rises from 0"},
    {GCL_INT("steps_per_epoch", 195, 1, 1e7), .help = "of the schedules"},
    {GCL_REAL("kl_anneal", 0.3, 1e-6, 1), .help = "share of all steps in which beta rises to 1"},
    {GCL_REAL("kl_constant", 1e-4, 0, 1), .help = "share of all steps before that"},
    {GCL_REAL("kl_minimum", 1e-4, 0, 1), .help = "beta's least value"},
    /* Beyond the reference. */
    {GCL_INT("run_steps", 0, 0, 1e9), .help = "stretches the schedules to a run of so many steps; 0: as they are", .beyond = 1},
    {GCL_CHOICE("pixels", 0, "mean draw"), .help = "generated pictures: mean of the likelihood, or a draw from it (not of bits)", .beyond = 1},
    {GCL_REAL("temperature", 0.7, 0.01, 10), .help = "of the pass `sample`", .beyond = 1},
    {.key = NULL},
};

#define MNIST " in_channels=1 likelihood=bernoulli crop=2 steps_per_epoch=150"
#define LARGE "size=256 channels=30 groups=16,8,4,4,4 flows=2 bits=5 spectral_init=1 "
static const gcl_preset presets[] = {
    {"small",       "channels=8 groups=2,1 latent=4 cells=1 blocks=2 block_cells=1 run_steps=4000" MNIST, 64, "MNIST, few channels and groups"},
    {"mnist",       "groups=10,5 blocks=2 block_cells=3" MNIST, 200, "MNIST, as published"},
    {"cifar10",     "channels=128 groups=30 flows=1", 32, "CIFAR-10, as published"},
    {"celeba64",    "size=64 channels=64 groups=20,10,5 flows=1 spectral=0.1 epochs=90", 16, "CelebA at 64x64, as published"},
    {"imagenet32",  "channels=192 groups=28 flows=1 spectral_init=1 epochs=45 warmup_epochs=1", 24, "ImageNet at 32x32, as published"},
    {"celebahq256", LARGE "epochs=300", 4, "CelebA-HQ at 256x256, 5 bits, as published"},
    {"ffhq256",     LARGE "epochs=200 lr=0.008 spectral=0.1", 4, "FFHQ at 256x256, 5 bits, as published"},
    {"toy-mnist",   "groups=2,2 cells=3 blocks=2 block_cells=3" MNIST, 64, "MNIST, four groups"},
    {"toy-rgb",     "groups=2,2 cells=3 blocks=2 block_cells=3", 32, "32x32 in colour, four groups"},
    {"tiny",        "channels=4 groups=2,1 latent=4 cells=1 blocks=2 block_cells=1" MNIST, 16, "for tests"},
    {"tiny-rgb",    "channels=4 groups=1,1 latent=4 cells=1 blocks=2 block_cells=2 mixtures=3", 16, "for tests, colour"},
    {"tiny-flow",   "channels=4 groups=2 latent=4 cells=1 blocks=2 block_cells=1 flows=1", 16, "for tests, flows"},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

gcl_nvae_builder gcl_nvae_of(gcl_nn *nn, const gcl_model *model)
{
    gcl_nvae_builder vae = {.nn = nn,
                            .size = gcl_model_int(model, "size"),
                            .in_channels = gcl_model_int(model, "in_channels"),
                            .channels = gcl_model_int(model, "channels"),
                            .latent = gcl_model_int(model, "latent"),
                            .cells = gcl_model_int(model, "cells"),
                            .blocks = gcl_model_int(model, "blocks"),
                            .block_cells = gcl_model_int(model, "block_cells"),
                            .flows = gcl_model_int(model, "flows"),
                            .se = gcl_model_int(model, "se"),
                            .residual_q = gcl_model_int(model, "residual_q"),
                            .likelihood = (gcl_nvae_likelihood)gcl_model_int(model, "likelihood"),
                            .mixtures = gcl_model_int(model, "mixtures"),
                            .bits = gcl_model_int(model, "bits"),
                            .crop = gcl_model_int(model, "crop")};
    const double *groups = gcl_model_items(model, "groups", &vae.scales);
    for (int i = 0; i < vae.scales; i++)
        vae.n_groups += vae.groups[i] = (int)groups[i];
    vae.vanilla = vae.n_groups == 1;
    return vae;
}

static int check_sizes(const gcl_nvae_builder *vae, gcl_error *err)
{
    int halvings = vae->blocks + vae->scales - 1, least = 1 << halvings;
    if (vae->n_groups > GCL_NVAE_GROUPS)
        return gcl_fail(err, GCL_USAGE, "groups: %d in all, at most %d are possible", vae->n_groups,
                        GCL_NVAE_GROUPS);
    if (vae->size % least != 0)
        return gcl_fail(err, GCL_USAGE,
                        "size=%d: blocks=%d and %d scales of groups halve it %d times: take a "
                        "multiple of %d, or fewer of them",
                        vae->size, vae->blocks, vae->scales, halvings, least);
    if ((int64_t)vae->channels << halvings > 1 << 16)
        return gcl_fail(err, GCL_USAGE,
                        "channels=%d become %lld in %d halvings: more than %d are not possible",
                        vae->channels, (long long)vae->channels << halvings, halvings, 1 << 16);
    return 0;
}

static int check_likelihood(const gcl_nvae_builder *vae, gcl_error *err)
{
    if (vae->likelihood == GCL_NVAE_BERNOULLI && vae->in_channels != 1)
        return gcl_fail(err, GCL_USAGE,
                        "in_channels=%d: likelihood=bernoulli is for pictures with 1 channel",
                        vae->in_channels);
    if (vae->likelihood == GCL_NVAE_BERNOULLI && 2 * vae->crop >= vae->size)
        return gcl_fail(err, GCL_USAGE, "crop=%d leaves nothing of pictures with size=%d",
                        vae->crop, vae->size);
    if (vae->likelihood != GCL_NVAE_BERNOULLI && vae->in_channels != 3)
        return gcl_fail(err, GCL_USAGE,
                        "in_channels=%d: likelihood=%s is for pictures with 3 channels; for 1 set "
                        "likelihood=bernoulli",
                        vae->in_channels, vae->likelihood == GCL_NVAE_NORMAL ? "normal" : "dmol");
    return 0;
}

static int check(const gcl_model *model, gcl_error *err)
{
    gcl_nvae_builder vae = gcl_nvae_of(NULL, model);
    int epochs = gcl_model_int(model, "epochs"), warmup = gcl_model_int(model, "warmup_epochs");
    if (warmup > epochs)
        return gcl_fail(err, GCL_USAGE, "warmup_epochs=%d: there are only epochs=%d", warmup,
                        epochs);
    return check_sizes(&vae, err) != 0 ? -1 : check_likelihood(&vae, err);
}

/* ---- single passes --------------------------------------------------------------------------------- */

gcl_shape gcl_nvae_picture_shape(const gcl_nvae_builder *vae, int n)
{
    return gcl_shape_of(n, vae->size, vae->size, vae->in_channels);
}

int gcl_nvae_levels(const gcl_nvae_builder *vae)
{
    return vae->likelihood == GCL_NVAE_BERNOULLI ? 2 : 1 << vae->bits;
}

/* Inputs "PREFIX0", "PREFIX1", ... for the groups. */
static void eps_in(const gcl_nvae_builder *vae, const char *prefix, int n, gcl_ports *ports,
                   gcl_node **eps)
{
    for (int i = 0; i < vae->n_groups; i++) {
        char name[24];
        snprintf(name, sizeof name, "%s%d", prefix, i);
        eps[i] = gcl_port_in(ports, vae->nn, name, gcl_nvae_latent_shape(vae, i, n));
    }
}

/* Spectral norms of all convolutions [1,1,1,n] in the order of checkpoints, by as many iterations as a
 * training step 0 has behind it. */
static gcl_node *sigmas(gcl_nn *nn)
{
    gcl_network *net = gcl_network_new(nn, "vae");
    gcl_network_spectral(net, GCL_NVAE_FIRST_ITERATIONS, GCL_NVAE_FIRST_ITERATIONS);
    gcl_node **parts = gcl_alloc((size_t)gcl_nn_tensors(nn) * sizeof *parts);
    int n = 0;
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *t = gcl_nn_tensor(nn, i);
        char path[64]; /* "out" of "vae.out.weight" */
        if (t->role != GCL_ROLE_PARAMETER || t->layout != GCL_LAYOUT_CONV)
            continue;
        int length = (int)(strlen(t->name) - strlen("vae.") - strlen(".weight"));
        snprintf(path, sizeof path, "%.*s", length, t->name + strlen("vae."));
        parts[n++] = gcl_network_sigma(net, path);
    }
    gcl_node *all = gcl_pack(gcl_nn_graph(nn), parts, n, NULL);
    free(parts);
    return all;
}

static void vae_pass(gcl_nvae_builder *vae, int n, gcl_ports *ports)
{
    gcl_node *eps[GCL_NVAE_GROUPS];
    gcl_nvae_posterior q;
    gcl_node *x = gcl_port_in(ports, vae->nn, "x", gcl_nvae_picture_shape(vae, n));
    eps_in(vae, "eps.", n, ports, eps);
    gcl_node *raw = gcl_nvae_infer(vae, x, eps, &q);
    gcl_port_out(ports, "logits", raw);
    gcl_port_out(ports, "recon", gcl_nvae_nll(vae, raw, x));
    gcl_port_out(ports, "kl", q.kl);
    gcl_port_out(ports, "log_q", q.log_q);
    gcl_port_out(ports, "log_p", q.log_p);
    gcl_port_out(ports, "active", q.active);
    if (gcl_nn_training(vae->nn))
        gcl_port_out(ports, "sigma", sigmas(vae->nn));
}

static void sample_pass(gcl_nvae_builder *vae, double temperature, int n, gcl_ports *ports)
{
    gcl_node *eps[GCL_NVAE_GROUPS];
    gcl_nvae_pixel_noise noise = {NULL};
    gcl_shape picture = gcl_nvae_picture_shape(vae, n), mix = picture;
    mix.d[3] = vae->mixtures;
    eps_in(vae, "sample.eps.", n, ports, eps);
    gcl_node *raw = gcl_nvae_sample(vae, eps, temperature);
    gcl_port_out(ports, "sample.logits", raw);
    gcl_port_out(ports, "sample.mean", gcl_nvae_mean(vae, raw));
    if (vae->likelihood == GCL_NVAE_BERNOULLI)
        return;
    if (vae->likelihood == GCL_NVAE_NORMAL) {
        noise.eps_x = gcl_port_in(ports, vae->nn, "sample.eps_x", picture);
    } else {
        noise.u_mix = gcl_port_in(ports, vae->nn, "sample.u_mix", mix);
        noise.u_logistic = gcl_port_in(ports, vae->nn, "sample.u_logistic", picture);
    }
    gcl_port_out(ports, "sample.image", gcl_nvae_draw(vae, raw, &noise, temperature));
}

/* log p(x|z) + log p(z) - log q(z|x) [N,1,1,1] for one draw of z. */
static gcl_node *log_weight(gcl_nvae_builder *vae, gcl_node *raw, gcl_node *x,
                            const gcl_nvae_posterior *q)
{
    gcl_node *of_latents = gcl_sub(q->log_p, q->log_q);
    return gcl_sub(of_latents, gcl_nvae_nll(vae, raw, x));
}

/* Importance-weighted bound of -log p(x) (arXiv:1509.00519): log K - logsumexp of K log weights. */
static void iw_pass(gcl_nvae_builder *vae, int n, gcl_ports *ports)
{
    gcl_node *weights[IW_DRAWS];
    gcl_node *x = gcl_port_in(ports, vae->nn, "x", gcl_nvae_picture_shape(vae, n));
    for (int k = 0; k < IW_DRAWS; k++) {
        gcl_node *eps[GCL_NVAE_GROUPS];
        gcl_nvae_posterior q;
        char prefix[16];
        snprintf(prefix, sizeof prefix, "iw.%d.eps.", k);
        eps_in(vae, prefix, n, ports, eps);
        gcl_node *raw = gcl_nvae_infer(vae, x, eps, &q);
        weights[k] = log_weight(vae, raw, x, &q);
    }
    gcl_node *all = gcl_logsumexp(gcl_concat(weights, IW_DRAWS), GCL_AXIS_C);
    gcl_port_out(ports, "iw_nll", gcl_shift(gcl_neg(all), log(IW_DRAWS)));
}

static void pass(gcl_nn *nn, const gcl_model *model, const char *name, int count, gcl_ports *ports)
{
    gcl_nvae_builder vae = gcl_nvae_open(nn, model);
    if (strcmp(name, "vae") == 0)
        vae_pass(&vae, count, ports);
    else if (strcmp(name, "sample") == 0)
        sample_pass(&vae, gcl_model_real(model, "temperature"), count, ports);
    else
        iw_pass(&vae, count, ports);
}

static const char *const *passes(const gcl_model *model)
{
    static const char *const names[] = {"vae", "sample", "iw", NULL};
    (void)model;
    return names;
}

/* ---- use --------------------------------------------------------------------------------------------- */

static void data(const gcl_model *model, gcl_wanted *wanted)
{
    gcl_nvae_builder vae = gcl_nvae_of(NULL, model);
    *wanted = (gcl_wanted){.kind = GCL_WANT_PICTURES,
                           .size = vae.size,
                           .channels = vae.in_channels,
                           .levels = gcl_nvae_levels(&vae)};
}

static int64_t latent_group(const gcl_model *model, int group)
{
    gcl_nvae_builder vae = gcl_nvae_of(NULL, model);
    return gcl_shape_count(gcl_nvae_latent_shape(&vae, group, 1));
}

static gcl_shape latent(const gcl_model *model, int count)
{
    gcl_nvae_builder vae = gcl_nvae_of(NULL, model);
    int64_t length = 0;
    for (int i = 0; i < vae.n_groups; i++)
        length += gcl_shape_count(gcl_nvae_latent_shape(&vae, i, 1));
    return gcl_shape_of(count, 1, 1, (int)length);
}

/* z holds the latents of one group after the other. */
static void cut(const gcl_nvae_builder *vae, gcl_node *z, gcl_node **eps)
{
    for (int i = 0, at = 0; i < vae->n_groups; i++) {
        gcl_shape shape = gcl_nvae_latent_shape(vae, i, z->shape.d[0]);
        int length = (int)gcl_shape_count(shape) / shape.d[0];
        eps[i] = gcl_reshape(gcl_channels(z, at, length), shape);
        at += length;
    }
}

/* A draw of pictures with noise of this step and seed. */
static gcl_node *drawn(gcl_nvae_builder *vae, gcl_node *raw)
{
    const double least = 1e-5;
    gcl_nvae_pixel_noise noise = {NULL};
    gcl_shape picture = gcl_nvae_picture_shape(vae, raw->shape.d[0]), mix = picture;
    mix.d[3] = vae->mixtures;
    if (vae->likelihood == GCL_NVAE_NORMAL) {
        noise.eps_x = gcl_nn_noise(vae->nn, "eps_x", GCL_NOISE_NORMAL, picture, 0, 1);
    } else {
        noise.u_mix = gcl_nn_noise(vae->nn, "u_mix", GCL_NOISE_UNIFORM, mix, least, 1 - least);
        noise.u_logistic =
            gcl_nn_noise(vae->nn, "u_logistic", GCL_NOISE_UNIFORM, picture, least, 1 - least);
    }
    return gcl_nvae_draw(vae, raw, &noise, 1);
}

static gcl_node *generate(gcl_nn *nn, const gcl_model *model, gcl_node *z)
{
    gcl_nvae_builder vae = gcl_nvae_open(nn, model);
    gcl_node *eps[GCL_NVAE_GROUPS];
    cut(&vae, z, eps);
    gcl_node *raw = gcl_nvae_sample(&vae, eps, 1);
    if (gcl_model_is(model, "pixels", "draw") && vae.likelihood != GCL_NVAE_BERNOULLI)
        return drawn(&vae, raw);
    return gcl_nvae_mean(&vae, raw);
}

/* Mean pictures of the posteriors' means: nothing is drawn. */
static gcl_node *reconstruct(gcl_nn *nn, const gcl_model *model, gcl_node *x)
{
    gcl_nvae_builder vae = gcl_nvae_open(nn, model);
    gcl_node *eps[GCL_NVAE_GROUPS], *zero = gcl_constant(gcl_nn_graph(nn), 0);
    for (int i = 0; i < vae.n_groups; i++)
        eps[i] = gcl_broadcast(zero, gcl_nvae_latent_shape(&vae, i, x->shape.d[0]));
    gcl_nvae_posterior q;
    return gcl_nvae_mean(&vae, gcl_nvae_infer(&vae, x, eps, &q));
}

static void bound(gcl_nn *nn, const gcl_model *model, gcl_node *x, gcl_bound *out)
{
    gcl_nvae_builder vae = gcl_nvae_open(nn, model);
    gcl_node *eps[GCL_NVAE_GROUPS];
    gcl_nvae_posterior q;
    gcl_nvae_draw_eps(&vae, x->shape.d[0], eps);
    gcl_node *raw = gcl_nvae_infer(&vae, x, eps, &q);
    *out = (gcl_bound){.reconstruction = gcl_nvae_nll(&vae, raw, x),
                       .kl = gcl_sum(q.kl, GCL_AXIS_C),
                       .log_weight = log_weight(&vae, raw, x, &q),
                       .active = q.active};
}

static const char *const *networks(const gcl_model *model)
{
    static const char *const names[] = {"vae", NULL};
    (void)model;
    return names;
}

const gcl_system gcl_nvae = {
    .name = "nvae",
    .help =
        "NVAE: a hierarchical variational autoencoder; pictures from latents, and their likelihood",
    .settings = settings,
    .presets = presets,
    .networks = networks,
    .check = check,
    .data = data,
    .step = gcl_nvae_step,
    .schedule = gcl_nvae_schedule,
    .passes = passes,
    .pass = pass,
    .latent = latent,
    .latent_group = latent_group,
    .generate = generate,
    .control_scale = 0.7,
    .temperature = 0.7,
    .reconstruct = reconstruct,
    .bound = bound,
    .picture_low = 0,
    .picture_high = 1,
};
