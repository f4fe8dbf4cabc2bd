/* Convolutions with few outputs (a picture's 3 channels), vectorised over the input channels, for
 * devices that run one work-item at a time (CPUs). Equations, phases and index letters are those of
 * conv_vec.cl and conv_weight_vec.cl; K is KN.
 *
 * conv_narrow: forward and data gradient. The patch is
 *     patch[C / CB][row][column % IS][column / IS][CB]
 * and filters come packed as [phase][C / CB][i][j % IS][j / IS][CB / V][KN][V]. MR pixels x KN
 * outputs are kept as vectors of V partial sums over channels, MR + KN vector loads for MR * KN
 * fma; their elements are added at the end. Work-items: strip of QB columns, strip of PB rows,
 * image.
 *
 * conv_weight_narrow: MR taps s, s + IS, ... x KN outputs are vectors over channels, summed over
 * the pixels of a block: MR vectors of x and KN broadcasts of y for MR * KN fma a pixel.
 * Work-items: chunk of CC channels, group of pixel blocks of PB rows x QB columns. Partial sums are
 * part[group][r][s][k][C rounded up to V]; sum_narrow adds them in the order of the groups.
 *
 * Work-group size 1. Local memory: CC * patch_rows * IS * slots floats; conv_weight_narrow MR * CB
 * and PB * QB * KN more. Registers: MR * KN + KN + 1 vectors. */
#ifndef MR /* pixels (conv_narrow) or taps (conv_weight_narrow) of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef KN /* outputs: 1 to 8 */
#define KN 3
#endif
#ifndef CB /* channels of a block of the patch: V times 1 to 8 */
#define CB 32
#endif
#include "vec.cl"

/* sums[pixel][output] over nb channel blocks, RT x ST taps. x: the patch at the first pixel's first
 * tap; a filter row's taps of one column % IS follow each other, the next are `plane` floats
 * on. */
static void reduce(float *sums, __local const float *x, __global const float *w, int nb, int RT,
                   int ST, int is_w, int block_pitch, int row_pitch, int plane)
{
    const int some = ST / is_w, more = ST % is_w; /* taps of one column % IS */
    floatv acc[MR][KN];
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < KN; k++)
            acc[r][k] = (floatv)(0.0f);
    for (int cb = 0; cb < nb; cb++) {
        for (int i = 0; i < RT; i++) {
            for (int m = 0; m < is_w; m++) {
                __local const float *xs = x + cb * block_pitch + i * row_pitch + m * plane;
                const int run = (some + (m < more)) * (CB / V);
                for (int e = 0; e < run; e++) {
                    floatv f[KN];
                    #pragma unroll
                    for (int k = 0; k < KN; k++)
                        f[k] = LOADV(w + (e * KN + k) * V);
                    #pragma unroll
                    for (int r = 0; r < MR; r++) {
                        const floatv value = LOADV(xs + e * V + r * CB);
                        #pragma unroll
                        for (int k = 0; k < KN; k++)
                            acc[r][k] = fma(value, f[k], acc[r][k]);
                    }
                }
                w += run * KN * V;
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < KN; k++)
            sums[r * KN + k] = sum_of(acc[r][k]);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_narrow(__global const float *x_base, ulong x_at, __global const float *w_base, ulong w_at,
                 __global float *y_base, ulong y_at, int H, int W, int C, int OH, int OW, int R,
                 int S, int is_h, int is_w, int os_h, int os_w, int off_h, int off_w, int low_h,
                 int low_w, int PB, int QB, int CC, int patch_rows, int slots, __local float *patch
                 EPILOGUE_PARAMS)
{
    const int pw0 = (int)get_global_id(0) * QB, ph0 = (int)get_global_id(1) * PB;
    const int n = (int)get_global_id(2);
    const int blocks_c = (C + CB - 1) / CB;
    const int row_pitch = is_w * slots * CB, block_pitch = patch_rows * row_pitch;
    __global const float *x = x_base + x_at + (ulong)n * H * W * C;
    __global float *y = y_base + y_at;
    float sums[MR * KN];

    for (int c0 = 0; c0 < C; c0 += CC) {
        const int nc = min(CC, C - c0), nb = (nc + CB - 1) / CB;
        for (int row = 0; row < patch_rows; row++)
            copy_row(patch + row * row_pitch, x, H, W, C, ph0 * is_h + low_h + row,
                     pw0 * is_w + low_w, c0, nc, is_w, slots, block_pitch, CB);

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
            __global const float *w = w_base + w_at
                + ((long)taps_before * blocks_c + (long)c0 / CB * RT * ST) * (CB * KN);
            taps_before += RT * ST;
            for (int p = 0; p < height; p++) {
                const ulong row = ((ulong)n * OH + (ph0 + p) * os_h + a) * OW;
                for (int q = 0; q < width; q += MR) {
                    reduce(sums, patch + (p * is_h + dh) * row_pitch + (q + dw) * CB, w, nb, RT, ST,
                           is_w, block_pitch, row_pitch, slots * CB);
                    for (int r = 0; r < min(MR, width - q); r++) {
                        const ulong at = (row + (pw0 + q + r) * os_w + b) * KN;
                        #pragma unroll
                        for (int k = 0; k < KN; k++) {
                            float sum = sums[r * KN + k];
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

/* Adds a pixel block to the sums to[tap * tap_step + k * pitch_c][V] of `taps` taps, at most MR
 * (starting from zero if `first`). x, y: the block's first pixel. */
static void accumulate(__global float *to, int first, int taps, int tap_step, int pitch_c,
                       __local const float *x, __local const float *y, int rows, int columns,
                       int x_row, int y_row)
{
    floatv acc[MR][KN];
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int k = 0; k < KN; k++) {
            acc[r][k] = (floatv)(0.0f);
            if (r < taps && !first)
                acc[r][k] = LOADV(to + (long)r * tap_step + k * pitch_c);
        }
    for (int p = 0; p < rows; p++) {
        __local const float *xs = x + p * x_row, *ys = y + p * y_row;
        for (int q = 0; q < columns; q++) {
            #pragma unroll
            for (int r = 0; r < MR; r++) {
                const floatv value = LOADV(xs + (q + r) * CB);
                #pragma unroll
                for (int k = 0; k < KN; k++)
                    acc[r][k] = fma((floatv)(ys[q * KN + k]), value, acc[r][k]);
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++) {
        if (r < taps) {
            #pragma unroll
            for (int k = 0; k < KN; k++)
                STOREV(acc[r][k], to + (long)r * tap_step + k * pitch_c);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_weight_narrow(__global const float *x_base, ulong x_at, __global const float *y_base,
                        ulong y_at, __global float *part_base, ulong part_at, int N, int H, int W,
                        int C, int P, int Q, int R, int S, int is_h, int is_w, int pad_h, int pad_w,
                        int PB, int QB, int CC, int patch_rows, int slots, __local float *patch,
                        __local float *ys)
{
    const int groups = (int)get_global_size(1), g = (int)get_global_id(1);
    const int c0 = (int)get_global_id(0) * CC, nc = min(CC, C - c0);
    const int row_pitch = is_w * slots * CB, block_pitch = patch_rows * row_pitch;
    const int pitch_c = (C + V - 1) / V * V;
    const int strips_p = (P + PB - 1) / PB, strips_q = (Q + QB - 1) / QB;
    const long blocks = (long)N * strips_p * strips_q;
    const long begin = blocks * g / groups, end = blocks * (g + 1) / groups;
    __global const float *x = x_base + x_at, *y = y_base + y_at;
    __global float *part = part_base + part_at + (ulong)g * R * S * KN * pitch_c + c0;
    zero(patch + (nc + CB - 1) / CB * block_pitch, MR * CB);

    for (long block = begin; block < end; block++) {
        const int n = (int)(block / (strips_p * strips_q));
        const int p0 = (int)(block / strips_q % strips_p) * PB, rows = min(PB, P - p0);
        const int q0 = (int)(block % strips_q) * QB, columns = min(QB, Q - q0);
        for (int h = 0; h < (rows - 1) * is_h + R; h++)
            copy_row(patch + h * row_pitch, x + (ulong)n * H * W * C, H, W, C,
                     p0 * is_h - pad_h + h, q0 * is_w - pad_w, c0, nc, is_w, slots, block_pitch,
                     CB);
        for (int p = 0; p < rows; p++) {
            __global const float *from = y + (((ulong)n * P + p0 + p) * Q + q0) * KN;
            for (int e = 0; e < columns * KN; e++)
                ys[p * QB * KN + e] = from[e];
        }

        for (int cv = 0; cv < (nc + V - 1) / V; cv++) {
            for (int im = 0; im < R * is_w; im++) {
                const int i = im / is_w, m = im % is_w, taps = taps_of(S, m, is_w);
                __local const float *xs = patch + cv / (CB / V) * block_pitch + i * row_pitch
                    + m * slots * CB + cv % (CB / V) * V;
                for (int j = 0; j < taps; j += MR)
                    accumulate(part + (ulong)(i * S + m + j * is_w) * KN * pitch_c + cv * V,
                               block == begin, taps - j, is_w * KN * pitch_c, pitch_c, xs + j * CB,
                               ys, rows, columns, is_h * row_pitch, QB * KN);
            }
        }
    }
}

/* out[rs, c, k] = sum_g part[g][rs][k][c]: work-item rs. */
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void sum_narrow(__global const float *part_base, ulong part_at, __global float *out_base,
                ulong out_at, int groups, int C EPILOGUE_PARAMS)
{
    const int pitch_c = (C + V - 1) / V * V;
    const ulong rs = get_global_id(0), step = get_global_size(0) * KN * pitch_c;
    __global const float *part = part_base + part_at + rs * KN * pitch_c;
    for (int c = 0; c < C; c++) {
        for (int k = 0; k < KN; k++) {
            const ulong at = (rs * C + c) * KN + k;
            float sum = part[k * pitch_c + c];
            for (int g = 1; g < groups; g++)
                sum += part[g * step + k * pitch_c + c];
            out_base[out_at + at] = EPILOGUE(sum, at, k, float, LOAD1);
        }
    }
}
