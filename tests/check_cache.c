/* The program cache on disk under every kind of damage, the kernel sources, and SHA-256. */
#include "device_test.h"

#include "base/crc32c.h"
#include "base/sha256.h"

/* --- Helpers ------------------------------------------------------------------------------------ */

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
    ck_assert_int_eq(fclose(out), 0);
}

static uint8_t *read_file(const char *path, size_t *n)
{
    struct stat facts;
    ck_assert_int_eq(stat(path, &facts), 0);
    uint8_t *bytes = gcl_alloc((size_t)facts.st_size);
    FILE *in = fopen(path, "rb");
    *n = fread(bytes, 1, (size_t)facts.st_size, in);
    fclose(in);
    return bytes;
}

static char entry_path[512]; /* a file that count_entries saw */

/* Files, pipes and links in the folder; those below it do not count. */
static int count_entries(const char *folder)
{
    int n = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;) {
        struct stat facts;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (lstat(path, &facts) != 0 || S_ISDIR(facts.st_mode))
            continue;
        memcpy(entry_path, path, sizeof path);
        n++;
    }
    if (entries != NULL)
        closedir(entries);
    return n;
}

/* One life of a device: open, run, close. Returns whether the program came from the cache. */
static int open_and_run(void)
{
    gcl_device *on = gcl_device_open(test_device(), 0, &err);
    ck_have(on);
    int cached = run_count(on);
    gcl_device_close(on);
    return cached;
}

static void assert_sha256(const char *text, size_t times, size_t part, const char *wanted)
{
    gcl_sha256 sum;
    uint8_t digest[GCL_SHA256_BYTES];
    char hex[GCL_SHA256_HEX];
    gcl_text all = {0};
    for (size_t i = 0; i < times; i++)
        gcl_text_add(&all, "%s", text);
    gcl_sha256_start(&sum);
    for (size_t at = 0; at < all.length; at += part)
        gcl_sha256_add(&sum, all.text + at, all.length - at < part ? all.length - at : part);
    gcl_sha256_end(&sum, digest);
    gcl_sha256_hex(digest, hex);
    ck_assert_str_eq(hex, wanted);
    gcl_text_free(&all);
}

START_TEST(sha256_known_answers)
{
    static const size_t parts[] = {1, 3, 55, 64, 65, 1000000};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_sha256("", 0, parts[i],
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_sha256("abc", 1, parts[i],
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, parts[i],
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        assert_sha256("a", 1000000, parts[i],
                      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}
END_TEST

static int takes_junk_badly(void)
{
    gcl_device *on = gcl_device_open(test_device(), 0, &err);
    ck_have(on);
    unsigned faults = gcl_device_limits(on)->faults;
    gcl_device_close(on);
    return (faults & GCL_FAULT_JUNK_BINARIES) != 0;
}

/* --- The cache ---------------------------------------------------------------------------------- */

START_TEST(second_open_hits)
{
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(cache), 1);
    ck_assert_int_eq(open_and_run(), 1);
    ck_assert_int_eq(count_entries(cache), 1);
}
END_TEST

START_TEST(other_options_or_source_miss)
{
    static const char other[] = "__kernel void count(__global int *out, int first) { }\n";
    ck_assert_int_eq(open_and_run(), 0);
    gcl_device *on = gcl_device_open(test_device(), 0, &err);
    gcl_program *a = gcl_program_get(on, "a", fill_source, "-DX=1", &err);
    gcl_program *b = gcl_program_get(on, "b", other, "", &err);
    gcl_program *c = gcl_program_get(on, "c", fill_source, NULL, &err);
    ck_have(a);
    ck_have(b);
    ck_have(c);
    ck_assert_int_eq(gcl_program_cached(a), 0);
    ck_assert_int_eq(gcl_program_cached(b), 0);
    ck_assert_int_eq(gcl_program_cached(c), 1);
    ck_assert_int_eq(gcl_device_save_programs(on, 0), 2);
    ck_assert_int_eq(count_entries(cache), 1);
    ck_assert_int_eq(gcl_device_save_programs(on, 60), 0);
    ck_assert_int_eq(count_entries(cache), 3);
    gcl_device_close(on);
}
END_TEST

/* Kinds of damage to the one entry; `bytes` is what it held. */
static void flip(uint8_t *bytes, size_t n, size_t at)
{
    bytes[at] ^= 0x10;
    write_file(entry_path, bytes, n);
}
static void flip_magic(uint8_t *bytes, size_t n) { flip(bytes, n, 0); }
static void flip_key(uint8_t *bytes, size_t n) { flip(bytes, n, 20); }
static void flip_length(uint8_t *bytes, size_t n) { flip(bytes, n, 41); }
static void flip_sum(uint8_t *bytes, size_t n) { flip(bytes, n, 50); }
static void flip_first(uint8_t *bytes, size_t n) { flip(bytes, n, 52); }
static void flip_last(uint8_t *bytes, size_t n) { flip(bytes, n, n - 1); }
static void cut_half(uint8_t *bytes, size_t n) { write_file(entry_path, bytes, n / 2); }
static void cut_head(uint8_t *bytes, size_t n) { (void)n, write_file(entry_path, bytes, 52); }
static void cut_short(uint8_t *bytes, size_t n) { (void)n, write_file(entry_path, bytes, 11); }
static void cut_all(uint8_t *bytes, size_t n) { (void)n, write_file(entry_path, bytes, 0); }

static void append(uint8_t *bytes, size_t n)
{
    uint8_t *longer = gcl_alloc(n + 1);
    memcpy(longer, bytes, n);
    write_file(entry_path, longer, n + 1);
    free(longer);
}

static void be_foreign(uint8_t *bytes, size_t n)
{
    memset(bytes, 'x', n);
    write_file(entry_path, bytes, n);
}

static void be_pipe(uint8_t *bytes, size_t n)
{
    (void)bytes, (void)n;
    remove(entry_path);
    ck_assert_int_eq(mkfifo(entry_path, 0600), 0);
}

static void be_unreadable(uint8_t *bytes, size_t n)
{
    /* A link to nowhere: the owner root reads files of any mode. */
    (void)bytes, (void)n;
    remove(entry_path);
    ck_assert_int_eq(symlink("/nonexistent/entry", entry_path), 0);
}

/* An entry that is whole, but whose payload no driver takes. Some end the process instead of refusing;
 * such an entry is never written, so there this case stands for a flipped payload. */
static void be_junk(uint8_t *bytes, size_t n)
{
    memset(bytes + 52, 'x', n - 52);
    uint32_t sum = gcl_crc32c(bytes + 52, n - 52);
    for (int i = 0; i < 4 && !takes_junk_badly(); i++)
        bytes[48 + i] = (uint8_t)(sum >> 8 * i);
    write_file(entry_path, bytes, n);
}

typedef void damage(uint8_t *bytes, size_t n);
static damage *const damages[] = {flip_magic, flip_key,   flip_length, flip_sum,      flip_first,
                                  flip_last,  cut_half,   cut_head,    cut_short,     cut_all,
                                  append,     be_foreign, be_pipe,     be_unreadable, be_junk};

START_TEST(damage_only_costs_a_build)
{
    size_t n;
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(cache), 1);
    uint8_t *bytes = read_file(entry_path, &n);
    damages[_i](bytes, n);
    free(bytes);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), 1); /* repaired */
    ck_assert_int_eq(count_entries(cache), 1);
}
END_TEST

START_TEST(entry_of_another_program)
{
    size_t n;
    ck_assert_int_eq(open_and_run(), 0);
    count_entries(cache);
    uint8_t *bytes = read_file(entry_path, &n);
    gcl_device *on = gcl_device_open(test_device(), 0, &err);
    gcl_program *b = gcl_program_get(on, "b", fill_source, "-DX=1", &err);
    ck_have(b);
    remove(entry_path);
    gcl_device_close(on);
    ck_assert_int_eq(count_entries(cache), 1);
    write_file(entry_path, bytes, n); /* under the name of the other */
    free(bytes);
    on = gcl_device_open(test_device(), 0, &err);
    b = gcl_program_get(on, "b", fill_source, "-DX=1", &err);
    ck_have(b);
    ck_assert_int_eq(gcl_program_cached(b), 0);
    gcl_device_close(on);
}
END_TEST

START_TEST(entry_that_is_a_folder)
{
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(cache), 1);
    ck_assert_int_eq(remove(entry_path), 0);
    ck_assert_int_eq(mkdir(entry_path, 0755), 0);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(cache), 0); /* nor a temporary */
}
END_TEST

START_TEST(folder_that_cannot_be)
{
    char path[192];
    snprintf(path, sizeof path, "%s/file", scratch);
    write_file(path, "x", 1);
    snprintf(path, sizeof path, "%s/file/below", scratch); /* root may write to all but this */
    setenv("GANOCL_CACHE", path, 1);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), 0);
}
END_TEST

START_TEST(folder_without_permission)
{
    ck_assert_int_eq(mkdir(cache, 0500), 0);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), geteuid() == 0); /* root may write to it all the same */
}
END_TEST

START_TEST(switched_off)
{
    setenv("GANOCL_CACHE", "off", 1);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_ne(access("off", F_OK), 0);
}
END_TEST

START_TEST(folder_from_the_environment)
{
    char path[192];
    unsetenv("GANOCL_CACHE");
    snprintf(path, sizeof path, "%s/home", scratch);
    setenv("HOME", path, 1);
    snprintf(path, sizeof path, "%s/home/.cache/ganocl", scratch);
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored */
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(path), 1);
    ck_assert_int_ne(access("relative", F_OK), 0);

    snprintf(path, sizeof path, "%s/xdg", scratch);
    setenv("XDG_CACHE_HOME", path, 1);
    snprintf(path, sizeof path, "%s/xdg/ganocl", scratch);
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(count_entries(path), 1);

    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert_int_eq(open_and_run(), 0);
    ck_assert_int_eq(open_and_run(), 0);
    setenv("HOME", scratch, 1);
}
END_TEST

START_TEST(writers_at_once)
{
    enum { n = 3 };
    pid_t children[n];
    for (int i = 0; i < n; i++)
        children[i] = start_self("child-run");
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(exit_status(children[i]), 0);
    ck_assert_int_eq(count_entries(cache), 1); /* and no temporary is left */
    ck_assert_int_eq(open_and_run(), 1);
}
END_TEST

/* --- Kernel sources ----------------------------------------------------------------------------- */

START_TEST(embedded_sources)
{
    const char *const *files = gcl_kernel_files();
    int has_philox = 0;
    for (int i = 0; files[i] != NULL; i++) {
        const char *text = gcl_kernel_source(files[i], &err);
        ck_have(text);
        ck_assert_uint_gt(strlen(text), 0);
        has_philox |= strcmp(files[i], "philox") == 0;
    }
    ck_assert(has_philox);
    ck_assert_ptr_null(gcl_kernel_source("nonesuch", &err));
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("nonesuch");
}
END_TEST

START_TEST(sources_from_a_folder)
{
    static const char first[] = "__kernel void f(void) { }\n", second[] = "/* edited */\n",
                      including[] = "/* head */\n#include \"shared.cl\"\n/* tail */";
    char path[192], shared[192];
    mkdir(cache, 0755);
    snprintf(path, sizeof path, "%s/mine.cl", cache);
    setenv("GANOCL_KERNELS", cache, 1);
    write_file(path, first, strlen(first));
    const char *text = gcl_kernel_source("mine", &err);
    ck_have(text);
    ck_assert_str_eq(text, first);
    ck_assert_ptr_eq(gcl_kernel_source("mine", &err), text);
    write_file(path, second, strlen(second));
    ck_assert_str_eq(gcl_kernel_source("mine", &err), second);
    ck_assert_str_eq(text, first);                  /* what was given stays */
    write_file(path, including, strlen(including)); /* put in place, without the line */
    ck_assert_ptr_null(gcl_kernel_source("mine", &err));
    ck_says("shared.cl");
    err = (gcl_error){0};
    snprintf(shared, sizeof shared, "%s/shared.cl", cache);
    write_file(shared, second, strlen(second));
    ck_assert_str_eq(gcl_kernel_source("mine", &err), "/* head */\n/* edited */\n/* tail */");
    write_file(path, "", 0);
    ck_assert_str_eq(gcl_kernel_source("mine", &err), "");
    ck_have(gcl_kernel_source("philox", &err));
    ck_assert_ptr_null(gcl_kernel_source("absent", &err));
    ck_assert_int_eq(err.code, GCL_DEVICE);
    ck_says("absent.cl");
    ck_says("GANOCL_KERNELS");
}
END_TEST

START_TEST(child_life) { open_and_run(); }
END_TEST

/* --- The suite ---------------------------------------------------------------------------------- */

/* One of several processes: all use the cache of the one that started them. */
static Suite *child_suite(void)
{
    Suite *suite = suite_create("child");
    TCase *tests = tcase_create("child");
    tcase_add_test(tests, child_life);
    suite_add_tcase(suite, tests);
    return suite;
}

static Suite *cache_suite(void)
{
    Suite *suite = suite_create("cache");
    TCase *tests = add_case(suite, "cache", start_test, NULL);
    tcase_add_test(tests, sha256_known_answers);
    tcase_add_test(tests, writers_at_once);
    tcase_add_test(tests, second_open_hits);
    tcase_add_test(tests, other_options_or_source_miss);
    tcase_add_loop_test(tests, damage_only_costs_a_build, 0, sizeof damages / sizeof *damages);
    tcase_add_test(tests, entry_of_another_program);
    tcase_add_test(tests, entry_that_is_a_folder);
    tcase_add_test(tests, folder_that_cannot_be);
    tcase_add_test(tests, folder_without_permission);
    tcase_add_test(tests, switched_off);
    tcase_add_test(tests, folder_from_the_environment);
    tcase_add_test(tests, embedded_sources);
    tcase_add_test(tests, sources_from_a_folder);
    return suite;
}

int main(int argc, char **argv)
{
    self = argv[0];
    int is_child = argc > 1 && strcmp(argv[1], "child-run") == 0;
    return run_at_home(is_child ? child_suite() : cache_suite());
}
