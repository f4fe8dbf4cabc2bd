/* The table of drivers' faults: its rows are whole, they change limits as they say, and the device in use
 * has no such fault that is not in it. */
#include "device/quirks.h"
#include "io/file.h"
#include "one_device_test.h"
#include "ops/tile.h"

/* ---- the table -------------------------------------------------------------------------------------- */

/* "check_x:name" is a test in tests/check_x.c. */
static int is_test(const char *test)
{
    gcl_text path = {0}, name = {0};
    gcl_error err = {0};
    uint8_t *text = NULL;
    size_t n = 0;
    const char *source = getenv("srcdir"), *colon = strchr(test, ':');
    if (colon == NULL)
        return 0;
    gcl_text_add(&path, "%s/tests/%.*s.c", source != NULL ? source : ".", (int)(colon - test),
                 test);
    gcl_text_add(&name, "START_TEST(%s)", colon + 1);
    ck_ok(gcl_file_read(path.text, 1 << 20, &text, &n, &err));
    text[n] = 0;
    int is = strstr((const char *)text, name.text) != NULL;
    free(text);
    gcl_text_free(&path);
    gcl_text_free(&name);
    return is;
}

START_TEST(rows_say_what_and_where_it_is_shown)
{
    for (const gcl_quirk *q = gcl_quirks; q->name != NULL; q++) {
        ck_assert_msg(q->what != NULL && q->test != NULL && is_test(q->test), "%s", q->name);
        ck_assert(q->platform != NULL || q->device != NULL || q->address_bits != 0);
        ck_assert(q->fault != 0 || q->max_turns != 0 || q->max_alloc_bytes != 0);
        for (const gcl_quirk *other = q + 1; other->name != NULL; other++)
            ck_assert_str_ne(other->name, q->name);
    }
}
END_TEST

START_TEST(a_device_of_32_bits_is_kept_small)
{
    gcl_limits narrow = {.address_bits = 32, .max_alloc_bytes = 3u << 30};
    gcl_limits wide = {.address_bits = 64, .max_alloc_bytes = 3u << 30};
    gcl_limits small = {.address_bits = 32, .max_alloc_bytes = 1 << 20};
    gcl_quirks_apply(&narrow);
    gcl_quirks_apply(&wide);
    gcl_quirks_apply(&small);
    ck_assert_uint_eq(narrow.max_alloc_bytes, INT32_MAX);
    ck_assert_uint_eq(wide.max_alloc_bytes, 3u << 30);
    ck_assert_uint_eq(small.max_alloc_bytes, 1 << 20); /* nothing is ever widened */
}
END_TEST

START_TEST(names_are_matched_by_part)
{
    gcl_limits mesa = {.platform = "rusticl", .name = "llvmpipe (LLVM 15.0.6, 256 bits)"};
    gcl_limits other = {.platform = "Some platform", .name = "A device"};
    gcl_quirks_apply(&mesa);
    gcl_quirks_apply(&other);
    ck_assert_uint_eq(mesa.max_turns, 65535);
    ck_assert_uint_eq(mesa.faults, GCL_FAULT_JUNK_BINARIES);
    ck_assert_uint_eq(other.max_turns, 0);
    ck_assert_uint_eq(other.faults, 0);
}
END_TEST

/* A sum of a million terms goes to many work-items where each can only make so many turns. */
START_TEST(long_sums_are_split_where_loops_are_short)
{
    enum { BK = 2, SPLIT = 6 };
    gcl_limits limits = {.compute_units = 1,
                         .max_work_group = 256,
                         .max_items = {256, 256, 256},
                         .local_bytes = 32768};
    gcl_tile_job job = {.m = 256,
                        .n = 256,
                        .k = 1000000,
                        .phases = 1,
                        .a_vector = 1,
                        .b_vector = 1,
                        .out_vector = 1};
    int values[GCL_TILE_PARAMS];
    gcl_tile_defaults(&job, &limits, values);
    ck_assert_int_eq(values[SPLIT], 1);
    limits.max_turns = 65535;
    gcl_tile_defaults(&job, &limits, values);
    ck_assert(job.k / values[SPLIT] / values[BK] <= 65535 / 4);
}
END_TEST

/* ---- the device in use ------------------------------------------------------------------------------ */

static const char turns_source[] = "__kernel void turns(__global uint *out, uint n)\n"
                                   "{\n"
                                   "    uint x = (uint)get_global_id(0);\n"
                                   "    for (uint i = 0; i < n; i++)\n"
                                   "        x = (x ^ i) * 1664525u + 1013904223u;\n"
                                   "    out[get_global_id(0)] = x;\n"
                                   "}\n";

/* How many of 8 work-items end as n turns do. */
static int turn(uint32_t n)
{
    gcl_error err = {0};
    uint32_t got[8];
    int right = 0;
    gcl_program *program = gcl_program_get(dev, "turns", turns_source, "", &err);
    ck_have(program);
    gcl_kernel *kernel = gcl_kernel_new(program, "turns", &err);
    gcl_buffer *out = gcl_buffer_new(dev, sizeof got, "out", &err);
    ck_ok(gcl_kernel_set_buffer(kernel, 0, out, &err));
    ck_ok(gcl_kernel_set_int(kernel, 1, (int32_t)n, &err));
    ck_ok(gcl_kernel_launch(kernel, (const size_t[3]){8, 1, 1}, (const size_t[3]){1, 1, 1}, &err));
    ck_ok(gcl_buffer_read(out, 0, got, sizeof got, &err));
    for (uint32_t item = 0; item < 8; item++) {
        uint32_t x = item;
        for (uint32_t i = 0; i < n; i++)
            x = (x ^ i) * 1664525u + 1013904223u;
        right += got[item] == x;
    }
    gcl_buffer_free(out);
    gcl_kernel_free(kernel);
    return right;
}

START_TEST(loops_turn_as_often_as_they_should)
{
    uint64_t most = gcl_device_limits(dev)->max_turns;
    ck_assert_int_eq(turn(most > 0 ? (uint32_t)most - 1 : 60000), 8);
    int right = turn(200000);
    if (most == 0 || most >= 200000)
        ck_assert_int_eq(right, 8);
    else if (right == 8)
        printf(
            "%s, driver %s: loops are as long as they should be; host/device/quirks.c says else\n",
            gcl_device_limits(dev)->name, gcl_device_limits(dev)->driver);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quirks");
    TCase *table = tcase_create("table");
    tcase_add_test(table, rows_say_what_and_where_it_is_shown);
    tcase_add_test(table, a_device_of_32_bits_is_kept_small);
    tcase_add_test(table, names_are_matched_by_part);
    tcase_add_test(table, long_sums_are_split_where_loops_are_short);
    suite_add_tcase(suite, table);
    TCase *device = tcase_create("device");
    tcase_add_unchecked_fixture(device, open_device, close_device);
    tcase_add_test(device, loops_turn_as_often_as_they_should);
    suite_add_tcase(suite, device);
    return run_suite(suite);
}
