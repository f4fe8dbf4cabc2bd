/* The pictures of a run's page: which sheets are shown, in what form, and how triples are scored. */
#include "report_test.h"

#include <math.h>

#include "report/sheets.h"
#include "train/scores.h"

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

int main(void)
{
    make_scratch("sheets");
    TCase *tests = tcase_create("sheets");
    tcase_add_test(tests, the_choice_of_sheets_is_stable);
    tcase_add_test(tests, small_pictures_go_in_as_they_are);
    tcase_add_test(tests, large_pictures_become_bounded_jpegs);
    tcase_add_test(tests, sheets_that_cannot_be_read_are_counted);
    tcase_add_test(tests, triples_are_scored_as_evaluate_does);
    return run_in_scratch("sheets", tests, NULL);
}
