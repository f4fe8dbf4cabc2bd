/* Opening a model: system, preset and changes by name; its settings as values and as text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"

/* ---- words that are looked up ---- */

enum { MAX_NAMES = 256 };

/* "; did you mean X?" in one static text, or nothing. */
static const char *suggestion(const char *word, const char *const *names)
{
    static char text[120];
    const char *nearest = gcl_nearest(word, names);
    text[0] = 0;
    if (nearest != NULL)
        snprintf(text, sizeof text, "; did you mean %s?", nearest);
    return text;
}

/* "a, b, c" into `text`. */
static void join(const char *const *names, char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; names[i] != NULL && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", names[i]);
}

static int unknown(const char *what, const char *word, const char *const *names, gcl_error *err)
{
    char all[400];
    join(names, all, sizeof all);
    return gcl_fail(err, GCL_USAGE, "there is no %s %s%s (known: %s)", what, word,
                    suggestion(word, names), all);
}

static const gcl_system *find_system(const char *name, gcl_error *err)
{
    const char *names[MAX_NAMES] = {NULL};
    for (int i = 0; gcl_systems[i] != NULL; i++) {
        if (strcmp(gcl_systems[i]->name, name) == 0)
            return gcl_systems[i];
        names[i] = gcl_systems[i]->name;
    }
    unknown("system", name, names, err);
    return NULL;
}

static const gcl_preset *find_preset(const gcl_system *system, const char *name, gcl_error *err)
{
    const char *names[MAX_NAMES] = {NULL};
    for (int i = 0; system->presets[i].name != NULL; i++) {
        if (strcmp(system->presets[i].name, name) == 0)
            return &system->presets[i];
        names[i] = system->presets[i].name;
    }
    char what[100];
    snprintf(what, sizeof what, "%s preset", system->name);
    unknown(what, name, names, err);
    return NULL;
}

static int find_setting(const gcl_system *system, const char *key)
{
    for (int i = 0; system->settings[i].key != NULL; i++)
        if (strcmp(system->settings[i].key, key) == 0)
            return i;
    return -1;
}

/* ---- values from text ---- */

static int parse_number(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    char *end;
    double number = strtod(text, &end);
    int whole = setting->kind == GCL_SETTING_INT;
    if (end == text || *end != 0 || !isfinite(number) || (whole && number != floor(number)))
        return gcl_fail(err, GCL_USAGE, "%s=%s: %s is wanted", setting->key, text,
                        whole ? "a whole number" : "a number");
    if (number < setting->low || number > setting->high)
        return gcl_fail(err, GCL_USAGE, "%s=%s: allowed is %g to %g", setting->key, text,
                        setting->low, setting->high);
    *value = number;
    return 0;
}

static int parse_bool(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    static const char *const words[] = {"false", "true", "False", "True", "0",
                                        "1",     "no",   "yes",   "off",  "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            *value = (double)(i % 2);
            return 0;
        }
    return gcl_fail(err, GCL_USAGE, "%s=%s: true or false is wanted", setting->key, text);
}

/* Word number `index` of "one two three" into `word`; 0 if there is none. */
static int choice(const char *choices, int index, char *word, size_t size)
{
    for (; index > 0 && choices != NULL; index--) {
        choices = strchr(choices, ' ');
        choices += choices != NULL;
    }
    if (choices == NULL)
        return 0;
    snprintf(word, size, "%.*s", (int)strcspn(choices, " "), choices);
    return 1;
}

static int parse_choice(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    char word[60];
    for (int i = 0; choice(setting->choices, i, word, sizeof word); i++)
        if (strcmp(word, text) == 0) {
            *value = i;
            return 0;
        }
    return gcl_fail(err, GCL_USAGE, "%s=%s: one of these is wanted: %s", setting->key, text,
                    setting->choices);
}

static int parse(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    switch (setting->kind) {
    case GCL_SETTING_BOOL: return parse_bool(setting, text, value, err);
    case GCL_SETTING_CHOICE: return parse_choice(setting, text, value, err);
    case GCL_SETTING_INT:
    case GCL_SETTING_REAL: break;
    }
    return parse_number(setting, text, value, err);
}

static int unknown_key(const gcl_system *system, const char *key, gcl_error *err)
{
    const char *names[GCL_MAX_SETTINGS + 1] = {NULL};
    for (int i = 0; system->settings[i].key != NULL; i++)
        names[i] = system->settings[i].key;
    return gcl_fail(err, GCL_USAGE, "%s has no setting %s%s (ganocl describe %s lists them)",
                    system->name, key, suggestion(key, names), system->name);
}

/* "KEY=VALUE" */
static int change(gcl_model *model, const char *text, gcl_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL)
        return gcl_fail(err, GCL_USAGE, "setting %s: write it as KEY=VALUE", text);
    char key[100];
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    int i = find_setting(model->system, key);
    if (i < 0)
        return unknown_key(model->system, key, err);
    return parse(&model->system->settings[i], equals + 1, &model->values[i], err);
}

/* The changes of a preset: several, with spaces between. */
static int apply_preset(gcl_model *model, gcl_error *err)
{
    const char *rest = model->preset->changes;
    while (*(rest += strspn(rest, " ")) != 0) {
        char text[200];
        int length = (int)strcspn(rest, " ");
        snprintf(text, sizeof text, "%.*s", length, rest);
        if (change(model, text, err) != 0)
            return -1;
        rest += length;
    }
    return 0;
}

/* ---- opening ---- */

static int choose(gcl_model *model, const char *name, gcl_error *err)
{
    if (name == NULL)
        name = gcl_systems[0]->name;
    char system[100];
    size_t length = strcspn(name, ":");
    snprintf(system, sizeof system, "%.*s", (int)length, name);
    model->system = find_system(system, err);
    if (model->system == NULL)
        return -1;
    model->preset = name[length] == ':' ? find_preset(model->system, name + length + 1, err)
                                        : &model->system->presets[0];
    return model->preset == NULL ? -1 : 0;
}

int gcl_model_open(gcl_model *model, const char *name, const char *const *changes, int n,
                   gcl_error *err)
{
    *model = (gcl_model){0};
    if (choose(model, name, err) != 0)
        return -1;
    for (int i = 0; model->system->settings[i].key != NULL; i++)
        model->values[i] = model->system->settings[i].initial;
    if (apply_preset(model, err) != 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (change(model, changes[i], err) != 0)
            return -1;
    return model->system->check(model, err);
}

/* ---- values ---- */

double gcl_model_real(const gcl_model *model, const char *key)
{
    int i = find_setting(model->system, key);
    return i < 0 ? (double)NAN : model->values[i];
}

int gcl_model_int(const gcl_model *model, const char *key)
{
    int i = find_setting(model->system, key);
    return i < 0 ? 0 : (int)model->values[i];
}

void gcl_model_value_text(const gcl_model *model, int i, char *text, size_t size)
{
    const gcl_setting *setting = &model->system->settings[i];
    double value = model->values[i];
    if (setting->kind == GCL_SETTING_BOOL) {
        snprintf(text, size, "%s", value != 0 ? "true" : "false");
    } else if (setting->kind == GCL_SETTING_CHOICE) {
        choice(setting->choices, (int)value, text, size);
    } else if (value == floor(value) && fabs(value) < 1e6) {
        snprintf(text, size, "%.0f", value);
    } else {
        for (int digits = 1; digits <= 17; digits++) { /* the fewest that give the value back */
            snprintf(text, size, "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                return;
        }
    }
}
