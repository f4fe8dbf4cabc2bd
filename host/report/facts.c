#include "report/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "report/folder.h"
#include "report/text.h"
#include "train/trainer.h"

enum { MOST_BYTES = 1 << 24, MOST_CHOICES = 400, MOST_NAMES = 200, MOST_SCORES = 200, DEEP = 6 };

static const char *const tasks[GCL_TASKS] = {[GCL_TASK_GENERATE] = "generate",
                                             [GCL_TASK_TRANSLATE] = "translate",
                                             [GCL_TASK_CLASSIFY] = "classify",
                                             [GCL_TASK_RECONSTRUCT] = "reconstruct",
                                             [GCL_TASK_JUDGE] = "judge"};

/* ---- reading -------------------------------------------------------------------------------------- */

/* The file of the folder as JSON, or NULL. */
static json_t *load(const char *folder, const char *name)
{
    gcl_text path = {0};
    uint8_t *text = NULL;
    size_t n = 0;
    json_t *value = NULL;
    gcl_text_add(&path, "%s/%s", folder, name);
    if (gcl_file_read(path.text, MOST_BYTES, &text, &n, NULL) == 0)
        value = json_loadb((const char *)text, n, 0, NULL);
    free(text);
    gcl_text_free(&path);
    return value;
}

void gcl_facts_read(gcl_facts *f, const char *folder)
{
    gcl_text path = {0};
    *f = (gcl_facts){.folder = folder, .options = load(folder, "options.json")};
    if (!json_is_object(f->options)) {
        json_decref(f->options);
        f->options = NULL;
    }
    gcl_config_start(&f->config);
    gcl_text_add(&path, "%s/options.json", folder);
    f->understood = f->options != NULL && gcl_config_read(&f->config, path.text, NULL) == 0 &&
                    gcl_config_finish(&f->config, NULL) == 0;
    gcl_text_free(&path);
    for (int i = 0; i < GCL_TASKS; i++)
        f->can[i] = f->understood && gcl_model_lacks(&f->config.model, (gcl_task)i) == NULL;
}

void gcl_facts_free(gcl_facts *f)
{
    json_decref(f->options);
    gcl_config_free(&f->config);
}

int gcl_facts_padded(const gcl_facts *f)
{
    const json_t *padding = json_object_get(json_object_get(f->options, "settings"), "padding");
    return !json_is_false(padding);
}

/* ---- options -------------------------------------------------------------------------------------- */

/* A value as people read it: texts as they are, lists as "3,4", everything else as JSON. */
static void add_value_text(gcl_text *out, const json_t *value)
{
    char *dumped = json_is_string(value)
                       ? gcl_strdup(json_string_value(value))
                       : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    gcl_page_string(out, dumped);
    free(dumped);
}

/* The seed is 64 bits without a sign; the file holds them as a signed number. */
static void add_option(gcl_text *out, const char *key, const json_t *value)
{
    gcl_page_string(out, key);
    gcl_text_add(out, ":");
    if (strcmp(key, "seed") == 0 && json_is_integer(value))
        gcl_text_add(out, "\"%llu\"", (unsigned long long)json_integer_value(value));
    else if (json_is_real(value))
        gcl_page_number(out, json_real_value(value));
    else
        add_value_text(out, value);
}

static void add_options(const gcl_facts *f, gcl_text *out)
{
    const char *key, *between = "";
    json_t *value;
    if (f->options == NULL) {
        gcl_text_add(out, "null");
        return;
    }
    gcl_text_add(out, "{");
    json_object_foreach(f->options, key, value)
    {
        if (json_is_object(value) || json_is_array(value))
            continue;
        gcl_text_add(out, "%s", between);
        add_option(out, key, value);
        between = ",";
    }
    gcl_text_add(out, "}");
}

static void add_setting(gcl_text *out, int first, const char *key, const char *value,
                        const char *usual, const char *help)
{
    gcl_text_add(out, "%s\n{\"key\":", first ? "" : ",");
    gcl_page_string(out, key);
    gcl_text_add(out, ",\"value\":");
    gcl_page_string(out, value);
    gcl_text_add(out, ",\"usual\":");
    gcl_page_string(out, usual);
    gcl_text_add(out, ",\"help\":");
    gcl_page_string(out, help);
    gcl_text_add(out, "}");
}

static void add_known_settings(const gcl_facts *f, gcl_text *out)
{
    const gcl_model *model = &f->config.model;
    gcl_model preset;
    gcl_settings usual;
    char name[128], value[256], before[256];
    int n = 0;
    gcl_model_name(model, name, sizeof name);
    int known = gcl_model_open(&preset, name, NULL, 0, NULL) == 0;
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        gcl_model_value_text(model, i, value, sizeof value);
        if (known)
            gcl_model_value_text(&preset, i, before, sizeof before);
        add_setting(out, n++ == 0, model->system->settings[i].key, value, known ? before : NULL,
                    model->system->settings[i].help);
    }
    gcl_settings_start(&usual);
    for (int i = 0; i < GCL_SETTINGS; i++)
        add_setting(out, n++ == 0, gcl_settings_name((gcl_settings_key)i),
                    gcl_settings_text(&f->config.settings, (gcl_settings_key)i),
                    gcl_settings_text(&usual, (gcl_settings_key)i), NULL);
}

/* Settings that this version does not understand, as the file has them. */
static void add_foreign_settings(const gcl_facts *f, gcl_text *out)
{
    const char *key;
    json_t *value;
    int n = 0;
    json_object_foreach(json_object_get(f->options, "settings"), key, value)
    {
        char *dumped =
            json_is_string(value)
                ? gcl_strdup(json_string_value(value))
                : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        add_setting(out, n++ == 0, key, dumped, NULL, NULL);
        free(dumped);
    }
}

/* {KEY: text, ..} of an object's members. */
static void add_texts(gcl_text *out, const json_t *object)
{
    const char *key, *between = "";
    json_t *value;
    gcl_text_add(out, "{");
    json_object_foreach((json_t *)object, key, value)
    {
        gcl_text_add(out, "%s", between);
        gcl_page_string(out, key);
        gcl_text_add(out, ":");
        add_value_text(out, value);
        between = ",";
    }
    gcl_text_add(out, "}");
}

static void add_choices(const gcl_facts *f, gcl_text *out)
{
    const json_t *choices = json_object_get(f->options, "choices");
    size_t n = json_array_size(choices);
    gcl_text_add(out, ",\"n_choices\":%zu,\"choices\":[", n);
    for (size_t i = 0; i < n && i < MOST_CHOICES; i++) {
        gcl_text_add(out, "%s\n", i > 0 ? "," : "");
        add_texts(out, json_array_get(choices, i));
    }
    gcl_text_add(out, "]");
}

/* ---- what else lies there ------------------------------------------------------------------------- */

static void add_classes(const gcl_facts *f, gcl_text *out)
{
    json_t *classes = load(f->folder, "classes.json");
    size_t n = json_array_size(classes);
    gcl_text_add(out, ",\"n_classes\":%zu,\"classes\":[", n);
    for (size_t i = 0; i < n && i < MOST_NAMES; i++) {
        gcl_text_add(out, "%s", i > 0 ? "," : "");
        add_value_text(out, json_array_get(classes, i));
    }
    gcl_text_add(out, "]");
    json_decref(classes);
}

/* The numbers and texts of an object and those in it, "KEY.KEY" being their names. */
static void add_scores(gcl_text *out, json_t *object, const char *prefix, int depth, int *n)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        gcl_text name = {0};
        gcl_text_add(&name, "%s%s%s", prefix, prefix[0] != 0 ? "." : "", key);
        if (json_is_object(value) && depth < DEEP) {
            add_scores(out, value, name.text, depth + 1, n);
        } else if ((json_is_number(value) || json_is_string(value)) && *n < MOST_SCORES) {
            gcl_text_add(out, "%s[", (*n)++ > 0 ? "," : "");
            gcl_page_string(out, name.text);
            gcl_text_add(out, ",");
            if (json_is_real(value))
                gcl_page_number(out, json_real_value(value));
            else
                add_value_text(out, value);
            gcl_text_add(out, "]");
        }
        gcl_text_free(&name);
    }
}

/* What `ganocl evaluate RUN ... > RUN/scores.json` has left. */
static void add_evaluation(const gcl_facts *f, gcl_text *out)
{
    int n = 0;
    json_t *scores = load(f->folder, "scores.json");
    gcl_text_add(out, ",\"scores\":[");
    add_scores(out, scores, "", 0, &n);
    gcl_text_add(out, "]");
    json_decref(scores);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static void add_help(const gcl_facts *f, gcl_text *out)
{
    if (!f->understood) {
        gcl_text_add(out, "null");
        return;
    }
    gcl_text_add(out, "{\"system\":");
    gcl_page_string(out, f->config.model.system->help);
    gcl_text_add(out, ",\"preset\":");
    gcl_page_string(out, f->config.model.preset->help);
    gcl_text_add(out, "}");
}

static void add_tasks(const gcl_facts *f, gcl_text *out)
{
    const char *between = "";
    gcl_text_add(out, ",\"can\":[");
    for (int i = 0; i < GCL_TASKS; i++) {
        if (!f->can[i])
            continue;
        gcl_text_add(out, "%s\"%s\"", between, tasks[i]);
        between = ",";
    }
    gcl_text_add(out, "]");
}

void gcl_facts_json(const gcl_facts *f, gcl_text *out)
{
    char *name = gcl_folder_name(f->folder);
    gcl_text_add(out, "{\"name\":");
    gcl_page_string(out, name);
    gcl_text_add(out, ",\"folder\":");
    gcl_page_string(out, f->folder);
    gcl_text_add(out, ",\"options\":");
    add_options(f, out);
    gcl_text_add(out, ",\"help\":");
    add_help(f, out);
    add_tasks(f, out);
    gcl_text_add(out, ",\"made_on\":");
    add_texts(out, json_object_get(f->options, "made_on"));
    gcl_text_add(out, ",\"settings\":[");
    if (f->understood)
        add_known_settings(f, out);
    else
        add_foreign_settings(f, out);
    gcl_text_add(out, "]");
    add_choices(f, out);
    gcl_folder_add_checkpoints(f->folder, out);
    add_classes(f, out);
    add_evaluation(f, out);
    gcl_text_add(out, "}");
    free(name);
}
