/* Depthwise convolution for devices that run one work-item at a time (CPUs).
 *
 *     y[n,p,q,c] = sum_{r,s} x[n, p + r - pad_h, q + s - pad_w, c] f[r,s,c]
 *
 * or with f[R-1-r, S-1-s, c], `turned`. Vectors run along c. PB x QB outputs are accumulated in
 * registers: QB + S - 1 loads of a row of x serve S QB PB fma. A work-item makes a band of BAND
 * rows of CC channels of one picture, block by block, and of each block all vectors: so x is read
 * from memory in long runs, once, and again from the cache, where R + PB - 1 of its rows should
 * fit.
 *
 * Work-items: chunk of channels, band, picture; work-group size 1. V is at most C: where it does
 * not divide CC, the last vector begins earlier and stores what is missing. No local memory.
 * Registers: PB QB + QB + S vectors. */
#ifndef S /* taps in a row of the filter: 1 to 16 */
#define S 5
#endif
#ifndef PB /* rows and columns of a register block: 1 or 2; 1 to 16 */
#define PB 2
#endif
#ifndef QB
#define QB 8
#endif
#include "vec.cl"

/* QB + S - 1 pixels of a row, the first in column w; those beside the picture are zero. */
static void load_row(floatv *row, __global const float *x, int w, int W, int C)
{
    if (w >= 0 && w + QB + S - 1 <= W) {
        #pragma unroll
        for (int j = 0; j < QB + S - 1; j++)
            row[j] = LOADV(x + (long)j * C);
        return;
    }
    #pragma unroll
    for (int j = 0; j < QB + S - 1; j++) {
        row[j] = (floatv)(0.0f);
        if (w + j >= 0 && w + j < W)
            row[j] = LOADV(x + (long)j * C);
    }
}

/* Adds a row of x to the outputs of one row: acc[q] += sum_s x[q + s] f[s]. */
static void add_row(floatv *acc, const floatv *x, __global const float *f, int tap_step)
{
    #pragma unroll
    for (int s = 0; s < S; s++) {
        const floatv tap = LOADV(f + s * tap_step);
        #pragma unroll
        for (int q = 0; q < QB; q++)
            acc[q] = fma(x[q + s], tap, acc[q]);
    }
}

/* PB x QB outputs. x: the pixel, maybe beside the picture, of the first output's first tap, which
 * is row h and column w. f: the first tap. */
static void block(floatv acc[PB][QB], __global const float *x, __global const float *f, int h,
                  int w, int H, int W, int C, int R, int tap_step)
{
    #pragma unroll
    for (int b = 0; b < PB; b++)
        #pragma unroll
        for (int q = 0; q < QB; q++)
            acc[b][q] = (floatv)(0.0f);
    const int end = min(R + PB - 1, H - h);
    for (int i = max(0, -h); i < end; i++) {
        floatv row[QB + S - 1];
        load_row(row, x + (long)i * W * C, w, W, C);
        #pragma unroll
        for (int b = 0; b < PB; b++)
            if (i >= b && i - b < R)
                add_row(acc[b], row, f + (i - b) * S * tap_step, tap_step);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void depthwise_vec(__global const float *x_base, ulong x_at, __global const float *f_base,
                   ulong f_at, __global float *y_base, ulong y_at, int H, int W, int C, int P,
                   int Q, int R, int pad_h, int pad_w, int turned, int BAND, int CC
                   EPILOGUE_PARAMS)
{
    const int c0 = (int)get_global_id(0) * CC, c1 = min(c0 + CC, C);
    const int first = (int)get_global_id(1) * BAND, end = min(first + BAND, P);
    const int n = (int)get_global_id(2), tap_step = turned ? -C : C;
    __global const float *x = x_base + x_at + (ulong)n * H * W * C;
    __global const float *f = f_base + f_at + (turned ? (R * S - 1) * C : 0);
    __global float *y = y_base + y_at;

    for (int p = first; p < end; p += PB) {
        for (int q = 0; q < Q; q += QB) {
            const int h = p - pad_h, w = q - pad_w, columns = min(QB, Q - q);
            const ulong pixel = ((ulong)n * P + p) * Q + q;
            for (int c = c0; c < c1; c += V) {
                const int k = min(c, C - V); /* the last vector may overlap the one before */
                floatv acc[PB][QB];
                block(acc, x + ((long)h * W + w) * C + k, f + k, h, w, H, W, C, R, tap_step);
                #pragma unroll
                for (int b = 0; b < PB; b++) {
                    if (p + b >= end)
                        continue;
                    #pragma unroll
                    for (int j = 0; j < QB; j++) {
                        const ulong at = (pixel + (ulong)b * Q + j) * C + k;
                        if (j >= columns)
                            continue;
                        if (k == c) {
                            STOREV(EPILOGUE(acc[b][j], at, k, floatv, LOADV), y + at);
                            continue;
                        }
                        union { floatv v; float of[V]; } lanes = {acc[b][j]};
                        for (int i = c - k; i < V; i++)
                            y[at + i] = EPILOGUE(lanes.of[i], at + i, k + i, float, LOAD1);
                    }
                }
            }
        }
    }
}
