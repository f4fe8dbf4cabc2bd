/* safetensors files: named tensors in one file, readable by every framework.
 *
 *     gcl_safetensors *file = gcl_safetensors_open("weights.safetensors", &err);
 *     const gcl_entry *w = gcl_safetensors_find(file, "G.dense.weight");
 *     gcl_entry_floats(w, values);                             w->count of them
 *     gcl_safetensors_close(file);
 *
 *     gcl_writer *out = gcl_writer_new();
 *     gcl_writer_meta(out, "step", "500");
 *     gcl_writer_declare(out, "G.dense.weight", GCL_FILE_F32, dims, 2);   all of them first
 *     gcl_writer_begin(out, "w.safetensors", &err);
 *     gcl_writer_data(out, values, bytes, &err);               each tensor, in that order
 *     gcl_writer_commit(out, &err);
 *
 * Layout: u64 length of the header, the header in JSON {name: {dtype, shape, data_offsets}}, then
 * the data, row-major, everything little-endian. A file is refused unless the tensors cover its
 * data exactly, each once. */
#ifndef GCL_IO_SAFETENSORS_H
#define GCL_IO_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum gcl_file_dtype {
    GCL_FILE_F32,
    GCL_FILE_F64,
    GCL_FILE_I32,
    GCL_FILE_I64,
    GCL_FILE_U8
} gcl_file_dtype;

enum { GCL_FILE_DIMS = 8 };

/* One tensor of an open file. `data` points into the file's memory and may be unaligned: copy. */
typedef struct gcl_entry {
    const char *name;
    gcl_file_dtype dtype;
    int n_dims;
    int64_t dims[GCL_FILE_DIMS];
    int64_t count; /* elements: the product of dims; 1 without dims */
    const uint8_t *data;
    size_t bytes;
} gcl_entry;

typedef struct gcl_safetensors gcl_safetensors;

/* Maps the file and checks all of it but the values. Errors: GCL_DATA with file and tensor. */
gcl_safetensors *gcl_safetensors_open(const char *path, gcl_error *err);
void gcl_safetensors_close(gcl_safetensors *file); /* NULL is fine; ends all entries */
const char *gcl_safetensors_path(const gcl_safetensors *file);
int gcl_safetensors_count(const gcl_safetensors *file);
const gcl_entry *gcl_safetensors_at(const gcl_safetensors *file, int i); /* in the data's order */
const gcl_entry *gcl_safetensors_find(const gcl_safetensors *file, const char *name); /* or NULL */
/* The string of __metadata__ under `key`, or NULL. */
const char *gcl_safetensors_meta(const gcl_safetensors *file, const char *key);

/* The elements as floats, whatever the type (integers and doubles are rounded). */
void gcl_entry_floats(const gcl_entry *entry, float *values);
const char *gcl_file_dtype_name(gcl_file_dtype dtype); /* "F32" */
/* "[64,3,5,5]" into one of a few static buffers: for messages. */
const char *gcl_dims_text(const int64_t *dims, int n_dims);

typedef struct gcl_writer gcl_writer;

gcl_writer *gcl_writer_new(void);
void gcl_writer_meta(gcl_writer *writer, const char *key, const char *value);
/* Names must differ; that is the caller's care and checked by gcl_writer_begin. */
void gcl_writer_declare(gcl_writer *writer, const char *name, gcl_file_dtype dtype,
                        const int64_t *dims, int n_dims);
/* Opens the temporary and writes the header. Errors: GCL_DISK, GCL_FAILED (a name twice). */
int gcl_writer_begin(gcl_writer *writer, const char *path, gcl_error *err);
/* The next `bytes` bytes of data. Errors: GCL_DISK. */
int gcl_writer_data(gcl_writer *writer, const void *data, size_t bytes, gcl_error *err);
/* Makes it the file (atomic, synced) and frees the writer, also when it fails. Errors: GCL_DISK;
 * GCL_FAILED when not exactly the declared data was given. */
int gcl_writer_commit(gcl_writer *writer, gcl_error *err);
void gcl_writer_abandon(gcl_writer *writer); /* without a trace; NULL is fine */

#endif
