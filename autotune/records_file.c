/* Records as text: their lines, the person's file, the shipped ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autotune/internal.h"
#include "autotune/program.h"
#include "base/log.h"
#include "device/device.h"
#include "plan/single.h"

/* ---- a record ------------------------------------------------------------------------------------- */

json_t *gcl_choice_json(const gcl_variant *variant, const int values[GCL_MAX_PARAMS])
{
    json_t *object = json_object();
    for (int i = 0; i < variant->n_params; i++)
        json_object_set_new(object, variant->params[i].name, json_integer(values[i]));
    return object;
}

int gcl_choice_read(const json_t *object, const gcl_variant *variant, int values[GCL_MAX_PARAMS])
{
    memset(values, 0, GCL_MAX_PARAMS * sizeof *values);
    if (!json_is_object(object))
        return -1;
    for (int i = 0; i < variant->n_params; i++) {
        const json_t *value = json_object_get(object, variant->params[i].name);
        json_int_t number = json_integer_value(value);
        if (value == NULL)
            return 1;
        if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
            return -1;
        values[i] = (int)number;
    }
    return json_object_size(object) == (size_t)variant->n_params ? 0 : 1;
}

json_t *gcl_record_json(const gcl_record *r)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "platform", r->platform, "device", r->device,
                               "driver", r->driver);
    gcl_workload_write(&r->work, object);
    json_object_set_new(object, "variant", json_string(r->choice.variant->name));
    json_object_set_new(object, "values", gcl_choice_json(r->choice.variant, r->choice.values));
    if (r->rejected[0] != 0) {
        json_object_set_new(object, "rejected", json_string(r->rejected));
        return object;
    }
    if (r->source == GCL_RECORD_RUN) {
        json_object_set_new(object, "from", json_integer(r->from));
    } else {
        json_object_set_new(object, "usual", gcl_choice_json(r->choice.variant, r->usual));
        json_object_set_new(object, "kept", json_boolean(r->kept));
        json_object_set_new(object, "us", json_real(r->us));
        json_object_set_new(object, "before_us", json_real(r->before_us));
        json_object_set_new(object, "stage", json_integer(r->stage));
        json_object_set_new(object, "space", json_string(r->space));
    }
    json_object_set_new(object, "programs", json_string(r->programs));
    return object;
}

static int read_text(const json_t *object, const char *key, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value == NULL || strlen(value) >= size)
        return -1;
    memcpy(text, value, strlen(value) + 1);
    return 0;
}

static int read_choice(gcl_record *r, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "variant"));
    if (name == NULL)
        return -1;
    r->choice.variant = gcl_variant_find(r->work.op, name);
    if (r->choice.variant == NULL)
        return 1;
    return gcl_choice_read(json_object_get(object, "values"), r->choice.variant, r->choice.values);
}

static int read_record(gcl_record *r, const json_t *object, const gcl_op *const *ops)
{
    memset(r, 0, sizeof *r);
    if (read_text(object, "platform", r->platform, sizeof r->platform) != 0 ||
        read_text(object, "device", r->device, sizeof r->device) != 0 ||
        read_text(object, "driver", r->driver, sizeof r->driver) != 0)
        return -1;
    int status = gcl_workload_read(&r->work, object, ops);
    if (status == 0)
        status = read_choice(r, object);
    if (status != 0)
        return status;
    if (json_object_get(object, "rejected") != NULL)
        return read_text(object, "rejected", r->rejected, sizeof r->rejected);
    r->from = json_integer_value(json_object_get(object, "from"));
    r->kept = json_is_true(json_object_get(object, "kept"));
    r->us = json_number_value(json_object_get(object, "us"));
    r->before_us = json_number_value(json_object_get(object, "before_us"));
    r->stage = (int)json_integer_value(json_object_get(object, "stage"));
    if (read_text(object, "programs", r->programs, sizeof r->programs) != 0)
        return -1;
    if (json_object_get(object, "from") != NULL)
        return 0;
    status = read_text(object, "space", r->space, sizeof r->space);
    return status != 0
               ? status
               : gcl_choice_read(json_object_get(object, "usual"), r->choice.variant, r->usual);
}

/* ---- reading -------------------------------------------------------------------------------------- */

static int take_object(gcl_records *records, const json_t *object, gcl_record_source source)
{
    gcl_record record;
    int status = read_record(&record, object, records->ops);
    record.source = source;
    if (status == 0)
        gcl_records_add(records, &record);
    return status < 0;
}

int gcl_records_read_array(gcl_records *records, const json_t *array, gcl_record_source source)
{
    int damaged = 0;
    for (size_t i = 0; i < json_array_size(array); i++)
        damaged += take_object(records, json_array_get(array, i), source);
    return damaged;
}

static int take_line(gcl_records *records, const char *line, size_t n, gcl_record_source source)
{
    if (strspn(line, " \t\r\n") == n)
        return 0;
    json_t *object = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    int damaged = object != NULL ? take_object(records, object, source) : 1;
    json_decref(object);
    return damaged;
}

int gcl_records_read(gcl_records *records, const char *path, gcl_record_source source)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int number = 0, first = 0, damaged = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while ((n = getline(&line, &room, file)) > 0) {
        number++;
        int bad = take_line(records, line, (size_t)n, source);
        first = bad && damaged == 0 ? number : first;
        damaged += bad;
    }
    if (damaged > 0)
        gcl_warn("%s:%d: is no tuning record; %d such line%s skipped", path, first, damaged,
                 damaged > 1 ? "s were" : " was");
    free(line);
    fclose(file);
    return damaged;
}

/* ---- where they are ------------------------------------------------------------------------------- */

int gcl_records_off(void)
{
    const char *given = getenv("GANOCL_RECORDS");
    return given != NULL && strcmp(given, "off") == 0;
}

static int is_record_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 6 && strcmp(entry->d_name + n - 6, ".jsonl") == 0;
}

/* All *.jsonl of a folder in the order of their names. Returns 0 if there is no such folder. */
static int read_folder(gcl_records *records, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_record_file, alphasort);
    for (int i = 0; i < n; i++) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%s", folder, entries[i]->d_name);
        gcl_records_read(records, path.text, GCL_RECORD_SHIPPED);
        gcl_text_free(&path);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return n >= 0;
}

/* As found from the program's own place: in its folder, in the one above (a build in ./build). */
static int read_beside_program(gcl_records *records)
{
    static const char *const places[] = {"autotune/db", "../autotune/db"};
    char *program = gcl_program_path(), *slash = strrchr(program, '/');
    int found = 0;
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof *places && !found; i++) {
        gcl_text folder = {0};
        gcl_text_add(&folder, "%.*s/%s", (int)(slash - program), program, places[i]);
        found = read_folder(records, folder.text);
        gcl_text_free(&folder);
    }
    free(program);
    return found;
}

static void read_shipped(gcl_records *records)
{
    const char *given = getenv("GANOCL_RECORDS");
    if (given != NULL && *given != 0)
        read_folder(records, given);
    else if (!read_beside_program(records))
        read_folder(records, GCL_RECORDS_FOLDER);
}

/* The person's file; 0 if there is no folder for one. */
static int add_user_path(gcl_text *path)
{
    if (!gcl_cache_folder(path))
        return 0;
    gcl_text_add(path, "/tuned.jsonl");
    return 1;
}

gcl_records *gcl_records_known(const gcl_op *const *ops)
{
    gcl_records *records = gcl_records_new(ops);
    gcl_text path = {0};
    if (gcl_records_off())
        return records;
    read_shipped(records);
    if (add_user_path(&path))
        gcl_records_read(records, path.text, GCL_RECORD_USER);
    gcl_text_free(&path);
    return records;
}

/* ---- writing -------------------------------------------------------------------------------------- */

/* 1 if the file ends inside a line: what a process that died has left. */
static int ends_within_line(int file)
{
    char last = '\n';
    off_t end = lseek(file, 0, SEEK_END);
    return end > 0 && pread(file, &last, 1, end - 1) == 1 && last != '\n';
}

/* Waits for the other processes that append; their lock ends with them. */
static int wait_for_turn(int file)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result;
    while ((result = fcntl(file, F_SETLKW, &whole)) != 0 && errno == EINTR)
        ;
    return result;
}

/* One write of a whole line at the end, which no other process' line can get into. On a full disk
 * nothing of it stays, where the file can be locked; else half a line, which readers skip. */
static int append_line(const char *path, const char *line, gcl_error *err)
{
    int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
        return gcl_fail(err, GCL_DISK, "%s: %s", path, strerror(errno));
    gcl_text whole = {0};
    int locked = wait_for_turn(file) == 0;
    gcl_text_add(&whole, "%s%s\n", ends_within_line(file) ? "\n" : "", line);
    off_t end = lseek(file, 0, SEEK_END);
    ssize_t n = write(file, whole.text, whole.length);
    int bad = n < 0 ? errno : (size_t)n < whole.length ? ENOSPC : 0;
    if (bad != 0 && n > 0 && locked && ftruncate(file, end) != 0)
        gcl_verbose("%s: ends within a line", path);
    if (close(file) != 0 && bad == 0)
        bad = errno;
    gcl_text_free(&whole);
    return bad == 0 ? 0 : gcl_fail(err, GCL_DISK, "%s: %s", path, strerror(bad));
}

int gcl_records_keep(gcl_records *records, const gcl_record *record, gcl_error *err)
{
    gcl_text path = {0};
    int result = -1;
    if (gcl_records_off()) {
        gcl_fail(err, GCL_USAGE, "GANOCL_RECORDS=off: tuning has nowhere to keep what it finds");
    } else if (!add_user_path(&path)) {
        gcl_fail(err, GCL_USAGE,
                 "there is no folder for tuning records (GANOCL_CACHE=off, or no HOME); set "
                 "GANOCL_CACHE to one");
    } else {
        json_t *object = gcl_record_json(record);
        char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
        gcl_cache_writable();
        result = append_line(path.text, line, err);
        free(line);
        json_decref(object);
    }
    if (result == 0)
        gcl_records_add(records, record);
    gcl_text_free(&path);
    return result;
}
