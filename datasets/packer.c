#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "datasets/format.h"
#include "datasets/packed.h"
#include "io/atomic.h"

/* ---- items -------------------------------------------------------------------------------------- */

void gcl_packed_item_free(gcl_packed_item *item)
{
    free(item->pictures[0].bytes);
    free(item->pictures[1].bytes);
    free(item->name);
    *item = (gcl_packed_item){.label = -1};
}

/* Takes over the pixels. */
static void set_pixels(gcl_packed_item *item, int which, gcl_image *image)
{
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    item->pictures[which].bytes = image->pixels;
    item->pictures[which].n = n;
    item->pictures[which].width = image->width;
    item->pictures[which].height = image->height;
    item->pictures[which].channels = image->channels;
    *image = (gcl_image){0};
}

/* Pictures as they were loaded, or cut and resized as training does it. */
static int make_pixels(gcl_packed_item *item, const gcl_dataset *dataset, gcl_item *loaded,
                       int side, gcl_error *err)
{
    int n = dataset->options.wanted.kind == GCL_WANT_PAIRS ? 2 : 1;
    item->coding = GCL_PACKED_PIXELS;
    for (int k = 0; k < n; k++) {
        gcl_image *whole = &loaded->pictures[k].image, square;
        if (side > 0 &&
            gcl_item_fit(loaded, k, &dataset->options, side, whole->channels, &square, err) != 0)
            return -1;
        set_pixels(item, k, side > 0 ? &square : whole);
    }
    return 0;
}

/* The files behind the item, if it has some; -1 on error. Sizes are for information. */
static int make_files(gcl_packed_item *item, const gcl_dataset *dataset, size_t index,
                      const gcl_item *loaded, gcl_error *err)
{
    gcl_item_files files = {0};
    if (dataset->format->files == NULL)
        return 0;
    if (dataset->format->files(dataset, index, &files, err) != 0)
        return -1;
    item->coding = files.halves ? GCL_PACKED_HALVES : GCL_PACKED_FILE;
    for (int k = 0; k < 2; k++) {
        item->pictures[k].bytes = files.bytes[k];
        item->pictures[k].n = files.n[k];
        item->pictures[k].width = loaded->pictures[k].image.width;
        item->pictures[k].height = loaded->pictures[k].image.height;
        item->pictures[k].channels = loaded->pictures[k].image.channels;
    }
    return 0;
}

int gcl_packed_make(gcl_packed_item *item, const gcl_dataset *dataset, size_t index, int side,
                    gcl_error *err)
{
    gcl_item loaded = {0};
    size_t stored = dataset->kept != NULL ? dataset->kept[index] : index;
    *item = (gcl_packed_item){.label = -1};
    int result = dataset->format->load(dataset, stored, side, &loaded, err);
    if (result == 0 && side == 0)
        result = make_files(item, dataset, stored, &loaded, err);
    if (result == 0 && item->pictures[0].bytes == NULL)
        result = make_pixels(item, dataset, &loaded, side, err);
    gcl_item_free(&loaded);
    item->name = gcl_dataset_item_name(dataset, index);
    if (result != 0)
        gcl_packed_item_free(item);
    return result;
}

/* ---- the file ----------------------------------------------------------------------------------- */

struct gcl_packer {
    gcl_atomic *file;
    uint64_t at; /* bytes written */
    gcl_packer_facts facts;
    uint32_t n_classes;
    gcl_text records, texts;
    uint64_t n_items;
    uint8_t header[GCL_PACKED_ALIGN];
};

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* Writes n bytes at the next multiple of GCL_PACKED_ALIGN; *at says where. */
static int write_aligned(gcl_packer *packer, const void *bytes, size_t n, uint64_t *at,
                         gcl_error *err)
{
    static const uint8_t zeros[GCL_PACKED_ALIGN];
    size_t gap = (size_t)(-packer->at % GCL_PACKED_ALIGN);
    if (gcl_atomic_write(packer->file, zeros, gap, err) != 0 ||
        gcl_atomic_write(packer->file, bytes, n, err) != 0)
        return -1;
    *at = packer->at + gap;
    packer->at = *at + n;
    return 0;
}

static void add_text(gcl_packer *packer, const char *text)
{
    gcl_text_add_bytes(&packer->texts, text, strlen(text) + 1);
}

gcl_packer *gcl_packer_begin(const char *path, const gcl_packer_facts *facts, gcl_error *err)
{
    uint64_t at;
    gcl_atomic *file = gcl_atomic_begin(path, err);
    if (file == NULL)
        return NULL;
    gcl_packer *packer = gcl_alloc(sizeof *packer);
    packer->file = file;
    packer->facts = *facts;
    memcpy(packer->header, GCL_PACKED_MAGIC, 8);
    put(packer->header + 8, GCL_PACKED_VERSION, 4);
    add_text(packer, facts->source);
    if (facts->labelled != NULL)
        packer->n_classes = (uint32_t)gcl_dataset_classes(facts->labelled);
    for (int k = 0; k < (int)packer->n_classes; k++)
        add_text(packer, gcl_dataset_class_name(facts->labelled, k));
    if (write_aligned(packer, packer->header, sizeof packer->header, &at, err) != 0) {
        gcl_packer_abandon(packer);
        return NULL;
    }
    return packer;
}

int gcl_packer_add(gcl_packer *packer, const gcl_packed_item *item, gcl_error *err)
{
    uint8_t record[GCL_PACKED_ALIGN] = {0};
    uint64_t at;
    for (int k = 0; k < 2; k++) {
        if (item->pictures[k].bytes == NULL)
            continue;
        if (write_aligned(packer, item->pictures[k].bytes, item->pictures[k].n, &at, err) != 0)
            return -1;
        put(record + 8 * k, at, 8);
        put(record + 16 + 4 * k, item->pictures[k].n, 4);
        put(record + 32 + 8 * k, (uint64_t)item->pictures[k].width, 4);
        put(record + 36 + 8 * k, (uint64_t)item->pictures[k].height, 4);
        put(record + 48 + 4 * k, crc32_z(0, item->pictures[k].bytes, item->pictures[k].n), 4);
        record[58 + k] = (uint8_t)item->pictures[k].channels;
    }
    if (packer->texts.length > UINT32_MAX - strlen(item->name) - 1)
        return gcl_fail(err, GCL_DATA, "%s: the names of the items are more than 4 GiB",
                        item->name);
    put(record + 24, packer->texts.length, 4);
    put(record + 28, (uint32_t)item->label, 4);
    record[56] = (uint8_t)item->coding;
    record[57] = (uint8_t)item->part;
    add_text(packer, item->name);
    gcl_text_add_bytes(&packer->records, (const char *)record, sizeof record);
    packer->n_items++;
    return 0;
}

static int write_end(gcl_packer *packer, gcl_error *err)
{
    uint8_t head[GCL_PACKED_ALIGN] = {0}, footer[GCL_PACKED_ALIGN] = {0};
    uint64_t index_at, at;
    gcl_sha256 sum;
    put(head, packer->n_items, 8);
    put(head + 8, packer->texts.length, 8);
    put(head + 16, packer->n_classes, 4);
    put(head + 20, (uint64_t)packer->facts.side, 4);
    put(head + 24,
        (packer->facts.pairs ? GCL_PACKED_PAIRS : 0u) |
            (packer->facts.divided ? GCL_PACKED_DIVIDED : 0u),
        4);
    if (write_aligned(packer, head, sizeof head, &index_at, err) != 0 ||
        write_aligned(packer, packer->records.text, packer->records.length, &at, err) != 0 ||
        write_aligned(packer, packer->texts.text, packer->texts.length, &at, err) != 0)
        return -1;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, packer->header, sizeof packer->header);
    gcl_sha256_add(&sum, head, sizeof head);
    gcl_sha256_add(&sum, packer->records.text, packer->records.length);
    gcl_sha256_add(&sum, packer->texts.text, packer->texts.length);
    put(footer, index_at, 8);
    put(footer + 8, packer->at - index_at, 8);
    gcl_sha256_end(&sum, footer + 16);
    memcpy(footer + 56, GCL_PACKED_END, 8);
    return write_aligned(packer, footer, sizeof footer, &at, err);
}

static void release(gcl_packer *packer)
{
    gcl_text_free(&packer->records);
    gcl_text_free(&packer->texts);
    free(packer);
}

int gcl_packer_commit(gcl_packer *packer, gcl_error *err)
{
    if (write_end(packer, err) != 0) {
        gcl_packer_abandon(packer);
        return -1;
    }
    int result = gcl_atomic_commit(packer->file, err);
    release(packer);
    return result;
}

void gcl_packer_abandon(gcl_packer *packer)
{
    if (packer == NULL)
        return;
    gcl_atomic_abandon(packer->file);
    release(packer);
}
