#include "datasets/listing.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/split.h"

int gcl_listing_find(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    gcl_listing *l = gcl_alloc(sizeof *l);
    dataset->state = l;
    dataset->name = gcl_dataset_last_part(spec);
    if (gcl_files_open(&l->files, spec, err) != 0)
        return -1;
    if (l->files.n == 0)
        return gcl_fail(err, GCL_DATA,
                        "no JPEG or PNG pictures in %s (%zu other file%s); give a folder that has "
                        ".jpg, .jpeg or .png files in it",
                        spec, l->files.n_other, l->files.n_other == 1 ? "" : "s");
    dataset->is_split = gcl_split_find(&l->files);
    return 0;
}

int gcl_listing_keep_split(gcl_dataset *dataset, gcl_error *err)
{
    gcl_listing *l = dataset->state;
    return dataset->is_split ? gcl_split_keep(&l->files, dataset->options.split, err) : 0;
}

int gcl_listing_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    return gcl_listing_find(dataset, spec, err) == 0 ? gcl_listing_keep_split(dataset, err) : -1;
}

void gcl_listing_take_all(gcl_dataset *dataset)
{
    gcl_listing *l = dataset->state;
    l->items = gcl_alloc(l->files.n * sizeof *l->items);
    dataset->n_items = l->files.n;
    for (size_t i = 0; i < l->files.n; i++)
        l->items[i] = (gcl_listing_item){{i, i}, 0};
}

void gcl_listing_set_facts(gcl_dataset *dataset, const char *what)
{
    static const char *const parts[] = {", its train part", ", its test part", ""};
    const gcl_listing *l = dataset->state;
    const gcl_files *f = &l->files;
    gcl_text facts = {0};
    gcl_text_add(&facts, "%s: %s (%zu JPEG, %zu PNG", f->root, what, f->n_jpeg, f->n - f->n_jpeg);
    if (f->n_other > 0)
        gcl_text_add(&facts, "; %zu other file%s left out", f->n_other, f->n_other == 1 ? "" : "s");
    gcl_text_add(&facts, ")%s", dataset->is_split ? parts[dataset->options.split] : "");
    dataset->facts = facts.text;
}

void gcl_listing_close(gcl_dataset *dataset)
{
    gcl_listing *l = dataset->state;
    if (l == NULL)
        return;
    gcl_files_close(&l->files);
    free(l->items);
    free(l);
}

/* Decodes file `file` to picture `which`, or with GCL_LISTING_HALVES its left half to `which`. */
static int load_file(const gcl_dataset *dataset, size_t file, int which, int side, gcl_item *item,
                     gcl_error *err)
{
    const gcl_listing *l = dataset->state;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (gcl_files_read(&l->files, file, &bytes, &n, err) != 0)
        return -1;
    char *name = gcl_files_name(&l->files, file);
    int result =
        l->layout == GCL_LISTING_HALVES
            ? gcl_item_decode_halves(item, which, &dataset->options, side, bytes, n, name, err)
            : gcl_item_decode(item, which, &dataset->options, side, bytes, n, name, err);
    free(name);
    free(bytes);
    return result;
}

/* The pictures of a pair may differ in size but not in shape, by 1 % at most. */
static int check_shapes(const gcl_dataset *dataset, const gcl_listing_item *files,
                        const gcl_item *item, gcl_error *err)
{
    const gcl_listing *l = dataset->state;
    int a = dataset->options.swap ? 1 : 0;
    const struct gcl_item_picture *p = &item->pictures[a], *q = &item->pictures[1 - a];
    double p_shape = (double)p->width * q->height, q_shape = (double)q->width * p->height;
    if (p_shape <= 1.01 * q_shape && q_shape <= 1.01 * p_shape)
        return 0;
    return gcl_fail(err, GCL_DATA,
                    "%s/%s: is %d x %d, but its partner %s is %d x %d; a pair has one shape",
                    l->files.root, l->files.entries[files->file[0]].path, p->width, p->height,
                    l->files.entries[files->file[1]].path, q->width, q->height);
}

int gcl_listing_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                     gcl_error *err)
{
    const gcl_listing *l = dataset->state;
    const gcl_listing_item *files = &l->items[index];
    int first = dataset->options.swap && l->layout != GCL_LISTING_SINGLE ? 1 : 0;
    item->label = files->label;
    if (load_file(dataset, files->file[0], first, side, item, err) != 0)
        return -1;
    if (l->layout != GCL_LISTING_TWO_FILES)
        return 0;
    if (load_file(dataset, files->file[1], 1 - first, side, item, err) != 0)
        return -1;
    return check_shapes(dataset, files, item, err);
}

int gcl_listing_files(const gcl_dataset *dataset, size_t index, gcl_item_files *files,
                      gcl_error *err)
{
    const gcl_listing *l = dataset->state;
    const gcl_listing_item *item = &l->items[index];
    files->halves = l->layout == GCL_LISTING_HALVES;
    for (int k = 0; k < (l->layout == GCL_LISTING_TWO_FILES ? 2 : 1); k++)
        if (gcl_files_read(&l->files, item->file[k], &files->bytes[k], &files->n[k], err) != 0) {
            free(files->bytes[0]);
            files->bytes[0] = NULL;
            return -1;
        }
    return 0;
}

void gcl_listing_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    const gcl_listing *l = dataset->state;
    gcl_text_add(name, "%s", l->files.entries[l->items[index].file[0]].path);
}
