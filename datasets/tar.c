/* The table of contents of a tar: POSIX.1-1988 (ustar), POSIX.1-2001 (pax), GNU tar's long names.
 *
 * A tar is a row of entries: a header of 512 bytes, then the content, padded to whole blocks; a
 * block of zeros ends it. Header fields that matter here: name [0, 100), size in octal [124, 136),
 * checksum [148, 156), kind [156], magic [257, 263), prefix of the name [345, 500). A kind 'L'
 * or 'K' (GNU: name, link) or 'x' (pax: any of it) is itself an entry, whose content tells what does
 * not fit into the next one's header. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "datasets/files.h"
#include "io/file.h"

enum { BLOCK = 512, MAX_EXTRA = 1 << 20 };

typedef struct tar {
    gcl_files *files;
    uint64_t at, end;   /* the next header; the file's size */
    char *long_name;    /* of the next entry, or NULL */
    uint64_t pax_bytes; /* its size, if has_pax_bytes */
    bool has_pax_bytes;
} tar;

/* Octal digits, padded with blanks or zeros; or, marked by the first bit, a big-endian number. */
static uint64_t read_number(const uint8_t *field, size_t n)
{
    uint64_t value = 0;
    if (field[0] & 0x80) {
        for (size_t i = 0; i < n; i++)
            value = value << 8 | (i == 0 ? field[0] & 0x7Fu : field[i]);
        return value;
    }
    for (size_t i = 0; i < n; i++)
        if (field[i] >= '0' && field[i] <= '7')
            value = value * 8 + (uint64_t)(field[i] - '0');
        else if (field[i] != ' ' || value > 0)
            break;
    return value;
}

bool gcl_tar_is_header(const uint8_t block[BLOCK])
{
    uint64_t sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    return block[0] != 0 && sum == read_number(block + 148, 8);
}

static bool is_zero(const uint8_t *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static char *short_name(const uint8_t *block)
{
    gcl_text name = {0};
    const char *prefix = (const char *)block + 345, *own = (const char *)block;
    if (memcmp(block + 257, "ustar\0", 6) == 0 && prefix[0] != 0)
        gcl_text_add(&name, "%.155s/", prefix);
    gcl_text_add(&name, "%.100s", own);
    return name.text;
}

/* "path" and "size" of a pax header: lines "LENGTH KEY=VALUE\n", the length that of the line. */
static void read_pax(tar *t, const char *text, size_t n)
{
    while (n > 0) {
        char *key;
        unsigned long length = strtoul(text, &key, 10);
        if (length == 0 || length > n || *key != ' ' || text[length - 1] != '\n')
            return;
        key++;
        const char *end = text + length - 1;
        if (strncmp(key, "path=", 5) == 0) {
            gcl_text name = {0};
            gcl_text_add_bytes(&name, key + 5, (size_t)(end - key - 5));
            free(t->long_name);
            t->long_name = name.text;
        } else if (strncmp(key, "size=", 5) == 0) {
            t->pax_bytes = strtoull(key + 5, NULL, 10);
            t->has_pax_bytes = true;
        }
        text += length;
        n -= length;
    }
}

/* The content of an entry that describes the next one. */
static int read_extra(tar *t, uint8_t kind, uint64_t bytes, gcl_error *err)
{
    if (bytes > MAX_EXTRA)
        return gcl_fail(err, GCL_DATA, "%s: damaged tar: a name of %ju bytes at byte %ju",
                        t->files->root, (uintmax_t)bytes, (uintmax_t)t->at);
    char *text = gcl_alloc((size_t)bytes + 1);
    if (gcl_file_read_at(t->files->fd, text, (size_t)bytes, t->at + BLOCK) != 0) {
        free(text);
        return gcl_fail(err, GCL_DATA, "%s: cannot be read at byte %ju", t->files->root,
                        (uintmax_t)t->at);
    }
    if (kind == 'L') {
        free(t->long_name);
        t->long_name = text;
        return 0;
    }
    if (kind == 'x')
        read_pax(t, text, (size_t)bytes);
    free(text);
    return 0;
}

static void add_file(tar *t, const uint8_t *block, uint64_t bytes)
{
    char *name = t->long_name != NULL ? t->long_name : short_name(block);
    char *path = gcl_files_clean(name);
    free(name);
    t->long_name = NULL;
    if (path != NULL)
        gcl_files_add(t->files, path, t->at + BLOCK, bytes);
}

static int take_entry(tar *t, const uint8_t *block, gcl_error *err)
{
    uint8_t kind = block[156];
    uint64_t bytes = read_number(block + 124, 12);
    bool is_extra = kind == 'L' || kind == 'K' || kind == 'x';
    bool is_file = kind == '0' || kind == 0 || kind == '7';
    if (!is_extra && t->has_pax_bytes)
        bytes = t->pax_bytes;
    if (bytes > t->end - t->at - BLOCK) {
        char *name = t->long_name != NULL ? gcl_strdup(t->long_name) : short_name(block);
        gcl_fail(err, GCL_DATA,
                 "%s: is cut short: it ends at byte %ju, inside %s (%ju bytes); copy it again",
                 t->files->root, (uintmax_t)t->end, name, (uintmax_t)bytes);
        free(name);
        return -1;
    }
    if (is_extra && read_extra(t, kind, bytes, err) != 0)
        return -1;
    if (is_file)
        add_file(t, block, bytes);
    if (!is_extra && kind != 'g') {
        free(t->long_name);
        t->long_name = NULL;
        t->has_pax_bytes = false;
    }
    t->at += BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
    return 0;
}

static int list_entries(tar *t, gcl_error *err)
{
    uint8_t block[BLOCK];
    while (t->end >= BLOCK && t->at <= t->end - BLOCK) {
        if (gcl_file_read_at(t->files->fd, block, BLOCK, t->at) != 0)
            return gcl_fail(err, GCL_DATA, "%s: cannot be read at byte %ju", t->files->root,
                            (uintmax_t)t->at);
        if (is_zero(block))
            return 0;
        if (!gcl_tar_is_header(block))
            return gcl_fail(err, GCL_DATA, "%s: damaged tar: no header at byte %ju", t->files->root,
                            (uintmax_t)t->at);
        if (take_entry(t, block, err) != 0)
            return -1;
    }
    return 0;
}

int gcl_tar_list(gcl_files *files, gcl_error *err)
{
    struct stat status;
    if (fstat(files->fd, &status) != 0 || !S_ISREG(status.st_mode))
        return gcl_fail(err, GCL_DATA, "%s: is neither a folder nor a file", files->root);
    tar t = {.files = files, .end = (uint64_t)status.st_size};
    int result = list_entries(&t, err);
    free(t.long_name);
    return result;
}
