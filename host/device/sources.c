/* Kernel sources: from the folder $GANOCL_KERNELS, else from the binary. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/internal.h"

static const char *embedded(const char *file)
{
    for (const struct gcl_embedded *e = gcl_embedded_kernels; e->name != NULL; e++)
        if (strcmp(e->name, file) == 0)
            return e->text;
    return NULL;
}

struct kept {
    struct kept *next;
    char *text;
};

/* Callers keep the text for as long as they like, so it lives as long as the process. An unchanged
 * file gives the same pointer again. */
static const char *keep(const char *text)
{
    static struct kept *all;
    for (struct kept *k = all; k != NULL; k = k->next)
        if (strcmp(k->text, text) == 0)
            return k->text;
    struct kept *k = gcl_alloc(sizeof *k);
    k->text = gcl_strdup(text);
    k->next = all;
    all = k;
    return k->text;
}

/* Appends a file of the folder to the text; -1 with errno set if it cannot be read. */
static int read_file(const char *folder, const char *file, gcl_text *text)
{
    char part[4096];
    size_t n;
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s.cl", folder, file);
    FILE *in = fopen(path.text, "r");
    gcl_text_free(&path);
    if (in == NULL)
        return -1;
    gcl_text_add(text, "%s", "");
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        gcl_text_add_bytes(text, part, n);
    int status = ferror(in) ? -1 : 0, reason = errno;
    fclose(in);
    errno = reason;
    return status;
}

/* If the line is `#include "FILE.cl"`: FILE, at most size - 1 characters. Else 0. */
static int included(const char *line, char *file, size_t size)
{
    static const char head[] = "#include \"", tail[] = ".cl\"\n";
    size_t n_head = sizeof head - 1, n_tail = sizeof tail - 1, n = strcspn(line, "\n") + 1;
    if (strncmp(line, head, n_head) != 0 || n < n_head + n_tail || n - n_head - n_tail >= size ||
        strncmp(line + n - n_tail, tail, n_tail) != 0)
        return 0;
    n -= n_head + n_tail;
    memcpy(file, line + n_head, n);
    file[n] = 0;
    return 1;
}

/* The text of a file in the folder, with what it includes put in place as scripts/embed-kernels
 * does; NULL, with errno set and `file` (of `size`) naming the culprit, if one cannot be read. */
static const char *read_text(const char *folder, char *file, size_t size)
{
    gcl_text own = {0}, whole = {0};
    int status = read_file(folder, file, &own);
    gcl_text_add(&whole, "%s", "");
    for (const char *line = own.text; status == 0 && *line != 0;) {
        size_t n = strcspn(line, "\n");
        n += line[n] != 0;
        if (included(line, file, size))
            status = read_file(folder, file, &whole);
        else
            gcl_text_add_bytes(&whole, line, n);
        line += n;
    }
    int reason = errno;
    const char *result = status == 0 ? keep(whole.text) : NULL;
    gcl_text_free(&own);
    gcl_text_free(&whole);
    errno = reason;
    return result;
}

const char *gcl_kernel_source(const char *file, gcl_error *err)
{
    const char *folder = getenv("GANOCL_KERNELS"), *inside = embedded(file), *text;
    if (folder == NULL || *folder == 0) {
        if (inside == NULL)
            gcl_fail(err, GCL_DEVICE, "there is no kernel file %s in this program", file);
        return inside;
    }
    char name[256];
    snprintf(name, sizeof name, "%s", file);
    if ((text = read_text(folder, name, sizeof name)) != NULL)
        return text;
    /* The preprocessed header has no file in the folder of kernels. */
    if (strcmp(file, "philox") == 0 && errno == ENOENT)
        return inside;
    gcl_fail(err, GCL_DEVICE, "kernel file %s/%s.cl: %s (the folder is from GANOCL_KERNELS)",
             folder, name, strerror(errno));
    return NULL;
}

const char *const *gcl_kernel_files(void)
{
    static const char **names;
    if (names == NULL) {
        int n = 0;
        while (gcl_embedded_kernels[n].name != NULL)
            n++;
        names = gcl_alloc((size_t)(n + 1) * sizeof *names);
        for (int i = 0; i < n; i++)
            names[i] = gcl_embedded_kernels[i].name;
    }
    return names;
}
