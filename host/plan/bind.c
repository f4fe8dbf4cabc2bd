/* Binding of launches: program, kernel object, arguments; and the call of CLBlast. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <clblast_c.h>

#include "base/memory.h"
#include "plan/bind.h"

struct gcl_bound {
    gcl_program *program; /* NULL: the library call */
    char *entry;
    gcl_kernel *kernel; /* NULL: not ready */
    gcl_kernel_arg *args;
    int n_args;
    gcl_launch_shape shape;
    double flops, bytes;
    const char *label;
    gcl_device *dev;
    gcl_place a, b, c;
    int m, n, k, transpose_a, transpose_b;
};

/* ---- a kernel ------------------------------------------------------------------------------- */

static gcl_program *find_program(const gcl_binding *binding, const gcl_launch *launch,
                                 gcl_error *err)
{
    if (binding->program != NULL)
        return binding->program;
    const char *body = gcl_kernel_source(launch->file, err);
    if (body == NULL)
        return NULL;
    char options[sizeof launch->defines + 32];
    snprintf(options, sizeof options, "-cl-std=CL1.2 %s", launch->defines);
    if (binding->before == NULL)
        return gcl_program_want(binding->dev, launch->file, body, options);
    gcl_text whole = {0};
    gcl_text_add_bytes(&whole, binding->before, strlen(binding->before));
    gcl_text_add_bytes(&whole, "\n", 1);
    gcl_text_add_bytes(&whole, body, strlen(body));
    gcl_program *program = gcl_program_want(binding->dev, launch->file, whole.text, options);
    gcl_text_free(&whole);
    return program;
}

static void add_value(gcl_bound *bound, gcl_kernel_arg_kind kind, uint64_t value)
{
    bound->args[bound->n_args++] = (gcl_kernel_arg){.kind = kind, .value = value};
}

/* A tensor is two arguments: buffer and first element. */
static void add_tensor(gcl_bound *bound, gcl_place place)
{
    bound->args[bound->n_args++] =
        (gcl_kernel_arg){.kind = GCL_KERNEL_BUFFER, .buffer = place.buffer};
    add_value(bound, GCL_KERNEL_ULONG, place.at);
}

static void add_argument(gcl_bound *bound, const gcl_binding *binding, const gcl_arg *arg)
{
    if (arg->kind == GCL_ARG_INT || arg->kind == GCL_ARG_FLOAT) /* four bytes */
        add_value(bound, GCL_KERNEL_INT, (uint32_t)(int32_t)arg->value);
    else if (arg->kind == GCL_ARG_LOCAL)
        add_value(bound, GCL_KERNEL_LOCAL, (uint64_t)arg->value * sizeof(float));
    else {
        gcl_place place = binding->locate(binding->context, arg);
        if (arg->kind == GCL_ARG_SCRATCH)
            place.at += (uint64_t)arg->value;
        add_tensor(bound, place);
    }
}

gcl_bound *gcl_bound_new(const gcl_binding *binding, const gcl_launch *launch, gcl_error *err)
{
    gcl_program *program = find_program(binding, launch, err);
    if (program == NULL)
        return NULL;
    gcl_bound *bound = gcl_alloc(sizeof *bound);
    size_t most = 2 * (size_t)(launch->n_args + binding->n_extra);
    *bound = (gcl_bound){.program = program,
                         .entry = gcl_strdup(launch->kernel),
                         .args = gcl_alloc((most + 1) * sizeof *bound->args),
                         .shape.first = launch->first,
                         .flops = launch->flops,
                         .bytes = launch->bytes,
                         .label = binding->label ? binding->label : launch->kernel,
                         .dev = binding->dev};
    memcpy(bound->shape.global, launch->global, sizeof launch->global);
    memcpy(bound->shape.local, launch->local, sizeof launch->local);
    for (int i = 0; i < launch->n_args; i++)
        add_argument(bound, binding, &launch->args[i]);
    for (int i = 0; i < binding->n_extra; i++)
        add_tensor(bound, binding->extra[i]);
    return bound;
}

int gcl_bound_ready(gcl_bound *bound, gcl_error *err)
{
    if (bound->program == NULL || bound->kernel != NULL)
        return 0;
    gcl_kernel *kernel = gcl_kernel_new(bound->program, bound->entry, err);
    int status = kernel != NULL ? 0 : -1;
    for (int i = 0; i < bound->n_args && status == 0; i++)
        status = gcl_kernel_set(kernel, i, &bound->args[i], err);
    if (status != 0) {
        gcl_kernel_free(kernel);
        return -1;
    }
    gcl_kernel_set_first(kernel, bound->shape.first);
    bound->kernel = kernel;
    return 0;
}

void gcl_bound_ahead(const gcl_bound *bound, gcl_ahead *ahead)
{
    if (bound->program != NULL)
        gcl_ahead_add(ahead, bound->program, bound->entry, bound->args, bound->n_args,
                      &bound->shape);
}

/* ---- the library ---------------------------------------------------------------------------- */

gcl_bound *gcl_bound_new_clblast(const gcl_binding *binding, const gcl_recipe *recipe)
{
    gcl_bound *bound = gcl_alloc(sizeof *bound);
    bound->dev = binding->dev;
    bound->label = binding->label ? binding->label : "clblast";
    bound->m = recipe->clblast.m;
    bound->n = recipe->clblast.n;
    bound->k = recipe->clblast.k;
    bound->transpose_a = recipe->clblast.transpose_a;
    bound->transpose_b = recipe->clblast.transpose_b;
    bound->a = binding->locate(binding->context, &(gcl_arg){GCL_ARG_IN, 0, 0});
    bound->b = binding->locate(binding->context, &(gcl_arg){GCL_ARG_IN, 1, 0});
    bound->c = binding->locate(binding->context, &(gcl_arg){GCL_ARG_OUT, 0, 0});
    double m = bound->m, n = bound->n, k = bound->k;
    bound->flops = 2 * m * n * k;
    bound->bytes = 4 * (m * k + k * n + m * n);
    return bound;
}

static int call_clblast(const gcl_bound *b, gcl_error *err)
{
    cl_command_queue queue = gcl_device_cl_queue(b->dev);
    CLBlastStatusCode status = CLBlastSgemm(
        CLBlastLayoutRowMajor, b->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo,
        b->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo, (size_t)b->m, (size_t)b->n,
        (size_t)b->k, 1.0f, gcl_buffer_cl_mem(b->a.buffer), b->a.at,
        (size_t)(b->transpose_a ? b->m : b->k), gcl_buffer_cl_mem(b->b.buffer), b->b.at,
        (size_t)(b->transpose_b ? b->k : b->n), 0.0f, gcl_buffer_cl_mem(b->c.buffer), b->c.at,
        (size_t)b->n, &queue, NULL);
    return status == CLBlastSuccess
               ? 0
               : gcl_fail(err, GCL_DEVICE,
                          "%s: CLBlast cannot multiply %dx%d by %dx%d here (its code %d); choose "
                          "another variant",
                          b->label, b->m, b->k, b->k, b->n, (int)status);
}

/* ---- both ----------------------------------------------------------------------------------- */

int gcl_bound_enqueue(const gcl_bound *bound, gcl_error *err)
{
    if (bound->program == NULL)
        return call_clblast(bound, err);
    return gcl_kernel_launch(bound->kernel, bound->shape.global, bound->shape.local, err);
}

void gcl_bound_free(gcl_bound *bound)
{
    if (bound == NULL)
        return;
    gcl_kernel_free(bound->kernel);
    free(bound->entry);
    free(bound->args);
    free(bound);
}

const gcl_program *gcl_bound_program(const gcl_bound *bound) { return bound->program; }


const char *gcl_bound_entry(const gcl_bound *bound) { return bound->entry; }

const size_t *gcl_bound_local(const gcl_bound *bound) { return bound->shape.local; }

double gcl_bound_flops(const gcl_bound *bound) { return bound->flops; }

double gcl_bound_bytes(const gcl_bound *bound) { return bound->bytes; }

int gcl_bound_profiled(const gcl_bound *bound) { return bound->program != NULL; }
