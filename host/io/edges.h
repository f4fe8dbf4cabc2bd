/* Line drawings of pictures: thin dark lines on white along the edges.
 *
 *     gcl_edges(&drawing, &picture, &err);                 drawing [height, width, 1]
 *
 * J. Canny, "A computational approach to edge detection", PAMI 1986: smooth with a Gaussian
 * (sigma = 1 pixel), take the gradient, keep its maxima across the edge, follow them from strong ones
 * (above `high`) through weak ones (above `low`). Two things are our own. The gradient at a pixel is
 * that of the colour channel in which it is largest, so edges between colours of one brightness are
 * seen, and what lies on black is outlined as what lies on white. And the thresholds follow the
 * picture: high = a quarter of the magnitude that only 1 in 50 of the maxima exceeds, low = 0.4 high,
 * so faint and strong pictures give about as many lines. Lines of a few pixels are left out as specks.
 * A line is black where the edge is strong and dark grey where it is weak. */
#ifndef GCL_IO_EDGES_H
#define GCL_IO_EDGES_H

#include "base/error.h"
#include "io/image.h"

/* Makes the drawing; cost about 60 flops a pixel and channel. Errors: GCL_MEMORY; it is then empty. */
int gcl_edges(gcl_image *drawing, const gcl_image *picture, gcl_error *err);

/* Makes a picture blurred by a Gaussian of standard deviation `sigma` > 0 pixels; what lies outside
 * is as the nearest pixel inside. Errors: GCL_MEMORY; it is then empty. */
int gcl_blur(gcl_image *blurred, const gcl_image *picture, double sigma, gcl_error *err);

#endif
