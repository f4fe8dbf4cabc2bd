/* The sheets of pictures that a run has made so far: a bounded number of them, spread over the run, as
 * data URIs with scores where the model translates.
 *
 *     gcl_sheets *sheets = gcl_sheets_new("runs/x");
 *     gcl_sheets_read(sheets, translates, padded);             what is there now
 *     gcl_sheets_write(sheets, file, &err);
 *     gcl_sheets_free(sheets);
 *
 * What was embedded once is kept, so that reading again costs what is new. */
#ifndef GCL_REPORT_SHEETS_H
#define GCL_REPORT_SHEETS_H

#include "io/atomic.h"

/* Cells to a row of every sheet (train/sheet.c): 6 pictures, 2 triples or 3 pairs. */
enum { GCL_SHEETS_MOST = 20, GCL_SHEETS_COLUMNS = 6 };

typedef struct gcl_sheets gcl_sheets;

gcl_sheets *gcl_sheets_new(const char *folder);
void gcl_sheets_free(gcl_sheets *sheets); /* NULL is fine */
/* `translates`: sheets are rows of source, target and what was made, to be scored. `padded` 0: what was
 * made may be smaller than its place and is scored without the margin. Pictures that cannot be read are
 * counted and left out. */
void gcl_sheets_read(gcl_sheets *sheets, int translates, int padded);
/* {"columns", "found", "unreadable", "reals": PICTURE or null,
 *  "sheets": [{"step", "made": PICTURE or null, "again": PICTURE or null}]},
 * `again` being the reconstructions; PICTURE is {"width", "height", "uri", "scores": [[l1, psnr, ssim,
 * gmsd] or null, ..]}, with scores by triple. Errors: GCL_DISK. */
int gcl_sheets_write(const gcl_sheets *sheets, gcl_atomic *file, gcl_error *err);

/* Which of n sheets, at most `most` (2 or more): every k-th, k being the least power of two that will
 * do, and the last. So what was chosen when there were fewer either stays or makes way when k doubles.
 * Fills chosen[most] with indices and returns how many. */
int gcl_sheets_choose(int n, int most, int *chosen);

#endif
