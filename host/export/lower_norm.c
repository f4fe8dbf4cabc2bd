/* Batch norm with fixed statistics: y = (x - mean) * (weight / sqrt(var + eps)) + bias, which the graph has as
 * nodes of their own (nn/layers.c), becomes one BatchNormalization. */
#include "export/lower.h"

/* The constant operands of a batch norm. */
typedef struct norm {
    const gcl_node *mean, *variance, *weight, *bias;
    const gcl_node *product, *sum; /* the nodes behind the subtraction */
    double eps;
} norm;

static int is_vector(const gcl_lowering *e, const gcl_node *node, int channels)
{
    return gcl_lower_is_constant(e, node) && node->shape.d[3] == channels &&
           gcl_shape_count(node->shape) == channels;
}

/* scale = 1 / sqrt(variance + eps) * weight */
static int match_scale(const gcl_node *scale, norm *n)
{
    if (!gcl_lower_is(scale, "mul") || !gcl_lower_is(scale->in[0], "reciprocal"))
        return 0;
    const gcl_node *root = scale->in[0]->in[0];
    if (!gcl_lower_is(root, "sqrt") || !gcl_lower_is(root->in[0], "add"))
        return 0;
    n->weight = scale->in[1];
    n->variance = root->in[0]->in[0];
    return gcl_node_constant(root->in[0]->in[1], &n->eps);
}

static int match(const gcl_lowering *e, const gcl_node *centred, norm *n)
{
    int c = centred->shape.d[3];
    if (!gcl_lower_is(centred, "sub") || !is_vector(e, centred->in[1], c))
        return 0;
    n->mean = centred->in[1];
    n->product = gcl_lower_sole_user(e, centred);
    if (n->product == NULL || !gcl_lower_is(n->product, "mul") || n->product->in[0] != centred ||
        !is_vector(e, n->product->in[1], c) || !match_scale(n->product->in[1], n))
        return 0;
    n->sum = gcl_lower_sole_user(e, n->product);
    if (n->sum == NULL || !gcl_lower_is(n->sum, "add") || n->sum->in[0] != n->product)
        return 0;
    n->bias = n->sum->in[1];
    return is_vector(e, n->bias, c) && is_vector(e, n->weight, c) && is_vector(e, n->variance, c);
}

int gcl_lower_norm(gcl_lowering *e, const gcl_node *node)
{
    norm n;
    if (!match(e, node, &n))
        return 0;
    gcl_form form =
        node->shape.d[1] * node->shape.d[2] == 1 ? gcl_lowered_form(e, node->in[0]) : GCL_IMAGE;
    const char *in[5] = {gcl_lowered_in(e, node->in[0], form),
                         gcl_lower_constant(e, n.weight, GCL_CONSTANT_VECTOR),
                         gcl_lower_constant(e, n.bias, GCL_CONSTANT_VECTOR),
                         gcl_lower_constant(e, n.mean, GCL_CONSTANT_VECTOR),
                         gcl_lower_constant(e, n.variance, GCL_CONSTANT_VECTOR)};
    const char *name = gcl_lower(e, node, "BatchNormalization", in, 5, node->shape, form);
    gcl_onnx_float(e->onnx, "epsilon", n.eps);
    gcl_lowered_set(e, node, name, form);
    gcl_lowered_set(e, n.product, name, form);
    gcl_lowered_set(e, n.sum, name, form);
    return 1;
}
