#include "cli/classify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "train/run.h"

enum { BATCH = 16 };

/* ---- names of classes ----------------------------------------------------------------------------- */

/* The run's classes.json; NULL if there is none. RUN may be a checkpoint in its checkpoints/. */
static json_t *trained_names(const char *run)
{
    char *folder = gcl_run_find(run, NULL);
    gcl_text path = {0};
    gcl_text_add(&path, "%s/classes.json", folder != NULL ? folder : run);
    json_t *names = json_load_file(path.text, 0, NULL);
    gcl_text_free(&path);
    free(folder);
    if (json_is_array(names))
        return names;
    json_decref(names);
    return NULL;
}

/* The name of a class: as trained, else of the data set, else its number; in one static text. */
static const char *class_text(const gcl_trained *t, const gcl_verdicts *verdicts, int k)
{
    static char number[16];
    const char *name = json_string_value(json_array_get(verdicts->names, (size_t)k));
    if (name != NULL)
        return name;
    if (verdicts->names == NULL && k >= 0 && k < gcl_dataset_classes(t->dataset))
        return gcl_dataset_class_name(t->dataset, k);
    snprintf(number, sizeof number, "%d", k);
    return number;
}

/* The data set's class as the model counts: by name where names are known. -1: the model has none. */
static int model_class(const gcl_trained *t, const gcl_verdicts *verdicts, int label)
{
    if (verdicts->names == NULL)
        return label < verdicts->classes ? label : -1;
    for (int k = 0; k < verdicts->classes; k++) {
        const char *name = json_string_value(json_array_get(verdicts->names, (size_t)k));
        if (name != NULL && strcmp(name, gcl_dataset_class_name(t->dataset, label)) == 0)
            return k;
    }
    return -1;
}

/* ---- verdicts ------------------------------------------------------------------------------------- */

static int run(gcl_trained *t, gcl_verdicts *verdicts, gcl_error *err)
{
    size_t indices[BATCH], next = 0, count = gcl_trained_count(t);
    int classes = verdicts->classes, labelled = gcl_dataset_classes(t->dataset) > 0, n;
    float *scores = gcl_alloc((size_t)(BATCH * classes) * sizeof *scores);
    verdicts->of = gcl_alloc((count + 1) * sizeof *verdicts->of);
    int result = 0;
    while (result == 0 && (n = gcl_trained_read(t, &next, count, indices)) > 0) {
        result = gcl_use_run(t->use, t->batch[0], t->options->seed, 0, err);
        if (result == 0)
            result = gcl_use_scores(t->use, scores, err);
        for (int i = 0; i < n && result == 0; i++) {
            gcl_verdict *v = &verdicts->of[verdicts->n++];
            uint32_t label = 0;
            if (labelled)
                memcpy(&label, t->batch[1] + (size_t)i * t->field_bytes[1], sizeof label);
            *v = (gcl_verdict){.index = indices[i], .label = -1};
            if (labelled)
                v->label = model_class(t, verdicts, (int)label);
            gcl_verdict_judge(v, scores + i * classes, classes);
        }
    }
    free(scores);
    if (result == 0 && verdicts->n == 0)
        return gcl_fail(err, GCL_DATA, "no picture can be read");
    return result;
}

int gcl_classify_data(gcl_trained *t, const char *run_name, const char *data,
                      gcl_verdicts *verdicts, gcl_error *err)
{
    gcl_error without_labels = {0};
    *verdicts = (gcl_verdicts){.names = trained_names(run_name)};
    if (gcl_trained_use(t, GCL_TASK_CLASSIFY, 0, BATCH, err) != 0)
        return -1;
    verdicts->classes = gcl_use_shape(t->use).d[3];
    if (gcl_trained_data(t, data, GCL_WANT_LABELLED, &without_labels) != 0 &&
        gcl_trained_data(t, data, GCL_WANT_PICTURES, err) != 0)
        return -1;
    return run(t, verdicts, err);
}

void gcl_verdicts_free(gcl_verdicts *verdicts)
{
    free(verdicts->of);
    json_decref(verdicts->names);
    *verdicts = (gcl_verdicts){0};
}

gcl_accuracy gcl_accuracy_of(const gcl_verdicts *verdicts)
{
    gcl_accuracy a = {0};
    for (size_t i = 0; i < verdicts->n; i++)
        gcl_accuracy_add(&a, &verdicts->of[i]);
    return gcl_accuracy_mean(&a);
}

/* ---- the command ---------------------------------------------------------------------------------- */

static void print_table(const gcl_trained *t, const gcl_verdicts *verdicts)
{
    printf("%-40s %-20s %-20s %12s\n", "picture", "class", "takes it for", "probability");
    for (size_t i = 0; i < verdicts->n; i++) {
        const gcl_verdict *v = &verdicts->of[i];
        char *name = gcl_dataset_item_name(t->dataset, v->index);
        printf("%-40s %-20s ", name, v->label >= 0 ? class_text(t, verdicts, v->label) : "");
        printf("%-20s %12.4f\n", class_text(t, verdicts, v->top[0]), v->probability[0]);
        free(name);
    }
    gcl_accuracy a = gcl_accuracy_of(verdicts);
    if (a.labelled > 0)
        printf("\n%zu pictures with a class: top-1 %.2f %%, top-5 %.2f %%, cross-entropy %.4f\n",
               a.labelled, 100 * a.top1, 100 * a.top5, a.cross_entropy);
}

static json_t *verdict_json(const gcl_trained *t, const gcl_verdicts *verdicts,
                            const gcl_verdict *v)
{
    char *name = gcl_dataset_item_name(t->dataset, v->index);
    json_t *top = json_array(), *row = json_object();
    for (int place = 0; place < GCL_TOP && v->top[place] >= 0; place++)
        json_array_append_new(top, json_pack("{s:s, s:f}", "class",
                                             class_text(t, verdicts, v->top[place]), "probability",
                                             v->probability[place]));
    json_object_set_new(row, "picture", json_string(name));
    if (v->label >= 0)
        json_object_set_new(row, "class", json_string(class_text(t, verdicts, v->label)));
    json_object_set_new(row, "top", top);
    free(name);
    return row;
}

static void print_json(const gcl_trained *t, const gcl_verdicts *verdicts)
{
    gcl_accuracy a = gcl_accuracy_of(verdicts);
    json_t *pictures = json_array();
    for (size_t i = 0; i < verdicts->n; i++)
        json_array_append_new(pictures, verdict_json(t, verdicts, &verdicts->of[i]));
    json_t *whole = json_pack("{s:I, s:I, s:f, s:f, s:f, s:o}", "count", (json_int_t)verdicts->n,
                              "labelled", (json_int_t)a.labelled, "top1", a.top1, "top5", a.top5,
                              "cross_entropy", a.cross_entropy, "pictures", pictures);
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
    printf("\n");
    json_decref(whole);
}

int gcl_command_classify(const gcl_options *options, gcl_error *err)
{
    gcl_trained t;
    gcl_verdicts verdicts = {0};
    const char *run_name = options->arguments[0];
    if (options->data == NULL)
        return gcl_fail(err, GCL_USAGE, "classify: --data is missing");
    int result = gcl_trained_open(&t, run_name, options, err);
    if (result == 0)
        result = gcl_classify_data(&t, run_name, options->data, &verdicts, err);
    if (result == 0 && options->json)
        print_json(&t, &verdicts);
    else if (result == 0)
        print_table(&t, &verdicts);
    gcl_verdicts_free(&verdicts);
    gcl_trained_close(&t);
    return result;
}
