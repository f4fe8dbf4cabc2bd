/* The lock of a run folder: one process at a time trains there.
 *
 *     int lock = gcl_lock_take("runs/00001-dcgan-small-faces", &err);      -1: somebody trains there
 *     ...
 *     gcl_lock_release("runs/00001-dcgan-small-faces", lock);
 *
 * The file FOLDER/lock is locked by fcntl(), which ends with its process however that ends, and which
 * NFS knows too. Its text, "PID HOST BOOT\n", is for people, and for file servers that grant a lock
 * without asking other machines: what the process of another machine has left there is respected.
 * BOOT is the kernel's number of this start of the machine, which containers of one machine share;
 * "-" where there is none. */
#ifndef GCL_TRAIN_LOCK_H
#define GCL_TRAIN_LOCK_H

#include "base/error.h"

/* The descriptor that holds the lock, or -1. Errors: GCL_USAGE (who trains there is named), GCL_DISK
 * (it cannot be made, or the file system has no locks). */
int gcl_lock_take(const char *folder, gcl_error *err);
/* Removes the file and the lock; -1 is fine. */
void gcl_lock_release(const char *folder, int lock);

#endif
