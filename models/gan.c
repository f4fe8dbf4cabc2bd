#include "models/gan.h"

#include "nn/losses.h"

const char *const *gcl_gan_networks(const gcl_model *model)
{
    static const char *const names[] = {"G", "D", NULL};
    (void)model;
    return names;
}

gcl_node *gcl_gan_penalty(gcl_nn *nn, const gcl_model *model, gcl_critic critic, void *context,
                          gcl_node *reals, gcl_node *fakes, const char *name)
{
    double r1 = gcl_model_real(model, "r1"), gp = gcl_model_real(model, "gp");
    gcl_node *penalty = NULL;
    if (r1 > 0)
        penalty = gcl_scale(gcl_loss_r1(critic(context, reals), reals), r1 / 2);
    if (gp > 0) {
        gcl_node *u = gcl_nn_noise(nn, name, GCL_NOISE_UNIFORM,
                                   gcl_shape_of(reals->shape.d[0], 1, 1, 1), 0, 1);
        gcl_node *between = gcl_interpolate(reals, gcl_detach(fakes), u);
        gcl_node *more =
            gcl_scale(gcl_loss_gradient_penalty(critic(context, between), between), gp);
        penalty = penalty != NULL ? gcl_add(penalty, more) : more;
    }
    return penalty;
}

gcl_node *gcl_gan_penalised(gcl_node *loss, gcl_node *penalty)
{
    return penalty != NULL ? gcl_add(loss, penalty) : loss;
}

gcl_augment gcl_gan_augment(const gcl_model *model, double low, double high)
{
    return (gcl_augment){.flip = gcl_model_has(model, "augment", "flip"),
                         .shift = gcl_model_has(model, "augment", "shift"),
                         .colour = gcl_model_has(model, "augment", "colour"),
                         .cutout = gcl_model_has(model, "augment", "cutout"),
                         .low = low,
                         .high = high};
}

void gcl_gan_average(gcl_nn *nn, const gcl_model *model, const char *network)
{
    double decay = gcl_model_real(model, "ema");
    if (decay > 0)
        gcl_network_average(gcl_network_new(nn, network), decay);
}
