#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/live.h"

int gcl_log_level = 0;

static void print(const char *head, const char *format, va_list arguments)
{
    flockfile(stderr);
    gcl_live_clear();
    fputs(head, stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
}

void gcl_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("ganocl: warning: ", format, arguments);
    va_end(arguments);
}

void gcl_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (gcl_log_level >= 0)
        print("", format, arguments);
    va_end(arguments);
}

void gcl_verbose(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (gcl_log_level >= 1)
        print("", format, arguments);
    va_end(arguments);
}

double gcl_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
