/* What of a model is exported, as a graph of one picture.
 *
 *     gcl_network_export x;
 *     if (gcl_network_export_build(&x, &model, NULL, &err) == 0) ...    the model as it is used
 *     gcl_network_export_free(&x);                                      also after a failure
 *
 * As it is used: pictures from latents, pictures from pictures, or classes of pictures, whichever of these
 * the model does first, exactly as the commands sample, translate and classify do it: averaged weights where
 * there are such, batch statistics and dropout where it translates with them. Or one of its passes by name, as
 * `ganocl forward` runs it. Random draws are inputs. */
#ifndef GCL_EXPORT_NETWORK_H
#define GCL_EXPORT_NETWORK_H

#include "models/model.h"

typedef struct gcl_network_export {
    const gcl_model *model;
    gcl_graph *graph;
    gcl_nn *nn;
    const char *what;  /* "generator", "translator", "classifier", or the pass's name */
    int task;          /* gcl_task; -1: a pass */
    int averaged;      /* weights are averages over steps */
    gcl_node *latents; /* the input of a generator; else NULL */
    int n_outputs;
    gcl_node *outputs[GCL_MAX_PORTS];
    const char *output_names[GCL_MAX_PORTS];
    gcl_ports ports; /* of a pass */
} gcl_network_export;

/* network: NULL, or one of the system's passes. Results of a pass that are not one a picture (statistics of
 * a batch) are left out. Errors: GCL_USAGE (no such pass, the graph's first mistake). */
int gcl_network_export_build(gcl_network_export *x, const gcl_model *model, const char *network,
                             gcl_error *err);
void gcl_network_export_free(gcl_network_export *x);

/* What goes into an input, what comes out, in prose; into `text`. */
void gcl_network_export_input_doc(const gcl_network_export *x, const gcl_node *input, char *text,
                                  size_t size);
void gcl_network_export_output_doc(const gcl_network_export *x, int output, char *text,
                                   size_t size);

#endif
