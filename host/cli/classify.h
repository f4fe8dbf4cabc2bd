/* What a classifier says of a data set: for the commands classify and evaluate. */
#ifndef GCL_CLI_CLASSIFY_H
#define GCL_CLI_CLASSIFY_H

#include <jansson.h>

#include "cli/trained.h"
#include "train/accuracy.h"

typedef struct gcl_verdicts {
    gcl_verdict *of;
    size_t n;
    int classes;
    json_t *names; /* of the classes as trained, an array; or NULL */
} gcl_verdicts;

/* t has been opened; builds the use, opens the data (with labels where there are some) and runs. */
int gcl_classify_data(gcl_trained *t, const char *run, const char *data, gcl_verdicts *verdicts,
                      gcl_error *err);
void gcl_verdicts_free(gcl_verdicts *verdicts);
gcl_accuracy gcl_accuracy_of(const gcl_verdicts *verdicts);

#endif
