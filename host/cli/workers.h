/* Work on many numbered things by several threads.
 *
 *     gcl_workers_run(count, threads, "pictures", check_one, &report);       check_one(&report, i)
 */
#ifndef GCL_CLI_WORKERS_H
#define GCL_CLI_WORKERS_H

#include <stddef.h>

/* Calls work(context, i) once for each i < n, by `threads` threads at once (0: one for each core but
 * one), in no certain order, and returns when all is done. A call that does not return 0 lets nothing
 * more begin. `what` names it while it is shown how many are done. */
void gcl_workers_run(size_t n, int threads, const char *what, int (*work)(void *context, size_t i),
                     void *context);

#endif
