/* Heads of the built-in faces: skin, ears, cheeks and beards. */
#include "datasets/faces.h"

enum { DETAIL_FRECKLES = 1 };

static const gcl_colour white = {1, 1, 1};

gcl_colour gcl_face_line(const face *f) { return gcl_colour_shade(f->skin, 0.52f); }

void gcl_face_outline(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek, j = f->jaw;
    gcl_point points[] = {
        {0, f->top},        {0.50f * c, f->top + 0.062f},  {0.88f * c, -0.34f},
        {c, -0.10f},        {0.985f * c, 0.12f},           {0.5f * (0.93f * c + j), 0.29f},
        {0.78f * j, 0.42f}, {0.40f * j, f->chin - 0.025f}, {0, f->chin}};
    gcl_canvas_mirrored(canvas, points, (int)(sizeof points / sizeof points[0]));
}

static void paint_ear(gcl_canvas *canvas, const face *f, float side)
{
    float x = side * (f->cheek + 0.015f), r = 0.085f * f->ear;
    if (f->pointed_ears) {
        float u = side * r;
        gcl_point ear[] = {
            {x - u, -0.10f}, {x + 1.6f * u, -0.25f}, {x + 1.6f * u, -0.25f}, {x + 0.9f * u, 0.02f},
            {x, 0.15f},      {x - u, 0.12f}};
        gcl_canvas_curve(canvas, ear, 6);
    } else {
        gcl_canvas_ellipse(canvas, x, 0.03f, r, 1.45f * r, side * 0.18f);
    }
    gcl_canvas_fill(canvas,
                    gcl_paint_radial(x + side * 0.03f, -0.03f, 0.16f, 0.22f, f->skin, f->shadow));
    gcl_canvas_outline(canvas, 0.016f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_face_line(f), 0.45f));
    gcl_canvas_ellipse(canvas, x + side * 0.01f, 0.04f, 0.5f * r, 0.85f * r, side * 0.18f);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->shadow, 0.85f));
}

static void paint_earring(gcl_canvas *canvas, const face *f, float side)
{
    float x = side * (f->cheek + 0.02f), y = 0.03f + 0.125f * f->ear;
    gcl_colour gold = {0.98f, 0.80f, 0.28f};
    if (f->side > 0) {
        gcl_canvas_ellipse(canvas, x, y + 0.07f, 0.052f, 0.065f, 0);
        gcl_canvas_outline(canvas, 0.024f);
        gcl_canvas_fill(canvas, gcl_paint_flat(gold, 1));
    } else {
        gcl_canvas_ellipse(canvas, x, y + 0.03f, 0.036f, 0.042f, 0);
        gcl_canvas_fill(canvas,
                        gcl_paint_radial(x - 0.01f, y + 0.01f, 0.05f, 0.05f, white, f->accent));
    }
}

/* A few spots over nose and cheeks, each face's own. */
static void paint_freckles(gcl_canvas *canvas, const face *f)
{
    for (uint32_t k = 0; k < 16; k++) {
        float side = k % 2 ? 1 : -1;
        float x = side * (0.09f + 0.22f * gcl_face_draw(f, DETAIL_FRECKLES, 2 * k));
        float y = 0.13f + 0.11f * gcl_face_draw(f, DETAIL_FRECKLES, 2 * k + 1);
        gcl_canvas_ellipse(canvas, x, y, 0.013f, 0.012f, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->skin, 0.60f), 0.75f));
    }
}

static void paint_cheeks(gcl_canvas *canvas, const face *f)
{
    gcl_colour red = {0.93f, 0.30f, 0.33f};
    for (float side = -1; side <= 1; side += 2) {
        float x = side * 0.62f * f->cheek;
        gcl_canvas_ellipse(canvas, x, 0.20f, 0.13f, 0.10f, 0);
        gcl_canvas_fill(canvas,
                        gcl_paint_spot(x, 0.20f, 0.13f, 0.10f, red, f->blush ? 0.42f : 0.14f));
    }
}

static void paint_wrinkles(gcl_canvas *canvas, const face *f)
{
    gcl_paint paint = gcl_paint_flat(gcl_face_line(f), 0.45f);
    for (float side = -1; side <= 1; side += 2) {
        gcl_point fold[] = {{side * 0.15f, 0.20f}, {side * 0.21f, 0.27f}, {side * 0.22f, 0.34f}};
        gcl_canvas_line(canvas, fold, 3, 0.012f, 0.006f);
        gcl_canvas_fill(canvas, paint);
        gcl_point bag[] = {{side * 0.12f, 0.115f}, {side * 0.2f, 0.135f}, {side * 0.27f, 0.105f}};
        gcl_canvas_line(canvas, bag, 3, 0.012f, 0.008f);
        gcl_canvas_fill(canvas, paint);
    }
    for (int k = 0; k < 2; k++) {
        float y = -0.29f - 0.07f * (float)k;
        gcl_point line[] = {{-0.17f, y + 0.01f}, {0, y - 0.01f}, {0.17f, y + 0.01f}};
        gcl_canvas_line(canvas, line, 3, 0.011f, 0.011f);
        gcl_canvas_fill(canvas, paint);
    }
}

void gcl_face_head(gcl_canvas *canvas, const face *f)
{
    for (float side = -1; side <= 1; side += 2) {
        paint_ear(canvas, f, side);
        if (f->earrings)
            paint_earring(canvas, f, side);
    }
    gcl_face_outline(canvas, f);
    gcl_canvas_fill(canvas,
                    gcl_paint_radial(-0.14f, -0.12f, 0.74f, 0.92f, gcl_colour_shade(f->skin, 1.10f),
                                     gcl_colour_mix(f->skin, f->shadow, 0.75f)));
    gcl_canvas_clip(canvas);
    gcl_canvas_ellipse(canvas, 0.42f, 0.25f, 0.42f, 0.6f, 0);
    gcl_canvas_fill(canvas, gcl_paint_spot(0.42f, 0.25f, 0.42f, 0.6f, f->shadow, 0.45f));
    paint_cheeks(canvas, f);
    if (f->freckles)
        paint_freckles(canvas, f);
    if (f->wrinkles)
        paint_wrinkles(canvas, f);
    if (f->mole) {
        gcl_canvas_ellipse(canvas, f->side * 0.22f, 0.31f, 0.016f, 0.015f, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_face_line(f), 1));
    }
    gcl_canvas_unclip(canvas);
    gcl_face_outline(canvas, f);
    gcl_canvas_outline(canvas, 0.018f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_face_line(f), 0.55f));
}

/* --- beards ---------------------------------------------------------------------------------- */

static gcl_paint beard_paint(const face *f)
{
    return gcl_paint_linear(-0.2f, 0.1f, gcl_colour_shade(f->hair, 0.98f), 0.2f, 0.7f,
                            gcl_colour_shade(f->hair, 0.66f));
}

/* From ear to ear along the jaw, as the current shape; it hangs `lower` below the chin. */
static void beard_shape(gcl_canvas *canvas, const face *f, float lower)
{
    float c = 1.01f * f->cheek, j = 1.06f * f->jaw;
    gcl_point half[] = {{0, 0.265f},
                        {0.10f, 0.262f},
                        {0.21f, 0.29f},
                        {0.72f * c, 0.22f},
                        {0.93f * c, 0.02f},
                        {c, 0.02f},
                        {c, 0.16f},
                        {0.5f * (c + j), 0.32f + 0.3f * lower},
                        {0.80f * j, 0.44f + 0.7f * lower},
                        {0.42f * j, f->chin + 0.01f + 0.95f * lower},
                        {0, f->chin + 0.02f + lower}};
    gcl_canvas_mirrored(canvas, half, 11);
}

static void paint_goatee(gcl_canvas *canvas, const face *f)
{
    gcl_point half[] = {{0, 0.425f},
                        {0.07f, 0.435f},
                        {0.105f, 0.47f},
                        {0.08f, f->chin + 0.03f},
                        {0, f->chin + 0.09f}};
    gcl_canvas_mirrored(canvas, half, 5);
    gcl_canvas_fill(canvas, beard_paint(f));
}

static void paint_sideburns(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek;
    gcl_face_outline(canvas, f);
    gcl_canvas_clip(canvas);
    for (float side = -1; side <= 1; side += 2) {
        gcl_point burn[] = {{side * 1.05f * c, -0.2f}, {side * 0.86f * c, -0.18f},
                            {side * 0.80f * c, 0.16f}, {side * 0.62f * c, 0.27f},
                            {side * 0.8f * c, 0.34f},  {side * 1.05f * c, 0.2f}};
        gcl_canvas_curve(canvas, burn, 6);
        gcl_canvas_fill(canvas, beard_paint(f));
    }
    gcl_canvas_unclip(canvas);
}

void gcl_face_beard(gcl_canvas *canvas, const face *f)
{
    switch (f->beard) {
    case BEARD_STUBBLE:
        gcl_face_outline(canvas, f);
        gcl_canvas_clip(canvas);
        beard_shape(canvas, f, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->hair, 0.6f), 0.28f));
        gcl_canvas_unclip(canvas);
        break;
    case BEARD_GOATEE: paint_goatee(canvas, f); break;
    case BEARD_FULL:
    case BEARD_LONG:
        beard_shape(canvas, f, f->beard == BEARD_FULL ? 0.03f : 0.19f);
        gcl_canvas_fill(canvas, beard_paint(f));
        gcl_canvas_outline(canvas, 0.016f);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->hair, 0.5f), 0.5f));
        break;
    case BEARD_SIDEBURNS: paint_sideburns(canvas, f); break;
    default: break;
    }
}

void gcl_face_moustache(gcl_canvas *canvas, const face *f)
{
    if (f->beard != BEARD_MOUSTACHE && f->beard != BEARD_HANDLEBAR && f->beard != BEARD_GOATEE)
        return;
    bool curled = f->beard == BEARD_HANDLEBAR;
    float y = 0.275f;
    gcl_point chevron[] = {{0, y - 0.005f},    {0.09f, y - 0.012f}, {0.19f, y + 0.06f},
                           {0.19f, y + 0.06f}, {0.09f, y + 0.052f}, {0, y + 0.038f}};
    gcl_point handlebar[] = {{0, y},
                             {0.08f, y - 0.015f},
                             {0.17f, y + 0.03f},
                             {0.25f, y - 0.045f},
                             {0.25f, y - 0.045f},
                             {0.22f, y + 0.055f},
                             {0.10f, y + 0.058f},
                             {0, y + 0.035f}};
    if (curled)
        gcl_canvas_mirrored(canvas, handlebar, 8);
    else
        gcl_canvas_mirrored(canvas, chevron, 6);
    gcl_canvas_fill(canvas, gcl_paint_linear(0, y - 0.02f, gcl_colour_shade(f->hair, 1.02f), 0,
                                             y + 0.07f, gcl_colour_shade(f->hair, 0.62f)));
}
