#include "cli/steps.h"

int gcl_steps_stage(const gcl_trainer *trainer, int64_t step, gcl_error *err)
{
    unsigned char *stage = gcl_plan_stage(trainer->plan, err);
    if (stage == NULL)
        return -1;
    gcl_trainer_set_step(trainer, stage, 0, step);
    for (int i = 0; i < gcl_nn_data(trainer->nn); i++) {
        const gcl_node *node = gcl_nn_data_at(trainer->nn, i);
        int64_t at = gcl_plan_offset(trainer->plan, node), n = gcl_shape_count(node->shape);
        for (int64_t k = 0; at >= 0 && k < n; k++)
            stage[at + k] = (unsigned char)((k * 2654435761u) >> 13);
    }
    return 0;
}
