/* The picture files of a folder or of a tar, found once and read by number.
 *
 *     gcl_files files;
 *     if (gcl_files_open(&files, "photos.tar", &err) == 0)
 *         gcl_files_read(&files, 0, &bytes, &n, &err);
 *     gcl_files_close(&files);
 *
 * A picture is what is named *.jpg, *.jpeg or *.png, in any depth, in bytewise order of the paths.
 * Hidden files and folders are left out. In a folder, symbolic links are followed, and a folder that
 * was seen already is not entered again, so loops do no harm. A tar is not unpacked: its pictures
 * are read where they lie. */
#ifndef GCL_DATASETS_FILES_H
#define GCL_DATASETS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct gcl_files_entry {
    char *path;         /* below the root, parts divided by '/'; owned */
    const char *rest;   /* in path: behind what all paths begin with, and behind train/ or test/ */
    uint64_t at, bytes; /* where it lies in a tar */
    int part;           /* of a set that is divided: datasets/split.h */
} gcl_files_entry;

typedef struct gcl_files {
    char *root; /* the folder's or the tar's path */
    int fd;     /* of the tar; -1: a folder */
    gcl_files_entry *entries;
    size_t n, capacity;
    size_t n_jpeg, n_other; /* by name: JPEG pictures; files that are no pictures */
} gcl_files;

/* Whether a spec is a folder or a tar (by its name and first block). */
bool gcl_files_recognise(const char *spec);

/* Finds the pictures. `files` is empty before and to be closed after, on failure too. Errors:
 * GCL_DATA (cannot be read, a damaged or shortened tar). */
int gcl_files_open(gcl_files *files, const char *spec, gcl_error *err);
void gcl_files_close(gcl_files *files);

/* Takes over `path`. For those who find files: adds it if it is a picture, counts it if not. */
void gcl_files_add(gcl_files *files, char *path, uint64_t at, uint64_t bytes);

/* The whole file; the caller free()s *bytes. May be called from several threads at once. Errors:
 * GCL_DATA, GCL_MEMORY. */
int gcl_files_read(const gcl_files *files, size_t i, uint8_t **bytes, size_t *n, gcl_error *err);

/* "photos/a.jpg", "photos.tar/a.jpg": for messages. The caller free()s it. */
char *gcl_files_name(const gcl_files *files, size_t i);

/* Removes the entries of other parts. */
void gcl_files_keep(gcl_files *files, int part);

/* Lists the pictures of the tar files->fd (datasets/tar.c): POSIX ustar and pax, and GNU's long
 * names; other kinds of entries are left out. Errors: GCL_DATA. */
int gcl_tar_list(gcl_files *files, gcl_error *err);
/* Whether a block of 512 bytes is a tar header, by its checksum. */
bool gcl_tar_is_header(const uint8_t block[512]);

#endif
