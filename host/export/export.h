/* A trained model for other programs: as one file, or as a folder that explains itself.
 *
 *     gcl_export_request r = {.format = GCL_EXPORT_ONNX, .run = "runs/00001-x", .out = "made", ...};
 *     gcl_export_run(&r, dev, &config, checkpoint, &facts, &err);
 *
 * The folder holds model.onnx or model.safetensors, README.md (what it is, how to load it), options.json (the
 * settings: `ganocl train --config`), and sample.png where there are pictures: a generator's own, else the
 * newest sheet of the run. It appears whole or not at all. */
#ifndef GCL_EXPORT_EXPORT_H
#define GCL_EXPORT_EXPORT_H

#include "device/device.h"
#include "io/checkpoint.h"
#include "train/config.h"

typedef enum gcl_export_format { GCL_EXPORT_ONNX, GCL_EXPORT_SAFETENSORS } gcl_export_format;
extern const char *const gcl_export_formats[]; /* "onnx", "safetensors", NULL */

typedef struct gcl_export_request {
    gcl_export_format format;
    const char *run;     /* as the person named it: run folder or checkpoint */
    const char *out;     /* a file where it ends in the format's name, else a folder */
    const char *network; /* NULL: the model as it is used; see export/network.h */
    int all;             /* safetensors: of all networks */
    double temperature;  /* 0: the usual one */
    int passes;          /* that readjust running statistics; GCL_USUAL_PASSES */
    const char *version; /* of ganocl */
} gcl_export_request;

/* `config` and `facts` are the checkpoint's. Errors: GCL_USAGE (the folder is not empty; what cannot be
 * exported), GCL_DATA, GCL_DEVICE, GCL_MEMORY, GCL_DISK. */
int gcl_export_run(const gcl_export_request *r, gcl_device *dev, gcl_config *config,
                   const gcl_safetensors *checkpoint, const gcl_checkpoint_facts *facts,
                   gcl_error *err);

#endif
