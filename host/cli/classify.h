/* What a classifier says of a data set: for the commands classify and evaluate. */
#ifndef GCL_CLI_CLASSIFY_H
#define GCL_CLI_CLASSIFY_H

#include <jansson.h>

#include "cli/trained.h"

enum { GCL_TOP = 5 };

typedef struct gcl_verdict {
    size_t index;     /* of the item */
    int label;        /* its class in the model's numbering; -1: not known */
    int top[GCL_TOP]; /* likeliest classes, the likeliest first; -1 where there are fewer */
    double probability[GCL_TOP];
    double cross_entropy; /* -log of the label's probability, in nats */
} gcl_verdict;

typedef struct gcl_verdicts {
    gcl_verdict *of;
    size_t n;
    int classes;
    json_t *names; /* of the classes as trained, an array; or NULL */
} gcl_verdicts;

typedef struct gcl_accuracy {
    size_t labelled;
    double top1, top5, cross_entropy; /* shares; mean in nats; 0 without labels */
} gcl_accuracy;

/* t has been opened; builds the use, opens the data (with labels where there are some) and runs. */
int gcl_classify_data(gcl_trained *t, const char *run, const char *data, gcl_verdicts *verdicts,
                      gcl_error *err);
void gcl_verdicts_free(gcl_verdicts *verdicts);
gcl_accuracy gcl_accuracy_of(const gcl_verdicts *verdicts);
/* The name of a class: as trained, else of the data set, else its number; in one static text. */
const char *gcl_class_text(const gcl_trained *t, const gcl_verdicts *verdicts, int k);

#endif
