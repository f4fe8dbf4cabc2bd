#include "autotune/duel.h"

#include <stdlib.h>

#include "base/memory.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

void gcl_duel_judge(gcl_duel *duel, const json_t *times, const json_t *others, double added,
                    double others_added)
{
    size_t n = json_array_size(times), faster = 0;
    *duel = (gcl_duel){0};
    if (n == 0 || json_array_size(others) != n)
        return;
    double *us = gcl_alloc(3 * n * sizeof *us), *other = us + n, *ratio = us + 2 * n;
    for (size_t i = 0; i < n; i++) {
        us[i] = json_number_value(json_array_get(times, i)) + added;
        other[i] = json_number_value(json_array_get(others, i)) + others_added;
        ratio[i] = other[i] > 0 ? us[i] / other[i] : 1;
        faster += ratio[i] < 1;
    }
    duel->won = median(ratio, n) <= 1 - GCL_DUEL_MARGIN && 4 * faster >= 3 * n;
    duel->us = median(us, n);
    duel->other_us = median(other, n);
    free(us);
}
