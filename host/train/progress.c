#include "train/progress.h"

#include <stdlib.h>

#include "base/live.h"
#include "base/log.h"
#include "base/memory.h"

enum { MARKS = 16, SHOWN_LOSSES = 4 };

struct gcl_progress {
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
    if (progress != NULL)
        gcl_live_end();
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

/* Seconds until the run's end, or -1. */
static double seconds_left(const gcl_progress *progress, int64_t step)
{
    double rate = gcl_progress_rate(progress), left = -1;
    if (progress->steps > 0 && rate > 0)
        left = (double)(progress->steps - step) / rate;
    if (progress->end > 0 && (left < 0 || progress->end - gcl_seconds() < left))
        left = progress->end - gcl_seconds();
    return left;
}

/* The ranks: a narrow terminal tells the step, losses and the time left before the rest. */
static void compose(const gcl_progress *progress, gcl_line *text, const gcl_journal_line *line)
{
    int64_t made = line->step + 1;
    double left = seconds_left(progress, made);
    char clock[32];
    if (progress->steps > 0)
        gcl_line_add(text, 0, "step %lld/%lld", (long long)made, (long long)progress->steps);
    else
        gcl_line_add(text, 0, "step %lld", (long long)made);
    if (gcl_progress_rate(progress) > 0)
        gcl_line_add(text, 4, "%.3g images/s", gcl_progress_rate(progress) * progress->batch);
    for (int i = 0; i < line->n_losses && i < SHOWN_LOSSES; i++)
        gcl_line_add(text, i < 2 ? 1 + i : 6, "%s %.4g", line->losses[i].name,
                     line->losses[i].value);
    if (line->dropped > 0)
        gcl_line_add(text, 2, "dropped %lld", (long long)line->dropped);
    if (line->data_wait != NULL && *line->data_wait >= 0.02)
        gcl_line_add(text, 7, "waiting for data %.0f %%", 100 * *line->data_wait);
    gcl_clock_text(line->seconds, clock, sizeof clock);
    gcl_line_add(text, 5, "%s", clock);
    gcl_clock_text(left, clock, sizeof clock);
    if (left >= 0)
        gcl_line_add(text, 3, "left %s", clock);
    gcl_line_add(text, 8, "%.0f MB", (double)line->device_bytes / 1e6);
}

void gcl_progress_show(gcl_progress *progress, const gcl_journal_line *line, int now)
{
    double moment = gcl_seconds(), pause = gcl_live_possible() ? 0.25 : 5;
    if (gcl_log_level < 0 || (!now && moment - progress->said < pause))
        return;
    gcl_line text = {0};
    compose(progress, &text, line);
    gcl_line_show(&text);
    progress->said = moment;
}
