#include "report/folder.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/checkpoint.h"

enum { MOST_CHECKPOINTS = 20 };

typedef struct checkpoint {
    long long step;
    intmax_t bytes;
} checkpoint;

/* Cuts slashes and "/." off the end. */
static void trim(char *path)
{
    for (size_t n = strlen(path); n > 1; n--) {
        if (path[n - 1] == '.' && path[n - 2] == '/')
            path[n - 1] = 0;
        else if (path[n - 1] == '/')
            path[n - 1] = 0;
        else
            return;
    }
}

/* Cuts the last part off and returns it; a path that has one part only is that part. */
static const char *cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == 0)
        return path;
    *slash = 0;
    return slash + 1;
}

char *gcl_folder_name(const char *folder)
{
    char here[4096], *path = gcl_strdup(folder), *name;
    trim(path);
    int up = strcmp(path, "..") == 0 ? 1 : strcmp(path, ".") == 0 ? 0 : -1;
    if (up >= 0 && getcwd(here, sizeof here) != NULL) {
        if (up > 0)
            cut_last(here);
        name = gcl_strdup(cut_last(here));
    } else {
        name = gcl_strdup(cut_last(path));
    }
    free(path);
    return name;
}

static int compare(const void *a, const void *b)
{
    long long x = ((const checkpoint *)a)->step, y = ((const checkpoint *)b)->step;
    return (x > y) - (x < y);
}

/* The checkpoints, ascending; free() them. */
static checkpoint *list(const char *folder, int *n)
{
    checkpoint *found = NULL;
    int cap = 0;
    DIR *dir = opendir(folder);
    *n = 0;
    if (dir == NULL)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        long long step;
        int end = 0;
        struct stat facts;
        if (sscanf(entry->d_name, "step-%lld.safetensors%n", &step, &end) != 1 || end == 0 ||
            entry->d_name[end] != 0 || fstatat(dirfd(dir), entry->d_name, &facts, 0) != 0)
            continue;
        GCL_GROW(found, *n, cap);
        found[(*n)++] = (checkpoint){step, facts.st_size};
    }
    closedir(dir);
    if (*n > 0)
        qsort(found, (size_t)*n, sizeof *found, compare);
    return found;
}

void gcl_folder_add_checkpoints(const char *folder, gcl_text *out)
{
    int n;
    gcl_text path = {0};
    gcl_text_add(&path, "%s/checkpoints", folder);
    checkpoint *found = list(path.text, &n);
    int first = n > MOST_CHECKPOINTS ? n - MOST_CHECKPOINTS : 0;
    gcl_text_add(out, ",\"n_checkpoints\":%d,\"checkpoints\":[", n);
    for (int i = first; i < n; i++)
        gcl_text_add(out, "%s{\"step\":%lld,\"bytes\":%jd}", i > first ? "," : "", found[i].step,
                     found[i].bytes);
    gcl_text_add(out, "]");
    gcl_error ignored = {0};
    long long best = gcl_checkpoint_best(path.text, &ignored);
    if (best >= 0)
        gcl_text_add(out, ",\"best\":%lld", best);
    free(found);
    gcl_text_free(&path);
}
