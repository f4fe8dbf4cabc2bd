/* A picture file as text inside the page: a data URI of bounded length.
 *
 *     gcl_picture picture;
 *     if (gcl_picture_read(&picture, "samples/000500.png", &err) == 0) {
 *         gcl_picture_encode(&picture, &err);  ... picture.uri ...
 *     }
 *     gcl_picture_free(&picture);
 *
 * A small PNG file goes in as it is, every pixel of it. A larger one becomes a JPEG file of the best
 * quality, and if need be of the size, that stays within GCL_PICTURE_BYTES. */
#ifndef GCL_REPORT_PICTURE_H
#define GCL_REPORT_PICTURE_H

#include "io/image.h"

enum { GCL_PICTURE_BYTES = 320 * 1024, GCL_PICTURE_SIDE = 1536 };

typedef struct gcl_picture {
    int width, height; /* of the file */
    gcl_image pixels;  /* until it is encoded */
    uint8_t *bytes;    /* the file, until then */
    size_t n;
    char *uri; /* "data:image/png;base64,..." */
    size_t uri_length;
} gcl_picture;

/* Errors: GCL_DATA, GCL_MEMORY; `picture` is then empty. */
int gcl_picture_read(gcl_picture *picture, const char *path, gcl_error *err);
/* Makes the URI and lets file and pixels go. Errors: GCL_MEMORY. */
int gcl_picture_encode(gcl_picture *picture, gcl_error *err);
void gcl_picture_free(gcl_picture *picture); /* and clears it; an empty one is fine */

#endif
