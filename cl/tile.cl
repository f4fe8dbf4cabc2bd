/* Matrix products with operands gathered from tensors, through local memory: convolution, its data
 * and weight adjoints, and plain products, for devices with many work-items (GPUs).
 *
 *     out[m,n] = sum_k A[m,k] B[k,n]                                  k < depth
 *
 *     role          m            n   k            A read   B read
 *     conv          (n, p, q)    k   (r, s, c)    along k  along n    x gathered; f as it lies
 *     conv_data     (n, p, q)'   c   (i, j, k)    along k  along k    y gathered; f[r,s,c,k]
 *     conv_weight   (r, s, c)    k   (n, p, q)    along m  along n    x gathered; y as it lies
 *     product, by what is transposed: A no, B no as conv; B as conv_data; A as conv_weight; both:
 *     along m, along k. One tap, one row of M (or, A transposed, K) pixels: POINT=1.
 *
 * "Along" says which index is contiguous in memory, so which way a work-item reads vectors.
 * Convolution: h = p stride_h + r - pad_h, w likewise; outside of x is zero.
 * Data adjoint without scatter: the rows h = p' stride_h + a (a = phase) use just the taps
 * r = first + i stride_h with first = (a + pad_h) % stride_h, and read row p = p' + start - i with
 * start = (a + pad_h - first) / stride_h; every (phase_h, phase_w) is a product of its own.
 *
 * A group makes BM x BN outputs in slices of BK along k: work-items fetch the next slice into
 * registers, multiply the present one from local memory, then store what they fetched. Work-item
 * (tm, tn) holds TM x TN sums: rows tm*4 + 0..3 of each of TM/4 bands, columns likewise.
 *     group id 0 = tile (n fastest), group id 2 = phase + phases * split
 *     work-items  BM/TM * BN/TN                  local memory  4 BUFFERS BK (BM + BN + 8) bytes
 *     registers   about TM TN + 2 (TM + TN) + (BM + BN) BK / work-items, and 3 a fetched row
 * splits > 1: split z sums its own range of slices into out + z * (elements of the output);
 * cl/split_sum.cl adds these up. All tile sizes are powers of two. Tensors below 2^31 elements.
 *
 * mad(), which drivers make one instruction of where there is one. fma() must round once, so a
 * device without that instruction computes it in software: llvmpipe 15 to 40 times slower. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef BM
#define BM 64 /* 16 32 64 128 256 */
#endif
#ifndef BN
#define BN 64 /* 4 8 16 32 64 128 */
#endif
#ifndef BK
#define BK 8 /* 4 8 16 32 */
#endif
#ifndef TM
#define TM 8 /* 4 8 */
#endif
#ifndef TN
#define TN 8 /* 4 8 */
#endif
#ifndef BUFFERS
#define BUFFERS 1 /* 1 2: with 2, one barrier a slice instead of two */
#endif
#ifndef A_ALONG_M
#define A_ALONG_M 0
#endif
#ifndef B_ALONG_K
#define B_ALONG_K 0
#endif
#ifndef POINT
#define POINT 0
#endif
/* Vector lengths, 1 or 4: of A's reads, of B's reads, of the output's stores. 4 where the size of
 * the contiguous index is a multiple of 4 (its channels, for a gathered operand). */
#ifndef AV
#define AV 1
#endif
#ifndef BV
#define BV 1
#endif
#ifndef OV
#define OV 1
#endif
#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif

/* SUBGROUP: where a kernel can say how many work-items share a hardware thread's registers, the
 * fewest, so that each has room for its sums. The compiler of such devices (IGC of 2022) keeps the
 * sums in memory if the product is unrolled. */
#ifdef SUBGROUP
#define FEWEST_LANES __attribute__((intel_reqd_sub_group_size(SUBGROUP)))
#define UNROLL 1
#else
#define FEWEST_LANES
#define UNROLL 8
#endif

#define DATA (B_ALONG_K && !A_ALONG_M)

#define THREADS (BM / TM * (BN / TN))
#define A_LINE (A_ALONG_M ? BM / AV : BK / AV) /* work-items side by side along a line of A */
#define A_LINES (A_ALONG_M ? BK : BM)
#define B_LINE (B_ALONG_K ? BK / BV : BN / BV)
#define B_LINES (B_ALONG_K ? BN : BK)
#define A_STEP (THREADS / A_LINE) /* lines that the group fetches at once */
#define B_STEP (THREADS / B_LINE)
#define A_FETCHES ((A_LINES + A_STEP - 1) / A_STEP)
#define B_FETCHES ((B_LINES + B_STEP - 1) / B_STEP)

#define PAD 4 /* floats after each line of local memory: against bank conflicts, keeps float4 */
#define A_ROW ((BM + PAD) / 4)
#define B_ROW ((BN + PAD) / 4)

#define LOAD1(p) (*(p))
#define LOAD4(p) vload4(0, p)

static float4 fetch4(__global const float *p, const int aligned)
{
    return aligned ? *(__global const float4 *)p : vload4(0, p);
}

static void store4(const float4 v, __global float *p, const int aligned)
{
    if (aligned)
        *(__global float4 *)p = v;
    else
        vstore4(v, 0, p);
}

#if AV == 4
#define A_T float4
#define A_FETCH(p, aligned) fetch4(p, aligned)
#else
#define A_T float
#define A_FETCH(p, aligned) (*(p))
#endif
#if BV == 4
#define B_T float4
#define B_FETCH(p, aligned) fetch4(p, aligned)
#else
#define B_T float
#define B_FETCH(p, aligned) (*(p))
#endif

/* Into local memory: V values along the line (straight), or one in each of V lines (turned). */
#define STRAIGHT1(to, row, v) (*(to) = (v))
#define STRAIGHT4(to, row, v) (*(__local float4 *)(to) = (v))
#define TURNED1(to, row, v) (*(to) = (v))
#define TURNED4(to, row, v)                                                                        \
    ((to)[0] = (v).x, (to)[4 * (row)] = (v).y, (to)[8 * (row)] = (v).z, (to)[12 * (row)] = (v).w)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* A number in three digits x, y < y_size, z < z_size, most significant first. */
static int3 digits(const int number, const int y_size, const int z_size)
{
#if POINT
    return (int3)(0, 0, number);
#else
    const int high = number / z_size;
    return (int3)(high / y_size, high % y_size, number % z_size);
#endif
}

static int3 add_digits(int3 a, const int3 step, const int y_size, const int z_size)
{
    a.z += step.z;
#if !POINT
    const int carry_z = a.z >= z_size;
    a.z -= carry_z ? z_size : 0;
    a.y += step.y + carry_z;
    const int carry_y = a.y >= y_size;
    a.y -= carry_y ? y_size : 0;
    a.x += step.x + carry_y;
#endif
    return a;
}

/* One direction (rows or columns) of a convolution, in this phase. */
typedef struct {
    int size;          /* output positions: p < size */
    int stride, start; /* input position = p * stride + start + SIGN * i */
    int taps;          /* i < taps */
    int first, every;  /* filter position = first + every * i */
    int out_stride, out_start; /* place in the output = p * out_stride + out_start */
} direction;

#define SIGN (DATA ? -1 : 1)

/* Sizes that are 1 and offsets that are 0 in plain products: constants there. */
#if POINT
#define SIZE(x) 1
#define OFFSET(x) 0
#else
#define SIZE(x) (x)
#define OFFSET(x) (x)
#endif

static direction direct(const int phase, const int out, const int filter, const int stride,
                        const int pad)
{
    direction d;
#if DATA
    d.first = (phase + pad) % stride;
    d.every = stride;
    d.taps = d.first < filter ? (filter - d.first + stride - 1) / stride : 0;
    d.stride = 1;
    d.start = (phase + pad - d.first) / stride;
    d.size = (out - phase + stride - 1) / stride;
    d.out_stride = stride;
    d.out_start = phase;
#else
    d.first = 0;
    d.every = 1;
    d.taps = filter;
    d.stride = stride;
    d.start = -pad;
    d.size = out;
    d.out_stride = 1;
    d.out_start = 0;
#endif
    return d;
}

/* Adds the product of two slices of depth BK to a work-item's sums. */
static void multiply(float4 sum[TM][TN / 4], __local const float4 *a, __local const float4 *b)
{
#pragma unroll UNROLL
    for (int k = 0; k < BK; k++) {
        float4 right[TN / 4];
#pragma unroll
        for (int j = 0; j < TN / 4; j++)
            right[j] = b[k * B_ROW + j * (BN / TN)];
#pragma unroll
        for (int i = 0; i < TM / 4; i++) {
            const float4 left = a[k * A_ROW + i * (BM / TM)];
#pragma unroll
            for (int j = 0; j < TN / 4; j++) {
                sum[4 * i + 0][j] = mad((float4)(left.x), right[j], sum[4 * i + 0][j]);
                sum[4 * i + 1][j] = mad((float4)(left.y), right[j], sum[4 * i + 1][j]);
                sum[4 * i + 2][j] = mad((float4)(left.z), right[j], sum[4 * i + 2][j]);
                sum[4 * i + 3][j] = mad((float4)(left.w), right[j], sum[4 * i + 3][j]);
            }
        }
    }
}

/* Source: `images` of source_h x source_w x source_c; out: out_h x out_w positions an image, of
 * `columns` (conv, conv_data: also the filter's other channels); see the table above. */
__kernel FEWEST_LANES __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
tile(__global const float *restrict a_base, const ulong a_at,
     __global const float *restrict b_base, const ulong b_at, __global float *restrict out_base,
     const ulong out_at, const int images, const int source_h, const int source_w,
     const int source_c, const int out_h, const int out_w, const int columns, const int filter_h,
     const int filter_w, const int stride_h, const int stride_w, const int pad_h, const int pad_w,
     const int splits EPILOGUE_PARAMS)
{
    __local float4 a_tile[BUFFERS][BK * A_ROW];
    __local float4 b_tile[BUFFERS][BK * B_ROW];
    const int id = get_local_id(0);
    const int phase = DATA ? (int)get_group_id(2) % (stride_h * stride_w) : 0;
    const int split = DATA ? (int)get_group_id(2) / (stride_h * stride_w) : (int)get_group_id(2);
    const direction rows = direct(OFFSET(phase / stride_w), SIZE(out_h), SIZE(filter_h),
                                  SIZE(stride_h), OFFSET(pad_h));
    const direction cols = direct(OFFSET(phase % stride_w), out_w, SIZE(filter_w), SIZE(stride_w),
                                  OFFSET(pad_w));
    const int pixels = SIZE(images) * rows.size * cols.size, taps = rows.taps * cols.taps;
    const int height = A_ALONG_M ? taps * source_c : pixels;
    const int depth = A_ALONG_M ? pixels : taps * source_c;
    const int n_tiles = (columns + BN - 1) / BN;
    const int m0 = (int)get_group_id(0) / n_tiles * BM, n0 = (int)get_group_id(0) % n_tiles * BN;

    __global const float *a = a_base + a_at;
    __global const float *b = b_base + b_at;
    const int a_aligned = (a_at & 3) == 0, b_aligned = (b_at & 3) == 0;
    /* A phase may have fewer rows than the grid was made for: no slices then, and no stores. */
    const int slices = m0 < height ? (depth + BK - 1) / BK : 0;
    const int share = (slices + splits - 1) / splits;
    const int first = min(split * share, slices), last = min(first + share, slices);

    /* What this work-item fetches of A: unit a_unit of lines a_line + i * A_STEP. */
    const int a_unit = id % A_LINE * AV, a_line = id / A_LINE;
    const int b_unit = id % B_LINE * BV, b_line = id / B_LINE;
#if !A_ALONG_M || B_ALONG_K
    /* Position along k as (tap row, tap column, channel). */
    const int tap_unit = A_ALONG_M ? b_unit : a_unit;
    const int tap_cols = max(cols.taps, 1), channels = A_ALONG_M ? depth : source_c;
    const int3 tap_step = digits(BK, tap_cols, channels);
    int3 tap = digits(first * BK + tap_unit, tap_cols, channels);
#endif
#if A_ALONG_M
    /* The line of A is a pixel, the unit a tap and channel. */
    const int3 unit = digits(m0 + a_unit, cols.taps, source_c);
    const int up = unit.x + rows.start, left = unit.y + cols.start;
    const int3 pixel_step = digits(BK, rows.size, cols.size);
    int3 pixel[A_FETCHES];
#pragma unroll
    for (int i = 0; i < A_FETCHES; i++)
        pixel[i] = digits(first * BK + a_line + i * A_STEP, rows.size, cols.size);
#else
    /* The line of A is a pixel of the output: where its window begins in the source. */
    int up[A_FETCHES], left[A_FETCHES], origin[A_FETCHES];
#pragma unroll
    for (int i = 0; i < A_FETCHES; i++) {
        const int m = m0 + a_line + i * A_STEP;
        const int3 pixel = digits(m, rows.size, cols.size);
        up[i] = pixel.y * rows.stride + rows.start;
        left[i] = m < height ? pixel.z * cols.stride + cols.start : -(1 << 30);
        origin[i] = ((pixel.x * source_h + up[i]) * source_w +
                     (pixel.z * cols.stride + cols.start)) * source_c;
    }
#endif

    float4 sum[TM][TN / 4];
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN / 4; j++)
            sum[i][j] = (float4)(0.0f);
    A_T a_next[A_FETCHES];
    B_T b_next[B_FETCHES];
    const int tm = id / (BN / TN), tn = id % (BN / TN);

    for (int slice = first; slice <= last; slice++) {
        const int k0 = slice * BK;
        if (slice < last) {
#pragma unroll
            for (int i = 0; i < A_FETCHES; i++) {
#if A_ALONG_M
                const int h = pixel[i].y * rows.stride + up, w = pixel[i].z * cols.stride + left;
                const int inside = m0 + a_unit < height && k0 + a_line + i * A_STEP < depth &&
                                   (uint)h < (uint)SIZE(source_h) && (uint)w < (uint)source_w;
                const int at =
                    ((pixel[i].x * source_h + h) * source_w + w) * source_c + unit.z;
                pixel[i] = add_digits(pixel[i], pixel_step, rows.size, cols.size);
#else
                const int inside = k0 + a_unit < depth &&
                                   (uint)(up[i] + SIGN * tap.x) < (uint)SIZE(source_h) &&
                                   (uint)(left[i] + SIGN * tap.y) < (uint)source_w;
                const int at = origin[i] + SIGN * (tap.x * source_w + tap.y) * source_c + tap.z;
#endif
                a_next[i] = (A_T)(0.0f);
                if (inside)
                    a_next[i] = A_FETCH(a + at, a_aligned);
            }
#pragma unroll
            for (int i = 0; i < B_FETCHES; i++) {
                const int line = b_line + i * B_STEP;
#if B_ALONG_K
                const int filter = (rows.first + rows.every * tap.x) * filter_w + cols.first +
                                   cols.every * tap.y;
                const int inside = k0 + b_unit < depth && n0 + line < columns;
                const int at = (filter * columns + n0 + line) * channels + tap.z;
#else
                const int inside = k0 + line < depth && n0 + b_unit < columns;
                const int at = (k0 + line) * columns + n0 + b_unit;
#endif
                b_next[i] = (B_T)(0.0f);
                if (inside)
                    b_next[i] = B_FETCH(b + at, b_aligned);
            }
#if !A_ALONG_M || B_ALONG_K
            tap = add_digits(tap, tap_step, tap_cols, channels);
#endif
        }
        if (slice > first) {
            const int now = (slice - 1) % BUFFERS;
            multiply(sum, a_tile[now] + tm, b_tile[now] + tn);
        }
        if (BUFFERS == 1)
            barrier(CLK_LOCAL_MEM_FENCE);
        if (slice < last) {
            __local float *a_to = (__local float *)a_tile[slice % BUFFERS];
            __local float *b_to = (__local float *)b_tile[slice % BUFFERS];
#pragma unroll
            for (int i = 0; i < A_FETCHES; i++) {
                const int line = a_line + i * A_STEP;
                if (A_LINES % A_STEP == 0 || line < A_LINES) {
#if A_ALONG_M
                    PASTE(STRAIGHT, AV)(a_to + line * (4 * A_ROW) + a_unit, A_ROW, a_next[i]);
#else
                    PASTE(TURNED, AV)(a_to + a_unit * (4 * A_ROW) + line, A_ROW, a_next[i]);
#endif
                }
            }
#pragma unroll
            for (int i = 0; i < B_FETCHES; i++) {
                const int line = b_line + i * B_STEP;
                if (B_LINES % B_STEP == 0 || line < B_LINES) {
#if B_ALONG_K
                    PASTE(TURNED, BV)(b_to + b_unit * (4 * B_ROW) + line, B_ROW, b_next[i]);
#else
                    PASTE(STRAIGHT, BV)(b_to + line * (4 * B_ROW) + b_unit, B_ROW, b_next[i]);
#endif
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    const ulong count = A_ALONG_M ? (ulong)height * columns
                                  : (ulong)images * out_h * out_w * columns;
    __global float *out = out_base + out_at + split * count;
    const int out_aligned = ((out_at + split * count) & 3) == 0;
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const int m = m0 + i / 4 * (4 * BM / TM) + tm * 4 + i % 4;
        if (m >= height)
            continue;
        ulong place = m;
#if DATA && !POINT
        const int3 pixel = digits(m, rows.size, cols.size);
        place = ((ulong)pixel.x * out_h + (pixel.y * rows.out_stride + rows.out_start)) * out_w +
                (pixel.z * cols.out_stride + cols.out_start);
#endif
#pragma unroll
        for (int j = 0; j < TN / 4; j++) {
            const int n = n0 + j * (4 * BN / TN) + tn * 4;
            const ulong at = place * columns + n;
            const float4 v = sum[i][j];
#if OV == 4
            if (n < columns)
                store4(EPILOGUE(v, at, n, float4, LOAD4), out + at, out_aligned);
#else
            if (n < columns)
                out[at] = EPILOGUE(v.x, at, n, float, LOAD1);
            if (n + 1 < columns)
                out[at + 1] = EPILOGUE(v.y, at + 1, n + 1, float, LOAD1);
            if (n + 2 < columns)
                out[at + 2] = EPILOGUE(v.z, at + 2, n + 2, float, LOAD1);
            if (n + 3 < columns)
                out[at + 3] = EPILOGUE(v.w, at + 3, n + 3, float, LOAD1);
#endif
        }
    }
}
