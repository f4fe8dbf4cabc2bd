/* The live line: the last line of a terminal, written again and again while something takes its time.
 *
 *     gcl_activity activity;
 *     gcl_activity_begin(&activity, "reading pictures", n);        n 0: nobody knows how many
 *     for (i...) gcl_activity_update(&activity, i);                costs next to nothing
 *     gcl_activity_end(&activity);                                 the line is gone again
 *
 * On a terminal an activity shows itself after a moment, with bar, count and time left, as much of it as the
 * terminal is wide; elsewhere (a pipe, TERM=dumb) it says a plain line every ten seconds. With -q there
 * is nothing. Whatever else is said through base/log.h clears the live line first.
 *
 * Activities may lie within each other: the outermost is shown. One thread at a time may have activities. */
#ifndef GCL_BASE_LIVE_H
#define GCL_BASE_LIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int gcl_live_possible(void);          /* 1: standard error is a terminal that has live lines */
void gcl_live_show(const char *text); /* cut at the terminal's width */
void gcl_live_clear(void);
void gcl_live_end(void); /* leaves it standing and goes to the next line */

/* A line of parts, which leaves out what matters least when there is not room enough. */
enum { GCL_LINE_PARTS = 24 };
typedef struct gcl_line {
    int n;
    struct gcl_line_part {
        int rank; /* 0 matters most */
        char text[96];
    } parts[GCL_LINE_PARTS];
} gcl_line;

void gcl_line_add(gcl_line *line, int rank, const char *format, ...) GCL_PRINTF(3, 4);
/* Joins with two blanks, in the order of adding, what has room in `columns`; 0: all of it. */
void gcl_line_join(const gcl_line *line, int columns, char *text, size_t size);
void gcl_line_show(const gcl_line *line); /* live, or a plain line */

/* "1:02:03" or "2:03". */
void gcl_clock_text(double seconds, char *text, size_t size);

typedef struct gcl_activity {
    const char *what;
    char detail[64];
    int64_t total;  /* 0: not known */
    double seconds; /* that it will take, of a timed one; else 0 */
    double started, said, pause;
    int inner; /* 1: another is shown */
} gcl_activity;

void gcl_activity_begin(gcl_activity *activity, const char *what,
                        int64_t total); /* `what` is kept */
/* One that ends at a time instead of a count. */
void gcl_activity_begin_timed(gcl_activity *activity, const char *what, double seconds);
void gcl_activity_update(gcl_activity *activity, int64_t done);
/* What stands behind the time. NULL for `activity` does nothing. */
void gcl_activity_detail(gcl_activity *activity, const char *format, ...) GCL_PRINTF(2, 3);
void gcl_activity_end(gcl_activity *activity);

#endif
