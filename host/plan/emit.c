/* What generated kernels are written with: the walk over a unit's space, expressions, loops' pieces,
 * and what every generated program begins with. */
#include "plan/emit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- collapsing ---- */

walk gcl_walk_of(const unit *u)
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

int64_t gcl_walk_product(const walk *w, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= w->size[a];
    return n;
}

/* ---- expressions ---- */

void gcl_emit_number(gcl_text *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    int plain = strpbrk(text, ".en") == NULL; /* "3" needs a point; inf and nan are names */
    if (strchr(text, 'n') != NULL)
        gcl_text_add(out, "(T)(%s)", value != value ? "NAN" : value > 0 ? "INFINITY" : "-INFINITY");
    else
        gcl_text_add(out, "(T)(%s%sf)", text, plain ? ".0" : "");
}

/* Those that the compiler makes something of. */
static int is_simple(double value)
{
    double size = fabs(value);
    return !isfinite(value) || size == 0 || size == 0.5 || size == 1 || size == 2;
}

/* The parameter that holds `value`, or -1 where there is no room for one more. */
static int constant_of(writer *wr, double value)
{
    emitted *e = wr->e;
    float rounded = (float)value;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    for (int k = 0; k < wr->n_constants; k++)
        if (e->args[wr->first_constant + k].value == (int64_t)bits)
            return k;
    if (e->n_args == GCL_MAX_ARGS)
        return -1;
    if (wr->n_constants == 0)
        wr->first_constant = e->n_args;
    e->args[e->n_args++] = (gcl_arg){GCL_ARG_FLOAT, 0, (int64_t)bits};
    return wr->n_constants++;
}

static void emit_constant(writer *wr, double value)
{
    int k = is_simple(value) ? -1 : constant_of(wr, value);
    if (k < 0)
        gcl_emit_number(wr->out, value);
    else
        gcl_text_add(wr->out, "(T)(c%d)", k);
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
void gcl_emit_substitute(gcl_text *out, const char *text, const char *const operand[3])
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
int gcl_emit_value(writer *wr, const gcl_node *n)
{
    int k = known_value(wr, n);
    if (k >= 0)
        return k;
    double constant;
    if (n->op->kind == GCL_KIND_ASSIGN && gcl_unit_has_root(wr->u, n))
        return gcl_emit_value(wr, n->in[1]);
    int leaf = gcl_unit_leaf(wr->u, n);
    if (gcl_node_constant(n, &constant)) {
        k = new_value(wr, n);
        gcl_text_add(wr->out, "const T v%d = ", k);
        emit_constant(wr, constant);
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
            snprintf(names[i], sizeof names[i], "v%d", gcl_emit_value(wr, n->in[i]));
        const char *const operand[3] = {names[0], names[1], names[2]};
        k = new_value(wr, n);
        gcl_text_add(wr->out, "const T v%d = ", k);
        gcl_emit_substitute(wr->out, n->op->text, operand);
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
void gcl_emit_head(const unit *u, const walk *w, int64_t rows_per, int64_t cols_per, gcl_text *out,
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

char *gcl_emit_whole(writer *wr, gcl_text *head)
{
    for (int k = 0; k < wr->n_constants; k++)
        gcl_text_add(head, ",\n    const float c%d", k);
    gcl_text_add(head, ")\n{\n%s}\n", wr->out->text);
    gcl_text_free(wr->out);
    return head->text;
}

/* Splits the linear index `from` into indices j<a> of axes first..end-1. */
void gcl_emit_split_index(gcl_text *out, const char *from, int first, int end)
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
void gcl_emit_horner(gcl_text *out, const walk *w, unsigned mask, int end)
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

void gcl_emit_row_pointers(gcl_text *out, const unit *u, const walk *w)
{
    for (int k = 0; k < u->n_leaves; k++) {
        gcl_text_add(out, "__global const %s *l%d = b%d + a%d + ", leaf_type(u->leaves[k]), k, k,
                     k);
        gcl_emit_horner(out, w, w->has[k], w->n_axes - 1);
        gcl_text_add(out, ";\n");
    }
}

int gcl_emit_width(const gcl_plan *plan, int64_t inner)
{
    int width = (int)plan->limits->float_width;
    width = width > 16 ? 16 : width < 1 ? 1 : width;
    while (width > 1 && (width > inner || (width & (width - 1)) != 0))
        width /= 2;
    return width == 3 ? 2 : width;
}

void gcl_emit_type(gcl_text *out, int width)
{
    if (width == 1)
        gcl_text_add(out, "#define T float\n");
    else
        gcl_text_add(out, "#define T float%d\n", width);
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
