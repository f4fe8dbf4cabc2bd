/* Which items are for training and which for test: folders, CelebA's list, the hold-out. */
#include "dataset_test.h"

/* ---- splits ------------------------------------------------------------------------------------- */

START_TEST(split_folders)
{
    gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    for (int i = 0; i < 6; i++) {
        const char *const names[] = {"set/train/1.png", "set/train/2.png", "set/train/3.png",
                                     "set/val/1.png",   "set/val/2.png",   "set/test/1.png"};
        write_flat(below_folder(names[i]), 4, 4, (uint8_t)i);
    }
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 3);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_ALL), 6);
    unlink(in_folder("set/test/1.png"));
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 2); /* val */
    for (int i = 0; i < 3; i++)
        unlink(in_folder(
            (const char *[]){"set/train/1.png", "set/train/2.png", "set/train/3.png"}[i]));
    write_flat(below_folder("set/test/1.png"), 4, 4, 1);
    assert_refused(folder, pictures, GCL_DATA, "train (0 pictures), validation (2) and test (1)");
    write_flat(below_folder("set/stray/1.png"), 4, 4, 1); /* then these are only folders */
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 4);
    pictures.split = GCL_SPLIT_TEST;
    assert_refused(folder, pictures, GCL_DATA, "no test part of its own~data.holdout");
}
END_TEST

START_TEST(split_of_pairs)
{
    const char *const names[] = {"trainA/1.png", "trainB/1.png", "trainA/2.png",
                                 "trainB/2.png", "testA/1.png",  "testB/1.png"};
    for (int i = 0; i < 6; i++)
        write_flat(below_folder(names[i]), 4, 4, (uint8_t)(10 * i));
    ck_assert_uint_eq(count_split(folder, want(GCL_WANT_PAIRS), GCL_SPLIT_TRAIN), 2);
    get(1);
    ck_assert_int_eq(picture[0], 20);
    ck_assert_int_eq(target[0], 30);
    ck_assert_uint_eq(count_split(folder, want(GCL_WANT_PAIRS), GCL_SPLIT_TEST), 1);
}
END_TEST

/* A class that one part lacks moves no number in it. */
START_TEST(split_of_classes)
{
    const char *const names[] = {"train/ant/1.png", "train/bee/1.png", "train/cat/1.png",
                                 "test/ant/1.png", "test/cat/1.png"};
    for (int i = 0; i < 5; i++)
        write_flat(below_folder(names[i]), 4, 4, (uint8_t)(10 * i));
    ck_assert_uint_eq(count_split(folder, want(GCL_WANT_LABELLED), GCL_SPLIT_TEST), 2);
    ck_assert_int_eq(gcl_dataset_classes(dataset), 3);
    get(1);
    ck_assert_int_eq(picture[0], 40);
    ck_assert_uint_eq(label, 2);
    ck_assert_str_eq(gcl_dataset_class_name(dataset, 2), "cat");
}
END_TEST

START_TEST(split_of_celeba)
{
    static const char list[] = "000001.jpg 0\n000002.jpg 0\r\n000003.jpg 1\n000004.jpg 2\n";
    static const char table[] = "image_id,partition\n000001.jpg,2\n000002.jpg,0\n";
    gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    uint8_t pixels[178 * 218 * 3];
    for (int i = 0; i < 178 * 218 * 3; i++)
        pixels[i] = i / 3 / 178 == 40 ? 255 : 0; /* row 40 is white */
    for (int i = 1; i <= 5; i++) {               /* the fifth is not in the list */
        char name[64];
        snprintf(name, sizeof name, "img_align_celeba/img_align_celeba/%06d.jpg", i);
        write_jpeg(below_folder(name), pixels, 178, 218);
    }
    write_bytes(in_folder("list_eval_partition.txt"), list, sizeof list - 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TRAIN), 2);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_TEST), 1);
    pictures.box = (gcl_box){15, 40, 148, 148}; /* NVAE's: begins in the white row */
    ck_assert_uint_eq(count_split(in_folder("img_align_celeba"), pictures, GCL_SPLIT_TRAIN), 2);
    get(0);
    ck_assert_int_gt(picture[16 * 3], 30);
    ck_assert_int_lt(picture[(5 * SIDE + 16) * 3], 10);
    unlink(in_folder("list_eval_partition.txt"));
    write_bytes(in_folder("img_align_celeba/list_eval_partition.csv"), table, sizeof table - 1);
    ck_assert_uint_eq(count_split(folder, pictures, GCL_SPLIT_ALL), 5);
    ck_assert_uint_eq(count_split(in_folder("img_align_celeba"), pictures, GCL_SPLIT_TEST), 1);
}
END_TEST

static int n_bits(uint64_t bits)
{
    int n = 0;
    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

/* The names of the items, one bit each by the number in them. */
static uint64_t names_of(gcl_dataset_options options, enum gcl_split split, double holdout)
{
    uint64_t bits = 0;
    options.holdout = holdout;
    size_t n = count_split(folder, options, split);
    for (size_t i = 0; i < n; i++) {
        char *name = gcl_dataset_item_name(dataset, i);
        bits |= UINT64_C(1) << atoi(name);
        get(i);
        ck_assert_int_eq(picture[0], atoi(name)); /* the names are those of what is read */
        free(name);
    }
    ck_assert_int_eq(n_bits(bits), (int)n);
    return bits;
}

START_TEST(split_by_holdout)
{
    const gcl_dataset_options pictures = want(GCL_WANT_PICTURES);
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        write_flat(in_folder(name), 4, 4, (uint8_t)i);
    }
    uint64_t train = names_of(pictures, GCL_SPLIT_TRAIN, 0.2);
    uint64_t test = names_of(pictures, GCL_SPLIT_TEST, 0.2);
    ck_assert_uint_eq(train & test, 0);
    ck_assert_uint_eq(train | test, (UINT64_C(1) << 60) - 1);
    int n = n_bits(test); /* 12 expected, standard deviation 3.1 */
    ck_assert_int_ge(n, 3);
    ck_assert_int_le(n, 21);
    uint64_t more = names_of(pictures, GCL_SPLIT_TEST, 0.5);
    ck_assert_uint_eq(more & test, test);
    for (int i = 1; i < 60; i += 2) { /* others go: the rest keeps its side */
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        unlink(in_folder(name));
    }
    ck_assert_uint_eq(names_of(pictures, GCL_SPLIT_TEST, 0.5), more & 0x5555555555555555u);
    gcl_dataset_options wrong = pictures;
    wrong.holdout = 1;
    assert_refused(folder, wrong, GCL_USAGE, "data.holdout");
}
END_TEST

static Suite *splits_suite(void)
{
    Suite *suite = suite_create("splits");
    TCase *splits = add_case(suite, "split", setup, teardown);
    tcase_add_test(splits, split_folders);
    tcase_add_test(splits, split_of_pairs);
    tcase_add_test(splits, split_of_classes);
    tcase_add_test(splits, split_of_celeba);
    tcase_add_test(splits, split_by_holdout);
    return suite;
}

int main(void) { return run_suite(splits_suite()); }
