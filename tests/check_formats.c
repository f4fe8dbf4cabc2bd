/* MNIST's and CIFAR-10's files and the built-in faces, from small files made here: right ones, and ones
 * cut short, damaged or at odds with each other. */
#include "dataset_test.h"

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

static Suite *formats_suite(void)
{
    Suite *suite = suite_create("formats");
    TCase *mnist = add_case(suite, "mnist", setup, teardown);
    tcase_add_loop_test(mnist, mnist_plain_and_zipped, 0, 2);
    tcase_add_test(mnist, mnist_unpadded);
    tcase_add_test(mnist, mnist_damaged);
    tcase_add_test(mnist, mnist_damaged_gzip);
    tcase_add_test(mnist, mnist_labels);
    TCase *cifars = add_case(suite, "cifar", setup, teardown);
    tcase_add_test(cifars, cifar);
    tcase_add_test(cifars, cifar_damaged);
    TCase *builtin = add_case(suite, "builtin", setup, teardown);
    tcase_add_test(builtin, builtin_kinds);
    return suite;
}

int main(void) { return run_suite(formats_suite()); }
