/* Bilinear interpolation to twice the size, separable, and its adjoint.
 *
 *     bilinear          y[n,i,j,c] = sum_{h,w} weight(i,h) weight(j,w) x[n,h,w,c]
 *     bilinear_adjoint  x[n,h,w,c] = sum_{i,j} weight(i,h) weight(j,w) y[n,i,j,c]
 *
 * Output i of an axis of m inputs lies at position num / den: i (m-1) / (2m-1) if corners are
 * aligned, else max(0, 2i-1) / 4. With h0 its integer part and t its fraction,
 * weight(i, h0) = s = 1 - t and weight(i, min(h0 + 1, m - 1)) = t, added up where the two are one.
 * So input h is met by the outputs 2h-1 .. 2h+2 at most.
 *
 * N,H,W,C is the shape of the result, XH,XW the size of the operand. Two forms of each:
 *     *_items  work-item i of dimension 0 makes V channels from element i V on; V divides C. The
 *              surplus returns at once.
 *     *_rows   work-item (strip, h, n) makes the pixels strip WB .. of one row (CPUs); V any.
 * No local memory. */
#include "move.cl"

#define TENSORS                                                                                    \
    __global const float *restrict x_base, const ulong x_at, __global float *restrict y_base,      \
        const ulong y_at, const int N, const int H, const int W, const int C, const int XH,        \
        const int XW, const int aligned

/* The two inputs of an output, and their weights. */
typedef struct taps {
    int first, second;
    float s, t;
} taps;

static taps taps_of(int i, int m, int aligned)
{
    const int num = aligned ? i * (m - 1) : max(0, 2 * i - 1), den = aligned ? 2 * m - 1 : 4;
    taps result;
    result.first = num / den;
    result.second = min(result.first + 1, m - 1);
    result.t = (float)(num - result.first * den) / (float)den;
    result.s = (float)(den - (num - result.first * den)) / (float)den;
    return result;
}

/* weight(2h - 1 + tap, h), 0 for outputs that do not exist. */
static float weight(int h, int tap, int m, int aligned)
{
    const int i = 2 * h - 1 + tap;
    if (i < 0 || i >= 2 * m)
        return 0.0f;
    const taps a = taps_of(i, m, aligned);
    return (a.first == h ? a.s : 0.0f) + (a.second == h ? a.t : 0.0f);
}

/* Two neighbours of a row, and two rows a, b of them. T: floatv or float. */
#define ACROSS(T, LOAD, p, w)                                                                      \
    fma((T)((w).t), LOAD((p) + (ulong)(w).second * C),                                             \
        (T)((w).s) * LOAD((p) + (ulong)(w).first * C))
#define INTERPOLATE(T, LOAD, a, b, h, w)                                                           \
    fma((T)((h).t), ACROSS(T, LOAD, b, w), (T)((h).s) * ACROSS(T, LOAD, a, w))

/* The 4 x 4 outputs around input (h, w), from channel k on; those outside have no weight and are
 * not read. y: element [n,0,0,k]. */
#define GATHER(name, T, LOAD)                                                                      \
    static T name(__global const float *y, const float *wh, const float *ww, int h, int w, int XW, \
                  int C)                                                                           \
    {                                                                                              \
        T sum = (T)(0.0f);                                                                         \
        for (int a = 0; a < 4; a++) {                                                              \
            if (wh[a] == 0.0f)                                                                     \
                continue;                                                                          \
            T row = (T)(0.0f);                                                                     \
            __global const float *from = y + ((long)(2 * h - 1 + a) * XW + (2 * w - 1)) * C;       \
            for (int b = 0; b < 4; b++)                                                            \
                if (ww[b] != 0.0f)                                                                 \
                    row = fma((T)(ww[b]), LOAD(from + (long)b * C), row);                          \
            sum = fma((T)(wh[a]), row, sum);                                                       \
        }                                                                                          \
        return sum;                                                                                \
    }
GATHER(gather, floatv, LOADV)
#if V > 1
GATHER(gather_one, float, LOAD1)
#else
#define gather_one gather
#endif

__kernel void bilinear_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V;
    rest /= vectors;
    const taps w = taps_of((int)(rest % W), XW, aligned);
    rest /= W;
    const taps h = taps_of((int)(rest % H), XH, aligned);
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const ulong at = (ulong)item * V, pitch = (ulong)XW * C;
    __global const float *x = x_base + x_at + (ulong)rest * XH * pitch + k;
    __global const float *a = x + h.first * pitch, *b = x + h.second * pitch;
    const floatv v = INTERPOLATE(floatv, LOADV, a, b, h, w);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel void bilinear_adjoint_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0), vectors = C / V;
    INDEX rest = item;
    const int k = (int)(rest % vectors) * V;
    rest /= vectors;
    const int w = (int)(rest % W);
    rest /= W;
    const int h = (int)(rest % H);
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    float wh[4], ww[4];
    for (int tap = 0; tap < 4; tap++) {
        wh[tap] = weight(h, tap, H, aligned);
        ww[tap] = weight(w, tap, W, aligned);
    }
    const ulong at = (ulong)item * V;
    __global const float *x = x_base + x_at + (ulong)rest * XH * XW * C + k;
    const floatv v = gather(x, wh, ww, h, w, XW, C);
    STOREV(EPILOGUE(v, at, k, floatv, LOADV), y_base + y_at + at);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void bilinear_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int i = (int)get_global_id(1), n = (int)get_global_id(2);
    const taps h = taps_of(i, XH, aligned);
    const ulong pitch = (ulong)XW * C;
    __global const float *x = x_base + x_at + (ulong)n * XH * pitch;
    __global const float *a = x + h.first * pitch, *b = x + h.second * pitch;
    __global float *y = y_base + y_at;
    for (int j = begin; j < end; j++) {
        const taps w = taps_of(j, XW, aligned);
        const ulong at = (((ulong)n * H + i) * W + j) * C;
        int k = 0;
        for (; k + V <= C; k += V) {
            const floatv v = INTERPOLATE(floatv, LOADV, a + k, b + k, h, w);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < C; k++) {
            const float v = INTERPOLATE(float, LOAD1, a + k, b + k, h, w);
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void bilinear_adjoint_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2);
    float wh[4], ww[4];
    for (int tap = 0; tap < 4; tap++)
        wh[tap] = weight(h, tap, H, aligned);
    __global const float *x = x_base + x_at + (ulong)n * XH * XW * C;
    __global float *y = y_base + y_at;
    for (int w = begin; w < end; w++) {
        for (int tap = 0; tap < 4; tap++)
            ww[tap] = weight(w, tap, W, aligned);
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        int k = 0;
        for (; k + V <= C; k += V) {
            const floatv v = gather(x + k, wh, ww, h, w, XW, C);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
        for (; k < C; k++) {
            const float v = gather_one(x + k, wh, ww, h, w, XW, C);
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
    }
}
