#include "train/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "io/atomic.h"
#include "io/blocks.h"
#include "io/resize.h"
#include "io/sixel.h"

/* Seconds that a terminal has to say what it can: some never do, and some are far away. */
static const double patience = 0.4;
/* Lines below the picture: the live line, and one more. */
enum { LINES_LEFT = 2 };
/* Where a terminal does not tell its pixels: those of a character. Many show no larger sixel pictures. */
enum { CHARACTER_WIDTH = 10, CHARACTER_HEIGHT = 20, MOST_PIXELS = 1000 };

struct gcl_preview {
    gcl_preview_mode mode; /* SIXEL or BLOCKS */
    int forced;            /* 1: colours and block characters whatever the environment says */
};

int gcl_preview_mode_named(const char *name)
{
    static const char *const names[] = {
        [GCL_PREVIEW_OFF] = "off",
        [GCL_PREVIEW_AUTO] = "",
        [GCL_PREVIEW_SIXEL] = "sixel",
        [GCL_PREVIEW_BLOCKS] = "blocks",
    };
    for (int mode = GCL_PREVIEW_OFF; mode <= GCL_PREVIEW_BLOCKS; mode++)
        if (strcmp(names[mode], name) == 0)
            return mode;
    return -1;
}

gcl_preview *gcl_preview_new(gcl_preview_mode mode)
{
    if (mode == GCL_PREVIEW_OFF || gcl_log_level < 0)
        return NULL;
    if (mode == GCL_PREVIEW_AUTO && !gcl_terminal_look().live) {
        gcl_say("--preview: there is no terminal to show pictures in (blocks and sixel show them "
                "anywhere)");
        return NULL;
    }
    gcl_preview *preview = gcl_alloc(sizeof *preview);
    preview->forced = mode != GCL_PREVIEW_AUTO;
    preview->mode = mode;
    if (mode == GCL_PREVIEW_AUTO)
        preview->mode = gcl_terminal_has_sixel(patience) ? GCL_PREVIEW_SIXEL : GCL_PREVIEW_BLOCKS;
    return preview;
}

void gcl_preview_free(gcl_preview *preview) { free(preview); }

static int at_least_one(double x) { return x < 1 ? 1 : (int)x; }

/* The part of the sheet's pictures that is shown, and its size in pixels. */
static gcl_box fit(const gcl_image *sheet, int rows, int most_width, int most_height, int whole,
                   int *width, int *height)
{
    gcl_box part = {0, 0, sheet->width, sheet->height};
    double scale = (double)most_width / sheet->width, row = (double)sheet->height / rows;
    scale = scale > 1 ? 1 : scale;
    if (!whole && part.height * scale > most_height)
        part.height = row * at_least_one(most_height / (row * scale));
    if (part.height * scale > most_height)
        scale = most_height / part.height;
    *width = at_least_one(part.width * scale + 0.5);
    *height = at_least_one(part.height * scale + 0.5);
    return part;
}

static int smaller(int a, int b) { return a < b ? a : b; }

/* The sheet as it has room in the terminal. */
static int scale_down(const gcl_preview *preview, const gcl_terminal *t, const gcl_image *sheet,
                      int rows, gcl_image *shown, gcl_error *err)
{
    int lines = t->rows > LINES_LEFT ? t->rows - LINES_LEFT : 1;
    int most_width = t->columns, most_height = 2 * lines, width, height;
    if (preview->mode == GCL_PREVIEW_SIXEL) {
        most_width = t->width > 0 ? t->width : t->columns * CHARACTER_WIDTH;
        most_height = t->height > 0 ? t->height / t->rows * lines : lines * CHARACTER_HEIGHT;
        most_width = smaller(most_width, MOST_PIXELS);
        most_height = smaller(most_height, MOST_PIXELS);
    }
    gcl_box part = fit(sheet, rows, most_width, most_height, preview->mode == GCL_PREVIEW_SIXEL,
                       &width, &height);
    if (gcl_image_new(shown, width, height, sheet->channels, err) != 0)
        return -1;
    return gcl_resize(shown->pixels, width, height, sheet, part, GCL_FILTER_LANCZOS, err);
}

static void encode(const gcl_preview *preview, const gcl_terminal *t, const gcl_image *shown,
                   gcl_text *text)
{
    if (preview->mode == GCL_PREVIEW_SIXEL) {
        gcl_sixel_encode(text, shown);
        gcl_text_add(text, "\n");
    } else if (preview->forced) {
        gcl_blocks_encode(text, shown, t->depth);
    } else {
        gcl_blocks_encode(text, shown, t->utf8 ? t->colours : 0);
    }
}

void gcl_preview_show(const gcl_preview *preview, const char *path, int rows)
{
    gcl_image sheet = {0}, shown = {0};
    gcl_error err = {0};
    gcl_text text = {0};
    if (preview == NULL || gcl_path_kind(path) == 0)
        return;
    gcl_terminal t = gcl_terminal_look();
    if (gcl_image_read_file(path, &sheet, &err) == 0 &&
        scale_down(preview, &t, &sheet, rows, &shown, &err) == 0) {
        gcl_say("%s", path);
        encode(preview, &t, &shown, &text);
        fwrite(text.text, 1, text.length, stderr);
        fflush(stderr);
    } else {
        gcl_warn("--preview: %s", err.text);
    }
    gcl_text_free(&text);
    gcl_image_free(&sheet);
    gcl_image_free(&shown);
}
