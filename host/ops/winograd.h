/* What the winograd variants share: the errors of the forms F(TM, taps), rough costs of memory. */
#ifndef GCL_OPS_WINOGRAD_H
#define GCL_OPS_WINOGRAD_H

#include <math.h>

#include "ops/vec.h"

/* Cycles of one core for a byte moved from or to memory, and from the third-level cache. */
#define GCL_MEMORY_CYCLES 0.3
#define GCL_CACHE_CYCLES  0.1

enum { GCL_WINOGRAD_MOST_TILE = 6, GCL_WINOGRAD_MOST_TAPS = 5 };
#define GCL_WINOGRAD_MOST_ERROR 3e-5 /* what errs more is not offered */

/* The most that an element of a result errs, as a part of the largest, when `terms` products are
 * summed one after the other: a number for each TM + taps times the square root of the terms (from
 * 16 on). The numbers are twice what was measured of normal variables and 16 terms, one tap number
 * with another; the root grows faster than errors do. tests/check_winograd.c measures them again.
 * Infinite where there is no such form. */
static inline double gcl_winograd_error(int tm, int taps, int terms)
{
    static const double unit[] = {0, 0, 0, 0, 1e-7, 1e-7, 3e-7, 4e-7, 1e-6, 2e-6};
    if (tm < 2 || taps < 2 || taps > GCL_WINOGRAD_MOST_TAPS || tm + taps > 9)
        return INFINITY;
    return unit[tm + taps] * sqrt(terms < 16 ? 16 : terms);
}

/* Whether its products saved are worth its rounding: not where there are few to save. Small networks so
 * keep the direct form's accuracy; asked for by name, the variant is there for them too. */
static inline int gcl_winograd_pays(int channels, int outputs)
{
    enum { LEAST = 32 };
    return channels >= LEAST && outputs >= LEAST;
}

/* Local memory that a work-item may fill, in bytes. */
static inline double gcl_winograd_room(const gcl_limits *limits)
{
    return (double)gcl_vec_cache(limits) * 4 / 3;
}

#endif
