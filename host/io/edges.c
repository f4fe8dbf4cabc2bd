#include "io/edges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- Gaussian ----------------------------------------------------------------------------------- */

static int clamp(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

/* weight[k] = exp(-k^2 / (2 sigma^2)) / sum for |k| <= radius = ceil(3 sigma), stored from k = 0. */
static float *gaussian(double sigma, int *radius)
{
    *radius = (int)ceil(3 * sigma);
    float *weight = gcl_alloc(((size_t)*radius + 1) * sizeof *weight);
    double sum = 0;
    for (int k = -*radius; k <= *radius; k++)
        sum += exp(-k * k / (2 * sigma * sigma));
    for (int k = 0; k <= *radius; k++)
        weight[k] = (float)(exp(-k * k / (2 * sigma * sigma)) / sum);
    return weight;
}

/* out[i] = weight[0] centre[i] + ..., begun and continued: the terms of one weight. */
static void scale_row(float *out, const float *centre, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = weight * centre[i];
}

static void add_rows(float *out, const float *a, const float *b, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += weight * (a[i] + b[i]);
}

/* A row of bytes as floats, with its ends repeated `radius` pixels beyond it. */
static void pad_row(float *padded, const uint8_t *row, int width, size_t c, int radius)
{
    for (int x = -radius; x < width + radius; x++)
        for (size_t k = 0; k < c; k++)
            *padded++ = row[(size_t)clamp(x, width) * c + k];
}

/* Along rows: out [height, width, channels]. */
static void smooth_across(float *out, const gcl_image *picture, float *padded, const float *weight,
                          int radius)
{
    size_t c = (size_t)picture->channels, n = (size_t)picture->width * c;
    for (int y = 0; y < picture->height; y++, out += n) {
        const float *centre = padded + (size_t)radius * c;
        pad_row(padded, picture->pixels + (size_t)y * n, picture->width, c, radius);
        scale_row(out, centre, weight[0], n);
        for (int k = 1; k <= radius; k++)
            add_rows(out, centre - (size_t)k * c, centre + (size_t)k * c, weight[k], n);
    }
}

/* Along columns, of rows of n floats. */
static void smooth_down(float *out, const float *in, int height, size_t n, const float *weight,
                        int radius)
{
    for (int y = 0; y < height; y++, out += n) {
        scale_row(out, in + (size_t)y * n, weight[0], n);
        for (int k = 1; k <= radius; k++)
            add_rows(out, in + (size_t)clamp(y - k, height) * n,
                     in + (size_t)clamp(y + k, height) * n, weight[k], n);
    }
}

/* The picture as floats [height, width, channels], smoothed; NULL with the error set. */
static float *smooth(const gcl_image *picture, double sigma, gcl_error *err)
{
    int radius;
    float *weight = gaussian(sigma, &radius);
    size_t c = (size_t)picture->channels, row = (size_t)picture->width * c;
    size_t n = row * (size_t)picture->height, n_padded = row + 2 * (size_t)radius * c;
    float *smoothed = gcl_try_alloc(n * sizeof(float), "smoothed picture", err);
    float *across = gcl_try_alloc((n + n_padded) * sizeof(float), "smoothed picture", err);
    if (smoothed != NULL && across != NULL) {
        smooth_across(across, picture, across + n, weight, radius);
        smooth_down(smoothed, across, picture->height, row, weight, radius);
    } else {
        free(smoothed);
        smoothed = NULL;
    }
    free(across);
    free(weight);
    return smoothed;
}

int gcl_blur(gcl_image *blurred, const gcl_image *picture, double sigma, gcl_error *err)
{
    *blurred = (gcl_image){0};
    float *values = smooth(picture, sigma, err);
    int result = values != NULL ? gcl_image_new(blurred, picture->width, picture->height,
                                                picture->channels, err)
                                : -1;
    size_t n = (size_t)picture->width * (size_t)picture->height * (size_t)picture->channels;
    for (size_t i = 0; i < n && result == 0; i++)
        blurred->pixels[i] = (uint8_t)(values[i] + 0.5f); /* a mean of bytes: 0 to 255 */
    free(values);
    return result;
}

/* ---- the gradient and its maxima ---------------------------------------------------------------- */

typedef struct field {
    int width, height;
    float *dx, *dy, *size; /* [height, width]: gradient, magnitude */
    float *ridge;          /* magnitude at the maxima across the edge, else 0 */
} field;

static void field_free(field *f)
{
    free(f->dx);
    free(f->dy);
    free(f->size);
    free(f->ridge);
}

static int field_new(field *f, const gcl_image *picture, gcl_error *err)
{
    size_t n = (size_t)picture->width * (size_t)picture->height;
    *f = (field){.width = picture->width, .height = picture->height};
    float **const planes[] = {&f->dx, &f->dy, &f->size, &f->ridge};
    for (int i = 0; i < 4; i++)
        if ((*planes[i] = gcl_try_alloc(n * sizeof(float), "gradient of a picture", err)) == NULL) {
            field_free(f);
            return -1;
        }
    return 0;
}

/* Central differences, in the channel where the gradient is largest. */
static void differentiate(field *f, const float *values, int channels)
{
    size_t c = (size_t)channels, row = (size_t)f->width * c;
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            const float *left = values + (size_t)y * row + (size_t)clamp(x - 1, f->width) * c;
            const float *right = values + (size_t)y * row + (size_t)clamp(x + 1, f->width) * c;
            const float *up = values + (size_t)clamp(y - 1, f->height) * row + (size_t)x * c;
            const float *down = values + (size_t)clamp(y + 1, f->height) * row + (size_t)x * c;
            size_t i = (size_t)y * (size_t)f->width + (size_t)x;
            for (size_t k = 0; k < c; k++) {
                float dx = right[k] - left[k], dy = down[k] - up[k], size = dx * dx + dy * dy;
                if (size > f->size[i])
                    f->dx[i] = dx, f->dy[i] = dy, f->size[i] = size;
            }
            f->size[i] = sqrtf(f->size[i]);
        }
}

/* The magnitude at a point between pixels, bilinear; x and y lie inside. */
static float sample(const field *f, float x, float y)
{
    int x0 = clamp((int)x, f->width), y0 = clamp((int)y, f->height);
    int x1 = clamp(x0 + 1, f->width), y1 = clamp(y0 + 1, f->height);
    float u = x - (float)x0, v = y - (float)y0;
    const float *top = f->size + (size_t)y0 * (size_t)f->width;
    const float *bottom = f->size + (size_t)y1 * (size_t)f->width;
    return (1 - v) * ((1 - u) * top[x0] + u * top[x1]) +
           v * ((1 - u) * bottom[x0] + u * bottom[x1]);
}

/* Keeps pixels whose magnitude is not below that one pixel away to both sides of the edge. */
static void thin(field *f)
{
    for (int y = 1; y < f->height - 1; y++)
        for (int x = 1; x < f->width - 1; x++) {
            size_t i = (size_t)y * (size_t)f->width + (size_t)x;
            float size = f->size[i];
            if (size == 0)
                continue;
            float u = f->dx[i] / size, v = f->dy[i] / size;
            if (size > sample(f, (float)x + u, (float)y + v) &&
                size >= sample(f, (float)x - u, (float)y - v))
                f->ridge[i] = size;
        }
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* Magnitudes are differences of bytes over two pixels. NOISE is the least that counts: below lie
 * rounding and JPEG's grain. */
enum { LEVELS = 512, NOISE = 6 };

/* The strong threshold: a quarter of the maxima's 98th percentile. */
static float high_threshold(const field *f)
{
    size_t count[LEVELS] = {0}, n = 0, above = 0;
    for (size_t i = 0; i < (size_t)f->width * (size_t)f->height; i++)
        if (f->ridge[i] >= NOISE) {
            count[(int)fminf(f->ridge[i], LEVELS - 1)]++;
            n++;
        }
    int level = LEVELS - 1;
    while (level > 0 && (above += count[level]) * 50 <= n)
        level--;
    return fmaxf(0.25f * (float)level, NOISE);
}

/* Follows one line from `start` over neighbours above `low`, and takes its pixels off the ridge.
 * Returns how many there are; `line` has room for all pixels. */
static size_t follow(field *f, size_t start, float low, size_t *line, float *sizes)
{
    size_t n = 0, width = (size_t)f->width;
    line[n] = start, sizes[n++] = f->ridge[start];
    f->ridge[start] = 0;
    for (size_t at = 0; at < n; at++)
        for (int k = 0; k < 9; k++) { /* the border has no ridge, so neighbours exist */
            size_t i = line[at] + (size_t)(k / 3) * width + (size_t)(k % 3) - width - 1;
            if (f->ridge[i] >= low) {
                line[n] = i, sizes[n++] = f->ridge[i];
                f->ridge[i] = 0;
            }
        }
    return n;
}

static int draw_lines(gcl_image *drawing, field *f, gcl_error *err)
{
    size_t n_pixels = (size_t)f->width * (size_t)f->height;
    size_t *line = gcl_try_alloc(n_pixels * sizeof *line, "lines of a picture", err);
    float *sizes = line != NULL ? gcl_try_alloc(n_pixels * sizeof *sizes, "lines", err) : NULL;
    if (sizes == NULL) {
        free(line);
        return -1;
    }
    float high = high_threshold(f), low = 0.4f * high;
    size_t speck = 3 + (size_t)(f->width < f->height ? f->width : f->height) / 64;
    memset(drawing->pixels, 255, n_pixels);
    for (size_t start = 0; start < n_pixels; start++) {
        size_t n = f->ridge[start] >= high ? follow(f, start, low, line, sizes) : 0;
        for (size_t i = 0; i < n && n > speck; i++)
            drawing->pixels[line[i]] = (uint8_t)(128 * (1 - fminf(1, sizes[i] / (2 * high))));
    }
    free(line);
    free(sizes);
    return 0;
}

int gcl_edges(gcl_image *drawing, const gcl_image *picture, gcl_error *err)
{
    field f;
    *drawing = (gcl_image){0};
    if (field_new(&f, picture, err) != 0)
        return -1;
    float *values = smooth(picture, 1, err);
    int result =
        values != NULL ? gcl_image_new(drawing, picture->width, picture->height, 1, err) : -1;
    if (result == 0) {
        differentiate(&f, values, picture->channels);
        thin(&f);
        result = draw_lines(drawing, &f, err);
    }
    free(values);
    field_free(&f);
    if (result != 0)
        gcl_image_free(drawing);
    return result;
}
