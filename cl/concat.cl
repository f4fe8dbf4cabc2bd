/* Concatenation over channels of up to four tensors [pixels, Ci] -> [pixels, C]:
 *
 *     y[i, b0 + c] = x0[i, c]   y[i, b1 + c] = x1[i, c]   ...    b0 = 0, b1 = C0, b2 = C0 + C1 ...
 *
 * b1, b2, b3 are arguments, C where there are fewer tensors. Two forms:
 *     concat_items  work-item i of dimension 0 makes the V channels of y from element i V on; V
 *                   divides all Ci. The surplus returns at once.
 *     concat_rows   work-item (strip, h, n) makes the pixels strip WB .. of one row (CPUs); V any.
 * No local memory. */
#include "move.cl"

#define PARTS                                                                                      \
    __global const float *restrict x0, const ulong x0_at, __global const float *restrict x1,       \
        const ulong x1_at, __global const float *restrict x2, const ulong x2_at,                   \
        __global const float *restrict x3, const ulong x3_at, __global float *restrict y_base,     \
        const ulong y_at, const int N, const int H, const int W, const int C, const int b1,        \
        const int b2, const int b3

__kernel void concat_items(PARTS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V, pixel = item / vectors;
    if (pixel >= (INDEX)N * H * W)
        return;
    const int k = (int)(item % vectors) * V;
    const ulong at = (ulong)item * V, i = pixel;
    __global const float *x = x0 + x0_at + i * b1 + k;
    if (k >= b3)
        x = x3 + x3_at + i * (C - b3) + (k - b3);
    else if (k >= b2)
        x = x2 + x2_at + i * (b3 - b2) + (k - b2);
    else if (k >= b1)
        x = x1 + x1_at + i * (b2 - b1) + (k - b1);
    const floatv v = LOADV(x);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void concat_rows(PARTS, const int WB EPILOGUE_PARAMS)
{
    const int first = (int)get_global_id(0) * WB, count = min(WB, W - first);
    const ulong row = ((ulong)get_global_id(2) * H + get_global_id(1)) * W + first;
    __global float *y = y_base + y_at;
    /* Few channels: many pixels of one tensor in turn, or the loops cost more than the copies. */
    const int run = C < 4 * V ? count : 1;
    for (int j = 0; j < 4 * count / run; j++) { /* run times part */
        const int part = j % 4;
        const int begin = part == 0 ? 0 : part == 1 ? b1 : part == 2 ? b2 : b3;
        const int end = part == 0 ? b1 : part == 1 ? b2 : part == 2 ? b3 : C;
        __global const float *base = part == 0   ? x0 + x0_at
                                     : part == 1 ? x1 + x1_at
                                     : part == 2 ? x2 + x2_at
                                                 : x3 + x3_at;
        const ulong from = row + (ulong)(j / 4) * run;
        for (ulong i = from; i < from + run && begin < end; i++) {
            __global const float *x = base + i * (end - begin);
            const ulong at = i * C;
            int k = begin;
            for (; k + V <= end; k += V) {
                const floatv v = LOADV(x + (k - begin));
                STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
            }
            for (; k < end; k++) {
                const float v = x[k - begin];
                y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
            }
        }
    }
}
