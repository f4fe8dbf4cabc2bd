/* What the colours of a file mean: ICC profiles, PNG's gAMA and cHRM. Files are made here, with profiles
 * by Little CMS; what has to come out is told by the equations of the colour spaces. */
#include "image_files_test.h"

#include <lcms2.h>
#include <math.h>

#include "io/file.h"

/* In `pieces` segments, the last of which is put in first. */
static void add_profile(bytes *file, bytes profile, int pieces)
{
    for (int i = pieces; i >= 1; i--) {
        gcl_text content = {0};
        size_t from = profile.n * (size_t)(i - 1) / (size_t)pieces;
        size_t to = profile.n * (size_t)i / (size_t)pieces;
        const char number[] = {(char)i, (char)pieces};
        gcl_text_add_bytes(&content, "ICC_PROFILE", 12);
        gcl_text_add_bytes(&content, number, 2);
        gcl_text_add_bytes(&content, (const char *)profile.at + from, to - from);
        add_segment(file, 0xE2, content.text, content.length);
        gcl_text_free(&content);
    }
}

static void add_iccp(bytes *png, bytes profile)
{
    uLongf n = compressBound(profile.n);
    uint8_t *content = gcl_alloc(n + 3);
    memcpy(content, "x\0\0", 3);
    ck_assert_int_eq(compress(content + 3, &n, profile.at, profile.n), Z_OK);
    add_chunk(png, FIRST, "iCCP", content, n + 3);
    free(content);
}

static void add_number(bytes *png, const char *name, const double *numbers, int n)
{
    uint8_t content[32];
    for (int i = 0; i < n; i++)
        put_u32(content + 4 * i, (unsigned long)floor(numbers[i] * 100000 + 0.5));
    add_chunk(png, FIRST, name, content, 4 * (size_t)n);
}

static double encode_srgb(double light)
{
    light = fmin(fmax(light, 0), 1);
    return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static const double adobe_gamma = 2.19921875;

/* Adobe RGB (1998) to sRGB; both have white D65. */
static void adobe_to_srgb(const uint8_t rgb[3], double wanted[3])
{
    static const double to_xyz[3][3] = {{0.5767309, 0.1855540, 0.1881852},
                                        {0.2973769, 0.6273491, 0.0752741},
                                        {0.0270343, 0.0706872, 0.9911085}};
    static const double from_xyz[3][3] = {{3.2404542, -1.5371385, -0.4985314},
                                          {-0.9692660, 1.8760108, 0.0415560},
                                          {0.0556434, -0.2040259, 1.0572252}};
    double xyz[3] = {0};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            xyz[i] += to_xyz[i][j] * pow(rgb[j] / 255.0, adobe_gamma);
    for (int i = 0; i < 3; i++) {
        wanted[i] = 0;
        for (int j = 0; j < 3; j++)
            wanted[i] += from_xyz[i][j] * xyz[j];
        wanted[i] = 255 * encode_srgb(wanted[i]);
    }
}

static bytes save_profile(cmsHPROFILE profile)
{
    cmsUInt32Number n = 0;
    ck_assert_ptr_nonnull(profile);
    ck_assert(cmsSaveProfileToMem(profile, NULL, &n));
    bytes saved = {gcl_alloc(n), n};
    ck_assert(cmsSaveProfileToMem(profile, saved.at, &n));
    cmsCloseProfile(profile);
    return saved;
}

static bytes adobe_profile(void)
{
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
    cmsToneCurve *curve = cmsBuildGamma(NULL, adobe_gamma);
    cmsToneCurve *const curves[] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
    cmsFreeToneCurve(curve);
    return save_profile(profile);
}

/* Blocks of 8 x 8 pixels, so that a JPEG keeps them. */
enum { BLOCK = 8, COLOURS = 7, ROW = BLOCK * COLOURS };
static const uint8_t colours[COLOURS][3] = {{0, 0, 0},     {255, 255, 255}, {128, 128, 128},
                                            {90, 200, 60}, {200, 120, 40},  {60, 70, 180},
                                            {20, 30, 10}};
static uint8_t painted[BLOCK * ROW * 3];

static void paint_colours(void)
{
    for (int i = 0; i < BLOCK * ROW; i++)
        memcpy(painted + 3 * i, colours[i % ROW / BLOCK], 3);
}

static void assert_adobe(double tolerance)
{
    ck_assert_int_eq(image.channels, 3);
    for (int i = 0; i < BLOCK * ROW; i++) {
        double wanted[3];
        adobe_to_srgb(colours[i % ROW / BLOCK], wanted);
        for (int c = 0; c < 3; c++)
            ck_assert_msg(fabs(image.pixels[3 * i + c] - wanted[c]) <= tolerance,
                          "pixel %d, channel %d is %d, not %g", i, c, image.pixels[3 * i + c],
                          wanted[c]);
    }
}

START_TEST(jpeg_profiles)
{
    paint_colours();
    bytes profile = adobe_profile();
    for (int pieces = 1; pieces <= 3; pieces++) {
        bytes file = jpeg_of(painted, ROW, BLOCK, TJPF_RGB);
        add_profile(&file, profile, pieces);
        decode(&file, NULL);
        assert_adobe(6);
        double scale = 0.125;
        decode(&file, &scale); /* also when decoded smaller */
        double wanted[3];
        adobe_to_srgb(colours[3], wanted);
        ck_assert_int_eq(image.width, COLOURS);
        for (int c = 0; c < 3; c++)
            ck_assert_double_le(fabs(image.pixels[3 * 3 + c] - wanted[c]), 6);
        free(file.at);
    }
    free(profile.at);
}
END_TEST

START_TEST(png_profiles)
{
    paint_colours();
    bytes profile = adobe_profile();
    bytes file = png_of((png_kind){ROW, BLOCK, 8, PNG_COLOR_TYPE_RGB, 0}, painted);
    const double linear = 1;
    add_number(&file, "gAMA", &linear, 1); /* the profile comes first */
    add_iccp(&file, profile);
    decode(&file, NULL);
    assert_adobe(1.5);
    free(file.at);
    file = png_of((png_kind){ROW, BLOCK, 8, PNG_COLOR_TYPE_RGB, 0}, painted);
    const double gamma = 1 / adobe_gamma;
    const double xy[] = {0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06};
    add_number(&file, "cHRM", xy, 8);
    add_number(&file, "gAMA", &gamma, 1);
    decode(&file, NULL);
    assert_adobe(1.5);
    free(file.at);
    free(profile.at);
}
END_TEST

START_TEST(png_gamma)
{
    /* 8 bits of grey, 16 bits of colour: 16 are reduced after the conversion, so that the darkest ones
     * stay apart */
    const double linear = 1;
    uint8_t grey[256], deep[64 * 6];
    for (int i = 0; i < 256; i++)
        grey[i] = (uint8_t)i;
    bytes file = png_of((png_kind){256, 1, 8, PNG_COLOR_TYPE_GRAY, 0}, grey);
    add_number(&file, "gAMA", &linear, 1);
    decode(&file, NULL);
    ck_assert_int_eq(image.channels, 1);
    for (int i = 0; i < 256; i++)
        ck_assert_double_le(fabs(image.pixels[i] - 255 * encode_srgb(i / 255.0)), 1.5);
    free(file.at);
    for (int i = 0; i < 64 * 3; i++) {
        deep[2 * i] = (uint8_t)(i / 3 * 16 >> 8);
        deep[2 * i + 1] = (uint8_t)(i / 3 * 16);
    }
    file = png_of((png_kind){64, 1, 16, PNG_COLOR_TYPE_RGB, 0}, deep);
    add_number(&file, "gAMA", &linear, 1);
    decode(&file, NULL);
    for (int i = 0; i < 64 * 3; i++)
        ck_assert_double_le(fabs(image.pixels[i] - 255 * encode_srgb(i / 3 * 16 / 65535.0)), 1.5);
    free(file.at);
}
END_TEST

START_TEST(png_alpha_is_kept_until_the_end)
{
    const double linear = 1;
    const uint8_t rgba[] = {50, 100, 200, 255, 50, 100, 200, 128, 50, 100, 200, 0};
    bytes file = png_of((png_kind){3, 1, 8, PNG_COLOR_TYPE_RGBA, 0}, rgba);
    add_number(&file, "gAMA", &linear, 1);
    decode(&file, NULL);
    ck_assert_int_eq(image.channels, 3);
    for (int i = 0; i < 9; i++) {
        double wanted = 255 * encode_srgb(rgba[i % 3] / 255.0) * rgba[i / 3 * 4 + 3] / 255;
        ck_assert_double_le(fabs(image.pixels[i] - wanted), 1.5);
    }
    free(file.at);
}
END_TEST

/* sRGB by any name, no usable profile, or one for other pixels: not a byte changes. */
START_TEST(what_is_srgb_stays)
{
    paint_colours();
    bytes srgb = save_profile(cmsCreate_sRGBProfile());
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1.0);
    bytes grey = save_profile(cmsCreateGrayProfile(cmsD50_xyY(), curve));
    cmsFreeToneCurve(curve);
    bytes adobe = adobe_profile(), damaged = copy_of(adobe.at, adobe.n / 2);
    const bytes profiles[] = {srgb, grey, damaged};
    const double usual = 0.45455, xy[] = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
    for (int k = 0; k < 5; k++) {
        bytes file = png_of((png_kind){ROW, BLOCK, 8, PNG_COLOR_TYPE_RGB, 0}, painted);
        if (k < 3) {
            add_iccp(&file, profiles[k]);
        } else {
            if (k == 4)
                add_number(&file, "cHRM", xy, 8);
            add_number(&file, "gAMA", &usual, 1);
        }
        decode(&file, NULL);
        ck_assert_mem_eq(image.pixels, painted, sizeof painted);
        free(file.at);
    }
    bytes plain = jpeg_of(painted, ROW, BLOCK, TJPF_RGB);
    decode(&plain, NULL);
    uint8_t wanted[sizeof painted];
    memcpy(wanted, image.pixels, sizeof wanted);
    for (int k = 0; k < 4; k++) { /* the last one: a piece of a profile is missing */
        bytes file = copy_of(plain.at, plain.n);
        add_profile(&file, k < 3 ? profiles[k] : adobe, k < 3 ? 1 : 2);
        if (k == 3) {
            size_t first = 4 + 14 + adobe.n / 2; /* out with the first piece */
            memmove(file.at + 2, file.at + 2 + first, file.n - 2 - first);
            file.n -= first;
        }
        decode(&file, NULL);
        ck_assert_mem_eq(image.pixels, wanted, sizeof wanted);
        free(file.at);
    }
    free(plain.at);
    free(srgb.at);
    free(grey.at);
    free(adobe.at);
    free(damaged.at);
}
END_TEST

/* Grey of L* = 100 (1 - black), whatever the other inks. */
static cmsInt32Number only_black(const cmsUInt16Number in[], cmsUInt16Number out[], void *cargo)
{
    (void)cargo;
    out[0] = (cmsUInt16Number)(65535 - in[3]);
    out[1] = out[2] = 0x8080;
    return TRUE;
}

static bytes ink_profile(void)
{
    cmsHPROFILE profile = cmsCreateProfilePlaceholder(NULL);
    cmsPipeline *pipeline = cmsPipelineAlloc(NULL, 4, 3);
    cmsStage *cube = cmsStageAllocCLut16bit(NULL, 2, 4, 3, NULL);
    ck_assert(cmsStageSampleCLut16bit(cube, only_black, NULL, 0));
    cmsSetProfileVersion(profile, 4.2);
    cmsSetDeviceClass(profile, cmsSigOutputClass);
    cmsSetColorSpace(profile, cmsSigCmykData);
    cmsSetPCS(profile, cmsSigLabData);
    cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 4, NULL));
    cmsPipelineInsertStage(pipeline, cmsAT_END, cube);
    cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL));
    ck_assert(cmsWriteTag(profile, cmsSigAToB0Tag, pipeline));
    cmsPipelineFree(pipeline);
    return save_profile(profile);
}

START_TEST(inks_with_a_profile)
{
    /* As Adobe stores them, 255 is no ink: black 0.6 gives L* 40, which is a grey of 94. */
    uint8_t inks[16 * 16 * 4];
    for (int i = 0; i < 256; i++)
        memcpy(inks + 4 * i, (uint8_t[]){200, 100, 50, 102}, 4);
    bytes profile = ink_profile(), file = jpeg_of(inks, 16, 16, TJPF_CMYK);
    add_profile(&file, profile, 1);
    decode(&file, NULL);
    ck_assert_int_eq(image.channels, 3);
    for (int i = 0; i < 16 * 16 * 3; i++)
        ck_assert_int_le(abs(image.pixels[i] - 94), 3);
    free(profile.at);
    free(file.at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("colour");
    TCase *tests = add_case(suite, "colour", setup, teardown);
    tcase_add_test(tests, jpeg_profiles);
    tcase_add_test(tests, png_profiles);
    tcase_add_test(tests, png_gamma);
    tcase_add_test(tests, png_alpha_is_kept_until_the_end);
    tcase_add_test(tests, what_is_srgb_stays);
    tcase_add_test(tests, inks_with_a_profile);
    return run_suite(suite);
}
