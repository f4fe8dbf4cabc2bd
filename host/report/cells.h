/* Scores of the triples (source, target, what was made of the source) on a sheet of samples: the same
 * numbers as `ganocl evaluate` gives, of pictures that the model learns from. */
#ifndef GCL_REPORT_CELLS_H
#define GCL_REPORT_CELLS_H

#include "base/memory.h"
#include "io/image.h"
#include "train/scores.h"

enum { GCL_CELLS_MOST = 64 };

typedef struct gcl_cells {
    int n;
    int scored[GCL_CELLS_MOST]; /* 0: an empty place, or too small for scores */
    gcl_scores scores[GCL_CELLS_MOST];
} gcl_cells;

/* The sheet has `columns` square cells a row, a triple being three neighbours; what is not laid out so
 * has no triples. A triple of black cells is an empty place. `padded` 0: the margin that is black in
 * all that was made is left out. */
void gcl_cells_score(gcl_cells *cells, const gcl_image *sheet, int columns, int padded);
/* [[l1, psnr, ssim, gmsd] or null, ..] */
void gcl_cells_json(const gcl_cells *cells, gcl_text *out);

#endif
