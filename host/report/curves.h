/* Curves of bounded length: whatever the length of the log, at most GCL_CURVES_POINTS points.
 *
 *     gcl_curves *curves = gcl_curves_new();
 *     gcl_curves_line(curves, step, images, seconds);            a line of the log begins
 *     gcl_curves_value(curves, "losses", "d_loss", 0.61);        its values
 *     gcl_curves_json(curves, &text);
 *     gcl_curves_free(curves);
 *
 * A point stands for k consecutive lines, k being a power of two that doubles when the points run
 * out: neighbours are merged in pairs. Of each curve a point keeps mean, least and greatest value and
 * how many values were not finite, so that no peak is lost, and the points depend on the lines alone.
 *
 * JSON: {"lines_a_point": k, "step": [..], "until": [..], "images": [..], "seconds": [..],
 *        "groups": [{"name": "losses", "curves": [{"name": "d_loss", "mean": [..], "least": [..],
 *        "most": [..], "bad": [[point, count], ..]}]}]}
 * `step` is a point's first step, `until` its last one, images and seconds are those of its last line.
 * A mean is null where no value was finite. least and most are left out while k is 1: they are the
 * mean. */
#ifndef GCL_REPORT_CURVES_H
#define GCL_REPORT_CURVES_H

#include "base/memory.h"

/* Names longer than 47 bytes and curves beyond the 192nd are not kept. */
enum { GCL_CURVES_POINTS = 1024, GCL_CURVES_MOST = 192 };

typedef struct gcl_curves gcl_curves;

gcl_curves *gcl_curves_new(void);
void gcl_curves_free(gcl_curves *curves); /* NULL is fine */
void gcl_curves_line(gcl_curves *curves, double step, double images, double seconds);
/* A value of that line; NAN is one that was not finite. */
void gcl_curves_value(gcl_curves *curves, const char *group, const char *name, double value);
void gcl_curves_json(const gcl_curves *curves, gcl_text *out);

#endif
