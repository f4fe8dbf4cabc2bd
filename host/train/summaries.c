#include "train/summaries.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/version.h"
#include "io/atomic.h"
#include "io/file.h"

/* ---- settings ------------------------------------------------------------------------------------- */

/* A row of a table in Markdown, where a bar would end the cell. */
static void add_row(gcl_text *table, const char *key, const char *value)
{
    gcl_text_add(table, "| %s | ", key);
    for (; *value != 0; value++)
        if (*value == '|')
            gcl_text_add(table, "\\|");
        else
            gcl_text_add_bytes(table, value, 1);
    gcl_text_add(table, " |\n");
}

/* One row for each key that is no object; objects are entered. Choices of kernels are no settings. */
static void add_rows(gcl_text *table, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value)) {
            add_rows(table, value);
        } else if (json_is_string(value)) {
            add_row(table, key, json_string_value(value));
        } else if (strcmp(key, "choices") != 0) {
            char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
            add_row(table, key, text);
            free(text);
        }
    }
}

static void add_settings(gcl_events *events, const gcl_config *config, const gcl_limits *limits)
{
    gcl_text table = {0};
    char *text = gcl_config_json(config, limits);
    json_t *options = json_loads(text, 0, NULL);
    gcl_text_add(&table, "| | |\n|---|---|\n");
    add_row(&table, "version", gcl_version());
    add_rows(&table, options);
    gcl_events_text(events, "settings", table.text);
    json_decref(options);
    free(text);
    gcl_text_free(&table);
}

/* ---- pictures ------------------------------------------------------------------------------------- */

/* The picture FOLDER/NAME, if there is one. */
static int add_picture(gcl_events *events, const char *tag, const char *folder, const char *name,
                       gcl_error *err)
{
    gcl_text path = {0};
    uint8_t *png = NULL;
    size_t n = 0;
    int result = 0;
    gcl_text_add(&path, "%s/%s", folder, name);
    if (gcl_path_kind(path.text) == 1) {
        result = gcl_file_read(path.text, GCL_IMAGE_MAX_BYTES, &png, &n, err);
        if (result == 0)
            result = gcl_events_png(events, tag, png, n, err);
        free(png);
    }
    gcl_text_free(&path);
    return result;
}

int gcl_summaries_sheets(gcl_events *events, const char *folder, int64_t step, gcl_error *err)
{
    static const struct {
        const char *tag, *ending;
    } kinds[] = {{"samples", ""}, {"reconstructed", "-reconstructed"}};
    for (int i = 0; i < 2 && events != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "samples/%06lld%s.png", (long long)step, kinds[i].ending);
        if (add_picture(events, kinds[i].tag, folder, name, err) != 0)
            return -1;
    }
    return gcl_events_write(events, step, err);
}

/* ---- the beginning -------------------------------------------------------------------------------- */

int gcl_summaries_open(gcl_events **events, const char *folder, int64_t step,
                       const gcl_config *config, const gcl_limits *limits, gcl_error *err)
{
    *events = NULL;
    if (gcl_settings_value(&config->settings, GCL_TRAIN_EVENTS) == 0)
        return 0;
    *events = gcl_events_open(folder, step, err);
    if (*events == NULL)
        return -1;
    add_settings(*events, config, limits);
    if ((step == 0 || gcl_events_is_first(*events)) &&
        add_picture(*events, "reals", folder, "reals.png", err) != 0)
        return -1;
    return gcl_events_write(*events, step, err);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static void add_values(gcl_events *events, const char *group, const gcl_named_value *values, int n)
{
    for (int i = 0; i < n; i++) {
        char tag[160];
        snprintf(tag, sizeof tag, "%s/%s", group, values[i].name);
        gcl_events_scalar(events, tag, values[i].value);
    }
}

int gcl_summaries_line(gcl_events *events, const gcl_journal_line *line, gcl_error *err)
{
    add_values(events, "losses", line->losses, line->n_losses);
    add_values(events, "lr", line->rates, line->n_rates);
    gcl_events_scalar(events, "images_per_s", line->images_per_s);
    gcl_events_scalar(events, "device_bytes", (double)line->device_bytes);
    if (line->data_wait != NULL)
        gcl_events_scalar(events, "data_wait", *line->data_wait);
    if (line->dropped > 0)
        gcl_events_scalar(events, "dropped", (double)line->dropped);
    return gcl_events_write(events, line->step, err);
}

int gcl_summaries_evaluation(gcl_events *events, int64_t step, const gcl_measured *values,
                             gcl_error *err)
{
    add_values(events, "eval", values->values, values->n);
    return gcl_events_write(events, step, err);
}
