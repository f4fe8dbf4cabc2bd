/* NVAE's towers and groups (arXiv:2007.03898, figure 2).
 *
 * A picture goes up through the encoder's tower, which keeps a feature for each group of latents. From
 * the top a state goes down through the decoder's: at each group it gives the prior, with the kept
 * feature the posterior, and takes in the latents that are drawn. Without a picture they are drawn
 * from the prior, by the same walk. */
#include <stdio.h>

#include "models/nvae.h"
#include "nn/distributions.h"
#include "nn/layers.h"
#include "nn/outline.h"
#include "ops/ops.h"

enum { EXPAND_TOWER = 6, EXPAND_POST = 3, AXES_HW = GCL_AXIS_H | GCL_AXIS_W };

#define AT           gcl_graph_at(gcl_nn_graph(vae->nn), "models/nvae_network.c", __LINE__)
#define ELU(x)       gcl_elu(x)
#define ENCODER(...) (AT, gcl_nvae_encoder_cell(vae, __VA_ARGS__))
#define DECODER(...) (AT, gcl_nvae_decoder_cell(vae, __VA_ARGS__))
#define CONV(...)    (AT, conv(vae, __VA_ARGS__))
#define CONV_AT(...) (AT, conv_at(vae, __VA_ARGS__))
#define K(kernel)    kernel

/* Weight-normalised, same size, with bias. */
static gcl_node *conv(gcl_nvae_builder *vae, const char *name, gcl_node *x, int channels,
                      int kernel)
{
    return gcl_layer_wn_conv(vae->nn, name, x, channels, kernel, 1, kernel / 2, GCL_BIAS);
}

/* Item i of a list: "enc_sampler.3". */
static gcl_node *conv_at(gcl_nvae_builder *vae, const char *list, int i, gcl_node *x, int channels,
                         int kernel)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", list, i);
    return conv(vae, name, x, channels, kernel);
}

static gcl_node *zeros(gcl_nvae_builder *vae, gcl_shape shape)
{
    return gcl_broadcast(gcl_constant(gcl_nn_graph(vae->nn), 0), shape);
}

/* ---- sizes ---------------------------------------------------------------------------------------------- */

/* Halvings between the pictures and the coarsest latents. */
static int halvings(const gcl_nvae_builder *vae) { return vae->blocks + vae->scales - 1; }

/* Groups at a scale counted from the coarsest. */
static int groups_at(const gcl_nvae_builder *vae, int scale)
{
    return vae->groups[vae->scales - 1 - scale];
}

/* The scale, from the coarsest, of a group. */
static int scale_of(const gcl_nvae_builder *vae, int group)
{
    int scale = 0;
    for (; group >= groups_at(vae, scale); scale++)
        group -= groups_at(vae, scale);
    return scale;
}

gcl_shape gcl_nvae_latent_shape(const gcl_nvae_builder *vae, int group, int n)
{
    int side = (vae->size >> halvings(vae)) << scale_of(vae, group);
    return gcl_shape_of(n, side, side, vae->latent);
}

/* Of the decoder's state where a group is drawn. */
static gcl_shape state_shape(const gcl_nvae_builder *vae, int group, int n)
{
    gcl_shape shape = gcl_nvae_latent_shape(vae, group, n);
    shape.d[3] = (vae->channels << halvings(vae)) >> scale_of(vae, group);
    return shape;
}

static int outputs(const gcl_nvae_builder *vae)
{
    switch (vae->likelihood) {
    case GCL_NVAE_BERNOULLI: return 1;
    case GCL_NVAE_NORMAL: return 6;
    case GCL_NVAE_MIXTURE: break;
    }
    return 10 * vae->mixtures;
}

/* ---- bottom-up: from a picture to features, finest first ------------------------------------------- */

typedef struct features {
    int n, combiner[GCL_NVAE_GROUPS]; /* its place in enc_tower */
    gcl_node *at[GCL_NVAE_GROUPS];    /* one for each group but the coarsest */
    gcl_node *top;                    /* for that */
} features;

/* A group's feature is taken here, to be combined with the decoder's state on the way down. */
static void keep(gcl_nvae_builder *vae, features *f, int place, gcl_node *h)
{
    f->combiner[f->n] = place;
    f->at[f->n++] = h;
    if (vae->sketch)
        gcl_nvae_encoder_combiner(vae, "enc_tower", place, h, h);
}

static gcl_node *encoder_tower(gcl_nvae_builder *vae, gcl_node *h, features *f)
{
    int k = 0;
    for (int s = 0; s < vae->scales; s++) {
        for (int g = 0; g < vae->groups[s]; g++) {
            for (int i = 0; i < vae->cells; i++)
                h = ENCODER("enc_tower", k++, h, GCL_NVAE_SAME);
            if (f->n < vae->n_groups - 1)
                keep(vae, f, k++, h);
        }
        if (s < vae->scales - 1)
            h = ENCODER("enc_tower", k++, h, GCL_NVAE_DOWN);
    }
    return h;
}

/* Pictures [N,size,size,in_channels] in [0,1]. */
static features bottom_up(gcl_nvae_builder *vae, gcl_node *x)
{
    features f = {.n = 0};
    gcl_node *h = CONV("stem", gcl_shift(gcl_scale(x, 2), -1), vae->channels, K(3));
    for (int i = 0; i < vae->blocks * vae->block_cells; i++) {
        int last = (i + 1) % vae->block_cells == 0;
        h = ENCODER("pre_process", i, h, last ? GCL_NVAE_DOWN : GCL_NVAE_SAME);
    }
    if (!vae->vanilla)
        h = encoder_tower(vae, h, &f);
    f.top = ELU(CONV("enc0", ELU(h), h->shape.d[3], K(1)));
    return f;
}

/* ---- the latents of a group --------------------------------------------------------------------------- */

/* How a way down gets its latents, and what it finds out about them. */
typedef struct draws {
    int n;                         /* pictures */
    gcl_node *const *eps;          /* standard normal; NULL: latents are 0 (a sketch) */
    double temperature;            /* from the prior */
    const features *features;      /* NULL: from the prior */
    gcl_node *kl[GCL_NVAE_GROUPS]; /* [N,1,1,latent] */
    gcl_node *log_q[GCL_NVAE_GROUPS], *log_p[GCL_NVAE_GROUPS]; /* [N,1,1,1] */
} draws;

static gcl_node *flow(gcl_nvae_builder *vae, int group, gcl_node *z)
{
    for (int i = 0; i < vae->flows; i++)
        z = (AT, gcl_nvae_flow_pair(vae, "flows", group * vae->flows + i, z));
    return z;
}

/* Raw parameters of a group's prior, from the state on the way down, and of its posterior, from what
 * both ways know: means, then log-deviations. The coarsest group's prior has none. */
static gcl_node *prior_sampler(gcl_nvae_builder *vae, int group, gcl_node *state)
{
    return CONV_AT("dec_sampler", group - 1, ELU(state), 2 * vae->latent, K(1));
}

static gcl_node *posterior_sampler(gcl_nvae_builder *vae, int group, gcl_node *feature)
{
    return CONV_AT("enc_sampler", group, feature, 2 * vae->latent, K(3));
}

static gcl_normal posterior(gcl_nvae_builder *vae, const features *f, int group, gcl_node *state,
                            gcl_node *prior_raw)
{
    if (group == 0)
        return gcl_normal_split(posterior_sampler(vae, 0, f->top), 1);
    int i = f->n - group;
    gcl_node *feature =
        (AT, gcl_nvae_encoder_combiner(vae, "enc_tower", f->combiner[i], f->at[i], state));
    gcl_node *raw = posterior_sampler(vae, group, feature);
    return gcl_normal_split(vae->residual_q ? gcl_normal_residual(prior_raw, raw) : raw, 1);
}

static gcl_node *draw_group(gcl_nvae_builder *vae, draws *d, int group, gcl_node *state)
{
    gcl_shape shape = gcl_nvae_latent_shape(vae, group, d->n);
    if (d->eps == NULL)
        return zeros(vae, shape);
    gcl_node *raw = group > 0 ? prior_sampler(vae, group, state) : NULL;
    gcl_normal p = group > 0 ? gcl_normal_split(raw, d->temperature)
                             : gcl_normal_zero(gcl_nn_graph(vae->nn), shape, d->temperature);
    if (d->features == NULL)
        return gcl_normal_sample(&p, d->eps[group]);
    gcl_normal q = posterior(vae, d->features, group, state, raw);
    gcl_node *first = gcl_normal_sample(&q, d->eps[group]), *z = flow(vae, group, first);
    gcl_node *log_q = gcl_normal_log_prob(&q, first), *log_p = gcl_normal_log_prob(&p, z);
    gcl_node *kl = vae->flows > 0 ? gcl_sub(log_q, log_p) : gcl_normal_kl(&q, &p);
    d->kl[group] = gcl_sum(kl, AXES_HW);
    d->log_q[group] = gcl_sum(log_q, AXES_HW | GCL_AXIS_C);
    d->log_p[group] = gcl_sum(log_p, AXES_HW | GCL_AXIS_C);
    return z;
}

/* ---- top-down: from the learned first state to a picture --------------------------------------------- */

static gcl_node *first_state(gcl_nvae_builder *vae, int n)
{
    gcl_shape shape = state_shape(vae, 0, 1);
    gcl_init init = {.kind = GCL_INIT_UNIFORM, .a = 0, .b = 1};
    gcl_node *state = gcl_parameter(vae->nn, "prior", shape, GCL_LAYOUT_IMAGE, NULL, init);
    shape.d[0] = n;
    return gcl_broadcast(state, shape);
}

static gcl_node *decoder_tower(gcl_nvae_builder *vae, draws *d)
{
    gcl_node *h = first_state(vae, d->n);
    int k = 0, group = 0;
    for (int s = 0; s < vae->scales; s++) {
        for (int g = 0; g < groups_at(vae, s); g++, group++) {
            for (int i = 0; i < vae->cells && group > 0; i++)
                h = DECODER("dec_tower", k++, h, EXPAND_TOWER, GCL_NVAE_SAME);
            gcl_node *z = draw_group(vae, d, group, h);
            h = (AT, gcl_nvae_decoder_combiner(vae, "dec_tower", k++, h, z));
        }
        if (s < vae->scales - 1)
            h = DECODER("dec_tower", k++, h, EXPAND_TOWER, GCL_NVAE_UP);
    }
    return h;
}

/* Raw parameters of the pictures' likelihood. */
static gcl_node *top_down(gcl_nvae_builder *vae, draws *d)
{
    gcl_node *h;
    if (vae->vanilla)
        h = CONV("from_z", draw_group(vae, d, 0, NULL), state_shape(vae, 0, 1).d[3], K(1));
    else
        h = decoder_tower(vae, d);
    for (int i = 0; i < vae->blocks * vae->block_cells; i++) {
        int first = i % vae->block_cells == 0;
        h = DECODER("post_process", i, h, EXPAND_POST, first ? GCL_NVAE_UP : GCL_NVAE_SAME);
    }
    return CONV("out", ELU(h), outputs(vae), K(3));
}

/* ---- the network ------------------------------------------------------------------------------------------ */

/* Applies every layer to zeros, in the order of the reference's checkpoints. */
static void sketch(gcl_nvae_builder *vae)
{
    gcl_network *net = gcl_network_new(vae->nn, "vae");
    gcl_network_enter(net);
    first_state(vae, 1);
    bottom_up(vae, zeros(vae, gcl_shape_of(1, vae->size, vae->size, vae->in_channels)));
    for (int i = 0; i < vae->n_groups; i++)
        posterior_sampler(vae, i, zeros(vae, state_shape(vae, i, 1)));
    for (int i = 1; i < vae->n_groups; i++)
        prior_sampler(vae, i, zeros(vae, state_shape(vae, i, 1)));
    for (int i = 0; i < vae->n_groups; i++)
        flow(vae, i, zeros(vae, gcl_nvae_latent_shape(vae, i, 1)));
    top_down(vae, &(draws){.n = 1});
    gcl_network_leave(net);
}

gcl_nvae_builder gcl_nvae_open(gcl_nn *nn, const gcl_model *model)
{
    const gcl_policy policy = {.kind = GCL_POLICY_PYTORCH};
    gcl_graph *aside = gcl_graph_new();
    gcl_nvae_builder whole =
        gcl_nvae_of(gcl_nn_new(aside, &(gcl_nn_options){.training = 0}), model);
    whole.sketch = 1;
    gcl_nn_set_init(whole.nn, policy);
    sketch(&whole);
    if (gcl_graph_error(aside) != NULL)
        gcl_graph_fail(gcl_nn_graph(nn), "%s", gcl_graph_error(aside));
    gcl_nn_set_init(nn, policy);
    gcl_network_outline(gcl_network_new(nn, "vae"), gcl_network_new(whole.nn, "vae"));
    gcl_nn_free(whole.nn);
    gcl_graph_free(aside);
    return gcl_nvae_of(nn, model);
}

/* The terms of all groups put together. */
static gcl_nvae_posterior summary(gcl_nvae_builder *vae, const draws *d)
{
    gcl_node *kl[GCL_NVAE_GROUPS], *active[GCL_NVAE_GROUPS];
    gcl_nvae_posterior p = {.log_q = d->log_q[0], .log_p = d->log_p[0]};
    for (int i = 0; i < vae->n_groups; i++) {
        kl[i] = gcl_sum(d->kl[i], GCL_AXIS_C);
        active[i] = gcl_mean_over(d->kl[i], GCL_AXIS_N);
    }
    for (int i = 1; i < vae->n_groups; i++) {
        p.log_q = gcl_add(p.log_q, d->log_q[i]);
        p.log_p = gcl_add(p.log_p, d->log_p[i]);
    }
    gcl_shape shape = gcl_shape_of(vae->n_groups, 1, 1, vae->latent);
    p.kl = gcl_concat(kl, vae->n_groups);
    p.active = gcl_pack(gcl_nn_graph(vae->nn), active, vae->n_groups, &shape);
    return p;
}

gcl_node *gcl_nvae_infer(gcl_nvae_builder *vae, gcl_node *x, gcl_node *const *eps,
                         gcl_nvae_posterior *posterior_terms)
{
    gcl_network *net = gcl_network_new(vae->nn, "vae");
    gcl_network_enter(net);
    features f = bottom_up(vae, x);
    draws d = {.n = x->shape.d[0], .eps = eps, .temperature = 1, .features = &f};
    gcl_node *raw = top_down(vae, &d);
    *posterior_terms = summary(vae, &d);
    gcl_network_leave(net);
    return raw;
}

gcl_node *gcl_nvae_sample(gcl_nvae_builder *vae, gcl_node *const *eps, double temperature)
{
    gcl_network *net = gcl_network_new(vae->nn, "vae");
    gcl_network_enter(net);
    draws d = {.n = eps[0]->shape.d[0], .eps = eps, .temperature = temperature};
    gcl_node *raw = top_down(vae, &d);
    gcl_network_leave(net);
    return raw;
}
