/* The launches of a plan: text of the generated kernels, programs, bound arguments. */
#include <stdlib.h>
#include <string.h>

#include "base/live.h"
#include "base/log.h"
#include "plan/internal.h"

/* ---- arguments ---- */

gcl_place gcl_plan_place_of(const gcl_plan *plan, const gcl_node *node)
{
    uint64_t at = 0;
    storage *s = gcl_plan_locate(plan, node, &at);
    if (s == NULL)
        return (gcl_place){NULL, 0};
    gcl_buffer *buffer = s->kind == STORAGE_UPLOAD ? plan->upload : s->buffer;
    return (gcl_place){buffer, at / gcl_dtype_bytes(node->dtype)};
}

int gcl_unit_generated(const unit *u)
{
    return u->kind == UNIT_POINTWISE || u->kind == UNIT_REDUCE || u->kind == UNIT_COPY;
}

double gcl_unit_bytes(const unit *u)
{
    double bytes = 0;
    for (int i = 0; i < u->n_leaves; i++)
        bytes += (double)gcl_shape_count(u->leaves[i]->shape) *
                 (double)gcl_dtype_bytes(u->leaves[i]->dtype);
    for (int i = 0; i < u->n_roots; i++)
        bytes +=
            4.0 * (double)gcl_shape_count(u->kind == UNIT_COPY ? u->space : u->roots[i]->shape);
    return bytes;
}

typedef struct place_of {
    const gcl_plan *plan;
    const unit *u;
} place_of;

static gcl_place scratch_place(const unit *u)
{
    return (gcl_place){u->scratch->buffer, u->scratch->at / sizeof(float)};
}

static gcl_place locate_kernel(void *context, const gcl_arg *arg)
{
    const place_of *p = context;
    const gcl_node *node = p->u->roots[0];
    if (arg->kind == GCL_ARG_IN)
        return gcl_plan_place_of(p->plan, node->in[arg->index]);
    if (arg->kind == GCL_ARG_OUT)
        return gcl_plan_place_of(p->plan, p->u->tail ? p->u->tail : node);
    return scratch_place(p->u);
}

/* Arguments of generated kernels: IN is a leaf, OUT a root. */
static gcl_place locate_generated(void *context, const gcl_arg *arg)
{
    const place_of *p = context;
    const unit *u = p->u;
    if (arg->kind == GCL_ARG_IN)
        return gcl_plan_place_of(p->plan, u->leaves[arg->index]);
    if (arg->kind == GCL_ARG_SCRATCH)
        return scratch_place(u);
    gcl_place place = gcl_plan_place_of(p->plan, u->roots[arg->index]);
    if (u->kind == UNIT_COPY)
        for (int i = 0; i < u->copy_part; i++)
            place.at += (uint64_t)gcl_shape_count(u->roots[0]->in[i]->shape);
    return place;
}

static int add_launch(gcl_plan *plan, unit *u, gcl_bound *bound, const char *variant)
{
    if (bound == NULL)
        return -1;
    GCL_GROW(plan->launch_labels, plan->n_launches, plan->cap_labels);
    GCL_GROW(plan->launch_variants, plan->n_launches, plan->cap_variants);
    GCL_GROW(plan->launches, plan->n_launches, plan->cap_launches);
    plan->launch_labels[plan->n_launches] = gcl_arena_printf(plan->memory, "%s", u->label);
    plan->launch_variants[plan->n_launches] = variant;
    plan->launches[plan->n_launches++] = bound;
    u->n_launches++;
    return 0;
}

static int bind_kernel(gcl_plan *plan, unit *u, gcl_error *err)
{
    place_of context = {.plan = plan, .u = u};
    gcl_place extra[MAX_LEAVES];
    gcl_binding b = {
        .dev = plan->dev, .locate = locate_kernel, .context = &context, .label = u->label};
    gcl_text epilogue = {0};
    int status = 0;
    if (u->recipe.clblast.use)
        return add_launch(plan, u, gcl_bound_new_clblast(&b, &u->recipe), u->variant->name);
    if (u->tail != NULL) {
        gcl_emit_epilogue(plan, u, &epilogue);
        for (int i = 0; i < u->n_leaves; i++)
            extra[i] = gcl_plan_place_of(plan, u->leaves[i]);
    }
    for (int i = 0; i < u->recipe.n_launches && status == 0; i++) {
        int here = u->tail != NULL && i == u->recipe.epilogue_launch;
        b.before = here ? epilogue.text : NULL;
        b.extra = here ? extra : NULL;
        b.n_extra = here ? u->n_leaves : 0;
        status =
            add_launch(plan, u, gcl_bound_new(&b, &u->recipe.launch[i], err), u->variant->name);
    }
    gcl_text_free(&epilogue);
    return status;
}

static int bind_generated(gcl_plan *plan, unit *u, const emitted *e, gcl_program *program,
                          const char *name, gcl_error *err)
{
    place_of context = {.plan = plan, .u = u};
    gcl_binding b = {.dev = plan->dev,
                     .locate = locate_generated,
                     .context = &context,
                     .program = program,
                     .label = u->label};
    gcl_launch launch = {
        .file = "generated", .kernel = name, .n_args = e->n_args, .bytes = gcl_unit_bytes(u)};
    memcpy(launch.args, e->args, sizeof launch.args);
    memcpy(launch.global, e->global, sizeof launch.global);
    memcpy(launch.local, e->local, sizeof launch.local);
    const char *what = u->kind == UNIT_REDUCE ? "reduce"
                       : u->kind == UNIT_COPY ? "copy"
                                              : "pointwise";
    if (add_launch(plan, u, gcl_bound_new(&b, &launch, err), what) != 0)
        return -1;
    for (int r = 0; r < u->n_roots && e->chunks > 1; r++) {
        int64_t n = gcl_shape_count(u->roots[r]->shape), inner = 1;
        for (int i = 3; i >= 0 && !(u->axes >> i & 1); i--)
            inner *= u->space.d[i];
        gcl_launch second = {.file = "reduce",
                             .kernel = "reduce_partials",
                             .n_args = 5,
                             .bytes = 4.0 * (double)(n * (e->chunks + 1))};
        second.args[0] = (gcl_arg){GCL_ARG_OUT, r, 0};
        second.args[1] = (gcl_arg){GCL_ARG_SCRATCH, 0, r * e->partial_floats};
        second.args[2] = (gcl_arg){GCL_ARG_INT, 0, e->chunks};
        second.args[3] = (gcl_arg){GCL_ARG_INT, 0, inner};
        second.args[4] =
            (gcl_arg){GCL_ARG_INT, 0, ((const gcl_reduce_attr *)u->roots[r]->attr)->maximum};
        second.global[0] = (size_t)n;
        second.global[1] = second.global[2] = 1;
        b.program = NULL;
        if (add_launch(plan, u, gcl_bound_new(&b, &second, err), "reduce") != 0)
            return -1;
    }
    return 0;
}

/* ---- generated programs ---- */

static void dump(const gcl_plan *plan, const char *source)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/generated.cl", plan->options.dump);
    FILE *file = fopen(path.text, "w");
    if (file == NULL || fputs(source, file) < 0)
        gcl_warn("cannot write %s", path.text);
    if (file != NULL)
        fclose(file);
    gcl_text_free(&path);
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* Numbers the kernels by their text, equal ones alike; owner[k] is the first unit with number k.
 * Returns how many there are. */
static int number_kernels(const gcl_plan *plan, const emitted *e, int *number, int *owner)
{
    int n = 0, size = 64;
    while (size < 2 * plan->n_units)
        size *= 2;
    int *table = gcl_alloc((size_t)size * sizeof *table); /* number + 1, open addressing */
    for (int k = 0; k < plan->n_units; k++) {
        if (e[k].text == NULL)
            continue;
        int i = (int)(hash_of(e[k].text) & (uint64_t)(size - 1));
        while (table[i] != 0 && strcmp(e[owner[table[i] - 1]].text, e[k].text) != 0)
            i = (i + 1) & (size - 1);
        if (table[i] == 0) {
            owner[n++] = k;
            table[i] = n;
        }
        number[k] = table[i] - 1;
    }
    free(table);
    return n;
}

/* All generated kernels of the plan in one program, kernel number k named g<k>. */
static gcl_program *generated_program(gcl_plan *plan, const emitted *e, const int *owner,
                                      gcl_error *err)
{
    gcl_text all = {0};
    int random = 0;
    gcl_program *program = NULL;
    for (int k = 0; k < plan->n_kernels; k++)
        random = random || strstr(e[owner[k]].text, "gcl_") != NULL;
    const char *philox = random ? gcl_kernel_source("philox", err) : "";
    if (philox == NULL)
        return NULL;
    if (random)
        gcl_text_add(&all, "%s\n", philox);
    gcl_emit_prelude(&all, random);
    for (int k = 0; k < plan->n_kernels; k++)
        gcl_text_add(&all, "#define NAME g%d\n%s#undef NAME\n", k, e[owner[k]].text);
    if (plan->options.dump != NULL)
        dump(plan, all.text);
    program = gcl_program_want(plan->dev, "generated", all.text, "-cl-std=CL1.2 ");
    gcl_text_free(&all);
    return program;
}

/* Writes the text of unit k's kernel into e[k], if it has a generated one. */
static void emit(const gcl_plan *plan, emitted *e)
{
    for (int k = 0; k < plan->n_units; k++) {
        const unit *u = &plan->units[k];
        if (u->kind == UNIT_REDUCE)
            gcl_emit_reduce(plan, u, &e[k]);
        else if (gcl_unit_generated(u))
            gcl_emit_pointwise(plan, u, &e[k]);
    }
}

static int bind_units(gcl_plan *plan, const emitted *e, const int *number, gcl_program *program,
                      gcl_error *err)
{
    int status = 0;
    for (int k = 0; k < plan->n_units && status == 0; k++) {
        unit *u = &plan->units[k];
        u->first_launch = plan->n_launches;
        if (u->kind == UNIT_KERNEL)
            status = bind_kernel(plan, u, err);
        else if (gcl_unit_generated(u)) {
            char name[16];
            snprintf(name, sizeof name, "g%d", number[k]);
            status = bind_generated(plan, u, &e[k], program, name, err);
        }
    }
    return status;
}

/* Builds all programs and kernels, with help from other processes where much is new. */
static int make_ready(gcl_plan *plan, gcl_error *err)
{
    gcl_ahead *ahead = gcl_ahead_new(plan->dev);
    gcl_activity activity;
    int status = 0;
    for (int i = 0; i < plan->n_launches && ahead != NULL; i++)
        gcl_bound_ahead(plan->launches[i], ahead);
    gcl_ahead_go(ahead);
    gcl_activity_begin(&activity, "building kernels", plan->n_launches);
    for (int i = 0; i < plan->n_launches && status == 0; i++) {
        gcl_activity_update(&activity, i);
        status = gcl_bound_ready(plan->launches[i], err);
    }
    gcl_activity_end(&activity);
    return status;
}

int gcl_plan_bind(gcl_plan *plan, gcl_error *err)
{
    size_t n = (size_t)plan->n_units + 1;
    emitted *e = gcl_alloc(n * sizeof *e);
    int *number = gcl_alloc(n * sizeof *number), *owner = gcl_alloc(n * sizeof *owner);
    emit(plan, e);
    plan->n_kernels = number_kernels(plan, e, number, owner);
    gcl_program *program = plan->n_kernels ? generated_program(plan, e, owner, err) : NULL;
    int status =
        program == NULL && plan->n_kernels ? -1 : bind_units(plan, e, number, program, err);
    if (status == 0 && !plan->options.estimate_only)
        status = make_ready(plan, err);
    for (int k = 0; k < plan->n_units; k++)
        free(e[k].text);
    free(e);
    free(number);
    free(owner);
    return status;
}
