/* JPEG through TurboJPEG: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK. */
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "io/codec.h"

/* TurboJPEG takes unsigned long, and in 2.1 it has no const for what it reads. */
static int open_header(tjhandle decoder, const uint8_t *bytes, size_t n, const char *name,
                       gcl_image_header *header, int *space, gcl_error *err)
{
    int subsampling = 0;
    if (tjDecompressHeader3(decoder, bytes, (unsigned long)n, &header->width, &header->height,
                            &subsampling, space) != 0)
        return gcl_fail(err, GCL_DATA, "%s: damaged JPEG: %s", name, tjGetErrorStr2(decoder));
    if (header->width < 1) /* tables alone are no error to the library */
        return gcl_fail(err, GCL_DATA, "%s: damaged JPEG: it ends before its picture", name);
    header->format = GCL_IMAGE_JPEG;
    header->channels = *space == TJCS_GRAY ? 1 : 3;
    return 0;
}

static tjhandle new_decoder(const char *name, gcl_error *err)
{
    tjhandle decoder = tjInitDecompress();
    if (decoder == NULL)
        gcl_fail(err, GCL_MEMORY, "%s: out of host memory for a JPEG decoder", name);
    return decoder;
}

int gcl_jpeg_read_header(const uint8_t *bytes, size_t n, const char *name, gcl_image_header *header,
                         gcl_error *err)
{
    tjhandle decoder = new_decoder(name, err);
    if (decoder == NULL)
        return -1;
    int space = 0;
    int result = open_header(decoder, bytes, n, name, header, &space, err);
    tjDestroy(decoder);
    return result;
}

/* The smallest m/8 that is not below `least`; the library knows which m it can do. */
static tjscalingfactor choose_scale(double least)
{
    int n_factors = 0;
    const tjscalingfactor *factors = tjGetScalingFactors(&n_factors);
    tjscalingfactor best = {1, 1};
    for (int i = 0; i < n_factors; i++) {
        double scale = (double)factors[i].num / factors[i].denom;
        if (scale >= least && scale < (double)best.num / best.denom)
            best = factors[i];
    }
    return best;
}

/* Whether an APP14 segment "Adobe" stands before the first scan: its writers store the inks of CMYK
 * inverted (255 is no ink). */
static int is_adobe(const uint8_t *bytes, size_t n)
{
    size_t at = 2;
    while (at + 4 <= n && bytes[at] == 0xFF) {
        unsigned marker = bytes[at + 1];
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (marker == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        if (marker == 0xDA)
            break;
        if (marker == 0xEE && length >= 7 && at + 9 <= n && memcmp(bytes + at + 4, "Adobe", 5) == 0)
            return 1;
        at += 2 + length;
    }
    return 0;
}

/* RGB without a colour profile: channel = (1 - ink) (1 - black). In place, 4 bytes to 3. */
static void cmyk_to_rgb(uint8_t *pixels, size_t n_pixels, int inverted)
{
    unsigned flip = inverted ? 0 : 255;
    for (size_t i = 0; i < n_pixels; i++) {
        unsigned light = pixels[4 * i + 3] ^ flip;
        for (size_t c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)(((pixels[4 * i + c] ^ flip) * light + 127) / 255);
    }
}

static int decode(tjhandle decoder, const uint8_t *bytes, size_t n, const char *name, double *scale,
                  gcl_image *image, gcl_error *err)
{
    gcl_image_header header;
    int space = 0;
    if (open_header(decoder, bytes, n, name, &header, &space, err) != 0)
        return -1;
    tjscalingfactor factor = choose_scale(*scale);
    *scale = (double)factor.num / factor.denom;
    int inks = space == TJCS_CMYK || space == TJCS_YCCK;
    int format = inks ? TJPF_CMYK : header.channels == 1 ? TJPF_GRAY : TJPF_RGB;
    if (gcl_image_new(image, TJSCALED(header.width, factor), TJSCALED(header.height, factor),
                      inks ? 4 : header.channels, err) != 0)
        return -1;
    /* A warning means that part of the picture was made up; it counts as failure. The limit on
     * scans stops small progressive files that would take minutes. */
    if (tjDecompress2(decoder, bytes, (unsigned long)n, image->pixels, image->width, 0,
                      image->height, format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0)
        return gcl_fail(err, GCL_DATA, "%s: damaged JPEG: %s", name, tjGetErrorStr2(decoder));
    if (inks) {
        cmyk_to_rgb(image->pixels, (size_t)image->width * (size_t)image->height,
                    is_adobe(bytes, n));
        image->channels = 3;
    }
    return 0;
}

int gcl_jpeg_decode(const uint8_t *bytes, size_t n, const char *name, double *scale,
                    gcl_image *image, gcl_error *err)
{
    tjhandle decoder = new_decoder(name, err);
    if (decoder == NULL)
        return -1;
    int result = decode(decoder, bytes, n, name, scale, image, err);
    tjDestroy(decoder);
    if (result != 0)
        gcl_image_free(image);
    return result;
}
