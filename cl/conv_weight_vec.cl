/* Weight gradient of a convolution for devices that run one work-item at a time (CPUs).
 *     f[r, s, c, k] = sum_{n, p, q} x[n, p*IS + r - pad, q*IS + s - pad, c] * y[n, p, q, k]
 *
 * Work-items: (chunk of CC channels) x (chunk of KC outputs), group of pixel blocks. Work-group
 * size 1. A group adds its blocks, one after the other, into partial sums of its own,
 *     part[group][r][s][c][K rounded up to NR]
 * that sum_vec.cl adds in the order of the groups; of a single group, with K a multiple of NR, they
 * are the result. A pixel block is IB images x PB rows x QB
 * columns:
 * 1. The part of x that it needs goes to local memory with borders zeroed, as
 *    patch[channel block][image][row][column % IS][column / IS][CB], and y as
 *    ys[output block][pixel][NR]: then x of neighbouring taps s, s + IS, ... of one pixel, CB
 *    channels each, is one straight run, and each pixel is a constant step further in both.
 * 2. MR values of that run times NR outputs are kept in MR * NR / V vector registers over all
 *    pixels of the block: MR broadcasts and NR / V vectors for MR * NR / V fma a pixel.
 *
 * Local memory: CC * IB * patch_rows * IS * slots + MR + KC * IB * PB * QB floats.
 * Registers: MR * NR / V + NR / V + 1 vectors. */
#ifndef MR /* (tap, channel) pairs of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#ifndef CB /* channels of a block of the patch: 1 to 64 */
#define CB 32
#endif

#include "vec.cl"
#define NV (NR / V)

/* Adds a pixel block to the sums to[0 .. MR-1][NR] (starting from zero if `first`); a null row is
 * beyond the filter. x, y: the block's first pixel, with the pitches of its images and rows. */
static void accumulate(__global float **to, int first, __local const float *x,
                       __local const float *y, int images, int rows, int columns, int x_image,
                       int x_row, int y_image, int y_row)
{
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        #pragma unroll
        for (int v = 0; v < NV; v++)
            acc[r][v] = (floatv)(0.0f);
        if (to[r] && !first) {
            #pragma unroll
            for (int v = 0; v < NV; v++)
                acc[r][v] = LOADV(to[r] + v * V);
        }
    }
    for (int n = 0; n < images; n++) {
        for (int p = 0; p < rows; p++) {
            __local const float *xs = x + n * x_image + p * x_row;
            __local const float *ys = y + n * y_image + p * y_row;
            for (int q = 0; q < columns; q++) {
                floatv f[NV];
                #pragma unroll
                for (int v = 0; v < NV; v++)
                    f[v] = LOADV(ys + q * NR + v * V);
                #pragma unroll
                for (int r = 0; r < MR; r++)
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        acc[r][v] = fma((floatv)(xs[q * CB + r]), f[v], acc[r][v]);
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        if (to[r]) {
            #pragma unroll
            for (int v = 0; v < NV; v++)
                STOREV(acc[r][v], to[r] + v * V);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_weight(__global const float *x_base, ulong x_at, __global const float *y_base, ulong y_at,
                 __global float *part_base, ulong part_at, int N, int H, int W, int C, int P, int Q,
                 int K, int R, int S, int is_h, int is_w, int pad_h, int pad_w, int IB, int PB,
                 int QB, int CC, int KC, int patch_rows, int slots, __local float *patch,
                 __local float *ys EPILOGUE_PARAMS)
{
    const int groups = (int)get_global_size(1), g = (int)get_global_id(1);
    const int chunks_c = (C + CC - 1) / CC;
    const int c0 = (int)get_global_id(0) % chunks_c * CC, nc = min(CC, C - c0);
    const int k0 = (int)get_global_id(0) / chunks_c * KC, nk = min(KC, K - k0);
    const int blocks_c = (nc + CB - 1) / CB, blocks_k = (nk + NR - 1) / NR;
    const int pitch_k = (K + NR - 1) / NR * NR;
    const int row_pitch = is_w * slots * CB, image_pitch = patch_rows * row_pitch;
    const int block_pitch = IB * image_pitch, y_row = QB * NR, y_block = IB * PB * y_row;
    const int strips_p = (P + PB - 1) / PB, strips_q = (Q + QB - 1) / QB;
    const long blocks = (long)((N + IB - 1) / IB) * strips_p * strips_q;
    const long begin = blocks * g / groups, end = blocks * (g + 1) / groups;
    __global const float *x = x_base + x_at, *y = y_base + y_at;
    __global float *part = part_base + part_at + (ulong)g * R * S * C * pitch_k;
    zero(patch + blocks_c * block_pitch, MR);

    for (long block = begin; block < end; block++) {
        const int n0 = (int)(block / (strips_p * strips_q)) * IB, images = min(IB, N - n0);
        const int p0 = (int)(block / strips_q % strips_p) * PB, rows = min(PB, P - p0);
        const int q0 = (int)(block % strips_q) * QB, columns = min(QB, Q - q0);
        for (int n = 0; n < images; n++) {
            for (int h = 0; h < (rows - 1) * is_h + R; h++)
                copy_row(patch + n * image_pitch + h * row_pitch, x + (ulong)(n0 + n) * H * W * C,
                         H, W, C, p0 * is_h - pad_h + h, q0 * is_w - pad_w, c0, nc, is_w, slots,
                         block_pitch, CB);
            for (int p = 0; p < rows; p++) {
                __global const float *from
                    = y + (((ulong)(n0 + n) * P + p0 + p) * Q + q0) * K + k0;
                for (int q = 0; q < columns; q++)
                    for (int kb = 0; kb < blocks_k; kb++)
                        copy_padded(ys + kb * y_block + (n * PB + p) * y_row + q * NR,
                                    from + (long)q * K + kb * NR, nk - kb * NR, NR);
            }
        }

        for (int kb = 0; kb < blocks_k; kb++) {
            for (int cb = 0; cb < blocks_c; cb++) {
                for (int im = 0; im < R * is_w; im++) {
                    const int i = im / is_w, m = im % is_w, run = taps_of(S, m, is_w) * CB;
                    for (int m0 = 0; m0 < run; m0 += MR) {
                        __global float *to[MR];
                        #pragma unroll
                        for (int r = 0; r < MR; r++) {
                            const int s = m + (m0 + r) / CB * is_w, c = cb * CB + (m0 + r) % CB;
                            to[r] = part + ((ulong)(i * S + s) * C + c0 + c) * pitch_k + k0
                                + kb * NR;
                            if (m0 + r >= run || c >= nc)
                                to[r] = 0;
                        }
                        accumulate(to, block == begin,
                                   patch + cb * block_pitch + i * row_pitch + m * slots * CB + m0,
                                   ys + kb * y_block, images, rows, columns, image_pitch,
                                   is_h * row_pitch, PB * y_row, y_row);
                    }
                }
            }
        }
    }
#if HAS_EPILOGUE /* one group, so part is the result */
    for (int row = 0; row < R * S * nc; row++) {
        const ulong at = ((ulong)(row / nc) * C + c0 + row % nc) * K + k0;
        for (int k = 0; k < nk; k += V) {
            const floatv sum = LOADV(part + at + k);
            STOREV(EPILOGUE(sum, at + k, k0 + k, floatv, LOADV), part + at + k);
        }
    }
#endif
}
