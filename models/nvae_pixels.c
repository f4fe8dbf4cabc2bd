/* NVAE's likelihoods of pictures: their terms, means and draws. */
#include "models/nvae.h"
#include "nn/distributions.h"
#include "nn/losses.h"

/* [-1,1], where the density's draws may lie outside, to [0,1]. */
static gcl_node *clamped(gcl_node *x) { return gcl_unit_range(gcl_clamp(x, -1, 1)); }

static gcl_mixture mixture(const gcl_nvae_builder *vae, gcl_node *raw)
{
    return gcl_mixture_of(raw, vae->mixtures, vae->bits);
}

static gcl_node *minus_sum(gcl_node *log_prob)
{
    return gcl_neg(gcl_sum(log_prob, GCL_AXIS_H | GCL_AXIS_W | GCL_AXIS_C));
}

gcl_node *gcl_nvae_nll(const gcl_nvae_builder *vae, gcl_node *raw, gcl_node *x)
{
    if (vae->likelihood == GCL_NVAE_BERNOULLI)
        return gcl_bernoulli_nll(raw, x, vae->crop);
    if (vae->likelihood == GCL_NVAE_NORMAL) {
        gcl_normal p = gcl_normal_split(raw, 1);
        return minus_sum(gcl_normal_log_prob(&p, gcl_shift(gcl_scale(x, 2), -1)));
    }
    gcl_mixture p = mixture(vae, raw);
    return minus_sum(gcl_mixture_log_prob(&p, x));
}

gcl_node *gcl_nvae_mean(const gcl_nvae_builder *vae, gcl_node *raw)
{
    if (vae->likelihood == GCL_NVAE_BERNOULLI)
        return gcl_sigmoid(raw);
    if (vae->likelihood == GCL_NVAE_NORMAL)
        return clamped(gcl_normal_split(raw, 1).mu);
    gcl_mixture p = mixture(vae, raw);
    return gcl_mixture_mean(&p);
}

gcl_node *gcl_nvae_draw(const gcl_nvae_builder *vae, gcl_node *raw,
                        const gcl_nvae_pixel_noise *noise, double temperature)
{
    if (vae->likelihood == GCL_NVAE_NORMAL) {
        gcl_normal p = gcl_normal_split(raw, 1);
        return clamped(gcl_normal_sample(&p, noise->eps_x));
    }
    gcl_mixture p = mixture(vae, raw);
    return gcl_mixture_sample(&p, noise->u_mix, noise->u_logistic, temperature);
}
