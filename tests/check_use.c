/* Trained models in use, through the program: sheets while training, and the commands sample, translate,
 * reconstruct, classify, evaluate on what two steps of each tiny system have made. */
#include "program_test.h"

#include <math.h>

#include "cli/trained.h"
#include "io/image.h"

/* ---- pictures to use them on ----------------------------------------------------------------------- */

/* A colour picture of slanted stripes; `kind` turns them. */
static void put_picture(const char *name, int width, int height, int kind)
{
    gcl_image image = {0};
    ck_ok(gcl_image_new(&image, width, height, 3, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image.pixels[(y * width + x) * 3 + c] =
                    (uint8_t)(128 + 100 * sin(0.1 * (kind + 1) * x + 0.2 * y + c * kind));
    ck_ok(gcl_image_write_png(in_scratch(name), &image, &err));
    gcl_image_free(&image);
}

static void make_folder(const char *name) { ck_assert_int_eq(mkdir(in_scratch(name), 0777), 0); }

START_TEST(pictures_are_made)
{
    static const char *const folders[] = {"pictures",      "twins",        "broken",
                                          "classes",       "classes/pink", "classes/brown",
                                          "classes/violet"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        make_folder(folders[i]);
    put_picture("pictures/a.png", 80, 64, 0);
    put_picture("pictures/b.png", 64, 64, 1);
    put_picture("pictures/c.d.png", 33, 90, 2);
    put_picture("twins/a.png", 64, 64, 0);
    put_picture("twins/a.PNG", 64, 64, 1);
    put_picture("classes/pink/1.png", 32, 32, 0);
    put_picture("classes/brown/1.png", 32, 32, 1);
    put_picture("classes/violet/1.png", 32, 32, 2);
    size_t n;
    char *whole = get_file(in_scratch("pictures/a.png"), &n);
    put_file(in_scratch("broken/a.png"), whole, n / 2);
    free(whole);
}
END_TEST

static void ck_size(const char *name, int width, int height)
{
    gcl_image image = {0};
    ck_assert_msg(gcl_image_read_file(in_scratch(name), &image, &err) == 0, "%s", err.text);
    ck_assert_msg(image.width == width && image.height == height, "%s: %d x %d, not %d x %d", name,
                  image.width, image.height, width, height);
    gcl_image_free(&image);
}

/* ---- training -------------------------------------------------------------------------------------- */

static const struct {
    const char *model, *run, *sheet; /* the sheet that the last step ends with; "": there is none */
    int width, height;
} trained[] = {
    {"dcgan:tiny", "dcgan", "000002.png", 6 * 64, 6 * 64},
    {"resnet_gan:tiny-classifier", "classifier", "", 0, 0},
    {"pix2pix:tiny", "pix2pix", "000002.png", 2 * 3 * 64, 6 * 64}, /* 12 triptychs, 2 a row */
    {"unet_gan:tiny", "unet_gan", "000002.png", 2 * 3 * 32, 6 * 32},
    {"nvae:tiny", "nvae", "000002-reconstructed.png", 3 * 2 * 32, 4 * 32}, /* 12 pairs, 3 a row */
};
enum { TRAINED = sizeof trained / sizeof *trained };

START_TEST(models_are_trained_and_show_it)
{
    char sheet[120];
    ck_exits(0, "-q train --model %s --batch 2 --steps 2 --out %s", trained[_i].model,
             trained[_i].run);
    snprintf(sheet, sizeof sheet, "%s/samples", trained[_i].run);
    if (trained[_i].sheet[0] == 0) {
        ck_assert_int_eq(files_in(in_scratch(sheet)), 0);
        return;
    }
    snprintf(sheet, sizeof sheet, "%s/samples/%s", trained[_i].run, trained[_i].sheet);
    ck_size(sheet, trained[_i].width, trained[_i].height);
}
END_TEST

/* ---- sample ---------------------------------------------------------------------------------------- */

/* Averaged weights are those that are sampled, unless the command says otherwise. */
START_TEST(averages_and_penalties_are_trained_with)
{
    ck_exits(0,
             "-q train --model dcgan:tiny --batch 2 --steps 2 --set ema=0.9 --set r1=1 --set gp=1 "
             "--set train.log_every=1 --out averaged");
    ck_exits(0, "sample averaged --count 1 --out averaged.png");
    ck_exits(0, "sample averaged --count 1 --set ema=0 --out newest.png");
    ck_assert(!same_files(in_scratch("averaged.png"), in_scratch("newest.png")));
    ck_exits(0, "-q train --resume averaged --steps 3");
}
END_TEST

/* ---- translate ------------------------------------------------------------------------------------- */

START_TEST(translations_keep_their_names)
{
    ck_exits(0, "translate pix2pix --in pictures --out translated");
    ck_assert_str_eq(said("out"), "translated: 3 pictures\n");
    ck_assert_int_eq(files_in(in_scratch("translated")), 3);
    ck_size("translated/a.png", 64, 64);
    ck_size("translated/b.png", 64, 64);
    ck_size("translated/c.d.png", 64, 64);
    ck_assert(!same_files(in_scratch("translated/a.png"), in_scratch("translated/b.png")));
    ck_exits(0, "translate unet_gan --in pictures --out translated-unet --count 2");
    ck_assert_int_eq(files_in(in_scratch("translated-unet")), 2);
    ck_size("translated-unet/b.png", 32, 32);
}
END_TEST

/* A|B in one picture: what comes of it is what comes of A alone. */
START_TEST(of_pairs_a_is_translated)
{
    gcl_image a = {0}, b = {0}, both = {0};
    make_folder("sides");
    make_folder("left");
    put_picture("left/a.png", 64, 64, 1);
    put_picture("sides/b.png", 64, 64, 2);
    ck_ok(gcl_image_read_file(in_scratch("left/a.png"), &a, &err));
    ck_ok(gcl_image_read_file(in_scratch("sides/b.png"), &b, &err));
    ck_ok(gcl_image_join(&both, &a, &b, &err));
    remove(in_scratch("sides/b.png"));
    ck_ok(gcl_image_write_png(in_scratch("sides/a.png"), &both, &err));
    ck_exits(0, "translate pix2pix --in left --out from-left");
    ck_exits(0, "translate pix2pix --in sides --out from-sides");
    ck_said("sides: holds pairs, of which A is translated");
    ck_assert(same_files(in_scratch("from-left/a.png"), in_scratch("from-sides/a.png")));
    ck_exits(0, "translate pix2pix --in sides --out from-whole --set data.format=folder");
    ck_assert(!same_files(in_scratch("from-left/a.png"), in_scratch("from-whole/a.png")));
    gcl_image_free(&a);
    gcl_image_free(&b);
    gcl_image_free(&both);
}
END_TEST

/* pix2pix draws dropout when it translates, and takes batch statistics: of each picture by itself. */
START_TEST(translations_are_functions_of_picture_and_seed)
{
    ck_exits(0, "translate pix2pix --in pictures --out again");
    ck_exits(0, "--seed 1 translate pix2pix --in pictures --out otherwise");
    ck_exits(0, "translate pix2pix --in pictures --out alone --count 1");
    ck_exits(0, "--seed 1 translate pix2pix --in pictures --out plain --set stochastic=false");
    ck_exits(0, "translate pix2pix --in pictures --out plain-again --set stochastic=false");
    ck_assert(same_files(in_scratch("translated/a.png"), in_scratch("again/a.png")));
    ck_assert(same_files(in_scratch("translated/c.d.png"), in_scratch("again/c.d.png")));
    ck_assert(!same_files(in_scratch("translated/a.png"), in_scratch("otherwise/a.png")));
    ck_assert_int_eq(files_in(in_scratch("alone")), 1);
    ck_assert(same_files(in_scratch("translated/a.png"), in_scratch("alone/a.png")));
    ck_assert(same_files(in_scratch("plain/b.png"), in_scratch("plain-again/b.png")));
    ck_assert(!same_files(in_scratch("plain/b.png"), in_scratch("translated/b.png")));
}
END_TEST

/* ---- reconstruct ----------------------------------------------------------------------------------- */

START_TEST(reconstructions_stand_beside_their_pictures)
{
    ck_exits(0, "reconstruct nvae --data pictures --out pairs.png");
    ck_size("pairs.png", 3 * 2 * 32, 32);
    ck_exits(0, "reconstruct nvae --data builtin:faces --count 7");
    ck_size("reconstructed.png", 3 * 2 * 32, 3 * 32);
}
END_TEST

/* ---- classify -------------------------------------------------------------------------------------- */

static void ck_verdict(const json_t *row)
{
    const json_t *top = json_object_get(row, "top");
    double sum = 0, last = 1;
    ck_assert(json_is_string(json_object_get(row, "picture")));
    ck_assert_int_eq(json_array_size(top), 5);
    for (size_t place = 0; place < 5; place++) {
        const json_t *one = json_array_get(top, place);
        double p = json_at(one, "probability");
        ck_assert(json_is_string(json_object_get(one, "class")));
        ck_assert(p >= 0 && p <= last);
        last = p;
        sum += p;
    }
    ck_assert_msg(sum <= 1 + 1e-6 && sum >= 0.5 - 1e-6, "%g",
                  sum); /* 5 of 10 classes, the likeliest */
}

/* Classes go by their names: those of the folder are sorted, the model's are the colours of hair. */
START_TEST(classes_are_found_by_name)
{
    ck_exits(0, "classify classifier --data classes --json");
    json_t *whole = json_said(), *rows = json_object_get(whole, "pictures");
    ck_assert_int_eq(json_array_size(rows), 3);
    ck_assert(json_at(whole, "count") == 3 && json_at(whole, "labelled") == 2);
    ck_assert(json_at(whole, "top1") <= json_at(whole, "top5") && json_at(whole, "top5") <= 1);
    double cross_entropy = 0;
    static const char *const wanted[] = {"brown", "pink", NULL};
    for (size_t i = 0; i < 3; i++) {
        const json_t *row = json_array_get(rows, i);
        const char *class = json_string_value(json_object_get(row, "class"));
        ck_verdict(row);
        ck_assert_msg((class == NULL) == (wanted[i] == NULL), "%zu: %s", i, class);
        ck_assert(class == NULL || strcmp(class, wanted[i]) == 0);
        for (size_t k = 0; class != NULL && k < 5; k++) {
            const json_t *one = json_array_get(json_object_get(row, "top"), k);
            if (strcmp(json_string_value(json_object_get(one, "class")), class) == 0)
                cross_entropy -= log(json_at(one, "probability")) / 2;
        }
    }
    if (json_at(whole, "top5") == 1) /* else some class is not in the list */
        ck_assert_double_eq_tol(json_at(whole, "cross_entropy"), cross_entropy, 1e-3);
    json_decref(whole);
    ck_exits(0, "classify classifier --data classes");
    ck_assert_ptr_nonnull(strstr(said("out"), "2 pictures with a class: top-1"));
}
END_TEST

START_TEST(pictures_without_class_are_classified)
{
    ck_exits(0, "classify classifier --data pictures --json");
    json_t *whole = json_said();
    ck_assert(json_at(whole, "count") == 3 && json_at(whole, "labelled") == 0);
    for (size_t i = 0; i < 3; i++) {
        const json_t *row = json_array_get(json_object_get(whole, "pictures"), i);
        ck_verdict(row);
        ck_assert_ptr_null(json_object_get(row, "class"));
    }
    json_decref(whole);
}
END_TEST

/* ---- evaluate -------------------------------------------------------------------------------------- */

static json_t *evaluated(const char *line, const char *model)
{
    ck_exits(0, "evaluate %s", line);
    json_t *whole = json_said();
    ck_assert_str_eq(json_string_value(json_object_get(whole, "model")), model);
    ck_assert(json_at(whole, "step") == 2 && json_at(whole, "count") == 2);
    return whole;
}

START_TEST(generators_are_measured)
{
    static const char *const sides[] = {"64", "32", "16"};
    json_t *whole = evaluated("dcgan --data builtin:faces --count 2", "dcgan:tiny");
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        char path[60];
        snprintf(path, sizeof path, "sliced_wasserstein/levels/%s", sides[i]);
        ck_assert(json_at(whole, path) > 0);
        sum += json_at(whole, path);
    }
    ck_assert_double_eq_tol(json_at(whole, "sliced_wasserstein/mean"), sum / 3, 1e-4);
    json_decref(whole);
}
END_TEST

START_TEST(translations_are_measured)
{
    static const char *const scores[] = {"l1", "psnr", "ssim", "gmsd"};
    json_t *whole =
        evaluated("pix2pix --data builtin:faces --count 2 --out table.csv", "pix2pix:tiny");
    size_t n;
    double rows[2][4];
    char *table = get_file(in_scratch("table.csv"), &n);
    ck_assert_int_eq(sscanf(table,
                            "picture,l1,psnr,ssim,gmsd\n\"0\",%lf,%lf,%lf,%lf\n"
                            "\"1\",%lf,%lf,%lf,%lf\n",
                            &rows[0][0], &rows[0][1], &rows[0][2], &rows[0][3], &rows[1][0],
                            &rows[1][1], &rows[1][2], &rows[1][3]),
                     8);
    for (int i = 0; i < 4; i++) {
        char path[60];
        snprintf(path, sizeof path, "translated/%s", scores[i]);
        ck_assert_double_eq_tol(json_at(whole, path), (rows[0][i] + rows[1][i]) / 2, 1e-3);
        snprintf(path, sizeof path, "source_as_it_is/%s", scores[i]);
        ck_assert(isfinite(json_at(whole, path)));
    }
    free(table);
    json_decref(whole);
    json_decref(evaluated("unet_gan --data builtin:faces --count 2", "unet_gan:tiny"));
}
END_TEST

START_TEST(classifiers_are_measured)
{
    json_t *whole = evaluated("classifier --data classes", "resnet_gan:tiny-classifier");
    ck_assert(json_at(whole, "top1") <= json_at(whole, "top5") && json_at(whole, "top5") <= 1);
    ck_assert(json_at(whole, "cross_entropy") > 0);
    json_decref(whole);
}
END_TEST

enum { DRAWS = 3, PICTURES = 2, BOUND_BATCH = 16 };

typedef struct bounds {
    double elbo, weight, importance; /* means over pictures in nats, all negative log likelihoods */
} bounds;

/* The bounds of PICTURES pictures over the first `draws` draws, by their definition. */
static bounds bounds_of(const char *data, int draws)
{
    gcl_trained t;
    gcl_options options = {.device = test_device(), .seed = 4, .count = PICTURES};
    float reconstruction[BOUND_BATCH], kl[BOUND_BATCH], weight[BOUND_BATCH];
    size_t next = 0, indices[BOUND_BATCH];
    double sums[PICTURES] = {0};
    bounds all = {0};
    ck_ok(gcl_trained_open(&t, in_scratch("nvae"), &options, &err));
    ck_ok(gcl_trained_use(&t, GCL_TASK_RECONSTRUCT, 1, BOUND_BATCH, &err));
    ck_ok(gcl_trained_data(&t, data, GCL_WANT_PICTURES, &err));
    ck_assert_int_eq(gcl_trained_read(&t, &next, gcl_trained_count(&t), indices), PICTURES);
    for (int draw = 0; draw < draws; draw++) {
        ck_ok(gcl_use_run(t.use, t.batch[0], options.seed, draw, &err));
        ck_ok(gcl_use_bounds(t.use, reconstruction, kl, weight, &err));
        for (int i = 0; i < PICTURES; i++) {
            all.elbo += ((double)reconstruction[i] + kl[i]) / (draws * PICTURES);
            all.weight -= (double)weight[i] / (draws * PICTURES);
            sums[i] += exp((double)weight[i] + 600);
        }
    }
    for (int i = 0; i < PICTURES; i++)
        all.importance += (600 - log(sums[i] / draws)) / PICTURES;
    gcl_trained_close(&t);
    return all;
}

START_TEST(bounds_are_means_over_draws)
{
    int draws = _i == 0 ? 1 : DRAWS;
    char line[200];
    snprintf(line, sizeof line, "nvae --data pictures --count 2 --seed 4 --iw %d", draws);
    json_t *whole = evaluated(line, "nvae:tiny");
    bounds wanted = bounds_of(in_scratch("pictures"), draws);
    double elbo = json_at(whole, "negative_elbo/nats"), bits = log(2) * 28 * 28;
    double importance = json_at(whole, "importance_weighted/nats");
    ck_assert(isfinite(elbo) && isfinite(importance) && json_at(whole, "kl") > 0);
    ck_assert_double_eq_tol(elbo, wanted.elbo, 1e-3);
    ck_assert_double_eq_tol(importance, wanted.importance, 1e-3);
    ck_assert_double_eq_tol(elbo, json_at(whole, "reconstruction") + json_at(whole, "kl"), 1e-3);
    ck_assert_double_eq_tol(json_at(whole, "negative_elbo/bits_per_dim"), elbo / bits, 1e-6);
    ck_assert(json_at(whole, "importance_weighted/k") == draws);
    /* One draw is its own weight; a logarithm of a mean is never below the mean of logarithms. */
    if (draws == 1)
        ck_assert_double_eq_tol(importance, wanted.weight, 1e-3);
    else
        ck_assert_msg(importance < wanted.weight, "%g, %g", importance, wanted.weight);
    json_decref(whole);
}
END_TEST

/* ---- mistakes -------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *line, *says;
} mistakes[] = {
    {2, "translate dcgan --in pictures --out t", "dcgan: "},
    {2, "translate pix2pix --out t", "translate: --in is missing"},
    {2, "translate pix2pix --in pictures", "translate: --out is missing"},
    {2, "translate pix2pix --in pictures --out ./pictures", "is the folder of the pictures"},
    {3, "translate pix2pix --in twins --out t", "two pictures would become t/a.png"},
    {3, "translate pix2pix --in nowhere --out t", "nowhere: No such file"},
    {3, "translate pix2pix --in broken --out t", "broken: no picture in it can be read"},
    {3, "translate nowhere --in pictures --out t",
     "nowhere: there is no such run folder or checkpoint"},
    {2, "reconstruct nvae", "reconstruct: --data is missing"},
    {2, "reconstruct dcgan --data pictures", "dcgan: "},
    {2, "reconstruct nvae --data pictures --count 10001", " is out of range (1 to 10000)"},
    {3, "reconstruct nvae --data broken --out r.png", "broken: no picture in it can be read"},
    {2, "classify classifier", "classify: --data is missing"},
    {2, "classify dcgan --data pictures", "dcgan: "},
    {3, "classify classifier --data nowhere", "nowhere: No such file"},
    {2, "evaluate nvae", "evaluate: --data is missing"},
    {2, "evaluate nvae --data pictures --iw 100001", " is out of range (1 to 100000)"},
    {2, "evaluate nvae --data pictures --iw 0", "0 is out of range"},
    {2, "evaluate dcgan --data pictures --iw 2", "--iw: dcgan has no likelihood"},
    {2, "evaluate dcgan --data pictures --out x.csv", "--out: only models that translate"},
    {3, "evaluate dcgan --data broken", "broken: no picture in it can be read"},
    {3, "evaluate pix2pix --data pictures", "pictures: "},
    {3, "evaluate classifier --data pictures", "has no classes that the model knows"},
    {2, "sample pix2pix", "pix2pix: "},
    {2, "sample classifier", "resnet_gan: has no generator"},
};

/* Lines of the last program's err that are no warnings of pictures that cannot be read. */
static int lines_said(void)
{
    int n = 0;
    for (char *line = strtok(said("err"), "\n"); line != NULL; line = strtok(NULL, "\n"))
        n += strstr(line, "ganocl: warning: ") == NULL;
    return n;
}

START_TEST(mistakes_are_said_in_a_line)
{
    ck_exits(mistakes[_i].status, "-q %s", mistakes[_i].line);
    ck_said(mistakes[_i].says);
    ck_assert_msg(lines_said() == 1, "%s", said("err"));
    ck_assert_str_eq(said("out"), "");
}
END_TEST

/* ---- all of it ------------------------------------------------------------------------------------- */

int main(void)
{
    find_program();
    make_scratch("use");
    TCase *tests = tcase_create("use"); /* in this order: later tests use what earlier ones made */
    tcase_add_test(tests, pictures_are_made);
    tcase_add_loop_test(tests, models_are_trained_and_show_it, 0, TRAINED);
    tcase_add_test(tests, translations_keep_their_names);
    tcase_add_test(tests, of_pairs_a_is_translated);
    tcase_add_test(tests, translations_are_functions_of_picture_and_seed);
    tcase_add_test(tests, reconstructions_stand_beside_their_pictures);
    tcase_add_test(tests, classes_are_found_by_name);
    tcase_add_test(tests, pictures_without_class_are_classified);
    tcase_add_test(tests, generators_are_measured);
    tcase_add_test(tests, translations_are_measured);
    tcase_add_test(tests, classifiers_are_measured);
    tcase_add_loop_test(tests, bounds_are_means_over_draws, 0, 2);
    tcase_add_loop_test(tests, mistakes_are_said_in_a_line, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(tests, averages_and_penalties_are_trained_with);
    return run_tests("use", tests);
}
