/* The device layer on a real device: choosing, buffers, kernels, events, profile, Philox. */
#include "device_test.h"

#include <fcntl.h>
#include <time.h>

#include "base/philox.h"

/* Random123's known answers for philox4x32-10: counter words, key words, result words. */
static const uint32_t known[3][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
     0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
     0x5001e420, 0x24126ea1}};

START_TEST(philox_known_answers)
{
    for (int i = 0; i < 3; i++) {
        const uint32_t *k = known[i];
        uint64_t index = (uint64_t)k[1] << 32 | k[0], seed = (uint64_t)k[5] << 32 | k[4];
        ck_assert_uint_eq(gcl_philox_bits(seed, k[3], k[2], index), k[6]);
        ck_assert_double_eq(gcl_philox_uniform(seed, k[3], k[2], index), (k[6] >> 8) * 0x1p-24);
        ck_assert_uint_eq(gcl_philox_below(seed, k[3], k[2], index, 1000),
                          (uint32_t)((uint64_t)k[6] * 1000 >> 32));
    }
}
END_TEST

/* --- Choosing ----------------------------------------------------------------------------------- */

static const gcl_limits shelf[4] = {{.platform = "Slow Things",
                                     .name = "old CPU",
                                     .is_cpu = 1,
                                     .opencl_c = 120,
                                     .compute_units = 64,
                                     .clock_mhz = 5000},
                                    {.platform = "Graphics",
                                     .name = "Card S",
                                     .is_gpu = 1,
                                     .opencl_c = 300,
                                     .compute_units = 8,
                                     .clock_mhz = 1000},
                                    {.platform = "Graphics",
                                     .name = "Card L",
                                     .is_gpu = 1,
                                     .opencl_c = 120,
                                     .compute_units = 32,
                                     .clock_mhz = 900},
                                    {.platform = "Graphics",
                                     .name = "Card too old",
                                     .is_gpu = 1,
                                     .opencl_c = 110,
                                     .compute_units = 99,
                                     .clock_mhz = 9999}};

START_TEST(choose_by_number_name_and_speed)
{
    static const struct {
        const char *which;
        int index;
    } cases[] = {{"1", 0},    {"2", 1},      {"4", 3},      {"auto", 2},    {"0", 2},
                 {NULL, 2},   {"", 2},       {"CARD s", 1}, {"old cpu", 0}, {"slow", 0},
                 {"card", 2}, {"graphi", 2}, {"too old", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(gcl_device_choose(shelf, 4, cases[i].which, &err), cases[i].index);
    ck_assert_int_eq(gcl_device_choose(shelf, 1, "auto", &err), 0);
    ck_assert_int_eq(err.code, 0);
}
END_TEST

START_TEST(choose_what_is_not_there)
{
    static const char *const wrong[] = {"99",       "5", "00000", "99999999999999999999",
                                        "Nonesuch", "-1"};
    char path[96];
    snprintf(path, sizeof path, "%s/stderr", scratch);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char said[2000] = "";
        err = (gcl_error){0};
        fflush(stderr);
        int kept = dup(STDERR_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        dup2(file, STDERR_FILENO);
        int index = gcl_device_choose(shelf, 4, wrong[i], &err);
        fflush(stderr);
        dup2(kept, STDERR_FILENO);
        close(kept);
        ck_assert_int_eq(index, -1);
        ck_assert_int_eq(err.code, GCL_DEVICE);
        ck_says(wrong[i]);
        ck_assert_int_ge(pread(file, said, sizeof said - 1, 0), 1);
        ck_assert_ptr_nonnull(strstr(said, " 3  Graphics: Card L, GPU, 32 units"));
        close(file);
    }
    err = (gcl_error){0};
    ck_assert_int_eq(gcl_device_choose(NULL, 0, "1", &err), -1);
    ck_assert_int_eq(err.code, GCL_DEVICE);
}
END_TEST

START_TEST(list_has_sane_limits)
{
    gcl_limits *list;
    int n;
    ck_ok(gcl_device_list(&list, &n, &err));
    ck_assert_int_ge(n, 1);
    for (int i = 0; i < n; i++) {
        const gcl_limits *l = &list[i];
        ck_assert(l->platform[0] != 0 && l->name[0] != 0 && l->driver[0] != 0);
        ck_assert_uint_ge(l->compute_units, 1);
        ck_assert_uint_ge(l->float_width, 1);
        ck_assert_uint_ge(l->max_work_group, 1);
        ck_assert_uint_ge(l->max_items[0], 1);
        ck_assert_uint_gt(l->local_bytes, 0);
        ck_assert_uint_gt(l->max_alloc_bytes, 0);
        ck_assert_uint_ge(l->memory_bytes, l->max_alloc_bytes);
        ck_assert_int_ge(l->opencl_c, 100);
    }
    free(list);
}
END_TEST

START_TEST(open_gives_the_chosen_one)
{
    gcl_limits *list;
    int n;
    ck_ok(gcl_device_list(&list, &n, &err));
    int number = gcl_device_number(dev);
    ck_assert(number >= 1 && number <= n);
    ck_assert_int_eq(memcmp(gcl_device_limits(dev), &list[number - 1], sizeof *list), 0);
    free(list);
    ck_assert_ptr_null(gcl_device_open("99", 0, &err));
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("99");
}
END_TEST

START_TEST(no_driver_installed)
{
    if (gcl_device_limits(dev)->faults & GCL_FAULT_NO_LOADER)
        return; /* there is always its device */
    setenv("OCL_ICD_VENDORS", scratch, 1);
    pid_t child = start_self("child-without-driver");
    unsetenv("OCL_ICD_VENDORS");
    ck_assert_int_eq(exit_status(child), 0);
}
END_TEST

/* --- Buffers ------------------------------------------------------------------------------------ */

START_TEST(buffer_transfers)
{
    uint8_t data[256], got[256];
    uint64_t before = gcl_device_bytes(dev);
    gcl_buffer *a = gcl_buffer_new(dev, 256, "a", &err), *b = gcl_buffer_new(dev, 64, "b", &err);
    ck_have(b);
    ck_assert_uint_eq(gcl_buffer_bytes(a), 256);
    ck_assert_uint_eq(gcl_device_bytes(dev) - before, 320);
    ck_ok(gcl_buffer_read(a, 0, got, 256, &err));
    for (int i = 0; i < 256; i++) {
        ck_assert_uint_eq(got[i], 0);
        data[i] = (uint8_t)(i + 1);
    }
    ck_ok(gcl_buffer_write(a, 16, data, 100, &err));
    ck_ok(gcl_buffer_fill(b, 8, 16, 0xddccbbaa, &err));
    ck_ok(gcl_buffer_copy(a, 200, b, 4, 20, &err));
    ck_ok(gcl_buffer_read(a, 0, got, 256, &err));
    for (int i = 0; i < 256; i++) {
        int written = i >= 16 && i < 116 ? i - 15 : 0;
        int filled = i >= 204 && i < 220 ? 0xaa + 0x11 * (i % 4) : written;
        ck_assert_uint_eq(got[i], (unsigned)filled);
    }
    ck_ok(gcl_buffer_read(a, 17, got, 3, &err));
    ck_assert_int_eq(memcmp(got, data + 1, 3), 0);
    ck_ok(gcl_buffer_write(a, 256, data, 0, &err));
    ck_ok(gcl_buffer_fill(a, 0, 0, 1, &err));
    gcl_buffer_free(a);
    gcl_buffer_free(b);
    gcl_buffer_free(NULL);
    ck_assert_uint_eq(gcl_device_bytes(dev), before);
}
END_TEST

START_TEST(buffer_of_odd_or_no_size)
{
    uint8_t got[7];
    gcl_buffer *odd = gcl_buffer_new(dev, 7, "odd", &err);
    gcl_buffer *none = gcl_buffer_new(dev, 0, "none", &err);
    ck_have(odd);
    ck_have(none);
    ck_ok(gcl_buffer_read(odd, 0, got, 7, &err));
    for (int i = 0; i < 7; i++)
        ck_assert_uint_eq(got[i], 0);
    ck_assert_uint_eq(gcl_buffer_bytes(none), 0);
    ck_ok(gcl_buffer_read(none, 0, got, 0, &err));
    gcl_buffer_free(odd);
    gcl_buffer_free(none);
}
END_TEST

START_TEST(buffer_range_is_checked)
{
    uint8_t data[8] = {0};
    gcl_buffer *buf = gcl_buffer_new(dev, 8, "small one", &err);
    ck_have(buf);
    ck_assert_int_eq(gcl_buffer_write(buf, 4, data, 5, &err), -1);
    ck_says("small one");
    ck_says("5 bytes at 4");
    ck_assert_int_eq(gcl_buffer_read(buf, UINT64_MAX, data, 2, &err), -1);
    ck_assert_int_eq(gcl_buffer_fill(buf, 8, 4, 0, &err), -1);
    ck_assert_int_eq(gcl_buffer_copy(buf, 0, buf, 6, 4, &err), -1);
    gcl_buffer_free(buf);
}
END_TEST

START_TEST(buffer_out_of_memory)
{
    const gcl_limits *l = gcl_device_limits(dev);
    const uint64_t sizes[] = {l->max_alloc_bytes + 1, l->memory_bytes + 1, UINT64_MAX / 2};
    for (int i = 0; i < 3; i++) {
        err = (gcl_error){0};
        ck_assert_ptr_null(gcl_buffer_new(dev, sizes[i], "activations", &err));
        ck_assert_int_eq(err.code, GCL_MEMORY);
        ck_says("activations");
        ck_says("wanted");
        ck_says("in use");
        ck_assert_uint_eq(gcl_device_bytes(dev), 0);
    }
    err = (gcl_error){0};
    ck_assert_int_eq(run_count(dev), 0); /* the device still works */
}
END_TEST

START_TEST(async_write_and_events)
{
    enum { n = 1 << 16 };
    uint8_t *data = gcl_alloc(n), *got = gcl_alloc(n);
    for (int i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7);
    gcl_buffer *buf = gcl_buffer_new(dev, n, "ring", &err);
    ck_have(buf);
    ck_ok(gcl_buffer_write_async(buf, 0, data, n, &err));
    gcl_event *mark = gcl_event_mark(dev, &err);
    ck_have(mark);
    int state;
    while ((state = gcl_event_done(mark)) == 0) /* it gets there without a wait or a flush */
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    ck_assert_int_eq(state, 1);
    ck_ok(gcl_event_wait(mark, &err));
    gcl_event_free(mark);
    gcl_event_free(NULL);
    memset(data, 0, n);
    ck_ok(gcl_buffer_read(buf, 0, got, n, &err));
    for (int i = 0; i < n; i++)
        ck_assert_uint_eq(got[i], (uint8_t)(i * 7));
    ck_ok(gcl_device_flush(dev, &err));
    ck_ok(gcl_device_finish(dev, &err));
    ck_assert_ptr_nonnull(gcl_device_cl_queue(dev));
    ck_assert_ptr_nonnull(gcl_buffer_cl_mem(buf));
    gcl_buffer_free(buf);
    free(data), free(got);
}
END_TEST

/* --- Programs and kernels ----------------------------------------------------------------------- */

static const char arguments_source[] =
    "__kernel void combine(__global float *out, __global const float *in, int n, ulong big,\n"
    "                  float scale, __local float *group)\n"
    "{\n"
    "    int i = get_global_id(0), l = get_local_id(0), size = get_local_size(0);\n"
    "    group[l] = in[i];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    out[i] = scale * group[size - 1 - l] + n + (float)(big >> 40) + ADD;\n"
    "}\n"
    "__kernel void place(__global int *out)\n"
    "{\n"
    "    int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
    "    out[(z * get_global_size(1) + y) * get_global_size(0) + x] = 100 * z + 10 * y + x;\n"
    "}\n";

START_TEST(kernel_with_every_argument)
{
    float in[32], out[32];
    for (int i = 0; i < 32; i++)
        in[i] = (float)i;
    gcl_program *program = gcl_program_get(dev, "combine", arguments_source, "-DADD=0.5f", &err);
    ck_have(program);
    gcl_kernel *kernel = gcl_kernel_new(program, "combine", &err);
    ck_have(kernel);
    gcl_buffer *to = gcl_buffer_new(dev, sizeof out, "out", &err);
    gcl_buffer *from = gcl_buffer_new(dev, sizeof in, "in", &err);
    ck_ok(gcl_buffer_write(from, 0, in, sizeof in, &err));
    ck_ok(gcl_kernel_set_buffer(kernel, 0, to, &err));
    ck_ok(gcl_kernel_set_buffer(kernel, 1, from, &err));
    ck_ok(gcl_kernel_set_int(kernel, 2, -1000, &err));
    ck_ok(gcl_kernel_set_ulong(kernel, 3, (uint64_t)3 << 40, &err));
    ck_ok(gcl_kernel_set_float(kernel, 4, 0.25f, &err));
    ck_ok(gcl_kernel_set_local(kernel, 5, 8 * sizeof(float), &err));
    ck_ok(gcl_kernel_launch(kernel, (const size_t[3]){32, 1, 1}, (const size_t[3]){8, 1, 1}, &err));
    ck_ok(gcl_buffer_read(to, 0, out, sizeof out, &err));
    for (int i = 0; i < 32; i++)
        ck_assert_float_eq(out[i], 0.25f * in[i / 8 * 8 + 7 - i % 8] - 1000 + 3 + 0.5f);
    gcl_kernel_free(kernel);
    gcl_kernel_free(NULL);
    gcl_buffer_free(to);
    gcl_buffer_free(from);
}
END_TEST

START_TEST(kernel_in_three_dimensions)
{
    int32_t out[24];
    gcl_program *program = gcl_program_get(dev, "place", arguments_source, "-DADD=1", &err);
    ck_have(program);
    gcl_kernel *kernel = gcl_kernel_new(program, "place", &err);
    gcl_buffer *to = gcl_buffer_new(dev, sizeof out, "out", &err);
    ck_ok(gcl_kernel_set_buffer(kernel, 0, to, &err));
    ck_ok(gcl_kernel_launch(kernel, (const size_t[3]){4, 3, 2}, one_group, &err));
    ck_ok(gcl_buffer_read(to, 0, out, sizeof out, &err));
    for (int i = 0; i < 24; i++)
        ck_assert_int_eq(out[i], i / 12 * 100 + i / 4 % 3 * 10 + i % 4);
    gcl_kernel_free(kernel);
    gcl_buffer_free(to);
}
END_TEST

START_TEST(kernel_mistakes_are_named)
{
    gcl_program *program = gcl_program_get(dev, "count file", fill_source, NULL, &err);
    ck_have(program);
    ck_assert_ptr_null(gcl_kernel_new(program, "nonesuch", &err));
    ck_says("count file");
    ck_says("nonesuch");
    ck_says("CL_INVALID_KERNEL_NAME");
    err = (gcl_error){0};
    gcl_kernel *kernel = gcl_kernel_new(program, "count", &err);
    gcl_buffer *out = gcl_buffer_new(dev, 64, "out", &err);
    ck_ok(gcl_kernel_set_buffer(kernel, 0, out, &err));
    ck_assert_int_eq(gcl_kernel_set_int(kernel, 5, 1, &err), -1);
    ck_says("kernel count: cannot set argument 5");
    err = (gcl_error){0};
    ck_ok(gcl_kernel_set_int(kernel, 1, 1, &err));
    size_t wide = 2 * (size_t)gcl_device_limits(dev)->max_work_group;
    ck_assert_int_eq(gcl_kernel_launch(kernel, (const size_t[3]){wide, 1, 1},
                                       (const size_t[3]){wide, 1, 1}, &err),
                     -1);
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("kernel count on device");
    ck_says("CL_INVALID_WORK_");
    gcl_kernel_free(kernel);
    gcl_buffer_free(out);
}
END_TEST

START_TEST(program_table)
{
    gcl_program *a = gcl_program_get(dev, "one", arguments_source, "-DADD=1", &err);
    ck_have(a);
    ck_assert_ptr_eq(gcl_program_get(dev, "same", arguments_source, "-DADD=1", &err), a);
    ck_assert_ptr_ne(gcl_program_get(dev, "other", arguments_source, "-DADD=2", &err), a);
}
END_TEST

START_TEST(build_failure_quotes_the_line)
{
    static const char source[] = "/* a comment */\n"
                                 "__kernel void f(__global float *a)\n"
                                 "{\n"
                                 "    a[0] = undeclared_thing + 1;\n"
                                 "}\n";
    ck_assert_ptr_null(gcl_program_get(dev, "broken", source, "", &err));
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("kernel file broken, line 4: ");
    ck_says(": a[0] = undeclared_thing + 1;");
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(build_failure_without_a_line)
{
    static const char source[] = "float nowhere(float x);\n"
                                 "__kernel void f(__global float *a) { a[0] = nowhere(a[1]); }\n";
    if (gcl_device_limits(dev)->faults & GCL_FAULT_LOOSE_CALLS)
        return; /* nothing fails */
    ck_assert_ptr_null(gcl_program_get(dev, "unlinked", source, "", &err));
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("kernel file unlinked");
    ck_says("nowhere");
}
END_TEST

START_TEST(profile_counts_launches)
{
    double us[8];
    int n;
    ck_assert_int_eq(gcl_profile_read(dev, us, 8, &n, &err), -1); /* not opened for it */
    err = (gcl_error){0};
    gcl_device *timed = gcl_device_open(test_device(), GCL_DEVICE_PROFILE, &err);
    ck_have(timed);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            run_count(timed);
        us[2] = -1;
        ck_ok(gcl_profile_read(timed, us, 2, &n, &err));
        ck_assert_int_eq(n, 3);
        ck_assert_double_eq(us[2], -1);
        ck_ok(gcl_profile_read(timed, us, 8, &n, &err));
        ck_assert_int_eq(n, 3);
        for (int i = 0; i < n; i++)
            ck_assert(us[i] >= 0 && us[i] < 60e6);
        gcl_profile_clear(timed);
        ck_ok(gcl_profile_read(timed, us, 8, &n, &err));
        ck_assert_int_eq(n, 0);
    }
    run_count(timed); /* an event that closing has to release */
    gcl_device_close(timed);
}
END_TEST

START_TEST(philox_on_the_device)
{
    static const char body[] =
        "__kernel void draw(__global uint *out, ulong seed, int step, int stream, ulong first)\n"
        "{\n"
        "    ulong index = first + get_global_id(0);\n"
        "    philox4x32_ctr_t c = {{(uint)index, (uint)(index >> 32), (uint)stream, (uint)step}};\n"
        "    philox4x32_key_t k = {{(uint)seed, (uint)(seed >> 32)}};\n"
        "    philox4x32_ctr_t r = philox4x32(c, k);\n"
        "    vstore4((uint4)(r.v[0], r.v[1], r.v[2], r.v[3]), get_global_id(0), out);\n"
        "}\n";
    static const uint64_t seeds[] = {0, 1, 0x123456789abcdef0, UINT64_MAX};
    static const uint64_t firsts[] = {0, 0xfffffff0, (uint64_t)5 << 40};
    const char *philox = gcl_kernel_source("philox", &err);
    ck_have(philox);
    gcl_text source = {0};
    gcl_text_add(&source, "%s%s%s", philox, philox, body); /* twice does no harm */
    gcl_program *program = gcl_program_get(dev, "draw", source.text, "", &err);
    ck_have(program);
    gcl_text_free(&source);
    gcl_kernel *kernel = gcl_kernel_new(program, "draw", &err);
    uint32_t got[64][4];
    gcl_buffer *out = gcl_buffer_new(dev, sizeof got, "out", &err);
    ck_ok(gcl_kernel_set_buffer(kernel, 0, out, &err));
    for (int t = 0; t < 12 + 3; t++) {
        const uint32_t *k = known[t % 3]; /* the last three runs are the known answers */
        uint64_t seed = t < 12 ? seeds[t % 4] : (uint64_t)k[5] << 32 | k[4];
        uint64_t first = t < 12 ? firsts[t / 4] : (uint64_t)k[1] << 32 | k[0];
        uint32_t step = t < 12 ? (uint32_t)t * 77777u : k[3];
        uint32_t stream = t < 12 ? 0x80000000u + (uint32_t)t : k[2];
        ck_ok(gcl_kernel_set_ulong(kernel, 1, seed, &err));
        ck_ok(gcl_kernel_set_int(kernel, 2, (int32_t)step, &err));
        ck_ok(gcl_kernel_set_int(kernel, 3, (int32_t)stream, &err));
        ck_ok(gcl_kernel_set_ulong(kernel, 4, first, &err));
        ck_ok(gcl_kernel_launch(kernel, (const size_t[3]){64, 1, 1}, one_group, &err));
        ck_ok(gcl_buffer_read(out, 0, got, sizeof got, &err));
        for (uint64_t i = 0; i < 64; i++)
            ck_assert_uint_eq(got[i][0], gcl_philox_bits(seed, step, stream, first + i));
        for (int word = 0; t >= 12 && word < 4; word++)
            ck_assert_uint_eq(got[0][word], k[6 + word]);
    }
    gcl_kernel_free(kernel);
    gcl_buffer_free(out);
}
END_TEST

/* --- The suite ---------------------------------------------------------------------------------- */

static int child_without_driver(void)
{
    gcl_limits *list;
    int n;
    if (gcl_device_list(&list, &n, &err) != 0 || n != 0)
        return 1;
    free(list);
    if (gcl_device_open("auto", 0, &err) != NULL || err.code != GCL_DEVICE)
        return 2;
    return strstr(err.text, "no OpenCL device found") != NULL ? 0 : 3;
}

static Suite *device_suite(void)
{
    Suite *suite = suite_create("device");
    TCase *host = tcase_create("host"), *device = tcase_create("device");
    tcase_add_checked_fixture(host, start_test, NULL);
    tcase_add_test(host, philox_known_answers);
    tcase_add_test(host, choose_by_number_name_and_speed);
    tcase_add_test(host, choose_what_is_not_there);
    tcase_add_test(host, list_has_sane_limits);
    suite_add_tcase(suite, host);

    tcase_add_checked_fixture(device, open_device, close_device);
    tcase_set_timeout(device, 600);
    tcase_add_test(device, open_gives_the_chosen_one);
    tcase_add_test(device, no_driver_installed);
    tcase_add_test(device, buffer_transfers);
    tcase_add_test(device, buffer_of_odd_or_no_size);
    tcase_add_test(device, buffer_range_is_checked);
    tcase_add_test(device, buffer_out_of_memory);
    tcase_add_test(device, async_write_and_events);
    tcase_add_test(device, kernel_with_every_argument);
    tcase_add_test(device, kernel_in_three_dimensions);
    tcase_add_test(device, kernel_mistakes_are_named);
    tcase_add_test(device, program_table);
    tcase_add_test(device, build_failure_quotes_the_line);
    tcase_add_test(device, build_failure_without_a_line);
    tcase_add_test(device, profile_counts_launches);
    tcase_add_test(device, philox_on_the_device);
    suite_add_tcase(suite, device);
    return suite;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "child-without-driver") == 0)
        return child_without_driver();
    return run_at_home(device_suite());
}
