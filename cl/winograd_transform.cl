/* Winograd's minimal filtering F(TM, TR): TM neighbouring results of a filter of TR taps by
 * ALPHA = TM + TR - 1 products instead of TM * TR,
 *     y = A^T ((G g) * (B^T d))      d: ALPHA inputs, g: TR taps, *: element by element
 * and in two dimensions y = A^T ((G g G^T) * (B^T d B)) A (S. Winograd, 1980; A. Lavin and
 * S. Gray, 2016). It multiplies polynomials by their values at ALPHA points. Ours are 0 where
 * ALPHA is even, PAIRS pairs +a, -a, and infinity; values stand in this order. With p_i the
 * finite ones,
 *     A[i][k] = p_i^k,  G[i][k] = p_i^k / N_i,  N_i = prod over j != i of (p_i - p_j),
 *     B^T[i] = the coefficients of prod over j != i of (x - p_j)
 * and at infinity: the highest power alone, N = 1, the product over all j. Of a pair, what
 * belongs to even and to odd powers is summed once for both. The points were searched for the
 * least error among those of few bits: F(4, 3) errs a third of what it does with 0, +-1, +-2,
 * F(4, 2) a fifth of what it does with 0, +-1, 2.
 *
 * Included by the winograd kernels after vec.cl. Registers: 2 * ALPHA vectors. */
#ifndef TM /* outputs of a tile along one axis: 2 to 5 */
#define TM 4
#endif
#ifndef TR /* taps along one axis: 2 to 5; ALPHA is 3 to 8 */
#define TR 3
#endif
#ifndef V /* this file compiled alone */
#define V 1
typedef float floatv;
#define LOADV(p) (*(p))
#define STOREL(x, p) (*(p) = (x))
#endif
#define ALPHA (TM + TR - 1)
#define POSITIONS (ALPHA * ALPHA)
#define PAIRS ((ALPHA - 1) / 2)
#define ZERO (1 - ALPHA % 2)

/* point[i] = a of pair i; over_pair[i], over_all: coefficients in x^2 of the products of x^2 - a^2
 * over the other pairs, over all of them. */
#if PAIRS == 1
__constant float point[] = {1.0f};
__constant float over_pair[][1] = {{1.0f}};
__constant float over_all[] = {-1.0f, 1.0f};
#elif PAIRS == 2
#define P0 (ZERO ? 0.75f : 0.5f)
#define P1 (ZERO ? 1.5f : 1.0f)
__constant float point[] = {P0, P1};
__constant float over_pair[][2] = {{-P1 * P1, 1.0f}, {-P0 * P0, 1.0f}};
__constant float over_all[] = {P0 * P0 * P1 * P1, -(P0 * P0 + P1 * P1), 1.0f};
#else
#define P0 (ZERO ? 0.5f : 0.375f)
#define P1 (ZERO ? 1.0f : 0.875f)
#define P2 (ZERO ? 1.75f : 1.5f)
#define OVER_TWO(p, q) {p * p * q * q, -(p * p + q * q), 1.0f}
__constant float point[] = {P0, P1, P2};
__constant float over_pair[][3] = {OVER_TWO(P1, P2), OVER_TWO(P0, P2), OVER_TWO(P0, P1)};
__constant float over_all[] = {-(P0 * P0 * P1 * P1 * P2 * P2),
                               P0 * P0 * (P1 * P1 + P2 * P2) + P1 * P1 * P2 * P2,
                               -(P0 * P0 + P1 * P1 + P2 * P2), 1.0f};
#endif

/* 1 / N of value i. */
static float inverse_of(const int i)
{
    float n = ZERO ? over_all[0] : 1.0f;
    if (i == ALPHA - 1)
        return 1.0f;
    if (i >= ZERO) {
        const int pair = (i - ZERO) / 2;
        const float a = point[pair];
        n = 2.0f * (ZERO ? a * a : i % 2 ? -a : a);
        #pragma unroll
        for (int j = 0; j < PAIRS; j++)
            n *= j == pair ? 1.0f : a * a - point[j] * point[j];
    }
    return 1.0f / n;
}

/* d := B^T d. */
static void to_points(floatv *d)
{
    floatv at[ALPHA], zero = d[2 * PAIRS], infinity = d[ALPHA - 1];
    #pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        floatv low = d[2 * PAIRS - 2 + ZERO], high = d[2 * PAIRS - 1 + ZERO];
        #pragma unroll
        for (int j = 0; j < PAIRS - 1; j++) {
            low = fma((floatv)(over_pair[i][j]), d[2 * j + ZERO], low);
            high = fma((floatv)(over_pair[i][j]), d[2 * j + 1 + ZERO], high);
        }
        at[ZERO + 2 * i] = fma((floatv)(point[i]), low, high);
        at[ZERO + 2 * i + 1] = fma((floatv)(-point[i]), low, high);
    }
    #pragma unroll
    for (int j = 0; j < PAIRS; j++) {
        zero = fma((floatv)(over_all[j]), d[2 * j], zero);
        infinity = fma((floatv)(over_all[j]), d[2 * j + ZERO], infinity);
    }
    if (ZERO)
        at[0] = zero;
    at[ALPHA - 1] = infinity;
    #pragma unroll
    for (int i = 0; i < ALPHA; i++)
        d[i] = at[i];
}

/* d[0 .. n-1] := A^T d, n (a constant) being the powers in A: TM, or for weight gradients TR. */
static void from_points(floatv *d, const int n)
{
    floatv even[PAIRS], odd[PAIRS], to[ALPHA];
    float power[PAIRS];
    #pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        even[i] = d[ZERO + 2 * i] + d[ZERO + 2 * i + 1];
        odd[i] = d[ZERO + 2 * i] - d[ZERO + 2 * i + 1];
        power[i] = 1.0f;
    }
    #pragma unroll
    for (int k = 0; k < n; k++) {
        to[k] = (k % 2 ? odd[0] : even[0]) * power[0];
        #pragma unroll
        for (int i = 1; i < PAIRS; i++)
            to[k] = fma((floatv)(power[i]), k % 2 ? odd[i] : even[i], to[k]);
        #pragma unroll
        for (int i = 0; i < PAIRS; i++)
            power[i] *= point[i];
    }
    if (ZERO)
        to[0] += d[0];
    to[n - 1] += d[ALPHA - 1];
    #pragma unroll
    for (int k = 0; k < n; k++)
        d[k] = to[k];
}

/* d := A d, n (a constant) being the powers in A, from d[0 .. n-1]. */
static void spread(floatv *d, const int n)
{
    floatv at[ALPHA];
    #pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        float power = point[i];
        floatv even = d[0], odd = d[1] * power;
        #pragma unroll
        for (int k = 2; k < n; k++) {
            power *= point[i];
            if (k % 2)
                odd = fma((floatv)(power), d[k], odd);
            else
                even = fma((floatv)(power), d[k], even);
        }
        at[ZERO + 2 * i] = even + odd;
        at[ZERO + 2 * i + 1] = even - odd;
    }
    if (ZERO)
        at[0] = d[0];
    at[ALPHA - 1] = d[n - 1];
    #pragma unroll
    for (int i = 0; i < ALPHA; i++)
        d[i] = at[i];
}

/* The pixels of a tile's window, ALPHA x ALPHA of them `step` apart, the first at (h, w) of x
 * [H,W,C]; 0 beyond the picture. */
static void find_window(__global const float **pixel, __global const float *x, int H, int W, int C,
                        int h, int w, int step)
{
    for (int i = 0; i < ALPHA; i++) {
        const int row = h + i * step, inside = row >= 0 && row < H;
        __global const float *from = x + (long)row * W * C;
        for (int j = 0; j < ALPHA; j++) {
            const int column = w + j * step;
            pixel[i * ALPHA + j]
                = inside && column >= 0 && column < W ? from + (long)column * C : 0;
        }
    }
}

/* n < V floats, and zeros behind them. */
static floatv load_part(__global const float *from, int n)
{
    float part[V];
    for (int e = 0; e < V; e++)
        part[e] = e < n ? from[e] : 0.0f;
    return LOADV(part);
}

enum { GROUP = 4 }; /* vectors of channels */

/* B^T d B of n channels, at most GROUP * V, from c on of a window. Channel v * V + e of value
 * (i, j) goes to to[(i * ALPHA + j) * step + v * v_step + e]. Pixels are read once and in order, as
 * memory likes it; the first half of the transform waits in `rows`. */
static void window_to_points(__local float *to, int step, int v_step,
                             __global const float **pixel, int c, int n)
{
    floatv rows[GROUP * POSITIONS];
    for (int j = 0; j < ALPHA; j++) {
        for (int v = 0; v * V < n; v++) {
            floatv d[ALPHA];
            #pragma unroll
            for (int i = 0; i < ALPHA; i++) {
                __global const float *from = pixel[i * ALPHA + j];
                d[i] = (floatv)(0.0f);
                if (from && n - v * V >= V)
                    d[i] = LOADV(from + c + v * V);
                else if (from)
                    d[i] = load_part(from + c + v * V, n - v * V);
            }
            to_points(d);
            #pragma unroll
            for (int i = 0; i < ALPHA; i++)
                rows[v * POSITIONS + i * ALPHA + j] = d[i];
        }
    }
    for (int v = 0; v * V < n; v++) {
        for (int i = 0; i < ALPHA; i++) {
            floatv d[ALPHA];
            #pragma unroll
            for (int j = 0; j < ALPHA; j++)
                d[j] = rows[v * POSITIONS + i * ALPHA + j];
            to_points(d);
            #pragma unroll
            for (int j = 0; j < ALPHA; j++)
                STOREL(d[j], to + v * v_step + (i * ALPHA + j) * step);
        }
    }
}
