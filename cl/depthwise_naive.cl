/* Depthwise convolution and its weight gradient, one output element a work-item: always applies.
 *
 *     depthwise         y[n,p,q,c] = sum_{r,s} x[n,h,w,c] f[r,s,c]       h = p + r - pad_h
 *     depthwise_weight  f[r,s,c] = sum_{n,p,q} x[n,h,w,c] y[n,p,q,c]     w = q + s - pad_w
 *
 * Outside of x: nothing. `turned`: f[R-1-r, S-1-s, c] instead. Work-item i of dimension 0 makes
 * element i of the output; the surplus of the rounded-up global size returns at once. No local
 * memory. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif
#define LOAD1(p) (*(p))

#define TENSORS                                                                                    \
    __global const float *restrict first_base, const ulong first_at,                               \
        __global const float *restrict second_base, const ulong second_at,                         \
        __global float *restrict out_base, const ulong out_at
#define GEOMETRY                                                                                   \
    const int N, const int H, const int W, const int C, const int P, const int Q, const int R,     \
        const int S, const int pad_h, const int pad_w

__kernel void depthwise_naive(TENSORS, GEOMETRY, const int turned EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)N * P * Q * C)
        return;
    const int c = (int)(at % C), q = (int)(at / C % Q), p = (int)(at / C / Q % P);
    const ulong n = at / C / Q / P;
    __global const float *x = first_base + first_at + n * H * W * C + c;
    __global const float *f = second_base + second_at + c;
    float sum = 0.0f;
    for (int r = 0; r < R; r++) {
        for (int s = 0; s < S; s++) {
            const int h = p + r - pad_h, w = q + s - pad_w;
            if (h < 0 || h >= H || w < 0 || w >= W)
                continue;
            const int tap = turned ? R * S - 1 - (r * S + s) : r * S + s;
            sum = fma(x[((ulong)h * W + w) * C], f[(ulong)tap * C], sum);
        }
    }
    out_base[out_at + at] = EPILOGUE(sum, at, c, float, LOAD1);
}

__kernel void depthwise_weight_naive(TENSORS, GEOMETRY EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)R * S * C)
        return;
    const int c = (int)(at % C), s = (int)(at / C % S), r = (int)(at / C / S);
    __global const float *x = first_base + first_at + c;
    __global const float *y = second_base + second_at + c;
    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        for (int p = 0; p < P; p++) {
            for (int q = 0; q < Q; q++) {
                const int h = p + r - pad_h, w = q + s - pad_w;
                if (h < 0 || h >= H || w < 0 || w >= W)
                    continue;
                sum = fma(x[(((ulong)n * H + h) * W + w) * C], y[(((ulong)n * P + p) * Q + q) * C],
                          sum);
            }
        }
    }
    out_base[out_at + at] = EPILOGUE(sum, at, c, float, LOAD1);
}
