/* How long a recipe should take on a device of which little is known. */
#include <math.h>
#include <stdlib.h>

#include "autotune/search.h"

/* What a launch costs however small it is; work-items that a unit of a GPU holds at once. */
#define LAUNCH_US 5.0
enum { RESIDENT = 1024 };

double gcl_model_bound_us(double flops, double bytes, const gcl_peak *peak)
{
    double arithmetic = 1e-3 * flops / peak->gflops, memory = 1e-3 * bytes / peak->gbs;
    return arithmetic > memory ? arithmetic : memory;
}

/* The part of the device that is busy, on average over the launch: its work-groups are done in waves
 * of as many as fit. */
static double busy(const gcl_launch *launch, const gcl_limits *limits)
{
    double groups = 1, items = 1;
    double units = limits->compute_units > 0 ? limits->compute_units : 1;
    if (launch->local[0] == 0)
        return 1;
    for (int i = 0; i < 3; i++) {
        groups *= ceil((double)launch->global[i] / (double)launch->local[i]);
        items *= (double)launch->local[i];
    }
    double slots = units * (limits->is_gpu ? fmax(1, floor(RESIDENT / items)) : 1);
    if (groups < slots) /* each has a place at once: units that have none idle */
        return groups < units ? groups / units : 1;
    return groups / (ceil(groups / slots) * slots);
}

double gcl_model_us(const gcl_recipe *recipe, const gcl_limits *limits, const gcl_peak *peak)
{
    double us = LAUNCH_US, scratch = 8.0 * (double)recipe->scratch_floats; /* written and read */
    for (int i = 0; i < recipe->n_launches; i++) {
        const gcl_launch *l = &recipe->launch[i];
        us += LAUNCH_US + gcl_model_bound_us(l->flops / busy(l, limits), l->bytes, peak);
    }
    if (recipe->clblast.use) {
        double m = recipe->clblast.m, n = recipe->clblast.n, k = recipe->clblast.k;
        us += gcl_model_bound_us(2 * m * n * k, 4 * (m * k + k * n + m * n), peak);
    }
    return us + gcl_model_bound_us(0, scratch, peak);
}
