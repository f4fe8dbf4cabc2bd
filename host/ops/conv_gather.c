/* Convolution and its data gradient as one gather: geometry and the packing of filters. */
#include "ops/conv_gather.h"

#include <stdio.h>

#include "ops/vec.h"

/* Taps r < taps with r % step == rest. */
static int taps_of(int taps, int rest, int step)
{
    return rest < taps ? (taps - rest + step - 1) / step : 0;
}

/* The input offsets that the taps of all phases reach: low .. low + span - 1. */
static void reach(int taps, int os, int off, int *low, int *span)
{
    int first = 1 << 30, last = -(1 << 30);
    for (int a = 0; a < os; a++) {
        int n = os == 1 ? taps : taps_of(taps, (a + off) % os, os);
        int high = (a + off) / os;
        if (n == 0)
            continue;
        first = high - n + 1 < first ? high - n + 1 : first;
        last = high > last ? high : last;
    }
    *low = first;
    *span = last - first + 1;
}

gcl_gather gcl_gather_of(const gcl_node *node)
{
    const gcl_conv_attr *a = node->attr;
    gcl_gather g = {.n = a->n, .r = a->r, .s = a->s, .is_h = 1, .is_w = 1, .os_h = 1, .os_w = 1};
    if (node->op == &gcl_op_conv) {
        g.h = a->h, g.w = a->w, g.c = a->c, g.oh = a->p, g.ow = a->q, g.k = a->k;
        g.is_h = a->stride_h, g.is_w = a->stride_w;
        g.off_h = a->r - 1 - a->pad_h, g.off_w = a->s - 1 - a->pad_w;
    } else {
        g.h = a->p, g.w = a->q, g.c = a->k, g.oh = a->h, g.ow = a->w, g.k = a->c;
        g.os_h = a->stride_h, g.os_w = a->stride_w;
        g.off_h = a->pad_h, g.off_w = a->pad_w;
        g.flip = 1;
    }
    reach(g.r, g.os_h, g.off_h, &g.low_h, &g.span_h);
    reach(g.s, g.os_w, g.off_w, &g.low_w, &g.span_w);
    return g;
}

void gcl_gather_pack(const gcl_gather *g, int nr, int cb, int length, gcl_arg filter,
                     gcl_arg scratch, gcl_launch *l)
{
    const int sizes[] = {g->r,
                         g->s,
                         g->flip ? g->k : g->c,
                         g->flip ? g->c : g->k,
                         g->is_w,
                         g->os_h,
                         g->os_w,
                         g->off_h,
                         g->off_w,
                         g->flip};
    int v = nr % 16 == 0 ? 16 : nr % 8 == 0 ? 8 : nr % 4 == 0 ? 4 : 1;
    *l = (gcl_launch){.file = "conv_pack_vec", .kernel = "conv_pack"};
    snprintf(l->defines, sizeof l->defines, "-DV=%d -DNR=%d -DCB=%d -DL=%d", v, nr, cb, length);
    l->args[l->n_args++] = filter;
    l->args[l->n_args++] = scratch;
    gcl_vec_args(l, sizes, sizeof sizes / sizeof sizes[0]);
    gcl_vec_items(l, g->flip ? gcl_divide_up(g->k, nr) : gcl_divide_up(g->c, cb), g->r * g->s, 1);
    l->bytes = 8.0 * g->r * g->s * g->c * g->k;
}

double gcl_gather_bytes(const gcl_gather *g)
{
    return 4.0 * ((double)g->n * g->h * g->w * g->c + (double)g->n * g->oh * g->ow * g->k +
                  (double)g->r * g->s * g->c * g->k);
}
