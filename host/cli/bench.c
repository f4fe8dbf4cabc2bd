#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autotune/peak.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"
#include "cli/bench_layers.h"
#include "cli/commands.h"
#include "cli/configure.h"
#include "cli/steps.h"
#include "io/checkpoint.h"
#include "train/trainer.h"
#include "train/tuning.h"

enum { WARM_UP_STEPS = 2, USUAL_STEPS = 10, MOST_STEPS = 1000000 };

/* What was measured of one model. */
typedef struct measured {
    gcl_config config;
    int batch;
    double step_ms, host_ms;
    double
        cpu_ms; /* a step, of this process on all cores: where the device is the CPU, the step's */
    uint64_t peak_bytes;
    gcl_plan_row *rows; /* labels and variants owned */
    int n_rows;
} measured;

/* ---- measuring ------------------------------------------------------------------------------------ */

static int make_steps(gcl_trainer *trainer, int first, int n, double *host_us, gcl_error *err)
{
    gcl_plan_stats stats;
    for (int i = 0; i < n; i++) {
        if (gcl_steps_stage(trainer, first + i, err) != 0 || gcl_plan_run(trainer->plan, err) != 0)
            return -1;
        gcl_plan_get_stats(trainer->plan, &stats);
        *host_us += stats.host_us;
    }
    return gcl_plan_finish(trainer->plan, err);
}

static int time_steps(measured *m, gcl_trainer *trainer, int steps, gcl_error *err)
{
    double host_us = 0;
    if (make_steps(trainer, 0, WARM_UP_STEPS, &host_us, err) != 0)
        return -1;
    host_us = 0;
    double start = gcl_seconds();
    clock_t cpu = clock();
    if (make_steps(trainer, WARM_UP_STEPS, steps, &host_us, err) != 0)
        return -1;
    m->step_ms = 1e3 * (gcl_seconds() - start) / steps;
    m->cpu_ms = 1e3 * (double)(clock() - cpu) / CLOCKS_PER_SEC / steps;
    m->host_ms = 1e-3 * host_us / steps;
    m->peak_bytes = gcl_trainer_bytes(trainer);
    return 0;
}

static int profile_launches(measured *m, gcl_trainer *trainer, gcl_error *err)
{
    double host_us;
    if (make_steps(trainer, 0, 1, &host_us, err) != 0 || gcl_plan_profile(trainer->plan, err) != 0)
        return -1;
    m->n_rows = gcl_plan_rows(trainer->plan);
    m->rows = gcl_alloc(((size_t)m->n_rows + 1) * sizeof *m->rows);
    for (int i = 0; i < m->n_rows; i++) {
        gcl_plan_row_at(trainer->plan, i, &m->rows[i]);
        m->rows[i].label = gcl_strdup(m->rows[i].label);
        m->rows[i].variant = gcl_strdup(m->rows[i].variant);
    }
    return 0;
}

/* Builds the step on a device opened with `flags`: times whole steps, or launches if the queue keeps
 * times (which costs a little, so not both at once). */
static int measure_on(measured *m, const char *device, int flags, int steps, gcl_error *err)
{
    gcl_trainer trainer;
    gcl_tuning tuning;
    gcl_plan_options plan_options = {0};
    gcl_device *dev = gcl_device_open(device, flags, err);
    if (dev == NULL)
        return -1;
    gcl_settings_plan(&m->config.settings, &plan_options);
    gcl_tuning_start(&tuning, &m->config, gcl_device_limits(dev), 0);
    gcl_tuning_ask(&tuning, 0, &plan_options);
    gcl_trainer_options trainer_options = {.batch = {m->batch, 1},
                                           .recompute = gcl_settings_recompute(&m->config.settings),
                                           .plan = &plan_options};
    int result = gcl_trainer_build(&trainer, dev, &m->config.model, &trainer_options, err);
    if (result == 0) {
        result = gcl_checkpoint_initialise(trainer.nn, trainer.store, 0, err);
        if (result == 0)
            result = flags & GCL_DEVICE_PROFILE ? profile_launches(m, &trainer, err)
                                                : time_steps(m, &trainer, steps, err);
        gcl_trainer_free(&trainer);
    }
    gcl_tuning_free(&tuning);
    gcl_device_close(dev);
    return result;
}

static int measure(measured *m, const char *name, const gcl_options *options, gcl_error *err)
{
    int steps = options->steps > 0 ? (int)options->steps : USUAL_STEPS;
    if (options->steps > MOST_STEPS)
        return gcl_fail(err, GCL_USAGE, "--steps %lld is out of range (1 to %d)",
                        (long long)options->steps, MOST_STEPS);
    if (gcl_configure_model(&m->config, name, options, err) != 0)
        return -1;
    m->batch = options->batch > 0 ? (int)options->batch : m->config.model.preset->batch;
    if (measure_on(m, options->device, 0, steps, err) != 0)
        return -1;
    return measure_on(m, options->device, GCL_DEVICE_PROFILE, steps, err);
}

static void release(measured *m)
{
    for (int i = 0; i < m->n_rows; i++) {
        free((char *)m->rows[i].label);
        free((char *)m->rows[i].variant);
    }
    free(m->rows);
    gcl_config_free(&m->config);
}

/* ---- the table ------------------------------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    const gcl_plan_row *x = a, *y = b;
    return (x->us < y->us) - (x->us > y->us);
}

/* Of the measured peak: arithmetic or memory, whichever the launch is nearer to. */
static double percent_of_peak(const gcl_plan_row *row, const gcl_peak *peak)
{
    if (!(row->us > 0))
        return 0;
    double arithmetic = row->flops * 1e-3 / row->us / peak->gflops;
    double memory = row->bytes * 1e-3 / row->us / peak->gbs;
    return 100 * (arithmetic > memory ? arithmetic : memory);
}

static void print_table(measured *m, const gcl_peak *peak)
{
    char name[128];
    double sum = 0, flops = 0;
    gcl_model_name(&m->config.model, name, sizeof name);
    for (int i = 0; i < m->n_rows; i++) {
        sum += m->rows[i].us;
        flops += m->rows[i].flops;
    }
    printf("\n%s, batch %d: %.1f ms a step (CPU %.1f), %.2f images/s, %.1f GFLOP/s; %.1f MB; host "
           "%.2f "
           "ms a step (%.2f %%)\n",
           name, m->batch, m->step_ms, m->cpu_ms, 1e3 * m->batch / m->step_ms,
           flops * 1e-6 / m->step_ms, (double)m->peak_bytes / 1e6, m->host_ms,
           100 * m->host_ms / m->step_ms);
    printf("%-48s %-10s %10s %6s %10s %8s %7s\n", "launch", "variant", "us", "%time", "GFLOP/s",
           "GB/s", "%peak");
    qsort(m->rows, (size_t)m->n_rows, sizeof *m->rows, by_time);
    for (int i = 0; i < m->n_rows; i++) {
        const gcl_plan_row *row = &m->rows[i];
        double us = row->us > 0 ? row->us : 1;
        printf("%-48.48s %-10s %10.1f %6.1f %10.2f %8.2f %7.1f\n", row->label, row->variant,
               row->us, 100 * row->us / sum, row->flops * 1e-3 / us, row->bytes * 1e-3 / us,
               percent_of_peak(row, peak));
    }
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static json_t *launches_json(const measured *m)
{
    json_t *launches = json_array();
    for (int i = 0; i < m->n_rows; i++) {
        const gcl_plan_row *row = &m->rows[i];
        double us = row->us > 0 ? row->us : 1;
        json_array_append_new(launches,
                              json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:s}", "label", row->label,
                                        "us", row->us, "gflop", row->flops * 1e-9, "gflops",
                                        row->flops * 1e-3 / us, "bytes", row->bytes, "gbs",
                                        row->bytes * 1e-3 / us, "variant", row->variant));
    }
    return launches;
}

static json_t *system_json(const measured *m)
{
    return json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:I, s:f, s:o}", "system",
                     m->config.model.system->name, "preset", m->config.model.preset->name, "batch",
                     m->batch, "step_ms", m->step_ms, "cpu_ms", m->cpu_ms, "images_per_s",
                     1e3 * m->batch / m->step_ms, "peak_bytes", (json_int_t)m->peak_bytes,
                     "host_ms", m->host_ms, "launches", launches_json(m));
}

static void print_json(const measured *all, int n, const gcl_peak *peak, const gcl_limits *limits)
{
    json_t *systems = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(systems, system_json(&all[i]));
    json_t *whole = json_pack("{s:s, s:s, s:s, s:f, s:f, s:o}", "device", limits->name, "platform",
                              limits->platform, "driver", limits->driver, "peak_gflops",
                              peak->gflops, "copy_gbs", peak->gbs, "systems", systems);
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(whole);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int measure_peak(const char *device, gcl_limits *limits, gcl_peak *peak, gcl_error *err)
{
    gcl_device *dev = gcl_device_open(device, 0, err);
    if (dev == NULL)
        return -1;
    *limits = *gcl_device_limits(dev);
    int result = gcl_peak_measure(dev, peak, err);
    gcl_device_close(dev);
    return result;
}

int gcl_command_bench(const gcl_options *options, gcl_error *err)
{
    if (options->layers)
        return gcl_bench_layers(options, err);
    int n = options->n_arguments > 0 ? options->n_arguments : 1, done = 0, result;
    measured *all = gcl_alloc((size_t)n * sizeof *all);
    gcl_limits limits;
    gcl_peak peak;
    result = measure_peak(options->device, &limits, &peak, err);
    if (result == 0 && !options->json)
        printf("%s: peak %.1f GFLOP/s, copy %.1f GB/s\n", limits.name, peak.gflops, peak.gbs);
    for (; done < n && result == 0; done++) {
        result = measure(&all[done], options->n_arguments > 0 ? options->arguments[done] : NULL,
                         options, err);
        if (result == 0 && !options->json)
            print_table(&all[done], &peak);
    }
    if (result == 0 && options->json)
        print_json(all, n, &peak, &limits);
    for (int i = 0; i < done; i++)
        release(&all[i]);
    free(all);
    return result;
}
