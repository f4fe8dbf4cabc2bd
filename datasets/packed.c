#include "datasets/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/sha256.h"
#include "datasets/format.h"

enum { ALIGN = GCL_PACKED_ALIGN };

typedef struct packed {
    const uint8_t *bytes; /* the whole file */
    size_t n_bytes;
    const uint8_t *head, *records; /* in it */
    const char *texts;
    uint64_t index_at, n_records, texts_bytes, n_classes;
    size_t *items;          /* [dataset->n_items]: which records are given */
    atomic_uchar *compared; /* [n_records]: 1 once the checksums of its pictures were right */
} packed;

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

static bool packed_recognise(const char *spec)
{
    uint8_t magic[8];
    struct stat status;
    int fd = open(spec, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool found = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                 read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                 memcmp(magic, GCL_PACKED_MAGIC, sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int map(packed *p, const char *spec, gcl_error *err)
{
    struct stat status;
    int fd = open(spec, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        gcl_fail(err, GCL_DATA, "%s: cannot be opened: %s", spec,
                 fd < 0 ? strerror(errno) : "it is not a file");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    p->n_bytes = (size_t)status.st_size;
    void *mapped =
        p->n_bytes > 0 ? mmap(NULL, p->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    int reason = errno;
    close(fd);
    if (mapped == MAP_FAILED && p->n_bytes > 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be mapped: %s", spec, strerror(reason));
    p->bytes = mapped != MAP_FAILED ? mapped : NULL;
    return 0;
}

/* Header and footer: is it ours, can it be read, is it whole? */
static int check_ends(packed *p, const char *spec, gcl_error *err)
{
    size_t n = p->n_bytes;
    if (n < 8 || memcmp(p->bytes, GCL_PACKED_MAGIC, 8) != 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: is not a packed data set; `ganocl dataset convert` makes one", spec);
    if (n >= 12 && get(p->bytes + 8, 4) != GCL_PACKED_VERSION)
        return gcl_fail(err, GCL_DATA,
                        "%s: is a packed data set of version %u, and this program reads version "
                        "%d; convert the pictures again",
                        spec, (unsigned)get(p->bytes + 8, 4), GCL_PACKED_VERSION);
    const uint8_t *footer = p->bytes + n - ALIGN;
    if (n < 3 * ALIGN || memcmp(footer + 56, GCL_PACKED_END, 8) != 0)
        return gcl_fail(
            err, GCL_DATA,
            "%s: is cut short: its %zu bytes do not end as a packed data set does; copy "
            "it again",
            spec, n);
    uint64_t at = get(footer, 8), length = get(footer + 8, 8), end = n - ALIGN;
    if (at % ALIGN != 0 || at < ALIGN || at > end || length < ALIGN || length > end - at ||
        end - at - length >= ALIGN)
        return gcl_fail(err, GCL_DATA, "%s: is damaged: its end does not tell where its index is",
                        spec);
    p->index_at = at;
    p->head = p->bytes + at;
    p->records = p->head + ALIGN;
    p->n_records = get(p->head, 8);
    p->texts_bytes = get(p->head + 8, 8);
    p->n_classes = get(p->head + 16, 4);
    if (p->n_records > (length - ALIGN) / ALIGN ||
        p->texts_bytes != length - ALIGN - p->n_records * ALIGN)
        return gcl_fail(err, GCL_DATA, "%s: is damaged: its index has %ju bytes, for %ju items",
                        spec, (uintmax_t)length, (uintmax_t)p->n_records);
    p->texts = (const char *)p->records + p->n_records * ALIGN;
    return 0;
}

static int check_sum(const packed *p, const char *spec, gcl_error *err)
{
    const uint8_t *footer = p->bytes + p->n_bytes - ALIGN;
    uint8_t digest[GCL_SHA256_BYTES];
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, p->bytes, ALIGN);
    gcl_sha256_add(&sum, p->head, (size_t)(ALIGN + p->n_records * ALIGN + p->texts_bytes));
    gcl_sha256_end(&sum, digest);
    if (memcmp(digest, footer + 16, sizeof digest) == 0)
        return 0;
    return gcl_fail(
        err, GCL_DATA,
        "%s: is damaged: its index does not have the checksum that it was written with; "
        "copy it again, or convert the pictures again",
        spec);
}

/* Whether what a record tells can be: a file may have a right checksum and still be nobody's. */
static bool is_sound_picture(const packed *p, const uint8_t *record, int k)
{
    uint64_t at = get(record + 8 * k, 8), bytes = get(record + 16 + 4 * k, 4);
    uint64_t width = get(record + 32 + 8 * k, 4), height = get(record + 36 + 8 * k, 4);
    unsigned channels = record[58 + k];
    if (at < ALIGN || at > p->index_at || bytes > p->index_at - at)
        return false;
    return record[56] != GCL_PACKED_PIXELS ||
           (width > 0 && width <= INT32_MAX && height > 0 &&
            height <= GCL_IMAGE_MAX_PIXELS / width && (channels == 1 || channels == 3) &&
            width * height * channels == bytes);
}

static bool is_sound(const packed *p, const uint8_t *record)
{
    bool pairs = get(p->head + 24, 4) & GCL_PACKED_PAIRS;
    int32_t label = (int32_t)get(record + 28, 4);
    bool two = pairs && record[56] != GCL_PACKED_HALVES;
    return record[56] < (pairs ? GCL_PACKED_CODINGS : GCL_PACKED_HALVES) &&
           get(record + 24, 4) < p->texts_bytes && label >= -1 &&
           (label < 0 || (uint64_t)label < p->n_classes) && is_sound_picture(p, record, 0) &&
           (two ? is_sound_picture(p, record, 1) : get(record + 8, 8) == 0);
}

static int check_records(const packed *p, const char *spec, gcl_error *err)
{
    bool good = p->texts_bytes > 0 && p->texts[p->texts_bytes - 1] == 0 && p->n_records > 0 &&
                p->n_classes <= INT32_MAX && p->n_classes < p->texts_bytes;
    for (uint64_t i = 0; good && i < p->n_records; i++)
        good = is_sound(p, p->records + i * ALIGN);
    return good ? 0 : gcl_fail(err, GCL_DATA, "%s: is damaged: its index makes no sense", spec);
}

/* ---- what is in it ------------------------------------------------------------------------------ */

static void name_classes(gcl_dataset *dataset, const packed *p)
{
    const char *text = p->texts + strlen(p->texts) + 1, *end = p->texts + p->texts_bytes;
    dataset->class_names = gcl_alloc((size_t)p->n_classes * sizeof *dataset->class_names);
    for (uint64_t k = 0; k < p->n_classes && text < end; k++, text += strlen(text) + 1)
        dataset->class_names[dataset->n_classes++] = gcl_strdup(text);
}

static bool belongs(const gcl_dataset *dataset, const uint8_t *record)
{
    enum gcl_split split = dataset->options.split;
    if (dataset->options.wanted.kind == GCL_WANT_LABELLED && (int32_t)get(record + 28, 4) < 0)
        return false;
    return !dataset->is_split || split == GCL_SPLIT_ALL ||
           record[57] == (split == GCL_SPLIT_TEST ? GCL_PACKED_TEST : GCL_PACKED_TRAIN);
}

static int choose_records(gcl_dataset *dataset, packed *p, const char *spec, gcl_error *err)
{
    p->items = gcl_alloc((size_t)p->n_records * sizeof *p->items);
    for (size_t i = 0; i < p->n_records; i++)
        if (belongs(dataset, p->records + i * ALIGN))
            p->items[dataset->n_items++] = i;
    if (dataset->n_items > 0)
        return 0;
    return gcl_fail(err, GCL_DATA,
                    "%s: none of its %ju items is of the part that data.split asks "
                    "for; there is data.split=all",
                    spec, (uintmax_t)p->n_records);
}

static int check_kind(const gcl_dataset *dataset, const packed *p, const char *spec, gcl_error *err)
{
    gcl_wanted_kind kind = dataset->options.wanted.kind;
    bool pairs = get(p->head + 24, 4) & GCL_PACKED_PAIRS;
    if (kind == GCL_WANT_PAIRS && !pairs)
        return gcl_fail(err, GCL_DATA,
                        "%s: holds single pictures, but the model wants pairs of "
                        "pictures; " GCL_DATASET_PAIRS_HELP,
                        spec);
    if (kind != GCL_WANT_PAIRS && pairs)
        return gcl_fail(err, GCL_DATA, "%s: holds pairs of pictures, but the model wants %s", spec,
                        kind == GCL_WANT_PICTURES ? "pictures" : "pictures with classes");
    if (kind == GCL_WANT_LABELLED && p->n_classes < 2)
        return gcl_fail(err, GCL_DATA,
                        "%s: was packed without classes, and the model wants pictures with "
                        "classes; " GCL_DATASET_CLASSES_HELP,
                        spec);
    return 0;
}

static void tell_facts(gcl_dataset *dataset, const packed *p, const char *spec)
{
    static const char *const parts[] = {", its train part", ", its test part", ""};
    unsigned side = (unsigned)get(p->head + 20, 4);
    gcl_text facts = {0};
    gcl_text_add(&facts, "%s: %zu %s, packed", spec, dataset->n_items,
                 dataset->options.wanted.kind == GCL_WANT_PAIRS ? "pairs" : "pictures");
    if (side > 0)
        gcl_text_add(&facts, " at %u x %u", side, side);
    if (dataset->n_classes > 0)
        gcl_text_add(&facts, " in %d classes", dataset->n_classes);
    gcl_text_add(&facts, "%s", dataset->is_split ? parts[dataset->options.split] : "");
    gcl_text_add(&facts, " (from %s)", p->texts);
    dataset->facts = facts.text;
}

static int packed_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    packed *p = gcl_alloc(sizeof *p);
    dataset->state = p;
    dataset->name = gcl_dataset_last_part(spec);
    if (map(p, spec, err) != 0 || check_ends(p, spec, err) != 0 || check_sum(p, spec, err) != 0 ||
        check_records(p, spec, err) != 0 || check_kind(dataset, p, spec, err) != 0)
        return -1;
    dataset->is_split = get(p->head + 24, 4) & GCL_PACKED_DIVIDED;
    if (dataset->options.wanted.kind == GCL_WANT_LABELLED)
        name_classes(dataset, p);
    p->compared = gcl_alloc((size_t)p->n_records * sizeof *p->compared);
    if (choose_records(dataset, p, spec, err) != 0)
        return -1;
    tell_facts(dataset, p, spec);
    return 0;
}

static void packed_close(gcl_dataset *dataset)
{
    packed *p = dataset->state;
    if (p == NULL)
        return;
    if (p->bytes != NULL)
        munmap((void *)(uintptr_t)p->bytes, p->n_bytes);
    free(p->items);
    free(p->compared);
    free(p);
}

/* ---- items -------------------------------------------------------------------------------------- */

static const uint8_t *record_of(const gcl_dataset *dataset, size_t index)
{
    const packed *p = dataset->state;
    return p->records + p->items[index] * ALIGN;
}

static const char *name_of(const gcl_dataset *dataset, size_t index)
{
    const packed *p = dataset->state;
    return p->texts + get(record_of(dataset, index) + 24, 4);
}

static bool has_second(const uint8_t *record) { return get(record + 8, 8) > 0; }

/* Each picture is compared with its checksum the first time that it is read. */
static int compare(const gcl_dataset *dataset, size_t index, gcl_error *err)
{
    const packed *p = dataset->state;
    const uint8_t *record = record_of(dataset, index);
    atomic_uchar *known = &p->compared[p->items[index]];
    if (atomic_load_explicit(known, memory_order_relaxed))
        return 0;
    for (int k = 0; k < 1 + has_second(record); k++) {
        const uint8_t *bytes = p->bytes + get(record + 8 * k, 8);
        if (crc32_z(0, bytes, (size_t)get(record + 16 + 4 * k, 4)) != get(record + 48 + 4 * k, 4))
            return gcl_fail(err, GCL_DATA, "%s/%s: is damaged in the packed file", dataset->spec,
                            name_of(dataset, index));
    }
    atomic_store_explicit(known, 1, memory_order_relaxed);
    return 0;
}

static int set_pixels(gcl_item *item, int which, const uint8_t *record, int k, const uint8_t *bytes,
                      gcl_error *err)
{
    gcl_image image;
    if (gcl_image_new(&image, (int)get(record + 32 + 8 * k, 4), (int)get(record + 36 + 8 * k, 4),
                      record[58 + k], err) != 0)
        return -1;
    memcpy(image.pixels, bytes, (size_t)get(record + 16 + 4 * k, 4));
    gcl_item_set(item, which, &image);
    return 0;
}

/* Stored picture k becomes picture `which` of the item. */
static int load_picture(const gcl_dataset *dataset, size_t index, int k, int which, int side,
                        gcl_item *item, gcl_error *err)
{
    const packed *p = dataset->state;
    const uint8_t *record = record_of(dataset, index), *bytes = p->bytes + get(record + 8 * k, 8);
    size_t n = (size_t)get(record + 16 + 4 * k, 4);
    gcl_text name = {0};
    if (record[56] == GCL_PACKED_PIXELS)
        return set_pixels(item, which, record, k, bytes, err);
    gcl_text_add(&name, "%s/%s", dataset->spec, name_of(dataset, index));
    int result =
        record[56] == GCL_PACKED_HALVES
            ? gcl_item_decode_halves(item, which, &dataset->options, side, bytes, n, name.text, err)
            : gcl_item_decode(item, which, &dataset->options, side, bytes, n, name.text, err);
    gcl_text_free(&name);
    return result;
}

static int packed_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                       gcl_error *err)
{
    const uint8_t *record = record_of(dataset, index);
    bool pairs = dataset->options.wanted.kind == GCL_WANT_PAIRS;
    int first = dataset->options.swap && pairs ? 1 : 0;
    item->label = (uint32_t)get(record + 28, 4);
    if (compare(dataset, index, err) != 0 ||
        load_picture(dataset, index, 0, first, side, item, err) != 0)
        return -1;
    return has_second(record) ? load_picture(dataset, index, 1, 1 - first, side, item, err) : 0;
}

static int packed_files(const gcl_dataset *dataset, size_t index, gcl_item_files *files,
                        gcl_error *err)
{
    const packed *p = dataset->state;
    const uint8_t *record = record_of(dataset, index);
    if (compare(dataset, index, err) != 0)
        return -1;
    files->halves = record[56] == GCL_PACKED_HALVES;
    for (int k = 0; record[56] != GCL_PACKED_PIXELS && k < 1 + has_second(record); k++) {
        files->n[k] = (size_t)get(record + 16 + 4 * k, 4);
        files->bytes[k] = gcl_alloc(files->n[k] + 1);
        memcpy(files->bytes[k], p->bytes + get(record + 8 * k, 8), files->n[k]);
    }
    return 0;
}

static int packed_label(const gcl_dataset *dataset, size_t index)
{
    return (int)(int32_t)get(record_of(dataset, index) + 28, 4);
}

static void packed_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    gcl_text_add(name, "%s", name_of(dataset, index));
}

const gcl_dataset_format gcl_format_packed = {
    .name = "packed",
    .line = "packed: what `ganocl dataset convert` writes: any of these in one file",
    .is = "is a packed data set",
    .kinds = 1 << GCL_WANT_PICTURES | 1 << GCL_WANT_PAIRS | 1 << GCL_WANT_LABELLED,
    .recognise = packed_recognise,
    .open = packed_open,
    .close = packed_close,
    .load = packed_load,
    .files = packed_files,
    .label = packed_label,
    .item_name = packed_item_name,
};
