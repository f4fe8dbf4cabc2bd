/* Functions made of other pointwise ops. */
#include "graph/graph.h"

gcl_node *gcl_shift(gcl_node *x, double addend)
{
    return gcl_add(x, gcl_constant(x->graph, addend));
}

gcl_node *gcl_leaky_relu(gcl_node *x, double slope)
{
    return gcl_leaky(x, gcl_constant(x->graph, slope));
}

gcl_node *gcl_clamp_min(gcl_node *x, double low)
{
    return gcl_maximum(x, gcl_constant(x->graph, low));
}

gcl_node *gcl_clamp(gcl_node *x, double low, double high)
{
    return gcl_minimum(gcl_clamp_min(x, low), gcl_constant(x->graph, high));
}

gcl_node *gcl_swish(gcl_node *x) { return gcl_mul(x, gcl_sigmoid(x)); }

gcl_node *gcl_soft_clamp(gcl_node *x, double limit)
{
    return gcl_scale(gcl_tanh(gcl_scale(x, 1 / limit)), limit);
}

gcl_node *gcl_logsumexp(gcl_node *x, int axes)
{
    gcl_node *most = gcl_detach(gcl_max_over(x, axes)); /* its gradient would cancel */
    gcl_node *sum = gcl_sum(gcl_exp(gcl_sub(x, most)), axes);
    return gcl_add(gcl_log(sum), most);
}
