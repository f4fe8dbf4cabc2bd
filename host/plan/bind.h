/* Bound launches: a kernel object with all its arguments set, or a call of the CLBlast library,
 * ready to be queued again and again. The one place where launches meet the device.
 *
 *     gcl_binding binding = {.dev = dev, .locate = locate, .context = me, .label = "G/up1/conv"};
 *     gcl_bound *bound = gcl_bound_new(&binding, &recipe.launch[0], &err);
 *     gcl_bound_ready(bound, &err);
 *     gcl_bound_enqueue(bound, &err);                          in order, asynchronous
 *     gcl_bound_free(bound);
 */
#ifndef GCL_PLAN_BIND_H
#define GCL_PLAN_BIND_H

#include "device/ahead.h"
#include "graph/op.h"

/* A tensor's place: a buffer and its first element there. */
typedef struct gcl_place {
    gcl_buffer *buffer;
    uint64_t at;
} gcl_place;

/* Where a tensor argument lies: of kind GCL_ARG_IN, GCL_ARG_OUT, or GCL_ARG_SCRATCH (the place of
 * the node's whole scratch area: arg->value is added here). */
typedef gcl_place (*gcl_locate)(void *context, const gcl_arg *arg);

typedef struct gcl_binding {
    gcl_device *dev;
    gcl_locate locate;
    void *context;
    const char *before;     /* text put before the kernel's (an epilogue), or NULL */
    gcl_program *program;   /* that has the kernel, instead of cl/FILE.cl; or NULL */
    const gcl_place *extra; /* tensors appended to the arguments, for the epilogue */
    int n_extra;
    const char *label; /* for profiles and messages; kept, not copied; NULL: the kernel's name */
} gcl_binding;

typedef struct gcl_bound gcl_bound;

/* The launch with its program ("-cl-std=CL1.2 " and the launch's defines) and arguments, nothing of
 * which the driver has seen yet. The buffers must outlive it. Errors: GCL_DEVICE, no such kernel file. */
gcl_bound *gcl_bound_new(const gcl_binding *binding, const gcl_launch *launch, gcl_error *err);
/* Builds the program and sets every argument. Errors: those of the device layer, headed by the label. */
int gcl_bound_ready(gcl_bound *bound, gcl_error *err);
void gcl_bound_ahead(const gcl_bound *bound, gcl_ahead *ahead); /* tells of the launch */
/* The library's SGEMM for recipe->clblast: in[0], in[1], out by binding->locate. Never NULL. */
gcl_bound *gcl_bound_new_clblast(const gcl_binding *binding, const gcl_recipe *recipe);
void gcl_bound_free(gcl_bound *bound); /* NULL is fine */

int gcl_bound_enqueue(const gcl_bound *bound, gcl_error *err); /* once it is ready */

/* The program that its kernel is from, for counting them; NULL for a library call. */
const gcl_program *gcl_bound_program(const gcl_bound *bound);
const char *gcl_bound_entry(const gcl_bound *bound); /* the kernel's name there */
/* The sizes of its work-group; the first is 0 where the driver chooses. */
const size_t *gcl_bound_local(const gcl_bound *bound);
double gcl_bound_flops(const gcl_bound *bound);
double gcl_bound_bytes(const gcl_bound *bound);
/* Whether its time shows up in gcl_profile_read: 1, or 0 for the library's own launches. */
int gcl_bound_profiled(const gcl_bound *bound);

#endif
