/* Conformance: a recorded run of the reference, done again on a device and compared.
 *
 *     gcl_conform report;
 *     gcl_conform_run(dev, "tests/golden/dcgan-tiny-bn", &report, &err);
 *     report.part[GCL_CONFORM_LOSSES].worst <= 1             within what is allowed
 *     gcl_conform_free(&report);
 *
 * The folder holds meta.json, weights, replay, forward, grads, final (.safetensors), losses.jsonl and
 * tolerance.json, which tells how far float32 runs of the reference drifted from its float64 run.
 * Allowed is 10 times that and 1e-6 relative; 30 times for later steps and final tensors where it
 * exceeds 1e-3, since a run that crossed a kink of a LeakyReLU follows another path. */
#ifndef GCL_TRAIN_CONFORM_H
#define GCL_TRAIN_CONFORM_H

#include "base/sha256.h"
#include "device/device.h"

typedef enum gcl_conform_kind {
    GCL_CONFORM_FORWARD,   /* each network, train and eval mode, and its buffers afterwards */
    GCL_CONFORM_GRADIENTS, /* of step 0 */
    GCL_CONFORM_LOSSES,    /* of every step */
    GCL_CONFORM_FINAL,     /* parameters and buffers after the last step */
    GCL_CONFORM_KINDS
} gcl_conform_kind;

typedef struct gcl_conform_part {
    int compared;
    double worst;     /* deviation over what is allowed; at most 1 is good */
    double deviation; /* that deviation: relative (L2) for tensors, absolute for losses */
    char what[160];   /* of what */
} gcl_conform_part;

/* A loss as this device computed it: what other devices are compared with. */
typedef struct gcl_conform_loss {
    char name[24];
    float *values; /* of each step */
} gcl_conform_loss;

typedef struct gcl_conform {
    gcl_conform_part part[GCL_CONFORM_KINDS];
    int64_t n_steps;
    int n_losses;
    gcl_conform_loss *losses;
    uint8_t digest[GCL_SHA256_BYTES]; /* of all losses and final tensors, bit for bit */
} gcl_conform;

const char *gcl_conform_name(gcl_conform_kind kind); /* "forward" */
/* 1 when something was compared and all of it is good. */
int gcl_conform_good(const gcl_conform *report);
/* Free the report in any case. Errors: GCL_DATA (a file is missing or does not fit), GCL_DEVICE,
 * GCL_MEMORY. */
int gcl_conform_run(gcl_device *dev, const char *folder, gcl_conform *report, gcl_error *err);
void gcl_conform_free(gcl_conform *report);

#endif
