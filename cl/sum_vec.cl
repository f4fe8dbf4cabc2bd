/* Adds partial results, in order, for devices that run one work-item at a time (CPUs).
 *     out[row, k] = sum_g part[g][row][k],  rows of part being `pitch` floats apart
 * Work-item i makes rows i*rows_each .. + rows_each - 1. Work-group size 1. Registers: 1 vector. */
#include "vec.cl"

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void sum_groups(__global const float *part_base, ulong part_at, __global float *out_base,
                ulong out_at, int groups, int rows, int K, int pitch, int rows_each EPILOGUE_PARAMS)
{
    const int begin = (int)get_global_id(0) * rows_each, end = min(begin + rows_each, rows);
    const ulong step = (ulong)rows * pitch;
    __global float *out = out_base + out_at;
    for (int row = begin; row < end; row++) {
        __global const float *part = part_base + part_at + (ulong)row * pitch;
        const ulong at = (ulong)row * K;
        int k = 0;
        for (; k + V <= K; k += V) {
            floatv sum = LOADV(part + k);
            for (int g = 1; g < groups; g++)
                sum += LOADV(part + g * step + k);
            sum = EPILOGUE(sum, at + k, k, floatv, LOADV);
            STOREV(sum, out + at + k);
        }
        for (; k < K; k++) {
            float sum = part[k];
            for (int g = 1; g < groups; g++)
                sum += part[g * step + k];
            out[at + k] = EPILOGUE(sum, at + k, k, float, LOAD1);
        }
    }
}
