/* Tensors in memory (channels last) and in files (PyTorch's order). */
#include <string.h>

#include "nn/internal.h"

int64_t gcl_tensor_count(const gcl_tensor *tensor) { return gcl_shape_count(tensor->shape); }

/* The bias of LINEAR_TO is [1,H,W,C] in memory; its weight is [1,1,in,H*W*C]. */
static int is_bias(const gcl_tensor *t)
{
    return t->shape.d[3] == t->flat[0] && t->shape.d[1] * t->shape.d[2] == t->flat[1] * t->flat[2];
}

/* ---- dimensions of the file ---- */

static void set(gcl_tensor *t, int n, int a, int b, int c, int d)
{
    t->n_dims = n;
    memcpy(t->dims, (int[4]){a, b, c, d}, sizeof t->dims);
}

void gcl_tensor_set_dims(gcl_tensor *t)
{
    const int *d = t->shape.d;
    switch (t->layout) {
    case GCL_LAYOUT_VECTOR: set(t, 1, d[3], 1, 1, 1); break;
    case GCL_LAYOUT_CONV:
    case GCL_LAYOUT_CONV_TRANSPOSE: set(t, 4, d[3], d[2], d[0], d[1]); break;
    case GCL_LAYOUT_LINEAR:
    case GCL_LAYOUT_LINEAR_FROM: set(t, 2, d[3], d[2], 1, 1); break;
    case GCL_LAYOUT_LINEAR_TO:
        if (is_bias(t))
            set(t, 1, (int)gcl_tensor_count(t), 1, 1, 1);
        else
            set(t, 2, d[3], d[2], 1, 1);
        break;
    case GCL_LAYOUT_IMAGE:
        if (d[0] == 1)
            set(t, 3, d[3], d[1], d[2], 1);
        else
            set(t, 4, d[0], d[3], d[1], d[2]);
        break;
    case GCL_LAYOUT_FILTER_VECTOR: set(t, 1, (int)gcl_tensor_count(t), 1, 1, 1); break;
    }
}

/* ---- reordering ---- */

/* Both orders of a tensor as walks over the same four extents: element (i0,i1,i2,i3) of the memory
 * order lies at i0*step[0] + ... + i3*step[3] in the file. */
typedef struct walk {
    int64_t extent[4], step[4];
} walk;

static walk walk_of(const gcl_tensor *t)
{
    int64_t d[4];
    for (int i = 0; i < 4; i++)
        d[i] = t->shape.d[i];
    int64_t c = t->flat[0], area = (int64_t)t->flat[1] * t->flat[2];
    switch (t->layout) {
    case GCL_LAYOUT_CONV: /* [R,S,C,K] -> [K,C,R,S] */
    case GCL_LAYOUT_CONV_TRANSPOSE:
    case GCL_LAYOUT_FILTER_VECTOR: /* [R,S,C,1] -> [C,R,S] */
        return (walk){{d[0], d[1], d[2], d[3]}, {d[1], 1, d[0] * d[1], d[2] * d[0] * d[1]}};
    case GCL_LAYOUT_LINEAR: /* [in,out] -> [out,in] */
        return (walk){{1, 1, d[2], d[3]}, {0, 0, 1, d[2]}};
    case GCL_LAYOUT_LINEAR_FROM: /* [H*W,C,out] -> [out,C,H*W] */
        return (walk){{1, area, c, d[3]}, {0, 1, area, c * area}};
    case GCL_LAYOUT_LINEAR_TO: /* [in,H*W,C] -> [C,H*W,in] */
        if (!is_bias(t))
            return (walk){{1, d[2], area, c}, {0, 1, d[2], area * d[2]}};
        return (walk){{1, 1, area, c}, {0, 0, 1, area}};
    case GCL_LAYOUT_IMAGE: /* [N,H,W,C] -> [N,C,H,W] */
        return (walk){{d[0], d[1], d[2], d[3]}, {d[3] * d[1] * d[2], d[2], 1, d[1] * d[2]}};
    case GCL_LAYOUT_VECTOR: break;
    }
    return (walk){{1, 1, 1, gcl_tensor_count(t)}, {0, 0, 0, 1}};
}

/* Calls for every element in memory order: *memory++ and the file's element at its place. */
#define WALK(tensor, statement)                                                                    \
    do {                                                                                           \
        walk w = walk_of(tensor);                                                                  \
        for (int64_t i0 = 0; i0 < w.extent[0]; i0++)                                               \
            for (int64_t i1 = 0; i1 < w.extent[1]; i1++)                                           \
                for (int64_t i2 = 0; i2 < w.extent[2]; i2++) {                                     \
                    int64_t row = i0 * w.step[0] + i1 * w.step[1] + i2 * w.step[2];                \
                    for (int64_t i3 = 0; i3 < w.extent[3]; i3++) {                                 \
                        int64_t at = row + i3 * w.step[3];                                         \
                        statement;                                                                 \
                    }                                                                              \
                }                                                                                  \
    } while (0)

void gcl_tensor_to_file(const gcl_tensor *tensor, const float *memory, float *file)
{
    WALK(tensor, file[at] = *memory++);
}

void gcl_tensor_from_file(const gcl_tensor *tensor, const float *file, float *memory)
{
    WALK(tensor, *memory++ = file[at]);
}
