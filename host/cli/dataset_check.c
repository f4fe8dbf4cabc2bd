/* ganocl dataset check: decodes every picture and says which are bad, tiny, unlike the others or there
 * twice, which sizes there are, and what training would do with each. */
#include "cli/dataset_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/dataset.h"
#include "cli/workers.h"

/* ---- looking ------------------------------------------------------------------------------------ */

/* SHA-256 of what is seen: sizes and pixels, of both pictures of a pair. */
static void digest(const gcl_image pictures[2], uint8_t result[GCL_SHA256_BYTES])
{
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    for (int k = 0; k < 2; k++) {
        const gcl_image *p = &pictures[k];
        const int sizes[] = {p->width, p->height, p->channels};
        gcl_sha256_add(&sum, sizes, sizeof sizes);
        gcl_sha256_add(&sum, p->pixels, (size_t)p->width * (size_t)p->height * (size_t)p->channels);
    }
    gcl_sha256_end(&sum, result);
}

static int check_one(void *context, size_t i)
{
    gcl_check *c = context;
    gcl_finding *f = &c->findings[i];
    gcl_image pictures[2];
    gcl_error err = {0};
    if (gcl_dataset_originals(c->dataset, i, pictures, &err) == 0) {
        f->width = pictures[0].width;
        f->height = pictures[0].height;
        digest(pictures, f->digest);
    } else {
        f->fault = GCL_FAULT_BAD;
        f->reason = gcl_strdup(err.text);
    }
    gcl_image_free(&pictures[0]);
    gcl_image_free(&pictures[1]);
    return 0;
}

/* ---- sizes -------------------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
    const gcl_size_count *x = a, *y = b;
    return x->width != y->width ? x->width - y->width : x->height - y->height;
}

static int compare_counts(const void *a, const void *b)
{
    const gcl_size_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : compare_sizes(a, b);
}

static void count_sizes(gcl_check *c)
{
    size_t n = 0;
    c->sizes = gcl_alloc(c->n * sizeof *c->sizes);
    for (size_t i = 0; i < c->n; i++)
        if (c->findings[i].width > 0)
            c->sizes[n++] = (gcl_size_count){c->findings[i].width, c->findings[i].height, 1};
    qsort(c->sizes, n, sizeof *c->sizes, compare_sizes);
    for (size_t i = 0; i < n; i++)
        if (c->n_sizes > 0 && compare_sizes(&c->sizes[i], &c->sizes[c->n_sizes - 1]) == 0)
            c->sizes[c->n_sizes - 1].count++;
        else
            c->sizes[c->n_sizes++] = c->sizes[i];
    qsort(c->sizes, c->n_sizes, sizeof *c->sizes, compare_counts);
}

/* ---- judging ------------------------------------------------------------------------------------ */

static bool is_long(const gcl_finding *f)
{
    return f->width > 3 * f->height || f->height > 3 * f->width;
}

static char *explain(const gcl_check *c, const gcl_finding *f)
{
    gcl_text text = {0};
    gcl_text_add(&text, "%d x %d pixels", f->width, f->height);
    if (f->fault == GCL_FAULT_TINY)
        gcl_text_add(&text, ", a side below %d", GCL_TINY_SIDE);
    else if (is_long(f))
        gcl_text_add(&text, ", longer than 3 to 1: a square keeps little of it");
    else
        gcl_text_add(&text, ", where nearly all others have %d x %d", c->sizes[0].width,
                     c->sizes[0].height);
    return text.text;
}

static void judge(gcl_check *c)
{
    size_t n_readable = 0;
    for (size_t i = 0; i < c->n; i++)
        n_readable += c->findings[i].fault == GCL_FAULT_NONE;
    bool uniform = c->n_sizes > 0 && c->sizes[0].count * 10 >= n_readable * 9;
    for (size_t i = 0; i < c->n; i++) {
        gcl_finding *f = &c->findings[i];
        if (f->fault == GCL_FAULT_NONE && (f->width < GCL_TINY_SIDE || f->height < GCL_TINY_SIDE))
            f->fault = GCL_FAULT_TINY;
        else if (f->fault == GCL_FAULT_NONE &&
                 (is_long(f) ||
                  (uniform && (f->width != c->sizes[0].width || f->height != c->sizes[0].height))))
            f->fault = GCL_FAULT_ODD;
        if (f->fault == GCL_FAULT_TINY || f->fault == GCL_FAULT_ODD)
            f->reason = explain(c, f);
        f->fate = gcl_dataset_fate(c->dataset, f->width, f->height);
        c->n_of[f->fault]++;
        c->n_fate[f->fate]++;
    }
}

static int compare_digests(const void *a, const void *b)
{
    const gcl_finding *x = *(gcl_finding *const *)a, *y = *(gcl_finding *const *)b;
    int order = memcmp(x->digest, y->digest, sizeof x->digest);
    return order != 0 ? order : (x > y) - (x < y);
}

static void find_duplicates(gcl_check *c)
{
    gcl_finding **sorted = gcl_alloc(c->n * sizeof *sorted);
    for (size_t i = 0; i < c->n; i++)
        sorted[i] = &c->findings[i];
    qsort(sorted, c->n, sizeof *sorted, compare_digests);
    for (size_t i = 0; i < c->n; i++) {
        gcl_finding *f = sorted[i], *before = i > 0 ? sorted[i - 1] : NULL;
        bool same = before != NULL && f->fault != GCL_FAULT_BAD &&
                    memcmp(f->digest, before->digest, sizeof f->digest) == 0;
        f->same_as = same ? before->same_as : (size_t)(f - c->findings);
        c->n_duplicates += same;
    }
    free(sorted);
}

/* ---- the command -------------------------------------------------------------------------------- */

/* As pairs where the path holds pairs, else as pictures. */
static gcl_dataset *open_any(const gcl_options *options, gcl_error *err)
{
    const char *path = options->arguments[1];
    gcl_dataset *dataset = NULL;
    if (strncmp(path, "builtin:", 8) != 0)
        dataset = gcl_dataset_look(options, path, GCL_WANT_PAIRS, NULL);
    return dataset != NULL ? dataset : gcl_dataset_look(options, path, GCL_WANT_PICTURES, err);
}

int gcl_dataset_command_check(const gcl_options *options, gcl_error *err)
{
    gcl_check c = {.dataset = open_any(options, err)};
    if (c.dataset == NULL)
        return -1;
    c.n = gcl_dataset_count(c.dataset);
    c.findings = gcl_alloc(c.n * sizeof *c.findings);
    double before = gcl_seconds();
    gcl_workers_run(c.n, (int)options->threads, "items", check_one, &c);
    c.seconds = gcl_seconds() - before;
    count_sizes(&c);
    judge(&c);
    find_duplicates(&c);
    if (options->json)
        gcl_check_print_json(&c);
    else
        gcl_check_print(&c);
    for (size_t i = 0; i < c.n; i++)
        free(c.findings[i].reason);
    free(c.findings);
    free(c.sizes);
    gcl_dataset_close(c.dataset);
    return c.n_of[GCL_FAULT_BAD] > 0 ? GCL_FAILED : 0;
}
