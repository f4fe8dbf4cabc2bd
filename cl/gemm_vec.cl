/* Matrix products with few rows, few columns or a short inner size, for devices that run one
 * work-item at a time (CPUs). C[m,n] = op(A)[m,k] op(B)[k,n], row-major. Large products are
 * convolutions with one tap and run in conv_vec.cl and conv_weight_vec.cl.
 *
 * gemm_direct: B as it lies, [k,n]; A by any two steps. Work-items: chunk of NC columns, chunk of
 * MC rows, group of inner indices (a group's result is a matrix of its own; sum_vec.cl adds them).
 * B's part goes to local memory as [NC / NR][KC][NR], KC inner indices at a time, so memory is read
 * in long runs and once; MR rows x NR columns are kept in MR * NR / V vector registers.
 * Local memory: NC * KC floats. Registers: MR * NR / V + NR / V + 1 vectors.
 *
 * gemm_dot: both along k, A [m,k] and B [n,k]: vectors over k, MR x ND vectors of partial sums
 * whose elements are added at the end. Work-items: chunk of NC columns, group of inner indices.
 * Registers: MR * ND + ND + 1 vectors.
 *
 * gemm_transpose: out[m,k] = in[k,m]. Work-items: blocks of 16 x 16.
 *
 * Work-group size 1. `single` is 1 where the result is one column seen as a row: its only channel
 * is 0. */
#ifndef MR /* rows of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* columns of a register block of gemm_direct: V times 1 to 4 */
#define NR 32
#endif
#ifndef ND /* columns of a register block of gemm_dot: 1 to 8 */
#define ND 4
#endif
#include "vec.cl"
#define NV (NR / V)

/* tile[row][column] = sum over `depth` inner indices of A's rows and b[k][NR]. Surplus rows repeat
 * the last of `rows`. */
static void reduce(floatv *tile, __global const float *a, int rows, int a_step_m, int a_step_k,
                   __local const float *b, int depth)
{
    __global const float *as[MR];
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        as[r] = a + (long)min(r, rows - 1) * a_step_m;
        #pragma unroll
        for (int v = 0; v < NV; v++)
            acc[r][v] = (floatv)(0.0f);
    }
    for (int k = 0; k < depth; k++) {
        const long at = (long)k * a_step_k;
        floatv f[NV];
        #pragma unroll
        for (int v = 0; v < NV; v++)
            f[v] = LOADV(b + k * NR + v * V);
        #pragma unroll
        for (int r = 0; r < MR; r++)
            #pragma unroll
            for (int v = 0; v < NV; v++)
                acc[r][v] = fma((floatv)(as[r][at]), f[v], acc[r][v]);
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int v = 0; v < NV; v++)
            tile[r * NV + v] = acc[r][v];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_direct(__global const float *a_base, ulong a_at, __global const float *b_base, ulong b_at,
                 __global float *c_base, ulong c_at, int M, int N, int K, int a_step_m,
                 int a_step_k, int MC, int NC, int KC, int single, __local float *bs
                 EPILOGUE_PARAMS)
{
    const int groups = (int)get_global_size(2), g = (int)get_global_id(2);
    const int j0 = (int)get_global_id(0) * NC, j1 = min(j0 + NC, N);
    const int i0 = (int)get_global_id(1) * MC, i1 = min(i0 + MC, M);
    const int begin = (int)((long)K * g / groups), end = (int)((long)K * (g + 1) / groups);
    __global const float *a = a_base + a_at, *b = b_base + b_at;
    __global float *out = c_base + c_at + (ulong)g * M * N;
    floatv tile[MR * NV];

    for (int k0 = begin; k0 < end; k0 += KC) {
        const int depth = min(KC, end - k0);
        for (int k = 0; k < depth; k++)
            for (int j = j0; j < j1; j += NR)
                copy_padded(bs + (j - j0) * KC + k * NR, b + (long)(k0 + k) * N + j, j1 - j, NR);

        for (int j = j0; j < j1; j += NR) {
            const int stop = min(j1, j + NR);
            for (int i = i0; i < i1; i += MR) {
                reduce(tile, a + (long)i * a_step_m + (long)k0 * a_step_k, i1 - i, a_step_m,
                       a_step_k, bs + (j - j0) * KC, depth);
                for (int r = 0; r < min(MR, i1 - i); r++) {
                    const ulong at = (ulong)(i + r) * N;
                    const floatv *t = tile + r * NV;
                    int n = j;
                    for (; n + V <= stop && !single; n += V) {
                        floatv sum = *t++;
                        if (k0 > begin)
                            sum += LOADV(out + at + n);
                        if (k0 + KC >= end)
                            sum = EPILOGUE(sum, at + n, n, floatv, LOADV);
                        STOREV(sum, out + at + n);
                    }
                    for (int e = 0; n < stop; n++, e++) {
                        float sum = ((const float *)t)[e];
                        if (k0 > begin)
                            sum += out[at + n];
                        if (k0 + KC >= end)
                            sum = EPILOGUE(sum, at + n, (single ? 0 : n), float, LOAD1);
                        out[at + n] = sum;
                    }
                }
            }
        }
    }
}

/* sums[row of A][row of B] over inner indices begin .. end - 1. Surplus rows repeat the last. */
static void dot_products(float *sums, __global const float *a, int a_rows, __global const float *b,
                         int b_rows, int K, int begin, int end)
{
    __global const float *as[MR], *bs[ND];
    floatv acc[MR][ND];
    int k = begin;
    #pragma unroll
    for (int s = 0; s < ND; s++)
        bs[s] = b + (long)min(s, b_rows - 1) * K;
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        as[r] = a + (long)min(r, a_rows - 1) * K;
        #pragma unroll
        for (int s = 0; s < ND; s++)
            acc[r][s] = (floatv)(0.0f);
    }
    for (; k + V <= end; k += V) {
        floatv f[ND];
        #pragma unroll
        for (int s = 0; s < ND; s++)
            f[s] = LOADV(bs[s] + k);
        #pragma unroll
        for (int r = 0; r < MR; r++) {
            const floatv value = LOADV(as[r] + k);
            #pragma unroll
            for (int s = 0; s < ND; s++)
                acc[r][s] = fma(value, f[s], acc[r][s]);
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        #pragma unroll
        for (int s = 0; s < ND; s++) {
            float sum = sum_of(acc[r][s]);
            for (int e = k; e < end; e++)
                sum = fma(as[r][e], bs[s][e], sum);
            sums[r * ND + s] = sum;
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_dot(__global const float *a_base, ulong a_at, __global const float *b_base, ulong b_at,
              __global float *c_base, ulong c_at, int M, int N, int K, int NC, int single
              EPILOGUE_PARAMS)
{
    const int groups = (int)get_global_size(1), g = (int)get_global_id(1);
    const int j0 = (int)get_global_id(0) * NC, j1 = min(j0 + NC, N);
    const int begin = (int)((long)K * g / groups), end = (int)((long)K * (g + 1) / groups);
    __global const float *a = a_base + a_at, *b = b_base + b_at;
    __global float *out = c_base + c_at + (ulong)g * M * N;
    float sums[MR * ND];

    for (int j = j0; j < j1; j += ND) {
        for (int i = 0; i < M; i += MR) {
            dot_products(sums, a + (long)i * K, M - i, b + (long)j * K, j1 - j, K, begin, end);
            for (int r = 0; r < min(MR, M - i); r++) {
                for (int s = 0; s < min(ND, j1 - j); s++) {
                    const ulong at = (ulong)(i + r) * N + j + s;
                    const float sum = sums[r * ND + s];
                    out[at] = EPILOGUE(sum, at, (single ? 0 : j + s), float, LOAD1);
                }
            }
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_transpose(__global const float *in_base, ulong in_at, __global float *out_base,
                    ulong out_at, int M, int K)
{
    const int m0 = (int)get_global_id(0) * 16, k0 = (int)get_global_id(1) * 16;
    const int m1 = min(m0 + 16, M), k1 = min(k0 + 16, K);
    for (int m = m0; m < m1; m++)
        for (int k = k0; k < k1; k++)
            out_base[out_at + (ulong)m * K + k] = in_base[in_at + (ulong)k * M + m];
}
