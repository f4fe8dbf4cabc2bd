#include "datasets/dataset.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "datasets/format.h"
#include "datasets/split.h"
#include "io/gzip.h"

/* A new format is a word here; the first row that recognises a spec gets it. */
static const gcl_dataset_format *const formats[] = {
    &gcl_format_packed, &gcl_format_faces,   &gcl_format_mnist,
    &gcl_format_cifar,  &gcl_format_lmdb,    &gcl_format_pairs,
    &gcl_format_sides,  &gcl_format_classes, &gcl_format_folder,
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static int check_wanted(const gcl_wanted *wanted, gcl_error *err)
{
    bool pairs = wanted->kind == GCL_WANT_PAIRS;
    int channels[] = {wanted->channels, pairs ? wanted->target_channels : 1};
    if (wanted->size < 1 || wanted->size > 8192)
        return gcl_fail(err, GCL_USAGE, "data.size: %d is not a side of 1 to 8192 pixels",
                        wanted->size);
    for (int i = 0; i < 2; i++)
        if (channels[i] != 1 && channels[i] != 3)
            return gcl_fail(err, GCL_USAGE, "data.channels: %d is neither 1 (grey) nor 3 (colour)",
                            channels[i]);
    if (wanted->levels != 0 && wanted->levels != 2 && wanted->levels != 32 && wanted->levels != 256)
        return gcl_fail(err, GCL_USAGE, "data.levels: %d is none of 2, 32, 256", wanted->levels);
    if (wanted->load_size != 0 && (wanted->load_size < wanted->size || wanted->load_size > 8192))
        return gcl_fail(err, GCL_USAGE, "load_size: %d is neither 0 nor %d (the size) to 8192",
                        wanted->load_size, wanted->size);
    return 0;
}

static int check_options(const gcl_dataset_options *options, gcl_error *err)
{
    if (check_wanted(&options->wanted, err) != 0)
        return -1;
    if (options->box.width != 0 && !(options->box.width > 0 && options->box.height > 0 &&
                                     options->box.x >= 0 && options->box.y >= 0))
        return gcl_fail(err, GCL_USAGE, "data.box: x,y,width,height = %g,%g,%g,%g is no rectangle",
                        options->box.x, options->box.y, options->box.width, options->box.height);
    if (!(options->holdout >= 0 && options->holdout < 1))
        return gcl_fail(err, GCL_USAGE, "data.holdout: %g is not a share from 0 to below 1",
                        options->holdout);
    return 0;
}

/* ---- which format ------------------------------------------------------------------------------- */

/* Why no format wants this spec. */
static void explain(const char *spec, gcl_error *err)
{
    uint8_t block[512];
    struct stat status;
    if (strncmp(spec, "builtin:", 8) == 0)
        gcl_fail(err, GCL_DATA, "%s: no such built-in data set; there is builtin:faces", spec);
    else if (stat(spec, &status) != 0)
        gcl_fail(err, GCL_DATA, "%s: %s; --data takes a folder of pictures or builtin:faces", spec,
                 strerror(errno));
    else if (gcl_gzip_peek(spec, block, sizeof block) == 0 && gcl_tar_is_header(block))
        gcl_fail(err, GCL_DATA, "%s: is a compressed tar; unpack it (gunzip) to a .tar or a folder",
                 spec);
    else
        gcl_fail(err, GCL_DATA,
                 "%s: is not a data set in a known format; --data takes a folder, a tar or a "
                 "zip of JPEG or PNG pictures, an LMDB, a packed data set, MNIST's or CIFAR-10's "
                 "files, or "
                 "builtin:faces",
                 spec);
}

/* Why a spec of this format does not give items of the kind wanted. */
static void explain_kind(const char *spec, const gcl_dataset_format *format, gcl_wanted_kind kind,
                         gcl_error *err)
{
    static const char *const wants[] = {"pictures", "pairs of pictures; " GCL_DATASET_PAIRS_HELP,
                                        "pictures with classes; " GCL_DATASET_CLASSES_HELP};
    gcl_fail(err, GCL_DATA, "%s: %s, but the model wants %s", spec, format->is, wants[kind]);
}

static const gcl_dataset_format *named_format(const char *name, gcl_error *err)
{
    gcl_text names = {0};
    for (int i = 0; i < N_FORMATS; i++) {
        if (strcmp(name, formats[i]->name) == 0) {
            gcl_text_free(&names);
            return formats[i];
        }
        gcl_text_add(&names, "%s%s", i > 0 ? ", " : "", formats[i]->name);
    }
    gcl_fail(err, GCL_USAGE, "data.format: \"%s\" is unknown; there are %s", name, names.text);
    gcl_text_free(&names);
    return NULL;
}

static bool gives(const gcl_dataset_format *format, gcl_wanted_kind kind)
{
    return format->kinds >> kind & 1;
}

static const gcl_dataset_format *choose_format(const char *spec, const gcl_dataset_options *options,
                                               gcl_error *err)
{
    gcl_wanted_kind kind = options->wanted.kind;
    const gcl_dataset_format *found = NULL;
    if (options->format != NULL) {
        found = named_format(options->format, err);
        if (found == NULL || gives(found, kind))
            return found;
    }
    for (int i = 0; i < N_FORMATS && found == NULL; i++)
        if (formats[i]->recognise(spec))
            found = formats[i];
    /* Rows that recognise by the same function are layouts of the same files. */
    for (int i = 0; i < N_FORMATS && found != NULL && options->format == NULL; i++)
        if (formats[i]->recognise == found->recognise && gives(formats[i], kind))
            return formats[i];
    if (found != NULL)
        explain_kind(spec, found, kind, err);
    else
        explain(spec, err);
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* Keeps what is safe in a file name on every system. */
static void clean_name(char *name)
{
    for (char *c = name; *c != 0; c++)
        if (!isalnum((unsigned char)*c) && strchr("-_.", *c) == NULL)
            *c = '-';
}

char *gcl_dataset_last_part(const char *spec)
{
    size_t end = strlen(spec);
    while (end > 0 && spec[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && spec[start - 1] != '/')
        start--;
    if (start == end || spec[start] == '.')
        return gcl_strdup("pictures");
    static const char *const endings[] = {".tar", ".zip", ".lmdb", ".pack"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        size_t n = strlen(endings[k]);
        if (end - start > n && strncmp(spec + end - n, endings[k], n) == 0) {
            end -= n;
            break;
        }
    }
    gcl_text name = {0};
    gcl_text_add_bytes(&name, spec + start, end - start);
    return name.text;
}

/* Leaves the items of the split that was asked for. */
static int choose_items(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    const gcl_dataset_options *o = &dataset->options;
    dataset->count = dataset->n_items;
    if (dataset->is_split || o->split == GCL_SPLIT_ALL)
        return 0;
    if (o->split == GCL_SPLIT_TEST && o->holdout == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: has no test part of its own; --set data.holdout=0.1 keeps a tenth of "
                        "it for test, in training too",
                        spec);
    if (o->holdout == 0)
        return 0;
    dataset->kept = gcl_alloc(dataset->n_items * sizeof *dataset->kept);
    dataset->count = 0;
    for (size_t i = 0; i < dataset->n_items; i++) {
        gcl_text name = {0};
        dataset->format->item_name(dataset, i, &name);
        if (gcl_split_holds_out(name.text, o->holdout) == (o->split == GCL_SPLIT_TEST))
            dataset->kept[dataset->count++] = i;
        gcl_text_free(&name);
    }
    if (dataset->count == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: data.holdout=%g of its %zu items leaves none; choose another share",
                        spec, o->holdout, dataset->n_items);
    return 0;
}

static int check_classes(const gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    int known = dataset->options.wanted.classes, n = dataset->n_classes;
    if (dataset->options.wanted.kind != GCL_WANT_LABELLED || known == 0 || known == n)
        return 0;
    if (n > known)
        return gcl_fail(err, GCL_USAGE,
                        "%s: has %d classes, but the model tells %d apart; --set num_outputs=%d "
                        "gives it one output for each",
                        spec, n, known, n);
    gcl_warn("%s: has %d classes, the model tells %d apart; --set num_outputs=%d would do", spec, n,
             known, n);
    return 0;
}

static void describe_fields(gcl_text *text, const gcl_wanted *w)
{
    gcl_text_add(text, "%d x %d x %d", w->size, w->size, w->channels);
    if (w->kind == GCL_WANT_PAIRS)
        gcl_text_add(text, " to %d x %d x %d", w->size, w->size, w->target_channels);
    if (w->load_size > 0)
        gcl_text_add(text, " cut at random from %d x %d", w->load_size, w->load_size);
    if (w->levels == 32)
        gcl_text_add(text, ", 5 bits");
    if (w->levels == 2)
        gcl_text_add(text, ", 0 or 1 at random by brightness");
}

static void describe(gcl_dataset *dataset)
{
    static const char *const crops[] = {"centre square", "whole on black", "stretched"};
    static const char *const splits[] = {"train", "test"};
    const gcl_dataset_options *o = &dataset->options;
    gcl_text text = {0};
    gcl_text_add(&text, "%s; ", dataset->facts);
    if (dataset->kept != NULL)
        gcl_text_add(&text, "%zu of them for %s; ", dataset->count, splits[o->split]);
    if (o->box.width > 0)
        gcl_text_add(&text, "box %g,%g,%g,%g, ", o->box.x, o->box.y, o->box.width, o->box.height);
    if (!dataset->drawn)
        gcl_text_add(&text, "%s, %s to ", crops[o->crop],
                     o->filter == GCL_FILTER_LANCZOS ? "Lanczos" : "triangle filter");
    describe_fields(&text, &o->wanted);
    dataset->description = text.text;
}

gcl_dataset *gcl_dataset_open(const char *spec, const gcl_dataset_options *options, gcl_error *err)
{
    if (check_options(options, err) != 0)
        return NULL;
    const gcl_dataset_format *format = choose_format(spec, options, err);
    if (format == NULL)
        return NULL;
    gcl_dataset *dataset = gcl_alloc(sizeof *dataset);
    dataset->format = format;
    dataset->spec = gcl_strdup(spec);
    dataset->options = *options;
    dataset->options.format = format->name;
    pthread_mutex_init(&dataset->lock, NULL);
    if (format->open(dataset, spec, err) != 0 || check_classes(dataset, spec, err) != 0 ||
        choose_items(dataset, spec, err) != 0) {
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
    for (int k = 0; k < dataset->n_classes; k++)
        free(dataset->class_names[k]);
    free(dataset->class_names);
    free(dataset->spec);
    free(dataset->name);
    free(dataset->facts);
    free(dataset->kept);
    free(dataset->description);
    free(dataset->unreadable);
    free(dataset);
}

/* ---- facts -------------------------------------------------------------------------------------- */

size_t gcl_dataset_count(const gcl_dataset *dataset) { return dataset->count; }

const gcl_dataset_options *gcl_dataset_get_options(const gcl_dataset *dataset)
{
    return &dataset->options;
}

size_t gcl_dataset_field_bytes(const gcl_dataset *dataset, int field)
{
    const gcl_wanted *w = &dataset->options.wanted;
    size_t pixels = (size_t)w->size * (size_t)w->size;
    if (field == 0)
        return pixels * (size_t)w->channels;
    if (w->kind == GCL_WANT_PAIRS)
        return pixels * (size_t)w->target_channels;
    return w->kind == GCL_WANT_LABELLED ? sizeof(uint32_t) : 0;
}

bool gcl_dataset_depends_on_size(const gcl_dataset *dataset)
{
    return dataset->drawn || dataset->margin > 0;
}

bool gcl_dataset_is_divided(const gcl_dataset *dataset) { return dataset->is_split; }

const char *gcl_dataset_name(const gcl_dataset *dataset) { return dataset->name; }

const char *gcl_dataset_format_name(const gcl_dataset *dataset) { return dataset->format->name; }

const char *gcl_dataset_describe(const gcl_dataset *dataset) { return dataset->description; }

const char *gcl_dataset_facts(const gcl_dataset *dataset) { return dataset->facts; }

int gcl_dataset_classes(const gcl_dataset *dataset) { return dataset->n_classes; }

const char *gcl_dataset_class_name(const gcl_dataset *dataset, int k)
{
    return dataset->class_names[k];
}

const char *gcl_dataset_format_line(int row)
{
    return row >= 0 && row < N_FORMATS ? formats[row]->line : NULL;
}

static size_t stored_index(const gcl_dataset *dataset, size_t index)
{
    return dataset->kept != NULL ? dataset->kept[index] : index;
}

int gcl_dataset_label(const gcl_dataset *dataset, size_t index)
{
    return dataset->format->label(dataset, stored_index(dataset, index));
}

char *gcl_dataset_item_name(const gcl_dataset *dataset, size_t index)
{
    gcl_text name = {0};
    dataset->format->item_name(dataset, stored_index(dataset, index), &name);
    return name.text;
}

size_t gcl_dataset_unreadable(gcl_dataset *dataset)
{
    pthread_mutex_lock(&dataset->lock);
    size_t n = dataset->n_unreadable;
    pthread_mutex_unlock(&dataset->lock);
    return n;
}

/* ---- reading ------------------------------------------------------------------------------------ */

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

static int read_item(gcl_dataset *dataset, size_t index, const gcl_draw *draw,
                     void *const fields[2], gcl_error *err)
{
    const gcl_dataset_options *o = &dataset->options;
    size_t stored = stored_index(dataset, index);
    int side = gcl_item_side(&o->wanted, draw);
    gcl_item item = {0};
    gcl_error reason = {0};
    int result = dataset->format->load(dataset, stored, side, &item, err);
    if (result == 0 && gcl_item_fields(&item, o, draw, fields, &reason) != 0) {
        char *name = gcl_dataset_item_name(dataset, index);
        result = gcl_fail(err, reason.code, "%s/%s: %s", dataset->spec, name, reason.text);
        free(name);
    }
    gcl_item_free(&item);
    return result;
}

int gcl_dataset_read(gcl_dataset *dataset, size_t index, const gcl_draw *draw,
                     void *const fields[2], gcl_error *err)
{
    const gcl_draw plain = {.position = index};
    if (is_unreadable(dataset, index))
        return gcl_fail(err, GCL_DATA, "%s: item %zu could not be read before", dataset->spec,
                        index);
    gcl_error reason = {0};
    if (read_item(dataset, index, draw != NULL ? draw : &plain, fields, &reason) == 0)
        return 0;
    if (reason.code == GCL_DATA && mark_unreadable(dataset, index))
        gcl_warn("%s; skipped", reason.text);
    return gcl_fail(err, reason.code, "%s", reason.text);
}

int gcl_dataset_originals(const gcl_dataset *dataset, size_t index, gcl_image pictures[2],
                          gcl_error *err)
{
    gcl_item item = {0};
    int result = dataset->format->load(dataset, stored_index(dataset, index), 0, &item, err);
    if (result != 0)
        gcl_item_free(&item);
    pictures[0] = item.pictures[0].image;
    pictures[1] = item.pictures[1].image;
    return result;
}

gcl_fate gcl_dataset_fate(const gcl_dataset *dataset, int width, int height)
{
    const gcl_dataset_options *o = &dataset->options;
    int size = o->wanted.size;
    if (width < 1 || height < 1)
        return GCL_FATE_SKIPPED;
    if (dataset->margin > 0 && width != size) {
        width += 2 * dataset->margin;
        height += 2 * dataset->margin;
    }
    gcl_box box = gcl_item_crop(o, width, height);
    double length =
        o->crop == GCL_CROP_FIT ? fmax(box.width, box.height) : fmin(box.width, box.height);
    if (box.x + box.width > width || box.y + box.height > height)
        return GCL_FATE_SKIPPED;
    if (length < size)
        return GCL_FATE_ENLARGED;
    return box.width < width || box.height < height ? GCL_FATE_CROPPED : GCL_FATE_USED;
}

/* Field `which` as a picture. */
static int show_field(gcl_image *picture, const gcl_wanted *w, int which, uint8_t *bytes, size_t n,
                      gcl_error *err)
{
    int channels = which == 0 ? w->channels : w->target_channels;
    if (gcl_image_new(picture, w->size, w->size, channels, err) != 0)
        return -1;
    gcl_item_spread(bytes, n, w->levels);
    memcpy(picture->pixels, bytes, n);
    return 0;
}

int gcl_dataset_show(gcl_dataset *dataset, size_t index, gcl_image *picture, gcl_error *err)
{
    const gcl_wanted *w = &dataset->options.wanted;
    size_t n[2] = {gcl_dataset_field_bytes(dataset, 0), gcl_dataset_field_bytes(dataset, 1)};
    void *const fields[2] = {gcl_alloc(n[0]), gcl_alloc(n[1] + 1)};
    gcl_image source = {0}, target = {0};
    *picture = (gcl_image){0};
    int result = gcl_dataset_read(dataset, index, NULL, fields, err);
    if (result == 0)
        result = show_field(&source, w, 0, fields[0], n[0], err);
    if (result == 0 && w->kind == GCL_WANT_PAIRS) {
        result = show_field(&target, w, 1, fields[1], n[1], err);
        if (result == 0)
            result = gcl_image_join(picture, &source, &target, err);
    } else if (result == 0) {
        *picture = source;
        source = (gcl_image){0};
    }
    free(fields[0]);
    free(fields[1]);
    gcl_image_free(&source);
    gcl_image_free(&target);
    return result;
}
