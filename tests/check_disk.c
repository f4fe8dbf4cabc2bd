/* Full disks: whatever is written is whole or not there, training stops with exit code 7 and goes on
 * to the same bytes once there is room.
 *
 * A file size limit of the process stands for the full disk where one function is asked; a small
 * memory file system of a namespace of its own where the program is. Where a user may not make such a
 * namespace, those tests are skipped, and say so. */
#include "file_limit.h"
#include "program_test.h"

#include "device/internal.h"
#include "io/atomic.h"
#include "io/image.h"
#include "io/safetensors.h"
#include "train/journal.h"
#include "train/lock.h"

/* ---- functions ------------------------------------------------------------------------------------- */

static void make_folder(const char *name) { ck_assert_int_eq(mkdir(in_scratch(name), 0777), 0); }

START_TEST(a_file_is_the_old_or_the_new_one)
{
    enum { N = 5000000 };
    char *bytes = gcl_alloc(N);
    make_folder("replaced");
    ck_ok(gcl_file_replace(in_scratch("replaced/file"), "old", 3, &err));
    for (size_t limit = 0; limit < N; limit = 2 * limit + 1000) {
        start_test();
        limit_files(limit);
        int result = gcl_file_replace(in_scratch("replaced/file"), bytes, N, &err);
        limit_files(RLIM_INFINITY);
        ck_refused(result == 0, GCL_DISK, "replaced/file: cannot be written: File too large");
        size_t n;
        start_test();
        char *now = get_file(in_scratch("replaced/file"), &n);
        ck_assert_str_eq(now, "old");
        free(now);
        ck_assert_int_eq(files_in(in_scratch("replaced")), 1);
    }
    free(bytes);
}
END_TEST

/* Piece by piece, and the failure comes only at the end, when what was gathered is written. */
START_TEST(pieces_are_no_file_until_all_are_written)
{
    make_folder("pieces");
    gcl_atomic *file = gcl_atomic_begin(in_scratch("pieces/file"), &err);
    ck_have(file);
    ck_ok(gcl_atomic_write(file, "abc", 3, &err));
    ck_ok(gcl_atomic_write(file, "def", 3, &err));
    limit_files(4);
    int result = gcl_atomic_commit(file, &err);
    limit_files(RLIM_INFINITY);
    ck_refused(result == 0, GCL_DISK, "File too large");
    ck_assert_int_eq(files_in(in_scratch("pieces")), 0);
}
END_TEST

static int write_line(gcl_journal *journal, int64_t step)
{
    gcl_named_value loss = {"d_loss", 0.1f};
    gcl_journal_line line = {.step = step, .n_losses = 1, .losses = &loss, .images_per_s = 3};
    return gcl_journal_write(journal, &line, &err);
}

static int is_lines(const char *path)
{
    size_t n;
    int good = 1;
    char *text = get_file(path, &n), *end;
    for (char *line = text; good && line < text + n; line = end + 1) {
        end = strchr(line, '\n');
        json_t *object = end != NULL ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;
        good = json_is_object(object);
        json_decref(object);
        if (end == NULL)
            break;
    }
    free(text);
    return good;
}

START_TEST(the_log_has_whole_lines)
{
    double seconds;
    int64_t dropped;
    for (rlim_t limit = 0; limit < 500; limit += 7) {
        gcl_journal *journal =
            gcl_journal_open(in_scratch("log.jsonl"), 0, &seconds, &dropped, &err);
        ck_have(journal);
        int64_t step = 0;
        limit_files(limit);
        while (step < 20 && write_line(journal, step) == 0)
            step++;
        limit_files(RLIM_INFINITY);
        ck_refused(step == 20, GCL_DISK, "log.jsonl: cannot be written: File too large");
        start_test();
        ck_assert(is_lines(in_scratch("log.jsonl")));
        ck_ok(write_line(journal, step)); /* with room again it goes on where it was */
        gcl_journal_close(journal);
        ck_assert(is_lines(in_scratch("log.jsonl")));
    }
}
END_TEST

START_TEST(the_program_cache_is_only_a_cache)
{
    uint8_t key[GCL_SHA256_BYTES] = {1, 2, 3}, bytes[5000] = {0};
    unsigned char *back = NULL;
    size_t n;
    char *kept = gcl_strdup(getenv("GANOCL_CACHE") != NULL ? getenv("GANOCL_CACHE") : "");
    make_folder("cache");
    setenv("GANOCL_CACHE", in_scratch("cache"), 1);
    for (rlim_t limit = 0; limit < 5000; limit = 3 * limit + 40) {
        limit_files(limit);
        gcl_cache_store(key, bytes, sizeof bytes);
        limit_files(RLIM_INFINITY);
        ck_assert_int_eq(gcl_cache_load(key, &back, &n), 0);
        ck_assert_int_eq(files_in(in_scratch("cache")), 0);
    }
    gcl_cache_store(key, bytes, sizeof bytes);
    ck_assert(gcl_cache_load(key, &back, &n) == 1 && back != NULL && n == sizeof bytes);
    free(back);
    setenv("GANOCL_CACHE", kept, 1);
    free(kept);
}
END_TEST

START_TEST(a_lock_without_a_name_is_not_left)
{
    make_folder("locked");
    limit_files(0);
    int lock = gcl_lock_take(in_scratch("locked"), &err);
    limit_files(RLIM_INFINITY);
    ck_refused(lock >= 0, GCL_DISK, "lock: cannot be written: File too large");
    ck_assert_int_eq(files_in(in_scratch("locked")), 0);
}
END_TEST

/* ---- the program on a small disk ------------------------------------------------------------------- */

/* Runs the script with SCRATCH/disk as a disk of so many kB, and the functions G (the program) and fill
 * (writes the disk full). The disk is gone afterwards; its exit status comes back. */
static int on_disk(int kb, const char *script)
{
    gcl_text line = {0};
    gcl_text_add(&line,
                 "cd '%s' && exec unshare -rm sh -c 'mount -t tmpfs -o size=%dk none disk || exit "
                 "99; G() { \"%s\" --device \"%s\" -q \"$@\" >out 2>err; }; fill() { cat /dev/zero "
                 ">disk/fill 2>/dev/null; }; %s' 2>/dev/null",
                 scratch, kb, program, test_device(), script);
    int status = system(line.text);
    gcl_text_free(&line);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int can_have_disk(void)
{
    if (mkdir(in_scratch("disk"), 0777) != 0)
        exit(1);
    gcl_text line = {0};
    gcl_text_add(&line, "unshare -rm mount -t tmpfs none '%s/disk' 2>/dev/null", scratch);
    int can = system(line.text) == 0;
    gcl_text_free(&line);
    if (!can)
        printf("check_disk: SKIPPED: the tests on a small disk; this user may not make one "
               "(unshare -rm mount -t tmpfs)\n");
    return can;
}

static int ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static void ck_whole_file(const char *path)
{
    start_test();
    if (ends_with(path, ".png")) {
        gcl_image image = {0};
        ck_ok(gcl_image_read_file(path, &image, &err));
        gcl_image_free(&image);
    } else if (ends_with(path, ".safetensors")) {
        gcl_safetensors *file = gcl_safetensors_open(path, &err);
        ck_have(file);
        gcl_safetensors_close(file);
    } else if (ends_with(path, ".jsonl")) {
        ck_assert_msg(is_lines(path), "%s", path);
    } else if (ends_with(path, ".json")) {
        json_t *value = json_load_file(path, 0, NULL);
        ck_assert_msg(value != NULL, "%s", path);
        json_decref(value);
    } else if (ends_with(path, ".html")) {
        size_t n;
        char *text = get_file(path, &n);
        ck_assert_ptr_nonnull(strstr(text, "</html>"));
        free(text);
    }
    ck_assert_msg(!ends_with(path, ".tmp") && !ends_with(path, "/lock"), "%s is left", path);
}

static void ck_whole_tree(const char *path)
{
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct stat facts;
        gcl_text inner = {0};
        if (e->d_name[0] == '.')
            continue;
        gcl_text_add(&inner, "%s/%s", path, e->d_name);
        ck_assert_int_eq(lstat(inner.text, &facts), 0);
        if (S_ISDIR(facts.st_mode))
            ck_whole_tree(inner.text);
        else
            ck_whole_file(inner.text);
        gcl_text_free(&inner);
    }
    closedir(folder);
}

#define TRAIN                                                                                      \
    "train --model dcgan:tiny --batch 2 --steps 9 --set train.log_every=1 --set "                  \
    "train.checkpoint_every=3 --set train.sample_every=4 --set train.keep=1000 "

static const struct {
    int kb, saved; /* whether a checkpoint has room before it is full; -1: perhaps */
} disks[] = {{100, 0}, {280, 0}, {500, -1}, {780, -1}, {1200, -1}, {1700, 1}};

/* What is left is whole, the message tells it, and with room the run ends in the bytes of one that was
 * never stopped. */
START_TEST(training_stops_whole_and_goes_on)
{
    char script[900], says[200], latest[40] = "";
    snprintf(script, sizeof script,
             "G " TRAIN "--out disk/run; status=$?; mv err why; rm -rf left; cp -a disk/run left; "
             "mount -o remount,size=20m disk || exit 98; "
             "if [ -e disk/run/options.json ]; then G train --resume disk/run; "
             "else G " TRAIN "--out disk/run; fi || exit 97; "
             "cp disk/run/checkpoints/step-0000009.safetensors last; exit $status");
    if (_i == 0)
        ck_exits(0, "-q " TRAIN "--out straight");
    ck_assert_int_eq(on_disk(disks[_i].kb, script), GCL_DISK);
    const char *why = said("why");
    ck_assert_msg(strstr(why, "No space left on device") != NULL, "%s", why);
    ck_whole_tree(in_scratch("left"));
    FILE *file = fopen(in_scratch("left/checkpoints/latest"), "r");
    if (file != NULL) {
        ck_assert_int_eq(fscanf(file, "%39s", latest), 1);
        fclose(file);
        snprintf(says, sizeof says, "the last checkpoint is whole: disk/run/checkpoints/%s;",
                 latest);
        ck_assert_msg(strstr(why, says) != NULL, "%s: %s", latest, why);
    } else {
        ck_assert_msg(strstr(why, "checkpoint is whole") == NULL, "%s", why);
    }
    printf("%5d kB: %s", disks[_i].kb, why);
    ck_assert(disks[_i].saved < 0 || (latest[0] != 0) == disks[_i].saved);
    ck_assert(same_files(in_scratch("last"),
                         in_scratch("straight/checkpoints/step-0000009.safetensors")));
}
END_TEST

/* No room for the cache of programs: it costs time, nothing else. */
START_TEST(a_full_cache_stops_nothing)
{
    ck_assert_int_eq(on_disk(16, "fill; GANOCL_CACHE=$PWD/disk/cache; export GANOCL_CACHE; "
                                 "G " TRAIN "--out uncached && "
                                 "[ -z \"$(find disk -name \"*.bin*\")\" ]"),
                     0);
    ck_assert(same_files(in_scratch("uncached/checkpoints/step-0000009.safetensors"),
                         in_scratch("straight/checkpoints/step-0000009.safetensors")));
}
END_TEST

/* What other commands work on. */
START_TEST(there_is_something_to_write)
{
    static float pixels[3 * 64 * 64];
    gcl_writer *x = gcl_writer_new();
    gcl_writer_declare(x, "x", GCL_FILE_F32, (const int64_t[]){1, 3, 64, 64}, 4);
    ck_ok(gcl_writer_begin(x, in_scratch("x.safetensors"), &err));
    ck_ok(gcl_writer_data(x, pixels, sizeof pixels, &err));
    ck_ok(gcl_writer_commit(x, &err));
    ck_exits(0, "-q train --model pix2pix:tiny --batch 1 --steps 1 --out pairs");
}
END_TEST

/* Every other command that writes: 7, and nothing of it on the disk. */
static const char *const writers[] = {
    "sample straight --count 4 --out disk/new/x.png",
    "sample straight --count 2 --out disk/new",
    "report disk/copy",
    "dataset pair --in straight/samples --out disk/new",
    "translate pairs --in straight/samples --out disk/new --count 1",
    "evaluate pairs --data builtin:faces --count 2 --out disk/new/scores.csv",
    "forward dcgan:tiny --network D --weights straight/checkpoints/step-0000009.safetensors --in "
    "x.safetensors --out disk/new/y.safetensors",
};

START_TEST(other_commands_leave_nothing_half_written)
{
    char script[900];
    snprintf(script, sizeof script,
             "mkdir disk/new disk/copy; cp straight/*.json* disk/copy; fill; find disk >before; "
             "G %s; status=$?; find disk >after; cmp before after || exit 96; exit $status",
             writers[_i]);
    int status = on_disk(200, script);
    ck_assert_msg(status == GCL_DISK, "%s: status %d: %s", writers[_i], status, said("err"));
    ck_said("No space left on device");
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("disk");
    TCase *tests = tcase_create("disk");
    tcase_add_test(tests, a_file_is_the_old_or_the_new_one);
    tcase_add_test(tests, pieces_are_no_file_until_all_are_written);
    tcase_add_test(tests, the_log_has_whole_lines);
    tcase_add_test(tests, the_program_cache_is_only_a_cache);
    tcase_add_test(tests, a_lock_without_a_name_is_not_left);
    if (can_have_disk()) {
        tcase_add_loop_test(tests, training_stops_whole_and_goes_on, 0,
                            (int)(sizeof disks / sizeof *disks));
        tcase_add_test(tests, a_full_cache_stops_nothing);
        tcase_add_test(tests, there_is_something_to_write);
        tcase_add_loop_test(tests, other_commands_leave_nothing_half_written, 0,
                            (int)(sizeof writers / sizeof *writers));
    }
    return run_tests("disk", tests);
}
