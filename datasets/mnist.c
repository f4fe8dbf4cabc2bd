/* MNIST and its kin (Fashion-MNIST, KMNIST, EMNIST) as published: IDX files, plain or in gzip.
 *
 * An IDX file: the bytes 0, 0, 8 (unsigned bytes), d (dimensions); d sizes, 32 bits, big-endian; the
 * data. So 0x00000803 opens a file of pictures, [n, height, width], and 0x00000801 one of labels, [n].
 * Files are told apart by their names: *train* and *t10k* or *test*, images-idx3 and labels-idx1.
 * A picture of 28 x 28 gets 2 black pixels on every side (NVAE's way), unless 28 are wanted. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datasets/format.h"
#include "io/gzip.h"

#define MAX_BYTES ((size_t)1 << 31)
enum { MAGIC_IMAGES = 0x803, MAGIC_LABELS = 0x801, MARGIN = 2, DIGITS = 10, PARTS = 2 };

/* A file of pictures and its labels. */
typedef struct part {
    char *path, *label_path;
    uint8_t *images, *labels; /* whole files; labels NULL: not wanted */
    size_t n, height, width;
} part;

typedef struct mnist {
    part parts[PARTS]; /* train and test, as far as they are wanted */
    int n_parts;
} mnist;

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- names -------------------------------------------------------------------------------------- */

static bool is_images_name(const char *name)
{
    return strstr(name, "images") != NULL && strstr(name, "idx3") != NULL;
}

static bool is_test_name(const char *name)
{
    return strstr(name, "t10k") != NULL || strstr(name, "test") != NULL;
}

/* Replaces the last `what` in a path by `by`, which is as long. */
static void replace_last(char *path, const char *what, const char *by)
{
    char *at = NULL;
    for (char *next = strstr(path, what); next != NULL; next = strstr(next + 1, what))
        at = next;
    if (at != NULL)
        memcpy(at, by, strlen(by));
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* The labels beside a file of pictures: the same name, or that with or without .gz. */
static char *find_labels(const char *images)
{
    gcl_text text = {0};
    gcl_text_add(&text, "%s", images);
    replace_last(text.text, "images", "labels");
    replace_last(text.text, "idx3", "idx1");
    if (strcmp(text.text, images) == 0) { /* the name does not tell them apart */
        gcl_text_free(&text);
        return NULL;
    }
    if (!exists(text.text)) {
        if (text.length > 3 && strcmp(text.text + text.length - 3, ".gz") == 0)
            text.text[text.length - 3] = 0;
        else
            gcl_text_add(&text, ".gz");
    }
    return text.text;
}

/* The first file of pictures, by name, for train or for test in a folder; NULL when there is none. */
static char *find_images(const char *folder, bool test)
{
    DIR *listing = opendir(folder);
    gcl_text best = {0};
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.' || !is_images_name(entry->d_name) ||
            is_test_name(entry->d_name) != test)
            continue;
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%s", folder, entry->d_name);
        if (best.text == NULL || strcmp(path.text, best.text) < 0) {
            gcl_text_free(&best);
            best = path;
        } else {
            gcl_text_free(&path);
        }
    }
    if (listing != NULL)
        closedir(listing);
    return best.text;
}

static bool mnist_recognise(const char *spec)
{
    struct stat status;
    uint8_t magic[4];
    if (stat(spec, &status) != 0)
        return false;
    if (S_ISREG(status.st_mode))
        return gcl_gzip_peek(spec, magic, 4) == 0 && read_u32(magic) == MAGIC_IMAGES;
    char *train = find_images(spec, false), *test = find_images(spec, true);
    bool found = train != NULL || test != NULL;
    free(train);
    free(test);
    return found;
}

/* ---- files -------------------------------------------------------------------------------------- */

/* Reads an IDX file of `dimensions` sizes, 1 or 3, and checks that it has the bytes it promises. */
static int read_idx(const char *path, uint32_t magic, int dimensions, uint8_t **bytes,
                    size_t *sizes, gcl_error *err)
{
    size_t n = 0, head = 4 + 4 * (size_t)dimensions, content = 1;
    if (gcl_gzip_read(path, MAX_BYTES, bytes, &n, err) != 0)
        return -1;
    if (n < head || read_u32(*bytes) != magic)
        return gcl_fail(err, GCL_DATA, "%s: is not an IDX file of %s (it begins %08x, not %08x)",
                        path, magic == MAGIC_IMAGES ? "pictures" : "labels",
                        n >= 4 ? read_u32(*bytes) : 0, magic);
    for (int i = 0; i < dimensions; i++) {
        sizes[i] = read_u32(*bytes + 4 + 4 * i);
        content = sizes[i] > 0 && content > MAX_BYTES / sizes[i] ? MAX_BYTES : content * sizes[i];
    }
    if (content == 0)
        return gcl_fail(err, GCL_DATA, "%s: is empty by its own header", path);
    if (n - head != content)
        return gcl_fail(err, GCL_DATA,
                        "%s: %s: its header promises %zu bytes of %s, and there are %zu", path,
                        n - head < content ? "is cut short" : "is too long", content,
                        magic == MAGIC_IMAGES ? "pictures" : "labels", n - head);
    return 0;
}

static int read_part(part *p, bool labelled, gcl_error *err)
{
    size_t sizes[3], n_labels;
    if (read_idx(p->path, MAGIC_IMAGES, 3, &p->images, sizes, err) != 0)
        return -1;
    p->n = sizes[0], p->height = sizes[1], p->width = sizes[2];
    if (p->height > 8192 || p->width > 8192)
        return gcl_fail(err, GCL_DATA, "%s: pictures of %zu x %zu pixels are too large", p->path,
                        p->width, p->height);
    if (!labelled)
        return 0;
    p->label_path = find_labels(p->path);
    if (p->label_path == NULL || !exists(p->label_path))
        return gcl_fail(err, GCL_DATA,
                        "%s: has no labels beside it (%s), and the model wants pictures with "
                        "classes",
                        p->path, p->label_path != NULL ? p->label_path : "*labels*idx1*");
    if (read_idx(p->label_path, MAGIC_LABELS, 1, &p->labels, &n_labels, err) != 0)
        return -1;
    if (n_labels != p->n)
        return gcl_fail(err, GCL_DATA, "%s: has %zu labels, but %s has %zu pictures", p->label_path,
                        n_labels, p->path, p->n);
    return 0;
}

/* The files of the split, without reading them. */
static int choose_parts(gcl_dataset *dataset, mnist *m, const char *spec, gcl_error *err)
{
    struct stat status;
    enum gcl_split split = dataset->options.split;
    if (stat(spec, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: %s", spec, strerror(errno));
    if (S_ISREG(status.st_mode)) {
        m->parts[m->n_parts++].path = gcl_strdup(spec);
        return 0;
    }
    char *train = find_images(spec, false), *test = find_images(spec, true);
    dataset->is_split = train != NULL && test != NULL;
    if (train != NULL && (split != GCL_SPLIT_TEST || !dataset->is_split))
        m->parts[m->n_parts++].path = train;
    else
        free(train);
    if (test != NULL && (split != GCL_SPLIT_TRAIN || !dataset->is_split))
        m->parts[m->n_parts++].path = test;
    else
        free(test);
    if (m->n_parts == 0)
        return gcl_fail(err, GCL_DATA, "%s: holds no IDX file of pictures (*images-idx3-ubyte)",
                        spec);
    return 0;
}

static void name_classes(gcl_dataset *dataset, const mnist *m)
{
    int n = DIGITS;
    for (int k = 0; k < m->n_parts; k++)
        for (size_t i = 0; i < m->parts[k].n; i++)
            if (m->parts[k].labels[8 + i] >= n)
                n = m->parts[k].labels[8 + i] + 1;
    dataset->class_names = gcl_alloc((size_t)n * sizeof *dataset->class_names);
    for (dataset->n_classes = 0; dataset->n_classes < n; dataset->n_classes++) {
        gcl_text name = {0};
        gcl_text_add(&name, "%d", dataset->n_classes);
        dataset->class_names[dataset->n_classes] = name.text;
    }
}

static int mnist_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    bool labelled = dataset->options.wanted.kind == GCL_WANT_LABELLED;
    mnist *m = gcl_alloc(sizeof *m);
    gcl_text facts = {0};
    dataset->state = m;
    if (choose_parts(dataset, m, spec, err) != 0)
        return -1;
    for (int k = 0; k < m->n_parts; k++) {
        part *p = &m->parts[k];
        if (read_part(p, labelled, err) != 0)
            return -1;
        dataset->n_items += p->n;
    }
    if (labelled)
        name_classes(dataset, m);
    dataset->name = gcl_dataset_last_part(spec);
    dataset->margin = m->parts[0].height == 28 && m->parts[0].width == 28 ? MARGIN : 0;
    gcl_text_add(&facts, "%s: %zu pictures of %zu x %zu (IDX)", spec, dataset->n_items,
                 m->parts[0].width, m->parts[0].height);
    if (labelled)
        gcl_text_add(&facts, " in %d classes", dataset->n_classes);
    if (dataset->is_split && m->n_parts == 1)
        gcl_text_add(&facts, ", its %s part",
                     dataset->options.split == GCL_SPLIT_TEST ? "test" : "train");
    dataset->facts = facts.text;
    return 0;
}

static void mnist_close(gcl_dataset *dataset)
{
    mnist *m = dataset->state;
    for (int k = 0; m != NULL && k < m->n_parts; k++) {
        free(m->parts[k].path);
        free(m->parts[k].label_path);
        free(m->parts[k].images);
        free(m->parts[k].labels);
    }
    free(m);
}

/* ---- items -------------------------------------------------------------------------------------- */

static const part *find_item(const gcl_dataset *dataset, size_t *index)
{
    const mnist *m = dataset->state;
    const part *p = m->parts;
    while (*index >= p->n) {
        *index -= p->n;
        p++;
    }
    return p;
}

static int mnist_label(const gcl_dataset *dataset, size_t index)
{
    const part *p = find_item(dataset, &index);
    return p->labels[8 + index];
}

static int mnist_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                      gcl_error *err)
{
    const part *p = find_item(dataset, &index);
    bool padded = p->height == 28 && p->width == 28 && side != 28 && side != 0;
    size_t margin = padded ? MARGIN : 0, width = p->width + 2 * margin;
    gcl_image picture;
    if (gcl_image_new(&picture, (int)width, (int)(p->height + 2 * margin), 1, err) != 0)
        return -1;
    const uint8_t *from = p->images + 16 + index * p->height * p->width;
    for (size_t y = 0; y < p->height; y++)
        memcpy(picture.pixels + (y + margin) * width + margin, from + y * p->width, p->width);
    gcl_item_set(item, 0, &picture);
    item->label = p->labels != NULL ? p->labels[8 + index] : 0;
    return 0;
}

static void mnist_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    const part *p = find_item(dataset, &index);
    const char *slash = strrchr(p->path, '/');
    const char *file = slash != NULL ? slash + 1 : p->path;
    gcl_text_add(name, "%s%zu", is_test_name(file) ? "test/" : "", index);
}

const gcl_dataset_format gcl_format_mnist = {
    .name = "mnist",
    .line =
        "mnist: MNIST and its kin: a folder of IDX files, plain or .gz, or one file of pictures",
    .is = "is an MNIST-like set of pictures with labels",
    .kinds = 1 << GCL_WANT_PICTURES | 1 << GCL_WANT_LABELLED,
    .recognise = mnist_recognise,
    .open = mnist_open,
    .close = mnist_close,
    .load = mnist_load,
    .label = mnist_label,
    .item_name = mnist_item_name,
};
