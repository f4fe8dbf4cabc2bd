/* Matrix product C[m,n] = sum_k op(A)[m,k] op(B)[k,n], row-major, one output element a work-item:
 * always applies.
 *
 * The strides say what is transposed: op(A)[m,k] = A[m am + k ak], op(B)[k,n] = B[k bk + n bn].
 * Work-item i of dimension 0 makes element i of C; the surplus of the rounded-up global size
 * returns at once. No local memory. mad() rather than fma(): see cl/tile.cl. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif
#define LOAD1(p) (*(p))

__kernel void gemm_naive(__global const float *restrict a_base, const ulong a_at,
                         __global const float *restrict b_base, const ulong b_at,
                         __global float *restrict c_base, const ulong c_at, const int M,
                         const int N, const int K, const int am, const int ak, const int bk,
                         const int bn EPILOGUE_PARAMS)
{
    const ulong at = get_global_id(0);
    if (at >= (ulong)M * N)
        return;
    const int n = (int)(at % N);
    __global const float *a = a_base + a_at + at / N * am;
    __global const float *b = b_base + b_at + (ulong)n * bn;
    float sum = 0.0f;
    for (int k = 0; k < K; k++)
        sum = mad(a[(ulong)k * ak], b[(ulong)k * bk], sum);
    c_base[c_at + at] = EPILOGUE(sum, at, n, float, LOAD1);
}
