/* The same training in other pieces, through the program: in micro-batches, in two calls, with other
 * sheets in between. */
#include "program_test.h"

#include <math.h>

#include "io/safetensors.h"

#define TRAIN "-q train --set train.log_every=1 --model "

static gcl_safetensors *checkpoint(const char *run, int step)
{
    char name[150];
    snprintf(name, sizeof name, "%s/checkpoints/step-%07d.safetensors", run, step);
    gcl_safetensors *file = gcl_safetensors_open(in_scratch(name), &err);
    ck_have(file);
    return file;
}

static void ck_same_end(const char *a, const char *b, int step)
{
    char x[150], y[150];
    snprintf(x, sizeof x, "%s/checkpoints/step-%07d.safetensors", a, step);
    snprintf(y, sizeof y, "%s/checkpoints/step-%07d.safetensors", b, step);
    ck_assert_msg(same_files(in_scratch(x), in_scratch(y)), "%s and %s differ", x, y);
}

static int has_tensor(const gcl_safetensors *file, const char *part)
{
    int n = 0;
    for (int i = 0; i < gcl_safetensors_count(file); i++)
        n += strstr(gcl_safetensors_at(file, i)->name, part) != NULL;
    return n;
}

/* ---- micro-batches --------------------------------------------------------------------------------- */

static float *floats_of(const gcl_entry *entry)
{
    float *values = gcl_alloc((size_t)entry->count * sizeof *values);
    gcl_entry_floats(entry, values);
    return values;
}

/* The largest |a - b| of a tensor, relative to its largest number. */
static double deviation(const gcl_entry *a, const gcl_entry *b)
{
    float *x = floats_of(a), *y = floats_of(b);
    double most = 0, apart = 0;
    for (int64_t i = 0; i < a->count; i++) {
        most = fmax(most, fabs((double)y[i]));
        apart = fmax(apart, fabs((double)x[i] - y[i]));
    }
    free(x);
    free(y);
    return most > 0 ? apart / most : apart;
}

/* 2 x 2 pictures are the 4, with the same random numbers. Adam's first moment is a tenth of the
 * gradient, so it shows what the sign-like first update of the weights would hide. */
START_TEST(accumulated_batches_are_one_batch)
{
    ck_exits(0, TRAIN "dcgan:tiny --set optimiser=adam --steps 1 --batch 4 --out whole");
    ck_exits(0, TRAIN "dcgan:tiny --set optimiser=adam --steps 1 --batch 2 --accumulate 2 --out "
                      "halves");
    gcl_safetensors *whole = checkpoint("whole", 1), *halves = checkpoint("halves", 1);
    ck_assert_int_eq(gcl_safetensors_count(whole), gcl_safetensors_count(halves));
    ck_assert(has_tensor(whole, "G.adam.m/") > 0 && has_tensor(whole, "D.adam.m/") > 0);
    for (int i = 0; i < gcl_safetensors_count(whole); i++) {
        const gcl_entry *entry = gcl_safetensors_at(whole, i);
        const gcl_entry *other = gcl_safetensors_find(halves, entry->name);
        ck_assert_msg(other != NULL && other->count == entry->count, "%s", entry->name);
        double apart = deviation(other, entry);
        ck_assert_msg(apart < 2e-4, "%s: %g", entry->name, apart);
    }
    ck_assert_str_eq(gcl_safetensors_meta(whole, "batch"), gcl_safetensors_meta(halves, "batch"));
    gcl_safetensors_close(whole);
    gcl_safetensors_close(halves);
}
END_TEST

/* Other pictures would have given other moments: the test above can fail. */
START_TEST(half_a_batch_is_not_the_batch)
{
    ck_exits(0, TRAIN "dcgan:tiny --set optimiser=adam --steps 1 --batch 2 --out half");
    gcl_safetensors *whole = checkpoint("whole", 1), *half = checkpoint("half", 1);
    const char *name = "D.adam.m/D.head.weight";
    ck_assert(deviation(gcl_safetensors_find(half, name), gcl_safetensors_find(whole, name)) >
              0.01);
    gcl_safetensors_close(whole);
    gcl_safetensors_close(half);
}
END_TEST

#define AVERAGED "--set ema=0.9"

/* ---- two calls ------------------------------------------------------------------------------------- */

static const struct {
    const char *model, *run,
        *tensors; /* names that the checkpoint must hold, with blanks between */
} resumed[] = {
    {"dcgan:tiny --accumulate 2", "accumulated", "rmsprop"},
    {"dcgan:tiny --set augment=flip,shift,colour,cutout", "augmented", "rmsprop"},
    {"pix2pix:tiny", "pix2pix", "adam.m running_mean"},
    {"nvae:tiny", "nvae", "sr. adamax running_mean"},
    {"resnet_gan:tiny " AVERAGED, "resnet_gan", "G.average running_mean"},
};
enum { RESUMED = sizeof resumed / sizeof *resumed };

START_TEST(a_run_in_two_calls_is_the_run_in_one)
{
    const char *run = resumed[_i].run;
    char straight[60], words[80];
    snprintf(straight, sizeof straight, "%s-straight", run);
    ck_exits(0, TRAIN "%s --batch 2 --steps 4 --out %s", resumed[_i].model, straight);
    ck_exits(0, TRAIN "%s --batch 2 --steps 2 --out %s", resumed[_i].model, run);
    ck_exits(0, "-q train --resume %s --steps 4", run);
    ck_same_end(run, straight, 4);
    gcl_safetensors *file = checkpoint(run, 4);
    snprintf(words, sizeof words, "%s", resumed[_i].tensors);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        ck_assert_msg(has_tensor(file, word) > 0, "%s: no tensor %s", run, word);
    gcl_safetensors_close(file);
}
END_TEST

/* ---- sheets in between ----------------------------------------------------------------------------- */

/* Translating takes batch statistics but must leave the running ones alone; samples of averaged
 * weights have statistics of their own. The straight runs made no sheet between their first and their
 * last step. */
START_TEST(sheets_leave_no_trace_in_training)
{
    static const char *const models[] = {"pix2pix", "nvae", "resnet_gan"};
    const char *model = models[_i];
    char straight[60], often[60], sheet[120];
    snprintf(straight, sizeof straight, "%s-straight", model);
    snprintf(often, sizeof often, "%s-often", model);
    ck_exits(0, TRAIN "%s:tiny --batch 2 --steps 4 --set train.sample_every=1 %s --out %s", model,
             _i == 2 ? AVERAGED : "", often);
    snprintf(sheet, sizeof sheet, "%s/samples/000003.png", often);
    ck_assert(exists(in_scratch(sheet)));
    snprintf(sheet, sizeof sheet, "%s/samples/000003.png", straight);
    ck_assert(!exists(in_scratch(sheet)));
    ck_same_end(often, straight, 4);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("resume");
    TCase *tests =
        tcase_create("resume"); /* in this order: later tests compare with earlier runs */
    tcase_add_test(tests, accumulated_batches_are_one_batch);
    tcase_add_test(tests, half_a_batch_is_not_the_batch);
    tcase_add_loop_test(tests, a_run_in_two_calls_is_the_run_in_one, 0, RESUMED);
    tcase_add_loop_test(tests, sheets_leave_no_trace_in_training, 0, 3);
    return run_tests("resume", tests);
}
