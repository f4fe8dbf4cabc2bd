/* Text of generated reductions: sums and maxima over a run of axes, sibling roots in one kernel.
 *
 * Two levels of accumulators (64 terms, then all); long reductions are split into partial results,
 * which cl/reduce.cl adds in a fixed order. Where work-items are many and light (not a CPU), reductions
 * of up to 64 terms a work-item are one launch: a work-group shares the terms of its outputs and joins
 * what its lanes have in local memory, by halves. */
#include <string.h>

#include "plan/emit.h"

/* A chunk on a CPU has LEAST_TERMS, as many as a second launch would take the time of; a reduction of
 * CACHED_TERMS is not cut along its terms if it has columns to cut. */
enum { LEAST_TERMS = 32768, CACHED_TERMS = 262144 };
enum { FLUSH_TERMS = 64, GROUP_ITEMS = 256, GROUP_COLUMNS = 32, FEW_TERMS = 16 };

typedef struct reduction {
    /* Products of axes; kept_inner is 1 when the last is reduced. */
    int64_t kept_outer, reduced, kept_inner;
    int inner_kept;
    int64_t rows; /* what is cut into chunks: reduced terms, or rows of them */
    int64_t rows_per, cols_per, chunks, col_pieces;
    int width, unroll;
    int columns, lanes; /* of a work-group that shares terms; lanes is 0 where none does */
} reduction;

/* The largest power of two up to x, at least 1. */
static int power_below(int64_t x)
{
    int power = 1;
    while (2 * (int64_t)power <= x)
        power *= 2;
    return power;
}

/* Whether work-groups share the terms, and how they are made up. */
static void plan_group(const gcl_plan *plan, const unit *u, int64_t inner, reduction *r)
{
    const gcl_limits *limits = plan->limits;
    int64_t room = (int64_t)limits->local_bytes / (int64_t)(sizeof(float) * (size_t)u->n_roots);
    int items = power_below(min64(min64(GROUP_ITEMS, limits->max_work_group), room / 2));
    if (limits->is_cpu || r->reduced < FEW_TERMS)
        return;
    r->columns = r->inner_kept ? power_below(min64(inner, min64(GROUP_COLUMNS, items))) : 1;
    int lanes = power_below(min64(items / r->columns, r->reduced / 2));
    if (lanes > 1 && r->reduced <= (int64_t)FLUSH_TERMS * lanes)
        r->lanes = lanes;
}

static reduction reduction_of(const gcl_plan *plan, const unit *u, const walk *w)
{
    reduction r = {0};
    int last = w->n_axes - 1;
    r.inner_kept = !w->reduced[last];
    r.kept_outer = gcl_walk_product(w, 0, w->first_reduced);
    r.reduced = gcl_walk_product(w, w->first_reduced, w->last_reduced + 1);
    r.kept_inner = gcl_walk_product(w, w->last_reduced + 1, w->n_axes);
    r.width = gcl_emit_width(plan, w->size[last]);
    r.unroll = plan->limits->is_cpu && r.inner_kept && w->size[last] >= 4 * r.width ? 4 : 1;
    int64_t units = plan->limits->compute_units;
    int64_t items = plan->limits->is_cpu ? 16 * units : max64(256 * units, 4096);
    if (r.inner_kept) {
        int64_t vectors = ceil_div(w->size[last], (int64_t)r.width * r.unroll);
        int64_t others = r.kept_outer * (r.kept_inner / w->size[last]);
        int64_t terms = r.reduced;
        r.cols_per = plan->limits->is_cpu ? w->size[last] : r.width;
        int in_cache = terms * w->size[last] <= CACHED_TERMS && vectors > 1;
        if (plan->limits->is_cpu && ((terms < 64 && vectors > 8) || in_cache)) /* cut the columns */
            r.cols_per = max64(1, ceil_div(vectors, items)) * r.width * r.unroll;
        r.col_pieces = ceil_div(w->size[last], r.cols_per);
        int64_t wanted = max64(1, items / max64(1, others * r.col_pieces));
        int64_t least = plan->limits->is_cpu ? max64(1, LEAST_TERMS / w->size[last]) : 32;
        if (plan->limits->is_cpu && in_cache)
            least = terms;
        r.rows = terms;
        r.rows_per = max64(least, ceil_div(terms, wanted));
        r.chunks = ceil_div(terms, r.rows_per);
    } else {
        int64_t wanted = max64(1, items / r.kept_outer);
        int single = w->first_reduced == w->last_reduced;
        r.rows = single ? w->size[last] : r.reduced / w->size[last];
        int64_t least = single ? LEAST_TERMS : max64(1, LEAST_TERMS / w->size[last]);
        if (!plan->limits->is_cpu)
            least = single ? 256 : 1;
        r.rows_per = max64(least, ceil_div(r.rows, wanted));
        if (single)
            r.rows_per = ceil_div(r.rows_per, r.width) * r.width;
        r.chunks = ceil_div(r.rows, r.rows_per);
        r.col_pieces = 1;
        r.cols_per = w->size[last];
    }
    plan_group(plan, u, w->size[last], &r);
    if (r.lanes > 0)
        r.chunks = 1;
    return r;
}

int64_t gcl_reduce_scratch(const gcl_plan *plan, const unit *u)
{
    walk w = gcl_walk_of(u);
    reduction r = reduction_of(plan, u, &w);
    return r.chunks > 1 ? u->n_roots * r.kept_outer * r.kept_inner * r.chunks : 0;
}

static int is_maximum(const gcl_node *root)
{
    return ((const gcl_reduce_attr *)root->attr)->maximum;
}

static void accumulate(gcl_text *out, const gcl_node *root, const char *to, const char *from)
{
    if (is_maximum(root))
        gcl_text_add(out, "%s = fmax(%s, %s);\n", to, to, from);
    else
        gcl_text_add(out, "%s += %s;\n", to, from);
}

static const char *start_of(const gcl_node *root)
{
    return is_maximum(root) ? "-INFINITY" : "0.0f";
}

/* Declares or clears PREFIX<root>_<copy> for every root and copy. */
static void start_all(gcl_text *out, const unit *u, int copies, const char *declare,
                      const char *prefix)
{
    for (int r = 0; r < u->n_roots; r++)
        for (int c = 0; c < copies; c++)
            gcl_text_add(out, "%s%s%d_%d = (T)(%s);\n", declare, prefix, r, c,
                         start_of(u->roots[r]));
}

static void flush_all(gcl_text *out, const unit *u, int copies)
{
    for (int r = 0; r < u->n_roots; r++)
        for (int c = 0; c < copies; c++) {
            char to[40], from[40];
            snprintf(to, sizeof to, "sum%d_%d", r, c);
            snprintf(from, sizeof from, "acc%d_%d", r, c);
            accumulate(out, u->roots[r], to, from);
        }
}

/* The terms at index text `inner`, added to accumulators number `copy`. */
static void terms(writer *wr, const char *inner, const char *linear, int copy)
{
    const unit *u = wr->u;
    wr->n_values = 0;
    wr->inner = inner;
    wr->linear = linear;
    gcl_text_add(wr->out, "{\n");
    for (int r = 0; r < u->n_roots; r++) {
        char to[40], from[40];
        snprintf(from, sizeof from, "v%d", gcl_emit_value(wr, u->roots[r]->in[0]));
        snprintf(to, sizeof to, "acc%d_%d", r, copy);
        accumulate(wr->out, u->roots[r], to, from);
    }
    gcl_text_add(wr->out, "}\n");
}

/* Columns i .. i + width*copies - 1 summed over the rows of this chunk. */
static void column_body(writer *wr, int width, int copies)
{
    const walk *w = wr->w;
    gcl_text *out = wr->out;
    int last = w->n_axes - 1;
    wr->width = width;
    gcl_emit_type(out, width);
    start_all(out, wr->u, copies, "T ", "sum");
    gcl_text_add(out,
                 "for (uint row = row_first; row < row_end;) {\n"
                 "const uint stop = min(row + %du, row_end);\n",
                 FLUSH_TERMS);
    start_all(out, wr->u, copies, "T ", "acc");
    gcl_text_add(out, "for (; row < stop; row++) {\n");
    gcl_emit_split_index(out, "row", w->first_reduced, w->last_reduced + 1);
    gcl_emit_row_pointers(out, wr->u, w);
    gcl_text_add(out, "const ulong line = ");
    gcl_emit_horner(out, w, ~0u, last);
    gcl_text_add(out, ";\n");
    for (int c = 0; c < copies; c++) {
        char inner[40], linear[64];
        snprintf(inner, sizeof inner, "i + %d", c * width);
        snprintf(linear, sizeof linear, "(line + i + %d)", c * width);
        terms(wr, inner, linear, c);
    }
    gcl_text_add(out, "}\n");
    flush_all(out, wr->u, copies);
    gcl_text_add(out, "}\n");
    for (int k = 0; k < wr->u->n_roots; k++)
        for (int c = 0; c < copies; c++)
            gcl_text_add(out, "STORE%d(sum%d_%d, o%d + i + %d);\n", width, k, c, k, c * width);
    gcl_text_add(out, "#undef T\n");
}

static void emit_columns(writer *wr, const reduction *r)
{
    const walk *w = wr->w;
    gcl_text *out = wr->out;
    int last = w->n_axes - 1;
    /* gid 0: columns; gid 1: chunk; gid 2: the kept axes but the last. */
    gcl_text_add(out, "ulong kept = get_global_id(2);\n");
    for (int a = last - 1; a > w->last_reduced; a--)
        gcl_text_add(out, "const uint j%d = (uint)(kept %% n%d); kept /= n%d;\n", a, a, a);
    gcl_text_add(out, "const ulong outer = kept;\n");
    gcl_emit_split_index(out, "outer", 0, w->first_reduced);
    gcl_text_add(out,
                 "const uint chunk = (uint)get_global_id(1), chunks = (uint)get_global_size(1);\n"
                 "uint rows = 1;\n");
    for (int a = w->first_reduced; a <= w->last_reduced; a++)
        gcl_text_add(out, "rows *= n%d;\n", a);
    gcl_text_add(out,
                 "const uint row_first = chunk * rows_per, "
                 "row_end = min(row_first + rows_per, rows);\n"
                 "const uint first = (uint)get_global_id(0) * cols_per, "
                 "end = min(first + cols_per, n%d);\n"
                 "ulong inner_size = 1, inner_at = 0;\n",
                 last);
    for (int a = w->last_reduced + 1; a < last; a++)
        gcl_text_add(out, "inner_size *= n%d; inner_at = inner_at * n%d + j%d;\n", a, a, a);
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out,
                     "__global float *o%d = ob%d + oa%d + "
                     "((outer * chunks + chunk) * inner_size + inner_at) * n%d;\n",
                     k, k, k, last);
    gcl_text_add(out, "uint i = first;\n");
    int step = r->width * r->unroll;
    if (step > 1) {
        gcl_text_add(out, "for (; i + %d <= end; i += %d) {\n", step, step);
        column_body(wr, r->width, r->unroll);
        gcl_text_add(out, "}\n");
    }
    if (step == 1 || w->size[last] % step != 0 || r->cols_per % step != 0) {
        gcl_text_add(out, "for (; i < end; i++) {\n");
        column_body(wr, 1, 1);
        gcl_text_add(out, "}\n");
    }
}

static void row_loop(writer *wr, int width, const char *loop)
{
    gcl_text *out = wr->out;
    wr->width = width;
    gcl_emit_type(out, width);
    gcl_text_add(out, "%s", loop);
    start_all(out, wr->u, 1, "T ", "acc");
    gcl_text_add(out, "for (; i < stop; i += %d) {\n", width);
    terms(wr, "i", "(line + i)", 0);
    gcl_text_add(out, "}\n");
    for (int k = 0; k < wr->u->n_roots; k++) {
        char to[40], from[40];
        snprintf(to, sizeof to, "total%d", k);
        snprintf(from, sizeof from, "%s%d(acc%d_0)",
                 is_maximum(wr->u->roots[k]) ? "MAXIMUM" : "SUM", width, k);
        accumulate(out, wr->u->roots[k], to, from);
    }
    gcl_text_add(out, "}\n#undef T\n");
}

static void emit_rows(writer *wr, const reduction *r)
{
    const walk *w = wr->w;
    gcl_text *out = wr->out;
    int last = w->n_axes - 1, single = w->first_reduced == last;
    /* gid 0: chunk; gid 1: kept index. */
    gcl_text_add(out, "const ulong outer = get_global_id(1);\n");
    gcl_emit_split_index(out, "outer", 0, w->first_reduced);
    gcl_text_add(out,
                 "const uint chunk = (uint)get_global_id(0), chunks = (uint)get_global_size(0);\n");
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out, "float total%d = %s;\n", k, start_of(wr->u->roots[k]));
    gcl_text_add(out, "uint rows = 1;\n");
    for (int a = w->first_reduced; a < last; a++)
        gcl_text_add(out, "rows *= n%d;\n", a);
    if (single)
        gcl_text_add(out,
                     "const uint row_first = 0, row_end = 1, first = chunk * rows_per, "
                     "end = min(first + rows_per, n%d);\n",
                     last);
    else
        gcl_text_add(out,
                     "const uint row_first = chunk * rows_per, "
                     "row_end = min(row_first + rows_per, rows), "
                     "first = 0, end = n%d;\n",
                     last);
    gcl_text_add(out, "for (uint row = row_first; row < row_end; row++) {\n");
    gcl_emit_split_index(out, "row", w->first_reduced, last);
    gcl_emit_row_pointers(out, wr->u, w);
    gcl_text_add(out, "const ulong line = (");
    gcl_emit_horner(out, w, ~0u, last);
    gcl_text_add(out, ");\nuint i = first;\n");
    if (r->width > 1) {
        char loop[160];
        snprintf(loop, sizeof loop,
                 "while (i + %d <= end) {\n"
                 "const uint stop = min(i + %du, first + (end - first) / %d * %d);\n",
                 r->width, FLUSH_TERMS * r->width, r->width, r->width);
        row_loop(wr, r->width, loop);
    }
    if (r->width == 1 || w->size[last] % r->width != 0) {
        char loop[100];
        snprintf(loop, sizeof loop, "while (i < end) {\nconst uint stop = min(i + %du, end);\n",
                 FLUSH_TERMS);
        row_loop(wr, 1, loop);
    }
    gcl_text_add(out, "}\n");
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out, "ob%d[oa%d + outer * chunks + chunk] = total%d;\n", k, k, k);
}

/* Where this work-item is: its output's kept axes, whether there is such an output, its lane. */
static void group_head(const writer *wr, const reduction *r)
{
    const walk *w = wr->w;
    gcl_text *out = wr->out;
    int last = w->n_axes - 1;
    gcl_text_add(out,
                 "const uint lane = (uint)get_local_id(1), lanes = (uint)get_local_size(1);\n"
                 "const uint slot = lane * (uint)get_local_size(0) + (uint)get_local_id(0);\n");
    if (!r->inner_kept) {
        gcl_text_add(out,
                     "const ulong outer = get_global_id(0), at = outer;\nulong outputs = 1;\n");
        for (int a = 0; a < w->first_reduced; a++)
            gcl_text_add(out, "outputs *= n%d;\n", a);
        gcl_text_add(out, "const int inside = outer < outputs;\n");
        gcl_emit_split_index(out, "outer", 0, w->first_reduced);
        return;
    }
    gcl_text_add(out,
                 "ulong kept = get_global_id(2), at = 0;\nconst uint i = get_global_id(0);\n"
                 "const int inside = i < n%d;\n",
                 last);
    for (int a = last - 1; a > w->last_reduced; a--)
        gcl_text_add(out, "const uint j%d = (uint)(kept %% n%d); kept /= n%d;\n", a, a, a);
    gcl_text_add(out, "const ulong outer = kept;\nat = outer;\n");
    gcl_emit_split_index(out, "outer", 0, w->first_reduced);
    for (int a = w->last_reduced + 1; a < last; a++)
        gcl_text_add(out, "at = at * n%d + j%d;\n", a, a);
    gcl_text_add(out, "at = at * n%d + i;\n", last);
}

/* Joins what the lanes have, by halves; the first lane stores. */
static void join_lanes(const writer *wr)
{
    gcl_text *out = wr->out;
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out, "part%d[slot] = acc%d_0;\n", k, k);
    gcl_text_add(out, "barrier(CLK_LOCAL_MEM_FENCE);\n"
                      "for (uint half_way = lanes / 2; half_way > 0; half_way /= 2) {\n"
                      "if (lane < half_way) {\n"
                      "const uint other = slot + half_way * (uint)get_local_size(0);\n");
    for (int k = 0; k < wr->u->n_roots; k++) {
        char to[40], from[40];
        snprintf(to, sizeof to, "part%d[slot]", k);
        snprintf(from, sizeof from, "part%d[other]", k);
        accumulate(out, wr->u->roots[k], to, from);
    }
    gcl_text_add(out, "}\nbarrier(CLK_LOCAL_MEM_FENCE);\n}\nif (lane == 0 && inside) {\n");
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out, "ob%d[oa%d + at] = part%d[slot];\n", k, k, k);
    gcl_text_add(out, "}\n");
}

/* gid 0: column or output; gid 1: lane, one group; gid 2: the kept axes but the last. */
static void emit_group(writer *wr, const reduction *r)
{
    const walk *w = wr->w;
    gcl_text *out = wr->out;
    int last = w->n_axes - 1;
    wr->width = 1;
    gcl_emit_type(out, 1);
    for (int k = 0; k < wr->u->n_roots; k++)
        gcl_text_add(out, "__local float part%d[%d];\n", k, r->columns * r->lanes);
    group_head(wr, r);
    start_all(out, wr->u, 1, "T ", "acc");
    gcl_text_add(out, "uint rows = 1;\n");
    for (int a = w->first_reduced; a <= w->last_reduced; a++)
        gcl_text_add(out, "rows *= n%d;\n", a);
    gcl_text_add(out, "for (uint row = lane; inside && row < rows; row += lanes) {\n");
    gcl_emit_split_index(out, "row", w->first_reduced, w->last_reduced + 1);
    gcl_emit_row_pointers(out, wr->u, w);
    if (!r->inner_kept)
        gcl_text_add(out, "const uint i = j%d;\n", last);
    gcl_text_add(out, "const ulong line = ");
    gcl_emit_horner(out, w, ~0u, last);
    gcl_text_add(out, ";\n");
    terms(wr, "i", "(line + i)", 0);
    gcl_text_add(out, "}\n");
    join_lanes(wr);
    gcl_text_add(out, "#undef T\n");
}

static void set_sizes(const gcl_plan *plan, const walk *w, const reduction *r, emitted *e)
{
    int64_t inner = w->size[w->n_axes - 1];
    e->global[0] = (size_t)(r->inner_kept ? r->col_pieces : r->chunks);
    e->global[1] = (size_t)(r->inner_kept ? r->chunks : r->kept_outer);
    e->global[2] = r->inner_kept ? (size_t)(r->kept_outer * (r->kept_inner / inner)) : 1;
    if (plan->limits->is_cpu)
        e->local[0] = e->local[1] = e->local[2] = 1;
    if (r->lanes > 0) {
        int64_t outputs = r->inner_kept ? inner : r->kept_outer;
        e->global[0] = (size_t)(ceil_div(outputs, r->columns) * r->columns);
        e->global[1] = e->local[1] = (size_t)r->lanes;
        e->local[0] = (size_t)r->columns;
        e->local[2] = 1;
    }
}

void gcl_emit_reduce(const gcl_plan *plan, const unit *u, emitted *e)
{
    walk w = gcl_walk_of(u);
    reduction r = reduction_of(plan, u, &w);
    gcl_text head = {0}, out = {0};
    memset(e, 0, sizeof *e);
    gcl_emit_head(u, &w, r.rows_per, r.cols_per, &head, e);
    e->chunks = r.chunks;
    e->partial_floats = r.kept_outer * r.kept_inner * r.chunks;
    for (int k = 0; k < u->n_roots; k++) {
        gcl_text_add(&head, ",\n    __global float *ob%d, const ulong oa%d", k, k);
        e->args[e->n_args++] = r.chunks == 1 ? (gcl_arg){GCL_ARG_OUT, k, 0}
                                             : (gcl_arg){GCL_ARG_SCRATCH, 0, k * e->partial_floats};
    }
    writer wr = {.plan = plan, .u = u, .w = &w, .out = &out, .e = e};
    if (r.lanes > 0)
        emit_group(&wr, &r);
    else if (r.inner_kept)
        emit_columns(&wr, &r);
    else
        emit_rows(&wr, &r);
    e->text = gcl_emit_whole(&wr, &head);
    set_sizes(plan, &w, &r, e);
}
