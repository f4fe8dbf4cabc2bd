#include "report/picture.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/resize.h"

enum { SMALL_BYTES = 64 * 1024, MOST_FILE = 1 << 28 };

int gcl_picture_read(gcl_picture *picture, const char *path, gcl_error *err)
{
    *picture = (gcl_picture){0};
    if (gcl_file_read(path, MOST_FILE, &picture->bytes, &picture->n, err) != 0)
        return -1;
    if (gcl_image_decode(picture->bytes, picture->n, path, NULL, &picture->pixels, err) != 0) {
        gcl_picture_free(picture);
        return -1;
    }
    picture->width = picture->pixels.width;
    picture->height = picture->pixels.height;
    return 0;
}

static void free_sources(gcl_picture *picture)
{
    gcl_image_free(&picture->pixels);
    free(picture->bytes);
    picture->bytes = NULL;
}

void gcl_picture_free(gcl_picture *picture)
{
    free_sources(picture);
    free(picture->uri);
    *picture = (gcl_picture){0};
}

/* ---- base64 (RFC 4648) ---------------------------------------------------------------------------- */

static void set_uri(gcl_picture *picture, const char *type, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    gcl_text head = {0};
    gcl_text_add(&head, "data:image/%s;base64,", type);
    picture->uri = gcl_alloc(head.length + (n + 2) / 3 * 4 + 1);
    memcpy(picture->uri, head.text, head.length);
    char *to = picture->uri + head.length;
    for (size_t i = 0; i < n; i += 3) {
        unsigned b = i + 1 < n ? bytes[i + 1] : 0, c = i + 2 < n ? bytes[i + 2] : 0;
        unsigned word = (unsigned)bytes[i] << 16 | b << 8 | c;
        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        *to++ = i + 1 < n ? digits[word >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[word & 63] : '=';
    }
    *to = 0;
    picture->uri_length = (size_t)(to - picture->uri);
    gcl_text_free(&head);
}

/* ---- JPEG ----------------------------------------------------------------------------------------- */

static int fail_jpeg(tjhandle encoder, gcl_error *err)
{
    return gcl_fail(err, GCL_MEMORY, "report: a picture cannot be encoded: %s",
                    encoder != NULL ? tjGetErrorStr2(encoder) : "out of host memory");
}

/* Makes the picture smaller by a factor of at least `shrink`, so that no side exceeds the limit. */
static int shrink_pixels(gcl_image *image, double shrink, gcl_error *err)
{
    gcl_image small;
    int side = image->width > image->height ? image->width : image->height;
    double scale = shrink;
    if (side * scale > GCL_PICTURE_SIDE)
        scale = (double)GCL_PICTURE_SIDE / side;
    if (scale >= 1)
        return 0;
    int width = (int)(image->width * scale), height = (int)(image->height * scale);
    gcl_box all = {0, 0, image->width, image->height};
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    if (gcl_image_new(&small, width, height, image->channels, err) != 0)
        return -1;
    if (gcl_resize(small.pixels, width, height, image, all, GCL_FILTER_LANCZOS, err) != 0) {
        gcl_image_free(&small);
        return -1;
    }
    gcl_image_free(image);
    *image = small;
    return 0;
}

/* Tries lower and lower quality, then half the size and so on, until it is short enough. */
static int encode_jpeg(gcl_picture *picture, tjhandle encoder, gcl_error *err)
{
    static const int qualities[] = {92, 85, 75, 60};
    unsigned char *jpeg = NULL;
    int done = 0;
    if (shrink_pixels(&picture->pixels, 1, err) != 0)
        return -1;
    while (!done) {
        const gcl_image *image = &picture->pixels;
        int grey = image->channels == 1;
        for (int i = 0; i < 4 && !done; i++) {
            unsigned long n = 0;
            int sampling = grey ? TJSAMP_GRAY : i == 0 ? TJSAMP_444 : TJSAMP_420;
            if (tjCompress2(encoder, image->pixels, image->width, 0, image->height,
                            grey ? TJPF_GRAY : TJPF_RGB, &jpeg, &n, sampling, qualities[i],
                            TJFLAG_ACCURATEDCT) != 0) {
                tjFree(jpeg);
                return fail_jpeg(encoder, err);
            }
            done = n <= GCL_PICTURE_BYTES;
            if (done)
                set_uri(picture, "jpeg", jpeg, n);
            tjFree(jpeg);
            jpeg = NULL;
        }
        if (!done && shrink_pixels(&picture->pixels, 0.5, err) != 0)
            return -1;
    }
    return 0;
}

int gcl_picture_encode(gcl_picture *picture, gcl_error *err)
{
    int result = 0;
    gcl_image_header header = {0};
    gcl_image_read_header(picture->bytes, picture->n, "", &header, NULL);
    if (header.format == GCL_IMAGE_PNG && picture->n <= SMALL_BYTES) {
        set_uri(picture, "png", picture->bytes, picture->n);
    } else {
        tjhandle encoder = tjInitCompress();
        result = encoder != NULL ? encode_jpeg(picture, encoder, err) : fail_jpeg(NULL, err);
        if (encoder != NULL)
            tjDestroy(encoder);
    }
    free_sources(picture);
    return result;
}
