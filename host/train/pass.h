/* One pass of a model alone on a device, on tensors of a file: forward and conformance.
 *
 *     gcl_pass pass;
 *     gcl_pass_build(&pass, dev, &model, "G", 2, 0, 0, &err);
 *     gcl_checkpoint_load(weights, pass.nn, pass.store, GCL_LOAD_PART, &err);
 *     gcl_pass_input(&pass, i, entry, &err);              each of pass.ports.in
 *     gcl_plan_run(pass.plan, &err);
 *     gcl_pass_output(&pass, i, values, &err);             in the file's order [N,C,H,W]
 *     gcl_pass_free(&pass);                                */
#ifndef GCL_TRAIN_PASS_H
#define GCL_TRAIN_PASS_H

#include "io/safetensors.h"
#include "models/model.h"
#include "plan/plan.h"

typedef struct gcl_pass {
    gcl_graph *graph;
    gcl_nn *nn;
    gcl_ports ports;
    gcl_store *store;
    gcl_plan *plan;
} gcl_pass;

/* `name`: one of the system's passes. `replay`: random draws are inputs. On failure nothing is left.
 * Errors: GCL_USAGE (the graph's first mistake), GCL_DEVICE, GCL_MEMORY. */
int gcl_pass_build(gcl_pass *pass, gcl_device *dev, const gcl_model *model, const char *name,
                   int count, int training, int replay, gcl_error *err);
/* The graph only: names and shapes of the ports, the tensors of the networks. */
int gcl_pass_graph(gcl_pass *pass, const gcl_model *model, const char *name, int count,
                   int training, int replay, gcl_error *err);
void gcl_pass_free(gcl_pass *pass);

/* The file's tensor for input i: "NAME" or "in.NAME"; NULL if it has neither. */
const gcl_entry *gcl_pass_find(const gcl_pass *pass, int i, const gcl_safetensors *file);
/* Puts a tensor ([N,C,H,W], or flattened from that) into the staging memory of the plan's next run.
 * Errors: GCL_DATA (another number of elements), GCL_DEVICE. */
int gcl_pass_input(gcl_pass *pass, int i, const gcl_entry *entry, gcl_error *err);
/* Output i of the last run in the file's order. */
int gcl_pass_output(gcl_pass *pass, int i, float *values, gcl_error *err);

#endif
