/* `ganocl sample`, through the program: what a seed's picture depends on, the sheets of training made
 * again, and everything that pictures can be written as. */
#include "program_test.h"

#include <webp/demux.h>

#include "io/image.h"

enum { SIDE = 64, BYTES = SIDE * SIDE * 3 };

static void read_picture(const char *name, int width, int height, gcl_image *image)
{
    ck_assert_msg(gcl_image_read_file(in_scratch(name), image, &err) == 0, "%s", err.text);
    ck_assert_msg(image->width == width && image->height == height, "%s: %d x %d, not %d x %d",
                  name, image->width, image->height, width, height);
}

/* Picture `column` of a sheet's first row is that of another file, to the bit. */
static void ck_shows(const gcl_image *sheet, int column, const char *name)
{
    gcl_image one = {0};
    read_picture(name, SIDE, SIDE, &one);
    for (int y = 0; y < SIDE; y++)
        ck_assert_msg(
            memcmp(sheet->pixels + ((size_t)y * (size_t)sheet->width + (size_t)column * SIDE) * 3,
                   one.pixels + (size_t)y * SIDE * 3, SIDE * 3) == 0,
            "%s is not picture %d of the sheet", name, column);
    gcl_image_free(&one);
}

#define ck_same(a, b)   ck_assert_msg(same_files(in_scratch(a), in_scratch(b)), "%s, %s", a, b)
#define ck_differ(a, b) ck_assert_msg(!same_files(in_scratch(a), in_scratch(b)), "%s, %s", a, b)

/* ---- the sheets of training -------------------------------------------------------------------------- */

/* Averaged weights have readjusted statistics; nvae samples at 0.7 otherwise. */
static const struct {
    const char *run, *model;
} trained[] = {
    {"plain", "--seed 3 --model dcgan:tiny"},
    {"averaged", "--model dcgan:tiny-bn --set ema=0.9"},
    {"vae", "--model nvae:tiny-rgb"},
};

START_TEST(controls_are_the_newest_sheet)
{
    const char *run = trained[_i].run;
    char sheet[80], again[80];
    for (int step = 2; step <= 3; step++) {
        if (step == 2)
            ck_exits(0, "-q train %s --batch 3 --steps 2 --out %s", trained[_i].model, run);
        else
            ck_exits(0, "-q train --resume %s --steps 3", run);
        ck_exits(0, "sample %s --controls", run);
        snprintf(sheet, sizeof sheet, "%s/samples/%06d.png", run, step);
        snprintf(again, sizeof again, "%s/controls-%06d.png", run, step);
        ck_same(sheet, again);
    }
    snprintf(sheet, sizeof sheet, "%s/samples/000002.png", run);
    ck_differ(sheet, again);
    ck_exits(0, "sample %s --controls --out %s-controls", run, run);
    snprintf(again, sizeof again, "%s-controls", run);
    ck_assert_int_eq(files_in(in_scratch(again)), 36);
}
END_TEST

/* ---- seeds ----------------------------------------------------------------------------------------- */

/* Whatever else is made, and however: alone, in another batch, at another place of the batch. Pictures
 * of the last model are draws from a likelihood, each of which needs random numbers of its own. */
START_TEST(a_seed_has_one_picture)
{
    static const char *const runs[] = {"averaged", "vae", "vae --set pixels=draw"};
    ck_exits(0, "sample %s --seeds 1,5,9-12 --out listed", runs[_i]);
    ck_exits(0, "sample %s --seeds 9 --out alone.png", runs[_i]);
    ck_exits(0, "--seed 3 sample %s --count 9 --out counted", runs[_i]);
    ck_assert_int_eq(files_in(in_scratch("listed")), 6);
    ck_assert_int_eq(files_in(in_scratch("counted")), 9);
    ck_same("alone.png", "listed/seed00009.png");
    ck_same("alone.png", "counted/seed00009.png");
    ck_same("listed/seed00005.png", "counted/seed00005.png");
    ck_same("listed/seed00011.png", "counted/seed00011.png");
    ck_differ("listed/seed00005.png", "listed/seed00009.png");
    remove_tree(in_scratch("listed"));
    remove_tree(in_scratch("counted"));
}
END_TEST

START_TEST(sheets_hold_the_pictures_of_their_seeds)
{
    gcl_image sheet = {0};
    ck_exits(0, "sample plain --seeds 100000-100004 --grid 5x2 --out sheet.png");
    ck_exits(0, "sample plain --seeds 100003,100000 --out single");
    read_picture("sheet.png", 5 * SIDE, SIDE, &sheet);
    ck_shows(&sheet, 3, "single/seed100003.png");
    ck_shows(&sheet, 0, "single/seed100000.png");
    gcl_image_free(&sheet);
    ck_exits(0, "sample plain --seeds 4,7");
    ck_assert(exists(in_scratch("plain/sample-4,7.png")));
    ck_exits(0, "--seed 2 sample plain --count 3");
    ck_assert(exists(in_scratch("plain/sample-2-4.png")));
}
END_TEST

/* A bound that nothing reaches changes nothing; a narrow one does; the temperature comes after it. */
START_TEST(latents_are_truncated)
{
    ck_exits(0, "sample plain --seeds 7 --out all.png");
    ck_exits(0, "sample plain --seeds 7 --truncation 50 --out wide.png");
    ck_exits(0, "sample plain --seeds 7 --truncation 0.5 --out narrow.png");
    ck_exits(0, "sample plain --seeds 7 --truncation 0.5 --temperature 2 --out warm.png");
    ck_same("all.png", "wide.png");
    ck_differ("all.png", "narrow.png");
    ck_differ("narrow.png", "warm.png");
}
END_TEST

/* ---- between seeds ----------------------------------------------------------------------------------- */

START_TEST(interpolation_goes_from_seed_to_seed)
{
    gcl_image strip = {0};
    int moved = 0;
    ck_exits(0, "sample plain --seeds 0-1 --interpolate --frames 3");
    ck_exits(0, "sample plain --seeds 0-1 --out ends");
    read_picture("plain/interpolation-0-1.png", 4 * SIDE, SIDE, &strip);
    ck_shows(&strip, 0, "ends/seed00000.png");
    ck_shows(&strip, 3, "ends/seed00001.png");
    for (int i = 0; i < BYTES; i++) {
        const uint8_t *row = strip.pixels + i / (SIDE * 3) * 4 * SIDE * 3;
        int x = i % (SIDE * 3);
        moved += row[SIDE * 3 + x] != row[x] && row[2 * SIDE * 3 + x] != row[SIDE * 3 + x];
    }
    ck_assert_int_gt(moved, 100);
    gcl_image_free(&strip);
}
END_TEST

/* Frames count from 0; every second one is a seed's. A loop ends before it would begin again, with the
 * way from the last seed to the first. */
START_TEST(frames_are_files)
{
    ck_exits(0, "sample plain --seeds 4-6 --interpolate --frames 2 --out open");
    ck_exits(0, "sample plain --seeds 4-6 --interpolate --frames 2 --loop --out closed");
    ck_exits(0, "sample plain --seeds 6,4 --interpolate --frames 2 --out back");
    ck_exits(0, "sample plain --seeds 6 --out six.png");
    ck_assert_int_eq(files_in(in_scratch("open")), 5);
    ck_assert_int_eq(files_in(in_scratch("closed")), 6);
    ck_same("open/frame00003.png", "closed/frame00003.png");
    ck_same("open/frame00004.png", "six.png");
    ck_same("closed/frame00004.png", "six.png");
    ck_same("closed/frame00005.png", "back/frame00001.png");
    ck_differ("closed/frame00005.png", "closed/frame00004.png");
}
END_TEST

/* Without a quality the frames of an animation are those of the folder, to the bit. */
START_TEST(animations_show_the_frames)
{
    size_t n;
    uint8_t *shown;
    int end, last = 0;
    WebPAnimInfo info;
    ck_exits(0, "sample plain --seeds 4-6 --interpolate --frames 2 --loop --fps 8 --out loop.webp");
    char *bytes = get_file(in_scratch("loop.webp"), &n);
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){(const uint8_t *)bytes, n}, NULL);
    ck_assert_ptr_nonnull(decoder);
    ck_assert(WebPAnimDecoderGetInfo(decoder, &info));
    ck_assert(info.canvas_width == SIDE && info.canvas_height == SIDE && info.frame_count == 6);
    for (int i = 0; i < 6; i++) {
        char name[40];
        gcl_image frame = {0};
        snprintf(name, sizeof name, "closed/frame%05d.png", i);
        read_picture(name, SIDE, SIDE, &frame);
        ck_assert(WebPAnimDecoderGetNext(decoder, &shown, &end));
        ck_assert_int_eq(end - last, 125);
        last = end;
        for (int at = 0; at < BYTES; at++)
            ck_assert_int_eq(shown[at / 3 * 4 + at % 3], frame.pixels[at]);
        gcl_image_free(&frame);
    }
    WebPAnimDecoderDelete(decoder);
    free(bytes);
    ck_exits(0,
             "sample plain --count 3 --quality 30 --out Slides.WEBP"); /* no way between: seeds */
    free(get_file(in_scratch("Slides.WEBP"), &n));
}
END_TEST

/* ---- mistakes --------------------------------------------------------------------------------------- */

static const struct {
    const char *line, *says;
} mistakes[] = {
    {"--seeds 5-3", "--seeds 5-3: 5-3 goes backwards (as 3-5)"},
    {"--seeds 1,7-2", "--seeds 1,7-2: 7-2 goes backwards (as 2-7)"},
    {"--seeds 1,,3", "--seeds '1,,3': is not A-B or a list"},
    {"--seeds 3-", "--seeds '3-': is not A-B or a list"},
    {"--seeds=-3", "--seeds '-3': is not A-B or a list"},
    {"--seeds 18446744073709551616", "numbers below 2^64"},
    {"--seeds 0-99999,7", "--seeds 0-99999,7: are more than 100000"},
    {"--seeds 0-18446744073709551615", "are more than 100000"},
    {"--seeds 1-2 --count 2", "--count and --seeds: give one of them"},
    {"--count 100001", "100001 pictures: at most 100000"},
    {"--grid 2x2 --count 5", "--grid 2x2 has no room for 5 pictures"},
    {"--truncation 0", "--truncation: 0 is out of range (above 0)"},
    {"--truncation 0.001", "--truncation: 0.001 is out of range (0.01 or more)"},
    {"--interpolate --seeds 3", "--interpolate: wants 2 seeds or more"},
    {"--interpolate --frames 50001 --seeds 0-2", "--frames 50001: makes 100003 pictures"},
    {"--interpolate --frames 0", "--frames: 0 is out of range"},
    {"--frames 3", "--frames: only with --interpolate"},
    {"--loop", "--loop: only with --interpolate"},
    {"--fps 0 --out x.webp", "--fps: 0 is out of range (above 0)"},
    {"--fps 2000 --out x.webp", "--fps: 2000 is out of range (0.01 to 1000)"},
    {"--fps 24", "--fps: only with an animation (--out FILE.webp)"},
    {"--quality 90 --out x.png", "--quality: only with an animation (--out FILE.webp)"},
    {"--quality 101 --out x.webp", "--quality: 101 is out of range (1 to 100)"},
    {"--out x.gif", "--out x.gif: .gif is not written"},
    {"--out x.JPEG", "--out x.JPEG: .JPEG is not written"},
    {"--controls --seeds 1-2", "--seeds: does not go with --controls"},
    {"--controls --temperature 2", "--temperature: does not go with --controls"},
    {"--grid 1000x1000 --count 100000", "a sheet of 64000 x 6400 pixels is too large"},
};

START_TEST(mistakes_are_said_in_a_line)
{
    ck_exits(2, "sample plain %s", mistakes[_i].line);
    ck_said(mistakes[_i].says);
    const char *line_end = strchr(said("err"), '\n');
    ck_assert(line_end != NULL && line_end[1] == 0);
    ck_assert_str_eq(said("out"), "");
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("sample");
    TCase *tests =
        tcase_create("sample"); /* in this order: later tests use what earlier ones made */
    tcase_add_loop_test(tests, controls_are_the_newest_sheet, 0,
                        (int)(sizeof trained / sizeof *trained));
    tcase_add_loop_test(tests, a_seed_has_one_picture, 0, 3);
    tcase_add_test(tests, sheets_hold_the_pictures_of_their_seeds);
    tcase_add_test(tests, latents_are_truncated);
    tcase_add_test(tests, interpolation_goes_from_seed_to_seed);
    tcase_add_test(tests, frames_are_files);
    tcase_add_test(tests, animations_show_the_frames);
    tcase_add_loop_test(tests, mistakes_are_said_in_a_line, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    return run_tests("sample", tests);
}
