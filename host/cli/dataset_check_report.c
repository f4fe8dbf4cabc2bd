#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/dataset.h"
#include "cli/dataset_check.h"

enum { SHOWN = 20, BAR = 40 };

static const char *const fault_names[GCL_FAULTS] = {"good", "bad", "tiny", "odd"};
static const char *const fate_names[GCL_FATES] = {"used", "cropped", "enlarged", "skipped"};

/* ---- for people --------------------------------------------------------------------------------- */

/* One of the lists below: an item's line, or NULL for an item that does not belong. */
typedef char *line_of(const gcl_check *check, size_t i, int which);

static void print_list(const gcl_check *check, const char *title, size_t n, line_of *line,
                       int which)
{
    size_t shown = 0;
    if (n == 0)
        return;
    printf("\n%s: %zu\n", title, n);
    for (size_t i = 0; i < check->n && shown < SHOWN; i++) {
        char *text = line(check, i, which);
        if (text != NULL) {
            printf("  %s\n", text);
            shown++;
        }
        free(text);
    }
    if (n > SHOWN)
        printf("  ... and %zu more (--json lists all)\n", n - SHOWN);
}

/* "NAME: REASON" */
static char *line_with(const gcl_check *check, size_t i, const char *reason)
{
    gcl_text text = {0};
    char *name = gcl_dataset_item_name(check->dataset, i);
    gcl_text_add(&text, "%s: %s", name, reason);
    free(name);
    return text.text;
}

static char *fault_line(const gcl_check *check, size_t i, int fault)
{
    const gcl_finding *f = &check->findings[i];
    if ((int)f->fault != fault)
        return NULL;
    if (fault == GCL_FAULT_BAD) /* its reason begins with its name */
        return gcl_strdup(f->reason);
    return line_with(check, i, f->reason);
}

static char *duplicate_line(const gcl_check *check, size_t i, int unused)
{
    (void)unused;
    size_t first = check->findings[i].same_as;
    gcl_text reason = {0};
    if (first == i)
        return NULL;
    char *name = gcl_dataset_item_name(check->dataset, first);
    gcl_text_add(&reason, "the same as %s", name);
    char *line = line_with(check, i, reason.text);
    gcl_text_free(&reason);
    free(name);
    return line;
}

static char *fate_line(const gcl_check *check, size_t i, int fate)
{
    const gcl_finding *f = &check->findings[i];
    gcl_text reason = {0};
    if ((int)f->fate != fate || f->fault == GCL_FAULT_BAD)
        return NULL;
    gcl_text_add(&reason, "%d x %d pixels", f->width, f->height);
    char *line = line_with(check, i, reason.text);
    gcl_text_free(&reason);
    return line;
}

static void print_sizes(const gcl_check *check)
{
    size_t rest = 0;
    const gcl_size_count *sizes = check->sizes;
    printf("\nsizes (width x height: pictures)\n");
    for (size_t i = 0; i < check->n_sizes && i < SHOWN; i++) {
        int bar = (int)((sizes[i].count * BAR + sizes[0].count - 1) / sizes[0].count);
        printf("  %5d x %-5d %8zu  %.*s\n", sizes[i].width, sizes[i].height, sizes[i].count, bar,
               "########################################");
    }
    for (size_t i = SHOWN; i < check->n_sizes; i++)
        rest += sizes[i].count;
    if (rest > 0)
        printf("  %zu other sizes %8zu\n", check->n_sizes - SHOWN, rest);
}

void gcl_check_print(const gcl_check *check)
{
    const size_t *n_of = check->n_of, *n_fate = check->n_fate;
    int size = gcl_dataset_get_options(check->dataset)->wanted.size;
    printf("%s\n%zu items read in %.1f s: %zu good, %zu bad, %zu tiny, %zu odd-sized; %zu "
           "duplicates\ntraining at %d x %d uses %zu whole, crops %zu, enlarges %zu, skips %zu\n",
           gcl_dataset_facts(check->dataset), check->n, check->seconds, n_of[GCL_FAULT_NONE],
           n_of[GCL_FAULT_BAD], n_of[GCL_FAULT_TINY], n_of[GCL_FAULT_ODD], check->n_duplicates,
           size, size, n_fate[GCL_FATE_USED], n_fate[GCL_FATE_CROPPED], n_fate[GCL_FATE_ENLARGED],
           n_fate[GCL_FATE_SKIPPED]);
    for (int fault = GCL_FAULT_BAD; fault < GCL_FAULTS; fault++)
        print_list(check, fault_names[fault], n_of[fault], fault_line, fault);
    print_list(check, "duplicates", check->n_duplicates, duplicate_line, 0);
    print_list(check, "enlarged", n_fate[GCL_FATE_ENLARGED], fate_line, GCL_FATE_ENLARGED);
    print_list(check, "outside data.box", n_fate[GCL_FATE_SKIPPED] - n_of[GCL_FAULT_BAD], fate_line,
               GCL_FATE_SKIPPED);
    print_sizes(check);
}

/* ---- for programs ------------------------------------------------------------------------------- */

static json_t *name_json(const gcl_check *check, size_t i)
{
    char *name = gcl_dataset_item_name(check->dataset, i);
    json_t *text = gcl_dataset_json_text(name);
    free(name);
    return text;
}

static json_t *fault_json(const gcl_check *check, gcl_fault fault)
{
    json_t *list = json_array();
    for (size_t i = 0; i < check->n; i++)
        if (check->findings[i].fault == fault)
            json_array_append_new(list,
                                  json_pack("{s:o, s:o}", "name", name_json(check, i), "reason",
                                            gcl_dataset_json_text(check->findings[i].reason)));
    return list;
}

static json_t *duplicates_json(const gcl_check *check)
{
    json_t *list = json_array();
    for (size_t i = 0; i < check->n; i++)
        if (check->findings[i].same_as != i)
            json_array_append_new(list,
                                  json_pack("{s:o, s:o}", "name", name_json(check, i), "same_as",
                                            name_json(check, check->findings[i].same_as)));
    return list;
}

static json_t *sizes_json(const gcl_check *check)
{
    json_t *list = json_array();
    for (size_t i = 0; i < check->n_sizes; i++)
        json_array_append_new(list, json_pack("{s:i, s:i, s:I}", "width", check->sizes[i].width,
                                              "height", check->sizes[i].height, "count",
                                              (json_int_t)check->sizes[i].count));
    return list;
}

/* Every item with its size and what training does with it. */
static json_t *pictures_json(const gcl_check *check)
{
    json_t *list = json_array();
    for (size_t i = 0; i < check->n; i++) {
        const gcl_finding *f = &check->findings[i];
        json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:s}", "name", name_json(check, i),
                                              "width", f->width, "height", f->height, "training",
                                              fate_names[f->fate]));
    }
    return list;
}

static json_t *training_json(const gcl_check *check)
{
    int size = gcl_dataset_get_options(check->dataset)->wanted.size;
    json_t *object = json_pack("{s:i}", "size", size);
    for (int fate = 0; fate < GCL_FATES; fate++)
        json_object_set_new(object, fate_names[fate],
                            json_integer((json_int_t)check->n_fate[fate]));
    return object;
}

void gcl_check_print_json(const gcl_check *check)
{
    json_t *object = json_pack(
        "{s:s, s:o, s:I, s:I}", "format", gcl_dataset_format_name(check->dataset), "facts",
        gcl_dataset_json_text(gcl_dataset_facts(check->dataset)), "items", (json_int_t)check->n,
        fault_names[GCL_FAULT_NONE], (json_int_t)check->n_of[GCL_FAULT_NONE]);
    for (int fault = GCL_FAULT_BAD; fault < GCL_FAULTS; fault++)
        json_object_set_new(object, fault_names[fault], fault_json(check, (gcl_fault)fault));
    json_object_set_new(object, "duplicates", duplicates_json(check));
    json_object_set_new(object, "sizes", sizes_json(check));
    json_object_set_new(object, "training", training_json(check));
    json_object_set_new(object, "pictures", pictures_json(check));
    json_dumpf(object, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(object);
}
