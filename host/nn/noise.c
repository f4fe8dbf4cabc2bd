/* Random tensors of a step: Philox streams, or inputs when a recording is replayed. */
#include <string.h>

#include "nn/internal.h"

int gcl_nn_noises(const gcl_nn *nn) { return nn->n_noises; }
const gcl_noise *gcl_nn_noise_at(const gcl_nn *nn, int i) { return nn->noises[i]; }

/* 1, with the graph's error set, if the name or its stream is taken. */
static int clashes(gcl_nn *nn, const char *name)
{
    for (int i = 0; i < nn->n_noises; i++) {
        const char *other = nn->noises[i]->name;
        if (gcl_names_stream("noise ", other) != gcl_names_stream("noise ", name))
            continue;
        gcl_graph_fail(nn->graph,
                       "noise %s and noise %s have one stream of random numbers: rename one", other,
                       name);
        return 1;
    }
    return 0;
}

static gcl_node *draw(gcl_nn *nn, const gcl_noise *noise)
{
    gcl_node *key = gcl_nn_key(nn);
    uint32_t stream = gcl_names_stream("noise ", noise->name);
    switch (noise->kind) {
    case GCL_NOISE_NORMAL: return gcl_random_normal(key, stream, noise->shape);
    case GCL_NOISE_KEEP: return gcl_random_keep(key, stream, noise->shape, noise->a);
    case GCL_NOISE_UNIFORM: break;
    }
    gcl_node *u = gcl_random_uniform(key, stream, noise->shape);
    return gcl_shift(gcl_scale(u, noise->b - noise->a), noise->a);
}

gcl_node *gcl_nn_noise(gcl_nn *nn, const char *name, gcl_noise_kind kind, gcl_shape shape, double a,
                       double b)
{
    if (clashes(nn, name))
        return gcl_constant(nn->graph, 0);
    gcl_noise *noise = gcl_arena_alloc(nn->arena, sizeof *noise);
    *noise = (gcl_noise){gcl_arena_printf(nn->arena, "%s", name), kind, shape, a, b, NULL};
    GCL_GROW(nn->noises, nn->n_noises, nn->cap_noises);
    nn->noises[nn->n_noises++] = noise;
    if (!nn->replay)
        return draw(nn, noise);
    noise->input = gcl_input(nn->graph, noise->name, GCL_F32, shape);
    return noise->input;
}
