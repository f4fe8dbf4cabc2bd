#include "report/history.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/curves.h"
#include "report/text.h"

/* A line of 128 losses has some 4 KiB; what is much longer is none of ours. */
enum { MOST_LINE = 1 << 18 };

typedef struct last_values {
    double step, images, seconds, dropped, device_bytes;
} last_values;

struct gcl_history {
    char *path;
    off_t at;     /* read so far */
    int skipping; /* amid a line that is too long */
    int64_t lines, damaged;
    last_values last;
    double most_bytes;
    gcl_curves *curves, *evaluations;
    double evaluated; /* step of the last evaluation, -1: none */
    char *buffer;     /* [MOST_LINE] */
};

gcl_history *gcl_history_new(const char *path)
{
    gcl_history *h = gcl_alloc(sizeof *h);
    h->path = gcl_strdup(path);
    h->curves = gcl_curves_new();
    h->evaluations = gcl_curves_new();
    h->buffer = gcl_alloc(MOST_LINE);
    h->last.step = h->evaluated = -1;
    return h;
}

void gcl_history_free(gcl_history *h)
{
    if (h == NULL)
        return;
    gcl_curves_free(h->curves);
    gcl_curves_free(h->evaluations);
    free(h->buffer);
    free(h->path);
    free(h);
}

/* The log was cut short behind our back: from the beginning. */
static void restart(gcl_history *h)
{
    gcl_curves_free(h->curves);
    gcl_curves_free(h->evaluations);
    h->curves = gcl_curves_new();
    h->evaluations = gcl_curves_new();
    h->evaluated = -1;
    h->at = 0;
    h->skipping = 0;
    h->lines = h->damaged = 0;
    h->last = (last_values){.step = -1};
    h->most_bytes = 0;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void take_group(gcl_curves *curves, const char *group, json_t *values)
{
    const char *name;
    json_t *value;
    json_object_foreach(values, name, value)
    {
        if (json_is_number(value) || json_is_null(value))
            gcl_curves_value(curves, group, name,
                             json_is_null(value) ? NAN : json_number_value(value));
    }
}

static void take_object(gcl_history *h, json_t *line)
{
    const char *key;
    json_t *value;
    last_values now = {number(line, "step"), number(line, "images"), number(line, "seconds"),
                       number(line, "dropped"), number(line, "device_bytes")};
    double rate = number(line, "images_per_s");
    h->last = now;
    h->most_bytes = fmax(h->most_bytes, now.device_bytes);
    gcl_curves_line(h->curves, now.step, now.images, now.seconds);
    json_object_foreach(line, key, value)
    {
        if (json_is_object(value))
            take_group(h->curves, key, value);
    }
    if (rate > 0) /* 0: not known yet, after a start */
        gcl_curves_value(h->curves, "images_per_s", "images_per_s", rate);
    if (now.device_bytes > 0)
        gcl_curves_value(h->curves, "device_bytes", "device_bytes", now.device_bytes);
}

static void take_evaluation(gcl_history *h, json_t *line)
{
    h->evaluated = number(line, "step");
    gcl_curves_line(h->evaluations, h->evaluated, number(line, "images"), number(line, "seconds"));
    take_group(h->evaluations, "eval", json_object_get(line, "eval"));
}

static void take_line(gcl_history *h, const char *text, size_t n)
{
    while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
        n--;
    if (n == 0)
        return;
    json_t *line = json_loadb(text, n, 0, NULL);
    int is_evaluation = json_is_object(json_object_get(line, "eval"));
    if (is_evaluation && number(line, "step") > h->evaluated) {
        take_evaluation(h, line);
    } else if (!is_evaluation && json_is_object(line) && number(line, "step") > h->last.step) {
        h->lines++;
        take_object(h, line);
    } else {
        h->damaged++;
    }
    json_decref(line);
}

/* Takes the whole lines among the n bytes in the buffer; returns how many bytes are done with. */
static size_t take_lines(gcl_history *h, size_t n)
{
    size_t done = 0;
    const char *end;
    while ((end = memchr(h->buffer + done, '\n', n - done)) != NULL) {
        size_t length = (size_t)(end - h->buffer) - done;
        if (!h->skipping)
            take_line(h, h->buffer + done, length);
        h->skipping = 0;
        done += length + 1;
    }
    if (done == 0 && n == MOST_LINE) {
        h->damaged += !h->skipping;
        h->skipping = 1;
        done = n;
    }
    return done;
}

void gcl_history_read(gcl_history *h)
{
    struct stat facts;
    int fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &facts) == 0 && facts.st_size < h->at)
        restart(h);
    for (;;) {
        ssize_t n = pread(fd, h->buffer, MOST_LINE, h->at);
        if (n < 0 && errno == EINTR)
            continue;
        size_t done = n > 0 ? take_lines(h, (size_t)n) : 0;
        if (done == 0)
            break;
        h->at += (off_t)done;
    }
    close(fd);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void add_count(gcl_text *out, const char *before, const char *key, double value)
{
    gcl_text_add(out, "%s\"%s\":", before, key);
    if (isfinite(value))
        gcl_text_add(out, "%.12g", value);
    else
        gcl_text_add(out, "null");
}

void gcl_history_json(const gcl_history *h, gcl_text *out)
{
    gcl_text_add(out, "{\"lines\":%lld,\"damaged\":%lld,\"last\":", (long long)h->lines,
                 (long long)h->damaged);
    if (h->lines > 0) {
        add_count(out, "{", "step", h->last.step);
        add_count(out, ",", "images", h->last.images);
        add_count(out, ",", "seconds", h->last.seconds);
        add_count(out, ",", "dropped", h->last.dropped);
        add_count(out, ",", "device_bytes", h->last.device_bytes);
        gcl_text_add(out, "}");
    } else {
        gcl_text_add(out, "null");
    }
    add_count(out, ",", "most_bytes", h->most_bytes);
    gcl_text_add(out, ",\"curves\":");
    gcl_curves_json(h->curves, out);
    gcl_text_add(out, ",\"evaluations\":");
    if (h->evaluated >= 0)
        gcl_curves_json(h->evaluations, out);
    else
        gcl_text_add(out, "null");
    gcl_text_add(out, "}");
}
