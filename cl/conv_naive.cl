/* Convolution and its two adjoints, one output element a work-item: always applies; the oracle on
 * the device for the faster families.
 *
 *     conv         y[n,p,q,k] = sum_{r,s,c} x[n,h,w,c] f[r,s,c,k]     h = p stride_h + r - pad_h
 *     conv_data    x[n,h,w,c] = sum_{r,s,k} y[n,p,q,k] f[r,s,c,k]     w = q stride_w + s - pad_w
 *     conv_weight  f[r,s,c,k] = sum_{n,p,q} x[n,h,w,c] y[n,p,q,k]     outside of x: nothing
 *
 * Work-item i of dimension 0 makes element i of the output; the surplus of the rounded-up global
 * size returns at once. No local memory. mad() rather than fma(): see cl/tile.cl. */
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
    const int N, const int H, const int W, const int C, const int K, const int P, const int Q,     \
        const int R, const int S, const int stride_h, const int stride_w, const int pad_h,         \
        const int pad_w

__kernel void conv_naive(TENSORS, GEOMETRY EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)N * P * Q * K)
        return;
    const int k = (int)(at % K), q = (int)(at / K % Q), p = (int)(at / K / Q % P);
    const ulong n = at / K / Q / P;
    __global const float *x = first_base + first_at + n * H * W * C;
    __global const float *f = second_base + second_at + k;
    float sum = 0.0f;
    for (int r = 0; r < R; r++) {
        for (int s = 0; s < S; s++) {
            const int h = p * stride_h + r - pad_h, w = q * stride_w + s - pad_w;
            if (h < 0 || h >= H || w < 0 || w >= W)
                continue;
            for (int c = 0; c < C; c++)
                sum = mad(x[((ulong)h * W + w) * C + c], f[((ulong)(r * S + s) * C + c) * K], sum);
        }
    }
    out_base[out_at + at] = EPILOGUE(sum, at, k, float, LOAD1);
}

__kernel void conv_data_naive(TENSORS, GEOMETRY EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)N * H * W * C)
        return;
    const int c = (int)(at % C), w = (int)(at / C % W), h = (int)(at / C / W % H);
    const ulong n = at / C / W / H;
    __global const float *y = first_base + first_at + n * P * Q * K;
    __global const float *f = second_base + second_at + (ulong)c * K;
    float sum = 0.0f;
    for (int r = 0; r < R; r++) {
        for (int s = 0; s < S; s++) {
            const int up = h + pad_h - r, left = w + pad_w - s;
            const int p = up / stride_h, q = left / stride_w;
            if (up < 0 || left < 0 || up % stride_h || left % stride_w || p >= P || q >= Q)
                continue;
            for (int k = 0; k < K; k++)
                sum = mad(y[((ulong)p * Q + q) * K + k], f[(ulong)(r * S + s) * C * K + k], sum);
        }
    }
    out_base[out_at + at] = EPILOGUE(sum, at, c, float, LOAD1);
}

__kernel void conv_weight_naive(TENSORS, GEOMETRY EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)R * S * C * K)
        return;
    const int k = (int)(at % K), c = (int)(at / K % C);
    const int s = (int)(at / K / C % S), r = (int)(at / K / C / S);
    __global const float *x = first_base + first_at + c;
    __global const float *y = second_base + second_at + k;
    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        for (int p = 0; p < P; p++) {
            for (int q = 0; q < Q; q++) {
                const int h = p * stride_h + r - pad_h, w = q * stride_w + s - pad_w;
                if (h < 0 || h >= H || w < 0 || w >= W)
                    continue;
                sum = mad(x[(((ulong)n * H + h) * W + w) * C], y[(((ulong)n * P + p) * Q + q) * K],
                          sum);
            }
        }
    }
    out_base[out_at + at] = EPILOGUE(sum, at, k, float, LOAD1);
}
