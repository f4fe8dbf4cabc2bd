/* The page of a run: what it is made of. The program itself is started for its exit codes, and to train
 * a little. How the page looks and works is for scripts/check-report. */
#include "program_test.h"

#include <math.h>

#include "io/image.h"
#include "report/curves.h"
#include "report/report.h"
#include "report/sheets.h"
#include "report/text.h"
#include "train/scores.h"

/* ---- runs to report on ----------------------------------------------------------------------------- */

static const char options_text[] =
    "{\"model\": \"%s\", \"data\": \"%s\", \"seed\": -1, \"batch\": 4, \"steps\": 100,\n"
    " \"settings\": {\"train.log_every\": \"5\"},\n"
    " \"choices\": [{\"op\": \"conv\", \"in\": [[1,2],[3,4]], \"variant\": \"vec\"}],\n"
    " \"made_on\": {\"platform\": \"P\", \"device\": \"<device & co>\", \"driver\": \"1\"}}\n";

static void put_text(const char *name, const char *text)
{
    put_file(in_scratch(name), text, strlen(text));
}

static void make_run(const char *name, const char *model)
{
    char path[100], text[1000];
    remove_tree(in_scratch(name));
    ck_assert_int_eq(mkdir(in_scratch(name), 0777), 0);
    snprintf(path, sizeof path, "%s/samples", name);
    ck_assert_int_eq(mkdir(in_scratch(path), 0777), 0);
    snprintf(path, sizeof path, "%s/options.json", name);
    snprintf(text, sizeof text, options_text, model, "a</script><b>\\\"&\\u2028");
    put_text(path, text);
}

/* A sheet of 6 x 3 cells: stripes, noise when `noisy` (which no PNG or JPEG file makes small). */
static void put_sheet(const char *name, int side, int noisy)
{
    gcl_image image = {0};
    uint32_t state = 1;
    ck_ok(gcl_image_new(&image, 6 * side, 3 * side, 3, &err));
    size_t n = (size_t)image.width * (size_t)image.height * 3;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        image.pixels[i] = noisy ? (uint8_t)(state >> 24) : (uint8_t)(i / 3 % 251);
    }
    ck_ok(gcl_image_write_png(in_scratch(name), &image, &err));
    gcl_image_free(&image);
}

/* Writes the page of a run and gives back its text; free() it. */
static char *page_of(const char *run, size_t *n)
{
    char path[100];
    gcl_report *report = gcl_report_new(in_scratch(run));
    ck_ok(gcl_report_write(report, &err));
    gcl_report_free(report);
    snprintf(path, sizeof path, "%s/report.html", run);
    return get_file(in_scratch(path), n);
}

static const char data_begins[] = "<script id=\"data\" type=\"application/json\">";

/* The facts in a page, as a browser finds them: up to the first end of a script. json_decref() them. */
static json_t *facts_in(const char *page)
{
    json_error_t why;
    const char *from = strstr(page, data_begins);
    ck_assert(from != NULL);
    from += strlen(data_begins);
    const char *end = strstr(from, "</script");
    ck_assert(end != NULL);
    json_t *facts = json_loadb(from, (size_t)(end - from), JSON_REJECT_DUPLICATES, &why);
    ck_assert_msg(facts != NULL, "%s at %d", why.text, why.position);
    return facts;
}

static json_t *facts_of(const char *run)
{
    size_t n;
    char *page = page_of(run, &n);
    json_t *facts = facts_in(page);
    free(page);
    return facts;
}

/* The value at "key/key/3/key". */
static json_t *at(json_t *value, const char *path)
{
    char copy[120];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok(copy, "/"); key != NULL; key = strtok(NULL, "/"))
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key))
                                     : json_object_get(value, key);
    ck_assert_msg(value != NULL, "nothing at %s", path);
    return value;
}

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

static void log_lines(gcl_text *text, int from, int to)
{
    for (int i = from; i < to; i++)
        gcl_text_add(text, "{\"step\": %d, \"losses\": {\"loss\": %d}}\n", i, i * i % 977);
}

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

/* ---- pictures -------------------------------------------------------------------------------------- */

START_TEST(the_choice_of_sheets_is_stable)
{
    int before[GCL_SHEETS_MOST], now[GCL_SHEETS_MOST], n_before = 0, k_before = 1;
    for (int n = 1; n <= 3000; n++) {
        int m = gcl_sheets_choose(n, GCL_SHEETS_MOST, now), k = m > 1 ? now[1] - now[0] : 1;
        ck_assert(m <= GCL_SHEETS_MOST && m >= (n < GCL_SHEETS_MOST / 2 ? n : GCL_SHEETS_MOST / 2));
        ck_assert(now[0] == 0 && now[m - 1] == n - 1);
        for (int i = 1; i < m; i++)
            ck_assert(now[i] > now[i - 1] && now[i] - now[i - 1] <= k);
        if (n > 2 && k == k_before) /* all but the last that was of the moment stay */
            for (int i = 0; i < n_before - 1; i++)
                ck_assert_int_eq(now[i], before[i]);
        ck_assert(n <= 2 || k == k_before || k == 2 * k_before);
        memcpy(before, now, sizeof now);
        n_before = m;
        k_before = k;
    }
}
END_TEST

/* The bytes in a data URI of the type; free() them. */
static uint8_t *decoded(const char *uri, const char *type, size_t *n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char head[60];
    snprintf(head, sizeof head, "data:image/%s;base64,", type);
    ck_assert_msg(strncmp(uri, head, strlen(head)) == 0, "%.40s", uri);
    uri += strlen(head);
    uint8_t *bytes = gcl_alloc(strlen(uri));
    *n = 0;
    for (; uri[0] != 0; uri += 4) {
        uint32_t word = 0;
        for (int i = 0; i < 4; i++) {
            const char *digit = strchr(digits, uri[i]);
            ck_assert(uri[i] == '=' ? i > 1 : digit != NULL);
            word = word << 6 | (uint32_t)(uri[i] == '=' ? 0 : digit - digits);
        }
        int pad = (uri[2] == '=') + (uri[3] == '=');
        for (int i = 0; i < 3 - pad; i++)
            bytes[(*n)++] = (uint8_t)(word >> (16 - 8 * i));
    }
    return bytes;
}

START_TEST(small_pictures_go_in_as_they_are)
{
    size_t n, m;
    make_run("small", "dcgan:tiny");
    for (int side = 8; side < 11; side++) { /* lengths of all kinds modulo 3 */
        put_sheet("small/samples/000000.png", side, 0);
        json_t *facts = facts_of("small");
        json_t *made = at(facts, "pictures/sheets/0/made");
        uint8_t *bytes = decoded(json_string_value(at(made, "uri")), "png", &n);
        char *file = get_file(in_scratch("small/samples/000000.png"), &m);
        ck_assert_int_eq(json_integer_value(at(made, "width")), 6 * side);
        ck_assert(n == m && memcmp(bytes, file, n) == 0);
        free(bytes);
        free(file);
        json_decref(facts);
    }
}
END_TEST

START_TEST(large_pictures_become_bounded_jpegs)
{
    size_t n;
    gcl_image image = {0};
    make_run("large", "dcgan:tiny");
    put_sheet("large/samples/000000.png", 300, 0);
    put_sheet("large/samples/000001.png", 300, 1);
    json_t *facts = facts_of("large");
    for (int i = 0; i < 2; i++) {
        json_t *made = at(facts, i == 0 ? "pictures/sheets/0/made" : "pictures/sheets/1/made");
        const char *uri = json_string_value(at(made, "uri"));
        int png = strncmp(uri, "data:image/png", 14) == 0;
        uint8_t *bytes = decoded(uri, png ? "png" : "jpeg", &n);
        ck_assert_int_eq(json_integer_value(at(made, "width")), 1800);
        ck_assert(!png || i == 0); /* stripes compress well, noise does not */
        ck_assert_uint_le(n, 320 * 1024);
        ck_ok(gcl_image_decode(bytes, n, "made", NULL, &image, &err));
        ck_assert(png || (image.width <= 1536 && abs(image.width - 2 * image.height) <= 1));
        gcl_image_free(&image);
        free(bytes);
    }
    json_decref(facts);
}
END_TEST

START_TEST(sheets_that_cannot_be_read_are_counted)
{
    make_run("torn", "dcgan:tiny");
    put_sheet("torn/samples/000000.png", 8, 0);
    put_text("torn/samples/000050.png", "no picture");
    put_text("torn/samples/000060.png.123.tmp", "being written");
    put_text("torn/samples/notes.png", "somebody's");
    json_t *facts = facts_of("torn");
    ck_assert_int_eq(json_integer_value(at(facts, "pictures/found")), 2);
    ck_assert_int_eq(json_integer_value(at(facts, "pictures/unreadable")), 1);
    ck_assert_int_eq(json_array_size(at(facts, "pictures/sheets")), 1);
    ck_assert(json_is_null(at(facts, "pictures/reals")));
    json_decref(facts);
}
END_TEST

/* Cuts a cell out of a sheet. */
static uint8_t *cell_of(const gcl_image *sheet, int side, int cell)
{
    gcl_image part = {0};
    ck_ok(gcl_image_cut(&part, sheet, cell % 6 * side, cell / 6 * side, side, side, &err));
    return part.pixels;
}

START_TEST(triples_are_scored_as_evaluate_does)
{
    gcl_image sheet = {0};
    gcl_scores wanted;
    enum { SIDE = 16 };
    make_run("triples", "pix2pix:small");
    put_sheet("triples/samples/000000.png", SIDE, 1);
    ck_ok(gcl_image_read_file(in_scratch("triples/samples/000000.png"), &sheet, &err));
    for (int y = 2 * SIDE; y < 3 * SIDE; y++) /* the last triple is an empty place */
        memset(sheet.pixels + ((size_t)y * 6 * SIDE + 3 * SIDE) * 3, 0, (size_t)3 * SIDE * 3);
    ck_ok(gcl_image_write_png(in_scratch("triples/samples/000000.png"), &sheet, &err));
    json_t *facts = facts_of("triples");
    json_t *scores = at(facts, "pictures/sheets/0/made/scores");
    ck_assert_int_eq(json_array_size(scores), 6);
    ck_assert(json_is_null(at(scores, "5")));
    for (int t = 0; t < 5; t++) {
        uint8_t *target = cell_of(&sheet, SIDE, 3 * t + 1),
                *made = cell_of(&sheet, SIDE, 3 * t + 2);
        ck_ok(gcl_scores_of(target, made, SIDE, SIDE, 3, &wanted, &err));
        const double all[] = {wanted.l1, wanted.psnr, wanted.ssim, wanted.gmsd};
        for (int k = 0; k < 4; k++) {
            double got =
                json_number_value(json_array_get(json_array_get(scores, (size_t)t), (size_t)k));
            ck_assert_msg(fabs(got - all[k]) <= 1e-5 * fmax(1, fabs(all[k])), "%g, wanted %g", got,
                          all[k]);
        }
        free(target);
        free(made);
    }
    gcl_image_free(&sheet);
    json_decref(facts);
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
    tcase_add_test(tests, short_curves_are_kept_whole);
    tcase_add_test(tests, thinned_curves_keep_their_extremes);
    tcase_add_test(tests, curves_may_begin_late);
    tcase_add_test(tests, damaged_lines_are_left_out);
    tcase_add_test(tests, evaluations_are_curves_of_their_own);
    tcase_add_test(tests, a_log_read_in_pieces_is_the_log);
    tcase_add_test(tests, the_choice_of_sheets_is_stable);
    tcase_add_test(tests, small_pictures_go_in_as_they_are);
    tcase_add_test(tests, large_pictures_become_bounded_jpegs);
    tcase_add_test(tests, sheets_that_cannot_be_read_are_counted);
    tcase_add_test(tests, triples_are_scored_as_evaluate_does);
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
