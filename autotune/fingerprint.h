/* What exactly was checked and timed: a digest of the programs behind a choice. A record whose
 * programs are not today's any more says nothing, so it is not used. */
#ifndef GCL_AUTOTUNE_FINGERPRINT_H
#define GCL_AUTOTUNE_FINGERPRINT_H

#include "plan/choice.h"

enum { GCL_FINGERPRINT = 17 }; /* 16 hexadecimal digits, terminated */

/* Of the kernel files (without comments), entry points and macros of all launches; of the library's
 * name for a library call. "" where the choice does not fit the node. */
void gcl_fingerprint_programs(const gcl_choice *choice, const gcl_node *node,
                              const gcl_limits *limits, char text[GCL_FINGERPRINT]);
/* Of the variants of an op and the values that each may be given: what there was to choose from. */
void gcl_fingerprint_space(const gcl_op *op, char text[GCL_FINGERPRINT]);

#endif
