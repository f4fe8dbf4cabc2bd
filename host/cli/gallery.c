#include "cli/gallery.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "io/animation.h"
#include "io/atomic.h"
#include "io/grid.h"

enum { WIDEST_SHEET = 1000000 }; /* libpng's limit of a side */

struct gcl_gallery {
    gcl_gallery_options options;
    gcl_gallery_kind kind;
    char *path;
    int n;                    /* pictures so far */
    size_t bytes;             /* of one */
    uint8_t *pictures;        /* of a sheet: [count, height, width, channels] */
    gcl_animation *animation; /* of an animation */
};

static const char *ending_of(const char *path)
{
    const char *name = strrchr(path, '/'), *dot = strrchr(name != NULL ? name : path, '.');
    return dot != NULL ? dot : "";
}

int gcl_gallery_kind_of(const char *path, gcl_gallery_kind *kind, gcl_error *err)
{
    static const char *const others[] = {".apng", ".avif", ".gif", ".jpeg", ".jpg",
                                         ".mkv",  ".mp4",  ".tif", ".tiff", ".webm"};
    const char *ending = ending_of(path);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(ending, others[i]) == 0)
            return gcl_fail(err, GCL_USAGE,
                            "--out %s: %s is not written; take a .png (a sheet), a .webp (an "
                            "animation) or a folder",
                            path, ending);
    *kind = strcasecmp(ending, ".png") == 0    ? GCL_GALLERY_SHEET
            : strcasecmp(ending, ".webp") == 0 ? GCL_GALLERY_ANIMATION
                                               : GCL_GALLERY_FOLDER;
    return 0;
}

static int open_sheet(gcl_gallery *g, gcl_error *err)
{
    const gcl_gallery_options *o = &g->options;
    int64_t rows = (o->count + o->columns - 1) / o->columns;
    int64_t width = (int64_t)o->columns * o->width, height = rows * o->height;
    if (width > WIDEST_SHEET || height > WIDEST_SHEET || width * height > GCL_IMAGE_MAX_PIXELS)
        return gcl_fail(err, GCL_USAGE,
                        "%s: a sheet of %lld x %lld pixels is too large; take fewer pictures, or a "
                        "folder (--out FOLDER)",
                        g->path, (long long)width, (long long)height);
    g->pictures = gcl_try_alloc((size_t)o->count * g->bytes, "sampled pictures", err);
    return g->pictures != NULL ? 0 : -1;
}

static int open_kind(gcl_gallery *g, gcl_error *err)
{
    const gcl_gallery_options *o = &g->options;
    if (g->kind == GCL_GALLERY_SHEET)
        return open_sheet(g, err);
    if (g->kind == GCL_GALLERY_FOLDER)
        return gcl_folder_make(g->path, err);
    gcl_animation_options how = {.fps = o->fps, .quality = o->quality};
    g->animation = gcl_animation_begin(g->path, o->width, o->height, &how, err);
    return g->animation != NULL ? 0 : -1;
}

gcl_gallery *gcl_gallery_open(const gcl_gallery_options *options, gcl_error *err)
{
    gcl_gallery *g = gcl_alloc(sizeof *g);
    *g = (gcl_gallery){.options = *options, .path = gcl_strdup(options->path)};
    g->bytes = (size_t)options->height * (size_t)options->width * (size_t)options->channels;
    if (gcl_gallery_kind_of(g->path, &g->kind, err) == 0 && open_kind(g, err) == 0)
        return g;
    gcl_gallery_abandon(g);
    return NULL;
}

void gcl_gallery_abandon(gcl_gallery *g)
{
    if (g == NULL)
        return;
    gcl_animation_abandon(g->animation);
    free(g->pictures);
    free(g->path);
    free(g);
}

static int add_file(const gcl_gallery *g, const uint8_t *picture, const char *name, gcl_error *err)
{
    const gcl_gallery_options *o = &g->options;
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s.png", g->path, name);
    int result =
        gcl_grid_write_png(path.text, picture, 1, o->height, o->width, o->channels, 1, err);
    gcl_text_free(&path);
    return result;
}

int gcl_gallery_add(gcl_gallery *g, const uint8_t *picture, const char *name, gcl_error *err)
{
    int i = g->n++;
    switch (g->kind) {
    case GCL_GALLERY_ANIMATION:
        return gcl_animation_add(g->animation, picture, g->options.channels, err);
    case GCL_GALLERY_FOLDER: return add_file(g, picture, name, err);
    case GCL_GALLERY_SHEET: break;
    }
    memcpy(g->pictures + (size_t)i * g->bytes, picture, g->bytes);
    return 0;
}

int gcl_gallery_close(gcl_gallery *g, gcl_error *err)
{
    const gcl_gallery_options *o = &g->options;
    int result = 0;
    if (g->kind == GCL_GALLERY_SHEET)
        result = gcl_grid_write_png(g->path, g->pictures, g->n, o->height, o->width, o->channels,
                                    o->columns, err);
    if (g->kind == GCL_GALLERY_ANIMATION) {
        result = gcl_animation_finish(g->animation, err);
        g->animation = NULL;
    }
    gcl_gallery_abandon(g);
    return result;
}
