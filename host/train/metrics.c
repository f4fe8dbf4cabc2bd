#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

gcl_task gcl_metric_task(const gcl_model *model)
{
    static const gcl_task order[] = {GCL_TASK_RECONSTRUCT, GCL_TASK_TRANSLATE, GCL_TASK_CLASSIFY};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (gcl_model_lacks(model, order[i]) == NULL)
            return order[i];
    return GCL_TASK_GENERATE;
}

const gcl_metric *gcl_metrics_of(const gcl_model *model)
{
    static const gcl_metric likelihood[] = {{"nelbo", -1},          {"bits_per_dim", -1},
                                            {"reconstruction", -1}, {"kl", 0},
                                            {"active_units", 0},    {NULL, 0}};
    static const gcl_metric likeness[] = {
        {"l1", -1}, {"psnr", 1}, {"ssim", 1}, {"gmsd", -1}, {NULL, 0}};
    static const gcl_metric accuracy[] = {
        {"top1", 1}, {"top5", 1}, {"cross_entropy", -1}, {NULL, 0}};
    static const gcl_metric distance[] = {{"swd", -1},
                                          {"pairwise_ssim", -1},
                                          {"pairwise_ssim_real", 0},
                                          {"d_accuracy_real", 0},
                                          {"d_accuracy_fake", 0},
                                          {"d_accuracy_train", 0},
                                          {NULL, 0}};
    switch (gcl_metric_task(model)) {
    case GCL_TASK_RECONSTRUCT: return likelihood;
    case GCL_TASK_TRANSLATE: return likeness;
    case GCL_TASK_CLASSIFY: return accuracy;
    default: return distance;
    }
}

int gcl_metric_find(const gcl_model *model, const char *text, const gcl_metric **metric,
                    gcl_error *err)
{
    const gcl_metric *all = gcl_metrics_of(model);
    gcl_text names = {0};
    *metric = NULL;
    if (strcmp(text, "none") == 0)
        return 0;
    for (const gcl_metric *m = all; m->name != NULL && *metric == NULL; m++)
        if (m->better != 0 && (strcmp(text, "auto") == 0 || strcmp(text, m->name) == 0))
            *metric = m;
    if (*metric != NULL)
        return 0;
    for (const gcl_metric *m = all; m->name != NULL; m++)
        if (m->better != 0)
            gcl_text_add(&names, ", %s", m->name);
    gcl_fail(err, GCL_USAGE, "--set eval.best=%s: is none of auto, none%s (of %s)", text,
             names.text, model->system->name);
    gcl_text_free(&names);
    return -1;
}

int gcl_metric_improves(const gcl_metric *metric, double value, double best)
{
    if (metric == NULL || !isfinite(value))
        return 0;
    return isnan(best) || (metric->better > 0 ? value > best : value < best);
}
