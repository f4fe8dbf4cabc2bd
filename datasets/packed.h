/* A data set packed to one file, which is mapped into memory when it is read (datasets/packed.c) and
 * written front to back (datasets/packer.c).
 *
 *     gcl_packer *packer = gcl_packer_begin("faces.pack", &facts, &err);
 *     gcl_packed_item item;
 *     gcl_packed_make(&item, dataset, i, 128, &err);           from any thread
 *     gcl_packer_add(packer, &item, &err);
 *     gcl_packed_item_free(&item);
 *     gcl_packer_commit(packer, &err);
 *
 * All numbers are little-endian. Every part begins at a multiple of 64 bytes:
 *
 *     header    [0, 8) magic   [8, 12) version
 *     pictures  one behind the other
 *     index     head: [0, 8) items   [8, 16) bytes of texts   [16, 20) classes   [20, 24) side, 0: any
 *                     [24, 28) flags
 *               a record an item: [0, 16) where its pictures lie   [16, 24) their bytes
 *                     [24, 28) its name in the texts   [28, 32) class, -1: none
 *                     [32, 48) width, height; of the second picture   [48, 56) CRC-32 of each
 *                     [56] coding   [57] part   [58] channels of each
 *               texts, each ended by a zero: what was packed, the names of the classes, of the items
 *     footer    [0, 8) where the index lies   [8, 16) its bytes   [16, 48) SHA-256 of header and
 *               index   [56, 64) end mark
 *
 * A file that was cut short has no footer; one that was changed has another checksum, of the index or of
 * a picture. */
#ifndef GCL_DATASETS_PACKED_H
#define GCL_DATASETS_PACKED_H

#include "datasets/dataset.h"

#define GCL_PACKED_MAGIC "\x89GCP\r\n\x1A\n" /* 8 bytes; a transfer as text would change them */
#define GCL_PACKED_END   "GCP end\n"
enum {
    GCL_PACKED_VERSION = 1,
    GCL_PACKED_ALIGN = 64,  /* also the bytes of header, index head, record and footer */
    GCL_PACKED_PAIRS = 1,   /* flags: items are pairs, */
    GCL_PACKED_DIVIDED = 2, /* and belong to a train or a test part */
};

enum gcl_packed_coding {
    GCL_PACKED_PIXELS, /* [height, width, channels] */
    GCL_PACKED_FILE,   /* a JPEG or PNG */
    GCL_PACKED_HALVES, /* a JPEG or PNG that holds both of a pair, side by side */
    GCL_PACKED_CODINGS
};

enum gcl_packed_part { GCL_PACKED_TRAIN, GCL_PACKED_TEST, GCL_PACKED_OTHER };

typedef struct gcl_packed_item {
    enum gcl_packed_coding coding;
    struct {
        uint8_t *bytes; /* owned; NULL: there is none */
        size_t n;
        int width, height, channels;
    } pictures[2]; /* the second of pairs that are two pictures */
    char *name;    /* owned */
    int label;     /* -1: none */
    enum gcl_packed_part part;
} gcl_packed_item;

/* Item `index` as it is to be stored: cut and resized to side x side pixels as the data set's options
 * say, in its own colours; or with side 0 the files it comes from (its pixels, where there are none).
 * Label and part are left to the caller. Several threads may call it at once. Errors: GCL_DATA (cannot
 * be decoded), GCL_MEMORY; `item` is then empty. */
int gcl_packed_make(gcl_packed_item *item, const gcl_dataset *dataset, size_t index, int side,
                    gcl_error *err);
void gcl_packed_item_free(gcl_packed_item *item);

typedef struct gcl_packer_facts {
    int side;
    bool pairs, divided;
    const gcl_dataset *labelled; /* gives the names of the classes; NULL: there are none */
    const char *source;          /* what is packed, for people */
} gcl_packer_facts;

typedef struct gcl_packer gcl_packer;

/* The file appears under `path` when it is committed, whole or not at all. Errors: GCL_DISK. */
gcl_packer *gcl_packer_begin(const char *path, const gcl_packer_facts *facts, gcl_error *err);
/* Appends an item. Errors: GCL_DISK, GCL_DATA (texts beyond 4 GiB). */
int gcl_packer_add(gcl_packer *packer, const gcl_packed_item *item, gcl_error *err);
int gcl_packer_commit(gcl_packer *packer, gcl_error *err); /* frees it, on failure too */
void gcl_packer_abandon(gcl_packer *packer);               /* nothing is left; NULL is fine */

#endif
