/* For those who add a format of data set: one file that ends in a row of this table, and the row's
 * name in the list in datasets/dataset.c.
 *
 * A row's functions see the open data set below. `read` gives final bytes; most formats decode a
 * picture and hand it to gcl_dataset_fit. */
#ifndef GCL_DATASETS_FORMAT_H
#define GCL_DATASETS_FORMAT_H

#include <pthread.h>
#include <stdbool.h>

#include "datasets/dataset.h"

typedef struct gcl_dataset_format {
    const char *name; /* for data.format= */
    const char *line; /* "name: a few words", for help texts */
    /* Says whether a spec is of this format: cheap, looks at names and first bytes only. */
    bool (*recognise)(const char *spec);
    /* Sets count, name, facts and state. Errors: GCL_DATA. After a failure, close is called. */
    int (*open)(gcl_dataset *dataset, const char *spec, gcl_error *err);
    void (*close)(gcl_dataset *dataset); /* frees state; may be NULL */
    /* Picture `index` as bytes [size, size, channels]; from several threads at once. */
    int (*read)(const gcl_dataset *dataset, size_t index, uint8_t *bytes, gcl_error *err);
} gcl_dataset_format;

struct gcl_dataset {
    const gcl_dataset_format *format;
    gcl_dataset_options options;
    size_t count;
    char *name, *facts; /* facts: what is in it; how it is cropped is added to it for describe */
    void *state;        /* the format's own */
    bool drawn;         /* pictures are made at the size wanted: nothing is cropped or resized */

    char *description;
    pthread_mutex_t lock; /* guards what follows */
    uint8_t *unreadable;  /* [count]: 1 once a picture failed */
    size_t n_unreadable;
};

extern const gcl_dataset_format gcl_dataset_folder, gcl_dataset_faces;

/* The part of a picture of width x height pixels that the options ask for. */
gcl_box gcl_dataset_crop(const gcl_dataset_options *options, int width, int height);

/* Crops, resizes and recolours a picture to bytes [size, size, channels]. The picture is a decoding
 * at `scale` of what `header` describes; the crop box is meant in the pixels of the whole. Changes
 * `picture` (its channels). Errors: GCL_MEMORY, GCL_DATA (the crop box leaves the picture). */
int gcl_dataset_fit(const gcl_dataset_options *options, gcl_image *picture, double scale,
                    const gcl_image_header *header, uint8_t *bytes, gcl_error *err);

#endif
