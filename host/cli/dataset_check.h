/* What `ganocl dataset check` found (dataset_check.c), and how it is told (dataset_check_report.c). */
#ifndef GCL_CLI_DATASET_CHECK_H
#define GCL_CLI_DATASET_CHECK_H

#include "base/sha256.h"
#include "datasets/dataset.h"

/* What is wrong with an item; the lists are in this order. */
typedef enum gcl_fault {
    GCL_FAULT_NONE,
    GCL_FAULT_BAD,  /* cannot be decoded */
    GCL_FAULT_TINY, /* a side below GCL_TINY_SIDE */
    GCL_FAULT_ODD,  /* longer than 3 to 1, or not of the size that 9 in 10 have */
    GCL_FAULTS
} gcl_fault;

enum { GCL_TINY_SIDE = 16 };

typedef struct gcl_finding {
    int width, height; /* of the first picture; 0: unreadable */
    gcl_fault fault;
    char *reason; /* of the fault */
    gcl_fate fate;
    uint8_t digest[GCL_SHA256_BYTES]; /* of what was decoded */
    size_t same_as;                   /* the first item with the same pictures; often itself */
} gcl_finding;

typedef struct gcl_size_count {
    int width, height;
    size_t count;
} gcl_size_count;

typedef struct gcl_check {
    gcl_dataset *dataset;
    size_t n, n_of[GCL_FAULTS], n_fate[GCL_FATES], n_duplicates;
    gcl_finding *findings;
    gcl_size_count *sizes; /* most frequent first */
    size_t n_sizes;
    double seconds;
} gcl_check;

void gcl_check_print(const gcl_check *check);
void gcl_check_print_json(const gcl_check *check);

#endif
