/* The rows that models/list.c lists, one a system, each at the bottom of its own file. */
#ifndef GCL_MODELS_SYSTEMS_H
#define GCL_MODELS_SYSTEMS_H

#include "models/model.h"

extern const gcl_system gcl_dcgan;      /* dcgan.c */
extern const gcl_system gcl_resnet_gan; /* resnet_gan.c */
extern const gcl_system gcl_nvae;       /* nvae.c */
extern const gcl_system gcl_pix2pix;    /* pix2pix.c */
extern const gcl_system gcl_unet_gan;   /* unet_gan.c */

#endif
