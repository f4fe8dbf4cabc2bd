/* ganocl dataset info|check|convert|pair: what a data set is, whether it is sound, one file of it, and
 * pairs made of it. */
#include "cli/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "train/settings.h"

/* The side that the default model wants, for those who do not say. */
enum { USUAL_SIZE = 128 };

static const char *const kind_names[GCL_WANT_KINDS] = {"pictures", "pairs", "labelled"};

gcl_dataset *gcl_dataset_look(const gcl_options *options, const char *path, gcl_wanted_kind kind,
                              gcl_error *err)
{
    int size = options->size > 0 ? (int)options->size : USUAL_SIZE;
    gcl_dataset_options o = {
        .wanted = {.kind = kind, .size = size, .channels = 3, .target_channels = 3}};
    gcl_settings settings;
    gcl_settings_start(&settings);
    gcl_settings_change(&settings, "data.split=all", err);
    for (int i = 0; i < options->n_set; i++) {
        if (strncmp(options->set[i], "data.", 5) != 0) {
            gcl_fail(err, GCL_USAGE, "--set %s: a data set has data.* settings only",
                     options->set[i]);
            return NULL;
        }
        if (gcl_settings_change(&settings, options->set[i], err) != 0)
            return NULL;
    }
    gcl_settings_dataset(&settings, &o);
    return gcl_dataset_open(path, &o, err);
}

json_t *gcl_dataset_json_text(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    char *plain = gcl_strdup(text);
    for (char *c = plain; *c != 0; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    string = json_string(plain);
    free(plain);
    return string;
}

/* ---- info --------------------------------------------------------------------------------------- */

static size_t *count_classes(const gcl_dataset *dataset)
{
    size_t *counts = gcl_alloc(((size_t)gcl_dataset_classes(dataset) + 1) * sizeof *counts);
    for (size_t i = 0; i < gcl_dataset_count(dataset); i++) {
        int label = gcl_dataset_label(dataset, i);
        counts[label >= 0 ? label : gcl_dataset_classes(dataset)]++;
    }
    return counts;
}

static void print_classes(const gcl_dataset *dataset)
{
    size_t *counts = count_classes(dataset);
    printf("classes\n");
    for (int k = 0; k < gcl_dataset_classes(dataset); k++)
        printf("%5d  %-24s %8zu\n", k, gcl_dataset_class_name(dataset, k), counts[k]);
    free(counts);
}

static json_t *classes_json(const gcl_dataset *dataset)
{
    size_t *counts = count_classes(dataset);
    json_t *classes = json_array();
    for (int k = 0; k < gcl_dataset_classes(dataset); k++)
        json_array_append_new(classes,
                              json_pack("{s:o, s:I}", "name",
                                        gcl_dataset_json_text(gcl_dataset_class_name(dataset, k)),
                                        "count", (json_int_t)counts[k]));
    free(counts);
    return classes;
}

static json_t *kind_json(const gcl_dataset *dataset)
{
    json_t *object = json_pack("{s:s, s:I, s:o}", "format", gcl_dataset_format_name(dataset),
                               "count", (json_int_t)gcl_dataset_count(dataset), "facts",
                               gcl_dataset_json_text(gcl_dataset_facts(dataset)));
    if (gcl_dataset_classes(dataset) > 0)
        json_object_set_new(object, "classes", classes_json(dataset));
    return object;
}

/* The first item's pictures as they are stored. */
static void print_first(const gcl_dataset *dataset)
{
    gcl_image pictures[2];
    char *name = gcl_dataset_item_name(dataset, 0);
    gcl_error reason = {0};
    if (gcl_dataset_originals(dataset, 0, pictures, &reason) != 0)
        printf("first item: %s\n", reason.text);
    else
        printf("first item: %s, %d x %d, %s\n", name, pictures[0].width, pictures[0].height,
               pictures[0].channels == 1 ? "grey" : "colour");
    gcl_image_free(&pictures[0]);
    gcl_image_free(&pictures[1]);
    free(name);
}

static void print_info(gcl_dataset *const as[GCL_WANT_KINDS], const gcl_error *reasons)
{
    for (int k = 0; k < GCL_WANT_KINDS; k++)
        if (as[k] != NULL)
            printf("%-8s  %s\n", kind_names[k], gcl_dataset_facts(as[k]));
        else
            printf("%-8s  no: %s\n", kind_names[k], reasons[k].text);
    for (int k = 0; k < GCL_WANT_KINDS; k++)
        if (as[k] != NULL) {
            print_first(as[k]);
            break;
        }
    if (as[GCL_WANT_LABELLED] != NULL)
        print_classes(as[GCL_WANT_LABELLED]);
}

static void print_info_json(const char *path, gcl_dataset *const as[GCL_WANT_KINDS],
                            const gcl_error *reasons)
{
    json_t *kinds = json_object();
    for (int k = 0; k < GCL_WANT_KINDS; k++)
        json_object_set_new(
            kinds, kind_names[k],
            as[k] != NULL ? kind_json(as[k])
                          : json_pack("{s:o}", "error", gcl_dataset_json_text(reasons[k].text)));
    json_t *info = json_pack("{s:o, s:o}", "path", gcl_dataset_json_text(path), "as", kinds);
    json_dumpf(info, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(info);
}

/* A path is opened as each kind of data; it is an error only if it is none. */
static int info(const gcl_options *options, gcl_error *err)
{
    const char *path = options->arguments[1];
    gcl_dataset *as[GCL_WANT_KINDS];
    gcl_error reasons[GCL_WANT_KINDS] = {{0}};
    int n = 0;
    for (int k = 0; k < GCL_WANT_KINDS; k++) {
        as[k] = gcl_dataset_look(options, path, (gcl_wanted_kind)k, &reasons[k]);
        n += as[k] != NULL;
    }
    if (n > 0 && options->json)
        print_info_json(path, as, reasons);
    else if (n > 0)
        print_info(as, reasons);
    for (int k = 0; k < GCL_WANT_KINDS; k++)
        gcl_dataset_close(as[k]);
    return n > 0 ? 0 : gcl_fail(err, reasons[0].code, "%s", reasons[0].text);
}

/* ---- the command -------------------------------------------------------------------------------- */

int gcl_command_dataset(const gcl_options *options, gcl_error *err)
{
    static const char *const names[] = {"info", "check", "convert", "pair", NULL};
    static int (*const commands[])(const gcl_options *, gcl_error *) = {
        info, gcl_dataset_command_check, gcl_dataset_command_convert, gcl_dataset_command_pair};
    const char *word = options->arguments[0];
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(word, names[i]) != 0)
            continue;
        int wanted = i < 2 ? 2 : 1;
        if (options->n_arguments < wanted)
            return gcl_fail(err, GCL_USAGE, "dataset %s: PATH is missing: ganocl dataset %s PATH",
                            word, word);
        if (options->n_arguments > wanted)
            return gcl_fail(err, GCL_USAGE, "dataset %s: '%s' is too much", word,
                            options->arguments[wanted]);
        return commands[i](options, err);
    }
    return gcl_fail(err, GCL_USAGE,
                    "dataset: there is no '%s'; there are info, check, convert and "
                    "pair",
                    word);
}
