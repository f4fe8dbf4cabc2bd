#include "train/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/atomic.h"
#include "io/file.h"

struct gcl_journal {
    char *path;
    int fd;
    gcl_text line; /* reused */
};

static int fail_disk(const char *path, gcl_error *err)
{
    return gcl_fail(err, GCL_DISK, "%s: cannot be written: %s; free space or choose another --out",
                    path, strerror(errno));
}

/* The number behind "KEY": in a line of ours, or `otherwise`. */
static double number_after(const char *line, const char *key, double otherwise)
{
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(line, quoted);
    return found != NULL ? strtod(found + strlen(quoted), NULL) : otherwise;
}

/* How many bytes of the text are whole lines of steps before `first_step`. */
static size_t bytes_to_keep(char *text, int64_t first_step, double *seconds, int64_t *dropped)
{
    size_t kept = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        double step = number_after(line, "step", INFINITY);
        int is_evaluation =
            strstr(line, "\"eval\":") != NULL; /* of the weights before the update */
        if (!(step < (double)first_step + is_evaluation))
            break;
        *seconds = number_after(line, "seconds", 0);
        if (!is_evaluation)
            *dropped = (int64_t)number_after(line, "dropped", 0);
        kept = (size_t)(end + 1 - text);
    }
    return kept;
}

static int cut(const char *path, int64_t first_step, double *seconds, int64_t *dropped,
               gcl_error *err)
{
    uint8_t *text = NULL;
    size_t n = 0;
    *seconds = 0;
    *dropped = 0;
    if (gcl_path_kind(path) == 0)
        return 0;
    if (gcl_file_read(path, SIZE_MAX - 1, &text, &n, err) != 0)
        return -1;
    text[n] = 0;
    size_t kept = bytes_to_keep((char *)text, first_step, seconds, dropped);
    free(text);
    return kept == n || truncate(path, (off_t)kept) == 0 ? 0 : fail_disk(path, err);
}

gcl_journal *gcl_journal_open(const char *path, int64_t first_step, double *seconds,
                              int64_t *dropped, gcl_error *err)
{
    if (cut(path, first_step, seconds, dropped, err) != 0)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        fail_disk(path, err);
        return NULL;
    }
    gcl_journal *journal = gcl_alloc(sizeof *journal);
    journal->path = gcl_strdup(path);
    journal->fd = fd;
    return journal;
}

static void add_number(gcl_text *text, double value)
{
    if (isfinite(value))
        gcl_text_add(text, "%.9g", value);
    else
        gcl_text_add(text, "null");
}

static void add_values(gcl_text *text, const char *name, const gcl_named_value *values, int n)
{
    gcl_text_add(text, ", \"%s\": {", name);
    for (int i = 0; i < n; i++) {
        gcl_text_add(text, "%s\"%s\": ", i > 0 ? ", " : "", values[i].name);
        add_number(text, values[i].value);
    }
    gcl_text_add(text, "}");
}

static void begin_line(gcl_text *text, int64_t step, int64_t images, double seconds)
{
    text->length = 0;
    gcl_text_add(text, "{\"step\": %lld, \"images\": %lld, \"seconds\": %.3f", (long long)step,
                 (long long)images, seconds);
}

static int end_line(gcl_journal *journal, gcl_error *err)
{
    gcl_text *text = &journal->line;
    gcl_text_add(text, "}\n");
    return gcl_file_append(journal->fd, text->text, text->length) == 0
               ? 0
               : fail_disk(journal->path, err);
}

int gcl_journal_write(gcl_journal *journal, const gcl_journal_line *line, gcl_error *err)
{
    gcl_text *text = &journal->line;
    begin_line(text, line->step, line->images, line->seconds);
    add_values(text, "losses", line->losses, line->n_losses);
    add_values(text, "lr", line->rates, line->n_rates);
    gcl_text_add(text, ", \"images_per_s\": ");
    add_number(text, line->images_per_s);
    if (line->data_wait != NULL)
        gcl_text_add(text, ", \"data_wait\": %.4f", *line->data_wait);
    gcl_text_add(text, ", \"device_bytes\": %llu", (unsigned long long)line->device_bytes);
    if (line->dropped > 0)
        gcl_text_add(text, ", \"dropped\": %lld", (long long)line->dropped);
    return end_line(journal, err);
}

int gcl_journal_write_evaluation(gcl_journal *journal, const gcl_journal_evaluation *line,
                                 gcl_error *err)
{
    gcl_text *text = &journal->line;
    begin_line(text, line->step, line->images, line->seconds);
    add_values(text, "eval", line->values, line->n_values);
    gcl_text_add(text, ", \"eval_seconds\": %.3f", line->took);
    return end_line(journal, err);
}

int gcl_journal_sync(gcl_journal *journal, gcl_error *err)
{
    return fsync(journal->fd) == 0 || errno == EINVAL ? 0 : fail_disk(journal->path, err);
}

void gcl_journal_close(gcl_journal *journal)
{
    if (journal == NULL)
        return;
    close(journal->fd);
    gcl_text_free(&journal->line);
    free(journal->path);
    free(journal);
}
