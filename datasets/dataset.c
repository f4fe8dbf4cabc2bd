#include "datasets/dataset.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "datasets/format.h"

/* A new format is a line here; the first row that recognises a spec gets it. */
static const gcl_dataset_format *const formats[] = {
    &gcl_dataset_faces,
    &gcl_dataset_folder,
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static int check_options(const gcl_dataset_options *options, gcl_error *err)
{
    if (options->size < 1 || options->size > 8192)
        return gcl_fail(err, GCL_USAGE, "data.size: %d is not a side of 1 to 8192 pixels",
                        options->size);
    if (options->channels != 1 && options->channels != 3)
        return gcl_fail(err, GCL_USAGE, "data.channels: %d is neither 1 (grey) nor 3 (colour)",
                        options->channels);
    if (options->box.width != 0 && !(options->box.width > 0 && options->box.height > 0 &&
                                     options->box.x >= 0 && options->box.y >= 0))
        return gcl_fail(err, GCL_USAGE, "data.box: x,y,width,height = %g,%g,%g,%g is no rectangle",
                        options->box.x, options->box.y, options->box.width, options->box.height);
    return 0;
}

/* Why no format wants this spec. */
static void explain(const char *spec, gcl_error *err)
{
    struct stat status;
    if (strncmp(spec, "builtin:", 8) == 0)
        gcl_fail(err, GCL_DATA, "%s: no such built-in data set; there is builtin:faces", spec);
    else if (stat(spec, &status) != 0)
        gcl_fail(err, GCL_DATA, "%s: %s; --data takes a folder of pictures or builtin:faces", spec,
                 strerror(errno));
    else
        gcl_fail(err, GCL_DATA,
                 "%s: is not a data set in a known format; --data takes a folder of JPEG or PNG "
                 "pictures or builtin:faces",
                 spec);
}

static const gcl_dataset_format *choose_format(const char *spec, const char *wanted, gcl_error *err)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (wanted != NULL ? strcmp(wanted, formats[i]->name) == 0 : formats[i]->recognise(spec))
            return formats[i];
    if (wanted == NULL) {
        explain(spec, err);
        return NULL;
    }
    gcl_text names = {0};
    for (int i = 0; i < N_FORMATS; i++)
        gcl_text_add(&names, "%s%s", i > 0 ? ", " : "", formats[i]->name);
    gcl_fail(err, GCL_USAGE, "data.format: \"%s\" is unknown; there are %s", wanted, names.text);
    gcl_text_free(&names);
    return NULL;
}

/* Keeps what is safe in a file name on every system. */
static void clean_name(char *name)
{
    for (char *c = name; *c != 0; c++)
        if (!isalnum((unsigned char)*c) && strchr("-_.", *c) == NULL)
            *c = '-';
}

static void describe(gcl_dataset *dataset)
{
    static const char *const crops[] = {"centre square", "whole on black", "stretched"};
    const gcl_dataset_options *o = &dataset->options;
    gcl_text text = {0};
    gcl_text_add(&text, "%s; ", dataset->facts);
    if (o->box.width > 0)
        gcl_text_add(&text, "box %g,%g,%g,%g, ", o->box.x, o->box.y, o->box.width, o->box.height);
    if (!dataset->drawn)
        gcl_text_add(&text, "%s, %s to ", crops[o->crop],
                     o->filter == GCL_FILTER_LANCZOS ? "Lanczos" : "triangle filter");
    gcl_text_add(&text, "%d x %d x %d", o->size, o->size, o->channels);
    dataset->description = text.text;
}

gcl_dataset *gcl_dataset_open(const char *spec, const gcl_dataset_options *options, gcl_error *err)
{
    if (check_options(options, err) != 0)
        return NULL;
    const gcl_dataset_format *format = choose_format(spec, options->format, err);
    if (format == NULL)
        return NULL;
    gcl_dataset *dataset = gcl_alloc(sizeof *dataset);
    dataset->format = format;
    dataset->options = *options;
    dataset->options.format = format->name;
    pthread_mutex_init(&dataset->lock, NULL);
    if (format->open(dataset, spec, err) != 0) {
        gcl_dataset_close(dataset);
        return NULL;
    }
    clean_name(dataset->name);
    describe(dataset);
    dataset->unreadable = gcl_alloc(dataset->count);
    return dataset;
}

void gcl_dataset_close(gcl_dataset *dataset)
{
    if (dataset == NULL)
        return;
    if (dataset->format->close != NULL)
        dataset->format->close(dataset);
    pthread_mutex_destroy(&dataset->lock);
    free(dataset->name);
    free(dataset->facts);
    free(dataset->description);
    free(dataset->unreadable);
    free(dataset);
}

size_t gcl_dataset_count(const gcl_dataset *dataset) { return dataset->count; }

const gcl_dataset_options *gcl_dataset_get_options(const gcl_dataset *dataset)
{
    return &dataset->options;
}

const char *gcl_dataset_name(const gcl_dataset *dataset) { return dataset->name; }

const char *gcl_dataset_describe(const gcl_dataset *dataset) { return dataset->description; }

static bool is_unreadable(gcl_dataset *dataset, size_t index)
{
    pthread_mutex_lock(&dataset->lock);
    bool known = dataset->unreadable[index] != 0;
    pthread_mutex_unlock(&dataset->lock);
    return known;
}

/* Says whether this is the first time. */
static bool mark_unreadable(gcl_dataset *dataset, size_t index)
{
    pthread_mutex_lock(&dataset->lock);
    bool first = !dataset->unreadable[index];
    dataset->unreadable[index] = 1;
    dataset->n_unreadable += first;
    pthread_mutex_unlock(&dataset->lock);
    return first;
}

int gcl_dataset_read(gcl_dataset *dataset, size_t index, uint8_t *bytes, gcl_error *err)
{
    if (is_unreadable(dataset, index))
        return gcl_fail(err, GCL_DATA, "%s: picture %zu could not be read before", dataset->name,
                        index);
    gcl_error reason = {0};
    if (dataset->format->read(dataset, index, bytes, &reason) == 0)
        return 0;
    if (reason.code == GCL_DATA && mark_unreadable(dataset, index))
        gcl_warn("%s; skipped", reason.text);
    return gcl_fail(err, reason.code, "%s", reason.text);
}

size_t gcl_dataset_unreadable(gcl_dataset *dataset)
{
    pthread_mutex_lock(&dataset->lock);
    size_t n = dataset->n_unreadable;
    pthread_mutex_unlock(&dataset->lock);
    return n;
}

const char *gcl_dataset_format_line(int row)
{
    return row >= 0 && row < N_FORMATS ? formats[row]->line : NULL;
}

/* --- from a decoded picture to the bytes that were asked for --------------------------------- */

gcl_box gcl_dataset_crop(const gcl_dataset_options *options, int width, int height)
{
    gcl_box box = options->box;
    if (box.width == 0)
        box = (gcl_box){0, 0, width, height};
    if (options->crop == GCL_CROP_CENTRE) {
        double side = fmin(box.width, box.height);
        box.x += floor((box.width - side) / 2);
        box.y += floor((box.height - side) / 2);
        box.width = box.height = side;
    }
    return box;
}

/* The whole box inside the square, its longer side filling it; what it does not cover stays 0. */
static int fit_whole(const gcl_dataset_options *options, const gcl_image *picture, gcl_box box,
                     uint8_t *bytes, gcl_error *err)
{
    int size = options->size, channels = picture->channels;
    double scale = size / fmax(box.width, box.height);
    int width = (int)fmax(1, floor(box.width * scale + 0.5));
    int height = (int)fmax(1, floor(box.height * scale + 0.5));
    gcl_image inner;
    if (gcl_image_new(&inner, width, height, channels, err) != 0)
        return -1;
    int result = gcl_resize(inner.pixels, width, height, picture, box, options->filter, err);
    size_t row = (size_t)width * (size_t)channels, stride = (size_t)size * (size_t)channels;
    uint8_t *to = bytes + (size_t)((size - height) / 2) * stride +
                  (size_t)((size - width) / 2) * (size_t)channels;
    memset(bytes, 0, stride * (size_t)size);
    for (int y = 0; y < height; y++)
        memcpy(to + (size_t)y * stride, inner.pixels + (size_t)y * row, row);
    gcl_image_free(&inner);
    return result;
}

int gcl_dataset_fit(const gcl_dataset_options *options, gcl_image *picture, double scale,
                    const gcl_image_header *header, uint8_t *bytes, gcl_error *err)
{
    gcl_box box = gcl_dataset_crop(options, header->width, header->height);
    if (box.x + box.width > header->width || box.y + box.height > header->height)
        return gcl_fail(err, GCL_DATA, "data.box %g,%g,%g,%g does not lie in its %d x %d pixels",
                        options->box.x, options->box.y, options->box.width, options->box.height,
                        header->width, header->height);
    if (gcl_image_set_channels(picture, options->channels, err) != 0)
        return -1;
    double x = box.x * scale, y = box.y * scale; /* rounding must not carry the box outside */
    box = (gcl_box){x, y, fmin(box.width * scale, picture->width - x),
                    fmin(box.height * scale, picture->height - y)};
    if (options->crop == GCL_CROP_FIT)
        return fit_whole(options, picture, box, bytes, err);
    return gcl_resize(bytes, options->size, options->size, picture, box, options->filter, err);
}
