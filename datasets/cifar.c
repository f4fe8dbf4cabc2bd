/* CIFAR-10, binary version: data_batch_1.bin ... data_batch_5.bin (train) and test_batch.bin, each of
 * records of 3073 bytes: the label, 0 to 9, then 1024 bytes each of red, green and blue, row by row.
 * Records are read where they lie. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/format.h"
#include "io/file.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, CLASSES = 10, MAX_BATCHES = 16 };

static const char *const class_names[CLASSES] = {
    "aeroplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

typedef struct batch {
    char *path;
    int fd;
    size_t n; /* records */
} batch;

typedef struct cifar {
    batch batches[MAX_BATCHES];
    int n_batches;
} cifar;

/* ---- names -------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool is_test_name(const char *name) { return strcmp(name, "test_batch.bin") == 0; }

static bool is_batch_name(const char *name)
{
    size_t n = strlen(name);
    return is_test_name(name) ||
           (n > 4 && strncmp(name, "data_batch", 10) == 0 && strcmp(name + n - 4, ".bin") == 0);
}

static int compare_batches(const void *a, const void *b)
{
    return strcmp(((const batch *)a)->path, ((const batch *)b)->path);
}

/* The batches in a folder, sorted by name. */
static void list_batches(cifar *c, const char *folder)
{
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;)
        if (is_batch_name(entry->d_name) && c->n_batches < MAX_BATCHES) {
            gcl_text path = {0};
            gcl_text_add(&path, "%s/%s", folder, entry->d_name);
            c->batches[c->n_batches++] = (batch){.path = path.text, .fd = -1};
        }
    if (listing != NULL)
        closedir(listing);
    if (c->n_batches > 0)
        qsort(c->batches, (size_t)c->n_batches, sizeof *c->batches, compare_batches);
}

/* In the folder itself, or in the one that the published archive unpacks to. */
static void find_batches(cifar *c, const char *spec)
{
    struct stat status;
    if (stat(spec, &status) == 0 && S_ISREG(status.st_mode)) {
        if (is_batch_name(base_name(spec)))
            c->batches[c->n_batches++] = (batch){.path = gcl_strdup(spec), .fd = -1};
        return;
    }
    list_batches(c, spec);
    if (c->n_batches == 0) {
        gcl_text inner = {0};
        gcl_text_add(&inner, "%s/cifar-10-batches-bin", spec);
        list_batches(c, inner.text);
        gcl_text_free(&inner);
    }
}

static void free_batches(cifar *c)
{
    for (int k = 0; k < c->n_batches; k++) {
        if (c->batches[k].fd >= 0)
            close(c->batches[k].fd);
        free(c->batches[k].path);
    }
}

/* The version for Python, which is pickled objects. */
static bool is_pickled(const char *spec)
{
    static const char *const below[] = {"data_batch_1", "cifar-10-batches-py"};
    bool found = false;
    for (int k = 0; k < 2; k++) {
        gcl_text path = {0};
        struct stat status;
        gcl_text_add(&path, "%s/%s", spec, below[k]);
        found = found || stat(path.text, &status) == 0;
        gcl_text_free(&path);
    }
    return found;
}

static bool cifar_recognise(const char *spec)
{
    cifar c = {0};
    find_batches(&c, spec);
    bool found = c.n_batches > 0 || is_pickled(spec);
    free_batches(&c);
    return found;
}

/* ---- files -------------------------------------------------------------------------------------- */

static int open_batch(batch *b, gcl_error *err)
{
    struct stat status;
    b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0 || fstat(b->fd, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be opened: %s", b->path, strerror(errno));
    if (status.st_size == 0 || status.st_size % RECORD != 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: %jd bytes are no whole number of CIFAR-10 records (%d bytes each); it "
                        "is cut short or another version; copy it again",
                        b->path, (intmax_t)status.st_size, RECORD);
    b->n = (size_t)(status.st_size / RECORD);
    return 0;
}

/* Leaves the batches of the split, if there are both kinds. */
static void choose_batches(gcl_dataset *dataset, cifar *c)
{
    enum gcl_split split = dataset->options.split;
    int n = 0, n_test = 0;
    for (int k = 0; k < c->n_batches; k++)
        n_test += is_test_name(base_name(c->batches[k].path));
    dataset->is_split = n_test > 0 && n_test < c->n_batches;
    if (!dataset->is_split || split == GCL_SPLIT_ALL)
        return;
    for (int k = 0; k < c->n_batches; k++)
        if (is_test_name(base_name(c->batches[k].path)) == (split == GCL_SPLIT_TEST))
            c->batches[n++] = c->batches[k];
        else
            free(c->batches[k].path);
    c->n_batches = n;
}

static void set_facts(gcl_dataset *dataset, const char *spec)
{
    static const char *const parts[] = {", its train part", ", its test part", ""};
    gcl_text facts = {0};
    gcl_text_add(&facts, "%s: %zu pictures of 32 x 32 in 10 classes (CIFAR-10)%s", spec,
                 dataset->n_items, dataset->is_split ? parts[dataset->options.split] : "");
    dataset->facts = facts.text;
    dataset->name = gcl_dataset_last_part(spec);
}

static int cifar_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    cifar *c = gcl_alloc(sizeof *c);
    dataset->state = c;
    find_batches(c, spec);
    if (c->n_batches == 0)
        return gcl_fail(err, GCL_DATA,
                        is_pickled(spec) ? "%s: is CIFAR-10 as Python objects; take its binary "
                                           "version (cifar-10-binary.tar.gz, unpacked)"
                                         : "%s: holds no data_batch_*.bin and no test_batch.bin",
                        spec);
    choose_batches(dataset, c);
    for (int k = 0; k < c->n_batches; k++) {
        if (open_batch(&c->batches[k], err) != 0)
            return -1;
        dataset->n_items += c->batches[k].n;
    }
    if (dataset->options.wanted.kind == GCL_WANT_LABELLED) {
        dataset->class_names = gcl_alloc(CLASSES * sizeof *dataset->class_names);
        for (; dataset->n_classes < CLASSES; dataset->n_classes++)
            dataset->class_names[dataset->n_classes] = gcl_strdup(class_names[dataset->n_classes]);
    }
    set_facts(dataset, spec);
    return 0;
}

static void cifar_close(gcl_dataset *dataset)
{
    cifar *c = dataset->state;
    if (c != NULL)
        free_batches(c);
    free(c);
}

/* ---- items -------------------------------------------------------------------------------------- */

static const batch *find_item(const gcl_dataset *dataset, size_t *index)
{
    const cifar *c = dataset->state;
    const batch *b = c->batches;
    while (*index >= b->n) {
        *index -= b->n;
        b++;
    }
    return b;
}

static int cifar_label(const gcl_dataset *dataset, size_t index)
{
    const batch *b = find_item(dataset, &index);
    uint8_t label;
    if (gcl_file_read_at(b->fd, &label, 1, (uint64_t)index * RECORD) != 0)
        return -1;
    return label < CLASSES ? label : -1;
}

static int cifar_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                      gcl_error *err)
{
    (void)side;
    const batch *b = find_item(dataset, &index);
    uint8_t record[RECORD];
    gcl_image picture;
    if (gcl_file_read_at(b->fd, record, RECORD, (uint64_t)index * RECORD) != 0)
        return gcl_fail(err, GCL_DATA, "%s: record %zu cannot be read: %s", b->path, index,
                        strerror(errno));
    if (record[0] >= CLASSES)
        return gcl_fail(err, GCL_DATA, "%s: record %zu has the label %d, which is not 0 to 9",
                        b->path, index, record[0]);
    if (gcl_image_new(&picture, SIDE, SIDE, 3, err) != 0)
        return -1;
    for (int i = 0; i < PLANE; i++)
        for (int k = 0; k < 3; k++)
            picture.pixels[3 * i + k] = record[1 + k * PLANE + i];
    gcl_item_set(item, 0, &picture);
    item->label = record[0];
    return 0;
}

static void cifar_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    const batch *b = find_item(dataset, &index);
    gcl_text_add(name, "%s/%zu", base_name(b->path), index);
}

const gcl_dataset_format gcl_format_cifar = {
    .name = "cifar10",
    .line = "cifar10: CIFAR-10, binary version: a folder of data_batch_*.bin and test_batch.bin",
    .is = "is CIFAR-10, pictures with labels",
    .kinds = 1 << GCL_WANT_PICTURES | 1 << GCL_WANT_LABELLED,
    .recognise = cifar_recognise,
    .open = cifar_open,
    .close = cifar_close,
    .load = cifar_load,
    .label = cifar_label,
    .item_name = cifar_item_name,
};
