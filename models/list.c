/* The systems: one line each. The first is what `train` trains by default. */
#include "models/systems.h"

/* clang-format off */
const gcl_system *const gcl_systems[] = {
    &gcl_dcgan,
    &gcl_resnet_gan,
    &gcl_nvae,
    &gcl_pix2pix,
    &gcl_unet_gan,
    NULL,
};
/* clang-format on */
