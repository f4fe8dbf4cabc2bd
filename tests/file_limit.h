/* A limit on the size of files of this process, which stands for a full disk: a write above it fails
 * with EFBIG, after what still fits. Nothing may be asserted while it holds: libcheck writes a file of
 * its own. */
#ifndef TESTS_FILE_LIMIT_H
#define TESTS_FILE_LIMIT_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static inline void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN); /* as main.c does */
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

#endif
