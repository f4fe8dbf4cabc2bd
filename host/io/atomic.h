/* Large files written piece by piece that are either the old one or the whole new one, whatever
 * happens in between (those in memory: gcl_file_replace).
 *
 *     gcl_atomic *file = gcl_atomic_begin("checkpoints/step-0000500.safetensors", &err);
 *     gcl_atomic_write(file, bytes, n, &err);
 *     if (gcl_atomic_commit(file, &err) != 0) ...        fsync, rename, fsync of the folder
 *
 * The temporary lies in the same folder as PATH.PID.tmp. It is removed when writing fails; what a
 * killed process left behind is removed by gcl_atomic_sweep. */
#ifndef GCL_IO_ATOMIC_H
#define GCL_IO_ATOMIC_H

#include <stddef.h>

#include "base/error.h"

typedef struct gcl_atomic gcl_atomic;

/* Opens the temporary. Errors: GCL_DISK (no such folder, no permission, full). */
gcl_atomic *gcl_atomic_begin(const char *path, gcl_error *err);
/* Appends. After a failure commit fails too. Errors: GCL_DISK. */
int gcl_atomic_write(gcl_atomic *file, const void *bytes, size_t n, gcl_error *err);
/* Makes it the file at `path`, or removes the temporary. Frees `file` either way. Errors: GCL_DISK. */
int gcl_atomic_commit(gcl_atomic *file, gcl_error *err);
void gcl_atomic_abandon(gcl_atomic *file); /* removes the temporary; NULL is fine */

/* Removes the temporaries in `folder` whose process is gone. */
void gcl_atomic_sweep(const char *folder);

/* fsync of a folder, so that a rename or a new file in it outlives a power cut. Errors: GCL_DISK. */
int gcl_folder_sync(const char *folder, gcl_error *err);
/* Makes a folder with its parents; one that exists is fine. Errors: GCL_DISK. */
int gcl_folder_make(const char *path, gcl_error *err);
/* 0: nothing there, 1: a file or the like, 2: a folder. */
int gcl_path_kind(const char *path);

#endif
