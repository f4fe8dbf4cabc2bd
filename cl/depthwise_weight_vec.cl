/* The weight gradient of a depthwise convolution, for devices that run one work-item at a time.
 *
 *     f[r,s,c] = sum_{n,p,q} x[n, p + r - pad_h, q + s - pad_w, c] y[n,p,q,c]
 *
 * Vectors run along c. A work-item sums CC channels over a group of rows (n,p). It takes QB pixels
 * of y into registers, and for each row of taps S sums from local memory: QB + S - 1 loads of x
 * serve S QB fma. As it does so for all vectors of these pixels, x and y are read from memory in
 * long runs, once, and x again from the cache, where R of its rows should fit. The sums of a
 * work-item are
 *     sums[vector][r][s][V],   written to   part[group][r][s][C rounded up to V]
 * and cl/sum_vec.cl adds the groups, in order.
 *
 * Work-items: chunk of channels, group; work-group size 1. V is at most C: where it does not divide
 * CC, the last vector begins earlier. Local memory: CC R S floats, CC rounded up to V. Registers:
 * S + QB + 1 vectors. */
#ifndef S /* taps in a row of the filter: 1 to 16 */
#define S 5
#endif
#ifndef QB /* pixels of y in registers: 1 to 12 */
#define QB 8
#endif
#include "vec.cl"

/* sums[s] += sum_j x[j + s] y[j]. x: column w, maybe beside the picture, of a row; `inner`: all of
 * the QB + S - 1 columns are there. */
static void add_row(__local float *sums, __global const float *x, const floatv *y, int w, int W,
                    int C, int inner)
{
    floatv acc[S];
    #pragma unroll
    for (int s = 0; s < S; s++)
        acc[s] = LOADV(sums + s * V);
    #pragma unroll
    for (int i = 0; i < QB + S - 1; i++) {
        if (!inner && (w + i < 0 || w + i >= W))
            continue;
        const floatv pixel = LOADV(x + (long)i * C);
        #pragma unroll
        for (int s = 0; s < S; s++)
            if (i - s >= 0 && i - s < QB)
                acc[s] = fma(pixel, y[i - s], acc[s]);
    }
    #pragma unroll
    for (int s = 0; s < S; s++)
        STOREL(acc[s], sums + s * V);
}

/* Adds the products of QB pixels of y, of which `columns` exist, with the rows 0 .. rows - 1 of x.
 * */
static void add_block(__local float *sums, __global const float *x, __global const float *y, int w,
                      int W, int C, int rows, int columns)
{
    floatv value[QB];
    #pragma unroll
    for (int j = 0; j < QB; j++) {
        value[j] = (floatv)(0.0f);
        if (j < columns)
            value[j] = LOADV(y + (long)j * C);
    }
    if (w >= 0 && w + QB + S - 1 <= W)
        for (int r = 0; r < rows; r++)
            add_row(sums + r * S * V, x + (long)r * W * C, value, w, W, C, 1);
    else
        for (int r = 0; r < rows; r++)
            add_row(sums + r * S * V, x + (long)r * W * C, value, w, W, C, 0);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void depthwise_weight_vec(__global const float *x_base, ulong x_at, __global const float *y_base,
                          ulong y_at, __global float *part_base, ulong part_at, int N, int H, int W,
                          int C, int P, int Q, int R, int pad_h, int pad_w, int CC,
                          __local float *sums)
{
    const int c0 = (int)get_global_id(0) * CC, c1 = min(c0 + CC, C), taps = R * S;
    const long groups = (long)get_global_size(1), g = (long)get_global_id(1), all = (long)N * P;
    const int pitch = (C + V - 1) / V * V;
    __global const float *x = x_base + x_at, *y = y_base + y_at;
    __global float *part = part_base + part_at + (ulong)g * taps * pitch;

    for (int i = 0; i < (c1 - c0 + V - 1) / V * taps * V; i++)
        sums[i] = 0.0f;
    for (long np = all * g / groups; np < all * (g + 1) / groups; np++) {
        const int h = (int)(np % P) - pad_h, r0 = max(0, -h), rows = min(R, H - h) - r0;
        for (int q = 0; q < Q; q += QB) {
            const long pixel = (np / P * H + h + r0) * W + q - pad_w;
            for (int c = c0; c < c1; c += V) {
                const int k = min(c, C - V); /* the last vector may overlap the one before */
                add_block(sums + (c - c0) * taps + r0 * S * V, x + pixel * C + k,
                          y + (np * Q + q) * C + k, q - pad_w, W, C, rows, Q - q);
            }
        }
    }
    for (int c = c0; c < c1; c += V) {
        const int k = min(c, C - V);
        for (int tap = 0; tap < taps; tap++)
            STOREV(LOADV(sums + (c - c0) * taps + tap * V), part + (long)tap * pitch + k);
    }
}
