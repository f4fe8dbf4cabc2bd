/* For those who add a format of data set: one file that ends in a row of this table, and the row's
 * name in the list in datasets/dataset.c.
 *
 * A row's functions see the open data set below. `load` gives pictures as they are stored; cutting,
 * resizing, mirroring and levels are the same for all formats (datasets/item.h). */
#ifndef GCL_DATASETS_FORMAT_H
#define GCL_DATASETS_FORMAT_H

#include <pthread.h>

#include "datasets/dataset.h"
#include "datasets/item.h"

/* An item as the bytes of its files: one, two of a pair, or one that holds both side by side. */
typedef struct gcl_item_files {
    uint8_t *bytes[2]; /* the caller free()s them; NULL: there is none */
    size_t n[2];
    bool halves;
} gcl_item_files;

typedef struct gcl_dataset_format {
    const char *name; /* for data.format= */
    const char *line; /* "name: a few words", for help texts */
    const char *is;   /* what a spec that was recognised is, in a sentence: "is an MNIST ..." */
    unsigned kinds;   /* bits 1 << GCL_WANT_...: the kinds of item that it can give */
    /* Says whether a spec is of this format: cheap, looks at names and first bytes only. */
    bool (*recognise)(const char *spec);
    /* Sets count, name, facts, state and what else applies below, for options.wanted.kind.
     * Errors: GCL_DATA, GCL_USAGE. After a failure, close is called. */
    int (*open)(gcl_dataset *dataset, const char *spec, gcl_error *err);
    void (*close)(gcl_dataset *dataset); /* frees state; may be NULL */
    /* Item `index`, from several threads at once. On failure the item may be half filled. */
    int (*load)(const gcl_dataset *dataset, size_t index, int side, gcl_item *item, gcl_error *err);
    /* The files of item `index`, for packing (datasets/packed.h), from several threads at once. NULL:
     * the format has none, or leave the bytes NULL for an item that has none. Errors: GCL_DATA,
     * GCL_MEMORY. */
    int (*files)(const gcl_dataset *dataset, size_t index, gcl_item_files *files, gcl_error *err);
    /* The class of an item, without reading pictures; -1: cannot be read. NULL where kinds lack
     * GCL_WANT_LABELLED. */
    int (*label)(const gcl_dataset *dataset, size_t index);
    /* Adds the item's name, which never changes: a path within the data set, or a number. */
    void (*item_name)(const gcl_dataset *dataset, size_t index, gcl_text *name);
} gcl_dataset_format;

struct gcl_dataset {
    const gcl_dataset_format *format;
    char *spec; /* what was opened */
    gcl_dataset_options options;
    size_t n_items;     /* of the format; set by open */
    char *name, *facts; /* facts: what is in it; how it is cropped is added to it for describe */
    void *state;        /* the format's own */
    bool drawn;         /* pictures are made at the size wanted: nothing is cropped or resized */
    int margin;    /* black pixels on every side, unless pictures are wanted at their own size */
    bool is_split; /* the format gives the items of options.split only */
    char **class_names; /* labelled: [n_classes], owned */
    int n_classes;

    size_t count; /* items after the hold-out */
    size_t *kept; /* [count]: which items of the format; NULL: all */
    char *description;
    pthread_mutex_t lock; /* guards what follows */
    uint8_t *unreadable;  /* [count]: 1 once an item failed */
    size_t n_unreadable;
};

extern const gcl_dataset_format gcl_format_faces, gcl_format_mnist, gcl_format_cifar,
    gcl_format_lmdb, gcl_format_packed, gcl_format_pairs, gcl_format_sides, gcl_format_classes,
    gcl_format_folder;

/* What to do when a data set gives no pairs, or no classes. */
#define GCL_DATASET_PAIRS_HELP                                                                     \
    "pairs are folders A/ and B/ with equal names, A|B pictures (twice as wide as high), or "      \
    "builtin:faces; `ganocl dataset pair` makes them of pictures"
#define GCL_DATASET_CLASSES_HELP                                                                   \
    "classes are a folder of pictures for each class, MNIST with its labels, CIFAR-10, or "        \
    "builtin:faces"

/* "graphics" from "/data/graphics/" or "graphics.tar"; "pictures" where the path does not say, as
 * in "..". The caller free()s it. */
char *gcl_dataset_last_part(const char *spec);

#endif
