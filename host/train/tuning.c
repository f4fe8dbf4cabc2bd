#include "train/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ops/ops.h"

static int is_off(const gcl_config *config)
{
    return config->replay != NULL ||
           gcl_settings_value(&config->settings, GCL_PLAN_TUNING) == GCL_TUNING_OFF;
}

/* How many of the run's own choices are for this device and driver. */
static int count_usable(const gcl_records *run, const gcl_limits *limits)
{
    int n = 0;
    for (int i = 0; i < gcl_records_count(run); i++) {
        const gcl_record *r = gcl_records_at(run, i);
        n += gcl_record_is_of(r, limits) && gcl_record_same_driver(r, limits);
    }
    return n;
}

static void read_choices(gcl_records *run, const char *text)
{
    json_t *array = json_loads(text, 0, NULL);
    if (gcl_records_read_array(run, array, GCL_RECORD_RUN) > 0)
        gcl_warn("options.json: some of the run's choices of kernels are damaged");
    json_decref(array);
}

void gcl_tuning_start(gcl_tuning *t, const gcl_config *config, const gcl_limits *limits,
                      int resumed)
{
    *t = (gcl_tuning){.run = gcl_records_new(gcl_ops)};
    t->choices.records = t->run;
    if (is_off(config))
        return;
    if (config->choices != NULL)
        read_choices(t->run, config->choices);
    int foreign = gcl_records_count(t->run) > 0 && count_usable(t->run, limits) == 0;
    if (foreign && resumed)
        gcl_say("the run's kernels were chosen for another device or driver; the usual ones are "
                "used here");
    if (!resumed && (config->choices == NULL || foreign))
        t->known = gcl_records_known(gcl_ops);
}

void gcl_tuning_free(gcl_tuning *t)
{
    gcl_records_free(t->known);
    gcl_records_free(t->run);
    *t = (gcl_tuning){0};
}

static int choose(void *context, const gcl_node *node, const gcl_limits *limits, gcl_choice *choice)
{
    gcl_tuning *t = context;
    return t->known != NULL ? gcl_records_choose(t->known, node, limits, choice)
                            : gcl_run_choose(&t->choices, node, limits, choice);
}

void gcl_tuning_ask(gcl_tuning *t, int64_t step, gcl_plan_options *options)
{
    t->choices.step = step;
    options->choose = choose;
    options->choose_context = t;
}

/* [ and a line for each choice, as in a file of records. */
static const char *choices_text(const gcl_records *run, gcl_arena *arena)
{
    gcl_text text = {0};
    int n = gcl_records_count(run);
    gcl_text_add(&text, "[");
    for (int i = 0; i < n; i++) {
        json_t *object = gcl_record_json(gcl_records_at(run, i));
        char *line = json_dumps(object, JSON_COMPACT);
        gcl_text_add(&text, "\n  %s%s", line, i + 1 < n ? "," : "\n ");
        free(line);
        json_decref(object);
    }
    gcl_text_add(&text, "]");
    const char *kept = gcl_arena_printf(arena, "%s", text.text);
    gcl_text_free(&text);
    return kept;
}

/* 1 if the run would choose that at its present step anyway. */
static int is_noted(gcl_tuning *t, const gcl_plan_kernel *kernel, const gcl_limits *limits)
{
    gcl_choice choice;
    return gcl_run_choose(&t->choices, kernel->node, limits, &choice)
               ? gcl_choice_equal(&choice, &kernel->choice)
               : !kernel->chosen;
}

void gcl_tuning_note(gcl_tuning *t, const gcl_plan *plan, int64_t step, gcl_config *config)
{
    const gcl_limits *limits = gcl_plan_limits(plan);
    t->choices.step = step;
    if (t->choices.stale > 0)
        gcl_warn(
            "%d of the run's choices are of kernels that have changed since; the bytes of a run "
            "that was not stopped are not promised",
            t->choices.stale);
    for (int i = 0; i < gcl_plan_kernels(plan); i++) {
        gcl_plan_kernel kernel;
        gcl_record record;
        gcl_plan_kernel_at(plan, i, &kernel);
        if (is_noted(t, &kernel, limits) ||
            gcl_record_start(&record, kernel.node, &kernel.choice, limits) != 0)
            continue;
        record.source = GCL_RECORD_RUN;
        record.from = step;
        gcl_records_add(t->run, &record);
    }
    gcl_records_free(t->known);
    t->known = NULL;
    t->choices.stale = 0;
    config->choices = is_off(config) ? NULL : choices_text(t->run, config->arena);
}

int64_t gcl_tuning_next(const gcl_tuning *t, int64_t step)
{
    int64_t next = -1;
    for (int i = 0; i < gcl_records_count(t->run); i++) {
        int64_t from = gcl_records_at(t->run, i)->from;
        if (from > step && (next < 0 || from < next))
            next = from;
    }
    return next;
}
