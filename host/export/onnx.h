/* An ONNX model under construction: nodes, initialisers, inputs and outputs, and the file.
 *
 *     gcl_onnx *onnx = gcl_onnx_new("dcgan", &err);
 *     gcl_onnx_input(onnx, "z", (const int64_t[]){GCL_ONNX_N, 32}, 2, "32 numbers from N(0, 1)");
 *     gcl_onnx_floats(onnx, "G.dense.weight", dims, 2, values);
 *     gcl_onnx_node(onnx, "Gemm", "/G/dense/Gemm", (const char *[]){"z", "G.dense.weight"}, 2, "h");
 *     gcl_onnx_int(onnx, "transB", 1);                            of the last node
 *     gcl_onnx_output(onnx, "h", dims, 2, "features");
 *     gcl_onnx_write(onnx, "model.onnx", &err);
 *
 * Texts are copied. Operators are those of opset 17 (ONNX 1.12), which every runtime of the last years
 * knows. Nothing is checked here: who emits nodes knows their rules (export/lower.h). */
#ifndef GCL_EXPORT_ONNX_H
#define GCL_EXPORT_ONNX_H

#include <stdint.h>

#include "base/error.h"

enum { GCL_ONNX_OPSET = 17, GCL_ONNX_IR = 8 };
enum { GCL_ONNX_N = -1 };    /* a dimension: pictures, any number */
enum { GCL_ONNX_FLOAT = 1 }; /* the type, where an attribute names it */

typedef struct gcl_onnx gcl_onnx;

gcl_onnx *gcl_onnx_new(const char *name, const char *producer_version);
void gcl_onnx_free(gcl_onnx *onnx); /* NULL is fine */
/* What the model is, in prose; and entries of metadata_props. */
void gcl_onnx_describe(gcl_onnx *onnx, const char *text);
void gcl_onnx_meta(gcl_onnx *onnx, const char *key, const char *value);

/* Float tensors by name. dims: GCL_ONNX_N for the number of pictures; n_dims 0: a scalar. */
void gcl_onnx_input(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                    const char *doc);
void gcl_onnx_output(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                     const char *doc);
/* The shape of a result in between, for readers. */
void gcl_onnx_value(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims);
/* A fixed tensor. One that bears an input's name is what that is where it is not given. Returns the
 * memory for its elements, row-major, to be filled; NULL with GCL_MEMORY. */
float *gcl_onnx_floats(gcl_onnx *onnx, const char *name, const int64_t *dims, int n_dims,
                       gcl_error *err);
/* The name of a fixed vector of whole numbers (shapes, axes); equal ones are one tensor. */
const char *gcl_onnx_whole(gcl_onnx *onnx, const int64_t *numbers, int n);

/* Appends a node with one result. A name "" among `in` is an operand left out. */
void gcl_onnx_node(gcl_onnx *onnx, const char *op, const char *name, const char *const *in,
                   int n_in, const char *out);
/* Attributes of the node appended last. */
void gcl_onnx_int(gcl_onnx *onnx, const char *name, int64_t value);
void gcl_onnx_ints(gcl_onnx *onnx, const char *name, const int64_t *values, int n);
void gcl_onnx_float(gcl_onnx *onnx, const char *name, double value);
void gcl_onnx_text(gcl_onnx *onnx, const char *name, const char *value);

/* Whether a node, an input or an initialiser has the name already. */
int gcl_onnx_has(const gcl_onnx *onnx, const char *name);
/* Gives the result `from` of a node another name, wherever it stands. */
void gcl_onnx_rename(gcl_onnx *onnx, const char *from, const char *to);

/* Writes the file atomically. Errors: GCL_DISK; GCL_USAGE where it would be larger than the 2 GiB that
 * protocol buffers can have. */
int gcl_onnx_write(const gcl_onnx *onnx, const char *path, gcl_error *err);

#endif
