#include "train/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

enum { MARKS = 16 };

struct gcl_progress {
    int terminal, shown;
    int64_t steps; /* the end, or 0 */
    double end;    /* the moment of the end, or 0 */
    int batch;
    double started, said;
    /* A ring of moments half a second apart or more, and the latest moment: the rate is that
     * between the oldest of them and `now`. */
    struct mark {
        double at;
        int64_t steps;
    } marks[MARKS], now;
    int n_marks, newest;
    double rate;
};

gcl_progress *gcl_progress_new(int64_t first_step, int64_t steps, double seconds, int batch)
{
    gcl_progress *progress = gcl_alloc(sizeof *progress);
    progress->terminal = isatty(STDERR_FILENO);
    progress->steps = steps;
    progress->batch = batch;
    progress->started = gcl_seconds();
    progress->end = seconds > 0 ? progress->started + seconds : 0;
    gcl_progress_restart(progress, first_step);
    return progress;
}

void gcl_progress_restart(gcl_progress *progress, int64_t steps)
{
    progress->now = (struct mark){gcl_seconds(), steps};
    progress->marks[0] = progress->now;
    progress->newest = 0;
    progress->n_marks = 1;
}

void gcl_progress_free(gcl_progress *progress)
{
    if (progress == NULL)
        return;
    if (progress->terminal && progress->shown)
        fputc('\n', stderr);
    free(progress);
}

void gcl_progress_mark(gcl_progress *progress, int64_t steps)
{
    int oldest = (progress->newest + MARKS - progress->n_marks + 1) % MARKS;
    progress->now = (struct mark){gcl_seconds(), steps};
    double seconds = progress->now.at - progress->marks[oldest].at;
    /* Just after a pause the old rate says more than one step. */
    if (seconds > 0 && (progress->rate == 0 || seconds >= 1))
        progress->rate = (double)(steps - progress->marks[oldest].steps) / seconds;
    if (progress->now.at - progress->marks[progress->newest].at < 0.5)
        return;
    progress->newest = (progress->newest + 1) % MARKS;
    progress->marks[progress->newest] = progress->now;
    progress->n_marks += progress->n_marks < MARKS;
}

double gcl_progress_rate(const gcl_progress *progress) { return progress->rate; }

/* "1:02:03" or "2:03". */
static void add_clock(gcl_text *text, double seconds)
{
    long s = seconds > 0 ? (long)seconds : 0;
    if (s >= 3600)
        gcl_text_add(text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        gcl_text_add(text, "%ld:%02ld", s / 60, s % 60);
}

static void add_remaining(const gcl_progress *progress, gcl_text *text, int64_t step)
{
    double rate = gcl_progress_rate(progress), left = -1;
    if (progress->steps > 0 && rate > 0)
        left = (double)(progress->steps - step) / rate;
    if (progress->end > 0 && (left < 0 || progress->end - gcl_seconds() < left))
        left = progress->end - gcl_seconds();
    if (left < 0)
        return;
    gcl_text_add(text, "  left ");
    add_clock(text, left);
}

static void compose(const gcl_progress *progress, gcl_text *text, const gcl_journal_line *line)
{
    int64_t made = line->step + 1;
    gcl_text_add(text, "step %lld", (long long)made);
    if (progress->steps > 0)
        gcl_text_add(text, "/%lld", (long long)progress->steps);
    if (gcl_progress_rate(progress) > 0)
        gcl_text_add(text, "  %.3g images/s", gcl_progress_rate(progress) * progress->batch);
    for (int i = 0; i < line->n_losses && i < 4; i++)
        gcl_text_add(text, "  %s %.4g", line->losses[i].name, line->losses[i].value);
    if (line->data_wait != NULL && *line->data_wait >= 0.02)
        gcl_text_add(text, "  waiting for data %.0f %%", 100 * *line->data_wait);
    if (line->dropped > 0)
        gcl_text_add(text, "  dropped %lld", (long long)line->dropped);
    gcl_text_add(text, "  ");
    add_clock(text, line->seconds);
    add_remaining(progress, text, made);
    gcl_text_add(text, "  %.0f MB", (double)line->device_bytes / 1e6);
}

void gcl_progress_show(gcl_progress *progress, const gcl_journal_line *line, int now)
{
    double moment = gcl_seconds(), pause = progress->terminal ? 0.25 : 5;
    if (gcl_log_level < 0 || (!now && moment - progress->said < pause))
        return;
    gcl_text text = {0};
    compose(progress, &text, line);
    if (progress->terminal)
        fprintf(stderr, "\r%s\033[K", text.text);
    else
        fprintf(stderr, "%s\n", text.text);
    fflush(stderr);
    progress->shown = 1;
    progress->said = moment;
    gcl_text_free(&text);
}

void gcl_progress_clear(gcl_progress *progress)
{
    if (progress->terminal && progress->shown)
        fprintf(stderr, "\r\033[K");
}
