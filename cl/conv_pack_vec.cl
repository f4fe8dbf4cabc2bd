/* Packs a filter [R,S,C,K] for conv_vec.cl (conv_gather):
 *     [phase][outputs / NR][channels / CB][i][j % IS][j / IS][CB][NR]
 * zero beyond the channels and outputs. `flip` is 0 for the convolution (channels = C, outputs = K)
 * and 1 for its data gradient (channels = K, outputs = C, taps of a phase in reverse order). The
 * last two are [CB / L][NR][L]: L is 1, or for conv_narrow_vec.cl the length of its vectors.
 *
 * Work-item (block of CB rows of C, or if flipped, where they are outputs, of NR; tap r*S + s):
 * these rows are read along K, as they lie, block by block of K. Registers: 1 vector. */
#ifndef NR /* outputs of a block: 1 to 64 */
#define NR 32
#endif
#ifndef CB /* channels of a block: 1 to 64 */
#define CB 32
#endif
#ifndef L /* length of the innermost index over channels: a divisor of CB */
#define L 1
#endif
#include "vec.cl"

/* For tap t of *taps along one axis: how many taps its phase has (into *taps), how many the phases
 * before it have, and (returned) its place among those of its phase. */
static int place_of(int t, int os, int off, int flip, int *taps, int *before)
{
    const int all = *taps, phase = ((t - off) % os + os) % os;
    *before = 0;
    if (os == 1)
        return flip ? all - 1 - t : t;
    for (int a = 0; a < phase; a++)
        *before += taps_of(all, (a + off) % os, os);
    *taps = taps_of(all, t % os, os);
    return *taps - 1 - t / os;
}

/* A block of nc channels and nk outputs, whose others are zero; from_c, from_k: steps in `from`. */
static void pack_part(__global float *to, __global const float *from, int nc, int nk, int from_c,
                      int from_k)
{
    for (int c = 0; c < CB; c++)
        for (int k = 0; k < NR; k++)
            to[c / L * (L * NR) + k * L + c % L]
                = c < nc && k < nk ? from[(long)c * from_c + (long)k * from_k] : 0.0f;
}

/* A full block of rows over channels, each of NR outputs. */
static void pack_straight(__global float *to, __global const float *from, int from_c)
{
#if L == 1 && NR % V == 0
    for (int c = 0; c < CB; c++)
        #pragma unroll
        for (int k = 0; k < NR; k += V)
            STOREV(LOADV(from + (long)c * from_c + k), to + c * NR + k);
#else
    pack_part(to, from, CB, NR, from_c, 1);
#endif
}

/* Full blocks of rows over outputs, each of `blocks` times CB channels, `step` apart in `to`. */
static void pack_turned(__global float *to, __global const float *from, int from_k, int blocks,
                        long step)
{
    for (int k = 0; k < NR; k++)
        for (int b = 0; b < blocks; b++)
            #pragma unroll
            for (int c = 0; c < CB; c++)
                to[b * step + c / L * (L * NR) + k * L + c % L]
                    = from[(long)k * from_k + b * CB + c];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_pack(__global const float *f_base, ulong f_at, __global float *w_base, ulong w_at, int R,
               int S, int C, int K, int is_w, int os_h, int os_w, int off_h, int off_w, int flip)
{
    const int channels = flip ? K : C, outputs = flip ? C : K;
    const int blocks_c = (channels + CB - 1) / CB, blocks_k = (outputs + NR - 1) / NR;
    const int r = (int)get_global_id(1) / S, s = (int)get_global_id(1) % S;
    int RT = R, ST = S, rows_before, columns_before;
    const int i = place_of(r, os_h, off_h, flip, &RT, &rows_before);
    const int js = place_of(s, os_w, off_w, flip, &ST, &columns_before);
    int j = js / is_w; /* the taps with a smaller j % IS come first */
    for (int m = 0; m < js % is_w; m++)
        j += taps_of(ST, m, is_w);
    const int before = rows_before * S + RT * columns_before; /* taps */
    __global float *w = w_base + w_at + (long)before * blocks_c * blocks_k * CB * NR;
    __global const float *f = f_base + f_at + (long)(r * S + s) * C * K;
    const int from_c = flip ? 1 : K, from_k = flip ? K : 1;

    for (int b = 0, some; b < (flip ? blocks_c : blocks_k); b += some) {
        const int cb = flip ? b : (int)get_global_id(0), kb = flip ? (int)get_global_id(0) : b;
        const int nc = channels - cb * CB, nk = outputs - kb * NR;
        const long step = (long)RT * ST * CB * NR;
        __global float *to = w + (kb * blocks_c + cb) * step + (i * ST + j) * CB * NR;
        __global const float *from = f + (long)cb * CB * from_c + (long)kb * NR * from_k;
        some = 1;
        if (nc < CB || nk < NR) {
            pack_part(to, from, nc, nk, from_c, from_k);
        } else if (flip) {
            some = min(4, nc / CB);
            pack_turned(to, from, from_k, some, step);
        } else {
            pack_straight(to, from, from_c);
        }
    }
}
