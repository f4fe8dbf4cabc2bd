/* The command `dataset`: what it says and writes. */
#include "command_test.h"

#include "datasets/dataset.h"

static gcl_error err;

static void setup(void)
{
    make_folder();
    err = (gcl_error){0};
    output = NULL;
}

static void teardown(void)
{
    free(output);
    remove_folder();
}

/* Two classes of pictures with a square in the middle. */
static void write_squares(void)
{
    for (int i = 0; i < 6; i++) {
        char name[32];
        gcl_image image;
        snprintf(name, sizeof name, "in/%s/%d.png", i < 4 ? "one" : "two", i);
        ck_assert_int_eq(gcl_image_new(&image, 40, 30, 3, &err), 0);
        for (int y = 8; y < 22; y++)
            memset(image.pixels + (y * 40 + 13) * 3, 250 - i, 14 * 3);
        ck_assert_int_eq(gcl_image_write_png(below_folder(name), &image, &err), 0);
        gcl_image_free(&image);
    }
}

START_TEST(info_says_what_it_can_be)
{
    write_squares();
    ck_assert_int_eq(run_on("info %/in"), 0);
    assert_said("6 pictures (0 JPEG, 6 PNG)");
    assert_said("no: ");
    assert_said("6 pictures in 2 classes");
    assert_said("first item: one/0.png, 40 x 30, colour");
    ck_assert_int_eq(run_on("info %/in --json"), 0);
    json_t *info = parse(), *as = json_object_get(info, "as");
    json_t *labelled = json_object_get(as, "labelled");
    ck_assert_int_eq(json_integer_value(json_object_get(labelled, "count")), 6);
    json_t *two = json_array_get(json_object_get(labelled, "classes"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(two, "name")), "two");
    ck_assert_int_eq(json_integer_value(json_object_get(two, "count")), 2);
    ck_assert_ptr_nonnull(json_object_get(json_object_get(as, "pairs"), "error"));
    json_decref(info);
    assert_refuses("info %/nowhere", GCL_DATA, "No such file");
}
END_TEST

/* A PNG of side x side pixels, unlike those of other numbers. */
static void write_number(const char *name, int width, int height, int number)
{
    write_flat(in_folder(name), width, height, (uint8_t)(10 + 7 * number));
}

START_TEST(check_finds_what_is_wrong)
{
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        write_number(name, 32, 32, i);
    }
    ck_assert_int_eq(run_on("check %"), 0);
    assert_said("20 items read in ");
    assert_said("20 good, 0 bad, 0 tiny, 0 odd-sized; 0 duplicates");
    assert_said("training at 128 x 128 uses 0 whole, crops 0, enlarges 20, skips 0");
    write_bytes(in_folder("03.png"), "no picture", 10);
    write_number("04.png", 12, 32, 4);
    write_number("\xFF.png", 32, 33, 0); /* not UTF-8 */
    ck_assert_int_eq(run_on("check % --threads 3"), GCL_FAILED);
    assert_said("18 good, 1 bad, 1 tiny, 1 odd-sized; 0 duplicates");
    assert_said("03.png: is neither JPEG nor PNG");
    assert_said("04.png: 12 x 32 pixels, a side below 16");
    assert_said("32 x 33 pixels, where nearly all others have 32 x 32");
    assert_said("   32 x 32          18");
    ck_assert_int_eq(run_on("check % --json"), GCL_FAILED);
    json_t *report = parse();
    ck_assert_int_eq(json_integer_value(json_object_get(report, "items")), 21);
    ck_assert_int_eq(json_integer_value(json_object_get(report, "good")), 18);
    json_t *odd = json_array_get(json_object_get(report, "odd"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(odd, "name")), "?.png");
    ck_assert_uint_eq(json_array_size(json_object_get(report, "sizes")), 3);
    json_decref(report);
}
END_TEST

START_TEST(check_finds_duplicates)
{
    static uint8_t rows[40 * 40 * 3];
    memset(rows, 9, sizeof rows);
    write_flat(below_folder("a/1.png"), 40, 40, 9);
    write_flat(below_folder("b/2.png"), 40, 40, 10);
    write_png(below_folder("c/3.png"), (png_kind){40, 40, 8, PNG_COLOR_TYPE_RGB, 1}, NULL, 0, NULL,
              rows); /* other bytes, the same picture */
    write_flat(below_folder("c/4.png"), 40, 40, 9);
    write_flat(below_folder("c/5.png"), 20, 80, 9); /* as many pixels, another shape */
    write_flat(in_folder("6.png"), 40, 40, 10);     /* in no folder: looked at all the same */
    write_bytes(in_folder("7.png"), "", 0);
    write_bytes(in_folder("8.png"), "", 0); /* unreadable ones are not alike */
    ck_assert_int_eq(run_on("check %"), GCL_FAILED);
    assert_said("2 bad, 0 tiny, 1 odd-sized; 3 duplicates");
    assert_said("b/2.png: the same as 6.png"); /* 6.png is the first of the two by name */
    assert_said("c/3.png: the same as a/1.png");
    assert_said("c/4.png: the same as a/1.png");
    ck_assert_int_eq(run_on("check % --json"), GCL_FAILED);
    json_t *report = parse(), *list = json_object_get(report, "duplicates");
    ck_assert_uint_eq(json_array_size(list), 3);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 2), "same_as")),
                     "a/1.png");
    json_decref(report);
}
END_TEST

/* What is said of each picture, by its name. */
static const char *training_of(const json_t *report, const char *name)
{
    const json_t *list = json_object_get(report, "pictures");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "name")), name) == 0)
            return json_string_value(json_object_get(json_array_get(list, i), "training"));
    return "(absent)";
}

START_TEST(check_says_what_training_does)
{
    static const struct {
        const char *arguments, *said[5]; /* of square, wide, small, long, bad */
    } cases[] = {
        {"check % --json --size 64", {"used", "cropped", "enlarged", "enlarged", "skipped"}},
        {"check % --json --size 20", {"used", "cropped", "cropped", "cropped", "skipped"}},
        {"check % --json --size 64 --set data.crop=fit",
         {"used", "used", "enlarged", "used", "skipped"}},
        {"check % --json --size 64 --set data.crop=stretch",
         {"used", "used", "enlarged", "enlarged", "skipped"}},
        {"check % --json --size 30 --set data.box=0,0,30,40",
         {"cropped", "cropped", "skipped", "cropped", "skipped"}}};
    static const char *const names[] = {"square.png", "wide.png", "small.png", "long.png",
                                        "bad.png"};
    write_number("square.png", 64, 64, 1);
    write_number("wide.png", 100, 80, 2);
    write_number("small.png", 40, 30, 3);
    write_number("long.png", 30, 90, 4);
    write_bytes(in_folder("bad.png"), "?", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(run_on(cases[i].arguments), GCL_FAILED);
        json_t *report = parse();
        for (int k = 0; k < 5; k++)
            ck_assert_msg(strcmp(training_of(report, names[k]), cases[i].said[k]) == 0,
                          "%s: %s is %s", cases[i].arguments, names[k],
                          training_of(report, names[k]));
        const json_t *training = json_object_get(report, "training");
        ck_assert_int_ge(json_integer_value(json_object_get(training, "skipped")), 1);
        json_decref(report);
    }
    ck_assert_int_eq(run_on("check % --size 64"), GCL_FAILED);
    assert_said("training at 64 x 64 uses 1 whole, crops 1, enlarges 2, skips 1");
    assert_said("small.png: 40 x 30 pixels");
}
END_TEST

static gcl_dataset *open_pairs(const char *name, int size)
{
    gcl_dataset_options options = {
        .wanted = {.kind = GCL_WANT_PAIRS, .size = size, .channels = 1, .target_channels = 3}};
    gcl_dataset *dataset = gcl_dataset_open(in_folder(name), &options, &err);
    ck_assert_msg(dataset != NULL, "%s", err.text);
    return dataset;
}

START_TEST(pairs_are_made)
{
    static uint8_t source[30 * 30], target[30 * 30 * 3];
    void *const fields[2] = {source, target};
    static const char *const kinds[] = {"edges", "grey", "blur"};
    write_squares();
    for (int kind = 0; kind < 3; kind++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "pair --kind %s --in %%/in --out %%/%s", kinds[kind],
                 kinds[kind]);
        ck_assert_int_eq(run_on(arguments), 0);
        assert_said("6 A|B pictures");
        gcl_dataset *dataset = open_pairs(kinds[kind], 30);
        ck_assert_uint_eq(gcl_dataset_count(dataset), 6);
        ck_assert_int_eq(gcl_dataset_read(dataset, 5, NULL, fields, &err), 0);
        gcl_dataset_close(dataset);
        const uint8_t *middle = source + 15 * 30 + 15;
        ck_assert_int_eq(target[3 * (15 * 30 + 15)], 245);
        ck_assert_int_eq(target[0], 0);
        ck_assert_int_eq(*middle, kind == 0 ? 255 : 245);
        ck_assert_int_eq(source[0], kind == 0 ? 255 : 0);
        int step = abs(source[15 * 30 + 7] - source[15 * 30 + 8]); /* across the square's side */
        ck_assert(kind == 1 ? step == 245 : kind == 2 ? step > 60 && step < 200 : step > 100);
    }
}
END_TEST

START_TEST(pairs_of_a_size)
{
    write_squares();
    write_bytes(in_folder("in/bad.png"), "?", 1);
    ck_assert_int_eq(run_on("pair --in %/in --out %/out --size 16 --set data.crop=fit 2>&1"), 0);
    assert_said("bad.png");
    assert_said("6 A|B pictures, 1 unreadable ones skipped");
    gcl_image picture;
    ck_assert_int_eq(gcl_image_read_file(in_folder("out/two/4.png"), &picture, &err), 0);
    ck_assert(picture.width == 32 && picture.height == 16);
    for (int x = 16; x < 32; x++) /* fitted: black above */
        ck_assert_int_eq(picture.pixels[x * picture.channels], 0);
    gcl_image_free(&picture);
}
END_TEST

START_TEST(mistakes)
{
    assert_refuses("", GCL_USAGE, NULL);
    assert_refuses("count", GCL_USAGE, "info, check, convert and pair");
    assert_refuses("info", GCL_USAGE, "PATH is missing");
    assert_refuses("pair --in %", GCL_USAGE, "--out DIR");
    assert_refuses("pair --kind oil --in % --out %/o", GCL_USAGE, "edges, grey and blur");
    assert_refuses("info % --set train.keep=1", GCL_USAGE, "data.* settings only");
    assert_refuses("pair --in % --out %/o", GCL_DATA, "no JPEG or PNG pictures");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset");
    TCase *tests = add_case(suite, "dataset", setup, teardown);
    tcase_add_test(tests, info_says_what_it_can_be);
    tcase_add_test(tests, check_finds_what_is_wrong);
    tcase_add_test(tests, check_finds_duplicates);
    tcase_add_test(tests, check_says_what_training_does);
    tcase_add_test(tests, pairs_are_made);
    tcase_add_test(tests, pairs_of_a_size);
    tcase_add_test(tests, mistakes);
    return run_suite(suite);
}
