/* Concatenation over channels; its gradients are slices. cl/concat.cl. */
#include "ops/movement.h"

enum { MOST = 4 }; /* tensors of one node; more are concatenated in turn */

static gcl_node *concat_few(gcl_node *const *parts, int n)
{
    gcl_graph *g = parts[0]->graph;
    gcl_shape shape = parts[0]->shape;
    int64_t channels = 0;
    for (int i = 0; i < n; i++) {
        gcl_shape s = parts[i]->shape;
        if (s.d[0] != shape.d[0] || s.d[1] != shape.d[1] || s.d[2] != shape.d[2])
            return gcl_graph_fail(g, "%s and %s cannot be concatenated over channels",
                                  gcl_shape_text(parts[0]->shape), gcl_shape_text(s));
        channels += s.d[3];
    }
    if (channels > INT32_MAX)
        return gcl_graph_fail(g, "%d tensors have more than 2^31 channels together", n);
    shape.d[3] = (int)channels;
    return gcl_node_new(g, &gcl_op_concat, shape, parts, n, NULL);
}

gcl_node *gcl_concat(gcl_node *const *parts, int n)
{
    if (n == 1)
        return parts[0];
    if (n <= MOST)
        return concat_few(parts, n);
    gcl_node *groups[MOST]; /* of nearly equal numbers of tensors */
    for (int i = 0; i < MOST; i++) {
        int begin = (int)((int64_t)n * i / MOST), end = (int)((int64_t)n * (i + 1) / MOST);
        groups[i] = gcl_concat(parts + begin, end - begin);
    }
    return concat_few(groups, MOST);
}

static void gradient(gcl_node *node, gcl_node *dy, const int *wanted, gcl_node **dx)
{
    int begin[4] = {0, 0, 0, 0};
    for (int i = 0; i < node->n_in; i++) {
        if (wanted[i])
            dx[i] = gcl_slice(dy, begin, node->in[i]->shape);
        begin[3] += node->in[i]->shape.d[3];
    }
}

static void evaluate(const gcl_node *node, const double *const *in, double *out)
{
    int channels = node->shape.d[3];
    int64_t pixels = gcl_shape_count(node->shape) / channels;
    for (int64_t pixel = 0; pixel < pixels; pixel++)
        for (int i = 0; i < node->n_in; i++)
            for (int c = 0; c < node->in[i]->shape.d[3]; c++)
                *out++ = in[i][pixel * node->in[i]->shape.d[3] + c];
}

/* ---- launches ------------------------------------------------------------------------------- */

static void describe(const gcl_node *node, gcl_movement *m)
{
    int begin[MOST] = {0}, channels = 0;
    m->file = "concat";
    m->items = "concat_items";
    m->rows = "concat_rows";
    m->vector = 4;
    for (int i = 0; i < MOST; i++) {
        begin[i] = channels;
        if (i >= node->n_in)
            continue;
        int c = node->in[i]->shape.d[3], vector = gcl_movement_vector(c, 0);
        channels += c;
        m->channels = c > m->channels ? c : m->channels;
        m->vector = vector < m->vector ? vector : m->vector;
    }
    m->least_in = MOST;
    gcl_movement_add(m, node->shape.d, 4);
    gcl_movement_add(m, begin + 1, MOST - 1);
    m->bytes = gcl_movement_all_bytes(node);
}

GCL_MOVEMENT_VARIANTS(describe);

/* ---- cases and row -------------------------------------------------------------------------- */

/* The tensors of c channels, each as often as their turn comes among `parts` (0: once). */
static const struct concat_case {
    const char *name;
    int n, h, w, c[MOST], parts;
} cases[] = {
    {"two", 2, 3, 5, {8, 12}, 0},
    {"odd channels", 2, 5, 3, {17, 5}, 0},
    {"one channel and many", 1, 4, 7, {1, 33}, 0},
    {"three", 3, 2, 2, {20, 3, 6}, 0},
    {"four", 2, 4, 3, {16, 16, 16, 17}, 0},
    {"four of one channel", 2, 3, 4, {1, 1, 1, 1}, 0},
    {"one pixel", 3, 1, 1, {64, 20}, 0},
    {"a long row", 1, 1, 1000, {4, 2}, 0},
    {"seven of three", 2, 3, 2, {8, 3, 20}, 7},
    {"eighteen of two", 1, 2, 5, {4, 12}, 18},
};

enum { MOST_PARTS = 18 };

static gcl_node *build_case(gcl_graph *g, int i, const char **name)
{
    static const char *const names[MOST] = {"x0", "x1", "x2", "x3"};
    const struct concat_case *t = &cases[i];
    gcl_node *parts[MOST_PARTS];
    int n = 0;
    for (; n < MOST && t->c[n] > 0; n++)
        parts[n] = gcl_variable(g, names[n], gcl_shape_of(t->n, t->h, t->w, t->c[n]));
    for (int j = n; j < t->parts; j++)
        parts[j] = parts[j % n];
    *name = t->name;
    return gcl_concat(parts, t->parts > n ? t->parts : n);
}

const gcl_op gcl_op_concat = {
    .name = "concat",
    .kind = GCL_KIND_KERNEL,
    .n_in = -1,
    .gradient = gradient,
    .evaluate = evaluate,
    .flops = gcl_movement_no_flops,
    .variants = variants,
    .n_variants = N_VARIANTS,
    .build_case = build_case,
    .n_cases = sizeof cases / sizeof cases[0],
};
