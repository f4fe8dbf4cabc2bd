/* Emission of generated kernels: what pointwise kernels and reductions share.
 *
 * A unit's space [N,H,W,C] is collapsed to few axes: neighbours merge when every operand has both or
 * lacks both. An operand's element is found by Horner's rule over the axes that it has, so sizes are
 * kernel arguments, as are constants, and the text depends only on the expression and on which operand
 * has which axis: equal patterns share one kernel. On CPUs a work-item walks a large piece with
 * explicit vectors; on GPUs it makes one vector. */
#ifndef GCL_PLAN_EMIT_H
#define GCL_PLAN_EMIT_H

#include "plan/internal.h"

enum { MAX_VALUES = 400 };

typedef struct walk {
    int n_axes;
    int64_t size[4];
    int reduced[4];
    unsigned has[MAX_LEAVES];        /* bit a: the leaf has axis a */
    int first_reduced, last_reduced; /* of a reduction: its run of axes */
} walk;

/* The text being written of a unit's kernel. */
typedef struct writer {
    const gcl_plan *plan;
    const unit *u;
    const walk *w;
    gcl_text *out;
    emitted *e;                        /* gets the constants as arguments */
    int n_constants;                   /* number k is parameter c<k> */
    int first_constant;                /* its place among e's arguments */
    int width;                         /* floats of T */
    const gcl_node *nodes[MAX_VALUES]; /* value k is named v<k> */
    int n_values;
    const char *inner;  /* text of the index along the last axis */
    const char *linear; /* text of the element's index in the whole space */
} writer;

walk gcl_walk_of(const unit *u);
int64_t gcl_walk_product(const walk *w, int from, int to); /* of the sizes of axes from .. to-1 */
/* Floats of a vector along an axis of `inner` elements. */
int gcl_emit_width(const gcl_plan *plan, int64_t inner);

/* Writes the statements that compute n, unless they are there; returns the value's number. */
int gcl_emit_value(writer *wr, const gcl_node *n);
void gcl_emit_number(gcl_text *out, double value);
/* An op's text with x, y, z replaced by operand names. */
void gcl_emit_substitute(gcl_text *out, const char *text, const char *const operand[3]);

/* The kernel's head up to the leaves, and the gcl_args likewise: axis sizes, two piece sizes. */
void gcl_emit_head(const unit *u, const walk *w, int64_t rows_per, int64_t cols_per, gcl_text *out,
                   emitted *e);
/* Puts the whole kernel together: `head`, parameters for the constants that wr's text took, that text.
 * Frees both. */
char *gcl_emit_whole(writer *wr, gcl_text *head);
void gcl_emit_type(gcl_text *out, int width); /* #define T */
/* Splits the linear index `from` into indices j<a> of axes first..end-1. */
void gcl_emit_split_index(gcl_text *out, const char *from, int first, int end);
/* Horner over the axes of `mask` before `end`; then times the last axis if that is in the mask. */
void gcl_emit_horner(gcl_text *out, const walk *w, unsigned mask, int end);
/* Pointers l<k> to the leaves' rows. */
void gcl_emit_row_pointers(gcl_text *out, const unit *u, const walk *w);

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
