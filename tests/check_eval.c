/* Evaluations during training: metrics, the log's lines of them, the best checkpoint and how long it is
 * kept, without a device; then through the program: that training goes on as if there had been none, is
 * resumed without a gap or a double, and ends as it should when it is interrupted amid one. */
#include "events_reader.h"
#include "program_test.h"

#include <math.h>

#include "base/log.h"
#include "io/checkpoint.h"
#include "train/best.h"
#include "train/journal.h"

/* ---- metrics --------------------------------------------------------------------------------------- */

static const struct {
    const char *model, *main, *other, *none; /* a metric that may be chosen, one that may not */
} systems[] = {
    {"dcgan:tiny", "swd", "pairwise_ssim", "d_accuracy_real"},
    {"resnet_gan:tiny-classifier", "top1", "cross_entropy", "swd"},
    {"pix2pix:tiny", "l1", "ssim", "nelbo"},
    {"nvae:tiny", "nelbo", "bits_per_dim", "active_units"},
};
enum { SYSTEMS = sizeof systems / sizeof *systems };

START_TEST(each_system_has_its_metrics)
{
    gcl_model model;
    const gcl_metric *metric;
    ck_ok(gcl_model_open(&model, systems[_i].model, NULL, 0, &err));
    ck_ok(gcl_metric_find(&model, "auto", &metric, &err));
    ck_assert_str_eq(metric->name, systems[_i].main);
    ck_ok(gcl_metric_find(&model, systems[_i].other, &metric, &err));
    ck_assert_str_eq(metric->name, systems[_i].other);
    ck_ok(gcl_metric_find(&model, "none", &metric, &err));
    ck_assert_ptr_null(metric);
    ck_refused(gcl_metric_find(&model, systems[_i].none, &metric, &err) == 0, GCL_USAGE,
               systems[_i].main);
}
END_TEST

START_TEST(what_is_better_depends_on_the_metric)
{
    gcl_metric less = {"swd", -1}, more = {"top1", 1};
    ck_assert(gcl_metric_improves(&less, 1, 2) && !gcl_metric_improves(&less, 2, 1));
    ck_assert(gcl_metric_improves(&more, 2, 1) && !gcl_metric_improves(&more, 1, 2));
    ck_assert(!gcl_metric_improves(&less, 1, 1) && !gcl_metric_improves(&more, 1, 1));
    ck_assert(gcl_metric_improves(&less, 1, NAN) && !gcl_metric_improves(&less, NAN, 1));
    ck_assert(!gcl_metric_improves(&more, INFINITY, 1) && !gcl_metric_improves(NULL, 1, 2));
}
END_TEST

/* ---- the log --------------------------------------------------------------------------------------- */

/* Lines of updates 0 .. steps - 1, and of evaluations every 2 of them. */
static void write_log(gcl_journal *journal, int first, int steps)
{
    gcl_named_value loss = {"loss", 0.5}, rate = {"G", 1e-4}, swd = {"swd", 0};
    for (int i = first; i < steps; i++) {
        gcl_journal_line line = {.step = i,
                                 .seconds = i + 1,
                                 .n_losses = 1,
                                 .n_rates = 1,
                                 .losses = &loss,
                                 .rates = &rate,
                                 .dropped = 3};
        ck_ok(gcl_journal_write(journal, &line, &err));
        if (i % 2 == 0)
            continue;
        swd.value = fabs(i - 4.5); /* 3.5, 1.5, 0.5, 2.5, 4.5 at 2, 4, .. 10 */
        gcl_journal_evaluation value = {
            .step = i + 1, .seconds = i + 1.5, .took = 0.5, .n_values = 1, .values = &swd};
        ck_ok(gcl_journal_write_evaluation(journal, &value, &err));
    }
}

static gcl_journal *open_log(int first, double *seconds, int64_t *dropped)
{
    gcl_journal *journal = gcl_journal_open(in_scratch("log.jsonl"), first, seconds, dropped, &err);
    ck_have(journal);
    return journal;
}

/* Cut at any step and written again, the log is the log. */
START_TEST(a_log_is_cut_without_gap_or_double)
{
    size_t n, m;
    double seconds;
    int64_t dropped;
    gcl_journal *journal = open_log(0, &seconds, &dropped);
    write_log(journal, 0, 10);
    gcl_journal_close(journal);
    char *whole = get_file(in_scratch("log.jsonl"), &n);
    for (int first = 1; first <= 10; first++) {
        journal = open_log(first, &seconds, &dropped);
        ck_assert_int_eq(dropped, 3);
        ck_assert(seconds == first + (first % 2 == 0 ? 0.5 : 0));
        write_log(journal, first, 10);
        gcl_journal_close(journal);
        char *again = get_file(in_scratch("log.jsonl"), &m);
        ck_assert_msg(n == m && memcmp(whole, again, n) == 0, "cut at %d:\n%s", first, again);
        free(again);
    }
    free(whole);
}
END_TEST

/* ---- the best checkpoint ---------------------------------------------------------------------------- */

static void put_checkpoint(int step)
{
    char name[60];
    snprintf(name, sizeof name, "checkpoints/step-%07d.safetensors", step);
    put_file(in_scratch(name), "x", 1);
}

static int has_checkpoint(int step)
{
    char name[60];
    snprintf(name, sizeof name, "checkpoints/step-%07d.safetensors", step);
    return exists(in_scratch(name));
}

static const char *checkpoints(void) { return in_scratch("checkpoints"); }
static const char *log_file(void) { return in_scratch("log.jsonl"); }

/* With keep=1 and 12 checkpoints only the newest and the first of each doubling would stay. */
START_TEST(the_best_checkpoint_outlives_the_others)
{
    ck_assert_int_eq(mkdir(checkpoints(), 0777), 0);
    for (int step = 1; step <= 12; step++) {
        put_checkpoint(step);
        ck_ok(gcl_checkpoint_publish(checkpoints(), step, 1, &err));
        if (step == 3 || step == 7)
            ck_ok(gcl_checkpoint_mark_best(checkpoints(), step, &err));
    }
    ck_assert(has_checkpoint(7) && has_checkpoint(12));
    ck_assert(!has_checkpoint(3) && !has_checkpoint(6) && !has_checkpoint(11));
    ck_assert_int_eq(gcl_checkpoint_best(checkpoints(), &err), 7);
    gcl_checkpoint_forget_after(checkpoints(), 7);
    ck_assert_int_eq(gcl_checkpoint_best(checkpoints(), &err), 7);
    gcl_checkpoint_forget_after(checkpoints(), 6);
    ck_assert_int_eq(gcl_checkpoint_best(checkpoints(), &err), -1);
    ck_assert(!exists(in_scratch("checkpoints/best")));
    ck_ok(gcl_checkpoint_mark_best(checkpoints(), -1, &err));
}
END_TEST

/* The log of above: 6 was the best, then 4, 8, 2, 10. */
START_TEST(the_best_is_recalled_from_the_log)
{
    static const gcl_metric all[] = {{"swd", -1}, {"top1", 1}, {NULL, 0}};
    int64_t evaluated;
    gcl_measured last;
    gcl_best best = {.all = all, .metric = &all[0]};
    put_checkpoint(8);
    put_checkpoint(10);
    put_checkpoint(4);
    ck_ok(gcl_best_recall(&best, log_file(), checkpoints(), &evaluated, &last, &err));
    ck_assert_int_eq(evaluated, 10);
    ck_assert(last.n == 1 && last.values[0].value == 4.5);
    ck_assert(best.step == 4 && best.value == 1.5); /* 6 is no more */
    ck_assert_int_eq(gcl_checkpoint_best(checkpoints(), &err), 4);
    put_checkpoint(6);
    ck_ok(gcl_best_recall(&best, log_file(), checkpoints(), &evaluated, &last, &err));
    ck_assert(best.step == 6 && best.value == 0.5);
    best.metric = &all[1];
    ck_ok(gcl_best_recall(&best, log_file(), checkpoints(), &evaluated, &last, &err));
    ck_assert(best.step == -1 && isnan(best.value));
    ck_assert_int_eq(gcl_checkpoint_best(checkpoints(), &err), -1);
    best.metric = &all[0];
    ck_ok(gcl_best_recall(&best, in_scratch("none.jsonl"), checkpoints(), &evaluated, &last, &err));
    ck_assert(evaluated == -1 && best.step == -1);
    gcl_measured first = {2, {{"top1", 1}, {"swd", 3}}}, worse = {1, {{"swd", 4}}};
    ck_assert(gcl_best_takes(&best, 2, &first) && best.step == 2 && best.value == 3);
    ck_assert(!gcl_best_takes(&best, 4, &worse) && best.step == 2);
}
END_TEST

/* ---- through the program ---------------------------------------------------------------------------- */

#define TRAIN "-q train --batch 2 --set train.log_every=1 --set data.holdout=0.1 "
#define EVAL  "--set eval.every=2 --set eval.count=8 "

/* The values of each evaluation in a run's log, one text for each, without times. */
enum { MOST_EVALUATIONS = 8 };
typedef struct evaluations {
    int n;
    long long steps[MOST_EVALUATIONS];
    char *values[MOST_EVALUATIONS];
} evaluations;

static evaluations evaluations_of(const char *run)
{
    evaluations all = {0};
    char name[100];
    size_t n;
    snprintf(name, sizeof name, "%s/log.jsonl", run);
    char *log = get_file(in_scratch(name), &n), *rest = NULL;
    for (char *text = strtok_r(log, "\n", &rest); text; text = strtok_r(NULL, "\n", &rest)) {
        json_t *line = json_loads(text, 0, NULL), *values = json_object_get(line, "eval");
        ck_assert_msg(line != NULL, "%s", text);
        if (values != NULL) {
            ck_assert_int_lt(all.n, MOST_EVALUATIONS);
            ck_assert(json_number_value(json_object_get(line, "eval_seconds")) >= 0);
            all.steps[all.n] = json_integer_value(json_object_get(line, "step"));
            all.values[all.n++] = json_dumps(values, JSON_SORT_KEYS);
        }
        json_decref(line);
    }
    free(log);
    return all;
}

static void free_evaluations(evaluations *all)
{
    for (int i = 0; i < all->n; i++)
        free(all->values[i]);
}

static void ck_evaluated(const char *run, int first, int every, int n)
{
    evaluations all = evaluations_of(run);
    ck_assert_int_eq(all.n, n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(all.steps[i], first + i * every);
    free_evaluations(&all);
}

static void ck_same_evaluations(const char *a, const char *b)
{
    evaluations x = evaluations_of(a), y = evaluations_of(b);
    ck_assert_int_eq(x.n, y.n);
    for (int i = 0; i < x.n; i++) {
        ck_assert_int_eq(x.steps[i], y.steps[i]);
        ck_assert_str_eq(x.values[i], y.values[i]);
    }
    free_evaluations(&x);
    free_evaluations(&y);
}

static void ck_same_checkpoint(const char *a, const char *b, int step)
{
    char x[100], y[100];
    snprintf(x, sizeof x, "%s/checkpoints/step-%07d.safetensors", a, step);
    snprintf(y, sizeof y, "%s/checkpoints/step-%07d.safetensors", b, step);
    ck_assert_msg(same_files(in_scratch(x), in_scratch(y)), "%s and %s differ", x, y);
}

static int best_of(const char *run)
{
    char folder[100];
    snprintf(folder, sizeof folder, "%s/checkpoints", run);
    return (int)gcl_checkpoint_best(in_scratch(folder), &err);
}

/* Averages are readjusted, and pix2pix has batch statistics, dropout and noise when it is evaluated. */
static const struct {
    const char *model, *run, *metrics; /* what a line must hold, with blanks between */
} trained[] = {
    {"dcgan:tiny-bn", "dcgan",
     "swd pairwise_ssim pairwise_ssim_real d_accuracy_real d_accuracy_fake d_accuracy_train"},
    {"resnet_gan:tiny --set ema=0.9", "resnet_gan", "swd d_accuracy_fake"},
    {"resnet_gan:tiny-classifier", "classifier", "top1 top5 cross_entropy"},
    {"pix2pix:tiny", "pix2pix", "l1 psnr ssim gmsd"},
    {"unet_gan:tiny", "unet_gan", "l1 psnr ssim gmsd"},
    {"nvae:tiny", "nvae", "nelbo bits_per_dim reconstruction kl active_units"},
};
enum { TRAINED = sizeof trained / sizeof *trained };

START_TEST(training_does_not_notice_evaluations)
{
    const char *run = trained[_i].run;
    char plain[40], words[120];
    snprintf(plain, sizeof plain, "%s-plain", run);
    ck_exits(0, TRAIN "--model %s --steps 4 --out %s", trained[_i].model, plain);
    ck_exits(0, TRAIN EVAL "--model %s --steps 4 --out %s", trained[_i].model, run);
    ck_same_checkpoint(run, plain, 4);
    ck_evaluated(plain, 0, 0, 0);
    ck_evaluated(run, 2, 2, 2);
    evaluations all = evaluations_of(run);
    ck_assert_str_ne(all.values[0], all.values[1]);
    json_t *values = json_loads(all.values[0], 0, NULL);
    snprintf(words, sizeof words, "%s", trained[_i].metrics);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        ck_assert_msg(json_is_number(json_object_get(values, word)), "no %s: %s", word,
                      all.values[0]);
    json_decref(values);
    free_evaluations(&all);
    int best = best_of(run);
    ck_assert(best == 2 || best == 4);
}
END_TEST

/* The event files show the values of the log, each once. */
static void ck_events(const char *run, const char *metric)
{
    history events = {0};
    char tag[60];
    evaluations all = evaluations_of(run);
    snprintf(tag, sizeof tag, "eval/%s", metric);
    ck_assert_int_gt(read_folder(&events, in_scratch(run)), 0);
    ck_assert_int_eq(count_tag(&events, tag), all.n);
    for (int i = 0; i < all.n; i++) {
        json_t *values = json_loads(all.values[i], 0, NULL);
        double value = json_number_value(json_object_get(values, metric));
        ck_assert(at_step(&events, tag, all.steps[i])->number == (float)value);
        json_decref(values);
    }
    free_evaluations(&all);
    free_history(&events);
}

/* Stopped at an evaluation, and between two; begun anew from an older checkpoint. */
START_TEST(a_resumed_run_has_the_same_evaluations)
{
    const char *run = trained[_i].run;
    char resumed[40], older[120];
    snprintf(resumed, sizeof resumed, "%s-resumed", run);
    ck_exits(0, TRAIN EVAL "--model %s --steps 2 --out %s", trained[_i].model, resumed);
    ck_evaluated(resumed, 2, 2, 1);
    ck_exits(0, "-q train --resume %s --steps 3", resumed);
    ck_exits(0, "-q train --resume %s --steps 4", resumed);
    ck_same_evaluations(resumed, run);
    ck_same_checkpoint(resumed, run, 4);
    ck_assert_int_eq(best_of(resumed), best_of(run));
    snprintf(older, sizeof older, "%s/checkpoints/step-0000002.safetensors", resumed);
    ck_exits(0, "-q train --resume %s --steps 3", older);
    ck_evaluated(resumed, 2, 2, 1);
    ck_assert_int_eq(best_of(resumed), 2);
    ck_exits(0, "-q train --resume %s --steps 4", resumed);
    ck_same_evaluations(resumed, run);
    ck_same_checkpoint(resumed, run, 4);
    ck_events(run, "swd");
    ck_events(resumed, "swd");
}
END_TEST

/* ---- using the best --------------------------------------------------------------------------------- */

START_TEST(a_checkpoint_is_chosen_by_name)
{
    char file[100];
    int best = best_of("dcgan");
    snprintf(file, sizeof file, "dcgan/checkpoints/step-%07d.safetensors", best);
    ck_exits(0, "sample dcgan --checkpoint best --count 1 --out best.png");
    ck_exits(0, "sample %s --count 1 --out file.png", file);
    ck_exits(0, "sample dcgan --checkpoint %d --count 1 --out step.png", 6 - best);
    ck_exits(0, "sample dcgan --checkpoint latest --count 1 --out latest.png");
    ck_exits(0, "sample dcgan --count 1 --out newest.png");
    ck_assert(same_files(in_scratch("best.png"), in_scratch("file.png")));
    ck_assert(!same_files(in_scratch("best.png"), in_scratch("step.png")));
    ck_assert(same_files(in_scratch("latest.png"), in_scratch("newest.png")));
    ck_exits(0, "evaluate classifier --checkpoint best --data builtin:faces --count 2");
    json_t *scores = json_said();
    ck_assert_int_eq((int)json_at(scores, "step"), best_of("classifier"));
    json_decref(scores);
    ck_exits(3, "sample dcgan --checkpoint 3 --count 1 --out no.png");
    ck_said("has no checkpoint of step 3");
    ck_exits(3, "sample dcgan-plain --checkpoint best --count 1 --out no.png");
    ck_said("eval.every=N");
    ck_exits(2, "sample dcgan --checkpoint newest --count 1 --out no.png");
    ck_exits(2, "sample %s --checkpoint best --count 1 --out no.png", file);
    ck_assert(!exists(in_scratch("no.png")));
}
END_TEST

START_TEST(mistakes_are_said_before_there_is_a_folder)
{
    ck_exits(2, TRAIN EVAL "--model dcgan:tiny --set eval.best=psnr --steps 1 --out mistake");
    ck_said("swd");
    ck_exits(2, TRAIN "--model dcgan:tiny --set eval.count=0 --steps 1 --out mistake");
    ck_assert(!exists(in_scratch("mistake")));
}
END_TEST

/* ---- interrupted amid an evaluation ------------------------------------------------------------------ */

static void wait_for_log(const char *name, const char *part)
{
    for (int i = 0; i < 6000; i++) {
        if (exists(in_scratch(name))) {
            size_t n;
            char *text = get_file(in_scratch(name), &n);
            int found = strstr(text, part) != NULL;
            free(text);
            if (found)
                return;
        }
        pause_ms(20);
    }
    ck_abort_msg("%s never said %s", name, part);
}

/* The second evaluation would take long; the line of the update before it tells that it is next. */
START_TEST(an_interrupted_evaluation_is_made_up_for)
{
    ck_exits(0, TRAIN "--model dcgan:tiny-bn --set eval.every=1 --set eval.count=8 --steps 1 --out "
                      "broken");
    pid_t child = start_program("-q train --resume broken --steps 3 --set eval.count=4000");
    wait_for_log("broken/log.jsonl", "\"step\": 1, \"images\": 4, \"seconds\"");
    pause_ms(300);
    double began = gcl_seconds();
    kill(child, SIGINT);
    ck_assert_int_eq(finish_program(child), 130);
    ck_assert_msg(gcl_seconds() - began < 60, "%.1f s", gcl_seconds() - began);
    ck_assert(exists(in_scratch("broken/checkpoints/step-0000002.safetensors")));
    ck_evaluated("broken", 1, 1, 1);
    ck_exits(0, "-q train --resume broken --steps 3 --set eval.count=8");
    ck_evaluated("broken", 1, 1, 3);
    ck_exits(0, TRAIN "--model dcgan:tiny-bn --set eval.every=1 --set eval.count=8 --steps 3 --out "
                      "whole");
    ck_same_evaluations("broken", "whole");
    ck_same_checkpoint("broken", "whole", 3);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("eval");
    TCase *tests = tcase_create("eval"); /* in this order: later tests use earlier runs */
    tcase_add_loop_test(tests, each_system_has_its_metrics, 0, SYSTEMS);
    tcase_add_test(tests, what_is_better_depends_on_the_metric);
    tcase_add_test(tests, a_log_is_cut_without_gap_or_double);
    tcase_add_test(tests, the_best_checkpoint_outlives_the_others);
    tcase_add_test(tests, the_best_is_recalled_from_the_log);
    tcase_add_loop_test(tests, training_does_not_notice_evaluations, 0, TRAINED);
    tcase_add_loop_test(tests, a_resumed_run_has_the_same_evaluations, 0, 2);
    tcase_add_test(tests, a_checkpoint_is_chosen_by_name);
    tcase_add_test(tests, mistakes_are_said_before_there_is_a_folder);
    tcase_add_test(tests, an_interrupted_evaluation_is_made_up_for);
    return run_tests("eval", tests);
}
