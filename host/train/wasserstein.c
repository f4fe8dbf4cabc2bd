#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "train/scores.h"

enum { PATCH = 7, PATCHES = 128, DIRECTIONS = 512, COARSEST = 16 };
enum { TILE = 16, RADIX_BITS = 11 };
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

/* ---- projections ------------------------------------------------------------------------------------ */

/* `directions` [TILE][size] of length 1 from number `first` on, transposed: [size][TILE]. */
static void draw_directions(float *directions, int size, int first, int level, uint64_t seed)
{
    for (int d = 0; d < TILE; d++) {
        double length = 0;
        for (int k = 0; k < size; k++) {
            uint64_t at = (uint64_t)((first + d) * size + k);
            double x = gcl_philox_normal(seed, (uint32_t)level, DIRECTION_STREAM, at);
            directions[k * TILE + d] = (float)x;
            length += x * x;
        }
        for (int k = 0; k < size; k++)
            directions[k * TILE + d] /= (float)sqrt(length);
    }
}

/* All patches on TILE directions at once, so that each of their values is loaded once:
 * out [TILE][n]. */
static void project(const patches *p, const float *directions, float *out)
{
    for (int64_t i = 0; i < p->n; i++) {
        const float *values = p->values + i * p->size;
        float sums[TILE] = {0};
        for (int k = 0; k < p->size; k++)
            for (int d = 0; d < TILE; d++)
                sums[d] += values[k] * directions[k * TILE + d];
        for (int d = 0; d < TILE; d++)
            out[d * p->n + i] = sums[d];
    }
}

/* A float's bits as a number of the same order, and back: negative ones count downwards. */
static uint32_t key_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float value_of(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* One pass of a radix sort by the RADIX_BITS bits above `shift`. */
static void sort_by_digit(const uint32_t *from, uint32_t *to, int64_t n, int shift)
{
    enum { DIGITS = 1 << RADIX_BITS };
    int64_t place[DIGITS] = {0}, next = 0;
    for (int64_t i = 0; i < n; i++)
        place[from[i] >> shift & (DIGITS - 1)]++;
    for (int digit = 0; digit < DIGITS; digit++) {
        int64_t count = place[digit];
        place[digit] = next;
        next += count;
    }
    for (int64_t i = 0; i < n; i++)
        to[place[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

/* Sorts n numbers, none of them a NaN; `keys`: room for 2 n. */
static void sort(float *x, int64_t n, uint32_t *keys)
{
    uint32_t *from = keys, *to = keys + n;
    for (int64_t i = 0; i < n; i++)
        from[i] = key_of(x[i]);
    for (int shift = 0; shift < 32; shift += RADIX_BITS) {
        sort_by_digit(from, to, n, shift);
        uint32_t *other = from;
        from = to;
        to = other;
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = value_of(from[i]);
}

/* Memory for the projections of two sets on TILE directions, and for sorting one of them. */
typedef struct projections {
    float *a, *b;
    uint32_t *keys;
} projections;

/* 1000 times the mean over directions of the mean |difference| of sorted projections; -1 where `stop`
 * says so. */
static double distance(const patches *a, const patches *b, int level, uint64_t seed,
                       const projections *room, gcl_stop stop)
{
    float directions[PATCH * PATCH * 3 * TILE];
    double sum = 0;
    for (int first = 0; first < DIRECTIONS; first += TILE) {
        if (stop != NULL && stop())
            return -1;
        draw_directions(directions, a->size, first, level, seed);
        project(a, directions, room->a);
        project(b, directions, room->b);
        for (int d = 0; d < TILE; d++) {
            float *x = room->a + d * a->n, *y = room->b + d * a->n;
            double apart = 0;
            sort(x, a->n, room->keys);
            sort(y, a->n, room->keys);
            for (int64_t i = 0; i < a->n; i++)
                apart += fabs((double)x[i] - (double)y[i]);
            sum += apart / (double)a->n;
        }
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
                           uint64_t seed, double *levels, int most_levels, gcl_stop stop,
                           gcl_error *err)
{
    int size = PATCH * PATCH * c, level = 0, more = 1;
    size_t count = (size_t)n * PATCHES, values = count * (size_t)size;
    size_t area = (size_t)(side * side * c);
    float *all = gcl_try_alloc((2 * values + 2 * TILE * count + 6 * area) * sizeof *all,
                               "patches of pictures", err);
    uint32_t *keys =
        all != NULL ? gcl_try_alloc(2 * count * sizeof *keys, "patches of pictures", err) : NULL;
    if (keys == NULL) {
        free(all);
        return -1;
    }
    patches of_a = {all, (int64_t)count, size, c}, of_b = {all + values, (int64_t)count, size, c};
    projections room = {all + 2 * values, all + 2 * values + TILE * count, keys};
    float *pyramid = room.b + TILE * count;
    for (int now = side; level < most_levels && more; now /= 2, level++) {
        patches_of(&of_a, a, n, side, level, seed, pyramid);
        patches_of(&of_b, b, n, side, level, seed, pyramid);
        levels[level] = distance(&of_a, &of_b, level, seed, &room, stop);
        more = can_halve(now);
        if (levels[level] < 0) {
            level = 0;
            break;
        }
    }
    free(all);
    free(keys);
    return level;
}
