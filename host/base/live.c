#include "base/live.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/terminal.h"

/* Seconds until a activity shows itself and between two showings: on a terminal, elsewhere. */
static const double live_after = 0.3, live_pause = 0.1, plain_pause = 10;
enum { BAR = 16 };

static int shown;      /* the live line is there; guarded by the lock of stderr */
static int activities; /* that are going on, one within the other */

/* ---- the line ------------------------------------------------------------------------------------- */

int gcl_live_possible(void) { return gcl_terminal_look().live; }

/* Bytes of `text` that have room in so many columns. */
static int cut_at(const char *text, int columns)
{
    int n = (int)strlen(text);
    while (n > 0 && gcl_text_columns(text, n) > columns)
        n--;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* The last column stays empty: some terminals go to the next line once it is filled. */
void gcl_live_show(const char *text)
{
    gcl_terminal terminal = gcl_terminal_look();
    if (!terminal.live || gcl_log_level < 0)
        return;
    flockfile(stderr);
    fprintf(stderr, "\r%.*s\033[K", cut_at(text, terminal.columns - 1), text);
    fflush(stderr);
    shown = 1;
    funlockfile(stderr);
}

void gcl_live_clear(void)
{
    flockfile(stderr);
    if (shown)
        fputs("\r\033[K", stderr);
    shown = 0;
    funlockfile(stderr);
}

void gcl_live_end(void)
{
    flockfile(stderr);
    if (shown)
        fputc('\n', stderr);
    shown = 0;
    funlockfile(stderr);
}

/* ---- parts ---------------------------------------------------------------------------------------- */

void gcl_line_add(gcl_line *line, int rank, const char *format, ...)
{
    va_list arguments;
    if (line->n == GCL_LINE_PARTS)
        return;
    struct gcl_line_part *part = &line->parts[line->n++];
    part->rank = rank;
    va_start(arguments, format);
    vsnprintf(part->text, sizeof part->text, format, arguments);
    va_end(arguments);
}

static int columns_of(const char *text) { return gcl_text_columns(text, (int)strlen(text)); }

/* Takes parts in the order of their ranks as long as they have room; kept[i]: part i is in. */
static void choose(const gcl_line *line, int columns, char *kept)
{
    int used = -2;
    memset(kept, 0, GCL_LINE_PARTS);
    for (int rank = 0; rank < GCL_LINE_PARTS; rank++)
        for (int i = 0; i < line->n; i++) {
            int wanted = 2 + columns_of(line->parts[i].text);
            if (line->parts[i].rank != rank || (columns > 0 && used + wanted > columns))
                continue;
            kept[i] = 1;
            used += wanted;
        }
}

void gcl_line_join(const gcl_line *line, int columns, char *text, size_t size)
{
    char kept[GCL_LINE_PARTS];
    size_t n = 0;
    choose(line, columns, kept);
    text[0] = 0;
    for (int i = 0; i < line->n && n < size; i++)
        if (kept[i])
            n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? "  " : "",
                                  line->parts[i].text);
}

void gcl_line_show(const gcl_line *line)
{
    char text[GCL_LINE_PARTS * 98 + 1];
    gcl_terminal terminal = gcl_terminal_look();
    gcl_line_join(line, terminal.live ? terminal.columns - 1 : 0, text, sizeof text);
    if (terminal.live)
        gcl_live_show(text);
    else
        gcl_say("%s", text);
}

void gcl_clock_text(double seconds, char *text, size_t size)
{
    long s = seconds > 0 ? (long)seconds : 0;
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

/* ---- activities ---------------------------------------------------------------------------------------- */

void gcl_activity_begin(gcl_activity *activity, const char *what, int64_t total)
{
    *activity = (gcl_activity){.what = what, .total = total, .inner = activities++ > 0};
    int live = gcl_live_possible();
    activity->started = gcl_seconds();
    activity->pause = live ? live_pause : plain_pause;
    activity->said = activity->started + (live ? live_after - live_pause : 0);
}

void gcl_activity_begin_timed(gcl_activity *activity, const char *what, double seconds)
{
    gcl_activity_begin(activity, what, 0);
    activity->seconds = seconds;
}

void gcl_activity_detail(gcl_activity *activity, const char *format, ...)
{
    va_list arguments;
    if (activity == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(activity->detail, sizeof activity->detail, format, arguments);
    va_end(arguments);
}

/* "[=====     ]", or of blocks where there is UTF-8. */
static void add_bar(gcl_line *line, double share)
{
    char bar[3 * BAR + 1] = "";
    int full = (int)(BAR * (share < 0 ? 0 : share > 1 ? 1 : share) + 0.5);
    int utf8 = gcl_terminal_look().utf8;
    for (int i = 0; i < BAR; i++)
        strcat(bar, i < full ? (utf8 ? "\u2588" : "=") : (utf8 ? "\u2591" : " "));
    gcl_line_add(line, 3, utf8 ? "%s" : "[%s]", bar);
}

static void compose(const gcl_activity *activity, int64_t done, gcl_line *line)
{
    double elapsed = gcl_seconds() - activity->started, share = -1;
    char clock[32];
    if (activity->total > 0)
        share = (double)done / (double)activity->total;
    else if (activity->seconds > 0)
        share = elapsed / activity->seconds;
    gcl_line_add(line, 0, "%s", activity->what);
    if (share >= 0 && gcl_live_possible())
        add_bar(line, share);
    if (activity->total > 0)
        gcl_line_add(line, 1, "%lld/%lld", (long long)done, (long long)activity->total);
    else if (activity->seconds <= 0)
        gcl_line_add(line, 1, "%lld", (long long)done);
    gcl_clock_text(elapsed, clock, sizeof clock);
    gcl_line_add(line, 4, "%s", clock);
    if (share > 0) {
        gcl_clock_text(elapsed / share - elapsed, clock, sizeof clock);
        gcl_line_add(line, 2, "left %s", clock);
    }
    if (activity->detail[0] != 0)
        gcl_line_add(line, 5, "%s", activity->detail);
}

void gcl_activity_update(gcl_activity *activity, int64_t done)
{
    gcl_line line = {0};
    if (activity == NULL || activity->inner || gcl_log_level < 0)
        return;
    double now = gcl_seconds();
    if (now - activity->said < activity->pause)
        return;
    compose(activity, done, &line);
    gcl_line_show(&line);
    activity->said = now;
}

void gcl_activity_end(gcl_activity *activity)
{
    activities--;
    if (!activity->inner)
        gcl_live_clear();
}
