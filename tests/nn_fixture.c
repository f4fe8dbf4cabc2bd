#include "nn_fixture.h"

#include <math.h>
#include <string.h>

#include "graph/op.h"

gcl_graph *g;
gcl_nn *nn;
gcl_values *values;

/* ---- cases ---- */

static void teardown(void)
{
    gcl_values_free(values);
    gcl_nn_free(nn);
    gcl_graph_free(g);
    values = NULL;
    nn = NULL;
    g = NULL;
}

void nn_setup(int training, int replay)
{
    teardown();
    g = gcl_graph_new();
    nn = gcl_nn_new(g, &(gcl_nn_options){.training = training, .replay = replay});
}

static void setup(void) { nn_setup(1, 0); }

TCase *nn_case(Suite *suite, const char *name) { return add_case(suite, name, setup, teardown); }

/* ---- values ---- */

void nn_begin(void)
{
    gcl_nn_finish(nn);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    values = gcl_values_new(g);
}

double *nn_set(const gcl_node *node, const double *from)
{
    double *to = gcl_values_set(values, node);
    return memcpy(to, from, (size_t)gcl_shape_count(node->shape) * sizeof *to);
}

void nn_assert_values(gcl_node *node, const double *wanted, double tolerance)
{
    const double *have = numeric_value(values, node);
    for (int64_t i = 0; i < gcl_shape_count(node->shape); i++)
        ck_assert_msg(fabs(have[i] - wanted[i]) <= tolerance, "element %lld is %.17g, not %.17g",
                      (long long)i, have[i], wanted[i]);
}

void nn_assert_error(const char *part)
{
    ck_assert_msg(gcl_graph_error(g) != NULL, "no error, but wanted: %s", part);
    ck_assert_msg(strstr(gcl_graph_error(g), part) != NULL, "\"%s\" lacks \"%s\"",
                  gcl_graph_error(g), part);
}

gcl_node *nn_variable(const char *name)
{
    for (int id = 0; id < gcl_graph_size(g); id++) {
        gcl_node *node = gcl_graph_node(g, id);
        if (node->op == &gcl_op_variable && strcmp(node->name, name) == 0)
            return node;
    }
    ck_abort_msg("no variable %s", name);
    return NULL;
}

gcl_node *nn_latest(const char *name)
{
    gcl_node *of = nn_variable(name), *found = of;
    for (int id = 0; id < gcl_graph_size(g); id++) {
        gcl_node *node = gcl_graph_node(g, id);
        if (node->op == &gcl_op_assign && node->in[0] == found)
            found = node;
    }
    ck_assert_ptr_ne(found, of);
    return found;
}

gcl_node *nn_vector(const char *name, int n)
{
    return gcl_parameter(nn, name, gcl_shape_of(1, 1, 1, n), GCL_LAYOUT_VECTOR, NULL,
                         gcl_init_constant(0));
}

const gcl_tensor *nn_tensor(const char *name)
{
    for (int i = 0; i < gcl_nn_tensors(nn); i++)
        if (strcmp(gcl_nn_tensor(nn, i)->name, name) == 0)
            return gcl_nn_tensor(nn, i);
    ck_abort_msg("no tensor %s", name);
    return NULL;
}
