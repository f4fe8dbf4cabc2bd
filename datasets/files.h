/* The picture files of a folder, a tar or a zip, found once and read by number.
 *
 *     gcl_files files;
 *     if (gcl_files_open(&files, "photos.tar", &err) == 0)
 *         gcl_files_read(&files, 0, &bytes, &n, &err);
 *     gcl_files_close(&files);
 *
 * A picture is what is named *.jpg, *.jpeg or *.png, in any depth, in bytewise order of the paths.
 * Hidden files and folders are left out. In a folder, symbolic links are followed, and a folder that
 * was seen already is not entered again, so loops do no harm. A tar or a zip is not unpacked: its
 * pictures are read where they lie. What a file is, its first bytes tell, not its name. */
#ifndef GCL_DATASETS_FILES_H
#define GCL_DATASETS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/live.h"

typedef struct gcl_files_entry {
    char *path;         /* below the root, parts divided by '/'; owned */
    const char *rest;   /* in path: behind what all paths begin with, and behind train/ or test/ */
    uint64_t at, bytes; /* where it lies in a tar; its number and size in a zip */
    int part;           /* of a set that is divided: datasets/split.h */
} gcl_files_entry;

typedef struct gcl_zip gcl_zip;

typedef struct gcl_files {
    char *root;           /* the path of the folder, tar or zip */
    int fd;               /* of the tar; -1: none */
    gcl_zip *zip;         /* NULL: none */
    gcl_files_entry list; /* dataset.json at the root; path NULL: there is none */
    gcl_files_entry *entries;
    size_t n, capacity;
    size_t n_jpeg, n_other; /* by name: JPEG pictures; files that are no pictures */
    gcl_activity *looking;  /* the search, as it is shown while it lasts */
} gcl_files;

/* Whether a spec is a folder, a tar or a zip. */
bool gcl_files_recognise(const char *spec);

/* Finds the pictures. `files` is empty before and to be closed after, on failure too. Errors:
 * GCL_DATA (cannot be read, a damaged or shortened tar or zip), GCL_MEMORY. */
int gcl_files_open(gcl_files *files, const char *spec, gcl_error *err);
void gcl_files_close(gcl_files *files);

/* Takes over `path`. For those who find files: adds it if it is a picture, notes dataset.json, counts
 * others. */
void gcl_files_add(gcl_files *files, char *path, uint64_t at, uint64_t bytes);
/* "a/b.png" from an archive's "./a//b.png"; NULL when a part is hidden. The caller free()s it. */
char *gcl_files_clean(const char *name);

/* The whole file; the caller free()s *bytes. May be called from several threads at once. Errors:
 * GCL_DATA, GCL_MEMORY. */
int gcl_files_read(const gcl_files *files, size_t i, uint8_t **bytes, size_t *n, gcl_error *err);
int gcl_files_read_entry(const gcl_files *files, const gcl_files_entry *entry, uint8_t **bytes,
                         size_t *n, gcl_error *err);

/* "photos/a.jpg", "photos.tar/a.jpg": for messages. The caller free()s it. */
char *gcl_files_name(const gcl_files *files, size_t i);

/* Removes the entries of other parts. */
void gcl_files_keep(gcl_files *files, int part);

/* Lists the pictures of the tar files->fd (datasets/tar.c): POSIX ustar and pax, and GNU's long
 * names; other kinds of entries are left out. Errors: GCL_DATA. */
int gcl_tar_list(gcl_files *files, gcl_error *err);
/* Whether a block of 512 bytes is a tar header, by its checksum. */
bool gcl_tar_is_header(const uint8_t block[512]);

/* Lists the pictures of the zip files->root (datasets/zip.c). Errors: GCL_DATA, GCL_MEMORY. */
int gcl_zip_list(gcl_files *files, gcl_error *err);
/* The content of an entry, entry->bytes, from several threads at once. Errors: GCL_DATA (damaged,
 * encrypted, packed in a way the library does not know), GCL_MEMORY. */
int gcl_zip_read(gcl_zip *zip, const gcl_files_entry *entry, const char *name, uint8_t *bytes,
                 gcl_error *err);
void gcl_zip_close(gcl_zip *zip); /* NULL is fine */
bool gcl_zip_is_header(const uint8_t *bytes, size_t n);

#endif
