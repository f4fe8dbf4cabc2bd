/* What a file says about its pixels: which way up it is (EXIF) and what its colours mean (ICC profiles,
 * PNG's gAMA and cHRM). Files are made here, with profiles by Little CMS; what has to come out is told
 * by tables and by the equations of the colour spaces. */
#include "data_test.h"

#include <lcms2.h>
#include <math.h>
#include <zlib.h>

#include "io/file.h"

static gcl_error err;
static gcl_image image;

static void setup(void)
{
    make_folder();
    err = (gcl_error){0};
    image = (gcl_image){0};
}

static void teardown(void)
{
    gcl_image_free(&image);
    remove_folder();
}

/* A file in memory; forget() it. */
typedef struct bytes {
    uint8_t *at;
    size_t n;
} bytes;

static bytes copy_of(const void *from, size_t n)
{
    bytes file = {gcl_alloc(n), n};
    memcpy(file.at, from, n);
    return file;
}

static void insert(bytes *file, size_t where, const void *what, size_t n)
{
    file->at = gcl_realloc(file->at, file->n + n);
    memmove(file->at + where + n, file->at + where, file->n - where);
    memcpy(file->at + where, what, n);
    file->n += n;
}

static void decode(const bytes *file, double *scale)
{
    gcl_image_free(&image);
    ck_assert_msg(gcl_image_decode(file->at, file->n, "test", scale, &image, &err) == 0, "%s",
                  err.text);
}

/* ---- making files ------------------------------------------------------------------------------- */

static bytes jpeg_of(const uint8_t *pixels, int width, int height, int format)
{
    unsigned long n;
    uint8_t *made = make_jpeg(pixels, width, height, format, TJSAMP_444, 0, &n);
    bytes file = copy_of(made, n);
    tjFree(made);
    return file;
}

static void add_segment(bytes *file, uint8_t marker, const void *content, size_t n)
{
    uint8_t head[] = {0xFF, marker, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2)};
    insert(file, 2, content, n);
    insert(file, 2, head, 4);
}

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

static void put_u32(uint8_t *to, unsigned long value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

enum { FIRST = 33, LAST = 12 }; /* behind a PNG's IHDR; the bytes of its IEND */

static void add_chunk(bytes *png, size_t where, const char *name, const void *content, size_t n)
{
    uint8_t *chunk = gcl_alloc(n + 12);
    put_u32(chunk, (unsigned long)n);
    memcpy(chunk + 4, name, 4);
    memcpy(chunk + 8, content, n);
    put_u32(chunk + 8 + n, crc32(0, chunk + 4, (uInt)n + 4));
    insert(png, where, chunk, n + 12);
    free(chunk);
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

static bytes png_of(png_kind kind, const uint8_t *rows)
{
    size_t n;
    uint8_t *read = NULL;
    write_png(in_folder("x.png"), kind, NULL, 0, NULL, rows);
    ck_assert_int_eq(gcl_file_read(in_folder("x.png"), 1 << 20, &read, &n, &err), 0);
    return (bytes){read, n};
}

/* "II" or "MM", one directory with the tag in its middle. */
static bytes tiff(bool little, int orientation)
{
    static const uint16_t entries[3][6] = {
        {0x010F, 2, 0, 4, 0x4141, 0x4100}, {0x0112, 3, 0, 1, 0, 0}, {0x011A, 3, 0, 1, 7, 0}};
    uint16_t words[4 + 1 + 18 + 2] = {0, 42, 0, 8, 3};
    bytes block = {gcl_alloc(sizeof words), sizeof words};
    for (int i = 0; i < 18; i++)
        words[5 + i] = entries[i / 6][i % 6];
    words[5 + 6 + 4] = (uint16_t)orientation;
    if (little) /* the halves of 32-bit numbers change places too */
        for (int i = 2; i < 5 + 18; i = i == 2 ? 7 : i + 6) {
            uint16_t high = words[i];
            words[i] = words[i + 1];
            words[i + 1] = high;
        }
    memcpy(block.at, little ? "II" : "MM", 2);
    for (size_t i = 1; i < sizeof words / 2; i++) {
        block.at[2 * i] = (uint8_t)(little ? words[i] : words[i] >> 8);
        block.at[2 * i + 1] = (uint8_t)(little ? words[i] >> 8 : words[i]);
    }
    return block;
}

static void add_exif(bytes *jpeg, bool little, int orientation)
{
    bytes block = tiff(little, orientation);
    insert(&block, 0, "Exif\0\0", 6);
    add_segment(jpeg, 0xE1, block.at, block.n);
    free(block.at);
}

/* ---- which way up ------------------------------------------------------------------------------- */

/* Quarters of 24 x 16 pixels of one brightness each: 40, 90 above, 140, 190 below. */
enum { WIDE = 48, HIGH = 32 };
static uint8_t quarters[HIGH * WIDE * 3];

static void paint_quarters(void)
{
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            memset(quarters + (y * WIDE + x) * 3, 40 + 50 * (x / (WIDE / 2) + y / (HIGH / 2) * 2),
                   3);
}

/* Where EXIF's orientations put the quarters: top left, top right, bottom left, bottom right. */
static const char seen[9][5] = {"", "0123", "1032", "3210", "2301", "0213", "2031", "3120", "1302"};

static void assert_turned(int orientation)
{
    int width = orientation < 5 ? WIDE : HIGH, height = orientation < 5 ? HIGH : WIDE;
    ck_assert_int_eq(image.width, width);
    ck_assert_int_eq(image.height, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int at = x / (width / 2) + y / (height / 2) * 2;
            int is = image.pixels[(y * width + x) * image.channels];
            int wanted = 40 + 50 * (seen[orientation][at] - '0');
            ck_assert_msg(abs(is - wanted) <= 2, "orientation %d: %d, %d is %d, not %d",
                          orientation, x, y, is, wanted);
        }
}

START_TEST(jpegs_are_turned)
{
    paint_quarters();
    for (int little = 0; little < 2; little++) {
        bytes file = jpeg_of(quarters, WIDE, HIGH, TJPF_RGB);
        gcl_image_header header;
        add_exif(&file, little, _i);
        add_segment(&file, 0xE0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
        decode(&file, NULL);
        assert_turned(_i);
        ck_assert_int_eq(gcl_image_read_header(file.at, file.n, "test", &header, &err), 0);
        ck_assert(header.width == image.width && header.height == image.height);
        ck_assert_int_eq(header.orientation, _i);
        free(file.at);
    }
}
END_TEST

START_TEST(pngs_are_turned)
{
    paint_quarters();
    for (int behind = 0; behind < 2; behind++) {
        bytes file = png_of((png_kind){WIDE, HIGH, 8, PNG_COLOR_TYPE_RGB, 0}, quarters);
        bytes block = tiff(behind, _i);
        add_chunk(&file, behind ? file.n - LAST : FIRST, "eXIf", block.at, block.n);
        decode(&file, NULL);
        assert_turned(_i);
        free(block.at);
        free(file.at);
    }
}
END_TEST

/* Sample i of a reduced decoding covers the pixels from i / scale on, turned or not: no mirrored axis
 * ends in a part of a sample. */
START_TEST(reduced_and_turned)
{
    static uint8_t slope[67 * 100 * 3];
    for (int i = 0; i < 67 * 100; i++)
        memset(slope + 3 * i, i % 100 + i / 100, 3);
    bytes file = jpeg_of(slope, 100, 67, TJPF_RGB);
    add_exif(&file, true, _i);
    for (double least = 0.1; least <= 1; least += 0.1) {
        double scale = least;
        decode(&file, &scale);
        ck_assert_double_ge(scale, least);
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < image.width; x++) {
                double u = (x + 0.5) / scale - 0.5, v = (y + 0.5) / scale - 0.5;
                double a = _i >= 5 ? v : u, b = _i >= 5 ? u : v; /* stored column and row */
                a = strchr("2378", '0' + _i) != NULL ? 99 - a : a;
                b = strchr("3467", '0' + _i) != NULL ? 66 - b : b;
                if (a > 95 || b > 62 || a < 4 || b < 4) /* the library's own edges */
                    continue;
                double is = image.pixels[(y * image.width + x) * 3];
                ck_assert_msg(fabs(is - a - b) < 2.5, "scale %g: %d, %d is %g, not %g", scale, x, y,
                              is, a + b);
            }
    }
    free(file.at);
}
END_TEST

START_TEST(damaged_exif_is_no_orientation)
{
    paint_quarters();
    bytes whole = tiff(true, 6);
    for (size_t n = 0; n <= whole.n; n++) {
        bytes file = jpeg_of(quarters, WIDE, HIGH, TJPF_RGB), block = copy_of("Exif\0\0", 6);
        insert(&block, 6, whole.at, n);
        add_segment(&file, 0xE1, block.at, block.n);
        decode(&file, NULL);
        assert_turned(n < 8 + 2 + 2 * 12 ? 1 : 6);
        free(block.at);
        free(file.at);
    }
    const int wrong[] = {0, 9, 0x0600};
    for (int i = 0; i < 3; i++) {
        bytes file = jpeg_of(quarters, WIDE, HIGH, TJPF_RGB);
        add_exif(&file, true, wrong[i]);
        decode(&file, NULL);
        assert_turned(1);
        free(file.at);
    }
    free(whole.at);
}
END_TEST

/* ---- colours ------------------------------------------------------------------------------------ */

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
    TCase *tests = tcase_create("colour");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, jpegs_are_turned, 1, 9);
    tcase_add_loop_test(tests, pngs_are_turned, 1, 9);
    tcase_add_loop_test(tests, reduced_and_turned, 1, 9);
    tcase_add_test(tests, damaged_exif_is_no_orientation);
    tcase_add_test(tests, jpeg_profiles);
    tcase_add_test(tests, png_profiles);
    tcase_add_test(tests, png_gamma);
    tcase_add_test(tests, png_alpha_is_kept_until_the_end);
    tcase_add_test(tests, what_is_srgb_stays);
    tcase_add_test(tests, inks_with_a_profile);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
