#include "io/sixel.h"

#include <stdlib.h>
#include <string.h>

/* ---- median cut ----------------------------------------------------------------------------------- */

enum { BITS = 5, CELLS = 1 << 3 * BITS };

/* The pixels of one cell of the colour cube: how many, and the sums of their channels. */
typedef struct cell {
    int number;
    uint8_t at[3]; /* in the cube */
    uint64_t pixels, sum[3];
} cell;

/* Cells first..end-1 of the list, which become one colour. */
typedef struct box {
    int first, end, axis, width; /* the channel in which they differ most, and by how much */
} box;

static void channels_of(const gcl_image *picture, size_t pixel, uint8_t rgb[3])
{
    const uint8_t *at = picture->pixels + pixel * (size_t)picture->channels;
    for (int i = 0; i < 3; i++)
        rgb[i] = at[picture->channels == 3 ? i : 0];
}

static int cell_number(const uint8_t rgb[3])
{
    return rgb[0] >> (8 - BITS) << 2 * BITS | rgb[1] >> (8 - BITS) << BITS | rgb[2] >> (8 - BITS);
}

static void measure(box *b, const cell *cells)
{
    b->width = -1;
    for (int axis = 0; axis < 3; axis++) {
        int low = 255, high = 0;
        for (int i = b->first; i < b->end; i++) {
            low = cells[i].at[axis] < low ? cells[i].at[axis] : low;
            high = cells[i].at[axis] > high ? cells[i].at[axis] : high;
        }
        if (high - low > b->width) {
            b->width = high - low;
            b->axis = axis;
        }
    }
}

#define COMPARE(axis)                                                                              \
    static int by_axis_##axis(const void *a, const void *b)                                        \
    {                                                                                              \
        const cell *x = a, *y = b;                                                                 \
        int apart = x->at[axis] - y->at[axis];                                                     \
        return apart != 0 ? apart : x->number - y->number;                                         \
    }
COMPARE(0)
COMPARE(1)
COMPARE(2)

/* Splits the box where half of its pixels lie on either side. */
static void split(box *b, box *other, cell *cells)
{
    static int (*const compare[3])(const void *, const void *) = {by_axis_0, by_axis_1, by_axis_2};
    uint64_t all = 0, below = 0;
    int middle = b->first;
    qsort(cells + b->first, (size_t)(b->end - b->first), sizeof *cells, compare[b->axis]);
    for (int i = b->first; i < b->end; i++)
        all += cells[i].pixels;
    while (middle < b->end - 2 && 2 * (below + cells[middle].pixels) <= all)
        below += cells[middle++].pixels;
    *other = (box){.first = middle + 1, .end = b->end};
    b->end = middle + 1;
    measure(b, cells);
    measure(other, cells);
}

/* Cuts the widest box in two until there are enough or all are one cell wide. */
static int cut(box *boxes, cell *cells, int n_cells)
{
    int n = 1;
    boxes[0] = (box){.first = 0, .end = n_cells};
    measure(&boxes[0], cells);
    while (n < GCL_SIXEL_COLOURS) {
        int widest = 0;
        for (int i = 1; i < n; i++)
            widest = boxes[i].width > boxes[widest].width ? i : widest;
        if (boxes[widest].width == 0)
            break;
        split(&boxes[widest], &boxes[n], cells);
        n++;
    }
    return n;
}

/* Fills the list of cells that have pixels; returns how many. */
static int count_cells(const gcl_image *picture, cell *cells, int *place)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    int n = 0;
    for (size_t p = 0; p < pixels; p++) {
        uint8_t rgb[3];
        channels_of(picture, p, rgb);
        int number = cell_number(rgb);
        if (place[number] == 0) {
            cells[n] = (cell){.number = number};
            for (int i = 0; i < 3; i++)
                cells[n].at[i] = rgb[i] >> (8 - BITS);
            place[number] = ++n;
        }
        cell *c = &cells[place[number] - 1];
        c->pixels++;
        for (int i = 0; i < 3; i++)
            c->sum[i] += rgb[i];
    }
    return n;
}

/* The mean of a box's pixels. */
static void mean_of(const box *b, const cell *cells, uint8_t colour[3])
{
    uint64_t pixels = 0, sum[3] = {0};
    for (int i = b->first; i < b->end; i++) {
        pixels += cells[i].pixels;
        for (int k = 0; k < 3; k++)
            sum[k] += cells[i].sum[k];
    }
    for (int k = 0; k < 3; k++)
        colour[k] = (uint8_t)((sum[k] + pixels / 2) / pixels);
}

int gcl_sixel_palette(const gcl_image *picture, uint8_t (*palette)[3], uint8_t *indices)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    box boxes[GCL_SIXEL_COLOURS];
    cell *cells = gcl_alloc(CELLS * sizeof *cells);
    int *place = gcl_alloc(CELLS * sizeof *place); /* first where a cell is, + 1; then its colour */
    int n = cut(boxes, cells, count_cells(picture, cells, place));
    for (int i = 0; i < n; i++) {
        mean_of(&boxes[i], cells, palette[i]);
        for (int k = boxes[i].first; k < boxes[i].end; k++)
            place[cells[k].number] = i;
    }
    for (size_t p = 0; p < pixels; p++) {
        uint8_t rgb[3];
        channels_of(picture, p, rgb);
        indices[p] = (uint8_t)place[cell_number(rgb)];
    }
    free(cells);
    free(place);
    return n;
}

/* ---- the string ----------------------------------------------------------------------------------- */

static void add_run(gcl_text *text, char sixel, int n)
{
    if (n > 3)
        gcl_text_add(text, "!%d%c", n, sixel);
    else
        for (; n > 0; n--)
            gcl_text_add_bytes(text, &sixel, 1);
}

/* One colour of a band; blank columns at its end are left out. */
static void add_colour(gcl_text *text, const char *sixels, int width, int colour)
{
    int run = 0;
    while (width > 0 && sixels[width - 1] == 0)
        width--;
    gcl_text_add(text, "#%d", colour);
    for (int x = 0; x < width; x++) {
        run++;
        if (x + 1 < width && sixels[x + 1] == sixels[x])
            continue;
        add_run(text, (char)('?' + sixels[x]), run);
        run = 0;
    }
}

/* Rows y .. y + 5. sixels: [colours, width], all 0 before and after. */
static void add_band(gcl_text *text, const gcl_image *picture, const uint8_t *indices, int y,
                     char *sixels)
{
    char used[GCL_SIXEL_COLOURS] = {0};
    size_t width = (size_t)picture->width;
    int first = 1;
    for (int row = 0; row < 6 && y + row < picture->height; row++)
        for (size_t x = 0; x < width; x++) {
            uint8_t colour = indices[(size_t)(y + row) * width + x];
            sixels[colour * width + x] |= (char)(1 << row);
            used[colour] = 1;
        }
    for (int colour = 0; colour < GCL_SIXEL_COLOURS; colour++) {
        if (!used[colour])
            continue;
        if (!first)
            gcl_text_add(text, "$");
        first = 0;
        add_colour(text, sixels + (size_t)colour * width, picture->width, colour);
        memset(sixels + (size_t)colour * width, 0, width);
    }
    gcl_text_add(text, "-");
}

void gcl_sixel_encode(gcl_text *text, const gcl_image *picture)
{
    uint8_t palette[GCL_SIXEL_COLOURS][3];
    size_t width = (size_t)picture->width, height = (size_t)picture->height;
    uint8_t *indices = gcl_alloc(width * height + 1);
    char *sixels = gcl_alloc(GCL_SIXEL_COLOURS * width + 1);
    int n = gcl_sixel_palette(picture, palette, indices);
    gcl_text_add(text, "\033P0;1;0q\"1;1;%d;%d", picture->width, picture->height);
    for (int i = 0; i < n; i++)
        gcl_text_add(text, "#%d;2;%d;%d;%d", i, (palette[i][0] * 100 + 127) / 255,
                     (palette[i][1] * 100 + 127) / 255, (palette[i][2] * 100 + 127) / 255);
    for (int y = 0; y < picture->height; y += 6)
        add_band(text, picture, indices, y, sixels);
    gcl_text_add(text, "\033\\");
    free(indices);
    free(sixels);
}
