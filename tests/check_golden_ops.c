/* Recorded PyTorch results of single operations: forward values and gradients of the same graph by
 * the oracle in double and by plans on a device, with the usual variants, with naive ones and with
 * those for GPUs.
 *
 * GANOCL_TEST_DEVICE chooses the device. A recorded operation that no table names fails. */
#include "golden_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/schedule.h"
#include "one_device_test.h"
#include "plan/plan.h"

/* Scalars that nn asks for: t counts the updates before this one, the recordings count from 1. */
static double scalar_value(const trial *t, const gcl_node *scalar)
{
    return strcmp(scalar->name, "t") == 0 ? golden_number(t, "t") - 1 : 1;
}

/* Every element within `relative` of its value and `absolute`, plus `of_largest` of the largest. */
static void compare(const trial *t, const tensor *x, const char *by, const double *got,
                    double relative, double of_largest, double absolute)
{
    double *right = golden_values(t, x), largest = 0;
    int64_t n = golden_entry(t, x->name)->count;
    ck_assert_msg(gcl_shape_count(x->node->shape) == n, "%s.%s: %s", t->name, x->name,
                  gcl_shape_text(x->node->shape));
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(right[i]));
    for (int64_t i = 0; i < n; i++) {
        double allowed = relative * fabs(right[i]) + of_largest * largest + absolute;
        ck_assert_msg(fabs(got[i] - right[i]) <= allowed,
                      "%s.%s[%lld] by %s: %.9g, recorded %.9g, allowed are %.2g", t->name, x->name,
                      (long long)i, by, got[i], right[i], allowed);
    }
    free(right);
}

static void fill_oracle(const trial *t, gcl_values *v)
{
    for (int i = 0; i < t->n_in; i++) {
        const tensor *x = &t->in[i];
        double *values = golden_values(t, x);
        memcpy(gcl_values_set(v, x->source) + x->first, values,
               (size_t)golden_entry(t, x->name)->count * sizeof *values);
        free(values);
    }
    for (int i = 0; t->nn != NULL && i < gcl_nn_scalars(t->nn); i++) {
        gcl_node *scalar = gcl_nn_scalar_at(t->nn, i);
        gcl_values_set(v, scalar)[0] = scalar_value(t, scalar);
    }
}

/* Tables hold float32 numbers, the reference had double ones. */
static int has_table(const gcl_graph *g)
{
    for (int i = 0; i < gcl_graph_size(g); i++)
        if (gcl_graph_node(g, i)->op == &gcl_op_table)
            return 1;
    return 0;
}

/* The files hold float64 results rounded to float32. */
static void check_oracle(const trial *t)
{
    gcl_error err = {0};
    double of_largest = has_table(t->graph) ? 1e-6 : 1e-10;
    gcl_values *v = gcl_values_new(t->graph);
    gcl_node *wanted[MAX_TENSORS];
    fill_oracle(t, v);
    for (int i = 0; i < t->n_out; i++)
        wanted[i] = t->out[i].node;
    ck_assert_msg(gcl_values_compute(v, wanted, t->n_out, &err) == 0, "%s: %s", t->name, err.text);
    for (int i = 0; i < t->n_out; i++)
        compare(t, &t->out[i], "the oracle", gcl_values_of(v, wanted[i]), 1e-7, of_largest, 1e-38);
    gcl_values_free(v);
}

static void store_floats(gcl_store *store, const gcl_node *variable, int64_t first,
                         const double *values, int64_t n)
{
    gcl_error err = {0};
    int64_t all = gcl_shape_count(variable->shape);
    float *floats = gcl_alloc((size_t)all * sizeof *floats);
    int status = gcl_store_read(store, variable->name, floats, all, &err);
    for (int64_t i = 0; i < n; i++)
        floats[first + i] = (float)values[i];
    if (status == 0)
        status = gcl_store_write(store, variable->name, floats, all, &err);
    ck_assert_msg(status == 0, "%s", err.text);
    free(floats);
}

static void fill_device(const trial *t, gcl_plan *plan, gcl_store *store)
{
    gcl_error err = {0};
    unsigned char *stage = gcl_plan_stage(plan, &err);
    ck_assert_msg(stage != NULL, "%s", err.text);
    for (int i = 0; i < t->n_in; i++) {
        const tensor *x = &t->in[i];
        int64_t n = golden_entry(t, x->name)->count, at = -1;
        double *values = golden_values(t, x);
        if (x->source->op == &gcl_op_variable) {
            uint64_t where;
            int64_t kept;
            if (gcl_store_find(store, x->source->name, &where, &kept) != NULL)
                store_floats(store, x->source, x->first, values, n);
        } else {
            at = gcl_plan_offset(plan, x->source);
        }
        for (int64_t j = 0; j < n && at >= 0; j++) {
            float value = (float)values[j];
            uint32_t word = (uint32_t)values[j];
            memcpy(stage + at + 4 * j, x->source->dtype == GCL_U32 ? (void *)&word : &value, 4);
        }
        free(values);
    }
    for (int i = 0; t->nn != NULL && i < gcl_nn_scalars(t->nn); i++) {
        gcl_node *scalar = gcl_nn_scalar_at(t->nn, i);
        float value = (float)scalar_value(t, scalar);
        if (gcl_plan_offset(plan, scalar) >= 0)
            memcpy(stage + gcl_plan_offset(plan, scalar), &value, sizeof value);
    }
}

/* As far off as ten times the library's own float32 run. */
static void check_results(const trial *t, gcl_plan *plan, const char *variant)
{
    const json_t *deviations = json_object_get(t->row, "float32_max_abs");
    for (int i = 0; i < t->n_out; i++) {
        gcl_error err = {0};
        const tensor *x = &t->out[i];
        int64_t n = gcl_shape_count(x->node->shape);
        float *floats = gcl_alloc((size_t)n * sizeof *floats);
        double *got = gcl_alloc((size_t)n * sizeof *got);
        ck_assert_msg(gcl_plan_read(plan, x->node, floats, &err) == 0, "%s", err.text);
        for (int64_t j = 0; j < n; j++)
            got[j] = (double)floats[j];
        compare(t, x, variant, got, 0, 1e-6,
                10 * json_number_value(json_object_get(deviations, x->name)) + 1e-38);
        free(floats);
        free(got);
    }
}

static void check_device(const trial *t, const char *variant)
{
    gcl_error err = {0};
    gcl_plan_options options = {.variant = variant};
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, t->graph, store, &options, &err);
    ck_assert_msg(plan != NULL, "%s: %s", t->name, err.text);
    fill_device(t, plan, store);
    ck_assert_msg(gcl_plan_run(plan, &err) == 0, "%s: %s", t->name, err.text);
    check_results(t, plan, variant ? variant : "the usual variants");
    gcl_plan_free(plan);
    gcl_store_free(store);
}

static void check_case(trial *t, case_builder build)
{
    t->graph = gcl_graph_new();
    build(t);
    ck_assert_msg(gcl_graph_error(t->graph) == NULL, "%s: %s", t->name, gcl_graph_error(t->graph));
    check_oracle(t);
    check_device(t, NULL);
    check_device(t, "naive");
    check_device(t, "tile");
    if (t->nn != NULL)
        gcl_nn_free(t->nn);
    gcl_graph_free(t->graph);
}

START_TEST(operation)
{
    const golden_op *op = golden_op_at(_i);
    size_t i;
    const json_t *row;
    int checked = 0;
    json_array_foreach(golden_cases(), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "op")), op->op) != 0)
            continue;
        trial t = {.name = json_string_value(json_object_get(row, "case")),
                   .row = row,
                   .attrs = json_object_get(row, "attrs")};
        check_case(&t, op->build);
        checked++;
    }
    printf("%-18s %2d cases\n", op->op, checked);
    ck_assert_int_gt(checked, 0);
}
END_TEST

static int exists(const char *name)
{
    const golden_op *op;
    for (int i = 0; (op = golden_op_at(i)) != NULL; i++)
        if (strcmp(op->op, name) == 0)
            return 1;
    return 0;
}

START_TEST(every_recorded_operation_is_checked)
{
    size_t i;
    const json_t *row;
    json_array_foreach(golden_cases(), i, row)
    {
        const char *op = json_string_value(json_object_get(row, "op"));
        ck_assert_msg(exists(op), "%s is in no table", op);
    }
}
END_TEST

/* ---- schedules ----------------------------------------------------------------------------------- */

/* The schedule called `name` at a step, with the recorded arguments. */
static double scheduled(const char *name, json_t *args, int64_t step)
{
    double base = 0, floor = 0, decay = 0, constant = 0, anneal = 0, minimum = 0, total = 0;
    double per_epoch = 0, epochs = 0, warmup = 0;
    json_unpack(args, "{s?F, s?F, s?F, s?F, s?F, s?F, s?F, s?F, s?F, s?F, s?F}", "base", &base,
                "floor", &floor, "decay", &decay, "constant", &constant, "anneal", &anneal,
                "minimum", &minimum, "total", &total, "total_steps", &total, "steps_per_epoch",
                &per_epoch, "epochs", &epochs, "warmup_epochs", &warmup);
    if (strcmp(name, "warmup_cosine") == 0) {
        const gcl_warmup how = {(int64_t)per_epoch, (int64_t)epochs, (int64_t)warmup, base, floor};
        return gcl_schedule_warmup_cosine(step, &how);
    }
    if (strcmp(name, "kl_coefficient") == 0)
        return gcl_schedule_kl(step, (int64_t)total, anneal, constant, minimum);
    if (strcmp(name, "linear_decay") == 0)
        return gcl_schedule_linear_decay(step, (int64_t)constant, (int64_t)decay, base);
    if (strcmp(name, "inverse_time") == 0)
        return gcl_schedule_inverse_time(step, base, decay);
    if (strcmp(name, "cosine") == 0)
        return gcl_schedule_cosine(step, (int64_t)total, base, floor);
    ck_abort_msg("no schedule %s", name);
    return 0;
}

START_TEST(schedules)
{
    size_t i, j;
    const json_t *row, *step;
    json_array_foreach(golden_schedules(), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        json_array_foreach(json_object_get(row, "steps"), j, step)
        {
            double right = json_number_value(json_array_get(json_object_get(row, "values"), j));
            double have = scheduled(name, json_object_get(row, "args"), json_integer_value(step));
            ck_assert_msg(fabs(have - right) <= 1e-15 + 1e-13 * fabs(right),
                          "%s at step %lld: %.17g, recorded %.17g", name,
                          (long long)json_integer_value(step), have, right);
        }
    }
    ck_assert_int_eq((int)i, 5);
}
END_TEST

static void open_all(void)
{
    golden_ops_open();
    open_device();
}

static void close_all(void)
{
    close_device();
    golden_ops_close();
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    Suite *suite = suite_create("golden ops");
    TCase *tests = tcase_create("recorded");
    tcase_set_timeout(tests, 0);
    tcase_add_unchecked_fixture(tests, open_all, close_all);
    int n = 0;
    while (golden_op_at(n) != NULL)
        n++;
    tcase_add_test(tests, every_recorded_operation_is_checked);
    tcase_add_test(tests, schedules);
    tcase_add_loop_test(tests, operation, 0, n);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
