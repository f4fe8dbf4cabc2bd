#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/atomic.h"

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

int gcl_file_replace(const char *path, const void *bytes, size_t n, gcl_error *err)
{
    gcl_atomic *file = gcl_atomic_begin(path, err);
    if (file == NULL)
        return -1;
    gcl_atomic_write(file, bytes, n, err); /* a failure is commit's too */
    return gcl_atomic_commit(file, err);
}

int gcl_file_append(int fd, const void *bytes, size_t n)
{
    off_t start = lseek(fd, 0, SEEK_END);
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, (const uint8_t *)bytes + done, n - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            int reason = errno;
            /* Half of it stays only where that fails too; what reads these files passes over it. */
            errno = done > 0 && ftruncate(fd, start) != 0 ? EIO : reason;
            return -1;
        }
        done += (size_t)put;
    }
    return 0;
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
