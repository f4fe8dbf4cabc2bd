/* Augmentation before D: beside a plain computation with the same draws, its derivatives beside
 * differences, its kernels beside the oracle, and where the systems put it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "models/model.h"
#include "nn/augment.h"
#include "nn_fixture.h"
#include "plan/plan.h"

#define ALL "flip,shift,colour,cutout"

/* ---- plainly --------------------------------------------------------------------------------------- */

typedef struct pictures {
    int h, w, c;
    double *at; /* [h,w,c] of one */
} pictures;

static double *pixel(const pictures *x, int i, int j, int k)
{
    return &x->at[(i * x->w + j) * x->c + k];
}

static void swap(double *a, double *b)
{
    double kept = *a;
    *a = *b;
    *b = kept;
}

static void plain_flip(const pictures *x)
{
    for (int i = 0; i < x->h; i++)
        for (int j = 0; j < x->w / 2; j++)
            for (int k = 0; k < x->c; k++)
                swap(pixel(x, i, j, k), pixel(x, i, x->w - 1 - j, k));
}

/* Published one after the other: brightness, saturation, contrast, each on what the one before made. */
static void plain_colour(const pictures *x, double brightness, double saturation, double contrast)
{
    int n = x->h * x->w * x->c;
    double mean = 0;
    for (int i = 0; i < n; i++)
        x->at[i] += brightness;
    for (int i = 0; i < n; i += x->c) {
        double grey = 0;
        for (int k = 0; k < x->c; k++)
            grey += x->at[i + k] / x->c;
        for (int k = 0; k < x->c; k++)
            x->at[i + k] = (x->at[i + k] - grey) * saturation + grey;
    }
    for (int i = 0; i < n; i++)
        mean += x->at[i] / n;
    for (int i = 0; i < n; i++)
        x->at[i] = (x->at[i] - mean) * contrast + mean;
}

static void plain_shift(const pictures *x, int down, int across, double outside)
{
    pictures from = *x;
    size_t bytes = (size_t)(x->h * x->w * x->c) * sizeof *x->at;
    from.at = memcpy(gcl_alloc(bytes), x->at, bytes);
    for (int i = 0; i < x->h; i++)
        for (int j = 0; j < x->w; j++)
            for (int k = 0; k < x->c; k++) {
                int p = i + down, q = j + across;
                int inside = p >= 0 && p < x->h && q >= 0 && q < x->w;
                *pixel(x, i, j, k) = inside ? *pixel(&from, p, q, k) : outside;
            }
    free(from.at);
}

static void plain_cutout(const pictures *x, int top, int left, double hole)
{
    int height = (x->h + 1) / 2, width = (x->w + 1) / 2;
    for (int i = top; i < top + height; i++)
        for (int j = left; j < left + width; j++)
            for (int k = 0; k < x->c && i >= 0 && i < x->h && j >= 0 && j < x->w; k++)
                *pixel(x, i, j, k) = hole;
}

static int below(double u, int n) { return u * n >= n - 1 ? n - 1 : (int)floor(u * n); }

static void plain(const pictures *x, const gcl_augment *what, const double *u)
{
    double mid = (what->low + what->high) / 2, half = (what->high - what->low) / 2;
    int down = (int)lround(x->h / 8.0), across = (int)lround(x->w / 8.0);
    int height = (x->h + 1) / 2, width = (x->w + 1) / 2;
    if (what->flip && u[GCL_AUGMENT_FLIP] >= 0.5)
        plain_flip(x);
    if (what->colour)
        plain_colour(x, (u[GCL_AUGMENT_BRIGHTNESS] - 0.5) * half, 2 * u[GCL_AUGMENT_SATURATION],
                     u[GCL_AUGMENT_CONTRAST] + 0.5);
    if (what->shift)
        plain_shift(x, below(u[GCL_AUGMENT_SHIFT_H], 2 * down + 1) - down,
                    below(u[GCL_AUGMENT_SHIFT_W], 2 * across + 1) - across, mid);
    if (what->cutout)
        plain_cutout(x, below(u[GCL_AUGMENT_CUT_H], x->h + 1 - height % 2) - height / 2,
                     below(u[GCL_AUGMENT_CUT_W], x->w + 1 - width % 2) - width / 2, mid);
}

/* ---- values ---------------------------------------------------------------------------------------- */

static const struct {
    gcl_shape shape;
    gcl_augment what;
} cases[] = {
    {{{3, 8, 8, 3}}, {.flip = 1, .low = -1, .high = 1}},
    {{{4, 8, 8, 3}}, {.colour = 1, .low = -1, .high = 1}},
    {{{4, 8, 8, 1}}, {.colour = 1, .low = 0, .high = 1}},
    {{{2, 16, 12, 3}}, {.shift = 1, .low = -1, .high = 1}},
    {{{4, 9, 17, 2}}, {.shift = 1, .low = 0, .high = 1}},
    {{{1, 24, 8, 2}}, {.shift = 1, .low = -1, .high = 1}},
    {{{2, 3, 3, 1}}, {.shift = 1, .low = -1, .high = 1}}, /* nowhere to go */
    {{{4, 8, 10, 3}}, {.cutout = 1, .low = -1, .high = 1}},
    {{{4, 9, 7, 1}}, {.cutout = 1, .low = 0, .high = 1}},
    {{{3, 8, 8, 3}}, {1, 1, 1, 1, -1, 1}},
    {{{3, 11, 10, 1}}, {1, 1, 1, 1, 0, 1}},
};
enum { CASES = sizeof cases / sizeof *cases, SETS = 12 };

static gcl_node *x;
static gcl_augment_draws draws;

static gcl_node *build(int i)
{
    x = gcl_input(g, "x", GCL_F32, cases[i].shape);
    draws = gcl_augment_draw(nn, &cases[i].what, "augment", cases[i].shape.d[0]);
    return gcl_augmented(x, &draws, 0);
}

/* Draw k of picture i in set `set`: some are the ends of the range, up to what rounds to 1. */
static double draw_of(int set, int k, int i)
{
    static const double ends[] = {0, 1 - 1.0 / (1 << 24), 1, 0.5, 0.49999997};
    unsigned at = (unsigned)(set * 31 + k * 7 + i * 3);
    return set < 3 ? ends[at % 5] : fmod(0.618033988749895 * (at + 1), 1);
}

static void set_draws(int set)
{
    for (int k = 0; k < GCL_AUGMENT_NUMBERS; k++)
        for (int i = 0; draws.of[k] != NULL && i < draws.of[k]->shape.d[0]; i++)
            gcl_values_set(values, draws.of[k])[i] = draw_of(set, k, i);
}

START_TEST(pictures_are_what_they_should_be)
{
    nn_setup(1, 1);
    gcl_node *y = build(_i);
    gcl_shape s = cases[_i].shape;
    int size = s.d[1] * s.d[2] * s.d[3];
    double *wanted = gcl_alloc((size_t)(size * s.d[0]) * sizeof *wanted);
    nn_begin();
    ck_assert(gcl_shape_equal(y->shape, s));
    numeric_fill(values, x, 3, 0.1, 1, 0);
    for (int set = 0; set < SETS; set++) {
        set_draws(set);
        memcpy(wanted, gcl_values_set(values, x), (size_t)(size * s.d[0]) * sizeof *wanted);
        for (int i = 0; i < s.d[0]; i++) {
            double u[GCL_AUGMENT_NUMBERS];
            for (int k = 0; k < GCL_AUGMENT_NUMBERS; k++)
                u[k] = draw_of(set, k, i);
            plain(&(pictures){s.d[1], s.d[2], s.d[3], wanted + i * size}, &cases[_i].what, u);
        }
        gcl_values_forget(values);
        nn_assert_values(y, wanted, 1e-12);
    }
    free(wanted);
}
END_TEST

/* First and second derivatives, of sum(weights y^2). */
START_TEST(derivatives_are_those_of_differences)
{
    nn_setup(1, 1);
    gcl_node *weights, *again, *dx, *ddx;
    gcl_node *loss = numeric_scalar(gcl_square(build(_i)), &weights);
    ck_assert_int_eq(gcl_gradients(loss, &x, 1, &dx), 0);
    again = gcl_sum(gcl_mul(dx, weights), GCL_AXES_ALL);
    ck_assert_int_eq(gcl_gradients(again, &x, 1, &ddx), 0);
    nn_begin();
    numeric_fill(values, x, 5, 0.1, 1, 0);
    numeric_fill(values, weights, 6, 0.2, 1, 0);
    for (int set = 2; set < 4; set++) {
        set_draws(set);
        numeric_check(values, loss, x, dx, 1e-7, "augmented");
        numeric_check(values, again, x, ddx, 1e-7, "its derivative");
    }
}
END_TEST

/* Pictures of a part take their own draws. */
START_TEST(parts_take_their_rows)
{
    gcl_augment what = {1, 1, 1, 1, -1, 1};
    nn_setup(1, 1);
    gcl_node *all = gcl_input(g, "all", GCL_F32, gcl_shape_of(6, 8, 8, 3));
    x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 8, 8, 3));
    draws = gcl_augment_draw(nn, &what, "augment", 6);
    gcl_node *of_all = gcl_augmented(all, &draws, 0), *of_part = gcl_augmented(x, &draws, 3);
    nn_begin();
    numeric_fill(values, all, 3, 0.1, 1, 0);
    memcpy(gcl_values_set(values, x), gcl_values_set(values, all) + 3 * 192,
           2 * 192 * sizeof(double));
    set_draws(7);
    double wanted[2 * 192];
    memcpy(wanted, numeric_value(values, of_all) + 3 * 192, sizeof wanted);
    nn_assert_values(of_part, wanted, 0);
}
END_TEST

START_TEST(nothing_chosen_is_nothing_drawn)
{
    gcl_augment what = {.low = -1, .high = 1};
    x = gcl_input(g, "x", GCL_F32, gcl_shape_of(2, 8, 8, 3));
    int before = gcl_graph_size(g);
    draws = gcl_augment_draw(nn, &what, "augment", 2);
    ck_assert_ptr_eq(gcl_augmented(x, &draws, 0), x);
    ck_assert_int_eq(gcl_graph_size(g), before);
    ck_assert_int_eq(gcl_nn_noises(nn), 0);
}
END_TEST

/* ---- on the device ----------------------------------------------------------------------------------- */

/* Sizes as they are trained with: filters of 9 to 33 taps. Values and gradients; each unit of the plan
 * is compared with the oracle as it runs. */
START_TEST(kernels_agree_with_the_oracle)
{
    static const gcl_shape shapes[] = {{{16, 64, 64, 3}}, {{5, 40, 32, 1}}, {{1, 128, 128, 3}}};
    gcl_augment what = {1, 1, 1, 1, -1, 1};
    gcl_error err = {0};
    gcl_node *dx;
    gcl_device *dev = gcl_device_open(test_device(), 0, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    x = gcl_input(g, "x", GCL_F32, shapes[_i]);
    draws = gcl_augment_draw(nn, &what, "augment", shapes[_i].d[0]);
    gcl_node *y = gcl_augmented(x, &draws, 0), *loss = gcl_mean(gcl_square(y));
    ck_assert_int_eq(gcl_gradients(loss, &x, 1, &dx), 0);
    gcl_graph_output(y, "y");
    gcl_graph_output(dx, "dx");
    gcl_nn_finish(nn);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    gcl_store *store = gcl_store_new(dev);
    gcl_plan *plan = gcl_plan_new(dev, g, store, &(gcl_plan_options){.verify = 1}, &err);
    ck_assert_msg(plan != NULL, "%s", err.text);
    int64_t n = gcl_shape_count(x->shape);
    for (uint32_t step = 0; step < 2; step++) {
        unsigned char *stage = gcl_plan_stage(plan, &err);
        uint32_t key[4] = {7, 0, step, 0};
        memcpy(stage + gcl_plan_offset(plan, gcl_nn_key(nn)), key, sizeof key);
        float *to = (float *)(void *)(stage + gcl_plan_offset(plan, x));
        for (int64_t i = 0; i < n; i++)
            to[i] = (float)sin(0.37 * (double)i);
        ck_assert_msg(gcl_plan_run(plan, &err) == 0 && gcl_plan_finish(plan, &err) == 0, "%s",
                      err.text);
    }
    gcl_plan_free(plan);
    gcl_store_free(store);
    gcl_device_close(dev);
}
END_TEST

/* ---- in the systems ---------------------------------------------------------------------------------- */

static const char *const systems[] = {"dcgan:tiny", "dcgan:tiny-bn", "resnet_gan:tiny"};

/* Nodes and noises of a training step of two parts. */
static void count_step(const char *name, const char *change, int *nodes, int *noises)
{
    gcl_model model;
    gcl_error err = {0};
    gcl_step step = {0};
    nn_setup(1, 0);
    ck_assert_msg(gcl_model_open(&model, name, &change, change != NULL, &err) == 0, "%s", err.text);
    model.system->step(nn, &model, &(gcl_batch){2, 2}, &step);
    gcl_nn_finish(nn);
    ck_assert_msg(gcl_graph_error(g) == NULL, "%s", gcl_graph_error(g));
    *nodes = gcl_graph_size(g);
    *noises = gcl_nn_noises(nn);
}

/* D's reals, D's fakes and G's: draws of their own each. Off, a step is what it was. */
START_TEST(steps_augment_what_d_sees)
{
    static const struct {
        const char *change;
        int numbers;
    } chosen[] = {{"augment=none", 0},   {"augment=flip", 1},   {"augment=shift", 2},
                  {"augment=colour", 3}, {"augment=cutout", 2}, {"augment=" ALL, 8}};
    int nodes, noises, usual_nodes, usual_noises;
    count_step(systems[_i], NULL, &usual_nodes, &usual_noises);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        count_step(systems[_i], chosen[i].change, &nodes, &noises);
        ck_assert_int_eq(noises - usual_noises, 3 * chosen[i].numbers);
        if (chosen[i].numbers == 0)
            ck_assert_int_eq(nodes, usual_nodes);
        else
            ck_assert_int_gt(nodes, usual_nodes + 6 * chosen[i].numbers);
    }
}
END_TEST

/* The gradient that reaches G's parameters through the transforms, along a direction. */
START_TEST(gradients_reach_the_generator)
{
    gcl_model model;
    gcl_error err = {0};
    gcl_ports ports = {0};
    gcl_augment what = {1, 1, 1, 1, -1, 1};
    gcl_node *weights, *gradient;
    nn_setup(1, 1);
    ck_assert_int_eq(gcl_model_open(&model, systems[_i], NULL, 0, &err), 0);
    model.system->pass(nn, &model, "G", 2, &ports);
    draws = gcl_augment_draw(nn, &what, "augment", 2);
    gcl_node *loss = numeric_scalar(gcl_augmented(ports.out[0].node, &draws, 0), &weights);
    gcl_nn_finish(nn);
    gcl_node *parameters = nn_variable("G.parameters");
    ck_assert_int_eq(gcl_gradients(loss, &parameters, 1, &gradient), 0);
    nn_begin();
    int64_t n = gcl_shape_count(parameters->shape);
    numeric_fill(values, parameters, 1, 0.01, 0.1, 0);
    numeric_fill(values, ports.in[0].node, 2, 0.1, 1, 0);
    numeric_fill(values, weights, 3, 0.1, 1, 0);
    set_draws(6);
    double *direction = gcl_alloc((size_t)n * sizeof *direction), slope = 0, ends[2], h = 1e-7;
    for (int64_t i = 0; i < n; i++) {
        direction[i] = sin(1.7 * (double)i);
        slope += numeric_value(values, gradient)[i] * direction[i];
    }
    double *at = gcl_values_set(values, parameters);
    for (int end = 0; end < 2; end++) {
        double by = end == 0 ? h : -2 * h;
        for (int64_t i = 0; i < n; i++)
            at[i] += by * direction[i];
        gcl_values_forget(values);
        ends[end] = numeric_value(values, loss)[0];
    }
    double central = (ends[0] - ends[1]) / (2 * h);
    ck_assert_msg(fabs(slope) > 1e-3, "the slope %g tells nothing", slope);
    ck_assert_msg(fabs(slope - central) <= 1e-4 * fabs(slope), "slope %.9g, difference %.9g", slope,
                  central);
    free(direction);
}
END_TEST

static int value_index(const gcl_model *model, const char *key)
{
    int i = 0;
    while (strcmp(model->system->settings[i].key, key) != 0)
        i++;
    return i;
}

START_TEST(words_are_read_and_written)
{
    static const char *const texts[][2] = {{"augment=cutout,flip", "flip,cutout"},
                                           {"augment=" ALL, ALL},
                                           {"augment=none", "none"},
                                           {"augment=", "none"},
                                           {"augment=shift", "shift"}};
    gcl_model model;
    gcl_error err = {0};
    char text[100];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *changes[] = {"augment=colour", texts[i][0]}; /* the later one alone counts */
        ck_assert_int_eq(gcl_model_open(&model, "dcgan:tiny", changes, 2, &err), 0);
        gcl_model_value_text(&model, value_index(&model, "augment"), text, sizeof text);
        ck_assert_str_eq(text, texts[i][1]);
        ck_assert_int_eq(gcl_model_has(&model, "augment", "shift"), strstr(text, "shift") != NULL);
    }
    const char *wrong = "augment=flip,turn", *conditional = "augment=flip";
    ck_assert_int_ne(gcl_model_open(&model, "dcgan:tiny", &wrong, 1, &err), 0);
    ck_assert(err.code == GCL_USAGE && strstr(err.text, "flip shift colour cutout") != NULL);
    err = (gcl_error){0};
    ck_assert_int_ne(gcl_model_open(&model, "resnet_gan:tiny-classifier", &conditional, 1, &err),
                     0);
    ck_assert(err.code == GCL_USAGE && strstr(err.text, "augment: only with mode=gan") != NULL);
    err = (gcl_error){0};
    ck_assert_int_ne(gcl_model_open(&model, "pix2pix:tiny", &conditional, 1, &err), 0);
    ck_assert(err.code == GCL_USAGE && strstr(err.text, "has no setting augment") != NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("augment");
    TCase *tests = nn_case(suite, "augment");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, pictures_are_what_they_should_be, 0, CASES);
    tcase_add_loop_test(tests, derivatives_are_those_of_differences, 0, CASES);
    tcase_add_test(tests, parts_take_their_rows);
    tcase_add_test(tests, nothing_chosen_is_nothing_drawn);
    tcase_add_loop_test(tests, kernels_agree_with_the_oracle, 0, 3);
    tcase_add_loop_test(tests, steps_augment_what_d_sees, 0, 3);
    tcase_add_loop_test(tests, gradients_reach_the_generator, 0, 3);
    tcase_add_test(tests, words_are_read_and_written);
    return run_suite(suite);
}
