/* What the vec variants share: small rules for CPUs. */
#ifndef GCL_OPS_VEC_H
#define GCL_OPS_VEC_H

#include "ops/variants.h"

static inline int gcl_round_up(int n, int step) { return (n + step - 1) / step * step; }
static inline int gcl_divide_up(int n, int by) { return (n + by - 1) / by; }
static inline int gcl_smaller(int a, int b) { return a < b ? a : b; }
/* The size of n cut into equal parts of at most `most`. */
static inline int gcl_even_part(int n, int most)
{
    return gcl_divide_up(n, gcl_divide_up(n, most < 1 ? 1 : most));
}

/* Whether the family runs on such a device at all: one with vectors, or a single unit (Oclgrind).
 * Where many scalar units share lanes, one long work-item wastes them, or is cut short (max_turns). */
int gcl_vec_device(const gcl_limits *limits);
/* The longest vector (1, 2, 4, 8 or 16 floats) of the device that `n` outputs fill at least half. */
int gcl_vec_length(int n, const gcl_limits *limits);
/* Channels of a block: all up to 32, else a divisor from 16 to 32 if there is one, else 16. */
int gcl_vec_channel_block(int c);
/* Bytes of local memory to use: all of a small one; of a large one, which on CPUs is the second-level
 * cache, a part that leaves room for filters or partial sums. */
int64_t gcl_vec_cache(const gcl_limits *limits);
/* Fills the launch of cl/sum_vec.cl: out[rows,k] = sum of `groups` blocks [rows,pitch] at `part`. */
void gcl_vec_sum(int v, int groups, int rows, int k, int pitch, gcl_arg part, gcl_launch *launch);
/* How many work-items each unit runs one after the other, and `wait` for those that end unevenly. */
double gcl_vec_waves(const int64_t items[3], double wait, const gcl_limits *limits);
/* Relative cost of a variant with vectors of `width` over n things: `least` where they are full, more
 * where lanes idle; below that of the other families on CPUs, above all on other devices. */
double gcl_vec_cost(double least, int n, int width, const gcl_limits *limits);
void gcl_vec_args(gcl_launch *launch, const int *sizes, int n);          /* appends int arguments */
void gcl_vec_items(gcl_launch *launch, int64_t x, int64_t y, int64_t z); /* work-groups of one */

#endif
