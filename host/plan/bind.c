/* Binding of launches: program, kernel object, arguments; and the call of CLBlast. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <clblast_c.h>

#include "base/memory.h"
#include "plan/bind.h"

struct gcl_bound {
    gcl_kernel *kernel; /* NULL: the library call */
    const gcl_program *program;
    size_t global[3], local[3];
    double flops, bytes;
    const char *label;
    gcl_device *dev;
    gcl_place a, b, c;
    int m, n, k, transpose_a, transpose_b;
};

/* ---- a kernel ------------------------------------------------------------------------------- */

static gcl_program *build(const gcl_binding *binding, const gcl_launch *launch, gcl_error *err)
{
    if (binding->program != NULL)
        return binding->program;
    const char *body = gcl_kernel_source(launch->file, err);
    if (body == NULL)
        return NULL;
    char options[sizeof launch->defines + 32];
    snprintf(options, sizeof options, "-cl-std=CL1.2 %s", launch->defines);
    if (binding->before == NULL)
        return gcl_program_get(binding->dev, launch->file, body, options, err);
    gcl_text whole = {0};
    gcl_text_add_bytes(&whole, binding->before, strlen(binding->before));
    gcl_text_add_bytes(&whole, "\n", 1);
    gcl_text_add_bytes(&whole, body, strlen(body));
    gcl_program *program = gcl_program_get(binding->dev, launch->file, whole.text, options, err);
    gcl_text_free(&whole);
    return program;
}

static int set_tensor(gcl_kernel *kernel, int *index, gcl_place place, gcl_error *err)
{
    if (gcl_kernel_set_buffer(kernel, (*index)++, place.buffer, err) != 0)
        return -1;
    return gcl_kernel_set_ulong(kernel, (*index)++, place.at, err);
}

static int set_argument(const gcl_binding *binding, gcl_kernel *kernel, const gcl_arg *arg,
                        int *index, gcl_error *err)
{
    if (arg->kind == GCL_ARG_INT)
        return gcl_kernel_set_int(kernel, (*index)++, (int32_t)arg->value, err);
    if (arg->kind == GCL_ARG_LOCAL)
        return gcl_kernel_set_local(kernel, (*index)++, (size_t)arg->value * sizeof(float), err);
    gcl_place place = binding->locate(binding->context, arg);
    if (arg->kind == GCL_ARG_SCRATCH)
        place.at += (uint64_t)arg->value;
    return set_tensor(kernel, index, place, err);
}

static int set_arguments(const gcl_binding *binding, gcl_kernel *kernel, const gcl_launch *launch,
                         gcl_error *err)
{
    int index = 0;
    for (int i = 0; i < launch->n_args; i++)
        if (set_argument(binding, kernel, &launch->args[i], &index, err) != 0)
            return -1;
    for (int i = 0; i < binding->n_extra; i++)
        if (set_tensor(kernel, &index, binding->extra[i], err) != 0)
            return -1;
    return 0;
}

gcl_bound *gcl_bound_new(const gcl_binding *binding, const gcl_launch *launch, gcl_error *err)
{
    gcl_program *program = build(binding, launch, err);
    gcl_kernel *kernel = program ? gcl_kernel_new(program, launch->kernel, err) : NULL;
    if (kernel == NULL)
        return NULL;
    if (set_arguments(binding, kernel, launch, err) != 0) {
        gcl_kernel_free(kernel);
        return NULL;
    }
    gcl_bound *bound = gcl_alloc(sizeof *bound);
    gcl_kernel_set_first(kernel, launch->first);
    bound->dev = binding->dev;
    bound->kernel = kernel;
    bound->program = program;
    bound->label = binding->label ? binding->label : launch->kernel;
    bound->flops = launch->flops;
    bound->bytes = launch->bytes;
    memcpy(bound->global, launch->global, sizeof bound->global);
    memcpy(bound->local, launch->local, sizeof bound->local);
    return bound;
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
    if (bound->kernel == NULL)
        return call_clblast(bound, err);
    return gcl_kernel_launch(bound->kernel, bound->global, bound->local, err);
}

void gcl_bound_free(gcl_bound *bound)
{
    if (bound == NULL)
        return;
    gcl_kernel_free(bound->kernel);
    free(bound);
}

const gcl_program *gcl_bound_program(const gcl_bound *bound) { return bound->program; }

const char *gcl_bound_label(const gcl_bound *bound) { return bound->label; }

double gcl_bound_flops(const gcl_bound *bound) { return bound->flops; }

double gcl_bound_bytes(const gcl_bound *bound) { return bound->bytes; }

int gcl_bound_profiled(const gcl_bound *bound) { return bound->kernel != NULL; }
