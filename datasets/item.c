#include "datasets/item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

/* Streams of random bits; the numbers only have to differ from each other, from the loader's, and
 * from those that models draw from with the same seed. */
enum { STREAM_FLIP = 0x5F11B, STREAM_CUT = 0x5C07, STREAM_LEVEL = 0x51E7E1 };

void gcl_item_free(gcl_item *item)
{
    gcl_image_free(&item->pictures[0].image);
    gcl_image_free(&item->pictures[1].image);
}

void gcl_item_set(gcl_item *item, int which, gcl_image *image)
{
    struct gcl_item_picture *p = &item->pictures[which];
    *p = (struct gcl_item_picture){*image, image->width, image->height, 1};
    *image = (gcl_image){0};
}

/* ---- from a file -------------------------------------------------------------------------------- */

/* How small a JPEG may be decoded so that the crop still has as many pixels as are wanted. */
static double least_scale(const gcl_dataset_options *options, const gcl_image_header *header,
                          int side)
{
    gcl_box box = gcl_item_crop(options, header->width, header->height);
    double length =
        options->crop == GCL_CROP_FIT ? fmax(box.width, box.height) : fmin(box.width, box.height);
    return side > 0 ? fmin(1, side / length) : 1;
}

int gcl_item_decode(gcl_item *item, int which, const gcl_dataset_options *options, int side,
                    const uint8_t *bytes, size_t n, const char *name, gcl_error *err)
{
    struct gcl_item_picture *p = &item->pictures[which];
    gcl_image_header header;
    if (gcl_image_read_header(bytes, n, name, &header, err) != 0)
        return -1;
    p->width = header.width;
    p->height = header.height;
    p->scale = least_scale(options, &header, side);
    return gcl_image_decode(bytes, n, name, &p->scale, &p->image, err);
}

int gcl_item_decode_halves(gcl_item *item, int left, const gcl_dataset_options *options, int side,
                           const uint8_t *bytes, size_t n, const char *name, gcl_error *err)
{
    gcl_image_header half;
    gcl_image whole;
    if (gcl_image_read_header(bytes, n, name, &half, err) != 0)
        return -1;
    if (half.width % 2 != 0)
        return gcl_fail(err, GCL_DATA, "%s: is %d pixels wide, which cannot be halved to A|B", name,
                        half.width);
    half.width /= 2;
    /* Decoded smaller, the halves must still meet between two pixels. */
    double scale = half.width % 8 == 0 ? least_scale(options, &half, side) : 1;
    if (gcl_image_decode(bytes, n, name, &scale, &whole, err) != 0)
        return -1;
    int result = 0;
    for (int k = 0; k < 2 && result == 0; k++) {
        struct gcl_item_picture *p = &item->pictures[k == 0 ? left : 1 - left];
        p->width = half.width;
        p->height = half.height;
        p->scale = scale;
        result = gcl_image_cut(&p->image, &whole, k * (whole.width / 2), 0, whole.width / 2,
                               whole.height, err);
    }
    gcl_image_free(&whole);
    return result;
}

/* ---- to a square -------------------------------------------------------------------------------- */

gcl_box gcl_item_crop(const gcl_dataset_options *options, int width, int height)
{
    gcl_box box = options->box;
    if (box.width == 0)
        box = (gcl_box){0, 0, width, height};
    if (options->crop == GCL_CROP_CENTRE) {
        double side = fmin(box.width, box.height);
        box.x += floor((box.width - side) / 2);
        box.y += floor((box.height - side) / 2);
        box.width = box.height = side;
    }
    return box;
}

/* The whole box inside the square, its longer side filling it; what it does not cover stays 0. */
static int fit_whole(const gcl_image *picture, gcl_box box, enum gcl_filter filter, gcl_image *out,
                     gcl_error *err)
{
    int side = out->width, channels = picture->channels;
    double scale = side / fmax(box.width, box.height);
    int width = (int)fmax(1, floor(box.width * scale + 0.5));
    int height = (int)fmax(1, floor(box.height * scale + 0.5));
    gcl_image inner;
    if (gcl_image_new(&inner, width, height, channels, err) != 0)
        return -1;
    int result = gcl_resize(inner.pixels, width, height, picture, box, filter, err);
    size_t row = (size_t)width * (size_t)channels, stride = (size_t)side * (size_t)channels;
    uint8_t *to = out->pixels + (size_t)((side - height) / 2) * stride +
                  (size_t)((side - width) / 2) * (size_t)channels;
    for (int y = 0; y < height; y++)
        memcpy(to + (size_t)y * stride, inner.pixels + (size_t)y * row, row);
    gcl_image_free(&inner);
    return result;
}

/* The box in the pixels of picture `which`. It is meant in those of the first one; the other of a
 * pair has the same shape, though perhaps another size. */
static int place_box(const gcl_item *item, int which, const gcl_dataset_options *options,
                     gcl_box *box, gcl_error *err)
{
    const struct gcl_item_picture *first = &item->pictures[0], *p = &item->pictures[which];
    *box = gcl_item_crop(options, first->width, first->height);
    if (box->x + box->width > first->width || box->y + box->height > first->height)
        return gcl_fail(err, GCL_DATA, "data.box %g,%g,%g,%g does not lie in its %d x %d pixels",
                        options->box.x, options->box.y, options->box.width, options->box.height,
                        first->width, first->height);
    double across = p->scale * p->width / first->width, down = p->scale * p->height / first->height;
    double x = box->x * across, y = box->y * down; /* rounding must not carry the box outside */
    *box = (gcl_box){x, y, fmin(box->width * across, p->image.width - x),
                     fmin(box->height * down, p->image.height - y)};
    return 0;
}

static int resize(const gcl_image *picture, gcl_box box, const gcl_dataset_options *options,
                  gcl_image *out, gcl_error *err)
{
    int side = out->width;
    if (box.width == side && box.height == side && picture->width == side &&
        picture->height == side) {
        memcpy(out->pixels, picture->pixels,
               (size_t)side * (size_t)side * (size_t)picture->channels);
        return 0;
    }
    if (options->crop == GCL_CROP_FIT)
        return fit_whole(picture, box, options->filter, out, err);
    return gcl_resize(out->pixels, side, side, picture, box, options->filter, err);
}

int gcl_item_fit(const gcl_item *item, int which, const gcl_dataset_options *options, int side,
                 int channels, gcl_image *out, gcl_error *err)
{
    const gcl_image *picture = &item->pictures[which].image;
    gcl_box box;
    *out = (gcl_image){0};
    if (place_box(item, which, options, &box, err) != 0 ||
        gcl_image_new(out, side, side, picture->channels, err) != 0)
        return -1;
    if (resize(picture, box, options, out, err) != 0 ||
        gcl_image_set_channels(out, channels, err) != 0) {
        gcl_image_free(out);
        return -1;
    }
    return 0;
}

/* ---- to the fields ------------------------------------------------------------------------------ */

int gcl_item_side(const gcl_wanted *wanted, const gcl_draw *draw)
{
    return draw->cut && wanted->load_size > 0 ? wanted->load_size : wanted->size;
}

static int cut_at(const gcl_draw *draw, int axis, int room)
{
    return (int)gcl_philox_below(draw->seed, (uint32_t)draw->epoch, STREAM_CUT,
                                 2 * (uint64_t)draw->position + (uint64_t)axis, (uint32_t)room + 1);
}

/* The random cut of size x size pixels, equal for both pictures of a pair. */
static int cut(gcl_image *out, const gcl_image *square, const gcl_draw *draw, int size,
               gcl_error *err)
{
    int room = square->width - size;
    return gcl_image_cut(out, square, cut_at(draw, 0, room), cut_at(draw, 1, room), size, size,
                         err);
}

static bool is_mirrored(const gcl_draw *draw)
{
    return draw->flip &&
           gcl_philox_bits(draw->seed, (uint32_t)draw->epoch, STREAM_FLIP, draw->position) >> 31;
}

/* 1 with probability u / 255 for each byte u: r < u / 255 for 32 random bits r / 2^32. Black and
 * white, which most of a drawing is, need none. */
static void draw_bits(uint8_t *bytes, size_t n, const gcl_draw *draw, uint64_t first)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t u = bytes[i];
        if (u > 0 && u < 255) {
            uint64_t r =
                gcl_philox_bits(draw->seed, (uint32_t)draw->epoch, STREAM_LEVEL, first + i);
            bytes[i] = r * 255 < u << 32;
        } else {
            bytes[i] = u > 0;
        }
    }
}

static void set_levels(uint8_t *bytes, size_t n, int levels, const gcl_draw *draw, uint64_t first)
{
    if (levels == 2)
        draw_bits(bytes, n, draw, first);
    else if (levels == 32)
        for (size_t i = 0; i < n; i++)
            bytes[i] >>= 3;
}

void gcl_item_spread(uint8_t *bytes, size_t n, int levels)
{
    unsigned most = levels > 1 ? (unsigned)levels - 1 : 255;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)((bytes[i] * 255u + most / 2) / most);
}

/* An item's random bits lie one behind the other, the target's behind the source's. */
static uint64_t first_bit(const gcl_wanted *wanted, const gcl_draw *draw, int which)
{
    uint64_t most = 3 * (uint64_t)wanted->size * (uint64_t)wanted->size;
    return (2 * (uint64_t)draw->position + (uint64_t)which) * most;
}

static int make_picture(const gcl_item *item, int which, const gcl_dataset_options *options,
                        const gcl_draw *draw, uint8_t *bytes, gcl_error *err)
{
    const gcl_wanted *wanted = &options->wanted;
    int channels = which == 0 ? wanted->channels : wanted->target_channels, size = wanted->size;
    size_t n = (size_t)size * (size_t)size * (size_t)channels;
    gcl_image square, picture;
    if (gcl_item_fit(item, which, options, gcl_item_side(wanted, draw), channels, &square, err) !=
        0)
        return -1;
    int result = cut(&picture, &square, draw, size, err);
    if (result == 0) {
        memcpy(bytes, picture.pixels, n);
        if (is_mirrored(draw))
            gcl_flip_horizontal(bytes, size, size, channels);
        set_levels(bytes, n, wanted->levels, draw, first_bit(wanted, draw, which));
    }
    gcl_image_free(&picture);
    gcl_image_free(&square);
    return result;
}

int gcl_item_fields(const gcl_item *item, const gcl_dataset_options *options, const gcl_draw *draw,
                    void *const fields[2], gcl_error *err)
{
    if (make_picture(item, 0, options, draw, fields[0], err) != 0)
        return -1;
    if (options->wanted.kind == GCL_WANT_LABELLED)
        memcpy(fields[1], &item->label, sizeof item->label);
    if (options->wanted.kind != GCL_WANT_PAIRS)
        return 0;
    return make_picture(item, 1, options, draw, fields[1], err);
}
