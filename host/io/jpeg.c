/* JPEG through TurboJPEG: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK. */
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/memory.h"
#include "io/codec.h"
#include "io/colour.h"
#include "io/exif.h"

/* ---- what stands before the picture -------------------------------------------------------------- */

enum { APP1 = 0xE1, APP2 = 0xE2, APP14 = 0xEE, SCAN = 0xDA, FILL = 0xFF };

typedef struct segment {
    unsigned marker;
    const uint8_t *content;
    size_t n;
} segment;

/* The segment at *at, which moves on; false at the first scan, or where the file is damaged. */
static int next_segment(const uint8_t *bytes, size_t n, size_t *at, segment *s)
{
    while (*at + 4 <= n && bytes[*at] == 0xFF && bytes[*at + 1] == FILL)
        ++*at;
    if (*at + 4 > n || bytes[*at] != 0xFF || bytes[*at + 1] == SCAN)
        return 0;
    size_t length = (size_t)bytes[*at + 2] << 8 | bytes[*at + 3];
    if (length < 2 || length > n - *at - 2)
        return 0;
    *s = (segment){bytes[*at + 1], bytes + *at + 4, length - 2};
    *at += 2 + length;
    return 1;
}

static int begins_with(const segment *s, unsigned marker, const char *text, size_t n)
{
    return s->marker == marker && s->n >= n && memcmp(s->content, text, n) == 0;
}

/* Whether an APP14 segment "Adobe" stands before the first scan: its writers store the inks of CMYK
 * inverted (255 is no ink). */
static int is_adobe(const uint8_t *bytes, size_t n)
{
    segment s;
    for (size_t at = 2; next_segment(bytes, n, &at, &s);)
        if (begins_with(&s, APP14, "Adobe", 5))
            return 1;
    return 0;
}

static int find_orientation(const uint8_t *bytes, size_t n)
{
    segment s;
    for (size_t at = 2; next_segment(bytes, n, &at, &s);)
        if (begins_with(&s, APP1, "Exif\0\0", 6))
            return gcl_exif_orientation(s.content + 6, s.n - 6);
    return 1;
}

/* The ICC profile, which lies in pieces in APP2 segments: "ICC_PROFILE\0", the number of the piece
 * from 1, how many there are, the piece (ICC.1:2010, B.4). free() it; empty where there is none, or
 * a piece is missing or out of order. */
static gcl_text find_profile(const uint8_t *bytes, size_t n)
{
    gcl_text profile = {0};
    segment s;
    unsigned n_found = 0, n_pieces = 0;
    for (size_t at = 2; next_segment(bytes, n, &at, &s);) {
        if (!begins_with(&s, APP2, "ICC_PROFILE", 12) || s.n < 14)
            continue;
        if (s.content[12] != ++n_found || (n_pieces > 0 && s.content[13] != n_pieces))
            n_found = 256; /* never complete */
        n_pieces = s.content[13];
        gcl_text_add_bytes(&profile, (const char *)s.content + 14, s.n - 14);
    }
    if (n_found != n_pieces)
        gcl_text_free(&profile);
    return profile;
}

/* ---- decoding ------------------------------------------------------------------------------------ */

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
    header->orientation = find_orientation(bytes, n);
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

/* Whether an axis may be decoded at this factor: where it is turned round later, its last sample
 * becomes the first and must be a whole one. */
static int may_scale(int length, int mirrored, tjscalingfactor factor)
{
    return !mirrored || length * factor.num % factor.denom == 0;
}

/* The smallest m/8 that is not below `least`; the library knows which m it can do. */
static tjscalingfactor choose_scale(double least, const gcl_image_header *header)
{
    int columns = gcl_exif_mirrors_columns(header->orientation);
    int rows = gcl_exif_mirrors_rows(header->orientation);
    int n_factors = 0;
    const tjscalingfactor *factors = tjGetScalingFactors(&n_factors);
    tjscalingfactor best = {1, 1};
    for (int i = 0; i < n_factors; i++) {
        double scale = (double)factors[i].num / factors[i].denom;
        if (scale >= least && scale < (double)best.num / best.denom &&
            may_scale(header->width, columns, factors[i]) &&
            may_scale(header->height, rows, factors[i]))
            best = factors[i];
    }
    return best;
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

/* Inks or other colours that a profile describes become sRGB; plain inks RGB. */
static void convert_colours(gcl_image *image, const uint8_t *bytes, size_t n)
{
    gcl_text profile = find_profile(bytes, n);
    size_t n_pixels = (size_t)image->width * (size_t)image->height;
    gcl_colour_layout layout = {.colours = image->channels,
                                .depth = 8,
                                .inverted = image->channels == 4 && is_adobe(bytes, n)};
    gcl_colour *colour = gcl_colour_take((uint8_t *)profile.text, profile.length, layout);
    if (colour != NULL)
        gcl_colour_apply(colour, image->pixels, image->pixels, n_pixels);
    else if (image->channels == 4)
        cmyk_to_rgb(image->pixels, n_pixels, layout.inverted);
    if (image->channels == 4)
        image->channels = 3;
    gcl_colour_release(colour);
    gcl_text_free(&profile);
}

static int decode(tjhandle decoder, const uint8_t *bytes, size_t n, const char *name, double *scale,
                  gcl_image *image, gcl_error *err)
{
    gcl_image_header header;
    int space = 0;
    if (open_header(decoder, bytes, n, name, &header, &space, err) != 0)
        return -1;
    tjscalingfactor factor = choose_scale(*scale, &header);
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
    convert_colours(image, bytes, n);
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
