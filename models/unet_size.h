/* Sides of pictures on their way through unet_gan's networks. */
#ifndef GCL_MODELS_UNET_SIZE_H
#define GCL_MODELS_UNET_SIZE_H

#include "base/error.h"

typedef struct gcl_unet_form {
    int levels; /* halvings */
    /* Of G's and of D's convolutions; without padding each takes a pixel off every edge. */
    int padding, d_padding;
    int least_output; /* side that the losses want */
} gcl_unet_form;

/* Side of G's output for sources of a side; below 1 if nothing is left. */
int gcl_unet_output(const gcl_unet_form *form, int side);
/* Side of D's last feature map for sources of a side; 0 if nothing is left. */
int gcl_unet_features(const gcl_unet_form *form, int side);
/* Whether G and D can have sources of that side. The message (GCL_USAGE) names the next ones. */
int gcl_unet_check_size(const gcl_unet_form *form, int side, gcl_error *err);

#endif
