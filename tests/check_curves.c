/* The curves of a run's page: what thinning keeps, and what becomes of a log. */
#include "report_test.h"

#include <math.h>

#include "report/curves.h"

/* ---- curves ---------------------------------------------------------------------------------------- */

/* Line i of a log with one peak, one dip and one value that is not finite. */
enum { LINES = 5000, PEAK = 3217, DIP = 1234, LOST = 4001 };

static double value_at(int i)
{
    return i == PEAK ? 1000 : i == DIP ? -1000 : i == LOST ? NAN : sin(i * 0.01);
}

static json_t *curves_of(int n)
{
    gcl_text text = {0};
    gcl_curves *curves = gcl_curves_new();
    for (int i = 0; i < n; i++) {
        gcl_curves_line(curves, 10 * i, 40 * i, 0.5 * i);
        gcl_curves_value(curves, "losses", "loss", value_at(i));
        if (i >= 100)
            gcl_curves_value(curves, "scores", "late", i);
    }
    gcl_curves_json(curves, &text);
    json_t *value = json_loads(text.text, 0, NULL);
    ck_assert_ptr_nonnull(value);
    gcl_text_free(&text);
    gcl_curves_free(curves);
    return value;
}

START_TEST(short_curves_are_kept_whole)
{
    json_t *curves = curves_of(GCL_CURVES_POINTS);
    json_t *mean = at(curves, "groups/0/curves/0/mean");
    ck_assert_int_eq(json_array_size(mean), GCL_CURVES_POINTS);
    ck_assert_int_eq(json_integer_value(at(curves, "lines_a_point")), 1);
    ck_assert_ptr_null(json_object_get(at(curves, "groups/0/curves/0"), "least"));
    for (int i = 0; i < GCL_CURVES_POINTS; i++)
        ck_assert(fabs(json_number_value(json_array_get(mean, (size_t)i)) - value_at(i)) < 1e-5);
    json_decref(curves);
}
END_TEST

/* Each point against the lines that it stands for. */
START_TEST(thinned_curves_keep_their_extremes)
{
    json_t *curves = curves_of(LINES), *loss = at(curves, "groups/0/curves/0");
    int k = (int)json_integer_value(at(curves, "lines_a_point"));
    int n = (int)json_array_size(at(curves, "step")), bad = 0;
    ck_assert_int_eq(k, 8);
    ck_assert_int_eq(n, (LINES + k - 1) / k);
    for (int p = 0; p < n; p++) {
        double least = INFINITY, most = -INFINITY, sum = 0;
        int end = (p + 1) * k < LINES ? (p + 1) * k : LINES, finite = 0;
        for (int i = p * k; i < end; i++) {
            double v = value_at(i);
            if (isnan(v))
                continue;
            least = fmin(least, v);
            most = fmax(most, v);
            sum += v;
            finite++;
        }
        const struct {
            const char *key;
            double wanted;
        } all[] = {{"least", least}, {"most", most}, {"mean", sum / finite}};
        for (int i = 0; i < 3; i++) {
            double got = json_number_value(json_array_get(at(loss, all[i].key), (size_t)p));
            ck_assert_msg(fabs(got - all[i].wanted) <= 1e-5 * fmax(1, fabs(all[i].wanted)),
                          "point %d, %s: %g, wanted %g", p, all[i].key, got, all[i].wanted);
        }
        ck_assert(json_number_value(json_array_get(at(curves, "step"), (size_t)p)) == 10 * p * k);
        ck_assert(json_number_value(json_array_get(at(curves, "until"), (size_t)p)) ==
                  10 * (end - 1));
        ck_assert(json_number_value(json_array_get(at(curves, "images"), (size_t)p)) ==
                  40 * (end - 1));
    }
    bad = (int)json_array_size(at(loss, "bad"));
    ck_assert_int_eq(bad, 1);
    ck_assert_int_eq(json_integer_value(at(loss, "bad/0/0")), LOST / k);
    ck_assert_int_eq(json_integer_value(at(loss, "bad/0/1")), 1);
    json_decref(curves);
}
END_TEST

START_TEST(curves_may_begin_late)
{
    json_t *curves = curves_of(LINES), *late = at(curves, "groups/1/curves/0");
    ck_assert_str_eq(json_string_value(at(curves, "groups/1/name")), "scores");
    ck_assert(json_is_null(at(late, "mean/0")));
    ck_assert(json_number_value(at(late, "least/12")) == 100);
    ck_assert_int_eq(json_array_size(at(late, "bad")), 0);
    json_decref(curves);
}
END_TEST

/* ---- the log --------------------------------------------------------------------------------------- */

START_TEST(damaged_lines_are_left_out)
{
    make_run("damaged", "dcgan:tiny");
    put_text("damaged/log.jsonl",
             "{\"step\": 0, \"images\": 4, \"seconds\": 1, \"losses\": {\"d_loss\": 0.5, "
             "\"g_loss\": null}, \"images_per_s\": 0, \"device_bytes\": 100}\n"
             "{\"step\": 1, \"losses\": {\"d_lo\n"
             "\xff\xfe\n"
             "[1, 2]\n"
             "\n"
             "{\"step\": 0, \"losses\": {\"d_loss\": 99}}\n" /* a step that was before */
             "{\"step\": \"2\", \"losses\": {\"d_loss\": 99}}\n"
             "{\"step\": 3, \"losses\": {\"d_loss\": \"high\", \"g_loss\": 0.25}, "
             "\"images_per_s\": 8, \"device_bytes\": 90, \"dropped\": 2}\n"
             "{\"step\": 4, \"losses\": {\"d_loss\": 0.1"); /* being written */
    json_t *facts = facts_of("damaged");
    ck_assert_int_eq(json_integer_value(at(facts, "log/lines")), 2);
    ck_assert_int_eq(json_integer_value(at(facts, "log/damaged")), 5);
    ck_assert_int_eq(json_integer_value(at(facts, "log/last/step")), 3);
    ck_assert_int_eq(json_integer_value(at(facts, "log/last/dropped")), 2);
    ck_assert(json_is_null(at(facts, "log/last/images")));
    ck_assert_int_eq(json_integer_value(at(facts, "log/most_bytes")), 100);
    json_t *losses = at(facts, "log/curves/groups/0/curves");
    ck_assert(json_number_value(at(losses, "0/mean/0")) == 0.5);
    ck_assert(json_is_null(at(losses, "0/mean/1")));
    ck_assert(json_is_null(at(losses, "1/mean/0")));
    ck_assert_int_eq(json_array_size(at(losses, "1/bad")), 1);
    ck_assert(json_number_value(at(losses, "1/mean/1")) == 0.25);
    json_decref(facts);
}
END_TEST

/* Between the updates 1 and 2, and after the last one: neither takes the other's step for a repeated
 * one. */
START_TEST(evaluations_are_curves_of_their_own)
{
    make_run("evaluated", "dcgan:tiny");
    put_text("evaluated/log.jsonl",
             "{\"step\": 1, \"losses\": {\"d_loss\": 0.5}}\n"
             "{\"step\": 2, \"images\": 8, \"seconds\": 3, \"eval\": {\"swd\": 31.5, "
             "\"top1\": null}, \"eval_seconds\": 1}\n"
             "{\"step\": 2, \"losses\": {\"d_loss\": 0.25}}\n"
             "{\"step\": 2, \"eval\": {\"swd\": 99}}\n" /* a step that was before */
             "{\"step\": 3, \"losses\": {\"d_loss\": 0.75}}\n"
             "{\"step\": 4, \"eval\": {\"swd\": 21.5}}\n");
    ck_assert_int_eq(mkdir(in_scratch("evaluated/checkpoints"), 0777), 0);
    put_text("evaluated/checkpoints/step-0000004.safetensors", "x");
    json_t *facts = facts_of("evaluated");
    ck_assert_ptr_null(json_object_get(at(facts, "run"), "best"));
    json_decref(facts);
    put_text("evaluated/checkpoints/best", "step-0000004.safetensors\n");
    facts = facts_of("evaluated");
    ck_assert_int_eq(json_integer_value(at(facts, "run/best")), 4);
    ck_assert_int_eq(json_integer_value(at(facts, "log/lines")), 3);
    ck_assert_int_eq(json_integer_value(at(facts, "log/damaged")), 1);
    ck_assert_int_eq(json_integer_value(at(facts, "log/last/step")), 3);
    ck_assert_int_eq(json_array_size(at(facts, "log/curves/groups")), 1);
    json_t *own = at(facts, "log/evaluations");
    ck_assert_int_eq(json_array_size(at(own, "step")), 2);
    ck_assert_str_eq(json_string_value(at(own, "groups/0/name")), "eval");
    ck_assert(json_number_value(at(own, "groups/0/curves/0/mean/0")) == 31.5);
    ck_assert(json_number_value(at(own, "groups/0/curves/0/mean/1")) == 21.5);
    ck_assert(json_is_null(at(own, "groups/0/curves/1/mean/0")));
    json_decref(facts);
}
END_TEST

/* The facts without the time of writing. */
static json_t *timeless(json_t *facts)
{
    json_object_del(facts, "written");
    return facts;
}

START_TEST(a_log_read_in_pieces_is_the_log)
{
    static const int ends[] = {1, 1000, 1025, 2600, 4000};
    gcl_text text = {0};
    size_t n;
    int from = 0;
    make_run("pieces", "dcgan:tiny");
    gcl_report *report = gcl_report_new(in_scratch("pieces"));
    for (int i = 0; i < 5; i++) {
        log_lines(&text, from, ends[i]);
        from = ends[i];
        size_t cut = i < 4 ? 7 : 0; /* amid a line */
        put_file(in_scratch("pieces/log.jsonl"), text.text, text.length - cut);
        ck_ok(gcl_report_write(report, &err));
    }
    char *page = get_file(in_scratch("pieces/report.html"), &n);
    json_t *pieces = timeless(facts_in(page)), *whole = timeless(facts_of("pieces"));
    ck_assert_int_eq(json_integer_value(at(whole, "log/lines")), 4000);
    ck_assert(json_equal(pieces, whole));
    free(page);
    json_decref(pieces);

    text.length = 0; /* a resumed run has cut its log */
    log_lines(&text, 0, 50);
    put_file(in_scratch("pieces/log.jsonl"), text.text, text.length);
    ck_ok(gcl_report_write(report, &err));
    page = get_file(in_scratch("pieces/report.html"), &n);
    pieces = facts_in(page);
    ck_assert_int_eq(json_integer_value(at(pieces, "log/lines")), 50);
    free(page);
    json_decref(pieces);
    json_decref(whole);
    gcl_report_free(report);
    gcl_text_free(&text);
}
END_TEST

int main(void)
{
    make_scratch("curves");
    TCase *tests = tcase_create("curves");
    tcase_add_test(tests, short_curves_are_kept_whole);
    tcase_add_test(tests, thinned_curves_keep_their_extremes);
    tcase_add_test(tests, curves_may_begin_late);
    tcase_add_test(tests, damaged_lines_are_left_out);
    tcase_add_test(tests, evaluations_are_curves_of_their_own);
    tcase_add_test(tests, a_log_read_in_pieces_is_the_log);
    return run_in_scratch("curves", tests, NULL);
}
