/* Pictures in a terminal: what the encoders write is read back, by readers written apart from them, and a
 * run shows its sheets in the way that the terminal asks for. */
#include "pty_test.h"

#include "io/blocks.h"
#include "io/sixel.h"

/* x and y tell the colour, in steps that differ from pixel to pixel. */
static gcl_image gradient(int width, int height, int channels)
{
    gcl_image picture;
    ck_ok(gcl_image_new(&picture, width, height, channels, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                picture.pixels[(y * width + x) * channels + c] =
                    (uint8_t)(c == 0   ? x * 255 / width
                              : c == 1 ? y * 255 / height
                                       : 40 * (x & 3));
    return picture;
}

static const uint8_t *pixel_at(const gcl_image *picture, int x, int y)
{
    return picture->pixels + (y * picture->width + x) * picture->channels;
}

/* ---- sixel ---------------------------------------------------------------------------------------- */

/* Reads a sixel string into a picture of RGB; every pixel must be set once. */
static gcl_image read_sixel(const char *text)
{
    gcl_image picture;
    int width, height, used = 0, colours[256][3], colour = -1, x = 0, y = 0, times = 1;
    ck_assert(sscanf(text, "\033P0;1;0q\"1;1;%d;%d%n", &width, &height, &used) == 2 && used > 0);
    ck_ok(gcl_image_new(&picture, width, height, 3, &err));
    char *set = gcl_alloc((size_t)(width * height));
    for (text += used; *text != '\033'; text++) {
        int number, n = 0, r, g, b, m = 0;
        if (*text == '#' && sscanf(text, "#%d%n;2;%d;%d;%d%n", &number, &n, &r, &g, &b, &m) >= 1) {
            ck_assert(number >= 0 && number < 256);
            if (m > 0)
                memcpy(colours[number], (int[]){r, g, b}, sizeof colours[number]);
            colour = number;
            text += (m > 0 ? m : n) - 1;
        } else if (*text == '!') {
            times = (int)strtol(text + 1, (char **)&text, 10);
            text--;
        } else if (*text == '$' || *text == '-') {
            y += *text == '-' ? 6 : 0;
            x = 0;
        } else {
            ck_assert_msg(*text >= '?' && *text <= '~', "character %d", *text);
            for (; times > 0; times--, x++)
                for (int bit = 0; bit < 6; bit++) {
                    if (((*text - '?') >> bit & 1) == 0)
                        continue;
                    ck_assert(x < width && y + bit < height);
                    ck_assert_int_eq(set[(y + bit) * width + x]++, 0);
                    for (int c = 0; c < 3; c++)
                        picture.pixels[((y + bit) * width + x) * 3 + c] =
                            (uint8_t)((colours[colour][c] * 255 + 50) / 100);
                }
            times = 1;
        }
    }
    ck_assert_str_eq(text, "\033\\");
    for (int i = 0; i < width * height; i++)
        ck_assert_msg(set[i] == 1, "pixel %d is not set", i);
    free(set);
    return picture;
}

/* The largest difference of a channel, and the mean one. */
static int apart(const gcl_image *a, const gcl_image *b, double *mean)
{
    int most = 0;
    double sum = 0;
    ck_assert(a->width == b->width && a->height == b->height);
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            for (int c = 0; c < 3; c++) {
                int difference = abs(pixel_at(a, x, y)[a->channels == 3 ? c : 0] -
                                     pixel_at(b, x, y)[b->channels == 3 ? c : 0]);
                most = difference > most ? difference : most;
                sum += difference;
            }
    *mean = sum / (3.0 * a->width * a->height);
    return most;
}

/* Sizes that are not multiples of six, a single pixel, a run longer than a line. */
START_TEST(sixel_comes_back)
{
    static const struct {
        int width, height, channels, most;
        double mean;
    } cases[] = {{1, 1, 3, 1, 1},     {7, 5, 3, 4, 2},      {13, 12, 1, 4, 2},
                 {64, 64, 3, 40, 10}, {300, 31, 3, 40, 10}, {97, 130, 1, 5, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gcl_text text = {0};
        double mean;
        gcl_image picture = gradient(cases[i].width, cases[i].height, cases[i].channels);
        gcl_sixel_encode(&text, &picture);
        gcl_image back = read_sixel(text.text);
        int most = apart(&picture, &back, &mean);
        ck_assert_msg(most <= cases[i].most && mean <= cases[i].mean, "%d x %d: %d, mean %.2f",
                      cases[i].width, cases[i].height, most, mean);
        gcl_text_free(&text);
        gcl_image_free(&picture);
        gcl_image_free(&back);
    }
}
END_TEST

/* Rows that are all one colour become one run. */
START_TEST(sixel_has_runs)
{
    gcl_image picture;
    gcl_text text = {0};
    ck_ok(gcl_image_new(&picture, 500, 6, 3, &err));
    for (int i = 0; i < 500 * 6 * 3; i += 3)
        picture.pixels[i] = 255;
    gcl_sixel_encode(&text, &picture);
    ck_assert_str_eq(text.text, "\033P0;1;0q\"1;1;500;6#0;2;100;0;0#0!500~-\033\\");
    gcl_text_free(&text);
    gcl_image_free(&picture);
}
END_TEST

/* More colours than a palette holds: it is full, and no cell of it is wasted. */
START_TEST(palette_is_used)
{
    uint8_t palette[GCL_SIXEL_COLOURS][3], indices[64 * 64];
    int used[GCL_SIXEL_COLOURS] = {0};
    gcl_image picture = gradient(64, 64, 3);
    int n = gcl_sixel_palette(&picture, palette, indices);
    ck_assert_int_eq(n, GCL_SIXEL_COLOURS);
    for (int i = 0; i < 64 * 64; i++)
        used[indices[i]]++;
    for (int i = 0; i < n; i++)
        ck_assert_int_gt(used[i], 0);
    gcl_image_free(&picture);
}
END_TEST

/* ---- blocks --------------------------------------------------------------------------------------- */

/* Reads lines of half blocks with 24-bit colours. */
static gcl_image read_blocks(const char *text, int width, int height)
{
    gcl_image picture;
    int colours[2][3] = {{0}}, x = 0, y = 0;
    ck_ok(gcl_image_new(&picture, width, height, 3, &err));
    while (*text != 0) {
        int ground, r, g, b, n = 0;
        if (sscanf(text, "\033[%d;2;%d;%d;%dm%n", &ground, &r, &g, &b, &n) == 4 && n > 0) {
            ck_assert(ground == 38 || ground == 48);
            memcpy(colours[ground == 48], (int[]){r, g, b}, sizeof colours[0]);
            text += n;
        } else if (strncmp(text, "\u2580", 3) == 0) {
            for (int k = 0; k < 2 && y + k < height; k++)
                for (int c = 0; c < 3; c++)
                    picture.pixels[((y + k) * width + x) * 3 + c] = (uint8_t)colours[k][c];
            ck_assert_int_lt(x++, width);
            text += 3;
        } else {
            ck_assert_msg(strncmp(text, "\033[0m\n", 5) == 0 && x == width, "%.9s", text);
            x = 0;
            y += 2;
            text += 5;
        }
    }
    ck_assert_int_eq(y, (height + 1) / 2 * 2);
    return picture;
}

START_TEST(blocks_come_back)
{
    static const int sizes[][3] = {{1, 1, 3}, {8, 6, 3}, {5, 7, 3}, {9, 4, 1}};
    for (int i = 0; i < 4; i++) {
        gcl_text text = {0};
        double mean;
        gcl_image picture = gradient(sizes[i][0], sizes[i][1], sizes[i][2]);
        gcl_blocks_encode(&text, &picture, 1 << 24);
        gcl_image back = read_blocks(text.text, sizes[i][0], sizes[i][1]);
        ck_assert_int_eq(apart(&picture, &back, &mean), 0);
        gcl_text_free(&text);
        gcl_image_free(&picture);
        gcl_image_free(&back);
    }
}
END_TEST

/* The colours of xterm's table. */
START_TEST(colours_of_256_are_the_nearest)
{
    static const struct {
        uint8_t rgb[3];
        int number;
    } cases[] = {{{0, 0, 0}, 16},        {{255, 255, 255}, 231}, {{255, 0, 0}, 196},
                 {{95, 135, 175}, 67},   {{8, 8, 8}, 232},       {{238, 238, 238}, 255},
                 {{130, 128, 126}, 244}, {{250, 100, 10}, 202}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(gcl_blocks_colour(cases[i].rgb), cases[i].number);
    gcl_image picture;
    gcl_text text = {0};
    ck_ok(gcl_image_new(&picture, 2, 2, 3, &err));
    memset(picture.pixels + 6, 255, 6);
    gcl_blocks_encode(&text, &picture, 256);
    ck_assert_str_eq(text.text, "\033[38;5;16m\033[48;5;231m\u2580\u2580\033[0m\n");
    text.length = 0;
    gcl_blocks_encode(&text, &picture, 0); /* the mean of black and white, by characters alone */
    ck_assert_str_eq(text.text, "++\n");
    gcl_text_free(&text);
    gcl_image_free(&picture);
}
END_TEST

/* ---- runs ----------------------------------------------------------------------------------------- */

#define TRAIN "train --model dcgan:tiny --batch 2 --steps 1 --out "

#define SIXEL  "\033P0;1;0q\"1;1;"
#define BLOCKS "\u2580"

/* What each terminal is shown; the sheet has 6 rows of 6 pictures of 64 pixels. */
static const struct {
    const char *options;
    screen screen;
    const char *shown, *not_shown;
} shows[] = {
    {"--preview",
     {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8 COLORTERM=truecolor", "\033[?62;22c"},
     "\033[48;2;",
     SIXEL},
    {"--preview", {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8", "\033[?1;2c"}, "\033[48;5;", SIXEL},
    {"--preview", {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8", NULL}, "\033[48;5;", SIXEL},
    {"--preview", {80, 24, 0, 0, "TERM=xterm LANG=C", NULL}, "+++++", BLOCKS},
    {"--preview", {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8 NO_COLOR=1", NULL}, "+++++", BLOCKS},
    {"--preview", {80, 24, 0, 0, "TERM=xterm LANG=C", "\033[?62;4;22c"}, SIXEL "384;384#", BLOCKS},
    {"--preview",
     {80, 24, 400, 240, "TERM=xterm LANG=C", "\033[?4;6;4c"},
     SIXEL "220;220#",
     BLOCKS},
    {"--preview", {80, 24, 0, 0, "TERM=dumb LANG=C.UTF-8", "\033[?62;4c"}, "no terminal", "\033"},
    {"--preview=blocks", {30, 24, 0, 0, "TERM=xterm LANG=C NO_COLOR=1", NULL}, BLOCKS, SIXEL},
    {"--preview sixel", {80, 24, 0, 0, "TERM=xterm LANG=C", NULL}, SIXEL, BLOCKS},
    {"--preview=off", {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8", "\033[?62;4c"}, "step", SIXEL},
    {"-q --preview", {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8", "\033[?62;4c"}, "shown", "\033"},
};
enum { SHOWS = sizeof shows / sizeof *shows };

/* No line of blocks is longer than the terminal, nor are there more of them than it has lines. */
static void ck_fits(const char *output, const screen *s)
{
    int sheets = 0, lines = 0;
    for (const char *at = output; (at = strstr(at, "samples/")) != NULL; at++)
        sheets++;
    for (const char *at = output, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        int blocks = 0;
        for (const char *block = at; (block = strstr(block, BLOCKS)) != NULL && block < end;
             block++)
            blocks++;
        ck_assert_int_le(blocks, s->columns);
        lines += blocks > 0;
    }
    ck_assert_int_eq(sheets, 2);
    ck_assert_int_lt(lines, sheets * s->rows);
}

START_TEST(sheets_are_shown_as_the_terminal_can)
{
    int status;
    char line[200];
    snprintf(line, sizeof line, TRAIN "shown%d %s", _i, shows[_i].options);
    char *output = run_on(&shows[_i].screen, line, &status);
    ck_assert_msg(status == 0, "%s", output);
    ck_assert_msg(strstr(output, shows[_i].shown) != NULL, "%s", output);
    ck_assert_msg(strstr(output, shows[_i].not_shown) == NULL, "%s", output);
    if (strstr(output, BLOCKS) != NULL)
        ck_fits(output, &shows[_i].screen);
    free(output);
}
END_TEST

START_TEST(pictures_go_into_a_file_when_asked_to)
{
    ck_exits(0, TRAIN "filed --preview=sixel");
    ck_said(SIXEL "384;384#");
    ck_exits(0, TRAIN "unfiled --preview");
    ck_said("--preview: there is no terminal");
    ck_assert(strchr(said("err"), '\033') == NULL);
    ck_exits(2, TRAIN "wrong --preview=ascii");
    ck_said("--preview ascii: there are blocks, sixel and off");
    ck_assert(!exists(in_scratch("wrong")));
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("preview");
    TCase *tests = tcase_create("preview");
    tcase_add_test(tests, sixel_comes_back);
    tcase_add_test(tests, sixel_has_runs);
    tcase_add_test(tests, palette_is_used);
    tcase_add_test(tests, blocks_come_back);
    tcase_add_test(tests, colours_of_256_are_the_nearest);
    tcase_add_loop_test(tests, sheets_are_shown_as_the_terminal_can, 0, SHOWS);
    tcase_add_test(tests, pictures_go_into_a_file_when_asked_to);
    return run_tests("preview", tests);
}
