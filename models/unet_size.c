#include "models/unet_size.h"

#include <stddef.h>

int gcl_unet_output(const gcl_unet_form *form, int side)
{
    if (form->padding)
        return side;
    side -= 4;
    for (int i = 0; i < form->levels; i++)
        side = (side - 4) / 2;
    side -= 4;
    for (int i = 0; i < form->levels && side > 0; i++)
        side = 2 * side - 4;
    return side;
}

int gcl_unet_features(const gcl_unet_form *form, int side)
{
    int cut = form->d_padding ? 0 : 4, around = form->d_padding ? 2 : 0;
    side = gcl_unet_output(form, side) - cut;
    for (int i = 0; i < form->levels; i++)
        side = (side - cut) / 2;
    for (int i = 0; i < 2; i++)
        side = side + around < 3 ? 0 : (side + around - 3) / 2 + 1;
    return side;
}

/* Why a side cannot be, or NULL. */
static const char *trouble(const gcl_unet_form *form, int side)
{
    if (side >> form->levels == 0)
        return "the pictures cannot be halved so often";
    if (side % (1 << form->levels) != 0)
        return "the side must be a multiple of 2^n_levels";
    if (gcl_unet_output(form, side) < 1)
        return "without padding G leaves nothing of the pictures";
    if (gcl_unet_features(form, side) < 1)
        return "D leaves nothing of the pictures";
    if (gcl_unet_output(form, side) < form->least_output)
        return "the output is too small for the losses";
    return NULL;
}

int gcl_unet_check_size(const gcl_unet_form *form, int side, gcl_error *err)
{
    const char *why = trouble(form, side);
    int below = side - 1, above = side + 1;
    if (why == NULL)
        return 0;
    while (below > 0 && trouble(form, below) != NULL)
        below--;
    while (trouble(form, above) != NULL) /* ends: large multiples can be */
        above++;
    int n_below = gcl_unet_output(form, below), n_above = gcl_unet_output(form, above);
    if (below == 0)
        return gcl_fail(err, GCL_USAGE,
                        "size=%d, n_levels=%d: %s: take fewer levels, or from size=%d (output %d) "
                        "on",
                        side, form->levels, why, above, n_above);
    return gcl_fail(err, GCL_USAGE,
                    "size=%d, n_levels=%d: %s: the next that can be are size=%d (output %d) and "
                    "size=%d (output %d)",
                    side, form->levels, why, below, n_below, above, n_above);
}
