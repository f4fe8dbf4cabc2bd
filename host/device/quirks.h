/* What drivers do not say of themselves: faults, and limits that they keep silent about, as data. The
 * rows are the only place that knows names of platforms; code asks the limits that they change.
 *
 *     gcl_quirks_apply(&limits);                         lowers what is too high, sets limits.faults
 *     for (const gcl_quirk *q = gcl_quirks; q->name != NULL; q++)
 *         if (gcl_quirk_matches(q, &limits)) ...         what is known of this device
 *
 * To add one: a row in quirks.c, with the test that shows it. */
#ifndef GCL_DEVICE_QUIRKS_H
#define GCL_DEVICE_QUIRKS_H

#include "base/limits.h"

typedef struct gcl_quirk {
    const char *name; /* "short-loops" */
    /* Which devices: parts of their texts (NULL: any), and a capability (0: any). */
    const char *platform, *device, *driver;
    unsigned address_bits;
    /* What follows; 0: nothing. */
    uint64_t max_turns, max_alloc_bytes;
    unsigned fault;   /* of gcl_fault */
    const char *what; /* in a sentence */
    const char *test; /* that shows it: program:test */
} gcl_quirk;

extern const gcl_quirk gcl_quirks[]; /* ended by name NULL */

int gcl_quirk_matches(const gcl_quirk *quirk, const gcl_limits *limits);
void gcl_quirks_apply(gcl_limits *limits);

#endif
