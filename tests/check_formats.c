/* Every format of data set, from small files made here: right ones, and ones cut short, damaged or
 * at odds with each other. */
#include "data_test.h"

#include <zlib.h>

#include "base/log.h"
#include "datasets/dataset.h"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3 };

static gcl_error err;
static gcl_dataset *dataset;
static uint8_t picture[BYTES], target[BYTES];
static uint32_t label;

static void setup(void)
{
    make_folder();
    gcl_log_level = -1;
    err = (gcl_error){0};
    dataset = NULL;
}

static void teardown(void)
{
    gcl_dataset_close(dataset);
    remove_folder();
}

static gcl_dataset_options want(gcl_wanted_kind kind)
{
    return (gcl_dataset_options){
        .wanted = {.kind = kind, .size = SIDE, .channels = 3, .target_channels = 3}};
}

static void open_as(const char *spec, gcl_dataset_options options)
{
    gcl_dataset_close(dataset);
    dataset = gcl_dataset_open(spec, &options, &err);
    ck_assert_msg(dataset != NULL, "%s", err.text);
}

/* Every part of `says`, which '~' divides, stands in the error. */
static void assert_refused(const char *spec, gcl_dataset_options options, int code,
                           const char *says)
{
    gcl_error reason = {0};
    ck_assert_ptr_null(gcl_dataset_open(spec, &options, &reason));
    ck_assert_msg(reason.code == code, "%d: %s", reason.code, reason.text);
    char *parts = gcl_strdup(says), *rest = parts;
    for (char *part = strtok_r(rest, "~", &rest); part != NULL; part = strtok_r(rest, "~", &rest))
        ck_assert_msg(strstr(reason.text, part) != NULL, "\"%s\" does not say \"%s\"", reason.text,
                      part);
    free(parts);
}

/* Reads an item: a target for pairs, a label for labelled. */
static int read_item(size_t index, gcl_error *reason)
{
    bool labelled = gcl_dataset_get_options(dataset)->wanted.kind == GCL_WANT_LABELLED;
    void *const fields[2] = {picture, labelled ? (void *)&label : (void *)target};
    memset(picture, 0xEE, sizeof picture);
    memset(target, 0xEE, sizeof target);
    return gcl_dataset_read(dataset, index, NULL, fields, reason);
}

static void get(size_t index) { ck_assert_msg(read_item(index, &err) == 0, "%s", err.text); }

static void assert_item_refused(size_t index, const char *says)
{
    gcl_error reason = {0};
    ck_assert_int_eq(read_item(index, &reason), -1);
    ck_assert_int_eq(reason.code, GCL_DATA);
    ck_assert_msg(strstr(reason.text, says) != NULL, "\"%s\" does not say \"%s\"", reason.text,
                  says);
}

/* ---- MNIST -------------------------------------------------------------------------------------- */

enum { DIGIT = 28 * 28 };

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* n pictures of 28 x 28: number i is all i + 1, its first row 200. */
static size_t idx_pictures(uint8_t *file, uint32_t n)
{
    const uint32_t head[] = {0x803, n, 28, 28};
    for (int i = 0; i < 4; i++)
        put_u32(file + 4 * i, head[i]);
    for (uint32_t i = 0; i < n; i++) {
        memset(file + 16 + i * DIGIT, (int)i + 1, DIGIT);
        memset(file + 16 + i * DIGIT, 200, 28);
    }
    return 16 + (size_t)n * DIGIT;
}

/* n labels: number i is (3 i) mod `classes`. */
static size_t idx_labels(uint8_t *file, uint32_t n, int classes)
{
    put_u32(file, 0x801);
    put_u32(file + 4, n);
    for (uint32_t i = 0; i < n; i++)
        file[8 + i] = (uint8_t)(3 * i % (uint32_t)classes);
    return 8 + n;
}

static void write_gzip(const char *path, const uint8_t *bytes, size_t n)
{
    gzFile file = gzopen(path, "wb");
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

static uint8_t idx[16 + 20 * DIGIT];

static void write_mnist(bool zipped)
{
    void (*const write)(const char *, const uint8_t *, size_t) =
        zipped ? write_gzip : (void (*)(const char *, const uint8_t *, size_t))write_bytes;
    const char *names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", names[i], zipped ? ".gz" : "");
        uint32_t n = i < 2 ? 20 : 7;
        write(in_folder(name), idx, i % 2 == 0 ? idx_pictures(idx, n) : idx_labels(idx, n, 10));
    }
}

START_TEST(mnist_plain_and_zipped)
{
    write_mnist(_i == 1);
    open_as(folder, want(GCL_WANT_LABELLED));
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "mnist");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 20);
    ck_assert_int_eq(gcl_dataset_classes(dataset), 10);
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 7), "7");
    get(4);
    ck_assert_uint_eq(label, 2); /* 12 mod 10 */
    ck_assert_int_eq(gcl_dataset_label(dataset, 4), 2);
    for (int y = 0; y < SIDE; y++) /* two black pixels all round */
        for (int x = 0; x < SIDE; x++) {
            bool inside = x >= 2 && x < 30 && y >= 2 && y < 30;
            ck_assert_int_eq(picture[(y * SIDE + x) * 3 + 1], !inside ? 0 : y == 2 ? 200 : 5);
        }
    gcl_dataset_options test = want(GCL_WANT_PICTURES);
    test.split = GCL_SPLIT_TEST;
    open_as(folder, test);
    ck_assert_uint_eq(gcl_dataset_count(dataset), 7);
    test.split = GCL_SPLIT_ALL;
    open_as(folder, test);
    ck_assert_uint_eq(gcl_dataset_count(dataset), 27);
    get(26); /* the last of the test part */
    ck_assert_int_eq(picture[BYTES / 2 + SIDE], 7);
}
END_TEST

START_TEST(mnist_unpadded)
{
    write_mnist(false);
    gcl_dataset_options options = want(GCL_WANT_PICTURES);
    options.wanted.size = 28;
    options.wanted.channels = 1;
    open_as(in_folder("t10k-images-idx3-ubyte"), options); /* one file */
    ck_assert_uint_eq(gcl_dataset_count(dataset), 7);
    get(6);
    for (int i = 0; i < DIGIT; i++)
        ck_assert_int_eq(picture[i], i < 28 ? 200 : 7);
    options.wanted.kind = GCL_WANT_LABELLED; /* those beside it */
    open_as(in_folder("t10k-images-idx3-ubyte"), options);
    get(5);
    ck_assert_uint_eq(label, 5);
}
END_TEST

START_TEST(mnist_damaged)
{
    const gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    const char *path = in_folder("train-images-idx3-ubyte");
    size_t n = idx_pictures(idx, 20);
    write_bytes(path, idx, n - 1);
    assert_refused(folder, pictures, GCL_DATA, "is cut short~15680 bytes~15679");
    write_bytes(path, idx, n);
    put_u32(idx + 4, 19);
    write_bytes(path, idx, n);
    assert_refused(folder, pictures, GCL_DATA, "is too long~14896 bytes~15680");
    put_u32(idx + 4, 0);
    write_bytes(path, idx, 16);
    assert_refused(folder, pictures, GCL_DATA, "is empty");
    put_u32(idx + 4, 0xFFFFFFFF); /* a product beyond 2^64 */
    put_u32(idx + 8, 0xFFFFFFFF);
    put_u32(idx + 12, 0xFFFFFFFF);
    write_bytes(path, idx, 16);
    assert_refused(folder, pictures, GCL_DATA, "is cut short");
    write_bytes(path, idx, idx_labels(idx, 20, 10));
    assert_refused(folder, pictures, GCL_DATA, "not an IDX file of pictures~00000801~00000803");
    write_bytes(path, "?", 1);
    assert_refused(folder, pictures, GCL_DATA, "not an IDX file of pictures");
}
END_TEST

START_TEST(mnist_damaged_gzip)
{
    const gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    const char *path = in_folder("train-images-idx3-ubyte.gz");
    static uint8_t noise[16 + 20 * DIGIT];
    size_t n = idx_pictures(noise, 20);
    for (size_t i = 16; i < n; i++)
        noise[i] = (uint8_t)(i * i * 2654435761u >> 13);
    write_gzip(path, noise, n);
    open_as(folder, pictures);
    gcl_dataset_close(dataset);
    dataset = NULL;
    FILE *file = fopen(path, "rb");
    static uint8_t zipped[sizeof noise + 100];
    size_t n_zipped = fread(zipped, 1, sizeof zipped, file);
    fclose(file);
    for (size_t length = 2; length < n_zipped; length += n_zipped / 7) {
        write_bytes(path, zipped, length);
        assert_refused(folder, pictures, GCL_DATA, "cut short");
    }
    zipped[n_zipped / 2] ^= 0x55;
    write_bytes(path, zipped, n_zipped);
    assert_refused(folder, pictures, GCL_DATA, "damaged gzip");
}
END_TEST

START_TEST(mnist_labels)
{
    gcl_dataset_options labelled = want(GCL_WANT_LABELLED);
    write_bytes(in_folder("train-images-idx3-ubyte"), idx, idx_pictures(idx, 20));
    assert_refused(folder, labelled, GCL_DATA, "has no labels beside it~train-labels-idx1-ubyte");
    const char *path = in_folder("train-labels-idx1-ubyte");
    write_bytes(path, idx, idx_labels(idx, 19, 10));
    assert_refused(folder, labelled, GCL_DATA, "has 19 labels~has 20 pictures");
    write_bytes(path, idx, idx_labels(idx, 20, 10) - 3);
    assert_refused(folder, labelled, GCL_DATA, "train-labels-idx1-ubyte~cut short~of labels");
    write_bytes(path, idx, idx_labels(idx, 20, 26)); /* up to 25 */
    open_as(folder, labelled);
    ck_assert_int_eq(gcl_dataset_classes(dataset), 26);
    labelled.wanted.classes = 10;
    assert_refused(folder, labelled, GCL_USAGE, "has 26 classes~tells 10 apart~num_outputs=26");
    assert_refused(folder, want(GCL_WANT_PAIRS), GCL_DATA,
                   "is an MNIST~the model wants pairs~A/ and B/~dataset pair");
}
END_TEST

/* ---- CIFAR-10 ----------------------------------------------------------------------------------- */

enum { RECORD = 3073 };

/* n records: number i has the label `first` + i and levels 10 i + 1, 2, 3. */
static void write_cifar(const char *name, int n, int first, size_t n_bytes)
{
    static uint8_t file[10 * RECORD];
    for (int i = 0; i < n; i++) {
        uint8_t *record = file + i * RECORD;
        record[0] = (uint8_t)(first + i);
        for (int k = 0; k < 3; k++)
            memset(record + 1 + 1024 * k, 10 * i + k + 1, 1024);
        record[1] = 250; /* red, upper left */
    }
    write_bytes(in_folder(name), file, n_bytes);
}

START_TEST(cifar)
{
    write_cifar("data_batch_1.bin", 3, 0, 3 * RECORD);
    write_cifar("data_batch_2.bin", 2, 5, 2 * RECORD);
    write_cifar("test_batch.bin", 4, 0, 4 * RECORD);
    open_as(folder, want(GCL_WANT_LABELLED));
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "cifar10");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 5);
    get(4);
    ck_assert_uint_eq(label, 6);
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 6), "frog");
    ck_assert_mem_eq(picture, ((uint8_t[]){250, 12, 13, 11, 12, 13}), 6);
    gcl_dataset_options options = want(GCL_WANT_PICTURES);
    options.split = GCL_SPLIT_TEST;
    open_as(folder, options);
    ck_assert_uint_eq(gcl_dataset_count(dataset), 4);
    open_as(in_folder("data_batch_2.bin"), want(GCL_WANT_PICTURES)); /* one file */
    ck_assert_uint_eq(gcl_dataset_count(dataset), 2);
}
END_TEST

START_TEST(cifar_damaged)
{
    write_cifar("data_batch_1.bin", 2, 9, 2 * RECORD); /* labels 9, 10 */
    open_as(folder, want(GCL_WANT_LABELLED));
    get(0);
    assert_item_refused(1, "record 1 has the label 10");
    ck_assert_int_eq(gcl_dataset_label(dataset, 1), -1);
    write_cifar("data_batch_1.bin", 2, 0, 2 * RECORD - 1);
    assert_refused(folder, want(GCL_WANT_PICTURES), GCL_DATA,
                   "data_batch_1.bin~6145 bytes are no whole number");
    write_cifar("data_batch_1.bin", 0, 0, 0);
    assert_refused(folder, want(GCL_WANT_PICTURES), GCL_DATA, "0 bytes are no whole number");
    unlink(in_folder("data_batch_1.bin"));
    write_bytes(in_folder("data_batch_1"), "pickle", 6);
    assert_refused(folder, want(GCL_WANT_PICTURES), GCL_DATA, "Python~binary version");
}
END_TEST

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
    memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
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

/* ---- splits ------------------------------------------------------------------------------------- */

static size_t count_split(const char *spec, gcl_dataset_options options, enum gcl_split split)
{
    options.split = split;
    open_as(spec, options);
    return gcl_dataset_count(dataset);
}

START_TEST(split_folders)
{
    gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    for (int i = 0; i < 6; i++) {
        const char *const names[] = {"set/train/1.png", "set/train/2.png", "set/train/3.png",
                                     "set/val/1.png",   "set/val/2.png",   "set/test/1.png"};
        write_flat(below_folder(names[i]), 4, 4, (uint8_t)i);
    }
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 3);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_ALL), 6);
    unlink(in_folder("set/test/1.png"));
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 2); /* val */
    for (int i = 0; i < 3; i++)
        unlink(in_folder(
            (const char *[]){"set/train/1.png", "set/train/2.png", "set/train/3.png"}[i]));
    write_flat(below_folder("set/test/1.png"), 4, 4, 1);
    assert_refused(folder, pictures, GCL_DATA, "train (0 pictures), validation (2) and test (1)");
    write_flat(below_folder("set/stray/1.png"), 4, 4, 1); /* then these are only folders */
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 4);
    pictures.split = GCL_SPLIT_TEST;
    assert_refused(folder, pictures, GCL_DATA, "no test part of its own~data.holdout");
}
END_TEST

START_TEST(split_of_pairs)
{
    const char *const names[] = {"trainA/1.png", "trainB/1.png", "trainA/2.png",
                                 "trainB/2.png", "testA/1.png",  "testB/1.png"};
    for (int i = 0; i < 6; i++)
        write_flat(below_folder(names[i]), 4, 4, (uint8_t)(10 * i));
    ck_assert_uint_eq(count_split(folder, want(GCL_WANT_PAIRS), GCL_SPLIT_TRAIN), 2);
    get(1);
    ck_assert_int_eq(picture[0], 20);
    ck_assert_int_eq(target[0], 30);
    ck_assert_uint_eq(count_split(folder, want(GCL_WANT_PAIRS), GCL_SPLIT_TEST), 1);
}
END_TEST

START_TEST(split_of_celeba)
{
    static const char list[] = "000001.jpg 0\n000002.jpg 0\r\n000003.jpg 1\n000004.jpg 2\n";
    static const char table[] = "image_id,partition\n000001.jpg,2\n000002.jpg,0\n";
    gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    uint8_t pixels[178 * 218 * 3];
    for (int i = 0; i < 178 * 218 * 3; i++)
        pixels[i] = i / 3 / 178 == 40 ? 255 : 0; /* row 40 is white */
    for (int i = 1; i <= 5; i++) {               /* the fifth is not in the list */
        char name[64];
        snprintf(name, sizeof name, "img_align_celeba/img_align_celeba/%06d.jpg", i);
        write_jpeg(below_folder(name), pixels, 178, 218);
    }
    write_bytes(in_folder("list_eval_partition.txt"), list, sizeof list - 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 2);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 1);
    pictures.box = (gcl_box){15, 40, 148, 148}; /* NVAE's: begins in the white row */
    ck_assert_uint_eq(count_split(in_folder("img_align_celeba"), pictures, GCL_SPLIT_TRAIN), 2);
    get(0);
    ck_assert_int_gt(picture[16 * 3], 30);
    ck_assert_int_lt(picture[(5 * SIDE + 16) * 3], 10);
    unlink(in_folder("list_eval_partition.txt"));
    write_bytes(in_folder("img_align_celeba/list_eval_partition.csv"), table, sizeof table - 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_ALL), 5);
    ck_assert_uint_eq(count_split(in_folder("img_align_celeba"), pictures, GCL_SPLIT_TEST), 1);
}
END_TEST

static int n_bits(uint64_t bits)
{
    int n = 0;
    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

/* The names of the items, one bit each by the number in them. */
static uint64_t names_of(gcl_dataset_options options, enum gcl_split split, double holdout)
{
    uint64_t bits = 0;
    options.holdout = holdout;
    size_t n = count_split(folder, options, split);
    for (size_t i = 0; i < n; i++) {
        char *name = gcl_dataset_item_name(dataset, i);
        bits |= UINT64_C(1) << atoi(name);
        get(i);
        ck_assert_int_eq(picture[0], atoi(name)); /* the names are those of what is read */
        free(name);
    }
    ck_assert_int_eq(n_bits(bits), (int)n);
    return bits;
}

START_TEST(split_by_holdout)
{
    const gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        write_flat(in_folder(name), 4, 4, (uint8_t)i);
    }
    uint64_t train = names_of(pictures, GCL_SPLIT_TRAIN, 0.2);
    uint64_t test = names_of(pictures, GCL_SPLIT_TEST, 0.2);
    ck_assert_uint_eq(train & test, 0);
    ck_assert_uint_eq(train | test, (UINT64_C(1) << 60) - 1);
    int n = n_bits(test); /* 12 expected, standard deviation 3.1 */
    ck_assert_int_ge(n, 3);
    ck_assert_int_le(n, 21);
    uint64_t more = names_of(pictures, GCL_SPLIT_TEST, 0.5);
    ck_assert_uint_eq(more & test, test);
    for (int i = 1; i < 60; i += 2) { /* others go: the rest keeps its side */
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        unlink(in_folder(name));
    }
    ck_assert_uint_eq(names_of(pictures, GCL_SPLIT_TEST, 0.5), more & 0x5555555555555555u);
    gcl_dataset_options wrong = pictures;
    wrong.holdout = 1;
    assert_refused(folder, wrong, GCL_USAGE, "data.holdout");
}
END_TEST

/* ---- built in ----------------------------------------------------------------------------------- */

START_TEST(builtin_kinds)
{
    gcl_dataset_options options = want(GCL_WANT_PAIRS);
    options.wanted.channels = 1;
    open_as("builtin:faces", options);
    int n_dark = 0;
    get(3);
    for (int i = 0; i < SIDE * SIDE; i++)
        n_dark += picture[i] < 128;
    ck_assert_int_gt(n_dark, SIDE);
    ck_assert_int_lt(n_dark, SIDE * SIDE / 2);
    uint8_t face[BYTES];
    memcpy(face, target, BYTES);
    open_as("builtin:faces", want(GCL_WANT_PICTURES));
    get(3);
    ck_assert_mem_eq(face, picture, BYTES);

    options = want(GCL_WANT_LABELLED);
    options.wanted.classes = 10;
    open_as("builtin:faces", options);
    int count[10] = {0};
    for (size_t i = 0; i < 2000; i++) {
        int k = gcl_dataset_label(dataset, i);
        ck_assert_int_lt(k, 10);
        count[k]++;
    }
    for (int k = 0; k < 10; k++)
        ck_assert_int_gt(count[k], 20);
    get(17);
    ck_assert_uint_eq(label, (unsigned)gcl_dataset_label(dataset, 17));
    ck_assert_mem_ne(picture, face, BYTES);
    options.holdout = 0.1;
    size_t n = count_split("builtin:faces", options, GCL_SPLIT_TEST);
    ck_assert_uint_gt(n, 9500);
    ck_assert_uint_lt(n, 10500);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 300);
    suite_add_tcase(suite, tests);
    return tests;
}

static Suite *formats_suite(void)
{
    Suite *suite = suite_create("formats");
    TCase *mnist = new_case(suite, "mnist");
    tcase_add_loop_test(mnist, mnist_plain_and_zipped, 0, 2);
    tcase_add_test(mnist, mnist_unpadded);
    tcase_add_test(mnist, mnist_damaged);
    tcase_add_test(mnist, mnist_damaged_gzip);
    tcase_add_test(mnist, mnist_labels);
    TCase *cifars = new_case(suite, "cifar");
    tcase_add_test(cifars, cifar);
    tcase_add_test(cifars, cifar_damaged);
    TCase *folders = new_case(suite, "folders");
    tcase_add_test(folders, classes);
    tcase_add_test(folders, classes_missing);
    tcase_add_test(folders, pairs_in_folders);
    tcase_add_test(folders, pairs_at_odds);
    tcase_add_test(folders, sides);
    tcase_add_test(folders, sides_refused);
    TCase *tars = new_case(suite, "tar");
    tcase_add_test(tars, tar_of_pictures);
    tcase_add_test(tars, tar_layouts);
    tcase_add_test(tars, tar_damaged);
    TCase *splits = new_case(suite, "split");
    tcase_add_test(splits, split_folders);
    tcase_add_test(splits, split_of_pairs);
    tcase_add_test(splits, split_of_celeba);
    tcase_add_test(splits, split_by_holdout);
    TCase *builtin = new_case(suite, "builtin");
    tcase_add_test(builtin, builtin_kinds);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(formats_suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
