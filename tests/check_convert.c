/* `ganocl dataset convert`: batches of what it writes are those of the source, byte for byte; a file is
 * whole or not there. */
#include "convert_test.h"

#include <signal.h>
#include <spawn.h>
#include <time.h>

#include "datasets/loader.h"
#include "io/file.h"

extern char **environ;

/* ---- sources ---------------------------------------------------------------------------------------- */

/* JPEGs and PNGs of many sizes, some larger and some smaller than what is wanted; a few of them in
 * folders, which are their classes. */
static void write_photos(const char *in)
{
    static const char *const folders[] = {"", "cats/", "dogs/", "dogs/big/"};
    for (int i = 0; i < 17; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s%02d.%s", in, folders[i % 4], i, i % 2 ? "png" : "jpg");
        write_texture(name, 20 + 13 * i, 200 - 9 * i, i);
    }
}

static void write_two_folders(const char *in)
{
    for (int i = 0; i < 9; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/A/%d.png", in, i);
        write_texture(name, 30 + 10 * i, 40, i);
        snprintf(name, sizeof name, "%s/B/%d.jpg", in, i);
        write_texture(name, 2 * (30 + 10 * i), 80, i + 1);
    }
}

static void write_sides(const char *in)
{
    for (int i = 0; i < 9; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%d.%s", in, i, i % 2 ? "png" : "jpg");
        write_texture(name, 160 + 4 * i, 80 + 2 * i, i);
    }
}

static void write_divided(const char *in)
{
    static const char *const parts[] = {"test", "train", "train", "train", "val"};
    for (int i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s/%s/%02d.png", in, parts[i % 5], i % 2 ? "x" : "y", i);
        write_texture(name, 40 + i, 50, i);
    }
}

/* MNIST's training part and its test part, with labels. */
static void write_digits(const char *in)
{
    static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int k = 0; k < 4; k++) {
        uint8_t n = k < 2 ? 23 : 9, head[16] = {0, 0, 8, k % 2 ? 1 : 3};
        uint8_t *pixels = texture(28, 28 * n, 1, k);
        size_t bytes = k % 2 ? n : 784u * n, size = k % 2 ? 8 : 16;
        char name[64];
        head[7] = n;
        head[11] = head[15] = 28;
        for (int i = 0; i < n && k % 2; i++)
            pixels[i] = (uint8_t)(i % 10);
        uint8_t *file = gcl_alloc(size + bytes);
        memcpy(file, head, size);
        memcpy(file + size, pixels, bytes);
        snprintf(name, sizeof name, "%s/%s", in, names[k]);
        write_bytes(below_folder(name), file, size + bytes);
        free(pixels);
        free(file);
    }
}

/* ---- the same batches --------------------------------------------------------------------------- */

typedef struct wish { /* for what a data set is read */
    gcl_wanted wanted;
    enum gcl_split split;
    double holdout;
    bool swap;
} wish;

enum { BATCH = 7, STEPS = 9 };

static uint8_t *take_batches(const char *spec, const wish *w, int threads, size_t *bytes)
{
    gcl_dataset_options options = {
        .wanted = w->wanted, .split = w->split, .holdout = w->holdout, .swap = w->swap};
    open_as(spec, options);
    size_t n[2] = {BATCH * gcl_dataset_field_bytes(dataset, 0),
                   BATCH * gcl_dataset_field_bytes(dataset, 1)};
    gcl_loader_options how = {
        .batch = BATCH, .threads = threads, .seed = 5, .shuffle = true, .flip = true};
    gcl_loader *loader = gcl_loader_new(dataset, &how, &err);
    ck_assert_ptr_nonnull(loader);
    *bytes = STEPS * (n[0] + n[1]);
    uint8_t *all = gcl_alloc(*bytes), *at = all;
    for (int k = 0; k < STEPS; k++, at += n[0] + n[1]) {
        void *const fields[2] = {at, at + n[0]};
        ck_assert_msg(gcl_loader_next(loader, fields, &err) == 0, "%s", err.text);
    }
    gcl_loader_free(loader);
    return all;
}

static void assert_same_batches(const char *source, const char *packed, const wish *w)
{
    size_t n, m;
    uint8_t *wanted = take_batches(source, w, 1, &n);
    size_t count = gcl_dataset_count(dataset);
    uint8_t *got = take_batches(packed, w, 3, &m);
    ck_assert_str_eq(gcl_dataset_format_name(dataset), "packed");
    ck_assert_uint_eq(gcl_dataset_count(dataset), count);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(got, wanted, n);
    free(wanted);
    free(got);
}

START_TEST(pictures_and_classes)
{
    const wish wishes[] = {
        {{GCL_WANT_PICTURES, 48, 3, 0, 0, 256, 0}, GCL_SPLIT_TRAIN, 0, false},
        {{GCL_WANT_PICTURES, 48, 1, 0, 0, 2, 0}, GCL_SPLIT_TRAIN, 0, false},
        {{GCL_WANT_PICTURES, 40, 3, 0, 0, 32, 48}, GCL_SPLIT_TRAIN, 0, false}, /* cut at random */
        {{GCL_WANT_LABELLED, 48, 3, 0, 2, 256, 0}, GCL_SPLIT_TRAIN, 0, false},
        {{GCL_WANT_PICTURES, 48, 3, 0, 0, 256, 0}, GCL_SPLIT_TRAIN, 0.3, false},
        {{GCL_WANT_PICTURES, 48, 3, 0, 0, 256, 0}, GCL_SPLIT_TEST, 0.3, false}};
    write_photos("in");
    convert("in", "pixels", "--size 48");
    assert_said("pixels.pack: 17 pictures of 48 x 48 in 2 classes; train");
    convert("in", "files", "--threads 3");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        assert_same_batches(in_folder("in"), in_folder("pixels.pack"), &wishes[i]);
        assert_same_batches(in_folder("in"), in_folder("files.pack"), &wishes[i]);
    }
    wish other = wishes[0]; /* what keeps the files serves every size */
    other.wanted.size = 75;
    assert_same_batches(in_folder("in"), in_folder("files.pack"), &other);
    open_as(in_folder("files.pack"), want(GCL_WANT_LABELLED));
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 1), "dogs");
    ck_assert_str_eq(gcl_dataset_name(dataset), "files");
}
END_TEST

START_TEST(pairs_of_both_layouts)
{
    static const gcl_wanted plain = {GCL_WANT_PAIRS, 32, 1, 3, 0, 256, 0};
    static const gcl_wanted cut = {GCL_WANT_PAIRS, 32, 3, 3, 0, 256, 40};
    const wish wishes[] = {{plain, GCL_SPLIT_TRAIN, 0, false}, {cut, GCL_SPLIT_TRAIN, 0, true}};
    (_i == 0 ? write_two_folders : write_sides)("in");
    convert("in", "files", "");
    assert_said("files.pack: 9 pairs; train");
    for (int i = 0; i < 2; i++) {
        convert("in", "pixels", i == 0 ? "--size 32" : "--size 40 --kind pairs");
        assert_same_batches(in_folder("in"), in_folder("pixels.pack"), &wishes[i]);
        assert_same_batches(in_folder("in"), in_folder("files.pack"), &wishes[i]);
    }
    assert_refused(in_folder("files.pack"), want(GCL_WANT_PICTURES), GCL_DATA,
                   "holds pairs of pictures, but the model wants pictures");
    convert("files.pack", "again", ""); /* a packed set is a source like any other */
    assert_same_batches(in_folder("in"), in_folder("again.pack"), &wishes[1]);
}
END_TEST

START_TEST(parts_of_a_divided_set)
{
    static const size_t counts[] = {12, 4, 20}; /* 4 are for validation */
    write_divided("in");
    convert("in", "p", "--size 24");
    for (int split = GCL_SPLIT_TRAIN; split <= GCL_SPLIT_ALL; split++)
        for (int kind = 0; kind < 2; kind++) {
            wish w = {{kind ? GCL_WANT_LABELLED : GCL_WANT_PICTURES, 24, 3, 0, 0, 256, 0},
                      (enum gcl_split)split,
                      0,
                      false};
            assert_same_batches(in_folder("in"), in_folder("p.pack"), &w);
            ck_assert_uint_eq(gcl_dataset_count(dataset), counts[split]);
        }
    convert("in", "test", "--size 24 --set data.split=test");
    ck_assert_uint_eq(count_split(in_folder("test.pack"), want(GCL_WANT_PICTURES), GCL_SPLIT_TRAIN),
                      4);
}
END_TEST

START_TEST(digits)
{
    write_digits("in");
    convert("in", "p", "--size 32");
    for (int split = GCL_SPLIT_TRAIN; split <= GCL_SPLIT_ALL; split++) {
        wish w = {{GCL_WANT_LABELLED, 32, 1, 0, 10, 2, 0}, (enum gcl_split)split, 0, false};
        assert_same_batches(in_folder("in"), in_folder("p.pack"), &w);
    }
    convert("in", "p", "--size 28");
    const wish bare = {{GCL_WANT_PICTURES, 28, 1, 0, 0, 256, 0}, GCL_SPLIT_TRAIN, 0, false};
    assert_same_batches(in_folder("in"), in_folder("p.pack"), &bare);
    assert_refuses("convert --in %/in --out %/q.pack", GCL_USAGE,
                   "say which with --size N"); /* their margin depends on it */
}
END_TEST

START_TEST(crops_are_made_when_packing)
{
    write_photos("in");
    convert("in", "p", "--size 40 --set data.crop=fit --set data.filter=triangle");
    gcl_dataset_options options = want(GCL_WANT_PICTURES);
    uint8_t wanted[40 * 40 * 3], got[40 * 40 * 3];
    void *const to[2] = {wanted, NULL}, *const from[2] = {got, NULL};
    options.wanted.size = 40;
    for (size_t i = 0; i < 17; i++) {
        options.crop = GCL_CROP_FIT;
        options.filter = GCL_FILTER_TRIANGLE;
        open_as(in_folder("in"), options);
        ck_assert_int_eq(gcl_dataset_read(dataset, i, NULL, to, &err), 0);
        options.crop = GCL_CROP_CENTRE;
        options.filter = GCL_FILTER_LANCZOS;
        open_as(in_folder("p.pack"), options);
        ck_assert_int_eq(gcl_dataset_read(dataset, i, NULL, from, &err), 0);
        ck_assert_mem_eq(got, wanted, sizeof got);
    }
}
END_TEST

START_TEST(equal_sources_are_equal_files)
{
    uint8_t *a = NULL, *b = NULL;
    size_t n, m;
    write_photos("in");
    convert("in", "one", "--size 48 --threads 1");
    convert("in", "two", "--size 48 --threads 4");
    ck_assert_int_eq(gcl_file_read(in_folder("one.pack"), 1 << 24, &a, &n, &err), 0);
    ck_assert_int_eq(gcl_file_read(in_folder("two.pack"), 1 << 24, &b, &m, &err), 0);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(a, b, n);
    free(a);
    free(b);
}
END_TEST

START_TEST(unreadable_ones_are_left_out)
{
    write_photos("in");
    write_bytes(in_folder("in/07.png"), "?", 1);
    write_bytes(in_folder("in/cats/extra.jpg"), "\xFF\xD8\xFF no", 6);
    convert("in", "p", "");
    assert_said("cats/extra.jpg");
    assert_said("17 pictures in 2 classes, 2 unreadable ones left out");
    ck_assert_int_eq(run_on("check %/p.pack"), 0);
    ck_assert_int_eq(run_on("info %/p.pack"), 0);
    assert_said("p.pack: 17 pictures, packed (from ");
    assert_said("dogs");
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------------ */

static int files_beginning(const char *with)
{
    int n = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *e; listing != NULL && (e = readdir(listing)) != NULL;)
        n += strncmp(e->d_name, with, strlen(with)) == 0;
    closedir(listing);
    return n;
}

/* A file may not grow beyond 50 kB here, as if the disk were full. */
START_TEST(a_full_disk)
{
    char line[512];
    write_photos("in");
    write_bytes(in_folder("p.pack"), "old", 3);
    snprintf(line, sizeof line, "convert --in %s/in --size 256 --out %s/p.pack 2>&1", folder,
             folder);
    ck_assert_int_eq(run_after("trap '' XFSZ; ulimit -f 100;", line), GCL_DISK);
    assert_said("cannot be written");
    ck_assert_int_eq(files_beginning("p.pack"), 1); /* no temporary */
    uint8_t *old = NULL;
    size_t n;
    ck_assert_int_eq(gcl_file_read(in_folder("p.pack"), 100, &old, &n, &err), 0);
    ck_assert_uint_eq(n, 3); /* the old one is still there */
    free(old);
    snprintf(line, sizeof line, "convert --in %s/in --out %s/no/p.pack 2>&1", folder, folder);
    ck_assert_int_eq(run(line), GCL_DISK);
}
END_TEST

START_TEST(a_signal_leaves_nothing)
{
    char out[128];
    pid_t child;
    int status;
    snprintf(out, sizeof out, "%s/p.pack", folder);
    char *words[] = {(char *)(uintptr_t)program(),
                     "dataset",
                     "convert",
                     "--in",
                     "builtin:faces",
                     "--size",
                     "64",
                     "--out",
                     out,
                     "-q",
                     NULL};
    ck_assert_int_eq(posix_spawn(&child, program(), NULL, NULL, words, environ), 0);
    for (int i = 0; i < 3000 && files_beginning("p.pack") == 0; i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_int_eq(files_beginning("p.pack"), 1);
    kill(child, SIGINT);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGINT);
    ck_assert_int_eq(files_beginning("p.pack"), 0);
}
END_TEST

START_TEST(mistakes)
{
    write_photos("in");
    assert_refuses("convert --in %/in", GCL_USAGE, "--out FILE");
    assert_refuses("convert --in builtin:faces --out %/p", GCL_USAGE, "--size N");
    assert_refuses("convert --in %/in --out %/p --kind edges", GCL_USAGE, "pictures and pairs");
    assert_refuses("convert --in %/in --out %/p --kind pairs", GCL_DATA, "holds single pictures");
    assert_refuses("convert --in %/in --out %/p --set data.box=0,0,9,9", GCL_USAGE,
                   "data.box needs --size");
    assert_refuses("convert --in %/in --out %/p --size 9000", GCL_USAGE, NULL);
    assert_refuses("convert --in %/in --out %/p --set data.swap=true", GCL_USAGE, NULL);
    assert_refuses("convert --in %/none --out %/p", GCL_DATA, NULL);
    ck_assert_int_eq(files_beginning("p"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("convert");
    TCase *same = add_case(suite, "same", setup, teardown);
    tcase_add_test(same, pictures_and_classes);
    tcase_add_loop_test(same, pairs_of_both_layouts, 0, 2);
    tcase_add_test(same, parts_of_a_divided_set);
    tcase_add_test(same, digits);
    tcase_add_test(same, crops_are_made_when_packing);
    tcase_add_test(same, equal_sources_are_equal_files);
    tcase_add_test(same, unreadable_ones_are_left_out);
    TCase *writing = add_case(suite, "writing", setup, teardown);
    tcase_add_test(writing, a_full_disk);
    tcase_add_test(writing, a_signal_leaves_nothing);
    tcase_add_test(writing, mistakes);
    int status = run_suite(suite);
    free(output);
    return status;
}
