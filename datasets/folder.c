/* A folder of JPEG and PNG files, with all its subfolders, in bytewise order of their paths.
 *
 * Hidden files and folders are left out. Symbolic links are followed, and a folder that was seen
 * already is not entered again, so loops do no harm. */
#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "datasets/format.h"
#include "io/file.h"

typedef struct folder {
    char **paths;
    size_t n, capacity;
    size_t n_jpeg, n_other; /* by name: what the facts and an empty folder's message say */
    void *seen;             /* tree of the identities of folders that were entered */
} folder;

typedef struct identity {
    dev_t device;
    ino_t inode;
} identity;

static int compare_identities(const void *a, const void *b)
{
    const identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Says whether the folder is new, and remembers it. */
static bool enter_once(folder *f, const struct stat *status)
{
    identity *key = gcl_alloc(sizeof *key);
    *key = (identity){status->st_dev, status->st_ino};
    void **found = tsearch(key, &f->seen, compare_identities);
    if (found == NULL || *found == key)
        return true;
    free(key);
    return false;
}

static void forget_seen(folder *f)
{
    while (f->seen != NULL) {
        identity *key = *(identity **)f->seen;
        tdelete(key, &f->seen, compare_identities);
        free(key);
    }
}

static bool ends_in(const char *name, const char *extension)
{
    size_t n = strlen(name), k = strlen(extension);
    return n > k && strcasecmp(name + n - k, extension) == 0;
}

static bool is_jpeg_name(const char *name)
{
    return ends_in(name, ".jpg") || ends_in(name, ".jpeg");
}

static int scan(folder *f, const char *path, gcl_error *err);

static void add_file(folder *f, char *path)
{
    bool jpeg = is_jpeg_name(path);
    if (!jpeg && !ends_in(path, ".png")) {
        f->n_other++;
        free(path);
        return;
    }
    f->n_jpeg += jpeg;
    GCL_GROW(f->paths, f->n, f->capacity);
    f->paths[f->n++] = path;
}

/* Takes over `path`. A link to nowhere counts as a file, so that it will be named as unreadable. */
static void add_entry(folder *f, char *path)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (!exists || S_ISREG(status.st_mode)) {
        add_file(f, path);
        return;
    }
    if (S_ISDIR(status.st_mode) && enter_once(f, &status)) {
        gcl_error reason = {0};
        if (scan(f, path, &reason) != 0)
            gcl_warn("%s; skipped", reason.text);
    }
    free(path);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries are taken in order, so that which of two links to one folder is followed does not depend
 * on the order in which the file system happens to list them. */
static int scan(folder *f, const char *path, gcl_error *err)
{
    DIR *listing = opendir(path);
    if (listing == NULL)
        return gcl_fail(err, GCL_DATA, "%s: the folder cannot be read: %s", path, strerror(errno));
    char **names = NULL;
    size_t n = 0, capacity = 0;
    bool slash = ends_in(path, "/") || strcmp(path, "/") == 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        gcl_text full = {0};
        gcl_text_add(&full, "%s%s%s", path, slash ? "" : "/", entry->d_name);
        GCL_GROW(names, n, capacity);
        names[n++] = full.text;
    }
    closedir(listing);
    if (n > 0)
        qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++)
        add_entry(f, names[i]);
    free(names);
    return 0;
}

static bool folder_recognise(const char *spec)
{
    struct stat status;
    return stat(spec, &status) == 0 && S_ISDIR(status.st_mode);
}

static void set_facts(gcl_dataset *dataset, const folder *f, const char *spec)
{
    gcl_text facts = {0};
    gcl_text_add(&facts, "%s: %zu pictures (%zu JPEG, %zu PNG", spec, f->n, f->n_jpeg,
                 f->n - f->n_jpeg);
    if (f->n_other > 0)
        gcl_text_add(&facts, "; %zu other file%s left out", f->n_other, f->n_other == 1 ? "" : "s");
    gcl_text_add(&facts, ")");
    dataset->facts = facts.text;
    dataset->name = gcl_dataset_last_part(spec);
}

static int folder_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    folder *f = gcl_alloc(sizeof *f);
    dataset->state = f;
    struct stat status;
    if (stat(spec, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: %s; --data takes an existing folder", spec,
                        strerror(errno));
    enter_once(f, &status);
    int result = scan(f, spec, err);
    forget_seen(f);
    if (result != 0)
        return -1;
    if (f->n == 0)
        return gcl_fail(err, GCL_DATA,
                        "no JPEG or PNG pictures in %s (%zu other file%s); give a folder that has "
                        ".jpg, .jpeg or .png files in it",
                        spec, f->n_other, f->n_other == 1 ? "" : "s");
    qsort(f->paths, f->n, sizeof *f->paths, compare_names);
    dataset->n_items = f->n;
    set_facts(dataset, f, spec);
    return 0;
}

static void folder_close(gcl_dataset *dataset)
{
    folder *f = dataset->state;
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
    free(f);
}

static int folder_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                       gcl_error *err)
{
    const folder *f = dataset->state;
    const char *path = f->paths[index];
    uint8_t *file = NULL;
    size_t n = 0;
    if (gcl_file_read(path, GCL_IMAGE_MAX_BYTES, &file, &n, err) != 0)
        return -1;
    int result = gcl_item_decode(item, 0, &dataset->options, side, file, n, path, err);
    free(file);
    return result;
}

static void folder_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    const folder *f = dataset->state;
    gcl_text_add(name, "%s", f->paths[index]);
}

const gcl_dataset_format gcl_dataset_folder = {
    .name = "folder",
    .line = "folder: a folder of JPEG and PNG pictures, with its subfolders",
    .is = "holds pictures",
    .kinds = 1 << GCL_WANT_PICTURES,
    .recognise = folder_recognise,
    .open = folder_open,
    .close = folder_close,
    .load = folder_load,
    .item_name = folder_item_name,
};
