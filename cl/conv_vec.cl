/* Convolution and its data gradient for devices that run one work-item at a time (CPUs).
 *
 * Both are one gather. With i, j running over the taps that an output position uses,
 *     y[n, oh, ow, k] = sum_{i, j, c} x[n, ph*IS + i + ih0, pw*IS + j + iw0, c] * f[i, j, c, k]
 * Forward: oh = ph, IS = stride, ih0 = -pad, all taps. Data gradient of stride OS: output rows
 * oh = ph*OS + a form OS phases (columns likewise); phase a uses the taps r = (a + off) mod OS,
 * r + OS, ... in reverse order, IS = 1, and ih0 = (a + off) / OS - taps + 1 with off = pad. A 4x4
 * filter of stride 2 becomes four 2x2 convolutions: no scatter, no wasted taps. With
 * off = R - 1 - pad and OS = 1 the same formula gives the forward ih0.
 *
 * Work-items: (strip of QB columns) x (group of KG blocks of NR outputs), strip of PB rows, group
 * of IB images; rows and columns counted in ph, pw. Work-group size 1.
 * 1. The part of x that the work-item needs is copied to local memory with its borders zeroed, CC
 *    channels at a time, as
 *        patch[channel block][image][row][column % IS][column / IS][CB]
 *    A filter row's taps of one column % IS are then, for any stride, one straight run over (taps,
 *    CB channels), at the same distance from each pixel's first tap.
 * 2. For each block of NR outputs, MR pixels at a time are kept in MR * NR / V vector registers:
 *    one broadcast of x and NR / V vectors of the filter for MR * NR / V fma. JOIN is 0: these
 *    pixels are of one row, CB apart, surplus ones behind its end being in the patch too (quicker:
 *    one address). JOIN is 1, for short rows: they go on in the next row and image, so that only
 *    the last ones of the work-item leave registers idle.
 * Filters come packed by conv_pack_vec.cl as [phase][K / NR][C / CB][i][j % IS][j / IS][CB][NR],
 * zero where c >= C or k >= K.
 *
 * Local memory: CC * IB * patch_rows * IS * slots floats; slots: the columns / IS of the patch.
 * Registers: MR * NR / V + NR / V + 1 vectors. */
#ifndef MR /* pixels of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#ifndef CB /* channels of a block of the patch: 1 to 64 */
#define CB 32
#endif
#ifndef JOIN /* whether a register block holds pixels of several rows: 0, 1 */
#define JOIN 0
#endif
#include "vec.cl"
#define NV (NR / V)

/* tile[pixel][output] = sum over nb channel blocks, RT x ST taps. x_at: each pixel's first tap in
 * the patch; a filter row's taps of one column % IS follow each other, the next are `plane` floats
 * on. */
static void reduce(floatv *tile, __local const float *patch, const int *x_at,
                   __global const float *w, int nb, int RT, int ST, int is_w, int block_pitch,
                   int row_pitch, int plane)
{
    const int some = ST / is_w, more = ST % is_w; /* taps of one column % IS */
    __local const float *x[MR];
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        x[r] = JOIN ? patch + x_at[r] : patch + x_at[0] + r * CB;
        #pragma unroll
        for (int v = 0; v < NV; v++)
            acc[r][v] = (floatv)(0.0f);
    }
    for (int cb = 0; cb < nb; cb++) {
        for (int i = 0; i < RT; i++) {
            for (int m = 0; m < is_w; m++) {
                const uint begin = cb * block_pitch + i * row_pitch + m * plane;
                const uint end = begin + (some + (m < more)) * CB;
                for (uint e = begin; e < end; e++, w += NR) {
                    floatv f[NV];
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        f[v] = LOADV(w + v * V);
                    #pragma unroll
                    for (int r = 0; r < MR; r++)
                        #pragma unroll
                        for (int v = 0; v < NV; v++)
                            acc[r][v] = fma((floatv)(x[r][e]), f[v], acc[r][v]);
                }
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int v = 0; v < NV; v++)
            tile[r * NV + v] = acc[r][v];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_gather(__global const float *x_base, ulong x_at, __global const float *w_base, ulong w_at,
                 __global float *y_base, ulong y_at, int N, int H, int W, int C, int OH, int OW,
                 int K, int R, int S, int is_h, int is_w, int os_h, int os_w, int off_h, int off_w,
                 int low_h, int low_w, int IB, int PB, int QB, int CC, int KG, int patch_rows,
                 int slots, __local float *patch EPILOGUE_PARAMS)
{
    const int strips = ((OW + os_w - 1) / os_w + QB - 1) / QB;
    const int kb0 = (int)get_global_id(0) / strips * KG;
    const int pw0 = (int)get_global_id(0) % strips * QB;
    const int ph0 = (int)get_global_id(1) * PB;
    const int n0 = (int)get_global_id(2) * IB, images = min(IB, N - n0);
    const int blocks_k = (K + NR - 1) / NR, blocks_c = (C + CB - 1) / CB;
    const int row_pitch = is_w * slots * CB, image_pitch = patch_rows * row_pitch;
    const int block_pitch = IB * image_pitch;
    __global const float *x = x_base + x_at + (ulong)n0 * H * W * C;
    __global float *y = y_base + y_at;
    floatv tile[MR * NV];

    for (int c0 = 0; c0 < C; c0 += CC) {
        const int nc = min(CC, C - c0), nb = (nc + CB - 1) / CB;
        for (int row = 0; row < images * patch_rows; row++)
            copy_row(patch + row * row_pitch, x + (ulong)(row / patch_rows) * H * W * C, H, W, C,
                     ph0 * is_h + low_h + row % patch_rows, pw0 * is_w + low_w, c0, nc, is_w, slots,
                     block_pitch, CB);

        for (int kb = kb0; kb < min(kb0 + KG, blocks_k); kb++) {
            const int k1 = min(K, kb * NR + NR);
            int taps_before = 0; /* of the phases so far */
            for (int ab = 0; ab < os_h * os_w; ab++) {
                const int a = ab / os_w, b = ab % os_w;
                /* a + off may be negative only where OS is 1 */
                const int RT = os_h == 1 ? R : taps_of(R, (a + off_h) % os_h, os_h);
                const int ST = os_w == 1 ? S : taps_of(S, (b + off_w) % os_w, os_w);
                const int dh = (a + off_h) / os_h - RT + 1 - low_h;
                const int dw = (b + off_w) / os_w - ST + 1 - low_w;
                const int height = min(PB, (OH - a + os_h - 1) / os_h - ph0);
                const int width = min(QB, (OW - b + os_w - 1) / os_w - pw0);
                const int pixels = width > 0 && height > 0 ? images * height * width : 0;
                __global const float *w = w_base + w_at + ((long)taps_before * blocks_c * blocks_k
                    + ((long)kb * blocks_c + c0 / CB) * RT * ST) * (CB * NR);
                /* The next pixel, its first tap in the patch and its first output. */
                int p = 0, q = 0, in = dh * row_pitch + dw * CB;
                ulong out = (((ulong)n0 * OH + ph0 * os_h + a) * OW + pw0 * os_w + b) * K;
                const int in_row = is_h * row_pitch - width * CB;
                const int in_image = image_pitch - height * is_h * row_pitch;
                const ulong out_row = (ulong)(os_h * OW - os_w * width) * K;
                const ulong out_image = (ulong)(OH - os_h * height) * OW * K;
                taps_before += RT * ST;
                for (int first = 0, some; first < pixels; first += some) {
                    int from[MR];
                    ulong to[MR];
                    some = min(MR, JOIN ? pixels - first : width - q);
                    #pragma unroll
                    for (int r = 0; r < MR; r++) {
                        from[r] = in, to[r] = out;
                        if (r >= some || first + r + 1 == pixels) /* surplus, or the very last */
                            continue;
                        in += CB, out += os_w * K;
                        if (++q == width) {
                            q = 0, in += in_row, out += out_row;
                            if (++p == height)
                                p = 0, in += in_image, out += out_image;
                        }
                    }
                    reduce(tile, patch, from, w, nb, RT, ST, is_w, block_pitch, row_pitch,
                           slots * CB);
                    for (int r = 0; r < some; r++) {
                        const ulong at = to[r];
                        const floatv *t = tile + r * NV;
                        int k = kb * NR;
                        for (; k + V <= k1; k += V) {
                            floatv sum = *t++;
                            if (c0 > 0)
                                sum += LOADV(y + at + k);
                            if (c0 + CC >= C)
                                sum = EPILOGUE(sum, at + k, k, floatv, LOADV);
                            STOREV(sum, y + at + k);
                        }
                        for (int e = 0; k < k1; k++, e++) {
                            float sum = ((const float *)t)[e];
                            if (c0 > 0)
                                sum += y[at + k];
                            if (c0 + CC >= C)
                                sum = EPILOGUE(sum, at + k, k, float, LOAD1);
                            y[at + k] = sum;
                        }
                    }
                }
            }
        }
    }
}
