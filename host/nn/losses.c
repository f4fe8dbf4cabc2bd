/* Losses on whatever a network returns: scalars. */
#include "nn/nn.h"

gcl_node *gcl_loss_bce_logits(gcl_node *z, gcl_node *target, double limit)
{
    if (limit > 0)
        z = gcl_clamp(z, -limit, limit);
    gcl_node *positive = gcl_softplus(z), *product = gcl_mul(z, target);
    return gcl_mean(gcl_sub(positive, product));
}
