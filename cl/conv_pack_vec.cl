/* Packs a filter [R,S,C,K] for conv_vec.cl (conv_gather):
 *     [phase][outputs / NR][channels / CB][i][j % IS][j / IS][CB][NR]
 * zero beyond the channels and outputs. `flip` is 0 for the convolution (channels = C, outputs = K)
 * and 1 for its data gradient (channels = K, outputs = C, taps of a phase in reverse order). The
 * last two are [CB / L][NR][L]: L is 1, or for conv_narrow_vec.cl the length of its vectors.
 *
 * Work-item (block of CB channels, block of NR outputs; tap r*S + s) writes CB * NR floats. */
#pragma OPENCL FP_CONTRACT OFF

static int taps_of(int taps, int rest, int step)
{
    return rest < taps ? (taps - rest + step - 1) / step : 0;
}

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

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv_pack(__global const float *f_base, ulong f_at, __global float *w_base, ulong w_at, int R,
               int S, int C, int K, int is_w, int os_h, int os_w, int off_h, int off_w, int flip,
               int NR, int CB, int L)
{
    const int channels = flip ? K : C, outputs = flip ? C : K;
    const int blocks_c = (channels + CB - 1) / CB, blocks_k = (outputs + NR - 1) / NR;
    const int cb = (int)get_global_id(0) % blocks_c, kb = (int)get_global_id(0) / blocks_c;
    const int r = (int)get_global_id(1) / S, s = (int)get_global_id(1) % S;
    int RT = R, ST = S, rows_before, columns_before;
    const int i = place_of(r, os_h, off_h, flip, &RT, &rows_before);
    const int js = place_of(s, os_w, off_w, flip, &ST, &columns_before);
    int j = js / is_w; /* the taps with a smaller j % IS come first */
    for (int m = 0; m < js % is_w; m++)
        j += taps_of(ST, m, is_w);
    const int before = rows_before * S + RT * columns_before; /* taps */
    const long phase = (long)before * blocks_c * blocks_k * CB * NR;
    const long block = (long)(kb * blocks_c + cb) * RT * ST + i * ST + j;
    __global float *to = w_base + w_at + phase + block * CB * NR;
    __global const float *from = f_base + f_at + (long)(r * S + s) * C * K;
    const int from_c = flip ? 1 : K, from_k = flip ? K : 1;
    const int nc = min(CB, channels - cb * CB), nk = min(NR, outputs - kb * NR);
    from += (long)cb * CB * from_c + (long)kb * NR * from_k;
    for (int c = 0; c < CB; c++) {
        __global float *row = to + c / L * (L * NR) + c % L;
        const int n = c < nc ? nk : 0;
        if (L == 1 && !flip) /* the same, in vectors */
            for (int k = 0; k < n; k++)
                row[k] = from[(long)c * K + k];
        else
            for (int k = 0; k < n; k++)
                row[k * L] = from[(long)c * from_c + (long)k * from_k];
        for (int k = n; k < NR; k++)
            row[k * L] = 0.0f;
    }
}
