/* Weight gradient of a convolution for devices that run one work-item at a time (CPUs).
 *     f[r, s, c, k] = sum_{n, p, q} x[n, p*IS + r - pad, q*IS + s - pad, c] * y[n, p, q, k]
 *
 * Work-items: (chunk of CC channels) x (chunk of KC outputs), group of pixel blocks. Work-group
 * size 1. A group adds its blocks, one after the other, into partial sums of its own,
 *     part[group][r][s][c][K rounded up to NR]
 * that sum_vec.cl adds in the order of the groups. A pixel block is IB images x PB rows x QB
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
#pragma OPENCL FP_CONTRACT OFF

#ifndef V /* vector length: 1, 2, 4, 8, 16 */
#define V 16
#endif
#ifndef MR /* (tap, channel) pairs of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#ifndef CB /* channels of a block of the patch: 1 to 64 */
#define CB 32
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
#define NV (NR / V)

/* Taps r < taps with r % step == rest. */
static int taps_of(int taps, int rest, int step)
{
    return rest < taps ? (taps - rest + step - 1) / step : 0;
}

/* CB floats, of which those from n on are zero. */
static void copy_channels(__local float *to, __global const float *from, int n)
{
#if CB % V == 0
    if (n >= CB) {
        #pragma unroll
        for (int c = 0; c < CB; c += V)
            STOREV(LOADV(from + c), to + c);
        return;
    }
#endif
    for (int c = 0; c < CB; c++)
        to[c] = c < n ? from[c] : 0.0f;
}

/* NR floats, of which those from n on are zero. */
static void copy_outputs(__local float *to, __global const float *from, int n)
{
    if (n >= NR) {
        #pragma unroll
        for (int k = 0; k < NR; k += V)
            STOREV(LOADV(from + k), to + k);
        return;
    }
    for (int k = 0; k < NR; k++)
        to[k] = k < n ? from[k] : 0.0f;
}

static void zero(__local float *to, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = 0.0f;
}

/* One row of the patch: channels c0 .. c0 + nc of row h (any h) from column w0 on. */
static void copy_row(__local float *row, __global const float *x, int H, int W, int C, int h,
                     int w0, int c0, int nc, int is_w, int slots, int block_pitch)
{
    int blocks = (nc + CB - 1) / CB;
    for (int m = 0; m < is_w; m++) {
        __local float *to = row + m * slots * CB;
        int first = w0 + m < 0 ? min((-w0 - m + is_w - 1) / is_w, slots) : 0;
        int last = W - w0 - m <= 0 ? 0 : min((W - w0 - m + is_w - 1) / is_w, slots);
        if (h < 0 || h >= H || last <= first)
            first = last = slots;
        for (int b = 0; b < blocks; b++) {
            zero(to + b * block_pitch, first * CB);
            zero(to + b * block_pitch + last * CB, (slots - last) * CB);
        }
        if (first == last)
            continue;
        __global const float *from = x + ((long)h * W + w0 + m) * C + c0;
        for (int slot = first; slot < last; slot++)
            for (int b = 0; b < blocks; b++)
                copy_channels(to + b * block_pitch + slot * CB,
                              from + (long)slot * is_w * C + b * CB, nc - b * CB);
    }
}

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
                 __local float *ys)
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
                         block_pitch);
            for (int p = 0; p < rows; p++) {
                __global const float *from
                    = y + (((ulong)(n0 + n) * P + p0 + p) * Q + q0) * K + k0;
                for (int q = 0; q < columns; q++)
                    for (int kb = 0; kb < blocks_k; kb++)
                        copy_outputs(ys + kb * y_block + (n * PB + p) * y_row + q * NR,
                                     from + (long)q * K + kb * NR, nk - kb * NR);
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
}
