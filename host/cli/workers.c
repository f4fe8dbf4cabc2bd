#include "cli/workers.h"

#include <pthread.h>

#include "base/live.h"
#include "base/memory.h"
#include "train/train.h"

enum { MAX_THREADS = 256 };
typedef struct crew {
    size_t n, next;
    int (*work)(void *context, size_t i);
    void *context;
    gcl_activity activity;
    pthread_mutex_t lock; /* of `next` and the activity */
} crew;

/* The next number; n when there is none. */
static size_t take(crew *c, int stop)
{
    pthread_mutex_lock(&c->lock);
    if (stop)
        c->next = c->n;
    size_t i = c->next < c->n ? c->next++ : c->n;
    gcl_activity_update(&c->activity, (int64_t)i);
    pthread_mutex_unlock(&c->lock);
    return i;
}

static void *run(void *argument)
{
    crew *c = argument;
    for (size_t i = take(c, 0); i < c->n;)
        i = take(c, c->work(c->context, i) != 0);
    return NULL;
}

void gcl_workers_run(size_t n, int threads, const char *what, int (*work)(void *context, size_t i),
                     void *context)
{
    crew c = {.n = n, .work = work, .context = context};
    pthread_t others[MAX_THREADS];
    int n_others = 0, wanted = gcl_train_threads(threads);
    pthread_mutex_init(&c.lock, NULL);
    gcl_activity_begin(&c.activity, what, (int64_t)n);
    while (n_others < wanted - 1 && n_others < MAX_THREADS &&
           pthread_create(&others[n_others], NULL, run, &c) == 0)
        n_others++;
    run(&c);
    for (int i = 0; i < n_others; i++)
        pthread_join(others[i], NULL);
    gcl_activity_end(&c.activity);
    pthread_mutex_destroy(&c.lock);
}
