/* What is said to the person: everything but results goes to standard error through here. */
#ifndef GCL_BASE_LOG_H
#define GCL_BASE_LOG_H

#include "base/error.h"

extern int gcl_log_level; /* -1 quiet (warnings only), 0 usual, 1 verbose; set once by main */

void gcl_warn(const char *format, ...) GCL_PRINTF(1, 2); /* always; prefixed "ganocl: warning: " */
void gcl_say(const char *format, ...) GCL_PRINTF(1, 2);  /* at level 0 and above */
void gcl_verbose(const char *format, ...) GCL_PRINTF(1, 2); /* at level 1 */

double gcl_seconds(void); /* monotonic clock */

#endif
