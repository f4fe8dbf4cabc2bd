#include "train/learn.h"

#include <stdlib.h>

#include "autotune/program.h"
#include "autotune/tuner.h"
#include "base/log.h"
#include "ops/ops.h"

struct gcl_learner {
    char *program;
    gcl_parts parts;
    gcl_records *records;
    gcl_tuner *tuner;
    double seconds; /* that are left */
    gcl_activity activity;
};

gcl_learner *gcl_learner_new(const gcl_plan *plan, const char *device, const gcl_limits *limits,
                             double seconds)
{
    gcl_learner *l = gcl_alloc(sizeof *l);
    l->program = gcl_program_path();
    l->records = gcl_records_known(gcl_ops);
    l->seconds = seconds;
    gcl_parts_collect(&l->parts, plan);
    gcl_tuner_options options = {.program = l->program,
                                 .device = device,
                                 .limits = limits,
                                 .records = l->records,
                                 .activity = &l->activity};
    l->tuner = gcl_tuner_new(&options, &l->parts);
    return l;
}

void gcl_learner_free(gcl_learner *l)
{
    if (l == NULL)
        return;
    gcl_tuner_free(l->tuner);
    gcl_parts_free(&l->parts);
    gcl_records_free(l->records);
    free(l->program);
    free(l);
}

int gcl_learner_next(gcl_learner *l)
{
    gcl_error err = {0};
    double start = gcl_seconds();
    gcl_activity_begin_timed(&l->activity, "tuning", l->seconds);
    int result = l->seconds > 0 ? gcl_tuner_next(l->tuner, l->seconds, &err) : 0;
    l->seconds -= gcl_seconds() - start;
    gcl_activity_end(&l->activity);
    if (result < 0)
        gcl_warn("%s; training goes on with what was found until now", err.text);
    return result == 1;
}

gcl_records *gcl_learner_take(gcl_learner *l)
{
    gcl_records *records = l->records;
    l->records = NULL;
    l->seconds = 0;
    return records;
}
