/* What a built-in face looks like: eyes, brows, nose and mouth. */
#include "datasets/faces.h"

static const gcl_colour white = {1, 1, 1}, ink = {0.13f, 0.09f, 0.11f};

/* --- eyes ------------------------------------------------------------------------------------ */

/* Points x to the outer end of the eye, from the middle of it; mirrored for the other eye. */
typedef struct eye {
    float x, y, side, width, height, slant;
} eye;

static gcl_point at(const eye *e, float x, float y)
{
    return (gcl_point){e->x + e->side * x * e->width,
                       e->y + y * e->height - x * e->slant * e->height};
}

static eye eye_of(const face *f, float side)
{
    static const float widths[] = {0.100f, 0.115f, 0.110f, 0.112f, 0.105f, 0.100f};
    static const float heights[] = {0.100f, 0.072f, 0.080f, 0.112f, 0.080f, 0.095f};
    return (eye){side * (f->eye_gap + 0.012f),   0,           side, widths[f->eyes] * f->eye_size,
                 heights[f->eyes] * f->eye_size, f->eye_slant};
}

static void eye_shape(gcl_canvas *canvas, const eye *e)
{
    gcl_point points[] = {at(e, -1, 0.12f),     at(e, -0.62f, -0.68f), at(e, 0, -1),
                          at(e, 0.66f, -0.72f), at(e, 1, 0),           at(e, 0.6f, 0.66f),
                          at(e, 0, 0.86f),      at(e, -0.62f, 0.66f)};
    gcl_canvas_curve(canvas, points, 8);
}

static void paint_iris(gcl_canvas *canvas, const face *f, const eye *e)
{
    float r = (f->eyes == EYES_WIDE ? 0.060f : 0.066f) * f->eye_size;
    float x = e->x + f->gaze_x * 0.6f * e->width, y = e->y + f->gaze_y * 0.5f * e->height;
    gcl_canvas_ellipse(canvas, x, y, r, r, 0);
    gcl_canvas_fill(canvas, gcl_paint_linear(x, y - r, gcl_colour_shade(f->iris, 0.62f), x, y + r,
                                             gcl_colour_shade(f->iris, 1.30f)));
    gcl_canvas_outline(canvas, 0.014f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->iris, 0.4f), 0.9f));
    gcl_canvas_ellipse(canvas, x, y, 0.52f * r, 0.52f * r, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat(ink, 1));
    gcl_canvas_ellipse(canvas, x - 0.32f * r, y - 0.36f * r, 0.30f * r, 0.30f * r, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat(white, 0.97f));
}

static void paint_lashes(gcl_canvas *canvas, const eye *e)
{
    static const float from[][2] = {{0.45f, -0.86f}, {0.76f, -0.55f}, {0.98f, -0.1f}};
    static const float to[][2] = {{0.66f, -1.42f}, {1.12f, -1.05f}, {1.38f, -0.48f}};
    for (int k = 0; k < 3; k++) {
        gcl_point lash[] = {at(e, from[k][0], from[k][1]), at(e, to[k][0], to[k][1])};
        gcl_canvas_line(canvas, lash, 2, 0.026f, 0.006f);
        gcl_canvas_fill(canvas, gcl_paint_flat(ink, 1));
    }
}

static void paint_open_eye(gcl_canvas *canvas, const face *f, const eye *e)
{
    gcl_colour shaded = {0.80f, 0.83f, 0.89f};
    eye_shape(canvas, e);
    gcl_canvas_fill(canvas, gcl_paint_linear(e->x, e->y - e->height, shaded, e->x,
                                             e->y - 0.1f * e->height, white));
    gcl_canvas_clip(canvas);
    paint_iris(canvas, f, e);
    if (f->eyes == EYES_SLEEPY) {
        gcl_point lid[] = {at(e, -1.3f, -1.5f), at(e, 1.3f, -1.5f), at(e, 1.2f, -0.12f),
                           at(e, 0, -0.22f), at(e, -1.2f, -0.05f)};
        gcl_canvas_curve(canvas, lid, 5);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_mix(f->skin, f->shadow, 0.45f), 1));
        gcl_canvas_outline(canvas, 0.022f);
        gcl_canvas_fill(canvas, gcl_paint_flat(ink, 0.85f));
    }
    gcl_canvas_unclip(canvas);
    gcl_point upper[] = {at(e, -1.02f, 0.14f), at(e, -0.62f, -0.68f), at(e, 0, -1),
                         at(e, 0.66f, -0.72f), at(e, 1.05f, 0)};
    gcl_canvas_line(canvas, upper, 5, 0.014f, f->lashes ? 0.040f : 0.030f);
    gcl_canvas_fill(canvas, gcl_paint_flat(ink, 0.95f));
    gcl_point lower[] = {at(e, 0.95f, 0.12f), at(e, 0.55f, 0.70f), at(e, 0, 0.88f),
                         at(e, -0.6f, 0.68f)};
    gcl_canvas_line(canvas, lower, 4, 0.014f, 0.006f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_face_line(f), 0.7f));
    if (f->lashes)
        paint_lashes(canvas, e);
}

static void paint_closed_eye(gcl_canvas *canvas, const face *f, const eye *e)
{
    gcl_point arc[] = {at(e, -1, 0.35f), at(e, -0.5f, -0.35f), at(e, 0, -0.55f),
                       at(e, 0.5f, -0.35f), at(e, 1, 0.35f)};
    gcl_canvas_line(canvas, arc, 5, 0.034f, 0.034f);
    gcl_canvas_fill(canvas, gcl_paint_flat(ink, 1));
    if (f->lashes)
        paint_lashes(canvas, e);
}

static void paint_brow(gcl_canvas *canvas, const face *f, const eye *e)
{
    float y = e->y - f->brow_height - 0.2f * (e->height - 0.09f), tilt = f->brow_angle * 0.11f;
    float w = 1.12f * e->width;
    gcl_point brow[] = {{e->x - e->side * w, y + 0.012f + tilt},
                        {e->x - e->side * 0.1f * w, y - 0.030f},
                        {e->x + e->side * 1.02f * w, y + 0.028f - tilt}};
    gcl_canvas_line(canvas, brow, 3, 1.15f * f->brow_width, 0.45f * f->brow_width);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->brow, 0.95f));
}

static void paint_eyes(gcl_canvas *canvas, const face *f)
{
    for (float side = -1; side <= 1; side += 2) {
        eye e = eye_of(f, side);
        bool closed = f->eyes == EYES_HAPPY || (f->eyes == EYES_WINK && side == f->side);
        gcl_canvas_ellipse(canvas, e.x, e.y - 0.01f, 1.7f * e.width, 1.7f * e.height, 0);
        gcl_canvas_fill(canvas, gcl_paint_spot(e.x, e.y - 0.01f, 1.7f * e.width, 1.7f * e.height,
                                               f->shadow, 0.55f));
        if (closed)
            paint_closed_eye(canvas, f, &e);
        else
            paint_open_eye(canvas, f, &e);
        paint_brow(canvas, f, &e);
    }
}

/* --- nose ------------------------------------------------------------------------------------ */

static void paint_nostrils(gcl_canvas *canvas, const face *f, float x, float y)
{
    for (float side = -1; side <= 1; side += 2) {
        gcl_canvas_ellipse(canvas, side * x, y, 0.020f, 0.014f, side * -0.3f);
        gcl_canvas_fill(canvas, gcl_paint_flat(gcl_face_line(f), 0.75f));
    }
}

static void paint_nose_tip(gcl_canvas *canvas, const face *f, float y, float rx, float ry)
{
    gcl_canvas_ellipse(canvas, 0, y, rx, ry, 0);
    gcl_canvas_fill(canvas, gcl_paint_radial(-0.3f * rx, y - 0.4f * ry, 1.5f * rx, 1.6f * ry,
                                             gcl_colour_shade(f->skin, 1.16f),
                                             gcl_colour_mix(f->skin, f->shadow, 0.95f)));
    gcl_canvas_ellipse(canvas, -0.28f * rx, y - 0.35f * ry, 0.26f * rx, 0.22f * ry, -0.4f);
    gcl_canvas_fill(canvas, gcl_paint_flat(white, 0.45f));
}

static void paint_nose(gcl_canvas *canvas, const face *f)
{
    float s = f->nose_size, y = 0.175f;
    gcl_paint line = gcl_paint_flat(gcl_face_line(f), 0.85f);
    gcl_canvas_ellipse(canvas, 0.02f, y + 0.06f, 0.13f * s, 0.05f, 0);
    gcl_canvas_fill(canvas, gcl_paint_spot(0.02f, y + 0.06f, 0.13f * s, 0.05f, f->shadow, 0.75f));
    gcl_point hook[] = {{0.005f, 0.03f},
                        {0.03f * s, 0.09f},
                        {0.07f * s, y + 0.01f},
                        {0.055f * s, y + 0.055f},
                        {-0.03f * s, y + 0.06f}};
    gcl_point bridge[] = {{-0.03f, 0.02f},         {-0.05f * s, 0.10f},    {-0.075f * s, y},
                          {-0.05f * s, y + 0.05f}, {0.05f * s, y + 0.05f}, {0.075f * s, y},
                          {0.05f * s, 0.10f},      {0.03f, 0.02f}};
    switch (f->nose) {
    case NOSE_BUTTON: paint_nose_tip(canvas, f, y, 0.080f * s, 0.064f * s); break;
    case NOSE_HOOK:
        gcl_canvas_line(canvas, hook, 5, 0.014f, 0.026f);
        gcl_canvas_fill(canvas, line);
        break;
    case NOSE_WIDE:
        paint_nose_tip(canvas, f, y, 0.115f * s, 0.062f * s);
        paint_nostrils(canvas, f, 0.058f * s, y + 0.04f);
        break;
    case NOSE_LONG:
        gcl_canvas_curve(canvas, bridge, 8);
        gcl_canvas_fill(canvas, gcl_paint_linear(-0.08f, 0, gcl_colour_shade(f->skin, 1.12f), 0.09f,
                                                 0.02f, f->shadow));
        paint_nostrils(canvas, f, 0.036f * s, y + 0.045f);
        break;
    case NOSE_SMALL:
        gcl_canvas_line(
            canvas,
            (gcl_point[]){{-0.042f * s, y + 0.02f}, {0, y + 0.048f}, {0.042f * s, y + 0.02f}}, 3,
            0.022f, 0.022f);
        gcl_canvas_fill(canvas, line);
    }
}

/* --- mouth ----------------------------------------------------------------------------------- */


static const float mouth_y = 0.35f;

/* An open mouth: the curve through `lips` with teeth above and a tongue below. */
static void paint_open_mouth(gcl_canvas *canvas, const face *f, const gcl_point *lips, int n,
                             float depth, bool teeth)
{
    float y = mouth_y;
    gcl_canvas_curve(canvas, lips, n);
    gcl_canvas_fill(canvas, gcl_paint_linear(0, y - 0.05f, (gcl_colour){0.30f, 0.06f, 0.10f}, 0,
                                             y + depth, (gcl_colour){0.50f, 0.10f, 0.14f}));
    gcl_canvas_clip(canvas);
    gcl_canvas_ellipse(canvas, 0, y + depth + 0.012f, 0.12f, 0.065f, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat((gcl_colour){0.93f, 0.44f, 0.48f}, 1));
    if (teeth) {
        gcl_canvas_ellipse(canvas, 0, y - 0.045f, 0.21f, 0.075f, 0);
        gcl_canvas_fill(canvas, gcl_paint_flat((gcl_colour){0.98f, 0.98f, 0.96f}, 1));
    }
    gcl_canvas_unclip(canvas);
    gcl_canvas_curve(canvas, lips, n);
    gcl_canvas_outline(canvas, 0.026f);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->lips, 1));
}

static void paint_smile_line(gcl_canvas *canvas, const face *f, float w, float left, float right,
                             float middle)
{
    gcl_point line[] = {{-w, mouth_y + left},
                        {-0.5f * w, mouth_y + 0.3f * left + 0.7f * middle},
                        {0, mouth_y + middle},
                        {0.5f * w, mouth_y + 0.3f * right + 0.7f * middle},
                        {w, mouth_y + right}};
    gcl_canvas_line(canvas, line, 5, 0.032f, 0.032f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->lips, 0.72f), 1));
    gcl_canvas_ellipse(canvas, 0, mouth_y + middle + 0.055f, 0.45f * w, 0.022f, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat(f->lips, 0.30f));
}

static void paint_full_lips(gcl_canvas *canvas, const face *f, float w)
{
    float y = mouth_y;
    gcl_point lips[] = {
        {-w, y}, {-0.36f * w, y - 0.048f}, {0, y - 0.028f},         {0.36f * w, y - 0.048f},
        {w, y},  {0.42f * w, y + 0.064f},  {-0.42f * w, y + 0.064f}};
    gcl_canvas_curve(canvas, lips, 7);
    gcl_canvas_fill(canvas, gcl_paint_linear(0, y - 0.06f, gcl_colour_shade(f->lips, 0.82f), 0,
                                             y + 0.07f, gcl_colour_shade(f->lips, 1.10f)));
    gcl_point line[] = {
        {-w, y}, {-0.3f * w, y + 0.006f}, {0, y + 0.014f}, {0.3f * w, y + 0.006f}, {w, y}};
    gcl_canvas_line(canvas, line, 5, 0.014f, 0.014f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->lips, 0.45f), 1));
    gcl_canvas_ellipse(canvas, -0.2f * w, y + 0.036f, 0.22f * w, 0.012f, 0);
    gcl_canvas_fill(canvas, gcl_paint_flat(white, 0.35f));
}

static void paint_tongue(gcl_canvas *canvas, float x)
{
    float y = mouth_y + 0.02f;
    gcl_point tongue[] = {{x - 0.06f, y},
                          {x + 0.06f, y},
                          {x + 0.055f, y + 0.08f},
                          {x, y + 0.115f},
                          {x - 0.055f, y + 0.08f}};
    gcl_canvas_curve(canvas, tongue, 5);
    gcl_canvas_fill(canvas, gcl_paint_linear(x, y, (gcl_colour){0.80f, 0.30f, 0.36f}, x, y + 0.1f,
                                             (gcl_colour){0.97f, 0.50f, 0.54f}));
}

static void paint_grin(gcl_canvas *canvas, const face *f, float w)
{
    float y = mouth_y;
    gcl_point lips[] = {{-w, y - 0.035f},        {-w, y - 0.035f},
                        {-0.5f * w, y - 0.012f}, {0, y},
                        {0.5f * w, y - 0.012f},  {w, y - 0.035f},
                        {w, y - 0.035f},         {0.62f * w, y + 0.052f},
                        {0, y + 0.078f},         {-0.62f * w, y + 0.052f}};
    gcl_canvas_curve(canvas, lips, 10);
    gcl_canvas_fill(canvas, gcl_paint_linear(0, y - 0.03f, white, 0, y + 0.08f,
                                             (gcl_colour){0.86f, 0.88f, 0.92f}));
    gcl_canvas_outline(canvas, 0.026f);
    gcl_canvas_fill(canvas, gcl_paint_flat(gcl_colour_shade(f->lips, 0.8f), 1));
}

static void paint_mouth(gcl_canvas *canvas, const face *f)
{
    float w = 0.165f * f->mouth_width, y = mouth_y;
    gcl_point open[] = {{-w, y - 0.03f}, {-w, y - 0.03f},        {0, y + 0.004f},
                        {w, y - 0.03f},  {w, y - 0.03f},         {0.66f * w, y + 0.07f},
                        {0, y + 0.105f}, {-0.66f * w, y + 0.07f}};
    gcl_point laugh[] = {{-1.1f * w, y - 0.04f}, {-1.1f * w, y - 0.04f},  {0, y - 0.02f},
                         {1.1f * w, y - 0.04f},  {1.1f * w, y - 0.04f},   {0.75f * w, y + 0.085f},
                         {0, y + 0.135f},        {-0.75f * w, y + 0.085f}};
    gcl_point oh[] = {{0, y - 0.055f}, {0.062f, y},          {0.052f, y + 0.06f},
                      {0, y + 0.085f}, {-0.052f, y + 0.06f}, {-0.062f, y}};
    switch (f->mouth) {
    case MOUTH_SMILE: paint_smile_line(canvas, f, w, -0.045f, -0.045f, 0.03f); break;
    case MOUTH_OPEN: paint_open_mouth(canvas, f, open, 8, 0.095f, true); break;
    case MOUTH_LAUGH: paint_open_mouth(canvas, f, laugh, 8, 0.12f, true); break;
    case MOUTH_FLAT: paint_smile_line(canvas, f, 0.85f * w, 0, 0, 0.004f); break;
    case MOUTH_SAD: paint_smile_line(canvas, f, 0.85f * w, 0.045f, 0.045f, -0.012f); break;
    case MOUTH_SMIRK:
        paint_smile_line(canvas, f, w, f->side < 0 ? -0.06f : 0.008f, f->side < 0 ? 0.008f : -0.06f,
                         0.022f);
        break;
    case MOUTH_OH: paint_open_mouth(canvas, f, oh, 6, 0.08f, false); break;
    case MOUTH_LIPS: paint_full_lips(canvas, f, 0.9f * w); break;
    case MOUTH_TONGUE:
        paint_tongue(canvas, f->side * 0.05f);
        paint_smile_line(canvas, f, w, -0.045f, -0.045f, 0.03f);
        break;
    case MOUTH_GRIN: paint_grin(canvas, f, w);
    }
}

void gcl_face_look(gcl_canvas *canvas, const face *f)
{
    paint_eyes(canvas, f);
    paint_mouth(canvas, f);
    paint_nose(canvas, f);
}
