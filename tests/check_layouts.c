/* Data sets of picture files: classes, pairs, A|B pictures and their splits, in folders and tars. */
#include "dataset_test.h"

/* ---- classes ------------------------------------------------------------------------------------ */

START_TEST(classes)
{
    write_flat(below_folder("cats/deep/er/1.png"), 8, 8, 10);
    write_flat(below_folder("cats/2.png"), 8, 8, 20);
    write_flat(below_folder("ants/1.png"), 8, 8, 30);
    write_flat(below_folder("bees/1.png"), 8, 8, 40);
    write_flat(below_folder("stray.png"), 8, 8, 50);
    open_as(folder, want(GCL_WANT_LABELLED));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 4);
    ck_assert_int_eq(gcl_dataset_classes(dataset), 3);
    const char *const names[] = {"ants", "bees", "cats"};
    const int labels[] = {0, 1, 2, 2}, levels[] = {30, 40, 20, 10};
    for (int i = 0; i < 4; i++) {
        get((size_t)i);
        ck_assert_uint_eq(label, (unsigned)labels[i]);
        ck_assert_int_eq(picture[0], levels[i]);
        ck_assert_str_eq(gcl_dataset_class_name(dataset, labels[i]), names[labels[i]]);
    }
    ck_assert_ptr_nonnull(strstr(gcl_dataset_describe(dataset), "4 pictures in 3 classes"));
    ck_assert_ptr_nonnull(strstr(gcl_dataset_describe(dataset), "1 outside them left out"));
    gcl_dataset_options few = want(GCL_WANT_LABELLED);
    few.wanted.classes = 2;
    assert_refused(folder, few, GCL_USAGE, "has 3 classes~tells 2 apart~num_outputs=3");
    few.wanted.classes = 4; /* is only warned of */
    open_as(folder, few);
}
END_TEST

START_TEST(classes_missing)
{
    write_flat(below_folder("one/1.png"), 8, 8, 10);
    write_flat(below_folder("one/2.png"), 8, 8, 20);
    assert_refused(folder, want(GCL_WANT_LABELLED), GCL_DATA,
                   "2 pictures but no two folders~a folder of pictures for each class");
}
END_TEST

/* ---- pairs -------------------------------------------------------------------------------------- */

START_TEST(pairs_in_folders)
{
    unsigned long n;
    uint8_t pixels[20 * 20 * 3];
    memset(pixels, 90, sizeof pixels);
    uint8_t *jpeg = make_jpeg(pixels, 20, 20, TJPF_RGB, TJSAMP_444, 0, &n);
    write_flat(below_folder("A/one.png"), 20, 20, 10);
    write_bytes(below_folder("B/one.JPG"), jpeg, n);
    tjFree(jpeg);
    uint8_t deep[20 * 20 * 2]; /* 16 bits, grey */
    for (size_t i = 0; i < sizeof deep; i += 2)
        deep[i] = 100, deep[i + 1] = 100;
    write_png(below_folder("A/sub/two.png"), (png_kind){20, 20, 16, PNG_COLOR_TYPE_GRAY, 0}, NULL,
              0, NULL, deep);
    write_flat(below_folder("B/sub/two.png"), 10, 10, 70); /* another size, the same shape */
    write_flat(below_folder("A/three.png"), 20, 20, 30);   /* no partner */
    open_as(folder, want(GCL_WANT_PAIRS));
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "pairs");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 2);
    get(0);
    ck_assert_int_eq(picture[100], 10);
    ck_assert_int_le(abs(target[100] - 90), 2);
    get(1);
    ck_assert_int_eq(picture[100], 100);
    ck_assert_int_eq(target[100], 70);
    gcl_dataset_options swapped = want(GCL_WANT_PAIRS);
    swapped.swap = true;
    swapped.wanted.target_channels = 1;
    open_as(folder, swapped);
    get(1);
    ck_assert_int_eq(picture[100], 70);
    ck_assert_int_eq(target[100], 100);
    ck_assert_int_eq(target[SIDE * SIDE], 0xEE); /* one channel */
}
END_TEST

START_TEST(pairs_at_odds)
{
    write_flat(below_folder("A/one.png"), 20, 20, 10);
    write_flat(below_folder("B/one.png"), 20, 24, 20);
    open_as(folder, want(GCL_WANT_PAIRS));
    assert_item_refused(0, "A/one.png: is 20 x 20, but its partner B/one.png is 20 x 24");
    ck_assert_int_eq(rename(in_folder("B/one.png"), in_folder("B/two.png")), 0);
    assert_refused(folder, want(GCL_WANT_PAIRS), GCL_DATA,
                   "no picture in A/ (1) has the name of one in B/ (1)");
}
END_TEST

/* The left half of level a, the right one of level b, with a colour for both. */
static void write_sides(const char *path, int width, int height, uint8_t a, uint8_t b)
{
    gcl_image image;
    ck_assert_int_eq(gcl_image_new(&image, width, height, 3, &err), 0);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = i / 3 % width < width / 2 ? a : b;
    if (strstr(path, ".jpg") != NULL)
        write_jpeg(path, image.pixels, width, height);
    else
        ck_assert_int_eq(gcl_image_write_png(path, &image, &err), 0);
    gcl_image_free(&image);
}

START_TEST(sides)
{
    write_sides(in_folder("1.png"), 64, 32, 10, 250);
    write_sides(in_folder("2.png"), 200, 100, 20, 240);
    write_sides(in_folder("3.jpg"), 512, 256, 0, 255); /* decoded smaller */
    open_as(folder, want(GCL_WANT_PAIRS));
    ck_assert_ptr_nonnull(strstr(gcl_dataset_describe(dataset), "3 A|B pictures"));
    const int left[] = {10, 20, 0}, right[] = {250, 240, 255};
    for (size_t i = 0; i < 3; i++) { /* nothing of one half leaks into the other */
        get(i);
        for (int k = 0; k < BYTES; k++) {
            ck_assert_int_le(abs(picture[k] - left[i]), i == 2 ? 2 : 0);
            ck_assert_int_le(abs(target[k] - right[i]), i == 2 ? 2 : 0);
        }
    }
    gcl_dataset_options swapped = want(GCL_WANT_PAIRS);
    swapped.swap = true;
    open_as(folder, swapped);
    get(0);
    ck_assert_int_eq(picture[0], 250);
    ck_assert_int_eq(target[0], 10);
}
END_TEST

START_TEST(sides_refused)
{
    write_sides(in_folder("1.png"), 60, 40, 10, 250);
    assert_refused(
        folder, want(GCL_WANT_PAIRS), GCL_DATA,
        "holds single pictures (1.png is 60 x 40)~wants pairs~A|B pictures~dataset pair");
    gcl_dataset_options forced = want(GCL_WANT_PAIRS);
    forced.format = "sides";
    open_as(folder, forced);
    get(0);
    ck_assert_int_eq(picture[0], 10);
    ck_assert_int_eq(target[0], 250);
    write_sides(in_folder("1.png"), 61, 40, 10, 250);
    open_as(folder, forced);
    assert_item_refused(0, "61 pixels wide, which cannot be halved");
    forced.wanted.kind = GCL_WANT_PICTURES;
    assert_refused(folder, forced, GCL_DATA, "holds A|B pictures, but the model wants pictures");
}
END_TEST

/* ---- tar ---------------------------------------------------------------------------------------- */

typedef struct tar_writer {
    FILE *file;
    char path[256];
} tar_writer;

static void tar_start(tar_writer *tar, const char *name)
{
    snprintf(tar->path, sizeof tar->path, "%s", in_folder(name));
    tar->file = fopen(tar->path, "wb");
    ck_assert_ptr_nonnull(tar->file);
}

static void tar_checksum(char *block)
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
}

/* One entry; with `prefix` the name is in two parts. */
static void tar_entry(tar_writer *tar, const char *prefix, const char *name, char kind,
                      const void *bytes, size_t n)
{
    static const char zeros[512];
    char block[513] = {0};
    strncpy(block, name, 100);
    snprintf(block + 100, 8, "%07o", 0644);
    snprintf(block + 124, 12, "%011zo", n);
    block[156] = kind;
    memcpy(block + 257, "ustar\00000", 8);
    strncpy(block + 345, prefix, 155);
    tar_checksum(block);
    fwrite(block, 1, 512, tar->file);
    fwrite(bytes, 1, n, tar->file);
    fwrite(zeros, 1, (512 - n % 512) % 512, tar->file);
}

static long tar_end(tar_writer *tar)
{
    static const char zeros[1024];
    long at = ftell(tar->file);
    fwrite(zeros, 1, sizeof zeros, tar->file);
    fclose(tar->file);
    return at;
}

/* A PNG of one level as bytes of a file. */
static uint8_t *flat_png(uint8_t level, size_t *n)
{
    gcl_image image;
    uint8_t *bytes;
    ck_assert_int_eq(gcl_image_new(&image, 16, 16, 3, &err), 0);
    memset(image.pixels, level, 16 * 16 * 3);
    ck_assert_int_eq(gcl_image_encode_png(&image, &bytes, n, &err), 0);
    gcl_image_free(&image);
    return bytes;
}

static void tar_flat(tar_writer *tar, const char *prefix, const char *name, uint8_t level)
{
    size_t n;
    uint8_t *bytes = flat_png(level, &n);
    tar_entry(tar, prefix, name, '0', bytes, n);
    free(bytes);
}

START_TEST(tar_of_pictures)
{
    static const char pax[] = "20 path=p/by-pax.png\n"; /* its own length is 21: not a pax line */
    static const char good_pax[] = "21 path=p/by-pax.png\n";
    char name[201];
    memset(name, 'n', 200);
    memcpy(name, "p/", 2);
    memcpy(name + 196, ".png", 5);
    tar_writer tar;
    tar_start(&tar, "t.tar");
    tar_entry(&tar, "", "p/", '5', "", 0);
    tar_flat(&tar, "", "./p/b.png", 20);
    tar_flat(&tar, "p/with", "prefix.png", 50);
    tar_entry(&tar, "", "././@LongLink", 'L', name, 201);
    tar_flat(&tar, "", "p/nnn", 30);
    tar_entry(&tar, "", "pax", 'x', good_pax, sizeof good_pax - 1);
    tar_flat(&tar, "", "p/short", 40);
    tar_entry(&tar, "", "pax", 'x', pax, sizeof pax - 1);
    tar_flat(&tar, "", "p/a.png", 10);
    tar_flat(&tar, "", "p/._b.png", 99);
    tar_entry(&tar, "", "p/link.png", '2', "", 0);
    tar_entry(&tar, "", "p/notes.txt", '0', "words", 5);
    tar_end(&tar);
    open_as(tar.path, want(GCL_WANT_PICTURES));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 5);
    ck_assert_str_eq(gcl_dataset_name(dataset), "t");
    const int levels[] = {10, 20, 40, 30, 50}; /* a, b, by-pax, nnn..., with/prefix */
    for (int i = 0; i < 5; i++) {
        get((size_t)i);
        ck_assert_int_eq(picture[7], levels[i]);
    }
    char *first = gcl_dataset_item_name(dataset, 4);
    ck_assert_str_eq(first, "p/with/prefix.png");
    free(first);
}
END_TEST

START_TEST(tar_layouts)
{
    tar_writer tar;
    tar_start(&tar, "classes.tar");
    tar_flat(&tar, "", "root/train/x/1.png", 10);
    tar_flat(&tar, "", "root/train/y/1.png", 20);
    tar_flat(&tar, "", "root/test/y/2.png", 30);
    tar_end(&tar);
    open_as(tar.path, want(GCL_WANT_LABELLED));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 2);
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 1), "y");
    get(1);
    ck_assert_uint_eq(label, 1);
    tar_start(&tar, "pairs.tar");
    tar_flat(&tar, "", "set/A/1.png", 10);
    tar_flat(&tar, "", "set/B/1.png", 20);
    tar_end(&tar);
    open_as(tar.path, want(GCL_WANT_PAIRS));
    get(0);
    ck_assert_int_eq(picture[0], 10);
    ck_assert_int_eq(target[0], 20);
}
END_TEST

START_TEST(tar_damaged)
{
    tar_writer tar;
    tar_start(&tar, "t.tar");
    tar_flat(&tar, "", "a.png", 10);
    long second = ftell(tar.file);
    tar_flat(&tar, "", "b.png", 20);
    long end = tar_end(&tar);
    uint8_t *bytes = gcl_alloc((size_t)end);
    FILE *file = fopen(tar.path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, (size_t)end, file), (size_t)end);
    fclose(file);
    write_bytes(tar.path, bytes, (size_t)end); /* without the blocks of zeros: fine */
    open_as(tar.path, want(GCL_WANT_PICTURES));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 2);
    write_bytes(tar.path, bytes, (size_t)second + 512 + 10);
    assert_refused(tar.path, want(GCL_WANT_PICTURES), GCL_DATA, "is cut short~inside b.png");
    bytes[second + 3] ^= 1;
    write_bytes(tar.path, bytes, (size_t)end);
    assert_refused(tar.path, want(GCL_WANT_PICTURES), GCL_DATA, "damaged tar: no header at byte");
    bytes[second + 3] ^= 1;
    bytes[512 + 45] ^= 1; /* in the content of a.png: its PNG checksum tells */
    write_bytes(tar.path, bytes, (size_t)end);
    open_as(tar.path, want(GCL_WANT_PICTURES));
    assert_item_refused(0, "t.tar/a.png: damaged PNG");
    get(1);
    write_gzip(in_folder("t.tgz"), bytes, (size_t)end);
    assert_refused(in_folder("t.tgz"), want(GCL_WANT_PICTURES), GCL_DATA, "is a compressed tar");
    free(bytes);
}
END_TEST

/* Whatever the bytes are, opening ends with a data set or an error, and so does reading. */
START_TEST(tar_changed_at_random)
{
    tar_writer tar;
    tar_start(&tar, "t.tar");
    tar_entry(&tar, "", "././@LongLink", 'L', "p/long-name.png", 16);
    tar_flat(&tar, "", "p/l", 10);
    tar_entry(&tar, "", "pax", 'x', "21 path=p/by-pax.png\n", 21);
    tar_flat(&tar, "", "b.png", 20);
    long n = tar_end(&tar);
    char *bytes = gcl_alloc((size_t)n), *changed = gcl_alloc((size_t)n);
    FILE *file = fopen(tar.path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, (size_t)n, file), (size_t)n);
    fclose(file);
    unsigned state = 1;
    int n_opened = 0;
    for (int i = 0; i < 400; i++) {
        gcl_error reason = {0};
        gcl_dataset_options options = want(GCL_WANT_PICTURES);
        memcpy(changed, bytes, (size_t)n);
        state = state * 1664525 + 1013904223;
        size_t at = (state >> 8) % (size_t)n;
        changed[at] = (char)(state >> 3);
        if (i % 2) /* sizes, names and kinds are reached only under a right checksum */
            tar_checksum(changed + at / 512 * 512);
        write_bytes(tar.path, changed, (size_t)n);
        gcl_dataset_close(dataset);
        dataset = gcl_dataset_open(tar.path, &options, &reason);
        ck_assert_int_eq(dataset == NULL, reason.code != 0);
        n_opened += dataset != NULL;
        for (size_t k = 0; dataset != NULL && k < gcl_dataset_count(dataset); k++)
            read_item(k, &reason);
    }
    free(changed);
    ck_assert_int_gt(n_opened, 20);
    ck_assert_int_lt(n_opened, 380);
    free(bytes);
}
END_TEST

static Suite *layouts_suite(void)
{
    Suite *suite = suite_create("layouts");
    TCase *folders = add_case(suite, "folders", setup, teardown);
    tcase_add_test(folders, classes);
    tcase_add_test(folders, classes_missing);
    tcase_add_test(folders, pairs_in_folders);
    tcase_add_test(folders, pairs_at_odds);
    tcase_add_test(folders, sides);
    tcase_add_test(folders, sides_refused);
    TCase *tars = add_case(suite, "tar", setup, teardown);
    tcase_add_test(tars, tar_of_pictures);
    tcase_add_test(tars, tar_layouts);
    tcase_add_test(tars, tar_damaged);
    tcase_add_test(tars, tar_changed_at_random);
    return suite;
}

int main(void) { return run_suite(layouts_suite()); }
