#include "cli/bench_layers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/configure.h"
#include "ops/ops.h"
#include "train/tuning.h"

enum { MOST_RUNS = 1000000, LARGEST_SIDE = 1 << 20 };

typedef enum layer_kind { CONV, TRANSPOSED, DEPTHWISE } layer_kind;
static const char *const kinds[] = {"conv", "transposed", "depthwise", NULL};

typedef enum direction { FORWARD, DATA, WEIGHT } direction;
static const char *const directions[] = {"forward", "data", "weight", NULL};

typedef struct layer {
    gcl_shape input, filter;
    int kind, direction, stride, pad, out_pad;
} layer;

/* The device, and the layer that was asked for last, ready to run again. */
typedef struct bench {
    gcl_device *dev;
    gcl_plan_options plan_options;
    layer now;
    gcl_graph *graph;
    gcl_store *store;
    gcl_plan *plan; /* NULL: there is none yet */
} bench;

/* ---- reading -------------------------------------------------------------------------------------- */

static int read_shape(const json_t *object, const char *key, gcl_shape *shape, gcl_error *err)
{
    const json_t *sides = json_object_get(object, key);
    if (json_array_size(sides) != 4)
        return gcl_fail(err, GCL_DATA, "\"%s\" is not a list of four sizes", key);
    for (size_t i = 0; i < 4; i++) {
        json_int_t side = json_integer_value(json_array_get(sides, i));
        if (side < 1 || side > LARGEST_SIDE)
            return gcl_fail(err, GCL_DATA, "a size in \"%s\" is out of range (1 to %d)", key,
                            LARGEST_SIDE);
        shape->d[i] = (int)side;
    }
    return 0;
}

static int read_whole(const json_t *object, const char *key, int low, int high, int *value,
                      gcl_error *err)
{
    const json_t *given = json_object_get(object, key);
    if (given == NULL)
        return 0;
    json_int_t whole = json_integer_value(given);
    if (!json_is_integer(given) || whole < low || whole > high)
        return gcl_fail(err, GCL_DATA, "\"%s\" is no whole number from %d to %d", key, low, high);
    *value = (int)whole;
    return 0;
}

/* Its index in `words`; 0 if the key is not there. */
static int read_word(const json_t *object, const char *key, const char *const *words, int *index,
                     gcl_error *err)
{
    const json_t *given = json_object_get(object, key);
    const char *word = given != NULL ? json_string_value(given) : words[0];
    for (int i = 0; words[i] != NULL && word != NULL; i++)
        if (strcmp(words[i], word) == 0) {
            *index = i;
            return 0;
        }
    return gcl_fail(err, GCL_DATA, "\"%s\" is none of %s, %s, %s", key, words[0], words[1],
                    words[2]);
}

static int read_layer(const char *line, layer *l, int *runs, gcl_error *err)
{
    *l = (layer){.stride = 1};
    *runs = 1;
    json_t *object = json_loads(line, 0, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return gcl_fail(err, GCL_DATA, "it is no JSON object");
    }
    int result = read_word(object, "kind", kinds, &l->kind, err) != 0 ||
                         read_word(object, "direction", directions, &l->direction, err) != 0 ||
                         read_shape(object, "input", &l->input, err) != 0 ||
                         read_shape(object, "filter", &l->filter, err) != 0 ||
                         read_whole(object, "stride", 1, 64, &l->stride, err) != 0 ||
                         read_whole(object, "pad", 0, 64, &l->pad, err) != 0 ||
                         read_whole(object, "out_pad", 0, 64, &l->out_pad, err) != 0 ||
                         read_whole(object, "runs", 1, MOST_RUNS, runs, err) != 0
                     ? -1
                     : 0;
    json_decref(object);
    return result;
}

/* ---- building ------------------------------------------------------------------------------------- */

static gcl_node *forward(const layer *l, gcl_node *x, gcl_node *f)
{
    int more = l->filter.d[0] - 2 * l->pad + l->out_pad;
    switch ((layer_kind)l->kind) {
    case TRANSPOSED:
        return gcl_conv_data(x, f, l->stride, l->pad, (l->input.d[1] - 1) * l->stride + more,
                             (l->input.d[2] - 1) * l->stride + more);
    case DEPTHWISE:
        if (l->stride != 1)
            return gcl_graph_fail(x->graph, "a depthwise convolution has stride 1");
        return gcl_depthwise(x, f, l->pad, l->pad);
    case CONV: break;
    }
    return gcl_conv(x, f, l->stride, l->pad);
}

/* The layer or one of its gradients, for operands that are variables. */
static void build_graph(gcl_graph *g, const layer *l)
{
    gcl_node *x = gcl_variable(g, "x", l->input), *f = gcl_variable(g, "f", l->filter);
    gcl_node *y = forward(l, x, f), *wanted = l->direction == DATA ? x : f, *result = y;
    if (l->direction != FORWARD && gcl_graph_error(g) == NULL)
        gcl_gradients_from(y, gcl_variable(g, "dy", y->shape), &wanted, 1, &result);
    gcl_graph_output(result, "result");
}

/* Numbers from -1 to 1 in every operand: denormal ones or zeros might be slower or quicker. */
static int fill_operands(gcl_store *store, gcl_error *err)
{
    for (int i = 0; i < gcl_store_count(store); i++) {
        int64_t n;
        const char *name = gcl_store_name(store, i, &n);
        float *values = gcl_try_alloc((uint64_t)n * sizeof *values, "a layer's operand", err);
        if (values == NULL)
            return -1;
        for (int64_t k = 0; k < n; k++)
            values[k] = (float)((uint32_t)k * 2654435761u >> 8) * 0x1p-23f - 1;
        int result = gcl_store_write(store, name, values, n, err);
        free(values);
        if (result != 0)
            return -1;
    }
    return 0;
}

static int run(const bench *b, int runs, gcl_error *err)
{
    for (int i = 0; i < runs; i++)
        if (gcl_plan_run(b->plan, err) != 0)
            return -1;
    return gcl_plan_finish(b->plan, err);
}

static void forget(bench *b)
{
    gcl_plan_free(b->plan);
    gcl_store_free(b->store);
    gcl_graph_free(b->graph);
    b->plan = NULL;
    b->store = NULL;
    b->graph = NULL;
}

/* Makes the layer ready unless it is the last one. */
static int prepare(bench *b, const layer *l, gcl_error *err)
{
    if (b->plan != NULL && memcmp(l, &b->now, sizeof *l) == 0)
        return 0;
    forget(b);
    b->now = *l;
    b->graph = gcl_graph_new();
    b->store = gcl_store_new(b->dev);
    build_graph(b->graph, l);
    if (gcl_graph_error(b->graph) != NULL)
        return gcl_fail(err, GCL_DATA, "%s", gcl_graph_error(b->graph));
    b->plan = gcl_plan_new(b->dev, b->graph, b->store, &b->plan_options, err);
    if (b->plan == NULL)
        return -1;
    return fill_operands(b->store, err) == 0 ? run(b, 1, err) : -1;
}

/* ---- answering ------------------------------------------------------------------------------------ */

/* "slice vec": each kernel's variant in their order, after its op where that is no convolution. */
static void add_variants(const gcl_plan *plan, gcl_text *text)
{
    for (int i = 0; i < gcl_plan_kernels(plan); i++) {
        gcl_plan_kernel kernel;
        gcl_plan_kernel_at(plan, i, &kernel);
        const char *op = kernel.node->op->name;
        int plain = strncmp(op, "conv", 4) == 0 || strncmp(op, "depthwise", 9) == 0;
        gcl_text_add(text, "%s%s%s%s", i > 0 ? ", " : "", plain ? "" : op, plain ? "" : " ",
                     kernel.choice.variant->name);
    }
}

static void answer(const bench *b, double ms, double cpu_ms)
{
    gcl_plan_stats stats;
    gcl_text variants = {0};
    gcl_plan_get_stats(b->plan, &stats);
    add_variants(b->plan, &variants);
    json_t *object =
        json_pack("{s:f, s:f, s:f, s:f, s:I, s:s}", "ms", ms, "cpu_ms", cpu_ms, "gflop",
                  1e-9 * stats.flops, "gflops", ms > 0 ? 1e-6 * stats.flops / ms : 0.0, "bytes",
                  (json_int_t)(stats.value_bytes + stats.variable_bytes), "variants",
                  variants.text != NULL ? variants.text : "");
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    printf("\n");
    fflush(stdout);
    json_decref(object);
    gcl_text_free(&variants);
}

static double process_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static int time_line(bench *b, const char *line, gcl_error *err)
{
    layer l;
    int runs;
    if (read_layer(line, &l, &runs, err) != 0 || prepare(b, &l, err) != 0)
        return -1;
    double start = gcl_seconds(), cpu = process_seconds();
    if (run(b, runs, err) != 0)
        return -1;
    answer(b, 1e3 * (gcl_seconds() - start) / runs, 1e3 * (process_seconds() - cpu) / runs);
    return 0;
}

static int time_lines(bench *b, gcl_error *err)
{
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    for (int number = 1; result == 0 && getline(&line, &room, stdin) > 0; number++) {
        gcl_error why = {0};
        result = time_line(b, line, &why);
        if (result != 0)
            gcl_fail(err, why.code, "standard input, line %d: %s", number, why.text);
    }
    free(line);
    forget(b);
    return result;
}

int gcl_bench_layers(const gcl_options *options, gcl_error *err)
{
    gcl_config config;
    gcl_tuning tuning;
    bench b = {0};
    if (options->n_arguments > 0)
        return gcl_fail(err, GCL_USAGE, "bench --layers reads layers, not models: '%s' is too much",
                        options->arguments[0]);
    if (gcl_configure_model(&config, NULL, options, err) != 0)
        return -1;
    b.dev = gcl_device_open(options->device, 0, err);
    int result = b.dev != NULL ? 0 : -1;
    if (result == 0) {
        gcl_settings_plan(&config.settings, &b.plan_options);
        gcl_tuning_start(&tuning, &config, gcl_device_limits(b.dev), 0);
        gcl_tuning_ask(&tuning, 0, &b.plan_options);
        result = time_lines(&b, err);
        gcl_tuning_free(&tuning);
        gcl_device_close(b.dev);
    }
    gcl_config_free(&config);
    return result;
}
