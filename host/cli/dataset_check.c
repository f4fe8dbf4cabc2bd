/* ganocl dataset check: decodes every picture and says which are bad, tiny or unlike the others, and
 * which sizes there are. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/dataset.h"
#include "cli/workers.h"

enum { TINY_SIDE = 16, SHOWN = 20, BAR = 40 };

/* What is wrong with an item; the lists are in this order. */
enum fault { GOOD, BAD, TINY, ODD, FAULTS };
static const char *const fault_names[FAULTS] = {"good", "bad", "tiny", "odd"};

typedef struct finding {
    int width, height; /* of the first picture; 0: unreadable */
    enum fault fault;
    char *reason;
} finding;

typedef struct size_count {
    int width, height;
    size_t count;
} size_count;

typedef struct report {
    gcl_dataset *dataset;
    int tiny; /* pictures with a shorter side below this are tiny */
    size_t n, n_of[FAULTS];
    finding *findings;
    size_count *sizes; /* most frequent first */
    size_t n_sizes;
    double seconds;
} report;

/* ---- looking ------------------------------------------------------------------------------------ */

static int check_one(void *context, size_t i)
{
    report *r = context;
    finding *f = &r->findings[i];
    gcl_image pictures[2];
    gcl_error err = {0};
    if (gcl_dataset_originals(r->dataset, i, pictures, &err) == 0) {
        f->width = pictures[0].width;
        f->height = pictures[0].height;
    } else {
        f->fault = BAD;
        f->reason = gcl_strdup(err.text);
    }
    gcl_image_free(&pictures[0]);
    gcl_image_free(&pictures[1]);
    return 0;
}

static int compare_sizes(const void *a, const void *b)
{
    const size_count *x = a, *y = b;
    return x->width != y->width ? x->width - y->width : x->height - y->height;
}

static int compare_counts(const void *a, const void *b)
{
    const size_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : compare_sizes(a, b);
}

static void count_sizes(report *r)
{
    size_t n = 0;
    r->sizes = gcl_alloc(r->n * sizeof *r->sizes);
    for (size_t i = 0; i < r->n; i++)
        if (r->findings[i].width > 0)
            r->sizes[n++] = (size_count){r->findings[i].width, r->findings[i].height, 1};
    qsort(r->sizes, n, sizeof *r->sizes, compare_sizes);
    for (size_t i = 0; i < n; i++)
        if (r->n_sizes > 0 && compare_sizes(&r->sizes[i], &r->sizes[r->n_sizes - 1]) == 0)
            r->sizes[r->n_sizes - 1].count++;
        else
            r->sizes[r->n_sizes++] = r->sizes[i];
    qsort(r->sizes, r->n_sizes, sizeof *r->sizes, compare_counts);
}

static char *explain(const report *r, const finding *f, enum fault fault)
{
    gcl_text text = {0};
    gcl_text_add(&text, "%d x %d pixels", f->width, f->height);
    if (fault == TINY)
        gcl_text_add(&text, ", a side below %d", r->tiny);
    else if (f->width > 3 * f->height || f->height > 3 * f->width)
        gcl_text_add(&text, ", longer than 3 to 1: a square keeps little of it");
    else
        gcl_text_add(&text, ", where nearly all others have %d x %d", r->sizes[0].width,
                     r->sizes[0].height);
    return text.text;
}

/* Odd is a picture longer than 3 to 1, or one that is not of the size that 9 in 10 have. */
static void judge(report *r)
{
    size_t n_readable = 0;
    for (size_t i = 0; i < r->n; i++)
        n_readable += r->findings[i].fault == GOOD;
    bool uniform = r->n_sizes > 0 && r->sizes[0].count * 10 >= n_readable * 9;
    for (size_t i = 0; i < r->n; i++) {
        finding *f = &r->findings[i];
        if (f->fault == GOOD && (f->width < r->tiny || f->height < r->tiny))
            f->fault = TINY;
        else if (f->fault == GOOD &&
                 (f->width > 3 * f->height || f->height > 3 * f->width ||
                  (uniform && (f->width != r->sizes[0].width || f->height != r->sizes[0].height))))
            f->fault = ODD;
        if (f->fault == TINY || f->fault == ODD)
            f->reason = explain(r, f, f->fault);
        r->n_of[f->fault]++;
    }
}

/* ---- telling ------------------------------------------------------------------------------------ */

static void print_fault(const report *r, enum fault fault)
{
    size_t shown = 0;
    if (r->n_of[fault] == 0)
        return;
    printf("\n%s: %zu\n", fault_names[fault], r->n_of[fault]);
    for (size_t i = 0; i < r->n && shown < SHOWN; i++) {
        if (r->findings[i].fault != fault)
            continue;
        char *name = gcl_dataset_item_name(r->dataset, i);
        if (fault == BAD) /* its reason begins with its name */
            printf("  %s\n", r->findings[i].reason);
        else
            printf("  %s: %s\n", name, r->findings[i].reason);
        free(name);
        shown++;
    }
    if (r->n_of[fault] > SHOWN)
        printf("  ... and %zu more (--json lists all)\n", r->n_of[fault] - SHOWN);
}

static void print_sizes(const report *r)
{
    size_t rest = 0;
    printf("\nsizes (width x height: pictures)\n");
    for (size_t i = 0; i < r->n_sizes && i < SHOWN; i++) {
        int bar = (int)((r->sizes[i].count * BAR + r->sizes[0].count - 1) / r->sizes[0].count);
        printf("  %5d x %-5d %8zu  %.*s\n", r->sizes[i].width, r->sizes[i].height,
               r->sizes[i].count, bar, "########################################");
    }
    for (size_t i = SHOWN; i < r->n_sizes; i++)
        rest += r->sizes[i].count;
    if (rest > 0)
        printf("  %zu other sizes %8zu\n", r->n_sizes - SHOWN, rest);
}

static void print_report(const report *r)
{
    printf("%s\n%zu items read in %.1f s: %zu good, %zu bad, %zu tiny, %zu odd-sized\n",
           gcl_dataset_facts(r->dataset), r->n, r->seconds, r->n_of[GOOD], r->n_of[BAD],
           r->n_of[TINY], r->n_of[ODD]);
    for (int fault = BAD; fault < FAULTS; fault++)
        print_fault(r, (enum fault)fault);
    print_sizes(r);
}

static json_t *fault_json(const report *r, enum fault fault)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n; i++) {
        if (r->findings[i].fault != fault)
            continue;
        char *name = gcl_dataset_item_name(r->dataset, i);
        json_t *entry = json_object();
        json_object_set_new(entry, "name", gcl_dataset_json_text(name));
        json_object_set_new(entry, "reason", gcl_dataset_json_text(r->findings[i].reason));
        json_array_append_new(list, entry);
        free(name);
    }
    return list;
}

static void print_json(const report *r)
{
    json_t *sizes = json_array();
    for (size_t i = 0; i < r->n_sizes; i++)
        json_array_append_new(sizes, json_pack("{s:i, s:i, s:I}", "width", r->sizes[i].width,
                                               "height", r->sizes[i].height, "count",
                                               (json_int_t)r->sizes[i].count));
    json_t *object = json_object();
    json_object_set_new(object, "format", json_string(gcl_dataset_format_name(r->dataset)));
    json_object_set_new(object, "facts", gcl_dataset_json_text(gcl_dataset_facts(r->dataset)));
    json_object_set_new(object, "items", json_integer((json_int_t)r->n));
    json_object_set_new(object, "good", json_integer((json_int_t)r->n_of[GOOD]));
    for (int fault = BAD; fault < FAULTS; fault++)
        json_object_set_new(object, fault_names[fault], fault_json(r, (enum fault)fault));
    json_object_set_new(object, "sizes", sizes);
    json_dumpf(object, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(object);
}

/* ---- the command -------------------------------------------------------------------------------- */

/* As pairs where the path holds pairs, else as classes where it has some, else as pictures. */
static gcl_dataset *open_any(const gcl_options *options, gcl_error *err)
{
    static const gcl_wanted_kind kinds[] = {GCL_WANT_PAIRS, GCL_WANT_LABELLED};
    const char *path = options->arguments[1];
    bool builtin = strncmp(path, "builtin:", 8) == 0;
    gcl_dataset *dataset = NULL;
    for (int k = 0; k < 2 && dataset == NULL && !builtin; k++)
        dataset = gcl_dataset_look(options, path, kinds[k], NULL);
    return dataset != NULL ? dataset : gcl_dataset_look(options, path, GCL_WANT_PICTURES, err);
}

int gcl_dataset_command_check(const gcl_options *options, gcl_error *err)
{
    report r = {.dataset = open_any(options, err),
                .tiny = options->size > 0 ? (int)options->size : TINY_SIDE};
    if (r.dataset == NULL)
        return -1;
    r.n = gcl_dataset_count(r.dataset);
    r.findings = gcl_alloc(r.n * sizeof *r.findings);
    double before = gcl_seconds();
    gcl_workers_run(r.n, (int)options->threads, "items", check_one, &r);
    r.seconds = gcl_seconds() - before;
    count_sizes(&r);
    judge(&r);
    if (options->json)
        print_json(&r);
    else
        print_report(&r);
    int bad = r.n_of[BAD] > 0;
    for (size_t i = 0; i < r.n; i++)
        free(r.findings[i].reason);
    free(r.findings);
    free(r.sizes);
    gcl_dataset_close(r.dataset);
    return bad ? GCL_FAILED : 0;
}
