/* The graph without a device: shapes, value numbering, simplifications, scopes and errors, random
 * numbers, assignments, evaluation in double. */
#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "graph/op.h"
#include "numeric.h"
#include "ops/ops.h"
#include "suite_test.h"

static gcl_graph *g;
static gcl_values *values;

static void setup(void)
{
    g = gcl_graph_new();
    values = NULL;
}

static void teardown(void)
{
    gcl_values_free(values);
    gcl_graph_free(g);
}

/* A variable that holds 1, 2, 3 ... once `begin` was called. */
static gcl_node *counting(gcl_shape shape) { return gcl_variable(g, "counting", shape); }

/* Ends building: values for what was built. */
static void begin(void)
{
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    values = gcl_values_new(g);
    for (int id = 0; id < gcl_graph_size(g); id++) {
        const gcl_node *node = gcl_graph_node(g, id);
        if (node->op != &gcl_op_variable)
            continue;
        double *x = gcl_values_set(values, node);
        for (int64_t i = 0; i < gcl_shape_count(node->shape); i++)
            x[i] = (double)i + 1;
    }
}

static void assert_values(gcl_node *node, const double *wanted, int n)
{
    ck_assert_int_eq(gcl_shape_count(node->shape), n);
    const double *have = numeric_value(values, node);
    for (int i = 0; i < n; i++)
        ck_assert_double_eq_tol(have[i], wanted[i], 1e-12);
}

#define ASSERT_VALUES(node, ...)                                                                   \
    assert_values(node, (const double[]){__VA_ARGS__},                                             \
                  (int)(sizeof(double[]){__VA_ARGS__} / sizeof(double)))

static void assert_error(const char *part)
{
    ck_assert_msg(gcl_graph_error(g) != NULL, "no error, but wanted: %s", part);
    ck_assert_msg(strstr(gcl_graph_error(g), part) != NULL, "\"%s\" lacks \"%s\"",
                  gcl_graph_error(g), part);
}

#define ASSERT_SHAPE(node, n, h, w, c)                                                             \
    ck_assert(gcl_shape_equal((node)->shape, gcl_shape_of(n, h, w, c)))

/* ---- shapes --------------------------------------------------------------------------------------- */

START_TEST(operands_broadcast)
{
    gcl_node *a = counting(gcl_shape_of(2, 1, 3, 1)), *b = counting(gcl_shape_of(1, 4, 1, 5));
    ASSERT_SHAPE(gcl_add(a, b), 2, 4, 3, 5);
    ASSERT_SHAPE(gcl_select(gcl_constant(g, 1), a, b), 2, 4, 3, 5);
    ASSERT_SHAPE(gcl_scale(a, 2), 2, 1, 3, 1);
    gcl_node *row = counting(gcl_shape_of(1, 1, 1, 2)),
             *column = counting(gcl_shape_of(1, 1, 2, 1));
    gcl_node *table = gcl_mul(row, gcl_scale(column, 10));
    begin();
    ASSERT_SHAPE(table, 1, 1, 2, 2);
    ASSERT_VALUES(table, 10, 20, 20, 40);
}
END_TEST

START_TEST(shapes_that_do_not_fit)
{
    gcl_add(counting(gcl_shape_of(1, 1, 2, 3)), counting(gcl_shape_of(1, 1, 3, 3)));
    assert_error("add of [1,1,2,3] and [1,1,3,3]: shapes do not fit");
}
END_TEST

START_TEST(broadcasts_that_do_not_fit)
{
    gcl_broadcast(counting(gcl_shape_of(1, 1, 1, 3)), gcl_shape_of(2, 2, 2, 4));
    assert_error("[1,1,1,3] does not broadcast to [2,2,2,4]");
}
END_TEST

START_TEST(views_that_do_not_fit)
{
    gcl_view(counting(gcl_shape_of(1, 1, 1, 8)), 4, gcl_shape_of(1, 1, 1, 5));
    assert_error("a view of [1,1,1,5] from element 4 does not fit into [1,1,1,8]");
}
END_TEST

START_TEST(reshapes_that_do_not_fit)
{
    gcl_reshape(counting(gcl_shape_of(1, 1, 1, 8)), gcl_shape_of(1, 1, 3, 3));
    assert_error("[1,1,1,8] cannot be reshaped to [1,1,3,3]");
}
END_TEST

START_TEST(packs_that_do_not_fit)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 1, 8));
    gcl_shape shape = gcl_shape_of(1, 1, 3, 5);
    gcl_pack(g, (gcl_node *[]){x, x}, 2, &shape);
    assert_error("16 packed elements do not make [1,1,3,5]");
}
END_TEST

START_TEST(inputs_have_elements)
{
    gcl_input(g, "x", GCL_F32, gcl_shape_of(0, 8, 8, 3));
    assert_error("input x has an empty shape [0,8,8,3]");
}
END_TEST

/* ---- evaluation ------------------------------------------------------------------------------------- */

START_TEST(reductions)
{
    gcl_node *x = counting(gcl_shape_of(2, 1, 2, 3)); /* 1 2 3, 4 5 6; 7 8 9, 10 11 12 */
    gcl_node *over_c = gcl_sum(x, GCL_AXIS_C), *over_n = gcl_sum(x, GCL_AXIS_N);
    gcl_node *most = gcl_max_over(gcl_neg(x), GCL_AXIS_N | GCL_AXIS_W), *mean = gcl_mean(x);
    gcl_node *apart = gcl_mean_over(x, GCL_AXIS_N | GCL_AXIS_C), *none = gcl_sum(x, GCL_AXIS_H);
    ck_assert_ptr_eq(none, x);
    ASSERT_SHAPE(over_c, 2, 1, 2, 1);
    ASSERT_SHAPE(apart, 1, 1, 2, 1);
    begin();
    ASSERT_VALUES(over_c, 6, 15, 24, 33);
    ASSERT_VALUES(over_n, 8, 10, 12, 14, 16, 18);
    ASSERT_VALUES(most, -1, -2, -3);
    ASSERT_VALUES(mean, 6.5);
    ASSERT_VALUES(apart, 5, 8);
}
END_TEST

START_TEST(sums_that_need_no_pass)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 2, 3)), *v = counting(gcl_shape_of(1, 1, 1, 3));
    gcl_node *spread = gcl_sum(gcl_broadcast(v, gcl_shape_of(4, 1, 2, 3)), GCL_AXIS_N | GCL_AXIS_W);
    gcl_node *product = gcl_sum(gcl_mul(x, v), GCL_AXIS_W);
    gcl_node *combined =
        gcl_sum(gcl_sub(gcl_mul(x, v), gcl_neg(gcl_mul(gcl_square(x), v))), GCL_AXIS_W);
    gcl_node *deviation = gcl_sum(gcl_sub(x, gcl_mean_over(x, GCL_AXIS_W)), GCL_AXIS_W);
    gcl_node *other = gcl_sum(gcl_sub(x, gcl_mean_over(x, GCL_AXIS_C)), GCL_AXIS_W);
    double zero = -1;
    ck_assert(gcl_node_constant(deviation->in[0], &zero));
    ck_assert_double_eq(zero, 0);
    begin();
    ASSERT_VALUES(spread, 8, 16, 24);
    ASSERT_VALUES(product, 5, 14, 27);
    ASSERT_VALUES(combined, 5 + 17, 14 + 58, 27 + 135);
    ASSERT_VALUES(deviation, 0, 0, 0);
    ASSERT_VALUES(other, -2, 0, 2);
}
END_TEST

START_TEST(views_packs_and_broadcasts)
{
    gcl_node *x = counting(gcl_shape_of(1, 2, 2, 3)), *y = counting(gcl_shape_of(1, 1, 1, 2));
    gcl_node *part = gcl_view(x, 4, gcl_shape_of(1, 1, 2, 2));
    gcl_node *part_of_part = gcl_view(part, 1, gcl_shape_of(1, 1, 1, 2));
    ck_assert_ptr_eq(part_of_part->in[0], x);
    gcl_shape stacked = gcl_shape_of(3, 1, 1, 2);
    gcl_node *pack = gcl_pack(g, (gcl_node *[]){part, y}, 2, &stacked);
    gcl_node *alone = gcl_pack(g, &x, 1, NULL), *wide = gcl_broadcast(y, gcl_shape_of(1, 1, 2, 2));
    ASSERT_SHAPE(alone, 1, 1, 1, 12);
    begin();
    ASSERT_VALUES(part, 5, 6, 7, 8);
    ASSERT_VALUES(part_of_part, 6, 7);
    ASSERT_VALUES(pack, 5, 6, 7, 8, 1, 2);
    ASSERT_VALUES(wide, 1, 2, 1, 2);
}
END_TEST

/* ---- value numbering and simplification ------------------------------------------------------------ */

START_TEST(equal_nodes_are_made_once)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 2, 3)), *y = counting(gcl_shape_of(1, 1, 2, 3));
    ck_assert_ptr_ne(x, y); /* variables are what they are, not what they are called */
    ck_assert_ptr_eq(gcl_add(x, y), gcl_add(x, y));
    ck_assert_ptr_ne(gcl_sub(x, y), gcl_sub(y, x));
    ck_assert_ptr_eq(gcl_sum(x, GCL_AXIS_C), gcl_sum(x, GCL_AXIS_C));
    ck_assert_ptr_ne(gcl_sum(x, GCL_AXIS_C), gcl_max_over(x, GCL_AXIS_C));
    ck_assert_ptr_eq(gcl_view(x, 1, gcl_shape_of(1, 1, 1, 2)),
                     gcl_view(x, 1, gcl_shape_of(1, 1, 1, 2)));
    ck_assert_ptr_ne(gcl_view(x, 1, gcl_shape_of(1, 1, 1, 2)),
                     gcl_view(x, 2, gcl_shape_of(1, 1, 1, 2)));
    ck_assert_ptr_ne(gcl_detach(x), x);
    int before = gcl_graph_size(g);
    for (int i = 0; i < 5000; i++) /* the table grows */
        gcl_constant(g, i);
    ck_assert_int_ge(gcl_graph_size(g), before + 4990);
    ck_assert_ptr_eq(gcl_constant(g, 4321), gcl_constant(g, 4321));
    ck_assert_ptr_eq(gcl_add(x, y), gcl_add(x, y));
}
END_TEST

static double constant_value(const gcl_node *node)
{
    double value = NAN;
    ck_assert(gcl_node_constant(node->op == &gcl_op_broadcast ? node->in[0] : node, &value));
    return value;
}

START_TEST(what_does_nothing_vanishes)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 2, 3)), *zero = gcl_constant(g, 0);
    gcl_node *spread_one = gcl_broadcast(gcl_constant(g, 1), x->shape);
    ck_assert_ptr_eq(gcl_shift(x, 0), x);
    ck_assert_ptr_eq(gcl_add(zero, x), x);
    ck_assert_ptr_eq(gcl_sub(x, zero), x);
    ck_assert_ptr_eq(gcl_sub(zero, x), gcl_neg(x));
    ck_assert_ptr_eq(gcl_scale(x, 1), x);
    ck_assert_ptr_eq(gcl_mul(spread_one, x), x);
    ck_assert_ptr_eq(gcl_div(x, spread_one), x);
    ck_assert_ptr_eq(gcl_scale(x, -1), gcl_neg(x));
    ck_assert_ptr_eq(gcl_neg(gcl_neg(x)), x);
    ck_assert_ptr_eq(gcl_scale(gcl_scale(x, 2), 3), gcl_scale(x, 6));
    ck_assert_ptr_eq(gcl_reshape(x, x->shape), x);
    ck_assert_ptr_eq(gcl_broadcast(x, x->shape), x);
    gcl_node *nothing = gcl_scale(x, 0);
    ck_assert(gcl_shape_equal(nothing->shape, x->shape));
    ck_assert_double_eq(constant_value(nothing), 0);
    ck_assert_double_eq(constant_value(gcl_div(zero, x)), 0);
}
END_TEST

/* The result has the larger shape even where the smaller operand would do by its values. */
START_TEST(simplification_keeps_shapes)
{
    gcl_node *small = counting(gcl_shape_of(1, 1, 1, 3));
    gcl_node *zeros = gcl_broadcast(gcl_constant(g, 0), gcl_shape_of(2, 1, 1, 3));
    gcl_node *ones = gcl_broadcast(gcl_constant(g, 1), gcl_shape_of(2, 1, 1, 3));
    gcl_node *sum = gcl_add(small, zeros), *difference = gcl_sub(zeros, small);
    gcl_node *product = gcl_mul(small, ones), *quotient = gcl_div(small, ones);
    begin();
    ASSERT_VALUES(sum, 1, 2, 3, 1, 2, 3);
    ASSERT_VALUES(difference, -1, -2, -3, -1, -2, -3);
    ASSERT_VALUES(product, 1, 2, 3, 1, 2, 3);
    ASSERT_VALUES(quotient, 1, 2, 3, 1, 2, 3);
}
END_TEST

START_TEST(constants_fold)
{
    gcl_node *two = gcl_constant(g, 2), *wide = gcl_broadcast(two, gcl_shape_of(1, 1, 2, 2));
    ck_assert_double_eq(constant_value(gcl_exp(gcl_constant(g, 0))), 1);
    gcl_node *sum = gcl_add(wide, gcl_constant(g, 3));
    ASSERT_SHAPE(sum, 1, 1, 2, 2);
    ck_assert_double_eq(constant_value(sum), 5);
    ck_assert_double_eq(constant_value(gcl_select(gcl_constant(g, -1), two, gcl_constant(g, 9))),
                        9);
    ck_assert_double_eq(constant_value(gcl_sum(wide, GCL_AXES_ALL)), 8);
}
END_TEST

START_TEST(finite_is_about_values)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 1, 4)), *finite = gcl_finite(x);
    begin();
    memcpy(gcl_values_set(values, x), (double[]){1, NAN, INFINITY, -INFINITY}, 4 * sizeof(double));
    ASSERT_VALUES(finite, 1, 0, 0, 0);
}
END_TEST

START_TEST(tables_are_one_by_content)
{
    const double numbers[6] = {1, 0.1, -3, 4, 5, 6}, others[6] = {1, 0.1, -3, 4, 5, 7};
    gcl_shape shape = gcl_shape_of(1, 2, 1, 3);
    gcl_node *table = gcl_table(g, shape, numbers);
    ck_assert_ptr_eq(gcl_table(g, shape, numbers), table);
    ck_assert_ptr_ne(gcl_table(g, shape, others), table);
    gcl_node *flat = gcl_table(g, gcl_shape_of(1, 1, 1, 6), numbers);
    ck_assert_ptr_ne(flat, table);
    ck_assert_ptr_eq(gcl_node_table(flat), gcl_node_table(table));
    ck_assert_ptr_null(gcl_node_table(gcl_neg(table)));
    gcl_text text = {0};
    gcl_graph_print(g, &text);
    ck_assert_ptr_nonnull(strstr(text.text, "%0 = table 1 0.1 -3 4 ... : [1,2,1,3]\n"));
    gcl_text_free(&text);
    gcl_node *twice = gcl_scale(table, 2);
    begin();
    ASSERT_VALUES(twice, 2, 2 * (double)0.1f, -6, 8, 10, 12); /* rounded to float32 */
    gcl_table(g, gcl_shape_of(1, 0, 1, 1), numbers);
    assert_error("a table has an empty shape [1,0,1,1]");
}
END_TEST

START_TEST(logsumexp_stays_finite)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 2, 2)), *far = gcl_scale(x, 1000);
    gcl_node *rows = gcl_logsumexp(far, GCL_AXIS_C), *near = gcl_logsumexp(x, GCL_AXES_ALL);
    begin();
    ASSERT_VALUES(rows, 2000, 4000);
    ASSERT_VALUES(near, log(exp(1) + exp(2) + exp(3) + exp(4)));
}
END_TEST

/* ---- scopes and errors ------------------------------------------------------------------------------ */

START_TEST(the_first_mistake_is_kept_with_its_place)
{
    gcl_scope_push(g, "generator");
    gcl_scope_push(g, "up%d", 2);
    ck_assert_str_eq(gcl_scope_path(g), "generator/up2");
    gcl_graph_at(g, "models/dcgan.c", 41);
    gcl_node *harmless = gcl_graph_fail(g, "input has %d channels, filter wants %d", 128, 256);
    gcl_scope_pop(g);
    gcl_graph_at(g, "models/dcgan.c", 99);
    harmless = gcl_add(harmless, gcl_graph_fail(g, "another"));
    ck_assert_ptr_nonnull(harmless);
    ck_assert_str_eq(gcl_graph_error(g), "generator/up2: input has 128 channels, filter wants 256 "
                                         "(models/dcgan.c:41)");
    gcl_error err = {0};
    gcl_values *none = gcl_values_new(g);
    ck_assert_int_eq(gcl_values_compute(none, &harmless, 1, &err), -1);
    ck_assert_str_eq(err.text, gcl_graph_error(g));
    gcl_values_free(none);
}
END_TEST

START_TEST(gradients_bear_the_scope_of_what_they_differentiate)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 1, 3)), *dx;
    gcl_scope_push(g, "inner");
    gcl_node *y = gcl_sum(gcl_exp(x), GCL_AXES_ALL);
    gcl_scope_pop(g);
    gcl_scope_push(g, "outer");
    gcl_gradients(gcl_scale(y, 3), &x, 1, &dx);
    ck_assert_str_eq(dx->scope, "inner");
    ck_assert_str_eq(gcl_scope_path(g), "outer");
    ck_assert_str_eq(gcl_neg(x)->scope, "outer");
}
END_TEST

START_TEST(outputs_are_found_by_name)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 1, 3)), *y = gcl_neg(x);
    ck_assert_ptr_eq(gcl_graph_output(y, "minus"), y);
    gcl_graph_output(x, "plus");
    const char *name;
    ck_assert_int_eq(gcl_graph_outputs(g), 2);
    ck_assert_ptr_eq(gcl_graph_output_at(g, 1, &name), x);
    ck_assert_str_eq(name, "plus");
    ck_assert_ptr_eq(gcl_graph_find_output(g, "minus"), y);
    ck_assert_ptr_null(gcl_graph_find_output(g, "times"));
}
END_TEST

START_TEST(graphs_print)
{
    gcl_scope_push(g, "net");
    gcl_scale(counting(gcl_shape_of(1, 1, 1, 3)), 2);
    gcl_text text = {0};
    gcl_graph_print(g, &text);
    ck_assert_str_eq(text.text, "%0 = variable counting : [1,1,1,3]  # net\n"
                                "%1 = constant 2 : [1,1,1,1]  # net\n"
                                "%2 = mul %0 %1 : [1,1,1,3]  # net\n");
    gcl_text_free(&text);
}
END_TEST

/* ---- random numbers ----------------------------------------------------------------------------------- */

START_TEST(random_nodes_are_philox)
{
    enum { N = 20 };
    gcl_node *key = gcl_input(g, "key", GCL_U32, gcl_shape_of(1, 1, 1, 4));
    gcl_shape shape = gcl_shape_of(1, 1, 2, N / 2);
    gcl_node *uniform = gcl_random_uniform(key, 7, shape),
             *normal = gcl_random_normal(key, 8, shape);
    gcl_node *keep = gcl_random_keep(key, 7, shape, 0.6);
    begin();
    uint64_t seed = 0x123456789abcdef0u;
    uint32_t step = 77;
    memcpy(gcl_values_set(values, key), (double[]){0x9abcdef0u, 0x12345678u, step, 0},
           4 * sizeof(double));
    for (uint64_t i = 0; i < N; i++) {
        double u = gcl_philox_uniform(seed, step, 7, i);
        ck_assert_double_eq(numeric_value(values, uniform)[i], u);
        ck_assert_double_eq(numeric_value(values, normal)[i], gcl_philox_normal(seed, step, 8, i));
        ck_assert_double_eq(numeric_value(values, keep)[i], u < (double)0.6f);
    }
}
END_TEST

START_TEST(random_keys_are_words)
{
    gcl_random_normal(gcl_input(g, "key", GCL_F32, gcl_shape_of(1, 1, 1, 4)), 1,
                      gcl_shape_of(1, 1, 1, 1));
    assert_error("a random key is a 32-bit input [1,1,1,4]");
}
END_TEST

/* ---- state --------------------------------------------------------------------------------------------- */

START_TEST(readers_see_the_value_of_their_time)
{
    gcl_node *v = counting(gcl_shape_of(1, 1, 1, 2)), *before = gcl_scale(v, 10);
    gcl_node *next = gcl_assign(v, gcl_shift(v, 5)), *after = gcl_scale(next, 10);
    gcl_node *again = gcl_assign(next, gcl_scale(next, 2));
    begin();
    ASSERT_VALUES(before, 10, 20);
    ASSERT_VALUES(after, 60, 70);
    ASSERT_VALUES(again, 12, 14);
}
END_TEST

START_TEST(old_values_are_not_read_later)
{
    gcl_node *v = counting(gcl_shape_of(1, 1, 1, 2)),
             *whole = gcl_reshape(v, gcl_shape_of(1, 1, 2, 1));
    gcl_assign(v, gcl_shift(v, 5));
    ck_assert_ptr_null(gcl_graph_error(g));
    ck_assert_ptr_eq(gcl_shift(v, 5), gcl_shift(v, 5)); /* made before: fine */
    ck_assert_ptr_null(gcl_graph_error(g));
    gcl_exp(whole);
    assert_error("the old value of counting is read after a new one was assigned to it");
}
END_TEST

START_TEST(old_values_are_not_assigned_to)
{
    gcl_node *v = counting(gcl_shape_of(1, 1, 1, 2)), *one = gcl_shift(v, 1),
             *two = gcl_shift(v, 2);
    gcl_node *next = gcl_assign(v, one);
    gcl_assign(next, two);
    ck_assert_ptr_null(gcl_graph_error(g));
    gcl_assign(next, one);
    assert_error("the old value of counting");
}
END_TEST

START_TEST(only_variables_are_assigned_to)
{
    gcl_node *v = counting(gcl_shape_of(1, 1, 1, 2));
    gcl_assign(gcl_neg(v), v);
    assert_error("only a variable can be assigned to, not neg");
}
END_TEST

START_TEST(assignments_keep_the_shape)
{
    gcl_assign(counting(gcl_shape_of(1, 1, 1, 2)), gcl_constant(g, 0));
    assert_error("a value [1,1,1,1] cannot be assigned to [1,1,1,2]");
}
END_TEST

START_TEST(a_variable_may_get_its_size_last)
{
    gcl_node *flat = gcl_variable(g, "flat", gcl_shape_of(1, 1, 1, 0));
    gcl_node *a = gcl_view(flat, 0, gcl_shape_of(1, 1, 1, 3)),
             *b = gcl_view(flat, 4, gcl_shape_of(1, 1, 2, 1));
    gcl_variable_resize(flat, 6);
    gcl_node *next = gcl_assign(flat, gcl_scale(flat, 2));
    gcl_node *c = gcl_view(next, 5, gcl_shape_of(1, 1, 1, 1));
    begin();
    ASSERT_VALUES(a, 1, 2, 3);
    ASSERT_VALUES(b, 5, 6);
    ASSERT_VALUES(c, 12);
}
END_TEST

START_TEST(values_can_be_computed_again)
{
    gcl_node *x = counting(gcl_shape_of(1, 1, 1, 2)), *y = gcl_square(x);
    begin();
    ASSERT_VALUES(y, 1, 4);
    gcl_values_set(values, x)[0] = 3;
    gcl_values_forget(values);
    ck_assert_ptr_null(gcl_values_of(values, y));
    ASSERT_VALUES(y, 9, 4);
}
END_TEST

/* ---- the program ---------------------------------------------------------------------------------------- */

START_TEST(kernels_take_no_bytes)
{
    gcl_node *bytes = gcl_input(g, "photo", GCL_U8, gcl_shape_of(1, 4, 4, 3));
    const int begin[4] = {0, 1, 1, 0};
    gcl_slice(gcl_scale(bytes, 1), begin, gcl_shape_of(1, 2, 2, 3)); /* times 1 is no conversion */
    ck_assert_ptr_nonnull(gcl_graph_error(g));
    ck_assert_ptr_nonnull(strstr(gcl_graph_error(g), "photo [1,4,4,3] holds bytes"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *shapes = add_case(suite, "shapes", setup, teardown),
          *rules = add_case(suite, "values", setup, teardown),
          *places = add_case(suite, "scopes", setup, teardown),
          *state = add_case(suite, "state", setup, teardown);
    tcase_add_test(shapes, kernels_take_no_bytes);
    tcase_add_test(shapes, operands_broadcast);
    tcase_add_test(shapes, shapes_that_do_not_fit);
    tcase_add_test(shapes, broadcasts_that_do_not_fit);
    tcase_add_test(shapes, views_that_do_not_fit);
    tcase_add_test(shapes, reshapes_that_do_not_fit);
    tcase_add_test(shapes, packs_that_do_not_fit);
    tcase_add_test(shapes, inputs_have_elements);
    tcase_add_test(rules, reductions);
    tcase_add_test(rules, sums_that_need_no_pass);
    tcase_add_test(rules, views_packs_and_broadcasts);
    tcase_add_test(rules, equal_nodes_are_made_once);
    tcase_add_test(rules, what_does_nothing_vanishes);
    tcase_add_test(rules, simplification_keeps_shapes);
    tcase_add_test(rules, constants_fold);
    tcase_add_test(rules, finite_is_about_values);
    tcase_add_test(rules, tables_are_one_by_content);
    tcase_add_test(rules, logsumexp_stays_finite);
    tcase_add_test(places, the_first_mistake_is_kept_with_its_place);
    tcase_add_test(places, gradients_bear_the_scope_of_what_they_differentiate);
    tcase_add_test(places, outputs_are_found_by_name);
    tcase_add_test(places, graphs_print);
    tcase_add_test(state, random_nodes_are_philox);
    tcase_add_test(state, random_keys_are_words);
    tcase_add_test(state, readers_see_the_value_of_their_time);
    tcase_add_test(state, old_values_are_not_read_later);
    tcase_add_test(state, old_values_are_not_assigned_to);
    tcase_add_test(state, only_variables_are_assigned_to);
    tcase_add_test(state, assignments_keep_the_shape);
    tcase_add_test(state, a_variable_may_get_its_size_last);
    tcase_add_test(state, values_can_be_computed_again);
    return run_suite(suite);
}
