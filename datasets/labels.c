#include "datasets/labels.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct gcl_labels_item *)a)->path,
                  ((const struct gcl_labels_item *)b)->path);
}

static int take_pair(gcl_labels *labels, const json_t *pair, size_t i, const char *root,
                     gcl_error *err)
{
    const char *path = json_string_value(json_array_get(pair, 0));
    const json_t *label = json_array_get(pair, 1);
    json_int_t k = json_integer_value(label);
    if (json_array_size(pair) != 2 || path == NULL || !json_is_integer(label) || k < 0 ||
        k >= GCL_LABELS_MOST)
        return gcl_fail(err, GCL_DATA,
                        "%s: dataset.json: label %zu is not [\"PATH\", CLASS] with a class of 0 to "
                        "%d",
                        root, i, GCL_LABELS_MOST - 1);
    labels->items[labels->n++] = (struct gcl_labels_item){gcl_strdup(path), (uint32_t)k};
    if (k >= labels->n_classes)
        labels->n_classes = (int)k + 1;
    return 0;
}

static int take_list(gcl_labels *labels, const json_t *list, const char *root, gcl_error *err)
{
    if (json_is_null(list))
        return gcl_fail(err, GCL_DATA,
                        "%s: its dataset.json says that it has no labels, and the model wants "
                        "pictures with classes",
                        root);
    if (!json_is_array(list))
        return gcl_fail(err, GCL_DATA, "%s: dataset.json: \"labels\" is neither a list nor null",
                        root);
    labels->items = gcl_alloc((json_array_size(list) + 1) * sizeof *labels->items);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (take_pair(labels, json_array_get(list, i), i, root, err) != 0)
            return -1;
    qsort(labels->items, labels->n, sizeof *labels->items, compare_items);
    return 0;
}

int gcl_labels_read(gcl_labels *labels, const gcl_files *files, gcl_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    json_error_t why;
    *labels = (gcl_labels){0};
    if (files->list.path == NULL)
        return 0;
    if (gcl_files_read_entry(files, &files->list, &bytes, &n, err) != 0)
        return -1;
    json_t *root = json_loadb((const char *)bytes, n, 0, &why);
    free(bytes);
    if (root == NULL)
        return gcl_fail(err, GCL_DATA, "%s: dataset.json: line %d: %s", files->root, why.line,
                        why.text);
    const json_t *list = json_object_get(root, "labels"); /* none: another program's file */
    int result = list != NULL ? take_list(labels, list, files->root, err) : 0;
    json_decref(root);
    return result;
}

void gcl_labels_free(gcl_labels *labels)
{
    for (size_t i = 0; i < labels->n; i++)
        free(labels->items[i].path);
    free(labels->items);
    *labels = (gcl_labels){0};
}

int gcl_labels_find(const gcl_labels *labels, const char *path)
{
    char *key = gcl_strdup(path);
    const struct gcl_labels_item wanted = {key, 0}, *found = NULL;
    if (labels->n > 0)
        found = bsearch(&wanted, labels->items, labels->n, sizeof *labels->items, compare_items);
    free(key);
    return found != NULL ? (int)found->label : -1;
}
