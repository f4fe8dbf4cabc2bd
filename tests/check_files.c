/* safetensors files, atomic replacement, the checkpoints' folder: whole files or clear errors. */
#include "files_test.h"

#include <math.h>

#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/safetensors.h"

/* ---- round trip ---- */

static const float floats[6] = {0, -1.5f, 3e-39f, INFINITY, 1e30f, 0.1f};
static const double doubles[2] = {0.1, -2e300};
static const int32_t words[3] = {-1, 2147483647, 7};
static const int64_t longs[1] = {-5000000000};
static const uint8_t bytes[5] = {0, 1, 127, 128, 255};

static void declare(gcl_writer *writer, const char *name, gcl_file_dtype dtype, int64_t a,
                    int64_t b)
{
    gcl_writer_declare(writer, name, dtype, (const int64_t[]){a, b}, b > 0 ? 2 : 1);
}

static void write_usual(const char *path)
{
    gcl_writer *writer = gcl_writer_new();
    gcl_writer_meta(writer, "step", "500");
    gcl_writer_meta(writer, "quoted", "{\"a\": \"\xc3\xa4\\n\"}");
    declare(writer, "G.weight", GCL_FILE_F32, 2, 3);
    declare(writer, "odd", GCL_FILE_U8, 5, 0);
    declare(writer, "d", GCL_FILE_F64, 2, 0);
    gcl_writer_declare(writer, "empty", GCL_FILE_F32, (const int64_t[]){0}, 1);
    gcl_writer_declare(writer, "scalar", GCL_FILE_I64, NULL, 0);
    declare(writer, "i", GCL_FILE_I32, 3, 0);
    ck_ok(gcl_writer_begin(writer, path, &err));
    ck_ok(gcl_writer_data(writer, floats, sizeof floats, &err));
    ck_ok(gcl_writer_data(writer, bytes, sizeof bytes, &err));
    ck_ok(gcl_writer_data(writer, doubles, sizeof doubles, &err));
    ck_ok(gcl_writer_data(writer, longs, sizeof longs, &err));
    ck_ok(gcl_writer_data(writer, words, sizeof words, &err));
    ck_ok(gcl_writer_commit(writer, &err));
}

START_TEST(what_is_written_is_read)
{
    const char *path = in_scratch("usual.safetensors");
    write_usual(path);
    gcl_safetensors *file = gcl_safetensors_open(path, &err);
    ck_have(file);
    ck_assert_int_eq(gcl_safetensors_count(file), 6);
    ck_assert_str_eq(gcl_safetensors_meta(file, "step"), "500");
    ck_assert_str_eq(gcl_safetensors_meta(file, "quoted"), "{\"a\": \"\xc3\xa4\\n\"}");
    ck_assert_ptr_null(gcl_safetensors_meta(file, "none"));
    ck_assert_ptr_null(gcl_safetensors_find(file, "none"));
    ck_assert_ptr_null(gcl_safetensors_find(file, "__metadata__"));

    const gcl_entry *entry = gcl_safetensors_find(file, "G.weight");
    ck_assert(entry->dtype == GCL_FILE_F32 && entry->n_dims == 2 && entry->count == 6);
    ck_assert_str_eq(gcl_dims_text(entry->dims, entry->n_dims), "[2,3]");
    ck_assert(entry->bytes == sizeof floats && memcmp(entry->data, floats, sizeof floats) == 0);
    ck_assert_int_eq(gcl_safetensors_find(file, "scalar")->count, 1);
    ck_assert_int_eq(gcl_safetensors_find(file, "empty")->count, 0);

    float values[6];
    gcl_entry_floats(entry, values);
    ck_assert(memcmp(values, floats, sizeof floats) == 0);
    gcl_entry_floats(gcl_safetensors_find(file, "d"), values);
    ck_assert(values[0] == 0.1f && isinf(values[1]));
    gcl_entry_floats(gcl_safetensors_find(file, "i"), values);
    ck_assert(values[0] == -1 && values[1] == 2147483648.0f && values[2] == 7);
    gcl_entry_floats(gcl_safetensors_find(file, "scalar"), values);
    ck_assert(values[0] == -5e9f);
    gcl_entry_floats(gcl_safetensors_find(file, "odd"), values);
    ck_assert(values[3] == 128 && values[4] == 255);
    gcl_safetensors_close(file);
}
END_TEST

/* Other readers map the file, so its first tensor must lie on a multiple of 8. */
START_TEST(data_begins_aligned_and_equal_content_is_equal_bytes)
{
    size_t n;
    write_usual(in_scratch("a.safetensors"));
    write_usual(in_scratch("b.safetensors"));
    ck_assert(same_files(in_scratch("a.safetensors"), in_scratch("b.safetensors")));
    char *text = get_file(in_scratch("a.safetensors"), &n);
    ck_assert_int_eq((unsigned char)text[0] % 8, 0);
    ck_assert(strncmp(text + 8, "{\"__metadata__\":{", 17) == 0);
    free(text);
}
END_TEST

/* ---- damaged files ---- */

typedef struct damage {
    const char *header, *data, *says;
    int64_t length; /* of the header; 0: as it is */
} damage;

#define F32(name, shape, from, to)                                                                 \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static const damage damages[] = {
    {"{}", "", "is truncated", 1000},
    {"xx", "", "is not a safetensors file", INT64_C(1) << 60},
    {"{}", "", "is not a safetensors file", -1},
    {"{\"a\":", "", "not valid JSON", 0},
    {"[1]", "", "not a JSON object", 0},
    {"{" F32("a", "[1]", "0", "4") "," F32("a", "[1]", "0", "4") "}", "1234", "duplicate", 0},
    {"{\"a\":3}", "", "a: is not described by a JSON object", 0},
    {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", "1234", "element type F16",
     0},
    {"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,4]}}", "1234", "element type", 0},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "1234", "element type", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "1234", "shape is not a list", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "1234", "data_offsets is not a pair", 0},
    {"{" F32("a", "[-1]", "0", "4") "}", "1234", "size 0 of its shape", 0},
    {"{" F32("a", "[1.5]", "0", "4") "}", "1234", "size 0 of its shape", 0},
    {"{" F32("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", "1234", "at most 8 sizes", 0},
    {"{" F32("a", "[4294967296,4294967296,16]", "0", "4") "}", "1234", "too many elements", 0},
    {"{" F32("a", "[1]", "4", "0") "}", "1234", "run backwards", 0},
    {"{" F32("a", "[1]", "-4", "0") "}", "1234", "run backwards", 0},
    {"{" F32("a", "[1]", "0", "4.5") "}", "1234", "not a pair of numbers", 0},
    {"{" F32("a", "[2]", "0", "8") "}", "1234", "is truncated: a ends at byte 8", 0},
    {"{" F32("a", "[2]", "0", "4") "}", "1234", "has 4 bytes, but F32 [2] needs 8", 0},
    {"{" F32("a", "[2]", "0", "8") "," F32("b", "[1]", "4", "8") "}", "12345678", "overlaps", 0},
    {"{" F32("a", "[1]", "0", "4") "," F32("b", "[1]", "0", "4") "}", "1234", "overlaps", 0},
    {"{" F32("a", "[1]", "0", "4") "," F32("b", "[1]", "8", "12") "}", "123456789012",
     "4 bytes before b belong to no tensor", 0},
    {"{" F32("a", "[1]", "0", "4") "}", "12345", "1 bytes at its end belong to no tensor", 0},
    {"{\"__metadata__\":[]}", "", "__metadata__ is not a JSON object", 0},
    {"{\"__metadata__\":{\"step\":500}}", "", "step is not a string", 0},
};

static void put_raw(const char *path, const damage *d)
{
    gcl_text text = {0};
    int64_t length = d->length != 0 ? d->length : (int64_t)strlen(d->header);
    for (int i = 0; i < 8; i++)
        gcl_text_add_bytes(&text, (const char[]){(char)((uint64_t)length >> (8 * i))}, 1);
    gcl_text_add(&text, "%s%s", d->header, d->data);
    put_file(path, text.text, text.length);
    gcl_text_free(&text);
}

START_TEST(damaged_files_are_refused)
{
    const char *path = in_scratch("damaged.safetensors");
    put_raw(path, &damages[_i]);
    ck_refused(gcl_safetensors_open(path, &err), GCL_DATA, damages[_i].says);
    ck_assert_msg(strstr(err.text, "damaged.safetensors: ") != NULL, "%s", err.text);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    put_file(in_scratch("none.safetensors"), "", 0);
    ck_refused(gcl_safetensors_open(in_scratch("none.safetensors"), &err), GCL_DATA, "too few");
    start_test();
    ck_refused(gcl_safetensors_open(in_scratch("missing"), &err), GCL_DATA, "cannot be opened");
    start_test();
    ck_refused(gcl_safetensors_open(scratch, &err), GCL_DATA, "is not a file");
}
END_TEST

/* Every cut of a good file is refused, and no changed byte of the header is fatal. */
START_TEST(cut_or_changed_files_do_no_harm)
{
    size_t n;
    const char *path = in_scratch("cut.safetensors");
    write_usual(in_scratch("whole.safetensors"));
    char *text = get_file(in_scratch("whole.safetensors"), &n);
    for (size_t length = 0; length < n; length++) {
        put_file(path, text, length);
        start_test();
        ck_refused(gcl_safetensors_open(path, &err), GCL_DATA, "cut.safetensors: ");
    }
    for (size_t i = 0; i < n - 100; i++) {
        char kept = text[i];
        text[i] = (char)(kept ^ (1 << (i % 8)));
        put_file(path, text, n);
        start_test();
        gcl_safetensors *file = gcl_safetensors_open(path, &err);
        ck_assert_msg(file != NULL || err.code == GCL_DATA, "byte %zu: %d %s", i, err.code,
                      err.text);
        gcl_safetensors_close(file);
        text[i] = kept;
    }
    free(text);
}
END_TEST

/* ---- writing that fails ---- */

/* In a folder of its own, so that a file left behind is seen. */
static const char *empty_folder(const char *name)
{
    const char *folder = in_scratch(name);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    return folder;
}

START_TEST(unfinished_files_leave_the_old_one)
{
    char path[300];
    const char *folder = empty_folder("unfinished");
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    put_file(path, "old", 3);
    gcl_writer *writer = gcl_writer_new();
    declare(writer, "a", GCL_FILE_F32, 2, 3);
    ck_ok(gcl_writer_begin(writer, path, &err));
    ck_ok(gcl_writer_data(writer, floats, 8, &err));
    ck_refused(gcl_writer_commit(writer, &err) == 0, GCL_FAILED, "8 bytes of data were given");
    size_t n;
    start_test();
    char *text = get_file(path, &n);
    ck_assert_str_eq(text, "old");
    ck_assert_int_eq(files_in(folder), 1);
    free(text);
}
END_TEST

START_TEST(a_name_twice_is_refused)
{
    gcl_writer *writer = gcl_writer_new();
    declare(writer, "a", GCL_FILE_F32, 1, 0);
    declare(writer, "a", GCL_FILE_F32, 1, 0);
    ck_refused(gcl_writer_begin(writer, in_scratch("twice"), &err) == 0, GCL_FAILED,
               "a would be in");
    gcl_writer_abandon(writer);
    ck_assert(!exists(in_scratch("twice")));
}
END_TEST

/* The temporary's name is a link to the device that is always full. */
static void make_full(const char *path)
{
    char temporary[400];
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    ck_assert_int_eq(symlink("/dev/full", temporary), 0);
}

START_TEST(a_full_disk_is_said_and_leaves_nothing)
{
    char path[300];
    const char *folder = empty_folder("full");
    snprintf(path, sizeof path, "%s/x", folder);
    make_full(path);
    gcl_atomic *file = gcl_atomic_begin(path, &err);
    ck_have(file);
    char *block = gcl_alloc(3 << 20);
    int failed = gcl_atomic_write(file, block, 3 << 20, &err) != 0;
    failed = gcl_atomic_commit(file, &err) != 0 || failed;
    free(block);
    ck_refused(!failed, GCL_DISK, "No space left on device");
    ck_assert_int_eq(files_in(folder), 0);

    start_test();
    make_full(path); /* a small file fails when it is synced or closed */
    file = gcl_atomic_begin(path, &err);
    ck_have(file);
    ck_ok(gcl_atomic_write(file, "abc", 3, &err));
    ck_refused(gcl_atomic_commit(file, &err) == 0, GCL_DISK, "free space or choose another folder");
    ck_assert_int_eq(files_in(folder), 0);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_said)
{
    ck_refused(gcl_atomic_begin(in_scratch("no/such/file"), &err), GCL_DISK,
               "no/such/file: cannot");
    start_test();
    put_file(in_scratch("plain"), "x", 1);
    ck_refused(gcl_folder_make(in_scratch("plain/inner"), &err) == 0, GCL_DISK, "--out");
    start_test();
    ck_ok(gcl_folder_make(in_scratch("one/two/three"), &err));
    ck_ok(gcl_folder_make(in_scratch("one/two/three"), &err));
    ck_assert_int_eq(gcl_path_kind(in_scratch("one/two/three")), 2);
}
END_TEST

START_TEST(leftovers_of_dead_processes_are_swept)
{
    char path[300];
    const char *folder = empty_folder("leftovers");
    /* Process 1 lives; none has a number that large. */
    const char *const names[] = {"a.png.1.tmp", "a.png.999999999.tmp", "b.999999999.tmp", "c.tmp",
                                 "latest"};
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        put_file(path, "x", 1);
    }
    gcl_atomic_sweep(folder);
    ck_assert_int_eq(files_in(folder), 3);
    snprintf(path, sizeof path, "%s/a.png.1.tmp", folder);
    ck_assert(exists(path));
}
END_TEST

/* ---- the folder of checkpoints ---- */

static void put_step(const char *folder, int64_t step)
{
    char *path = gcl_checkpoint_path(folder, step);
    put_file(path, "x", 1);
    free(path);
}

static int has_step(const char *folder, int64_t step)
{
    char *path = gcl_checkpoint_path(folder, step);
    int there = exists(path);
    free(path);
    return there;
}

START_TEST(old_checkpoints_are_thinned_by_doubling)
{
    const char *folder = empty_folder("thinned");
    for (int64_t step = 100; step <= 2000; step += 100) {
        put_step(folder, step);
        ck_ok(gcl_checkpoint_publish(folder, step, 3, &err));
    }
    static const int kept[] = {100, 200, 400, 800, 1600, 1800, 1900, 2000};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        ck_assert_msg(has_step(folder, kept[i]), "step %d", kept[i]);
    ck_assert_int_eq(files_in(folder), (int)(sizeof kept / sizeof *kept) + 1);

    for (int64_t step = 2100; step <= 2500; step += 100) {
        put_step(folder, step);
        ck_ok(gcl_checkpoint_publish(folder, step, 0, &err)); /* 0: all stay */
    }
    ck_assert_int_eq(files_in(folder), (int)(sizeof kept / sizeof *kept) + 6);
}
END_TEST

START_TEST(latest_names_the_newest)
{
    const char *folder = empty_folder("latest");
    ck_assert_ptr_null(gcl_checkpoint_latest(folder, &err));
    ck_assert_int_eq(err.code, 0);
    put_step(folder, 500);
    put_step(folder, 12345678);
    char *path = gcl_checkpoint_latest(folder, &err); /* without `latest`: by number */
    ck_have(path);
    ck_assert_msg(strstr(path, "/step-12345678.safetensors") != NULL, "%s", path);
    free(path);
    ck_ok(gcl_checkpoint_publish(folder, 500, 0, &err));
    path = gcl_checkpoint_latest(folder, &err);
    ck_assert_msg(strstr(path, "/step-0000500.safetensors") != NULL, "%s", path);
    free(path);
    gcl_checkpoint_forget_after(folder, 500);
    ck_assert(!has_step(folder, 12345678) && has_step(folder, 500));
}
END_TEST

START_TEST(what_is_no_checkpoint_is_refused)
{
    gcl_checkpoint_facts facts;
    write_usual(in_scratch("weights.safetensors"));
    gcl_safetensors *file = gcl_safetensors_open(in_scratch("weights.safetensors"), &err);
    ck_have(file);
    ck_refused(gcl_checkpoint_read_facts(file, &facts, &err) == 0, GCL_DATA,
               "is not a checkpoint of ganocl");
    gcl_safetensors_close(file);
}
END_TEST

static const struct {
    const char *key, *value, *says;
} wrong_facts[] = {
    {"format", "ganocl checkpoint 9", "is a 'ganocl checkpoint 9'"},
    {"step", "12x", "__metadata__ step is 12x"},
    {"images", "-3", "__metadata__ images is -3"},
    {"batch", NULL, "__metadata__ batch is missing"},
    {"model", NULL, "__metadata__ model is missing"},
    {"seed", NULL, "__metadata__ seed is missing"},
};

START_TEST(wrong_facts_are_refused)
{
    static const char *const usual[][2] = {
        {"format", "ganocl checkpoint 1"}, {"step", "1"}, {"images", "2"},   {"batch", "2"},
        {"model", "dcgan:tiny"},           {"seed", "0"}, {"settings", "{}"}};
    const char *path = in_scratch("facts.safetensors");
    gcl_writer *writer = gcl_writer_new();
    gcl_checkpoint_facts facts;
    for (int i = 0; i < 7; i++)
        if (strcmp(usual[i][0], wrong_facts[_i].key) != 0)
            gcl_writer_meta(writer, usual[i][0], usual[i][1]);
    if (wrong_facts[_i].value != NULL)
        gcl_writer_meta(writer, wrong_facts[_i].key, wrong_facts[_i].value);
    ck_ok(gcl_writer_begin(writer, path, &err));
    ck_ok(gcl_writer_commit(writer, &err));
    gcl_safetensors *file = gcl_safetensors_open(path, &err);
    ck_have(file);
    ck_refused(gcl_checkpoint_read_facts(file, &facts, &err) == 0, GCL_DATA, wrong_facts[_i].says);
    gcl_safetensors_close(file);
}
END_TEST


int main(void)
{
    make_scratch("files");
    TCase *tests = tcase_create("files");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, data_begins_aligned_and_equal_content_is_equal_bytes);
    tcase_add_loop_test(tests, damaged_files_are_refused, 0, COUNT(damages));
    tcase_add_test(tests, what_is_no_file_is_refused);
    tcase_add_test(tests, cut_or_changed_files_do_no_harm);
    tcase_add_test(tests, unfinished_files_leave_the_old_one);
    tcase_add_test(tests, a_name_twice_is_refused);
    tcase_add_test(tests, a_full_disk_is_said_and_leaves_nothing);
    tcase_add_test(tests, a_folder_that_is_not_there_is_said);
    tcase_add_test(tests, leftovers_of_dead_processes_are_swept);
    tcase_add_test(tests, old_checkpoints_are_thinned_by_doubling);
    tcase_add_test(tests, latest_names_the_newest);
    tcase_add_test(tests, what_is_no_checkpoint_is_refused);
    tcase_add_loop_test(tests, wrong_facts_are_refused, 0, COUNT(wrong_facts));
    return run_in_scratch("files", tests, NULL);
}
