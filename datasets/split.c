#include "datasets/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "io/file.h"

bool gcl_split_holds_out(const char *name, double share)
{
    uint8_t digest[GCL_SHA256_BYTES];
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, name, strlen(name));
    gcl_sha256_end(&sum, digest);
    uint32_t bits = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                    (uint32_t)digest[2] << 8 | digest[3];
    return bits < share * 4294967296.0;
}

/* The parts that a set of files may have; CelebA's list has them as numbers. */
enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS, PART_NONE = PARTS };

/* ---- by folders --------------------------------------------------------------------------------- */

/* Moves every `rest` behind the folders that all paths have in common. */
static void skip_common_folders(gcl_files *files)
{
    for (;;) {
        const char *first = files->entries[0].rest, *slash = strchr(first, '/');
        if (slash == NULL)
            return;
        size_t n = (size_t)(slash + 1 - first);
        for (size_t i = 1; i < files->n; i++)
            if (strncmp(files->entries[i].rest, first, n) != 0)
                return;
        for (size_t i = 0; i < files->n; i++)
            files->entries[i].rest += n;
    }
}

/* The part that a path's first folder names, and what lies behind: "x.png" of train/x.png, "A/x.png"
 * of trainA/x.png. */
static enum part folder_part(const char *path, const char **rest)
{
    static const struct {
        const char *name;
        enum part part;
    } names[] = {{"train", PART_TRAIN},
                 {"val", PART_VALIDATION},
                 {"valid", PART_VALIDATION},
                 {"validation", PART_VALIDATION},
                 {"test", PART_TEST}};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k].name);
        if (strncmp(path, names[k].name, n) != 0)
            continue;
        if (path[n] == '/')
            *rest = path + n + 1;
        else if ((path[n] == 'A' || path[n] == 'B') && path[n + 1] == '/')
            *rest = path + n;
        else
            continue;
        return names[k].part;
    }
    return PART_NONE;
}

/* False when not all files lie in such folders; then nothing is marked. */
static bool find_folder_parts(gcl_files *files)
{
    const char *rest;
    for (size_t i = 0; i < files->n; i++)
        if (folder_part(files->entries[i].rest, &rest) == PART_NONE)
            return false;
    for (size_t i = 0; i < files->n; i++) {
        gcl_files_entry *entry = &files->entries[i];
        entry->part = (int)folder_part(entry->rest, &entry->rest);
    }
    return true;
}

/* ---- by CelebA's list --------------------------------------------------------------------------- */

enum { MAX_LIST_BYTES = 1 << 26 };

/* list_eval_partition.txt ("000001.jpg 0" a line) or .csv (Kaggle: "000001.jpg,0" below a heading)
 * in the folder or in one of the two above it; NULL when there is none. */
static char *read_list(const gcl_files *files)
{
    static const char *const above[] = {"", "../", "../../"}, *const kinds[] = {"txt", "csv"};
    uint8_t *bytes = NULL;
    size_t n = 0;
    for (int k = 0; k < 6 && bytes == NULL && files->fd < 0 && files->zip == NULL; k++) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/%slist_eval_partition.%s", files->root, above[k / 2], kinds[k % 2]);
        gcl_file_read(path.text, MAX_LIST_BYTES, &bytes, &n, NULL);
        gcl_text_free(&path);
    }
    if (bytes != NULL)
        bytes[n] = 0;
    return (char *)bytes;
}

typedef struct mark {
    const char *name;
    enum part part;
} mark;

static int compare_marks(const void *a, const void *b)
{
    return strcmp(((const mark *)a)->name, ((const mark *)b)->name);
}

/* The lines of the list, sorted by name; `text` is cut into the names. */
static mark *parse_list(char *text, size_t *n)
{
    mark *marks = NULL;
    size_t capacity = 0;
    *n = 0;
    for (char *line = text, *next; line != NULL && *line != 0; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        size_t length = strcspn(line, " ,\t");
        const char *part = line + length + strspn(line + length, " ,\t");
        if (line[length] == 0 || part[0] < '0' || part[0] > '2')
            continue;
        line[length] = 0;
        GCL_GROW(marks, *n, capacity);
        marks[(*n)++] = (mark){line, (enum part)(part[0] - '0')};
    }
    if (*n > 0)
        qsort(marks, *n, sizeof *marks, compare_marks);
    return marks;
}

static bool find_listed_parts(gcl_files *files)
{
    char *text = read_list(files);
    if (text == NULL)
        return false;
    size_t n_marks, n_found = 0;
    mark *marks = parse_list(text, &n_marks);
    for (size_t i = 0; i < files->n && n_marks > 0; i++) {
        const char *slash = strrchr(files->entries[i].path, '/');
        mark wanted = {slash != NULL ? slash + 1 : files->entries[i].path, PART_NONE};
        const mark *found = bsearch(&wanted, marks, n_marks, sizeof *marks, compare_marks);
        files->entries[i].part = (int)(found != NULL ? found->part : PART_NONE);
        n_found += found != NULL;
    }
    free(marks);
    free(text);
    return n_found > 0;
}

/* ---- both --------------------------------------------------------------------------------------- */

bool gcl_split_find(gcl_files *files)
{
    skip_common_folders(files);
    bool is_split = find_folder_parts(files) || find_listed_parts(files);
    skip_common_folders(files);
    return is_split;
}

int gcl_split_keep(gcl_files *files, enum gcl_split split, gcl_error *err)
{
    size_t count[PARTS + 1] = {0};
    if (split == GCL_SPLIT_ALL)
        return 0;
    for (size_t i = 0; i < files->n; i++)
        count[files->entries[i].part]++;
    enum part part = split == GCL_SPLIT_TRAIN ? PART_TRAIN
                     : count[PART_TEST] > 0   ? PART_TEST
                                              : PART_VALIDATION;
    if (count[part] == 0)
        return gcl_fail(
            err, GCL_DATA,
            "%s: is divided into train (%zu pictures), validation (%zu) and test (%zu), "
            "and data.split asks for %s; there is data.split=all too",
            files->root, count[PART_TRAIN], count[PART_VALIDATION], count[PART_TEST],
            split == GCL_SPLIT_TRAIN ? "train" : "test");
    gcl_files_keep(files, part);
    return 0;
}
