/* Single layers, timed as a plan runs them: what `ganocl bench --layers` does.
 *
 * Each line of standard input is a JSON object, answered by one on standard output when it has run:
 *
 *     {"kind": "conv", "input": [16,64,64,64], "filter": [4,4,64,128], "stride": 2, "pad": 1,
 *      "direction": "weight", "runs": 20}
 *     {"ms": 3.1, "cpu_ms": 6.2, "gflop": 4.29, "gflops": 1380, "bytes": 1e8, "variants": "winograd"}
 *
 * kind: conv, transposed or depthwise; conv if it is left out. input [N,H,W,C]; filter as in a layer
 * of that kind: [R,S,C,K], [R,S,K,C], [R,S,1,C]. direction: forward (also if left out), data or weight,
 * the gradients of input and filter. stride 1, pad 0, out_pad 0 (transposed: rows and columns more)
 * and runs 1 if left out.
 *
 * The operands lie on the device; one run before is not timed; the others are enqueued one after the
 * other and waited for once, as in a training step. ms is the clock's time of one, cpu_ms that of this
 * process on all cores; gflop counts 2 for each product and sum; bytes is the device memory. */
#ifndef GCL_CLI_BENCH_LAYERS_H
#define GCL_CLI_BENCH_LAYERS_H

#include "cli/options.h"

/* Until the end of the input. Errors: GCL_DATA for a line that is no layer, by its number; GCL_USAGE,
 * GCL_DEVICE, GCL_MEMORY. */
int gcl_bench_layers(const gcl_options *options, gcl_error *err);

#endif
