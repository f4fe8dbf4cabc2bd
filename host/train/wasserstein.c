#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "train/scores.h"

enum { PATCH = 7, PATCHES = 128, DIRECTIONS = 512, COARSEST = 16 };
enum { PATCH_STREAM = 0x70617463, DIRECTION_STREAM = 0x64697265 };

/* ---- pyramids of one picture [side,side,c] --------------------------------------------------------- */

static int mirrored(int i, int n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

/* The binomial filter 1 4 6 4 1 / 16 in both directions, mirrored at the borders, times `gain`. */
static void smooth(const float *x, int side, int c, float gain, float *between, float *out)
{
    static const float weights[5] = {1 / 16.f, 4 / 16.f, 6 / 16.f, 4 / 16.f, 1 / 16.f};
    for (int pass = 0; pass < 2; pass++) {
        const float *from = pass == 0 ? x : between;
        float *to = pass == 0 ? between : out, scale = pass == 0 ? 1 : gain;
        for (int y = 0; y < side; y++)
            for (int i = 0; i < side; i++)
                for (int k = 0; k < c; k++) {
                    float sum = 0;
                    for (int t = -2; t <= 2; t++) {
                        int row = pass == 0 ? y : mirrored(y + t, side);
                        int column = pass == 0 ? mirrored(i + t, side) : i;
                        sum += weights[t + 2] * from[(row * side + column) * c + k];
                    }
                    to[(y * side + i) * c + k] = scale * sum;
                }
    }
}

static void take_half(const float *x, int side, int c, float *out)
{
    for (int y = 0; y < side / 2; y++)
        for (int i = 0; i < side / 2; i++)
            memcpy(out + (y * (side / 2) + i) * c, x + (2 * y * side + 2 * i) * c,
                   (size_t)c * sizeof *x);
}

/* x less what its half says of it: `half` between zeros, smoothed. */
static void subtract_half(float *x, const float *half, int side, int c, float *room)
{
    float *spread = room, *between = spread + side * side * c,
          *smoothed = between + side * side * c;
    memset(spread, 0, (size_t)(side * side * c) * sizeof *spread);
    for (int y = 0; y < side / 2; y++)
        for (int i = 0; i < side / 2; i++)
            memcpy(spread + (2 * y * side + 2 * i) * c, half + (y * (side / 2) + i) * c,
                   (size_t)c * sizeof *x);
    smooth(spread, side, c, 4, between, smoothed);
    for (int i = 0; i < side * side * c; i++)
        x[i] -= smoothed[i];
}

static int can_halve(int side) { return side > COARSEST && side % 2 == 0; }

/* ---- patches ---------------------------------------------------------------------------------------- */

/* All patches of a set at one level: [n * PATCHES][PATCH * PATCH * c]. */
typedef struct patches {
    float *values;
    int64_t n;
    int size, c;
} patches;

static void take_patches(patches *p, const float *x, int side, int picture, int level,
                         uint64_t seed)
{
    for (int i = 0; i < PATCHES; i++) {
        uint64_t at = (uint64_t)picture * PATCHES + (uint64_t)i;
        int room = side - PATCH + 1;
        int y = (int)(gcl_philox_uniform(seed, (uint32_t)level, PATCH_STREAM, 2 * at) * room);
        int left =
            (int)(gcl_philox_uniform(seed, (uint32_t)level, PATCH_STREAM, 2 * at + 1) * room);
        float *to = p->values + at * (uint64_t)p->size;
        for (int row = 0; row < PATCH; row++)
            memcpy(to + row * PATCH * p->c, x + ((y + row) * side + left) * p->c,
                   (size_t)(PATCH * p->c) * sizeof *to);
    }
}

/* Mean 0 and deviation 1 of each channel over all patches. */
static void whiten(patches *p)
{
    for (int k = 0; k < p->c; k++) {
        double sum = 0, squares = 0, count = (double)p->n * PATCH * PATCH;
        for (int64_t i = k; i < p->n * p->size; i += p->c) {
            sum += p->values[i];
            squares += (double)p->values[i] * p->values[i];
        }
        double mean = sum / count, variance = squares / count - mean * mean;
        double scale = variance > 1e-20 ? 1 / sqrt(variance) : 1;
        for (int64_t i = k; i < p->n * p->size; i += p->c)
            p->values[i] = (float)((p->values[i] - mean) * scale);
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void project(const patches *p, const float *direction, float *out)
{
    for (int64_t i = 0; i < p->n; i++) {
        float sum = 0;
        for (int k = 0; k < p->size; k++)
            sum += p->values[i * p->size + k] * direction[k];
        out[i] = sum;
    }
    qsort(out, (size_t)p->n, sizeof *out, by_value);
}

/* 1000 times the mean over directions of the mean |difference| of sorted projections. */
static double distance(const patches *a, const patches *b, int level, uint64_t seed, float *pa,
                       float *pb)
{
    float direction[PATCH * PATCH * 3];
    double sum = 0;
    for (int d = 0; d < DIRECTIONS; d++) {
        double length = 0;
        for (int k = 0; k < a->size; k++) {
            uint64_t at = (uint64_t)(d * a->size + k);
            double x = gcl_philox_normal(seed, (uint32_t)level, DIRECTION_STREAM, at);
            direction[k] = (float)x;
            length += x * x;
        }
        for (int k = 0; k < a->size; k++)
            direction[k] /= (float)sqrt(length);
        project(a, direction, pa);
        project(b, direction, pb);
        double apart = 0;
        for (int64_t i = 0; i < a->n; i++)
            apart += fabs((double)pa[i] - (double)pb[i]);
        sum += apart / (double)a->n;
    }
    return 1000 * sum / DIRECTIONS;
}

/* ---- all levels -------------------------------------------------------------------------------------- */

/* Patches of level `wanted` of all pictures. `room`: 6 side side c floats. */
static void patches_of(patches *p, const uint8_t *pictures, int n, int side, int wanted,
                       uint64_t seed, float *room)
{
    int64_t count = (int64_t)side * side * p->c;
    float *x = room, *half = room + count, *more = room + 2 * count;
    for (int picture = 0; picture < n; picture++) {
        int now = side;
        for (int64_t i = 0; i < count; i++)
            x[i] = pictures[picture * count + i] / 127.5f - 1;
        for (int level = 0;; level++) {
            int last = !can_halve(now);
            if (!last) {
                smooth(x, now, p->c, 1, more, more + count);
                take_half(more + count, now, p->c, half);
            }
            if (level == wanted) {
                if (!last)
                    subtract_half(x, half, now, p->c, more);
                take_patches(p, x, now, picture, level, seed);
                break;
            }
            now /= 2;
            memcpy(x, half, (size_t)(now * now * p->c) * sizeof *x);
        }
    }
    whiten(p);
}

int gcl_sliced_wasserstein(const uint8_t *a, const uint8_t *b, int n, int side, int c,
                           uint64_t seed, double *levels, int most_levels, gcl_error *err)
{
    int size = PATCH * PATCH * c, level = 0;
    int64_t count = (int64_t)n * PATCHES;
    size_t values = (size_t)(count * size), area = (size_t)(side * side * c);
    float *all = gcl_try_alloc((2 * values + 2 * (size_t)count + 6 * area) * sizeof *all,
                               "patches of pictures", err);
    if (all == NULL)
        return -1;
    patches of_a = {all, count, size, c}, of_b = {all + values, count, size, c};
    float *projections = all + 2 * values, *room = projections + 2 * count;
    for (int now = side; level < most_levels; now /= 2, level++) {
        patches_of(&of_a, a, n, side, level, seed, room);
        patches_of(&of_b, b, n, side, level, seed, room);
        levels[level] = distance(&of_a, &of_b, level, seed, projections, projections + count);
        if (!can_halve(now)) {
            level++;
            break;
        }
    }
    free(all);
    return level;
}
