/* Boxes of a tensor: slice copies the box of x that starts at `begin`, pad is its adjoint: zeros
 * with x put at `begin`.
 *
 *     slice  y[n,h,w,c] = x[n + n0, h + h0, w + w0, c + c0]
 *     pad    y[n,h,w,c] = x[n - n0, h - h0, w - w0, c - c0], 0 outside of x
 *
 * The offset is an argument with a sign: out index + offset = x index. N,H,W,C is the shape of y,
 * XN,XH,XW,XC that of x; begin in an offset is negative for pad. Two forms:
 *     box_naive  work-item i of dimension 0 makes element i (GPUs: neighbours touch neighbours)
 *     box_rows   work-item (h, n) makes one row y[n,h,:,:] in runs of c (CPUs)
 * The surplus of a rounded-up global size returns at once. No local memory. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif
#define LOAD1(p) (*(p))
#define LOAD8(p) vload8(0, p)

#define BOX                                                                                        \
    __global const float *restrict x_base, const ulong x_at, __global float *restrict y_base,      \
        const ulong y_at, const int N, const int H, const int W, const int C, const int XN,        \
        const int XH, const int XW, const int XC, const int n0, const int h0, const int w0,        \
        const int c0

static int inside(int i, int n)
{
    return i >= 0 && i < n;
}

__kernel void box_naive(BOX EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)N * H * W * C)
        return;
    const int k = (int)(at % C);
    const int c = k + c0, w = (int)(at / C % W) + w0, h = (int)(at / C / W % H) + h0;
    const int n = (int)(at / C / W / H) + n0;
    float v = 0.0f;
    if (inside(n, XN) && inside(h, XH) && inside(w, XW) && inside(c, XC))
        v = x_base[x_at + (((ulong)n * XH + h) * XW + w) * XC + c];
    y_base[y_at + at] = EPILOGUE(v, at, k, float, LOAD1);
}

__kernel void box_rows(BOX EPILOGUE_PARAMS)
{
    const int h = (int)get_global_id(0), n = (int)get_global_id(1);
    const int xh = h + h0, xn = n + n0;
    if (h >= H)
        return;
    for (int w = 0; w < W; w++) {
        const int xw = w + w0;
        /* The run of channels that x has: y[first .. last). */
        const int there = inside(xn, XN) && inside(xh, XH) && inside(xw, XW);
        const int first = there ? clamp(-c0, 0, C) : C;
        const int last = there ? clamp(XC - c0, first, C) : C;
        const ulong pixel = (((ulong)n * H + h) * W + w) * C;
        __global const float *x = x_base + x_at;
        const ulong x_pixel = there ? (((ulong)xn * XH + xh) * XW + xw) * XC : 0;
        int k = 0;
        for (; k < first; k++)
            y_base[y_at + pixel + k] = EPILOGUE(0.0f, pixel + k, k, float, LOAD1);
        for (; k + 8 <= last; k += 8) {
            const float8 v = vload8(0, x + x_pixel + (k + c0));
            vstore8(EPILOGUE(v, pixel + k, k, float8, LOAD8), 0, y_base + y_at + pixel + k);
        }
        for (; k < last; k++) {
            const float v = x[x_pixel + (k + c0)];
            y_base[y_at + pixel + k] = EPILOGUE(v, pixel + k, k, float, LOAD1);
        }
        for (; k < C; k++)
            y_base[y_at + pixel + k] = EPILOGUE(0.0f, pixel + k, k, float, LOAD1);
    }
}
