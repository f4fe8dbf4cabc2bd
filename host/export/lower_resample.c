/* Sums, means and maxima; pools, enlargements, pixel shuffle. */
#include <math.h>

#include "export/lower.h"
#include "ops/ops.h"

/* ---- reductions ----------------------------------------------------------------------------------- */

/* The multiplication by 1 / n that makes a mean of the sum `node`; NULL if something else comes next. */
static const gcl_node *mean_behind(const gcl_lowering *e, const gcl_node *node, int64_t n)
{
    double factor;
    const gcl_node *user = gcl_lower_sole_user(e, node);
    if (user == NULL || !gcl_lower_is(user, "mul") || user->in[0] != node ||
        !gcl_node_constant(user->in[1], &factor) || fabs(factor * (double)n - 1) > 1e-12)
        return NULL;
    return user;
}

/* The axes that have other numbers in ONNX: H 2, W 3, C 1. Returns how many. */
static int axes_of(int axes, int64_t out[3])
{
    int n = 0;
    if (axes & GCL_AXIS_C)
        out[n++] = 1;
    if (axes & GCL_AXIS_H)
        out[n++] = 2;
    if (axes & GCL_AXIS_W)
        out[n++] = 3;
    return n;
}

void gcl_lower_reduce(gcl_lowering *e, const gcl_node *node)
{
    const gcl_reduce_attr *a = node->attr;
    const gcl_node *x = node->in[0];
    int64_t axes[3], n = gcl_shape_count(x->shape) / gcl_shape_count(node->shape);
    int n_axes = axes_of(a->axes, axes), maximum = a->maximum;
    gcl_form form = a->axes == GCL_AXIS_C ? gcl_lowered_form(e, x) : GCL_IMAGE;
    const gcl_node *mean = maximum ? NULL : mean_behind(e, node, n);
    if (a->axes & GCL_AXIS_N) {
        gcl_lower_fail(e, node, "joins several pictures");
        return;
    }
    int global = mean != NULL && a->axes == (GCL_AXIS_H | GCL_AXIS_W);
    const char *op = maximum        ? "ReduceMax"
                     : global       ? "GlobalAveragePool"
                     : mean != NULL ? "ReduceMean"
                                    : "ReduceSum";
    int axes_are_operand =
        !maximum && mean == NULL; /* of the three, in opset 17, ReduceSum's only */
    const char *in[2] = {gcl_lowered_in(e, x, form), ""};
    if (axes_are_operand)
        in[1] = gcl_onnx_whole(e->onnx, axes, n_axes);
    const char *name = gcl_lower(e, node, op, in, axes_are_operand ? 2 : 1, node->shape, form);
    if (!axes_are_operand && !global)
        gcl_onnx_ints(e->onnx, "axes", axes, n_axes);
    if (!global)
        gcl_onnx_int(e->onnx, "keepdims", 1);
    gcl_lowered_set(e, node, name, form);
    if (mean != NULL)
        gcl_lowered_set(e, mean, name, form);
}

/* ---- pools and enlargements ------------------------------------------------------------------------ */

/* ONNX has means over windows: a sum that is not divided is the mean times k*k. */
void gcl_lower_sum_pool(gcl_lowering *e, const gcl_node *node)
{
    int k = ((const gcl_pool_attr *)node->attr)->k;
    const int64_t sides[2] = {k, k};
    const gcl_node *mean = mean_behind(e, node, (int64_t)k * k);
    const char *x = gcl_lowered_in(e, node->in[0], GCL_IMAGE);
    const char *name = gcl_lower(e, node, "AveragePool", &x, 1, node->shape, GCL_IMAGE);
    gcl_onnx_ints(e->onnx, "kernel_shape", sides, 2);
    gcl_onnx_ints(e->onnx, "strides", sides, 2);
    if (mean != NULL) {
        gcl_lowered_set(e, mean, name, GCL_IMAGE);
    } else {
        const char *in[2] = {name, gcl_lower_number(e, (double)k * k)};
        name = gcl_lower(e, node, "Mul", in, 2, node->shape, GCL_IMAGE);
    }
    gcl_lowered_set(e, node, name, GCL_IMAGE);
}

/* Resize by a whole factor in both directions. */
static void resize(gcl_lowering *e, const gcl_node *node, int factor, const char *mode,
                   const char *positions)
{
    static const int64_t four[1] = {4};
    const char *scales = gcl_arena_printf(e->arena, "scales/1,1,%d,%d", factor, factor);
    if (!gcl_onnx_has(e->onnx, scales)) {
        float *values = gcl_onnx_floats(e->onnx, scales, four, 1, e->err);
        for (int i = 0; values != NULL && i < 4; i++)
            values[i] = i < 2 ? 1 : (float)factor;
    }
    const char *in[3] = {gcl_lowered_in(e, node->in[0], GCL_IMAGE), "", scales};
    const char *name = gcl_lower(e, node, "Resize", in, 3, node->shape, GCL_IMAGE);
    gcl_onnx_text(e->onnx, "mode", mode);
    gcl_onnx_text(e->onnx, "coordinate_transformation_mode", positions);
    gcl_lowered_set(e, node, name, GCL_IMAGE);
}

void gcl_lower_repeat(gcl_lowering *e, const gcl_node *node)
{
    int k = ((const gcl_pool_attr *)node->attr)->k;
    gcl_shape x = node->in[0]->shape, y = node->shape;
    if (y.d[1] != k * x.d[1] || y.d[2] != k * x.d[2]) {
        gcl_lower_fail(e, node, "leaves rows or columns empty");
        return;
    }
    resize(e, node, k, "nearest", "asymmetric");
    gcl_onnx_text(e->onnx, "nearest_mode", "floor");
}

void gcl_lower_bilinear(gcl_lowering *e, const gcl_node *node)
{
    int aligned = ((const gcl_bilinear_attr *)node->attr)->aligned;
    resize(e, node, 2, "linear", aligned ? "align_corners" : "half_pixel");
}

/* Channels are c k k + a k + b: column, row, depth in ONNX's words. */
void gcl_lower_pixel_shuffle(gcl_lowering *e, const gcl_node *node)
{
    const char *x = gcl_lowered_in(e, node->in[0], GCL_IMAGE);
    const char *name = gcl_lower(e, node, "DepthToSpace", &x, 1, node->shape, GCL_IMAGE);
    gcl_onnx_int(e->onnx, "blocksize", ((const gcl_shuffle_attr *)node->attr)->k);
    gcl_onnx_text(e->onnx, "mode", "CRD");
    gcl_lowered_set(e, node, name, GCL_IMAGE);
}
