#include "datasets/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/image.h"

static bool ends_in(const char *name, const char *extension)
{
    size_t n = strlen(name), k = strlen(extension);
    return n > k && strcasecmp(name + n - k, extension) == 0;
}

void gcl_files_add(gcl_files *files, char *path, uint64_t at, uint64_t bytes)
{
    bool jpeg = ends_in(path, ".jpg") || ends_in(path, ".jpeg");
    gcl_activity_update(files->looking, (int64_t)(files->n + files->n_other));
    if (strcmp(path, "dataset.json") == 0 && files->list.path == NULL) {
        files->list = (gcl_files_entry){path, path, at, bytes, 0};
        return;
    }
    if (!jpeg && !ends_in(path, ".png")) {
        files->n_other++;
        free(path);
        return;
    }
    files->n_jpeg += jpeg;
    GCL_GROW(files->entries, files->n, files->capacity);
    files->entries[files->n++] = (gcl_files_entry){path, path, at, bytes, 0};
}

char *gcl_files_clean(const char *name)
{
    gcl_text path = {0};
    for (size_t n; *name != 0; name += n) {
        name += strspn(name, "/");
        n = strcspn(name, "/");
        if (n == 0 || (n == 1 && name[0] == '.'))
            continue;
        if (name[0] == '.') {
            gcl_text_free(&path);
            return NULL;
        }
        if (path.length > 0)
            gcl_text_add(&path, "/");
        gcl_text_add_bytes(&path, name, n);
    }
    return path.text;
}

/* ---- a folder ----------------------------------------------------------------------------------- */

typedef struct identity {
    dev_t device;
    ino_t inode;
} identity;

typedef struct walk {
    gcl_files *files;
    void *seen; /* tree of the identities of folders that were entered */
} walk;

static int compare_identities(const void *a, const void *b)
{
    const identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Says whether the folder is new, and remembers it. */
static bool enter_once(walk *w, const struct stat *status)
{
    identity *key = gcl_alloc(sizeof *key);
    *key = (identity){status->st_dev, status->st_ino};
    void **found = tsearch(key, &w->seen, compare_identities);
    if (found == NULL || *found == key)
        return true;
    free(key);
    return false;
}

static void forget_seen(walk *w)
{
    while (w->seen != NULL) {
        identity *key = *(identity **)w->seen;
        tdelete(key, &w->seen, compare_identities);
        free(key);
    }
}

static char *join(const char *folder, const char *name)
{
    gcl_text path = {0};
    size_t n = strlen(folder);
    gcl_text_add(&path, "%s%s%s", folder, n == 0 || folder[n - 1] == '/' ? "" : "/", name);
    return path.text;
}

static int scan(walk *w, const char *below, gcl_error *err);

/* Takes over `path`. A link to nowhere counts as a file, so that it will be named as unreadable. */
static void add_entry(walk *w, char *path)
{
    struct stat status;
    char *full = join(w->files->root, path);
    bool exists = stat(full, &status) == 0;
    free(full);
    if (!exists || S_ISREG(status.st_mode)) {
        gcl_files_add(w->files, path, 0, 0);
        return;
    }
    if (S_ISDIR(status.st_mode) && enter_once(w, &status)) {
        gcl_error reason = {0};
        if (scan(w, path, &reason) != 0)
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
static int scan(walk *w, const char *below, gcl_error *err)
{
    char *full = join(w->files->root, below), **names = NULL;
    size_t n = 0, capacity = 0;
    DIR *listing = opendir(full);
    int result = listing != NULL ? 0
                                 : gcl_fail(err, GCL_DATA, "%s: the folder cannot be read: %s",
                                            full, strerror(errno));
    free(full);
    if (result != 0)
        return -1;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.') {
            GCL_GROW(names, n, capacity);
            names[n++] = join(below, entry->d_name);
        }
    closedir(listing);
    if (n > 0)
        qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++)
        add_entry(w, names[i]);
    free(names);
    return 0;
}

static int list_folder(gcl_files *files, const struct stat *status, gcl_error *err)
{
    walk w = {.files = files};
    enter_once(&w, status);
    int result = scan(&w, "", err);
    forget_seen(&w);
    return result;
}

/* ---- all --------------------------------------------------------------------------------------- */

enum archive { NEITHER, TAR, ZIP };

static enum archive archive_kind(const char *spec)
{
    uint8_t block[512];
    int fd = open(spec, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, block, sizeof block) : -1;
    if (fd >= 0)
        close(fd);
    if (n > 0 && gcl_zip_is_header(block, (size_t)n))
        return ZIP;
    return n == sizeof block && gcl_tar_is_header(block) ? TAR : NEITHER;
}

bool gcl_files_recognise(const char *spec)
{
    struct stat status;
    return stat(spec, &status) == 0 &&
           (S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && archive_kind(spec) != NEITHER));
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const gcl_files_entry *)a)->path, ((const gcl_files_entry *)b)->path);
}

/* "photos" from "photos//", but "/" from "/". */
static char *without_slashes(const char *spec)
{
    size_t n = strlen(spec);
    while (n > 1 && spec[n - 1] == '/')
        n--;
    gcl_text root = {0};
    gcl_text_add_bytes(&root, spec, n);
    return root.text;
}

static int list(gcl_files *files, const char *spec, gcl_error *err)
{
    struct stat status;
    if (stat(spec, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: %s; --data takes what exists", spec, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return list_folder(files, &status, err);
    if (archive_kind(spec) == ZIP)
        return gcl_zip_list(files, err);
    files->fd = open(spec, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (files->fd < 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be opened: %s", spec, strerror(errno));
    return gcl_tar_list(files, err);
}

int gcl_files_open(gcl_files *files, const char *spec, gcl_error *err)
{
    gcl_activity looking;
    *files = (gcl_files){.fd = -1, .root = without_slashes(spec), .looking = &looking};
    gcl_activity_begin(&looking, "looking for pictures", 0);
    int result = list(files, spec, err);
    gcl_activity_end(&looking);
    files->looking = NULL;
    if (result == 0 && files->n > 0)
        qsort(files->entries, files->n, sizeof *files->entries, compare_entries);
    return result;
}

void gcl_files_close(gcl_files *files)
{
    if (files->root != NULL && files->fd >= 0)
        close(files->fd);
    for (size_t i = 0; i < files->n; i++)
        free(files->entries[i].path);
    free(files->entries);
    free(files->list.path);
    gcl_zip_close(files->zip);
    free(files->root);
    *files = (gcl_files){.fd = -1};
}

void gcl_files_keep(gcl_files *files, int part)
{
    size_t n = 0;
    for (size_t i = 0; i < files->n; i++)
        if (files->entries[i].part == part)
            files->entries[n++] = files->entries[i];
        else
            free(files->entries[i].path);
    files->n = n;
    files->n_jpeg = 0;
    for (size_t i = 0; i < n; i++)
        files->n_jpeg += !ends_in(files->entries[i].path, ".png");
}

static char *entry_name(const gcl_files *files, const gcl_files_entry *entry)
{
    return join(files->root, entry->path);
}

char *gcl_files_name(const gcl_files *files, size_t i)
{
    return entry_name(files, &files->entries[i]);
}

/* An entry of a tar or of a zip. */
static int read_part(const gcl_files *files, const gcl_files_entry *entry, const char *name,
                     uint8_t **bytes, size_t *n, gcl_error *err)
{
    if (entry->bytes > GCL_IMAGE_MAX_BYTES)
        return gcl_fail(err, GCL_DATA, "%s: is too large (%ju bytes, the limit is %zu)", name,
                        (uintmax_t)entry->bytes, GCL_IMAGE_MAX_BYTES);
    *n = (size_t)entry->bytes;
    *bytes = malloc(*n + 1);
    if (*bytes == NULL)
        return gcl_fail(err, GCL_MEMORY, "%s: out of host memory (%zu bytes wanted)", name, *n);
    int result = 0;
    if (files->zip != NULL)
        result = gcl_zip_read(files->zip, entry, name, *bytes, err);
    else if (gcl_file_read_at(files->fd, *bytes, *n, entry->at) != 0)
        result = gcl_fail(err, GCL_DATA, "%s: cannot be read: %s", name, strerror(errno));
    if (result != 0) {
        free(*bytes);
        *bytes = NULL;
    }
    return result;
}

int gcl_files_read_entry(const gcl_files *files, const gcl_files_entry *entry, uint8_t **bytes,
                         size_t *n, gcl_error *err)
{
    char *name = entry_name(files, entry);
    bool archive = files->fd >= 0 || files->zip != NULL;
    int result = archive ? read_part(files, entry, name, bytes, n, err)
                         : gcl_file_read(name, GCL_IMAGE_MAX_BYTES, bytes, n, err);
    free(name);
    return result;
}

int gcl_files_read(const gcl_files *files, size_t i, uint8_t **bytes, size_t *n, gcl_error *err)
{
    return gcl_files_read_entry(files, &files->entries[i], bytes, n, err);
}
