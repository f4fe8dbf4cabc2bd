/* The store: device storage of variables, known by name and shared by every plan of a run (the
 * training step and the sampling plan see the same weights).
 *
 *     gcl_store *store = gcl_store_new(dev);
 *     ...plans allocate what their graphs' variables name...
 *     gcl_store_write(store, "G.parameters", values, n, &err);
 *
 * Variables are packed into few large buffers, each start aligned to 64 floats; fresh ones are 0. */
#ifndef GCL_PLAN_STORE_H
#define GCL_PLAN_STORE_H

#include "device/device.h"

typedef struct gcl_store gcl_store;

gcl_store *gcl_store_new(gcl_device *dev); /* the device must outlive it */
void gcl_store_free(gcl_store *store);
/* Finds or makes a variable of n floats. A different n than before is an error. */
int gcl_store_need(gcl_store *store, const char *name, int64_t n, gcl_error *err);
/* Where it lies: buffer and first element. NULL if there is no such variable. */
gcl_buffer *gcl_store_find(const gcl_store *store, const char *name, uint64_t *first, int64_t *n);
int gcl_store_write(gcl_store *store, const char *name, const float *values, int64_t n,
                    gcl_error *err);
int gcl_store_read(gcl_store *store, const char *name, float *values, int64_t n, gcl_error *err);
/* Where n fixed numbers lie (a graph's table): written at the first call, shared by whoever asks for
 * the same ones. Not among the variables. NULL if the device has no room. */
gcl_buffer *gcl_store_table(gcl_store *store, const float *values, int64_t n, uint64_t *first,
                            gcl_error *err);
int gcl_store_count(const gcl_store *store);
const char *gcl_store_name(const gcl_store *store, int i, int64_t *n); /* in order of creation */

#endif
