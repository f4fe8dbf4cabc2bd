/* Variables by name, and tables by content, in few large buffers. */
#include "plan/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"

enum { CHUNK_FLOATS = 4 << 20, ALIGN_FLOATS = 64 };

typedef struct variable {
    char *name;
    int buffer;
    uint64_t first;
    int64_t n;
} variable;

typedef struct table {
    uint8_t digest[GCL_SHA256_BYTES]; /* of its bytes */
    int buffer;
    uint64_t first;
} table;

struct gcl_store {
    gcl_device *dev;
    gcl_buffer **buffers;
    uint64_t *used, *sizes; /* floats */
    int n_buffers;
    variable *variables;
    int n_variables, cap_variables;
    table *tables;
    int n_tables, cap_tables;
};

gcl_store *gcl_store_new(gcl_device *dev)
{
    gcl_store *store = gcl_alloc(sizeof *store);
    store->dev = dev;
    return store;
}

void gcl_store_free(gcl_store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < store->n_buffers; i++)
        gcl_buffer_free(store->buffers[i]);
    for (int i = 0; i < store->n_variables; i++)
        free(store->variables[i].name);
    free(store->buffers);
    free(store->used);
    free(store->sizes);
    free(store->variables);
    free(store->tables);
    free(store);
}

static variable *find(const gcl_store *store, const char *name)
{
    for (int i = 0; i < store->n_variables; i++)
        if (strcmp(store->variables[i].name, name) == 0)
            return &store->variables[i];
    return NULL;
}

/* A buffer with room for n floats: small variables share, large ones have one of their own. */
static int buffer_for(gcl_store *store, uint64_t n, gcl_error *err)
{
    for (int i = 0; i < store->n_buffers; i++)
        if (store->sizes[i] - store->used[i] >= n)
            return i;
    uint64_t size = n > CHUNK_FLOATS / 4 ? n : CHUNK_FLOATS;
    gcl_buffer *buffer = gcl_buffer_new(store->dev, size * sizeof(float), "parameters", err);
    if (buffer == NULL)
        return -1;
    size_t k = (size_t)store->n_buffers + 1;
    store->buffers = gcl_realloc(store->buffers, k * sizeof *store->buffers);
    store->used = gcl_realloc(store->used, k * sizeof *store->used);
    store->sizes = gcl_realloc(store->sizes, k * sizeof *store->sizes);
    store->buffers[k - 1] = buffer;
    store->used[k - 1] = 0;
    store->sizes[k - 1] = size;
    return store->n_buffers++;
}

/* Takes room for n floats and writes them there: written, not only filled, so that what checks for
 * uninitialised reads sees where values come from. Returns the buffer's number or -1. */
static int put(gcl_store *store, const float *values, int64_t n, uint64_t *first, gcl_error *err)
{
    uint64_t room = ((uint64_t)n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
    int buffer = buffer_for(store, room, err);
    if (buffer < 0)
        return -1;
    *first = store->used[buffer];
    if (gcl_buffer_write(store->buffers[buffer], *first * sizeof *values, values,
                         (uint64_t)n * sizeof *values, err) != 0)
        return -1;
    store->used[buffer] += room;
    return buffer;
}

int gcl_store_need(gcl_store *store, const char *name, int64_t n, gcl_error *err)
{
    variable *v = find(store, name);
    if (v != NULL && v->n != n)
        return gcl_fail(err, GCL_FAILED, "variable %s has %lld elements, not %lld", name,
                        (long long)v->n, (long long)n);
    if (v != NULL)
        return 0;
    uint64_t first = 0;
    float *zeros = gcl_alloc((size_t)n * sizeof *zeros);
    int buffer = put(store, zeros, n, &first, err);
    free(zeros);
    if (buffer < 0)
        return -1;
    GCL_GROW(store->variables, store->n_variables, store->cap_variables);
    store->variables[store->n_variables++] = (variable){gcl_strdup(name), buffer, first, n};
    return 0;
}

gcl_buffer *gcl_store_table(gcl_store *store, const float *values, int64_t n, uint64_t *first,
                            gcl_error *err)
{
    table made;
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, values, (size_t)n * sizeof *values);
    gcl_sha256_end(&sum, made.digest);
    for (int i = 0; i < store->n_tables; i++)
        if (memcmp(store->tables[i].digest, made.digest, sizeof made.digest) == 0) {
            *first = store->tables[i].first;
            return store->buffers[store->tables[i].buffer];
        }
    if ((made.buffer = put(store, values, n, &made.first, err)) < 0)
        return NULL;
    GCL_GROW(store->tables, store->n_tables, store->cap_tables);
    store->tables[store->n_tables++] = made;
    *first = made.first;
    return store->buffers[made.buffer];
}

gcl_buffer *gcl_store_find(const gcl_store *store, const char *name, uint64_t *first, int64_t *n)
{
    const variable *v = find(store, name);
    if (v == NULL)
        return NULL;
    *first = v->first;
    if (n != NULL)
        *n = v->n;
    return store->buffers[v->buffer];
}

/* The variable if it has n elements. */
static const variable *exact(const gcl_store *store, const char *name, int64_t n, gcl_error *err)
{
    const variable *v = find(store, name);
    if (v == NULL)
        gcl_fail(err, GCL_FAILED, "there is no variable %s", name);
    else if (v->n != n)
        gcl_fail(err, GCL_FAILED, "variable %s has %lld elements, not %lld", name, (long long)v->n,
                 (long long)n);
    return v != NULL && v->n == n ? v : NULL;
}

int gcl_store_write(gcl_store *store, const char *name, const float *values, int64_t n,
                    gcl_error *err)
{
    const variable *v = exact(store, name, n, err);
    return v == NULL ? -1
                     : gcl_buffer_write(store->buffers[v->buffer], v->first * sizeof(float), values,
                                        (uint64_t)n * sizeof(float), err);
}

int gcl_store_read(gcl_store *store, const char *name, float *values, int64_t n, gcl_error *err)
{
    const variable *v = exact(store, name, n, err);
    return v == NULL ? -1
                     : gcl_buffer_read(store->buffers[v->buffer], v->first * sizeof(float), values,
                                       (uint64_t)n * sizeof(float), err);
}

int gcl_store_count(const gcl_store *store) { return store->n_variables; }

const char *gcl_store_name(const gcl_store *store, int i, int64_t *n)
{
    if (n != NULL)
        *n = store->variables[i].n;
    return store->variables[i].name;
}
