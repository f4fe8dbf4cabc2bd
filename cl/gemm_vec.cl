/* Matrix products with few rows, few columns or a short inner size, for devices that run one
 * work-item at a time (CPUs). C[m,n] = op(A)[m,k] op(B)[k,n], row-major. Large products are
 * convolutions with one tap and run in conv_vec.cl and conv_weight_vec.cl.
 *
 * gemm_direct: B as it lies, [k,n]; A by any two steps. Work-items: chunk of NC columns, chunk of MC
 * rows, group of inner indices (a group's result is a matrix of its own; sum_vec.cl adds them). B's
 * part goes to local memory as [NC / NR][KC][NR], KC inner indices at a time, so memory is read in
 * long runs and once; MR rows x NR columns are kept in MR * NR / V vector registers.
 * Local memory: NC * KC floats. Registers: MR * NR / V + NR / V + 1 vectors.
 *
 * gemm_dot: both along k, A [m,k] and B [n,k]: vectors over k, MR x ND vectors of partial sums whose
 * elements are added at the end. Work-items: chunk of NC columns, group of inner indices.
 * Registers: MR * ND + ND + 1 vectors.
 *
 * gemm_transpose: out[m,k] = in[k,m]. Work-items: blocks of 16 x 16.
 *
 * Work-group size 1. `single` is 1 where the result is one column seen as a row: its channel is 0. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef V /* vector length: 1, 2, 4, 8, 16 */
#define V 16
#endif
#ifndef MR /* rows of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* columns of a register block of gemm_direct: V times 1 to 4 */
#define NR 32
#endif
#ifndef ND /* columns of a register block of gemm_dot: 1 to 8 */
#define ND 4
#endif
#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif

#if V == 1
typedef float floatv;
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#else
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
typedef PASTE(float, V) floatv;
#define LOADV(p) PASTE(vload, V)(0, p)
#define STOREV(v, p) PASTE(vstore, V)(v, 0, p)
#endif
#define LOAD1(p) (*(p))
#define NV (NR / V)

/* NR floats, of which those from n on are zero. */
inline void copy_columns(__local float *to, __global const float *from, int n)
{
    if (n >= NR) {
        #pragma unroll
        for (int j = 0; j < NR; j += V)
            STOREV(LOADV(from + j), to + j);
        return;
    }
    for (int j = 0; j < NR; j++)
        to[j] = j < n ? from[j] : 0.0f;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_direct(__global const float *a_base, ulong a_at, __global const float *b_base, ulong b_at,
                 __global float *c_base, ulong c_at, int M, int N, int K, int a_step_m, int a_step_k,
                 int MC, int NC, int KC, int single, __local float *bs EPILOGUE_PARAMS)
{
    const int groups = (int)get_global_size(2), g = (int)get_global_id(2);
    const int j0 = (int)get_global_id(0) * NC, columns = min(NC, N - j0);
    const int i0 = (int)get_global_id(1) * MC, rows = min(MC, M - i0);
    const int begin = (int)((long)K * g / groups), end = (int)((long)K * (g + 1) / groups);
    __global const float *b = b_base + b_at + j0;
    __global float *out = c_base + c_at + (ulong)g * M * N;
    float tile[MR * NR];

    for (int k0 = begin; k0 < end; k0 += KC) {
        const int depth = min(KC, end - k0);
        for (int k = 0; k < depth; k++)
            for (int j = 0; j < columns; j += NR)
                copy_columns(bs + j * KC + k * NR, b + (long)(k0 + k) * N + j, columns - j);

        for (int j = 0; j < columns; j += NR) {
            for (int i = 0; i < rows; i += MR) {
                __global const float *a[MR]; /* surplus rows repeat the last one */
                floatv acc[MR][NV];
                #pragma unroll
                for (int r = 0; r < MR; r++) {
                    a[r] = a_base + a_at + (long)(i0 + min(i + r, rows - 1)) * a_step_m
                        + (long)k0 * a_step_k;
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        acc[r][v] = (floatv)(0.0f);
                }
                for (int k = 0; k < depth; k++) {
                    const long at = (long)k * a_step_k;
                    floatv f[NV];
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        f[v] = LOADV(bs + j * KC + k * NR + v * V);
                    #pragma unroll
                    for (int r = 0; r < MR; r++)
                        #pragma unroll
                        for (int v = 0; v < NV; v++)
                            acc[r][v] = fma((floatv)(a[r][at]), f[v], acc[r][v]);
                }
                #pragma unroll
                for (int r = 0; r < MR; r++)
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        STOREV(acc[r][v], tile + r * NR + v * V);
                const int last = k0 + KC >= end;
                for (int r = 0; r < min(MR, rows - i); r++) {
                    const ulong at = (ulong)(i0 + i + r) * N;
                    const int stop = min(j0 + columns, j0 + j + NR);
                    const float *t = tile + r * NR;
                    int n = j0 + j;
                    for (; n + V <= stop && !single; n += V, t += V) {
                        floatv sum = LOADV(t);
                        if (k0 > begin)
                            sum += LOADV(out + at + n);
                        if (last)
                            sum = EPILOGUE(sum, at + n, n, floatv, LOADV);
                        STOREV(sum, out + at + n);
                    }
                    for (; n < stop; n++, t++) {
                        float sum = *t;
                        if (k0 > begin)
                            sum += out[at + n];
                        if (last)
                            sum = EPILOGUE(sum, at + n, (single ? 0 : n), float, LOAD1);
                        out[at + n] = sum;
                    }
                }
            }
        }
    }
}

/* The sum of a vector's elements, by halves. */
inline float sum_of(floatv a)
{
#if V == 16
    float8 b = a.lo + a.hi;
#elif V == 8
    float8 b = a;
#endif
#if V >= 8
    float4 c = b.lo + b.hi;
#elif V == 4
    float4 c = a;
#endif
#if V >= 4
    float2 d = c.lo + c.hi;
#elif V == 2
    float2 d = a;
#endif
#if V >= 2
    return d.x + d.y;
#else
    return a;
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_dot(__global const float *a_base, ulong a_at, __global const float *b_base, ulong b_at,
              __global float *c_base, ulong c_at, int M, int N, int K, int NC, int single
              EPILOGUE_PARAMS)
{
    const int groups = (int)get_global_size(1), g = (int)get_global_id(1);
    const int j0 = (int)get_global_id(0) * NC, columns = min(NC, N - j0);
    const int begin = (int)((long)K * g / groups), end = (int)((long)K * (g + 1) / groups);
    __global float *out = c_base + c_at + (ulong)g * M * N;
    float sums[MR * ND];

    for (int j = j0; j < j0 + columns; j += ND) {
        for (int i = 0; i < M; i += MR) {
            __global const float *a[MR], *b[ND]; /* surplus rows repeat the last one */
            floatv acc[MR][ND];
            #pragma unroll
            for (int r = 0; r < MR; r++) {
                a[r] = a_base + a_at + (long)min(i + r, M - 1) * K;
                #pragma unroll
                for (int s = 0; s < ND; s++)
                    acc[r][s] = (floatv)(0.0f);
            }
            #pragma unroll
            for (int s = 0; s < ND; s++)
                b[s] = b_base + b_at + (long)min(j + s, N - 1) * K;
            int k = begin;
            for (; k + V <= end; k += V) {
                floatv f[ND];
                #pragma unroll
                for (int s = 0; s < ND; s++)
                    f[s] = LOADV(b[s] + k);
                #pragma unroll
                for (int r = 0; r < MR; r++) {
                    const floatv x = LOADV(a[r] + k);
                    #pragma unroll
                    for (int s = 0; s < ND; s++)
                        acc[r][s] = fma(x, f[s], acc[r][s]);
                }
            }
            #pragma unroll
            for (int r = 0; r < MR; r++) {
                #pragma unroll
                for (int s = 0; s < ND; s++) {
                    float sum = sum_of(acc[r][s]);
                    for (int e = k; e < end; e++)
                        sum = fma(a[r][e], b[s][e], sum);
                    sums[r * ND + s] = sum;
                }
            }
            for (int r = 0; r < min(MR, M - i); r++) {
                for (int s = 0; s < min(ND, N - j); s++) {
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
