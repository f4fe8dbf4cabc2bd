/* Who has won a duel: two choices that were run in turn on one workload. */
#ifndef GCL_AUTOTUNE_DUEL_H
#define GCL_AUTOTUNE_DUEL_H

#include <jansson.h>

/* What a challenger must be faster by. */
#define GCL_DUEL_MARGIN 0.03

typedef struct gcl_duel {
    int won;             /* 1: the challenger has */
    double us, other_us; /* median times, what is added included */
} gcl_duel;

/* times, others: of the challenger and of the one who is there, round by round, in us; to each of them
 * something is added. The challenger wins if the median of the rounds' ratios lies below 1 by the
 * margin and it was faster in three of four rounds or more. */
void gcl_duel_judge(gcl_duel *duel, const json_t *times, const json_t *others, double added,
                    double others_added);

#endif
