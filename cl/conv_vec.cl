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
 * Work-items: (strip of QB columns) x (group of KG blocks of NR outputs), (strip of PB rows),
 * image; rows and columns counted in ph, pw. Work-group size 1.
 * 1. The part of x that the strip needs is copied to local memory with its borders zeroed, CC
 *    channels at a time, as patch[channel block][row][column % IS][column / IS][CB]: the MR pixels
 *    of a register block and the taps of a filter row are then constant steps of CB apart, for any
 *    stride, and the reduction over (taps of a row, CB channels) is one straight run.
 * 2. For each block of NR outputs and each row, blocks of MR pixels are kept in MR * NR / V vector
 *    registers: one broadcast of x and NR / V vectors of the filter for MR * NR / V fma.
 * Filters come packed by conv_pack_vec.cl as [phase][K / NR][C / CB][i][j % IS][j / IS][CB][NR],
 * zero where c >= C or k >= K.
 *
 * Local memory: CC * patch_rows * IS * slots floats, slots being the columns / IS of the patch.
 * Registers: MR * NR / V + NR / V + 1 vectors. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef V /* vector length: 1, 2, 4, 8, 16 */
#define V 16
#endif
#ifndef MR /* pixels of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#ifndef CB /* channels of a block of the patch: 1 to 64 */
#define CB 32
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

/* tile[pixel][output] = sum over nb channel blocks, RT x ST taps. x: the patch at the first pixel's
 * first tap; a filter row's taps of one column % IS follow each other, the next are `plane` floats
 * on. */
static void reduce(float *tile, __local const float *x, __global const float *w, int nb, int RT,
                   int ST, int is_w, int block_pitch, int row_pitch, int plane)
{
    const int some = ST / is_w, more = ST % is_w; /* taps of one column % IS */
    floatv acc[MR][NV];
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int v = 0; v < NV; v++)
            acc[r][v] = (floatv)(0.0f);
    for (int cb = 0; cb < nb; cb++) {
        for (int i = 0; i < RT; i++) {
            for (int m = 0; m < is_w; m++) {
                __local const float *xs = x + cb * block_pitch + i * row_pitch + m * plane;
                const int run = (some + (m < more)) * CB;
                for (int e = 0; e < run; e++) {
                    floatv f[NV];
                    #pragma unroll
                    for (int v = 0; v < NV; v++)
                        f[v] = LOADV(w + e * NR + v * V);
                    #pragma unroll
                    for (int r = 0; r < MR; r++)
                        #pragma unroll
                        for (int v = 0; v < NV; v++)
                            acc[r][v] = fma((floatv)(xs[e + r * CB]), f[v], acc[r][v]);
                }
                w += run * NR;
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < MR; r++)
        #pragma unroll
        for (int v = 0; v < NV; v++)
            STOREV(acc[r][v], tile + r * NR + v * V);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_gather(__global const float *x_base, ulong x_at, __global const float *w_base, ulong w_at,
                 __global float *y_base, ulong y_at, int H, int W, int C, int OH, int OW, int K,
                 int R, int S, int is_h, int is_w, int os_h, int os_w, int off_h, int off_w,
                 int low_h, int low_w, int PB, int QB, int CC, int KG, int patch_rows, int slots,
                 __local float *patch EPILOGUE_PARAMS)
{
    const int strips = ((OW + os_w - 1) / os_w + QB - 1) / QB;
    const int kb0 = (int)get_global_id(0) / strips * KG;
    const int pw0 = (int)get_global_id(0) % strips * QB;
    const int ph0 = (int)get_global_id(1) * PB;
    const int n = (int)get_global_id(2);
    const int blocks_k = (K + NR - 1) / NR, blocks_c = (C + CB - 1) / CB;
    const int row_pitch = is_w * slots * CB, block_pitch = patch_rows * row_pitch;
    __global const float *x = x_base + x_at + (ulong)n * H * W * C;
    __global float *y = y_base + y_at;
    float tile[MR * NR];

    for (int c0 = 0; c0 < C; c0 += CC) {
        const int nc = min(CC, C - c0), nb = (nc + CB - 1) / CB;
        for (int row = 0; row < patch_rows; row++)
            copy_row(patch + row * row_pitch, x, H, W, C, ph0 * is_h + low_h + row,
                     pw0 * is_w + low_w, c0, nc, is_w, slots, block_pitch);

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
                __global const float *w = w_base + w_at + ((long)taps_before * blocks_c * blocks_k
                    + ((long)kb * blocks_c + c0 / CB) * RT * ST) * (CB * NR);
                taps_before += RT * ST;
                for (int p = 0; p < height; p++) {
                    const ulong row = ((ulong)n * OH + (ph0 + p) * os_h + a) * OW;
                    for (int q = 0; q < width; q += MR) {
                        reduce(tile, patch + (p * is_h + dh) * row_pitch + (q + dw) * CB, w, nb, RT,
                               ST, is_w, block_pitch, row_pitch, slots * CB);
                        for (int r = 0; r < min(MR, width - q); r++) {
                            const ulong at = (row + (pw0 + q + r) * os_w + b) * K;
                            const float *t = tile + r * NR;
                            int k = kb * NR;
                            for (; k + V <= k1; k += V, t += V) {
                                floatv sum = LOADV(t);
                                if (c0 > 0)
                                    sum += LOADV(y + at + k);
                                if (c0 + CC >= C)
                                    sum = EPILOGUE(sum, at + k, k, floatv, LOADV);
                                STOREV(sum, y + at + k);
                            }
                            for (; k < k1; k++, t++) {
                                float sum = *t;
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
}
