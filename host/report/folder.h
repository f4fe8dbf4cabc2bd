/* The run's folder as it is found: its name, its checkpoints. */
#ifndef GCL_REPORT_FOLDER_H
#define GCL_REPORT_FOLDER_H

#include "base/memory.h"

/* The last part of its path; of "." and ".." that of the folder it is. malloc'ed. */
char *gcl_folder_name(const char *folder);
/* Adds `,"n_checkpoints": n, "checkpoints": [{"step": 500, "bytes": 123}, ..]`, the newest few,
 * and `,"best": 300`, the step of the best where evaluations found one. */
void gcl_folder_add_checkpoints(const char *folder, gcl_text *out);

#endif
