/* Convolutions, transposed and depthwise ones, dense layers.
 *
 * A matrix product of the graph is a dense layer (its weight's layout in files says so), a convolution of one
 * tap, or one whose filter covers all of its input or, transposed, makes all of its output: see ops/conv.c. */
#include <string.h>

#include "export/lower.h"
#include "ops/ops.h"

/* ---- the bias behind ------------------------------------------------------------------------------ */

static int is_bias(const gcl_lowering *e, const gcl_node *node, int64_t channels)
{
    return gcl_lower_is_constant(e, node) && gcl_shape_count(node->shape) == channels &&
           node->shape.d[3] == channels;
}

/* The addition of a constant to `node`, perhaps of the image that it is the flattened form of; NULL if
 * what comes next is anything else. */
static const gcl_node *addition(const gcl_lowering *e, const gcl_node *node, gcl_shape as,
                                const gcl_node **bias)
{
    const gcl_node *user = gcl_lower_sole_user(e, node), *from = node;
    if (user != NULL && user->op == &gcl_op_view && gcl_shape_equal(user->shape, as)) {
        from = user;
        user = gcl_lower_sole_user(e, user);
    }
    if (user == NULL || !gcl_lower_is(user, "add") || !gcl_shape_equal(user->shape, from->shape))
        return NULL;
    *bias = user->in[0] == from ? user->in[1] : user->in[0];
    return user;
}

/* The bias of a result `as`, [C], and the node that is then computed; NULL and `node` without one. */
static const char *take_bias(gcl_lowering *e, const gcl_node *node, gcl_shape as,
                             const gcl_node **last)
{
    const gcl_node *bias, *sum = addition(e, node, as, &bias);
    *last = node;
    if (sum == NULL || !is_bias(e, bias, as.d[3]))
        return NULL;
    *last = sum;
    return gcl_lower_constant(e, bias, GCL_CONSTANT_VECTOR);
}

/* The same of a dense layer that makes an image: as many numbers as the image has, flattened. */
static const char *take_image_bias(gcl_lowering *e, const gcl_node *node, gcl_shape as,
                                   const gcl_node **last)
{
    const gcl_node *bias, *sum = addition(e, node, as, &bias);
    *last = node;
    if (sum == NULL || !gcl_lower_is_constant(e, bias) || !gcl_shape_equal(bias->shape, as) ||
        gcl_constants_tensor(e->constants, bias) == NULL)
        return NULL;
    *last = sum;
    return gcl_lower_constant(e, bias, GCL_CONSTANT_FILE);
}

/* All nodes from `node` to `last`, which is computed with it, have this result. */
static void set_all(gcl_lowering *e, const gcl_node *node, const gcl_node *last, const char *name,
                    gcl_form form, gcl_shape as)
{
    gcl_lowered_set_as(e, node, name, form, as);
    while (node != last) {
        node = gcl_lower_sole_user(e, node);
        gcl_lowered_set_as(e, node, name, form, as);
    }
}

/* ---- convolutions --------------------------------------------------------------------------------- */

/* Geometry as ONNX has it, equal on all sides. */
typedef struct window {
    int r, s, stride, pad_h, pad_w, groups;
    int out_pad_h, out_pad_w; /* of transposed ones */
} window;

static void set_window(gcl_lowering *e, const window *w)
{
    gcl_onnx_ints(e->onnx, "kernel_shape", (const int64_t[]){w->r, w->s}, 2);
    gcl_onnx_ints(e->onnx, "strides", (const int64_t[]){w->stride, w->stride}, 2);
    gcl_onnx_ints(e->onnx, "pads", (const int64_t[]){w->pad_h, w->pad_w, w->pad_h, w->pad_w}, 4);
    gcl_onnx_int(e->onnx, "group", w->groups);
    if (w->out_pad_h > 0 || w->out_pad_w > 0)
        gcl_onnx_ints(e->onnx, "output_padding", (const int64_t[]){w->out_pad_h, w->out_pad_w}, 2);
}

/* Conv or ConvTranspose of the image x by a filter, into an image `as`. */
static void convolve(gcl_lowering *e, const gcl_node *node, const char *op, const char *x,
                     const gcl_node *filter, const window *w, gcl_shape as)
{
    const gcl_node *last;
    const char *bias = take_bias(e, node, as, &last);
    const char *in[3] = {x, gcl_lower_constant(e, filter, GCL_CONSTANT_FILE), bias};
    const char *name = gcl_lower(e, node, op, in, bias != NULL ? 3 : 2, as, GCL_IMAGE);
    if (e->err->code != 0)
        return;
    set_window(e, w);
    set_all(e, node, last, name, GCL_IMAGE, as);
}

static int has_filter(gcl_lowering *e, const gcl_node *node)
{
    if (gcl_lower_is_constant(e, node->in[1]) && !gcl_lower_is_constant(e, node->in[0]))
        return 1;
    gcl_lower_fail(e, node, "has weights that depend on the input");
    return 0;
}

void gcl_lower_conv(gcl_lowering *e, const gcl_node *node)
{
    const gcl_conv_attr *a = node->attr;
    const window w = {a->r, a->s, a->stride_h, a->pad_h, a->pad_w, 1, 0, 0};
    if (has_filter(e, node))
        convolve(e, node, "Conv", gcl_lowered_in(e, node->in[0], GCL_IMAGE), node->in[1], &w,
                 node->shape);
}

/* H = (P-1) * stride - 2 * pad + R + output padding */
void gcl_lower_conv_data(gcl_lowering *e, const gcl_node *node)
{
    const gcl_conv_attr *a = node->attr;
    window w = {a->r, a->s, a->stride_h, a->pad_h, a->pad_w, 1, 0, 0};
    w.out_pad_h = a->h - ((a->p - 1) * a->stride_h - 2 * a->pad_h + a->r);
    w.out_pad_w = a->w - ((a->q - 1) * a->stride_w - 2 * a->pad_w + a->s);
    if (has_filter(e, node))
        convolve(e, node, "ConvTranspose", gcl_lowered_in(e, node->in[0], GCL_IMAGE), node->in[1],
                 &w, node->shape);
}

void gcl_lower_depthwise(gcl_lowering *e, const gcl_node *node)
{
    const gcl_depthwise_attr *a = node->attr;
    const window w = {a->r, a->s, 1, a->pad_h, a->pad_w, a->c, 0, 0};
    if (a->turned)
        gcl_lower_fail(e, node, "is a gradient");
    else if (has_filter(e, node))
        convolve(e, node, "Conv", gcl_lowered_in(e, node->in[0], GCL_IMAGE), node->in[1], &w,
                 node->shape);
}

/* ---- products ------------------------------------------------------------------------------------- */

static int is_dense(const gcl_tensor *tensor)
{
    return tensor != NULL &&
           (tensor->layout == GCL_LAYOUT_LINEAR || tensor->layout == GCL_LAYOUT_LINEAR_FROM ||
            tensor->layout == GCL_LAYOUT_LINEAR_TO);
}

/* The image on the large side of a dense layer. */
static gcl_shape flat_image(const gcl_tensor *tensor)
{
    return gcl_shape_of(1, tensor->flat[1], tensor->flat[2], tensor->flat[0]);
}

static void emit_dense(gcl_lowering *e, const gcl_node *node, const gcl_tensor *tensor)
{
    const gcl_node *x = node->in[0], *last;
    int from_image = tensor->layout == GCL_LAYOUT_LINEAR_FROM;
    int to_image = tensor->layout == GCL_LAYOUT_LINEAR_TO;
    gcl_shape as = to_image ? flat_image(tensor) : node->shape;
    if (from_image && !gcl_shape_equal(gcl_lowered_of(e, x)->as, flat_image(tensor))) {
        gcl_lower_fail(e, node, "is a dense layer of something else than an image");
        return;
    }
    const char *rows =
        from_image ? gcl_lowered_stored(e, x, GCL_ROWS) : gcl_lowered_in(e, x, GCL_ROWS);
    const char *bias =
        to_image ? take_image_bias(e, node, as, &last) : take_bias(e, node, as, &last);
    const char *in[3] = {rows, gcl_lower_constant(e, node->in[1], GCL_CONSTANT_FILE), bias};
    const char *name = gcl_lower(e, node, "Gemm", in, bias != NULL ? 3 : 2, as, GCL_ROWS);
    if (e->err->code != 0)
        return;
    gcl_onnx_int(e->onnx, "transB", 1);
    set_all(e, node, last, name, GCL_ROWS, as);
}

/* The filter that a matrix is the flattened form of, and its shape [R,S,C,K]. */
static const gcl_node *filter_of(const gcl_node *matrix, const gcl_tensor *tensor, gcl_shape *shape)
{
    if (tensor == NULL && matrix->op == &gcl_op_view &&
        gcl_shape_count(matrix->in[0]->shape) == gcl_shape_count(matrix->shape))
        matrix = matrix->in[0];
    *shape = tensor != NULL ? tensor->shape : matrix->shape;
    return matrix;
}

void gcl_lower_matmul(gcl_lowering *e, const gcl_node *node)
{
    const gcl_matmul_attr *a = node->attr;
    const gcl_node *x = node->in[0];
    const gcl_tensor *tensor = gcl_constants_tensor(e->constants, node->in[1]);
    gcl_shape f;
    if (!has_filter(e, node))
        return;
    if (is_dense(tensor) && !a->transpose_a && !a->transpose_b) {
        emit_dense(e, node, tensor);
        return;
    }
    const gcl_node *filter = filter_of(node->in[1], tensor, &f);
    const window w = {f.d[0], f.d[1], 1, 0, 0, 1, 0, 0};
    int one_tap = w.r == 1 && w.s == 1;
    gcl_shape covered = gcl_shape_of(1, w.r, w.s, f.d[2]), as = gcl_lowered_of(e, x)->as;
    if (a->transpose_b && !a->transpose_a) {
        convolve(e, node, "ConvTranspose", gcl_lowered_in(e, x, GCL_IMAGE), filter, &w,
                 one_tap ? node->shape : covered);
    } else if (!a->transpose_a && (one_tap || gcl_shape_equal(as, covered))) {
        convolve(e, node, "Conv",
                 one_tap ? gcl_lowered_in(e, x, GCL_IMAGE) : gcl_lowered_stored(e, x, GCL_IMAGE),
                 filter, &w, node->shape);
    } else {
        gcl_lower_fail(e, node, "is neither a dense layer nor a convolution");
    }
}
