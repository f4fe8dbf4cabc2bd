/* Learning rates and other factors as functions of the step: computed on the host, uploaded with it. */
#ifndef GCL_NN_SCHEDULE_H
#define GCL_NN_SCHEDULE_H

#include <stdint.h>

/* From base at k = 0 by half a cosine to floor at k = total, floor after it. */
double gcl_schedule_cosine(int64_t k, int64_t total, double base, double floor);
/* base for `constant` epochs, then linearly to 0 over `decay` epochs; epochs count from 0. */
double gcl_schedule_linear_decay(int64_t epoch, int64_t constant, int64_t decay, double base);
double gcl_schedule_inverse_time(int64_t t, double base, double decay); /* base / (1 + decay t) */

/* Linear from 0, step by step, during the warm-up epochs; then a cosine, epoch by epoch, from base to
 * floor in the last one. */
typedef struct gcl_warmup {
    int64_t steps_per_epoch, epochs, warmup_epochs;
    double base, floor;
} gcl_warmup;
double gcl_schedule_warmup_cosine(int64_t step, const gcl_warmup *warmup);

/* Weight of the KL terms: max(min((step - constant total) / (anneal total), 1), minimum). */
double gcl_schedule_kl(int64_t step, int64_t total, double anneal, double constant, double minimum);

#endif
