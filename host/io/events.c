#include "io/events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/crc32c.h"
#include "io/file.h"
#include "io/image.h"
#include "io/wire.h"

/* Field numbers, by message. */
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_LOG = 7 };
enum { LOG_STATUS = 1, LOG_START = 1 /* a status */ };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_IMAGE = 4, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH = 2, IMAGE_COLOURS = 3, IMAGE_BYTES = 4 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_STRINGS = 8, TYPE_STRING = 7 /* a type */ };
enum { METADATA_PLUGIN = 1, METADATA_CLASS = 4, CLASS_TENSOR = 2 /* a class */ };
enum { PLUGIN_NAME = 1 };

static const char prefix[] = "events.out.tfevents.";

struct gcl_events {
    char *path;
    int fd, is_first;
    gcl_text summary;              /* message Summary, as far as it has come */
    gcl_text value, event, record; /* reused */
};

/* ---- records -------------------------------------------------------------------------------------- */

static uint32_t masked_crc(const void *bytes, size_t n)
{
    uint32_t crc = gcl_crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

static void frame(gcl_text *record, const gcl_text *bytes)
{
    record->length = 0;
    gcl_wire_fixed(record, bytes->length, 8);
    gcl_wire_fixed(record, masked_crc(record->text, 8), 4);
    gcl_text_add_bytes(record, bytes->text, bytes->length);
    gcl_wire_fixed(record, masked_crc(bytes->text, bytes->length), 4);
}

static int fail_disk(const char *path, gcl_error *err)
{
    return gcl_fail(err, GCL_DISK,
                    "%s: cannot be written: %s; free space, choose another --out, or do without: "
                    "--set train.events=false",
                    path, strerror(errno));
}

static int put_record(gcl_events *events, gcl_error *err)
{
    const gcl_text *record = &events->record;
    frame(&events->record, &events->event);
    return gcl_file_append(events->fd, record->text, record->length) == 0
               ? 0
               : fail_disk(events->path, err);
}

static void begin_event(gcl_events *events, int64_t step)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    events->event.length = 0;
    gcl_wire_double(&events->event, EVENT_WALL_TIME,
                    (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    gcl_wire_int(&events->event, EVENT_STEP, step);
}

static int put_heads(gcl_events *events, int64_t first_step, gcl_error *err)
{
    begin_event(events, 0);
    gcl_wire_string(&events->event, EVENT_VERSION, "brain.Event:2");
    if (put_record(events, err) != 0)
        return -1;
    begin_event(events, first_step);
    events->value.length = 0;
    gcl_wire_int(&events->value, LOG_STATUS, LOG_START);
    gcl_wire_message(&events->event, EVENT_LOG, &events->value);
    return put_record(events, err);
}

/* ---- the file ------------------------------------------------------------------------------------- */

/* The time in the name of the newest event file in the folder; 0: there is none. */
static long long newest_time(const char *folder)
{
    long long newest = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        long long seconds = strtoll(entry->d_name + sizeof prefix - 1, NULL, 10);
        newest = seconds > newest ? seconds : newest;
    }
    if (dir != NULL)
        closedir(dir);
    return newest;
}

/* Readers take files in the order of their names, so each must be later than the one before, even when
 * both began in one second or the clock was set back. */
static char *new_path(const char *folder, int *is_first)
{
    char host[256] = "";
    gcl_text path = {0};
    long long newest = newest_time(folder), now = (long long)time(NULL);
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == 0)
        strcpy(host, "localhost");
    for (char *c = host; *c != 0; c++)
        *c = *c == '/' ? '-' : *c;
    *is_first = newest == 0;
    gcl_text_add(&path, "%s/%s%010lld.%s.%ld", folder, prefix, now > newest ? now : newest + 1,
                 host, (long)getpid());
    return path.text;
}

gcl_events *gcl_events_open(const char *folder, int64_t first_step, gcl_error *err)
{
    gcl_events *events = gcl_alloc(sizeof *events);
    events->path = new_path(folder, &events->is_first);
    events->fd = open(events->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (events->fd < 0)
        fail_disk(events->path, err);
    else if (put_heads(events, first_step, err) == 0)
        return events;
    gcl_events_close(events);
    return NULL;
}

void gcl_events_close(gcl_events *events)
{
    if (events == NULL)
        return;
    if (events->fd >= 0)
        close(events->fd);
    gcl_text_free(&events->summary);
    gcl_text_free(&events->value);
    gcl_text_free(&events->event);
    gcl_text_free(&events->record);
    free(events->path);
    free(events);
}

int gcl_events_is_first(const gcl_events *events) { return events != NULL && events->is_first; }

/* ---- values --------------------------------------------------------------------------------------- */

static gcl_text *begin_value(gcl_events *events, const char *tag)
{
    events->value.length = 0;
    gcl_wire_string(&events->value, VALUE_TAG, tag);
    return &events->value;
}

static void end_value(gcl_events *events)
{
    gcl_wire_message(&events->summary, SUMMARY_VALUE, &events->value);
}

void gcl_events_scalar(gcl_events *events, const char *tag, double value)
{
    if (events == NULL)
        return;
    gcl_wire_float(begin_value(events, tag), VALUE_SIMPLE, (float)value);
    end_value(events);
}

/* Metadata that names the plugin "text", and a tensor of no dimensions that holds one string. */
void gcl_events_text(gcl_events *events, const char *tag, const char *markdown)
{
    if (events == NULL)
        return;
    gcl_text plugin = {0}, metadata = {0}, tensor = {0};
    gcl_wire_string(&plugin, PLUGIN_NAME, "text");
    gcl_wire_message(&metadata, METADATA_PLUGIN, &plugin);
    gcl_wire_int(&metadata, METADATA_CLASS, CLASS_TENSOR);
    gcl_wire_int(&tensor, TENSOR_TYPE, TYPE_STRING);
    gcl_wire_bytes(&tensor, TENSOR_SHAPE, "", 0);
    gcl_wire_string(&tensor, TENSOR_STRINGS, markdown);
    gcl_text *value = begin_value(events, tag);
    gcl_wire_message(value, VALUE_METADATA, &metadata);
    gcl_wire_message(value, VALUE_TENSOR, &tensor);
    end_value(events);
    gcl_text_free(&plugin);
    gcl_text_free(&metadata);
    gcl_text_free(&tensor);
}

int gcl_events_png(gcl_events *events, const char *tag, const uint8_t *png, size_t n,
                   gcl_error *err)
{
    gcl_image_header header;
    gcl_text image = {0};
    if (events == NULL)
        return 0;
    if (gcl_image_read_header(png, n, tag, &header, err) != 0)
        return -1;
    gcl_wire_int(&image, IMAGE_HEIGHT, header.height);
    gcl_wire_int(&image, IMAGE_WIDTH, header.width);
    gcl_wire_int(&image, IMAGE_COLOURS, header.channels);
    gcl_wire_bytes(&image, IMAGE_BYTES, png, n);
    gcl_wire_message(begin_value(events, tag), VALUE_IMAGE, &image);
    end_value(events);
    gcl_text_free(&image);
    return 0;
}

int gcl_events_write(gcl_events *events, int64_t step, gcl_error *err)
{
    if (events == NULL || events->summary.length == 0)
        return 0;
    begin_event(events, step);
    gcl_wire_message(&events->event, EVENT_SUMMARY, &events->summary);
    events->summary.length = 0;
    return put_record(events, err);
}

int gcl_events_sync(gcl_events *events, gcl_error *err)
{
    if (events == NULL || fsync(events->fd) == 0 || errno == EINVAL)
        return 0;
    return fail_disk(events->path, err);
}
