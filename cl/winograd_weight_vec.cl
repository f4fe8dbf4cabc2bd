/* Weight gradient of a convolution with square filters by the adjoint of Winograd's minimal
 * filtering (winograd_transform.cl), for devices that run one work-item at a time (CPUs). From
 * y = A^T ((G f G^T) * (B^T x B)) A, with dy for the gradient that arrives at y,
 *     df = G^T (sum over tiles of (B^T x B) * (A dy A^T)) G
 * of each pair of channel and output. As in winograd_vec.cl, a step of the input splits it into
 * IS*IS phases that are more channels.
 *
 * winograd_weight: work-item (chunk of CC channels of all phases, chunk of KC outputs; group of
 * blocks of T tiles). A group adds its blocks, one after the other, into sums of its own,
 *     part[group][position][channels / V][outputs / NR][V][NR]   (NR floats between positions)
 * 1. B^T x B of a block's windows, V channels at a time, and A dy A^T of its tiles (zero beyond the
 *    borders) go to local memory, as v[position][channels / V][tile][V] and
 *    z[position][outputs / NR][tile][NR].
 * 2. For each position MR channels by NR outputs are kept in registers over the tiles of the block.
 * winograd_weight_sum: work-item (block of V channels, block of NR outputs) adds the groups in
 * order, takes G^T . G, and writes f[R,S,C,K].
 *
 * Local memory: POSITIONS * ((CC / V) * (T + 1) * V + (KC / NR) * (T + 1) * NR) floats.
 * Registers: MR * NR / V + NR / V + 1 vectors in 2, 2 * ALPHA and some elsewhere. */
#ifndef MR /* channels of a register block: a divisor of V */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#include "vec.cl"
#define NV (NR / V)
#include "winograd_transform.cl"

/* A dy A^T of V outputs of a tile at (p, q) of y [P,Q,K], n < V of them with some missing; value
 * (i, j) goes to to[(i * ALPHA + j) * step]. */
static void tile_to_points(__local float *to, int step, __global const float *y, int P, int Q,
                           int K, int p, int q, int n)
{
    floatv rows[TM * ALPHA];
    for (int i = 0; i < TM; i++) {
        floatv d[ALPHA];
        for (int j = 0; j < TM; j++) {
            __global const float *from = y + ((long)(p + i) * Q + q + j) * K;
            d[j] = (floatv)(0.0f);
            if (p + i < P && q + j < Q && n > 0)
                d[j] = n < V ? load_part(from, n) : LOADV(from);
        }
        spread(d, TM);
        #pragma unroll
        for (int j = 0; j < ALPHA; j++)
            rows[i * ALPHA + j] = d[j];
    }
    for (int j = 0; j < ALPHA; j++) {
        floatv d[ALPHA];
        #pragma unroll
        for (int i = 0; i < TM; i++)
            d[i] = rows[i * ALPHA + j];
        spread(d, TM);
        #pragma unroll
        for (int i = 0; i < ALPHA; i++)
            STOREL(d[i], to + (i * ALPHA + j) * step);
    }
}

/* part[MR][NR] of one position, added to unless `first`: sums over tiles. */
static void accumulate(__global float *part, int first, __local const float *v,
                       __local const float *z, int tiles)
{
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < NV; k++)
            acc[r][k] = (floatv)(0.0f);
    for (int t = 0; t < tiles; t++, v += V, z += NR) {
        floatv f[NV];
        #pragma unroll
        for (int k = 0; k < NV; k++)
            f[k] = LOADV(z + k * V);
        #pragma unroll
        for (int r = 0; r < MR; r++)
            #pragma unroll
            for (int k = 0; k < NV; k++)
                acc[r][k] = fma((floatv)(v[r]), f[k], acc[r][k]);
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < NV; k++)
            STOREV(first ? acc[r][k] : acc[r][k] + LOADV(part + r * NR + k * V),
                   part + r * NR + k * V);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_weight(__global const float *x_base, ulong x_at, __global const float *y_base,
                     ulong y_at, __global float *part_base, ulong part_at, int N, int H, int W,
                     int C, int P, int Q, int K, int is, int pad_h, int pad_w, int rows,
                     int columns, int T, int CC, int KC, __local float *v, __local float *z)
{
    const int blocks_c = (C + V - 1) / V, all_c = is * is * blocks_c, chunk = CC / V;
    const int all_k = (K + NR - 1) / NR, chunk_k = KC / NR, chunks_c = (all_c + chunk - 1) / chunk;
    const int b0 = (int)get_global_id(0) % chunks_c * chunk, b1 = min(b0 + chunk, all_c);
    const int k0 = (int)get_global_id(0) / chunks_c * chunk_k, k1 = min(k0 + chunk_k, all_k);
    const int v_block = (T + 1) * V, v_step = min(chunk, all_c) * v_block;
    const int z_block = (T + 1) * NR, z_step = min(chunk_k, all_k) * z_block;
    const int groups = (int)get_global_size(1), g = (int)get_global_id(1);
    const int all = N * rows * columns, blocks = (all + T - 1) / T;
    const int begin = (int)((long)blocks * g / groups);
    const int end = (int)((long)blocks * (g + 1) / groups);
    const ulong part_step = (ulong)all_c * all_k * V * NR + NR;
    __global const float *y = y_base + y_at;
    __global float *part = part_base + part_at + g * POSITIONS * part_step;

    for (int block = begin; block < end; block++) {
        const int t0 = block * T, tiles = min(T, all - t0);
        for (int t = 0; t < tiles; t++) {
            const int n = (t0 + t) / (rows * columns);
            const int p = (t0 + t) / columns % rows * TM, q = (t0 + t) % columns * TM;
            __global const float *pixel[POSITIONS];
            for (int b = b0, some; b < b1; b += some) {
                const int phase = b / blocks_c, c = b % blocks_c * V;
                some = min(min(GROUP, b1 - b), blocks_c - b % blocks_c);
                if (b == b0 || c == 0)
                    find_window(pixel, x_base + x_at + (ulong)n * H * W * C, H, W, C,
                                p * is - pad_h + phase / is, q * is - pad_w + phase % is, is);
                window_to_points(v + (b - b0) * v_block + t * V, v_step, v_block, pixel, c,
                                 min(some * V, C - c));
            }
            for (int kb = k0; kb < k1; kb++)
                for (int e = 0; e < NR; e += V)
                    tile_to_points(z + (kb - k0) * z_block + t * NR + e, z_step,
                                   y + (ulong)n * P * Q * K + kb * NR + e, P, Q, K, p, q,
                                   K - kb * NR - e);
        }
        for (int i = 0; i < POSITIONS; i++)
            for (int kb = k0; kb < k1; kb++)
                for (int b = b0; b < b1; b++)
                    for (int c = 0; c < V; c += MR)
                        accumulate(part + i * part_step + ((ulong)b * all_k + kb) * (V * NR)
                                       + c * NR,
                                   block == begin, v + i * v_step + (b - b0) * v_block + c,
                                   z + i * z_step + (kb - k0) * z_block, tiles);
    }
}

/* G^T (d / N) G, from [ALPHA][ALPHA] to [TR][TR], rows ALPHA apart. */
static void points_to_taps(floatv *d)
{
    for (int i = 0; i < ALPHA; i++) {
        #pragma unroll
        for (int j = 0; j < ALPHA; j++)
            d[i * ALPHA + j] *= inverse_of(j);
        from_points(d + i * ALPHA, TR);
    }
    for (int j = 0; j < TR; j++) {
        floatv column[ALPHA];
        #pragma unroll
        for (int i = 0; i < ALPHA; i++)
            column[i] = d[i * ALPHA + j] * inverse_of(i);
        from_points(column, TR);
        #pragma unroll
        for (int i = 0; i < TR; i++)
            d[i * ALPHA + j] = column[i];
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_weight_sum(__global const float *part_base, ulong part_at, __global float *f_base,
                         ulong f_at, int groups, int R, int C, int K, int is EPILOGUE_PARAMS)
{
    const int blocks_c = (C + V - 1) / V, all_k = (K + NR - 1) / NR;
    const int b = (int)get_global_id(0), kb = (int)get_global_id(1), phase = b / blocks_c;
    const ulong part_step = (ulong)is * is * blocks_c * all_k * V * NR + NR;
    __global float *f = f_base + f_at;

    for (int c = b % blocks_c * V, e = 0; c < C && e < V; c++, e++) {
        for (int k = kb * NR; k < min(K, kb * NR + NR); k += V) {
            __global const float *part
                = part_base + part_at + ((ulong)b * all_k + kb) * (V * NR) + e * NR + k % NR;
            floatv d[POSITIONS];
            for (int i = 0; i < POSITIONS; i++) {
                d[i] = LOADV(part + i * part_step);
                for (int g = 1; g < groups; g++)
                    d[i] += LOADV(part + (g * POSITIONS + i) * part_step);
            }
            points_to_taps(d);
            for (int ij = 0; ij < TR * TR; ij++) {
                const int i = ij / TR, j = ij % TR;
                const int r = i * is + phase / is, s = j * is + phase % is;
                const ulong at = ((ulong)(r * R + s) * C + c) * K + k;
                if (r >= R || s >= R)
                    continue;
                if (k + V <= K) {
                    const floatv sum = d[i * ALPHA + j];
                    STOREV(EPILOGUE(sum, at, k, floatv, LOADV), f + at);
                    continue;
                }
                for (int l = 0; k + l < K; l++) {
                    const float sum = ((const float *)(d + i * ALPHA + j))[l];
                    f[at + l] = EPILOGUE(sum, at + l, k + l, float, LOAD1);
                }
            }
        }
    }
}
