#include "autotune/parts.h"

#include <stdlib.h>

/* Rates for the guess: of a small device. Only ratios matter. */
#define GUESSED_GFLOPS 100.0
#define GUESSED_GBS    20.0

gcl_part *gcl_parts_find(const gcl_parts *parts, const gcl_workload *work)
{
    for (int i = 0; i < parts->n; i++)
        if (gcl_workload_equal(&parts->all[i].work, work))
            return &parts->all[i];
    return NULL;
}

double gcl_part_weight(const gcl_part *part)
{
    if (part->us > 0)
        return part->us;
    double arithmetic = 1e-3 * gcl_workload_flops(&part->work) / GUESSED_GFLOPS;
    double memory = 1e-3 * gcl_workload_bytes(&part->work) / GUESSED_GBS;
    return part->count * (arithmetic + memory);
}

static void add(gcl_parts *parts, const gcl_plan *plan, const gcl_plan_kernel *kernel)
{
    gcl_workload work;
    if (gcl_workload_of(kernel->node, &work) != 0)
        return;
    gcl_part *part = gcl_parts_find(parts, &work);
    if (part == NULL) {
        GCL_GROW(parts->all, parts->n, parts->cap);
        part = &parts->all[parts->n++];
        *part = (gcl_part){.work = work, .choice = kernel->choice};
    }
    part->count++;
    part->tails += kernel->tail;
    for (int i = 0; i < kernel->n_launches; i++) {
        gcl_plan_row row;
        gcl_plan_row_at(plan, kernel->first_launch + i, &row);
        part->us += row.us;
    }
}

static int by_weight(const void *a, const void *b)
{
    double x = gcl_part_weight(a), y = gcl_part_weight(b);
    return (x < y) - (x > y);
}

void gcl_parts_collect(gcl_parts *parts, const gcl_plan *plan)
{
    int n = gcl_plan_kernels(plan);
    for (int i = 0; i < n; i++) {
        gcl_plan_kernel kernel;
        gcl_plan_kernel_at(plan, i, &kernel);
        add(parts, plan, &kernel);
    }
    if (parts->n > 0)
        qsort(parts->all, (size_t)parts->n, sizeof *parts->all, by_weight);
}

void gcl_parts_free(gcl_parts *parts)
{
    free(parts->all);
    *parts = (gcl_parts){0};
}
