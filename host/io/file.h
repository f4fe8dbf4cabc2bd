/* Files that are either the old one or the whole new one, whatever happens in between.
 *
 *     gcl_file *file = gcl_file_begin("runs/00001/options.json", &err);
 *     gcl_file_write(file, bytes, n, &err);
 *     if (gcl_file_commit(file, &err) != 0) ...          fsync, rename, fsync of the folder
 *
 * The temporary lies in the same folder as PATH.PID.partial; it is removed when writing fails, and
 * one that a killed process left behind is removed by gcl_file_sweep. */
#ifndef GCL_IO_FILE_H
#define GCL_IO_FILE_H

#include <stddef.h>

#include "base/error.h"

typedef struct gcl_file gcl_file;

/* Opens the temporary. Errors: GCL_DISK (no such folder, no permission, full). */
gcl_file *gcl_file_begin(const char *path, gcl_error *err);
/* Appends; keeps the first error, after which commit fails with it too. Errors: GCL_DISK. */
int gcl_file_write(gcl_file *file, const void *bytes, size_t n, gcl_error *err);
/* Makes it the file at `path`, or removes the temporary and fails. Frees `file` either way. */
int gcl_file_commit(gcl_file *file, gcl_error *err);
void gcl_file_abandon(gcl_file *file); /* removes the temporary; NULL is fine */

/* begin, write, commit in one. */
int gcl_file_put(const char *path, const void *bytes, size_t n, gcl_error *err);

/* The whole file as a malloc'ed, NUL-terminated text of *n bytes. Errors: GCL_DATA when it is
 * missing or unreadable. */
char *gcl_file_get(const char *path, size_t *n, gcl_error *err);

/* Removes the temporaries in `folder` that no living process is writing. */
void gcl_file_sweep(const char *folder);

/* Makes a folder with its parents; one that exists is fine. Errors: GCL_DISK. */
int gcl_file_make_folder(const char *path, gcl_error *err);

/* fsync of a folder, so that a rename or a new file in it outlives a power cut. */
int gcl_file_sync_folder(const char *folder, gcl_error *err);

int gcl_file_exists(const char *path); /* 1: a file; 2: a folder; 0: neither */

#endif
