/* Packs a filter [R,S,C,K], R = S, for winograd_vec.cl: of each pair of phases G g G^T, as
 *     [position][output phase][outputs / NR][input phase][channels][NR]
 * zero beyond the outputs, with NR floats between positions. `flip` is 0 for the convolution
 * (channels = C, outputs = K) and 1 for its data gradient (channels = K, outputs = C, taps of a
 * phase in reverse order).
 *
 * Work-item (block of CB channels, (output phase, block of NR outputs)). Work-group size 1.
 * Registers: 2 * ALPHA vectors and some. */
#ifndef NR /* outputs of a block: V times 1 to 4 */
#define NR 32
#endif
#ifndef CB /* channels of a work-item */
#define CB 8
#endif
#include "vec.cl"
#include "winograd_transform.cl"

/* Of tap t of an output phase (of step os; 0: of the only one) and an input phase (of step is) the
 * place in the filter, or -1. */
static int tap_of(int t, int taps, int is, int in_phase, int os, int out_phase, int off, int flip)
{
    if (!flip) {
        const int r = t * is + in_phase;
        return r < taps ? r : -1;
    }
    const int rest = os == 1 ? 0 : (out_phase + off) % os, some = taps_of(taps, rest, os);
    return t < some ? rest + (some - 1 - t) * os : -1;
}

/* n (at most V) outputs, `step` apart. */
static floatv load_outputs(__global const float *from, int n, int step)
{
    float part[V];
    if (step == 1 && n == V)
        return LOADV(from);
    for (int e = 0; e < V; e++)
        part[e] = e < n ? from[(long)e * step] : 0.0f;
    return LOADV(part);
}

/* G g G^T; g is [TR][ALPHA] at first. */
static void taps_to_points(floatv *g)
{
    floatv d[ALPHA];
    #pragma unroll
    for (int j = 0; j < TR; j++) {
        #pragma unroll
        for (int i = 0; i < TR; i++)
            d[i] = g[i * ALPHA + j];
        spread(d, TR);
        #pragma unroll
        for (int i = 0; i < ALPHA; i++)
            g[i * ALPHA + j] = d[i] * inverse_of(i);
    }
    #pragma unroll
    for (int i = 0; i < ALPHA; i++) {
        spread(g + i * ALPHA, TR);
        #pragma unroll
        for (int j = 0; j < ALPHA; j++)
            g[i * ALPHA + j] *= inverse_of(j);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_pack(__global const float *f_base, ulong f_at, __global float *u_base, ulong u_at,
                   int R, int C, int K, int is, int os, int off_h, int off_w, int flip)
{
    const int channels = flip ? K : C, outputs = flip ? C : K;
    const int blocks_k = (outputs + NR - 1) / NR, kb = (int)get_global_id(1) % blocks_k;
    const int out_phase = (int)get_global_id(1) / blocks_k, a = out_phase / os, b = out_phase % os;
    const int from_c = flip ? 1 : K, from_k = flip ? K : 1;
    const ulong panel = (ulong)is * is * channels * NR, step = panel * os * os * blocks_k + NR;
    const int c0 = (int)get_global_id(0) * CB, c1 = min(c0 + CB, channels);
    __global float *u = u_base + u_at;

    for (int in_phase = 0; in_phase < is * is; in_phase++) {
        for (int c = c0; c < c1; c++) {
            for (int k = 0; k < NR; k += V) {
                const int n = min(V, outputs - kb * NR - k);
                __global const float *f = f_base + f_at + (long)c * from_c
                    + (long)(kb * NR + k) * from_k;
                __global float *to = u + get_global_id(1) * panel
                    + (ulong)(in_phase * channels + c) * NR + k;
                floatv g[POSITIONS];
                for (int ij = 0; ij < TR * TR; ij++) {
                    const int i = ij / TR, j = ij % TR;
                    const int r = tap_of(i, R, is, in_phase / is, os, a, off_h, flip);
                    const int s = tap_of(j, R, is, in_phase % is, os, b, off_w, flip);
                    g[i * ALPHA + j] = (floatv)(0.0f);
                    if (r >= 0 && s >= 0 && n > 0)
                        g[i * ALPHA + j] = load_outputs(f + (long)(r * R + s) * C * K, n, from_k);
                }
                taps_to_points(g);
                #pragma unroll
                for (int p = 0; p < POSITIONS; p++)
                    STOREV(g[p], to + p * step);
            }
        }
    }
}
