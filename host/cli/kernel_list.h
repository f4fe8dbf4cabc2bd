/* The programs that a device would be given, as a list: of launches that are bound, not built.
 *
 *     gcl_kernel_list list;
 *     gcl_kernel_list_start(&list);
 *     gcl_kernel_list_add(&list, bound, "tile", "usual", "conv tile");     once a launch; equal ones join
 *     json_t *programs = gcl_kernel_list_finish(&list);              and frees the rest
 *
 * [{"file": "tile", "options": "-cl-std=CL1.2 -DBM=64 ...", "source": "...",
 *   "kernels": {"tile": {"groups": ["64x1x1"],        work-groups; "driver": as the driver chooses
 *                        "kinds": ["tile"]}},         variants; "pointwise", "reduce", "copy"
 *   "uses": {"usual": ["conv tile"], "plan": ["dcgan:standard"]}}]      why the program is there */
#ifndef GCL_CLI_KERNEL_LIST_H
#define GCL_CLI_KERNEL_LIST_H

#include <jansson.h>

#include "plan/bind.h"

typedef struct gcl_kernel_list {
    json_t *programs; /* array: the result */
    json_t *places;   /* object: index in the array by the program's address */
} gcl_kernel_list;

void gcl_kernel_list_start(gcl_kernel_list *list);
json_t *gcl_kernel_list_finish(gcl_kernel_list *list);
/* A launch, the variant or kind of unit that it is of, and why it is there: role and name. Library calls have no program and are left out. */
void gcl_kernel_list_add(gcl_kernel_list *list, const gcl_bound *bound, const char *kind,
                         const char *role, const char *name);
/* A kernel that no plan launches, role and name as its kind: work-groups of the driver's choice. */
void gcl_kernel_list_add_kernel(gcl_kernel_list *list, const gcl_program *program,
                                const char *kernel, const char *role);

#endif
