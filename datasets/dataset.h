/* A data set: a numbered list of items of one shape, each a picture, a pair of pictures, or a
 * picture with its class.
 *
 *     gcl_dataset_options options = {.wanted = {.size = 128, .channels = 3}};
 *     gcl_dataset *dataset = gcl_dataset_open("photos/", &options, &err);
 *     gcl_dataset_read(dataset, 0, NULL, fields, &err);     fields[0]: bytes [128, 128, 3]
 *     gcl_dataset_close(dataset);
 *
 * An item has one or two fields:
 *     pictures   0: the picture, bytes [size, size, channels]
 *     pairs      0: the source, bytes [size, size, channels]
 *                1: the target, bytes [size, size, target_channels]
 *     labelled   0: the picture, bytes [size, size, channels]; 1: its class, a uint32_t
 *
 * What a spec means is found by asking the rows of the format table (datasets/format.h), so a new
 * format is one file and one line. For batches in the background: datasets/loader.h. */
#ifndef GCL_DATASETS_DATASET_H
#define GCL_DATASETS_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/resize.h"

typedef enum gcl_wanted_kind {
    GCL_WANT_PICTURES,
    GCL_WANT_PAIRS,
    GCL_WANT_LABELLED
} gcl_wanted_kind;
enum { GCL_WANT_KINDS = 3 };

typedef struct gcl_wanted { /* what a training step takes from a data set */
    gcl_wanted_kind kind;
    int size;            /* side of every picture in pixels */
    int channels;        /* of a picture, or of a pair's source: 1 or 3 */
    int target_channels; /* of a pair's target */
    int classes;         /* labelled: how many the model tells apart; 0: as many as there are */
    int levels;          /* values of a byte: 256 usually (0 too); 32: 5 bits (u >> 3, so 0..31);
                            2: 0 or 1, drawn at each access with the picture's brightness as the
                            probability */
    int load_size;       /* pairs and pictures: resized to this side first and cut at random to
                            `size`, the same for both of a pair (jitter); 0: no jitter */
} gcl_wanted;

enum gcl_crop {
    GCL_CROP_CENTRE, /* the largest square in the middle: fills the frame, loses the ends */
    GCL_CROP_FIT,    /* the whole picture, centred, black around it */
    GCL_CROP_STRETCH /* the whole picture, its sides scaled each on its own */
};

enum gcl_split { GCL_SPLIT_TRAIN, GCL_SPLIT_TEST, GCL_SPLIT_ALL };

typedef struct gcl_dataset_options {
    gcl_wanted wanted;
    enum gcl_crop crop;     /* how a picture that is not square becomes square */
    enum gcl_filter filter; /* Lanczos unless said otherwise */
    gcl_box box;            /* cut out of every picture first, in its pixels; width 0: all of it */
    const char *format;     /* a format's name; NULL: recognise it */
    enum gcl_split split; /* which part; a set without parts of its own is all train but for ... */
    double holdout;       /* ... this share, 0 to 1, kept for test by a hash of the items' names */
    bool swap;            /* pairs: B is the source and A the target */
} gcl_dataset_options;

typedef struct gcl_dataset gcl_dataset;

/* Opens a data set; gcl_dataset_format_line lists what is understood. The options are copied.
 * Errors: GCL_DATA (no such path, not readable, nothing in it, damaged, not of the kind wanted),
 * GCL_USAGE (an option out of range, format unknown, more classes than the model tells apart). */
gcl_dataset *gcl_dataset_open(const char *spec, const gcl_dataset_options *options, gcl_error *err);
void gcl_dataset_close(gcl_dataset *dataset); /* NULL is fine */

size_t gcl_dataset_count(const gcl_dataset *dataset); /* items, unreadable ones included; > 0 */
const gcl_dataset_options *gcl_dataset_get_options(const gcl_dataset *dataset);

/* Bytes of field 0 or 1 of an item; 0 when items have no such field. */
size_t gcl_dataset_field_bytes(const gcl_dataset *dataset, int field);

/* Whether pictures are not stored but made for the size wanted: drawn, or given a margin. */
bool gcl_dataset_depends_on_size(const gcl_dataset *dataset);
/* Whether the set itself says what is for training and what for test. */
bool gcl_dataset_is_divided(const gcl_dataset *dataset);

/* A short name made of letters, digits, '-', '_' and '.', for run folders: "faces", "graphics". */
const char *gcl_dataset_name(const gcl_dataset *dataset);
/* The name of its format: "folder". */
const char *gcl_dataset_format_name(const gcl_dataset *dataset);

/* One line of facts for people: how many items of what kind, and what is done with them. */
const char *gcl_dataset_describe(const gcl_dataset *dataset);

/* The same without what is done with them. */
const char *gcl_dataset_facts(const gcl_dataset *dataset);

int gcl_dataset_classes(const gcl_dataset *dataset); /* labelled: how many there are; else 0 */
/* The name of a class, 0 <= k < classes: a folder's name, "7", "aeroplane". */
const char *gcl_dataset_class_name(const gcl_dataset *dataset, int k);

/* Labelled: the class of item `index`; -1 if it cannot be read. */
int gcl_dataset_label(const gcl_dataset *dataset, size_t index);

/* The name of item `index`, for messages and lists; the caller free()s it. */
char *gcl_dataset_item_name(const gcl_dataset *dataset, size_t index);

/* The random part of an access: everything drawn is a function of (seed, epoch, position). */
typedef struct gcl_draw {
    uint64_t seed, epoch;
    size_t position;
    bool flip; /* mirrored left to right, both of a pair, if a random bit says so */
    bool
        cut; /* resized to load_size, where there is one, and cut at random; else to size at once */
} gcl_draw;

/* Item `index` (0 <= index < count) to fields[0] and, where there is one, fields[1]. With `draw`
 * NULL nothing is mirrored or cut at random (a picture is resized to `size` at once) and levels of
 * 0 and 1 are drawn by the index. May be called from several threads at once. An item that cannot
 * be read is GCL_DATA with its name and reason; the first time it is also warned of and counted.
 * GCL_MEMORY: host memory. */
int gcl_dataset_read(gcl_dataset *dataset, size_t index, const gcl_draw *draw,
                     void *const fields[2], gcl_error *err);

/* How many different items turned out to be unreadable so far. */
size_t gcl_dataset_unreadable(gcl_dataset *dataset);

/* Item `index` as the data set holds it, before anything is cut or resized: pictures[0] and, for
 * pairs, pictures[1]; the caller frees both. Errors: GCL_DATA, GCL_MEMORY; both are then empty. */
int gcl_dataset_originals(const gcl_dataset *dataset, size_t index, gcl_image pictures[2],
                          gcl_error *err);

typedef enum gcl_fate {
    GCL_FATE_USED,
    GCL_FATE_CROPPED,
    GCL_FATE_ENLARGED,
    GCL_FATE_SKIPPED,
    GCL_FATES
} gcl_fate;

/* What training at wanted.size does with a picture of this size: enlarges the part that is cut out of it
 * (whether it is cropped or not), crops it, or uses the whole; skips it where data.box leaves it, and
 * what has no size. */
gcl_fate gcl_dataset_fate(const gcl_dataset *dataset, int width, int height);

/* Item `index` as people see it: the picture that gcl_dataset_read gives with all levels spread to
 * 0..255, a pair side by side [size, 2 size, channels]; GCL_DATA, GCL_MEMORY. */
int gcl_dataset_show(gcl_dataset *dataset, size_t index, gcl_image *picture, gcl_error *err);

/* Format `row` (0, 1, ...) as "name: what it is", for help texts; NULL after the last. */
const char *gcl_dataset_format_line(int row);

#endif
