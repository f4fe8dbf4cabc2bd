#include "nn/outline.h"

#include <string.h>

#include "nn/internal.h"

/* Fresh values that depend on tensors of `net` and on numbers of its own. */
static gcl_init own_init(gcl_network *net, gcl_init init)
{
    if (init.of == NULL)
        return init;
    const gcl_record *record = gcl_nn_find_record(net->nn, init.of->name);
    init.mask = gcl_nn_keep_numbers(net->nn, init.mask, gcl_tensor_count(init.of));
    init.of = record != NULL ? &record->tensor : NULL;
    return init;
}

void gcl_network_outline(gcl_network *net, const gcl_network *whole)
{
    size_t prefix = strlen(whole->name) + 1; /* "vae." */
    gcl_network_enter(net);
    for (int i = 0; i < whole->n_records; i++) {
        const gcl_tensor *t = &whole->nn->records[whole->records[i]]->tensor;
        gcl_parameter(net->nn, t->name + prefix, t->shape, t->layout, t->flat,
                      own_init(net, t->init));
    }
    gcl_network_leave(net);
}
