/* Gradients of a loss by all parameters of a network, collected for its update. */
#include <stdlib.h>

#include "graph/op.h"
#include "nn/internal.h"

static int is_zero(const gcl_node *node)
{
    double value;
    while (node->op->kind == GCL_KIND_VIEW || node->op == &gcl_op_broadcast)
        node = node->in[0];
    return gcl_node_constant(node, &value) && value == 0;
}

/* Gradients of the loss by each parameter, kept in the records. */
static void differentiate(gcl_network *net, gcl_node *loss)
{
    gcl_nn *nn = net->nn;
    int n = net->n_records, reached = 0;
    gcl_node **views = gcl_alloc((size_t)n * sizeof(gcl_node *));
    gcl_node **gradients = gcl_alloc((size_t)n * sizeof(gcl_node *));
    for (int i = 0; i < n; i++) {
        const gcl_tensor *t = &nn->records[net->records[i]]->tensor;
        views[i] = gcl_view(net->parameters, t->first, t->shape);
    }
    gcl_gradients(loss, views, n, gradients);
    for (int i = 0; i < n; i++) {
        gcl_node *gradient = gradients[i] != NULL ? gradients[i] : gcl_constant(nn->graph, 0);
        nn->records[net->records[i]]->gradient = gradient;
        reached = reached || !is_zero(gradient);
    }
    free(views);
    free(gradients);
    if (!reached)
        gcl_graph_fail(nn->graph,
                       "the loss depends on no parameter of %s as it is now: build it after the "
                       "network's last update",
                       net->name);
}

/* The gradients as one vector laid out like the parameters, zeros in the gaps. */
static gcl_node *flat_gradient(gcl_network *net)
{
    gcl_nn *nn = net->nn;
    gcl_node **parts = gcl_alloc((size_t)(2 * net->n_records) * sizeof(gcl_node *));
    int n = 0;
    for (int i = 0; i < net->n_records; i++) {
        const gcl_record *record = nn->records[net->records[i]];
        const gcl_tensor *t = &record->tensor;
        int64_t end =
            i + 1 < net->n_records ? nn->records[net->records[i + 1]]->tensor.first : net->count;
        int gap = (int)(end - t->first - gcl_tensor_count(t));
        parts[n++] = record->gradient;
        if (gap > 0)
            parts[n++] = gcl_broadcast(gcl_constant(nn->graph, 0), gcl_shape_of(1, 1, 1, gap));
    }
    gcl_node *flat = gcl_pack(nn->graph, parts, n, NULL);
    free(parts);
    return flat;
}

/* ---- gathering ---- */

void gcl_network_gather(gcl_network *net, gcl_node *loss)
{
    gcl_graph *g = net->nn->graph;
    if (net->nn->averaged)
        gcl_graph_fail(g, "%s reads its average, which is not trained", net->name);
    if (net->n_records == 0)
        gcl_graph_fail(g, "network %s has no parameters to train", net->name);
    if (net->nn->prologue || gcl_graph_error(g) != NULL)
        return;
    gcl_scope_push(g, "%s/gradient", net->name);
    if (!net->closed)
        gcl_variable_resize(net->parameters, net->count);
    net->closed = 1;
    differentiate(net, loss);
    if (gcl_graph_error(g) == NULL) {
        gcl_node *flat = flat_gradient(net);
        net->gathered = net->n_gathered > 0 ? gcl_add(net->gathered, flat) : flat;
        net->loss = net->n_gathered > 0 ? gcl_add(net->loss, loss) : loss;
        net->n_gathered++;
    }
    gcl_scope_pop(g);
}

gcl_node *gcl_network_gathered(gcl_network *net, gcl_node **loss)
{
    gcl_nn *nn = net->nn;
    double part = 1.0 / net->n_gathered;
    gcl_node *flat = gcl_scale(net->gathered, part);
    *loss = gcl_scale(net->loss, part);
    for (int i = 0; i < net->n_records && net->n_gathered > 1; i++) {
        gcl_record *record = nn->records[net->records[i]];
        record->gradient = gcl_view(flat, record->tensor.first, record->tensor.shape);
    }
    net->n_gathered = 0;
    return flat;
}

gcl_node *gcl_network_gradient(const gcl_network *net, const char *parameter_name)
{
    int i = gcl_names_find(&net->nn->record_names, parameter_name);
    return i < 0 ? NULL : net->nn->records[i]->gradient;
}
