/* Animated WebP: what libwebp's own decoder finds in the files is what was put in. */
#include <math.h>
#include <webp/demux.h>

#include "files_test.h"
#include "io/animation.h"

enum { WIDTH = 24, HEIGHT = 16, FRAMES = 7, PIXELS = WIDTH * HEIGHT };

/* Frame i of slanted waves; each differs from the one before everywhere. */
static void draw(uint8_t *pixels, int channels, int i)
{
    for (int at = 0; at < PIXELS * channels; at++) {
        int c = at % channels, x = at / channels % WIDTH, y = at / channels / WIDTH;
        pixels[at] = (uint8_t)(128 + 100 * sin(0.4 * x + 0.3 * y + 0.7 * i + c));
    }
}

static const char *write_frames(const char *name, int channels, double fps, int quality)
{
    uint8_t pixels[PIXELS * 3];
    gcl_animation_options options = {.fps = fps, .quality = quality};
    const char *path = in_scratch(name);
    gcl_animation *animation = gcl_animation_begin(path, WIDTH, HEIGHT, &options, &err);
    ck_have(animation);
    for (int i = 0; i < FRAMES; i++) {
        draw(pixels, channels, i);
        ck_ok(gcl_animation_add(animation, pixels, channels, &err));
    }
    ck_assert(!exists(path)); /* until it is whole */
    ck_ok(gcl_animation_finish(animation, &err));
    return path;
}

/* The largest difference of any colour in any frame; checks shape, times and repetition. */
static int worst_of(const char *path, int channels, double fps)
{
    size_t n;
    uint8_t *frame, wanted[PIXELS * 3];
    char *bytes = get_file(path, &n);
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){(const uint8_t *)bytes, n}, NULL);
    WebPAnimInfo info;
    int worst = 0, end;
    ck_assert_ptr_nonnull(decoder);
    ck_assert(WebPAnimDecoderGetInfo(decoder, &info));
    ck_assert_uint_eq(info.canvas_width, WIDTH);
    ck_assert_uint_eq(info.canvas_height, HEIGHT);
    ck_assert_uint_eq(info.loop_count, 0);
    ck_assert_uint_eq(info.frame_count, FRAMES);
    for (int i = 0; i < FRAMES; i++) {
        ck_assert(WebPAnimDecoderGetNext(decoder, &frame, &end));
        ck_assert_int_eq(end, (int)lround((i + 1) * 1000 / fps));
        draw(wanted, channels, i);
        for (int at = 0; at < PIXELS * 3; at++) {
            int is = frame[at / 3 * 4 + at % 3];
            int was = wanted[channels == 3 ? at : at / 3];
            worst = abs(is - was) > worst ? abs(is - was) : worst;
        }
    }
    ck_assert(!WebPAnimDecoderHasMoreFrames(decoder));
    WebPAnimDecoderDelete(decoder);
    free(bytes);
    return worst;
}

static long size_of(const char *path)
{
    size_t n;
    free(get_file(path, &n));
    return (long)n;
}

START_TEST(lossless_frames_come_back)
{
    ck_assert_int_eq(worst_of(write_frames("colour.webp", 3, 24, 0), 3, 24), 0);
    ck_assert_int_eq(worst_of(write_frames("grey.webp", 1, 30, 0), 1, 30), 0);
}
END_TEST

/* 24 frames a second are 41.67 ms each: rounded one by one they would drift by half a second a minute. */
START_TEST(times_do_not_drift)
{
    worst_of(write_frames("slow.webp", 3, 0.37, 0), 3, 0.37);
    worst_of(write_frames("third.webp", 3, 300, 0), 3, 300);
}
END_TEST

START_TEST(lossy_frames_are_near_and_smaller)
{
    const char *good = write_frames("good.webp", 3, 10, 95),
               *bad = write_frames("bad.webp", 3, 10, 5);
    int near = worst_of(good, 3, 10), far = worst_of(bad, 3, 10);
    ck_assert_msg(near > 0 && near < far && far < 160, "%d, %d", near, far);
    ck_assert_int_lt(size_of(bad), size_of(good));
    ck_assert_int_lt(size_of(good), size_of(write_frames("all.webp", 3, 10, 0)));
}
END_TEST

START_TEST(equal_frames_last_longer)
{
    uint8_t pixels[PIXELS * 3], *frame;
    gcl_animation_options options = {.fps = 4};
    const char *path = in_scratch("still.webp");
    gcl_animation *animation = gcl_animation_begin(path, WIDTH, HEIGHT, &options, &err);
    size_t n;
    int end;
    for (int i = 0; i < 6; i++) {
        draw(pixels, 3, i / 3);
        ck_ok(gcl_animation_add(animation, pixels, 3, &err));
    }
    ck_ok(gcl_animation_finish(animation, &err));
    char *bytes = get_file(path, &n);
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){(const uint8_t *)bytes, n}, NULL);
    ck_assert(WebPAnimDecoderGetNext(decoder, &frame, &end) && end == 750);
    ck_assert(WebPAnimDecoderGetNext(decoder, &frame, &end) && end == 1500);
    WebPAnimDecoderDelete(decoder);
    free(bytes);
}
END_TEST

START_TEST(what_cannot_be_written_is_said)
{
    uint8_t pixels[PIXELS * 3];
    gcl_animation_options options = {.fps = 4};
    ck_refused(gcl_animation_begin("x.webp", 16384, 1, &options, &err) != NULL, GCL_USAGE,
               "x.webp: 16384 x 1 pixels are too large for WebP (at most 16383 a side)");
    err = (gcl_error){0};
    gcl_animation *empty = gcl_animation_begin(in_scratch("empty.webp"), 8, 8, &options, &err);
    ck_refused(gcl_animation_finish(empty, &err) == 0, GCL_USAGE, "without a picture");
    ck_assert(!exists(in_scratch("empty.webp")));
    err = (gcl_error){0};
    gcl_animation *lost =
        gcl_animation_begin(in_scratch("no/such/x.webp"), WIDTH, HEIGHT, &options, &err);
    draw(pixels, 3, 0);
    ck_ok(gcl_animation_add(lost, pixels, 3, &err));
    ck_refused(gcl_animation_finish(lost, &err) == 0, GCL_DISK, "no/such/x.webp");
    err = (gcl_error){0};
    gcl_animation *dropped =
        gcl_animation_begin(in_scratch("dropped.webp"), WIDTH, HEIGHT, &options, &err);
    ck_ok(gcl_animation_add(dropped, pixels, 3, &err));
    gcl_animation_abandon(dropped);
    gcl_animation_abandon(NULL);
    ck_assert(!exists(in_scratch("dropped.webp")));
}
END_TEST

int main(void)
{
    make_scratch("animation");
    TCase *tests = tcase_create("animation");
    tcase_add_test(tests, lossless_frames_come_back);
    tcase_add_test(tests, times_do_not_drift);
    tcase_add_test(tests, lossy_frames_are_near_and_smaller);
    tcase_add_test(tests, equal_frames_last_longer);
    tcase_add_test(tests, what_cannot_be_written_is_said);
    return run_in_scratch("animation", tests, NULL);
}
