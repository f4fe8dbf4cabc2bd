/* A data set: a numbered list of pictures, each given as bytes of one size.
 *
 *     gcl_dataset_options options = {.size = 128, .channels = 3};
 *     gcl_dataset *dataset = gcl_dataset_open("photos/", &options, &err);
 *     gcl_dataset_read(dataset, 0, bytes, &err);            bytes [128, 128, 3]
 *     gcl_dataset_close(dataset);
 *
 * What a spec means is found by asking the rows of the format table (datasets/format.h), so a new
 * format is one file and one line. For batches in the background: datasets/loader.h. */
#ifndef GCL_DATASETS_DATASET_H
#define GCL_DATASETS_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/resize.h"

typedef struct gcl_dataset gcl_dataset;

enum gcl_crop {
    GCL_CROP_CENTRE, /* the largest square in the middle: fills the frame, loses the ends */
    GCL_CROP_FIT,    /* the whole picture, centred, black around it */
    GCL_CROP_STRETCH /* the whole picture, its sides scaled each on its own */
};

typedef enum gcl_wanted_kind {
    GCL_WANT_PICTURES,
    GCL_WANT_PAIRS,
    GCL_WANT_LABELLED
} gcl_wanted_kind;
typedef struct gcl_wanted {
    gcl_wanted_kind kind;
    int size, channels, target_channels, classes, levels, load_size;
} gcl_wanted;

typedef struct gcl_dataset_options {
    int size;               /* side of the square that every picture becomes, in pixels */
    int channels;           /* 1 or 3 */
    enum gcl_crop crop;     /* how a picture that is not square becomes square */
    enum gcl_filter filter; /* Lanczos unless said otherwise */
    gcl_box box;            /* cut out of every picture first, in its pixels; width 0: all of it */
    const char *format;     /* a format's name; NULL: recognise it */
} gcl_dataset_options;

/* Opens a data set: a folder of JPEG and PNG (recursive), or builtin:faces. The options are copied.
 * Errors: GCL_DATA (no such path, not readable, no pictures in it, format unknown), GCL_USAGE (an
 * option out of range). */
gcl_dataset *gcl_dataset_open(const char *spec, const gcl_dataset_options *options, gcl_error *err);
void gcl_dataset_close(gcl_dataset *dataset); /* NULL is fine */

size_t gcl_dataset_count(const gcl_dataset *dataset); /* pictures, unreadable ones included; > 0 */
const gcl_dataset_options *gcl_dataset_get_options(const gcl_dataset *dataset);

/* A short name made of letters, digits, '-', '_' and '.', for run folders: "faces", "graphics". */
const char *gcl_dataset_name(const gcl_dataset *dataset);

/* One line of facts for people: how many pictures of what kind, and what is done with them. */
const char *gcl_dataset_describe(const gcl_dataset *dataset);

/* Picture `index` (0 <= index < count) as bytes [size, size, channels]. May be called from several
 * threads at once. A picture that cannot be read is GCL_DATA with its name and reason; the first
 * time it is also warned of and counted. GCL_MEMORY: host memory. */
int gcl_dataset_read(gcl_dataset *dataset, size_t index, uint8_t *bytes, gcl_error *err);

/* How many different pictures turned out to be unreadable so far. */
size_t gcl_dataset_unreadable(gcl_dataset *dataset);

/* Format `row` (0, 1, ...) as "name: what it is", for help texts; NULL after the last. */
const char *gcl_dataset_format_line(int row);

#endif
