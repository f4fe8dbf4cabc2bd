/* The classes that a list gives to pictures: dataset.json at the root of a folder, zip or tar, as
 * StyleGAN's tools write it,
 *
 *     {"labels": [["00000/img00000000.png", 6], ["00000/img00000001.png", 9], ...]}
 *
 * with classes from 0 on. "labels": null says that there are none (and that folders mean nothing). */
#ifndef GCL_DATASETS_LABELS_H
#define GCL_DATASETS_LABELS_H

#include "datasets/files.h"

enum { GCL_LABELS_MOST = 1 << 16 }; /* classes */

typedef struct gcl_labels {
    struct gcl_labels_item {
        char *path;
        uint32_t label;
    } * items;
    size_t n;
    int n_classes; /* the largest label and 1; 0: there is no list */
} gcl_labels;

/* Reads the list, if there is one. Errors: GCL_DATA (no JSON, a label that is no class, null),
 * GCL_MEMORY. */
int gcl_labels_read(gcl_labels *labels, const gcl_files *files, gcl_error *err);
void gcl_labels_free(gcl_labels *labels);

/* The class of a path below the root; -1 when the list does not have it. */
int gcl_labels_find(const gcl_labels *labels, const char *path);

#endif
