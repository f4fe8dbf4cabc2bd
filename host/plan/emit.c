/* Emission: OpenCL text of fused pointwise kernels, reductions and epilogues.
 *
 * A unit's space [N,H,W,C] is collapsed to few axes: neighbours merge when every operand has both or
 * lacks both. An operand's element is found by Horner's rule over the axes that it has, so sizes are
 * kernel arguments and the text depends only on the expression and on which operand has which axis:
 * equal patterns share one program. On CPUs a work-item walks a large piece with explicit vectors;
 * on GPUs it makes one vector. Reductions keep two levels of accumulators (64 terms, then all) and
 * split long ones into partial results, summed in fixed order by cl/reduce.cl. */
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

enum { MAX_VALUES = 400, FLUSH_TERMS = 64 };

typedef struct walk {
    int n_axes;
    int64_t size[4];
    int reduced[4];
    unsigned has[MAX_LEAVES];        /* bit a: the leaf has axis a */
    int first_reduced, last_reduced; /* of a reduction: its run of axes */
} walk;

typedef struct writer {
    const gcl_plan *plan;
    const unit *u;
    const walk *w;
    gcl_text *out;
    int width;                         /* floats of T */
    const gcl_node *nodes[MAX_VALUES]; /* value k is named v<k> */
    int n_values;
    const char *inner;  /* text of the index along the last axis */
    const char *linear; /* text of the element's index in the whole space */
} writer;

/* ---- collapsing ---- */

static walk walk_of(const unit *u)
{
    walk w = {0};
    for (int i = 0; i < 4; i++) {
        if (u->space.d[i] == 1)
            continue;
        int reduced = u->axes >> i & 1, merge = w.n_axes > 0 && w.reduced[w.n_axes - 1] == reduced;
        for (int k = 0; k < u->n_leaves && merge; k++) {
            int here = u->leaves[k]->shape.d[i] != 1;
            merge = here == (int)(w.has[k] >> (w.n_axes - 1) & 1);
        }
        if (merge) {
            w.size[w.n_axes - 1] *= u->space.d[i];
            continue;
        }
        for (int k = 0; k < u->n_leaves; k++)
            if (u->leaves[k]->shape.d[i] != 1)
                w.has[k] |= 1u << w.n_axes;
        w.reduced[w.n_axes] = reduced;
        w.size[w.n_axes++] = u->space.d[i];
    }
    if (w.n_axes == 0) {
        w.size[0] = 1;
        w.reduced[0] = u->axes != 0;
        w.n_axes = 1;
    }
    w.first_reduced = w.last_reduced = -1;
    for (int a = 0; a < w.n_axes; a++)
        if (w.reduced[a]) {
            w.first_reduced = w.first_reduced < 0 ? a : w.first_reduced;
            w.last_reduced = a;
        }
    return w;
}

static int64_t product(const walk *w, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= w->size[a];
    return n;
}

/* ---- expressions ---- */

static void number(gcl_text *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    int plain = strpbrk(text, ".en") == NULL; /* "3" needs a point; inf and nan are names */
    if (strchr(text, 'n') != NULL)
        gcl_text_add(out, "(T)(%s)", value != value ? "NAN" : value > 0 ? "INFINITY" : "-INFINITY");
    else
        gcl_text_add(out, "(T)(%s%sf)", text, plain ? ".0" : "");
}

static int known_value(const writer *wr, const gcl_node *n)
{
    for (int i = 0; i < wr->n_values; i++)
        if (wr->nodes[i] == n)
            return i;
    return -1;
}

static int new_value(writer *wr, const gcl_node *n)
{
    wr->nodes[wr->n_values] = n;
    return wr->n_values++;
}

static void load(writer *wr, int leaf)
{
    const gcl_node *n = wr->u->leaves[leaf];
    int has_inner = wr->w->has[leaf] >> (wr->w->n_axes - 1) & 1;
    const char *type = n->dtype == GCL_U8 ? "U8_" : n->dtype == GCL_U32 ? "U32_" : "";
    if (has_inner)
        gcl_text_add(wr->out, "%sLOAD%d(l%d + %s)", type, wr->width, leaf, wr->inner);
    else
        gcl_text_add(wr->out, "(T)((float)l%d[0])", leaf);
}

/* The op's text with x, y, z replaced by operand names. */
static void substitute(gcl_text *out, const char *text, const char *const operand[3])
{
    for (const char *p = text; *p != 0;) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        if (n == 1 && *p >= 'x' && *p <= 'z')
            gcl_text_add(out, "%s", operand[*p - 'x']);
        else
            gcl_text_add_bytes(out, p, n ? n : 1);
        p += n ? n : 1;
    }
}

static int value(writer *wr, const gcl_node *n);

/* The generator's integers lane by lane (the compiler vectorises that loop), the rest on vectors. */
static void random_value(writer *wr, const gcl_node *n, int k)
{
    const gcl_random_attr *a = n->attr;
    int leaf = gcl_unit_leaf(wr->u, n->in[0]), w = wr->width;
    gcl_text_add(wr->out,
                 "T v%d; { uint p[%d], q[%d]; for (int e = 0; e < %d; e++) { "
                 "const uint2 d = gcl_draw(l%d, %uu, %s + e); p[e] = d.x >> 8; q[e] = d.y >> 8; }\n"
                 "const T a = U32_LOAD%d(p) * 0x1p-24f;\n",
                 k, w, w, w, leaf, a->stream, wr->linear, w);
    if (a->kind == GCL_RANDOM_UNIFORM)
        gcl_text_add(wr->out, "v%d = a; }\n", k);
    else if (a->kind == GCL_RANDOM_KEEP)
        gcl_text_add(wr->out, "v%d = a < (T)(%.9gf) ? (T)(1) : (T)(0); }\n", k, a->keep);
    else
        gcl_text_add(wr->out,
                     "v%d = sqrt(log(a + 0x1p-25f) * -2.0f) * "
                     "cos(U32_LOAD%d(q) * (0x1p-24f * 6.28318530717958648f)); }\n",
                     k, w);
}

/* Writes the statements that compute n; returns the value's number. */
static int value(writer *wr, const gcl_node *n)
{
    int k = known_value(wr, n);
    if (k >= 0)
        return k;
    double constant;
    if (n->op->kind == GCL_KIND_ASSIGN && gcl_unit_has_root(wr->u, n))
        return value(wr, n->in[1]);
    int leaf = gcl_unit_leaf(wr->u, n);
    if (gcl_node_constant(n, &constant)) {
        k = new_value(wr, n);
        gcl_text_add(wr->out, "const T v%d = ", k);
        number(wr->out, constant);
        gcl_text_add(wr->out, ";\n");
    } else if (leaf >= 0) {
        k = new_value(wr, n);
        gcl_text_add(wr->out, "const T v%d = ", k);
        load(wr, leaf);
        gcl_text_add(wr->out, ";\n");
    } else if (n->op->kind == GCL_KIND_RANDOM) {
        k = new_value(wr, n);
        random_value(wr, n, k);
    } else {
        char names[3][12] = {"", "", ""};
        for (int i = 0; i < n->n_in; i++)
            snprintf(names[i], sizeof names[i], "v%d", value(wr, n->in[i]));
        const char *const operand[3] = {names[0], names[1], names[2]};
        k = new_value(wr, n);
        gcl_text_add(wr->out, "const T v%d = ", k);
        substitute(wr->out, n->op->text, operand);
        gcl_text_add(wr->out, ";\n");
    }
    return k;
}

/* ---- pieces of kernels ---- */

static const char *leaf_type(const gcl_node *n)
{
    return n->dtype == GCL_U8 ? "uchar" : n->dtype == GCL_U32 ? "uint" : "float";
}

/* Parameters common to both kinds: axis sizes, two piece sizes, leaves. Their gcl_args likewise. */
static void head(const unit *u, const walk *w, int64_t rows_per, int64_t cols_per, gcl_text *out,
                 emitted *e)
{
    gcl_text_add(out, "__kernel void NAME(");
    for (int a = 0; a < w->n_axes; a++) {
        gcl_text_add(out, "const uint n%d, ", a);
        e->args[e->n_args++] = (gcl_arg){GCL_ARG_INT, 0, w->size[a]};
    }
    gcl_text_add(out, "const uint rows_per, const uint cols_per");
    e->args[e->n_args++] = (gcl_arg){GCL_ARG_INT, 0, rows_per};
    e->args[e->n_args++] = (gcl_arg){GCL_ARG_INT, 0, cols_per};
    for (int k = 0; k < u->n_leaves; k++) {
        gcl_text_add(out, ",\n    __global const %s *b%d, const ulong a%d", leaf_type(u->leaves[k]),
                     k, k);
        e->args[e->n_args++] = (gcl_arg){GCL_ARG_IN, k, 0};
    }
}

/* Splits the linear index `from` into indices j<a> of axes first..end-1. */
static void split_index(gcl_text *out, const char *from, int first, int end)
{
    if (end - first == 1)
        gcl_text_add(out, "const uint j%d = (uint)%s;\n", first, from);
    else if (end > first) {
        gcl_text_add(out, "ulong rest%d = %s;\n", first, from);
        for (int a = end - 1; a >= first; a--)
            gcl_text_add(out, "const uint j%d = (uint)(rest%d %% n%d); rest%d /= n%d;\n", a, first,
                         a, first, a);
    }
}

/* Horner over the axes of `mask` before `end`; then times the last axis if that is in the mask. */
static void horner(gcl_text *out, const walk *w, unsigned mask, int end)
{
    int any = 0;
    gcl_text at = {0};
    for (int a = 0; a < end; a++) {
        if (!(mask >> a & 1))
            continue;
        gcl_text next = {0};
        if (any)
            gcl_text_add(&next, "(%s * n%d + j%d)", at.text, a, a);
        else
            gcl_text_add(&next, "((ulong)j%d)", a);
        gcl_text_free(&at);
        at = next;
        any = 1;
    }
    int last = w->n_axes - 1;
    if (!any)
        gcl_text_add(out, "0");
    else if (end == last && (mask >> last & 1))
        gcl_text_add(out, "%s * n%d", at.text, last);
    else
        gcl_text_add(out, "%s", at.text);
    gcl_text_free(&at);
}

static void row_pointers(gcl_text *out, const unit *u, const walk *w)
{
    for (int k = 0; k < u->n_leaves; k++) {
        gcl_text_add(out, "__global const %s *l%d = b%d + a%d + ", leaf_type(u->leaves[k]), k, k,
                     k);
        horner(out, w, w->has[k], w->n_axes - 1);
        gcl_text_add(out, ";\n");
    }
}

static int vector_width(const gcl_plan *plan, int64_t inner)
{
    int width = (int)plan->limits->float_width;
    width = width > 16 ? 16 : width < 1 ? 1 : width;
    while (width > 1 && (width > inner || (width & (width - 1)) != 0))
        width /= 2;
    return width == 3 ? 2 : width;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static void define_type(gcl_text *out, int width)
{
    if (width == 1)
        gcl_text_add(out, "#define T float\n");
    else
        gcl_text_add(out, "#define T float%d\n", width);
}

/* ---- pointwise ---- */

/* How many rows and columns of the collapsed space one work-item takes. */
static void pieces(const gcl_plan *plan, int64_t rows, int64_t inner, int width, int64_t *rows_per,
                   int64_t *cols_per)
{
    if (!plan->limits->is_cpu) {
        *rows_per = 1;
        *cols_per = width;
        return;
    }
    int64_t total = rows * inner, units = plan->limits->compute_units;
    int64_t piece = max64(4096, min64(65536, ceil_div(total, 8 * units)));
    if (inner >= piece || rows == 1) {
        *rows_per = 1;
        *cols_per = ceil_div(piece, width) * width;
    } else {
        *cols_per = inner;
        *rows_per = max64(1, piece / inner);
    }
}

static void pointwise_body(writer *wr, const char *linear)
{
    const unit *u = wr->u;
    gcl_text *out = wr->out;
    wr->n_values = 0;
    wr->inner = "i";
    wr->linear = linear;
    define_type(out, wr->width);
    int stored[MAX_ROOTS];
    for (int r = 0; r < u->n_roots; r++)
        stored[r] = value(wr, u->kind == UNIT_COPY ? u->leaves[0] : u->roots[r]);
    for (int r = 0; r < u->n_roots; r++)
        gcl_text_add(out, "STORE%d(v%d, o%d + i);\n", wr->width, stored[r], r);
    gcl_text_add(out, "#undef T\n");
}

void gcl_emit_pointwise(const gcl_plan *plan, const unit *u, emitted *e)
{
    walk w = walk_of(u);
    int last = w.n_axes - 1;
    int64_t rows = product(&w, 0, last), inner = w.size[last], rows_per, cols_per;
    int width = vector_width(plan, inner);
    gcl_text out = {0};
    memset(e, 0, sizeof *e);
    pieces(plan, rows, inner, width, &rows_per, &cols_per);
    head(u, &w, rows_per, cols_per, &out, e);
    for (int r = 0; r < u->n_roots; r++) {
        gcl_text_add(&out, ",\n    __global float *ob%d, const ulong oa%d", r, r);
        e->args[e->n_args++] = (gcl_arg){GCL_ARG_OUT, r, 0};
    }
    gcl_text_add(&out, ")\n{\nulong rows = 1;\n");
    for (int a = 0; a < last; a++)
        gcl_text_add(&out, "rows *= n%d;\n", a);
    gcl_text_add(&out,
                 "const uint first = (uint)get_global_id(0) * cols_per;\n"
                 "const uint end = n%d - first < cols_per ? n%d : first + cols_per;\n"
                 "const ulong row_first = get_global_id(1) * (ulong)rows_per;\n"
                 "const ulong row_end = min(row_first + rows_per, rows);\n"
                 "for (ulong row = row_first; row < row_end; row++) {\n",
                 last, last);
    split_index(&out, "row", 0, last);
    row_pointers(&out, u, &w);
    for (int r = 0; r < u->n_roots; r++)
        gcl_text_add(&out, "__global float *o%d = ob%d + oa%d + row * n%d;\n", r, r, r, last);
    char linear[60];
    snprintf(linear, sizeof linear, "(row * n%d + i)", last);
    writer wr = {.plan = plan, .u = u, .w = &w, .out = &out};
    gcl_text_add(&out, "uint i = first;\n");
    if (width > 1) {
        wr.width = width;
        gcl_text_add(&out, "for (; i + %d <= end; i += %d) {\n", width, width);
        pointwise_body(&wr, linear);
        gcl_text_add(&out, "}\n");
    }
    if (inner % width != 0 || width == 1) { /* left out where never needed: half the build time */
        wr.width = 1;
        gcl_text_add(&out, "for (; i < end; i++) {\n");
        pointwise_body(&wr, linear);
        gcl_text_add(&out, "}\n");
    }
    gcl_text_add(&out, "}\n}\n");
    e->text = out.text;
    e->chunks = 1;
    e->global[0] = (size_t)ceil_div(inner, cols_per);
    e->global[1] = (size_t)ceil_div(rows, rows_per);
    e->global[2] = 1;
    if (plan->limits->is_cpu)
        e->local[0] = e->local[1] = e->local[2] = 1;
}

/* ---- reductions ---- */

typedef struct reduction {
    /* Products of axes; kept_inner is 1 when the last is reduced. */
    int64_t kept_outer, reduced, kept_inner;
    int inner_kept;
    int64_t rows; /* what is cut into chunks: reduced terms, or rows of them */
    int64_t rows_per, cols_per, chunks, col_pieces;
    int width, unroll;
} reduction;

static reduction reduction_of(const gcl_plan *plan, const walk *w)
{
    reduction r = {0};
    int last = w->n_axes - 1;
    r.inner_kept = !w->reduced[last];
    r.kept_outer = product(w, 0, w->first_reduced);
    r.reduced = product(w, w->first_reduced, w->last_reduced + 1);
    r.kept_inner = product(w, w->last_reduced + 1, w->n_axes);
    r.width = vector_width(plan, w->size[last]);
    r.unroll = plan->limits->is_cpu && r.inner_kept && w->size[last] >= 4 * r.width ? 4 : 1;
    int64_t units = plan->limits->compute_units;
    int64_t items = plan->limits->is_cpu ? 16 * units : max64(256 * units, 4096);
    if (r.inner_kept) {
        int64_t vectors = ceil_div(w->size[last], (int64_t)r.width * r.unroll);
        int64_t others = r.kept_outer * (r.kept_inner / w->size[last]);
        int64_t terms = r.reduced;
        r.cols_per = plan->limits->is_cpu ? w->size[last] : r.width;
        if (plan->limits->is_cpu && terms < 64 && vectors > 8) /* few terms: cut the columns */
            r.cols_per = max64(1, ceil_div(vectors, items)) * r.width * r.unroll;
        r.col_pieces = ceil_div(w->size[last], r.cols_per);
        int64_t wanted = max64(1, items / max64(1, others * r.col_pieces));
        int64_t least = plan->limits->is_cpu ? max64(1, 16384 / max64(1, w->size[last])) : 32;
        r.rows = terms;
        r.rows_per = max64(least, ceil_div(terms, wanted));
        r.chunks = ceil_div(terms, r.rows_per);
    } else {
        int64_t wanted = max64(1, items / r.kept_outer);
        int single = w->first_reduced == w->last_reduced;
        r.rows = single ? w->size[last] : r.reduced / w->size[last];
        int64_t least = single ? 16384 : max64(1, 16384 / w->size[last]);
        if (!plan->limits->is_cpu)
            least = single ? 256 : 1;
        r.rows_per = max64(least, ceil_div(r.rows, wanted));
        if (single)
            r.rows_per = ceil_div(r.rows_per, r.width) * r.width;
        r.chunks = ceil_div(r.rows, r.rows_per);
        r.col_pieces = 1;
        r.cols_per = w->size[last];
    }
    return r;
}

int64_t gcl_reduce_scratch(const gcl_plan *plan, const unit *u)
{
    walk w = walk_of(u);
    reduction r = reduction_of(plan, &w);
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
        snprintf(from, sizeof from, "v%d", value(wr, u->roots[r]->in[0]));
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
    define_type(out, width);
    start_all(out, wr->u, copies, "T ", "sum");
    gcl_text_add(out,
                 "for (uint row = row_first; row < row_end;) {\n"
                 "const uint stop = min(row + %du, row_end);\n",
                 FLUSH_TERMS);
    start_all(out, wr->u, copies, "T ", "acc");
    gcl_text_add(out, "for (; row < stop; row++) {\n");
    split_index(out, "row", w->first_reduced, w->last_reduced + 1);
    row_pointers(out, wr->u, w);
    gcl_text_add(out, "const ulong line = ");
    horner(out, w, ~0u, last);
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
    split_index(out, "outer", 0, w->first_reduced);
    gcl_text_add(out,
                 "const uint chunk = (uint)get_global_id(1), chunks = (uint)get_global_size(1);\n"
                 "uint rows = 1;\n");
    for (int a = w->first_reduced; a <= w->last_reduced; a++)
        gcl_text_add(out, "rows *= n%d;\n", a);
    gcl_text_add(out,
                 "const uint row_first = chunk * rows_per, "
                 "row_end = rows - row_first < rows_per ? rows : row_first + rows_per;\n"
                 "const uint first = (uint)get_global_id(0) * cols_per, "
                 "end = n%d - first < cols_per ? n%d : first + cols_per;\n"
                 "ulong inner_size = 1, inner_at = 0;\n",
                 last, last);
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
    define_type(out, width);
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
    split_index(out, "outer", 0, w->first_reduced);
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
                     "end = n%d - first < rows_per ? n%d : first + rows_per;\n",
                     last, last);
    else
        gcl_text_add(out,
                     "const uint row_first = chunk * rows_per, "
                     "row_end = rows - row_first < rows_per ? rows : row_first + rows_per, "
                     "first = 0, end = n%d;\n",
                     last);
    gcl_text_add(out, "for (uint row = row_first; row < row_end; row++) {\n");
    split_index(out, "row", w->first_reduced, last);
    row_pointers(out, wr->u, w);
    gcl_text_add(out, "const ulong line = (");
    horner(out, w, ~0u, last);
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

void gcl_emit_reduce(const gcl_plan *plan, const unit *u, emitted *e)
{
    walk w = walk_of(u);
    reduction r = reduction_of(plan, &w);
    gcl_text out = {0};
    memset(e, 0, sizeof *e);
    head(u, &w, r.rows_per, r.cols_per, &out, e);
    e->chunks = r.chunks;
    e->partial_floats = r.kept_outer * r.kept_inner * r.chunks;
    for (int k = 0; k < u->n_roots; k++) {
        gcl_text_add(&out, ",\n    __global float *ob%d, const ulong oa%d", k, k);
        e->args[e->n_args++] = r.chunks == 1 ? (gcl_arg){GCL_ARG_OUT, k, 0}
                                             : (gcl_arg){GCL_ARG_SCRATCH, 0, k * e->partial_floats};
    }
    gcl_text_add(&out, ")\n{\n");
    writer wr = {.plan = plan, .u = u, .w = &w, .out = &out};
    if (r.inner_kept)
        emit_columns(&wr, &r);
    else
        emit_rows(&wr, &r);
    gcl_text_add(&out, "}\n");
    e->text = out.text;
    e->global[0] = (size_t)(r.inner_kept ? r.col_pieces : r.chunks);
    e->global[1] = (size_t)(r.inner_kept ? r.chunks : r.kept_outer);
    e->global[2] =
        r.inner_kept ? (size_t)(r.kept_outer * (r.kept_inner / w.size[w.n_axes - 1])) : 1;
    if (plan->limits->is_cpu)
        e->local[0] = e->local[1] = e->local[2] = 1;
}

/* ---- epilogues ---- */

static void inline_expression(const gcl_plan *plan, const unit *u, const gcl_node *n, gcl_text *out)
{
    double constant;
    int leaf = gcl_unit_leaf(u, n);
    if (n == u->roots[0]) {
        gcl_text_add(out, "(v)");
    } else if (gcl_node_constant(n, &constant)) {
        number(out, constant);
    } else if (leaf >= 0) {
        gcl_shape s = n->shape;
        if (gcl_shape_count(s) == 1)
            gcl_text_add(out, "(T)(e%d_base[e%d_at])", leaf, leaf);
        else
            gcl_text_add(out, "LOAD(e%d_base + e%d_at + (%s))", leaf, leaf,
                         gcl_shape_count(s) == s.d[3] && s.d[3] == u->space.d[3] ? "k" : "at");
    } else {
        gcl_text operand_text[3] = {{0}};
        const char *operand[3] = {"", "", ""};
        for (int i = 0; i < n->n_in; i++) {
            inline_expression(plan, u, n->in[i], &operand_text[i]);
            operand[i] = operand_text[i].text;
        }
        gcl_text_add(out, "(");
        substitute(out, n->op->text, operand);
        gcl_text_add(out, ")");
        for (int i = 0; i < 3; i++)
            gcl_text_free(&operand_text[i]);
    }
}

void gcl_emit_epilogue(const gcl_plan *plan, const unit *u, gcl_text *out)
{
    gcl_text_add(out, "#define F(n) n##f\n#define EPILOGUE_PARAMS ");
    for (int k = 0; k < u->n_leaves; k++)
        gcl_text_add(out, ", __global const float *e%d_base, const ulong e%d_at", k, k);
    gcl_text_add(out, "\n#define EPILOGUE(v, at, k, T, LOAD) ");
    inline_expression(plan, u, u->tail, out);
    gcl_text_add(out, "\n");
}

/* ---- what every generated program begins with ---- */

static void width_macros(gcl_text *out, int n)
{
    gcl_text_add(out,
                 "#define LOAD%d(p) vload%d(0, p)\n#define TLOAD%d(p) vload%d(0, p)\n"
                 "#define U8_LOAD%d(p) convert_float%d(vload%d(0, p))\n"
                 "#define U32_LOAD%d(p) convert_float%d(vload%d(0, p))\n"
                 "#define STORE%d(v, p) vstore%d(v, 0, p)\n"
                 "#define SUM%d(v) SUM%d((v).lo + (v).hi)\n"
                 "#define MAXIMUM%d(v) MAXIMUM%d(fmax((v).lo, (v).hi))\n",
                 n, n, n, n, n, n, n, n, n, n, n, n, n, n / 2, n, n / 2);
}

void gcl_emit_prelude(gcl_text *out, int random)
{
    gcl_text_add(out, "#pragma OPENCL FP_CONTRACT OFF\n#define F(n) n##f\n"
                      "#define LOAD1(p) (*(p))\n#define TLOAD1(p) (*(p))\n"
                      "#define U8_LOAD1(p) ((float)*(p))\n#define U32_LOAD1(p) ((float)*(p))\n"
                      "#define STORE1(v, p) (*(p) = (v))\n#define SUM1(v) (v)\n"
                      "#define MAXIMUM1(v) (v)\n");
    for (int n = 2; n <= 16; n *= 2)
        width_macros(out, n);
    if (random)
        gcl_text_add(out, "uint2 gcl_draw(__global const uint *key, uint stream, ulong index)\n{\n"
                          "philox4x32_ctr_t c; philox4x32_key_t k;\n"
                          "c.v[0] = (uint)index; c.v[1] = (uint)(index >> 32); c.v[2] = stream;\n"
                          "c.v[3] = key[2]; k.v[0] = key[0]; k.v[1] = key[1];\n"
                          "c = philox4x32_R(10, c, k);\n"
                          "return (uint2)(c.v[0], c.v[1]);\n}\n");
}
