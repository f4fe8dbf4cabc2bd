/* Generated kernels by themselves: what work-items past the last piece do.
 *
 * The plan launches none, but a device whose lanes are work-items fills a group that is smaller than
 * its vector with such, masked: what they would store is dropped, their loops are turned. Here they
 * are real ones, in groups of eight: they have to find their pieces empty. */
#include <math.h>

#include "device_test.h"
#include "ops/ops.h"
#include "plan/internal.h"

enum { LANES = 8, ROOM = 1 << 18 }; /* floats behind every pointer: a stray piece stays within */

/* ---- graphs whose inputs are all 1: n results of one value ---- */

typedef struct sample {
    const char *what;
    int shape[4], bias; /* bias: the term has an operand [1,1,1,C] too */
    int axes;           /* summed over; 0: a pointwise kernel */
    int n;
    float value;
} sample;

static const sample samples[] = {
    {"sum of a row", {1, 1, 1, 1000}, 0, GCL_AXIS_C, 1, 1000},
    {"sums of rows", {1, 1, 7, 300}, 1, GCL_AXIS_W | GCL_AXIS_C, 1, 4200},
    {"sums of columns", {1, 1, 50, 40}, 0, GCL_AXIS_W, 40, 50},
    {"pointwise, rows", {1, 1, 9, 40}, 1, 0, 360, 2},
    {"pointwise, one row", {1, 1, 1, 5000}, 0, 0, 5000, 1},
};
enum { N_SAMPLES = sizeof samples / sizeof *samples };

static gcl_graph *graph_of(const sample *s)
{
    gcl_graph *g = gcl_graph_new();
    const int *d = s->shape;
    gcl_node *y = gcl_input(g, "x", GCL_F32, gcl_shape_of(d[0], d[1], d[2], d[3]));
    y = s->bias ? gcl_add(y, gcl_input(g, "b", GCL_F32, gcl_shape_of(1, 1, 1, d[3])))
                : gcl_square(y);
    gcl_graph_output(s->axes ? gcl_sum(y, s->axes) : y, "y");
    return g;
}

/* ---- one kernel, launched with more work-items than it has pieces ---- */

static const unit *only_unit(const gcl_plan *plan)
{
    const unit *found = NULL;
    for (int k = 0; k < plan->n_units; k++)
        if (gcl_unit_generated(&plan->units[k])) {
            ck_assert_ptr_null(found);
            found = &plan->units[k];
        }
    ck_assert_ptr_nonnull(found);
    return found;
}

static gcl_kernel *build(const emitted *e)
{
    gcl_text source = {0};
    gcl_emit_prelude(&source, 0);
    gcl_text_add(&source, "#define NAME surplus\n%s", e->text);
    gcl_program *program = gcl_program_get(dev, "generated", source.text, "-cl-std=CL1.2", &err);
    ck_have(program);
    gcl_text_free(&source);
    gcl_kernel *kernel = gcl_kernel_new(program, "surplus", &err);
    ck_have(kernel);
    return kernel;
}

/* Every leaf is `ones`, the root `out`: a buffer and the element where it begins. */
static void bind(gcl_kernel *kernel, const emitted *e, gcl_buffer *ones, gcl_buffer *out)
{
    int index = 0;
    for (int i = 0; i < e->n_args; i++) {
        if (e->args[i].kind == GCL_ARG_INT) {
            ck_ok(gcl_kernel_set_int(kernel, index++, (int32_t)e->args[i].value, &err));
            continue;
        }
        gcl_buffer *buffer = e->args[i].kind == GCL_ARG_IN ? ones : out;
        ck_ok(gcl_kernel_set_buffer(kernel, index++, buffer, &err));
        ck_ok(gcl_kernel_set_ulong(kernel, index++, 0, &err));
    }
}

static void launch(const emitted *e, float *results)
{
    static const float one = 1, unset = NAN;
    uint32_t bits[2];
    memcpy(&bits[0], &one, sizeof one);
    memcpy(&bits[1], &unset, sizeof unset);
    const uint64_t bytes = ROOM * sizeof(float);
    gcl_buffer *ones = gcl_buffer_new(dev, bytes, "ones", &err);
    gcl_buffer *out = gcl_buffer_new(dev, bytes, "results", &err);
    ck_have(out);
    ck_ok(gcl_buffer_fill(ones, 0, bytes, bits[0], &err));
    ck_ok(gcl_buffer_fill(out, 0, bytes, bits[1], &err));
    gcl_kernel *kernel = build(e);
    bind(kernel, e, ones, out);
    const size_t global[3] = {LANES * e->global[0], e->global[1], e->global[2]};
    const size_t local[3] = {LANES, 1, 1};
    ck_ok(gcl_kernel_launch(kernel, global, local, &err));
    ck_ok(gcl_buffer_read(out, 0, results, bytes, &err));
    gcl_kernel_free(kernel);
    gcl_buffer_free(out);
    gcl_buffer_free(ones);
}

/* The results, then only what nobody stored and sums of nothing. */
static void check_results(const sample *s, const float *results)
{
    int right = 0, stray = s->n;
    while (right < s->n && results[right] == s->value)
        right++;
    while (stray < ROOM && (isnan(results[stray]) || results[stray] == 0))
        stray++;
    ck_assert_msg(right == s->n, "%s: result %d is %g instead of %g", s->what, right,
                  (double)results[right], (double)s->value);
    ck_assert_msg(stray == ROOM, "%s: a work-item past the last piece stored %g at %d", s->what,
                  (double)results[stray], stray);
}

static void try_width(const sample *s, unsigned width)
{
    gcl_limits limits = *gcl_device_limits(dev);
    limits.is_cpu = 1;
    limits.float_width = width;
    gcl_graph *g = graph_of(s);
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store,
                                  &(gcl_plan_options){.limits = &limits, .estimate_only = 1}, &err);
    ck_have(plan);
    emitted e;
    (s->axes ? gcl_emit_reduce : gcl_emit_pointwise)(plan, only_unit(plan), &e);
    ck_assert_int_eq(e.chunks, 1);
    float *results = gcl_alloc(ROOM * sizeof *results);
    launch(&e, results);
    check_results(s, results);
    free(results);
    free(e.text);
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_graph_free(g);
}

START_TEST(surplus_work_items)
{
    try_width(&samples[_i], 1);
    try_width(&samples[_i], 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emit");
    TCase *surplus = add_case(suite, "surplus", open_device, close_device);
    tcase_add_loop_test(surplus, surplus_work_items, 0, N_SAMPLES);
    return run_at_home(suite);
}
