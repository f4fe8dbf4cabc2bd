/* Spectral norms of convolutions by power iteration, greatest gammas of batch norms. */
#include "nn/spectral.h"

#include <stdlib.h>
#include <string.h>

#include "nn/internal.h"

/* ---- the weights of a network ---- */

/* The layer being built, without the network's name: "pre_process.0.conv1" of "vae.pre_process.0.conv1." */
static const char *layer_path(gcl_nn *nn)
{
    const char *path = nn->prefix + strlen(nn->current->name) + 1;
    int length = (int)strlen(path);
    return gcl_arena_printf(nn->arena, "%.*s", length > 0 ? length - 1 : 0, path);
}

static void note(gcl_nn *nn, gcl_weights *weights, gcl_node *value)
{
    const char *path = layer_path(nn);
    int i = gcl_names_find(&weights->names, path);
    if (i < 0) {
        GCL_GROW(weights->items, weights->n, weights->cap);
        i = weights->n++;
        weights->items[i] = (gcl_weight){.path = path};
        gcl_names_put(&weights->names, path, i);
    }
    weights->items[i].value = value;
}

void gcl_nn_note_filter(gcl_nn *nn, gcl_node *value)
{
    if (nn->current != NULL)
        note(nn, &nn->current->filters, value);
}

void gcl_nn_note_gamma(gcl_nn *nn, gcl_node *value)
{
    if (nn->current != NULL)
        note(nn, &nn->current->gammas, value);
}

void gcl_weights_free(gcl_weights *weights)
{
    free(weights->items);
    gcl_names_free(&weights->names);
}

/* ---- power iteration over matrices of one shape ---- */

enum { AXES_HWC = GCL_AXIS_H | GCL_AXIS_W | GCL_AXIS_C };

/* `n` filters with `columns` = R*S*C elements for each of `rows` = K output channels. */
typedef struct batch {
    gcl_weight **members;
    int n, rows, columns;
    gcl_node *matrices; /* [n, 1, columns, rows] */
    gcl_node *u, *v;    /* [n, 1, 1, rows] and [n, 1, columns, 1]: variables */
} batch;

static int columns_of(const gcl_node *filter)
{
    return filter->shape.d[0] * filter->shape.d[1] * filter->shape.d[2];
}

/* Whether `a` and `b` can be treated together. */
static int alike(const gcl_node *a, const gcl_node *b)
{
    return a->shape.d[3] == b->shape.d[3] && columns_of(a) == columns_of(b);
}

/* The tensor "sr.PATH.u" or ".v": member i of the batch's variable. */
static void add_vector(gcl_nn *nn, const batch *b, int i, const char *suffix,
                       const gcl_node *variable, gcl_shape shape, gcl_layout layout)
{
    gcl_tensor tensor = {.name =
                             gcl_arena_printf(nn->arena, "sr.%s.%s", b->members[i]->path, suffix),
                         .network = "",
                         .role = GCL_ROLE_EXTRA,
                         .layout = layout,
                         .shape = shape,
                         .init = {.kind = GCL_INIT_DIRECTION, .a = 1e-3},
                         .variable = variable->name,
                         .first = i * gcl_shape_count(shape)};
    if (gcl_nn_find_record(nn, tensor.name) != NULL)
        gcl_graph_fail(nn->graph, "%s is there already: spectral norms are taken once a step",
                       tensor.name);
    else
        gcl_nn_add_tensor(nn, &tensor, tensor.name);
}

/* The matrices as they are now, and the vectors that persist. */
static void open_batch(gcl_network *net, batch *b)
{
    gcl_nn *nn = net->nn;
    gcl_node **filters = gcl_alloc((size_t)b->n * sizeof(gcl_node *));
    for (int i = 0; i < b->n; i++)
        filters[i] = b->members[i]->value;
    gcl_shape shape = gcl_shape_of(b->n, 1, b->columns, b->rows);
    b->matrices = gcl_pack(nn->graph, filters, b->n, &shape);
    free(filters);
    const char *name = gcl_arena_printf(nn->arena, "sr.%s.%dx%d", net->name, b->rows, b->columns);
    b->u = gcl_variable(nn->graph, gcl_arena_printf(nn->arena, "%s.u", name),
                        gcl_shape_of(b->n, 1, 1, b->rows));
    b->v = gcl_variable(nn->graph, gcl_arena_printf(nn->arena, "%s.v", name),
                        gcl_shape_of(b->n, 1, b->columns, 1));
    for (int i = 0; i < b->n; i++) {
        gcl_shape side = b->members[i]->value->shape;
        side.d[3] = 1;
        add_vector(nn, b, i, "u", b->u, gcl_shape_of(1, 1, 1, b->rows), GCL_LAYOUT_VECTOR);
        add_vector(nn, b, i, "v", b->v, side, GCL_LAYOUT_FILTER_VECTOR);
    }
}

/* x / max(|x|, 1e-3), each member by itself. */
static gcl_node *normalise(gcl_node *x)
{
    gcl_node *norm = gcl_sqrt(gcl_sum(gcl_square(x), AXES_HWC));
    return gcl_div(x, gcl_clamp_min(norm, 1e-3));
}

/* sigma [n,1,1,1] = u^T W v after `steps` iterations, u and v constant. The last W v serves both. */
static gcl_node *iterate(const batch *b, int steps)
{
    gcl_node *u = b->u, *v = NULL, *y = NULL;
    for (int i = 0; i < steps; i++) {
        gcl_node *constant = gcl_detach(b->matrices);
        v = normalise(gcl_sum(gcl_mul(constant, u), GCL_AXIS_C));
        y = gcl_sum(gcl_mul(i + 1 < steps ? constant : b->matrices, v), GCL_AXIS_W);
        u = normalise(gcl_detach(y));
    }
    gcl_node *sigma = gcl_sum(gcl_mul(y, u), AXES_HWC);
    gcl_nn_take_over(b->u, u);
    gcl_nn_take_over(b->v, v);
    return sigma;
}

/* Sum of the sigmas of all filters like the first. */
static gcl_node *measure(gcl_network *net, int first, int steps)
{
    gcl_weights *filters = &net->filters;
    const gcl_node *model = filters->items[first].value;
    batch b = {.rows = model->shape.d[3], .columns = columns_of(model)};
    b.members = gcl_alloc((size_t)filters->n * sizeof(gcl_weight *));
    for (int i = first; i < filters->n; i++)
        if (alike(filters->items[i].value, model))
            b.members[b.n++] = &filters->items[i];
    open_batch(net, &b);
    gcl_node *sigma = iterate(&b, steps);
    for (int i = 0; i < b.n; i++) {
        b.members[i]->measured = b.members[i]->value;
        b.members[i]->sigma = gcl_view(sigma, i, gcl_shape_of(1, 1, 1, 1));
    }
    free(b.members);
    return gcl_sum(sigma, GCL_AXES_ALL);
}

static int measured_before(const gcl_network *net)
{
    for (int i = 0; i < net->filters.n; i++)
        if (net->filters.items[i].measured != net->filters.items[i].value)
            return 0;
    return net->spectral != NULL;
}

gcl_node *gcl_network_spectral(gcl_network *net, int steps, int first)
{
    gcl_graph *g = net->nn->graph;
    if (steps < 1 || first < steps || first % steps != 0)
        return gcl_graph_fail(g, "%d iterations at first are no multiple of %d", first, steps);
    if (measured_before(net))
        return net->spectral;
    gcl_scope_push(g, "%s/spectral", net->name);
    net->nn->prologue_runs = first / steps - 1;
    gcl_node *total = gcl_constant(g, 0);
    for (int i = 0; i < net->filters.n && gcl_graph_error(g) == NULL; i++)
        if (net->filters.items[i].measured != net->filters.items[i].value)
            total = gcl_add(total, measure(net, i, steps));
    gcl_scope_pop(g);
    return net->spectral = total;
}

gcl_node *gcl_network_sigma(gcl_network *net, const char *path)
{
    int i = gcl_names_find(&net->filters.names, path);
    if (i < 0 || net->filters.items[i].sigma == NULL)
        return gcl_graph_fail(net->nn->graph, "%s has no spectral norm of %s", net->name, path);
    return net->filters.items[i].sigma;
}

int gcl_nn_prologue(const gcl_nn *nn) { return nn->prologue_runs; }

/* ---- batch norms ---- */

gcl_node *gcl_network_gamma_max(gcl_network *net)
{
    gcl_graph *g = net->nn->graph;
    const gcl_weights *gammas = &net->gammas;
    gcl_node **like = gcl_alloc((size_t)gammas->n * sizeof(gcl_node *) + 1);
    char *done = gcl_alloc((size_t)gammas->n + 1);
    gcl_node *total = gcl_constant(g, 0);
    for (int first = 0; first < gammas->n; first++) {
        int n = 0, c = gammas->items[first].value->shape.d[3];
        for (int i = first; i < gammas->n && !done[first]; i++) {
            if (gammas->items[i].value->shape.d[3] != c)
                continue;
            like[n++] = gammas->items[i].value;
            done[i] = i != first;
        }
        if (n == 0)
            continue;
        gcl_shape shape = gcl_shape_of(n, 1, 1, c);
        gcl_node *packed = gcl_abs(gcl_pack(g, like, n, &shape));
        total = gcl_add(total, gcl_sum(gcl_max_over(packed, GCL_AXIS_C), GCL_AXES_ALL));
    }
    free(like);
    free(done);
    return total;
}
