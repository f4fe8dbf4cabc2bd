/* Text of fused pointwise kernels, and of pointwise tails of other kernels. */
#include <stdlib.h>
#include <string.h>

#include "plan/emit.h"

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
    gcl_emit_type(out, wr->width);
    int stored[MAX_ROOTS];
    for (int r = 0; r < u->n_roots; r++)
        stored[r] = gcl_emit_value(wr, u->kind == UNIT_COPY ? u->leaves[0] : u->roots[r]);
    for (int r = 0; r < u->n_roots; r++)
        gcl_text_add(out, "STORE%d(v%d, o%d + i);\n", wr->width, stored[r], r);
    gcl_text_add(out, "#undef T\n");
}

void gcl_emit_pointwise(const gcl_plan *plan, const unit *u, emitted *e)
{
    walk w = gcl_walk_of(u);
    int last = w.n_axes - 1;
    int64_t rows = gcl_walk_product(&w, 0, last), inner = w.size[last], rows_per, cols_per;
    int width = gcl_emit_width(plan, inner);
    gcl_text head = {0}, out = {0};
    memset(e, 0, sizeof *e);
    pieces(plan, rows, inner, width, &rows_per, &cols_per);
    gcl_emit_head(u, &w, rows_per, cols_per, &head, e);
    for (int r = 0; r < u->n_roots; r++) {
        gcl_text_add(&head, ",\n    __global float *ob%d, const ulong oa%d", r, r);
        e->args[e->n_args++] = (gcl_arg){GCL_ARG_OUT, r, 0};
    }
    gcl_text_add(&out, "ulong rows = 1;\n");
    for (int a = 0; a < last; a++)
        gcl_text_add(&out, "rows *= n%d;\n", a);
    gcl_text_add(&out,
                 "const uint first = (uint)get_global_id(0) * cols_per;\n"
                 "const uint end = min(first + cols_per, n%d);\n"
                 "const ulong row_first = get_global_id(1) * (ulong)rows_per;\n"
                 "const ulong row_end = min(row_first + rows_per, rows);\n"
                 "for (ulong row = row_first; row < row_end; row++) {\n",
                 last);
    gcl_emit_split_index(&out, "row", 0, last);
    gcl_emit_row_pointers(&out, u, &w);
    for (int r = 0; r < u->n_roots; r++)
        gcl_text_add(&out, "__global float *o%d = ob%d + oa%d + row * n%d;\n", r, r, r, last);
    char linear[60];
    snprintf(linear, sizeof linear, "(row * n%d + i)", last);
    writer wr = {.plan = plan, .u = u, .w = &w, .out = &out, .e = e};
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
    gcl_text_add(&out, "}\n");
    e->text = gcl_emit_whole(&wr, &head);
    e->chunks = 1;
    e->global[0] = (size_t)ceil_div(inner, cols_per);
    e->global[1] = (size_t)ceil_div(rows, rows_per);
    e->global[2] = 1;
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
        gcl_emit_number(out, constant);
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
        gcl_emit_substitute(out, n->op->text, operand);
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
