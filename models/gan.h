/* What GANs share: their two networks, and what each can have beyond its reference: penalties on D's
 * gradient, an average of G; and, where pictures come from nothing but latents, augmentation before D.
 *
 * A system puts GCL_GAN_SETTINGS into its table, adds gcl_gan_penalty to D's loss and calls
 * gcl_gan_average after G's update. With r1 = gp = ema = 0 none of them adds anything. */
#ifndef GCL_MODELS_GAN_H
#define GCL_MODELS_GAN_H

#include "models/model.h"
#include "nn/augment.h"

/* clang-format off */
#define GCL_GAN_SETTINGS \
    {GCL_REAL("r1", 0, 0, 1e6), .beyond = 1, \
     .help = "adds r1/2 * mean |dD/dx|^2 at real pictures to D's loss (R1)"}, \
    {GCL_REAL("gp", 0, 0, 1e6), .beyond = 1, \
     .help = "adds gp * mean (|dD/dx| - 1)^2 between reals and fakes to D's loss"}, \
    {GCL_REAL("ema", 0, 0, 0.999999), .beyond = 1, \
     .help = "samples come from an average of G, of which this share is kept a step; 0: from G"}
#define GCL_AUGMENT_SETTING \
    {GCL_WORDS("augment", "flip shift colour cutout"), .beyond = 1, \
     .help = "D sees all pictures at random flip,shift,colour,cutout (differentiable augmentation: for few pictures); none: as they are"}
/* clang-format on */

/* A generator and a discriminator: "G", "D". */
const char *const *gcl_gan_networks(const gcl_model *model);

/* D's logits for pictures; `context` is the system's own. */
typedef gcl_node *(*gcl_critic)(void *context, gcl_node *pictures);

/* r1/2 * R1 at `reals` + gp * gradient penalty between `reals` and `fakes` (arXiv:1801.04406,
 * 1704.00028); NULL when both weights are 0. Where to look between them is noise `name`, used once. */
gcl_node *gcl_gan_penalty(gcl_nn *nn, const gcl_model *model, gcl_critic critic, void *context,
                          gcl_node *reals, gcl_node *fakes, const char *name);
/* loss + gcl_gan_penalty, or loss. */
gcl_node *gcl_gan_penalised(gcl_node *loss, gcl_node *penalty);
/* What the setting `augment` wants, of pictures with values from low to high. */
gcl_augment gcl_gan_augment(const gcl_model *model, double low, double high);
/* Keeps the average of a network if the settings want one. Call it after the network's update. */
void gcl_gan_average(gcl_nn *nn, const gcl_model *model, const char *network);

#endif
