#include "report/cells.h"

#include <stdlib.h>
#include <string.h>

#include "report/text.h"

enum { IN_A_TRIPLE = 3, LEAST_SIDE = 11 /* train/scores.h */ };

typedef struct layout {
    const gcl_image *sheet;
    int side, across, n; /* of a cell; triples a row; triples in all */
} layout;

static const uint8_t *cell_row(const layout *l, int triple, int part, int y)
{
    size_t row = (size_t)(triple / l->across) * (size_t)l->side + (size_t)y;
    size_t column = (size_t)(triple % l->across * IN_A_TRIPLE + part) * (size_t)l->side;
    return l->sheet->pixels + (row * (size_t)l->sheet->width + column) * (size_t)l->sheet->channels;
}

static int is_black(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0)
            return 0;
    return 1;
}

static int is_empty(const layout *l, int triple)
{
    size_t row = (size_t)l->side * (size_t)l->sheet->channels;
    for (int part = 0; part < IN_A_TRIPLE; part++)
        for (int y = 0; y < l->side; y++)
            if (!is_black(cell_row(l, triple, part, y), row))
                return 0;
    return 1;
}

/* Whether the frame at distance m from the border is black in all that was made. */
static int frame_is_black(const layout *l, int m)
{
    size_t c = (size_t)l->sheet->channels;
    int last = l->side - 1 - m;
    for (int t = 0; t < l->n; t++)
        for (int y = m; y <= last; y++) {
            const uint8_t *row = cell_row(l, t, IN_A_TRIPLE - 1, y);
            size_t inner = (size_t)(last - m + 1) * c;
            int black = y == m || y == last ? is_black(row + (size_t)m * c, inner)
                                            : is_black(row + (size_t)m * c, c) &&
                                                  is_black(row + (size_t)last * c, c);
            if (!black)
                return 0;
        }
    return 1;
}

/* Copies the cell without its margin. */
static void cut(const layout *l, int triple, int part, int margin, uint8_t *to)
{
    size_t c = (size_t)l->sheet->channels, row = (size_t)(l->side - 2 * margin) * c;
    for (int y = margin; y < l->side - margin; y++, to += row)
        memcpy(to, cell_row(l, triple, part, y) + (size_t)margin * c, row);
}

static void score_all(gcl_cells *cells, const layout *l, int margin)
{
    int side = l->side - 2 * margin;
    size_t bytes = (size_t)side * (size_t)side * (size_t)l->sheet->channels;
    uint8_t *target = gcl_alloc(bytes), *made = gcl_alloc(bytes);
    cells->n = l->n;
    for (int t = 0; t < l->n; t++) {
        if (is_empty(l, t))
            continue;
        cut(l, t, 1, margin, target);
        cut(l, t, 2, margin, made);
        cells->scored[t] = gcl_scores_of(target, made, side, side, l->sheet->channels,
                                         &cells->scores[t], NULL) == 0;
    }
    free(target);
    free(made);
}

void gcl_cells_score(gcl_cells *cells, const gcl_image *sheet, int columns, int padded)
{
    layout l = {.sheet = sheet, .side = sheet->width / columns, .across = columns / IN_A_TRIPLE};
    int margin = 0;
    *cells = (gcl_cells){0};
    if (l.side < LEAST_SIDE || sheet->width % columns != 0 || sheet->height % l.side != 0)
        return;
    l.n = sheet->height / l.side * l.across;
    if (l.n > GCL_CELLS_MOST)
        return;
    while (!padded && l.side - 2 * margin > LEAST_SIDE && frame_is_black(&l, margin))
        margin++;
    if (l.side - 2 * margin >= LEAST_SIDE)
        score_all(cells, &l, margin);
}

void gcl_cells_json(const gcl_cells *cells, gcl_text *out)
{
    gcl_text_add(out, "[");
    for (int i = 0; i < cells->n; i++) {
        const gcl_scores *s = &cells->scores[i];
        const double values[] = {s->l1, s->psnr, s->ssim, s->gmsd};
        gcl_text_add(out, "%s", i > 0 ? "," : "");
        if (!cells->scored[i]) {
            gcl_text_add(out, "null");
            continue;
        }
        for (int k = 0; k < 4; k++) {
            gcl_text_add(out, k > 0 ? "," : "[");
            gcl_page_number(out, values[k]);
        }
        gcl_text_add(out, "]");
    }
    gcl_text_add(out, "]");
}
