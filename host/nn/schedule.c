#include "nn/schedule.h"

#include <math.h>

double gcl_schedule_cosine(int64_t k, int64_t total, double base, double floor)
{
    const double pi = 3.14159265358979323846;
    double part = (double)(k < total ? k : total) / (double)total;
    return floor + (base - floor) * (1 + cos(pi * part)) / 2;
}

double gcl_schedule_linear_decay(int64_t epoch, int64_t constant, int64_t decay, double base)
{
    int64_t after = epoch + 1 > constant ? epoch + 1 - constant : 0;
    return base * fmax(0, 1 - (double)after / (double)(decay + 1));
}

double gcl_schedule_inverse_time(int64_t t, double base, double decay)
{
    return base / (1 + decay * (double)t);
}

double gcl_schedule_warmup_cosine(int64_t step, const gcl_warmup *warmup)
{
    int64_t rising = warmup->warmup_epochs * warmup->steps_per_epoch;
    if (step < rising)
        return warmup->base * (double)step / (double)rising;
    int64_t falling = warmup->epochs - warmup->warmup_epochs - 1;
    return gcl_schedule_cosine(step / warmup->steps_per_epoch - warmup->warmup_epochs,
                               falling > 1 ? falling : 1, warmup->base, warmup->floor);
}

double gcl_schedule_kl(int64_t step, int64_t total, double anneal, double constant, double minimum)
{
    double risen = ((double)step - constant * (double)total) / (anneal * (double)total);
    return fmax(fmin(risen, 1), minimum);
}
