/* NVAE's network, for its training and use: models/nvae.c. What it consists of:
 * models/nvae_network.c (towers and groups), nvae_cells.c (cells), nvae_pixels.c (the
 * pictures' likelihood).
 *
 *     gcl_nvae_builder vae = gcl_nvae_open(nn, model);
 *     gcl_nvae_posterior q;
 *     gcl_node *raw = gcl_nvae_infer(&vae, x, eps, &q);         x through the model and back
 *     gcl_node *raw = gcl_nvae_sample(&vae, eps, 0.7);          or from the prior
 *
 * Groups of latents are counted from the coarsest, as they are drawn; the setting `groups` and the
 * array of that name count scales from the finest. */
#ifndef GCL_MODELS_NVAE_H
#define GCL_MODELS_NVAE_H

#include "models/model.h"

enum { GCL_NVAE_SCALES = 8, GCL_NVAE_GROUPS = 40 };

typedef enum gcl_nvae_likelihood {
    GCL_NVAE_MIXTURE,   /* of discretised logistics */
    GCL_NVAE_BERNOULLI, /* of bits */
    GCL_NVAE_NORMAL     /* a density */
} gcl_nvae_likelihood;

typedef struct gcl_nvae_builder {
    gcl_nn *nn;
    int size, in_channels, channels; /* of pictures; of the first feature map */
    int scales, groups[GCL_NVAE_SCALES], n_groups;
    int latent, cells, blocks, block_cells, flows, se, residual_q;
    gcl_nvae_likelihood likelihood;
    int mixtures, bits, crop;
    int vanilla; /* one group in all: no towers */
    int sketch;  /* of what is built only the parameters count */
} gcl_nvae_builder;

/* Sizes and settings. nn may be NULL: then nothing can be built, only asked. */
gcl_nvae_builder gcl_nvae_of(gcl_nn *nn, const gcl_model *model);
/* The same, for building: gives every parameter its place (nn/outline.h), in the order of the
 * reference's checkpoints. */
gcl_nvae_builder gcl_nvae_open(gcl_nn *nn, const gcl_model *model);

/* [n, size, size, in_channels]; values of a colour that are told apart, of bits 2. */
gcl_shape gcl_nvae_picture_shape(const gcl_nvae_builder *vae, int n);
int gcl_nvae_levels(const gcl_nvae_builder *vae);

/* The latents of a group for n pictures: [n, side, side, latent]. */
gcl_shape gcl_nvae_latent_shape(const gcl_nvae_builder *vae, int group, int n);

/* Of one draw from the posterior of each picture. */
typedef struct gcl_nvae_posterior {
    gcl_node *kl;            /* [N,1,1,groups] KL(q || p), by a formula; with flows log q - log p */
    gcl_node *log_q, *log_p; /* [N,1,1,1] of all latents */
    gcl_node *active;        /* [groups,1,1,latent]: summed over the map, mean over the batch */
} gcl_nvae_posterior;

/* Both give the raw parameters of the pictures' likelihood [N,size,size,outputs]. x is in [0,1]; eps
 * are standard normal, one a group. */
gcl_node *gcl_nvae_infer(gcl_nvae_builder *vae, gcl_node *x, gcl_node *const *eps,
                         gcl_nvae_posterior *posterior);
gcl_node *gcl_nvae_sample(gcl_nvae_builder *vae, gcl_node *const *eps, double temperature);

/* ---- training: nvae_training.c ----------------------------------------------------------------------- */

/* Power iterations of a step, and of step 0. */
enum { GCL_NVAE_ITERATIONS = 4, GCL_NVAE_FIRST_ITERATIONS = 40 };

/* Noise "eps.0" ... of the posteriors of n pictures. */
void gcl_nvae_draw_eps(const gcl_nvae_builder *vae, int n, gcl_node **eps);
/* As in gcl_system. */
void gcl_nvae_step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out);
double gcl_nvae_schedule(const gcl_model *model, const char *scalar, int64_t step);

/* ---- the likelihood of pictures: nvae_pixels.c ------------------------------------------------------------------ */

/* -log p(x|z) of each picture [N,1,1,1] in nats. */
gcl_node *gcl_nvae_nll(const gcl_nvae_builder *vae, gcl_node *raw, gcl_node *x);
/* The mean picture, in [0,1]. */
gcl_node *gcl_nvae_mean(const gcl_nvae_builder *vae, gcl_node *raw);

/* What a draw of pictures needs: uniform numbers in (1e-5, 1 - 1e-5) for a mixture, [N,H,W,mixtures]
 * and [N,H,W,3]; standard normal ones [N,H,W,3] for the density. */
typedef struct gcl_nvae_pixel_noise {
    gcl_node *u_mix, *u_logistic, *eps_x;
} gcl_nvae_pixel_noise;
/* A picture drawn, in [0,1]; NULL for bits, whose mean is shown instead. */
gcl_node *gcl_nvae_draw(const gcl_nvae_builder *vae, gcl_node *raw,
                        const gcl_nvae_pixel_noise *noise, double temperature);

/* ---- cells: nvae_cells.c ---------------------------------------------------------------------------- */

/* Each is item `i` of a list of layers: "enc_tower.4". Residual cells: skip(x) + 0.1 body(x). */
typedef enum gcl_nvae_resize {
    GCL_NVAE_SAME,
    GCL_NVAE_DOWN, /* half the size, twice the channels */
    GCL_NVAE_UP    /* twice the size, half the channels */
} gcl_nvae_resize;
gcl_node *gcl_nvae_encoder_cell(gcl_nvae_builder *vae, const char *list, int i, gcl_node *x,
                                gcl_nvae_resize resize);
/* expand: hidden channels as a multiple of the input's. */
gcl_node *gcl_nvae_decoder_cell(gcl_nvae_builder *vae, const char *list, int i, gcl_node *x,
                                int expand, gcl_nvae_resize resize);
/* feature + conv1x1(state), and conv1x1(concat(state, z)). */
gcl_node *gcl_nvae_encoder_combiner(gcl_nvae_builder *vae, const char *list, int i,
                                    gcl_node *feature, gcl_node *state);
gcl_node *gcl_nvae_decoder_combiner(gcl_nvae_builder *vae, const char *list, int i, gcl_node *state,
                                    gcl_node *z);
/* z through two flow cells z <- z - m(z), m autoregressive in raster order and in the opposite order:
 * their log-determinants are 0 (after arXiv:1606.04934). */
gcl_node *gcl_nvae_flow_pair(gcl_nvae_builder *vae, const char *list, int i, gcl_node *z);

#endif
