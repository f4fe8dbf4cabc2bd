/* A run's page, report.html in its folder: one file that needs nothing else, with curves, pictures over
 * time, settings and what to do next.
 *
 *     gcl_report *report = gcl_report_new("runs/x");
 *     gcl_report_write(report, &err);               `ganocl report runs/x`
 *     gcl_report_renew(report, 0);                  while it trains, whenever there are new samples
 *     gcl_report_renew(report, 1);                  at the end
 *     gcl_report_free(report);
 *
 * The page is host/report/page with the facts of the run as JSON in it. Its length is bounded whatever
 * the run's: curves.h, sheets.h. Writing again reads what was added since. */
#ifndef GCL_REPORT_REPORT_H
#define GCL_REPORT_REPORT_H

#include "base/error.h"

typedef struct gcl_report gcl_report;

/* Makes nothing on disk. */
gcl_report *gcl_report_new(const char *folder);
void gcl_report_free(gcl_report *report); /* NULL is fine */
/* Replaces the page atomically. What is missing or damaged in the folder is left out of it. Errors:
 * GCL_DATA (no run there: neither options.json nor log.jsonl), GCL_DISK. */
int gcl_report_write(gcl_report *report, gcl_error *err);
/* The same amid training: left for later while it would take more than a hundredth of the time, unless
 * it is the `last` time; and a page that cannot be written is worth one warning, not the run. */
void gcl_report_renew(gcl_report *report, int last);

#endif
