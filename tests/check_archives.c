/* Zips of pictures, dataset.json's classes, and LMDB as NVAE writes it; made here by libzip and liblmdb
 * themselves, right ones and damaged ones. */
#include "dataset_test.h"

#include <lmdb.h>
#include <zip.h>

#include "datasets/loader.h"
#include "io/file.h"

/* ---- zip ---------------------------------------------------------------------------------------- */

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

static zip_t *zip_start(const char *name)
{
    int code;
    zip_t *zip = zip_open(in_folder(name), ZIP_CREATE | ZIP_TRUNCATE, &code);
    ck_assert_ptr_nonnull(zip);
    return zip;
}

/* Stored as it is (StyleGAN's way), or deflated. Takes over `bytes`. */
static void zip_put(zip_t *zip, const char *name, void *bytes, size_t n, bool stored)
{
    zip_source_t *source = zip_source_buffer(zip, bytes, n, 1);
    ck_assert_ptr_nonnull(source);
    zip_int64_t index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    ck_assert_int_ge(index, 0);
    ck_assert_int_eq(zip_set_file_compression(zip, (zip_uint64_t)index,
                                              stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0),
                     0);
}

static void zip_flat(zip_t *zip, const char *name, uint8_t level, bool stored)
{
    size_t n;
    uint8_t *bytes = flat_png(level, &n);
    zip_put(zip, name, bytes, n, stored);
}

static void zip_text(zip_t *zip, const char *name, const char *text)
{
    zip_put(zip, name, gcl_strdup(text), strlen(text), false);
}

static void zip_end(zip_t *zip) { ck_assert_int_eq(zip_close(zip), 0); }

START_TEST(zip_of_pictures)
{
    zip_t *zip = zip_start("faces.zip");
    zip_flat(zip, "00000/img2.png", 20, true);
    zip_flat(zip, "00000/img1.png", 10, false);
    zip_flat(zip, "00001/img3.png", 30, true);
    zip_flat(zip, "__MACOSX/._img1.png", 99, true);
    zip_text(zip, "notes.txt", "words");
    zip_dir_add(zip, "empty.png", 0);
    zip_end(zip);
    ck_assert_int_eq(rename(in_folder("faces.zip"), in_folder("faces")),
                     0); /* names tell nothing */
    open_as(in_folder("faces"), want(GCL_WANT_PICTURES));
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "folder");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 3);
    for (size_t i = 0; i < 3; i++) {
        get(i);
        ck_assert_int_eq(picture[5], 10 * ((int)i + 1));
    }
    char *name = gcl_dataset_item_name(dataset, 2);
    ck_assert_str_eq(name, "00001/img3.png");
    free(name);
}
END_TEST

START_TEST(zip_is_read_by_many_threads)
{
    enum { N = 60, BATCH = 20 };
    static uint8_t batch[BATCH][BYTES];
    void *const fields[2] = {batch, NULL};
    zip_t *zip = zip_start("many.zip");
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "%02d.png", i);
        zip_flat(zip, name, (uint8_t)(i + 1), i % 2 == 0);
    }
    zip_end(zip);
    open_as(in_folder("many.zip"), want(GCL_WANT_PICTURES));
    ck_assert_str_eq(gcl_dataset_name(dataset), "many");
    gcl_loader_options options = {.batch = BATCH, .threads = 5, .ring = 3};
    gcl_loader *loader = gcl_loader_new(dataset, &options, &err);
    for (int i = 0; i < 3 * N; i++) {
        if (i % BATCH == 0)
            ck_assert_msg(gcl_loader_next(loader, fields, &err) == 0, "%s", err.text);
        ck_assert_int_eq(batch[i % BATCH][0], i % N + 1);
    }
    gcl_loader_free(loader);
}
END_TEST

START_TEST(zip_layouts)
{
    zip_t *zip = zip_start("pairs.zip");
    zip_flat(zip, "set/A/1.png", 10, true);
    zip_flat(zip, "set/B/1.png", 20, true);
    zip_end(zip);
    open_as(in_folder("pairs.zip"), want(GCL_WANT_PAIRS));
    get(0);
    ck_assert(picture[0] == 10 && target[0] == 20);
    zip = zip_start("classes.zip");
    zip_flat(zip, "train/x/1.png", 10, true);
    zip_flat(zip, "train/y/1.png", 20, true);
    zip_flat(zip, "test/y/2.png", 30, true);
    zip_end(zip);
    open_as(in_folder("classes.zip"), want(GCL_WANT_LABELLED));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 2);
    get(1);
    ck_assert(label == 1 && picture[0] == 20);
}
END_TEST

START_TEST(zip_damaged)
{
    zip_t *zip = zip_start("z.zip");
    zip_flat(zip, "a.png", 10, true);
    zip_flat(zip, "b.png", 20, true);
    zip_end(zip);
    uint8_t *bytes = NULL;
    size_t n;
    ck_assert_int_eq(gcl_file_read(in_folder("z.zip"), 1 << 20, &bytes, &n, &err), 0);
    write_bytes(in_folder("z.zip"), bytes, n / 2);
    assert_refused(in_folder("z.zip"), want(GCL_WANT_PICTURES), GCL_DATA,
                   "z.zip: is a damaged zip, or cut short");
    bytes[30 + 5 + 60] ^= 1; /* in the content of the first one, behind its header and name */
    write_bytes(in_folder("z.zip"), bytes, n);
    open_as(in_folder("z.zip"), want(GCL_WANT_PICTURES));
    assert_item_refused(0, "z.zip/a.png: is damaged in the zip: CRC error");
    get(1);
    ck_assert_int_eq(picture[0], 20);
    free(bytes);
    write_bytes(in_folder("empty.zip"), "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    assert_refused(in_folder("empty.zip"), want(GCL_WANT_PICTURES), GCL_DATA,
                   "no JPEG or PNG pictures in");
}
END_TEST

START_TEST(zip_with_a_password)
{
    zip_t *zip = zip_start("secret.zip");
    zip_flat(zip, "a.png", 10, true);
    ck_assert_int_eq(zip_file_set_encryption(zip, 0, ZIP_EM_AES_128, "secret"), 0);
    zip_end(zip);
    open_as(in_folder("secret.zip"), want(GCL_WANT_PICTURES));
    assert_item_refused(0, "a.png: cannot be read: No password provided");
}
END_TEST

/* ---- dataset.json ------------------------------------------------------------------------------- */

static const char list[] = "{\"labels\": [[\"00000/c.png\", 2], [\"00001/b.png\", 0], "
                           "[\"00000/a.png\", 4], [\"gone.png\", 1]]}";

START_TEST(classes_by_a_list)
{
    if (_i == 0) {
        zip_t *zip = zip_start("set");
        zip_flat(zip, "00000/a.png", 10, true);
        zip_flat(zip, "00001/b.png", 20, true);
        zip_flat(zip, "00000/c.png", 30, true);
        zip_flat(zip, "00000/d.png", 40, true); /* not in the list */
        zip_text(zip, "dataset.json", list);
        zip_end(zip);
    } else {
        write_flat(below_folder("set/00000/a.png"), 16, 16, 10);
        write_flat(below_folder("set/00001/b.png"), 16, 16, 20);
        write_flat(below_folder("set/00000/c.png"), 16, 16, 30);
        write_flat(below_folder("set/00000/d.png"), 16, 16, 40);
        write_bytes(in_folder("set/dataset.json"), list, sizeof list - 1);
    }
    open_as(in_folder("set"), want(GCL_WANT_LABELLED));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 3);
    ck_assert_int_eq(gcl_dataset_classes(dataset), 5);
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 3), "3");
    const int wanted[3][2] = {{10, 4}, {30, 2}, {20, 0}}; /* in the order of the paths */
    for (size_t i = 0; i < 3; i++) {
        get(i);
        ck_assert_int_eq(picture[0], wanted[i][0]);
        ck_assert_uint_eq(label, (uint32_t)wanted[i][1]);
    }
    open_as(in_folder("set"), want(GCL_WANT_PICTURES));
    ck_assert_uint_eq(gcl_dataset_count(dataset), 4);
}
END_TEST

START_TEST(lists_that_are_none)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {{"{\"labels\": null}", "says that it has no labels"},
                 {"{\"labels\": 3}", "neither a list nor null"},
                 {"{\"labels\": [[\"x/1.png\", 0.5]]}", "label 0 is not [\"PATH\", CLASS]"},
                 {"{\"labels\": [[\"x/1.png\", -1]]}", "label 0 is not"},
                 {"{\"labels\": [[\"x/1.png\", 65536]]}", "0 to 65535"},
                 {"{\"labels\": [[\"x/1.png\"]]}", "label 0 is not"},
                 {"{\"labels\": [", "dataset.json: line 1"},
                 {"{\"labels\": []}", ""},
                 {"{\"other\": 1}", ""}};
    write_flat(below_folder("x/1.png"), 16, 16, 10);
    write_flat(below_folder("y/2.png"), 16, 16, 20);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_bytes(in_folder("dataset.json"), wrong[i].text, strlen(wrong[i].text));
        if (wrong[i].says[0] != 0) {
            assert_refused(folder, want(GCL_WANT_LABELLED), GCL_DATA, wrong[i].says);
            continue;
        }
        open_as(folder, want(GCL_WANT_LABELLED)); /* by folders */
        ck_assert_str_eq(gcl_dataset_class_name(dataset, 1), "y");
    }
}
END_TEST

/* ---- LMDB --------------------------------------------------------------------------------------- */

/* What a value holds: pixels of SIDE x SIDE (NVAE's way for most of its sets), or a JPEG. */
typedef void writer(uint8_t *bytes, size_t *n, int i);

static void put_pixels(uint8_t *bytes, size_t *n, int i)
{
    *n = BYTES;
    for (int k = 0; k < BYTES; k++)
        bytes[k] = (uint8_t)(7 * i + k % 50 + k / 3 % SIDE);
    if (i == 2) /* as a JPEG begins */
        memcpy(bytes, "\xFF\xD8\xFF\xE0", 4);
}

static void put_jpeg(uint8_t *bytes, size_t *n, int i)
{
    uint8_t rgb[16 * 16 * 3];
    unsigned long length;
    memset(rgb, 20 + 3 * i, sizeof rgb);
    uint8_t *made = make_jpeg(rgb, 16, 16, TJPF_RGB, TJSAMP_444, 0, &length);
    memcpy(bytes, made, length);
    *n = length;
    tjFree(made);
}

/* As NVAE's scripts do it: one environment, a map of a terabyte, keys "0" to "n - 1". */
static void write_lmdb(const char *name, int first, int n, writer *write)
{
    static uint8_t bytes[BYTES + 4096];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    const char *path = below_folder(name);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(env, (size_t)1 << 40), 0);
    ck_assert_int_eq(mdb_env_open(env, path, 0, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &table), 0);
    for (int i = 0; i < n; i++) {
        char digits[16];
        MDB_val key = {(size_t)snprintf(digits, sizeof digits, "%d", first + i), digits};
        MDB_val value = {0, bytes};
        write(bytes, &value.mv_size, i);
        ck_assert_int_eq(mdb_put(txn, table, &key, &value, 0), 0);
    }
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

START_TEST(lmdb_of_pixels)
{
    uint8_t wanted[BYTES];
    size_t n;
    write_lmdb("set/train.lmdb", 0, 12, put_pixels);
    write_lmdb("set/validation.lmdb", 0, 5, put_pixels);
    gcl_dataset_options options = want(GCL_WANT_PICTURES);
    open_as(in_folder("set"), options);
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "lmdb");
    ck_assert_uint_eq(gcl_dataset_count(dataset), 12);
    for (int i = 0; i < 12; i++) { /* by number: "2" before "10" */
        put_pixels(wanted, &n, i);
        get((size_t)i);
        ck_assert_mem_eq(picture, wanted, BYTES);
    }
    ck_assert_uint_eq(count_split(in_folder("set"), options, GCL_SPLIT_TEST), 5);
    ck_assert_uint_eq(count_split(in_folder("set"), options, GCL_SPLIT_ALL), 17);
    char *name = gcl_dataset_item_name(dataset, 13);
    ck_assert_str_eq(name, "test/1");
    free(name);
    put_pixels(wanted, &n, 1);
    get(13);
    ck_assert_mem_eq(picture, wanted, BYTES);
}
END_TEST

START_TEST(lmdb_of_jpegs)
{
    write_lmdb("train.lmdb", 0, 11, put_jpeg);
    const char *const specs[] = {"train.lmdb", "train.lmdb/data.mdb", ""};
    for (int k = 0; k < 3; k++) {
        open_as(in_folder(specs[k]), want(GCL_WANT_PICTURES));
        ck_assert_uint_eq(gcl_dataset_count(dataset), 11);
        for (int i = 0; i < 11; i++) {
            get((size_t)i);
            ck_assert_int_le(abs(picture[0] - 20 - 3 * i), 1);
        }
    }
    assert_refused(in_folder("train.lmdb"), want(GCL_WANT_LABELLED), GCL_DATA,
                   "is an LMDB of pictures, but the model wants pictures with classes");
    struct stat status; /* nothing was written: no lock file but the writer's */
    open_as(in_folder("train.lmdb"), want(GCL_WANT_PICTURES));
    ck_assert_int_eq(stat(in_folder("train.lmdb/data.mdb-lock"), &status), -1);
}
END_TEST

static void put_wrong(uint8_t *bytes, size_t *n, int i)
{
    put_jpeg(bytes, n, i);
    if (i == 1)
        *n = 100; /* cut short, and no square of pixels */
    if (i == 2)
        memcpy(bytes, "words", *n = 5);
}

START_TEST(lmdb_damaged)
{
    uint8_t *bytes = NULL;
    size_t n;
    write_lmdb("numbers", 1, 3, put_jpeg);
    assert_refused(in_folder("numbers"), want(GCL_WANT_PICTURES), GCL_DATA,
                   "3 values without the key \"0\"");
    write_lmdb("wrong", 0, 4, put_wrong);
    open_as(in_folder("wrong"), want(GCL_WANT_PICTURES));
    get(0);
    assert_item_refused(1, "1: damaged JPEG");
    assert_item_refused(2, "2: is neither JPEG nor PNG");
    get(3);
    gcl_dataset_close(dataset);
    dataset = NULL;
    write_lmdb("long", 0, 12, put_pixels);
    ck_assert_int_eq(gcl_file_read(in_folder("long/data.mdb"), 1 << 24, &bytes, &n, &err), 0);
    write_bytes(in_folder("long/data.mdb"), bytes, n - 4096);
    assert_refused(in_folder("long"), want(GCL_WANT_PICTURES), GCL_DATA, "is cut short~copy it");
    write_bytes(in_folder("long/data.mdb"), bytes, 5000);
    assert_refused(in_folder("long"), want(GCL_WANT_PICTURES), GCL_DATA, "is cut short");
    bytes[16 + 4] ^= 0x40; /* another version, in both meta pages */
    bytes[4096 + 16 + 4] ^= 0x40;
    write_bytes(in_folder("long/data.mdb"), bytes, n);
    assert_refused(in_folder("long"), want(GCL_WANT_PICTURES), GCL_DATA, "is a damaged LMDB");
    free(bytes);
}
END_TEST

static Suite *archives_suite(void)
{
    Suite *suite = suite_create("archives");
    TCase *zips = add_case(suite, "zip", setup, teardown);
    tcase_add_test(zips, zip_of_pictures);
    tcase_add_test(zips, zip_is_read_by_many_threads);
    tcase_add_test(zips, zip_layouts);
    tcase_add_test(zips, zip_damaged);
    tcase_add_test(zips, zip_with_a_password);
    TCase *lists = add_case(suite, "dataset.json", setup, teardown);
    tcase_add_loop_test(lists, classes_by_a_list, 0, 2);
    tcase_add_test(lists, lists_that_are_none);
    TCase *stores = add_case(suite, "lmdb", setup, teardown);
    tcase_add_test(stores, lmdb_of_pixels);
    tcase_add_test(stores, lmdb_of_jpegs);
    tcase_add_test(stores, lmdb_damaged);
    return suite;
}

int main(void) { return run_suite(archives_suite()); }
