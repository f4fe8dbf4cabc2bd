#include "train/config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "train/metrics.h"
#include "train/trainer.h"

enum { MAX_CONFIG_BYTES = 1 << 22 };

void gcl_config_start(gcl_config *config)
{
    memset(config, 0, sizeof *config);
    config->arena = gcl_arena_new();
    config->learnt = -1;
    gcl_settings_start(&config->settings);
}

void gcl_config_free(gcl_config *config)
{
    gcl_arena_free(config->arena);
    free(config->changes);
    memset(config, 0, sizeof *config);
}

void gcl_config_set(gcl_config *config, const char *change)
{
    GCL_GROW(config->changes, config->n_changes, config->cap_changes);
    config->changes[config->n_changes++] = gcl_arena_printf(config->arena, "%s", change);
}

/* ---- reading -------------------------------------------------------------------------------------- */

typedef struct reading {
    gcl_config *config;
    const char *path, *system, *preset;
    gcl_error *err;
} reading;

static int wrong(const reading *r, const char *key, const char *wanted)
{
    return gcl_fail(r->err, GCL_USAGE, "%s: \"%s\" is not %s", r->path, key, wanted);
}

static const char *number_text(gcl_arena *arena, const json_t *value)
{
    if (json_is_integer(value))
        return gcl_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    return gcl_arena_printf(arena, "%.17g", json_real_value(value));
}

/* [3, 4] -> "3,4"; {"gan": 1} and [["gan", 1]] -> "gan:1". NULL for anything else. */
static const char *items_text(gcl_arena *arena, json_t *value)
{
    const char *text = "", *key;
    json_t *item;
    size_t i;
    json_array_foreach(value, i, item)
    {
        json_t *number = json_array_size(item) == 2 ? json_array_get(item, 1) : item;
        const char *word = json_string_value(json_array_get(item, 0));
        if (!json_is_number(number) || (json_is_array(item) && word == NULL))
            return NULL;
        text = gcl_arena_printf(arena, "%s%s%s%s%s", text, i > 0 ? "," : "", word ? word : "",
                                word ? ":" : "", number_text(arena, number));
    }
    json_object_foreach(value, key, item)
    {
        if (!json_is_number(item))
            return NULL;
        text = gcl_arena_printf(arena, "%s%s%s:%s", text, text[0] ? "," : "", key,
                                number_text(arena, item));
    }
    return text;
}

/* A setting as the text that --set would have; null is a number that is not given: 0. */
static int read_setting(reading *r, const char *key, json_t *value)
{
    gcl_arena *arena = r->config->arena;
    const char *text = NULL;
    if (strcmp(key, "preset") == 0 && json_is_string(value)) {
        r->preset = gcl_arena_printf(arena, "%s", json_string_value(value));
        return 0;
    }
    if (json_is_string(value))
        text = json_string_value(value);
    else if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else if (json_is_number(value))
        text = number_text(arena, value);
    else if (json_is_array(value) || json_is_object(value))
        text = items_text(arena, value);
    else if (json_is_null(value))
        text = "0";
    if (text == NULL)
        return wrong(r, key, "a number, a word, a truth value, a list or weights by word");
    gcl_config_set(r->config, gcl_arena_printf(arena, "%s=%s", key, text));
    return 0;
}

static int read_settings(reading *r, const char *name, json_t *object)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return wrong(r, name, "an object of settings");
    json_object_foreach(object, key, value)
    {
        if (read_setting(r, key, value) != 0)
            return -1;
    }
    return 0;
}

static int read_text(reading *r, const char *key, const json_t *value, const char **text)
{
    if (!json_is_string(value))
        return wrong(r, key, "a text");
    *text = gcl_arena_printf(r->config->arena, "%s", json_string_value(value));
    return 0;
}

static int read_number(reading *r, const char *key, const json_t *value, double *number)
{
    if (!json_is_number(value) || json_number_value(value) < 0)
        return wrong(r, key, "a number that is not negative");
    *number = json_number_value(value);
    return 0;
}

static int read_whole(reading *r, const char *key, const json_t *value, int64_t most,
                      int64_t *whole)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > most)
        return wrong(r, key, "a whole number in range");
    *whole = json_integer_value(value);
    return 0;
}

static int is_any(const char *key, const char *a, const char *b, const char *c)
{
    return strcmp(key, a) == 0 || strcmp(key, b) == 0 || strcmp(key, c) == 0;
}

/* What describes a recording or a machine and is nothing to be set. */
static int is_only_a_fact(const char *key, const json_t *value)
{
    return is_any(key, "made_on", "noise", "temperature") ||
           (strcmp(key, "batch") == 0 && json_is_object(value));
}

static int read_choices(reading *r, const char *key, const json_t *value)
{
    if (!json_is_array(value))
        return wrong(r, key, "a list");
    char *text = json_dumps(value, JSON_COMPACT);
    r->config->choices = gcl_arena_printf(r->config->arena, "%s", text);
    free(text);
    return 0;
}

static int read_key(reading *r, const char *key, json_t *value)
{
    gcl_config *config = r->config;
    int64_t whole = 0;
    if (is_only_a_fact(key, value) || json_is_null(value))
        return 0;
    if (strcmp(key, "model") == 0)
        return read_text(r, key, value, &config->model_name);
    if (strcmp(key, "system") == 0)
        return read_text(r, key, value, &r->system);
    if (strcmp(key, "data") == 0)
        return read_text(r, key, value, &config->data);
    if (strcmp(key, "init") == 0)
        return read_text(r, key, value, &config->init);
    if (strcmp(key, "replay") == 0)
        return read_text(r, key, value, &config->replay);
    if (strcmp(key, "epochs") == 0)
        return read_number(r, key, value, &config->epochs);
    if (strcmp(key, "minutes") == 0)
        return read_number(r, key, value, &config->minutes);
    if (strcmp(key, "steps") == 0)
        return read_whole(r, key, value, INT64_C(1) << 40, &config->steps);
    if (strcmp(key, "choices") == 0)
        return read_choices(r, key, value);
    if (strcmp(key, "learnt") == 0)
        return read_whole(r, key, value, INT64_C(1) << 40, &config->learnt);
    if (strcmp(key, "config") == 0) /* a recording's */
        config->recorded = 1;
    if (is_any(key, "settings", "config", "config"))
        return read_settings(r, key, value);
    if (strcmp(key, "seed") == 0) {
        /* A JSON integer is signed; the bits are the seed's. */
        if (!json_is_integer(value))
            return wrong(r, key, "a whole number");
        config->seed = (uint64_t)json_integer_value(value);
        return 0;
    }
    if (is_any(key, "batch", "batch_size", "batch")) {
        int result = read_whole(r, key, value, GCL_MAX_BATCH, &whole);
        config->batch = (int)whole;
        return result;
    }
    if (strcmp(key, "accumulate") == 0) {
        int result = read_whole(r, key, value, GCL_MAX_PARTS, &whole);
        config->accumulate = (int)whole;
        return result;
    }
    return read_setting(r, key, value);
}

static int read_object(reading *r, json_t *object)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return gcl_fail(r->err, GCL_DATA, "%s: is not a JSON object", r->path);
    json_object_foreach(object, key, value)
    {
        if (read_key(r, key, value) != 0)
            return -1;
    }
    if (r->system != NULL)
        r->config->model_name = gcl_arena_printf(r->config->arena, "%s%s%s", r->system,
                                                 r->preset ? ":" : "", r->preset ? r->preset : "");
    return 0;
}

int gcl_config_read(gcl_config *config, const char *path, gcl_error *err)
{
    uint8_t *text = NULL;
    size_t n = 0;
    if (gcl_file_read(path, MAX_CONFIG_BYTES, &text, &n, err) != 0)
        return -1;
    json_error_t why;
    json_t *object = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (object == NULL)
        return gcl_fail(err, GCL_DATA, "%s:%d: is not valid JSON: %s", path, why.line, why.text);
    reading r = {.config = config, .path = path, .err = err};
    int result = read_object(&r, object);
    json_decref(object);
    return result;
}

int gcl_config_read_settings(gcl_config *config, const char *path, const char *text, gcl_error *err)
{
    json_error_t why;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL)
        return gcl_fail(err, GCL_DATA, "%s: its settings are not valid JSON: %s", path, why.text);
    reading r = {.config = config, .path = path, .err = err};
    int result = read_settings(&r, "settings", object);
    json_decref(object);
    return result;
}

/* A recording knows the reference's settings only: what lies beyond them is neutral in a replay. */
static int neutral_settings(gcl_config *config, const char **changes, int *n, gcl_error *err)
{
    gcl_model neutral;
    char value[128];
    if (gcl_model_open(&neutral, config->model_name, NULL, 0, err) != 0)
        return -1;
    const gcl_setting *table = neutral.system->settings;
    for (int i = 0; table[i].key != NULL; i++) {
        gcl_model_value_reset(&neutral, i);
        gcl_model_value_text(&neutral, i, value, sizeof value);
        if (table[i].beyond)
            changes[(*n)++] = gcl_arena_printf(config->arena, "%s=%s", table[i].key, value);
    }
    return 0;
}

/* A metric that the model lacks is said at once, not after the first hour. */
static int check_best(const gcl_config *config, gcl_error *err)
{
    const gcl_metric *metric;
    return gcl_metric_find(&config->model, gcl_settings_text(&config->settings, GCL_EVAL_BEST),
                           &metric, err);
}

int gcl_config_finish(gcl_config *config, gcl_error *err)
{
    size_t most = (size_t)config->n_changes + GCL_MAX_SETTINGS;
    const char **models = gcl_alloc(most * sizeof *models);
    int n = 0, result = 0;
    if (config->replay != NULL || config->recorded)
        result = neutral_settings(config, models, &n, err);
    for (int i = 0; i < config->n_changes && result == 0; i++) {
        if (gcl_settings_owns(config->changes[i]))
            result = gcl_settings_change(&config->settings, config->changes[i], err);
        else
            models[n++] = config->changes[i];
    }
    if (result == 0)
        result = gcl_model_open(&config->model, config->model_name, models, n, err);
    if (result == 0)
        result = check_best(config, err);
    free(models);
    return result;
}

gcl_batch gcl_config_batch(const gcl_config *config)
{
    return (gcl_batch){config->batch, config->accumulate > 0 ? config->accumulate : 1};
}

/* ---- writing -------------------------------------------------------------------------------------- */

static void add_limits(gcl_text *text, const gcl_config *config)
{
    if (config->steps > 0)
        gcl_text_add(text, " \"steps\": %lld,\n", (long long)config->steps);
    if (config->epochs > 0)
        gcl_text_add(text, " \"epochs\": %.9g,\n", config->epochs);
    if (config->minutes > 0)
        gcl_text_add(text, " \"minutes\": %.9g,\n", config->minutes);
}

static void add_text(gcl_text *text, const char *key, const char *value)
{
    if (value == NULL)
        return;
    gcl_text_add(text, " \"%s\": ", key);
    gcl_json_add_string(text, value);
    gcl_text_add(text, ",\n");
}

static void add_settings(gcl_text *text, const gcl_config *config)
{
    gcl_text_add(text, " \"settings\": {\n  ");
    gcl_model_settings_json(&config->model, text, ",\n  ");
    for (int i = 0; i < GCL_SETTINGS; i++) {
        gcl_text_add(text, ",\n  \"%s\": ", gcl_settings_name((gcl_settings_key)i));
        gcl_json_add_string(text, gcl_settings_text(&config->settings, (gcl_settings_key)i));
    }
    gcl_text_add(text, "\n },\n");
}

char *gcl_config_json(const gcl_config *config, const gcl_limits *limits)
{
    char model[128];
    gcl_text text = {0};
    gcl_model_name(&config->model, model, sizeof model);
    gcl_text_add(&text, "{\n");
    add_text(&text, "model", model);
    add_text(&text, "data", config->data);
    add_text(&text, "init", config->init);
    add_text(&text, "replay", config->replay);
    gcl_text_add(&text, " \"seed\": %lld,\n \"batch\": %d,\n", (long long)(int64_t)config->seed,
                 config->batch);
    if (config->accumulate > 1)
        gcl_text_add(&text, " \"accumulate\": %d,\n", config->accumulate);
    add_limits(&text, config);
    add_settings(&text, config);
    if (config->learnt >= 0)
        gcl_text_add(&text, " \"learnt\": %lld,\n", (long long)config->learnt);
    if (config->choices != NULL)
        gcl_text_add(&text, " \"choices\": %s,\n", config->choices);
    gcl_text_add(&text, " \"made_on\": {\"platform\": ");
    gcl_json_add_string(&text, limits->platform);
    gcl_text_add(&text, ", \"device\": ");
    gcl_json_add_string(&text, limits->name);
    gcl_text_add(&text, ", \"driver\": ");
    gcl_json_add_string(&text, limits->driver);
    gcl_text_add(&text, "}\n}\n");
    return text.text;
}
