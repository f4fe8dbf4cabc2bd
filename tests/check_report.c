/* The page of a run: what it is made of. The program itself is started for its exit codes, and to train
 * a little. How the page looks and works is for scripts/check-report. */
#include "program_test.h"
#include "report_test.h"

#include "report/curves.h"
#include "report/sheets.h"
#include "report/text.h"

/* ---- text ------------------------------------------------------------------------------------------ */

START_TEST(no_text_leaves_its_place)
{
    static const struct {
        const char *text, *json, *html;
    } cases[] = {
        {"plain é", "\"plain é\"", "plain é"},
        {"</script>", "\"\\u003c/script\\u003e\"", "&#60;/script&#62;"},
        {"a\"b'c\\d&e", "\"a\\\"b'c\\\\d\\u0026e\"", "a&#34;b&#39;c\\d&#38;e"},
        {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\"", "\xef\xbf\xbd\xef\xbf\xbd\x7f"},
        {"\xff\xc0\xaf\xed\xa0\x80|\xe2\x82", /* never UTF-8; overlong; surrogate; cut short */
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
         "\xef\xbf\xbd\xef\xbf\xbd\"",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
         "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gcl_text json = {0}, html = {0};
        gcl_page_string(&json, cases[i].text);
        gcl_page_escape(&html, cases[i].text);
        ck_assert_str_eq(json.text, cases[i].json);
        ck_assert_str_eq(html.text, cases[i].html);
        gcl_text_free(&json);
        gcl_text_free(&html);
    }
}
END_TEST

START_TEST(names_from_files_stay_text)
{
    size_t n;
    static const char name[] = "<b>&amp; 'run'";
    make_run(name, "dcgan:tiny<i>");
    char *page = page_of(name, &n);
    json_t *facts = facts_in(page);
    ck_assert_ptr_nonnull(strstr(page, "&#60;b&#62;&#38;amp; &#39;run&#39; – ganocl"));
    ck_assert_ptr_null(strstr(page, "<b>"));
    ck_assert_ptr_null(strstr(page, "<i>"));
    ck_assert_ptr_null(strstr(page, "<device"));
    ck_assert_str_eq(json_string_value(at(facts, "run/name")), name);
    ck_assert_str_eq(json_string_value(at(facts, "run/options/data")),
                     "a</script><b>\"&\xe2\x80\xa8");
    ck_assert_str_eq(json_string_value(at(facts, "run/options/model")), "dcgan:tiny<i>");
    ck_assert_str_eq(json_string_value(at(facts, "run/made_on/device")), "<device & co>");
    json_decref(facts);
    free(page);
}
END_TEST

/* ---- the page -------------------------------------------------------------------------------------- */

START_TEST(a_run_without_anything_has_a_page)
{
    make_run("bare", "pix2pix:small");
    json_t *facts = facts_of("bare");
    ck_assert_int_eq(json_integer_value(at(facts, "log/lines")), 0);
    ck_assert(json_is_null(at(facts, "log/last")));
    ck_assert_str_eq(json_string_value(at(facts, "run/can/0")), "translate");
    ck_assert_str_eq(json_string_value(at(facts, "run/options/seed")), "18446744073709551615");
    ck_assert_str_eq(json_string_value(at(facts, "run/choices/0/variant")), "vec");
    ck_assert_int_eq(json_integer_value(at(facts, "run/n_checkpoints")), 0);
    json_decref(facts);
}
END_TEST

START_TEST(settings_stand_beside_the_usual_ones)
{
    make_run("settings", "dcgan:small");
    put_text("settings/options.json", "{\"model\": \"dcgan:small\", \"settings\": {\"lr\": 0.5, "
                                      "\"train.keep\": \"9\"}}");
    json_t *facts = facts_of("settings"), *one;
    size_t i, found = 0;
    json_array_foreach(at(facts, "run/settings"), i, one)
    {
        const char *key = json_string_value(at(one, "key")),
                   *value = json_string_value(at(one, "value")),
                   *usual = json_string_value(at(one, "usual"));
        int changed = strcmp(key, "lr") == 0 || strcmp(key, "train.keep") == 0;
        found += changed;
        ck_assert_msg((strcmp(value, usual) != 0) == changed, "%s: %s, %s", key, value, usual);
    }
    ck_assert_int_eq(found, 2);
    json_decref(facts);
}
END_TEST

START_TEST(damaged_or_foreign_options_are_no_obstacle)
{
    make_run("foreign", "dcgan:tiny");
    put_text("foreign/options.json",
             "{\"model\": \"later:one\", \"settings\": {\"new<\": [1, 2]}}");
    json_t *facts = facts_of("foreign");
    ck_assert(json_is_null(at(facts, "run/help")));
    ck_assert_str_eq(json_string_value(at(facts, "run/settings/0/key")), "new<");
    ck_assert_str_eq(json_string_value(at(facts, "run/settings/0/value")), "[1,2]");
    json_decref(facts);
    put_text("foreign/options.json", "{\"model\": ");
    facts = facts_of("foreign");
    ck_assert(json_is_null(at(facts, "run/options")));
    json_decref(facts);
}
END_TEST

/* As much of everything as a page can hold, and more. */
START_TEST(the_page_is_bounded)
{
    size_t n, m;
    gcl_text text = {0};
    make_run("long", "dcgan:tiny");
    for (int i = 0; i < 2100; i++) {
        gcl_text_add(&text, "{\"step\": %d, \"losses\": {", i);
        for (int k = 0; k < 20; k++)
            gcl_text_add(&text, "%s\"l%d\": %.9g", k > 0 ? "," : "", k, sin(i + k));
        gcl_text_add(&text, "}}\n");
    }
    put_file(in_scratch("long/log.jsonl"), text.text, text.length);
    put_sheet("long/reals.png", 160, 1);
    for (int i = 0; i < 45; i++) {
        char name[60];
        snprintf(name, sizeof name, "long/samples/%06d.png", i * 100);
        if (i == 0)
            put_sheet(name, 160, 1);
        else
            ck_assert_int_eq(link(in_scratch("long/samples/000000.png"), in_scratch(name)), 0);
    }
    char *page = page_of("long", &n);
    json_t *facts = facts_in(page);
    ck_assert_uint_le(json_array_size(at(facts, "pictures/sheets")), GCL_SHEETS_MOST);
    ck_assert_uint_le(json_array_size(at(facts, "log/curves/step")), GCL_CURVES_POINTS);
    size_t bound = (GCL_SHEETS_MOST + 1) * (320 * 1024 / 3 * 4 + 400) + /* pictures */
                   (size_t)GCL_CURVES_POINTS * (20 * 3 + 4) * 14 + 200 * 1024;
    ck_assert_uint_le(n, bound);
    json_decref(facts);
    free(page);

    log_lines(&text, 2100, 4000); /* a longer log is no longer page */
    put_file(in_scratch("long/log.jsonl"), text.text, text.length);
    free(page_of("long", &m));
    ck_assert_uint_le(m, bound);
    gcl_text_free(&text);
}
END_TEST

START_TEST(nothing_is_loaded)
{
    size_t n;
    static const char *const outside[] = {"http:", "https:",  "src=\"/",
                                          "url(",  "@import", "fetch("};
    make_run("closed", "dcgan:tiny");
    char *page = page_of("closed", &n);
    ck_assert_ptr_nonnull(strstr(page, "default-src 'none'"));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        const char *found = strstr(page, outside[i]);
        int namespace = found != NULL && strncmp(found, "http://www.w3.org/2000/svg", 26) == 0;
        ck_assert_msg(found == NULL || namespace, "%.60s", found);
    }
    free(page);
}
END_TEST

START_TEST(the_page_is_replaced_whole)
{
    size_t n;
    make_run("whole", "dcgan:tiny");
    put_text("whole/report.html", "the old one");
    ck_assert_int_eq(link(in_scratch("whole/report.html"), in_scratch("whole/old.html")), 0);
    free(page_of("whole", &n));
    char *old = get_file(in_scratch("whole/old.html"), &n);
    ck_assert_str_eq(old, "the old one"); /* renamed over, not written into */
    free(old);
    ck_assert_int_eq(files_in(in_scratch("whole")),
                     4); /* options, samples, old, report: no temporary */
}
END_TEST

START_TEST(what_cannot_be_replaced_stays)
{
    make_run("stuck", "dcgan:tiny");
    ck_assert_int_eq(mkdir(in_scratch("stuck/report.html"), 0777), 0);
    put_text("stuck/report.html/inside", "x");
    gcl_report *report = gcl_report_new(in_scratch("stuck"));
    ck_refused(gcl_report_write(report, &err) == 0, GCL_DISK, "report.html: cannot be written");
    gcl_report_renew(report, 1); /* a warning, no end */
    gcl_report_free(report);
    ck_assert_int_eq(files_in(in_scratch("stuck")), 3);
    ck_assert(exists(in_scratch("stuck/report.html/inside")));
}
END_TEST

START_TEST(amid_training_it_takes_a_hundredth_of_the_time)
{
    make_run("often", "dcgan:tiny");
    gcl_report *report = gcl_report_new(in_scratch("often"));
    gcl_report_renew(report, 0); /* the first: at once */
    ck_assert(exists(in_scratch("often/report.html")));
    remove(in_scratch("often/report.html"));
    gcl_report_renew(report, 0);
    ck_assert(!exists(in_scratch("often/report.html")));
    gcl_report_renew(report, 1); /* the last: whatever it takes */
    ck_assert(exists(in_scratch("often/report.html")));
    gcl_report_free(report);
}
END_TEST

/* ---- the command ----------------------------------------------------------------------------------- */

START_TEST(the_command_writes_the_page)
{
    make_run("run", "dcgan:tiny");
    ck_exits(0, "report run");
    ck_assert_str_eq(said("out"), "run/report.html\n");
    ck_assert(exists(in_scratch("run/report.html")));
    ck_assert_int_eq(mkdir(in_scratch("run/checkpoints"), 0777), 0);
    put_text("run/checkpoints/step-0000007.safetensors", "12345");
    remove(in_scratch("run/report.html"));
    ck_exits(0, "report run/checkpoints/step-0000007.safetensors");
    size_t n;
    char *page = get_file(in_scratch("run/report.html"), &n);
    json_t *facts = facts_in(page);
    ck_assert_int_eq(json_integer_value(at(facts, "run/checkpoints/0/step")), 7);
    ck_assert_int_eq(json_integer_value(at(facts, "run/checkpoints/0/bytes")), 5);
    json_decref(facts);
    free(page);
}
END_TEST

static const struct {
    int status;
    const char *line, *says;
} mistakes[] = {
    {2, "report", "report: RUN is missing"},
    {2, "report run other", "report: 'other' is too much"},
    {3, "report nowhere", "nowhere: there is no such run"},
    {3, "report run/samples", "run/samples: is not a run folder"},
    {7, "report stuck", "stuck/report.html: cannot be written"},
};

START_TEST(mistakes_have_their_codes)
{
    ck_exits(mistakes[_i].status, "%s", mistakes[_i].line);
    ck_said(mistakes[_i].says);
    ck_assert_str_eq(said("out"), "");
}
END_TEST

/* ---- training -------------------------------------------------------------------------------------- */

static const char training[] = "train --model dcgan:tiny --batch 2 --steps 3 "
                               "--set train.sample_every=1 --set train.log_every=1 --out %s";

START_TEST(training_leaves_a_page)
{
    size_t n;
    ck_exits(0, training, "trained");
    char *page = get_file(in_scratch("trained/report.html"), &n);
    json_t *facts = facts_in(page);
    ck_assert_int_eq(json_integer_value(at(facts, "log/lines")), 3);
    ck_assert_int_eq(json_array_size(at(facts, "pictures/sheets")), 4); /* after 0, 1, 2, 3 steps */
    ck_assert(json_is_object(at(facts, "pictures/reals")));
    ck_assert_int_eq(json_integer_value(at(facts, "run/checkpoints/0/step")), 3);
    ck_assert_str_eq(json_string_value(at(facts, "run/can/0")), "generate");
    json_decref(facts);
    free(page);
}
END_TEST

START_TEST(training_does_without_a_page)
{
    static const char warning[] = "training goes on without its page";
    ck_assert_int_eq(mkdir(in_scratch("pageless"), 0777), 0);
    ck_assert_int_eq(mkdir(in_scratch("pageless/report.html"), 0777), 0);
    ck_exits(0, training, "pageless");
    const char *first = strstr(said("err"), warning);
    ck_assert(first != NULL && strstr(first + 1, warning) == NULL);
    ck_assert(exists(in_scratch("pageless/checkpoints/step-0000003.safetensors")));
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("report");
    TCase *tests = tcase_create("report");
    tcase_add_test(tests, no_text_leaves_its_place);
    tcase_add_test(tests, names_from_files_stay_text);
    tcase_add_test(tests, a_run_without_anything_has_a_page);
    tcase_add_test(tests, settings_stand_beside_the_usual_ones);
    tcase_add_test(tests, damaged_or_foreign_options_are_no_obstacle);
    tcase_add_test(tests, the_page_is_bounded);
    tcase_add_test(tests, nothing_is_loaded);
    tcase_add_test(tests, the_page_is_replaced_whole);
    tcase_add_test(tests, what_cannot_be_replaced_stays);
    tcase_add_test(tests, amid_training_it_takes_a_hundredth_of_the_time);
    tcase_add_test(tests, the_command_writes_the_page);
    tcase_add_loop_test(tests, mistakes_have_their_codes, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(tests, training_leaves_a_page);
    tcase_add_test(tests, training_does_without_a_page);
    return run_tests("report", tests);
}
