/* The second pass of a split reduction.
 *
 *     out[o, i] = sum (or max) over c of partial[o, c, i]      o < outer, c < chunks, i < inner
 *
 * One work-item an output; terms in fixed order, so the result does not depend on scheduling.
 * Global size: outer * inner. No local memory. */
#pragma OPENCL FP_CONTRACT OFF

__kernel void reduce_partials(__global float *out_base, const ulong out_at,
                              __global const float *partial_base, const ulong partial_at,
                              const int chunks, const int inner, const int maximum)
{
    const ulong at = get_global_id(0), o = at / (ulong)inner, i = at % (ulong)inner;
    __global const float *partial = partial_base + partial_at + o * (ulong)chunks * inner + i;
    float total = partial[0];
    for (int c = 1; c < chunks; c++) {
        const float term = partial[(ulong)c * inner];
        total = maximum ? fmax(total, term) : total + term;
    }
    out_base[out_at + at] = total;
}
