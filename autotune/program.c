#include "autotune/program.h"

#include <unistd.h>

#include "base/memory.h"

char *gcl_program_path(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0 || (size_t)n >= sizeof path - 1)
        return gcl_strdup("ganocl");
    path[n] = 0;
    return gcl_strdup(path);
}
