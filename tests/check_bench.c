/* `ganocl bench` through the program: its facts of a step, and single layers by their description. The
 * times themselves depend on the machine: they are only known to be there. */
#include "program_test.h"

/* ---- steps ----------------------------------------------------------------------------------------- */

START_TEST(a_step_has_times_and_memory)
{
    ck_exits(0, "bench dcgan:tiny --batch 2 --steps 2 --json");
    json_t *all = json_said(), *step = json_array_get(json_object_get(all, "systems"), 0);
    ck_assert(json_at(step, "batch") == 2);
    ck_assert(json_at(step, "step_ms") > 0 && json_at(step, "cpu_ms") >= 0);
    ck_assert(json_at(step, "peak_bytes") > 1e6);
    ck_assert(json_array_size(json_object_get(step, "launches")) > 20);
    json_decref(all);
}
END_TEST

/* ---- layers ---------------------------------------------------------------------------------------- */

/* gflop counts a product and a sum for each term inside the result, by the formulas beside them. */
static const struct {
    const char *line;
    double gflop;
} layers[] = {
    {"{\"input\": [2,9,9,8], \"filter\": [3,3,8,16], \"stride\": 2, \"pad\": 1, \"runs\": 3}",
     2e-9 * 2 * 5 * 5 * 16 * 3 * 3 * 8},
    {"{\"input\": [2,8,8,8], \"filter\": [4,4,8,16], \"stride\": 2, \"direction\": \"data\"}",
     2e-9 * 2 * 3 * 3 * 16 * 4 * 4 * 8},
    {"{\"input\": [2,8,8,8], \"filter\": [4,4,8,16], \"stride\": 2, \"direction\": \"weight\"}",
     2e-9 * 2 * 3 * 3 * 16 * 4 * 4 * 8},
    {"{\"kind\": \"transposed\", \"input\": [1,4,4,16], \"filter\": [3,3,8,16], \"stride\": 2, "
     "\"pad\": 1, \"out_pad\": 1, \"direction\": \"weight\"}",
     2e-9 * 4 * 4 * 16 * 3 * 3 * 8},
    {"{\"kind\": \"depthwise\", \"input\": [1,8,8,16], \"filter\": [5,5,1,16], \"pad\": 2}",
     2e-9 * 8 * 8 * 16 * 5 * 5},
    {"{\"input\": [2,8,8,16], \"filter\": [1,1,16,8], \"direction\": \"data\"}",
     2e-9 * 2 * 8 * 8 * 16 * 8},
};
enum { LAYERS = sizeof layers / sizeof *layers };

START_TEST(layers_are_timed_line_by_line)
{
    gcl_text lines = {0};
    for (int i = 0; i < LAYERS; i++)
        gcl_text_add(&lines, "%s\n", layers[i].line);
    put_file(in_scratch("layers"), lines.text, lines.length);
    gcl_text_free(&lines);
    ck_exits(0, "bench --layers <layers");
    FILE *out = fopen(in_scratch("out"), "r");
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < LAYERS; i++) {
        json_t *answer = json_loadf(out, JSON_DISABLE_EOF_CHECK, NULL);
        ck_assert_msg(answer != NULL, "line %d: %s", i + 1, said("out"));
        ck_assert(json_at(answer, "ms") > 0 && json_at(answer, "cpu_ms") >= 0);
        ck_assert_double_eq_tol(json_at(answer, "gflop"), layers[i].gflop, 1e-5 * layers[i].gflop);
        ck_assert(json_string_length(json_object_get(answer, "variants")) > 0);
        json_decref(answer);
    }
    fclose(out);
}
END_TEST

static const struct {
    const char *line, *says;
} mistakes[] = {
    {"3", "line 1: it is no JSON object"},
    {"{\"input\": [1,2,3]}", "\"input\" is not a list of four sizes"},
    {"{\"input\": [1,8,8,4], \"filter\": [3,3,5,8]}", "input has 4 channels, filter wants 5"},
    {"{\"input\": [1,8,8,4], \"filter\": [3,3,4,8], \"direction\": \"up\"}",
     "\"direction\" is none of forward, data, weight"},
    {"{\"input\": [1,8,8,4], \"filter\": [3,3,4,8], \"stride\": 0}",
     "\"stride\" is no whole number from 1 to 64"},
};

START_TEST(a_line_that_is_no_layer_is_refused)
{
    put_file(in_scratch("layers"), mistakes[_i].line, strlen(mistakes[_i].line));
    ck_exits(3, "bench --layers <layers");
    ck_said(mistakes[_i].says);
    ck_assert_str_eq(said("out"), "");
}
END_TEST

START_TEST(models_are_no_layers)
{
    ck_exits(2, "bench --layers dcgan:tiny </dev/null");
    ck_said("bench --layers reads layers, not models");
}
END_TEST

/* ---- all of it ------------------------------------------------------------------------------------- */

int main(void)
{
    find_program();
    make_scratch("bench");
    TCase *tests = tcase_create("bench");
    tcase_add_test(tests, a_step_has_times_and_memory);
    tcase_add_test(tests, layers_are_timed_line_by_line);
    tcase_add_loop_test(tests, a_line_that_is_no_layer_is_refused, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(tests, models_are_no_layers);
    return run_tests("bench", tests);
}
