/* Views, boxes, joining and spreading. */
#include "export/lower.h"
#include "ops/ops.h"

/* Where a dimension of ours, n h w c, stands in ONNX. */
static const int axis_of[4] = {0, 2, 3, 1};

static int is_pixel(gcl_shape s) { return s.d[1] == 1 && s.d[2] == 1; }

/* ---- slices --------------------------------------------------------------------------------------- */

/* Slice along ONNX's axes from `from` below `to`, every `step`: n of them. */
typedef struct cut {
    int n;
    int64_t axis[4], from[4], to[4], step[4];
} cut;

static const char *emit_cut(gcl_lowering *e, const gcl_node *node, const char *x, const cut *c,
                            gcl_shape shape, gcl_form form)
{
    const char *in[5] = {
        x, gcl_onnx_whole(e->onnx, c->from, c->n), gcl_onnx_whole(e->onnx, c->to, c->n),
        gcl_onnx_whole(e->onnx, c->axis, c->n), gcl_onnx_whole(e->onnx, c->step, c->n)};
    return gcl_lower(e, node, "Slice", in, 5, shape, form);
}

void gcl_lower_slice(gcl_lowering *e, const gcl_node *node)
{
    const gcl_box_attr *a = node->attr;
    gcl_shape small = node->shape, large = node->in[0]->shape;
    gcl_form form = is_pixel(large) ? gcl_lowered_form(e, node->in[0]) : GCL_IMAGE;
    cut c = {0};
    for (int d = 0; d < 4; d++) {
        if (small.d[d] == large.d[d])
            continue;
        c.axis[c.n] = axis_of[d];
        c.from[c.n] = a->begin[d];
        c.to[c.n] = a->begin[d] + (int64_t)(small.d[d] - 1) * a->step[d] + 1;
        c.step[c.n++] = a->step[d];
    }
    const char *x = gcl_lowered_in(e, node->in[0], form);
    gcl_lowered_set(e, node, emit_cut(e, node, x, &c, small, form), form);
}

/* ---- views ---------------------------------------------------------------------------------------- */

/* Rows first .. of a picture: what a view of whole rows is. 0 if it is none. */
static int emit_picture_rows(gcl_lowering *e, const gcl_node *node, int64_t first)
{
    gcl_shape whole = node->in[0]->shape, part = node->shape;
    int64_t row = (int64_t)whole.d[2] * whole.d[3];
    if (part.d[2] != whole.d[2] || part.d[3] != whole.d[3] || first % row != 0)
        return 0;
    const cut c = {1, {2}, {first / row}, {first / row + part.d[1]}, {1}};
    const char *x = gcl_lowered_in(e, node->in[0], GCL_IMAGE);
    gcl_lowered_set(e, node, emit_cut(e, node, x, &c, part, GCL_IMAGE), GCL_IMAGE);
    return 1;
}

/* The picture as rows in our order, H,W,C. */
static const char *ordered_rows(gcl_lowering *e, const gcl_node *x)
{
    static const int64_t order[4] = {0, 2, 3, 1};
    gcl_shape s = x->shape, turned = gcl_shape_of(1, s.d[2], s.d[3], s.d[1]);
    if (is_pixel(s))
        return gcl_lowered_in(e, x, GCL_ROWS);
    const char *image = gcl_lowered_in(e, x, GCL_IMAGE);
    const char *name = gcl_lower(e, x, "Transpose", &image, 1, turned, GCL_IMAGE);
    gcl_onnx_ints(e->onnx, "perm", order, 4);
    const char *rows = gcl_lower(e, x, "Flatten", &name, 1, turned, GCL_ROWS);
    gcl_onnx_int(e->onnx, "axis", 1);
    return rows;
}

/* Rows in our order as the image of `node`. */
static void set_from_rows(gcl_lowering *e, const gcl_node *node, const char *rows)
{
    static const int64_t order[4] = {0, 3, 1, 2};
    gcl_shape s = node->shape, turned = gcl_shape_of(1, s.d[2], s.d[3], s.d[1]);
    const int64_t dims[4] = {0, s.d[1], s.d[2], s.d[3]};
    if (is_pixel(s)) {
        gcl_lowered_set(e, node, rows, GCL_ROWS);
        return;
    }
    const char *in[2] = {rows, gcl_onnx_whole(e->onnx, dims, 4)};
    const char *name = gcl_lower(e, node, "Reshape", in, 2, turned, GCL_IMAGE);
    const char *image = gcl_lower(e, node, "Transpose", &name, 1, s, GCL_IMAGE);
    gcl_onnx_ints(e->onnx, "perm", order, 4);
    gcl_lowered_set(e, node, image, GCL_IMAGE);
}

/* Any stretch of the storage as any shape. */
static void emit_stretch(gcl_lowering *e, const gcl_node *node, int64_t first)
{
    int64_t n = gcl_shape_count(node->shape);
    const char *rows = ordered_rows(e, node->in[0]);
    const cut c = {1, {1}, {first}, {first + n}, {1}};
    if (n != gcl_shape_count(node->in[0]->shape))
        rows = emit_cut(e, node, rows, &c, gcl_shape_of(1, 1, 1, (int)n), GCL_ROWS);
    set_from_rows(e, node, rows);
}

void gcl_lower_view(gcl_lowering *e, const gcl_node *node)
{
    const gcl_node *x = node->in[0];
    const gcl_lowered *result = gcl_lowered_of(e, x);
    int64_t first = ((const gcl_view_attr *)node->attr)->first, n = gcl_shape_count(node->shape);
    int whole = n == gcl_shape_count(x->shape);
    int flattens = n == node->shape.d[3], restores = gcl_shape_equal(node->shape, result->as);
    if (whole && (flattens || restores)) { /* the same bytes, in PyTorch's order too */
        for (int form = 0; form < 2; form++)
            gcl_lowered_set_as(e, node, result->name[form], (gcl_form)form, result->as);
        return;
    }
    if (!emit_picture_rows(e, node, first))
        emit_stretch(e, node, first);
}

/* ---- boxes, joining, spreading ---------------------------------------------------------------------- */

void gcl_lower_pad(gcl_lowering *e, const gcl_node *node)
{
    const gcl_box_attr *a = node->attr;
    gcl_shape small = node->in[0]->shape, large = node->shape;
    int64_t pads[8] = {0};
    for (int d = 0; d < 4; d++) {
        if (a->step[d] != 1) {
            gcl_lower_fail(e, node, "puts zeros between elements");
            return;
        }
        pads[axis_of[d]] = a->begin[d];
        pads[4 + axis_of[d]] = large.d[d] - a->begin[d] - small.d[d];
    }
    const char *in[2] = {gcl_lowered_in(e, node->in[0], GCL_IMAGE),
                         gcl_onnx_whole(e->onnx, pads, 8)};
    gcl_lowered_set(e, node, gcl_lower(e, node, "Pad", in, 2, large, GCL_IMAGE), GCL_IMAGE);
}

/* A constant once for each picture of `like`: Concat does not spread its operands. */
static const char *for_each_picture(gcl_lowering *e, const gcl_node *node, const gcl_node *constant,
                                    const gcl_node *like)
{
    gcl_shape s = constant->shape;
    const char *x = gcl_lowered_in(e, like, GCL_IMAGE);
    const char *count = gcl_arena_printf(e->arena, "%s/count", x);
    const char *dims = gcl_arena_printf(e->arena, "%s/dims", x);
    const int64_t rest[3] = {s.d[3], s.d[1], s.d[2]};
    if (!gcl_onnx_has(e->onnx, dims)) {
        const char *parts[2] = {count, gcl_onnx_whole(e->onnx, rest, 3)};
        gcl_onnx_node(e->onnx, "Shape", count, &x, 1, count);
        gcl_onnx_int(e->onnx, "start", 0);
        gcl_onnx_int(e->onnx, "end", 1);
        gcl_onnx_node(e->onnx, "Concat", dims, parts, 2, dims);
        gcl_onnx_int(e->onnx, "axis", 0);
    }
    const char *in[2] = {gcl_lower_constant(e, constant, GCL_CONSTANT_IMAGE), dims};
    return gcl_lower(e, node, "Expand", in, 2, s, GCL_IMAGE);
}

void gcl_lower_concat(gcl_lowering *e, const gcl_node *node)
{
    enum { MOST = 8 };
    const char *in[MOST];
    const gcl_node *varying = NULL;
    gcl_form form = is_pixel(node->shape) ? GCL_ROWS : GCL_IMAGE;
    for (int i = 0; i < node->n_in; i++) {
        if (gcl_lower_is_constant(e, node->in[i]))
            form = GCL_IMAGE;
        else
            varying = node->in[i];
    }
    if (node->n_in > MOST) {
        gcl_lower_fail(e, node, "has too many parts");
        return;
    }
    for (int i = 0; i < node->n_in; i++)
        in[i] = gcl_lower_is_constant(e, node->in[i])
                    ? for_each_picture(e, node, node->in[i], varying)
                    : gcl_lowered_in(e, node->in[i], form);
    const char *name = gcl_lower(e, node, "Concat", in, node->n_in, node->shape, form);
    gcl_onnx_int(e->onnx, "axis", 1);
    gcl_lowered_set(e, node, name, form);
}

void gcl_lower_broadcast(gcl_lowering *e, const gcl_node *node)
{
    gcl_shape s = node->shape;
    const int64_t dims[4] = {1, s.d[3], s.d[1], s.d[2]}; /* 1: as many as there are */
    const char *in[2] = {gcl_lowered_in(e, node->in[0], GCL_IMAGE),
                         gcl_onnx_whole(e->onnx, dims, 4)};
    gcl_lowered_set(e, node, gcl_lower(e, node, "Expand", in, 2, s, GCL_IMAGE), GCL_IMAGE);
}
