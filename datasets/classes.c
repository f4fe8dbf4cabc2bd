/* A folder, a tar or a zip with a folder of pictures for each class: ROOT/CLASS/..., any depth below;
 * or with a list of classes, dataset.json, at its root (datasets/labels.h).
 * Classes are numbered in bytewise order of their names, over all parts of a set that is divided into
 * train and test, so that a number means the same in each. */
#include <stdlib.h>
#include <string.h>

#include "datasets/labels.h"
#include "datasets/listing.h"

/* The part of a path that names the class: its length, 0 for a picture in no folder. */
static size_t class_length(const gcl_files_entry *entry)
{
    const char *slash = strchr(entry->rest, '/');
    return slash != NULL ? (size_t)(slash - entry->rest) : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All class names, sorted, each once. */
static void find_classes(gcl_dataset *dataset, const gcl_files *files)
{
    char **names = NULL;
    size_t n = 0, capacity = 0;
    for (size_t i = 0; i < files->n; i++) {
        size_t length = class_length(&files->entries[i]);
        const char *last = n > 0 ? names[n - 1] : "";
        if (length == 0 ||
            (strncmp(last, files->entries[i].rest, length) == 0 && last[length] == 0))
            continue;
        gcl_text name = {0};
        gcl_text_add_bytes(&name, files->entries[i].rest, length);
        GCL_GROW(names, n, capacity);
        names[n++] = name.text;
    }
    if (n > 0)
        qsort(names, n, sizeof *names, compare_names);
    int n_classes = 0;
    for (size_t i = 0; i < n; i++)
        if (n_classes > 0 && strcmp(names[i], names[n_classes - 1]) == 0)
            free(names[i]);
        else
            names[n_classes++] = names[i];
    dataset->class_names = names;
    dataset->n_classes = n_classes;
}

static uint32_t class_of(const gcl_dataset *dataset, const gcl_files_entry *entry, size_t length)
{
    gcl_text text = {0};
    gcl_text_add_bytes(&text, entry->rest, length);
    char **found = bsearch(&text.text, dataset->class_names, (size_t)dataset->n_classes,
                           sizeof *dataset->class_names, compare_names);
    gcl_text_free(&text);
    return (uint32_t)(found - dataset->class_names);
}

/* The class of a file by the list, else by its folder; -1: none. */
static int label_of(const gcl_dataset *dataset, const gcl_labels *labels,
                    const gcl_files_entry *entry)
{
    if (labels->n_classes > 0)
        return gcl_labels_find(labels, entry->path);
    size_t length = class_length(entry);
    return length > 0 ? (int)class_of(dataset, entry, length) : -1;
}

static void take_items(gcl_dataset *dataset, const gcl_labels *labels)
{
    gcl_listing *l = dataset->state;
    l->items = gcl_alloc(l->files.n * sizeof *l->items);
    for (size_t i = 0; i < l->files.n; i++) {
        int label = label_of(dataset, labels, &l->files.entries[i]);
        if (label >= 0)
            l->items[dataset->n_items++] = (gcl_listing_item){{i, i}, (uint32_t)label};
    }
}

/* Classes of a list are called by their numbers. */
static void number_classes(gcl_dataset *dataset, int n)
{
    dataset->class_names = gcl_alloc((size_t)n * sizeof *dataset->class_names);
    for (; dataset->n_classes < n; dataset->n_classes++) {
        gcl_text name = {0};
        gcl_text_add(&name, "%d", dataset->n_classes);
        dataset->class_names[dataset->n_classes] = name.text;
    }
}

static int arrange(gcl_dataset *dataset, const char *spec, const gcl_labels *labels, gcl_error *err)
{
    const gcl_listing *l = dataset->state;
    if (labels->n_classes > 0)
        number_classes(dataset, labels->n_classes);
    else
        find_classes(dataset, &l->files);
    if (dataset->n_classes < 2)
        return gcl_fail(err, GCL_DATA,
                        "%s: holds %zu pictures but no two folders of them, and the model wants "
                        "pictures with classes; " GCL_DATASET_CLASSES_HELP,
                        spec, l->files.n);
    if (gcl_listing_keep_split(dataset, err) != 0)
        return -1;
    take_items(dataset, labels);
    if (dataset->n_items == 0)
        return gcl_fail(err, GCL_DATA, "%s: the part that data.split asks for has no classes",
                        spec);
    gcl_text what = {0};
    gcl_text_add(&what, "%zu pictures in %d classes", dataset->n_items, dataset->n_classes);
    if (dataset->n_items < l->files.n)
        gcl_text_add(&what, ", %zu outside them left out", l->files.n - dataset->n_items);
    gcl_listing_set_facts(dataset, what.text);
    gcl_text_free(&what);
    return 0;
}

static int classes_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    gcl_labels labels = {0};
    if (gcl_listing_find(dataset, spec, err) != 0)
        return -1;
    const gcl_listing *l = dataset->state;
    int result = gcl_labels_read(&labels, &l->files, err);
    if (result == 0)
        result = arrange(dataset, spec, &labels, err);
    gcl_labels_free(&labels);
    return result;
}

static int classes_label(const gcl_dataset *dataset, size_t index)
{
    const gcl_listing *l = dataset->state;
    return (int)l->items[index].label;
}

const gcl_dataset_format gcl_format_classes = {
    .name = "classes",
    .line =
        "classes: a folder of pictures for each class, or dataset.json's, in a folder, tar or zip",
    .is = "holds pictures by class",
    .kinds = 1 << GCL_WANT_LABELLED,
    .recognise = gcl_files_recognise,
    .open = classes_open,
    .close = gcl_listing_close,
    .load = gcl_listing_load,
    .files = gcl_listing_files,
    .label = classes_label,
    .item_name = gcl_listing_item_name,
};
