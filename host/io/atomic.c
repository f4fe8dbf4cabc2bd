#include "io/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"

/* Pieces are gathered here, so that many small tensors do not become many small writes. */
enum { BUFFER_BYTES = 1 << 20 };

struct gcl_atomic {
    char *path, *temporary;
    int fd, failed;
    unsigned char *buffer;
    size_t held;
};

static int fail(gcl_atomic *file, int reason, gcl_error *err)
{
    file->failed = 1;
    return gcl_fail(err, GCL_DISK, "%s: cannot be written: %s; free space or choose another folder",
                    file->path, strerror(reason));
}

gcl_atomic *gcl_atomic_begin(const char *path, gcl_error *err)
{
    gcl_atomic *file = gcl_alloc(sizeof *file);
    gcl_text temporary = {0};
    gcl_text_add(&temporary, "%s.%ld.tmp", path, (long)getpid());
    file->temporary = temporary.text;
    file->path = gcl_strdup(path);
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        fail(file, errno, err);
        gcl_atomic_abandon(file);
        return NULL;
    }
    return file;
}

static int flush_bytes(gcl_atomic *file, const unsigned char *bytes, size_t n, gcl_error *err)
{
    while (n > 0) {
        ssize_t put = write(file->fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail(file, errno, err);
        bytes += put;
        n -= (size_t)put;
    }
    return 0;
}

int gcl_atomic_write(gcl_atomic *file, const void *bytes, size_t n, gcl_error *err)
{
    if (file->failed)
        return gcl_fail(err, GCL_DISK, "%s: an earlier write failed", file->path);
    if (n > BUFFER_BYTES - file->held) {
        if (flush_bytes(file, file->buffer, file->held, err) != 0)
            return -1;
        file->held = 0;
        if (n >= BUFFER_BYTES)
            return flush_bytes(file, bytes, n, err);
    }
    if (file->buffer == NULL)
        file->buffer = gcl_alloc(BUFFER_BYTES);
    if (n > 0)
        memcpy(file->buffer + file->held, bytes, n);
    file->held += n;
    return 0;
}

/* "a/b/c" -> "a/b", "c" -> ".", "/c" -> "/"; malloc'ed. */
static char *folder_of(const char *path)
{
    char *folder = gcl_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        free(folder);
        return gcl_strdup(".");
    }
    slash[slash == folder ? 1 : 0] = 0;
    return folder;
}

static int publish(gcl_atomic *file, gcl_error *err)
{
    if (file->failed)
        return gcl_fail(err, GCL_DISK, "%s: an earlier write failed", file->path);
    if (flush_bytes(file, file->buffer, file->held, err) != 0)
        return -1;
    int fd = file->fd;
    if (fsync(fd) != 0 && errno != EINVAL)
        return fail(file, errno, err);
    file->fd = -1;
    /* Some file systems say only at close that the disk is full. */
    if (close(fd) != 0 || rename(file->temporary, file->path) != 0)
        return fail(file, errno, err);
    char *folder = folder_of(file->path);
    int result = gcl_folder_sync(folder, err);
    free(folder);
    return result;
}

static void release(gcl_atomic *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->temporary);
    free(file->path);
    free(file->buffer);
    free(file);
}

int gcl_atomic_commit(gcl_atomic *file, gcl_error *err)
{
    if (publish(file, err) != 0) {
        gcl_atomic_abandon(file);
        return -1;
    }
    release(file);
    return 0;
}

void gcl_atomic_abandon(gcl_atomic *file)
{
    if (file == NULL)
        return;
    unlink(file->temporary);
    release(file);
}

/* The process id in "NAME.PID.tmp", or 0. */
static long owner_of(const char *name)
{
    size_t n = strlen(name);
    if (n < 6 || strcmp(name + n - 4, ".tmp") != 0)
        return 0;
    size_t first = n - 4;
    while (first > 0 && name[first - 1] >= '0' && name[first - 1] <= '9')
        first--;
    if (first == n - 4 || first == 0 || name[first - 1] != '.')
        return 0;
    return strtol(name + first, NULL, 10);
}

void gcl_atomic_sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        long pid = owner_of(entry->d_name);
        int alive =
            pid > 0 && pid != (long)getpid() && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
        if (pid > 0 && !alive)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

int gcl_folder_sync(const char *folder, gcl_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return gcl_fail(err, GCL_DISK, "%s: cannot be opened: %s", folder, strerror(errno));
    /* EINVAL: this file system cannot sync folders and has nothing more to offer. */
    int result = fsync(fd) != 0 && errno != EINVAL
                     ? gcl_fail(err, GCL_DISK, "%s: cannot be synced: %s", folder, strerror(errno))
                     : 0;
    close(fd);
    return result;
}

int gcl_path_kind(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return 0;
    return S_ISDIR(status.st_mode) ? 2 : 1;
}

int gcl_folder_make(const char *path, gcl_error *err)
{
    char *part = gcl_strdup(path);
    size_t n = strlen(part);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char kept = part[i];
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && gcl_path_kind(part) != 2) {
            gcl_fail(err, GCL_DISK, "%s: the folder cannot be made: %s; choose another with --out",
                     part, strerror(errno == EEXIST ? ENOTDIR : errno));
            free(part);
            return -1;
        }
        part[i] = kept;
    }
    free(part);
    return 0;
}
