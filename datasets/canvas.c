#include "datasets/canvas.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PI 3.14159265358979f

enum { MAX_GIVEN = 128, MAX_POINTS = 2048 };

struct gcl_canvas {
    int size, stride; /* a row of cover has two cells more: what lies right of the canvas */
    float *rgb;       /* [size, size, 3] */
    float *cover;     /* [size, stride]: zero outside of a fill */
    float *mask;      /* [size, size]: the clip */
    bool clipped;
    float matrix[6], inverse[6]; /* x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5; to pixels, back */
    gcl_point points[MAX_POINTS]; /* the current shape, in pixels */
    float radius[MAX_POINTS];     /* of a line at each point, in pixels */
    int n_points;
    bool is_line;
    int left, top, right, bottom; /* pixels that the shape can touch; right, bottom: beyond */
};

/* libm's fminf and fmaxf are calls, because of NaN; these are one instruction. */
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }
static inline float clamp(float x, float low, float high) { return least(most(x, low), high); }

/* --- colours and paints ---------------------------------------------------------------------- */

gcl_colour gcl_colour_hsv(float hue, float saturation, float value)
{
    float channel[3];
    for (int c = 0; c < 3; c++) {
        float h = hue + (float)(3 - c) / 3;
        float k = fabsf((h - floorf(h)) * 6 - 3) - 1;
        channel[c] = value * (1 - saturation * (1 - clamp(k, 0, 1)));
    }
    return (gcl_colour){channel[0], channel[1], channel[2]};
}

gcl_colour gcl_colour_mix(gcl_colour a, gcl_colour b, float t)
{
    return (gcl_colour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

gcl_colour gcl_colour_shade(gcl_colour c, float factor)
{
    if (factor > 1)
        return gcl_colour_mix(c, (gcl_colour){1, 1, 1}, factor - 1);
    float cool = factor * (1 - 0.25f * (1 - factor)); /* shadows lose green and blue first */
    return (gcl_colour){c.r * factor, c.g * cool, c.b * cool};
}

gcl_paint gcl_paint_flat(gcl_colour colour, float alpha)
{
    return (gcl_paint){GCL_PAINT_LINEAR, {0, 0}, {1, 0}, colour, colour, alpha, alpha};
}

gcl_paint gcl_paint_linear(float x0, float y0, gcl_colour a, float x1, float y1, gcl_colour b)
{
    return (gcl_paint){GCL_PAINT_LINEAR, {x0, y0}, {x1, y1}, a, b, 1, 1};
}

gcl_paint gcl_paint_radial(float x, float y, float rx, float ry, gcl_colour a, gcl_colour b)
{
    return (gcl_paint){GCL_PAINT_RADIAL, {x, y}, {rx, ry}, a, b, 1, 1};
}

gcl_paint gcl_paint_spot(float x, float y, float rx, float ry, gcl_colour colour, float alpha)
{
    return (gcl_paint){GCL_PAINT_RADIAL, {x, y}, {rx, ry}, colour, colour, alpha, 0};
}

/* --- canvas ---------------------------------------------------------------------------------- */

gcl_canvas *gcl_canvas_new(int size, gcl_error *err)
{
    gcl_canvas *canvas = gcl_alloc(sizeof *canvas);
    size_t side = (size_t)size;
    canvas->size = size;
    canvas->stride = size + 2;
    canvas->rgb = gcl_try_alloc((5 * side * side + 2 * side) * sizeof(float), "canvas", err);
    if (canvas->rgb == NULL) {
        free(canvas);
        return NULL;
    }
    canvas->mask = canvas->rgb + 3 * side * side;
    canvas->cover = canvas->mask + side * side;
    gcl_canvas_place(canvas, 0, 0, 1, 0);
    return canvas;
}

void gcl_canvas_free(gcl_canvas *canvas)
{
    if (canvas == NULL)
        return;
    free(canvas->rgb);
    free(canvas);
}

void gcl_canvas_place(gcl_canvas *canvas, float x, float y, float scale, float angle)
{
    float half = 0.5f * (float)canvas->size, s = scale * half;
    float c = cosf(angle), d = sinf(angle);
    float to[6] = {s * c, -s * d, half * (1 + x), s * d, s * c, half * (1 + y)};
    float back[6] = {c / s,  d / s, -(c * to[2] + d * to[5]) / s,
                     -d / s, c / s, -(c * to[5] - d * to[2]) / s};
    memcpy(canvas->matrix, to, sizeof to);
    memcpy(canvas->inverse, back, sizeof back);
}

static float scale_of(const gcl_canvas *canvas)
{
    return sqrtf(canvas->matrix[0] * canvas->matrix[0] + canvas->matrix[3] * canvas->matrix[3]);
}

/* --- shapes ---------------------------------------------------------------------------------- */

static void begin_shape(gcl_canvas *canvas, bool is_line)
{
    canvas->n_points = 0;
    canvas->is_line = is_line;
}

static void add_point(gcl_canvas *canvas, float x, float y, float radius)
{
    if (canvas->n_points == MAX_POINTS)
        return;
    const float *m = canvas->matrix;
    canvas->radius[canvas->n_points] = radius;
    canvas->points[canvas->n_points++] =
        (gcl_point){m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
}

static int clamp_pixel(float x, int size) { return x <= 0 ? 0 : x >= (float)size ? size : (int)x; }

/* Finds the pixels that the shape can touch. */
static void end_shape(gcl_canvas *canvas)
{
    float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;
    for (int i = 0; i < canvas->n_points; i++) {
        float margin = canvas->is_line ? canvas->radius[i] + 1 : 0;
        left = least(left, canvas->points[i].x - margin);
        right = most(right, canvas->points[i].x + margin);
        top = least(top, canvas->points[i].y - margin);
        bottom = most(bottom, canvas->points[i].y + margin);
    }
    canvas->left = clamp_pixel(floorf(left), canvas->size);
    canvas->right = clamp_pixel(ceilf(right) + 1, canvas->size);
    canvas->top = clamp_pixel(floorf(top), canvas->size);
    canvas->bottom = clamp_pixel(ceilf(bottom), canvas->size);
}

void gcl_canvas_polygon(gcl_canvas *canvas, const gcl_point *points, int n)
{
    begin_shape(canvas, false);
    for (int i = 0; i < n; i++)
        add_point(canvas, points[i].x, points[i].y, 0);
    end_shape(canvas);
}

void gcl_canvas_all(gcl_canvas *canvas)
{
    float side = (float)canvas->size;
    begin_shape(canvas, false);
    canvas->points[0] = (gcl_point){0, 0};
    canvas->points[1] = (gcl_point){side, 0};
    canvas->points[2] = (gcl_point){side, side};
    canvas->points[3] = (gcl_point){0, side};
    canvas->n_points = 4;
    end_shape(canvas);
}

/* Steps of a curve so that a chord leaves it by about a tenth of a pixel at most. */
static int n_steps(const gcl_canvas *canvas, float length)
{
    float steps = ceilf(1 + 1.2f * sqrtf(length * scale_of(canvas)));
    return steps < 40 ? (int)steps : 40;
}

void gcl_canvas_ellipse(gcl_canvas *canvas, float x, float y, float rx, float ry, float angle)
{
    int n = 4 * n_steps(canvas, 1.6f * most(rx, ry));
    float c = cosf(angle), s = sinf(angle);
    begin_shape(canvas, false);
    for (int i = 0; i < n; i++) {
        float turn = 2 * PI * (float)i / (float)n, u = rx * cosf(turn), v = ry * sinf(turn);
        add_point(canvas, x + c * u - s * v, y + s * u + c * v, 0);
    }
    end_shape(canvas);
}

static float catmull_rom(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Adds the piece from p[1] to p[2], without its end. Equal neighbours make a corner. */
static void add_piece(gcl_canvas *canvas, const gcl_point *const p[4], float r0, float r1)
{
    float length = hypotf(p[2]->x - p[1]->x, p[2]->y - p[1]->y);
    int steps = n_steps(canvas, length);
    if (length == 0)
        return;
    for (int i = 0; i < steps; i++) {
        float t = (float)i / (float)steps;
        add_point(canvas, catmull_rom(p[0]->x, p[1]->x, p[2]->x, p[3]->x, t),
                  catmull_rom(p[0]->y, p[1]->y, p[2]->y, p[3]->y, t), r0 + (r1 - r0) * t);
    }
}

void gcl_canvas_curve(gcl_canvas *canvas, const gcl_point *points, int n)
{
    begin_shape(canvas, false);
    for (int i = 0; i < n; i++) {
        const gcl_point *const p[4] = {&points[(i + n - 1) % n], &points[i], &points[(i + 1) % n],
                                       &points[(i + 2) % n]};
        add_piece(canvas, p, 0, 0);
    }
    end_shape(canvas);
}

void gcl_canvas_mirrored(gcl_canvas *canvas, const gcl_point *points, int n)
{
    gcl_point all[MAX_GIVEN];
    int n_all = 0;
    for (int i = 0; i < n; i++)
        all[n_all++] = points[i];
    for (int i = n - 1; i >= 0; i--)
        if (points[i].x != 0)
            all[n_all++] = (gcl_point){-points[i].x, points[i].y};
    gcl_canvas_curve(canvas, all, n_all);
}

void gcl_canvas_line(gcl_canvas *canvas, const gcl_point *points, int n, float width_from,
                     float width_to)
{
    float scale = 0.5f * scale_of(canvas), from = width_from * scale, to = width_to * scale;
    begin_shape(canvas, true);
    for (int i = 0; i + 1 < n; i++) {
        const gcl_point *const p[4] = {&points[i > 0 ? i - 1 : 0], &points[i], &points[i + 1],
                                       &points[i + 2 < n ? i + 2 : n - 1]};
        float t0 = (float)i / (float)(n - 1), t1 = (float)(i + 1) / (float)(n - 1);
        add_piece(canvas, p, from + (to - from) * t0, from + (to - from) * t1);
    }
    add_point(canvas, points[n - 1].x, points[n - 1].y, to);
    end_shape(canvas);
}

void gcl_canvas_outline(gcl_canvas *canvas, float width)
{
    float radius = 0.5f * width * scale_of(canvas);
    if (canvas->n_points == MAX_POINTS)
        return;
    canvas->points[canvas->n_points++] = canvas->points[0];
    for (int i = 0; i < canvas->n_points; i++)
        canvas->radius[i] = radius;
    canvas->is_line = true;
    end_shape(canvas);
}

/* --- coverage -------------------------------------------------------------------------------- */

/* Adds one row's part of an edge that spans `height` (signed) from x0 to x1 <= its right end: the
 * cell under a piece of it gets the area to the right of the piece, the next cell the rest, so that
 * the running sum of a row is the covered share of each pixel. */
static void add_span(float *row, float x0, float x1, float height)
{
    float slope = x1 > x0 ? height / (x1 - x0) : 0;
    do {
        float cell = (float)(int)x0, end = least(x1, cell + 1);
        float part = x1 > x0 ? slope * (end - x0) : height;
        float outside = 0.5f * (x0 + end) - cell;
        row[(int)cell] += part * (1 - outside);
        row[(int)cell + 1] += part * outside;
        if (end >= x1)
            break;
        height -= part;
        x0 = end;
    } while (true);
}

static void add_edge(gcl_canvas *canvas, gcl_point p, gcl_point q)
{
    float sign = 1, limit = (float)canvas->size;
    if (p.y > q.y) {
        gcl_point kept = p;
        p = q;
        q = kept;
        sign = -1;
    }
    if (p.y == q.y || q.y <= 0 || p.y >= limit)
        return;
    float slope = (q.x - p.x) / (q.y - p.y);
    float y = most(p.y, 0), last = least(q.y, limit);
    for (int row = (int)y; (float)row < last; row++) {
        float end = least((float)row + 1, last);
        float a = p.x + (y - p.y) * slope, b = p.x + (end - p.y) * slope;
        float low = clamp(least(a, b), 0, limit), high = clamp(most(a, b), 0, limit);
        add_span(canvas->cover + (size_t)row * (size_t)canvas->stride, low, high, sign * (end - y));
        y = end;
    }
}

static void cover_polygon(gcl_canvas *canvas)
{
    for (int i = 0; i < canvas->n_points; i++)
        add_edge(canvas, canvas->points[i], canvas->points[i + 1 < canvas->n_points ? i + 1 : 0]);
    for (int y = canvas->top; y < canvas->bottom; y++) {
        float *row = canvas->cover + (size_t)y * (size_t)canvas->stride, sum = 0;
        for (int x = canvas->left; x < canvas->right; x++) {
            sum += row[x];
            row[x] = least(fabsf(sum), 1);
        }
    }
}

/* Covers what is nearer to the segment than its radius there; half a pixel of softness. */
static void cover_segment(gcl_canvas *canvas, gcl_point p, gcl_point q, float rp, float rq)
{
    float dx = q.x - p.x, dy = q.y - p.y, square = dx * dx + dy * dy;
    float inverse = square > 0 ? 1 / square : 0, margin = most(rp, rq) + 1;
    int left = clamp_pixel(least(p.x, q.x) - margin, canvas->size);
    int right = clamp_pixel(most(p.x, q.x) + margin + 1, canvas->size);
    int top = clamp_pixel(least(p.y, q.y) - margin, canvas->size);
    int bottom = clamp_pixel(most(p.y, q.y) + margin + 1, canvas->size);
    for (int y = top; y < bottom; y++) {
        float *row = canvas->cover + (size_t)y * (size_t)canvas->stride;
        for (int x = left; x < right; x++) {
            float u = (float)x + 0.5f - p.x, v = (float)y + 0.5f - p.y;
            float t = clamp((u * dx + v * dy) * inverse, 0, 1);
            float ex = u - t * dx, ey = v - t * dy, radius = rp + (rq - rp) * t;
            float inside = radius + 0.5f - sqrtf(ex * ex + ey * ey);
            row[x] = most(row[x], least(inside, least(1, 2 * radius))); /* hairlines fade */
        }
    }
}

static void cover_line(gcl_canvas *canvas)
{
    for (int i = 0; i + 1 < canvas->n_points; i++)
        cover_segment(canvas, canvas->points[i], canvas->points[i + 1], canvas->radius[i],
                      canvas->radius[i + 1]);
}

static void cover_shape(gcl_canvas *canvas)
{
    if (canvas->is_line)
        cover_line(canvas);
    else
        cover_polygon(canvas);
}

static void clear_cover(gcl_canvas *canvas)
{
    for (int y = canvas->top; y < canvas->bottom; y++)
        memset(canvas->cover + (size_t)y * (size_t)canvas->stride, 0,
               (size_t)canvas->stride * sizeof(float));
}

/* --- painting -------------------------------------------------------------------------------- */

/* t as a function of pixels: linear paints have t = u, radial ones t = hypot(u, v), where
 * u = c[0] x + c[1] y + c[2] and v = c[3] x + c[4] y + c[5] at pixel centres. */
static void paint_map(const gcl_canvas *canvas, const gcl_paint *paint, float c[6])
{
    const float *m = canvas->inverse;
    float ux, uy, u0, vx = 0, vy = 0, v0 = 0;
    if (paint->kind == GCL_PAINT_LINEAR) {
        float dx = paint->to.x - paint->from.x, dy = paint->to.y - paint->from.y;
        float square = dx * dx + dy * dy;
        ux = dx / square, uy = dy / square, u0 = -(paint->from.x * ux + paint->from.y * uy);
    } else {
        ux = 1 / paint->to.x, uy = 0, u0 = -paint->from.x * ux;
        vy = 1 / paint->to.y, v0 = -paint->from.y * vy;
    }
    c[0] = ux * m[0] + uy * m[3];
    c[1] = ux * m[1] + uy * m[4];
    c[2] = ux * m[2] + uy * m[5] + u0 + 0.5f * (c[0] + c[1]);
    c[3] = vx * m[0] + vy * m[3];
    c[4] = vx * m[1] + vy * m[4];
    c[5] = vx * m[2] + vy * m[5] + v0 + 0.5f * (c[3] + c[4]);
}

static void blend(float *rgb, const gcl_paint *paint, float t, float cover)
{
    float alpha = cover * (paint->alpha_a + (paint->alpha_b - paint->alpha_a) * t);
    gcl_colour colour = gcl_colour_mix(paint->a, paint->b, t);
    rgb[0] += alpha * (colour.r - rgb[0]);
    rgb[1] += alpha * (colour.g - rgb[1]);
    rgb[2] += alpha * (colour.b - rgb[2]);
}

void gcl_canvas_fill(gcl_canvas *canvas, gcl_paint paint)
{
    float c[6];
    paint_map(canvas, &paint, c);
    cover_shape(canvas);
    for (int y = canvas->top; y < canvas->bottom; y++) {
        const float *cover = canvas->cover + (size_t)y * (size_t)canvas->stride;
        const float *mask = canvas->mask + (size_t)y * (size_t)canvas->size;
        float *rgb = canvas->rgb + 3 * (size_t)y * (size_t)canvas->size;
        for (int x = canvas->left; x < canvas->right; x++) {
            float share = canvas->clipped ? cover[x] * mask[x] : cover[x];
            if (share < 1.0f / 512)
                continue;
            float u = c[0] * (float)x + c[1] * (float)y + c[2];
            float v = c[3] * (float)x + c[4] * (float)y + c[5];
            float t = paint.kind == GCL_PAINT_LINEAR ? u : sqrtf(u * u + v * v);
            blend(rgb + 3 * x, &paint, clamp(t, 0, 1), share);
        }
    }
    clear_cover(canvas);
}

void gcl_canvas_clip(gcl_canvas *canvas)
{
    size_t side = (size_t)canvas->size;
    memset(canvas->mask, 0, side * side * sizeof(float));
    cover_shape(canvas);
    for (int y = canvas->top; y < canvas->bottom; y++)
        for (int x = canvas->left; x < canvas->right; x++)
            canvas->mask[(size_t)y * side + (size_t)x] =
                canvas->cover[(size_t)y * (size_t)canvas->stride + (size_t)x];
    clear_cover(canvas);
    canvas->clipped = true;
}

void gcl_canvas_unclip(gcl_canvas *canvas) { canvas->clipped = false; }

void gcl_canvas_bytes(const gcl_canvas *canvas, uint8_t *bytes)
{
    size_t n = 3 * (size_t)canvas->size * (size_t)canvas->size;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(clamp(canvas->rgb[i], 0, 1) * 255 + 0.5f);
}
