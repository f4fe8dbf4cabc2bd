/* Data sets: folders of every kind, how pictures become squares, and the loader. */
#include "loader_test.h"

#include <math.h>
#include <time.h>

static void open_size(const char *spec, int size)
{
    open_with(spec, (gcl_dataset_options){.wanted = {.size = size, .channels = 3}});
}

static int read_picture(size_t index, uint8_t *bytes, gcl_error *reason)
{
    void *const fields[2] = {bytes, NULL};
    return gcl_dataset_read(dataset, index, NULL, fields, reason);
}

static void assert_open_fails(const char *spec, int code, const char *text)
{
    gcl_error reason = {0};
    gcl_dataset_options options = {.wanted = {.size = 8, .channels = 3}};
    ck_assert_ptr_null(gcl_dataset_open(spec, &options, &reason));
    ck_assert_int_eq(reason.code, code);
    ck_assert_msg(strstr(reason.text, text) != NULL, "\"%s\" does not say \"%s\"", reason.text,
                  text);
}

/* --- folders --------------------------------------------------------------------------------- */

/* Reads picture `index` and says which level its first byte has; -1 when it cannot be read. */
static int level_of(size_t index)
{
    const gcl_dataset_options *options = gcl_dataset_get_options(dataset);
    static uint8_t bytes[64 * 64 * 3];
    gcl_error reason = {0};
    ck_assert_int_le(options->wanted.size, 64);
    return read_picture(index, bytes, &reason) == 0 ? bytes[0] : -1;
}

START_TEST(folder_is_sorted_and_recursive)
{
    ck_assert_int_eq(mkdir(in_folder("b"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("b/deep"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder(".hidden"), 0777), 0);
    write_flat(in_folder("c.png"), 5, 5, 40);
    write_flat(in_folder("b/2.PNG"), 5, 5, 20);
    write_flat(in_folder("b/deep/1.Jpeg"), 5, 5, 30); /* a PNG by its bytes */
    write_flat(in_folder("a.JPG"), 5, 5, 10);
    write_flat(in_folder(".hidden/x.png"), 5, 5, 99);
    write_flat(in_folder(".x.png"), 5, 5, 99);
    write_bytes(in_folder("notes.txt"), "x", 1);
    write_bytes(in_folder("jpg"), "x", 1);
    ck_assert_int_eq(symlink("..", in_folder("b/up")), 0); /* a loop */
    ck_assert_int_eq(symlink("b", in_folder("z")), 0);     /* b again */
    open_size(folder, 8);
    ck_assert_uint_eq(gcl_dataset_count(dataset), 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(level_of((size_t)i), 10 * (i + 1));
    const char *facts = gcl_dataset_describe(dataset);
    ck_assert_ptr_nonnull(strstr(facts, "4 pictures (2 JPEG, 2 PNG; 2 other files left out)"));
}
END_TEST

START_TEST(folder_names)
{
    ck_assert_int_eq(mkdir(in_folder("my photos"), 0777), 0);
    write_flat(in_folder("my photos/1.png"), 2, 2, 1);
    open_size(in_folder("my photos//"), 8);
    ck_assert_str_eq(gcl_dataset_name(dataset), "my-photos");
    open_size(in_folder("my photos/."), 8);
    ck_assert_str_eq(gcl_dataset_name(dataset), "pictures");
}
END_TEST

START_TEST(folder_errors)
{
    assert_open_fails(folder, GCL_DATA, "no JPEG or PNG pictures in");
    write_bytes(in_folder("a.txt"), "x", 1);
    assert_open_fails(folder, GCL_DATA, "(1 other file)");
    assert_open_fails(in_folder("nowhere"), GCL_DATA, "nowhere");
    assert_open_fails(in_folder("a.txt"), GCL_DATA, "not a data set in a known format");
    assert_open_fails("builtin:cats", GCL_DATA, "builtin:faces");
    gcl_dataset_options options = {.wanted = {.size = 8, .channels = 3}, .format = "tapes"};
    ck_assert_ptr_null(gcl_dataset_open(folder, &options, &err));
    ck_assert_int_eq(err.code, GCL_USAGE);
    ck_assert_ptr_nonnull(
        strstr(err.text, "packed, faces, mnist, cifar10, lmdb, pairs, sides, classes, folder"));
}
END_TEST

START_TEST(folder_without_permission)
{
    write_flat(in_folder("a.png"), 4, 4, 50);
    write_flat(in_folder("b.png"), 4, 4, 60);
    ck_assert_int_eq(chmod(in_folder("a.png"), 0), 0);
    open_size(folder, 4);
    ck_assert_int_eq(level_of(0), geteuid() == 0 ? 50 : -1); /* root reads everything */
    ck_assert_int_eq(level_of(1), 60);
}
END_TEST

START_TEST(options_out_of_range)
{
    const gcl_dataset_options wrong[] = {
        {.wanted = {.size = 0, .channels = 3}},
        {.wanted = {.size = 8, .channels = 2}},
        {.wanted = {.size = 8, .channels = 3}, .box = {0, 0, -4, 4}},
        {.wanted = {.size = 8, .channels = 3}, .box = {-1, 0, 4, 4}},
        {.wanted = {.size = 8, .channels = 3}, .box = {0, 0, 4, 0}}};
    for (int i = 0; i < 5; i++) {
        gcl_error reason = {0};
        ck_assert_ptr_null(gcl_dataset_open("builtin:faces", &wrong[i], &reason));
        ck_assert_int_eq(reason.code, GCL_USAGE);
    }
}
END_TEST

START_TEST(unreadable_files_are_counted)
{
    unsigned long n;
    uint8_t pixels[32 * 32 * 3];
    memset(pixels, 80, sizeof pixels);
    uint8_t *jpeg = make_jpeg(pixels, 32, 32, TJPF_RGB, TJSAMP_420, 0, &n);
    write_bytes(in_folder("1-good.jpg"), jpeg, n);
    write_bytes(in_folder("2-cut.jpg"), jpeg, n / 2);
    write_bytes(in_folder("3-empty.jpg"), "", 0);
    write_bytes(in_folder("4-text.jpg"), "words, words", 12);
    write_bytes(in_folder("5-jpeg.png"), jpeg, n); /* its bytes count, not its name */
    tjFree(jpeg);
    ck_assert_int_eq(symlink("nothing", in_folder("6-nowhere.png")), 0);
    open_size(folder, 16);
    ck_assert_uint_eq(gcl_dataset_count(dataset), 6);
    const bool good[] = {true, false, false, false, true, false};
    for (int times = 0; times < 2; times++)
        for (size_t i = 0; i < 6; i++)
            ck_assert_int_eq(level_of(i) >= 0, good[i]);
    ck_assert_uint_eq(gcl_dataset_unreadable(dataset), 4);
    uint8_t bytes[16 * 16 * 3];
    ck_assert_int_eq(read_picture(1, bytes, &err), -1);
    ck_assert_int_eq(err.code, GCL_DATA);
}
END_TEST

/* --- from a picture to a square -------------------------------------------------------------- */

/* A picture of vertical stripes, each 4 pixels wide and of another level. */
static void write_stripes(const char *path, int width, int height)
{
    gcl_image image;
    ck_assert_int_eq(gcl_image_new(&image, width, height, 3, &err), 0);
    for (int i = 0; i < width * height; i++)
        memset(image.pixels + 3 * i, 10 + 20 * (i % width / 4), 3);
    ck_assert_int_eq(gcl_image_write_png(path, &image, &err), 0);
    gcl_image_free(&image);
}

START_TEST(crops)
{
    uint8_t bytes[12 * 12 * 3];
    write_stripes(in_folder("wide.png"), 20, 12); /* levels 10, 30, 50, 70, 90 */
    open_with(folder, (gcl_dataset_options){.wanted = {.size = 12, .channels = 3}});
    ck_assert_int_eq(read_picture(0, bytes, &err), 0);
    ck_assert_int_eq(bytes[0], 30);
    ck_assert_int_eq(bytes[12 * 12 * 3 - 1], 70);

    open_with(folder,
              (gcl_dataset_options){.wanted = {.size = 4, .channels = 3}, .box = {16, 3, 4, 4}});
    ck_assert_int_eq(read_picture(0, bytes, &err), 0);
    for (int i = 0; i < 4 * 4 * 3; i++)
        ck_assert_int_eq(bytes[i], 90);

    open_with(folder, (gcl_dataset_options){.wanted = {.size = 10, .channels = 1},
                                            .crop = GCL_CROP_FIT,
                                            .filter = GCL_FILTER_TRIANGLE});
    ck_assert_int_eq(read_picture(0, bytes, &err), 0);
    for (int y = 0; y < 10; y++) { /* 10 x 6 in the middle, black above and below */
        ck_assert_int_eq(bytes[10 * y] > 0, y >= 2 && y < 8);
        ck_assert_int_eq(bytes[10 * y + 9] > 60, y >= 2 && y < 8);
    }

    open_with(folder, (gcl_dataset_options){.wanted = {.size = 5, .channels = 1},
                                            .crop = GCL_CROP_STRETCH,
                                            .filter = GCL_FILTER_TRIANGLE});
    ck_assert_int_eq(read_picture(0, bytes, &err), 0);
    for (int x = 1; x < 4; x++) /* the middle of each stripe */
        ck_assert_int_le(abs(bytes[x] - (10 + 20 * x)), 1);
}
END_TEST

START_TEST(box_outside_is_unreadable)
{
    uint8_t bytes[4 * 4 * 3];
    write_stripes(in_folder("a.png"), 20, 12);
    open_with(folder, (gcl_dataset_options){.wanted = {.size = 4, .channels = 3},
                                            .box = {0, 15, 178, 178}});
    ck_assert_int_eq(read_picture(0, bytes, &err), -1);
    ck_assert_int_eq(err.code, GCL_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "a.png: data.box 0,15,178,178"));
    ck_assert_ptr_nonnull(strstr(err.text, "20 x 12"));
}
END_TEST

/* A large JPEG is decoded reduced; the result must be that of decoding it whole. */
START_TEST(reduced_decoding_agrees)
{
    enum { W = 330, H = 402 };
    uint8_t *pixels = gcl_alloc(W * H * 3);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                pixels[(y * W + x) * 3 + c] =
                    (uint8_t)(128 + 100 * sin(0.03 * x * (c + 1)) * cos(0.02 * y));
    ck_assert_int_eq(mkdir(in_folder("jpeg"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("png"), 0777), 0);
    write_jpeg(in_folder("jpeg/a.jpg"), pixels, W, H);
    write_png(in_folder("png/a.png"), (png_kind){W, 256, 8, PNG_COLOR_TYPE_RGB, 0}, NULL, 0, NULL,
              pixels);
    uint8_t reduced[40 * 40 * 3], whole[40 * 40 * 3];
    const gcl_box box = {31, 17, 200, 200};
    open_with(in_folder("jpeg"),
              (gcl_dataset_options){.wanted = {.size = 40, .channels = 3}, .box = box});
    ck_assert_int_eq(read_picture(0, reduced, &err), 0);
    open_with(in_folder("png"),
              (gcl_dataset_options){.wanted = {.size = 40, .channels = 3}, .box = box});
    ck_assert_int_eq(read_picture(0, whole, &err), 0);
    for (size_t i = 0; i < sizeof whole; i++)
        ck_assert_int_le(abs(reduced[i] - whole[i]), 5);
    free(pixels);
}
END_TEST

/* --- loader ---------------------------------------------------------------------------------- */

enum { SIDE = 4, PICTURE = SIDE * SIDE * 3 };

/* n pictures that differ: number i has level 10 (i + 1), but its left half is 5 darker. */
static void write_pictures(int n)
{
    for (int i = 0; i < n; i++) {
        gcl_image image;
        char name[32];
        gcl_image_new(&image, SIDE, SIDE, 3, &err);
        for (int k = 0; k < PICTURE; k++)
            image.pixels[k] = (uint8_t)(10 * (i + 1) - (k / 3 % SIDE < SIDE / 2 ? 5 : 0));
        snprintf(name, sizeof name, "%02d.png", i);
        ck_assert_int_eq(gcl_image_write_png(in_folder(name), &image, &err), 0);
        gcl_image_free(&image);
    }
}

/* Takes `steps` batches; the caller frees them. */
static uint8_t *take(int steps, int batch, size_t picture)
{
    size_t bytes = (size_t)batch * picture;
    uint8_t *all = gcl_alloc((size_t)steps * bytes);
    for (int k = 0; k < steps; k++) {
        void *const fields[2] = {all + (size_t)k * bytes, NULL};
        ck_assert_msg(gcl_loader_next(loader, fields, &err) == 0, "%s", err.text);
    }
    return all;
}

static int number_of(const uint8_t *picture)
{
    int left = picture[0], right = picture[PICTURE - 1];
    ck_assert_int_eq(abs(left - right), 5); /* mirrored or not */
    return (left > right ? left : right) / 10 - 1;
}

START_TEST(loader_in_order)
{
    write_pictures(5);
    open_size(folder, SIDE);
    start((gcl_loader_options){.batch = 3, .threads = 2});
    uint8_t *all = take(7, 3, PICTURE);
    for (int i = 0; i < 21; i++) {
        ck_assert_int_eq(number_of(all + i * PICTURE), i % 5);
        ck_assert_int_eq(all[i * PICTURE], 10 * (i % 5 + 1) - 5); /* nothing is mirrored */
    }
    free(all);
}
END_TEST

START_TEST(loader_shuffles_each_epoch)
{
    write_pictures(7);
    open_size(folder, SIDE);
    start((gcl_loader_options){.batch = 4, .threads = 2, .seed = 3, .shuffle = true, .flip = true});
    uint8_t *all = take(70, 4, PICTURE); /* 40 epochs; most end inside a batch */
    int n_equal_orders = 0, n_mirrored = 0;
    for (int epoch = 0; epoch < 40; epoch++) {
        int seen = 0, same = epoch > 0;
        for (int p = 0; p < 7; p++) {
            const uint8_t *picture = all + (epoch * 7 + p) * PICTURE;
            seen |= 1 << number_of(picture);
            same &= epoch > 0 && number_of(picture) == number_of(picture - 7 * PICTURE);
            n_mirrored += picture[0] > picture[PICTURE - 1];
        }
        ck_assert_int_eq(seen, 127);
        n_equal_orders += same;
    }
    ck_assert_int_le(n_equal_orders, 1);
    ck_assert_int_gt(n_mirrored, 110); /* of 280; standard deviation 8.4 */
    ck_assert_int_lt(n_mirrored, 170);
    free(all);
}
END_TEST

/* Number of threads, ring, pictures a batch and where it started change nothing; the seed changes
 * everything. */
START_TEST(loader_is_deterministic)
{
    enum { BATCH = 5, STEPS = 24, BYTES = BATCH * PICTURE };
    write_pictures(11);
    write_bytes(in_folder("04.png"), "no picture", 10);
    write_bytes(in_folder("08.png"), "", 0);
    gcl_loader_options options = {
        .batch = BATCH, .threads = 1, .seed = 9, .shuffle = true, .flip = true};
    open_size(folder, SIDE);
    start(options);
    uint8_t *first = take(STEPS, BATCH, PICTURE);
    ck_assert_uint_eq(gcl_loader_skipped(loader), 2);
    for (int threads = 2; threads <= 4; threads++) {
        options.threads = threads;
        options.ring = threads - 1;
        open_size(folder, SIDE); /* nothing is known to be unreadable */
        start(options);
        uint8_t *other = take(STEPS, BATCH, PICTURE);
        ck_assert_mem_eq(other, first, STEPS * BYTES);
        free(other);
    }
    for (uint64_t from = 1; from < STEPS; from += 5) {
        options.first_step = from;
        start(options);
        uint8_t *rest = take((int)(STEPS - from), BATCH, PICTURE);
        ck_assert_mem_eq(rest, first + from * BYTES, (STEPS - from) * BYTES);
        free(rest);
    }
    options.first_step = 0;
    options.batch = STEPS / 2; /* the order is that of seed and epoch alone */
    start(options);
    uint8_t *other = take(2 * BATCH, STEPS / 2, PICTURE);
    ck_assert_mem_eq(other, first, STEPS * BYTES);
    free(other);
    options.batch = BATCH;
    options.seed = 10;
    start(options);
    other = take(STEPS, BATCH, PICTURE);
    ck_assert_mem_ne(other, first, STEPS * BYTES);
    free(other);
    free(first);
}
END_TEST

/* A picture that cannot be read is replaced by the next one of its epoch. */
START_TEST(loader_takes_the_next_readable)
{
    static const int wanted[] = {0, 3, 3, 3, 0, 0, 3, 3, 3, 0};
    write_pictures(5);
    for (int i = 1; i <= 4; i += i == 2 ? 2 : 1)
        write_bytes(in_folder((const char *[]){"", "01.png", "02.png", "", "04.png"}[i]), "?", 1);
    open_size(folder, SIDE);
    start((gcl_loader_options){.batch = 10, .threads = 3});
    uint8_t *all = take(1, 10, PICTURE);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(number_of(all + i * PICTURE), wanted[i]);
    ck_assert_uint_eq(gcl_loader_skipped(loader), 3);
    free(all);
}
END_TEST

START_TEST(loader_with_nothing_readable)
{
    uint8_t batch[4 * PICTURE];
    void *const fields[2] = {batch, NULL};
    for (int i = 0; i < 3; i++)
        write_bytes(in_folder((const char *[]){"a.jpg", "b.png", "c.jpg"}[i]), "nothing", 7);
    open_size(folder, SIDE);
    start((gcl_loader_options){.batch = 4, .threads = 3, .shuffle = true});
    for (int i = 0; i < 3; i++) {
        gcl_error reason = {0};
        ck_assert_int_eq(gcl_loader_next(loader, fields, &reason), -1);
        ck_assert_int_eq(reason.code, GCL_DATA);
        ck_assert_ptr_nonnull(strstr(reason.text, "none of its 3 pictures can be read"));
    }
    ck_assert_uint_eq(gcl_loader_skipped(loader), 3);
}
END_TEST

START_TEST(loader_ends_at_once)
{
    open_size("builtin:faces", 256);
    clock_t before = clock(); /* of the processor, so that a busy machine does not count */
    for (int i = 0; i < 10; i++)
        start((gcl_loader_options){.batch = 4096 / 64, .threads = 4, .shuffle = true});
    gcl_loader_free(loader);
    loader = NULL;
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    ck_assert_double_lt(seconds, 20); /* one batch would take longer under sanitizers */
}
END_TEST

START_TEST(loader_waits_are_counted)
{
    open_size("builtin:faces", 96);
    start((gcl_loader_options){.batch = 8, .threads = 1, .ring = 1});
    free(take(3, 8, 96 * 96 * 3));
    ck_assert_double_gt(gcl_loader_waited_seconds(loader), 0);
}
END_TEST

START_TEST(loader_options_out_of_range)
{
    const gcl_loader_options wrong[] = {
        {.batch = 0}, {.batch = 1, .threads = -1}, {.batch = 1, .ring = -1}};
    open_size("builtin:faces", 8);
    for (int i = 0; i < 3; i++) {
        gcl_error reason = {0};
        ck_assert_ptr_null(gcl_loader_new(dataset, &wrong[i], &reason));
        ck_assert_int_eq(reason.code, GCL_USAGE);
    }
}
END_TEST

START_TEST(shuffle_is_a_permutation)
{
    static uint8_t seen[5000];
    for (size_t n = 1; n <= 5000; n = n < 40 ? n + 1 : n * 3 / 2) {
        memset(seen, 0, sizeof seen);
        for (size_t p = 0; p < n; p++) {
            size_t index = gcl_loader_shuffle(n, 7, n, p);
            ck_assert_uint_lt(index, n);
            ck_assert_int_eq(seen[index], 0);
            seen[index] = 1;
        }
    }
}
END_TEST

/* Every order of three must come up about equally often: 6 orders, 6000 epochs, chi squared. */
START_TEST(shuffle_is_fair)
{
    int count[27] = {0};
    double chi = 0;
    for (uint64_t epoch = 0; epoch < 6000; epoch++) {
        size_t order = 0;
        for (size_t p = 0; p < 3; p++)
            order = 3 * order + gcl_loader_shuffle(1, epoch, 3, p);
        count[order]++;
    }
    for (int i = 0; i < 27; i++)
        chi += count[i] > 0 ? pow(count[i] - 1000, 2) / 1000 : 0;
    ck_assert_double_lt(chi, 25); /* 5 degrees of freedom: 20.5 is 1 in 1000 */
    for (size_t p = 0, n_kept = 0; p < 1000; p++) {
        n_kept += gcl_loader_shuffle(1, 2, 1000, p) == gcl_loader_shuffle(1, 3, 1000, p);
        ck_assert_uint_lt(n_kept, 10); /* 1 is expected */
    }
}
END_TEST

static Suite *data_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *folders = add_case(suite, "folder", setup, teardown);
    tcase_add_test(folders, folder_is_sorted_and_recursive);
    tcase_add_test(folders, folder_names);
    tcase_add_test(folders, folder_errors);
    tcase_add_test(folders, folder_without_permission);
    tcase_add_test(folders, options_out_of_range);
    tcase_add_test(folders, unreadable_files_are_counted);
    TCase *squares = add_case(suite, "squares", setup, teardown);
    tcase_add_test(squares, crops);
    tcase_add_test(squares, box_outside_is_unreadable);
    tcase_add_test(squares, reduced_decoding_agrees);
    TCase *loading = add_case(suite, "loader", setup, teardown);
    tcase_add_test(loading, loader_in_order);
    tcase_add_test(loading, loader_shuffles_each_epoch);
    tcase_add_test(loading, loader_is_deterministic);
    tcase_add_test(loading, loader_takes_the_next_readable);
    tcase_add_test(loading, loader_with_nothing_readable);
    tcase_add_test(loading, loader_ends_at_once);
    tcase_add_test(loading, loader_waits_are_counted);
    tcase_add_test(loading, loader_options_out_of_range);
    tcase_add_test(loading, shuffle_is_a_permutation);
    tcase_add_test(loading, shuffle_is_fair);
    return suite;
}

int main(void) { return run_suite(data_suite()); }
