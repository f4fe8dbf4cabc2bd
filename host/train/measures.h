/* The measuring part of an evaluation: plans are made over the variables of a store, which training
 * may own, and are gone again afterwards. What every measure is: metrics.h.
 *
 * Nothing that training reads is changed: networks run without updating running statistics, and those
 * that a sampler readjusts are given back. */
#ifndef GCL_TRAIN_MEASURES_H
#define GCL_TRAIN_MEASURES_H

#include "base/live.h"
#include "models/model.h"
#include "plan/store.h"
#include "train/journal.h"
#include "train/scores.h"

/* Items of a data set, n to a field, as gcl_dataset_read gives them. */
typedef struct gcl_items {
    int n;
    uint8_t *fields[2];
    size_t bytes[2]; /* of an item */
} gcl_items;

/* A label that the model has no class for. */
#define GCL_NO_LABEL UINT32_MAX

typedef struct gcl_measuring {
    gcl_device *dev;
    gcl_store *store;
    const gcl_model *model;
    uint64_t seed;
    int batch;            /* a power of two that divides every n; halved where memory is short */
    gcl_items items;      /* that are measured with */
    gcl_items training;   /* that were trained with and are judged too; n 0: none */
    double pairwise_ssim; /* of `items`; NAN until it is known */
    gcl_stop stop;
    gcl_activity *activity; /* that shows how far it is: gcl_measure's own */
} gcl_measuring;

enum { GCL_MEASURED = 8 };
typedef struct gcl_measured {
    int n;
    gcl_named_value values[GCL_MEASURED]; /* names of metrics.h */
} gcl_measured;

/* Measures what metrics.h lists for the model. Returns 0, or 1 when it was stopped: then nothing is
 * known. Errors: GCL_DEVICE, GCL_MEMORY, GCL_USAGE (pictures are too small for a measure). */
int gcl_measure(gcl_measuring *m, gcl_measured *out, gcl_error *err);

/* Numbers a picture has: what bits/dim are per. MNIST's border of zeros counts like the rest; 28 x 28 of
 * it are in the likelihood when it is cropped. */
double gcl_model_dimensions(const gcl_model *model);
/* The middle h x w of a picture [side,side,c]. */
void gcl_picture_middle(const uint8_t *from, int side, int h, int w, int c, uint8_t *to);

#endif
