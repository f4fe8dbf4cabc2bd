/* The passes of a training step, as recorded text: a change that adds one shows here.
 *
 * The list does not depend on the device. When a change is meant, copy the file that the failure
 * names over the recorded one, and say in the commit what was added or saved. */
#include "models/model.h"
#include "one_device_test.h"
#include "plan/plan.h"

static char *units_of(const char *model_name)
{
    gcl_error err = {0};
    gcl_model model;
    gcl_step step = {0};
    gcl_text text = {0};
    ck_ok(gcl_model_open(&model, model_name, NULL, 0, &err));
    gcl_graph *g = gcl_graph_new();
    gcl_nn *nn = gcl_nn_new(g, &(gcl_nn_options){.training = 1});
    model.system->step(nn, &model, &(gcl_batch){16, 1}, &step);
    gcl_node *parts[GCL_MAX_LOSSES];
    for (int i = 0; i < step.n_losses; i++)
        parts[i] = step.losses[i].node;
    gcl_graph_output(gcl_pack(g, parts, step.n_losses, NULL), "history");
    gcl_nn_finish(nn);
    gcl_plan *plan = gcl_plan_new(dev, g, NULL, &(gcl_plan_options){.estimate_only = 1}, &err);
    ck_have(plan);
    gcl_plan_print(plan, &text);
    gcl_plan_free(plan);
    gcl_nn_free(nn);
    gcl_graph_free(g);
    return text.text;
}

static char *recorded(const char *path)
{
    gcl_text text = {0};
    char line[512];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        gcl_text_add(&text, "%s", line);
    if (file != NULL)
        fclose(file);
    return text.text;
}

static void compare(const char *model_name, const char *file_name)
{
    char path[512], found[256];
    const char *source = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/%s", source ? source : ".", file_name);
    snprintf(found, sizeof found, "%s.found", file_name);
    char *units = units_of(model_name), *want = recorded(path);
    if (want == NULL || strcmp(units, want) != 0) {
        FILE *out = fopen(found, "w");
        if (out != NULL) {
            fputs(units, out);
            fclose(out);
        }
        ck_abort_msg("the passes of %s are not those of %s; the new list is in %s", model_name,
                     path, found);
    }
    free(units);
    free(want);
}

START_TEST(passes_with_batch_norm) { compare("dcgan:standard", "passes-standard.txt"); }
END_TEST

START_TEST(passes_without_batch_norm) { compare("dcgan:small", "passes-small.txt"); }
END_TEST

int main(void)
{
    TCase *tc = tcase_create("passes");
    tcase_set_timeout(tc, 0);
    tcase_add_unchecked_fixture(tc, open_device, close_device);
    tcase_add_test(tc, passes_with_batch_norm);
    tcase_add_test(tc, passes_without_batch_norm);
    Suite *suite = suite_create("launches");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
