/* The systems: one line each. The first is what `train` trains by default. */
#include "models/systems.h"

const gcl_system *const gcl_systems[] = {
    &gcl_dcgan,
    &gcl_resnet_gan,
    NULL,
};
