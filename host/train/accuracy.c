#include "train/accuracy.h"

#include <math.h>

void gcl_verdict_judge(gcl_verdict *v, const float *scores, int classes)
{
    double most = scores[0], sum = 0;
    for (int k = 1; k < classes; k++)
        most = scores[k] > most ? scores[k] : most;
    for (int k = 0; k < classes; k++)
        sum += exp(scores[k] - most);
    for (int place = 0; place < GCL_TOP; place++) {
        int best = -1;
        for (int k = 0; k < classes; k++) {
            int taken = 0;
            for (int before = 0; before < place; before++)
                taken |= v->top[before] == k;
            if (!taken && (best < 0 || scores[k] > scores[best]))
                best = k;
        }
        v->top[place] = best;
        v->probability[place] = best < 0 ? 0 : exp(scores[best] - most) / sum;
    }
    if (v->label >= 0)
        v->cross_entropy = log(sum) + most - scores[v->label];
}

void gcl_accuracy_add(gcl_accuracy *sum, const gcl_verdict *v)
{
    if (v->label < 0)
        return;
    sum->labelled++;
    sum->cross_entropy += v->cross_entropy;
    sum->top1 += v->top[0] == v->label;
    for (int place = 0; place < GCL_TOP; place++)
        sum->top5 += v->top[place] == v->label;
}

gcl_accuracy gcl_accuracy_mean(const gcl_accuracy *sum)
{
    gcl_accuracy mean = *sum;
    double n = mean.labelled > 0 ? (double)mean.labelled : 1;
    mean.top1 /= n;
    mean.top5 /= n;
    mean.cross_entropy /= n;
    return mean;
}
