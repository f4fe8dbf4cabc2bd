#include "io/resize.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

static double sinc(double x) { return x == 0 ? 1 : sin(PI * x) / (PI * x); }

static double filter_weight(enum gcl_filter filter, double x)
{
    x = fabs(x);
    if (filter == GCL_FILTER_LANCZOS)
        return x < 3 ? sinc(x) * sinc(x / 3) : 0;
    return x < 1 ? 1 - x : 0;
}

static double filter_support(enum gcl_filter filter)
{
    return filter == GCL_FILTER_LANCZOS ? 3 : 1;
}

/* Output sample i of an axis is the sum over t < taps of weight[i * taps + t] * x[first[i] + t];
 * a window that is shorter than taps ends in zero weights, and never leaves the picture. */
typedef struct axis {
    int n_out, taps;
    int *first;
    float *weight;
} axis;

static void axis_free(axis *a)
{
    free(a->first);
    free(a->weight);
}

/* The weights of output sample i, normalised to sum to one over the n_in samples that exist. */
static void axis_fill(axis *a, int i, int n_in, double start, double step, double widening,
                      enum gcl_filter filter)
{
    double centre = start + (i + 0.5) * step, reach = filter_support(filter) * widening;
    double low = fmax(0, floor(centre - reach)), high = fmin(n_in, ceil(centre + reach));
    int first = (int)fmin(low, n_in - a->taps), last = (int)high; /* all taps lie in the picture */
    float *weight = a->weight + (size_t)i * (size_t)a->taps;
    double sum = 0;
    for (int j = (int)low; j < last; j++)
        sum += filter_weight(filter, (j + 0.5 - centre) / widening);
    for (int j = (int)low; j < last; j++)
        weight[j - first] = (float)(filter_weight(filter, (j + 0.5 - centre) / widening) / sum);
    a->first[i] = first;
}

static int axis_new(axis *a, int n_out, int n_in, double start, double length,
                    enum gcl_filter filter)
{
    double step = length / n_out, widening = step > 1 ? step : 1;
    double window = 2 * filter_support(filter) * widening + 2;
    a->n_out = n_out;
    a->taps = window < n_in ? (int)window : n_in;
    a->first = calloc((size_t)n_out, sizeof *a->first);
    a->weight = calloc((size_t)n_out * (size_t)a->taps, sizeof *a->weight);
    if (a->first == NULL || a->weight == NULL)
        return -1;
    for (int i = 0; i < n_out; i++)
        axis_fill(a, i, n_in, start, step, widening, filter);
    return 0;
}

/* One row of bytes to n_out samples of float, `channels` interleaved. */
static void resample_row(float *out, const uint8_t *row, const axis *a, int channels)
{
    for (int i = 0; i < a->n_out; i++) {
        const float *weight = a->weight + (size_t)i * (size_t)a->taps;
        const uint8_t *x = row + (size_t)a->first[i] * (size_t)channels;
        if (channels == 3) {
            float r = 0, g = 0, b = 0;
            for (int t = 0; t < a->taps; t++, x += 3) {
                r += weight[t] * x[0];
                g += weight[t] * x[1];
                b += weight[t] * x[2];
            }
            *out++ = r, *out++ = g, *out++ = b;
        } else {
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int t = 0; t < a->taps; t++)
                    sum += weight[t] * x[(size_t)t * (size_t)channels + (size_t)c];
                *out++ = sum;
            }
        }
    }
}

static uint8_t to_byte(float level)
{
    level += 0.5f;
    return level <= 0 ? 0 : level >= 255 ? 255 : (uint8_t)level;
}

/* Floats that combine_rows takes at once: a constant, so that compilers vectorise its loops. */
enum { BLOCK = 8 };

/* One output row of n bytes: the weighted sum of `taps` rows of float that lie `stride` apart, a
 * multiple of BLOCK; rounded and clamped. */
static void combine_rows(uint8_t *out, const float *rows, const float *weight, int taps, size_t n,
                         size_t stride)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        float sum[BLOCK] = {0};
        for (int t = 0; t < taps; t++) {
            const float *x = rows + (size_t)t * stride + i;
            for (int k = 0; k < BLOCK; k++)
                sum[k] += weight[t] * x[k];
        }
        size_t last = n - i < BLOCK ? n - i : BLOCK;
        for (size_t k = 0; k < last; k++)
            out[i + k] = to_byte(sum[k]);
    }
}

/* Rows first (only those that some output row needs), then columns. */
static int resample(uint8_t *out, const gcl_image *in, const axis *across, const axis *down)
{
    size_t n = (size_t)across->n_out * (size_t)in->channels;
    size_t stride = (n + BLOCK - 1) / BLOCK * BLOCK;
    int top = down->first[0], bottom = down->first[down->n_out - 1] + down->taps;
    float *rows = calloc((size_t)(bottom - top) * stride, sizeof *rows);
    if (rows == NULL)
        return -1;
    for (int y = top; y < bottom; y++)
        resample_row(rows + (size_t)(y - top) * stride,
                     in->pixels + (size_t)y * (size_t)in->width * (size_t)in->channels, across,
                     in->channels);
    for (int i = 0; i < down->n_out; i++)
        combine_rows(out + (size_t)i * n, rows + (size_t)(down->first[i] - top) * stride,
                     down->weight + (size_t)i * (size_t)down->taps, down->taps, n, stride);
    free(rows);
    return 0;
}

int gcl_resize(uint8_t *out, int out_width, int out_height, const gcl_image *in, gcl_box box,
               enum gcl_filter filter, gcl_error *err)
{
    if (!(box.width > 0 && box.height > 0 && box.x >= 0 && box.y >= 0 &&
          box.x + box.width <= in->width && box.y + box.height <= in->height))
        return gcl_fail(err, GCL_DATA,
                        "box %g,%g,%g,%g does not lie in a picture of %d x %d pixels", box.x, box.y,
                        box.width, box.height, in->width, in->height);
    axis across = {0}, down = {0};
    int result = -1;
    if (axis_new(&across, out_width, in->width, box.x, box.width, filter) == 0 &&
        axis_new(&down, out_height, in->height, box.y, box.height, filter) == 0)
        result = resample(out, in, &across, &down);
    axis_free(&across);
    axis_free(&down);
    if (result != 0)
        gcl_fail(err, GCL_MEMORY, "resize to %d x %d: out of host memory", out_width, out_height);
    return result;
}

void gcl_flip_horizontal(uint8_t *pixels, int width, int height, int channels)
{
    size_t c = (size_t)channels, stride = (size_t)width * c;
    for (int y = 0; y < height; y++, pixels += stride)
        for (size_t left = 0, right = stride - c; left < right; left += c, right -= c)
            for (size_t k = 0; k < c; k++) {
                uint8_t kept = pixels[left + k];
                pixels[left + k] = pixels[right + k];
                pixels[right + k] = kept;
            }
}
