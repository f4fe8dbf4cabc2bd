#include "io/exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, HEADER = 8, ENTRY = 12 };

/* An unsigned number of `size` bytes of a block whose first bytes tell the order. */
static uint32_t number(const uint8_t *tiff, size_t at, int size)
{
    uint32_t value = 0;
    bool little = tiff[0] == 'I';
    for (int i = 0; i < size; i++)
        value = value << 8 | tiff[at + (size_t)(little ? size - 1 - i : i)];
    return value;
}

int gcl_exif_orientation(const uint8_t *tiff, size_t n)
{
    if (n < HEADER || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    size_t directory = number(tiff, 4, 4);
    if (directory > n - 2)
        return 1;
    size_t n_entries = number(tiff, directory, 2), at = directory + 2;
    for (size_t i = 0; i < n_entries && at + ENTRY <= n; i++, at += ENTRY)
        if (number(tiff, at, 2) == TAG_ORIENTATION && number(tiff, at + 2, 2) == TYPE_SHORT) {
            uint32_t value = number(tiff, at + 8, 2);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    return 1;
}

bool gcl_exif_swaps(int orientation) { return orientation >= 5; }

bool gcl_exif_mirrors_columns(int orientation)
{
    return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

bool gcl_exif_mirrors_rows(int orientation)
{
    return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

int gcl_exif_turn(gcl_image *image, int orientation, gcl_error *err)
{
    if (orientation <= 1)
        return 0;
    gcl_image turned;
    bool swapped = gcl_exif_swaps(orientation);
    int width = swapped ? image->height : image->width;
    int height = swapped ? image->width : image->height;
    size_t pixel = (size_t)image->channels;
    if (gcl_image_new(&turned, width, height, image->channels, err) != 0)
        return -1;
    uint8_t *to = turned.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, to += pixel) {
            int column = swapped ? y : x, row = swapped ? x : y;
            if (gcl_exif_mirrors_columns(orientation))
                column = image->width - 1 - column;
            if (gcl_exif_mirrors_rows(orientation))
                row = image->height - 1 - row;
            memcpy(to,
                   image->pixels + ((size_t)row * (size_t)image->width + (size_t)column) * pixel,
                   pixel);
        }
    gcl_image_free(image);
    *image = turned;
    return 0;
}
