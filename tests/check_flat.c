/* Memory stays flat: some thousands of steps of a tiny model, with sheets, pages and checkpoints in
 * between. scripts/check-flat is the same for as many steps as one likes. */
#include "program_test.h"

#include <time.h>

enum { FIRST = 500, LAST = 3000, MOST_KB = 4096 };

/* Resident memory of a process in kB; 0 when it is gone. */
static long resident_kb(pid_t pid)
{
    char path[40];
    long size, resident = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The steps and the device memory that the log's last whole line tells. */
static json_int_t last_of_log(const char *path, json_int_t *device_bytes)
{
    char line[1000];
    json_int_t step = -1;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        json_t *object = json_loads(line, 0, NULL);
        if (object != NULL) {
            step = json_integer_value(json_object_get(object, "step"));
            *device_bytes = json_integer_value(json_object_get(object, "device_bytes"));
        }
        json_decref(object);
    }
    if (file != NULL)
        fclose(file);
    return step;
}

/* What one step leaked, 2500 would leak: 4 MB are 1.6 kB a step. */
START_TEST(a_long_run_takes_no_more_memory_than_a_short_one)
{
    json_int_t step = -1, bytes = 0, bytes_first = 0;
    long first = 0, last = 0;
    pid_t child = start_program("-q train --model dcgan:tiny --batch 1 --steps %d --out flat --set "
                                "train.log_every=50 --set train.sample_every=1000 --set "
                                "train.checkpoint_every=500",
                                LAST + 1);
    for (int i = 0; i < 60000 && step < LAST; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        long now = resident_kb(child);
        if (now == 0) /* it has ended: the newest figures stand */
            break;
        step = last_of_log(in_scratch("flat/log.jsonl"), &bytes);
        last = now;
        if (first == 0 && step >= FIRST) {
            first = now;
            bytes_first = bytes;
        }
    }
    ck_assert_int_eq(finish_program(child), 0);
    ck_assert_int_eq(last_of_log(in_scratch("flat/log.jsonl"), &bytes), LAST);
    printf("resident memory: %ld kB at step %d, %ld kB near step %d; device memory: %lld bytes\n",
           first, FIRST, last, LAST, (long long)bytes);
    ck_assert(first > 0 && last > 0);
    ck_assert_msg(last - first < MOST_KB, "grew by %ld kB", last - first);
    ck_assert(bytes == bytes_first && bytes > 0);
}
END_TEST

int main(void)
{
    if (access("/proc/self/statm", R_OK) != 0) {
        printf("check_flat: SKIPPED: there is no /proc/self/statm\n");
        return 77;
    }
    /* AddressSanitizer keeps freed blocks in quarantine, 256 MB of them, which is growth too. */
    setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=16", 1);
    find_program();
    make_scratch("flat");
    TCase *tests = tcase_create("flat");
    tcase_add_test(tests, a_long_run_takes_no_more_memory_than_a_short_one);
    return run_tests("flat", tests);
}
