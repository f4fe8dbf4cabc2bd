/* Pairs of pictures in a folder, a tar or a zip: A/ and B/ with equal names (their extensions may differ),
 * or A|B pictures, which hold A in their left half and B in their right one (pix2pix's sets). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "datasets/listing.h"

/* ---- A/ and B/ ---------------------------------------------------------------------------------- */

/* A picture below A/ or B/, by what lies behind that, without the extension. */
typedef struct half {
    const char *key;
    size_t length, file;
} half;

typedef struct halves {
    half *items;
    size_t n, capacity;
} halves;

static int compare_halves(const void *a, const void *b)
{
    const half *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->length < y->length ? x->length : y->length);
    if (order == 0)
        order = (x->length > y->length) - (x->length < y->length);
    return order;
}

/* What lies below `folder` ("A"). */
static halves find_halves(const gcl_files *files, char folder)
{
    halves found = {0};
    for (size_t i = 0; i < files->n; i++) {
        const char *rest = files->entries[i].rest;
        if (rest[0] != folder || rest[1] != '/')
            continue;
        GCL_GROW(found.items, found.n, found.capacity);
        found.items[found.n++] = (half){rest + 2, (size_t)(strrchr(rest, '.') - rest) - 2, i};
    }
    if (found.n > 0)
        qsort(found.items, found.n, sizeof *found.items, compare_halves);
    return found;
}

/* Joins two sorted lists; what has no partner is left out. */
static void join(gcl_dataset *dataset, const halves *a, const halves *b)
{
    gcl_listing *l = dataset->state;
    const char *lonely = NULL;
    size_t i = 0, j = 0, n = 0;
    l->items = gcl_alloc((a->n + b->n) * sizeof *l->items);
    while (i < a->n && j < b->n) {
        int order = compare_halves(&a->items[i], &b->items[j]);
        if (order == 0)
            l->items[n++] = (gcl_listing_item){{a->items[i].file, b->items[j].file}, 0};
        else if (lonely == NULL)
            lonely = l->files.entries[order < 0 ? a->items[i].file : b->items[j].file].path;
        i += order <= 0;
        j += order >= 0;
    }
    if (lonely == NULL && (i < a->n || j < b->n))
        lonely = l->files.entries[i < a->n ? a->items[i].file : b->items[j].file].path;
    if (lonely != NULL && n > 0)
        gcl_warn("%s: %zu pictures in A/ and B/ have no partner of the same name and are left out "
                 "(%s is the first)",
                 l->files.root, a->n + b->n - 2 * n, lonely);
    dataset->n_items = n;
}

static int arrange_folders(gcl_dataset *dataset, const halves *a, const halves *b, gcl_error *err)
{
    gcl_listing *l = dataset->state;
    l->layout = GCL_LISTING_TWO_FILES;
    join(dataset, a, b);
    if (dataset->n_items == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: no picture in A/ (%zu) has the name of one in B/ (%zu); give both of "
                        "a pair the same name, whatever the extension",
                        l->files.root, a->n, b->n);
    gcl_text what = {0};
    gcl_text_add(&what, "%zu pairs in A/ and B/", dataset->n_items);
    gcl_listing_set_facts(dataset, what.text);
    gcl_text_free(&what);
    return 0;
}

/* ---- A|B ---------------------------------------------------------------------------------------- */

static int arrange_sides(gcl_dataset *dataset)
{
    gcl_listing *l = dataset->state;
    l->layout = GCL_LISTING_HALVES;
    gcl_listing_take_all(dataset);
    gcl_text what = {0};
    gcl_text_add(&what, "%zu A|B pictures", dataset->n_items);
    gcl_listing_set_facts(dataset, what.text);
    gcl_text_free(&what);
    return 0;
}

enum { N_PROBED = 8 };

/* Whether pictures all over the list are twice as wide as high, within 2 %. Unreadable ones do not
 * count; *wrong is one that is not, with its size. */
static bool are_sides(const gcl_files *files, size_t *wrong, gcl_image_header *header)
{
    size_t n_good = 0;
    for (size_t k = 0; k < N_PROBED && k < files->n; k++) {
        size_t i = files->n <= N_PROBED ? k : k * (files->n - 1) / (N_PROBED - 1), n = 0;
        uint8_t *bytes = NULL;
        bool readable = gcl_files_read(files, i, &bytes, &n, NULL) == 0 &&
                        gcl_image_read_header(bytes, n, "", header, NULL) == 0;
        free(bytes);
        if (!readable)
            continue;
        n_good++;
        *wrong = i;
        if (abs(header->width - 2 * header->height) > header->width / 50)
            return false;
    }
    return n_good > 0;
}

static int explain(const gcl_files *files, size_t i, const gcl_image_header *header, gcl_error *err)
{
    if (header->width == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: no picture of the first that were tried can be read (%s)", files->root,
                        files->entries[i].path);
    return gcl_fail(err, GCL_DATA,
                    "%s: holds single pictures (%s is %d x %d), but the model wants pairs of "
                    "pictures; " GCL_DATASET_PAIRS_HELP " (data.format=sides: A|B of any shape)",
                    files->root, files->entries[i].path, header->width, header->height);
}

/* ---- the rows ----------------------------------------------------------------------------------- */

static int pairs_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    if (gcl_listing_open(dataset, spec, err) != 0)
        return -1;
    const gcl_listing *l = dataset->state;
    gcl_image_header header = {0};
    size_t probed = 0;
    halves a = find_halves(&l->files, 'A'), b = find_halves(&l->files, 'B');
    int result;
    if (a.n > 0 && b.n > 0)
        result = arrange_folders(dataset, &a, &b, err);
    else if (are_sides(&l->files, &probed, &header))
        result = arrange_sides(dataset);
    else
        result = explain(&l->files, probed, &header, err);
    free(a.items);
    free(b.items);
    return result;
}

static int sides_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    return gcl_listing_open(dataset, spec, err) == 0 ? arrange_sides(dataset) : -1;
}

static bool never_recognise(const char *spec)
{
    (void)spec;
    return false;
}

const gcl_dataset_format gcl_format_pairs = {
    .name = "pairs",
    .line = "pairs: folders A/ and B/ with equal names, or A|B pictures, in a folder, tar or zip",
    .is = "holds pairs of pictures",
    .kinds = 1 << GCL_WANT_PAIRS,
    .recognise = gcl_files_recognise,
    .open = pairs_open,
    .close = gcl_listing_close,
    .load = gcl_listing_load,
    .files = gcl_listing_files,
    .item_name = gcl_listing_item_name,
};

const gcl_dataset_format gcl_format_sides = {
    .name = "sides",
    .line = "sides: A|B pictures even if they are not twice as wide as high; only by data.format",
    .is = "holds A|B pictures",
    .kinds = 1 << GCL_WANT_PAIRS,
    .recognise = never_recognise,
    .open = sides_open,
    .close = gcl_listing_close,
    .load = gcl_listing_load,
    .files = gcl_listing_files,
    .item_name = gcl_listing_item_name,
};
