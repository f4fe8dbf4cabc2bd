#include "numeric.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/philox.h"

void numeric_fill(gcl_values *values, const gcl_node *source, unsigned seed, double low,
                  double high, int positive)
{
    double *x = gcl_values_set(values, source);
    int64_t n = gcl_shape_count(source->shape);
    for (int64_t i = 0; i < n; i++) {
        x[i] = low + (high - low) * gcl_philox_uniform(seed, 0, 0, (uint64_t)i);
        if (!positive && gcl_philox_bits(seed, 0, 1, (uint64_t)i) & 1)
            x[i] = -x[i];
    }
}

const double *numeric_value(gcl_values *values, gcl_node *node)
{
    gcl_error err = {0};
    ck_assert_msg(gcl_values_compute(values, &node, 1, &err) == 0, "%s", err.text);
    return gcl_values_of(values, node);
}

static double value_at(gcl_values *values, gcl_node *y, double *element, double at)
{
    double kept = *element;
    *element = at;
    gcl_values_forget(values);
    double value = numeric_value(values, y)[0];
    *element = kept;
    return value;
}

void numeric_check(gcl_values *values, gcl_node *y, gcl_node *source, gcl_node *gradient,
                   double tolerance, const char *what)
{
    const double step = 1e-5;
    int64_t n = gcl_shape_count(source->shape);
    ck_assert_msg(gcl_shape_equal(gradient->shape, source->shape), "%s: gradient %s of %s", what,
                  gcl_shape_text(gradient->shape), gcl_shape_text(source->shape));
    double *x = gcl_values_set(values, source), *exact = gcl_alloc((size_t)n * sizeof *exact);
    gcl_values_forget(values);
    const double *computed = numeric_value(values, gradient);
    double largest = 1;
    for (int64_t i = 0; i < n; i++) {
        exact[i] = computed[i];
        largest = fmax(largest, fabs(exact[i]));
    }
    for (int64_t i = 0; i < n; i++) {
        double above = value_at(values, y, &x[i], x[i] + step);
        double below = value_at(values, y, &x[i], x[i] - step);
        double difference = (above - below) / (2 * step);
        ck_assert_msg(fabs(difference - exact[i]) <= tolerance * largest,
                      "%s: derivative by element %lld is %.9g, central difference %.9g", what,
                      (long long)i, exact[i], difference);
    }
    free(exact);
    gcl_values_forget(values);
}

gcl_node *numeric_scalar(gcl_node *x, gcl_node **weights)
{
    *weights = gcl_input(x->graph, "weights", GCL_F32, x->shape);
    return gcl_sum(gcl_mul(x, *weights), GCL_AXES_ALL);
}
