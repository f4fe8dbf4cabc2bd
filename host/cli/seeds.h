/* Seeds as people list them: "7", "0-35", "1,5,9-12".
 *
 *     gcl_seeds seeds = {0};
 *     if (gcl_seeds_parse(&seeds, "1,5,9-12", 1000, &err) == 0) ... seeds.of[0 .. seeds.n-1] ...
 *     gcl_seeds_free(&seeds);                                       also after a failure */
#ifndef GCL_CLI_SEEDS_H
#define GCL_CLI_SEEDS_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_seeds {
    uint64_t *of; /* in the order of the list */
    int n, capacity;
} gcl_seeds;

/* At least one and at most `most`. Errors: GCL_USAGE (no list of seeds, a range that goes backwards,
 * too many). */
int gcl_seeds_parse(gcl_seeds *seeds, const char *text, int most, gcl_error *err);
/* `count` seeds from `first` on; what lies beyond 2^64 starts at 0 again. */
void gcl_seeds_range(gcl_seeds *seeds, uint64_t first, int count);
void gcl_seeds_free(gcl_seeds *seeds); /* and clears them */

#endif
