#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

int gcl_file_read_at(int fd, void *bytes, size_t n, uint64_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(fd, (uint8_t *)bytes + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0) { /* the file is shorter than it was, or than it says */
            errno = EIO;
            return -1;
        }
        done += (size_t)got;
    }
    return 0;
}

static int read_open(int fd, const char *path, size_t limit, uint8_t **bytes, size_t *n,
                     gcl_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return gcl_fail(err, GCL_DATA, "%s: is not a file", path);
    if ((uintmax_t)status.st_size > limit)
        return gcl_fail(err, GCL_DATA, "%s: is too large (%jd bytes, the limit is %zu)", path,
                        (intmax_t)status.st_size, limit);
    size_t size = (size_t)status.st_size;
    uint8_t *content = malloc(size + 1);
    if (content == NULL)
        return gcl_fail(err, GCL_MEMORY, "%s: out of host memory (%zu bytes wanted)", path, size);
    if (gcl_file_read_at(fd, content, size, 0) != 0) {
        free(content);
        return gcl_fail(err, GCL_DATA, "%s: cannot be read: %s", path, strerror(errno));
    }
    *bytes = content;
    *n = size;
    return 0;
}

int gcl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n, gcl_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block here */
    if (fd < 0)
        return gcl_fail(err, GCL_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    int result = read_open(fd, path, limit, bytes, n, err);
    close(fd);
    return result;
}

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        n -= (size_t)put;
    }
    return fsync(fd);
}

/* The rename itself is on disk only once the folder is. A file system that cannot sync folders
 * (EINVAL) has nothing more to offer. */
static int sync_folder(const char *path)
{
    char *folder = gcl_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = 0;
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    if (result != 0 && errno == EINVAL)
        result = 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

static int replace(const char *temporary, int fd, const char *path, const void *bytes, size_t n)
{
    if (write_all(fd, bytes, n) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    /* Some file systems say only at close that the disk is full. */
    if (close(fd) != 0 || rename(temporary, path) != 0)
        return -1;
    return sync_folder(path);
}

int gcl_file_replace(const char *path, const void *bytes, size_t n, gcl_error *err)
{
    gcl_text temporary = {0};
    gcl_text_add(&temporary, "%s.%ld.tmp", path, (long)getpid());
    int result = -1;
    int fd = open(temporary.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0) {
        result = replace(temporary.text, fd, path, bytes, n);
        if (result != 0) {
            int reason = errno;
            unlink(temporary.text);
            errno = reason;
        }
    }
    if (result != 0)
        gcl_fail(err, GCL_DISK, "%s: cannot be written: %s; free space or choose another folder",
                 path, strerror(errno));
    gcl_text_free(&temporary);
    return result;
}

static int compare_steps(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t *gcl_file_steps(const char *folder, int64_t (*step_of)(const char *name), int *n)
{
    int64_t *steps = NULL;
    int cap = 0, m = 0;
    DIR *dir = opendir(folder);
    *n = 0;
    if (dir == NULL)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int64_t step = step_of(entry->d_name);
        if (step < 0)
            continue;
        GCL_GROW(steps, m, cap);
        steps[m++] = step;
    }
    closedir(dir);
    if (m > 0)
        qsort(steps, (size_t)m, sizeof *steps, compare_steps);
    for (int i = 0; i < m; i++)
        if (*n == 0 || steps[*n - 1] != steps[i])
            steps[(*n)++] = steps[i];
    return steps;
}
