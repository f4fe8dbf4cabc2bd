/* ganocl dataset convert: any data set to one packed file (datasets/packed.h). Pictures are made by
 * several threads, some at a time, and written in their order, so the file depends on nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/dataset.h"
#include "cli/workers.h"
#include "datasets/packed.h"
#include "train/interrupt.h"

enum { AT_ONCE = 64 };
#define SECONDS_BETWEEN 5.0

/* The items of a data set by their names, with their classes: to look up those of another. */
typedef struct names {
    struct entry {
        char *name;
        int label;
    } * entries;
    size_t n;
} names;

typedef struct conversion {
    gcl_dataset *dataset; /* all its items */
    const char *out;
    int side;
    bool divided;
    gcl_dataset *labelled; /* or NULL */
    names labels, train, test;

    size_t first; /* of the items that are being made */
    gcl_packed_item items[AT_ONCE];
    gcl_error errors[AT_ONCE];
    size_t n_written, n_skipped;
} conversion;

/* ---- classes and parts -------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static names names_of(const gcl_dataset *dataset)
{
    size_t n = gcl_dataset_count(dataset);
    names found = {gcl_alloc(n * sizeof *found.entries), n};
    for (size_t i = 0; i < n; i++)
        found.entries[i] =
            (struct entry){gcl_dataset_item_name(dataset, i),
                           gcl_dataset_classes(dataset) > 0 ? gcl_dataset_label(dataset, i) : -1};
    qsort(found.entries, n, sizeof *found.entries, compare_entries);
    return found;
}

static const struct entry *find(const names *among, char *name)
{
    const struct entry wanted = {name, 0};
    if (among->n == 0)
        return NULL;
    return bsearch(&wanted, among->entries, among->n, sizeof wanted, compare_entries);
}

static void free_names(names *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->entries[i].name);
    free(list->entries);
}

/* The names of one part of a divided set; none, where it has no such part. */
static names part_names(const conversion *c, const char *path, enum gcl_split split)
{
    gcl_dataset_options options = *gcl_dataset_get_options(c->dataset);
    options.split = split;
    gcl_dataset *part = gcl_dataset_open(path, &options, NULL);
    names found = part != NULL ? names_of(part) : (names){0};
    gcl_dataset_close(part);
    return found;
}

static void find_classes(conversion *c, const char *path)
{
    gcl_dataset_options options = *gcl_dataset_get_options(c->dataset);
    if (options.wanted.kind != GCL_WANT_PICTURES)
        return;
    options.wanted.kind = GCL_WANT_LABELLED;
    options.format = NULL;
    c->labelled = gcl_dataset_open(path, &options, NULL);
    if (c->labelled != NULL)
        c->labels = names_of(c->labelled);
}

static void find_parts(conversion *c, const char *path)
{
    c->divided = gcl_dataset_is_divided(c->dataset) &&
                 gcl_dataset_get_options(c->dataset)->split == GCL_SPLIT_ALL;
    if (!c->divided)
        return;
    c->train = part_names(c, path, GCL_SPLIT_TRAIN);
    c->test = part_names(c, path, GCL_SPLIT_TEST);
}

/* ---- the work ----------------------------------------------------------------------------------- */

static int make_one(void *context, size_t i)
{
    conversion *c = context;
    c->errors[i] = (gcl_error){0};
    gcl_packed_make(&c->items[i], c->dataset, c->first + i, c->side, &c->errors[i]);
    return 0;
}

static void set_label_and_part(const conversion *c, gcl_packed_item *item)
{
    const struct entry *labelled = find(&c->labels, item->name);
    item->label = labelled != NULL ? labelled->label : -1;
    if (c->divided)
        item->part = find(&c->train, item->name) != NULL  ? GCL_PACKED_TRAIN
                     : find(&c->test, item->name) != NULL ? GCL_PACKED_TEST
                                                          : GCL_PACKED_OTHER;
}

/* Writes item i of those that were made; one that cannot be read is left out. */
static int write_one(conversion *c, gcl_packer *packer, size_t i, gcl_error *err)
{
    const gcl_error *failure = &c->errors[i];
    if (failure->code != 0 && failure->code != GCL_DATA)
        return gcl_fail(err, failure->code, "%s", failure->text);
    if (failure->code != 0) {
        gcl_warn("%s; left out", failure->text);
        c->n_skipped++;
        return 0;
    }
    set_label_and_part(c, &c->items[i]);
    c->n_written++;
    return gcl_packer_add(packer, &c->items[i], err);
}

/* Returns 128 + signal when one came. */
static int pack_all(conversion *c, gcl_packer *packer, int threads, gcl_error *err)
{
    size_t n = gcl_dataset_count(c->dataset);
    double said = gcl_seconds();
    for (c->first = 0; c->first < n; c->first += AT_ONCE) {
        size_t n_now = n - c->first < AT_ONCE ? n - c->first : AT_ONCE;
        int status = 0;
        gcl_workers_run(n_now, threads, "pictures", make_one, c);
        for (size_t i = 0; i < n_now; i++) {
            if (status == 0)
                status = write_one(c, packer, i, err);
            gcl_packed_item_free(&c->items[i]);
        }
        if (status != 0)
            return -1;
        if (gcl_interrupt_signal() != 0)
            return 128 + gcl_interrupt_signal();
        if (gcl_seconds() - said > SECONDS_BETWEEN) {
            gcl_say("%zu of %zu items", c->first + n_now, n);
            said = gcl_seconds();
        }
    }
    if (c->n_written == 0)
        return gcl_fail(err, GCL_DATA, "%s: no picture can be read; the warnings above say why",
                        gcl_dataset_facts(c->dataset));
    return 0;
}

static void tell(const conversion *c)
{
    bool pairs = gcl_dataset_get_options(c->dataset)->wanted.kind == GCL_WANT_PAIRS;
    printf("%s: %zu %s", c->out, c->n_written, pairs ? "pairs" : "pictures");
    if (c->side > 0)
        printf(" of %d x %d", c->side, c->side);
    if (c->labelled != NULL)
        printf(" in %d classes", gcl_dataset_classes(c->labelled));
    if (c->n_skipped > 0)
        printf(", %zu unreadable ones left out", c->n_skipped);
    printf("; train on them: ganocl train --data %s\n", c->out);
}

static int convert(conversion *c, int threads, gcl_error *err)
{
    gcl_packer_facts facts = {.side = c->side,
                              .pairs = gcl_dataset_get_options(c->dataset)->wanted.kind ==
                                       GCL_WANT_PAIRS,
                              .divided = c->divided,
                              .labelled = c->labelled,
                              .source = gcl_dataset_facts(c->dataset)};
    gcl_interrupt_watch(); /* before there is a file that a signal would leave behind */
    gcl_packer *packer = gcl_packer_begin(c->out, &facts, err);
    int status = packer != NULL ? pack_all(c, packer, threads, err) : -1;
    gcl_interrupt_restore();
    if (packer == NULL)
        return -1;
    if (status == 0)
        status = gcl_packer_commit(packer, err);
    else
        gcl_packer_abandon(packer);
    if (status == 0)
        tell(c);
    return status;
}

/* ---- the command -------------------------------------------------------------------------------- */

/* As pairs where the path holds pairs, else as pictures, unless --kind says which. */
static gcl_dataset *open_source(const gcl_options *options, gcl_error *err)
{
    const char *kind = options->kind;
    bool pairs = kind != NULL && strcmp(kind, "pairs") == 0;
    bool builtin = strncmp(options->in, "builtin:", 8) == 0;
    if (kind != NULL && !pairs && strcmp(kind, "pictures") != 0) {
        gcl_fail(err, GCL_USAGE, "--kind %s: dataset convert knows pictures and pairs", kind);
        return NULL;
    }
    if (pairs)
        return gcl_dataset_look(options, options->in, GCL_WANT_PAIRS, err);
    gcl_dataset *dataset = NULL;
    if (kind == NULL && !builtin)
        dataset = gcl_dataset_look(options, options->in, GCL_WANT_PAIRS, NULL);
    return dataset != NULL ? dataset
                           : gcl_dataset_look(options, options->in, GCL_WANT_PICTURES, err);
}

static int check_source(const gcl_options *options, const gcl_dataset *dataset, gcl_error *err)
{
    const gcl_dataset_options *o = gcl_dataset_get_options(dataset);
    if (options->size > 8192)
        return gcl_fail(err, GCL_USAGE, "--size %lld: is not a side of 1 to 8192 pixels",
                        (long long)options->size);
    if (options->size == 0 && gcl_dataset_depends_on_size(dataset))
        return gcl_fail(err, GCL_USAGE,
                        "dataset convert: %s makes its pictures for the size that is wanted; say "
                        "which with --size N",
                        options->in);
    if (options->size == 0 && o->box.width > 0)
        return gcl_fail(err, GCL_USAGE,
                        "dataset convert: data.box needs --size N: without it the pictures' files "
                        "are kept as they are");
    if (o->swap)
        return gcl_fail(err, GCL_USAGE,
                        "dataset convert: data.swap belongs to training; pairs are packed as they "
                        "are");
    return 0;
}

int gcl_dataset_command_convert(const gcl_options *options, gcl_error *err)
{
    if (options->in == NULL || options->out == NULL)
        return gcl_fail(err, GCL_USAGE, "dataset convert: --in PATH and --out FILE are needed");
    conversion *c = gcl_alloc(sizeof *c);
    c->out = options->out;
    c->side = (int)options->size;
    c->dataset = open_source(options, err);
    int status = c->dataset != NULL ? check_source(options, c->dataset, err) : -1;
    if (status == 0) {
        find_classes(c, options->in);
        find_parts(c, options->in);
        status = convert(c, (int)options->threads, err);
    }
    free_names(&c->labels);
    free_names(&c->train);
    free_names(&c->test);
    gcl_dataset_close(c->labelled);
    gcl_dataset_close(c->dataset);
    free(c);
    return status;
}
