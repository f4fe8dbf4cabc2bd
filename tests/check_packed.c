/* Packed data sets that are damaged: every changed byte is found, and nothing is read beyond the file. */
#include "convert_test.h"

#include "base/sha256.h"
#include "datasets/packed.h"
#include "io/file.h"

static uint8_t *pack;
static size_t pack_bytes;

static void make_pack(void)
{
    write_texture("in/x/1.png", 20, 20, 1);
    write_texture("in/y/2.png", 20, 20, 2);
    convert("in", "p", "--size 16");
    pack = NULL;
    ck_assert_int_eq(gcl_file_read(in_folder("p.pack"), 1 << 20, &pack, &pack_bytes, &err), 0);
}

/* Opens and reads everything; what was refused is data, in one line. */
static bool is_refused(const uint8_t *bytes, size_t n)
{
    gcl_error reason = {0};
    gcl_dataset_options options = want(GCL_WANT_LABELLED);
    options.format = "packed";
    write_bytes(in_folder("q.pack"), bytes, n);
    gcl_dataset_close(dataset);
    dataset = gcl_dataset_open(in_folder("q.pack"), &options, &reason);
    bool refused = dataset == NULL;
    for (size_t i = 0; !refused && i < gcl_dataset_count(dataset); i++)
        refused = read_item(i, &reason) != 0;
    ck_assert_int_eq(refused ? GCL_DATA : 0, reason.code);
    ck_assert_ptr_null(strchr(reason.text, '\n'));
    return refused;
}

START_TEST(cut_short)
{
    make_pack();
    ck_assert(!is_refused(pack, pack_bytes));
    for (size_t n = 0; n < pack_bytes; n++)
        ck_assert(is_refused(pack, n));
    write_bytes(in_folder("q.pack"), pack, pack_bytes - 1);
    assert_refused(in_folder("q.pack"), want(GCL_WANT_PICTURES), GCL_DATA, "is cut short~copy it");
    char line[300];
    snprintf(line, sizeof line, "check %s 2>&1", in_folder("q.pack"));
    ck_assert_int_eq(run(line), GCL_DATA);
    assert_said("is cut short");
    free(pack);
}
END_TEST

/* Every changed byte is found, but for the gaps of zeros between the parts. */
START_TEST(changed_bytes)
{
    size_t n_unnoticed = 0;
    make_pack();
    for (size_t i = 0; i < pack_bytes; i++) {
        uint8_t was = pack[i];
        pack[i] ^= 0x10;
        if (!is_refused(pack, pack_bytes)) {
            n_unnoticed++;
            ck_assert_int_eq(was, 0);
        }
        pack[i] = was;
    }
    ck_assert_uint_lt(n_unnoticed, 5 * GCL_PACKED_ALIGN);
    pack[64 + 100] ^= 1; /* in the first picture */
    write_bytes(in_folder("q.pack"), pack, pack_bytes);
    open_as(in_folder("q.pack"), want(GCL_WANT_PICTURES));
    assert_item_refused(0, "x/1.png: is damaged in the packed file");
    get(1);
    free(pack);
}
END_TEST

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static size_t index_at(void)
{
    const uint8_t *footer = pack + pack_bytes - 64;
    return (size_t)(footer[0] | footer[1] << 8 | footer[2] << 16);
}

static void renew_checksum(void)
{
    uint8_t *footer = pack + pack_bytes - 64;
    size_t at = index_at(), n = (size_t)(footer[8] | footer[9] << 8);
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, pack, 64);
    gcl_sha256_add(&sum, pack + at, n);
    gcl_sha256_end(&sum, footer + 16);
}

/* With the right checksum, what cannot be is refused all the same, and nothing is read beyond the file. */
START_TEST(numbers_that_cannot_be)
{
    static const struct {
        int at, bytes; /* in the first record, which lies behind the head of 64 bytes */
        uint64_t value;
    } wrong[] = {{0, 8, 0},           {0, 8, 1 << 30},     {0, 8, UINT64_MAX - 63},
                 {8, 8, 64},          {16, 4, 0xFFFFFFFF}, {16, 4, 1},
                 {24, 4, 0xFFFFFFF0}, {28, 4, 2},          {28, 4, 0xFFFFFFFE},
                 {32, 4, 0},          {32, 4, 0xFFFFFFFF}, {36, 4, 1 << 28},
                 {56, 1, 2},          {56, 1, 3},          {58, 1, 2},
                 {-64, 8, 3},         {-64, 8, 0},         {-64, 8, 1ull << 58},
                 {-56, 8, 1},         {-48, 4, 0xFFFFFFF0}};
    make_pack();
    size_t record = index_at() + 64;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t before[8], *at = pack + (record + (size_t)(int64_t)wrong[i].at);
        memcpy(before, at, 8);
        put(at, wrong[i].value, wrong[i].bytes);
        renew_checksum();
        ck_assert_msg(is_refused(pack, pack_bytes), "number %zu", i);
        memcpy(at, before, 8);
    }
    renew_checksum();
    ck_assert(!is_refused(pack, pack_bytes));
    put(pack + 8, 2, 4);
    renew_checksum();
    write_bytes(in_folder("q.pack"), pack, pack_bytes);
    assert_refused(in_folder("q.pack"), want(GCL_WANT_PICTURES), GCL_DATA,
                   "of version 2~reads version 1~convert the pictures again");
    free(pack);
}
END_TEST

START_TEST(foreign_files)
{
    gcl_dataset_options options = want(GCL_WANT_PICTURES);
    options.format = "packed";
    write_texture("a.png", 20, 20, 0);
    assert_refused(in_folder("a.png"), options, GCL_DATA, "is not a packed data set");
    assert_refused(folder, options, GCL_DATA, "it is not a file");
    assert_refused(in_folder("none"), options, GCL_DATA, "No such file");
    write_bytes(in_folder("empty"), "", 0);
    assert_refused(in_folder("empty"), options, GCL_DATA, "is not a packed data set");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packed");
    TCase *damaged = add_case(suite, "damaged", setup, teardown);
    tcase_add_test(damaged, cut_short);
    tcase_add_test(damaged, changed_bytes);
    tcase_add_test(damaged, numbers_that_cannot_be);
    tcase_add_test(damaged, foreign_files);
    int status = run_suite(suite);
    free(output);
    return status;
}
