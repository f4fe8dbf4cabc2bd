/* A device's peak rates, measured: what kernels are compared with. */
#ifndef GCL_AUTOTUNE_PEAK_H
#define GCL_AUTOTUNE_PEAK_H

#include "device/device.h"

typedef struct gcl_peak {
    double gflops; /* fused multiply-adds in registers, 2 FLOP each */
    double gbs;    /* copy: bytes read and written a second / 1e9 */
} gcl_peak;

/* The program of cl/peak.cl that fits the device, not built yet. Errors: GCL_DEVICE. */
gcl_program *gcl_peak_program(gcl_device *dev, gcl_error *err);
/* Takes about half a second. Errors: GCL_DEVICE, GCL_MEMORY. */
int gcl_peak_measure(gcl_device *dev, gcl_peak *peak, gcl_error *err);

#endif
