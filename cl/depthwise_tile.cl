/* Depthwise convolution and its weight gradient for GPUs.
 *
 *     depthwise_tile         y[n,p,q,c] = sum_{r,s} x[n,h,w,c] f[r,s,c]       h = p + r - pad_h
 *     depthwise_weight_tile  f[r,s,c] = sum_{n,p,q} x[n,h,w,c] y[n,p,q,c]     w = q + s - pad_w
 *
 * the first also with f[R-1-r, S-1-s, c], `turned`.
 *
 * Neighbouring work-items take neighbouring channels, so that they read and write memory together.
 * A work-group is LC channels x LQ strips of QB columns.
 *     depthwise_tile: a work-item makes QB outputs of PB rows: QB + S - 1 loads of a row of x serve
 *     S QB PB fma; what strips and rows share comes from the cache. Work-items: channel, strip, row
 *     block of a picture.
 *     depthwise_weight_tile: a work-item sums one row of taps r over the strips l, l + LQ ... of a
 *     group of rows (n,p), QB columns at a time; the LQ sums of a work-group are added in local
 *     memory, in the order of l, and go to part[group][r][s][C]; cl/split_sum.cl adds the groups.
 *     Work-items: channel, l, group x r.
 * Local memory (weights): LC LQ S floats. Registers: PB QB + QB + S, or S + 2 QB + S. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef S /* taps in a row of the filter: 1 to 16 */
#define S 5
#endif
#ifndef PB /* rows of outputs a work-item: 1 to 4 */
#define PB 2
#endif
#ifndef QB /* columns: 1 to 8 */
#define QB 4
#endif
#ifndef LC /* work-items along channels and along strips */
#define LC 32
#endif
#ifndef LQ
#define LQ 4
#endif
#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif
#define LOAD1(p) (*(p))

/* n pixels of a row, the first in column w; those beside the picture are zero. */
static void load_row(float *row, int n, __global const float *x, int w, int W, int C)
{
    #pragma unroll
    for (int j = 0; j < n; j++)
        row[j] = w + j >= 0 && w + j < W ? x[(w + j) * C] : 0.0f;
}

__kernel __attribute__((reqd_work_group_size(LC, LQ, 1)))
void depthwise_tile(__global const float *restrict x_base, const ulong x_at,
                    __global const float *restrict f_base, const ulong f_at,
                    __global float *restrict y_base, const ulong y_at, const int H, const int W,
                    const int C, const int P, const int Q, const int R, const int pad_h,
                    const int pad_w, const int turned EPILOGUE_PARAMS)
{
    const int k = (int)get_global_id(0), q0 = (int)get_global_id(1) * QB;
    const int blocks = (P + PB - 1) / PB, n = (int)get_global_id(2) / blocks;
    const int p0 = (int)get_global_id(2) % blocks * PB;
    if (k >= C || q0 >= Q)
        return;
    const int tap_step = turned ? -C : C;
    __global const float *f = f_base + f_at + k + (turned ? (R * S - 1) * C : 0);
    float acc[PB][QB];
    #pragma unroll
    for (int b = 0; b < PB; b++)
        #pragma unroll
        for (int q = 0; q < QB; q++)
            acc[b][q] = 0.0f;
    const int h0 = p0 - pad_h, end = min(R + PB - 1, H - h0);
    for (int i = max(0, -h0); i < end; i++) {
        float row[QB + S - 1];
        load_row(row, QB + S - 1, x_base + x_at + ((ulong)n * H + (h0 + i)) * W * C + k, q0 - pad_w,
                 W, C);
        #pragma unroll
        for (int b = 0; b < PB; b++) {
            if (i < b || i - b >= R)
                continue;
            __global const float *taps = f + (i - b) * S * tap_step;
            #pragma unroll
            for (int s = 0; s < S; s++) {
                const float tap = taps[s * tap_step];
                #pragma unroll
                for (int q = 0; q < QB; q++)
                    acc[b][q] = fma(row[q + s], tap, acc[b][q]);
            }
        }
    }
    #pragma unroll
    for (int b = 0; b < PB; b++) {
        #pragma unroll
        for (int q = 0; q < QB; q++) {
            if (p0 + b >= P || q0 + q >= Q)
                continue;
            const ulong at = (((ulong)n * P + (p0 + b)) * Q + (q0 + q)) * C + k;
            y_base[y_at + at] = EPILOGUE(acc[b][q], at, k, float, LOAD1);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(LC, LQ, 1)))
void depthwise_weight_tile(__global const float *restrict x_base, const ulong x_at,
                           __global const float *restrict y_base, const ulong y_at,
                           __global float *restrict part_base, const ulong part_at, const int N,
                           const int H, const int W, const int C, const int P, const int Q,
                           const int R, const int pad_h, const int pad_w, const int rows_each)
{
    __local float sums[LQ][S][LC];
    const int k = (int)get_global_id(0), lane = (int)get_local_id(0), l = (int)get_local_id(1);
    const int r = (int)get_global_id(2) % R, g = (int)get_global_id(2) / R;
    const int first = g * rows_each, end = min(first + rows_each, N * P);
    float acc[S];
    #pragma unroll
    for (int s = 0; s < S; s++)
        acc[s] = 0.0f;
    for (int np = first; np < end; np++) {
        const int n = np / P, h = np % P + r - pad_h;
        if (k >= C || h < 0 || h >= H)
            continue;
        __global const float *x = x_base + x_at + ((ulong)n * H + h) * W * C + k;
        __global const float *y = y_base + y_at + (ulong)np * Q * C + k;
        for (int q = l * QB; q < Q; q += LQ * QB) {
            float pixel[QB + S - 1], value[QB];
            load_row(pixel, QB + S - 1, x, q - pad_w, W, C);
            load_row(value, QB, y, q, Q, C);
            #pragma unroll
            for (int s = 0; s < S; s++)
                #pragma unroll
                for (int j = 0; j < QB; j++)
                    acc[s] = fma(pixel[j + s], value[j], acc[s]);
        }
    }
    #pragma unroll
    for (int s = 0; s < S; s++)
        sums[l][s][lane] = acc[s];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int s = l; s < S && k < C; s += LQ) {
        float sum = sums[0][s][lane];
        for (int i = 1; i < LQ; i++)
            sum += sums[i][s][lane];
        part_base[part_at + ((ulong)(g * R + r) * S + s) * C + k] = sum;
    }
}
