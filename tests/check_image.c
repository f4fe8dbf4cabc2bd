/* Pictures: every kind of PNG and JPEG, damaged ones, writing, grids. */
#include "image_test.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "io/file.h"
#include "io/grid.h"

static void read_back(const char *path, int width, int height, int channels)
{
    gcl_image_free(&image);
    ck_assert_msg(gcl_image_read_file(path, &image, &err) == 0, "%s", err.text);
    ck_assert_int_eq(image.width, width);
    ck_assert_int_eq(image.height, height);
    ck_assert_int_eq(image.channels, channels);
}

static void assert_pixels(const uint8_t *wanted, size_t n, int tolerance)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(abs(image.pixels[i] - wanted[i]) <= tolerance, "byte %zu is %d, not %d", i,
                      image.pixels[i], wanted[i]);
}

/* --- PNG ------------------------------------------------------------------------------------- */

START_TEST(png_grey_and_colour)
{
    const uint8_t grey[] = {0, 50, 100, 150, 200, 255};
    write_png(in_folder("g.png"), (png_kind){3, 2, 8, PNG_COLOR_TYPE_GRAY, 0}, NULL, 0, NULL, grey);
    read_back(in_folder("g.png"), 3, 2, 1);
    assert_pixels(grey, 6, 0);
    const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7};
    write_png(in_folder("c.png"), (png_kind){2, 2, 8, PNG_COLOR_TYPE_RGB, 0}, NULL, 0, NULL, rgb);
    read_back(in_folder("c.png"), 2, 2, 3);
    assert_pixels(rgb, 12, 0);
    write_png(in_folder("1.png"), (png_kind){1, 1, 8, PNG_COLOR_TYPE_RGB, 0}, NULL, 0, NULL, rgb);
    read_back(in_folder("1.png"), 1, 1, 3);
    assert_pixels(rgb, 3, 0);
}
END_TEST

START_TEST(png_few_bits)
{
    const uint8_t one[] = {0xB0}, two[] = {0x1B}, four[] = {0x0F, 0x70};
    write_png(in_folder("1.png"), (png_kind){4, 1, 1, PNG_COLOR_TYPE_GRAY, 0}, NULL, 0, NULL, one);
    read_back(in_folder("1.png"), 4, 1, 1);
    assert_pixels((const uint8_t[]){255, 0, 255, 255}, 4, 0);
    write_png(in_folder("2.png"), (png_kind){4, 1, 2, PNG_COLOR_TYPE_GRAY, 0}, NULL, 0, NULL, two);
    read_back(in_folder("2.png"), 4, 1, 1);
    assert_pixels((const uint8_t[]){0, 85, 170, 255}, 4, 0);
    write_png(in_folder("4.png"), (png_kind){3, 1, 4, PNG_COLOR_TYPE_GRAY, 0}, NULL, 0, NULL, four);
    read_back(in_folder("4.png"), 3, 1, 1);
    assert_pixels((const uint8_t[]){0, 255, 119}, 3, 0);
}
END_TEST

START_TEST(png_sixteen_bits)
{
    /* 0x8080 is 128 exactly; 0x80FF is 128.49; 0x8140 is 128.74 and rounds up, not down */
    const uint8_t grey[] = {0x80, 0x80, 0x80, 0xFF, 0x81, 0x40, 0xFF, 0xFF};
    write_png(in_folder("g.png"), (png_kind){4, 1, 16, PNG_COLOR_TYPE_GRAY, 0}, NULL, 0, NULL,
              grey);
    read_back(in_folder("g.png"), 4, 1, 1);
    assert_pixels((const uint8_t[]){128, 128, 129, 255}, 4, 0);
    const uint8_t rgb[] = {0, 0, 0x40, 0x40, 0xFF, 0xFF};
    write_png(in_folder("c.png"), (png_kind){1, 1, 16, PNG_COLOR_TYPE_RGB, 0}, NULL, 0, NULL, rgb);
    read_back(in_folder("c.png"), 1, 1, 3);
    assert_pixels((const uint8_t[]){0, 64, 255}, 3, 0);
}
END_TEST

START_TEST(png_alpha_is_on_black)
{
    const uint8_t rgba[] = {200, 100, 50, 255, 200, 100, 50, 128, 200, 100, 50, 0};
    write_png(in_folder("a.png"), (png_kind){3, 1, 8, PNG_COLOR_TYPE_RGBA, 0}, NULL, 0, NULL, rgba);
    read_back(in_folder("a.png"), 3, 1, 3);
    assert_pixels((const uint8_t[]){200, 100, 50, 100, 50, 25, 0, 0, 0}, 9, 0);
    const uint8_t grey[] = {200, 255, 200, 51};
    write_png(in_folder("g.png"), (png_kind){2, 1, 8, PNG_COLOR_TYPE_GA, 0}, NULL, 0, NULL, grey);
    read_back(in_folder("g.png"), 2, 1, 1);
    assert_pixels((const uint8_t[]){200, 40}, 2, 0);
}
END_TEST

START_TEST(png_palette)
{
    const png_color palette[] = {{255, 0, 0}, {0, 200, 0}, {10, 20, 30}};
    const uint8_t alphas[] = {255, 51, 0}, rows[] = {0x1B & 0x18, 0x90};
    write_png(in_folder("p.png"), (png_kind){3, 2, 2, PNG_COLOR_TYPE_PALETTE, 0}, palette, 3, NULL,
              rows); /* 0, 1, 2 and 2, 1, 0 */
    read_back(in_folder("p.png"), 3, 2, 3);
    assert_pixels(
        (const uint8_t[]){255, 0, 0, 0, 200, 0, 10, 20, 30, 10, 20, 30, 0, 200, 0, 255, 0, 0}, 18,
        0);
    write_png(in_folder("t.png"), (png_kind){3, 1, 2, PNG_COLOR_TYPE_PALETTE, 0}, palette, 3,
              alphas, rows);
    read_back(in_folder("t.png"), 3, 1, 3);
    assert_pixels((const uint8_t[]){255, 0, 0, 0, 40, 0, 0, 0, 0}, 9, 0);
}
END_TEST

START_TEST(png_interlaced)
{
    uint8_t rgb[17 * 13 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    write_png(in_folder("i.png"), (png_kind){17, 13, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7},
              NULL, 0, NULL, rgb);
    read_back(in_folder("i.png"), 17, 13, 3);
    assert_pixels(rgb, sizeof rgb, 0);
}
END_TEST

/* --- JPEG ------------------------------------------------------------------------------------ */

/* Smooth enough that quality 95 keeps it within a few levels. */
static uint8_t *gradient(int width, int height, int channels)
{
    uint8_t *pixels = gcl_alloc((size_t)width * (size_t)height * (size_t)channels), *p = pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(20 + (x * (3 - c) * 60) / width + (y * (c + 1) * 60) / height);
    return pixels;
}

static void decode(const uint8_t *bytes, size_t n, double *scale)
{
    gcl_image_free(&image);
    ck_assert_msg(gcl_image_decode(bytes, n, "test", scale, &image, &err) == 0, "%s", err.text);
}

START_TEST(jpeg_grey_colour_progressive)
{
    unsigned long n;
    uint8_t *rgb = gradient(45, 31, 3), *grey = gradient(45, 31, 1);
    uint8_t *bytes = make_jpeg(rgb, 45, 31, TJPF_RGB, TJSAMP_444, 0, &n);
    decode(bytes, n, NULL);
    ck_assert_int_eq(image.channels, 3);
    assert_pixels(rgb, 45 * 31 * 3, 6);
    tjFree(bytes);
    bytes = make_jpeg(rgb, 45, 31, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE, &n);
    decode(bytes, n, NULL);
    assert_pixels(rgb, 45 * 31 * 3, 12);
    tjFree(bytes);
    bytes = make_jpeg(grey, 45, 31, TJPF_GRAY, TJSAMP_GRAY, 0, &n);
    decode(bytes, n, NULL);
    ck_assert_int_eq(image.channels, 1);
    assert_pixels(grey, 45 * 31, 6);
    tjFree(bytes);
    free(rgb);
    free(grey);
}
END_TEST

/* Turns the APP14 segment into a comment, so that nothing says "Adobe" any more. */
static void forget_adobe(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i + 9 < n; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xEE && memcmp(bytes + i + 4, "Adobe", 5) == 0) {
            bytes[i + 1] = 0xFE;
            return;
        }
    ck_abort_msg("no Adobe segment");
}

START_TEST(jpeg_cmyk)
{
    /* Stored inverted, as Adobe does: light (200, 100, 50) of the inks, 128 of black. */
    uint8_t inks[16 * 16 * 4], wanted[16 * 16 * 3];
    for (int i = 0; i < 256; i++) {
        memcpy(inks + 4 * i, (uint8_t[]){200, 100, 50, 128}, 4);
        memcpy(wanted + 3 * i, (uint8_t[]){100, 50, 25}, 3);
    }
    unsigned long n;
    uint8_t *bytes = make_jpeg(inks, 16, 16, TJPF_CMYK, TJSAMP_444, 0, &n);
    decode(bytes, n, NULL);
    ck_assert_int_eq(image.channels, 3);
    assert_pixels(wanted, sizeof wanted, 3);
    tjFree(bytes);

    /* Without the mark the four channels are plain inks. The file holds YCCK of (80, 80, 80, 55):
     * Y = 255 - 80, Cb = Cr = 128; read as inks that is light (80, 127, 127) times 200 / 255. */
    for (int i = 0; i < 256; i++) {
        memcpy(inks + 4 * i, (uint8_t[]){80, 80, 80, 55}, 4);
        memcpy(wanted + 3 * i, (uint8_t[]){63, 100, 100}, 3);
    }
    bytes = make_jpeg(inks, 16, 16, TJPF_CMYK, TJSAMP_444, 0, &n);
    forget_adobe(bytes, n);
    decode(bytes, n, NULL);
    assert_pixels(wanted, sizeof wanted, 3);
    tjFree(bytes);
}
END_TEST

START_TEST(jpeg_reduced)
{
    static const struct {
        double least;
        int width, height;
    } cases[] = {{1, 100, 67},   {0.9, 100, 67}, {0.5, 50, 34}, {0.51, 63, 42},
                 {0.13, 25, 17}, {0.125, 13, 9}, {0.001, 13, 9}};
    unsigned long n;
    uint8_t *rgb = gradient(100, 67, 3);
    uint8_t *bytes = make_jpeg(rgb, 100, 67, TJPF_RGB, TJSAMP_444, 0, &n);
    gcl_image_header header;
    ck_assert_int_eq(gcl_image_read_header(bytes, n, "test", &header, &err), 0);
    ck_assert_int_eq(header.format, GCL_IMAGE_JPEG);
    ck_assert_int_eq(header.width, 100);
    ck_assert_int_eq(header.height, 67);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double scale = cases[i].least;
        decode(bytes, n, &scale);
        ck_assert_double_ge(scale, cases[i].least);
        ck_assert_int_eq(image.width, (int)ceil(100 * scale));
        ck_assert_int_eq(image.height, (int)ceil(67 * scale));
        ck_assert_int_le(image.width, cases[i].width); /* 3/8 and the like: if the library can */
        ck_assert_int_le(image.height, cases[i].height);
    }
    tjFree(bytes);
    free(rgb);
}
END_TEST

/* --- what cannot be read --------------------------------------------------------------------- */

static void assert_unreadable(const uint8_t *bytes, size_t n, const char *why)
{
    gcl_error reason = {0};
    gcl_image picture;
    ck_assert_int_eq(gcl_image_decode(bytes, n, "some/file.jpg", NULL, &picture, &reason), -1);
    ck_assert_int_eq(reason.code, GCL_DATA);
    ck_assert_ptr_nonnull(strstr(reason.text, "some/file.jpg"));
    ck_assert_msg(strstr(reason.text, why) != NULL, "\"%s\" does not say \"%s\"", reason.text, why);
    ck_assert_ptr_null(picture.pixels);
}

START_TEST(not_pictures)
{
    assert_unreadable((const uint8_t *)"", 0, "empty");
    assert_unreadable((const uint8_t *)"hello, world", 12, "neither JPEG nor PNG");
    assert_unreadable((const uint8_t *)"\xFF\xD8\xFF", 3, "damaged JPEG");
    ck_assert_int_eq(gcl_image_read_file(in_folder("nowhere.png"), &image, &err), -1);
    ck_assert_int_eq(err.code, GCL_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "nowhere.png"));
    err = (gcl_error){0};
    ck_assert_int_eq(gcl_image_read_file(folder, &image, &err), -1);
    ck_assert_int_eq(err.code, GCL_DATA);
}
END_TEST

START_TEST(jpeg_cut_short)
{
    unsigned long n;
    uint8_t *rgb = gradient(40, 40, 3);
    for (int flags = 0; flags <= TJFLAG_PROGRESSIVE; flags += TJFLAG_PROGRESSIVE) {
        uint8_t *bytes = make_jpeg(rgb, 40, 40, TJPF_RGB, TJSAMP_420, flags, &n);
        for (size_t length = 3; length + 2 < n; length++) /* the last two bytes say: end */
            assert_unreadable(bytes, length, "damaged JPEG");
        tjFree(bytes);
    }
    free(rgb);
}
END_TEST

START_TEST(png_cut_short_or_changed)
{
    uint8_t *bytes;
    size_t n;
    gcl_image_new(&image, 9, 9, 3, &err);
    for (size_t i = 0; i < 9 * 9 * 3; i++)
        image.pixels[i] = (uint8_t)(i * i);
    ck_assert_int_eq(gcl_image_encode_png(&image, &bytes, &n, &err), 0);
    for (size_t length = 8; length < n; length++)
        assert_unreadable(bytes, length, "damaged PNG");
    for (size_t at = 8; at < n; at++) { /* checksums cover every byte behind the signature */
        bytes[at] ^= 0x10;
        assert_unreadable(bytes, n, "file.jpg");
        bytes[at] ^= 0x10;
    }
    free(bytes);
}
END_TEST

/* Whatever the bytes are, decoding ends with a picture or an error. */
START_TEST(jpeg_changed_at_random)
{
    unsigned long n;
    uint8_t *rgb = gradient(32, 32, 3);
    uint8_t *bytes = make_jpeg(rgb, 32, 32, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE, &n);
    unsigned state = 1;
    int n_errors = 0;
    for (int i = 0; i < 2000; i++) {
        state = state * 1664525 + 1013904223;
        size_t at = 3 + (state >> 8) % (n - 3);
        uint8_t kept = bytes[at];
        bytes[at] = (uint8_t)(state >> 3);
        gcl_error reason = {0};
        int result = gcl_image_decode(bytes, n, "x", NULL, &image, &reason);
        ck_assert_int_eq(result == 0, image.pixels != NULL);
        ck_assert_int_eq(result == 0, reason.code == 0);
        n_errors += result != 0;
        gcl_image_free(&image);
        bytes[at] = kept;
    }
    ck_assert_int_gt(n_errors, 20);
    tjFree(bytes);
    free(rgb);
}
END_TEST

START_TEST(too_many_pixels)
{
    unsigned long n;
    uint8_t *rgb = gradient(16, 16, 3);
    uint8_t *bytes = make_jpeg(rgb, 16, 16, TJPF_RGB, TJSAMP_444, 0, &n);
    for (size_t i = 0; i + 9 < n; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0) /* height, width: 60000 each */
            memcpy(bytes + i + 5, (uint8_t[]){0xEA, 0x60, 0xEA, 0x60}, 4);
    assert_unreadable(bytes, n, "60000 x 60000 pixels are too many");
    tjFree(bytes);
    free(rgb);
}
END_TEST

/* --- changing and writing -------------------------------------------------------------------- */

START_TEST(grey_and_back)
{
    gcl_image_new(&image, 4, 1, 3, &err);
    memcpy(image.pixels, (uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77}, 12);
    ck_assert_int_eq(gcl_image_set_channels(&image, 1, &err), 0);
    assert_pixels((const uint8_t[]){76, 150, 29, 77}, 4, 0);
    ck_assert_int_eq(gcl_image_set_channels(&image, 3, &err), 0);
    assert_pixels((const uint8_t[]){76, 76, 76, 150, 150, 150, 29, 29, 29, 77, 77, 77}, 12, 0);
}
END_TEST

START_TEST(grid)
{
    uint8_t batch[5 * 2 * 3 * 3];
    for (size_t i = 0; i < sizeof batch; i++)
        batch[i] = (uint8_t)(i + 1);
    ck_assert_int_eq(gcl_grid_write_png(in_folder("g.png"), batch, 5, 2, 3, 3, 2, &err), 0);
    read_back(in_folder("g.png"), 6, 6, 3);
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            for (int c = 0; c < 3; c++) {
                int i = y / 2 * 2 + x / 3;
                int wanted = i < 5 ? batch[((i * 2 + y % 2) * 3 + x % 3) * 3 + c] : 0;
                ck_assert_int_eq(image.pixels[(y * 6 + x) * 3 + c], wanted);
            }
    const float x[] = {-1, 0, 1, -7, 7, NAN, 1 / 127.5f, INFINITY};
    uint8_t bytes[8];
    gcl_grid_bytes_from_floats(bytes, x, 8);
    ck_assert_mem_eq(bytes, ((uint8_t[]){0, 128, 255, 0, 255, 0, 129, 255}), 8);
}
END_TEST

START_TEST(bytes_and_floats_agree)
{
    for (int byte = 0; byte < 256; byte++) {
        float x = (float)byte / 127.5f - 1;
        uint8_t back;
        gcl_grid_bytes_from_floats(&back, &x, 1);
        ck_assert_int_eq(back, byte);
    }
}
END_TEST

static int count_files(void)
{
    int n = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *e; (e = readdir(listing)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(listing);
    return n;
}

START_TEST(writing_fails)
{
    gcl_image_new(&image, 64, 64, 3, &err);
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        image.pixels[i] = (uint8_t)(i * i >> 3);
    ck_assert_int_eq(gcl_image_write_png(in_folder("no/such/folder.png"), &image, &err), -1);
    ck_assert_int_eq(err.code, GCL_DISK);
    ck_assert_ptr_nonnull(strstr(err.text, "no/such/folder.png"));

    /* A file that may not grow, as on a full disk: the old file stays, nothing else does. */
    write_bytes(in_folder("old.png"), "old", 3);
    struct rlimit before, tiny;
    getrlimit(RLIMIT_FSIZE, &before);
    tiny = before;
    tiny.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tiny);
    err = (gcl_error){0};
    int result = gcl_image_write_png(in_folder("old.png"), &image, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(err.code, GCL_DISK);
    ck_assert_int_eq(count_files(), 1);
    uint8_t *bytes;
    size_t n;
    ck_assert_int_eq(gcl_file_read(in_folder("old.png"), 100, &bytes, &n, &err), 0);
    ck_assert_uint_eq(n, 3);
    free(bytes);
}
END_TEST

static Suite *image_suite(void)
{
    Suite *suite = suite_create("image");
    TCase *png = add_case(suite, "png", setup, teardown);
    tcase_add_test(png, png_grey_and_colour);
    tcase_add_test(png, png_few_bits);
    tcase_add_test(png, png_sixteen_bits);
    tcase_add_test(png, png_alpha_is_on_black);
    tcase_add_test(png, png_palette);
    tcase_add_test(png, png_interlaced);
    TCase *jpeg = add_case(suite, "jpeg", setup, teardown);
    tcase_add_test(jpeg, jpeg_grey_colour_progressive);
    tcase_add_test(jpeg, jpeg_cmyk);
    tcase_add_test(jpeg, jpeg_reduced);
    TCase *damaged = add_case(suite, "damaged", setup, teardown);
    tcase_add_test(damaged, not_pictures);
    tcase_add_test(damaged, jpeg_cut_short);
    tcase_add_test(damaged, png_cut_short_or_changed);
    tcase_add_test(damaged, jpeg_changed_at_random);
    tcase_add_test(damaged, too_many_pixels);
    TCase *writing = add_case(suite, "writing", setup, teardown);
    tcase_add_test(writing, grey_and_back);
    tcase_add_test(writing, grid);
    tcase_add_test(writing, bytes_and_floats_agree);
    tcase_add_test(writing, writing_fails);
    return suite;
}

int main(void) { return run_suite(image_suite()); }
