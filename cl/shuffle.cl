/* Pixel shuffle, channels to pixels, and its inverse.
 *
 *     pixel_shuffle    y[n, r h + a, r w + b, c] = x[n, h, w, c r r + a r + b]
 *     pixel_unshuffle  the other way
 *
 * N,H,W,C is the shape of the result, XH,XW,XC that of the operand. Two forms of each:
 *     *_items  work-item i of dimension 0 makes element i. The surplus returns at once.
 *     *_rows   work-item (strip, h, n) makes the pixels strip WB .. of one row (CPUs); for r = 2 in
 *              vectors, 4 V channels of a small pixel being V channels of four large ones.
 * No local memory. */
#include "move.cl"

#if V == 2 /* half a vector */
#define HALF
#elif V == 4
#define HALF 2
#elif V == 8
#define HALF 4
#elif V == 16
#define HALF 8
#endif

#define TENSORS                                                                                    \
    __global const float *restrict x_base, const ulong x_at, __global float *restrict y_base,      \
        const ulong y_at, const int N, const int H, const int W, const int C, const int XH,        \
        const int XW, const int XC, const int r

__kernel void pixel_shuffle_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0);
    INDEX rest = item;
    const int k = (int)(rest % C);
    rest /= C;
    const int w = (int)(rest % W);
    rest /= W;
    const int h = (int)(rest % H);
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const ulong at = item, pixel = ((ulong)rest * XH + h / r) * XW + w / r;
    const float v = x_base[x_at + pixel * XC + (k * r + h % r) * r + w % r];
    y_base[y_at + at] = EPILOGUE(v, at, k, float, LOAD1);
}

__kernel void pixel_unshuffle_items(TENSORS EPILOGUE_PARAMS)
{
    const INDEX item = (INDEX)get_global_id(0);
    INDEX rest = item;
    const int k = (int)(rest % C), c = k / (r * r), ab = k % (r * r);
    rest /= C;
    const int w = (int)(rest % W) * r + ab % r;
    rest /= W;
    const int h = (int)(rest % H) * r + ab / r;
    rest /= H;
    if (rest >= (INDEX)N)
        return;
    const ulong at = item;
    const float v = x_base[x_at + (((ulong)rest * XH + h) * XW + w) * XC + c];
    y_base[y_at + at] = EPILOGUE(v, at, k, float, LOAD1);
}

#if V > 1
/* Every second element of two vectors, from the first or the second on; and the other way. */
static floatv evens(floatv a, floatv b)
{
    return (floatv)(a.even, b.even);
}

static floatv odds(floatv a, floatv b)
{
    return (floatv)(a.odd, b.odd);
}

static floatv interleave(PASTE(float, HALF) a, PASTE(float, HALF) b)
{
    floatv result;
    result.even = a;
    result.odd = b;
    return result;
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pixel_shuffle_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2);
    __global const float *row = x_base + x_at + ((ulong)n * XH + h / r) * XW * XC + h % r * r;
    __global float *y = y_base + y_at;
    int xw = begin / r, b = begin % r;
    for (int w = begin; w < end; w++) {
        __global const float *x = row + (ulong)xw * XC + b;
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        int k = 0;
#if V > 1
        for (; r == 2 && k + V <= C; k += V) { /* from row + 4 k: channels of both columns */
            __global const float *from = row - h % 2 * 2 + (ulong)xw * XC + 4 * k;
            const floatv v0 = LOADV(from), v1 = LOADV(from + V), v2 = LOADV(from + 2 * V),
                         v3 = LOADV(from + 3 * V);
            const floatv low = b == 0 ? evens(v0, v1) : odds(v0, v1);
            const floatv high = b == 0 ? evens(v2, v3) : odds(v2, v3);
            const floatv v = h % 2 == 0 ? evens(low, high) : odds(low, high);
            STOREV(EPILOGUE(v, at + k, k, floatv, LOADV), y + at + k);
        }
#endif
        for (; k < C; k++) {
            const float v = x[k * r * r];
            y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
        }
        if (++b == r)
            b = 0, xw++;
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pixel_unshuffle_rows(TENSORS, const int WB EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * WB, end = min(begin + WB, W);
    const int h = (int)get_global_id(1), n = (int)get_global_id(2);
    const ulong pitch = (ulong)XW * XC;
    __global const float *row = x_base + x_at + ((ulong)n * XH + (ulong)h * r) * pitch;
    __global float *y = y_base + y_at;
    for (int w = begin; w < end; w++) {
        __global const float *x = row + (ulong)w * r * XC;
        const ulong at = (((ulong)n * H + h) * W + w) * C;
        int k = 0, c = 0;
#if V > 1
        for (; r == 2 && c + V <= XC; c += V) {
            const floatv v00 = LOADV(x + c), v01 = LOADV(x + XC + c);
            const floatv v10 = LOADV(x + pitch + c), v11 = LOADV(x + pitch + XC + c);
            const floatv even[2] = {interleave(v00.lo, v10.lo), interleave(v00.hi, v10.hi)};
            const floatv odd[2] = {interleave(v01.lo, v11.lo), interleave(v01.hi, v11.hi)};
            #pragma unroll
            for (int i = 0; i < 2; i++) {
                const floatv low = interleave(even[i].lo, odd[i].lo);
                const floatv high = interleave(even[i].hi, odd[i].hi);
                STOREV(EPILOGUE(low, at + k, k, floatv, LOADV), y + at + k);
                k += V;
                STOREV(EPILOGUE(high, at + k, k, floatv, LOADV), y + at + k);
                k += V;
            }
        }
#endif
        for (; c < XC; c++)
            for (int a = 0; a < r; a++)
                for (int b = 0; b < r; b++, k++) {
                    const float v = x[a * pitch + b * XC + c];
                    y[at + k] = EPILOGUE(v, at + k, k, float, LOAD1);
                }
    }
}
