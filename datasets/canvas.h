/* A small painter of smooth antialiased shapes, for pictures that are drawn instead of loaded.
 *
 *     gcl_canvas *canvas = gcl_canvas_new(128, &err);
 *     gcl_canvas_ellipse(canvas, 0, 0, 0.5f, 0.6f, 0);              the shape ...
 *     gcl_canvas_fill(canvas, gcl_paint_flat(red, 1));              ... and what fills it
 *     gcl_canvas_bytes(canvas, bytes);                              bytes [128, 128, 3]
 *
 * Coordinates: x to the right and y down, the whole canvas is [-1, 1] x [-1, 1] whatever its size.
 * Closed shapes are flattened to polygons and covered exactly (signed areas, summed along rows);
 * lines are covered by their distance. A canvas belongs to one thread. */
#ifndef GCL_DATASETS_CANVAS_H
#define GCL_DATASETS_CANVAS_H

#include <stdint.h>

#include "base/error.h"

typedef struct gcl_canvas gcl_canvas;

typedef struct gcl_point {
    float x, y;
} gcl_point;

typedef struct gcl_colour {
    float r, g, b; /* sRGB, 0 to 1 */
} gcl_colour;

gcl_colour gcl_colour_hsv(float hue, float saturation, float value); /* hue in turns, wraps */
gcl_colour gcl_colour_mix(gcl_colour a, gcl_colour b, float t);      /* (1 - t) a + t b */
gcl_colour gcl_colour_shade(gcl_colour c, float factor); /* < 1 darker and warmer, > 1 lighter */

/* Colour and opacity from `a` at t = 0 to `b` at t = 1 (t is clamped), where t runs along a line
 * from one point to another, or with the distance from the middle of an ellipse to its edge. */
typedef struct gcl_paint {
    enum { GCL_PAINT_LINEAR, GCL_PAINT_RADIAL } kind;
    gcl_point from, to; /* radial: to is (rx, ry) */
    gcl_colour a, b;
    float alpha_a, alpha_b;
} gcl_paint;

gcl_paint gcl_paint_flat(gcl_colour colour, float alpha);
gcl_paint gcl_paint_linear(float x0, float y0, gcl_colour a, float x1, float y1, gcl_colour b);
gcl_paint gcl_paint_radial(float x, float y, float rx, float ry, gcl_colour a, gcl_colour b);
/* A soft spot: `alpha` in the middle of the ellipse, nothing at its edge. */
gcl_paint gcl_paint_spot(float x, float y, float rx, float ry, gcl_colour colour, float alpha);

gcl_canvas *gcl_canvas_new(int size, gcl_error *err); /* black. Errors: GCL_MEMORY */
void gcl_canvas_free(gcl_canvas *canvas);             /* NULL is fine */

/* Shapes that follow are turned by `angle` (radians, clockwise), scaled and moved to x, y. */
void gcl_canvas_place(gcl_canvas *canvas, float x, float y, float scale, float angle);

/* Each of these replaces the current shape. At most 64 points are given. */
void gcl_canvas_all(gcl_canvas *canvas); /* the whole canvas, wherever it is placed */
void gcl_canvas_polygon(gcl_canvas *canvas, const gcl_point *points, int n);
void gcl_canvas_ellipse(gcl_canvas *canvas, float x, float y, float rx, float ry, float angle);
/* A closed smooth curve through the points (Catmull-Rom); a point given twice is a corner. */
void gcl_canvas_curve(gcl_canvas *canvas, const gcl_point *points, int n);
/* The same through the points and then, backwards, their mirror images at x = 0. */
void gcl_canvas_mirrored(gcl_canvas *canvas, const gcl_point *points, int n);
/* An open smooth line through the points, with round ends, whose width goes from one value to the
 * other. */
void gcl_canvas_line(gcl_canvas *canvas, const gcl_point *points, int n, float width_from,
                     float width_to);
/* Turns the current closed shape into a line along its border. */
void gcl_canvas_outline(gcl_canvas *canvas, float width);

/* Paints the current shape, as far as the clip allows. The shape stays. */
void gcl_canvas_fill(gcl_canvas *canvas, gcl_paint paint);
/* From now on only what lies in the current shape is painted; one clip at a time. */
void gcl_canvas_clip(gcl_canvas *canvas);
void gcl_canvas_unclip(gcl_canvas *canvas);

void gcl_canvas_bytes(const gcl_canvas *canvas, uint8_t *bytes); /* [size, size, 3] */

#endif
