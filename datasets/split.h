/* Which items are for training and which for test.
 *
 * Some sets say it themselves: folders train/ and test/ (or val/) that hold all the pictures, with
 * the layout wanted below them; trainA/ trainB/ testA/ testB/; CelebA's list_eval_partition. The
 * others are all for training, but for a share that can be held out (data.holdout). */
#ifndef GCL_DATASETS_SPLIT_H
#define GCL_DATASETS_SPLIT_H

#include <stdbool.h>

#include "datasets/dataset.h"
#include "datasets/files.h"

/* Whether an item of this name is kept for test: the first 32 bits of SHA-256 of the name are below
 * share * 2^32. It depends on nothing else, so an item keeps its side when others come or go, and
 * a larger share holds out all that a smaller one does. */
bool gcl_split_holds_out(const char *name, double share);

/* Finds out whether the set is divided; if so, marks the part of each entry. Sets each entry's `rest`,
 * which for trainA/x.png is A/x.png. */
bool gcl_split_find(gcl_files *files);

/* Leaves the files of one split of a divided set. Test is test/ or else val/ (CelebA: part 2 or else
 * 1). Errors: GCL_DATA (it has no such part). */
int gcl_split_keep(gcl_files *files, enum gcl_split split, gcl_error *err);

#endif
