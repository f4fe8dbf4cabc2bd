/* Which way up a picture is (EXIF's orientation) in JPEG and PNG files, which are made here. */
#include "image_files_test.h"

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

int main(void)
{
    Suite *suite = suite_create("exif");
    TCase *tests = add_case(suite, "exif", setup, teardown);
    tcase_add_loop_test(tests, jpegs_are_turned, 1, 9);
    tcase_add_loop_test(tests, pngs_are_turned, 1, 9);
    tcase_add_loop_test(tests, reduced_and_turned, 1, 9);
    tcase_add_test(tests, damaged_exif_is_no_orientation);
    return run_suite(suite);
}
