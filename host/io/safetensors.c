#include "io/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/atomic.h"

/* The reference implementation refuses longer headers too. */
#define MAX_HEADER_BYTES 100000000u

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}};

enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

const char *gcl_file_dtype_name(gcl_file_dtype dtype) { return dtypes[dtype].name; }


const char *gcl_dims_text(const int64_t *dims, int n_dims)
{
    static char texts[4][160];
    static int turn;
    char *text = texts[turn++ & 3];
    size_t at = (size_t)snprintf(text, sizeof texts[0], "[");
    for (int i = 0; i < n_dims && at < sizeof texts[0]; i++)
        at += (size_t)snprintf(text + at, sizeof texts[0] - at, "%s%lld", i ? "," : "",
                               (long long)dims[i]);
    if (at < sizeof texts[0])
        snprintf(text + at, sizeof texts[0] - at, "]");
    return text;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct gcl_safetensors {
    char *path;
    uint8_t *map; /* the whole file */
    size_t map_bytes;
    const uint8_t *data; /* behind the header */
    size_t data_bytes;
    json_t *header;     /* owns the names */
    gcl_entry *entries; /* by place in the data */
    const gcl_entry **by_name;
    int n;
};

static uint64_t little(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static int map_file(gcl_safetensors *file, gcl_error *err)
{
    const char *path = file->path;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return gcl_fail(err, GCL_DATA, "%s: is not a file", path);
    }
    file->map_bytes = (size_t)status.st_size;
    if (file->map_bytes < 8) {
        close(fd);
        return gcl_fail(err, GCL_DATA, "%s: is not a safetensors file (%zu bytes are too few)",
                        path, file->map_bytes);
    }
    void *map = mmap(NULL, file->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    close(fd);
    if (map == MAP_FAILED)
        return gcl_fail(err, reason == ENOMEM ? GCL_MEMORY : GCL_DATA, "%s: cannot be mapped: %s",
                        path, strerror(reason));
    file->map = map;
    return 0;
}

static int parse_header(gcl_safetensors *file, gcl_error *err)
{
    uint64_t length = little(file->map, 8);
    if (length > file->map_bytes - 8) {
        /* A cut file has a header that makes sense; any other file has a wild number here. */
        int cut = length <= MAX_HEADER_BYTES && (file->map_bytes == 8 || file->map[8] == '{');
        return gcl_fail(
            err, GCL_DATA,
            cut ? "%s: is truncated: its header of %llu bytes does not fit into %zu bytes"
                : "%s: is not a safetensors file (header of %llu bytes in a file of %zu)",
            file->path, (unsigned long long)length, file->map_bytes);
    }
    if (length > MAX_HEADER_BYTES)
        return gcl_fail(err, GCL_DATA, "%s: header of %llu bytes (at most %u are read)", file->path,
                        (unsigned long long)length, MAX_HEADER_BYTES);
    json_error_t why;
    file->header =
        json_loadb((const char *)file->map + 8, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (file->header == NULL)
        return gcl_fail(err, GCL_DATA, "%s: header is not valid JSON: %s (byte %d)", file->path,
                        why.text, 8 + why.position);
    if (!json_is_object(file->header))
        return gcl_fail(err, GCL_DATA, "%s: header is not a JSON object", file->path);
    file->data = file->map + 8 + length;
    file->data_bytes = file->map_bytes - 8 - (size_t)length;
    return 0;
}

static int parse_shape(gcl_safetensors *file, gcl_entry *entry, const json_t *shape, gcl_error *err)
{
    if (!json_is_array(shape) || json_array_size(shape) > GCL_FILE_DIMS)
        return gcl_fail(err, GCL_DATA, "%s: %s: shape is not a list of at most %d sizes",
                        file->path, entry->name, GCL_FILE_DIMS);
    entry->n_dims = (int)json_array_size(shape);
    entry->count = 1;
    for (int i = 0; i < entry->n_dims; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        json_int_t d = json_is_integer(size) ? json_integer_value(size) : -1;
        if (d < 0)
            return gcl_fail(err, GCL_DATA, "%s: %s: size %d of its shape is not a whole number",
                            file->path, entry->name, i);
        if (d != 0 && entry->count > INT64_MAX / 16 / d)
            return gcl_fail(err, GCL_DATA, "%s: %s: shape has too many elements", file->path,
                            entry->name);
        entry->dims[i] = d;
        entry->count *= d;
    }
    return 0;
}

static int parse_dtype(gcl_safetensors *file, gcl_entry *entry, const json_t *dtype, gcl_error *err)
{
    const char *name = json_string_value(dtype);
    for (int i = 0; name != NULL && i < N_DTYPES; i++)
        if (strcmp(name, dtypes[i].name) == 0) {
            entry->dtype = (gcl_file_dtype)i;
            return 0;
        }
    return gcl_fail(err, GCL_DATA, "%s: %s: element type %s is not one of F32, F64, I32, I64, U8",
                    file->path, entry->name, name != NULL ? name : "(not a string)");
}

static int parse_place(gcl_safetensors *file, gcl_entry *entry, const json_t *offsets,
                       gcl_error *err)
{
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return gcl_fail(err, GCL_DATA, "%s: %s: data_offsets is not a pair of numbers", file->path,
                        entry->name);
    json_int_t begin = json_integer_value(from), end = json_integer_value(to);
    if (begin < 0 || end < begin)
        return gcl_fail(err, GCL_DATA, "%s: %s: data_offsets [%lld, %lld] run backwards",
                        file->path, entry->name, (long long)begin, (long long)end);
    if ((uint64_t)end > file->data_bytes)
        return gcl_fail(
            err, GCL_DATA,
            "%s: is truncated: %s ends at byte %lld of the data, but only %zu are there",
            file->path, entry->name, (long long)end, file->data_bytes);
    uint64_t wanted = (uint64_t)entry->count * dtypes[entry->dtype].bytes;
    if ((uint64_t)(end - begin) != wanted)
        return gcl_fail(err, GCL_DATA, "%s: %s: has %lld bytes, but %s %s needs %llu", file->path,
                        entry->name, (long long)(end - begin), dtypes[entry->dtype].name,
                        gcl_dims_text(entry->dims, entry->n_dims), (unsigned long long)wanted);
    entry->data = file->data + begin;
    entry->bytes = (size_t)wanted;
    return 0;
}

static int parse_entry(gcl_safetensors *file, const char *name, const json_t *value, gcl_error *err)
{
    gcl_entry *entry = &file->entries[file->n++];
    entry->name = name;
    if (!json_is_object(value))
        return gcl_fail(err, GCL_DATA, "%s: %s: is not described by a JSON object", file->path,
                        name);
    if (parse_dtype(file, entry, json_object_get(value, "dtype"), err) != 0 ||
        parse_shape(file, entry, json_object_get(value, "shape"), err) != 0)
        return -1;
    return parse_place(file, entry, json_object_get(value, "data_offsets"), err);
}

static int check_metadata(gcl_safetensors *file, const json_t *meta, gcl_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(meta))
        return gcl_fail(err, GCL_DATA, "%s: __metadata__ is not a JSON object", file->path);
    json_object_foreach((json_t *)meta, key, value)
    {
        if (!json_is_string(value))
            return gcl_fail(err, GCL_DATA, "%s: __metadata__: %s is not a string", file->path, key);
    }
    return 0;
}

/* Empty tensors come before the one that starts at the same place. */
static int by_place(const void *a, const void *b)
{
    const gcl_entry *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const gcl_entry *const *)a)->name, (*(const gcl_entry *const *)b)->name);
}

/* Each byte of the data belongs to exactly one tensor. */
static int check_cover(gcl_safetensors *file, gcl_error *err)
{
    const uint8_t *at = file->data;
    for (int i = 0; i < file->n; i++) {
        const gcl_entry *entry = &file->entries[i];
        if (entry->data < at)
            return gcl_fail(err, GCL_DATA, "%s: %s: its data overlaps that of %s", file->path,
                            entry->name, file->entries[i - 1].name);
        if (entry->data > at)
            return gcl_fail(err, GCL_DATA, "%s: %td bytes before %s belong to no tensor",
                            file->path, entry->data - at, entry->name);
        at += entry->bytes;
    }
    if (at != file->data + file->data_bytes)
        return gcl_fail(err, GCL_DATA, "%s: %td bytes at its end belong to no tensor", file->path,
                        file->data + file->data_bytes - at);
    return 0;
}

static int parse(gcl_safetensors *file, gcl_error *err)
{
    if (map_file(file, err) != 0 || parse_header(file, err) != 0)
        return -1;
    size_t n = json_object_size(file->header);
    file->entries = gcl_alloc((n + 1) * sizeof *file->entries);
    const char *name;
    json_t *value;
    json_object_foreach(file->header, name, value)
    {
        int result = strcmp(name, "__metadata__") == 0 ? check_metadata(file, value, err)
                                                       : parse_entry(file, name, value, err);
        if (result != 0)
            return -1;
    }
    qsort(file->entries, (size_t)file->n, sizeof *file->entries, by_place);
    file->by_name = gcl_alloc(((size_t)file->n + 1) * sizeof *file->by_name);
    for (int i = 0; i < file->n; i++)
        file->by_name[i] = &file->entries[i];
    qsort(file->by_name, (size_t)file->n, sizeof *file->by_name, compare_names);
    return check_cover(file, err);
}

gcl_safetensors *gcl_safetensors_open(const char *path, gcl_error *err)
{
    gcl_safetensors *file = gcl_alloc(sizeof *file);
    file->path = gcl_strdup(path);
    if (parse(file, err) != 0) {
        gcl_safetensors_close(file);
        return NULL;
    }
    return file;
}

void gcl_safetensors_close(gcl_safetensors *file)
{
    if (file == NULL)
        return;
    if (file->map != NULL)
        munmap(file->map, file->map_bytes);
    json_decref(file->header);
    free(file->entries);
    free(file->by_name);
    free(file->path);
    free(file);
}

const char *gcl_safetensors_path(const gcl_safetensors *file) { return file->path; }

int gcl_safetensors_count(const gcl_safetensors *file) { return file->n; }

const gcl_entry *gcl_safetensors_at(const gcl_safetensors *file, int i)
{
    return &file->entries[i];
}

const gcl_entry *gcl_safetensors_find(const gcl_safetensors *file, const char *name)
{
    gcl_entry wanted = {.name = name};
    const gcl_entry *key = &wanted;
    const gcl_entry **found =
        bsearch(&key, file->by_name, (size_t)file->n, sizeof *file->by_name, compare_names);
    return found != NULL ? *found : NULL;
}

const char *gcl_safetensors_meta(const gcl_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

void gcl_entry_floats(const gcl_entry *entry, float *values)
{
    size_t width = dtypes[entry->dtype].bytes;
    for (int64_t i = 0; i < entry->count; i++) {
        uint64_t bits = little(entry->data + (size_t)i * width, width);
        uint32_t low = (uint32_t)bits;
        double wide;
        switch (entry->dtype) {
        case GCL_FILE_F32: memcpy(&values[i], &low, 4); break;
        case GCL_FILE_F64:
            memcpy(&wide, &bits, 8);
            values[i] = (float)wide;
            break;
        case GCL_FILE_I32: values[i] = (float)(int32_t)low; break;
        case GCL_FILE_I64: values[i] = (float)(int64_t)bits; break;
        case GCL_FILE_U8: values[i] = (float)low; break;
        }
    }
}

/* ---- writing ------------------------------------------------------------------------------------ */

struct gcl_writer {
    json_t *header, *meta;
    gcl_atomic *file;
    char *path, *twice; /* twice: a name declared twice */
    uint64_t declared, given;
};

gcl_writer *gcl_writer_new(void)
{
    gcl_writer *writer = gcl_alloc(sizeof *writer);
    writer->header = json_object();
    writer->meta = json_object();
    return writer;
}

void gcl_writer_meta(gcl_writer *writer, const char *key, const char *value)
{
    json_object_set_new(writer->meta, key, json_string(value));
}

void gcl_writer_declare(gcl_writer *writer, const char *name, gcl_file_dtype dtype,
                        const int64_t *dims, int n_dims)
{
    json_t *shape = json_array();
    uint64_t bytes = dtypes[dtype].bytes;
    for (int i = 0; i < n_dims; i++) {
        json_array_append_new(shape, json_integer(dims[i]));
        bytes *= (uint64_t)dims[i];
    }
    if (json_object_get(writer->header, name) != NULL && writer->twice == NULL)
        writer->twice = gcl_strdup(name);
    json_object_set_new(writer->header, name,
                        json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtypes[dtype].name, "shape",
                                  shape, "data_offsets", (json_int_t)writer->declared,
                                  (json_int_t)(writer->declared + bytes)));
    writer->declared += bytes;
}

/* Length, metadata first, tensors as declared, spaces up to a multiple of 8. */
static int write_header(gcl_writer *writer, gcl_error *err)
{
    json_t *whole = json_object();
    if (json_object_size(writer->meta) > 0)
        json_object_set(whole, "__metadata__", writer->meta);
    json_object_update(whole, writer->header);
    char *text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    if (text == NULL)
        return gcl_fail(err, GCL_FAILED, "%s: a name or a setting is not valid UTF-8",
                        writer->path);
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    uint8_t prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (uint8_t)((uint64_t)padded >> (8 * i));
    int result = gcl_atomic_write(writer->file, prefix, 8, err);
    if (result == 0)
        result = gcl_atomic_write(writer->file, text, length, err);
    if (result == 0)
        result = gcl_atomic_write(writer->file, "        ", padded - length, err);
    free(text);
    return result;
}

int gcl_writer_begin(gcl_writer *writer, const char *path, gcl_error *err)
{
    writer->path = gcl_strdup(path);
    if (writer->twice != NULL)
        return gcl_fail(err, GCL_FAILED, "%s: tensor %s would be in it twice", path, writer->twice);
    writer->file = gcl_atomic_begin(path, err);
    return writer->file == NULL ? -1 : write_header(writer, err);
}

int gcl_writer_data(gcl_writer *writer, const void *data, size_t bytes, gcl_error *err)
{
    if (writer->file == NULL)
        return gcl_fail(err, GCL_DISK, "%s: was not begun", writer->path ? writer->path : "file");
    writer->given += bytes;
    return gcl_atomic_write(writer->file, data, bytes, err);
}

int gcl_writer_commit(gcl_writer *writer, gcl_error *err)
{
    int result = -1;
    if (writer->given != writer->declared) {
        gcl_fail(err, GCL_FAILED, "%s: %llu bytes of data were given, %llu declared", writer->path,
                 (unsigned long long)writer->given, (unsigned long long)writer->declared);
    } else if (writer->file != NULL) {
        result = gcl_atomic_commit(writer->file, err);
        writer->file = NULL;
    }
    gcl_writer_abandon(writer);
    return result;
}

void gcl_writer_abandon(gcl_writer *writer)
{
    if (writer == NULL)
        return;
    gcl_atomic_abandon(writer->file);
    json_decref(writer->header);
    json_decref(writer->meta);
    free(writer->path);
    free(writer->twice);
    free(writer);
}
