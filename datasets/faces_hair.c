/* Hair of the built-in faces: what lies behind the head, and what lies on it. */
#include <math.h>

#include "datasets/faces.h"

enum { DETAIL_CURLS = 10, DETAIL_SPIKES = 12 };

#define PI 3.14159265358979f

static gcl_colour dark(const face *f) { return gcl_colour_shade(f->hair, 0.60f); }

static gcl_paint front_paint(const face *f)
{
    return gcl_paint_linear(-0.25f, -0.75f, gcl_colour_shade(f->hair, 1.16f), 0.25f, 0.15f,
                            gcl_colour_shade(f->hair, 0.80f));
}

static gcl_paint back_paint(const face *f)
{
    return gcl_paint_linear(-0.1f, -0.5f, gcl_colour_shade(f->hair, 0.82f), 0.1f, 0.9f,
                            gcl_colour_shade(f->hair, 0.52f));
}

static void fill_with_border(gcl_canvas *canvas, const face *f, gcl_paint paint)
{
    gcl_canvas_fill(canvas, paint);
    gcl_canvas_outline(canvas, 0.016f);
    gcl_canvas_fill(canvas, gcl_paint_flat(dark(f), 0.55f));
}

static void strand(gcl_canvas *canvas, const face *f, const gcl_point *points, int n, float factor)
{
    gcl_canvas_line(canvas, points, n, 0.010f, 0.022f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->hair, factor), 0.5f));
}

/* --- behind the head ------------------------------------------------------------------------- */

static void paint_long(gcl_canvas *canvas, const face *f, float waves)
{
    float c = f->cheek + f->fluff, b = 0.05f * waves;
    gcl_point half[] = {{0, f->top - f->fluff},
                        {0.5f * c, f->top + 0.06f - f->fluff},
                        {0.93f * c, -0.32f},
                        {1.02f * c + b, -0.02f},
                        {1.04f * c - 0.6f * b, 0.18f},
                        {1.12f * c + b, 0.38f},
                        {1.12f * c - 0.6f * b, 0.58f},
                        {1.22f * c + b, 0.78f},
                        {1.02f * c, 0.93f},
                        {0.4f * c, 0.86f},
                        {0, 0.86f}};
    gcl_canvas_mirrored(canvas, half, 11);
    fill_with_border(canvas, f, back_paint(f));
}

static void paint_bob(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek + f->fluff;
    gcl_point half[] = {{0, f->top - f->fluff},
                        {0.5f * c, f->top + 0.06f - f->fluff},
                        {0.95f * c, -0.30f},
                        {1.10f * c, 0.10f},
                        {1.13f * c, 0.36f},
                        {0.90f * c, 0.50f},
                        {0.90f * c, 0.50f},
                        {0.5f * c, 0.42f},
                        {0, 0.42f}};
    gcl_canvas_mirrored(canvas, half, 9);
    fill_with_border(canvas, f, back_paint(f));
}

static void paint_tie(gcl_canvas *canvas, const face *f, float x, float y, float r)
{
    gcl_canvas_ellipse(canvas, x, y, r, r, 0);
    gcl_canvas_fill(canvas, gcl_paint_radial(x - 0.3f * r, y - 0.3f * r, 1.5f * r, 1.5f * r,
                                             gcl_colour_shade(f->accent, 1.2f),
                                             gcl_colour_shade(f->accent, 0.7f)));
}

static void paint_pigtails(gcl_canvas *canvas, const face *f)
{
    float x = f->cheek + 0.03f;
    for (float s = -1; s <= 1; s += 2) {
        gcl_point tail[] = {{s * x, -0.12f},          {s * (x + 0.20f), -0.18f},
                            {s * (x + 0.33f), 0.06f}, {s * (x + 0.30f), 0.36f},
                            {s * (x + 0.15f), 0.56f}, {s * (x + 0.15f), 0.56f},
                            {s * (x + 0.13f), 0.30f}, {s * (x + 0.08f), 0.08f}};
        gcl_canvas_curve(canvas, tail, 8);
        fill_with_border(canvas, f, front_paint(f));
        gcl_point line[] = {
            {s * (x + 0.10f), -0.08f}, {s * (x + 0.23f), 0.08f}, {s * (x + 0.20f), 0.40f}};
        strand(canvas, f, line, 3, 0.62f);
        paint_tie(canvas, f, s * (x + 0.045f), -0.10f, 0.065f);
    }
}

static void paint_braids(gcl_canvas *canvas, const face *f)
{
    for (float s = -1; s <= 1; s += 2) {
        for (int k = 0; k < 5; k++) {
            float x = s * (f->cheek + 0.03f + 0.012f * (float)k), y = 0.20f + 0.125f * (float)k;
            gcl_canvas_ellipse(canvas, x, y, 0.095f - 0.006f * (float)k, 0.085f, s * 0.35f);
            fill_with_border(canvas, f,
                             gcl_paint_radial(x - 0.03f, y - 0.03f, 0.13f, 0.13f,
                                              gcl_colour_shade(f->hair, 1.08f),
                                              gcl_colour_shade(f->hair, 0.66f)));
        }
        paint_tie(canvas, f, s * (f->cheek + 0.09f), 0.79f, 0.055f);
    }
}

static void paint_ponytail(gcl_canvas *canvas, const face *f)
{
    float s = f->side;
    gcl_point tail[] = {
        {s * 0.16f, f->top + 0.02f}, {s * 0.42f, f->top - 0.16f}, {s * 0.74f, -0.50f},
        {s * 0.84f, -0.10f},         {s * 0.74f, 0.34f},          {s * 0.60f, 0.50f},
        {s * 0.60f, 0.50f},          {s * 0.62f, 0.10f},          {s * 0.50f, -0.28f}};
    gcl_canvas_curve(canvas, tail, 9);
    fill_with_border(canvas, f, front_paint(f));
    gcl_point line[] = {{s * 0.42f, -0.56f}, {s * 0.68f, -0.30f}, {s * 0.70f, 0.24f}};
    strand(canvas, f, line, 3, 0.62f);
    paint_tie(canvas, f, s * 0.30f, f->top - 0.01f, 0.075f);
}

static void paint_ball(gcl_canvas *canvas, const face *f, float x, float y, float r)
{
    gcl_canvas_ellipse(canvas, x, y, r, 0.95f * r, 0);
    fill_with_border(canvas, f,
                     gcl_paint_radial(x - 0.35f * r, y - 0.4f * r, 1.5f * r, 1.5f * r,
                                      gcl_colour_shade(f->hair, 1.2f),
                                      gcl_colour_shade(f->hair, 0.68f)));
    gcl_point swirl[] = {{x - 0.55f * r, y + 0.2f * r},
                         {x, y - 0.35f * r},
                         {x + 0.5f * r, y},
                         {x + 0.1f * r, y + 0.4f * r}};
    strand(canvas, f, swirl, 4, 0.62f);
}

/* A cloud of curls around the head. */
static void paint_afro(gcl_canvas *canvas, const face *f)
{
    float rx = f->cheek + 0.20f, ry = 0.52f, y = -0.20f;
    for (int k = 0; k < 22; k++) {
        float turn = 2 * PI * (float)k / 22;
        float r = 0.14f + 0.04f * gcl_face_draw(f, DETAIL_CURLS, (uint32_t)k);
        gcl_canvas_ellipse(canvas, (rx - 0.05f) * cosf(turn), y + (ry - 0.05f) * sinf(turn), r, r,
                           0);
        gcl_canvas_fill(canvas, gcl_paint_linear(-0.4f, -0.8f, gcl_colour_shade(f->hair, 1.02f),
                                                 0.4f, 0.4f, gcl_colour_shade(f->hair, 0.62f)));
    }
    gcl_canvas_ellipse(canvas, 0, y, rx, ry, 0);
    gcl_canvas_fill(canvas, gcl_paint_linear(-0.4f, -0.8f, gcl_colour_shade(f->hair, 1.02f), 0.4f,
                                             0.4f, gcl_colour_shade(f->hair, 0.62f)));
}

void gcl_face_hair_back(gcl_canvas *canvas, const face *f)
{
    switch (f->back) {
    case BACK_NONE: break;
    case BACK_LONG: paint_long(canvas, f, 0); break;
    case BACK_WAVY: paint_long(canvas, f, 1); break;
    case BACK_BOB: paint_bob(canvas, f); break;
    case BACK_PIGTAILS: paint_pigtails(canvas, f); break;
    case BACK_BRAIDS: paint_braids(canvas, f); break;
    case BACK_PONYTAIL: paint_ponytail(canvas, f); break;
    case BACK_AFRO: paint_afro(canvas, f); break;
    case BACK_BUN: paint_ball(canvas, f, 0, f->top - 0.13f, 0.19f); break;
    case BACK_BUNS:
        paint_ball(canvas, f, -0.36f, f->top - 0.0f, 0.17f);
        paint_ball(canvas, f, 0.36f, f->top - 0.0f, 0.17f);
    }
}

/* --- on the head ----------------------------------------------------------------------------- */

/* A cap of hair: over the crown at a distance `puff` from ear to ear (down to y = side), then back
 * along the hairline, which is given from right to left. */
static void cap_shape(gcl_canvas *canvas, const face *f, float puff, float side,
                      const gcl_point *hairline, int n)
{
    float c = f->cheek, p = puff, t = f->top;
    gcl_point points[40] = {{-1.0f * c - 0.35f * p, side},
                            {-c - 0.8f * p, -0.16f},
                            {-0.88f * c - 0.80f * p, -0.34f - 0.3f * p},
                            {-0.50f * c - 0.5f * p, t + 0.066f - 0.85f * p},
                            {0, t - p},
                            {0.50f * c + 0.5f * p, t + 0.066f - 0.85f * p},
                            {0.88f * c + 0.80f * p, -0.34f - 0.3f * p},
                            {c + 0.8f * p, -0.16f},
                            {1.0f * c + 0.35f * p, side}};
    for (int i = 0; i < n; i++)
        points[9 + i] = hairline[i];
    gcl_canvas_curve(canvas, points, 9 + n);
}

/* Hair throws a soft shadow on the forehead: its own shape, a little lower, inside the head. */
static void shade_forehead(gcl_canvas *canvas, const face *f, float puff, float side,
                           const gcl_point *hairline, int n)
{
    gcl_point lower[31];
    for (int i = 0; i < n; i++)
        lower[i] = (gcl_point){hairline[i].x, hairline[i].y + 0.035f};
    gcl_face_outline(canvas, f);
    gcl_canvas_clip(canvas);
    cap_shape(canvas, f, puff, side, lower, n);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->skin, 0.58f), 0.40f));
    gcl_canvas_unclip(canvas);
}

static void paint_cap(gcl_canvas *canvas, const face *f, float puff, float side,
                      const gcl_point *hairline, int n)
{
    shade_forehead(canvas, f, puff, side, hairline, n);
    cap_shape(canvas, f, puff, side, hairline, n);
    fill_with_border(canvas, f, front_paint(f));
}

/* A band of light over the crown. */
static void paint_shine(gcl_canvas *canvas, const face *f, float puff)
{
    float y = f->top - 0.2f * puff;
    gcl_point line[] = {
        {-0.72f * f->cheek, y + 0.17f}, {-0.40f * f->cheek, y + 0.075f}, {-0.02f, y + 0.045f}};
    gcl_canvas_line(canvas, line, 3, 0.020f, 0.050f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->hair, 1.45f), 0.38f));
}

static void paint_buzz(gcl_canvas *canvas, const face *f, float alpha)
{
    float c = f->cheek;
    gcl_point line[] = {{0.92f * c, -0.06f}, {0.84f * c, -0.26f},  {0.60f * c, -0.37f},
                        {0, -0.40f},         {-0.60f * c, -0.37f}, {-0.84f * c, -0.26f},
                        {-0.92f * c, -0.06f}};
    cap_shape(canvas, f, 0.022f, -0.02f, line, 7);
    gcl_paint paint = front_paint(f);
    paint.alpha_a = paint.alpha_b = alpha;
    gcl_canvas_fill(canvas, paint);
}

static void paint_swoop(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek, s = f->side;
    gcl_point line[] = {{0.95f * c, 0.04f},   {0.88f * c, -0.16f}, {0.62f * c, -0.33f},
                        {0.40f * c, -0.43f},  {0.05f * c, -0.31f}, {-0.45f * c, -0.22f},
                        {-0.82f * c, -0.13f}, {-0.95f * c, 0.06f}};
    if (s < 0)
        for (int i = 0; i < 4; i++) {
            gcl_point kept = line[i];
            line[i] = (gcl_point){-line[7 - i].x, line[7 - i].y};
            line[7 - i] = (gcl_point){-kept.x, kept.y};
        }
    paint_cap(canvas, f, f->fluff, 0.03f, line, 8);
    for (int k = 0; k < 3; k++) {
        float d = 0.10f * (float)k;
        gcl_point lock[] = {{s * (0.38f - 0.3f * d) * c, -0.45f - 0.4f * d},
                            {-s * (0.15f + d) * c, -0.39f - 0.6f * d},
                            {-s * (0.75f + 0.3f * d) * c, -0.24f - 0.5f * d}};
        strand(canvas, f, lock, 3, k == 1 ? 1.35f : 0.62f);
    }
}

static void paint_spikes(gcl_canvas *canvas, const face *f)
{
    enum { N = 9 };
    float c = f->cheek;
    gcl_point points[2 * N + 12];
    int n = 0;
    points[n++] = (gcl_point){-0.97f * c, 0.02f};
    for (int k = 0; k < N; k++) { /* tips and the notches between them */
        float turn = PI * (1.02f + 0.96f * ((float)k + 0.5f) / N);
        float r = 0.17f + 0.09f * gcl_face_draw(f, DETAIL_SPIKES, (uint32_t)k);
        float notch = PI * (1.02f + 0.96f * ((float)k + 1) / N);
        points[n++] = (gcl_point){(c + r) * cosf(turn - 0.06f),
                                  -0.08f + (-f->top - 0.06f + r) * sinf(turn - 0.06f)};
        points[n++] =
            (gcl_point){(c + 0.03f) * cosf(notch), -0.08f - (f->top + 0.05f) * sinf(notch)};
    }
    points[n - 1] = (gcl_point){0.97f * c, 0.02f};
    static const float teeth[][2] = {{0.90f, -0.22f},  {0.68f, -0.26f},  {0.56f, -0.40f},
                                     {0.30f, -0.27f},  {0.12f, -0.42f},  {-0.16f, -0.26f},
                                     {-0.36f, -0.41f}, {-0.60f, -0.26f}, {-0.90f, -0.22f}};
    for (int i = 0; i < 9; i++)
        points[n++] = (gcl_point){teeth[i][0] * c, teeth[i][1]};
    gcl_canvas_polygon(canvas, points, n);
    fill_with_border(canvas, f, front_paint(f));
}

static void paint_curls(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek;
    gcl_point line[] = {{0.92f * c, -0.1f},
                        {0.75f * c, -0.30f},
                        {0, -0.38f},
                        {-0.75f * c, -0.30f},
                        {-0.92f * c, -0.1f}};
    paint_cap(canvas, f, 0.04f, -0.05f, line, 5);
    for (uint32_t k = 0; k < 17; k++) { /* two rows: along the hairline and over the crown */
        float inner = k < 8, at = inner ? (float)k / 7 : (float)(k - 8) / 8;
        float turn = PI * (1.03f + 0.94f * at), out = inner ? -0.13f : 0.03f;
        float r = 0.105f + 0.035f * gcl_face_draw(f, DETAIL_CURLS + 1, k);
        float x = (c + out) * cosf(turn), y = -0.06f + (-f->top - 0.04f + out) * sinf(turn);
        gcl_canvas_ellipse(canvas, x, y, r, r, 0);
        gcl_canvas_fill(canvas, gcl_paint_radial(x - 0.4f * r, y - 0.45f * r, 1.7f * r, 1.7f * r,
                                                 gcl_colour_shade(f->hair, 1.22f),
                                                 gcl_colour_shade(f->hair, 0.66f)));
        gcl_canvas_outline(canvas, 0.010f);
        gcl_canvas_fill(canvas, gcl_paint_flat(dark(f), 0.35f));
    }
}

static void paint_fringe(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek, y = -0.185f;
    gcl_point line[] = {{0.94f * c, 0.06f},       {0.84f * c, -0.10f},      {0.70f * c, y + 0.02f},
                        {0.42f * c, y - 0.015f},  {0.14f * c, y + 0.015f},  {-0.14f * c, y - 0.01f},
                        {-0.42f * c, y + 0.015f}, {-0.70f * c, y + 0.015f}, {-0.84f * c, -0.10f},
                        {-0.94f * c, 0.06f}};
    paint_cap(canvas, f, f->fluff, 0.05f, line, 10);
    for (int k = -2; k <= 2; k++) {
        float x = 0.3f * (float)k * c;
        gcl_point lock[] = {
            {0.55f * x, f->top + 0.05f}, {0.9f * x, -0.36f}, {1.05f * x, y - 0.02f}};
        strand(canvas, f, lock, 3, k % 2 ? 1.25f : 0.62f);
    }
}

static void paint_quiff(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek, s = f->side, t = f->top;
    paint_buzz(canvas, f, 0.92f);
    gcl_point top[] = {{-s * 0.86f * c, -0.30f},    {-s * 0.98f * c, t - 0.03f},
                       {-s * 0.62f * c, t - 0.22f}, {s * 0.05f * c, t - 0.27f},
                       {s * 0.66f * c, t - 0.16f},  {s * 0.90f * c, -0.34f},
                       {s * 0.66f * c, -0.40f},     {0, -0.37f},
                       {-s * 0.6f * c, -0.34f}};
    gcl_canvas_curve(canvas, top, 9);
    fill_with_border(canvas, f, front_paint(f));
    for (int k = 0; k < 3; k++) {
        float d = 0.07f * (float)k;
        gcl_point lock[] = {{s * (0.55f - 2 * d) * c, -0.42f - 0.3f * d},
                            {-s * (0.05f + d) * c, -0.53f - d},
                            {-s * (0.72f - d) * c, -0.56f - d}};
        strand(canvas, f, lock, 3, k == 1 ? 1.35f : 0.62f);
    }
}

static void paint_mohawk(gcl_canvas *canvas, const face *f)
{
    float t = f->top;
    paint_buzz(canvas, f, 0.35f);
    gcl_point half[] = {{0, t - 0.27f},      {0.07f, t - 0.22f}, {0.13f, t - 0.26f},
                        {0.155f, t - 0.12f}, {0.17f, t + 0.04f}, {0.12f, -0.34f},
                        {0, -0.31f}};
    gcl_canvas_mirrored(canvas, half, 7);
    fill_with_border(canvas, f,
                     gcl_paint_linear(0, t - 0.27f, gcl_colour_shade(f->hair, 1.22f), 0, -0.3f,
                                      gcl_colour_shade(f->hair, 0.70f)));
    for (int k = -1; k <= 1; k++) {
        float x = 0.065f * (float)k;
        gcl_point lock[] = {{0.6f * x, -0.36f}, {x, t}, {1.1f * x, t - 0.19f}};
        strand(canvas, f, lock, 3, 0.6f);
    }
}

static void paint_sides(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek;
    for (float s = -1; s <= 1; s += 2) {
        float w = s * c;
        gcl_point patch[] = {{0.80f * w, -0.40f}, {1.05f * w, -0.28f}, {1.13f * w, -0.12f},
                             {1.06f * w, 0.06f},  {0.94f * w, 0.10f},  {0.90f * w, -0.14f}};
        gcl_canvas_curve(canvas, patch, 6);
        fill_with_border(canvas, f, front_paint(f));
    }
}

static void paint_centre(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek;
    gcl_point line[] = {{0.96f * c, 0.16f},   {0.86f * c, -0.10f},  {0.56f * c, -0.30f},
                        {0.20f * c, -0.41f},  {0, -0.50f},          {-0.20f * c, -0.41f},
                        {-0.56f * c, -0.30f}, {-0.86f * c, -0.10f}, {-0.96f * c, 0.16f}};
    paint_cap(canvas, f, f->fluff, 0.16f, line, 9);
    for (float s = -1; s <= 1; s += 2) {
        gcl_point lock[] = {
            {s * 0.02f, f->top + 0.01f}, {s * 0.55f * c, -0.40f}, {s * 0.92f * c, -0.10f}};
        strand(canvas, f, lock, 3, 0.62f);
    }
    gcl_point parting[] = {{0, f->top - f->fluff + 0.02f}, {0, -0.49f}};
    gcl_canvas_line(canvas, parting, 2, 0.010f, 0.018f);
    gcl_canvas_fill(canvas, gcl_paint_flat(dark(f), 0.8f));
}

static void paint_pulled(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek;
    gcl_point line[] = {{0.95f * c, 0.02f}, {0.86f * c, -0.20f},  {0.56f * c, -0.37f},
                        {0, -0.43f},        {-0.56f * c, -0.37f}, {-0.86f * c, -0.20f},
                        {-0.95f * c, 0.02f}};
    paint_cap(canvas, f, 0.035f, 0.02f, line, 7);
    for (int k = -2; k <= 2; k++) {
        float x = 0.4f * (float)k * c;
        gcl_point lock[] = {{x, -0.40f + 0.1f * fabsf(x)}, {0.8f * x, -0.50f}, {0.45f * x, f->top}};
        strand(canvas, f, lock, 3, 0.62f);
    }
}

void gcl_face_hair_front(gcl_canvas *canvas, const face *f)
{
    switch (f->front) {
    case FRONT_NONE: break;
    case FRONT_BUZZ: paint_buzz(canvas, f, 0.9f); break;
    case FRONT_SWOOP: paint_swoop(canvas, f); break;
    case FRONT_SPIKES: paint_spikes(canvas, f); break;
    case FRONT_CURLS: paint_curls(canvas, f); break;
    case FRONT_FRINGE: paint_fringe(canvas, f); break;
    case FRONT_QUIFF: paint_quiff(canvas, f); break;
    case FRONT_MOHAWK: paint_mohawk(canvas, f); break;
    case FRONT_SIDES: paint_sides(canvas, f); break;
    case FRONT_CENTRE: paint_centre(canvas, f); break;
    case FRONT_PULLED: paint_pulled(canvas, f);
    }
    if (f->front == FRONT_SWOOP || f->front == FRONT_FRINGE || f->front == FRONT_CENTRE ||
        f->front == FRONT_PULLED)
        paint_shine(canvas, f, f->fluff);
}
