#include "train/scores.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

enum { WINDOW = 11 };

/* ---- structural similarity ------------------------------------------------------------------------ */

static void window(double weights[WINDOW])
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        double t = i - (WINDOW - 1) / 2.0;
        sum += weights[i] = exp(-t * t / (2 * 1.5 * 1.5));
    }
    for (int i = 0; i < WINDOW; i++)
        weights[i] /= sum;
}

/* Weighted sums over the windows that lie inside [h,w]: along rows into `between`, then columns. */
static void blur(const double *x, int h, int w, double *between, double *out)
{
    double weights[WINDOW];
    int p = h - WINDOW + 1, q = w - WINDOW + 1;
    window(weights);
    for (int y = 0; y < h; y++)
        for (int i = 0; i < q; i++) {
            double sum = 0;
            for (int k = 0; k < WINDOW; k++)
                sum += weights[k] * x[y * w + i + k];
            between[y * q + i] = sum;
        }
    for (int y = 0; y < p; y++)
        for (int i = 0; i < q; i++) {
            double sum = 0;
            for (int k = 0; k < WINDOW; k++)
                sum += weights[k] * between[(y + k) * q + i];
            out[y * q + i] = sum;
        }
}

/* One channel of the two pictures; `room` holds 9 h w numbers. */
static double ssim(const double *a, const double *b, int h, int w, double *room)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    int n = h * w, inside = (h - WINDOW + 1) * (w - WINDOW + 1);
    double *product = room, *between = room + n, *mean_a = room + 2 * n, *mean_b = room + 3 * n,
           *aa = room + 4 * n, *bb = room + 5 * n, *ab = room + 6 * n, sum = 0;
    blur(a, h, w, between, mean_a);
    blur(b, h, w, between, mean_b);
    for (int i = 0; i < n; i++)
        product[i] = a[i] * a[i];
    blur(product, h, w, between, aa);
    for (int i = 0; i < n; i++)
        product[i] = b[i] * b[i];
    blur(product, h, w, between, bb);
    for (int i = 0; i < n; i++)
        product[i] = a[i] * b[i];
    blur(product, h, w, between, ab);
    for (int i = 0; i < inside; i++) {
        double x = mean_a[i], y = mean_b[i];
        double vary = aa[i] - x * x + bb[i] - y * y, covary = ab[i] - x * y;
        sum += (2 * x * y + c1) * (2 * covary + c2) / ((x * x + y * y + c1) * (vary + c2));
    }
    return sum / inside;
}

/* ---- gradient magnitude similarity ---------------------------------------------------------------- */

/* Means of 2x2 luma values; returns through `out` [h/2, w/2]. */
static void halve_luma(const uint8_t *x, int h, int w, int c, double *out)
{
    static const double colour[3] = {0.299, 0.587, 0.114};
    int p = h / 2, q = w / 2;
    for (int y = 0; y < p; y++)
        for (int i = 0; i < q; i++) {
            double sum = 0;
            for (int k = 0; k < 4; k++) {
                const uint8_t *at = x + ((2 * y + k / 2) * w + 2 * i + k % 2) * c;
                for (int channel = 0; channel < c; channel++)
                    sum += at[channel] / 255.0 * (c == 3 ? colour[channel] : 1.0 / c);
            }
            out[y * q + i] = sum / 4;
        }
}

static double at(const double *x, int h, int w, int y, int i)
{
    return y < 0 || i < 0 || y >= h || i >= w ? 0 : x[y * w + i];
}

/* Magnitude of the Prewitt gradient at y, i; zeros around. */
static double magnitude(const double *x, int h, int w, int y, int i)
{
    double across = 0, down = 0;
    for (int k = -1; k <= 1; k++) {
        across += at(x, h, w, y + k, i - 1) - at(x, h, w, y + k, i + 1);
        down += at(x, h, w, y - 1, i + k) - at(x, h, w, y + 1, i + k);
    }
    return sqrt((across * across + down * down) / 9 + 1e-12);
}

static double gmsd(const uint8_t *a, const uint8_t *b, int h, int w, int c, double *room)
{
    const double t = 170 / (255.0 * 255.0);
    int p = h / 2, q = w / 2, n = p * q;
    double *x = room, *y = room + n, sum = 0, squares = 0;
    halve_luma(a, h, w, c, x);
    halve_luma(b, h, w, c, y);
    for (int i = 0; i < n; i++) {
        double ga = magnitude(x, p, q, i / q, i % q), gb = magnitude(y, p, q, i / q, i % q);
        double similarity = (2 * ga * gb + t) / (ga * ga + gb * gb + t);
        sum += similarity;
        squares += similarity * similarity;
    }
    double variance = squares / n - (sum / n) * (sum / n);
    return sqrt(variance > 0 ? variance : 0);
}

/* ---- all of them ---------------------------------------------------------------------------------- */

/* Room for 9 numbers a pixel. */
static double *room_for(int h, int w, gcl_error *err)
{
    if (h < WINDOW || w < WINDOW) {
        gcl_fail(err, GCL_USAGE, "pictures of %d x %d have no SSIM: 11 x 11 is the least", w, h);
        return NULL;
    }
    return gcl_try_alloc((size_t)9 * (size_t)h * (size_t)w * sizeof(double), "scores of pictures",
                         err);
}

/* The mean over channels. */
static double ssim_of(const uint8_t *a, const uint8_t *b, int h, int w, int c, double *room)
{
    int64_t n = (int64_t)h * w;
    double similar = 0, *x = room + 7 * n, *y = room + 8 * n;
    for (int channel = 0; channel < c; channel++) {
        for (int64_t i = 0; i < n; i++) {
            x[i] = a[i * c + channel] / 255.0;
            y[i] = b[i * c + channel] / 255.0;
        }
        similar += ssim(x, y, h, w, room);
    }
    return similar / c;
}

int gcl_scores_of(const uint8_t *a, const uint8_t *b, int h, int w, int c, gcl_scores *scores,
                  gcl_error *err)
{
    int64_t all = (int64_t)h * w * c;
    double *room = room_for(h, w, err), absolute = 0, square = 0;
    if (room == NULL)
        return -1;
    for (int64_t i = 0; i < all; i++) {
        double d = (a[i] - b[i]) / 255.0;
        absolute += fabs(d);
        square += d * d;
    }
    *scores = (gcl_scores){.l1 = absolute / (double)all,
                           .psnr = square > 0 ? -10 * log10(square / (double)all) : 100,
                           .ssim = ssim_of(a, b, h, w, c, room),
                           .gmsd = gmsd(a, b, h, w, c, room)};
    if (scores->psnr > 100)
        scores->psnr = 100;
    free(room);
    return 0;
}

void gcl_scores_add(gcl_scores *sum, const gcl_scores *one)
{
    sum->l1 += one->l1;
    sum->psnr += one->psnr;
    sum->ssim += one->ssim;
    sum->gmsd += one->gmsd;
}

int gcl_pairwise_ssim(const uint8_t *pictures, int n, int h, int w, int c, double *mean,
                      gcl_stop stop, gcl_error *err)
{
    size_t bytes = (size_t)h * (size_t)w * (size_t)c;
    double *room = room_for(h, w, err), sum = 0;
    int stopped = 0;
    if (room == NULL)
        return -1;
    for (int i = 0; i < n && !stopped; i++) {
        const uint8_t *next = pictures + (size_t)((i + 1) % n) * bytes;
        sum += ssim_of(pictures + (size_t)i * bytes, next, h, w, c, room);
        stopped = stop != NULL && stop();
    }
    *mean = sum / n;
    free(room);
    return stopped;
}
