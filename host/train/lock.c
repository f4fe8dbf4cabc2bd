#include "train/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Who trains: what the file says. */
typedef struct holder {
    long pid;
    char host[256], boot[64];
} holder;

static char *path_of(const char *folder)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/lock", folder);
    return path.text;
}

/* Reads the first word of a file; "-" if there is none. */
static void read_word(const char *path, char *word, size_t size)
{
    FILE *file = fopen(path, "r");
    char *line = file != NULL ? fgets(word, (int)size, file) : NULL;
    if (file != NULL)
        fclose(file);
    if (line != NULL)
        word[strcspn(word, " \n")] = 0;
    if (line == NULL || word[0] == 0)
        snprintf(word, size, "-");
}

static holder this_process(void)
{
    holder self = {.pid = (long)getpid()};
    if (gethostname(self.host, sizeof self.host - 1) != 0 || self.host[0] == 0)
        snprintf(self.host, sizeof self.host, "-");
    read_word("/proc/sys/kernel/random/boot_id", self.boot, sizeof self.boot);
    return self;
}

/* 0 when the file says nothing of the kind: it is new, or being written. */
static int read_holder(int fd, holder *found)
{
    char text[400];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = 0;
    return sscanf(text, "%ld %255s %63s", &found->pid, found->host, found->boot) == 3 &&
           found->pid > 0;
}

/* Another process has the lock. */
static int fail_busy(int fd, const char *folder, gcl_error *err)
{
    holder other;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (read_holder(fd, &other))
        return gcl_fail(
            err, GCL_USAGE,
            "%s: process %ld on %s is training there; stop it first, or choose another --out",
            folder, other.pid, other.host);
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
        return gcl_fail(err, GCL_USAGE,
                        "%s: process %ld is training there; stop it first, or choose another --out",
                        folder, (long)lock.l_pid);
    return gcl_fail(err, GCL_USAGE, "%s: another process is training there", folder);
}

/* The lock was granted. A holder of this machine is gone then, by its end or by a start of the machine
 * since; one of another machine may be there where the file server does not pass locks on. */
static int check_left_behind(int fd, const char *path, const char *folder, gcl_error *err)
{
    holder other, self = this_process();
    if (!read_holder(fd, &other) || strcmp(other.host, self.host) == 0 ||
        (strcmp(other.boot, self.boot) == 0 && strcmp(self.boot, "-") != 0))
        return 0;
    return gcl_fail(err, GCL_USAGE,
                    "%s: process %ld on %s may be training there; if it is not, remove %s", folder,
                    other.pid, other.host, path);
}

/* 1: locked; 0: the file was removed by its holder meanwhile, try again; -1: error. */
static int try_lock(int fd, const char *path, const char *folder, gcl_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat ours, there;
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        if (errno == EACCES || errno == EAGAIN)
            return fail_busy(fd, folder, err);
        return gcl_fail(err, GCL_DISK,
                        "%s: cannot be locked: %s; choose a folder on another file system", path,
                        strerror(errno));
    }
    if (fstat(fd, &ours) != 0 || stat(path, &there) != 0 || ours.st_ino != there.st_ino)
        return 0;
    return check_left_behind(fd, path, folder, err) == 0 ? 1 : -1;
}

/* A lock that cannot say whose it is, on a full disk, is removed again. */
static int sign(int fd, const char *path, gcl_error *err)
{
    char text[400];
    holder self = this_process();
    int n = snprintf(text, sizeof text, "%ld %s %s\n", self.pid, self.host, self.boot);
    errno = ENOSPC; /* what a short write means */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
        return 0;
    gcl_fail(err, GCL_DISK, "%s: cannot be written: %s; free space or choose another --out", path,
             strerror(errno));
    unlink(path);
    return -1;
}

int gcl_lock_take(const char *folder, gcl_error *err)
{
    char *path = path_of(folder);
    int locked = 0, fd = -1;
    while (locked == 0) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        locked = fd < 0 ? gcl_fail(err, GCL_DISK, "%s: cannot be made: %s", path, strerror(errno))
                        : try_lock(fd, path, folder, err);
        if (locked == 1 && sign(fd, path, err) != 0)
            locked = -1;
        if (locked != 1 && fd >= 0)
            close(fd);
    }
    free(path);
    return locked == 1 ? fd : -1;
}

void gcl_lock_release(const char *folder, int lock)
{
    if (lock < 0)
        return;
    char *path = path_of(folder);
    unlink(path); /* while it is locked: whoever waits sees that it is gone */
    free(path);
    close(lock);
}
