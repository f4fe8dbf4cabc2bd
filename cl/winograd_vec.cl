/* Convolution with square filters, and its data gradient, by Winograd's minimal filtering
 * (winograd_transform.cl), for devices that run one work-item at a time (CPUs).
 *
 * In both, as in conv_vec.cl, output row oh = ph*OS + a of phase a reads input rows
 * ph*IS + i + ih0(a). A step of the input splits it into IS*IS pictures of every IS-th row and
 * column; these input phases are more channels. A step of the output makes OS*OS pictures that are
 * more outputs. So a 4x4 filter of stride 2 is one of 2x2 taps and stride 1, with four times the
 * channels or four times the outputs, and F(TM, 2) does TM*TM of each output phase. Windows are
 * shared by the output phases: where these begin at different input rows, their tiles are shifted.
 *
 * Work-item (group of KG blocks of NR outputs, block of T tiles, counted over all images):
 * 1. Of CC channels: B^T d B of the windows, V channels at a time, to local memory as
 *        v[position][channels / V][tile][V]
 * 2. Products: for each position, m[tile][output] += sum over channels of v * u, MR tiles by NR
 *    outputs in registers; KC blocks of outputs, as m[position][output block][tile][NR].
 * 3. When all channels are in: A^T m A, and the outputs are stored.
 * v and m together should fit into the second-level cache. u comes from winograd_pack_vec.cl.
 *
 * Local memory: POSITIONS * ((CC / V) * (T + 1) * V + KC * (T + 1) * NR) floats.
 * Registers: MR * NR / V + NR / V + 1 vectors in 2, 2 * ALPHA and some elsewhere. */
#ifndef MR /* tiles of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#include "vec.cl"
#define NV (NR / V)
#include "winograd_transform.cl"

/* m[MR][NR] of one position (added to if `more`): blocks begin .. end-1 of V channels, of which a
 * phase has blocks_c; v: of block `begin`, its first tile. */
static void multiply(__local float *m, int more, __local const float *v, int v_block,
                     __global const float *u, int begin, int end, int blocks_c, int C)
{
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < NV; k++)
            acc[r][k] = (floatv)(0.0f);
    for (int block = begin; block < end; block++, v += v_block) {
        const int n = min(V, C - block % blocks_c * V);
        for (int c = 0; c < n; c++, u += NR) {
            floatv f[NV];
            #pragma unroll
            for (int k = 0; k < NV; k++)
                f[k] = LOADV(u + k * V);
            #pragma unroll
            for (int r = 0; r < MR; r++)
                #pragma unroll
                for (int k = 0; k < NV; k++)
                    acc[r][k] = fma((floatv)(v[r * V + c]), f[k], acc[r][k]);
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < NV; k++)
            STOREL(more ? acc[r][k] + LOADV(m + r * NR + k * V) : acc[r][k],
                   m + r * NR + k * V);
}

/* y[TM][TM] = A^T m A of V outputs. */
static void window_from_points(floatv *y, __local const float *m, int step)
{
    floatv d[ALPHA], rows[TM * ALPHA];
    for (int j = 0; j < ALPHA; j++) {
        #pragma unroll
        for (int i = 0; i < ALPHA; i++)
            d[i] = LOADV(m + (i * ALPHA + j) * step);
        from_points(d, TM);
        #pragma unroll
        for (int i = 0; i < TM; i++)
            rows[i * ALPHA + j] = d[i];
    }
    for (int i = 0; i < TM; i++) {
        #pragma unroll
        for (int j = 0; j < ALPHA; j++)
            d[j] = rows[i * ALPHA + j];
        from_points(d, TM);
        #pragma unroll
        for (int j = 0; j < TM; j++)
            y[i * TM + j] = d[j];
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd(__global const float *x_base, ulong x_at, __global const float *u_base, ulong u_at,
              __global float *y_base, ulong y_at, int N, int H, int W, int C, int OH, int OW, int K,
              int R, int is, int os, int off_h, int off_w, int low_h, int low_w, int rows,
              int columns, int T, int CC, int KC, int KG, __local float *v,
              __local float *m EPILOGUE_PARAMS)
{
    const int blocks_c = (C + V - 1) / V, all_c = is * is * blocks_c, chunk = CC / V;
    const int blocks_k = (K + NR - 1) / NR, all_k = os * os * blocks_k;
    const int t0 = (int)get_global_id(1) * T, tiles = min(T, N * rows * columns - t0);
    const int v_block = (T + 1) * V, v_step = min(chunk, all_c) * v_block;
    const int m_block = (T + 1) * NR, m_step = KC * m_block;
    const ulong u_panel = (ulong)is * is * C * NR, u_step = u_panel * all_k + NR;
    const int kb0 = (int)get_global_id(0) * KG, kb1 = min(kb0 + KG, all_k);
    __global const float *u = u_base + u_at;
    __global float *y = y_base + y_at;

    for (int k0 = kb0; k0 < kb1; k0 += KC) {
        const int k1 = min(k0 + KC, kb1);
        for (int b0 = 0; b0 < all_c; b0 += chunk) {
            const int b1 = min(b0 + chunk, all_c);
            for (int t = 0; t < tiles && (k0 == kb0 || chunk < all_c); t++) {
                const int n = (t0 + t) / (rows * columns);
                const int h = (t0 + t) / columns % rows * TM, w = (t0 + t) % columns * TM;
                __global const float *pixel[POSITIONS];
                for (int b = b0, some; b < b1; b += some) {
                    const int phase = b / blocks_c, c = b % blocks_c * V;
                    some = min(min(GROUP, b1 - b), blocks_c - b % blocks_c);
                    if (b == b0 || c == 0)
                        find_window(pixel, x_base + x_at + (ulong)n * H * W * C, H, W, C,
                                    h * is + low_h + phase / is, w * is + low_w + phase % is, is);
                    window_to_points(v + (b - b0) * v_block + t * V, v_step, v_block, pixel, c,
                                     min(some * V, C - c));
                }
            }
            if (tiles % MR != 0) /* what the register blocks read beyond */
                for (int p = 0; p < POSITIONS * (b1 - b0); p++)
                    zero(v + p / (b1 - b0) * v_step + p % (b1 - b0) * v_block + tiles * V,
                         (MR - tiles % MR) * V);
            for (int p = 0; p < POSITIONS; p++)
                for (int kb = k0; kb < k1; kb++)
                    for (int t = 0; t < tiles; t += MR)
                        multiply(m + p * m_step + (kb - k0) * m_block + t * NR, b0 > 0,
                                 v + p * v_step + t * V, v_block,
                                 u + p * u_step + kb * u_panel
                                     + (ulong)(b0 / blocks_c * C + b0 % blocks_c * V) * NR,
                                 b0, b1, blocks_c, C);
        }
        for (int t = 0; t < tiles; t++) {
            const int n = (t0 + t) / (rows * columns);
            const int h = (t0 + t) / columns % rows * TM, w = (t0 + t) % columns * TM;
            for (int kb = k0; kb < k1; kb++) {
                const int a = kb / blocks_k / os, b = kb / blocks_k % os;
                const int RT = os == 1 ? R : taps_of(R, (a + off_h) % os, os);
                const int ST = os == 1 ? R : taps_of(R, (b + off_w) % os, os);
                /* The tile's first output of this phase; the first tiles may begin before 0. */
                const int ph = h - ((a + off_h) / os - RT + 1 - low_h);
                const int pw = w - ((b + off_w) / os - ST + 1 - low_w);
                for (int k = kb % blocks_k * NR, e = 0; k < K && e < NR; k += V, e += V) {
                    floatv d[TM * TM];
                    window_from_points(d, m + (kb - k0) * m_block + t * NR + e, m_step);
                    for (int i = 0; i < TM; i++) {
                        const int oh = (ph + i) * os + a;
                        for (int j = 0; j < TM; j++) {
                            const int ow = (pw + j) * os + b;
                            const ulong at = (((ulong)n * OH + oh) * OW + ow) * K + k;
                            if (oh < 0 || oh >= OH || ow < 0 || ow >= OW)
                                continue;
                            if (k + V <= K) {
                                const floatv sum = d[i * TM + j];
                                STOREV(EPILOGUE(sum, at, k, floatv, LOADV), y + at);
                                continue;
                            }
                            for (int r = 0; k + r < K; r++) {
                                const float sum = ((const float *)(d + i * TM + j))[r];
                                y[at + r] = EPILOGUE(sum, at + r, k + r, float, LOAD1);
                            }
                        }
                    }
                }
            }
        }
    }
}
