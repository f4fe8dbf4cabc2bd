/* An exported network as a file: ONNX, or its weights as safetensors.
 *
 *     gcl_export_facts facts = {.model = "dcgan:standard", .step = 500, ...};
 *     gcl_export_onnx(&x, store, &facts, "model.onnx", &err);
 *     gcl_export_weights(&x, store, NULL, &facts, "model.safetensors", &err);
 *
 * `store` holds the weights that are exported. */
#ifndef GCL_EXPORT_MODEL_H
#define GCL_EXPORT_MODEL_H

#include "export/network.h"
#include "io/safetensors.h"
#include "plan/store.h"

/* What a file says of where it comes from. */
typedef struct gcl_export_facts {
    const char *version;  /* of ganocl */
    const char *model;    /* "dcgan:standard" */
    const char *settings; /* JSON object */
    int64_t step, images;
    double temperature; /* the usual one of generators */
    int readjusted;     /* batches that readjusted the statistics of batch norm */
} gcl_export_facts;

/* Makes room in the store for the variables that x takes, so that weights can be loaded. Errors:
 * GCL_MEMORY. */
int gcl_export_need(const gcl_network_export *x, gcl_store *store, gcl_error *err);

/* Every input and output is named as in the graph, [N,C,H,W] or [N,C], N free. Latents that the network
 * takes in groups are an input each: z.0, z.1, ... Where the system samples at a temperature of its own,
 * that is an input that need not be given. Errors: GCL_USAGE (an operation without a form in ONNX; more
 * than 2 GiB), GCL_DEVICE, GCL_MEMORY, GCL_DISK. */
int gcl_export_onnx(const gcl_network_export *x, gcl_store *store, const gcl_export_facts *facts,
                    const char *path, gcl_error *err);

/* The tensors that x takes, under their checkpoint names (averages under those of what they are averages
 * of) and in PyTorch's layout. With a checkpoint: all parameters and running statistics of the model, those
 * that x does not take being the checkpoint's. Errors: GCL_DATA, GCL_DEVICE, GCL_MEMORY, GCL_DISK. */
int gcl_export_weights(const gcl_network_export *x, gcl_store *store, const gcl_safetensors *all,
                       const gcl_export_facts *facts, const char *path, gcl_error *err);

#endif
