/* What the formats made of picture files share (folder, classes, pairs, sides): files in a folder, a
 * tar or a zip, of the split that was asked for, arranged to items. */
#ifndef GCL_DATASETS_LISTING_H
#define GCL_DATASETS_LISTING_H

#include "datasets/files.h"
#include "datasets/format.h"

typedef struct gcl_listing_item {
    size_t file[2]; /* numbers in `files`: the picture; of a pair A and B */
    uint32_t label;
} gcl_listing_item;

typedef struct gcl_listing {
    gcl_files files;
    gcl_listing_item *items; /* [dataset->n_items] */
    enum { GCL_LISTING_SINGLE, GCL_LISTING_TWO_FILES, GCL_LISTING_HALVES } layout;
} gcl_listing;

/* Finds the files: dataset->state is then a gcl_listing without items, dataset->name and is_split are
 * set. Errors: GCL_DATA (unreadable, no pictures). */
int gcl_listing_find(gcl_dataset *dataset, const char *spec, gcl_error *err);
/* Leaves those of the split that was asked for. Errors: GCL_DATA (no such part). */
int gcl_listing_keep_split(gcl_dataset *dataset, gcl_error *err);
/* Both. */
int gcl_listing_open(gcl_dataset *dataset, const char *spec, gcl_error *err);
/* Makes each file an item. */
void gcl_listing_take_all(gcl_dataset *dataset);
/* Sets the facts: "SPEC: WHAT (2 JPEG, 2 PNG; 3 other files left out)". */
void gcl_listing_set_facts(gcl_dataset *dataset, const char *what);

/* For the rows of the format table. */
void gcl_listing_close(gcl_dataset *dataset);
int gcl_listing_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                     gcl_error *err);
int gcl_listing_files(const gcl_dataset *dataset, size_t index, gcl_item_files *files,
                      gcl_error *err);
void gcl_listing_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name);

#endif
