/* What is said while something takes its time: lines that fit, on terminals narrow and wide, plain where
 * there is none, nothing with -q. */
#include "pty_test.h"

#include "base/live.h"
#include "base/terminal.h"

/* ---- lines ---------------------------------------------------------------------------------------- */

static gcl_line four_parts(void)
{
    gcl_line line = {0};
    gcl_line_add(&line, 0, "step %d", 12);
    gcl_line_add(&line, 3, "52.1 images/s");
    gcl_line_add(&line, 1, "loss 0.5");
    gcl_line_add(&line, 2, "left 1:02");
    return line;
}

START_TEST(a_line_leaves_out_what_matters_least)
{
    static const struct {
        int columns;
        const char *text;
    } cases[] = {{0, "step 12  52.1 images/s  loss 0.5  left 1:02"},
                 {43, "step 12  52.1 images/s  loss 0.5  left 1:02"},
                 {42, "step 12  loss 0.5  left 1:02"},
                 {28, "step 12  loss 0.5  left 1:02"},
                 {27, "step 12  loss 0.5"},
                 {16, "step 12"},
                 {6, ""}};
    char text[200];
    gcl_line line = four_parts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gcl_line_join(&line, cases[i].columns, text, sizeof text);
        ck_assert_str_eq(text, cases[i].text);
    }
    gcl_line_join(&line, 0, text, 10); /* never beyond the text */
    ck_assert_int_eq((int)strlen(text), 9);
}
END_TEST

START_TEST(columns_are_characters)
{
    ck_assert_int_eq(gcl_text_columns("abc", 3), 3);
    ck_assert_int_eq(gcl_text_columns("\u2588\u2591 \u00e9", 9), 4);
    char clock[16];
    gcl_clock_text(62.9, clock, sizeof clock);
    ck_assert_str_eq(clock, "1:02");
    gcl_clock_text(3723, clock, sizeof clock);
    ck_assert_str_eq(clock, "1:02:03");
    gcl_clock_text(-5, clock, sizeof clock);
    ck_assert_str_eq(clock, "0:00");
}
END_TEST

/* ---- runs ----------------------------------------------------------------------------------------- */

#define TRAIN                                                                                      \
    "train --model dcgan:tiny --batch 2 --steps 40 --set train.sample_every=1000000 --out "

/* Takes the output apart into what a terminal has shown on its lines, and measures the longest one that
 * was written over. Returns how many those were. */
static int rewritten(const char *output, int *longest)
{
    int n = 0;
    *longest = 0;
    for (const char *at = strchr(output, '\r'); at != NULL; at = strchr(at + 1, '\r')) {
        int bytes = (int)strcspn(at + 1, "\r\n\033");
        int columns = gcl_text_columns(at + 1, bytes);
        if (bytes == 0 || at[1 + bytes] != '\033')
            continue;
        *longest = columns > *longest ? columns : *longest;
        n++;
    }
    return n;
}

START_TEST(a_live_line_fits_the_terminal)
{
    static const int widths[] = {20, 40, 120};
    for (int i = 0; i < 3; i++) {
        char line[200];
        int status, longest;
        snprintf(line, sizeof line, TRAIN "live%d", i);
        screen s = {widths[i], 24, 0, 0, "TERM=xterm LANG=C", NULL};
        char *output = run_on(&s, line, &status);
        ck_assert_msg(status == 0, "%s", output);
        ck_assert_msg(rewritten(output, &longest) > 1, "%s", output);
        ck_assert_msg(longest < widths[i] && longest > 10, "%d columns: %s", longest, output);
        ck_assert(strstr(output, "step 40/40") != NULL);
        ck_assert(strstr(strstr(output, "step 40/40"), "\033[K\r\n") != NULL); /* it stays */
        ck_assert((strstr(output, " MB\033[K") != NULL) == (widths[i] == 120));
        free(output);
    }
}
END_TEST

/* No escape sequence, no line written over. */
START_TEST(a_dumb_terminal_gets_plain_lines)
{
    int status;
    screen s = {40, 24, 0, 0, "TERM=dumb LANG=C.UTF-8", NULL};
    char *output = run_on(&s, TRAIN "dumb", &status);
    ck_assert_int_eq(status, 0);
    ck_assert(strchr(output, '\033') == NULL && strstr(output, "step 40/40  ") != NULL);
    for (char *at = strchr(output, '\r'); at != NULL; at = strchr(at + 1, '\r'))
        ck_assert_int_eq(at[1], '\n'); /* the terminal's own */
    free(output);
}
END_TEST

START_TEST(a_pipe_gets_plain_lines)
{
    ck_exits(0, TRAIN "piped");
    ck_said("step 1/40  ");
    ck_said("step 40/40  ");
    ck_assert(strchr(said("err"), '\033') == NULL && strchr(said("err"), '\r') == NULL);
}
END_TEST

START_TEST(quiet_says_nothing)
{
    int status;
    screen s = {80, 24, 0, 0, "TERM=xterm LANG=C.UTF-8", NULL};
    char *output = run_on(&s, "-q " TRAIN "quiet", &status);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(output, "quiet\r\n"); /* the result */
    free(output);
}
END_TEST

/* Two thousand pictures take longer than the moment after which this shows itself. */
START_TEST(making_pictures_shows_itself)
{
    static const char *const bars[] = {"making pictures  [=", "making pictures  \u2588"};
    for (int utf8 = 0; utf8 < 2; utf8++) {
        int status, longest;
        screen s = {60, 24, 0, 0, utf8 ? "TERM=xterm LANG=de_DE.UTF-8" : "TERM=xterm LANG=C", NULL};
        char *output = run_on(&s, "sample piped --count 2000 --out made", &status);
        ck_assert_msg(status == 0, "%s", output);
        ck_assert_msg(strstr(output, bars[utf8]) != NULL, "%s", output);
        ck_assert(rewritten(output, &longest) > 1 && longest < 60);
        ck_assert(strstr(output, "/2000") != NULL && strstr(output, "left ") != NULL);
        free(output);
    }
}
END_TEST

/* -v: what is to be trained, before it begins. */
START_TEST(verbose_describes_first)
{
    ck_exits(0, "-v " TRAIN "verbose");
    const char *text = said("err"), *table = strstr(text, "G.conv1.conv"),
               *step = strstr(text, "time a step: "), *folder = strstr(text, "run folder: ");
    ck_assert_msg(table != NULL && step > table && folder > step, "%s", text);
    ck_said("; 40 steps: about ");
    ck_said("MB of device memory");
    ck_assert_str_eq(said("out"), "verbose\n");
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("progress");
    TCase *tests = tcase_create("progress");
    tcase_add_test(tests, a_line_leaves_out_what_matters_least);
    tcase_add_test(tests, columns_are_characters);
    tcase_add_test(tests, a_live_line_fits_the_terminal);
    tcase_add_test(tests, a_dumb_terminal_gets_plain_lines);
    tcase_add_test(tests, a_pipe_gets_plain_lines);
    tcase_add_test(tests, quiet_says_nothing);
    tcase_add_test(tests, making_pictures_shows_itself);
    tcase_add_test(tests, verbose_describes_first);
    return run_tests("progress", tests);
}
