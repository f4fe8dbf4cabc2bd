/* Batches of a data set, made ahead of time by worker threads.
 *
 *     gcl_loader_options options = {.batch = 16, .threads = 2, .seed = 1, .shuffle = true};
 *     gcl_loader *loader = gcl_loader_new(dataset, &options, &err);
 *     while (...)
 *         gcl_loader_next(loader, fields, &err);            fields[0] [16, size, size, channels]
 *     gcl_loader_free(loader);
 *
 * Batch k is a pure function of (data set, seed, k, batch, shuffle, flip). It holds the positions
 * k * batch ... k * batch + batch - 1 of an endless sequence of epochs (so an epoch may end in the
 * middle of a batch). Position p of epoch e is item shuffle(seed, e, p); whether it is mirrored, where
 * it is cut and which bits are drawn from its brightness follow from (seed, e, p). An item that
 * cannot be read is replaced by the next readable one in the order of its epoch. Number of threads and timing change nothing, and a run that resumes
 * with first_step = k continues with exactly the bytes that it would have had. */
#ifndef GCL_DATASETS_LOADER_H
#define GCL_DATASETS_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "datasets/dataset.h"

typedef struct gcl_loader gcl_loader;

typedef struct gcl_loader_options {
    int batch;   /* items a batch */
    int threads; /* worker threads; 0: one */
    int ring;    /* finished batches kept ready; 0: four */
    uint64_t seed;
    bool shuffle;        /* a new order each epoch; false: the data set's own order */
    bool flip;           /* mirror every other item, at random */
    uint64_t first_step; /* the batch that the first gcl_loader_next gives */
} gcl_loader_options;

/* Starts the threads. Keeps `dataset`, which must outlive the loader; several loaders may share
 * one. Errors: GCL_USAGE (an option out of range), GCL_MEMORY. */
gcl_loader *gcl_loader_new(gcl_dataset *dataset, const gcl_loader_options *options, gcl_error *err);
void gcl_loader_free(gcl_loader *loader); /* ends the threads at once, however busy; NULL is fine */

/* Copies the next batch and waits for it if need be: field i of all items (datasets/dataset.h), one
 * behind the other, to fields[i] [batch, ...]. A field that is NULL is left out. Call it from one
 * thread at a time. Errors: GCL_DATA when no item at all can be read, GCL_MEMORY. */
int gcl_loader_next(gcl_loader *loader, void *const fields[2], gcl_error *err);

double gcl_loader_waited_seconds(const gcl_loader *loader); /* spent waiting in gcl_loader_next */
size_t gcl_loader_skipped(gcl_loader *loader); /* different items found unreadable so far */

/* The item at position p of epoch e: a permutation of 0 ... n - 1 that needs no table.
 * With a = ceil(sqrt(n)), b = ceil(n / a), a number l * b + r < a b goes through 8 rounds
 * l += f(r) mod a, r += f'(l) mod b (f: Philox of seed, epoch, round) and again until the result is
 * below n. */
size_t gcl_loader_shuffle(uint64_t seed, uint64_t epoch, size_t n, size_t p);

#endif
