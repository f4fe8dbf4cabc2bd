/* README.md of an exported folder: what the model is, what it was trained on and how far, how to use it.
 *
 *     gcl_card card = {.x = &x, .facts = &facts, .config = &config, .folder = "runs/00001-x", ...};
 *     char *text = gcl_card_text(&card);                                    free() it */
#ifndef GCL_EXPORT_CARD_H
#define GCL_EXPORT_CARD_H

#include "export/model.h"
#include "train/config.h"

typedef struct gcl_card {
    const gcl_network_export *x;
    const gcl_export_facts *facts;
    const gcl_config *config;
    const char *folder; /* of the run; NULL: there is none */
    const char *file;   /* "model.onnx" */
    const char *sample; /* what sample.png shows; NULL: there is none */
} gcl_card;

char *gcl_card_text(const gcl_card *card);

#endif
