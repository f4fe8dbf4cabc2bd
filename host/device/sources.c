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

/* The text of a file in the folder, NULL with errno set if it cannot be read. */
static const char *read_text(const char *folder, const char *file)
{
    char part[4096];
    size_t n;
    gcl_text path = {0}, text = {0};
    gcl_text_add(&path, "%s/%s.cl", folder, file);
    FILE *in = fopen(path.text, "r");
    gcl_text_free(&path);
    if (in == NULL)
        return NULL;
    gcl_text_add(&text, "%s", "");
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        gcl_text_add_bytes(&text, part, n);
    const char *result = ferror(in) ? NULL : keep(text.text);
    int reason = errno;
    fclose(in);
    gcl_text_free(&text);
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
    if ((text = read_text(folder, file)) != NULL)
        return text;
    /* The preprocessed header has no file in the folder of kernels. */
    if (strcmp(file, "philox") == 0 && errno == ENOENT)
        return inside;
    gcl_fail(err, GCL_DEVICE, "kernel file %s/%s.cl: %s (the folder is from GANOCL_KERNELS)",
             folder, file, strerror(errno));
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
