/* What happens to an item on its way into a batch: pairs mirrored and cut alike, random cuts within
 * bounds, levels, labels; the same bytes whatever the number of threads. */
#include "loader_test.h"

#include <math.h>

enum { LOAD = 24, SIZE = 16, PIXELS = SIZE * SIZE };

static void open_wanted(const char *spec, gcl_wanted wanted)
{
    open_with(spec, (gcl_dataset_options){.wanted = wanted});
}

/* A picture of width x height whose red is 10 x + `red`, green 10 y and blue 255: where a pixel is
 * from can be read from it. */
static void write_places(const char *path, int width, int height, int red)
{
    gcl_image image;
    ck_assert_int_eq(gcl_image_new(&image, width, height, 3, &err), 0);
    for (int i = 0; i < width * height; i++) {
        image.pixels[3 * i] = (uint8_t)(10 * (i % width) + red);
        image.pixels[3 * i + 1] = (uint8_t)(10 * (i / width));
        image.pixels[3 * i + 2] = 255;
    }
    ck_assert_int_eq(gcl_image_write_png(path, &image, &err), 0);
    gcl_image_free(&image);
}

/* Three pairs of equal places; A's red is 1 more than B's. */
static void write_pairs(void)
{
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "A/%d.png", i);
        write_places(below_folder(name), LOAD, LOAD, 1);
        name[0] = 'B';
        write_places(below_folder(name), LOAD, LOAD, 0);
    }
}

static const gcl_wanted pairs = {
    .kind = GCL_WANT_PAIRS, .size = SIZE, .channels = 3, .target_channels = 3, .load_size = LOAD};

/* Where a cut begins and whether it is mirrored, from the places in it; all pixels must agree. */
static void find_cut(const uint8_t *bytes, int red, int *x, int *y, bool *mirrored)
{
    *mirrored = bytes[0] > bytes[3 * (SIZE - 1)];
    *x = (bytes[*mirrored ? 3 * (SIZE - 1) : 0] - red) / 10;
    *y = bytes[1] / 10;
    for (int i = 0; i < PIXELS; i++) {
        int column = i % SIZE, from = *x + (*mirrored ? SIZE - 1 - column : column);
        ck_assert_int_eq(bytes[3 * i], 10 * from + red);
        ck_assert_int_eq(bytes[3 * i + 1], 10 * (*y + i / SIZE));
        ck_assert_int_eq(bytes[3 * i + 2], 255);
    }
}

START_TEST(pairs_are_cut_and_mirrored_alike)
{
    enum { N = 600 };
    static uint8_t sources[N][PIXELS * 3], targets[N][PIXELS * 3];
    void *const fields[2] = {sources, targets};
    int n_mirrored = 0, n_x[LOAD - SIZE + 1] = {0}, n_y[LOAD - SIZE + 1] = {0};
    write_pairs();
    open_wanted(folder, pairs);
    start((gcl_loader_options){.batch = N, .threads = 3, .seed = 4, .shuffle = true, .flip = true});
    ck_assert_int_eq(gcl_loader_next(loader, fields, &err), 0);
    for (int i = 0; i < N; i++) {
        int x, y, also_x, also_y;
        bool mirrored, also_mirrored;
        find_cut(sources[i], 1, &x, &y, &mirrored);
        find_cut(targets[i], 0, &also_x, &also_y, &also_mirrored);
        ck_assert(x == also_x && y == also_y && mirrored == also_mirrored);
        ck_assert(x >= 0 && x <= LOAD - SIZE && y >= 0 && y <= LOAD - SIZE);
        n_mirrored += mirrored;
        n_x[x]++, n_y[y]++;
    }
    ck_assert_int_gt(n_mirrored, 240); /* 300 expected, standard deviation 12 */
    ck_assert_int_lt(n_mirrored, 360);
    for (int i = 0; i <= LOAD - SIZE; i++) { /* 67 expected, standard deviation 8 */
        ck_assert(n_x[i] > 25 && n_x[i] < 110);
        ck_assert(n_y[i] > 25 && n_y[i] < 110);
    }
}
END_TEST

START_TEST(nothing_is_random_without_a_draw)
{
    static uint8_t source[PIXELS * 3], target[PIXELS * 3], again[PIXELS * 3];
    void *const fields[2] = {source, target}, *const others[2] = {again, target};
    write_pairs();
    open_wanted(folder, pairs);
    ck_assert_int_eq(gcl_dataset_read(dataset, 0, NULL, fields, &err), 0);
    ck_assert_int_eq(gcl_dataset_read(dataset, 1, NULL, others, &err), 0);
    ck_assert_mem_eq(source, again, sizeof source);
    /* All 24 pixels lie in the 16, not a part of them. */
    ck_assert_int_lt(source[0], 20);
    ck_assert_int_gt(source[3 * (SIZE - 1)], 215);
    /* With levels of 0 and 1 the draw is that of the index. */
    gcl_wanted binary = {.size = SIZE, .channels = 1, .levels = 2};
    open_wanted("builtin:faces", binary);
    ck_assert_int_eq(gcl_dataset_read(dataset, 5, NULL, fields, &err), 0);
    ck_assert_int_eq(gcl_dataset_read(dataset, 5, NULL, others, &err), 0);
    ck_assert_mem_eq(source, again, PIXELS);
}
END_TEST

/* A field of levels 0, 1, ... 255 in columns, as often as there are rows. */
static void write_ramp(void)
{
    gcl_image image;
    ck_assert_int_eq(gcl_image_new(&image, 256, 256, 1, &err), 0);
    for (int i = 0; i < 256 * 256; i++)
        image.pixels[i] = (uint8_t)(i % 256);
    ck_assert_int_eq(gcl_image_write_png(in_folder("ramp.png"), &image, &err), 0);
    gcl_image_free(&image);
}

START_TEST(binarisation_has_the_rate_of_the_brightness)
{
    enum { EPOCHS = 24, N = 256 * EPOCHS };
    static uint8_t bits[EPOCHS][256 * 256], again[256 * 256];
    write_ramp();
    open_wanted(folder, (gcl_wanted){.size = 256, .channels = 1, .levels = 2});
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        void *const fields[2] = {bits[epoch], NULL};
        gcl_draw draw = {.seed = 9, .epoch = (uint64_t)epoch, .position = 3};
        ck_assert_int_eq(gcl_dataset_read(dataset, 0, &draw, fields, &err), 0);
    }
    double chi = 0;
    for (int level = 0; level < 256; level++) {
        int n = 0;
        for (int epoch = 0; epoch < EPOCHS; epoch++)
            for (int y = 0; y < 256; y++) {
                ck_assert_int_le(bits[epoch][y * 256 + level], 1);
                n += bits[epoch][y * 256 + level];
            }
        double p = level / 255.0, deviation = sqrt(N * p * (1 - p));
        ck_assert_double_le(fabs(n - N * p), 4.5 * deviation); /* exact for 0 and 255 */
        chi += deviation > 0 ? pow((n - N * p) / deviation, 2) : 0;
    }
    ck_assert_double_gt(chi, 254 - 5 * sqrt(2 * 254)); /* neither too far off nor too even */
    ck_assert_double_lt(chi, 254 + 5 * sqrt(2 * 254));
    int n_changed = 0;
    for (int i = 0; i < 256 * 256; i++)
        n_changed += bits[0][i] != bits[1][i];
    ck_assert_int_gt(n_changed, 256 * 256 / 4); /* a third: the mean of 2 p (1 - p) */
    void *const fields[2] = {again, NULL};
    gcl_draw draw = {.seed = 9, .epoch = 7, .position = 3};
    ck_assert_int_eq(gcl_dataset_read(dataset, 0, &draw, fields, &err), 0);
    ck_assert_mem_eq(again, bits[7], sizeof again);
    draw.position = 4;
    ck_assert_int_eq(gcl_dataset_read(dataset, 0, &draw, fields, &err), 0);
    ck_assert_mem_ne(again, bits[7], sizeof again);
}
END_TEST

START_TEST(five_bits)
{
    static uint8_t bytes[256 * 256];
    void *const fields[2] = {bytes, NULL};
    gcl_image shown;
    write_ramp();
    open_wanted(folder, (gcl_wanted){.size = 256, .channels = 1, .levels = 32});
    ck_assert_int_eq(gcl_dataset_read(dataset, 0, NULL, fields, &err), 0);
    for (int i = 0; i < 256 * 256; i++)
        ck_assert_int_eq(bytes[i], i % 256 / 8);
    ck_assert_int_eq(gcl_dataset_show(dataset, 0, &shown, &err), 0);
    for (int i = 0; i < 256; i++)
        ck_assert_int_eq(shown.pixels[i], (int)floor(i / 8 * 255 / 31.0 + 0.5));
    gcl_image_free(&shown);
}
END_TEST

START_TEST(pairs_are_shown_side_by_side)
{
    gcl_image shown;
    write_pairs();
    gcl_wanted wanted = pairs;
    wanted.channels = 1;
    open_wanted(folder, wanted);
    ck_assert_int_eq(gcl_dataset_show(dataset, 0, &shown, &err), 0);
    ck_assert(shown.width == 2 * SIZE && shown.height == SIZE && shown.channels == 3);
    for (int y = 0; y < SIZE; y++) {
        const uint8_t *row = shown.pixels + y * 2 * SIZE * 3;
        ck_assert(row[0] == row[1] && row[1] == row[2]); /* grey */
        ck_assert_int_eq(row[3 * SIZE + 2], 255);
    }
    gcl_image_free(&shown);
}
END_TEST

START_TEST(labels_come_with_their_pictures)
{
    enum { N = 64 };
    static uint8_t pictures[N][PIXELS];
    uint32_t labels[N];
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "class-%d/%02d.png", i % 3, i);
        write_flat(below_folder(name), SIZE, SIZE, (uint8_t)(100 * (i % 3) + i));
    }
    open_wanted(folder, (gcl_wanted){GCL_WANT_LABELLED, SIZE, 1, 0, 3, 256, 0});
    start((gcl_loader_options){.batch = N, .threads = 2, .shuffle = true});
    void *const fields[2] = {pictures, labels};
    for (int step = 0; step < 3; step++) {
        ck_assert_int_eq(gcl_loader_next(loader, fields, &err), 0);
        for (int i = 0; i < N; i++)
            ck_assert_int_eq(pictures[i][0] / 100, labels[i]);
    }
    void *const only_labels[2] = {NULL, labels}; /* what is not wanted is left out */
    memset(labels, 0xEE, sizeof labels);
    ck_assert_int_eq(gcl_loader_next(loader, only_labels, &err), 0);
    for (int i = 0; i < N; i++)
        ck_assert_uint_lt(labels[i], 3);
}
END_TEST

/* Both fields of `steps` batches, one behind the other. */
static uint8_t *take(int steps, int batch, size_t *bytes)
{
    size_t n[2] = {gcl_dataset_field_bytes(dataset, 0) * (size_t)batch,
                   gcl_dataset_field_bytes(dataset, 1) * (size_t)batch};
    *bytes = (size_t)steps * (n[0] + n[1]);
    uint8_t *all = gcl_alloc(*bytes), *at = all;
    for (int k = 0; k < steps; k++, at += n[0] + n[1]) {
        void *const fields[2] = {at, at + n[0]};
        ck_assert_msg(gcl_loader_next(loader, fields, &err) == 0, "%s", err.text);
    }
    return all;
}

/* Every random thing at once: threads, ring and the first step change nothing. */
START_TEST(batches_do_not_depend_on_threads)
{
    enum { BATCH = 5, STEPS = 18 };
    size_t n, m;
    gcl_wanted wanted = pairs;
    wanted.levels = 2;
    write_pairs();
    write_places(below_folder("A/bad.png"), 8, 12, 0); /* not of one shape */
    write_places(below_folder("B/bad.png"), 12, 8, 0);
    gcl_loader_options options = {
        .batch = BATCH, .threads = 1, .seed = 2, .shuffle = true, .flip = true};
    open_wanted(folder, wanted);
    start(options);
    uint8_t *first = take(STEPS, BATCH, &n);
    for (int threads = 2; threads <= 5; threads++) {
        options.threads = threads;
        options.ring = threads - 1;
        open_wanted(folder, wanted);
        start(options);
        uint8_t *other = take(STEPS, BATCH, &m);
        ck_assert_mem_eq(other, first, n);
        free(other);
    }
    for (uint64_t from = 1; from < STEPS; from += 4) {
        options.first_step = from;
        start(options);
        uint8_t *rest = take((int)(STEPS - from), BATCH, &m);
        ck_assert_mem_eq(rest, first + (n - m), m);
        free(rest);
    }
    options.first_step = 0;
    options.seed++;
    start(options);
    uint8_t *other = take(STEPS, BATCH, &m);
    ck_assert_mem_ne(other, first, n);
    free(other);
    free(first);
}
END_TEST

START_TEST(wanted_out_of_range)
{
    const gcl_wanted wrong[] = {
        {.size = 8, .channels = 3, .levels = 4},
        {.size = 8, .channels = 3, .load_size = 7},
        {.size = 8, .channels = 3, .load_size = 10000},
        {.kind = GCL_WANT_PAIRS, .size = 8, .channels = 3, .target_channels = 0},
        {.kind = GCL_WANT_PAIRS, .size = 8, .channels = 4, .target_channels = 1}};
    for (int i = 0; i < 5; i++) {
        gcl_error reason = {0};
        gcl_dataset_options options = {.wanted = wrong[i]};
        ck_assert_ptr_null(gcl_dataset_open("builtin:faces", &options, &reason));
        ck_assert_int_eq(reason.code, GCL_USAGE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("items");
    TCase *tests = add_case(suite, "items", setup, teardown);
    tcase_add_test(tests, pairs_are_cut_and_mirrored_alike);
    tcase_add_test(tests, nothing_is_random_without_a_draw);
    tcase_add_test(tests, binarisation_has_the_rate_of_the_brightness);
    tcase_add_test(tests, five_bits);
    tcase_add_test(tests, pairs_are_shown_side_by_side);
    tcase_add_test(tests, labels_come_with_their_pictures);
    tcase_add_test(tests, batches_do_not_depend_on_threads);
    tcase_add_test(tests, wanted_out_of_range);
    return run_suite(suite);
}
