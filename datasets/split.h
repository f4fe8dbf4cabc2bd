/* Which items are for training and which for test. */
#ifndef GCL_DATASETS_SPLIT_H
#define GCL_DATASETS_SPLIT_H

#include <stdbool.h>

/* Whether an item of this name is kept for test: the first 32 bits of SHA-256 of the name are below
 * share * 2^32. It depends on nothing else, so an item keeps its side when others come or go, and
 * a larger share holds out all that a smaller one does. */
bool gcl_split_holds_out(const char *name, double share);

#endif
