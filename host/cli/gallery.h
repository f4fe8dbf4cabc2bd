/* Where sampled pictures go, by the name of it: FILE.png is a sheet of all, FILE.webp an animation
 * that shows one after the other, anything else a folder of PNG files.
 *
 *     gcl_gallery_options options = {.path = "morph.webp", .count = 48, .fps = 24, ...};
 *     gcl_gallery *gallery = gcl_gallery_open(&options, &err);
 *     for (...) gcl_gallery_add(gallery, picture, "seed00012", &err);
 *     gcl_gallery_close(gallery, &err);                  what is a file appears here, and whole */
#ifndef GCL_CLI_GALLERY_H
#define GCL_CLI_GALLERY_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_gallery gcl_gallery;

typedef enum gcl_gallery_kind {
    GCL_GALLERY_SHEET,
    GCL_GALLERY_ANIMATION,
    GCL_GALLERY_FOLDER
} gcl_gallery_kind;

typedef struct gcl_gallery_options {
    const char *path;
    int height, width, channels; /* of a picture */
    int count;                   /* that are going to be added */
    int columns;                 /* of a sheet */
    double fps;                  /* of an animation, and its quality: io/animation.h */
    int quality;
} gcl_gallery_options;

/* What `path` names. Errors: GCL_USAGE for files of kinds that are not written (x.jpg, x.gif). */
int gcl_gallery_kind_of(const char *path, gcl_gallery_kind *kind, gcl_error *err);

/* Keeps nothing of `options`. Errors: GCL_USAGE (the pictures do not fit into such a file), GCL_DISK,
 * GCL_MEMORY. */
gcl_gallery *gcl_gallery_open(const gcl_gallery_options *options, gcl_error *err);
/* `name`: of its file in a folder, without ".png". Errors: GCL_DISK, GCL_MEMORY. */
int gcl_gallery_add(gcl_gallery *gallery, const uint8_t *picture, const char *name, gcl_error *err);
/* Frees `gallery` either way. Errors: GCL_DISK, GCL_MEMORY. */
int gcl_gallery_close(gcl_gallery *gallery, gcl_error *err);
void gcl_gallery_abandon(gcl_gallery *gallery); /* without a file; NULL is fine */

#endif
