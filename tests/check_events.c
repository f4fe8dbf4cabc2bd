/* Event files: checksums and wire format by published values, what a file holds by a reader of our own,
 * and that a run that was stopped, damaged and gone on with tells each step once, as log.jsonl does. */
#include "program_test.h"

#include <math.h>

#include "events_reader.h"
#include "base/crc32c.h"
#include "io/events.h"
#include "io/image.h"
#include "io/wire.h"

/* ---- parts ---------------------------------------------------------------------------------------- */

/* RFC 3720, B.4, and the usual check value. */
START_TEST(crc32c_agrees_with_rfc_3720)
{
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0};
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    ck_assert_uint_eq(gcl_crc32c("123456789", 9), 0xe3069283);
    ck_assert_uint_eq(gcl_crc32c(zeros, 32), 0x8a9136aa);
    ck_assert_uint_eq(gcl_crc32c(ones, 32), 0x62a8ab43);
    ck_assert_uint_eq(gcl_crc32c(up, 32), 0x46dd794e);
    ck_assert_uint_eq(gcl_crc32c(down, 32), 0x113fdb5c);
    ck_assert_uint_eq(gcl_crc32c(read_command, 48), 0xd9963a56);
    ck_assert_uint_eq(gcl_crc32c(NULL, 0), 0);
}
END_TEST

static void ck_wire(gcl_text *written, const void *bytes, size_t n)
{
    ck_assert_uint_eq(written->length, n);
    ck_assert_mem_eq(written->text, bytes, n);
    gcl_text_free(written);
}

/* The first two are the examples of the format's own description; -1 is a 64-bit two's complement. */
START_TEST(wire_agrees_with_published_bytes)
{
    gcl_text m = {0}, inner = {0};
    gcl_wire_int(&m, 1, 150);
    ck_wire(&m, "\x08\x96\x01", 3);
    gcl_wire_string(&m, 2, "testing");
    ck_wire(&m, "\x12\x07testing", 9);
    gcl_wire_int(&inner, 1, 150);
    gcl_wire_message(&m, 3, &inner);
    gcl_text_free(&inner);
    ck_wire(&m, "\x1a\x03\x08\x96\x01", 5);
    gcl_wire_int(&m, 1, -1);
    ck_wire(&m, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    gcl_wire_int(&m, 16, 0);
    ck_wire(&m, "\x80\x01\x00", 3);
    gcl_wire_double(&m, 1, 1.0);
    ck_wire(&m, "\x09\0\0\0\0\0\0\xf0\x3f", 9);
    gcl_wire_float(&m, 2, -2.0f);
    ck_wire(&m, "\x15\0\0\0\xc0", 5);
}
END_TEST

/* ---- one file ------------------------------------------------------------------------------------- */

static const char *new_folder(const char *name)
{
    const char *folder = in_scratch(name);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    return folder;
}

START_TEST(a_file_holds_what_was_added)
{
    const char *folder = new_folder("one");
    gcl_image picture;
    uint8_t *png = NULL;
    size_t n = 0;
    ck_ok(gcl_image_new(&picture, 5, 3, 3, &err));
    ck_ok(gcl_image_encode_png(&picture, &png, &n, &err));
    gcl_events *events = gcl_events_open(folder, 0, &err);
    ck_have(events);
    ck_assert(gcl_events_is_first(events));
    ck_ok(gcl_events_write(events, 7, &err)); /* nothing was added: no record */
    gcl_events_scalar(events, "losses/d", 0.625);
    gcl_events_scalar(events, "losses/g", -1e30);
    ck_ok(gcl_events_write(events, 8, &err));
    gcl_events_scalar(events, "losses/d", (double)NAN);
    gcl_events_text(events, "settings", "| a | b |\n");
    ck_ok(gcl_events_png(events, "samples", png, n, &err));
    ck_ok(gcl_events_write(events, INT64_C(1) << 40, &err));
    ck_ok(gcl_events_sync(events, &err));
    gcl_events_close(events);
    history h = {0};
    ck_assert_int_eq(read_folder(&h, folder), 1);
    ck_assert(h.records == 4 && h.starts == 1 && h.n == 5 && h.cut == 0);
    ck_assert(at_step(&h, "losses/d", 8)->number == 0.625f);
    ck_assert(at_step(&h, "losses/g", 8)->number == -1e30f);
    ck_assert(isnan(at_step(&h, "losses/d", INT64_C(1) << 40)->number));
    ck_assert_str_eq((char *)at_step(&h, "settings", INT64_C(1) << 40)->bytes, "| a | b |\n");
    const shown *sample = at_step(&h, "samples", INT64_C(1) << 40);
    ck_assert(sample->width == 5 && sample->height == 3 && sample->colours == 3);
    ck_assert(sample->n == n && memcmp(sample->bytes, png, n) == 0);
    free_history(&h);
    free(png);
    gcl_image_free(&picture);
}
END_TEST

START_TEST(what_is_no_png_is_refused)
{
    gcl_events *events = gcl_events_open(new_folder("refused"), 0, &err);
    ck_have(events);
    ck_refused(gcl_events_png(events, "samples", (const uint8_t *)"GIF89a", 6, &err) == 0, GCL_DATA,
               "samples");
    gcl_events_close(events);
    err = (gcl_error){0};
    ck_refused(gcl_events_open(in_scratch("nowhere"), 0, &err), GCL_DISK, "nowhere");
}
END_TEST

/* Without a file nothing happens. */
START_TEST(no_file_is_no_error)
{
    gcl_events_scalar(NULL, "a", 1);
    gcl_events_text(NULL, "a", "b");
    ck_ok(gcl_events_png(NULL, "a", NULL, 0, &err));
    ck_ok(gcl_events_write(NULL, 1, &err));
    ck_ok(gcl_events_sync(NULL, &err));
    ck_assert(!gcl_events_is_first(NULL));
    gcl_events_close(NULL);
}
END_TEST

/* Files of one second, and one from the future, still sort in the order that they were begun; each
 * makes the steps from its first on void in those before. */
START_TEST(later_files_sort_behind_and_make_steps_void)
{
    const char *folder = new_folder("several");
    static const int64_t firsts[] = {0, 6, 3, 9};
    char future[300];
    history h = {0};
    for (int k = 0; k < 4; k++) {
        gcl_events *events = gcl_events_open(folder, firsts[k], &err);
        ck_have(events);
        ck_assert_int_eq(gcl_events_is_first(events), k == 0);
        for (int step = (int)firsts[k]; step < 10; step++) {
            gcl_events_scalar(events, "file", k);
            ck_ok(gcl_events_write(events, step, &err));
        }
        gcl_events_close(events);
        if (k == 2) {
            snprintf(future, sizeof future, "%s/events.out.tfevents.9000000000.h.1", folder);
            put_file(future, "", 0);
        }
    }
    ck_assert_int_eq(read_folder(&h, folder), 5);
    ck_assert_int_eq(h.n, 10);
    for (int step = 0; step < 10; step++)
        ck_assert(at_step(&h, "file", step)->number == (step < 3 ? 0 : step < 9 ? 2 : 3));
    free_history(&h);
}
END_TEST

/* ---- runs ----------------------------------------------------------------------------------------- */

#define TRAIN                                                                                      \
    "-q train --set train.log_every=1 --set train.sample_every=4 --set train.checkpoint_every=5 "  \
    "--set train.keep=0 "

static void ck_near(const history *h, const char *tag, int64_t step, double wanted)
{
    double value = at_step(h, tag, step)->number;
    ck_assert_msg(fabs(value - wanted) <= 1e-6 * fabs(wanted), "%s of step %lld: %.9g, not %.9g",
                  tag, (long long)step, value, wanted);
}

/* The numbers below a key of a log line; returns how many. */
static int ck_values(const history *h, const json_t *line, const char *group, int64_t step)
{
    const char *name;
    json_t *value;
    int n = 0;
    json_object_foreach(json_object_get(line, group), name, value)
    {
        char tag[100];
        snprintf(tag, sizeof tag, "%s/%s", group, name);
        ck_near(h, tag, step, json_number_value(value));
        n++;
    }
    return n;
}

/* Each line of log.jsonl is in the event files, once, and no other number is. */
static void ck_tells_the_log(const history *h, const char *run, int last)
{
    char path[300];
    size_t n;
    int step = 0, numbers = 0, told = 0;
    snprintf(path, sizeof path, "%s/log.jsonl", run);
    char *text = get_file(path, &n);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, step++) {
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        ck_assert_int_eq((int)json_at(object, "step"), step);
        int losses = ck_values(h, object, "losses", step), rates = ck_values(h, object, "lr", step);
        ck_assert(losses > 0 && rates > 0);
        ck_near(h, "images_per_s", step, json_at(object, "images_per_s"));
        ck_near(h, "device_bytes", step, json_at(object, "device_bytes"));
        double wait = at_step(h, "data_wait", step)->number;
        ck_assert(fabs(wait - json_at(object, "data_wait")) < 6e-5); /* the log tells 4 decimals */
        numbers += losses + rates + 3;
        json_decref(object);
    }
    free(text);
    ck_assert_int_eq(step, last);
    for (int i = 0; i < h->n; i++)
        told += h->values[i].bytes == NULL;
    ck_assert_int_eq(told, numbers);
}

static void ck_picture(const history *h, const char *tag, int64_t step, const char *path)
{
    size_t n;
    char *png = get_file(path, &n);
    const shown *value = at_step(h, tag, step);
    ck_assert_msg(value->n == n && memcmp(value->bytes, png, n) == 0, "%s", path);
    free(png);
}

/* Every sheet of the run, and no other picture. */
static void ck_tells_the_sheets(const history *h, const char *run)
{
    struct dirent **names;
    char folder[300], path[600];
    snprintf(folder, sizeof folder, "%s/samples", run);
    int n = scandir(folder, &names, NULL, by_name), sheets = 0;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            ck_picture(h, "samples", atol(names[i]->d_name), path);
            sheets++;
        }
        free(names[i]);
    }
    free(names);
    ck_assert_int_eq(sheets, count_tag(h, "samples"));
    snprintf(path, sizeof path, "%s/reals.png", run);
    ck_picture(h, "reals", 0, path);
    ck_assert_int_eq(count_tag(h, "reals"), 1);
}

/* The last `bytes` of the newest event file get lost, as when the process was killed. */
static void cut_newest(const char *run, int bytes)
{
    struct dirent **names;
    char path[600];
    struct stat facts;
    int n = scandir(run, &names, is_event_file, by_name);
    ck_assert_int_gt(n, 0);
    snprintf(path, sizeof path, "%s/%s", run, names[n - 1]->d_name);
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_int_eq(truncate(path, facts.st_size - bytes), 0);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* Stopped at step 13 with a sheet that is not in the rhythm, cut, back to 10, on to 14, on to 17. */
START_TEST(a_run_in_pieces_tells_each_step_once)
{
    const char *run = in_scratch("run");
    history h = {0};
    ck_exits(0, TRAIN "--model dcgan:tiny --batch 2 --steps 13 --out run");
    read_folder(&h, run);
    ck_tells_the_log(&h, run, 13);
    ck_tells_the_sheets(&h, run);
    ck_assert(strstr((char *)at_step(&h, "settings", 0)->bytes, "| model | dcgan:tiny |\n"));
    ck_assert(strstr((char *)at_step(&h, "settings", 0)->bytes, "| version | ganocl "));
    ck_assert(strstr((char *)at_step(&h, "settings", 0)->bytes, "| device | "));
    free_history(&h);
    cut_newest(run, 9);
    ck_exits(0, "-q train --resume run/checkpoints/step-0000010.safetensors --steps 14");
    ck_exits(0, "-q train --resume run --steps 17");
    remove(in_scratch("run/samples/000013.png")); /* of the future that was given up */
    ck_assert_int_eq(read_folder(&h, run), 3);
    ck_assert(h.cut == 1 && h.starts == 3);
    ck_tells_the_log(&h, run, 17);
    ck_tells_the_sheets(&h, run);
    free_history(&h);
}
END_TEST

/* No file may grow beyond 1 MB, which is enough for what compilers of kernels write on the way: the
 * event file, which has the pictures of a sheet a step, is the first to fail, amid a record, of which
 * nothing stays. */
START_TEST(a_full_disk_ends_with_7_and_leaves_no_gap)
{
    char line[1300];
    history h = {0};
    snprintf(
        line, sizeof line,
        "cd '%s' && trap '' XFSZ && ulimit -f 2000 && '%s' --device '%s' " TRAIN
        "--set train.sample_every=1 --model dcgan:tiny --batch 2 --steps 30 --out full >out 2>err",
        scratch, program, test_device());
    int status = system(line);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%d %s", status, said("err"));
    ck_said("train.events=false");
    ck_exits(0, "-q train --resume full --steps 30");
    ck_assert_int_eq(read_folder(&h, in_scratch("full")), 2);
    ck_assert_int_eq(h.cut, 0);
    ck_tells_the_log(&h, in_scratch("full"), 30);
    ck_tells_the_sheets(&h, in_scratch("full"));
    free_history(&h);
}
END_TEST

START_TEST(no_events_where_none_are_wanted)
{
    history h = {0};
    ck_exits(0, TRAIN "--model dcgan:tiny --batch 2 --steps 1 --set train.events=false --out none");
    ck_assert_int_eq(read_folder(&h, in_scratch("none")), 0);
    ck_exits(0, "-q train --resume none --steps 2 --set train.events=true");
    ck_assert_int_eq(read_folder(&h, in_scratch("none")), 1);
    ck_assert(h.n > 0 && h.values[0].step == 1);
    ck_assert_int_eq(count_tag(&h, "reals"), 1); /* this file is the run's first */
    free_history(&h);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("events");
    TCase *tests = tcase_create("events");
    tcase_add_test(tests, crc32c_agrees_with_rfc_3720);
    tcase_add_test(tests, wire_agrees_with_published_bytes);
    tcase_add_test(tests, a_file_holds_what_was_added);
    tcase_add_test(tests, what_is_no_png_is_refused);
    tcase_add_test(tests, no_file_is_no_error);
    tcase_add_test(tests, later_files_sort_behind_and_make_steps_void);
    tcase_add_test(tests, a_run_in_pieces_tells_each_step_once);
    tcase_add_test(tests, a_full_disk_ends_with_7_and_leaves_no_gap);
    tcase_add_test(tests, no_events_where_none_are_wanted);
    return run_tests("events", tests);
}
