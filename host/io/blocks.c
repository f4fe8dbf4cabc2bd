#include "io/blocks.h"

#include <stdlib.h>
#include <string.h>

typedef struct pixel {
    uint8_t rgb[3];
} pixel;

/* Black below the picture. */
static pixel pixel_at(const gcl_image *picture, int x, int y)
{
    pixel p = {{0, 0, 0}};
    int c = picture->channels;
    if (y >= picture->height)
        return p;
    const uint8_t *at =
        picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * (size_t)c;
    for (int i = 0; i < 3; i++)
        p.rgb[i] = at[c == 3 ? i : 0];
    return p;
}

/* ---- colours -------------------------------------------------------------------------------------- */

static const int levels[6] = {0, 95, 135, 175, 215, 255};

static int nearest_level(int value)
{
    int best = 0;
    for (int i = 1; i < 6; i++)
        if (abs(levels[i] - value) < abs(levels[best] - value))
            best = i;
    return best;
}

static int square(int x) { return x * x; }

static int distance(const uint8_t rgb[3], int r, int g, int b)
{
    return square(rgb[0] - r) + square(rgb[1] - g) + square(rgb[2] - b);
}

int gcl_blocks_colour(const uint8_t rgb[3])
{
    int r = nearest_level(rgb[0]), g = nearest_level(rgb[1]), b = nearest_level(rgb[2]);
    int mean = (rgb[0] + rgb[1] + rgb[2]) / 3, i = (mean - 8 + 5) / 10;
    i = mean < 8 ? 0 : i > 23 ? 23 : i;
    int grey = 8 + 10 * i;
    if (distance(rgb, grey, grey, grey) < distance(rgb, levels[r], levels[g], levels[b]))
        return 232 + i;
    return 16 + 36 * r + 6 * g + b;
}

/* `ground`: 38 the character's colour, 48 the one behind it. */
static void set_colour(gcl_text *text, int ground, pixel p, int colours)
{
    if (colours > 256)
        gcl_text_add(text, "\033[%d;2;%d;%d;%dm", ground, p.rgb[0], p.rgb[1], p.rgb[2]);
    else
        gcl_text_add(text, "\033[%d;5;%dm", ground, gcl_blocks_colour(p.rgb));
}

/* A colour is only set where it changes. */
static void add_row(gcl_text *text, const gcl_image *picture, int y, int colours)
{
    pixel upper = {{0, 0, 0}}, lower = {{0, 0, 0}};
    for (int x = 0; x < picture->width; x++) {
        pixel a = pixel_at(picture, x, y), b = pixel_at(picture, x, y + 1);
        if (x == 0 || memcmp(&a, &upper, sizeof a) != 0)
            set_colour(text, 38, a, colours);
        if (x == 0 || memcmp(&b, &lower, sizeof b) != 0)
            set_colour(text, 48, b, colours);
        gcl_text_add(text, "\u2580");
        upper = a;
        lower = b;
    }
    gcl_text_add(text, "\033[0m\n");
}

/* ---- characters ----------------------------------------------------------------------------------- */

/* ITU-R BT.601 luma. */
static double brightness(pixel p)
{
    return (0.299 * p.rgb[0] + 0.587 * p.rgb[1] + 0.114 * p.rgb[2]) / 255;
}

static void add_row_of_characters(gcl_text *text, const gcl_image *picture, int y)
{
    static const char ink[] = " .:-=+*#%@";
    for (int x = 0; x < picture->width; x++) {
        double mean =
            0.5 * (brightness(pixel_at(picture, x, y)) + brightness(pixel_at(picture, x, y + 1)));
        gcl_text_add_bytes(text, &ink[(int)(mean * (sizeof ink - 2) + 0.5)], 1);
    }
    gcl_text_add(text, "\n");
}

void gcl_blocks_encode(gcl_text *text, const gcl_image *picture, int colours)
{
    for (int y = 0; y < picture->height; y += 2)
        if (colours > 0)
            add_row(text, picture, y, colours);
        else
            add_row_of_characters(text, picture, y);
}
