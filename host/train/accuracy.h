/* What a classifier says of a picture, and how often it is right.
 *
 *     gcl_verdict v = {.label = 3};
 *     gcl_verdict_judge(&v, scores, classes);                 v.top[0] == 3: it is right
 *     gcl_accuracy_add(&sum, &v);
 *     gcl_accuracy mean = gcl_accuracy_mean(&sum); */
#ifndef GCL_TRAIN_ACCURACY_H
#define GCL_TRAIN_ACCURACY_H

#include <stddef.h>

enum { GCL_TOP = 5 };

typedef struct gcl_verdict {
    size_t index;     /* of the item */
    int label;        /* its class in the model's numbering; -1: not known */
    int top[GCL_TOP]; /* likeliest classes, the likeliest first; -1 where there are fewer */
    double probability[GCL_TOP];
    double cross_entropy; /* -log of the label's probability, in nats */
} gcl_verdict;

typedef struct gcl_accuracy {
    size_t labelled;
    double top1, top5, cross_entropy; /* shares; mean in nats; 0 without labels */
} gcl_accuracy;

/* Fills all but `index` and `label`: the softmax of the scores, its largest few, and what it gives to
 * the label. */
void gcl_verdict_judge(gcl_verdict *v, const float *scores, int classes);
/* Adds a verdict to the sums; one without a label counts for nothing. */
void gcl_accuracy_add(gcl_accuracy *sum, const gcl_verdict *v);
gcl_accuracy gcl_accuracy_mean(const gcl_accuracy *sum);

#endif
