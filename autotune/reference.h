/* One workload on the device with operands of its own, and what is right for them: no candidate is
 * trusted.
 *
 *     gcl_reference *reference = gcl_reference_new(dev, &work, &err);
 *     if (gcl_reference_try(reference, &choice, &us, why, sizeof why, &err) == GCL_TRY_RIGHT) ...
 *     gcl_reference_free(reference);
 *
 * What is right is what the op's variant `naive` computes. Where that would take long (it is slow
 * on CPUs), naive computes four windows of the result (its first, its last and two more elements of
 * each size), and all other elements are compared with those of the first choice that agreed with
 * the windows: the usual one, if the tuner tries that first. */
#ifndef GCL_AUTOTUNE_REFERENCE_H
#define GCL_AUTOTUNE_REFERENCE_H

#include "autotune/workload.h"
#include "device/device.h"
#include "plan/choice.h"

typedef struct gcl_reference gcl_reference;

typedef enum gcl_try {
    GCL_TRY_RIGHT,
    GCL_TRY_WRONG, /* `why` says how: values, elements not set, words around it overwritten */
    GCL_TRY_UNFIT, /* it does not apply */
    GCL_TRY_FAILED /* the error says why */
} gcl_try;

/* Errors: GCL_MEMORY, GCL_DEVICE, GCL_FAILED (the op has no naive variant). */
gcl_reference *gcl_reference_new(gcl_device *dev, const gcl_workload *work, gcl_error *err);
void gcl_reference_free(gcl_reference *reference); /* NULL is fine */
/* Runs the choice once between guard words and looks at every element of its result. */
gcl_try gcl_reference_try(gcl_reference *reference, const gcl_choice *choice, double *us, char *why,
                          size_t why_size, gcl_error *err);
/* The time of the naive variant for all of it, extrapolated from what was computed. */
double gcl_reference_naive_us(const gcl_reference *reference);

#endif
