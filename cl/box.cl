/* Boxes of a tensor with steps: slice takes every step-th element from `begin` on, pad is its
 * adjoint: zeros with x's elements put that far apart.
 *
 *     slice  y[n,h,w,c] = x[n0 + n sn, h0 + h sh, w0 + w sw, c0 + c sc]
 *     pad    y[n0 + n sn, h0 + h sh, w0 + w sw, c0 + c sc] = x[n,h,w,c], 0 elsewhere
 *
 * N,H,W,C is the shape of y, XN,XH,XW,XC that of x. Two forms of each:
 *     *_items  work-item i of dimension 0 makes V channels of y from element i V on; V divides C,
 *              and for pad c0 and XC; sc is 1 unless V is. The surplus returns at once.
 *     *_rows   work-item (strip, h, n) makes the pixels strip WB .. of one row of y (CPUs); V any.
 * No local memory. */
#include "move.cl"

#define BOX                                                                                        \
    __global const float *restrict x_base, const ulong x_at, __global float *restrict y_base,      \
        const ulong y_at, const int N, const int H, const int W, const int C, const int XN,        \
        const int XH, const int XW, const int XC, const int n0, const int h0, const int w0,        \
        const int c0, const int sn, const int sh, const int sw, const int sc

/* The index i of x with begin + i step == at, or -1. */
static int source(int at, int begin, int step, int n)
{
    const int from = at - begin, i = step == 1 ? from : from / step;
    return from >= 0 && i < n && i * step == from ? i : -1;
}

__kernel void slice_items(BOX EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V;
    rest /= vectors;
    const int w = (int)(rest % W) * sw + w0;
    rest /= W;
    const int h = (int)(rest % H) * sh + h0;
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const int n = (int)rest * sn + n0;
    const ulong at = (ulong)item * V;
    const floatv v = LOADV(x_base + x_at + (((ulong)n * XH + h) * XW + w) * XC + k * sc + c0);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel void pad_items(BOX EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V, c = source(k, c0, sc, XC);
    rest /= vectors;
    const int w = source((int)(rest % W), w0, sw, XW);
    rest /= W;
    const int h = source((int)(rest % H), h0, sh, XH);
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const int n = source((int)rest, n0, sn, XN);
    const ulong at = (ulong)item * V;
    floatv v = (floatv)(0.0f);
    if (n >= 0 && h >= 0 && w >= 0 && c >= 0)
        v = LOADV(x_base + x_at + (((ulong)n * XH + h) * XW + w) * XC + c);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void slice_rows(BOX, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2);
    __global const float *row
        = x_base + x_at + ((ulong)(n * sn + n0) * XH + (h * sh + h0)) * XW * XC + c0;
    __global float *y = y_base + y_at;
    for (int w = begin; w < end; w++) {
        __global const float *x = row + (ulong)(w * sw + w0) * XC;
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        int k = 0;
        for (; sc == 1 && k + V <= C; k += V) {
            const floatv v = LOADV(x + k);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < C; k++) {
            const float v = x[k * sc];
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pad_rows(BOX, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2);
    const int xh = source(h, h0, sh, XH), xn = source(n, n0, sn, XN);
    __global float *y = y_base + y_at;
    for (int w = begin; w < end; w++) {
        const int xw = source(w, w0, sw, XW), there = xn >= 0 && xh >= 0 && xw >= 0;
        __global const float *x
            = x_base + x_at + (there ? (((ulong)xn * XH + xh) * XW + xw) * XC : 0);
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        /* x's channels lie in y[first .. last). */
        const int first = there ? c0 : C, last = there ? c0 + (XC - 1) * sc + 1 : C;
        for (int part = 0; part < 2; part++) {
            int k = part == 0 ? 0 : last;
            const int stop = part == 0 ? first : C;
            for (; k + V <= stop; k += V) {
                const floatv v = (floatv)(0.0f);
                STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
            }
            for (; k < stop; k++)
                y[at + k] = EPILOGUE(0.0f, at + k, k, float, LOAD1);
        }
        int k = first;
        for (; sc == 1 && k + V <= last; k += V) {
            const floatv v = LOADV(x + (k - c0));
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < last; k++) {
            const int c = source(k, c0, sc, XC);
            const float v = c >= 0 ? x[c] : 0.0f;
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}
