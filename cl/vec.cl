/* What the kernels share that are made for devices that run one work-item at a time (CPUs): vectors
 * of V floats, and the copies of operands into local memory, which on such devices is plain memory
 * that stays in a cache. Included by them after their tile sizes. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef V /* vector length: 1, 2, 4, 8, 16 */
#define V 16
#endif
#ifdef EPILOGUE
#define HAS_EPILOGUE 1
#else
#define HAS_EPILOGUE 0
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif

/* STOREV and STOREL store at any float of global and of local memory, as vstore would; but PoCL
 * makes three stores of a vstore16, and one of this. */
#if V == 1
typedef float floatv;
#define LOADV(p) (*(p))
#else
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
typedef PASTE(float, V) floatv;
#define LOADV(p) PASTE(vload, V)(0, p)
#endif
typedef struct __attribute__((packed)) unaligned { floatv v; } unaligned;
#define STOREV(x, p) (((__global unaligned *)(p))->v = (x))
#define STOREL(x, p) (((__local unaligned *)(p))->v = (x))
#define LOAD1(p) (*(p))

/* The sum of a vector's elements, by halves. */
static float sum_of(floatv a)
{
#if V == 16
    float8 b = a.lo + a.hi;
#elif V == 8
    float8 b = a;
#endif
#if V >= 8
    float4 c = b.lo + b.hi;
#elif V == 4
    float4 c = a;
#endif
#if V >= 4
    float2 d = c.lo + c.hi;
#elif V == 2
    float2 d = a;
#endif
#if V >= 2
    return d.x + d.y;
#else
    return a;
#endif
}

/* Taps r < taps with r % step == rest. */
static int taps_of(int taps, int rest, int step)
{
    return rest < taps ? (taps - rest + step - 1) / step : 0;
}

static void zero(__local float *to, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = 0.0f;
}

/* `size` (a constant) floats, of which those from n on are zero. */
static void copy_padded(__local float *to, __global const float *from, int n, const int size)
{
    int i = 0;
    if (n >= size) {
        #pragma unroll
        for (; i + V <= size; i += V)
            STOREL(LOADV(from + i), to + i);
        n = size;
    }
    for (; i < size; i++)
        to[i] = i < n ? from[i] : 0.0f;
}

/* One row of a patch of x [H,W,C], zero beyond its borders: nc channels from c0 on of row h (any h)
 * and is_w * slots columns from w0 on (any w0). Blocks of `size` (a constant) channels are
 * block_pitch apart; in a block lies [column % is_w][column / is_w][size]. x is read as it lies. */
static void copy_row(__local float *row, __global const float *x, int H, int W, int C, int h,
                     int w0, int c0, int nc, int is_w, int slots, int block_pitch, const int size)
{
    const int blocks = (nc + size - 1) / size, inside = h >= 0 && h < H;
    __global const float *from = x + ((long)h * W + w0) * C + c0;
    for (int slot = 0; slot < slots; slot++) {
        for (int m = 0; m < is_w; m++, from += C) {
            __local float *to = row + (m * slots + slot) * size;
            const int w = w0 + slot * is_w + m, some = inside && w >= 0 && w < W;
            for (int b = 0; b < blocks; b++)
                copy_padded(to + b * block_pitch, from + b * size, some ? nc - b * size : 0, size);
        }
    }
}
