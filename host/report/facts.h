/* What a run's folder says of the run beside its log and its pictures: options.json with the meaning
 * and the usual value of each setting, the tuner's choices, checkpoints, names of classes, scores.
 *
 *     gcl_facts facts;
 *     gcl_facts_read(&facts, "runs/x");
 *     gcl_facts_json(&facts, &text);
 *     gcl_facts_free(&facts);
 *
 * Whatever is missing or damaged is left out: a report is made of what there is. */
#ifndef GCL_REPORT_FACTS_H
#define GCL_REPORT_FACTS_H

#include <jansson.h>

#include "train/config.h"

typedef struct gcl_facts {
    const char *folder;
    json_t *options; /* options.json as it is, or NULL */
    gcl_config config;
    int understood; /* config says what options.json says */
    int can[GCL_TASKS];
} gcl_facts;

void gcl_facts_read(gcl_facts *facts, const char *folder); /* keeps `folder` */
void gcl_facts_free(gcl_facts *facts);
/* 1: pictures come out as large as they go in, or it is not known. */
int gcl_facts_padded(const gcl_facts *facts);
/* {"name", "folder", "options": {KEY: text or number} or null, "help": {"system", "preset"} or null,
 *  "can": ["generate", ..], "made_on": {..}, "settings": [{"key", "value", "usual", "help"}],
 *  "choices": [{..}], "n_choices", "checkpoints": [{"step", "bytes"}], "n_checkpoints",
 *  "best": 300 or left out,
 *  "classes": [..], "n_classes", "scores": [["negative_elbo.nats", 88.7], ..]} */
void gcl_facts_json(const gcl_facts *facts, gcl_text *out);

#endif
