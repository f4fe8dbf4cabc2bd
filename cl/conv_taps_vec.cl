/* Convolution and its data gradient of few pixels, for devices that run one work-item at a time
 * (CPUs): a sum over taps of small matrix products, with a filter that is read once, as it lies.
 *
 * With P x Q the small grid and H x W the large one, the tap (r, s) joins (p, q) and
 *     (h, w) = (p * stride_h + r - pad_h, q * stride_w + s - pad_w)
 * wherever both exist: for first_of() <= p < end_of(), q likewise. With f [R,S,C,K]
 *     TURNED 0  y[n, p, q, k] = sum over the taps that join (p, q) and over c of
 *                               x[n, h, w, c] f[r, s, c, k]             convolution
 *     TURNED 1  y[n, h, w, c] = sum over the taps that join (h, w) and over k of
 *                               x[n, p, q, k] f[r, s, c, k]             its data gradient
 * so that no term with a zero outside is computed, and nothing but the filter is copied. Below,
 * channels are those of x (C; turned K) and outputs those of y (K; turned C).
 *
 * Work-items: group of KG blocks of NR outputs, group of IB images, group of the channels.
 * Work-group size 1. Each keeps the sums of all its pixels in local memory (plain cache on a CPU),
 * [KG][pixels][NR], and for each tap and CC channels at a time
 * 1. fetches that part of the filter into local memory as [KG][CC][NR], row after row: memory is
 *    quickest where KG (turned: CC) covers whole rows and so all is one run;
 * 2. for each NR outputs, adds the products with MR joined pixels at a time to their sums:
 *    MR * NR / V vector registers; 4, 2 and 1 pixels for the rest.
 * Turned, and for up to DOTS pixels, dot products with the filter in its place instead of both.
 * At the end they are y, or where there are several groups of channels, its part for sum_vec.cl.
 *
 * Local memory: KG * (NR * (CC + pixels) + V) floats, turned NR * (CC + V) more; 2 * IB * P * Q
 * integers. Registers: MR * NR / V + NR / V + 1 vectors; 2 * V while turning. */
#ifndef MR /* pixels of a register block: 1 to 16 */
#define MR 8
#endif
#ifndef NR /* outputs of a register block: V times 1 to 4 */
#define NR 32
#endif
#ifndef TURNED /* 0: convolution; 1: data gradient */
#define TURNED 0
#endif
#ifndef DOTS /* pixels joined by a tap for which a TURNED filter is left as it lies: 0 to 16 */
#define DOTS 8
#endif
#include "vec.cl"
#define NV (NR / V)
#define DOTS_K (V < 8 ? 2 : 4) /* these make V sums */
#define DOTS_P (V / DOTS_K)

/* ---- the filter's part ---------------------------------------------------------------------- */

#if V > 1
/* V vectors of V floats turned in place: log2(V) times rows 2i and 2i + 1 become the elements of
 * rows i and i + V / 2 in turn. */
static void turn(floatv *a)
{
    floatv b[V];
    #pragma unroll
    for (int n = 1; n < V; n *= 2) {
        #pragma unroll
        for (int i = 0; i < V / 2; i++) {
            b[2 * i].even = a[i].lo, b[2 * i].odd = a[i + V / 2].lo;
            b[2 * i + 1].even = a[i].hi, b[2 * i + 1].odd = a[i + V / 2].hi;
        }
        #pragma unroll
        for (int i = 0; i < V; i++)
            a[i] = b[i];
    }
}
#endif

/* part[nc][NR] from NR rows of nc floats, `pitch` apart. (No LOADV: PoCL makes pieces of a vload16
 * that shuffles follow.) */
static void turn_rows(__local float *part, __local const float *rows, int nc, int pitch)
{
    int c = 0;
#if V > 1
    for (; c + V <= nc; c += V) {
        for (int k = 0; k < NR; k += V) {
            floatv a[V];
            #pragma unroll
            for (int i = 0; i < V; i++)
                a[i] = ((__local const unaligned *)(rows + (k + i) * pitch + c))->v;
            turn(a);
            #pragma unroll
            for (int i = 0; i < V; i++)
                STOREL(a[i], part + (c + i) * NR + k);
        }
    }
#endif
    for (; c < nc; c++)
        for (int k = 0; k < NR; k++)
            part[c * NR + k] = rows[k * pitch + c];
}

static void fetch_row(__local float *to, __global const float *from, int nc)
{
    int c = 0;
    for (; c + V <= nc; c += V)
        STOREL(LOADV(from + c), to + c);
    for (; c < nc; c++)
        to[c] = from[c];
}

/* part[block][nc][NR], blocks part_pitch apart, from nc channels and nk outputs of f [C,K], zero
 * beyond these. Turned, by way of NR rows, row_pitch apart. */
static void fetch(__local float *part, __global const float *f, int nc, int nk, int K,
                  int part_pitch, __local float *rows, int row_pitch)
{
#if TURNED
    for (int k = 0; k < nk; k += NR, part += part_pitch) {
        for (int i = 0; i < NR; i++) {
            if (k + i < nk)
                fetch_row(rows + i * row_pitch, f + (long)(k + i) * K, nc);
            else
                zero(rows + i * row_pitch, nc);
        }
        turn_rows(part, rows, nc, row_pitch);
    }
#else
    for (int c = 0; c < nc; c++, part += NR)
        for (int k = 0; k < nk; k += NR)
            copy_padded(part + k / NR * part_pitch, f + (long)c * K + k, nk - k, NR);
#endif
}

/* ---- products ------------------------------------------------------------------------------- */

/* sums[to[i]][NR] += sum over nc channels of x[from[i]][channel] * part[channel][NR] for the pixels
 * i < some, which must be a constant (hence inlined); pixels of x are `step` floats. */
__attribute__((always_inline))
static void add_products(__local float *sums, __global const float *x, __local const float *part,
                         __local const int *from, __local const int *to, int nc, int step,
                         const int some)
{
    __global const float *at[MR];
    floatv acc[MR][NV];
    #pragma unroll
    for (int i = 0; i < MR; i++) {
        if (i < some) {
            at[i] = x + (long)from[i] * step;
            #pragma unroll
            for (int v = 0; v < NV; v++)
                acc[i][v] = LOADV(sums + (long)to[i] * NR + v * V);
        }
    }
    for (uint c = 0; c < (uint)nc; c++, part += NR) {
        floatv f[NV];
        #pragma unroll
        for (int v = 0; v < NV; v++)
            f[v] = LOADV(part + v * V);
        #pragma unroll
        for (int i = 0; i < MR; i++)
            #pragma unroll
            for (int v = 0; v < NV && i < some; v++)
                acc[i][v] = fma((floatv)(at[i][c]), f[v], acc[i][v]);
    }
    #pragma unroll
    for (int i = 0; i < MR; i++)
        #pragma unroll
        for (int v = 0; v < NV && i < some; v++)
            STOREL(acc[i][v], sums + (long)to[i] * NR + v * V);
}

static void add_all(__local float *sums, __global const float *x, __local const float *part,
                    __local const int *from, __local const int *to, int nc, int step, int pixels)
{
    int i = 0;
    for (; i + MR <= pixels; i += MR)
        add_products(sums, x, part, from + i, to + i, nc, step, MR);
#if MR > 4
    for (; i + 4 <= pixels; i += 4)
        add_products(sums, x, part, from + i, to + i, nc, step, 4);
#endif
#if MR > 2
    for (; i + 2 <= pixels; i += 2)
        add_products(sums, x, part, from + i, to + i, nc, step, 2);
#endif
    for (; i < pixels; i++)
        add_products(sums, x, part, from + i, to + i, nc, step, 1);
}

#if TURNED && V > 1
/* The same for DOTS_K outputs, with f as it lies: rows of nc channels, `step` apart like the
 * pixels; dot products of DOTS_P pixels at a time. f need not be turned, but passes for each. */
static void add_dots(__local float *sums, __global const float *x, __global const float *f,
                     __local const int *from, __local const int *to, int nc, int step, int pixels)
{
    for (int first = 0; first < pixels; first += DOTS_P) {
        __global const float *at[DOTS_P];
        floatv acc[V];
        float sum[V];
        int c = 0;
        #pragma unroll
        for (int i = 0; i < DOTS_P; i++)
            at[i] = x + (long)from[min(first + i, pixels - 1)] * step;
        #pragma unroll
        for (int i = 0; i < V; i++)
            acc[i] = (floatv)(0.0f);
        for (; c + V <= nc; c += V) {
            floatv w[DOTS_K];
            #pragma unroll
            for (int k = 0; k < DOTS_K; k++)
                w[k] = LOADV(f + (long)k * step + c);
            #pragma unroll
            for (int i = 0; i < V; i++)
                acc[i] = fma(LOADV(at[i / DOTS_K] + c), w[i % DOTS_K], acc[i]);
        }
        turn(acc);
        #pragma unroll
        for (int i = 1; i < V; i++)
            acc[0] += acc[i];
        *(floatv *)sum = acc[0];
        for (int i = 0; i < V && first + i / DOTS_K < pixels; i++) {
            for (int e = c; e < nc; e++)
                sum[i] = fma(at[i / DOTS_K][e], f[(long)(i % DOTS_K) * step + e], sum[i]);
            sums[to[first + i / DOTS_K] * NR + i % DOTS_K] += sum[i];
        }
    }
}
#endif

/* ---- taps ----------------------------------------------------------------------------------- */

/* The positions p with 0 <= p * stride + tap - pad < size are first_of .. end_of - 1. */
static int first_of(int tap, int stride, int pad)
{
    return tap < pad ? (pad - tap + stride - 1) / stride : 0;
}

static int end_of(int tap, int stride, int pad, int size, int positions)
{
    const int room = size + pad - tap;
    return room > 0 ? min(positions, (room + stride - 1) / stride) : 0;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_taps(__global const float *x_base, ulong x_at, __global const float *f_base, ulong f_at,
               __global float *y_base, ulong y_at, int N, int H, int W, int C, int P, int Q, int K,
               int R, int S, int stride_h, int stride_w, int pad_h, int pad_w, int IB, int CC,
               int KG, __local float *part, __local float *sums, __local int *from,
               __local int *to EPILOGUE_PARAMS)
{
    const int channels = TURNED ? K : C, outputs = TURNED ? C : K;
    const int in = TURNED ? P * Q : H * W, out = TURNED ? H * W : P * Q; /* pixels of an image */
    const int k0 = (int)get_global_id(0) * KG * NR, nk = min(KG * NR, outputs - k0);
    const int n0 = (int)get_global_id(1) * IB, images = min(IB, N - n0);
    const int groups = (int)get_global_size(2), g = (int)get_global_id(2);
    const int chunks = (channels + CC - 1) / CC;
    const int begin = chunks * g / groups * CC, end = min(channels, chunks * (g + 1) / groups * CC);
    const int blocks = (nk + NR - 1) / NR, pixels = images * out;
    const int part_pitch = CC * NR + V; /* of blocks, no power of two */
    __global const float *x = x_base + x_at + (ulong)n0 * in * channels;
    __global const float *f = f_base + f_at + (TURNED ? (ulong)k0 * K : k0);

    for (int i = 0; i < blocks * pixels * NR; i += V)
        STOREL((floatv)(0.0f), sums + i);
    for (int tap = 0; tap < R * S; tap++, f += (ulong)C * K) {
        const int r = tap / S, s = tap % S;
        const int p0 = first_of(r, stride_h, pad_h), p1 = end_of(r, stride_h, pad_h, H, P);
        const int q0 = first_of(s, stride_w, pad_w), q1 = end_of(s, stride_w, pad_w, W, Q);
        int joined = 0;
        for (int n = 0; n < images; n++) {
            for (int p = p0; p < p1; p++) {
                const int h = p * stride_h + r - pad_h;
                for (int q = q0; q < q1; q++, joined++) {
                    const int small = (n * P + p) * Q + q;
                    const int large = (n * H + h) * W + q * stride_w + s - pad_w;
                    from[joined] = TURNED ? small : large;
                    to[joined] = TURNED ? large : small;
                }
            }
        }
        for (int c0 = begin; joined > 0 && c0 < end; c0 += CC) {
            const int nc = min(CC, end - c0);
#if TURNED && V > 1
            if (joined <= DOTS && nk == blocks * NR) {
                for (int k = 0; k < nk; k += DOTS_K)
                    add_dots(sums + (long)(k / NR) * pixels * NR + k % NR, x + c0,
                             f + (ulong)k * K + c0, from, to, nc, channels, joined);
                continue;
            }
#endif
            fetch(part, f + (TURNED ? c0 : (ulong)c0 * K), nc, nk, K, part_pitch,
                  part + KG * part_pitch, CC + V);
            for (int kb = 0; kb < blocks; kb++)
                add_all(sums + (long)kb * pixels * NR, x + c0, part + kb * part_pitch, from, to, nc,
                        channels, joined);
        }
    }

    __global float *y = y_base + y_at + (ulong)g * N * out * outputs;
    for (int i = 0; i < pixels; i++) {
        const ulong at = ((ulong)n0 * out + i) * outputs + k0;
        for (int kb = 0; kb < blocks; kb++) {
            __local const float *sum = sums + ((long)kb * pixels + i) * NR;
            int k = kb * NR;
            const int last = min(nk, k + NR);
            for (; k + V <= last; k += V, sum += V) {
                const floatv value = LOADV(sum);
                STOREV(EPILOGUE(value, at + k, k0 + k, floatv, LOADV), y + at + k);
            }
            for (; k < last; k++, sum++) {
                const float value = *sum;
                y[at + k] = EPILOGUE(value, at + k, k0 + k, float, LOAD1);
            }
        }
    }
}
