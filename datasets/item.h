/* One item on its way from storage to the fields that were asked for.
 *
 *     box, square, resize to load_size or size -> the same random cut -> mirror -> channels, levels
 *
 * Both pictures of a pair take the same way, so what lies above what stays there. */
#ifndef GCL_DATASETS_ITEM_H
#define GCL_DATASETS_ITEM_H

#include "base/memory.h"
#include "datasets/dataset.h"

/* What a format gives. A picture may be a decoding at `scale` of what is width x height pixels; the
 * crop box is meant in the pixels of the whole. */
typedef struct gcl_item {
    struct gcl_item_picture {
        gcl_image image;
        int width, height;
        double scale;
    } pictures[2]; /* the second of a pair only */
    uint32_t label;
} gcl_item;

void gcl_item_free(gcl_item *item);

/* Sets picture `which` to an image at full size, and takes it over. */
void gcl_item_set(gcl_item *item, int which, gcl_image *image);

/* Decodes the n bytes of a JPEG or PNG to picture `which`, a JPEG as small as will do for a crop of
 * side x side pixels (0: at full size). Errors: GCL_DATA, GCL_MEMORY. */
int gcl_item_decode(gcl_item *item, int which, const gcl_dataset_options *options, int side,
                    const uint8_t *bytes, size_t n, const char *name, gcl_error *err);

/* The same for both pictures of a pair that lie side by side in one file: the left half becomes
 * picture `left`, the right half the other. GCL_DATA too for an odd width. */
int gcl_item_decode_halves(gcl_item *item, int left, const gcl_dataset_options *options, int side,
                           const uint8_t *bytes, size_t n, const char *name, gcl_error *err);

/* The part of a picture of width x height pixels that the options ask for. */
gcl_box gcl_item_crop(const gcl_dataset_options *options, int width, int height);

/* Cuts and resizes picture `which` to a new picture of side x side pixels. Errors: GCL_MEMORY,
 * GCL_DATA (the crop box leaves the picture). */
int gcl_item_fit(const gcl_item *item, int which, const gcl_dataset_options *options, int side,
                 int channels, gcl_image *out, gcl_error *err);

/* Side to which pictures are resized before they are cut. */
int gcl_item_side(const gcl_wanted *wanted, const gcl_draw *draw);

/* The whole way to fields[0] and fields[1]. Errors: GCL_MEMORY, GCL_DATA. */
int gcl_item_fields(const gcl_item *item, const gcl_dataset_options *options, const gcl_draw *draw,
                    void *const fields[2], gcl_error *err);

/* Spreads levels over 0..255, in place: u * 255 / (levels - 1), rounded. */
void gcl_item_spread(uint8_t *bytes, size_t n, int levels);

#endif
