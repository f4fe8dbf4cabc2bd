/* Depthwise convolution of few channels (the windows of image measures), for devices that run one
 * work-item at a time (CPUs). A row of pixels is one array e = q C + c, along which vectors run:
 *
 *     y[n,p,e] = sum_{r,s} x[n, p + r - pad_h, e + (s - pad_w) C] f[r,s, e % C]
 *
 * or with f[R-1-r, S-1-s, e % C], `turned`. A work-item makes a band of BAND rows of one picture. R
 * rows of x lie in local memory (plain cache, on a CPU) with the zeros beside them, as does a tap's
 * row of filters, long enough for a vector that begins at any channel:
 *     rows[h % R][pad_w C + w C + c],   taps[r][s][i] = f[r,s, i % C], i < V + C
 * MR vectors are accumulated in registers.
 *
 * Work-items: band, picture; work-group size 1. Local memory: R pitch + R S (V + C) floats. */
#ifndef MR /* vectors of a register block: 1 to 8 */
#define MR 4
#endif
#include "vec.cl"

static void copy(__local float *to, __global const float *from, int n)
{
    int i = 0;
    for (; i + V <= n; i += V)
        STOREL(LOADV(from + i), to + i);
    for (; i < n; i++)
        to[i] = from[i];
}

/* acc[m] = the sums at e + m V. x: the ring's elements at e; the first row in slot `slot`, `count`
 * rows from the filter's row r0 on. */
static void block(floatv *acc, __local const float *x, __local const float *taps, int e, int slot,
                  int r0, int count, int R, int S, int C, int pitch)
{
    int phase[MR];
    #pragma unroll
    for (int m = 0; m < MR; m++) {
        acc[m] = (floatv)(0.0f);
        phase[m] = (e + m * V) % C;
    }
    for (int r = r0; r < r0 + count; r++) {
        __local const float *row = x + slot * pitch;
        __local const float *f = taps + r * S * (V + C);
        for (int s = 0; s < S; s++, row += C, f += V + C) {
            #pragma unroll
            for (int m = 0; m < MR; m++)
                acc[m] = fma(LOADV(row + m * V), LOADV(f + phase[m]), acc[m]);
        }
        slot = slot + 1 == R ? 0 : slot + 1;
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void depthwise_narrow(__global const float *x_base, ulong x_at, __global const float *f_base,
                      ulong f_at, __global float *y_base, ulong y_at, int H, int W, int C, int P,
                      int Q, int R, int S, int pad_h, int pad_w, int turned, int BAND, int pitch,
                      __local float *rows, __local float *taps)
{
    const int first = (int)get_global_id(0) * BAND, end = min(first + BAND, P);
    const int n = (int)get_global_id(1);
    __global const float *x = x_base + x_at + (ulong)n * H * W * C, *f = f_base + f_at;
    __global float *y = y_base + y_at + (ulong)n * P * Q * C;

    for (int tap = 0; tap < R * S; tap++)
        for (int i = 0; i < V + C; i++)
            taps[tap * (V + C) + i] = f[(turned ? R * S - 1 - tap : tap) * C + i % C];
    for (int i = 0; i < R * pitch; i++)
        rows[i] = 0.0f;
    int next = max(0, first - pad_h); /* row of x that is to be copied next */
    for (int p = first; p < end; p++) {
        const int h0 = max(0, p - pad_h), h1 = min(H, p - pad_h + R);
        for (; next < h1; next++)
            copy(rows + next % R * pitch + pad_w * C, x + (long)next * W * C, W * C);
        for (int e = 0; e < Q * C; e += MR * V) {
            floatv acc[MR];
            block(acc, rows + e, taps, e, h0 % R, h0 - (p - pad_h), h1 - h0, R, S, C, pitch);
            #pragma unroll
            for (int m = 0; m < MR; m++) {
                const int at = e + m * V, left = Q * C - at;
                __global float *to = y + (long)p * Q * C + at;
                union { floatv v; float of[V]; } lanes = {acc[m]};
                if (left >= V)
                    STOREV(acc[m], to);
                else
                    for (int i = 0; i < left; i++)
                        to[i] = lanes.of[i];
            }
        }
    }
}
