/* Checkpoints: every tensor of a training step in one safetensors file, in PyTorch's layout and
 * names, with what is needed to go on in its metadata.
 *
 *     gcl_checkpoint_facts facts = {.step = 500, .images = 8000, .seed = 1, .batch = 16,
 *                                   .model = "dcgan:small", .settings = "{...}"};
 *     gcl_checkpoint_save("checkpoints/step-0000500.safetensors", nn, store, &facts, &err);
 *
 *     gcl_safetensors *file = gcl_safetensors_open(path, &err);
 *     gcl_checkpoint_read_facts(file, &facts, &err);
 *     gcl_checkpoint_load(file, nn, store, GCL_LOAD_ALL, &err);
 *
 * The same state gives the same bytes: no times, no host names.
 * A folder of checkpoints has a text file `latest` that names the newest, and may have one, `best`, that
 * names the one that evaluations found best. */
#ifndef GCL_IO_CHECKPOINT_H
#define GCL_IO_CHECKPOINT_H

#include <stdint.h>

#include "io/safetensors.h"
#include "nn/nn.h"
#include "plan/store.h"

typedef struct gcl_checkpoint_facts {
    int64_t step;   /* updates made: the next step's number */
    int64_t images; /* pictures seen */
    uint64_t seed;
    int batch;
    const char *model;    /* "dcgan:small" */
    const char *settings; /* JSON object: every setting of the model */
} gcl_checkpoint_facts;

/* Writes the file atomically; waits for the device. Errors: GCL_DISK, GCL_DEVICE, GCL_MEMORY. */
int gcl_checkpoint_save(const char *path, const gcl_nn *nn, gcl_store *store,
                        const gcl_checkpoint_facts *facts, gcl_error *err);

/* The metadata; texts belong to `file`. Errors: GCL_DATA when it is no checkpoint of ours. */
int gcl_checkpoint_read_facts(const gcl_safetensors *file, gcl_checkpoint_facts *facts,
                              gcl_error *err);

typedef enum gcl_load {
    GCL_LOAD_ALL,     /* the file has exactly the tensors of `nn`: to go on with training */
    GCL_LOAD_WEIGHTS, /* parameters and buffers must be there, and nothing foreign; extras are taken if
                         they are; moments stay 0 */
    GCL_LOAD_PART     /* parameters and buffers must be there; what the store's plans do not use and
                         the rest of the file are ignored */
} gcl_load;

/* Puts the file's values into the variables of `store`, which a plan must have made. Checks every
 * name and shape before anything is written. Errors: GCL_DATA with file, tensor and shapes. */
int gcl_checkpoint_load(const gcl_safetensors *file, const gcl_nn *nn, gcl_store *store,
                        gcl_load what, gcl_error *err);

/* Fresh values of every tensor, a function of (seed, name). */
int gcl_checkpoint_initialise(const gcl_nn *nn, gcl_store *store, uint64_t seed, gcl_error *err);

/* The path of checkpoint `step` in `folder`; malloc'ed. */
char *gcl_checkpoint_path(const char *folder, int64_t step);
/* Makes `folder`/latest name that of `step`, then removes old ones: of the checkpoints that are not
 * the newest `keep`, only the first of each doubling of the step and the best one stay (0: all
 * stay). */
int gcl_checkpoint_publish(const char *folder, int64_t step, int keep, gcl_error *err);
/* The path of the newest checkpoint in `folder`: the one that `latest` names, or, if that is not
 * there, the one of the largest step. NULL without an error when there is none. malloc'ed. */
char *gcl_checkpoint_latest(const char *folder, gcl_error *err);
/* Makes `folder`/best name that of `step`; -1: none is the best. Errors: GCL_DISK. */
int gcl_checkpoint_mark_best(const char *folder, int64_t step, gcl_error *err);
/* The step of the checkpoint that `best` names; -1 without an error when there is none. */
int64_t gcl_checkpoint_best(const char *folder, gcl_error *err);
/* Removes the checkpoints of steps above `step`: a run that goes on from there makes them anew. */
void gcl_checkpoint_forget_after(const char *folder, int64_t step);

#endif
