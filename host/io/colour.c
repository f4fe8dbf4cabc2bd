#include "io/colour.h"

#include <lcms2.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"

enum { KEPT = 16, GRID = 17, DATE_AT = 24, DATE_BYTES = 12 };

struct gcl_colour {
    uint8_t digest[GCL_SHA256_BYTES]; /* of the profile */
    gcl_colour_layout layout;
    cmsHTRANSFORM transform; /* NULL: nothing to do */
    int users;
    bool kept;
};

/* Conversions that are not in use may make room for others. */
static gcl_colour *kept[KEPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- making one --------------------------------------------------------------------------------- */

static cmsUInt32Number input_type(gcl_colour_layout layout)
{
    cmsUInt32Number space = layout.colours == 1 ? PT_GRAY : layout.colours == 3 ? PT_RGB : PT_CMYK;
    const uint16_t one = 1;
    bool wide = layout.depth == 16, little = *(const uint8_t *)&one == 1;
    return COLORSPACE_SH(space) | CHANNELS_SH((cmsUInt32Number)layout.colours) |
           EXTRA_SH((cmsUInt32Number)layout.alpha) | BYTES_SH(wide ? 2u : 1u) |
           ENDIAN16_SH(wide && little ? 1u : 0u) | FLAVOR_SH((cmsUInt32Number)layout.inverted);
}

static cmsUInt32Number output_type(gcl_colour_layout layout)
{
    bool grey = layout.colours == 1;
    return COLORSPACE_SH(grey ? PT_GRAY : PT_RGB) | CHANNELS_SH(grey ? 1 : 3) |
           EXTRA_SH((cmsUInt32Number)layout.alpha) | BYTES_SH(1);
}

/* sRGB, or grey with its curve; NULL when out of memory. */
static cmsHPROFILE new_target(bool grey)
{
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    if (!grey || srgb == NULL)
        return srgb;
    const cmsToneCurve *curve = cmsReadTag(srgb, cmsSigGreenTRCTag);
    cmsHPROFILE target = curve != NULL ? cmsCreateGrayProfile(cmsD50_xyY(), curve) : NULL;
    cmsCloseProfile(srgb);
    return target;
}

static bool fits(cmsHPROFILE profile, int colours)
{
    cmsColorSpaceSignature space = cmsGetColorSpace(profile);
    return space == (colours == 1 ? cmsSigGrayData : colours == 3 ? cmsSigRgbData : cmsSigCmykData);
}

static cmsHTRANSFORM new_transform(cmsHPROFILE source, gcl_colour_layout layout)
{
    cmsHPROFILE target = new_target(layout.colours == 1);
    if (target == NULL)
        return NULL;
    /* Optimised, a curve of grey becomes 33 points, which is 10 of 255 off in the dark. */
    cmsUInt32Number flags = cmsFLAGS_NOCACHE | (layout.alpha ? cmsFLAGS_COPY_ALPHA : 0) |
                            (layout.colours == 1 ? cmsFLAGS_NOOPTIMIZE : 0);
    cmsHTRANSFORM transform = cmsCreateTransform(source, input_type(layout), target,
                                                 output_type(layout), INTENT_PERCEPTUAL, flags);
    cmsCloseProfile(target);
    return transform;
}

/* Whether no colour of a grid over the cube moves by more than 1: many files hold sRGB's own
 * profile, and theirs are to stay as they are. */
static bool changes_nothing(cmsHPROFILE source, int colours)
{
    const gcl_colour_layout plain = {.colours = colours, .depth = 8};
    cmsHTRANSFORM transform = colours < 4 ? new_transform(source, plain) : NULL;
    int n = colours == 1 ? 256 : GRID * GRID * GRID, most = 0;
    if (transform == NULL)
        return false;
    for (int i = 0; i < n; i++) {
        int place = i;
        uint8_t in[3], out[3];
        for (int c = 0; c < colours; c++) {
            in[c] = (uint8_t)(colours == 1 ? i : place % GRID * 255 / (GRID - 1));
            place /= GRID;
        }
        cmsDoTransform(transform, in, out, 1);
        for (int c = 0; c < colours; c++)
            most = abs(in[c] - out[c]) > most ? abs(in[c] - out[c]) : most;
    }
    cmsDeleteTransform(transform);
    return most <= 1;
}

static cmsHTRANSFORM open_transform(const uint8_t *bytes, size_t n, gcl_colour_layout layout)
{
    cmsHPROFILE source = cmsOpenProfileFromMem(bytes, (cmsUInt32Number)n);
    cmsHTRANSFORM transform = NULL;
    if (source == NULL)
        return NULL;
    if (fits(source, layout.colours) && !changes_nothing(source, layout.colours))
        transform = new_transform(source, layout);
    cmsCloseProfile(source);
    return transform;
}

static void destroy(gcl_colour *colour)
{
    if (colour->transform != NULL)
        cmsDeleteTransform(colour->transform);
    free(colour);
}

/* ---- sharing them ------------------------------------------------------------------------------- */

static bool is_same(const gcl_colour *colour, const uint8_t *digest, gcl_colour_layout layout)
{
    return memcmp(colour->digest, digest, GCL_SHA256_BYTES) == 0 &&
           colour->layout.colours == layout.colours && colour->layout.alpha == layout.alpha &&
           colour->layout.depth == layout.depth && colour->layout.inverted == layout.inverted;
}

/* With the lock. */
static gcl_colour *find(const uint8_t *digest, gcl_colour_layout layout)
{
    for (int i = 0; i < KEPT; i++)
        if (kept[i] != NULL && is_same(kept[i], digest, layout))
            return kept[i];
    return NULL;
}

/* With the lock. What finds no room lives as long as it is used. */
static void keep(gcl_colour *colour)
{
    for (int i = 0; i < KEPT; i++) {
        if (kept[i] != NULL && kept[i]->users > 0)
            continue;
        if (kept[i] != NULL)
            destroy(kept[i]);
        kept[i] = colour;
        colour->kept = true;
        return;
    }
}

gcl_colour *gcl_colour_take(const uint8_t *profile, size_t n, gcl_colour_layout layout)
{
    uint8_t digest[GCL_SHA256_BYTES];
    gcl_sha256 sum;
    if (n == 0 || n > UINT32_MAX)
        return NULL;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, profile, n);
    gcl_sha256_end(&sum, digest);
    pthread_mutex_lock(&lock);
    gcl_colour *colour = find(digest, layout);
    if (colour == NULL) {
        colour = gcl_alloc(sizeof *colour);
        memcpy(colour->digest, digest, sizeof digest);
        colour->layout = layout;
        colour->transform = open_transform(profile, n, layout);
        keep(colour);
    }
    colour->users++;
    pthread_mutex_unlock(&lock);
    if (colour->transform != NULL)
        return colour;
    gcl_colour_release(colour);
    return NULL;
}

void gcl_colour_release(gcl_colour *colour)
{
    if (colour == NULL)
        return;
    pthread_mutex_lock(&lock);
    bool over = --colour->users == 0 && !colour->kept;
    pthread_mutex_unlock(&lock);
    if (over)
        destroy(colour);
}

void gcl_colour_apply(const gcl_colour *colour, const void *in, uint8_t *out, size_t n_pixels)
{
    const size_t most = 1 << 24; /* the library counts in 32 bits */
    size_t channels = (size_t)colour->layout.colours + colour->layout.alpha;
    size_t from = channels * (size_t)colour->layout.depth / 8;
    size_t to = (colour->layout.colours == 1 ? 1 : 3) + (size_t)colour->layout.alpha;
    for (size_t i = 0; i < n_pixels; i += most) {
        size_t n = n_pixels - i < most ? n_pixels - i : most;
        cmsDoTransform(colour->transform, (const uint8_t *)in + i * from, out + i * to,
                       (cmsUInt32Number)n);
    }
}

/* ---- PNG's gAMA and cHRM ------------------------------------------------------------------------ */

static cmsHPROFILE new_profile(double gamma, const double chromaticities[8], int colours)
{
    static const double srgb[] = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
    const double *xy = chromaticities != NULL ? chromaticities : srgb;
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1 / gamma);
    if (curve == NULL)
        return NULL;
    cmsCIExyY white = {xy[0], xy[1], 1};
    cmsCIExyYTRIPLE primaries = {{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
    cmsToneCurve *const curves[] = {curve, curve, curve};
    cmsHPROFILE profile = colours == 1 ? cmsCreateGrayProfile(cmsD50_xyY(), curve)
                                       : cmsCreateRGBProfile(&white, &primaries, curves);
    cmsFreeToneCurve(curve);
    return profile;
}

uint8_t *gcl_colour_profile(double gamma, const double chromaticities[8], int colours, size_t *n)
{
    cmsUInt32Number bytes = 0;
    uint8_t *profile = NULL;
    cmsHPROFILE made = gamma > 0 ? new_profile(gamma, chromaticities, colours) : NULL;
    if (made != NULL && cmsSaveProfileToMem(made, NULL, &bytes)) {
        profile = gcl_alloc(bytes);
        if (cmsSaveProfileToMem(made, profile, &bytes)) {
            memset(profile + DATE_AT, 0, DATE_BYTES); /* equal colours, equal bytes */
        } else {
            free(profile);
            profile = NULL;
        }
    }
    if (made != NULL)
        cmsCloseProfile(made);
    *n = profile != NULL ? bytes : 0;
    return profile;
}
