#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/version.h"
#include "io/atomic.h"
#include "report/facts.h"
#include "report/folder.h"
#include "report/history.h"
#include "report/page.h"
#include "report/sheets.h"
#include "report/text.h"

struct gcl_report {
    char *folder;
    gcl_history *history;
    gcl_sheets *sheets;
    double ended, took; /* the last writing, in gcl_seconds(); took 0: none yet */
    int warned;
};

/* Writing may take this part of the time. */
static const double share = 0.01;

static char *join(const char *folder, const char *name)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s", folder, name);
    return path.text;
}

gcl_report *gcl_report_new(const char *folder)
{
    gcl_report *r = gcl_alloc(sizeof *r);
    char *log = join(folder, "log.jsonl");
    r->folder = gcl_strdup(folder);
    r->history = gcl_history_new(log);
    r->sheets = gcl_sheets_new(folder);
    free(log);
    return r;
}

void gcl_report_free(gcl_report *r)
{
    if (r == NULL)
        return;
    gcl_history_free(r->history);
    gcl_sheets_free(r->sheets);
    free(r->folder);
    free(r);
}

static int check_run(const gcl_report *r, gcl_error *err)
{
    char *options = join(r->folder, "options.json"), *log = join(r->folder, "log.jsonl");
    int is_run = gcl_path_kind(options) == 1 || gcl_path_kind(log) == 1;
    free(options);
    free(log);
    if (is_run)
        return 0;
    return gcl_fail(err, GCL_DATA,
                    "%s: is not a run folder (it has neither options.json nor log.jsonl)",
                    r->folder);
}

/* ---- the page ------------------------------------------------------------------------------------- */

static void add_written(gcl_text *out)
{
    char text[40];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    gcl_text_add(out, "{\"program\":");
    gcl_page_string(out, gcl_version());
    gcl_text_add(out, ",\"written\":\"%s\",\n\"run\":", text);
}

/* {"program", "written", "run": facts.h, "log": history.h, "pictures": sheets.h} */
static int write_data(gcl_report *r, gcl_atomic *file, gcl_error *err)
{
    gcl_text out = {0};
    gcl_facts facts;
    gcl_facts_read(&facts, r->folder);
    gcl_history_read(r->history);
    gcl_sheets_read(r->sheets, facts.can[GCL_TASK_TRANSLATE], gcl_facts_padded(&facts));
    add_written(&out);
    gcl_facts_json(&facts, &out);
    gcl_text_add(&out, ",\n\"log\":");
    gcl_history_json(r->history, &out);
    gcl_text_add(&out, ",\n\"pictures\":");
    int result = gcl_atomic_write(file, out.text, out.length, err);
    if (result == 0)
        result = gcl_sheets_write(r->sheets, file, err);
    if (result == 0)
        result = gcl_atomic_write(file, "}", 1, err);
    gcl_facts_free(&facts);
    gcl_text_free(&out);
    return result;
}

static int write_title(gcl_report *r, gcl_atomic *file, gcl_error *err)
{
    gcl_text out = {0};
    char *name = gcl_folder_name(r->folder);
    gcl_page_escape(&out, name);
    gcl_text_add(&out, " – ganocl\n");
    int result = gcl_atomic_write(file, out.text, out.length, err);
    gcl_text_free(&out);
    free(name);
    return result;
}

static int write_page(gcl_report *r, gcl_atomic *file, gcl_error *err)
{
    int result = 0;
    for (const gcl_page_part *part = gcl_page_parts; part->text != NULL && result == 0; part++) {
        result = gcl_atomic_write(file, part->text, strlen(part->text), err);
        if (result == 0 && strcmp(part->then, "title") == 0)
            result = write_title(r, file, err);
        if (result == 0 && strcmp(part->then, "data") == 0)
            result = write_data(r, file, err);
    }
    return result;
}

int gcl_report_write(gcl_report *r, gcl_error *err)
{
    if (check_run(r, err) != 0)
        return -1;
    char *path = join(r->folder, "report.html");
    gcl_atomic *file = gcl_atomic_begin(path, err);
    int result = file != NULL ? write_page(r, file, err) : -1;
    if (result == 0)
        result = gcl_atomic_commit(file, err);
    else
        gcl_atomic_abandon(file);
    free(path);
    return result;
}

void gcl_report_renew(gcl_report *r, int last)
{
    gcl_error err = {0};
    double began = gcl_seconds();
    if (!last && r->took > 0 && (began - r->ended) * share < r->took)
        return;
    if (gcl_report_write(r, &err) != 0 && !r->warned) {
        gcl_warn("%s; training goes on without its page", err.text);
        r->warned = 1;
    }
    r->ended = gcl_seconds();
    r->took = r->ended - began;
}
