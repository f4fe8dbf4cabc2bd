/* What the built-in faces wear, and what is behind them. */
#include <math.h>

#include "datasets/faces.h"

enum { DETAIL_BOKEH = 20 };

#define PI 3.14159265358979f

static const gcl_colour white = {1, 1, 1}, black = {0.10f, 0.09f, 0.12f};
static const gcl_colour gold = {0.98f, 0.80f, 0.28f};

/* Lit from above left, with a darker border: for anything made of cloth. */
static void fill_cloth(gcl_canvas *canvas, gcl_colour colour, float y0, float y1)
{
    gcl_canvas_fill(canvas, gcl_paint_linear(-0.2f, y0, gcl_colour_shade(colour, 1.10f), 0.2f, y1,
                                             gcl_colour_shade(colour, 0.70f)));
    gcl_canvas_outline(canvas, 0.018f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(colour, 0.45f), 0.55f));
}

/* --- behind ---------------------------------------------------------------------------------- */

static void paint_stripes(gcl_canvas *canvas, gcl_paint paint)
{
    for (int k = -5; k < 5; k++) {
        float x = 0.44f * (float)k;
        gcl_point stripe[] = {{x, -1}, {x + 0.22f, -1}, {x + 1.0f, 1}, {x + 0.78f, 1}};
        gcl_canvas_polygon(canvas, stripe, 4);
        gcl_canvas_fill(canvas, paint);
    }
}

static void paint_dots(gcl_canvas *canvas, gcl_paint paint)
{
    for (int row = -3; row <= 3; row++)
        for (int k = -4; k <= 3; k++) {
            float x = 0.34f * ((float)k + (row % 2 ? 0.5f : 1.0f)), y = 0.32f * (float)row;
            gcl_canvas_ellipse(canvas, x, y, 0.065f, 0.065f, 0);
            gcl_canvas_fill(canvas, paint);
        }
}

static void paint_rays(gcl_canvas *canvas, gcl_paint paint)
{
    for (int k = 0; k < 12; k++) {
        float a = 2 * PI * (float)k / 12, b = a + PI / 12;
        gcl_point ray[] = {
            {0, 0.1f}, {2 * cosf(a), 0.1f + 2 * sinf(a)}, {2 * cosf(b), 0.1f + 2 * sinf(b)}};
        gcl_canvas_polygon(canvas, ray, 3);
        gcl_canvas_fill(canvas, paint);
    }
}

static void paint_bokeh(gcl_canvas *canvas, const face *f)
{
    for (uint32_t k = 0; k < 8; k++) {
        float x = 2.2f * gcl_face_draw(f, DETAIL_BOKEH, 3 * k) - 1.1f;
        float y = 1.8f * gcl_face_draw(f, DETAIL_BOKEH, 3 * k + 1) - 1.1f;
        float r = 0.10f + 0.22f * gcl_face_draw(f, DETAIL_BOKEH, 3 * k + 2);
        gcl_canvas_ellipse(canvas, x, y, r, r, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat(white, 0.13f));
    }
}

void gcl_face_ground(gcl_canvas *canvas, const face *f)
{
    gcl_paint light = gcl_paint_flat(gcl_colour_mix(f->ground[0], white, 0.5f), 0.30f);
    gcl_canvas_all(canvas);
    gcl_canvas_fill(canvas, gcl_paint_linear(-0.3f, -1, f->ground[0], 0.3f, 1, f->ground[1]));
    switch (f->ground_style) {
    case GROUND_PLAIN: break;
    case GROUND_DISC:
        gcl_canvas_ellipse(canvas, 0, 0.02f, 0.86f, 0.86f, 0);
        gcl_canvas_fill(canvas, light);
        break;
    case GROUND_STRIPES: paint_stripes(canvas, light); break;
    case GROUND_DOTS: paint_dots(canvas, light); break;
    case GROUND_RAYS: paint_rays(canvas, light); break;
    case GROUND_BOKEH: paint_bokeh(canvas, f);
    }
    gcl_canvas_all(canvas);
    gcl_canvas_fill(
        canvas, (gcl_paint){GCL_PAINT_RADIAL, {0, 0}, {1.7f, 1.7f}, black, black, -0.06f, 0.22f});
}

/* --- clothes --------------------------------------------------------------------------------- */

static void body_shape(gcl_canvas *canvas)
{
    static const gcl_point half[] = {{0, 0.63f},     {0.17f, 0.64f}, {0.34f, 0.70f}, {0.60f, 0.79f},
                                     {0.77f, 0.94f}, {0.83f, 1.30f}, {0, 1.30f}};
    gcl_canvas_mirrored(canvas, half, 7);
}

static void paint_neck(gcl_canvas *canvas, const face *f)
{
    gcl_point half[] = {{0, 0.30f},      {0.19f, 0.30f},  {0.18f, 0.55f},
                        {0.205f, 0.68f}, {0.14f, 0.755f}, {0, 0.775f}};
    gcl_canvas_mirrored(canvas, half, 6);
    gcl_canvas_fill(canvas, gcl_paint_linear(0, f->chin - 0.04f, gcl_colour_shade(f->shadow, 0.72f),
                                             0, 0.76f, gcl_colour_mix(f->skin, f->shadow, 0.5f)));
}

static void paint_cloth_stripes(gcl_canvas *canvas, const face *f)
{
    body_shape(canvas);
    gcl_canvas_clip(canvas);
    for (int k = 0; k < 4; k++) {
        float y = 0.73f + 0.15f * (float)k;
        gcl_point band[] = {{-1, y + 0.06f}, {0, y}, {1, y + 0.06f}};
        gcl_canvas_line(canvas, band, 3, 0.062f, 0.062f);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_mix(f->accent, white, 0.55f), 0.92f));
    }
    gcl_canvas_unclip(canvas);
}

static void paint_collar(gcl_canvas *canvas, gcl_colour colour)
{
    for (float s = -1; s <= 1; s += 2) {
        gcl_point wing[] = {
            {s * 0.20f, 0.60f}, {s * 0.005f, 0.77f}, {s * 0.15f, 0.92f}, {s * 0.33f, 0.70f}};
        gcl_canvas_polygon(canvas, wing, 4);
        fill_cloth(canvas, colour, 0.6f, 0.95f);
    }
}

static void paint_tie(gcl_canvas *canvas, gcl_colour colour)
{
    static const gcl_point knot[] = {{-0.05f, 0.765f}, {0.05f, 0.765f}, {0.03f, 0.84f},
                                     {0.085f, 1.2f},   {-0.085f, 1.2f}, {-0.03f, 0.84f}};
    gcl_canvas_polygon(canvas, knot, 6);
    fill_cloth(canvas, colour, 0.75f, 1.0f);
}

static void paint_neckline(gcl_canvas *canvas, const face *f, bool pointed)
{
    gcl_colour edge = gcl_colour_shade(f->cloth_colour, f->cloth == CLOTH_STRIPES ? 1.3f : 0.62f);
    gcl_point round[] = {
        {-0.215f, 0.63f}, {-0.16f, 0.74f}, {0, 0.79f}, {0.16f, 0.74f}, {0.215f, 0.63f}};
    gcl_point vee[] = {{-0.215f, 0.62f}, {-0.12f, 0.78f}, {0, 0.93f},
                       {0, 0.93f},       {0.12f, 0.78f},  {0.215f, 0.62f}};
    if (pointed) {
        gcl_canvas_polygon(canvas, vee, 6);
        gcl_canvas_fill(canvas, gcl_paint_linear(0, 0.62f, f->shadow, 0, 0.9f, f->skin));
        paint_neck(canvas, f);
        gcl_canvas_line(canvas, vee, 6, 0.046f, 0.046f);
    } else {
        gcl_canvas_line(canvas, round, 5, 0.052f, 0.052f);
    }
    gcl_canvas_fill(canvas, gcl_paint_flat(edge, 1));
}

static void paint_hood(gcl_canvas *canvas, const face *f)
{
    gcl_point half[] = {{0.17f, 0.60f}, {0.36f, 0.60f}, {0.40f, 0.74f}, {0.20f, 0.86f},
                        {0, 0.88f},     {0, 0.80f},     {0.14f, 0.75f}};
    gcl_canvas_mirrored(canvas, half, 7);
    fill_cloth(canvas, gcl_colour_shade(f->cloth_colour, 0.88f), 0.6f, 0.9f);
    for (float s = -1; s <= 1; s += 2) {
        gcl_point string[] = {{s * 0.09f, 0.84f}, {s * 0.10f, 1.2f}};
        gcl_canvas_line(canvas, string, 2, 0.026f, 0.026f);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_mix(white, f->cloth_colour, 0.15f), 1));
    }
}

static void paint_roll_neck(gcl_canvas *canvas, const face *f)
{
    gcl_point half[] = {{0, 0.60f}, {0.20f, 0.575f}, {0.225f, 0.62f}, {0.225f, 0.74f}, {0, 0.79f}};
    gcl_canvas_mirrored(canvas, half, 5);
    fill_cloth(canvas, gcl_colour_shade(f->cloth_colour, 1.04f), 0.55f, 0.85f);
}

void gcl_face_clothes(gcl_canvas *canvas, const face *f)
{
    body_shape(canvas);
    fill_cloth(canvas, f->cloth_colour, 0.6f, 1.1f);
    if (f->cloth == CLOTH_STRIPES)
        paint_cloth_stripes(canvas, f);
    paint_neck(canvas, f);
    switch (f->cloth) {
    case CLOTH_TEE:
    case CLOTH_STRIPES: paint_neckline(canvas, f, false); break;
    case CLOTH_V: paint_neckline(canvas, f, true); break;
    case CLOTH_HOOD: paint_hood(canvas, f); break;
    case CLOTH_ROLL: paint_roll_neck(canvas, f); break;
    case CLOTH_SHIRT:
        paint_tie(canvas, f->accent);
        paint_collar(canvas, gcl_colour_mix(f->cloth_colour, white, 0.75f));
    }
}

/* --- glasses --------------------------------------------------------------------------------- */

static void lens_shape(gcl_canvas *canvas, const face *f, float side)
{
    float x = side * (f->eye_gap + 0.015f), w = 0.165f, h = 0.125f, u = side * w;
    gcl_point square[] = {{x - w, -h},
                          {x - w, -h},
                          {x + w, -h},
                          {x + w, -h},
                          {x + 0.98f * w, 0.6f * h},
                          {x + 0.8f * w, h},
                          {x - 0.8f * w, h},
                          {x - 0.98f * w, 0.6f * h}};
    gcl_point cat[] = {{x - u, -0.5f * h},         {x, -0.92f * h},    {x + 1.22f * u, -1.5f * h},
                       {x + 1.22f * u, -1.5f * h}, {x + u, 0.35f * h}, {x, 0.95f * h},
                       {x - 0.85f * u, 0.5f * h}};
    if (f->glasses == GLASSES_ROUND)
        gcl_canvas_ellipse(canvas, x, 0.005f, 0.158f, 0.150f, 0);
    else if (f->glasses == GLASSES_CAT)
        gcl_canvas_curve(canvas, cat, 7);
    else
        gcl_canvas_curve(canvas, square, 8);
}

void gcl_face_glasses(gcl_canvas *canvas, const face *f)
{
    if (f->glasses == GLASSES_NONE)
        return;
    bool sun = f->glasses == GLASSES_SUN;
    gcl_paint frame = gcl_paint_flat(f->frame, 1);
    for (float s = -1; s <= 1; s += 2) {
        float x = s * (f->eye_gap + 0.015f);
        gcl_point temple[] = {{x + s * 0.15f, -0.05f}, {s * (f->cheek + 0.01f), -0.04f}};
        gcl_canvas_line(canvas, temple, 2, 0.030f, 0.024f);
        gcl_canvas_fill(canvas, frame);
        lens_shape(canvas, f, s);
        gcl_canvas_fill(canvas, sun ? gcl_paint_linear(x, -0.13f, black, x, 0.13f,
                                                       gcl_colour_mix(black, f->frame, 0.65f))
                                    : gcl_paint_flat((gcl_colour){0.85f, 0.94f, 1.0f}, 0.20f));
        gcl_canvas_clip(canvas);
        gcl_point glare[] = {{x - 0.10f, 0.10f}, {x + 0.05f, -0.13f}};
        gcl_canvas_line(canvas, glare, 2, 0.045f, 0.045f);
        gcl_canvas_fill(canvas, gcl_paint_flat(white, 0.28f));
        gcl_canvas_unclip(canvas);
        lens_shape(canvas, f, s);
        gcl_canvas_outline(canvas, 0.030f);
        gcl_canvas_fill(canvas, frame);
    }
    float inner = f->eye_gap - 0.135f;
    gcl_point bridge[] = {{-inner, -0.02f}, {0, -0.05f}, {inner, -0.02f}};
    gcl_canvas_line(canvas, bridge, 3, 0.028f, 0.028f);
    gcl_canvas_fill(canvas, frame);
}

/* --- hats ------------------------------------------------------------------------------------ */

static void paint_dome(gcl_canvas *canvas, const face *f, float height, float brim)
{
    float c = f->cheek + 0.05f + 0.6f * (f->fluff - 0.05f);
    gcl_point half[] = {{0, f->top - height}, {0.62f * c, f->top - 0.72f * height},
                        {0.97f * c, -0.46f},  {1.02f * c, brim},
                        {1.02f * c, brim},    {0.5f * c, brim - 0.045f},
                        {0, brim - 0.06f}};
    gcl_canvas_mirrored(canvas, half, 7);
    fill_cloth(canvas, f->hat_colour, f->top - height, brim);
}

/* A band round the head at height y, bent as a circle seen from slightly above. */
static void paint_band(gcl_canvas *canvas, const face *f, float y, float width, gcl_colour colour)
{
    float c = f->cheek + 0.035f + 0.5f * (f->fluff - 0.05f);
    gcl_point half[] = {{0, y - 0.06f},
                        {0.6f * c, y - 0.045f},
                        {c, y},
                        {c, y},
                        {c + 0.004f, y + width},
                        {c + 0.004f, y + width},
                        {0.6f * c, y + width - 0.045f},
                        {0, y + width - 0.06f}};
    gcl_canvas_mirrored(canvas, half, 8);
    fill_cloth(canvas, colour, y - 0.1f, y + width + 0.1f);
}

static void paint_pompom(gcl_canvas *canvas, float x, float y, float r, gcl_colour colour)
{
    gcl_canvas_ellipse(canvas, x, y, r, r, 0);
    gcl_canvas_fill(canvas, gcl_paint_radial(x - 0.4f * r, y - 0.4f * r, 1.6f * r, 1.6f * r,
                                             gcl_colour_shade(colour, 1.5f),
                                             gcl_colour_shade(colour, 0.75f)));
}

static void paint_beanie(gcl_canvas *canvas, const face *f)
{
    paint_pompom(canvas, 0, f->top - 0.20f, 0.095f, f->accent);
    paint_dome(canvas, f, 0.15f, -0.26f);
    paint_band(canvas, f, -0.36f, 0.13f, gcl_colour_shade(f->hat_colour, 0.85f));
}

static void paint_cap(gcl_canvas *canvas, const face *f)
{
    float s = f->side, c = f->cheek;
    paint_dome(canvas, f, 0.12f, -0.29f);
    gcl_canvas_ellipse(canvas, 0, f->top - 0.115f, 0.04f, 0.025f, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->accent, 1));
    gcl_point visor[] = {{-s * 0.55f * c, -0.36f}, {s * 0.3f * c, -0.40f}, {s * 1.12f * c, -0.33f},
                         {s * 1.62f * c, -0.24f},  {s * 1.5f * c, -0.20f}, {s * 0.7f * c, -0.24f},
                         {-s * 0.2f * c, -0.27f}};
    gcl_canvas_curve(canvas, visor, 7);
    fill_cloth(canvas, gcl_colour_shade(f->accent, 0.85f), -0.42f, -0.2f);
}

static void paint_brim(gcl_canvas *canvas, gcl_colour colour, float y, float rx)
{
    gcl_canvas_ellipse(canvas, 0, y, rx, 0.075f, 0);
    fill_cloth(canvas, colour, y - 0.1f, y + 0.1f);
}

static void paint_top_hat(gcl_canvas *canvas, const face *f)
{
    gcl_colour cloth = gcl_colour_mix(f->hat_colour, black, 0.72f);
    float y = f->top + 0.19f, h = f->top - 0.27f;
    gcl_point tube[] = {{0, h - 0.015f}, {0.36f, h}, {0.36f, h},    {0.335f, 0.5f * (y + h)},
                        {0.35f, y},      {0.35f, y}, {0, y + 0.03f}};
    paint_brim(canvas, cloth, y, 0.60f);
    gcl_canvas_mirrored(canvas, tube, 7);
    fill_cloth(canvas, cloth, h, y);
    gcl_point ribbon[] = {{-0.335f, y - 0.05f}, {0, y - 0.025f}, {0.335f, y - 0.05f}};
    gcl_canvas_line(canvas, ribbon, 3, 0.075f, 0.075f);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->accent, 1));
}

static void paint_party_hat(gcl_canvas *canvas, const face *f)
{
    float s = 0.10f * f->side, y = f->top + 0.10f, tip = f->top - 0.31f;
    gcl_point cone[] = {{s - 0.24f, y}, {1.6f * s, tip}, {s + 0.24f, y}, {s, y + 0.035f}};
    gcl_canvas_polygon(canvas, cone, 4);
    fill_cloth(canvas, f->hat_colour, tip, y);
    gcl_canvas_polygon(canvas, cone, 4);
    gcl_canvas_clip(canvas);
    for (int k = 0; k < 7; k++) {
        float x = s + 0.12f * (float)(k % 3 - 1), row = (float)(k / 2);
        gcl_canvas_ellipse(canvas, x, y - 0.02f - 0.09f * row, 0.033f, 0.033f, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat(k % 2 ? white : f->accent, 0.95f));
    }
    gcl_canvas_unclip(canvas);
    paint_pompom(canvas, 1.6f * s, tip, 0.07f, f->accent);
}

static void paint_crown(gcl_canvas *canvas, const face *f)
{
    float y = f->top + 0.13f, t = f->top - 0.13f;
    gcl_point half[] = {{0, t - 0.06f},     {0.10f, t + 0.09f}, {0.22f, t - 0.03f},
                        {0.28f, t + 0.10f}, {0.42f, t - 0.01f}, {0.37f, y},
                        {0, y + 0.05f}};
    gcl_point all[12];
    for (int i = 0; i < 7; i++)
        all[i] = half[i];
    for (int i = 1; i < 6; i++) /* back up the other side; 0 and 6 lie in the middle */
        all[12 - i] = (gcl_point){-half[i].x, half[i].y};
    gcl_canvas_polygon(canvas, all, 12);
    fill_cloth(canvas, gold, t, y);
    for (int k = -1; k <= 1; k++)
        paint_pompom(canvas, 0.2f * (float)k, y - 0.05f - 0.02f * (float)(k * k), 0.04f,
                     k ? f->hat_colour : f->accent);
}

static void paint_bow(gcl_canvas *canvas, const face *f)
{
    float x = f->side * 0.30f, y = f->top + 0.03f;
    for (float s = -1; s <= 1; s += 2) {
        gcl_point wing[] = {{x, y},
                            {x + s * 0.10f, y - 0.09f},
                            {x + s * 0.20f, y - 0.11f},
                            {x + s * 0.21f, y + 0.09f},
                            {x + s * 0.10f, y + 0.07f}};
        gcl_canvas_curve(canvas, wing, 5);
        fill_cloth(canvas, f->accent, y - 0.12f, y + 0.12f);
    }
    gcl_canvas_ellipse(canvas, x, y, 0.048f, 0.055f, 0);
    fill_cloth(canvas, gcl_colour_shade(f->accent, 0.92f), y - 0.06f, y + 0.06f);
}

static void paint_headphones(gcl_canvas *canvas, const face *f)
{
    float c = f->cheek + 0.5f * f->fluff, t = f->top - f->fluff - 0.02f;
    gcl_point arc[] = {{-c - 0.03f, 0}, {-0.93f * c - 0.03f, -0.34f}, {-0.5f * c, t + 0.05f},
                       {0, t},          {0.5f * c, t + 0.05f},        {0.93f * c + 0.03f, -0.34f},
                       {c + 0.03f, 0}};
    gcl_canvas_line(canvas, arc, 7, 0.062f, 0.062f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_mix(f->hat_colour, black, 0.55f), 1));
    for (float s = -1; s <= 1; s += 2) {
        gcl_canvas_ellipse(canvas, s * (c + 0.045f), 0.03f, 0.095f, 0.165f, 0);
        fill_cloth(canvas, f->hat_colour, -0.15f, 0.25f);
    }
}

static void paint_flower(gcl_canvas *canvas, const face *f)
{
    float x = f->side * 0.82f * f->cheek, y = -0.30f;
    for (int k = 0; k < 6; k++) {
        float turn = 2 * PI * (float)k / 6 + 0.3f;
        gcl_canvas_ellipse(canvas, x + 0.075f * cosf(turn), y + 0.075f * sinf(turn), 0.066f, 0.046f,
                           turn);
        fill_cloth(canvas, gcl_colour_mix(f->accent, white, 0.25f), y - 0.15f, y + 0.15f);
    }
    paint_pompom(canvas, x, y, 0.046f, gold);
}

static void paint_straw_hat(gcl_canvas *canvas, const face *f)
{
    gcl_colour straw = {0.93f, 0.79f, 0.48f};
    float y = f->top + 0.22f;
    gcl_point half[] = {{0, f->top - 0.14f},
                        {0.27f, f->top - 0.11f},
                        {0.37f, f->top + 0.02f},
                        {0.40f, y},
                        {0, y + 0.03f}};
    paint_brim(canvas, straw, y, 0.78f);
    gcl_canvas_mirrored(canvas, half, 5);
    fill_cloth(canvas, straw, f->top - 0.15f, y);
    gcl_point ribbon[] = {{-0.385f, y - 0.06f}, {0, y - 0.03f}, {0.385f, y - 0.06f}};
    gcl_canvas_line(canvas, ribbon, 3, 0.085f, 0.085f);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->accent, 1));
}

void gcl_face_hat(gcl_canvas *canvas, const face *f)
{
    switch (f->hat) {
    case HAT_NONE: break;
    case HAT_BEANIE: paint_beanie(canvas, f); break;
    case HAT_CAP: paint_cap(canvas, f); break;
    case HAT_TOP: paint_top_hat(canvas, f); break;
    case HAT_PARTY: paint_party_hat(canvas, f); break;
    case HAT_CROWN: paint_crown(canvas, f); break;
    case HAT_BAND: paint_band(canvas, f, -0.38f, 0.085f, f->accent); break;
    case HAT_BOW: paint_bow(canvas, f); break;
    case HAT_PHONES: paint_headphones(canvas, f); break;
    case HAT_FLOWER: paint_flower(canvas, f); break;
    case HAT_STRAW: paint_straw_hat(canvas, f);
    }
}
