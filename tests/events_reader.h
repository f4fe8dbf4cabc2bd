/* A reader of event files for tests, written apart from the writer: records with their checksums, then
 * messages field by field, then values, with what a later start makes void taken out. */
#ifndef TESTS_EVENTS_READER_H
#define TESTS_EVENTS_READER_H

#include "files_test.h"

/* One bit at a time, as RFC 3720 defines it. */
static inline uint32_t bitwise_crc32c(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return crc ^ 0xffffffff;
}

static inline uint64_t little(const uint8_t *bytes, int n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | bytes[n];
    return value;
}

static inline int crc_holds(const uint8_t *bytes, size_t n, const uint8_t *stored)
{
    uint32_t crc = bitwise_crc32c(bytes, n);
    return (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8) == (uint32_t)little(stored, 4);
}

/* ---- messages ------------------------------------------------------------------------------------- */

typedef struct field {
    int number, type;
    uint64_t value; /* of types 0, 1, 5 */
    const uint8_t *bytes;
    size_t n; /* of type 2 */
} field;

typedef struct message {
    const uint8_t *at, *end;
} message;

static inline uint64_t take_varint(message *m)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        ck_assert_msg(m->at < m->end && shift < 70, "a varint does not end");
        value |= (uint64_t)(*m->at & 0x7f) << shift;
        if ((*m->at++ & 0x80) == 0)
            return value;
    }
}

/* The next field, or 0 at the message's end. */
static inline int next_field(message *m, field *f)
{
    if (m->at == m->end)
        return 0;
    uint64_t key = take_varint(m);
    *f = (field){.number = (int)(key >> 3), .type = (int)(key & 7)};
    f->n = f->type == 1 ? 8 : f->type == 5 ? 4 : 0;
    if (f->type == 0)
        f->value = take_varint(m);
    else if (f->type == 2)
        f->n = (size_t)take_varint(m);
    else
        ck_assert_msg(f->type == 1 || f->type == 5, "wire type %d", f->type);
    ck_assert_msg(f->n <= (size_t)(m->end - m->at), "field %d goes beyond its message", f->number);
    f->bytes = m->at;
    m->at += f->n;
    if (f->type == 1 || f->type == 5)
        f->value = little(f->bytes, (int)f->n);
    return 1;
}

static inline message inside(const field *f)
{
    ck_assert_int_eq(f->type, 2);
    return (message){f->bytes, f->bytes + f->n};
}

/* Field `number` of a message, which must be there once. */
static inline field only_field(message m, int number)
{
    field f, found = {0};
    int n = 0;
    while (next_field(&m, &f))
        if (f.number == number) {
            found = f;
            n++;
        }
    ck_assert_msg(n == 1, "field %d is there %d times", number, n);
    return found;
}

/* ---- values --------------------------------------------------------------------------------------- */

typedef struct shown { /* a value of a step */
    char tag[100];
    int64_t step;
    float number;
    uint8_t *bytes; /* of a picture or text, else NULL */
    size_t n;
    int width, height, colours;
} shown;

typedef struct history {
    shown *values;
    int n, cap;
    int records, starts,
        cut; /* records read, starts among them, files that ended inside a record */
} history;

static inline void forget_from(history *h, int64_t step)
{
    int kept = 0;
    for (int i = 0; i < h->n; i++)
        if (h->values[i].step < step)
            h->values[kept++] = h->values[i];
        else
            free(h->values[i].bytes);
    h->n = kept;
}

static inline void keep_bytes(shown *v, const field *f)
{
    v->bytes = gcl_alloc(f->n + 1);
    v->n = f->n;
    memcpy(v->bytes, f->bytes, f->n);
}

static inline void take_value(history *h, int64_t step, message m)
{
    field f;
    GCL_GROW(h->values, h->n, h->cap);
    shown *v = &h->values[h->n++];
    *v = (shown){.step = step};
    while (next_field(&m, &f)) {
        if (f.number == 1) {
            snprintf(v->tag, sizeof v->tag, "%.*s", (int)f.n, (const char *)f.bytes);
        } else if (f.number == 2) {
            uint32_t bits = (uint32_t)f.value;
            ck_assert_int_eq(f.type, 5);
            memcpy(&v->number, &bits, sizeof bits);
        } else if (f.number == 4) {
            field png = only_field(inside(&f), 4);
            v->height = (int)only_field(inside(&f), 1).value;
            v->width = (int)only_field(inside(&f), 2).value;
            v->colours = (int)only_field(inside(&f), 3).value;
            keep_bytes(v, &png);
        } else if (f.number == 8) {
            field text = only_field(inside(&f), 8);
            ck_assert_int_eq((int)only_field(inside(&f), 1).value, 7); /* DT_STRING */
            keep_bytes(v, &text);
        } else if (f.number == 9) {
            field plugin = only_field(inside(&f), 1), name = only_field(inside(&plugin), 1);
            ck_assert(name.n == 4 && memcmp(name.bytes, "text", 4) == 0);
        }
    }
}

static inline void take_event(history *h, message m, int is_first)
{
    int64_t step = 0;
    field f;
    message again = m;
    ck_assert_int_eq(only_field(m, 1).type, 1); /* the time */
    while (next_field(&m, &f))
        step = f.number == 2 ? (int64_t)f.value : step;
    h->records++;
    for (m = again; next_field(&m, &f);) {
        ck_assert_int_eq(is_first, f.number == 3 || (is_first && f.number < 3));
        if (f.number == 3) {
            ck_assert(f.n == 13 && memcmp(f.bytes, "brain.Event:2", 13) == 0);
        } else if (f.number == 5) {
            message summary = inside(&f);
            for (field value; next_field(&summary, &value);)
                take_value(h, step, inside(&value));
        } else if (f.number == 7) {
            ck_assert_int_eq((int)only_field(inside(&f), 1).value, 1); /* START */
            h->starts++;
            forget_from(h, step);
        }
    }
}

/* Reads a file up to its end or the first record that is cut short. */
static inline void read_events(history *h, const char *path)
{
    size_t n;
    char *text = get_file(path, &n);
    const uint8_t *at = (const uint8_t *)text, *end = at + n;
    for (int first = 1; at < end; first = 0) {
        uint64_t length = end - at >= 12 ? little(at, 8) : UINT64_MAX;
        if (length > (uint64_t)(end - at) || (uint64_t)(end - at) - length < 16) {
            h->cut++;
            break;
        }
        ck_assert_msg(crc_holds(at, 8, at + 8), "%s: checksum of a length", path);
        ck_assert_msg(crc_holds(at + 12, length, at + 12 + length), "%s: checksum", path);
        take_event(h, (message){at + 12, at + 12 + length}, first);
        at += length + 16;
    }
    free(text);
}

static inline int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static inline int is_event_file(const struct dirent *entry)
{
    return strncmp(entry->d_name, "events.out.tfevents.", 20) == 0;
}

/* All event files of a folder, in the order of their names. Returns how many. */
static inline int read_folder(history *h, const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, is_event_file, by_name);
    for (int i = 0; i < n; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        read_events(h, path);
        free(names[i]);
    }
    free(names);
    return n;
}

static inline void free_history(history *h)
{
    forget_from(h, INT64_MIN);
    free(h->values);
    *h = (history){0};
}

/* The value of a tag at a step, which must be there once. */
static inline const shown *at_step(const history *h, const char *tag, int64_t step)
{
    const shown *found = NULL;
    int n = 0;
    for (int i = 0; i < h->n; i++)
        if (h->values[i].step == step && strcmp(h->values[i].tag, tag) == 0) {
            found = &h->values[i];
            n++;
        }
    ck_assert_msg(n == 1, "%s of step %lld is there %d times", tag, (long long)step, n);
    return found;
}

static inline int count_tag(const history *h, const char *tag)
{
    int n = 0;
    for (int i = 0; i < h->n; i++)
        n += strcmp(h->values[i].tag, tag) == 0;
    return n;
}

#endif
