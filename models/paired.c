#include "models/paired.h"

#include <string.h>

#include "nn/layers.h"
#include "nn/losses.h"

int gcl_pairs_check(const gcl_model *model, gcl_error *err)
{
    static const char *const keys[] = {"in_channels", "out_channels"};
    for (int i = 0; i < 2; i++)
        if (gcl_model_int(model, keys[i]) == 2)
            return gcl_fail(err, GCL_USAGE, "%s=2: pictures have 1 channel (grey) or 3 (colour)",
                            keys[i]);
    return 0;
}

void gcl_pairs_data(const gcl_model *model, gcl_wanted *wanted)
{
    int size = gcl_model_int(model, "size");
    *wanted = (gcl_wanted){.kind = GCL_WANT_PAIRS,
                           .size = size,
                           .channels = gcl_model_int(model, "in_channels"),
                           .target_channels = gcl_model_int(model, "out_channels"),
                           .levels = 256,
                           .load_size = gcl_model_int(model, "jitter") ? size * 286 / 256 : 0};
}

gcl_optimiser gcl_pairs_adam(const gcl_model *model, gcl_optimiser_kind kind)
{
    const double *betas = gcl_model_items(model, "betas", NULL);
    return (gcl_optimiser){.kind = kind,
                           .learning_rate = gcl_model_real(model, "lr"),
                           .beta1 = betas[0],
                           .beta2 = betas[1],
                           .eps = gcl_model_real(model, "eps")};
}

/* ---- a step ---------------------------------------------------------------------------------------- */

gcl_pairs gcl_pairs_inputs(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch)
{
    int n = batch->size * batch->parts, side = gcl_model_int(model, "size");
    gcl_shape source = gcl_shape_of(n, side, side, gcl_model_int(model, "in_channels"));
    gcl_shape target = gcl_shape_of(n, side, side, gcl_model_int(model, "out_channels"));
    gcl_pairs pairs = {.size = batch->size, .parts = batch->parts};
    pairs.source = gcl_nn_pictures(nn, "source", source, -1, 1);
    pairs.target = gcl_nn_pictures(nn, "target", target, -1, 1);
    return pairs;
}

gcl_node *gcl_pairs_rows(const gcl_pairs *pairs, gcl_node *x, int part)
{
    return x != NULL ? gcl_rows(x, part * pairs->size, pairs->size) : NULL;
}

gcl_node *gcl_pairs_cross_entropy(gcl_node *logits, double target)
{
    return gcl_loss_bce_logits(logits, gcl_constant(logits->graph, target), 0);
}

void gcl_pairs_note(gcl_pairs *pairs, const char *loss, gcl_node *value)
{
    int i = 0;
    while (i < pairs->n_losses && strcmp(pairs->losses[i].name, loss) != 0)
        i++;
    if (i == pairs->n_losses && i < GCL_PAIR_LOSSES)
        pairs->losses[pairs->n_losses++].name = loss;
    else if (i < pairs->n_losses)
        value = gcl_add(pairs->losses[i].sum, value);
    if (i < GCL_PAIR_LOSSES)
        pairs->losses[i].sum = value;
}

void gcl_pairs_report(const gcl_pairs *pairs, gcl_step *step)
{
    for (int i = 0; i < pairs->n_losses; i++)
        gcl_step_loss(step, pairs->losses[i].name,
                      gcl_scale(pairs->losses[i].sum, 1.0 / pairs->parts));
}
