/* Whole files: read at once, or replaced atomically; and which steps of a run have one. */
#ifndef GCL_IO_FILE_H
#define GCL_IO_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads a whole regular file of at most `limit` bytes into *bytes, which the caller free()s. One
 * byte more than *n is allocated, so a text may be terminated in place. Errors: GCL_DATA (missing,
 * unreadable, no file, too large), GCL_MEMORY. */
int gcl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n, gcl_error *err);

/* Reads the n bytes at byte `at` of an open file; from several threads at once. Returns -1 with
 * errno set when that is not possible, EIO where the file ends before. */
int gcl_file_read_at(int fd, void *bytes, size_t n, uint64_t at);

/* Writes a file atomically: a temporary in the same folder, fsync, rename, fsync of the folder.
 * Under `path` lies the old file or the whole new one, whatever happens. Errors: GCL_DISK. */
int gcl_file_replace(const char *path, const void *bytes, size_t n, gcl_error *err);

/* Appends n bytes to a file opened with O_APPEND: all of them or, on a full disk, nothing. Returns -1
 * with errno set then. One writer at a time. */
int gcl_file_append(int fd, const void *bytes, size_t n);

/* The steps that the names in a folder tell, ascending and each once; free() them. step_of: the step
 * in a name, or -1. NULL and 0 where there are none, or no such folder. */
int64_t *gcl_file_steps(const char *folder, int64_t (*step_of)(const char *name), int *n);

#endif
