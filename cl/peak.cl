/* What a device can do at most, to compare kernels with.
 *
 * peak_fma: every work-item keeps CHAINS independent vectors of V floats in registers and does
 *     x <- x * a + b     `rounds` times each: 2 * V * CHAINS * rounds FLOP a work-item.
 * The chains hide the latency of fma(); registers: CHAINS + 2 vectors.
 * peak_copy: out[i] = in[i]; work-item g copies the vectors g * each ... g * each + each - 1 (CPUs:
 * a stretch; GPUs: each = 1, so that neighbours lie together): 8 * V * each bytes a work-item. */

#ifndef V /* vector length: 2, 4, 8, 16 */
#define V 8
#endif
#ifndef CHAINS /* 4 to 12 */
#define CHAINS 10
#endif

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
typedef PASTE(float, V) floatv;

__kernel void peak_fma(__global float *out, int rounds, float a, float b)
{
    floatv x[CHAINS];
    const float start = (float)get_global_id(0) * 1e-6f;
    for (int i = 0; i < CHAINS; i++)
        x[i] = (floatv)(start + (float)i);
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++)
            x[i] = fma(x[i], (floatv)(a), (floatv)(b));
    }
    floatv sum = x[0];
    for (int i = 1; i < CHAINS; i++)
        sum += x[i];
    PASTE(vstore, V)(sum, get_global_id(0), out); /* or nothing of this would be done */
}

__kernel void peak_copy(__global const float *in, __global float *out, int each)
{
    const ulong first = get_global_id(0) * (ulong)each;
    for (int i = 0; i < each; i++)
        PASTE(vstore, V)(PASTE(vload, V)(first + i, in), first + i, out);
}
