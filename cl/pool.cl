/* Sums over windows of k x k pixels without overlap, and the adjoint: each pixel k x k times.
 *
 *     sum_pool  y[n,p,q,c] = sum_{a,b < k} x[n, k p + a, k q + b, c]
 *     repeat    y[n,h,w,c] = x[n, h / k, w / k, c], 0 beyond x
 *
 * N,H,W,C is the shape of y, XH,XW that of x. Two forms of each:
 *     *_items  work-item i of dimension 0 makes V channels of y from element i V on; V divides C.
 *              The surplus returns at once.
 *     *_rows   work-item (strip, h, n) makes the pixels strip WB .. of one row of y (CPUs); V any.
 * No local memory. */
#include "move.cl"

#define TENSORS                                                                                    \
    __global const float *restrict x_base, const ulong x_at, __global float *restrict y_base,      \
        const ulong y_at, const int N, const int H, const int W, const int C, const int XH,        \
        const int XW, const int window

/* Sums of window x window pixels from x on, their rows `pitch` floats apart. */
static floatv sum_of(__global const float *x, int window, int C, ulong pitch)
{
    floatv sum = (floatv)(0.0f);
    for (int a = 0; a < window; a++)
        for (int b = 0; b < window; b++)
            sum += LOADV(x + a * pitch + b * C);
    return sum;
}

static float sum_of_one(__global const float *x, int window, int C, ulong pitch)
{
    float sum = 0.0f;
    for (int a = 0; a < window; a++)
        for (int b = 0; b < window; b++)
            sum += x[a * pitch + b * C];
    return sum;
}

__kernel void sum_pool_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V;
    rest /= vectors;
    const int q = (int)(rest % W);
    rest /= W; /* n H + p */
    if (rest >= (INDEX)N * H)
        return;
    const ulong at = (ulong)item * V, row = (ulong)(rest / H) * XH + (ulong)(rest % H) * window;
    const floatv v = sum_of(x_base + x_at + (row * XW + (ulong)q * window) * C + k, window, C,
                            (ulong)XW * C);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel void repeat_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V;
    rest /= vectors;
    const int w = (int)(rest % W) / window;
    rest /= W;
    const int h = (int)(rest % H) / window;
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const ulong at = (ulong)item * V;
    floatv v = (floatv)(0.0f);
    if (h < XH && w < XW)
        v = LOADV(x_base + x_at + (((ulong)rest * XH + h) * XW + w) * C + k);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void sum_pool_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int p = (int)get_global_id(1), n = (int)get_global_id(2);
    const ulong pitch = (ulong)XW * C;
    __global const float *row = x_base + x_at + ((ulong)n * XH + (ulong)p * window) * pitch;
    __global float *y = y_base + y_at;
    for (int q = begin; q < end; q++) {
        __global const float *x = row + (ulong)q * window * C;
        const ulong at = (((ulong)n * H + p) * W + q) * C;
        int k = 0;
        for (; k + V <= C; k += V) {
            const floatv v = sum_of(x + k, window, C, pitch);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < C; k++) {
            const float v = sum_of_one(x + k, window, C, pitch);
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void repeat_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2), xh = h / window;
    __global const float *row = x_base + x_at + ((ulong)n * XH + min(xh, XH - 1)) * XW * C;
    __global float *y = y_base + y_at;
    int xw = begin / window, next = (xw + 1) * window;
    for (int w = begin; w < end; w++) {
        if (w == next)
            xw++, next += window;
        const int there = xh < XH && xw < XW;
        __global const float *x = row + (ulong)min(xw, XW - 1) * C;
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        int k = 0;
        for (; k + V <= C; k += V) {
            floatv v = LOADV(x + k);
            if (!there)
                v = (floatv)(0.0f);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < C; k++) {
            const float v = there ? x[k] : 0.0f;
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}
