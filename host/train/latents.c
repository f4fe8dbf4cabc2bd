#include "train/latents.h"

#include <math.h>

#include "base/philox.h"

/* Training never gets to this step, so its random numbers are none of these. */
#define NO_STEP 0xffffffffu
enum { CONTROL_STREAM = 0x636f6e74, SEED_STREAM = 0x73656564 };

int64_t gcl_sampler_latent_count(const gcl_model *model)
{
    return gcl_shape_count(model->system->latent(model, 1));
}

/* Element i: the first of the numbers i, i + 2^32, i + 2 * 2^32 ... that lies within the bound. */
static double draw(uint64_t seed, uint32_t stream, int64_t i, double bound)
{
    double x = 0;
    for (uint64_t again = 0; again < 1u << 20; again++) {
        x = gcl_philox_normal(seed, NO_STEP, stream, again << 32 | (uint64_t)i);
        if (bound <= 0 || fabs(x) <= bound)
            return x;
    }
    return 0; /* as good as all numbers that are nearer than a million draws can tell */
}

void gcl_latents_draw(float *values, int64_t n, uint64_t seed, uint32_t stream, double scale,
                      double bound)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(scale * draw(seed, stream, i, bound));
}

void gcl_sampler_control(const gcl_model *model, uint64_t seed, int count, float *latents)
{
    gcl_latents_draw(latents, count * gcl_sampler_latent_count(model), seed, CONTROL_STREAM,
                     model->system->control_scale, 0);
}

double gcl_sampler_temperature(const gcl_model *model, double given)
{
    double usual = model->system->temperature;
    return given > 0 ? given : usual > 0 ? usual : 1;
}

void gcl_sampler_truncated(const gcl_model *model, uint64_t seed, double temperature, double bound,
                           float *latent)
{
    gcl_latents_draw(latent, gcl_sampler_latent_count(model), seed, SEED_STREAM, temperature,
                     bound);
}

void gcl_sampler_latent(const gcl_model *model, uint64_t seed, double temperature, float *latent)
{
    gcl_sampler_truncated(model, seed, temperature, 0, latent);
}

static void between(const float *a, const float *b, int64_t n, double t, float *out)
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

void gcl_sampler_between(const gcl_model *model, const float *a, const float *b, double t,
                         float *out)
{
    int64_t (*size_of)(const gcl_model *, int) = model->system->latent_group;
    int64_t n = gcl_sampler_latent_count(model), first = 0;
    for (int group = 0; first < n; group++) {
        int64_t size = size_of != NULL ? size_of(model, group) : n;
        between(a + first, b + first, size, t, out + first);
        first += size;
    }
}
