/* What the tests of a run's page share: runs to report on, and the facts in their pages. */
#ifndef TESTS_REPORT_TEST_H
#define TESTS_REPORT_TEST_H

#include <jansson.h>

#include "files_test.h"
#include "io/image.h"
#include "report/report.h"

static const char options_text[] =
    "{\"model\": \"%s\", \"data\": \"%s\", \"seed\": -1, \"batch\": 4, \"steps\": 100,\n"
    " \"settings\": {\"train.log_every\": \"5\"},\n"
    " \"choices\": [{\"op\": \"conv\", \"in\": [[1,2],[3,4]], \"variant\": \"vec\"}],\n"
    " \"made_on\": {\"platform\": \"P\", \"device\": \"<device & co>\", \"driver\": \"1\"}}\n";

static inline void put_text(const char *name, const char *text)
{
    put_file(in_scratch(name), text, strlen(text));
}

static inline void make_run(const char *name, const char *model)
{
    char path[100], text[1000];
    remove_tree(in_scratch(name));
    ck_assert_int_eq(mkdir(in_scratch(name), 0777), 0);
    snprintf(path, sizeof path, "%s/samples", name);
    ck_assert_int_eq(mkdir(in_scratch(path), 0777), 0);
    snprintf(path, sizeof path, "%s/options.json", name);
    snprintf(text, sizeof text, options_text, model, "a</script><b>\\\"&\\u2028");
    put_text(path, text);
}

/* Lines of a log, from step `from` on. */
static inline void log_lines(gcl_text *text, int from, int to)
{
    for (int i = from; i < to; i++)
        gcl_text_add(text, "{\"step\": %d, \"losses\": {\"loss\": %d}}\n", i, i * i % 977);
}

/* A sheet of 6 x 3 cells: stripes, noise when `noisy` (which no PNG or JPEG file makes small). */
static inline void put_sheet(const char *name, int side, int noisy)
{
    gcl_image image = {0};
    uint32_t state = 1;
    ck_ok(gcl_image_new(&image, 6 * side, 3 * side, 3, &err));
    size_t n = (size_t)image.width * (size_t)image.height * 3;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        image.pixels[i] = noisy ? (uint8_t)(state >> 24) : (uint8_t)(i / 3 % 251);
    }
    ck_ok(gcl_image_write_png(in_scratch(name), &image, &err));
    gcl_image_free(&image);
}

/* Writes the page of a run and gives back its text; free() it. */
static char *page_of(const char *run, size_t *n)
{
    char path[100];
    gcl_report *report = gcl_report_new(in_scratch(run));
    ck_ok(gcl_report_write(report, &err));
    gcl_report_free(report);
    snprintf(path, sizeof path, "%s/report.html", run);
    return get_file(in_scratch(path), n);
}

static const char data_begins[] = "<script id=\"data\" type=\"application/json\">";

/* The facts in a page, as a browser finds them: up to the first end of a script. json_decref() them. */
static json_t *facts_in(const char *page)
{
    json_error_t why;
    const char *from = strstr(page, data_begins);
    ck_assert(from != NULL);
    from += strlen(data_begins);
    const char *end = strstr(from, "</script");
    ck_assert(end != NULL);
    json_t *facts = json_loadb(from, (size_t)(end - from), JSON_REJECT_DUPLICATES, &why);
    ck_assert_msg(facts != NULL, "%s at %d", why.text, why.position);
    return facts;
}

static json_t *facts_of(const char *run)
{
    size_t n;
    char *page = page_of(run, &n);
    json_t *facts = facts_in(page);
    free(page);
    return facts;
}

/* The value at "key/key/3/key". */
static inline json_t *at(json_t *value, const char *path)
{
    char copy[120];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok(copy, "/"); key != NULL; key = strtok(NULL, "/"))
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key))
                                     : json_object_get(value, key);
    ck_assert_msg(value != NULL, "nothing at %s", path);
    return value;
}

#endif
