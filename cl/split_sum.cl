/* The second launch of a split reduction: out[i] = sum_z part[z,i], in the order of z.
 *
 * Work-item i of dimension 0 makes element i; the surplus of the rounded-up global size returns at
 * once. `channels` is the innermost size of the output (for the epilogue). No local memory. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif
#define LOAD1(p) (*(p))

__kernel void split_sum(__global const float *restrict part_base, const ulong part_at,
                        __global float *restrict out_base, const ulong out_at, const int count,
                        const int channels, const int splits EPILOGUE_PARAMS)
{
    const int i = (int)get_global_id(0);
    if (i >= count)
        return;
    __global const float *part = part_base + part_at + i;
    float sum = part[0];
    for (int z = 1; z < splits; z++)
        sum += part[(ulong)z * count];
    const ulong at = i;
    const int k = i % channels;
    out_base[out_at + at] = EPILOGUE(sum, at, k, float, LOAD1);
}
